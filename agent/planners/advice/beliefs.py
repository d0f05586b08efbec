"""What people often take a figure to mean and it does not: a short true answer first, with the numbers of the case behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import accuracy, judged, largest
from failsight.agent.planners.advice.words import PERCENT, share
from failsight.tools.text import clean, interval, listing, number, p_beside, p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import CaseState, FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions

_P: Final = re.compile(
    r"\b[pq](?:[- ]?values?)?\b(?: (?:is|of|being|was|below|under))? ?(?:=|<|≤)? ?(?:0?[.,]\d+|\d{1,2} ?%)?.*\b(?:chance|probab\w+|likel\w+|certain\w*|sure|true|real|random)\b"
)
_P_ASKS: Final = re.compile(r"\b(?:\d{1,3} ?(?:%|percent)|chance|probability|likely|likelihood)\b")
_MAP: Final = re.compile(
    r"\b(?:heat ?maps?|saliency(?: maps?)?|(?:the |these )?maps?|attention|grad-?cam)\b.{0,30}\b(?:prov\w+|show\w*|means?|demonstrat\w+|confirm\w*|evidence|proof)\b.{0,60}\b(?:looks?|uses?|sees?|because|focus\w*|relies|relying|goes by|pays attention|reason)\b"
)
_EVERY: Final = re.compile(
    r"\b(?P<id>f\d{1,4})\b (?:means?|says?|is that|tells?(?: me| us)?|shows?)(?: that)? (?:every|all|each|any|always)\b|\b(?P<id2>f\d{1,4})\b (?:means?|says?)(?: that)? .{3,80}\b(?:always|never|every time|without exception|in all cases)\b"
)
_DELETE: Final = re.compile(
    r"\b(?:if|when|suppose|and if|what if|can|could|should) (?:i|we|you) (?:just |simply )*(?:delete|remove|drop|throw (?:away|out)|leave out|kick out|get rid of|take out|exclude|filter out)\b.{2,80}(?:\b(?:fixed|mended|solved|repaired|ok|okay|fine|good|ready|cured|gone|better|done)\b)"
)
_FINE: Final = re.compile(
    rf"^(?:so |and )?(?:is )?(?:an? |the )?(?:accuracy of )?{PERCENT}(?: (?:accurate|accuracy|right|correct|of accuracy|is|are|means?|sounds?|that's|would be|would|so|it's|it is|good|fine|ok|okay|not|bad|enough|great|a|an|the|pretty|quite|very|really|already|model|result|number|grade|score|then|for|this|us|now|here|in|general))+$"
)
_FINE_ASKS: Final = re.compile(r"\b(?:good|fine|ok|okay|enough|great|bad)\b")
_THAT_GOOD: Final = re.compile(
    r"^(?:is|was) (?:that|this) (?:now |really |a |any |actually )*(?:good|bad|much|a lot|normal|fine|ok|okay|(?:good|bad) (?:number|result|value|score))(?: or (?:bad|not|good))?(?: (?:for (?:this|such) (?:a )?(?:task|model)|number|result))?$"
)
_GAP: Final = re.compile(
    r"\b(?:gap|difference|drop|train\w*)\b.{0,60}\b(?:must|has to|so it|so|means?|is|it's|therefore|clearly|surely|then)\b.{0,20}\bover-?fit\w*"
    r"|\bover-?fit\w*.{0,40}\b(?:because|since|as)\b.{0,30}\b(?:gap|difference)\b"
)
_SIGNIFICANT: Final = re.compile(
    r"^(?:(?:is|was|are|and is|but is) (?:that|this|it|the (?:difference|effect|gap|drop|result)|that (?:difference|effect|gap|drop|result|a real effect)|they|these|those)(?: (?:difference|effect|gap|drop|result))? )?(?:really |even |statistically |actually )*(?:significant|a real effect|real|chance|by chance|just chance|luck|a coincidence|coincidence|random|noise|a fluke)(?: (?:or (?:just |only |pure |is it )*(?:chance|luck|noise|random|not|a coincidence|real|a fluke)|then|at all))?$"
)
_SURE: Final = re.compile(
    r"^(?:(?:are|r) you (?:really |quite |absolutely |100 ?% )*(?:sure|certain|confident)(?: (?:about|of) (?:that|this|it))?|how (?:sure|certain|confident) are you(?: (?:about|of) (?:that|this|it|the)(?: (?:last )?(?:figure|number|result|value|percentage|rate|answer))?)?|how (?:sure|certain|reliable|exact|precise|accurate|trustworthy) is (?:(?:that|this|it|the)(?: (?:figure|number|result|value|percentage|rate))?)|can (?:i|we) (?:trust|rely on|believe) (?:that|this|it|that number|this number)|(?:really|seriously|for real))$"
)
_HOW_SURE: Final = re.compile(
    rf"^(?:how (?:sure|certain|reliable|exact|precise|trustworthy) (?:is|are)|can (?:i|we) (?:trust|rely on|believe)) (?:the|that|this|those) (?:{PERCENT}|accuracy|accuracy figure)(?: (?:or .{{0,40}}|accuracy|figure|number))?$"
)
_NUMBER: Final = re.compile(
    r"^(?:how (?:did|do|have) (?:you|we|it) (?:get|got|calculate[d]?|compute[d]?|measure[d]?|come (?:up with|to|by)|arrive at|find|know|work out|reckon)(?: (?:at|to))?|where (?:did|do|does|have) (?:you |i )?(?:get|find|have|got|take)?|where (?:is|does)|what is behind|what's behind) ?(?:that|this|these|those|the) (?:numbers?|figures?|values?|percentages?|results?|rates?|one)(?: (?:come )?from)?$"
)
_F: Final = re.compile(r"\bF\d{1,4}\b")
_E: Final = re.compile(r"\[(?:[^\[\]]*\b)?(E\d{1,4})\b[^\[\]]*\]")


def answered(case: Case, text: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The answer to a bare sentence that takes a figure for what it is not; None for other sentences."""
    said = _said(case.state(), text, mentions, before)
    return words.message(said, words.choices(case)) if said else None


