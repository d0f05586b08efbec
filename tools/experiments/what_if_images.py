"""One image by name: a path or its end, a row number (``#12``), another split's (``train:#12``), or an image of evidence (``E3#2``)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import ImageRef
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import BadImage, Floats, Pixels, Predictions, Split
from failsight.tools.inputs.decisions import answer
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

if TYPE_CHECKING:
    from PIL.Image import Image

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_EVIDENCE = re.compile(r"^(E\d+)(?:\s*[#/]\s*(\d+))?$", re.IGNORECASE)
_ROW = re.compile(r"^#?\s*(\d{1,12})$")
NEAR = 8  # names offered instead of an unknown one
COMPARED = 20_000  # names that an unknown one is compared with, letter by letter


@dataclass(frozen=True, slots=True)
class Named:
    """One image of the case.

    Attributes:
        row: its row in the table of ``split``.
        label: its true class, −1 unknown.
    """

    split: Split
    row: int
    path: str
    label: int

    @property
    def words(self) -> str:
        """What a sentence calls it: ``#12 (kitchen_0012.jpg)``, of another split ``train:#12 (…)``."""
        before = "" if self.split == "data" else f"{self.split}:"
        return f"{before}#{self.row} ({clean(PurePosixPath(self.path).name, 50)})"


def find_named(view: CaseView, name: str, split: Split, *, argument: str = "image") -> Named:
    """The image called ``name``. Looked for in ``split`` first, by path then in the other splits.

    Args:
        argument: what the message calls it.

    Raises:
        RetryError: no image, or more than one, is called so; near names are offered.
    """
    text = name.strip()
    head, colon, rest = text.partition(":")
    if colon and head.strip() in view.splits():
        return find_named(view, rest, check_split(view, head.strip()), argument=argument)
    if found := _EVIDENCE.match(text):
        shown = _of_evidence(view, found[1].upper(), int(found[2] or 1), argument)
        if shown is not None:
            return shown
    at = _place(view.table(split).paths, text, argument)
    if at is not None:
        return _named(view, split, at)
    for other in view.splits():
        if other != split and not _ROW.match(text):
            at = _place(view.table(other).paths, text, argument)
            if at is not None:
                return _named(view, other, at)
    raise RetryError(
        f"{argument}: there is no image called {clean(text, 60)!r}.", _near(view.table(split).paths, text)
    )


def _named(view: CaseView, split: Split, row: int) -> Named:
    table = view.table(split)
    return Named(split, row, table.paths[row], int(table.labels[row]))


def _of_evidence(view: CaseView, identity: str, number_: int, argument: str) -> Named | None:
    """Image ``number_`` (from 1) shown by a piece of evidence; None when there is no such evidence."""
    for one in view.evidence():
        if one.id == identity:
            if not 1 <= number_ <= len(one.images):
                raise RetryError(
                    f"{argument}: {identity} shows {len(one.images)} images; write {identity}#1 …"
                )
            shown = one.images[number_ - 1]
            return _named(view, check_split(view, shown.split), shown.row)
    return None


def _place(paths: Sequence[str], text: str, argument: str) -> int | None:
    """The row: by row number, whole path, end of the path, or file name without its ending; None when there is none."""
    if found := _ROW.match(text):
        row = int(found[1])
        if not text.startswith("#"):
            _unless_a_file(paths, text, row, argument)
        if row < len(paths):
            return row
        raise RetryError(f"{argument}: rows go from #0 to #{len(paths) - 1}, not {clean(text, 20)}.")
    wanted = text.replace("\\", "/").strip("/")
    if not wanted:
        return None
    ends, stems = [], []
    for row, path in enumerate(paths):
        if path == wanted:
            return row
        if path.endswith("/" + wanted):
            ends.append(row)
        elif _stem(path) == wanted.casefold():
            stems.append(row)
    for rows in (ends, stems):
        if len(rows) == 1:
            return rows[0]
        if rows:
            raise RetryError(
                f"{argument}: {len(rows)} images are called {clean(text, 60)!r}.",
                [f"{clean(paths[r], 80)} (#{r})" for r in rows[:NEAR]],
            )
    return None


def _unless_a_file(paths: Sequence[str], text: str, row: int, argument: str) -> None:
    """A bare number is a row, unless a file of another row is called so: then nobody knows which is meant."""
    named = [r for r, path in enumerate(paths) if _stem(path) == text and r != row]
    if named:
        row_offer = [f"#{row}"] if row < len(paths) else []
        raise RetryError(
            f"{argument}: {clean(text, 20)} may be row #{row} or the file of that name; write one of them out.",
            [*row_offer, *(clean(paths[r], 80) for r in named[: NEAR - 1])],
        )


def _stem(path: str) -> str:
    base = path.rpartition("/")[2]
    return (base.rpartition(".")[0] or base).casefold()


