"""The answer key of the demo: which findings tell of a planted bug, which of nothing planted.

:func:`explain` is strict. A finding counts only if every condition of its slice belongs to a planted bug (or merely
says which classes are meant), if the bug can act in those classes, and if it pulls where the finding says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from failsight.knowledge_base.cases.scene import CLASSES, STYLE_COLUMNS, STYLES

_LABEL_NAMES = frozenset({"label", "class", "true_class", "truth"})
_PREDICTION_NAMES = frozenset({"prediction", "predicted", "predicted_class"})
_SLICE_KINDS = frozenset(
    {"weak_slice", "rare_case", "missing_feature", "spurious_correlation", "overemphasised_feature"}
)
_RELIANCE_KINDS = frozenset({"spurious_correlation", "overemphasised_feature"})


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug; the fields are those of ``answer_key.toml``."""

    id: str
    kind: str
    bug: str
    story: str
    victims: tuple[str, ...]
    evidence: tuple[str, ...]
    attribute: str | None = None
    value: str | None = None
    pulls_to: str | None = None
    absence: tuple[str, str] | None = None
    absence_fails: bool = False
    attributes: tuple[str, ...] = ()
    object: str | None = None

    def shown_by(self, attribute: str | None, value: str | None) -> bool:
        """Whether an attribute value says that this bug's cue is in the picture."""
        if self.object is not None and (attribute, value) == (self.object, "yes"):
            return True
        return self.attribute is not None and (attribute, value) == (self.attribute, self.value)

    def missed_by(self, attribute: str, value: str) -> bool:
        """Whether an attribute value says that the cue is not there, and the bug harms the class that misses it."""
        return self.absence is not None and (attribute, value) == (self.attribute, self.absence[0])


@dataclass(frozen=True, slots=True)
class Decoy:
    """Something that goes with a class but that the model does not use."""

    id: str
    attribute: str
    goes_with: str
    story: str


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """What is planted in a case."""

    bugs: tuple[Bug, ...]
    decoys: tuple[Decoy, ...]
    consequences: frozenset[str]

    def bug(self, name: str) -> Bug:
        """The bug with this id; KeyError when there is none."""
        return {b.id: b for b in self.bugs}[name]


@cache
def answer_key() -> AnswerKey:
    """The demo's answer key."""
    text = resources.files("failsight.knowledge_base.cases").joinpath("answer_key.toml").read_text("utf-8")
    raw = tomllib.loads(text)
    return AnswerKey(
        bugs=tuple(_bug(fields) for fields in raw["bug"]),
        decoys=tuple(Decoy(**fields) for fields in raw["decoy"]),
        consequences=frozenset(raw["consequences"]["kinds"]),
    )


def _bug(fields: Mapping[str, Any]) -> Bug:
    absence = fields.get("absence")
    lists = {name: tuple(fields.get(name, ())) for name in ("victims", "evidence", "attributes")}
    return Bug(**{**fields, **lists, "absence": (absence["value"], absence["class"]) if absence else None})


def explains(finding: Mapping[str, Any], key: AnswerKey | None = None) -> bool:
    """Whether a finding (an entry of findings.json) tells of a planted bug or of a consequence of one."""
    return bool(explain(finding, key))


def explain(finding: Mapping[str, Any], key: AnswerKey | None = None) -> tuple[str, ...]:
    """The ids of the planted bugs that a finding tells of, directly or as their consequence; empty when unplanted.

    Args:
        finding: has ``kind``, ``slice`` (attribute → value, or None), ``class``, ``confused_with``.
        key: the answer key; the demo's by default.
    """
    key = key or answer_key()
    kind = str(finding.get("kind"))
    conditions = {str(a): str(v) for a, v in (finding.get("slice") or {}).items()}
    named = finding.get("class")
    pulled = finding.get("confused_with")
    for name in _PREDICTION_NAMES & conditions.keys():
        pulled = conditions.pop(name)
    whole = [b for b in key.bugs if b.kind == kind and kind in ("label_noise", "distribution_shift")]
    if whole:
        return tuple(b.id for b in whole if _covers(b, conditions, named))
    if kind in key.consequences:
        return () if conditions else tuple(b.id for b in key.bugs if b.pulls_to)
    if kind not in _SLICE_KINDS and kind != "label_noise":
        return ()
    return _slice_bugs(key, kind, conditions, named, pulled)


