"""A finding with everything that speaks to it, and how what is said of it again becomes one record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from failsight.tools.evidence import (
    Correction,
    Evidence,
    Finding,
    Instrument,
)


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """A finding with its id and everything that speaks to it."""

    id: str
    finding: Finding
    evidence: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    withdrawn: str = ""  # who took the hypothesis back; it may be stated or measured again
    version: str = ""  # of the model that it speaks of; empty: the model as given
    mended: str = ""  # the version that mends it, and with which the case went on
    earlier: bool = False  # the case went on with another version since, and this does not speak of that one

    @property
    def standing(self) -> str:
        """Its verdict; without one, whether it is open or was taken back; ``earlier`` where it speaks of another version."""
        if self.earlier:
            return "earlier"
        return self.finding.verdict or ("withdrawn" if self.withdrawn else "open")


def set_aside(record: FindingRecord, *, earlier: bool = True) -> tuple[str, FindingRecord]:
    """A key of its own for what was said of another version, so that the same found again is another finding."""
    return f"{record.finding.key}@{record.id}", dataclasses.replace(record, earlier=earlier)


def not_proposed(record: FindingRecord) -> tuple[Correction, ...]:
    """Its corrections without those that are proposed only."""
    return tuple(c for c in record.corrections if c.status != "proposed")


def planned(plan: Instrument, finding: Finding, evidence: Evidence) -> bool:
    """Whether a plan is for this finding alone, or is that of the very call that brought it up among others."""
    if plan.finding == finding.key:
        return True
    judged = finding.verdict is not None  # what stays open waits for a plan of its own
    return judged and plan.covers(finding, evidence.tool) and dict(plan.arguments) == dict(evidence.arguments)


def merge_findings(old: Finding, new: Finding) -> Finding:
    """One finding out of two of equal key: tests are joined, what is newly known replaces what was, and the latest
    verdict that is not None holds (an experiment outranks the association that prompted it). An association seen again, in some part
    of the images say, changes nothing of what was decided."""
    decided = old.verdict is not None and new.verdict is None
    kept = {f.name: getattr(old, f.name) for f in dataclasses.fields(Finding)}
    for name in kept:
        value = getattr(new, name)
        if name == "tests":  # the same result measured again is one result
            known = {dataclasses.replace(t, evidence="") for t in old.tests}
            fresh = (t for t in new.tests if dataclasses.replace(t, evidence="") not in known)
            kept[name] = (*old.tests, *fresh)
        elif name == "part":  # belongs to the number of images
            kept[name] = new.part if kept["n"] == new.n and new.n is not None else kept[name]
        elif value not in (None, "", ()) and not (decided and kept[name] not in (None, "", ())):
            kept[name] = value
    return Finding(**kept)
