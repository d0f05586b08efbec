"""Doubt about a result that was just told: chance, size, how sure it is, how it is known, and disbelief of something told before.

Each is answered from the counts of that result: the group beside the other images, the difference with its interval and p, and what it does
not show. Nothing is answered here where no group of images was counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.narrate.phrases import called as answer_of
from failsight.agent.planners import antecedents, words
from failsight.agent.planners.advice.numbers import accuracy
from failsight.agent.planners.advice.words import bare
from failsight.agent.planners.counting import beside
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import of_count
from failsight.agent.planners.dialogue import last_act
from failsight.agent.planners.known import findings, last
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.known.said import group_words
from failsight.agent.planners.known.things import Things, things_of
from failsight.tools.notes import called
from failsight.tools.stats.intervals import newcombe
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import clean, interval, number, p_value

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.counting.beside import Side
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 200
KIND: Final = "doubt"
_MAY: Final = r"(?:is|isn'?t|was|wasn'?t|are|aren'?t|were|could|couldn'?t|can|can'?t|may|might|would|wouldn'?t|maybe|perhaps|what if|or|sounds?|looks?|seems?)"
_CHANCE: Final = re.compile(
    rf"\b{_MAY}\b(?:\W+(?!why\b|which\b|how\b)[\w']+){{0,6}}?\W+(?:(?:just|only|mere|merely|pure|purely|simply|bad|good|plain|dumb|a|an|the|by|some|down to|due to)\W+)*(?:chance|luck|unlucky|lucky|coinciden\w+|accidents?|fluke|happenstance|random)\b(?! (?:sample|draw|order|images?|pictures?|photos?|ones|errors?|of)\b)"
    r"|\b(?:too|so|only|just|very) few\b.{0,40}\b(?:to (?:say|tell|know|judge|be sure|mean)|mean anything|count for)\b|\bp[- ]?values?\b.{0,12}\b(?:that|this|it)\b|^(?:pure |just |mere |bad )?(?:chance|luck|coincidence|a fluke|an accident)$",
    re.IGNORECASE,
)
_SIGNIFICANT: Final = re.compile(
    r"^(?:is|was|are) (?:that|this|it|the (?:difference|gap|effect|result))(?: (?:difference|gap|effect|result))? (?:really |even |statistically |actually )*(?:significant|real|a real (?:difference|effect)|certain|proven)$"
)
_MUCH: Final = re.compile(
    r"^(?:is|are|isn't|was|aren't|were) (?:that|this|it|those|they|these)(?: (?:share|number|figure|rate))? (?:really |now |then |actually |so |very |too |quite |even )*(?:a lot|lots|many|much|high|low|bad|few|little|a big (?:difference|number|problem)|a problem|serious|normal|more than (?:usual|normal|elsewhere))$"
    r"|^(?:that|this|it) (?:sounds|looks|seems) (?:like |quite |rather |pretty |very |so |really |to be |a bit )*(?:a lot|lots|many|much|high|low|bad|few|little)(?: (?:to me|of (?:them|errors|mistakes)))?$"
)
_SURE: Final = re.compile(
    r"^how (?:sure|certain|confident) (?:are|is|can|may) (?:you|we|i|one)(?: be)?(?: (?:of|about) (?:that|this|it|those|these))?$"
)
_HOW: Final = re.compile(
    r"^(?:how (?:do|can|could|did|would) you (?:even |really |actually )?(?:know|tell|say|claim|find|get|come (?:to|by|up with)|see|work|measure|arrive at)(?: (?:out|to))?(?: (?:that|this|it|so))*(?: out)?|what makes you (?:so )?(?:sure|think|say|believe|certain)(?: (?:of |about )?(?:that|this|so))?|where do(?:es)? (?:you|that|this|it) (?:get|have|come|know)(?: (?:that|this|it))?(?: from)?|how (?:was|is) (?:that|this|it) (?:measured|counted|tested|found|known)(?: out)?)$"
)
_DENIES: Final = r"(?:(?:do not|don'?t|can'?t|cannot|can not|won'?t|refuse to|hardly|could not|couldn'?t)(?: (?:really|quite|honestly|just|at all|still|yet|fully|at least))* (?:believe|buy|trust|accept|credit|think|imagine)|doubt|am not convinced|'?m not convinced|am sceptical|'?m sceptical|find (?:it|that) hard to believe)"
_DISBELIEF: Final = re.compile(rf"\b(?:i|we|my \w+|our \w+|nobody|one)\b(?:\W+(?:still|really|honestly|also|just))*\W*{_DENIES}\b", re.IGNORECASE)  # fmt: skip
_ANY: Final = re.compile(
    r"\bany (?:good|better|worse)\b|,? (?:is|are|does|do) (?:it|they)\W*$", re.IGNORECASE
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts that answer a doubt about the last result, or about what is named; None for every other sentence."""
    if len(question) > LONGEST or any(m.role in ("image", "evidence", "finding") for m in mentions.found):
        return None
    if _DISBELIEF.search(question) and mentions.found:
        return _disbelieved(case, question, mentions, before)
    ask = _ask(question, mentions)
    if ask in ("chance", "sure") and (made := _overall(case, question, before)) is not None:
        return made
    found = last.counts(case, before) if ask else ()
    if not found or not _counted_alone(found) or (ask == "sure" and not last.group_of(found[0])):
        return None
    some = last.sides(found)
    return _call(case, question, some, ask) if len(some) > 1 and _at_hand(case, some) else None


