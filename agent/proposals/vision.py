"""Attributes from a language model that sees, over the OpenAI protocol: pictures leave the machine, so only with a yes.

Pictures are made small (at most 512 pixels, JPEG, no metadata), numbered, several to a request. Every answer is checked
against the attribute's values; anything else is no value.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from failsight import prompts
from failsight.agent.proposals.asking import Asker, objects
from failsight.agent.proposals.consent import check_images_allowed, server
from failsight.agent.proposals.names import TOOL, definition, read
from failsight.agent.proposals.pictures import EDGE, bare, inline, words
from failsight.tools.attributes.definitions import Definition, plain, sound
from failsight.tools.attributes.representatives import representatives
from failsight.tools.attributes.sources import Assigned
from failsight.tools.errors import RetryError, UserError
from failsight.tools.inputs.base import BadImage
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]

BATCH = 8  # pictures a request
PART = 64  # pictures stored at a time: what an interruption can cost
MOST_PICTURES = 1000  # looked at for one question; others get no value. FAILSIGHT_VISION_IMAGES changes it
MOST_ATTRIBUTES = 12  # a request
CLUSTERS = 12  # pictures shown when attributes are to be proposed
VERSION = 1

DESCRIBE: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "describe_pictures",
        "description": "Say which value of each attribute every picture shows.",
        "parameters": {
            "type": "object",
            "properties": {
                "pictures": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "picture": {"type": "integer"},
                            "values": {"type": "object", "additionalProperties": {"type": "string"}},
                        },
                        "required": ["picture", "values"],
                    },
                }
            },
            "required": ["pictures"],
        },
    },
}


class VisionModel:
    """An :class:`~failsight.tools.attributes.sources.AttributeSource` that asks a server.

    Args:
        model: its name; empty: ``FAILSIGHT_VISION_MODEL``, ``--vqa openai:MODEL``, or the planner's.
        chat: a chat model to use instead (tests).
    """

    name = "vision_model"

    def __init__(self, model: str = "", chat: Any = None) -> None:
        self.model, self._chat = model, chat
        self.notes: list[str] = []  # of the last call: what was left out

    def fingerprint(self, view: CaseView) -> str:
        """Of the wording and of how many pictures may be sent, not of the model: what was once answered stays, also when the
        case is opened without it."""
        return _wording() if _most() == MOST_PICTURES else f"{_wording()} {_most()}"

    def _model(self, view: CaseView) -> str:
        config = _case(view).config
        named = [os.environ.get("FAILSIGHT_VISION_MODEL", "")]
        named += [t.partition(":")[2] for t in (config.vqa, config.planner) if t.startswith("openai:")]
        found = self.model or next(filter(None, named), "")
        if not found:
            raise RetryError(
                "No language model that sees is named: open the case with --planner openai:MODEL, or set FAILSIGHT_VISION_MODEL."
            )
        return found

    def _asker(self, view: CaseView, why: str) -> Asker:
        case = _case(view)
        model = self._model(view)
        check_images_allowed(case)
        if self._chat is None:
            from failsight.agent.planners.llm import openai_planner

            self._chat = openai_planner(model)
        return Asker(case, self._chat, model, why)

    # --- proposing ------------------------------------------------------------------------------------------------

    def propose(
        self, view: CaseView, split: Split, limit: int, names: Sequence[str] = ()
    ) -> Sequence[Definition]:
        """At most ``limit`` attributes in which representative pictures differ.

        Args:
            names: attributes whose values are wanted; empty: the model names them.

        Raises:
            RetryError: no model, nobody allowed sending pictures, or no attribute could be read.
            UserError: the budget is used up, or the server can't answer.
        """
        from langchain_core.messages import HumanMessage, SystemMessage

        asker = self._asker(view, "attributes that pictures differ in")
        self.notes.clear()
        rows = representatives(view, split, CLUSTERS, 1)
        shown = [p for p in (_picture(view, split, int(r)) for r in rows) if p is not None]
        if not shown:
            raise RetryError("None of the pictures can be read.")
        lines = [
            f"Task: {clean(view.task, 1000) or 'not stated'}",
            f"Classes: {', '.join(clean(c, 60) for c in view.classes[:200])}",
        ]
        lines += (
            [f"Name exactly these attributes, with their values: {', '.join(clean(n, 80) for n in names)}"]
            if names
            else []
        )
        system = SystemMessage(prompts.page("propose_attributes", limit=limit))
        answer = asker.ask([system, HumanMessage([words(prompts.fenced(lines)), *_numbered(shown)])], TOOL)
        made: list[Definition] = []
        for raw in read(answer):
            if len(made) == limit:
                self.notes.append(f"More attributes were named than the limit of {limit}.")
                break
            try:
                made.append(sound(definition(raw, "vision_model", asker.model), view.classes))
            except RetryError as problem:
                self.notes.append(f"{clean(raw['name'], 60)} was left out: {problem}")
        if not made:
            raise RetryError(
                f"The model named no attribute that can be used. {' '.join(self.notes[:6])}".strip()
            )
        return made

    # --- assigning ------------------------------------------------------------------------------------------------

    def assign(
        self, view: CaseView, split: Split, rows: Ints, definitions: Sequence[Definition]
    ) -> Mapping[str, Assigned]:
        """Key of each definition → values of ``rows``; −1 where the model said anything that is not on the list.

        At most ``MOST_PICTURES`` pictures are sent, drawn by the case's seed; the others get no value.

        Raises:
            RetryError: no model, nobody allowed sending pictures, the budget is used up or the server can't answer; what
                was answered so far is kept.
        """
        try:
            return self._assigned(view, split, rows, definitions)
        except UserError as problem:  # without the server the other attributes are still of use
            raise RetryError(str(problem)) from problem

    def _assigned(
        self, view: CaseView, split: Split, rows: Ints, definitions: Sequence[Definition]
    ) -> Mapping[str, Assigned]:
        asker = self._asker(view, "which picture shows what")
        made = {
            d.key: Assigned(np.full(len(rows), -1, np.int16), np.zeros(len(rows), np.float32))
            for d in definitions
        }
        at = _drawn(len(rows), view.seed)
        if len(at) < len(rows):
            note = f"{len(at):,} of {len(rows):,} pictures were looked at; the others have no value."
            self.notes += [] if note in self.notes else [note]
        groups = [definitions[i : i + MOST_ATTRIBUTES] for i in range(0, len(definitions), MOST_ATTRIBUTES)]
        with view.progress.job("showing the pictures to the model", len(at) * len(groups)) as ticker:
            for start in range(0, len(at), PART):
                part = at[start : start + PART]
                pictures = [_picture(view, split, int(rows[i])) for i in part]
                for group in groups:
                    codes = self._part(view, asker, pictures, group, ticker.advance)
                    for j, one in enumerate(group):
                        made[one.key].codes[part] = codes[:, j]
                        made[one.key].confidence[part] = codes[:, j] >= 0
        return made

    def _part(
        self,
        view: CaseView,
        asker: Asker,
        pictures: Sequence[bytes | None],
        group: Sequence[Definition],
        advance: Any,
    ) -> npt.NDArray[np.int16]:
        """(pictures, definitions) positions among the values; from the cache where the same was asked before."""
        key = {
            "what": "what a vision model sees",
            "source": [_wording(), server(), asker.model],
            "pictures": hashlib.sha256(
                b"".join(hashlib.sha256(p or b"").digest() for p in pictures)
            ).hexdigest(),
            "definitions": [d.assignment() for d in group],
        }
        found = view.cached(key)
        if found is None:
            codes = np.full((len(pictures), len(group)), -1, np.int16)
            for start in range(0, len(pictures), BATCH):
                there = [
                    i for i in range(start, min(start + BATCH, len(pictures))) if pictures[i] is not None
                ]
                if there:
                    codes[there] = _looked(asker, [cast("bytes", pictures[i]) for i in there], group)
                advance(min(BATCH, len(pictures) - start))
            found = {"codes": codes}
            view.store(key, found)
        else:
            advance(len(pictures))
        made: npt.NDArray[np.int16] = found["codes"]
        return made


def _looked(asker: Asker, pictures: Sequence[bytes], group: Sequence[Definition]) -> npt.NDArray[np.int16]:
    """Codes of a few pictures; those that the answer leaves out are asked about once more."""
    codes = np.full((len(pictures), len(group)), -1, np.int16)
    waiting = list(range(len(pictures)))
    for _ in range(2):
        answer = asker.ask(_question([pictures[i] for i in waiting], group), DESCRIBE)
        told = values_in(answer, len(waiting), group)
        for place, row in told.items():
            codes[waiting[place]] = row
        waiting = [i for place, i in enumerate(waiting) if place not in told]
        if not waiting:
            break
    return codes


def _question(pictures: Sequence[bytes], group: Sequence[Definition]) -> list[Any]:
    from langchain_core.messages import HumanMessage, SystemMessage

    lines = [f"a{j + 1}: {_meaning(d)} One of: {', '.join(d.values)}" for j, d in enumerate(group)]
    return [
        SystemMessage(prompts.page("describe_pictures")),
        HumanMessage([words(prompts.fenced(lines)), *_numbered(pictures)]),
    ]


def _meaning(one: Definition) -> str:
    return one.question or f"{one.origin}."  # not what it is called since: a new name changes no value


def values_in(answer: Any, pictures: int, group: Sequence[Definition]) -> dict[int, list[int]]:
    """Number of a picture → position of its value for each attribute, −1 for what is on no list.

    The first answer about a picture holds; numbers that were not shown are passed over.
    """
    keys = [{plain(v): i for i, v in enumerate(d.values)} for d in group]
    made: dict[int, list[int]] = {}
    for value in objects(answer):
        listed = value.get("pictures") if isinstance(value, dict) else value
        for one in listed if isinstance(listed, list) else ():
            number = one.get("picture") if isinstance(one, dict) else None
            said = one.get("values") if isinstance(one, dict) else None
            if isinstance(number, bool) or not isinstance(number, int) or not isinstance(said, dict):
                continue
            if 0 <= number < pictures:
                row = [keys[j].get(_said(said, j, d), -1) for j, d in enumerate(group)]
                made.setdefault(number, row)
    return made


def _said(said: Mapping[str, Any], j: int, one: Definition) -> str:
    value = said.get(f"a{j + 1}", said.get(one.origin))
    return plain(clean(value, 100)) if isinstance(value, str) else ""


def _numbered(pictures: Sequence[bytes]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for i, picture in enumerate(pictures):
        made += [words(f"Picture {i}:"), inline(picture)]
    return made


def _picture(view: CaseView, split: Split, row: int) -> bytes | None:
    """A picture as it may leave the machine; None where it can't be read."""
    try:
        return bare(view.table(split).open(row))
    except BadImage:
        return None


def _wording() -> str:
    """What an answer depends on besides picture, definitions and model."""
    return hashlib.sha256(f"{VERSION} {EDGE} {prompts.page('describe_pictures')}".encode()).hexdigest()


def _most() -> int:
    """How many pictures may be sent for one question."""
    try:
        return max(int(os.environ.get("FAILSIGHT_VISION_IMAGES", MOST_PICTURES)), 1)
    except ValueError:
        return MOST_PICTURES


def _drawn(n: int, seed: int) -> Ints:
    """Positions of the pictures that are sent. More begin with the same: what was answered about them is known."""
    most = _most()
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.random.default_rng(seed).permutation(n)[:most].astype(np.int64)


def _case(view: CaseView) -> Case:
    if not hasattr(view, "journal"):
        raise RetryError(
            "A language model can only be asked from a case, which keeps count of what it costs."
        )
    return cast("Case", view)