def _bare(stem: str) -> str:
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), stem) if len(stem) < 400 else stem


def _near(paths: Sequence[str], text: str) -> list[str]:
    """Names that contain the text, else those most like it, else the first ones."""
    wanted = text.casefold()
    within = [p for p in paths if wanted and wanted in p.casefold()][:NEAR]
    if not within:
        stems: dict[str, str] = {}
        for path in paths[:COMPARED]:
            stems.setdefault(_stem(path), path)
        close = difflib.get_close_matches(_stem(wanted), list(stems), NEAR, 0.6)
        bare = _bare(_stem(wanted))
        same = [s for s in stems if _bare(s) == bare]  # but for zeros: room_12 for room_0012
        within = [stems[s] for s in dict.fromkeys([*same[:NEAR], *close])][:NEAR]
    return [clean(p, 80) for p in within or list(paths[:NEAR])]


def prepared(view: CaseView, image: Named, argument: str = "image") -> Pixels:
    """(h, w, 3) uint8: the picture as the model sees it. Raises RetryError when it can't be read."""
    return view.model().prepare(opened(view, image, argument))


def opened(view: CaseView, image: Named, argument: str = "image") -> Image:
    """The picture itself. Raises RetryError when it can't be read."""
    try:
        return view.table(image.split).open(image.row)
    except BadImage as problem:
        raise RetryError(f"{argument}: {image.words} can't be read ({clean(problem, 80)}).") from None


def scores_of(view: CaseView, pixels: Pixels, batch: int = 32) -> Floats:
    """(n, classes) scores of prepared pictures (n, h, w, 3). Raises RetryError when one is not finite."""
    model = view.model()
    made = [model.scores(np.ascontiguousarray(pixels[i : i + batch])) for i in range(0, len(pixels), batch)]
    scores = np.concatenate(made) if made else np.zeros((0, len(view.classes)), np.float32)
    if not np.isfinite(scores).all():
        raise RetryError("image: the model gives scores that are not finite for it.")
    return scores


def places_of(predictions: Predictions, rows: Ints) -> tuple[Ints, Flags]:
    """(n,) the places of rows of the image table among the predictions, and which of the rows are there at all."""
    if not len(predictions):
        return np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    at = np.minimum(np.searchsorted(predictions.rows, rows), len(predictions) - 1)
    return at, predictions.rows[at] == rows


def row_scores(predictions: Predictions, image: Named) -> Floats | None:
    """(classes,) what the prediction table says of an image; None when it is not in it."""
    at, known = places_of(predictions, np.array([image.row]))
    if not known[0]:
        return None
    made: Floats = predictions.scores[at[0]]
    return made


def scores_known(view: CaseView, image: Named, loaded: Split = "data") -> Floats | None:
    """(classes,) what the model says of one image; None where that can't be had.

    From the prediction table, except that no whole split is run for one picture: other splits than the evaluation images
    and ``loaded`` (which the caller has run anyway) are asked for this picture alone, as long as there is a model.

    Raises:
        RetryError: the picture can't be read, or neither model nor table has its split.
    """
    if image.split in ("data", loaded) or not view.has_model():
        known = row_scores(view.predictions(image.split), image)
        if known is not None or not view.has_model():
            return known
    made: Floats = scores_of(view, prepared(view, image)[None])[0]
    return made


def reference(view: CaseView, image: Named, scores: Floats | None, caption: str = "") -> ImageRef:
    """The image as an example, with what the model says of it where that is known."""
    said = None if scores is None else answer_of(view, scores, image)
    return ImageRef(
        split=image.split,
        row=image.row,
        path=image.path,
        label=view.classes[image.label] if image.label >= 0 else "",
        prediction="" if said is None else view.classes[said],
        confidence=None if scores is None or said is None else float(scores[said]),
        caption=caption,
    )


def answer_of(view: CaseView, scores: Floats, image: Named | None = None) -> int:
    """The class that is answered for these (classes,) scores.

    Args:
        image: whose scores they are, as it is: a table of predictions may say outright what was answered for it.
    """
    if image is not None and not view.has_model():
        found = view.predictions(image.split)
        at, known = places_of(found, np.array([image.row]))
        if known[0]:
            return int(found.predicted[at[0]])
    return answer(view, scores)


def says(view: CaseView, scores: Floats, image: Named | None = None) -> str:
    """``kitchen (71.2 %)``: the answer and its score."""
    said = answer_of(view, scores, image)
    return f"{clean(view.classes[said], 40)} ({number(float(scores[said]))})"


def margin(scores: Floats, said: int | None = None) -> float:
    """How far the score of the answer ``said`` (by default the largest score) lies above the largest other one, in [−1, 1].

    Below 0 a threshold decided.
    """
    said = int(scores.argmax()) if said is None else said
    return float(scores[said] - np.delete(scores, said).max(initial=0))
