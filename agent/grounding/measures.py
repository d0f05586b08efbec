"""Recorded values looked up by what they are of: what comparisons and ranks are checked against."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from failsight.agent.grounding.names import Names
from failsight.agent.grounding.sources import NOTHING, Atom

#: quantity as a comparison speaks of it → recorded quantities that stand for it, for everything and for one class
STAND_FOR = {
    "quality": ("accuracy", "recall"), "accuracy": ("accuracy", "recall"), "recall": ("recall", "balanced_accuracy", "accuracy"),
    "flip": ("flip",), "error": ("error",), "confidence": ("confidence",), "quality_jpeg": ("jpeg",), "called": ("pull",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison."""

    classes: frozenset[str] = NOTHING
    values: frozenset[tuple[str, str]] = frozenset()
    attributes: frozenset[str] = NOTHING
    split: str = "data"
    elsewhere: bool = False
    pair: tuple[str, str] | None = None


#: quantities that a sentence by placeholder may be asked for
_SPOKEN = frozenset(
    [
        "accuracy",
        "recall",
        "precision",
        "f1",
        "error",
        "confidence",
        "gap",
        "drop",
        "effect",
        "pull",
        "flip",
        "answers",
        "images",
        "brightness",
        "contrast",
        "saturation",
        "sharpness",
        "colourfulness",
        "jpeg",
        "file_size",
        "excess",
    ]
)
_SHARES = {"recall", "error", "accuracy", "precision", "f1", "pull", "drop", "effect"}


def _counts(atom: Atom) -> bool:
    """Whether an atom can be one side of a comparison: a value, or a count of answers, images or confusions."""
    if atom.row or atom.when or (atom.told and atom.metric != "frequency"):
        return False
    if atom.part != "value":
        return atom.metric in ("answers", "images") or (atom.pair is not None and atom.part == "count")
    return atom.family != "plain" or atom.metric not in _SHARES


