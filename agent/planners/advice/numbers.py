"""The figures on which advice rests, each with the evidence that holds it: accuracy, classes, what was judged, what is at stake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from failsight import prompts
from failsight.agent.currency import newest, since
from failsight.agent.narrate.findings import FIRST, ordered
from failsight.agent.narrate.words import criterion
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.expectations.criteria import criteria_of
from failsight.tools.expectations.names import is_share, show_value
from failsight.tools.text import clean, interval, number
from failsight.tools.verdicts import at_stake, measured_part


class Rate(NamedTuple):
    """A share with its 95 % interval, of how many images, and the id of the evidence."""

    value: float
    ci: tuple[float, float] | None
    n: int
    evidence: str

    def __str__(self) -> str:
        return f"{number(self.value)} {interval(self.ci)}".strip()


def rate(state: CaseState, name: str, of: str = "") -> Rate | None:
    """The newest ``name`` about ``of`` that ``evaluate`` measured, such as ``accuracy`` of ``split deploy``."""
    return _rates(state, name).get(of)


def _rates(state: CaseState, name: str) -> dict[str, Rate]:
    """What it is of → the newest ``name`` that ``evaluate`` measured, in one walk: a case may have thousands of classes."""
    made: dict[str, Rate] = {}
    for one in state.measured_now():
        for fact in one.facts if one.tool == "evaluate" else ():
            if fact.name == name and isinstance(fact.value, int | float):
                made[fact.of] = Rate(float(fact.value), _pair(fact), int(fact.n or 0), one.id)
    return made


def accuracy(state: CaseState, split: str = "data") -> Rate | None:
    """The share that is right in one split."""
    return rate(state, "accuracy", "" if split == "data" else f"split {split}")


def of_classes(state: CaseState, classes: Sequence[str], name: str, split: str = "data") -> dict[str, Rate]:
    """Class → ``recall`` or ``precision`` in one split; classes without one are left out."""
    lead = "" if split == "data" else f"split {split}, "
    known = _rates(state, name)
    return {c: known[of] for c in classes if (of := f"{lead}class {c}") in known}


def _pair(fact: Fact) -> tuple[float, float] | None:
    return (float(fact.ci[0]), float(fact.ci[1])) if fact.ci is not None else None


class Judged(NamedTuple):
    """The newest judgement of readiness: its verdict, its criteria, whether it still holds."""

    evidence: Evidence
    verdict: str  # ready | not_ready | undecided
    criteria: list[Mapping[str, Any]]
    stale: str  # what came since; empty where it holds


def judged(state: CaseState) -> Judged | None:
    """What ``readiness`` said last; None where nobody has judged."""
    made = newest(state, "readiness")
    fact = next((f for f in made.facts if f.name == "readiness"), None) if made is not None else None
    if made is None or fact is None:
        return None
    return Judged(made, str(fact.value), list(criteria_of(made)), since(state, made))


def shown(name: str, bound: float, *, at_least: bool = True) -> str:
    """``accuracy at least 90.0 %``."""
    return f"{criterion(name)} {'at least' if at_least else 'at most'} {show_value(name, bound)}"


def measured(row: Mapping[str, Any]) -> str:
    """The value of a criterion with its interval."""
    value, ci = row.get("value"), row.get("ci")
    if value is None:
        return "not measured"
    if not is_share(str(row["name"])):
        return show_value(str(row["name"]), float(value))
    return f"{number(float(value))} {interval(tuple(ci) if ci else None)}".strip()


def largest(state: CaseState) -> list[FindingRecord]:
    """Confirmed findings that nothing mends yet, what feeds the model wrongly first, then those with most errors at stake."""
    some = [r for r in ordered(state) if r.finding.verdict == "confirmed" and not r.earlier and not fixed(r)]
    return sorted(some, key=lambda r: (r.finding.kind not in FIRST, -stake(r)))


def stake(record: FindingRecord) -> int:
    """How many errors among all images a perfect repair would save at most; 0 where errors are not the matter."""
    return round(at_stake(record.finding))


def told_stake(record: FindingRecord) -> str:
    """The same in a sentence, with the images that it was measured on; empty for 0."""
    errors, n = stake(record), record.finding.n or 0
    whole = measured_part(record.finding) == 1
    name = "advice.stake" if whole else "advice.stake.part"
    return prompts.say(name, errors=f"{errors:,}", n=f"{n:,}") if errors else ""


def size(record: FindingRecord) -> str:
    """How many images a finding is about: counted, or where a part of them was measured ``about 226``."""
    part, n = measured_part(record.finding), record.finding.n or 0
    return f"{n:,}" if part == 1 else f"about {round(n / part):,}"


def fixed(record: FindingRecord) -> bool:
    """Whether a verified repair, or the version that the case went on with, mends it."""
    return bool(record.mended) or any(c.status == "verified" for c in record.corrections)


def action(record: FindingRecord) -> str:
    """The first repair proposed for a finding, without its closing point; empty where none was."""
    made = next((c.action for c in record.corrections if c.status in ("proposed", "applied")), "")
    return clean(made, 240).rstrip(".")
