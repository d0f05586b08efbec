"""One picture to turn knobs on, outside the conversation: what the sliders of ``/whatif`` try, and how it is kept as evidence.

Everything that reads the case is read when the picture is opened; :meth:`Probe.tried` then needs the model alone, so that
another thread may call it. The same edits, in the same order, given to ``what_if`` give the same scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import RetryError
from failsight.tools.text import clean, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.experiments.what_if_edits import Edit, Kind
    from failsight.tools.inputs.base import Floats, Pixels

MOST_COVERS = 6  # boxed objects that can be covered
SHOWN = 5
STILL = ("flip:horizontal", "grey")


@dataclass(frozen=True)
class Setting:
    """Where the knobs stand: name of a knob → strength, and the edits without a knob that are on, as ``what_if`` reads them."""

    knobs: Mapping[str, float] = field(default_factory=dict)
    on: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tried:
    """The picture (h, w, 3) uint8 as edited, and the model's scores (classes,) for it."""

    setting: Setting
    picture: Pixels
    scores: Floats


class Probe:
    """A picture of the case, with its knobs.

    Attributes:
        image: its name as a tool takes it. words: what a sentence calls it.
        kinds: knobs by name. switches: text of an edit → the edit and what it is called.
        first: the picture as it is.
        answer: which class the model answers for scores (classes,), by its thresholds where it has any.
    """

    def __init__(self, case: Case, image: str) -> None:
        """Raises RetryError: there is no such image, it can't be read, or there is no model to run."""
        from failsight.tools.experiments.what_if_edits import KINDS
        from failsight.tools.experiments.what_if_images import find_named, prepared, scores_of
        from failsight.tools.inputs.decisions import answer

        view: Any = case
        view.model()
        named = find_named(view, image, "data")
        self.image = f"#{named.row}" if named.split == "data" else f"{named.split}:#{named.row}"
        self.words = named.words
        self.classes: Sequence[str] = tuple(case.classes)
        self.label = self.classes[named.label] if named.label >= 0 else ""
        self.kinds: Mapping[str, Kind] = KINDS
        self.answer: Callable[[Floats], int] = lambda scores: answer(view, scores)
        self._scores_of: Callable[[Pixels], Floats] = lambda pixels: scores_of(view, pixels)
        self._seed = view.seed + named.row
        picture = prepared(view, named)
        self.switches = self._switches(view, named)
        self.first = Tried(Setting(), picture, self._scores_of(picture[None])[0])

    def _switches(self, view: Any, named: Any) -> dict[str, tuple[Edit, str]]:
        from failsight.tools.what_if import edits_of

        boxes = view.table(named.split).boxes
        shown = [
            name for name, found in (boxes[named.row] if boxes is not None else {}).items() if len(found)
        ]
        texts = [*(f"mask:box:{name}" for name in shown[:MOST_COVERS]), *STILL]
        made: dict[str, tuple[Edit, str]] = {}
        for text in texts:
            try:
                (edit,) = edits_of(view, named, text, "mean")
            except RetryError:  # an object that lies outside of what the model sees
                continue
            made[text] = (edit, clean(edit.title, 40))
        return made

    def tried(self, setting: Setting) -> Tried:
        """The picture with these edits, and what the model says of it."""
        picture = self.first.picture
        for edit, strength in self._edits(setting):
            picture = edit.apply(picture, self._seed, strength)
        return Tried(setting, picture, self._scores_of(picture[None])[0])

    def _edits(self, setting: Setting) -> list[tuple[Edit, float | None]]:
        from failsight.tools.experiments.what_if_edits import Edit

        made: list[tuple[Edit, float | None]] = [
            (edit, None) for text, (edit, _) in self.switches.items() if text in setting.on
        ]
        made += [(Edit(name, self.kinds[name], at), at) for name, at in self._turned(setting)]
        return made

    def _turned(self, setting: Setting) -> list[tuple[str, float]]:
        """The knobs that are not where they were, in their fixed order."""
        return [
            (name, setting.knobs[name])
            for name, kind in self.kinds.items()
            if setting.knobs.get(name, kind.neutral) != kind.neutral
        ]

    def text(self, setting: Setting) -> str:
        """The edits as ``what_if`` reads them: ``mask:box:cat; brightness:-30``; empty for the picture as it is."""
        on = [text for text in self.switches if text in setting.on]
        return "; ".join([*on, *(f"{name}:{at:g}" for name, at in self._turned(setting))])

    def says(self, tried: Tried, most: int = SHOWN) -> list[tuple[str, float, float]]:
        """(class, score, score of the picture as it is), the likeliest first; the answer of the picture as it is among them."""
        order = [int(i) for i in (-tried.scores).argsort(kind="stable")[:most]]
        before = self.answer(self.first.scores)
        if before not in order:
            order[-1] = before
        return [(self.classes[i], float(tried.scores[i]), float(self.first.scores[i])) for i in order]

    def lines(self) -> str:
        """The picture in words, and how to edit it by typing: for displays without sliders."""
        said = ", ".join(f"{clean(name, 40)} {number(score)}" for name, score, _ in self.says(self.first))
        label = f" (labelled {clean(self.label, 40)})" if self.label else ""
        knobs = ", ".join(f"{name}:{kind.usual:g}" for name, kind in self.kinds.items())
        switches = ", ".join(self.switches)
        return (
            f"{self.words}{label}: {said}.\n\nType edits behind its name, separated by semicolons, for example "
            f"`/whatif {self.image} brightness:-30; blur:2`. Knobs: {knobs}. On or off: {switches}."
        )


def read(rest: str) -> tuple[str, str]:
    """``IMAGE EDITS`` as (image, edits); an image with blanks in its name stands in quotes."""
    text = rest.strip()
    if text[:1] in ("'", '"') and text[0] in text[1:]:
        end = text.index(text[0], 1)
        return text[1:end], text[end + 1 :].strip()
    image, _, edits = text.partition(" ")
    return image, edits.strip()
