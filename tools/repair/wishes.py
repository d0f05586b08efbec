"""Which pictures a repair lacks: classes and attribute values with their numbers, from a finding or from what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from failsight.tools.attributes.definitions import plain
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.experiments.population import class_index, parse_filters
from failsight.tools.inputs.base import Split
from failsight.tools.repair.prompts import NO, YES, Wanted
from failsight.tools.text import clean
from failsight.tools.view import CaseView

DATA: Split = "data"
NOT_SAID = ("none", "n/a", "not applicable", "unknown", "")
CUES = ("spurious_correlation", "overemphasised_feature")


@dataclass(frozen=True)
class Wish:
    """Pictures of one class with given values.

    Attributes:
        change: what is done to a picture that is there already: ``add`` the cue, ``remove`` it, ``make`` from nothing.
        share: of all pictures to make; shares of all wishes sum to 1.
    """

    wanted: Wanted
    change: str
    share: float


@dataclass(frozen=True)
class Brief:
    """All that is wished for.

    Attributes:
        wishes: in order; their shares sum to 1.
        attribute, value: the cue: an attribute, and its value in pictures that show it; empty for none.
        pulled: class that the cue stands for; −1 for none.
        finding: id and key of the finding; empty for none.
        kind: the finding's kind.
    """

    wishes: tuple[Wish, ...]
    attribute: str = ""
    value: str = ""
    pulled: int = -1
    finding: str = ""
    key: str = ""
    kind: str = ""
    notes: tuple[str, ...] = field(default=())


def make_brief(
    view: CaseView,
    split: Split,
    finding: str | None,
    classes: Sequence[str],
    attributes: Sequence[str] | str,
) -> Brief:
    """What to make: by default what the finding lacks, else every class with the given attributes.

    A cue that is taken for a sign of a class: other classes with it and the class without it, half each. Anything else:
    the class (or classes) with the slice's values.

    Raises:
        RetryError: no such finding, class or attribute; or nothing says what to make.
    """
    found = finding_of(view, finding) if finding or classes or attributes else next_finding(view)
    given = {f.name: f.value for f in parse_filters(attributes) if f.op == "="}
    _known(view, split, given)
    chosen = [view.classes[class_index(view.classes, c)] for c in classes]
    if found is None and not chosen and not given:
        raise RetryError(
            "Say what to make: finding=F1, or classes and attributes (television=yes).",
            [i for i, _ in view.findings()],
        )
    name, stated = found or ("", None)
    values = given or dict((stated.slice or {}) if stated else {})
    pulled = class_index(view.classes, stated.class_name) if stated and stated.class_name else -1
    if stated and stated.kind in CUES and pulled >= 0 and len(values) == 1:
        return _about_cue(view, split, name, stated, pulled, next(iter(values.items())), chosen)
    names = chosen or ([view.classes[pulled]] if pulled >= 0 else having(view, split, values))
    one = next(iter(values.items())) if len(values) == 1 else ("", "")
    change = change_to(one[1]) if one[0] else "make"
    wishes = tuple(Wish(Wanted(c, values), change, 1 / len(names)) for c in names)
    one = (one[0], present(view, split, *one)) if one[0] else one
    notes = () if chosen or pulled >= 0 else _left_out(view, names)
    if stated is None:
        return Brief(wishes, *one, notes=notes)
    return Brief(wishes, *one, finding=name, key=stated.key, kind=stated.kind, notes=notes)


def _about_cue(
    view: CaseView,
    split: Split,
    name: str,
    stated: Finding,
    pulled: int,
    cue: tuple[str, str],
    chosen: Sequence[str],
) -> Brief:
    attribute, value = cue
    other = opposite(view, split, attribute, value)
    own = view.classes[pulled]
    there = having(view, split, {attribute: value})
    rest = [c for c in chosen or there if c != own]
    wishes = [Wish(Wanted(c, {attribute: value}), change_to(value), 0.5 / len(rest)) for c in rest]
    if other is not None and (own in chosen or (not chosen and own in there)):
        back = "remove" if change_to(value) == "add" else "add"
        wishes.append(Wish(Wanted(own, {attribute: other}), back, 0.5))
    total = sum(w.share for w in wishes)
    if not wishes:
        raise RetryError(
            f"classes: {clean(own, 60)} alone has no value of {clean(attribute, 60)} to change to."
        )
    wishes = [Wish(w.wanted, w.change, w.share / total) for w in wishes]
    notes = () if chosen else _left_out(view, [*rest, own])
    shown = present(view, split, attribute, value)
    return Brief(tuple(wishes), attribute, shown, pulled, name, stated.key, stated.kind, notes)


def change_to(value: str) -> str:
    """What is done to a picture so that it gets the value: ``no`` takes the cue out, any other puts it in."""
    return "remove" if plain(value) in NO else "add"


def present(view: CaseView, split: Split, attribute: str, value: str) -> str:
    """The value of pictures that show the cue: ``yes`` for ``no``, else the value itself."""
    if plain(value) not in NO:
        return value
    return opposite(view, split, attribute, value) or "yes"


def having(view: CaseView, split: Split, values: Mapping[str, str]) -> list[str]:
    """Classes of whose pictures these attributes can be said at all: a kitchen has no kind of bath.

    A class counts where the attributes are known, and not ``none``, for a tenth as many of its pictures as in the class
    where they are known most (fewer may be wrong labels). All classes where nothing is known.
    """
    counts = np.zeros(len(view.classes), np.int64)
    for where in dict.fromkeys((split, DATA)):
        if where not in view.splits() or not values:
            continue
        labels = np.asarray(view.table(where).labels)
        keep = labels >= 0
        for name in values:
            said = values_of(view, where, name)
            keep &= np.array([v is not None and plain(v) not in NOT_SAID for v in said], bool)
        counts += np.bincount(labels[keep], minlength=len(counts))
    if not counts.any():
        return list(view.classes)
    return [c for c, n in zip(view.classes, counts.tolist(), strict=True) if n >= max(1, counts.max() / 10)]


def _left_out(view: CaseView, names: Sequence[str]) -> tuple[str, ...]:
    rest = [clean(c, 60) for c in view.classes if c not in names]
    if not rest:
        return ()
    return (f"Not made of {', '.join(rest)}: the attribute says nothing of these (classes=… asks for them).",)


def finding_of(view: CaseView, finding: str | None) -> tuple[str, Finding] | None:
    """(id, finding); None for none. Raises RetryError naming those there are."""
    if not finding:
        return None
    for name, one in view.findings():
        if name.lower() == finding.strip().lower():
            return name, one
    raise RetryError(f"There is no finding {clean(finding, 40)!r}.", [i for i, _ in view.findings()])


def next_finding(view: CaseView) -> tuple[str, Finding] | None:
    """The first confirmed finding that more or other pictures could repair; None where there is none."""
    kinds = (*CUES, "rare_case", "weak_slice", "missing_feature", "class_imbalance")
    named = (
        (i, f)
        for i, f in view.findings()
        if f.verdict == "confirmed" and f.kind in kinds and (f.slice or f.class_name)
    )
    return next(named, None)


def opposite(view: CaseView, split: Split, attribute: str, value: str) -> str | None:
    """What a picture has instead of ``value``: no for yes, else the most frequent other value; None where there is none."""
    if plain(value) in YES or plain(value) in NO:
        swapped = {"yes": "no", "no": "yes", "true": "false", "false": "true", "1": "0", "0": "1"}
        return swapped.get(plain(value), "no" if plain(value) in YES else "yes")
    counts = Counter(v for v in values_of(view, split, attribute) if v is not None and v != value)
    return counts.most_common(1)[0][0] if counts else None


def values_of(view: CaseView, split: Split, attribute: str) -> list[str | None]:
    """The attribute of every row of a split's table as text; None where it is unknown.

    Metadata first, then the presence of boxed objects, then what the case's attribute table says.
    """
    table = view.table(split)
    made: list[str | None] = [None] * len(table)
    if attribute in table.columns:
        for i, v in enumerate(table.columns[attribute]):
            made[i] = None if v is None or v != v else _text(v)
        return made
    if table.boxes is not None and any(attribute in b for b in table.boxes):
        return ["yes" if b.get(attribute) else "no" for b in table.boxes]
    attributes = view.attributes(split)
    if attribute in attributes.columns:
        column = np.asarray(attributes.columns[attribute], object)
        for row, v in zip(attributes.rows.tolist(), column.tolist(), strict=True):
            made[row] = None if v is None or v != v else _text(v)
    return made


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _known(view: CaseView, split: Split, given: Mapping[str, str]) -> None:
    for name in given:
        if any(v is not None for v in values_of(view, split, name)):
            continue
        if any(name in (d.name, d.origin) for d in view.definitions()):
            continue
        raise RetryError(
            f"attributes: there is no attribute {clean(name, 60)!r}.",
            [*view.table(split).columns, *view.attributes(split).columns][:30],
        )


def numbers(wishes: Sequence[Wish], count: int) -> list[int]:
    """How many pictures of each wish: ``count`` in all, by largest remainders."""
    exact = [w.share * count for w in wishes]
    made = [int(x) for x in exact]
    order = sorted(range(len(wishes)), key=lambda i: (made[i] - exact[i], i))
    for i in order[: count - sum(made)]:
        made[i] += 1
    return made