def _said(state: CaseState, text: str, mentions: Mentions, before: Sequence[Turn]) -> str:
    if _P.search(text) and _P_ASKS.search(text) and not mentions.of("class"):
        return prompts.say("belief.p")
    if _MAP.search(text):
        return _map(state)
    if (found := _EVERY.search(text)) is not None:
        return _every(state, (found["id"] or found["id2"]).upper())
    if _DELETE.search(text):
        return _deleted(state, mentions)
    if _GAP.search(text):
        return _gap(state)
    if (found := _FINE.match(text)) is not None and found["unit"] and _FINE_ASKS.search(text):
        return _fine(state, share(found["percent"], found["unit"]))
    if _THAT_GOOD.match(text) and accuracy(state) is not None:
        return _fine(state, None)
    if _SIGNIFICANT.match(text):
        return _significant(state, before)
    if _SURE.match(text):
        return _sure(state, before)
    if _HOW_SURE.match(text) and (right := accuracy(state)) is not None:
        return "\n".join(
            [prompts.say("belief.sure"), *(f"- {x}" for x in _figures(state, [right.evidence])[:1])]
        )
    return _number(state, before) if _NUMBER.match(text) else ""


# --- misconceptions ------------------------------------------------------------------------------------------------------


def _map(state: CaseState) -> str:
    """A heat map proposes; the tests that decided, where there are some."""
    tested = [r for r in state.confirmed() if any(t.control_effect is not None for t in r.finding.tests)]
    tail = (
        prompts.say("belief.map.tested", ids=listing([r.id for r in tested], 4))
        if tested
        else prompts.say("belief.map.untested")
    )
    return f"{prompts.say('belief.map')} {tail}"


def _every(state: CaseState, name: str) -> str:
    """How often what a finding says happens: a rate, and hardly ever always."""
    record = state.find(name)
    if record is None or record.finding.error_rate is None:
        return ""
    f = record.finding
    beside = (
        prompts.say("belief.every.beside", rate=number(f.base_error_rate))
        if f.base_error_rate is not None
        else ""
    )
    key = "belief.every" if (f.error_rate or 0) < 0.995 else "belief.every.yes"
    told = prompts.say(
        key,
        id=name,
        rate=f"{number(f.error_rate)} {interval(f.ci)}".strip(),
        n=f"{f.n or 0:,}",
        beside=beside,
    )
    return f"{told} {clean(f.statement, 300).rstrip('.')}."


def _deleted(state: CaseState, mentions: Mentions) -> str:
    """That deleting pictures mends nothing until a repair is measured; what was proposed against the finding that is meant."""
    things = {m.name.split("=", 1)[0] for m in mentions.found if m.role in ("object", "attribute", "value")}
    found = [r for r in largest(state) if things & set(r.finding.slice or {})] or [
        r for r in largest(state) if mentions.of("finding") and r.id in mentions.of("finding")
    ]
    told = prompts.say("belief.delete")
    if found:
        from failsight.agent.planners.advice.ranking import line

        told += f" {line(found[0])}"
    return told


def _gap(state: CaseState) -> str:
    """That a gap between training and evaluation is no proof of learning by heart; the verdict on it here."""
    record = next((r for r in state.now() if r.finding.kind == "overfitting"), None)
    if record is None:
        return prompts.say("belief.gap.untested")
    from failsight.agent.chains import record_chain

    steps = [s for s in record_chain(state, record) if s.stage == "verdict"]
    why = (
        clean(steps[-1].text, 400).removeprefix(f"{record.standing}. ").rstrip(".")
        if steps
        else record.standing
    )
    key = record.standing if record.standing in ("confirmed", "refuted", "inconclusive") else "open"
    fields = {} if key == "open" else {"verdict": why}
    return prompts.say(f"belief.gap.{key}", id=record.id, **fields)


