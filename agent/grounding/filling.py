"""Placeholders: a planner names a measured value, ``{E3.accuracy}``, and the value itself is put there.

A number that comes from the record this way can't be wrong, so it needs no check; one that names nothing is an error
that the planner is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.statements import ASKED
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence, Fact
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
    found += [(m, *tell(m["what"], m["rest"])) for m in ASKED.finditer(text)] if tell else []
    for match, value, ref, reason in sorted(found, key=lambda f: f[0].start()):
        before = text[at : match.start()]
        cited = re.match(rf"\W{{0,2}}\[[^\]]*\b{ref.split(',')[0]}\b", text[match.end() :]) is not None
        new = value + ("" if cited or not ref else f" [{ref}]") if value else match[0]
        start = size + len(before)
        refs = tuple(ref.split(", ")) if value and ref else ()
        (made if value else unknown).append(
            Claim("number", start, start + len(new), bool(value), refs, reason)
        )
        parts += [before, new]
        size, at = start + len(new), match.end()
    return Filled("".join((*parts, text[at:])), tuple(made), tuple(unknown))


def _recorded(match: re.Match[str], state: CaseState) -> tuple[str, str, str]:
    value, reason = _value(match["id"], match["name"], state)
    return value, match["id"], reason


def _value(name: str, wanted: str, state: CaseState) -> tuple[str, str]:
    """(what is put in, why nothing is)."""
    record = state.find(name) if name.startswith("F") else None
    if record is not None:
        known = dict(_of_finding(record))
        value = known.get(_key(wanted), "")
        return value, "" if value else f"{name} has no {clean(wanted, 60)}; it has {', '.join(known)}"
    made = next((e for e in state.evidence if e.id == name), None)
    if made is None:
        return "", f"there is no {name}"
    if _key(wanted) == "summary":
        return clean(made.summary, 2000).rstrip("."), ""
    found = _facts(made, wanted)
    if len(found) == 1:
        return _shown(found[0]), ""
    near = found or [f for f in made.facts if _key(wanted).startswith(_key(f.name))] or made.facts
    names = ", ".join(dict.fromkeys(_called(f) for f in near[:_LISTED]))
    why = "several values are called" if found else "has no"
    told = f"{name}: {why} {clean(wanted, 60)}" if found else f"{name} {why} {clean(wanted, 60)}"
    return "", f"{told}; there are {names}" if names else told


def _facts(made: Evidence, wanted: str) -> Sequence[Fact]:
    """The facts that a name may mean: by its whole name, else those of which it gives the name and says what they are of."""
    key = _key(wanted)
    exact = [
        f
        for f in made.facts
        if key in (_key(_called(f)), _key(f"{f.name} {f.of}"), _key(f.of and f"{f.of} {f.name}"))
    ]
    if exact:
        return exact[:1]
    named = [f for f in made.facts if key.startswith(_key(f.name))]
    longest = max((len(f.name) for f in named), default=0)
    rest = set(key[longest:].split()) - {"of", "class", "slice", "split", "the"}
    words = [
        (f, set(_key(f.of).split()) - {"of", "class", "slice", "split"})
        for f in named
        if len(f.name) == longest
    ]
    fits = [f for f, own in words if rest and rest == own] or [f for f, own in words if rest and rest <= own]
    return fits


def _of_finding(record: FindingRecord) -> Iterator[tuple[str, str]]:
    found = record.finding
    yield "verdict", found.verdict or "open"
    yield "statement", clean(found.statement, 1000).rstrip(".")
    if found.tests:
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


def _called(fact: Fact) -> str:
    return clean(f"{fact.name} of {fact.of}" if fact.of else fact.name, 80)


def _key(name: str) -> str:
    """A name as names are compared: lower case, words apart."""
    return " ".join(re.split(r"[\s_,.:=&()\[\]-]+", name.strip().lower())).strip()


def _shown(fact: Fact) -> str:
    return clean(f"{number(fact.value, fact.unit)} {interval(fact.ci, fact.unit)}".strip(), 200)
