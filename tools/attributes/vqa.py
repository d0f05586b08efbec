"""Attributes by asking: a model that answers questions about pictures says which values there are, and who has which.

After HiBug (Chen et al. 2023, §3.1): every attribute becomes *What is the … of the … in the image?*; it is put for
representative pictures; their answers are the values. Values are then given to all pictures by the case's encoder where
there is one (zero-shot, as HiBug does it), else by asking the same model which of the values is likeliest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.answering import Answerer, open_answerer
from failsight.tools.attributes.answering_blip import finite
from failsight.tools.attributes.answers import gathered, question_for
from failsight.tools.attributes.definitions import Definition, plain, sound
from failsight.tools.attributes.representatives import opened, representatives
from failsight.tools.attributes.sources import Assigned
from failsight.tools.attributes.zero_shot import ZeroShot, threshold_of
from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean, counted, listing

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Floats, Split
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]

LOOKS = (
    "background",
    "lighting",
    "color",
    "size",
    "material",
    "position",
    "shape",
    "style",
    "weather",
    "view",
)
"""What is asked about where nobody names attributes."""
ENCODER, QUESTIONS = (
    "encoder",
    "questions",
)  # settings["assigned_by"]; without it the encoder, where there is one
PART = 256  # pictures answered and stored at a time: what an interruption can cost
BATCH = 16
_VERSION = 1
_OF = re.compile(r"\s+of\s+(?:the\s+|an?\s+)?", re.IGNORECASE)


class Vqa:
    """An :class:`~failsight.tools.attributes.sources.AttributeSource`.

    Args:
        path: a model folder or hub id (BLIP, ViLT, or any that transformers knows as image-text-to-text).
        device: as torch names it, or ``auto``.
    """

    name = "vqa"

    def __init__(self, path: str = "", device: str = "cpu") -> None:
        self.path, self.device = path, device
        self.notes: list[str] = []  # of the last proposal: what was merged, dropped, left out
        self._answerer: Answerer | None = None

    def answerer(self) -> Answerer:
        """The model. Raises RetryError where the case names none, UserError where its folder can't be used."""
        if not self.path:
            raise RetryError(
                "This case has no model that answers questions about pictures: open it with --vqa FOLDER (a BLIP model)."
            )
        if self._answerer is None:
            self._answerer = open_answerer(self.path, self.device)
        return self._answerer

    def fingerprint(self, view: CaseView) -> str:
        """Of the model, and of the encoder where there is one."""
        encoder = _encoder(view)
        parts = [str(_VERSION), self.answerer().fingerprint, ZeroShot().fingerprint(view) if encoder else ""]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    # --- values from representative pictures ----------------------------------------------------------------------

    def propose(
        self, view: CaseView, split: Split, limit: int, names: Sequence[str] = ()
    ) -> Sequence[Definition]:
        """At most ``limit`` attributes with the values that the answers name.

        Args:
            names: attributes to ask about: ``lighting``, ``color of the sofa``, ``television?`` (is there one); without,
                a list that suits most pictures.

        Raises:
            RetryError: no model.
            UserError: the model can't be read, or answers nothing.
        """
        answerer, encoder = self.answerer(), _encoder(view)
        self.notes.clear()
        wanted = list(dict.fromkeys(n for n in (clean(x, 80) for x in names or LOOKS) if n))
        made: list[Definition] = []
        for asked, answers in self._asked(view, split, [asking(n) for n in wanted], answerer):
            found = gathered(answers, str(asked.settings["asked"]), encoder)
            if found.note:
                self.notes.append(f"{asked.name}: {found.note}.")
            if len(found.values) < 2:
                told = f"only {found.values[0]}" if found.values else "nothing that is a value"
                self.notes.append(
                    f"{asked.name} was left out: {told} came back for {counted(found.asked, 'picture')}."
                )
                continue
            settings = {**asked.settings, "assigned_by": ENCODER if encoder else QUESTIONS}
            full = dataclasses.replace(
                asked,
                values=found.values,
                settings=settings,
                by=answerer.name,
                phrases=phrases(asked, found.values),
            )
            try:
                made.append(sound(full, view.classes))
            except RetryError as problem:
                self.notes.append(f"{asked.name} was left out: {problem}")
        if len(made) > limit:
            self.notes.append(f"Beyond the limit of {limit}: {listing([d.name for d in made[limit:]])}.")
        return made[:limit]

    def _asked(
        self, view: CaseView, split: Split, questions: Sequence[Definition], answerer: Answerer
    ) -> Iterator[tuple[Definition, list[str]]]:
        """Each question with the answers for representative pictures; what was asked before comes from the cache."""
        rows = representatives(view, split)
        keys = [self._answer_key(view, split, rows, q, answerer) for q in questions]
        known = [view.cached(key) for key in keys]
        missing = [i for i, found in enumerate(known) if found is None]
        texts: dict[int, list[str]] = {i: [] for i in missing}
        if missing:
            with view.progress.job("asking about representative pictures", len(rows)) as ticker:
                for start in range(0, len(rows), BATCH):
                    chunk = rows[start : start + BATCH]
                    _, images = opened(view, split, chunk)
                    seen = answerer.look(images) if images else None
                    for i in missing if images else ():
                        texts[i] += answerer.answers(seen, questions[i])
                    ticker.advance(len(chunk))
            for i in missing:
                view.store(keys[i], {"answers": np.array([clean(t, 200) for t in texts[i]] or [""], "U200")})
        for i, question in enumerate(questions):
            stored = known[i]
            yield question, texts[i] if stored is None else [str(t) for t in stored["answers"]]

    def _answer_key(
        self, view: CaseView, split: Split, rows: Ints, asked: Definition, answerer: Answerer
    ) -> dict[str, Any]:
        return {**_key(view, split, rows, answerer), "what": "answers about pictures", "question": asked.question,
                "name": asked.name}  # fmt: skip

    # --- values for all pictures ----------------------------------------------------------------------------------

    def assign(
        self, view: CaseView, split: Split, rows: Ints, definitions: Sequence[Definition]
    ) -> Mapping[str, Assigned]:
        """Key of each definition → values of ``rows``: by the encoder, or by the likelihood of each value as an answer.

        Pictures that can't be read, and those where no value is likely enough, get none.

        Raises:
            RetryError: no model or no encoder.
            UserError: the model's answers are no numbers.
        """
        by_words = [
            d for d in definitions if d.settings.get("assigned_by", ENCODER) == ENCODER and _encoder(view)
        ]
        made = dict(ZeroShot().assign(view, split, rows, by_words)) if by_words else {}
        asked = [worded(d) for d in definitions if d.key not in made]
        if asked:
            made |= self._by_questions(view, split, rows, asked)
        return made

    def _by_questions(
        self, view: CaseView, split: Split, rows: Ints, definitions: Sequence[Definition]
    ) -> dict[str, Assigned]:
        answerer = self.answerer()
        parts = [rows[s : s + PART] for s in range(0, len(rows), PART)]
        found: dict[tuple[int, str], Mapping[str, npt.NDArray[Any]]] = {}
        open_parts: dict[int, list[Definition]] = {}
        for p, part in enumerate(parts):
            base = _key(view, split, part, answerer)
            for definition in definitions:
                stored = view.cached(_part_key(base, definition))
                if stored is None:
                    open_parts.setdefault(p, []).append(definition)
                else:
                    found[p, definition.key] = stored
        if open_parts:
            with view.progress.job(
                "asking about the pictures", sum(len(parts[p]) for p in open_parts)
            ) as ticker:
                for p, wanted in open_parts.items():
                    fresh = _answered(view, split, parts[p], wanted, answerer, ticker.advance)
                    base = _key(view, split, parts[p], answerer)
                    for definition in wanted:
                        found[p, definition.key] = fresh[definition.key]
                        view.store(_part_key(base, definition), fresh[definition.key])
        return {d.key: _joined([found[p, d.key] for p in range(len(parts))]) for d in definitions}


