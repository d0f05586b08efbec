"""Pictures of a case to page through: which ones, what is said of them, and each one decoded when it is wanted.

Everything that reads the case is read when a gallery is made; :meth:`Gallery.open` then needs the files alone, so that
another thread may decode while the session works. :meth:`Gallery.explained` runs the model: on the session's thread only.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from failsight.tools.errors import RetryError
from failsight.tools.text import clean, counted, number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from failsight.agent.case import Case
    from failsight.tools.inputs.base import ImageTable, Predictions, Split

PAGE = 20  # pictures that a display without pictures lists at a time
USAGE = (
    "Write for example `/images`, `/images wrong`, `/images kitchen`, `/images kitchen > living room`, "
    "`/images television=yes unsure`, `/images deploy`, `/images E3` or `/images #12`; `page 2` turns the page."
)
_EVIDENCE = re.compile(r"^E\d+$", re.IGNORECASE)
_PAGE = re.compile(r"\bpage\s+(\d+)\s*$", re.IGNORECASE)
ORDERS = {"sure": "most confident first", "unsure": "least confident first"}


class Shot(NamedTuple):
    """One picture: where it is, what it is labelled, what the model said. Names come from data; show them cleaned."""

    split: str
    row: int
    path: str
    label: str = ""
    prediction: str = ""
    confidence: float | None = None

    @property
    def name(self) -> str:
        """How a command calls it: ``#12``, or ``deploy:#12``."""
        return f"#{self.row}" if self.split == "data" else f"{self.split}:#{self.row}"

    @property
    def wrong(self) -> bool:
        """Whether the prediction is known not to be the label."""
        return bool(self.label and self.prediction) and self.label != self.prediction

    @property
    def outcome(self) -> str:
        """``✗ kitchen → living room``; the sign says right or wrong where there is no colour."""
        said = f" → {clean(self.prediction, 40)}" if self.prediction and self.wrong else ""
        sign = "✗ " if self.wrong else "✓ " if self.label and self.prediction else ""
        return f"{sign}{clean(self.label or self.prediction or 'no label', 40)}{said}"

    @property
    def sure(self) -> str:
        """The confidence as ``97.0 %``; empty where there is none."""
        return "" if self.confidence is None else number(self.confidence)

    def words(self) -> str:
        """Outcome and confidence."""
        return f"{self.outcome} {self.sure}".strip()


