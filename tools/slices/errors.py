"""How often the slice of a confirmed finding fails: as it was found, or counted again with the version that is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools import belonging
from failsight.tools.changes.groups import DRAWS, finding_mask
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, Interval
from failsight.tools.experiments.population import check_split
from failsight.tools.notes import called
from failsight.tools.repair.untouched import untouched
from failsight.tools.slices.search import group_codes
from failsight.tools.stats.floors import exact
from failsight.tools.stats.grouped import grouped
from failsight.tools.stats.slices.clusters import rate_interval, wider
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

Mask = npt.NDArray[np.bool_]
PASTED = ("find_marks",)  # tools whose rate is one of pictures that they changed
# kinds whose rate is no error rate of a part of the images
NO_SLICES = ("leakage", "distribution_shift", "label_noise")
ALIKE = 0.9  # of the worth: above, the two intervals differ by their method alone
REGION = "region"  # a place in every picture makes no group


@dataclass(frozen=True, slots=True)
class SliceErrors:
    """Errors in a slice: ``k`` of ``n`` images.

    ``ci``: 95 % interval of the rate, exact, and wider where images come in groups (frames of one video).
    """

    k: int
    n: int
    rate: float
    ci: Interval

    @property
    def worth(self) -> float:
        """Share of the images that would tell as much if each stood alone: 1 where the interval is no wider than exact."""
        low, high = exact(self.k, self.n)
        share = ((high - low) / max(self.ci[1] - self.ci[0], 1e-9)) ** 2
        return share if share < ALIKE else 1.0


Counted = Callable[
    [str, str, Finding], SliceErrors
]  # (split, id of the finding, finding); raises LookupError


def is_slice(finding: Finding) -> bool:
    """Whether a finding is of a part of the images as they are, whose error rate was measured and confirmed to be high."""
    return (
        finding.verdict == "confirmed"
        and not set(finding.slice or ()) <= {REGION}
        and finding.error_rate is not None
        and finding.ci is not None
        and finding.kind not in NO_SLICES
        and finding.failure != "robustness"  # perturbed images are no part of the data
    )


def as_found(split: str, name: str, finding: Finding) -> SliceErrors:
    """The errors that the finding tells. Raises LookupError where these are no plain count of images."""
    if finding.error_rate is None or not finding.n or _pasted(finding):
        raise LookupError(f"The slice of {name} was not counted on the {called(split)} as they are.")
    n, rate = finding.n, finding.error_rate
    k = min(n, max(0, round(rate * n)))
    told = finding.ci if finding.ci is not None and finding.ci[0] <= rate <= finding.ci[1] else (rate, rate)
    return SliceErrors(k, n, rate, wider(exact(k, n), told))


def counter(view: CaseView, seen: CaseView, version: str) -> Counted:
    """What counts the slices of the findings of ``view`` for a verdict.

    Args:
        seen: the case seen with the version that is judged, without the images that trained it.
        version: its name; empty where ``seen`` is ``view``, and slices count as they were found.
    """
    return partial(_counted, view, seen, version)


def spoken_of(view: CaseView, finding: Finding) -> str:
    """The split that a finding's numbers are of: what it says, else that of the call which measured them."""
    if finding.split != "data":
        return finding.split
    told = _source(view, finding)
    return str(told.arguments.get("split") or "data") if told is not None else "data"


def _source(view: CaseView, finding: Finding) -> Evidence | None:
    """The newest evidence that states the finding with the numbers that it has."""
    for one in reversed(view.evidence()):
        if any(
            (f.key, f.n, f.error_rate) == (finding.key, finding.n, finding.error_rate) for f in one.findings
        ):
            return one
    return None


def _counted(
    view: CaseView, seen: CaseView, version: str, split: str, name: str, finding: Finding
) -> SliceErrors:
    if not version and not _pasted(finding):
        return _of_groups(view, split, finding, as_found(split, name, finding))
    with_it = f" with {version}" if version else ""
    failed = f"The slice of {name} was not measured{with_it}"
    if finding.failure == "unknown_unknowns":  # each version is confident of other images
        raise LookupError(f"{failed}: it is one of confident answers.")
    side = check_split(seen, split)
    made = seen.predictions(side)
    inside = finding_mask(seen, side, made, finding)
    if inside is None:
        raise LookupError(f"{failed}: it is not known which of the {called(side)} are in it.")
    own = view.predictions(side)
    free = own.rows[untouched(view, side, finding, ()).keep]  # seen has none that trained the version
    inside = inside & made.labelled & np.isin(made.rows, free)
    if not inside.any():
        raise LookupError(
            f"{failed}: none of the {called(side)} in it neither chose it nor trained the version."
        )
    wrong = made.predicted != made.labels
    if (
        finding.kind in DRAWS and finding.class_name in made.classes
    ):  # images of other classes that are called so
        wrong = made.predicted == made.classes.index(finding.class_name)
    k, n = int((wrong & inside).sum()), int(inside.sum())
    return SliceErrors(k, n, k / n, wider(exact(k, n), _together(view, seen, side, finding, wrong, inside)))


def _together(
    view: CaseView, seen: CaseView, split: str, finding: Finding, wrong: Mask, inside: Mask
) -> Interval:
    """Interval of the rate where images belong together, by the column that the finding's own search took for that."""
    rate = float(wrong[inside].mean())
    made = _source(view, finding)
    group_by = belonging.told(made.arguments.get("group_by")) if made is not None else None
    group_by = group_by or belonging.default_for(seen, split)
    if not group_by:
        return rate, rate
    try:
        groups = group_codes(seen.attributes(split), inside, str(group_by))  # type: ignore[arg-type]
    except RetryError as problem:
        raise LookupError(
            f"What belongs together is no longer known ({clean(str(group_by), 60)}): {problem.args[0]}"
        ) from None
    assert groups is not None
    return rate_interval(wrong[inside], groups)


def _of_groups(view: CaseView, split: str, finding: Finding, found: SliceErrors) -> SliceErrors:
    """The errors as they were found, with the interval that images in groups leave of them where the search did not know these."""
    made = _source(view, finding)
    known = made is not None and belonging.told(made.arguments.get("group_by")) is not None
    if known or belonging.default_for(view, split) is None:
        return found
    side = check_split(view, split)
    table, codes = view.predictions(side), belonging.codes(view, side)
    try:
        inside = finding_mask(view, side, table, finding)
    except RetryError:
        inside = None
    if inside is None or codes is None:
        return found
    inside = inside & table.labelled
    if not inside.any():
        return found
    told = grouped(~table.correct[inside], codes[inside])
    return replace(found, ci=wider(found.ci, told.exact(found.k, found.n)))


def _pasted(finding: Finding) -> bool:
    """Whether its numbers are those of changed pictures; a later experiment adds a test and leaves them."""
    return any(t.tool in PASTED and t.n == finding.n for t in finding.tests)
