"""Placeholders: a planner names a measured value, ``{E3.accuracy}``, and the value itself is put there.

A number that comes from the record this way can't be wrong, so it needs no check; one that names nothing is an error
that the planner is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from failsight.agent.grounding.calculated import CALCULATED, calculated
from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.recorded_facts import called, facts, key
from failsight.agent.grounding.statements import ASKED
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Fact
from failsight.tools.text import clean, interval, number, p_value

PLACE = re.compile(r"\{\s*(?P<id>[EF]\d+)\s*[.:]\s*(?P<name>[^{}\n]{1,120}?)\s*\}")
_LISTED = 8  # names that an error tells


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its placeholders filled in.

    Attributes:
        text: the text with values.
        made: one claim for each value, where it stands now.
        unknown: one claim for each placeholder that names nothing; it stays in the text as it is.
    """

    text: str
    made: tuple[Claim, ...] = ()
    unknown: tuple[Claim, ...] = ()


#: what is asked for ("compare", its words) → what is put there, the evidence that holds it, why nothing is
Teller = Callable[[str, str], tuple[str, str, str]]


def fill(text: str, state: CaseState, tell: Teller | None = None) -> Filled:
    """``text`` with every placeholder replaced by the recorded value, its interval and a reference."""
    if "{" not in text:
        return Filled(text)
    parts: list[str] = []
    made: list[Claim] = []
    unknown: list[Claim] = []
    at = size = 0
    found = [(m, *_recorded(m, state)) for m in PLACE.finditer(text)]
    found += [(m, *calculated(m["what"].lower(), m["rest"], state)) for m in CALCULATED.finditer(text)]
    found += [(m, *tell(m["what"], m["rest"])) for m in ASKED.finditer(text)] if tell else []
    for match, value, ref, reason in sorted(found, key=lambda f: f[0].start()):
        before = text[at : match.start()]
        cited = re.match(rf"\W{{0,2}}\[[^\]]*\b{ref.split(',')[0]}\b", text[match.end() :]) is not None
        value, after = _joined(value, before, text[match.end() :])
        new = value + ("" if cited or not ref or "\n|" in value else f" [{ref}]") if value else match[0]
        if value and _SENTENCE.search(match[0]):
            new = _as_sentence(new, "".join((*parts, before))[-3:], text[match.end() :])
        start = size + len(before)
        refs = tuple(ref.split(", ")) if value and ref else ()
        (made if value else unknown).append(
            Claim("number", start, start + len(new), bool(value), refs, reason)
        )
        parts += [before, new]
        size, at = start + len(new), match.end() + after
    return Filled("".join((*parts, text[at:])), tuple(made), tuple(unknown))


_UNIT = re.compile(r"[ \t]*(%|(?:percentage )?points\b)")
_MOVED = re.compile(
    r"\b(?:by|(?:drop|fall|loss|gap|difference|rise|gain|increase|decrease|decline) of)(?: about| around| only| just)?\s*$",
    re.IGNORECASE,
)


def _joined(value: str, before: str, after: str) -> tuple[str, int]:
    """A value as it stands between its words, and how many characters behind it it replaces: "falls by" takes no plus, a
    unit is said once, a table begins on a line of its own."""
    if value.startswith("+") and _MOVED.search(before):
        value = value[1:]
    unit = _UNIT.match(after)
    if value.startswith("|") and before.strip() and not before.endswith("\n\n"):
        value = "\n" * (1 if before.endswith("\n") else 2) + value
    return value, unit.end() if value and unit and value.endswith(unit[1].split()[-1]) else 0


_SENTENCE = re.compile(r"[.:]\s*(?:statement|summary)\b|^\{\s*(?:compare|order)\b", re.IGNORECASE)


def _as_sentence(said: str, before: str, after: str) -> str:
    """What is put in as a sentence of its own begins with a capital letter and ends with a full stop."""
    if re.search(r"(?:^|[.!?*]\s+|\n)$", before):
        said = said[0].upper() + said[1:]
    return said + "." if re.match(r"\s+[A-Z*]|\s*\n|\s*$", after) else said


def _recorded(match: re.Match[str], state: CaseState) -> tuple[str, str, str]:
    value, reason = _value(match["id"], match["name"], state)
    return value, match["id"], reason


def _value(name: str, wanted: str, state: CaseState) -> tuple[str, str]:
    """(what is put in, why nothing is)."""
    record = state.find(name) if name.startswith("F") else None
    if record is not None:
        known = dict(_of_finding(record))
        value = known.get(key(wanted), "")
        return value, "" if value else f"{name} has no {clean(wanted, 60)}; it has {', '.join(known)}"
    made = next((e for e in state.evidence if e.id == name), None)
    if made is None:
        return "", f"there is no {name}"
    if key(wanted) == "summary":
        return clean(made.summary, 2000).rstrip("."), ""
    found = facts(made, wanted)
    if len(found) == 1:
        return _shown(found[0]), ""
    near = found or [f for f in made.facts if key(wanted).startswith(key(f.name))] or made.facts
    names = ", ".join(dict.fromkeys(called(f) for f in near[:_LISTED]))
    why = "several values are called" if found else "has no"
    told = f"{name}: {why} {clean(wanted, 60)}" if found else f"{name} {why} {clean(wanted, 60)}"
    return "", f"{told}; there are {names}" if names else told


def _of_finding(record: FindingRecord) -> Iterator[tuple[str, str]]:
    found = record.finding
    yield "verdict", found.verdict or "open"
    yield "statement", clean(found.statement, 1000).rstrip(".")
    said = re.split(r": | \(|\. ", clean(found.statement, 300))[0].rstrip(".")
    yield "short", f"{said} ({found.verdict or 'not decided'})"
    if found.tests and found.tests[-1].effect is not None:
        test = found.tests[-1]
        yield "effect", f"{number(test.effect, 'points')} {interval(test.ci, 'points')}".strip()
        if test.control_effect is not None:
            yield "control effect", number(test.control_effect, "points")
    if found.error_rate is not None:
        yield "error rate", f"{number(found.error_rate)} {interval(found.ci)}".strip()
    if found.base_error_rate is not None:
        yield "base error rate", number(found.base_error_rate)
    if found.n is not None:
        yield "n", f"{found.n:,}"
    for name, value in (("p", found.p), ("q", found.q)):
        if value is not None:
            yield name, p_value(value)


def _shown(fact: Fact) -> str:
    if fact.value in ("ready", "not_ready", "undecided"):
        return str(fact.value).replace("_", " ")
    return clean(f"{number(fact.value, fact.unit)} {interval(fact.ci, fact.unit)}".strip(), 200)