class Gallery:
    """Pictures in an order. What it says is cleaned as it is said; displays pass it on as it is.

    Attributes:
        title: what they have in common, in words.
        shots: the pictures; columns of numbers behind it, so that a million of them cost little.
        query: what was asked for, as ``/images`` reads it.
    """

    def __init__(
        self,
        title: str,
        shots: Sequence[Shot],
        query: str,
        opener: Callable[[str, int], Image],
        explainer: Callable[[str, int], tuple[Image, str]],
        previewer: Callable[[str, int, tuple[int, int]], Image] | None = None,
    ) -> None:
        self.title, self.shots, self.query = title, shots, query
        self._opener, self._explainer, self._previewer = opener, explainer, previewer

    def __len__(self) -> int:
        return len(self.shots)

    def open(self, place: int) -> Image:
        """The picture at ``place``, RGB and upright. Raises BadImage. Any thread may call it."""
        shot = self.shots[place]
        return self._opener(shot.split, shot.row)

    def preview(self, place: int, least: tuple[int, int]) -> Image:
        """The picture at ``place`` for a thumbnail of ``least`` (width, height) pixels: it may be smaller than it is, and
        comes sooner. Raises BadImage. Any thread may call it."""
        if self._previewer is None:
            return self.open(place)
        shot = self.shots[place]
        return self._previewer(shot.split, shot.row, least)

    def explained(self, place: int) -> tuple[Image, str]:
        """What the model sees of a picture, with the map of what speaks for its answer laid over it, and what that shows.

        Raises RetryError without a model. Runs the model: not while a turn runs on another thread."""
        shot = self.shots[place]
        return self._explainer(shot.split, shot.row)

    def lines(self, page: int = 1) -> str:
        """A page in words, for displays without pictures."""
        pages = max(1, -(-len(self) // PAGE))
        page = min(max(page, 1), pages)
        first = (page - 1) * PAGE
        rows = [f"- `{s.name}` {s.words()} · {clean(s.path, 80)}" for s in self.shots[first : first + PAGE]]
        place = f", page {page} of {pages}" if pages > 1 else ""
        head = f"{self.title}: {counted(len(self), f'picture{place}', f'pictures{place}')}."
        more = f"\n\nNext: `/images {self.query} page {page + 1}`".replace("  ", " ") if page < pages else ""
        return "\n".join([head, "", *rows]) + more


class _Shots(Sequence[Shot]):
    """Shots over columns, made when they are looked at."""

    def __init__(self, view: Case, split: str, rows: npt.NDArray[np.int64], said: Predictions | None) -> None:
        self._split, self._rows, self._table, self._classes = split, rows, view.table(split), view.classes  # type: ignore[arg-type]
        self._said = said
        self._place = {} if said is None else {int(r): i for i, r in enumerate(said.rows.tolist())}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        row = int(self._rows[at])
        label, place = int(self._table.labels[row]), self._place.get(row)
        said, sure = "", None
        if self._said is not None and place is not None:
            said = self._classes[int(self._said.predicted[place])]
            sure = float(self._said.confidence[place]) if self._said.has_scores else None
        return Shot(
            self._split, row, self._table.paths[row], self._classes[label] if label >= 0 else "", said, sure
        )


def page_of(text: str) -> tuple[str, int]:
    """``kitchen page 2`` as (``kitchen``, 2)."""
    found = _PAGE.search(text)
    return (text[: found.start()].strip(), int(found[1])) if found else (text.strip(), 1)


def gallery(case: Case, text: str) -> Gallery:
    """The pictures that ``text`` asks for.

    Raises:
        RetryError: a word that is neither a class, an attribute, a split, evidence nor an image; no picture is left.
    """
    text = text.strip()
    if _EVIDENCE.match(text):
        return _of_evidence(case, text.upper())
    if text.startswith("#") or ":#" in text:
        from failsight.tools.experiments.what_if_images import find_named

        named = find_named(_view(case), text, "data")
        said = _said(case, named.split, needed=False)
        return _made(case, named.words, _Shots(case, named.split, _rows([named.row]), said), text)
    return _asked(case, text)


def _asked(case: Case, text: str) -> Gallery:
    from failsight.tools.experiments.population import parse_filters, resolve

    split, conditions, order = _read(case, text)
    needed = bool(order) or any(c.startswith("predicted") or c in ("wrong", "correct") for c in conditions)
    said = _said(case, split, needed=needed or split in ("data", "deploy"))
    table = case.table(split)
    if conditions:
        filters = parse_filters(conditions)
        rows = resolve(_view(case), split, filters, most=len(table), seed=case.seed).rows
    else:
        rows = _rows(range(len(table)))
    if order and said is not None:
        rows = _ordered(rows, said, falling=order == "sure")
    title = _title(conditions)
    title += f" of {split}" if split != "data" else ""
    title += f", {ORDERS[order]}" if order else ""
    return _made(case, title, _Shots(case, split, rows, said), text)


def _title(conditions: Sequence[str]) -> str:
    """``kitchen taken for living room, television=yes``: the conditions as a headline."""
    given = {
        c.partition("=")[0]: c.partition("=")[2] for c in conditions if c.startswith(("true=", "predicted="))
    }
    true, taken = given.get("true", ""), given.get("predicted", "")
    parts = [clean(true or taken, 60)] if given else []
    if true and taken:
        parts = [f"{clean(true, 60)} {'recognised' if true == taken else f'taken for {clean(taken, 60)}'}"]
    elif taken:
        parts = [f"taken for {clean(taken, 60)}"]
    parts += [clean(c, 60) for c in conditions if not c.startswith(("true=", "predicted="))]
    return ", ".join(parts) or "all pictures"


def _read(case: Case, text: str) -> tuple[Split, list[str], str]:
    """``deploy kitchen > living room unsure`` as split, conditions and order."""
    left, conditions, order, split = text, [], "", "data"
    before, arrow, after = left.partition(">")
    if arrow and not re.search(r"[\w]\s*>\s*-?[\d.]", left):
        true, rest = _class_at_end(case.classes, before)
        taken, left = _class_at_start(case.classes, after)
        conditions += [f"true={true}", f"predicted={taken}"]
        left = f"{rest} {left}"
    while left := left.strip():
        word = _word(left)
        folded = word.casefold()
        name = next((c for c in _longest(case.classes) if _begins(left, c)), None)
        if folded in ORDERS:
            order = folded
        elif folded in case.splits():
            split = folded
        elif folded in ("wrong", "errors", "failures"):
            conditions.append("wrong")
        elif folded in ("correct", "right"):
            conditions.append("correct")
        elif name is not None:
            conditions.append(f"true={name}")
            word = left[: len(name)]
        elif re.search(r"[=<>]", word):
            conditions.append(shlex.split(word)[0] if word.count('"') == 2 else word)
        else:
            raise RetryError(
                f"There is no class, attribute or split {clean(word, 40)!r}. {USAGE}",
                [clean(c, 60) for c in case.classes],
            )
        left = left[len(word) :]
    return split, conditions, order  # type: ignore[return-value]


def _word(text: str) -> str:
    """The first word; blanks inside of double quotes belong to it."""
    found = re.match(r'(?:"[^"]*"|[^\s"])+', text)
    return found[0] if found else text


def _longest(classes: Sequence[str]) -> list[str]:
    return sorted(classes, key=len, reverse=True)


def _begins(text: str, name: str) -> bool:
    rest = text[len(name) :]
    return text[: len(name)].casefold() == name.casefold() and (not rest or rest[0].isspace())


def _class_at_end(classes: Sequence[str], text: str) -> tuple[str, str]:
    """The class that ``text`` ends with, and what stands before it."""
    text = text.strip()
    for name in _longest(classes):
        head = text[: len(text) - len(name)]
        if text[len(head) :].casefold() == name.casefold() and (not head or head[-1].isspace()):
            return name, head
    raise RetryError(f"There is no class {clean(text, 40)!r}. {USAGE}", [clean(c, 60) for c in classes])


def _class_at_start(classes: Sequence[str], text: str) -> tuple[str, str]:
    """The class that ``text`` begins with, and what stands behind it."""
    text = text.strip()
    for name in _longest(classes):
        if _begins(text, name):
            return name, text[len(name) :]
    raise RetryError(f"There is no class {clean(text, 40)!r}. {USAGE}", [clean(c, 60) for c in classes])


def _of_evidence(case: Case, identity: str) -> Gallery:
    made = next((e for e in case.evidence() if e.id == identity), None)
    if made is None:
        raise RetryError(f"There is no evidence {identity}.")
    if not made.images:
        raise RetryError(f"{identity} shows no pictures of the data.")
    shots = [Shot(i.split, i.row, i.path, i.label, i.prediction, i.confidence) for i in made.images]
    return _made(case, f"{identity} {clean(made.title, 80)}", shots, identity)


def _said(case: Case, split: Split, *, needed: bool) -> Predictions | None:
    """The predictions of a split; None where they are not asked for: a pass over the training pictures takes its time."""
    return case.predictions(split) if needed else None


def _ordered(rows: npt.NDArray[np.int64], said: Predictions, *, falling: bool) -> npt.NDArray[np.int64]:
    import numpy as np

    sure = dict(zip(said.rows.tolist(), said.confidence.tolist(), strict=True))
    value = np.array([sure.get(int(r), np.nan) for r in rows])
    order: npt.NDArray[np.int64] = rows[np.argsort(-value if falling else value, kind="stable")]
    return order


def _rows(rows: Sequence[int]) -> npt.NDArray[np.int64]:
    import numpy as np

    return np.array(rows, np.int64)


def _view(case: Case) -> Any:
    return case  # a Case is a CaseView by its shape; mypy can't see the attributes that it makes up


def _made(case: Case, title: str, shots: Sequence[Shot], query: str) -> Gallery:
    if not len(shots):
        raise RetryError("No picture is left.")
    names = {s.split for s in shots[:1]} | set(case.splits())
    tables: dict[str, ImageTable] = {split: case.table(cast("Split", split)) for split in names}

    def opener(split: str, row: int) -> Image:
        return tables[split].open(row)

    def previewer(split: str, row: int, least: tuple[int, int]) -> Image:
        small = getattr(tables[split], "preview", None)  # tables of plug-ins may lack it
        return small(row, least) if small is not None else tables[split].open(row)

    def explainer(split: str, row: int) -> tuple[Image, str]:
        return _explained(case, tables[split], row)

    return Gallery(title, shots, query, opener, explainer, previewer)


def _explained(case: Case, table: ImageTable, row: int) -> tuple[Image, str]:
    from PIL import Image as Pictures

    from failsight.tools.experiments.explainers import class_maps
    from failsight.tools.experiments.figures import overlay
    from failsight.tools.inputs.decisions import answer

    model = case.model()
    pixels = model.prepare(table.open(row))[None]
    method, maps = class_maps(_view(case), None)
    name = case.classes[answer(_view(case), model.scores(pixels)[0])]
    words = f"what speaks for {clean(name, 40)} ({method.replace('_', '-')}): it proposes, it never concludes"
    return Pictures.fromarray(overlay(pixels[0], maps(pixels)[0])), words
