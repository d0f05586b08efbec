"""What was found and measured, told again: by the id of a finding or of evidence, or all of it.

Nothing is measured for such a question: the journal has the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.narrate.findings import ordered
from failsight.agent.planners import phrases, words
from failsight.agent.planners.dialogue import Act, Turn, given
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

MOST, MOST_FOUND, MOST_PICTURES = 3, 12, 8  # ids told of one sentence, findings listed, pictures named
_PICTURES: Final = re.compile(r"\b(?:images?|pictures?|photos?|examples?)\b", re.IGNORECASE)
_WHY: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?)\W+)*(?:why|explain|how do you know|on what|prove)\b", re.IGNORECASE
)
_REASON: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?)\W+)*(?:why|how do you know|on what|prove)\b", re.IGNORECASE
)
#: a finding to be mended or tested: a question for its tool, where that takes the finding
_MENDING: Final = re.compile(
    r"\b(?:repair|fix|mend|cur(?:e|ing)|remed|correct|improv|rid of|solv|retrain|prevent|avoid|address|tackle|deal with|better|suggest|propos|recommend|reduc|do about|done about|"
    r"(?<!speaks )(?<!speak )(?<!evidence )(?<!says )(?<!argues )(?<!argue )(?<!counts )(?<!is )against)\w*",
    re.IGNORECASE,
)
_TESTING: Final = re.compile(
    r"\b(?:re-?test|test|try|run|verify|mask|cover|hide|add|insert|paste|swap|exchange|replace|check|re-?measure|repeat|redo|generate|make|be tested|be checked)\b",
    re.IGNORECASE,
)
_ABOUT_PAST: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?)\W+)*(?:how (?:did|was|were|do you know|sure|certain|large|big|strong)|why|when|who|what (?:did|was|were|does|do|is|kind|test|speaks)|which|did|was|were|has|have|had|is|are|does)\b",
    re.IGNORECASE,
)
_NOT_AN_ID: Final = re.compile(
    r"\b(?:the|its|an?|which|what|macro|micro|mean|average|overall|weighted|best|precision|recall|accuracy|class|class-?wise)[ -]F1\b(?! (?:finding|hypothesis))"
    r"|\bF[12](?:[ -](?:score|measure|values?|of (?:each|every|all|the))|,? (?:precision|recall|accuracy)\b| (?:per|by|for each|for every) (?:class|category|label)\b)",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?<![\w#./\\-])([FE]\d{1,4})(?![\w#]|[./\\-]\w)", re.IGNORECASE)


def named(question: str, mentions: Mentions) -> list[str]:
    """Ids of findings and evidence that a sentence names, in order; not those of a measure called F1."""
    if _NOT_AN_ID.search(question) and not mentions.of("evidence"):
        return []
    return list(dict.fromkeys(m.name for m in mentions.found if m.role in ("finding", "evidence")))


def looked_at(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """``show me E10``, ``why F1?``, ``the images of F8``: what they are, or their images; None for other sentences."""
    if phrases.LOOK.match(question):
        return about(case, question, mentions)
    if _WHY.match(question) and named(question, mentions) and not is_action(question):
        return about(case, question, mentions)
    return None


def unless_done(
    case: Case, question: str, mentions: Mentions, made: Mapping[str, Any] | None
) -> AIMessage | None:
    """What a sentence names, told, unless it wants something done with it and ``made`` is the call that does it."""
    ids = named(question, mentions)
    if ids and made is not None and is_action(question) and any(i in made["arguments"].values() for i in ids):
        return None
    return about(case, question, mentions)


def is_action(question: str) -> bool:
    """Whether a sentence wants something done with a finding (tested, mended), and does not ask how it was."""
    if _MENDING.search(question):
        return True
    return _TESTING.search(question) is not None and _ABOUT_PAST.match(question) is None


def asks_of_past(question: str) -> bool:
    """Whether a sentence asks how something was done, and does not want it done: ``how did you test F3?``."""
    return _ABOUT_PAST.match(question) is not None


def about(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The findings and the evidence that a sentence names, as the journal has them; None when it names none.

    What somebody names and the case does not have is said not to be there.
    """
    state = case.state()
    names = named(question, mentions)
    if not names:
        return _unknown(case, state, question, mentions)
    if _PICTURES.search(question) and not _WHY.match(question):
        return _pictures(case, state, names[0])
    made = {e.id: e for e in state.evidence}
    parts = []
    for name in names[:MOST]:
        record = state.find(name)
        if record is not None:
            parts.append("\n".join(_finding(case, record)))
        elif _REASON.match(question):
            one = made[name]
            parts.append(
                str(words.why(case, Turn("", (Act(one.tool, given(one.tool, one.arguments), name),))).text)
            )
        else:
            parts.append("\n".join(_evidence(state, made[name])))
    return words.message("\n\n".join(parts), words.choices(case))


def _finding(case: Case, record: FindingRecord) -> list[str]:
    lines = words.chain_lines(case, record)
    if record.standing in ("withdrawn", "earlier", "open"):
        lines[0] = f"**{record.id}** [{record.standing}]"
    open_ = [clean(c.action, 200).rstrip(".") for c in record.corrections if c.status == "proposed"]
    if open_:
        lines.append(f"- {prompts.say('told.repairs', actions='; '.join(open_[:2]))}")
    return lines


def _evidence(state: CaseState, made: Evidence) -> list[str]:
    """What a measurement said: its summary, the findings that rest on it, its notes and what it suggests."""
    changed = given(made.tool, made.arguments)
    said = ", ".join(f"{k}={clean(_short(v), 60)}" for k, v in changed.items() if v not in (None, "", [], ()))
    lines = [f"{made.summary} [{made.id}]"]
    lines += [f"- {words.finding_line(r)}" for r in state.records.values() if made.id in r.evidence][
        :MOST_FOUND
    ]
    lines += [f"- {n}" for n in made.notes[:3]]
    lines += ["", *made.next_steps[:2]] if made.next_steps else []
    asked = prompts.say("told.asked", tool=made.tool, arguments=f" ({said})" if said else "", id=made.id)
    return [*lines, "", asked]


