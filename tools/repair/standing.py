"""Which version of the model a case stands by: the one that it went on with, or the newest whose repair was verified."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.notes import called, of_split
from failsight.tools.repair.untouched import untouched
from failsight.tools.repair.versions import RESTATED, ModelVersion
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import listing, number

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

VERIFY = "verify_correction"


@dataclass(frozen=True)
class Standing:
    """What is judged.

    Attributes:
        view: the case seen with it; where it was trained on some labelled images, without those.
        version: None for the model as given.
        verified: whether it is a repair's version: not the case's own model, which stays what the other tools measure.
        notes: what a reader has to know about that.
        deferred: split → labelled images that the version leaves to a person, and all that it could answer; rates are of the others.
    """

    view: CaseView
    version: ModelVersion | None = None
    verified: bool = False
    notes: tuple[str, ...] = ()
    deferred: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def standing(view: CaseView) -> Standing:
    """The version that a case stands by."""
    gone_on = went_on_with(view)
    repair = verified_repair(view)
    made = next((v for v in view.versions() if v.repair == repair and v.arm == "repair"), None)
    if made is None:
        return Standing(view, gone_on)
    try:
        seen, notes = _free(view, made)
        seen, left = _answered(seen, made)
    except RetryError as problem:
        return Standing(view, gone_on, notes=(f"{made.name} could not be judged: {problem}",))
    return Standing(seen, made, True, notes, left)


def went_on_with(view: CaseView) -> ModelVersion | None:
    """The version that the case went on with; None where it is at the model as given."""
    versions = [v for v in view.versions() if v.strategy == RESTATED]
    if not versions or not view.has_model():
        return None
    now = view.model().fingerprint
    return next((v for v in versions if v.fingerprint == now), None)


def verified_repair(view: CaseView) -> str:
    """Name of the newest repair that was verified and not found wanting since; empty for none."""
    last: dict[str, str] = {}
    for made in view.evidence(VERIFY):
        for fact in made.facts:
            if fact.name == "verdict":
                last.pop(fact.of, None)
                last[fact.of] = str(fact.value)
    return next((name for name, verdict in reversed(last.items()) if verdict == "verified"), "")


def _free(view: CaseView, version: ModelVersion) -> tuple[CaseView, tuple[str, ...]]:
    """The version's view without the labelled images that trained it, and what to know about it."""
    inner = view.version(version.name)
    kept: dict[str, npt.NDArray[np.int64]] = {}
    notes: list[str] = []
    for split in view.splits():
        if split not in ("data", "deploy") or not bool((view.table(split).labels >= 0).any()):
            continue
        free = untouched(view, split, None, [version])
        rows = view.predictions(split).rows
        used = view.predictions(split).labelled & ~free.keep
        if used.any():
            kept[split] = rows[~used]
            notes += free.notes
        if not free.keep.any():
            raise RetryError("it was trained on every labelled image that could judge it.")
    return (cast("CaseView", _Kept(inner, kept)) if kept else inner), tuple(notes)


def _answered(seen: CaseView, version: ModelVersion) -> tuple[CaseView, dict[str, tuple[int, int]]]:
    """The view without the images that the version leaves to a person, and how many of the labelled ones of each split these are.

    Raises:
        RetryError: it answers no labelled evaluation image.
    """
    bound = version.data.get("threshold")
    if version.strategy != "defer" or not isinstance(bound, int | float) or bound <= 0:
        return seen, {}
    kept: dict[str, npt.NDArray[np.int64]] = {}
    left: dict[str, tuple[int, int]] = {}
    for split in seen.splits():
        if split not in ("data", "deploy"):
            continue
        made = seen.predictions(split)
        given = made.confidence >= bound
        kept[split] = made.rows[given]
        if made.labelled.any():
            left[split] = int((made.labelled & ~given).sum()), int(made.labelled.sum())
        if split == "data" and not (made.labelled & given).any():
            raise RetryError("it leaves every labelled evaluation image to a person.")
    return cast("CaseView", _Kept(seen, kept)), left


def left_to_people(at: Standing) -> str:
    """How many images the version judged leaves to a person, and what the rates are of; empty where it answers all."""
    left = [f"{number(k / n)} of the {n:,} {called(split)}" for split, (k, n) in at.deferred.items()]
    return (
        f" It leaves {listing(left)} to a person; all rates are of the answers that it gives." if left else ""
    )


def deferred_facts(at: Standing) -> list[Fact]:
    """The same in numbers."""
    return [
        Fact("deferred", k / n, "share", of_split(split), wilson(k, n), n)
        for split, (k, n) in at.deferred.items()
    ]


class _Kept:
    """A view in which some images have no answer: those that trained the version, or that it leaves to a person."""

    def __init__(self, inner: CaseView, kept: Mapping[str, npt.NDArray[np.int64]]) -> None:
        self._inner, self._kept = inner, kept

    def predictions(self, split: Split = "data") -> Predictions:
        made = self._inner.predictions(split)
        if split not in self._kept:
            return made
        at = np.flatnonzero(np.isin(made.rows, self._kept[split]))
        return made.part(at)

    def attributes(self, split: Split = "data") -> AttributeTable:
        whole = self._inner.attributes(split)
        if split not in self._kept:
            return whole
        at = np.flatnonzero(np.isin(whole.rows, self._kept[split]))
        columns = {name: values[at] for name, values in whole.columns.items()}
        return dataclasses.replace(whole, rows=whole.rows[at], columns=columns)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._inner, name)
