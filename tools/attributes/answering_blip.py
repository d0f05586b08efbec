"""BLIP (Li et al. 2022): question answering and captioning, scored exactly and from one encoding of the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.answering import FolderModel

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.inputs.base import Floats

ANSWER = 10  # tokens of a free answer at most
MOST_SCORES = 40_000_000  # numbers of the decoder's output held at a time


class _Blip(FolderModel):
    @property
    def _model(self) -> Any:
        return self._parts[0]

    @property
    def _tokenizer(self) -> Any:
        return self._parts[1].tokenizer

    def look(self, images: Sequence[Image]) -> Any:
        """(n, tokens, width) hidden states of the pictures."""
        import torch

        model, processor = self._parts
        made = processor.image_processor([i.convert("RGB") for i in images], return_tensors="pt")
        with torch.inference_mode():
            pixels = made["pixel_values"].to(model.device, torch.float32)
            return model.vision_model(pixel_values=pixels).last_hidden_state

    def features(self, seen: Any) -> Floats | None:
        made: Floats = seen.mean(1).float().cpu().numpy()
        return made

    def _written(self, texts: Sequence[str], device: Any) -> tuple[Any, Any]:
        """(ids, mask) of texts as the decoder takes them: the sign that begins an answer, words, the sign that ends it."""
        made = self._tokenizer(list(texts), padding=True, truncation=True, max_length=32, return_tensors="pt")
        ids, mask = made["input_ids"].to(device), made["attention_mask"].to(device)
        ids[:, 0] = self._model.config.text_config.bos_token_id
        return ids, mask

    def _likelihood(self, ids: Any, mask: Any, context: Any, begin: int = 0) -> Any:
        """(n, k) log-likelihoods of k texts for n contexts of shape (n, tokens, width), counted after ``begin`` words."""
        import torch

        k, length = ids.shape
        vocabulary = int(self._model.config.text_config.vocab_size)
        at_once = max(1, MOST_SCORES // (k * length * vocabulary))
        made = []
        for part in context.split(at_once):
            hidden = part.repeat_interleave(k, 0)
            given, seen = ids.repeat(len(part), 1), mask.repeat(len(part), 1)
            out = self._model.text_decoder(
                input_ids=given, attention_mask=seen, encoder_hidden_states=hidden,
                encoder_attention_mask=torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device),
                use_cache=False,
            ).logits[:, :-1]  # fmt: skip
            scores = torch.log_softmax(out.float(), -1).gather(-1, given[:, 1:, None])[..., 0]
            counted = seen[:, 1:].bool()
            counted[:, :begin] = False
            made.append(torch.where(counted, scores, 0.0).sum(1).view(len(part), k))
        return torch.cat(made)

    def _generated(self, ids: Any, context: Any) -> list[str]:
        """The greedy continuation of ``ids`` (n, l) for each context."""
        import torch

        text = self._model.config.text_config
        made = self._model.text_decoder.generate(
            input_ids=ids, eos_token_id=text.sep_token_id, pad_token_id=text.pad_token_id, do_sample=False, num_beams=1,
            max_new_tokens=ANSWER, encoder_hidden_states=context,
            encoder_attention_mask=torch.ones(context.shape[:2], dtype=torch.long, device=context.device),
        )  # fmt: skip
        fresh = made[:, ids.shape[1] :]
        return [str(self._tokenizer.decode(row, skip_special_tokens=True)) for row in fresh]


class BlipAnswers(_Blip):
    """``BlipForQuestionAnswering``. A value's score is the likelihood of the whole answer, its end included (the ranking
    of Li et al. 2022, §4.3), so that long and short answers are comparable."""

    auto = "BlipForQuestionAnswering"

    def answers(self, seen: Any, asked: Definition) -> list[str]:
        import torch

        with torch.inference_mode():
            start = torch.full(
                (len(seen), 1), self._model.config.text_config.bos_token_id, device=seen.device
            )
            return self._generated(start, self._question(seen, asked.question))

    def choose(self, seen: Any, asked: Definition) -> Floats:
        import torch

        with torch.inference_mode():
            ids, mask = self._written(asked.values, seen.device)
            made = self._likelihood(ids, mask, self._question(seen, asked.question))
            scores: Floats = made.float().cpu().numpy()
            return scores

    def _question(self, seen: Any, question: str) -> Any:
        """The question read over the pictures."""
        import torch

        made = self._tokenizer([question], truncation=True, max_length=64, return_tensors="pt").to(
            seen.device
        )
        return self._model.text_encoder(
            input_ids=made["input_ids"].expand(len(seen), -1),
            attention_mask=made["attention_mask"].expand(len(seen), -1),
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long, device=seen.device),
        )[0]


class BlipCaptions(_Blip):
    """``BlipForConditionalGeneration``: values complete a sentence about the picture.

    A captioner prefers common words whatever it is shown, so the likelihood for an even grey picture is taken off
    (contextual calibration, Zhao et al. 2021).
    """

    auto = "BlipForConditionalGeneration"

    def answers(self, seen: Any, asked: Definition) -> list[str]:
        import torch

        with torch.inference_mode():
            ids, _ = self._written([_opening(asked)], seen.device)
            return self._generated(ids[:, :-1].expand(len(seen), -1).contiguous(), seen)

    def choose(self, seen: Any, asked: Definition) -> Floats:
        import torch

        with torch.inference_mode():
            ids, mask = self._written(_sentences(asked), seen.device)
            made = self._likelihood(ids, mask, seen) - self._likelihood(ids, mask, self._grey)
            scores: Floats = made.float().cpu().numpy()
            return scores

    @cached_property
    def _grey(self) -> Any:
        from PIL import Image as images

        return self.look([images.new("RGB", (64, 64), (128, 128, 128))])


def _opening(asked: Definition) -> str:
    thing = str(asked.settings.get("thing") or "")
    name = str(asked.settings.get("asked") or asked.origin)
    return f"the {name} of the {thing} is" if thing else f"the {name} is"


def _sentences(asked: Definition) -> list[str]:
    """One caption for each value."""
    if all(asked.phrases.get(v) for v in asked.values):
        return [f"a picture of {asked.phrases[v][0]}" for v in asked.values]
    if set(asked.values) == {"yes", "no"}:
        name = str(asked.settings.get("asked") or asked.origin)
        words: dict[str, Callable[[str], str]] = {
            "yes": lambda n: f"a picture with a {n}",
            "no": lambda n: f"a picture without a {n}",
        }
        return [words[v](name) for v in asked.values]
    return [f"{_opening(asked)} {v}" for v in asked.values]


def finite(scores: Floats) -> npt.NDArray[np.bool_]:
    """Rows of (n, k) scores that can be ranked: no NaN, and one value at least that can be said."""
    made: npt.NDArray[np.bool_] = (
        ~np.isnan(scores).any(1) & ~np.isposinf(scores).any(1) & np.isfinite(scores).any(1)
    )
    return made