def asking(name: str) -> Definition:
    """An attribute as it is asked about, without values: ``floor``, ``color of the sofa``, ``television?``."""
    there = name.rstrip().endswith("?")
    name = plain(name.rstrip(" ?"))
    about, thing = name, ""
    if not there and _OF.search(name):
        about, thing = _OF.split(name, maxsplit=1)
    settings = {"asked": about, "thing": thing}
    question = question_for(about, thing, there=there)
    return Definition(name=name, source="vqa", origin=name, question=question, settings=settings)


def worded(definition: Definition) -> Definition:
    """The attribute with a question, also where somebody gave only its name and values."""
    if definition.question:
        return definition
    there = {plain(v) for v in definition.values} == {"yes", "no"}
    asked = asking(definition.origin + "?" if there else definition.origin)
    return dataclasses.replace(
        definition, question=asked.question, settings={**asked.settings, **definition.settings}
    )


def phrases(asked: Definition, values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Phrases for an encoder where the bare value says too little: ``red sofa``, not ``red``."""
    thing = str(asked.settings.get("thing") or "")
    return {v: (f"a {v} {thing}", f"{v} {asked.settings['asked']}") for v in values} if thing else {}


def _answered(
    view: CaseView, split: Split, rows: Ints, wanted: Sequence[Definition], answerer: Answerer, advance: Any
) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Codes and confidences of ``rows``; every picture is encoded once for all definitions."""
    n = len(rows)
    codes = {d.key: np.full(n, -1, np.int16) for d in wanted}
    sure = {d.key: np.zeros(n, np.float32) for d in wanted}
    seen_any = ranked_any = False
    for start in range(0, n, BATCH):
        chunk = rows[start : start + BATCH]
        places, images = opened(view, split, chunk)
        if images:
            seen, seen_any = answerer.look(images), True
            at = np.array(places, np.int64) + start
            for definition in wanted:
                scores = answerer.choose(seen, definition)
                ranked_any |= bool(finite(scores).any()) or not np.isnan(scores).any()
                codes[definition.key][at], sure[definition.key][at] = chosen(scores, definition)
        advance(len(chunk))
    if seen_any and not ranked_any:
        raise UserError(
            f"The model {answerer.name} answers with numbers that are none (NaN).",
            "Its weights may be damaged: copy them again.",
        )
    return {d.key: {"codes": codes[d.key], "confidence": sure[d.key]} for d in wanted}


def chosen(scores: Floats, definition: Definition) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float32]]:
    """(codes, confidences) from (n, k) log-likelihoods: the likeliest value, its share of the probability of all values;
    −1 and 0 where that share does not reach the threshold."""
    fine = finite(scores)
    safe = np.where(fine[:, None], scores, 0.0).astype(np.float64)
    raised = np.exp(safe - safe.max(1, keepdims=True))
    share = raised / raised.sum(1, keepdims=True)
    best = share.argmax(1)
    top = share[np.arange(len(share)), best]
    fine &= top >= threshold_of(definition.settings, scores.shape[1])
    return np.where(fine, best, -1).astype(np.int16), np.where(fine, top, 0).astype(np.float32)


def _joined(parts: Sequence[Mapping[str, npt.NDArray[Any]]]) -> Assigned:
    if not parts:
        return Assigned(np.zeros(0, np.int16), np.zeros(0, np.float32))
    return Assigned(
        np.concatenate([p["codes"] for p in parts]), np.concatenate([p["confidence"] for p in parts])
    )


def _key(view: CaseView, split: Split, rows: Ints, answerer: Answerer) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "data": view.table(split).fingerprint,
        "rows": hashlib.sha256(np.ascontiguousarray(rows, np.int64).tobytes()).hexdigest(),
        "model": answerer.fingerprint,
    }


def _part_key(base: Mapping[str, Any], definition: Definition) -> dict[str, Any]:
    return {**base, "what": "values by questions", "definition": definition.assignment()}


def _encoder(view: CaseView) -> Encoder | None:
    try:
        return view.encoder()
    except RetryError:
        return None