def _fine(state: CaseState, said: float | None) -> str:
    """That a number alone is neither good nor bad: what is demanded, what hides behind the mean, what this model has."""
    right = accuracy(state)
    parts = [prompts.say("belief.fine")]
    if right is not None:
        low, high = right.ci or (right.value, right.value)
        off = said is not None and not low - 0.005 <= said <= high + 0.005
        parts.append(
            prompts.say(
                "belief.fine.other" if off else "belief.fine.this",
                rate=str(right),
                n=f"{right.n:,}",
                evidence=right.evidence,
            )
        )
    if (field := accuracy(state, "deploy")) is not None:
        parts.append(prompts.say("belief.fine.deploy", rate=str(field), evidence=field.evidence))
    made = judged(state)
    if made is not None and not made.stale:
        parts.append(f"{made.evidence.summary} [{made.evidence.id}]")
    elif not state.expectations:
        parts.append(prompts.say("belief.fine.undemanded"))
    return " ".join(parts)


# --- the number last told ------------------------------------------------------------------------------------------------


def _of_last(state: CaseState, before: Sequence[Turn]) -> tuple[list[FindingRecord], list[str]]:
    """The findings and the evidence in the last answer that told any."""
    for turn in reversed(before[-6:]):
        found = [r for i in dict.fromkeys(_F.findall(turn.reply)) if (r := state.find(i)) is not None]
        made = [*(a.evidence for a in turn.acts if a.evidence), *_E.findall(turn.reply)]
        if found or made:
            known = {e.id for e in state.evidence}
            return found, [i for i in dict.fromkeys(made) if i in known]
    return [], []


def _significant(state: CaseState, before: Sequence[Turn]) -> str:
    """The p and q of what was told last; that nothing was tested in it, where nothing was."""
    found, made = _of_last(state, before)
    lines = [t for r in found[:3] if (t := _test_line(r))]
    if not lines:
        records = [r for r in state.records.values() if set(made[:1]) & set(r.evidence)]
        lines = [t for r in records[:3] if (t := _test_line(r))]
    if lines:
        return "\n".join([prompts.say("belief.significant"), *(f"- {x}" for x in lines)])
    where = prompts.say("belief.significant.untested", evidence=made[0]) if made else ""
    return f"{prompts.say('belief.significant')} {where}".strip()


def _test_line(record: FindingRecord) -> str:
    f = record.finding
    if not f.tests:
        return ""
    test = f.tests[-1]
    q = prompts.say("belief.q", q=p_value(f.q)) if f.q is not None else ""
    return prompts.say(
        "belief.test", id=record.id, standing=record.standing, effect=number(test.effect, "points"), ci=interval(test.ci, "points"),
        p=p_beside(test.p, test.ci), q=q,
    )  # fmt: skip


def _sure(state: CaseState, before: Sequence[Turn]) -> str:
    """How sure the last answer is: its interval and the test behind it; empty where nothing was told."""
    found, made = _of_last(state, before)
    lines = [t for r in found[:2] if (t := _test_line(r))]
    lines += _figures(state, made[:1]) if not lines else []
    if not lines:
        return ""
    cited = "".join(f"[{i}]" for i in made[:4])
    rests = [prompts.say("belief.rests", evidence=cited)] if made else []
    return "\n".join([prompts.say("belief.sure"), *(f"- {x}" for x in lines), *rests])


def _figures(state: CaseState, ids: Sequence[str]) -> list[str]:
    """The first figures of evidence that carry an interval."""
    made = [e for e in state.evidence if e.id in ids]
    lines = []
    for one in made:
        facts = [f for f in one.facts if f.ci is not None and isinstance(f.value, int | float) and f.n][:3]
        for f in facts:
            what = clean(f"{f.name.replace('_', ' ')}{' of ' + f.of if f.of else ''}", 100)
            lines.append(
                prompts.say(
                    "belief.figure",
                    what=what,
                    value=number(f.value, f.unit),
                    ci=interval(f.ci, f.unit),
                    n=f"{f.n:,}",
                    evidence=one.id,
                )
            )
    return lines


def _number(state: CaseState, before: Sequence[Turn]) -> str:
    """How the number last told was measured: the tool with its arguments, its figures with their intervals."""
    found, made = _of_last(state, before)
    if not made and found:
        made = list(found[0].evidence[-1:])
    one = next((e for e in state.evidence if made and e.id == made[0]), None)
    if one is None:
        return ""
    given = ", ".join(
        f"{k}={clean(_short(v), 60)}" for k, v in one.arguments.items() if v not in (None, "", [], (), False)
    )
    head = prompts.say(
        "belief.number",
        id=one.id,
        tool=one.tool,
        arguments=f" ({given})" if given else "",
        title=clean(one.title, 100),
    )
    lines = _figures(state, [one.id])
    tail = prompts.say("belief.number.see", id=one.id)
    return "\n".join([head, *(f"- {x}" for x in lines), tail])


def _short(value: object) -> str:
    return ", ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)
