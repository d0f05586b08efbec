"""Better or worse now: what versions of the model changed, for the things that a sentence names.

Without a repair nothing is better. Once a version was spoken of, sentences that go on are about it, from the measurements that compared it
with the model as given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.planners import mending, phrases, words
from failsight.agent.planners.counting.said import SAID
from failsight.agent.planners.known import answer, subjects
from failsight.agent.planners.known.things import Things, named
from failsight.tools.text import clean, interval, listing, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import CaseState
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 120
FEW: Final = 8  # words of a sentence that only names other things than the one before it
SHORT: Final = 12  # words of a sentence that may go on with a version
MOST: Final = 3
_CHANGE: Final = re.compile(
    r"\b(?:better|worse|improv\w+|(?:still|any) (?:bad|good|wrong)|deteriorat\w+)\b", re.IGNORECASE
)
_NOW: Final = re.compile(
    r"\b(?:now|meanwhile|than before|as before|since (?:then|the (?:repair|fix|change|retraining))|after (?:the (?:repair|fix|change|retraining)|that|it)|by now|(?:did|has|have) (?:it|this|that|anything|something|things) (?:get|got|become)|any ?more)\b",
    re.IGNORECASE,
)
_VERSION: Final = re.compile(r"\b(?:(?:new|repaired|retrained|corrected|mended|second|latest|other) (?:version|model|one|network)|(?:with|after|by|through) (?:the|that|this) (?:repair|fix|correction|retraining)|R\d+(?:\.\d+)?)\b", re.IGNORECASE)  # fmt: skip
_ON: Final = re.compile(
    r"^\W*(?:and|but|also|so|what about|how about|is|are|does|in|at|on|with|for)\b|\b(?:too|also|as well|still|then)\b",
    re.IGNORECASE,
)
_ASKS_ELSE: Final = re.compile(
    r"\b(?:think|believe|suspect|guess|which|why|how many|show|than (?!before)\w+|should|could|would|can)\b",
    re.IGNORECASE,
)
_MODEL_NOW: Final = re.compile(r"\b(?:which|of (?:them|the two|these))\b", re.IGNORECASE)
_NAMED: Final = re.compile(r"\bR\d+(?:\.\d+)?\b", re.IGNORECASE)
_COMPARED: Final = ("verify_correction", "compare_models")


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """What versions changed for the things that are named; None for a sentence that is not about versions.

    Args:
        mentions: the names of the case in the sentence.
        before: the turns so far.
    """
    if len(question) > LONGEST or any(m.role in ("image", "evidence", "finding") for m in mentions.found):
        return None
    if mending.HELPED.match(question.strip()) or _MODEL_NOW.search(question):
        return None
    told = _VERSION.search(question) is not None
    asks = (
        _CHANGE.search(question) is not None
        and _NOW.search(question) is not None
        and not _ASKS_ELSE.search(question)
    )
    short = len(question.split()) <= SHORT
    few = len(question.split()) <= FEW
    goes_on = (
        few and _ON.search(question) is not None and _of_versions(before) and not _ASKS_ELSE.search(question)
    )
    if not (told and (asks or short)) and not (asks and short) and not goes_on:
        return None
    things = named(case, mentions, before)
    state = case.state()
    if not state.versions:
        return _none_yet(case, question, state, things) if asks or goes_on else None
    if not things and not asks:
        return None
    return _changes(case, question, state, things)


_OLD: Final = r"(?:(?:the|our|my|that|this) )?(?:old|original|present|current|existing|first|previous|own|given)(?: (?:model|one|version|network|classifier|sorter|thing))?"
_LOST: Final = r"(?:lost|gone|deleted|overwritten|destroyed|thrown away|replaced|removed|erased|still (?:there|here|available)|kept|safe|untouched)"
_LOSE: Final = re.compile(
    rf"\b(?:is|are|was|will|would|does|do|did|gets?|stays?)\b.{{0,12}}\b{_OLD}\b.{{0,20}}\b{_LOST}\b"
    rf"|\b(?:lose|overwrites?|deletes?|destroys?|replaces?|erases?|throws? away)\b.{{0,12}}\b(?:{_OLD}|(?:the|our|my) (?:model|network|classifier|sorter)(?: (?:that )?we have(?: now)?)?)\b"
    rf"|\b(?:still have|keep|get back(?: to)?|go back to|return to)\b.{{0,8}}\b{_OLD}\b(?=.{{0,40}}\b(?:repair\w*|retrain\w*|train\w*|fix\w*|after\w*|then|version)\b)"
    rf"|\b(?:model|network|classifier)\b.{{0,20}}\b(?:lost|gone|deleted|overwritten|destroyed)\b",
    re.IGNORECASE,
)


def lost(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """``is the old model lost then?``: that a repair leaves it as it is, and what it made so far; None for every other sentence."""
    found = _LOSE.search(question) if len(question) <= LONGEST else None
    if found is None or any(not found.start() <= m.start < found.end() for m in mentions.found):
        return None  # "old" may be a value of the case, too
    state = case.state()
    lines = [prompts.say("known.old_model", folder=clean(str(case.folder / "repair"), 300))]
    if state.versions:
        lines.append(prompts.say("known.old_model.stands", versions=listing(list(state.versions), 8)))
    return words.message("\n".join(lines), words.choices(case))


def _of_versions(before: Sequence[Turn]) -> bool:
    """Whether the last turn was about repairs or versions."""
    turn = next((t for t in reversed(before) if t.acts or not phrases.is_aside(t.said)), None)
    if turn is None:
        return False
    none = (prompts.say("known.no_version"), prompts.say("repair.none", of=""))
    tools = {a.tool for a in turn.acts[:1]}
    return bool(
        mending.HELPED.match(turn.said.strip())
        or any(text in turn.reply for text in none)
        or tools & set(_COMPARED)
        or re.match(r"(?:With|For|Whether) .{0,60}\bR\d", turn.reply)
    )


def _after(made: AIMessage, first: str) -> AIMessage:
    """An answer from the record with a sentence before it."""
    said = made.additional_kwargs.get(SAID)
    if said is None:
        return AIMessage(f"{first} {made.text}", additional_kwargs=made.additional_kwargs)
    return AIMessage(
        made.text,
        tool_calls=made.tool_calls,
        additional_kwargs={**made.additional_kwargs, SAID: {**said, "lead": [first, *said.get("lead", ())]}},
    )


def _none_yet(case: Case, question: str, state: CaseState, things: Things) -> AIMessage:
    """That nothing was repaired, with how the things that are named do."""
    lines = [prompts.say("known.no_version")]
    for name in things.classes[:2] if not things.group else ():
        lines += subjects.of_class(case, name, things.split)
    open_ = [r for r in state.confirmed() if any(c.status == "proposed" for c in r.corrections)]
    if things.group:
        made = answer.of_things(case, question, things)
        if made is not None:
            return _after(made, lines[0])
    return words.message(" ".join(lines), [*(f"Repair {r.id}" for r in open_[:2]), *words.choices(case)])


def _changes(case: Case, question: str, state: CaseState, things: Things) -> AIMessage | None:
    asked = [n.upper() for n in _NAMED.findall(question)]
    there = {*state.versions, *(v.repair for v in state.versions.values())}
    if not there >= set(asked):
        return None  # that there is no such version is told where it is measured
    made = [
        e
        for e in reversed(state.evidence)
        if e.tool in _COMPARED and (not asked or _whole_repair(_name(e, state)) in map(_whole_repair, asked))
    ]
    if not made:
        name = asked[0] if asked else list(state.versions.values())[-1].repair
        return words.message(
            prompts.say("known.unverified", repair=name), [f"Did {name} help?", *words.choices(case)]
        )
    wanted = _wanted(things)
    found: list[str] = []
    for group in wanted:
        line = next((line for e in made for line in _rows(e, group, state)), "")
        found.append(
            line
            or prompts.say(
                "known.version.unmeasured",
                group=clean(group, 80),
                repair=_name(made[0], state),
                evidence=made[0].id,
            )
        )
    if not found and re.search(r"\b(?:worse|lost|loses?|harm\w*)\b", question, re.IGNORECASE):
        found = [_worse(made, state)]
    if not found:
        return words.message(f"{_whole(made[0], state)}", words.choices(case))
    return words.message(
        "\n".join(found[:MOST]), [f"Did {_name(made[0], state)} help?", *words.choices(case)]
    )


def _worse(made: Sequence[Evidence], state: CaseState) -> str:
    """The groups that are clearly worse with the version, as the newest comparison that lists some has them."""
    for one in made:
        rows = [
            row
            for t in one.tables
            if "group" in t.columns and "verdict" in t.columns
            for row in t.rows
            if row[t.columns.index("verdict")] == "worse"
        ]
        if rows:
            named = [f"{clean(str(r[0]), 80)} ({clean(str(r[2]), 40)})" for r in rows[:MOST]]
            return prompts.say(
                "known.version.worse",
                repair=_name(one, state),
                groups=listing(named, MOST, 200),
                evidence=one.id,
            )
    return prompts.say("known.version.none_worse", repair=_name(made[0], state), evidence=made[0].id)


def _wanted(things: Things) -> list[str]:
    """The groups as the measurements name them: class and group together, else each."""
    group = ", ".join(things.group)
    if group and things.classes:
        return [f"{group}, {c}" for c in things.classes]
    return [*things.classes, *([group] if group else [])]


def _rows(made: Evidence, group: str, state: CaseState) -> Iterator[str]:
    """What a comparison of versions says of a group, in a sentence."""
    for table in made.tables:
        if "group" not in table.columns:
            continue
        at = {name: i for i, name in enumerate(table.columns)}
        for row in table.rows:
            if re.sub(r" \((?:slice|class)\)$", "", str(row[at["group"]])) != group:
                continue
            if "wrong after" in at:
                yield prompts.say(
                    "known.version.wrong",
                    repair=_name(made, state),
                    after=row[at["wrong after"]],
                    before=row[at["wrong before"]],
                    n=f"{row[at['images']]:,}",
                    group=clean(group, 80),
                    change=number(_float(row[at["change"]]), "points"),
                    ci=interval(_ends(row, at), "points"),
                    verdict=clean(str(row[at["verdict"]]), 40),
                    evidence=made.id,
                )
            elif "right" in at:
                yield prompts.say(
                    "known.version.right",
                    repair=_name(made, state),
                    right=clean(str(row[at["right"]]), 60),
                    n=f"{row[at['images']]:,}",
                    group=clean(group, 80),
                    change=clean(str(row[at["change in points"]]), 60),
                    verdict=clean(str(row[at["verdict"]]), 40),
                    evidence=made.id,
                )


def _float(cell: Any) -> float:
    """A cell or fact that holds a number."""
    return float(cell)


def _ends(row: Sequence[Any], at: dict[str, int]) -> tuple[float, float] | None:
    low, high = (row[at[n]] if n in at else None for n in ("from", "to"))
    return (
        (float(low), float(high)) if isinstance(low, int | float) and isinstance(high, int | float) else None
    )


def _name(made: Evidence, state: CaseState) -> str:
    """The repair or version that was compared."""
    said = str(made.arguments.get("after") or made.arguments.get("repair") or "")
    fact = next((f.of for f in made.facts if f.name == "verdict" and f.of), "")
    return clean(said or fact or next((v.repair for v in reversed(list(state.versions.values()))), "R1"), 20)


def _whole_repair(name: str) -> str:
    """``R1`` of its version ``R1.1``."""
    return name.partition(".")[0]


def _whole(made: Evidence, state: CaseState) -> str:
    before, after = (
        next((f for f in made.facts if f.name in ("error_rate", "accuracy") and f.of == of), None)
        for of in ("before", "repair" if made.tool == "verify_correction" else "after")
    )
    if before is None or after is None:
        return f"{clean(made.summary, 400)} [{made.id}]"
    key = "known.version.whole" if before.name == "error_rate" else "known.version.accuracy"
    return prompts.say(
        key,
        repair=_name(made, state),
        after=f"{number(_float(after.value))} {interval(after.ci)}".strip(),
        before=number(_float(before.value)),
        n=f"{after.n or before.n or 0:,}",
        evidence=made.id,
    )
