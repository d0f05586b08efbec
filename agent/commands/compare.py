"""``failsight compare``: two models or two versions of one, on the images that both were judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from failsight.agent.case import Case
from failsight.agent.config import load_config
from failsight.agent.journal import Journal
from failsight.tools.changes.groups import DRAWS, finding_mask, finding_title, value_masks
from failsight.tools.changes.measures import Kind, ModelChange, compare
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import Finding, canonical, jsonable
from failsight.tools.inputs.base import Predictions
from failsight.tools.text import clean, counted, listing

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MOST_SLICES = 300
EVENT = "models.compared"


@dataclass(frozen=True)
class Side:
    """One of the two: its case, its predictions, and the positions of the shared images in them."""

    case: Case
    predictions: Predictions
    at: Ints

    @property
    def rows(self) -> Ints:
        """Rows of the shared images in its own table."""
        return self.predictions.rows[self.at]

    @property
    def name(self) -> str:
        return clean(self.case.name or self.case.folder.name, 60)


@dataclass(frozen=True)
class Comparison:
    """Two cases compared.

    Attributes:
        before, after: the two.
        joined_by: ``content`` where the evaluation images are the same, ``path`` where they were matched by name.
        change: what was measured; classes are numbered as in ``before``.
        notes: what was left out or taken on trust.
    """

    before: Side
    after: Side
    joined_by: str
    change: ModelChange
    notes: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.before.predictions.classes


def open_reading(folder: Path) -> Case:
    """A case to look at: its journal is neither locked nor written.

    Raises:
        UserError: it is no case, or its model or images are not what they were.
    """
    if not (folder / "journal.jsonl").is_file():
        raise UserError(
            f"{folder} is not a Failsight case.", "Give the folder that `failsight run` or `chat` made."
        )
    case = Case(folder, load_config(folder), Journal(folder, write=False))
    check_unchanged(case)
    return case


def check_unchanged(case: Case) -> None:
    """Raises UserError when model or evaluation images differ from those that the journal speaks of."""
    then = case.state().config
    model = (then.get("model") or {}).get("fingerprint", "")
    data = (then.get("data") or {}).get("data", {}).get("fingerprint")
    if model and case.has_model() and case.model().fingerprint != model:
        raise UserError(
            f"The model of {case.folder.name} changed since the case was opened.", "Compare a new case of it."
        )
    if data and case.table("data").fingerprint != data:
        raise UserError(
            f"The evaluation images of {case.folder.name} changed since the case was opened.",
            "Compare a new case of them.",
        )


def compared(before: Path, after: Path | None, versions: Sequence[str] | None = None) -> Comparison:
    """Two cases, or with ``versions`` one case: its model beside one of its versions, or two versions.

    Raises:
        UserError: two cases and versions, or neither; an unknown version; what :func:`compare_cases` raises.
    """
    if versions is None:
        if after is None:
            raise UserError("There is nothing to compare with.", "Give a second case, or --versions R1.1.")
        return compare_cases(open_reading(before), open_reading(after))
    if after is not None or not 1 <= len(versions) <= 2:
        raise UserError(
            "--versions takes one case, and one or two of its versions.",
            "For example: failsight compare CASE --versions R1.1",
        )
    case = open_reading(before)
    pair = ["", *versions][-2:]
    try:
        sides = [case.version(name) for name in pair]
    except RetryError as error:
        raise UserError(
            str(error), "`failsight compare` takes the names that repairs gave, such as R1.1."
        ) from error
    return compare_cases(*(cast("Case", side) for side in sides))


def compare_cases(before: Case, after: Case) -> Comparison:
    """Compare the models of two cases on the evaluation images that both have.

    Raises:
        UserError: the classes differ, or no image is shared.
    """
    first, second = _predictions(before), _predictions(after)
    if set(first.classes) != set(second.classes):
        raise UserError(*_other_classes(before, after, first.classes, second.classes))
    one, two, joined_by, notes = _joined(before, after, first, second)
    place = np.array([first.classes.index(c) for c in second.classes], np.int64)
    labels, told = _labels(one, two, place)
    slices, more = _slices(one, two, labels)
    both = first.has_scores and second.has_scores
    if not both:
        told.append("One of the two gives no probabilities, so that calibration can't be compared.")
    change = compare(
        labels,
        one.predictions.predicted[one.at],
        place[two.predictions.predicted[two.at]],
        first.classes,
        slices=slices,
        confidence=tuple(s.predictions.confidence[s.at] for s in (one, two)) if both else None,  # type: ignore[arg-type]
        seed=before.seed,
    )
    if change.too_few:
        told.append(f"Too few images to compare: {listing(change.too_few, 8)}.")
    return Comparison(one, two, joined_by, change, (*notes, *told, *more))


def _predictions(case: Case) -> Predictions:
    try:
        return case.predictions("data")
    except RetryError as error:
        raise UserError(f"The case {case.folder.name} has no predictions: {error}") from error


def _other_classes(before: Case, after: Case, first: Sequence[str], second: Sequence[str]) -> tuple[str, str]:
    only = [sorted(set(a) - set(b)) for a, b in ((first, second), (second, first))]
    parts = [
        f"only {clean(case.folder.name, 60)} knows {listing(names)}"
        for case, names in zip((before, after), only, strict=True)
        if names
    ]
    return (
        f"The two models tell different classes apart ({'; '.join(parts)}).",
        "Compare models with the same classes; --map makes names agree when a case is made.",
    )


def _joined(
    before: Case, after: Case, first: Predictions, second: Predictions
) -> tuple[Side, Side, str, list[str]]:
    """The shared images on both sides, in the same order."""
    here, there = before.table("data"), after.table("data")
    notes = []
    if here.fingerprint == there.fingerprint:
        _, at, other = np.intersect1d(first.rows, second.rows, return_indices=True)
        how = "content"
    else:
        places = [_unique({}, here.paths, first.rows), _unique({}, there.paths, second.rows)]
        shared = [p for p in places[0] if p in places[1]]
        at = np.array([places[0][p] for p in shared], np.int64)
        other = np.array([places[1][p] for p in shared], np.int64)
        how = "path"
        notes.append(
            "The evaluation images of the two cases are not identical; they were matched by path, and that equal paths "
            "show the same picture is taken on trust."
        )
    if not len(at):
        raise UserError(
            "The two cases share no evaluation image, so there is nothing to compare.",
            "Make both from the same --data.",
        )
    for case, n in ((before, len(first)), (after, len(second))):
        if n > len(at):
            notes.append(
                f"{counted(n - len(at), f'image of {clean(case.folder.name, 60)} is', f'images of {clean(case.folder.name, 60)} are')} not in the other case."
            )
    return Side(before, first, at), Side(after, second, other), how, notes


def _unique(places: dict[str, int], paths: Sequence[str], rows: Ints) -> dict[str, int]:
    """Path → position, of paths that occur once."""
    twice = set()
    for i, row in enumerate(rows.tolist()):
        path = paths[row]
        if path in places:
            twice.add(path)
        places[path] = i
    return {p: i for p, i in places.items() if p not in twice}


def _labels(one: Side, two: Side, place: Ints) -> tuple[Ints, list[str]]:
    """True classes; unknown where only one side knows them or the two disagree."""
    mine, theirs = one.predictions.labels[one.at], two.predictions.labels[two.at]
    theirs = np.where(theirs >= 0, place[np.maximum(theirs, 0)], -1)
    differ = mine != theirs
    notes = []
    if differ.any():
        notes.append(
            f"{counted(int(differ.sum()), 'image has another label in the other case; it counts', 'images have another label in the other case; they count')} as unlabelled."
        )
    return np.where(differ, -1, mine).astype(np.int64), notes


Slices = dict[tuple[Kind, str], Mask]


def _slices(one: Side, two: Side, labels: Ints) -> tuple[Slices, list[str]]:
    """Slices of confirmed findings of either case, then values of the columns that came with the data."""
    made: Slices = {}
    unknown = []
    for side in (one, two):
        for number_, finding in side.case.findings():
            if finding.verdict != "confirmed" or not finding.slice:
                continue
            mask = _of_finding(side, finding, labels)
            if mask is None:
                unknown.append(f"{number_} of {side.name}")
            else:
                made.setdefault(("finding", finding_title(finding)), mask)
    notes = [f"Whether these images belong to it is not known, for {listing(unknown)}."] if unknown else []
    values: dict[str, Mask] = {}
    for side in (one, two):
        values |= value_masks(side.case.table("data"), side.rows)
    known = {name for _, name in made}
    for name, mask in values.items():
        if name in known:
            continue
        if len(made) >= MOST_SLICES:
            notes.append(f"Only the first {MOST_SLICES} slices were compared; the data have {len(values):,}.")
            break
        made[("slice", name)] = mask
    return made, notes


def _of_finding(side: Side, finding: Finding, labels: Ints) -> Mask | None:
    """Which shared images a finding speaks of; for a cue that draws to a class, those of the other classes."""
    view: Any = side.case
    mask = finding_mask(view, "data", side.predictions, finding)
    if mask is None or finding.class_name is None or finding.kind not in DRAWS:
        return None if mask is None else mask[side.at]
    made: Mask = mask[side.at] & (labels >= 0)
    return made


def journal(case: Case, told: Mapping[str, Any]) -> bool:
    """Record the comparison in the second case as ``models.compared``; False where the same one stands there already."""
    wanted = canonical(jsonable(told))
    if any(e.kind == EVENT and canonical(e.data) == wanted for e in case.journal.events):
        return False
    case.record(EVENT, **told)
    return True
