"""Vision-language models of other kinds: those that chat (``AutoModelForImageTextToText``), and those with a fixed list of
answers (ViLT, Kim et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.attributes.answering import FolderModel
from failsight.tools.attributes.definitions import plain

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.inputs.base import Floats

ANSWER = 12  # tokens of a free answer at most


def knows(kind: str) -> bool:
    """Whether transformers builds models of this type that read pictures and write text."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    return kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


class _Unencoded(FolderModel):
    """A model that has no encoding of the pictures alone: they are handed on as they are."""

    def look(self, images: Sequence[Image]) -> Any:
        return [i.convert("RGB") for i in images]

    def features(self, seen: Any) -> Floats | None:
        return None


class Chat(_Unencoded):
    """Any model that continues a text about a picture. Pictures are read anew for every question: these models mix them
    with the words from the first layer on."""

    auto = "AutoModelForImageTextToText"

    def answers(self, seen: Any, asked: Definition) -> list[str]:
        import torch

        model, processor = self._parts
        prompt = self._prompt(f"{asked.question} Answer in one or two words.")
        made = []
        with torch.inference_mode():
            for image in seen:
                given = self._given([prompt], [image])
                out = model.generate(**given, max_new_tokens=ANSWER, do_sample=False, num_beams=1)[0]
                length = given["input_ids"].shape[1]
                fresh = out[length:] if len(out) > length or self._echoes else out
                made.append(str(processor.tokenizer.decode(fresh, skip_special_tokens=True)))
        return made

    def choose(self, seen: Any, asked: Definition) -> Floats:
        import torch

        prompt = self._prompt(f"{asked.question} Answer with one of these: {', '.join(asked.values)}.")
        made = np.empty((len(seen), len(asked.values)), np.float32)
        with torch.inference_mode():
            for i, image in enumerate(seen):
                for j, value in enumerate(asked.values):  # one at a time: padding is not alike in all models
                    made[i, j] = self._likelihood(image, prompt, value)
        return made

    def _likelihood(self, image: Image, prompt: str, value: str) -> float:
        import torch

        begun = self._given([prompt], [image])["input_ids"][0]
        given = self._given([self._joined(prompt, value)], [image])
        ids = given["input_ids"][0]
        common = min(len(begun), len(ids) - 1)
        differs = (begun[:common] != ids[:common]).nonzero()  # a token may span the seam
        first = int(differs[0]) if len(differs) else common
        logits = self._parts[0](**given).logits[0, -len(ids) :].float()
        scores = torch.log_softmax(logits[first - 1 : -1], -1).gather(-1, ids[first:, None])
        return float(scores.sum())

    @property
    def _echoes(self) -> bool:
        return not bool(getattr(self._parts[0].config, "is_encoder_decoder", False))

    def _joined(self, prompt: str, value: str) -> str:
        return prompt + value if prompt.endswith((" ", "\n")) else f"{prompt} {value}"

    def _prompt(self, question: str) -> str:
        """The question as the model's chat template words it, else as BLIP-2 was asked (Li et al. 2023, appendix)."""
        processor = self._parts[1]
        if getattr(processor, "chat_template", None):
            content = [{"type": "image"}, {"type": "text", "text": question}]
            return str(
                processor.apply_chat_template(
                    [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
                )
            )
        sign = getattr(processor, "image_token", None) if self._placed else None
        return f"{sign or ''}Question: {question} Answer:"

    @property
    def _placed(self) -> bool:
        """Whether the text must say where the picture goes. Processors of BLIP-2 and GIT put it there themselves."""
        return str(self._parts[0].config.model_type) not in ("blip-2", "instructblip", "git")

    def _given(self, texts: Sequence[str], images: Sequence[Image]) -> Any:
        model, processor = self._parts
        made = processor(images=list(images), text=list(texts), return_tensors="pt")
        return made.to(model.device)


class Labels(_Unencoded):
    """``ViltForQuestionAnswering``: one of a fixed list of answers. A value that is not on the list can't be chosen."""

    auto = "ViltForQuestionAnswering"

    @cached_property
    def _places(self) -> dict[str, int]:
        labels: dict[int, str] = self._parts[0].config.id2label
        return {plain(labels[i]): i for i in sorted(labels, reverse=True)}

    def answers(self, seen: Any, asked: Definition) -> list[str]:
        labels: dict[int, str] = self._parts[0].config.id2label
        return [str(labels[int(i)]) for i in self._scores(seen, asked.question).argmax(1)]

    def choose(self, seen: Any, asked: Definition) -> Floats:
        scores = self._scores(seen, asked.question)
        columns = [self._places.get(plain(v)) for v in asked.values]
        made = np.full((len(seen), len(columns)), -np.inf, np.float32)
        for j, place in enumerate(columns):
            if place is not None:
                made[:, j] = scores[:, place]
        return made

    def _scores(self, seen: Any, question: str) -> Floats:
        """(n, answers): ViLT is trained with a sigmoid for each answer."""
        import torch

        model, processor = self._parts
        given = processor(images=list(seen), text=[question] * len(seen), padding=True, return_tensors="pt")
        with torch.inference_mode():
            made: Floats = (
                torch.nn.functional.logsigmoid(model(**given.to(model.device)).logits).float().cpu().numpy()
            )
        return made
