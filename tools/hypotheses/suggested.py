"""What earlier searches of the case had made of a group that is to be tested: on which images, and how many tests that takes into account.

A group that a search brought up is tested on images that had no say in that. A table that compared every group on all images leaves no
others: there its tests are counted with this one, and so are the values of an overview that named the worst of them. A group that was named
before any search saw it, or that none brought up, keeps all images.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, TestResult, Tried, group_key
from failsight.tools.experiments.population import Filter, rows_meeting
from failsight.tools.hypotheses.typed import conditions_of, in_words
from failsight.tools.inputs.base import Split
from failsight.tools.slices.halves import searched_half
from failsight.tools.text import listing, p_value
from failsight.tools.view import CaseView

Mask = npt.NDArray[np.bool_]
TABLES = ("disaggregate", "attribute_overview")
SEARCHES = ("find_slices", *TABLES)
WORST = "most wrong where"  # the column of an overview that names the value with the highest error rate
_RANGE = re.compile(
    r"\((?:(?P<low>[-\d.e+]+) to (?P<high>[-\d.e+]+)|< (?P<below>[-\d.e+]+)|≥ (?P<from>[-\d.e+]+))\)$"
)


@dataclass(frozen=True)
class Suggested:
    """What earlier searches had to do with a group.

    Attributes:
        keep: (rows of the table,) images that no search brought the group up on; all where none did.
        by: evidence of the searches that brought it up on a half of the images.
        all_by: evidence of those that brought it up on all of them, without a test.
        times: how many tests a table of all groups makes of this one; p is multiplied by it.
        floor: the q that a table gave this very group on these images; no q of this test is smaller.
        tables: evidence of these tables.
        earlier: the outcome of each test of this very group, in words.
        together: column whose images the last of these tests counted together; empty for none.
    """

    keep: Mask
    by: tuple[str, ...] = ()
    all_by: tuple[str, ...] = ()
    times: int = 1
    floor: float = 0.0
    tables: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    together: str = ""

    @property
    def clean(self) -> bool:
        """Whether no search had brought the group up."""
        return not (self.by or self.all_by or self.tables)


def suggested(
    view: CaseView, split: Split, conditions: Sequence[Filter], class_name: str | None, called: str | None
) -> Suggested:
    """Look through the searches of the case on these images, oldest first.

    Args:
        conditions: of the group, on attributes.
        class_name: the true class that the test stays in. called: the class whose wrong calls count; None for all errors.
    """
    slice_ = {one.name: in_words(one) for one in conditions}
    group = group_key(slice_, class_name, split)
    made = Suggested(np.ones(len(view.table(split)), bool))
    for one in view.evidence():
        if one.tool == "state_hypothesis" and any(f.group == group for f in one.findings):
            break  # named before what came after it
        if one.tool in SEARCHES and str(one.arguments.get("split") or "data") == split:
            made = _after(view, split, made, one, conditions, class_name, group if called is None else "")
    return made


def _after(
    view: CaseView,
    split: Split,
    made: Suggested,
    one: Evidence,
    conditions: Sequence[Filter],
    class_name: str | None,
    group: str,
) -> Suggested:
    """With one more search."""
    about = [t for t in _brought_up(one) if _touches(view, split, t, conditions, class_name)]
    if not about:
        return made
    same = [t for t in about if t.group == group and not t.apart]
    if same:
        test = same[-1].test
        said = f"{one.id} {test.verdict}, p {p_value(test.p)}"
        made = replace(made, earlier=(*made.earlier, said), together=test.together or made.together)
    if one.tool in TABLES:
        return _after_table(view, made, one, same, class_name)
    predictions = view.predictions(split)
    half = searched_half(view, split, predictions, one)
    if half is None:
        return replace(made, all_by=(*made.all_by, one.id))
    keep = made.keep.copy()
    keep[predictions.rows[half]] = False
    return replace(made, keep=keep, by=(*made.by, one.id))


def _after_table(
    view: CaseView, made: Suggested, one: Evidence, same: Sequence[Tried], class_name: str | None
) -> Suggested:
    """A table compared all groups on all images: its q of this one stands, or as many tests are counted as it compared groups."""
    tables = (*made.tables, one.id)
    if same:
        q = same[-1].test.q
        return replace(made, floor=max(made.floor, same[-1].test.p if q is None else q), tables=tables)
    classes = len(view.classes) if class_name is not None and not one.arguments.get("class_name") else 1
    tests = (len(one.tried) or sum(values for _, _, values in _worst_values(one))) * classes
    return replace(made, times=max(made.times, tests), tables=tables)


def _brought_up(one: Evidence) -> list[Tried]:
    """The groups that a search or table showed: those it tested, and those it listed without a test."""
    untested = TestResult(one.tool, 0.0, (-1.0, 1.0), 1.0, 0, "inconclusive")
    listed = [
        Tried(f.slice, untested, f.class_name, f.split, True) for f in one.findings if f.group and f.slice
    ]
    within = str(one.arguments.get("class_name") or "") or None
    split = str(one.arguments.get("split") or "data")
    listed += [Tried({name: value}, untested, within, split, True) for name, value, _ in _worst_values(one)]
    known = {t.group for t in one.tried}
    return [*one.tried, *(t for t in listed if t.group not in known)]


def _worst_values(one: Evidence) -> list[tuple[str, str, int]]:
    """What an overview names as most wrong: attribute, value, and of how many values it is the worst."""
    return [
        (str(row[0]), str(row[columns.index(WORST)]), int(str(row[columns.index("values")])))
        for table in one.tables
        if WORST in (columns := table.columns)
        for row in table.rows
        if row[columns.index(WORST)] is not None
    ]


def _touches(
    view: CaseView, split: Split, other: Tried, conditions: Sequence[Filter], class_name: str | None
) -> bool:
    """Whether a group shares one of these conditions, or a range of the same number that overlaps it, within the same class or all."""
    if class_name is not None and other.class_name not in (None, class_name):
        return False
    return any(
        _overlap(view, split, mine, other.slice[mine.name]) for mine in conditions if mine.name in other.slice
    )


def _overlap(view: CaseView, split: Split, mine: Filter, value: str) -> bool:
    if in_words(mine) == value:
        return True
    try:
        met, _ = rows_meeting(view, split, (mine,))
        theirs, _ = rows_meeting(view, split, conditions_behind({mine.name: value}))
    except RetryError:  # a range in words that can't be read back: it may overlap
        return any(sign in value for sign in ("<", "≥", " to "))
    return bool((met & theirs).any())


def conditions_behind(slice_: Mapping[str, str] | None) -> tuple[Filter, ...]:
    """The conditions of a slice, with those behind a range as slices name it: ``low (< 7)``, ``middle (3 to 7)``."""
    return tuple(one for name, value in (slice_ or {}).items() for one in _span(name, value))


def _span(name: str, value: str) -> tuple[Filter, ...]:
    found = _RANGE.search(value)
    if found is None:
        return conditions_of({name: value})
    low, high = found["low"] or found["from"], found["high"] or found["below"]
    return (*((Filter(name, ">=", low),) if low else ()), *((Filter(name, "<", high),) if high else ()))


def told(made: Suggested, left: int, all_: int) -> list[str]:
    """What a person has to know of it. ``left`` of ``all_`` images test."""
    said = []
    if made.by:
        names = listing(list(dict.fromkeys(made.by)))
        said.append(
            f"A search of this case ({names}) had brought this group up, or one that shares a condition with it: only the {left:,} of {all_:,} images "
            "that did not suggest it test it."
        )
    if made.all_by:
        said.append(
            f"{listing(list(dict.fromkeys(made.all_by)))} brought this group up on all of these images, without a test: none are left that did not suggest "
            "it, so that nothing is confirmed on them."
        )
    if made.tables:
        names = listing(list(dict.fromkeys(made.tables)))
        if made.floor:
            said.append(
                f"{names} had tested this very group on these images among all groups: its q ({p_value(made.floor)}) is the least that holds here, too."
            )
        if made.times > 1:
            said.append(
                f"{names} had compared {made.times:,} groups and classes on these images: p is multiplied by {made.times:,}."
            )
    if made.earlier:
        said.append(f"Tested before: {listing(list(made.earlier), 6)}.")
    return said
