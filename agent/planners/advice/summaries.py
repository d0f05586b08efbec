"""The case in as many sentences as somebody asks for: for the board, shorter, in one sentence, as if for a child.

Whether it may be used, how often it is right, what is confirmed to be wrong with it, and what comes next; all from the record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.plain import for_requesters, for_users, of_100
from failsight.agent.planners import readers, words
from failsight.agent.planners.advice.numbers import (
    Judged,
    Rate,
    accuracy,
    action,
    judged,
    largest,
    of_classes,
    stake,
)
from failsight.agent.planners.advice.words import count, stands
from failsight.agent.planners.meanings import of_last
from failsight.agent.planners.step import Step
from failsight.tools.expectations.names import is_share
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import CaseState, FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 5
FEW: Final = 4  # sentences from which on deployment has one of its own
_ENDS: Final = re.compile(r"\.(?= [A-Z0-9]|$)")  # of sentences: numbers have points within
LEADS: Final = ("In short: ", "As simply as it can be said: ")
_N: Final = r"(?:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|a few|a couple of)"
_SENTENCES: Final = rf"(?:in |with |just |only )*{_N} (?:short |plain |simple )*(?:sentences?|lines?|words?)"
_AUDIENCE: Final = r"(?:the |our |my |a )*(?:board|boss|ceo|cto|manager|management|team|client|customer|investors?|director|chef|chief|supervisor|head(?: of \w+)?|owner|foreman|members?|association|council|committee|partners?|sponsor|colleagues?|professor|stakeholders?|department|company|agents?|users?|press|public|people|mother|mum|mom|grandmother|grandma|wife|husband|friend|child|kids?|son|daughter)s?"
_SUM: Final = r"(?:summari[sz]e|sum (?:it |that |this |everything |all )?up|recap|put|tell|say|explain|describe|wrap (?:it |that |this )?up|boil (?:it|that|this) down|condense|shorten)"
_TELL: Final = (
    rf"what (?:do|can|should|shall|would|could|will) (?:i|we|you) (?:tell|say to|report to|write to) {_AUDIENCE}(?: (?:about (?:it|this|the model)|now|tomorrow))*(?:[,.;:?!]* ?{_SENTENCES})?",
    rf"(?:i|we) (?:have to|must|need to|should) (?:tell|report (?:to|this to|it to)|say something to|explain (?:it|this|that) to) {_AUDIENCE}(?:[,.;:?!]* ?{_SENTENCES})?",
    rf"{_SUM}(?: (?:it|that|this|everything|all|the (?:case|results?|findings|whole thing|situation|state)|me|us))*(?: (?:for|to) {_AUDIENCE})?(?:[,;:]? {_SENTENCES})(?:,? (?:for|to) {_AUDIENCE})?",
    rf"{_SUM}(?: (?:it|that|this|everything|all|the (?:case|results?|findings|whole thing|situation|state)))* (?:for|to) {_AUDIENCE}",
    rf"(?:the |a |my )?(?:bottom line|short version|upshot|summary|short answer) (?:for|to) {_AUDIENCE},? {_SENTENCES}(?:[:,;] .{{0,140}})?",
    rf"(?:write|give|draft|make|prepare|send|(?:i|we) (?:need|want))(?: (?:me|us))?(?: just| only)? {_SENTENCES} (?:for|to) {_AUDIENCE}(?: (?:about (?:it|this|the model)))?",
    rf"(?:what(?:'s| is| are)? )?(?:wrong|the (?:problems?|matter|state|situation|result|bottom line)|going on)(?: with (?:it|this|that|my model|the model|this model|our model))?,? {_SENTENCES}",
    rf"(?:and )?(?:now |the same |the whole thing |all of (?:it|that) |everything |give (?:me|us) )?(?:the )?(?:{_SENTENCES}|short version|elevator pitch|executive summary|management summary|one[- ]sentence (?:summary|version)|one[- ]liner|gist(?: of it)?|long story short)(?: (?:for|to) {_AUDIENCE})?",
    rf"(?:a|an|the) (?:short |brief |executive |management |one[- ]sentence )*(?:summary|version) (?:for|to) {_AUDIENCE}",
    rf"{_AUDIENCE} (?:wants?|needs?|asks? for|expects?) (?:an? |the )?(?:short |brief |executive |one[- ]sentence )*(?:summary|update|answer)",
    rf"(?:so )?what (?:are|do) we (?:going to )?tell {_AUDIENCE}(?:[,.;?]* can (?:they|we) use it)?",
)
_SHORTER: Final = (
    r"(?:even |much |a bit |a little |make it |still |and |way )*(?:shorter|briefer|more (?:briefly|concise|concisely))(?: (?:still|version))?",
    r"(?:that's|that is|it's|it is|this is) (?:still |much |way |far )?too long(?: for (?:me|them|us|the board))?",
    r"too long(?:,? (?:shorter|didn'?t read))?|tl;?dr|cut it (?:down|short)|less (?:text|words)",
)
_SIMPLE: Final = (
    r"(?:can you |could you |please )?(?:explain|say|tell|put|describe)(?: (?:me|us))? ?(?:it|that|this|everything|the (?:result|problem|model))?(?: to me)? ?(?:again )?(?:like i(?:'m| am| was| were) (?:an? )?\w+(?: years? old| year old)?|(?:a bit |much |even )?(?:more simply|simpler|more plainly|easier)|in (?:plain|simple|easy|everyday|normal) (?:words|english|terms|language)|simply|without (?:the )?(?:jargon|numbers|statistics|technical terms))",
    r"(?:like|as if) (?:i'm|i am|i was|i were) (?:an? )?(?:five|5|six|ten|child|beginner|kid|idiot)(?: years? old| year old)?",
    r"in (?:plain|simple|everyday|normal) (?:words|english|terms|language)|eli5|(?:even |much |a bit )*(?:simpler|more simply)",
)
_FINDING: Final = r"(?:explain|describe|tell me|say|put) (?:finding |hypothesis )?(?P<id>f\d{1,4})(?: to me)? (?:like i(?:'m| am| was| were) (?:an? )?\w+(?: years? old| year old)?|(?:more )?(?:simply|plainly)|simpler|in (?:plain|simple|easy|everyday|normal) (?:words|english|terms|language)|without (?:the )?(?:jargon|numbers|statistics))"
_GOOD: Final = (
    r"(?:.{0,60}[.,;!] )?(?:tell|give|show)(?: me| us)? (?:something|anything|one thing|some) (?:good|positive|nice)(?: (?:about (?:it|the model|this model|this)|news))?",
    r"(?:is there )?(?:anything|something|any) (?:good|positive)(?: (?:about (?:it|the model|this model)|at all|news))?",
)
_NEGATIVE: Final = r"(?:that's|that is|it's|this is|you're|you are|that sounds|it sounds) (?:way |far |much |a bit )?too (?:negative|pessimistic|harsh|hard|critical|gloomy)(?:[.,;!].{0,100})?"
_REPORT: Final = re.compile(
    r"(?:write|put|save|note|turn|make) (?:that|this|it|everything|all (?:of )?(?:that|this))(?: (?:down|up|together))? (?:as|into|in) (?:an? |the )?(?P<rest>(?:\w+ )*report (?:for|to) .+)"
)


def answered(case: Case, text: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | Step | None:
    """The answer to a bare sentence that asks for the case in a few words; None for other sentences."""
    if (report := _REPORT.fullmatch(text)) is not None:
        return readers.answered(case, f"write a {report['rest']}")
    if (one := stands(text, _FINDING)) is not None:
        record = case.state().find(one["id"])
        return _one_simply(case, record) if record is not None else None
    if mentions.found:
        return None
    if stands(text, *_TELL):
        n = min(count(text, r"(?:sentences?|lines?)") or _by_words(text) or 3, MOST)
        return told(case, n, plainly=re.search(rf"\b{_AUDIENCE}\b", text) is not None)
    if stands(text, *_SHORTER):
        return told(case, _fewer(before))
    if stands(text, *_SIMPLE):
        return _simply(case, text, before)
    if stands(text, *_GOOD):
        return _good(case)
    return _both_sides(case) if stands(text, _NEGATIVE) else None


def _by_words(text: str) -> int | None:
    return (
        1
        if re.search(r"\b(?:one[- ]sentence|one[- ]liner|elevator|gist|long story short|words?)\b", text)
        else None
    )


def _fewer(before: Sequence[Turn]) -> int:
    """One sentence fewer than the last summary had, at least one."""
    last = next((t.reply for t in reversed(before) if t.reply), "")
    had = len(_ENDS.findall(last.splitlines()[0])) if last.startswith(LEADS[0]) else 0
    return max(1, had - 1)


def told(case: Case, sentences: int, *, plainly: bool = False) -> AIMessage | Step:
    """The case in so many sentences (1 to 5). ``plainly``: for people who run no models, so what goes wrong instead of how it is mended."""
    state = case.state()
    right = accuracy(state)
    if right is None:
        return Step("", "evaluate", prompts.say("advice.why.sum"))
    parts = [_standing(state, right, use=sentences < FEW, faults=sentences == 1)]
    top = largest(state)
    wrong = _wrong(state, top) if top else [prompts.say("advice.sum.nothing")]
    follow = _fault(top) if plainly and top else _then(state, top)
    if sentences == 2:
        parts.append(follow)
    elif sentences > 2:
        middle = [*wrong[:1], *([_in_use(state)] if sentences >= FEW else []), *wrong[1:]]
        middle = [one for one in middle if one]
        parts += [*middle[: sentences - 2], follow]
    return words.message(LEADS[0] + " ".join(parts), words.choices(case))


def _standing(state: CaseState, right: Rate, *, use: bool, faults: bool) -> str:
    """The verdict with how often it is right; with ``use`` also in deployment, with ``faults`` also how much is confirmed."""
    made = judged(state)
    stale = made is not None and bool(made.stale)
    verdict = "stale" if stale else made.verdict if made is not None else "not_judged"
    field = accuracy(state, "deploy")
    used = (
        prompts.say("advice.sum.use", rate=number(field.value), evidence=field.evidence)
        if field is not None and use
        else ""
    )
    top = largest(state)
    found = _of(top, "advice.sum.faults") if faults and top else ""
    asked = _asked(state, made) if made is not None and not made.stale else ""
    fields = {"rate": str(right), "n": f"{right.n:,}", "evidence": right.evidence}
    if made is not None and stale:
        fields |= {"verdict": made.verdict.replace("_", " "), "judged": made.evidence.id}
    text = prompts.say(f"advice.sum.{verdict}", **fields)
    return f"{text}{asked}{used}{found}."


def _asked(state: CaseState, made: Judged) -> str:
    """What is demanded: of all first, else what fails by most; how far that is reached, and how many more demands fail."""
    from failsight.agent.planners.advice.numbers import shown

    some = [e for e in state.expectations.values() if e.name in ("accuracy", "deploy.accuracy")]
    failing = [c for c in made.criteria if c["holds"] is False and c["value"] is not None]
    worst = sorted(
        failing,
        key=lambda c: (
            float(c["value"]) - float(c["bound"]) if c["at_least"] else float(c["bound"]) - float(c["value"])
        ),
    )
    if some or not worst:
        told_ = some or list(state.expectations.values())[:1]
        if not told_:
            return ""
        demand = shown(told_[0].name, told_[0].bound, at_least=told_[0].at_least)
        return prompts.say("advice.sum.asked", criterion=_spoken(demand), evidence=made.evidence.id)
    row = worst[0]
    demand = shown(str(row["name"]), float(row["bound"]), at_least=bool(row["at_least"]))
    text = prompts.say("advice.sum.asked", criterion=_spoken(demand), evidence=made.evidence.id)
    value = number(float(row["value"])) if is_share(str(row["name"])) else str(row["value"])
    text += prompts.say("advice.sum.reached", value=value)
    return text + (prompts.say("advice.sum.fail_too", count=len(worst) - 1) if len(worst) > 1 else "")


def _spoken(demand: str) -> str:
    """A demand without signs: ``accuracy where site is harbour at least 70.0 %``."""
    return re.sub(r"(?<=\w)=(?=\w)", " is ", demand).replace("&", " and ")


def _in_use(state: CaseState) -> str:
    field = accuracy(state, "deploy")
    if field is None:
        return ""
    return prompts.say("advice.sum.deploy", rate=str(field), n=f"{field.n:,}", evidence=field.evidence)


def _wrong(state: CaseState, top: Sequence[FindingRecord]) -> list[str]:
    """A sentence for each of the largest faults, those beside that of deployment as a whole first."""
    own = [r for r in top if r.finding.kind != "distribution_shift" or r.finding.class_name] or list(top)
    lead = _of(top, "advice.sum.wrong", statement=_lower(for_requesters(own[0].finding)), id=own[0].id)
    return [lead, *(f"{for_requesters(r.finding).rstrip('.')} [{r.id}]." for r in own[1:4])]


def _fault(top: Sequence[FindingRecord]) -> str:
    """The costliest fault as somebody tells it who uses the answers, with the errors at stake."""
    own = [r for r in top if r.finding.kind != "distribution_shift" or r.finding.class_name] or list(top)
    told_ = next(
        ((r, text) for r in own if (text := for_users(r.finding))), (own[0], for_requesters(own[0].finding))
    )
    record, text = told_
    errors = stake(record)
    most = prompts.say("advice.sum.at_most", errors=f"{errors:,}") if errors else ""
    return f"{clean(text, 300).rstrip('.')}{most} [{record.id}]."


def _of(found: Sequence[FindingRecord], key: str, **fields: str) -> str:
    """A sentence about so many findings, or about the one that there is."""
    if len(found) == 1:
        return prompts.say(f"{key}.one", **fields)
    return prompts.say(key, **fields, count=len(found))


def _lower(text: str) -> str:
    text = text.rstrip(".")
    return text[:1].lower() + text[1:] if text[:2] != text[:2].upper() else text


def _then(state: CaseState, top: Sequence[FindingRecord]) -> str:
    """What comes next: the first repair proposed, to propose one, to say what is demanded."""
    first = next((r for r in top if action(r)), None)
    if first is not None:
        errors = stake(first)
        tail = prompts.say("advice.sum.saves", errors=f"{errors:,}") if errors else ""
        return (
            prompts.say(
                "advice.sum.repair", action=action(first)[:1].lower() + action(first)[1:], id=first.id
            )
            + tail
            + "."
        )
    if top:
        return prompts.say("advice.sum.propose", id=top[0].id)
    return prompts.say("advice.sum.none") if state.expectations else prompts.say("advice.sum.expect")


# --- simply ------------------------------------------------------------------------------------------------------------


def _simply(case: Case, text: str, before: Sequence[Turn]) -> AIMessage | Step | None:
    """The last answer in plain words where it told findings; else the case as one would tell it to a child."""
    last = next((t.reply for t in reversed(before) if t.reply), "")
    state = case.state()
    ids = list(dict.fromkeys(re.findall(r"\*\*(F\d+)\*\*", last)))[:3]
    found = [r for i in ids if (r := state.find(i)) is not None]
    if found:
        return words.message("\n".join(_in_plain(r) for r in found), words.choices(case))
    right = accuracy(state)
    childlike = re.search(r"\b(?:like|as if) i\b|\beli5\b", text)
    if (
        not childlike
        and not last.startswith(LEADS)
        and (explained := of_last(case, "explain that in plain words", before)) is not None
    ):
        return explained
    if right is None:
        return None
    lines = [
        LEADS[1]
        + prompts.say("advice.plain.right", share=of_100(right.value, right.ci), evidence=right.evidence)
    ]
    if (field := accuracy(state, "deploy")) is not None:
        lines.append(
            prompts.say("advice.plain.deploy", share=of_100(field.value, field.ci), evidence=field.evidence)
        )
    told_ = [(r, for_users(r.finding)) for r in largest(state)]
    lines += [f"{text} [{r.id}]" for r, text in told_ if text and r.finding.kind != "distribution_shift"][:2]
    made = judged(state)
    if made is not None and not made.stale:
        lines.append(prompts.say(f"advice.plain.{made.verdict}", evidence=made.evidence.id))
    return words.message(" ".join(lines), words.choices(case))


def _one_simply(case: Case, record: FindingRecord) -> AIMessage:
    return words.message(_in_plain(record), [f"Why {record.id}?", *words.choices(case)])


def _in_plain(record: FindingRecord) -> str:
    """A finding without statistics: what happens, and whether that is sure."""
    said = for_users(record.finding) or for_requesters(record.finding)
    key = record.standing if record.standing in ("confirmed", "refuted", "inconclusive") else "open"
    said = clean(said, 400).rstrip(".") + "."
    if key != "confirmed":
        said = _lower(said) + "."  # _lower takes the point off
    return prompts.say(f"advice.plain.finding.{key}", id=record.id, statement=said)


# --- the good side -------------------------------------------------------------------------------------------------------


def _good(case: Case) -> AIMessage | Step:
    """What it does well: how often it is right beside guessing, its best classes, what was suspected and refuted."""
    state = case.state()
    right = accuracy(state)
    if right is None:
        return Step("", "evaluate", prompts.say("advice.why.sum"))
    lines = [prompts.say("advice.good.right", rate=str(right), n=f"{right.n:,}", evidence=right.evidence)]
    found = of_classes(state, case.classes, "recall")
    best = sorted(found, key=lambda c: -found[c].value)[:2]
    if best:
        told_ = listing([f"{clean(c, 60)} {found[c]}" for c in best], 2, 120)
        lines.append(prompts.say("advice.good.classes", classes=told_, evidence=found[best[0]].evidence))
    refuted = [r for r in state.now() if r.standing == "refuted"]
    if refuted:
        lines.append(_of(refuted, "advice.good.refuted", ids=listing([r.id for r in refuted], 4)))
    if (field := accuracy(state, "deploy")) is not None:
        lines.append(
            prompts.say("advice.good.deploy", rate=str(field), n=f"{field.n:,}", evidence=field.evidence)
        )
    return words.message("\n".join(lines), words.choices(case))


def _both_sides(case: Case) -> AIMessage | Step:
    """To somebody who finds it too dark: what is right, and what decides all the same."""
    made = _good(case)
    if isinstance(made, Step):
        return made
    now = judged(case.state())
    tail = f"\n{now.evidence.summary} [{now.evidence.id}]" if now is not None and not now.stale else ""
    return words.message(f"{made.text}{tail}", words.choices(case))
