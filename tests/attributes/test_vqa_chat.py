"""Vision-language models that chat, and those with a fixed list of answers: real classes, random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.attributes.answering import open_answerer
from failsight.tools.attributes.vqa import asking
from tests.fakes.vision_models import tiny_llava, tiny_vilt

TEMPLATE = (
    "{% for m in messages %}user: {% for c in m['content'] %}{% if c['type'] == 'image' %}<image> "
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %} assistant:{% endfor %}"
)


def pictures(n: int = 2) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (40, 30, 3)).astype(np.uint8)) for _ in range(n)]


@pytest.mark.parametrize("template", [TEMPLATE, None])
def test_a_chat_model_scores_values_as_continuations_of_the_prompt(
    tmp_path: Path, template: str | None
) -> None:
    import torch

    answerer: Any = open_answerer(str(tiny_llava(tmp_path / "llava", template)))
    asked = dataclasses.replace(asking("color of the room"), values=("red", "blue light"))
    seen = answerer.look(pictures())
    scores = answerer.choose(seen, asked)
    assert scores.shape == (2, 2) and np.isfinite(scores).all() and (scores < 0).all()
    model, processor = answerer._parts
    prompt = answerer._prompt(f"{asked.question} Answer with one of these: red, blue light.")
    text = prompt + " blue light"
    given = processor(images=[seen[0]], text=[text], return_tensors="pt")
    with torch.inference_mode():
        table = torch.log_softmax(model(**given).logits[0], -1)
    ids = given["input_ids"][0]
    n = 3 if ids[-1] == processor.tokenizer.sep_token_id else 2  # words and what the tokenizer ends with
    by_hand = sum(float(table[i - 1, ids[i]]) for i in range(len(ids) - n, len(ids)))
    assert scores[0, 1] == pytest.approx(by_hand, rel=1e-4)


def test_a_chat_model_answers_in_its_own_words(tmp_path: Path) -> None:
    answerer: Any = open_answerer(str(tiny_llava(tmp_path / "llava", TEMPLATE)))
    made = answerer.answers(answerer.look(pictures()), asking("color"))
    assert len(made) == 2 and all("what is" not in m for m in made) and answerer.features([]) is None


def test_a_fixed_list_of_answers_can_only_choose_what_is_on_it(tmp_path: Path) -> None:
    answerer: Any = open_answerer(str(tiny_vilt(tmp_path / "vilt", ["Red", "blue", "no"])))
    asked = dataclasses.replace(asking("color"), values=("red", "violet", "blue"))
    seen = answerer.look(pictures())
    scores = answerer.choose(seen, asked)
    assert np.isneginf(scores[:, 1]).all() and np.isfinite(scores[:, [0, 2]]).all()
    assert set(answerer.answers(seen, asked)) <= {"Red", "blue", "no"}