class Measures:
    """The recorded values of a case by quantity."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self._by: dict[str, list[Atom]] = {}
        for atom in atoms:
            if _counts(atom):
                self._by.setdefault(atom.metric, []).append(atom)

    def names(self) -> list[str]:
        """The quantities of which something is recorded, as people write them."""
        return sorted(
            m.replace("_", " ") for m in self._by if re.fullmatch(r"[a-z_0-9]+", m) and m in _SPOKEN
        )

    def shown(self, metric: str, value: float) -> str:
        """A value of a quantity as people write it."""
        family = next(
            (a.family for m in STAND_FOR.get(metric, (metric,)) for a in self._by.get(m, ())), "plain"
        )
        if family == "percent":
            return f"{value:.1f} %"
        return (
            f"{value:+.1f} points"
            if family == "points"
            else f"{value:,.3g}"
            if value < 1000
            else f"{value:,.0f}"
        )

    def has(self, metric: str) -> bool:
        """Whether anything of a quantity is recorded."""
        return any(self._by.get(m) for m in STAND_FOR.get(metric, (metric,)))

    def value(self, metric: str, side: Side) -> tuple[float, str] | None:
        """The value of a quantity on one side with the evidence that holds it."""
        for name in STAND_FOR.get(metric, (metric,)):
            for atom in self._by.get(name, ()):
                if self._is(atom, side):
                    return atom.value, next((r for r in atom.refs if r.startswith("E")), "")
        return None

    def _is(self, atom: Atom, side: Side) -> bool:
        names = atom.names
        if side.pair is not None:
            return atom.pair == side.pair and names.splits == {side.split} and atom.family == "percent"
        if atom.pair is not None or atom.elsewhere != side.elsewhere or side.split not in names.splits:
            return False
        if len(names.splits) > 1 and atom.metric != "drop":
            return False
        if names.attributes != side.attributes or names.classes - atom.loose > side.classes:
            return False
        if names.classes != side.classes and not (atom.loose and side.classes <= names.classes):
            return False
        return not side.values or side.values <= names.values or side.elsewhere

    def by_class(self, metric: str, split: str) -> dict[str, tuple[float, str]]:
        """Class → value, for classes that have one."""
        made: dict[str, tuple[float, str]] = {}
        for name in STAND_FOR.get(metric, (metric,)):
            for atom in self._by.get(name, ()):
                if (
                    len(atom.names.classes) == 1
                    and not atom.names.attributes
                    and split in atom.names.splits
                    and not atom.pair
                    and not atom.loose
                ):
                    if metric == "drop" and not atom.names.splits >= {split, "data"}:
                        continue
                    if metric != "drop" and len(atom.names.splits) > 1:
                        continue
                    made.setdefault(*_entry(atom))
            if len(made) > 1:
                break
        return made

    def of_class(self, metric: str, classes: frozenset[str]) -> tuple[float, str] | None:
        """The value of an experiment about one class, whatever its cue."""
        for atom in self._by.get(metric, ()):
            if classes and atom.names.classes == classes:
                return atom.value, atom.refs[0]
        return None

    def by_slice(self, metric: str) -> dict[frozenset[tuple[str, str]], tuple[float, str]]:
        """Slice → value, for slices and cues."""
        made: dict[frozenset[tuple[str, str]], tuple[float, str]] = {}
        for atom in self._by.get(metric, ()):
            if atom.names.values and not atom.elsewhere and atom.family != "plain":
                made.setdefault(atom.names.values, (atom.value, atom.refs[0]))
        return made

    def by_attribute(self, metric: str, found: bool = False) -> dict[str, tuple[float, str]]:
        """Attribute → value, for slices, cues and regions that have just this one; ``found``: of findings alone."""
        made: dict[str, tuple[float, str]] = {}
        for atom in self._by.get(metric, ()):
            if (
                len(atom.names.attributes) == 1
                and (not found or any(r.startswith("F") for r in atom.refs))
                and not atom.elsewhere
                and atom.family != "plain"
                and "data" in atom.names.splits
            ):
                made.setdefault(next(iter(atom.names.attributes)), (atom.value, atom.refs[0]))
        return made

    def by_finding(self, metric: str, sliced: bool = False) -> dict[str, tuple[float, str]]:
        """Finding → value."""
        made: dict[str, tuple[float, str]] = {}
        for atom in self._by.get(metric, ()):
            for ref in atom.refs:
                if (
                    ref.startswith("F")
                    and (not sliced or (bool(atom.names.values) and "deploy" not in atom.names.splits))
                    and not atom.elsewhere
                    and (atom.family != "plain" or metric == "excess")
                ):
                    made.setdefault(ref, (atom.value, next((r for r in atom.refs if r.startswith("E")), "")))
        return made

    def by_pair(self, split: str) -> dict[tuple[str, str], tuple[float, str]]:
        """(true class, taken for) → how many images."""
        made: dict[tuple[str, str], tuple[float, str]] = {}
        for atom in self._by.get("confusion", ()):
            if atom.pair and atom.family == "plain" and atom.value >= 1 and split in atom.names.splits:
                made.setdefault(atom.pair, (atom.value, atom.refs[0]))
        return made

    def by_split(self, metric: str) -> dict[str, tuple[float, str]]:
        """Split → value over everything."""
        made: dict[str, tuple[float, str]] = {}
        for split in ("data", "train", "deploy", "pool"):
            found = self.value(metric, Side(split=split))
            if found:
                made[split] = found
        return made


def _entry(atom: Atom) -> tuple[str, tuple[float, str]]:
    (name,) = atom.names.classes
    return name, (atom.value, atom.refs[0])


def noun(text: str) -> str:
    """The quantity that a stretch of text names first."""
    found = ((m.start(), metric) for pattern, metric in _NOUNS if (m := pattern.search(text)))
    return min(found, default=(0, ""))[1]


_NOUNS = tuple(
    (re.compile(pattern, re.IGNORECASE), metric)
    for pattern, metric in (
        (r"macro[- ]precision", "macro_precision"), (r"macro[- ]f1", "macro_f1"), (r"balanced accuracy", "balanced_accuracy"),
        (r"(?<!macro )(?<!macro-)precision|believ|trusted\b", "precision"), (r"(?<!macro )(?<!macro-)\bf1\b", "f1"), (r"recall|recogni[sz]|\bfound\b", "recall"), (r"accura|\bright\b|correct", "accuracy"),
        (r"\bmissed\b|error|wrong|fail\w*|misclass|mistakes", "error"), (r"jpeg|compress", "jpeg"), (r"bright|dark", "brightness"), (r"contrast", "contrast"),
        (r"saturat", "saturation"), (r"sharp|blurr", "sharpness"), (r"colourful", "colourfulness"), (r"file size|files", "file_size"), (r"confiden|\bsure", "confidence"), (r"\beffect", "effect"),
    )
)  # fmt: skip


def side_of(names: Names, split: str) -> Side:
    """A side from names."""
    return Side(names.classes, names.values, names.attributes, split)
