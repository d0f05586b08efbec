"""Labels that people looked at: what they make of the errors, and of how good the model is. The labels as given stay what is measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, of_split
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import counted, interval, number

if TYPE_CHECKING:
    from failsight.tools.view import CaseView


@dataclass(frozen=True, slots=True)
class Corrected:
    """A split's answers with the labels that people gave.

    Attributes:
        looked, changed: labels of answered images that people decided on, and how many they changed.
        errors, cleared: wrong answers with the labels as given, and how many of them are right with the new ones.
        right: right answers with the labels as given.
        predictions: the answers, with the corrected labels.
    """

    split: Split
    looked: int
    changed: int
    errors: int
    cleared: int
    right: int
    predictions: Predictions

    @property
    def n(self) -> int:
        """Labelled images."""
        return int(self.predictions.labelled.sum())

    @property
    def accuracy(self) -> float:
        """Share of right answers with the corrected labels."""
        return float(self.predictions.correct.sum()) / self.n

    @property
    def ci(self) -> tuple[float, float]:
        """Wilson interval of the accuracy with the corrected labels."""
        return wilson(int(self.predictions.correct.sum()), self.n)

    @property
    def counted(self) -> str:
        """What people found, and what it makes of the errors: sentences."""
        text = f"People looked at {counted(self.looked, 'label of the', 'labels of the')} {called(self.split)} and changed {self.changed:,}."
        if not self.changed:
            return text
        return (
            f"{text} {self.cleared:,} of the {self.errors:,} wrong answers are right by their labels: the model is then right in "
            f"{number(self.accuracy)} {interval(self.ci)} of {self.n:,} images, not in {number(self.right / self.n)}."
        )


def corrected(view: CaseView, made: Predictions, said: Mapping[str, str] | None = None) -> Corrected | None:
    """``made`` with the labels that people gave (``said``: path → class; by default as the case has them); None where nobody looked at
    one of its images."""
    said = view.looked_at(made.split) if said is None else said
    paths, place = view.table(made.split).paths, {c: i for i, c in enumerate(made.classes)}
    labels, looked = made.labels.copy(), 0
    for at, row in enumerate(made.rows.tolist()):
        new = place.get(said.get(paths[row], ""), -1)
        if new >= 0 and made.labels[at] >= 0:
            labels[at], looked = new, looked + 1
    if not looked:
        return None
    wrong = made.labelled & ~made.correct
    return Corrected(
        made.split,
        looked,
        int((labels != made.labels).sum()),
        int(wrong.sum()),
        int((wrong & (made.predicted == labels)).sum()),
        int(made.correct.sum()),
        dataclasses.replace(made, labels=labels),
    )


def looked_at(view: CaseView, splits: Sequence[Split]) -> dict[str, Corrected]:
    """Split → what people's labels make of it, for those of ``splits`` of which somebody looked at an answered image."""
    made: dict[str, Corrected] = {}
    for split in splits:
        if not view.looked_at(split):
            continue
        try:
            found = corrected(view, view.predictions(split))
        except RetryError:
            continue
        if found is not None:
            made[split] = found
    return made


def in_place(tables: Mapping[str, Predictions], found: Mapping[str, Corrected]) -> dict[str, Predictions]:
    """``tables``, with the corrected labels where there are some."""
    return {split: found[split].predictions if split in found else made for split, made in tables.items()}


def corrected_facts(found: Mapping[str, Corrected]) -> list[Fact]:
    """Accuracy with the corrected labels, and how many were changed, split by split."""
    made: list[Fact] = []
    for split, one in found.items():
        of = of_split(split, "labels corrected by people")
        made.append(Fact("accuracy", one.accuracy, "share", of, one.ci, one.n, "higher_is_better"))
        made.append(Fact("labels_changed", one.changed, "count", of, None, one.looked))
    return made


def counted_as_given(one: Corrected) -> str:
    """What the labels that people gave are not counted in, and how far to trust what they make of it."""
    return (
        f"Every other figure counts the {called(one.split)} with the labels as they were given. Wrong labels among those that nobody looked at "
        "are not among the corrected ones: where only suspects were looked at, that favours the model."
    )


def relabelled(view: CaseView, found: Mapping[str, Corrected]) -> CaseView:
    """``view`` with the corrected labels in its answers; everything else is as it was."""
    return cast("CaseView", _Relabelled(view, {s: c.predictions for s, c in found.items()}))


class _Relabelled:
    def __init__(self, inner: CaseView, made: Mapping[str, Predictions]) -> None:
        self._inner, self._made = inner, made

    def predictions(self, split: Split = "data") -> Predictions:
        return self._made.get(split) or self._inner.predictions(split)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._inner, name)