def _short(value: Any) -> str:
    return ", ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


def _pictures(case: Case, state: CaseState, name: str) -> AIMessage:
    """The images of evidence, or of the newest evidence of a finding that has some."""
    record = state.find(name)
    ids = record.evidence if record is not None else (name,)
    having = [e for e in state.evidence if e.id in ids and e.images]
    if having:
        return words.pictures(case, having[-1], MOST_PICTURES)
    return words.message(prompts.say("show.none", evidence=name), words.choices(case))


def not_there(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """That a finding which something is wanted done for is not there; None where the sentence names none, or none that is lacking."""
    if not re.search(r"\bF\d", question, re.IGNORECASE):
        return None
    return _unknown(case, case.state(), question, mentions)


def _unknown(case: Case, state: CaseState, question: str, mentions: Mentions) -> AIMessage | None:
    """That there is no such finding or evidence."""
    if _NOT_AN_ID.search(question) or len(question) > phrases.LONGEST:
        return None
    spans = [(m.start, m.end) for m in mentions.found]
    found = next(
        (m for m in _NAME.finditer(question) if not any(a < m.end(1) and m.start(1) < b for a, b in spans)),
        None,
    )
    if found is None:
        return None
    name = found[1].upper()
    known = [r.id for r in state.records.values()] if name[0] == "F" else [e.id for e in state.evidence]
    if name == "F1" and not known:  # the measure
        return None
    have = (
        "There is none yet."
        if not known
        else f"There is {known[0]}."
        if len(known) == 1
        else f"There are {known[0]} to {known[-1]}."
    )
    return words.message(prompts.say("told.unknown", name=name, have=have), words.choices(case))


# --- all of it -------------------------------------------------------------------------------------------------------

#: stems of what is asked about → the verdict or standing that is meant
_STANDINGS: Final = (
    ("confirmed", ("confirm", "prov", "establish", "verif")),
    ("refuted", ("refut", "reject", "disprov", "debunk", "rule", "ruling", "exclud", "eliminat")),
    ("inconclusive", ("inconclusive", "undecided", "unresolved")),
    ("open", ("open", "still open", "untested", "left open", "leave open")),
    ("withdrawn", ("withdr",)),
)
_MEASURING: Final = ("test", "measure", "check", "try", "tried", "do", "done", "run")
_ORDER: Final = ("confirmed", "inconclusive", "open", "refuted", "withdrawn", "earlier")


def all_of_it(case: Case, question: str) -> AIMessage | None:
    """``what have you found so far?``, ``what was refuted?``, ``summarize``: the list; None for any other sentence."""
    match = phrases.asked(question)
    if match is None:
        return None
    said = next((v.lower() for k, v in match.groupdict().items() if v), "").strip()
    if said.startswith(_MEASURING):
        return _measured(case)
    return _found(case, next((kind for kind, stems in _STANDINGS if said.startswith(stems)), ""))


def _found(case: Case, kind: str) -> AIMessage:
    state = case.state()
    records = sorted(
        ordered(state),
        key=lambda r: _ORDER.index(r.standing) if r.standing in _ORDER else len(_ORDER),
    )
    if not records:
        text = prompts.say("told.none")
        return words.message(f"{text} {_count_measured(state)}".strip(), words.choices(case))
    standings = [r.standing for r in records]
    counts = listing([f"{standings.count(s)} {s}" for s in dict.fromkeys(standings)])
    chosen = [r for r in records if kind in ("", r.standing)]
    undecided = [r for r in records if r.standing == "inconclusive"]
    if kind == "open" and not chosen and undecided:  # tested, and no answer came of it: that is open too
        lines = [prompts.say("told.undecided", count=len(undecided)), *(f"- {words.finding_line(r)}" for r in undecided[:MOST_FOUND])]  # fmt: skip
        return words.message("\n".join(lines), words.choices(case))
    if not chosen:
        return words.message(prompts.say("told.none_of", kind=kind, counts=counts), words.choices(case))
    head = (
        prompts.say("told.kind", kind=kind.capitalize(), count=len(chosen))
        if kind
        else prompts.say("told.found", counts=counts)
    )
    lines = [head, *(f"- {words.finding_line(r)}" for r in chosen[:MOST_FOUND])]
    if len(chosen) > MOST_FOUND:
        lines.append(f"- {prompts.say('told.more', count=len(chosen) - MOST_FOUND)}")
    if not kind:
        lines += _standing_of_repairs(state)
    return words.message("\n".join(lines), words.choices(case))


def _standing_of_repairs(state: CaseState) -> list[str]:
    """Whether repairs helped, and whether it is ready, as far as that was judged."""
    last = [
        *[e for e in state.evidence if e.tool == "verify_correction"][-1:],
        *([ready] if (ready := state.latest("readiness")) else []),
    ]
    return ["", *(f"{e.summary} [{e.id}]" for e in last)] if last else []


def _count_measured(state: CaseState) -> str:
    return prompts.say("told.measured", count=len(state.evidence)) if state.evidence else ""


def _measured(case: Case) -> AIMessage:
    """All evidence, oldest first, by its title."""
    state = case.state()
    if not state.evidence:
        return words.message(prompts.say("told.not_measured"), words.choices(case))
    lines: Sequence[str] = [f"- **{e.id}** {e.tool}: {clean(e.title, 100)}" for e in state.evidence]
    return words.message("\n".join([_count_measured(state), *lines]), words.choices(case))