def _covers(bug: Bug, conditions: Mapping[str, str], named: object) -> bool:
    """Whether a bug of the whole data set accounts for a finding about it or about a part of it."""
    if named is not None and named not in bug.victims:
        return False
    if bug.attribute is not None:
        return all(a == bug.attribute and v == bug.value for a, v in conditions.items())
    return all(a in bug.attributes for a in conditions)


def _slice_bugs(
    key: AnswerKey, kind: str, conditions: dict[str, str], named: object, pulled: object
) -> tuple[str, ...]:
    classes = _classes(key, conditions)
    if named is not None and kind in _RELIANCE_KINDS and len(conditions) == 1:
        relied = _relied_on(key, conditions, named, pulled)
        if relied:
            return relied
    if named is not None:
        classes &= {str(named)}
    telling = {a: v for a, v in conditions.items() if not _only_names_classes(key, a, v)}
    if not telling:
        return _confusions(key, classes, pulled)
    found: list[str] = []
    for attribute, value in telling.items():
        bugs = [b for b in key.bugs if _acts(b, attribute, value, classes)]
        if not bugs:
            return ()
        found += [b.id for b in bugs]
    planted = [b for b in key.bugs if b.id in found]
    if pulled is not None and not any(_may_pull(b, pulled, telling) for b in planted):
        return ()
    return tuple(found)


def _classes(key: AnswerKey, conditions: dict[str, str]) -> set[str]:
    """The classes that a slice can hold, given conditions that name or imply a class; names are taken out."""
    classes = set(CLASSES)
    for name in _LABEL_NAMES & conditions.keys():
        classes &= {conditions.pop(name)}
    for label, column in STYLE_COLUMNS.items():
        if column in conditions:
            classes &= set(CLASSES) - {label} if conditions[column] == "none" else {label}
    for bug in key.bugs:
        if bug.object is not None and conditions.get(bug.object) == "yes":
            classes &= set(bug.victims)
    return classes


def _only_names_classes(key: AnswerKey, attribute: str, value: str) -> bool:
    """Whether a condition such as ``sofa_style = plain`` says no more than which class is meant."""
    for label, column in STYLE_COLUMNS.items():
        if column == attribute:
            planted = any(b.shown_by(attribute, value) for b in key.bugs)
            return not planted and value in ("none", STYLES[label][0])
    return False


def _relied_on(
    key: AnswerKey, conditions: Mapping[str, str], named: object, pulled: object
) -> tuple[str, ...]:
    """``class`` may also name what the model predicts: "with the cue it says …", "without the cue it says …"."""
    ((attribute, value),) = conditions.items()
    if pulled not in (None, named):
        return ()
    return tuple(
        b.id
        for b in key.bugs
        if (b.shown_by(attribute, value) and b.pulls_to == named)
        or (b.missed_by(attribute, value) and b.absence is not None and b.absence[1] != named)
    )


def _acts(bug: Bug, attribute: str, value: str, classes: set[str]) -> bool:
    if bug.shown_by(attribute, value):
        return bool(classes & set(bug.victims))
    return bug.missed_by(attribute, value) and bug.absence is not None and classes == {bug.absence[1]}


def _may_pull(bug: Bug, pulled: object, telling: Mapping[str, str]) -> bool:
    if not any(bug.shown_by(a, v) for a, v in telling.items()):
        return True  # the cue is missing: the prediction may go anywhere
    return bug.pulls_to is None or bug.pulls_to == pulled


def _confusions(key: AnswerKey, classes: set[str], pulled: object) -> tuple[str, ...]:
    """Bugs behind a weak class, or behind the confusion of two classes."""
    if len(classes) == len(CLASSES) and pulled is None:
        return ()
    found = []
    for bug in key.bugs:
        if bug.kind in ("label_noise", "distribution_shift"):
            continue
        hit = bool(classes & set(bug.victims)) and pulled in (None, bug.pulls_to)
        missed = bug.absence is not None and classes == {bug.absence[1]}
        if hit or missed:
            found.append(bug.id)
    return tuple(found)