def _overall(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """Of the share of all images that is right, where the last result was that or the sentence says its number: its interval beside guessing."""
    right, made = accuracy(case.state()), case.state().latest("evaluate")
    guess = (
        next((f for f in made.facts if f.name == "baseline_accuracy" and not f.of), None)
        if made is not None
        else None
    )
    act = last_act(before[-1:])
    said = re.search(r"(?<![\w.])(\d{2}(?:\.\d+)?)(?![\w.]*\w)", question)
    is_it = said is not None and right is not None and abs(float(said[1]) - 100 * right.value) < 1
    if (
        right is None
        or right.ci is None
        or guess is None
        or not (is_it or (act is not None and act.tool == "evaluate" and not act.arguments))
    ):
        return None
    chance = float(str(guess.value))
    key = "yes" if right.ci[0] > chance else "no"
    text = prompts.say(f"known.doubt.overall.{key}", right=str(right), n=f"{right.n:,}", low=number(right.ci[0]), high=number(right.ci[1]), guess=number(chance), evidence=right.evidence)  # fmt: skip
    return words.message(text, words.choices(case))


def _ask(question: str, mentions: Mentions) -> str:
    """What is doubted: ``chance``, ``much``, ``sure`` or ``how``; empty for every other sentence."""
    text = bare(question)
    if any(m.role in ("class", "value", "attribute") for m in mentions.found):
        return ""
    clauses = [text, *(c for c in (bare(p) for p in re.split(r"[,;.]", question)) if len(c.split()) > 2)]
    if _CHANCE.search(text) or any(_SIGNIFICANT.match(c) for c in clauses):
        return "chance"
    for ask, pattern in (("much", _MUCH), ("sure", _SURE), ("how", _HOW)):
        if any(pattern.match(c) for c in clauses):
            return ask
    return ""


def _counted_alone(found: Sequence[Count]) -> bool:
    """Whether the counts are of one group, or of two that were compared: of more, nothing says which is doubted."""
    return len(found) <= 2 or all(last.group_of(c) == last.group_of(found[0]) for c in found[:1])


def _at_hand(case: Case, some: Sequence[Count]) -> bool:
    return all(at_hand(case, s) for c in some for s in (c.splits[:1] or ("data",)))


def _call(case: Case, question: str, some: Sequence[Count], ask: str, more: Sequence[str] = ()) -> AIMessage:
    first, *rest = last.calls([replace(c, having=c.having or ("wrong",)) for c in some])
    things = Things(tuple(filter(None, [antecedents.class_of(some[0])])), last.group_of(some[0]))
    exact = findings.exactly(case.state(), things) if things else None
    said = {"kind": KIND, "ask": ask, "findings": [exact.id] if exact is not None else list(more)}
    return call_of(first, rest, why(question), said)


def _disbelieved(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``I don't believe the thing with the wet scab``: the last count of exactly these images, else their errors, beside the others."""
    things = things_of(case, mentions)
    if (not things.group and len(things.columns) != 1) or _ANY.search(question):
        return None
    told = next((c for t in reversed(before) for c in _counts_of(case, t) if _is_of(c, things)), None)
    if told is None and not things.group:
        return None  # nothing was told of that column, so there is nothing that could be disbelieved
    lead = tuple(f"true={c}" for c in things.classes[:1])
    where = (things.split,) if things.split and things.split != "data" else ()
    about = findings.about(case.state(), things)
    one = told or Count((*lead, *things.group), _found_of(about[:1], things), where)
    other = last.beside(one)
    if other is None or not _at_hand(case, [one, other]):
        return None
    return _call(case, question, [one, other], "doubted", [r.id for r in about[:1]])


def _found_of(about: Sequence[FindingRecord], things: Things) -> tuple[str, ...]:
    """What the finding about these images says of them: that they are called a class, or wrong."""
    said = answer_of(about[0].finding) if about else ""
    return (f"predicted={said}",) if said and said not in things.classes else ("wrong",)


def _counts_of(case: Case, turn: Turn) -> tuple[Count, ...]:
    """What a turn counted; of pictures that were shown, how many of their group are answered so."""
    found = antecedents.recent(case, [turn])
    if not found:
        return ()
    if found[0].act is None or found[0].act.tool != "show_images":
        return found[0].counts
    return tuple(_answered_so(c) for c in found[0].counts)


def _answered_so(one: Count) -> Count:
    answer = tuple(
        c
        for c in one.among
        if parts(c)[0] == "predicted" and "predicted" not in {parts(x)[0] for x in one.having}
    )
    kept = tuple(c for c in one.among if c not in answer)
    return replace(one, among=kept, having=answer or one.having or ("wrong",))


def _is_of(one: Count, things: Things) -> bool:
    """Whether a count is of the images that are named: their class and group, or a group of the column alone."""
    group = last.group_of(one)
    if not group or (things.classes and antecedents.class_of(one) not in things.classes):
        return False
    if things.group:
        return set(group) == set(things.group)
    return {parts(c)[0] for c in group} == set(things.columns)


# --- what is said ------------------------------------------------------------------------------------------------------------


def lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The answer: whether it may be chance, how much it is, how it is known; then the finding about these images."""
    two = [s for s in (beside.side(e, "") for e in made[:2]) if s is not None and s.n]
    if len(two) < 2:
        return [of_count(e) for e in made]
    text = _told(made, two, str(said.get("ask") or ""))
    records = (case.state().find(str(i)) for i in said.get("findings") or ())
    return [*text, *(f"- {findings.line(r)}" for r in records if r is not None)]


def _told(made: Sequence[Evidence], two: Sequence[Side], ask: str) -> list[str]:
    a, b = two
    gap = newcombe(a.k, a.n, b.k, b.n)
    p = p_value(fisher_exact(a.k, a.n, b.k, b.n))
    fields = {
        "group": group_words(made[0]), "others": _others(made), "what": _what(made[0]), "k": f"{a.k:,}", "n": f"{a.n:,}",
        "k0": f"{b.k:,}", "n0": f"{b.n:,}", "share": f"{number(a.share)} {interval(a.ci)}".strip(), "share0": f"{number(b.share)} {interval(b.ci)}".strip(),
        "gap": f"{number(a.share - b.share, 'points')} {interval(gap, 'points')}", "p": p if p.startswith("<") else f"= {p}",
        "images": called(str(made[0].arguments.get("split") or "data")), "evidence": "".join(f"[{e.id}]" for e in made[:2]),
        "excess": f"{abs(round(a.k - a.n * b.share)):,}", **dict(zip(("low", "high"), map(number, a.ci or (0.0, 1.0)), strict=True)),
    }  # fmt: skip
    counts = _say("known.doubt.counts", fields)
    sure = "yes" if gap[0] > 0 or gap[1] < 0 else "no"
    apart = f"{_say(f'known.doubt.apart.{sure}', {})} {counts}"
    if ask == "chance":
        return [f"{_say(f'known.doubt.chance.{sure}', {})} {counts}", _say("known.doubt.chosen", {})]
    if ask == "much":
        size = "open" if sure == "no" else "more" if a.share >= b.share else "fewer"
        return [f"{_say(f'known.doubt.much.{size}', fields)} {counts}", _say("known.doubt.enough", {})]
    if ask == "sure":
        return [_say("known.doubt.sure", fields), apart]
    return [
        _say("known.doubt.how", fields),
        apart,
        _say("known.doubt.refute" if ask == "doubted" else "known.doubt.not_why", fields),
    ]


def _others(made: Sequence[Evidence]) -> str:
    """What the group is compared with: all other images, or a group that has a name of its own."""
    first, second = (set(map(str, e.arguments.get("among") or ())) for e in made[:2])
    group = Count(tuple(map(str, made[0].arguments.get("among") or ())))
    rest = last.beside(group)
    if rest is not None and second == set(rest.among) and first != second:
        return prompts.say("known.doubt.others")
    return prompts.say("known.doubt.of", group=group_words(made[1]))


def _say(key: str, fields: Mapping[str, str]) -> str:
    """A text with those of the fields that stand in it."""
    return prompts.say(key, **{name: fields[name] for name in prompts.fields_of(prompts.template(key))})


def _what(made: Evidence) -> str:
    """What was counted of the images: ``wrong``, ``called dog``."""
    having = [str(c) for c in made.arguments.get("having") or ()]
    names = [parts(c)[2].replace("_", " ").replace("|", " or ") for c in having if parts(c)[0] == "predicted"]
    if names:
        return prompts.say("known.doubt.called", name=clean(names[0], 60))
    return {"correct": "right"}.get(" and ".join(having), clean(" and ".join(having), 80))
