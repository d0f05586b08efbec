"""Groups of pictures in words: the attribute value that says most about who is in the group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.baselines.given import Columns, Given

Floats = npt.NDArray[np.float64]
PURE = 0.8  # share of a group from which it is said to be of one class
CLEAR = 10.8  # G = 2 n I from which a value goes with a group (χ² with one degree of freedom, p = 0.001)
LEAST = 5.0  # pictures (or weight) with a value, in the group, for it to be named


@dataclass(frozen=True)
class Said:
    """One statement of a method.

    Attributes:
        conditions: attribute → value, all of which hold.
        kind: one of the product's kinds; empty where the method names none.
        class_name: empty for any.
        confused_with: empty for any.
    """

    conditions: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    class_name: str = ""
    confused_with: str = ""

    @property
    def text(self) -> str:
        """In a few words."""
        where = " & ".join(f"{name}={value}" for name, value in self.conditions) or "all pictures"
        of = f" of {self.class_name}" if self.class_name else ""
        taken = f" taken for {self.confused_with}" if self.confused_with else ""
        return f"{where}{of}{taken}" + (f" [{self.kind}]" if self.kind else "")


def named(given: Given, weights: npt.NDArray[np.floating]) -> Said:  # type: ignore[type-arg]
    """A statement about a group that has no words of its own.

    The class is said where 80 % of the group is of one class. The condition is the attribute value that is more frequent in
    the group than elsewhere and whose mutual information with membership is highest given the label, so that a group that is
    merely of one class is not described by what that class always shows. Where none clearly goes with the group, only the
    class is said.

    Args:
        given: the case.
        weights: (n,) membership in [0, 1].
    """
    member = np.clip(np.asarray(weights, np.float64), 0, 1)
    total = float(member.sum())
    if total <= 0:
        return Said()
    by_class = np.bincount(given.labels, weights=member, minlength=len(given.classes))
    most = int(by_class.argmax())
    sure = by_class[most] >= PURE * total and len(given.classes) > 1
    best = best_value(given.columns, given.labels, member, len(given.classes))
    return Said(() if best is None else (best,), "", given.classes[most] if sure else "")


def best_value(
    columns: Columns, labels: npt.NDArray[np.int64], member: Floats, classes: int
) -> tuple[str, str] | None:
    """(attribute, value) with the highest information about membership given the label; None where nothing clearly is."""
    found: list[tuple[float, int, int]] = []
    for a, values in enumerate(columns.values):
        for v in range(len(values)):
            has = columns.codes[:, a] == v
            if member[has].sum() < LEAST:
                continue
            score = _information(has, member, labels, classes)
            if 2 * len(labels) * score >= CLEAR:
                found.append((score, -a, -v))
    if not found:
        return None
    _, a, v = max(found)
    return columns.names[-a], columns.values[-a][-v]


def _information(
    has: npt.NDArray[np.bool_], member: Floats, labels: npt.NDArray[np.int64], classes: int
) -> float:
    """I(value; membership | label) in nats; 0 where the value is not more frequent among members (given the label)."""
    inside = np.stack([np.bincount(labels[w], weights=member[w], minlength=classes) for w in (has, ~has)])
    outside = np.stack(
        [np.bincount(labels[w], weights=1 - member[w], minlength=classes) for w in (has, ~has)]
    )
    joint = np.stack([inside, outside])  # member, value, class
    by_class = joint.sum((0, 1))
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True) / np.maximum(by_class, 1e-12)
    if joint[0, 0].sum() <= expected[0, 0].sum():
        return 0.0
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / np.maximum(expected[some], 1e-12))).sum() / len(labels))
