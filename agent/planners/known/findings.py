"""Which findings are about the things that a sentence names, the most specific first, each in a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.findings import ordered
from failsight.agent.narrate.phrases import PULLS
from failsight.agent.narrate.plain import for_requesters
from failsight.knowledge_base.condition_text import parts
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.planners.known.things import Things
    from failsight.agent.state import CaseState, FindingRecord
    from failsight.tools.evidence import Finding

STANDING: Final = ("confirmed", "inconclusive", "open")
COLLECT: Final = "collect"  # the repair by further pictures
_SHIFT: Final = "distribution_shift"


def about(state: CaseState, things: Things) -> list[FindingRecord]:
    """Findings about all or some of the things, those about the most of them first; refuted ones left out.

    A finding about another value of a column that is named, or about another class, is about something else.
    """
    scored = [
        (score, r) for r in ordered(state) if r.standing in STANDING and (score := _score(r, things)) > 0
    ]
    scored.sort(
        key=lambda one: (-one[0], one[1].standing != "confirmed")
    )  # of equal ones the order of the report
    return [r for _, r in scored]


def exactly(state: CaseState, things: Things) -> FindingRecord | None:
    """The finding about all of the things: the class and the whole group, or the column and its value; None where there is none."""
    found = about(state, things)[:1]
    return next((r for r in found if _covers(r.finding, things)), None)


def is_of_group(record: FindingRecord, things: Things) -> bool:
    """Whether a finding is of the group that is named, or of its class as a whole."""
    return not record.finding.slice or any(_meets(record.finding, c) for c in things.group)


def line(record: FindingRecord, *, whole: bool = False) -> str:
    """A finding in one sentence, with its standing, its numbers and what it rests on; ``whole``: all that its statement says."""
    finding = record.finding
    said = clean(finding.statement if whole else for_requesters(finding), 600 if whole else 320).rstrip(".")
    return prompts.say(
        "known.finding",
        id=record.id,
        standing=record.standing,
        statement=said,
        evidence=", ".join(record.evidence[:2]),
    )


def to_collect(state: CaseState, record: FindingRecord) -> tuple[str, str]:
    """What is to be collected against a finding, and the sentence that says so with the evidence that proposed it; empty where nothing is."""
    found = next((c.action for c in record.corrections if c.strategy == COLLECT), "")
    if not found:
        return "", ""
    action = clean(found, 240).rstrip(".")
    source = next(
        (
            e.id
            for e in reversed(state.evidence)
            if any(c.finding == record.finding.key and c.strategy == COLLECT for c in e.corrections)
        ),
        "",
    )
    if not source:
        return action, prompts.say("known.collect.unmeasured", id=record.id, action=action)
    return action, prompts.say("known.collect", id=record.id, action=action, evidence=source)


def _covers(finding: Finding, things: Things) -> bool:
    held = {c for c in things.group if _meets(finding, c)}
    names = {finding.class_name, finding.confused_with}
    return held == set(things.group) and all(c in names for c in things.classes)


def _score(record: FindingRecord, things: Things) -> int:
    """How many of the things a finding is about; 0 where it is about other ones."""
    finding = record.finding
    slice_ = dict(finding.slice or {})
    if any(_denies(slice_, c) for c in things.group):
        return 0
    met = sum(_meets(finding, c) for c in things.group)
    named = [c for c in (finding.class_name, finding.confused_with) if c]
    classes = sum(c in things.classes for c in named[:1]) * 2 + sum(c in things.classes for c in named[1:])
    pulls = finding.kind in PULLS and met > 0  # it says what such images of any other class are called
    if things.classes and named and not classes and not pulls:
        return 0
    columns = sum(c in slice_ for c in things.columns)
    moved = finding.kind == _SHIFT and things.split == "deploy"
    score = 4 * met + 2 * classes + 3 * columns + (3 if moved and (classes or not things.classes) else 0)
    if things.group and not met and not classes and not moved:
        return 0
    return score


def _meets(finding: Finding, one: str) -> bool:
    """Whether a finding's group is that of a condition, a part of it, or told in the statement of a finding about a shift."""
    name, sign, value = parts(one)
    own = dict(finding.slice or {}).get(name)
    if own is not None:
        return own in value.split("|") if sign == "=" else _overlaps(own, sign, value)
    if finding.kind == _SHIFT and not finding.class_name and sign == "=":
        spoken = [f"{name} {v}".replace("_", " ") for v in value.split("|")]
        return any(s in finding.statement.replace("_", " ") for s in spoken)
    return False


def _denies(slice_: dict[str, str], one: str) -> bool:
    """Whether a finding speaks of the images that a condition leaves out."""
    name, sign, value = parts(one)
    if name not in slice_:
        return False
    own = slice_[name]
    return own not in value.split("|") if sign == "=" else not _overlaps(own, sign, value)


def _overlaps(own: str, sign: str, value: str) -> bool:
    """Whether a range of numbers, as a finding has it (``≥ 1050``, ``950 to 1050``), lies on the side of a limit."""
    ends = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", own)]
    try:
        limit = float(value)
    except ValueError:
        return sign == "!=" and own != value
    if not ends:
        return False
    if len(ends) == 1 and re.search(r"[<≤]|up to|below|under", own):
        return sign in ("<", "<=")
    if len(ends) == 1:
        return sign in (">", ">=") and (ends[0] >= limit or bool(re.search(r"[>≥]|above|over|from", own)))
    middle = (ends[0] + ends[1]) / 2
    return middle > limit if sign in (">", ">=") else middle <= limit
