"""What the model does well: its best classes, and the groups of images that were tested and do no worse.

Everything is read off the record; only where nothing was measured yet it is measured first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.advice.decisions import bounds
from failsight.agent.planners.advice.numbers import Rate, of_classes
from failsight.agent.planners.advice.words import MODEL, stands
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.state import CaseState
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 3  # classes that are named as the best
MOST_GROUPS: Final = 6
KIND: Final = "strengths"
_VERY: Final = (
    r"(?: (?:really|already|actually|very|quite|rather|especially|particularly|most|pretty|reasonably))*"
)
_GOOD: Final = r"(?:good|strong|best|strongest|reliable|most reliable|right|fine|ok|okay|great|well|sure|solid|trustworthy|safe|competent)"
_DOES_WELL: Final = rf"(?:(?:do|does|perform|performs|work|works|fare|fares|handle|handles|get|gets|cope|copes|recogni[sz]es?|know|knows|manage|manages)(?: (?:it|them|its job|things))?{_VERY}(?: {_GOOD}| reliably| correctly| without (?:problems|errors|trouble))?|{_GOOD}|shine|shines|succeed|succeeds|excel|excels)(?: (?:at|in|on|with|for|about))?"
_THING: Final = r"(?!groups?|kinds?|sorts?|conditions?|situations?|images?|pictures?|photos?|findings?|repairs?|layers?|features?|splits?)[a-z]+(?: [a-z]+)??"
_ASKED: Final = (
    rf"(?:and )?what (?:can|could|does|do|is|are|did|will)(?: {MODEL}){_VERY} (?:do|does|get|gets|perform|handle|know|recogni[sz]e){_VERY} (?:{_GOOD}|reliably|correctly)(?: (?:at|in|on))?",
    rf"(?:and )?what(?:'s| is|s)(?: {MODEL}){_VERY} (?:good|strong|great|reliable|fine|strongest)(?: (?:at|in|on|with|for))?",
    rf"(?:and )?(?:where|in what|at what|on what|when|with what)(?:'s| is| does| can| do| are)?(?: {MODEL}){_VERY} {_DOES_WELL}",
    rf"what(?: already| actually)? works(?:{_VERY}|(?: well| best| fine| already| reliably)*)(?: (?:with|in) {MODEL})?",
    rf"(?:which|what) {_THING} (?:can|could) {MODEL} (?:already |really )?(?:do|handle|recogni[sz]e|tell|manage|get right|know)(?: (?:well|reliably|best|right|correctly))?",
    rf"(?:which|what) {_THING} (?:does|is|do) {MODEL}{_VERY} (?:(?:do|handle|get|recogni[sz]e|know|perform){_VERY} (?:{_GOOD}|reliably|correctly)|{_GOOD})(?: (?:at|in|on|with))?",
    rf"(?:which|what) {_THING} (?:does|do) {MODEL} (?:handle|recogni[sz]e|know)",
    rf"(?:what|which|where) (?:are|is|were)(?: (?:its|the|the model's|this model's|his|all its))? (?:strengths?|strong (?:points?|sides?|spots?|suits?)|good (?:points?|sides?|things?)|best (?:sides?|points?)|forces|strong)(?: (?:of|in|with) {MODEL})?",
    rf"(?:is there |are there |does {MODEL} do )?(?:anything|something|any ?thing)(?: that)?(?: {MODEL})? (?:does |is |do |gets )?{_VERY}(?: )?{_GOOD}(?: at| about it| in it)?",
    rf"what(?:'s| is) (?:good|great|strong|right|positive) (?:about|with|in) {MODEL}",
    r"(?:now )?(?:the )?(?:good news|strengths|strong points)|(?:is there )?(?:any|some) good news|something positive",
)


def answered(case: Case, text: str, mentions: Mentions) -> AIMessage | None:
    """The answer to a bare sentence that asks what the model does well; None for other sentences."""
    if mentions.found or not stands(text, *_ASKED):
        return None
    if len(of_classes(case.state(), case.classes, "recall")) < 2:
        from failsight.agent.planners.counting.base import call_of

        return call_of(("evaluate", {}), [], prompts.say("advice.why.classes"), {"kind": KIND})
    return words.message("\n".join(lines(case)), words.choices(case))


def lines(case: Case) -> list[str]:
    """The best classes with recall and interval, there and in use, what is demanded of them, and the groups that do no worse."""
    state = case.state()
    found = of_classes(state, case.classes, "recall")
    made = [_best(found, "data")]
    field = of_classes(state, case.classes, "recall", "deploy")
    made += [_best(field, "deploy")] if len(field) > 1 else []
    made += _demanded(state, found)
    groups = _no_worse(state)
    made.append(
        prompts.say("strengths.groups", groups="; ".join(groups))
        if groups
        else prompts.say("strengths.no_groups")
    )
    return [*made, prompts.say("strengths.limit")]


def _best(found: dict[str, Rate], split: str) -> str:
    """The classes whose recall is above the middle of them, at most three, and whether the next is surely behind."""
    order = sorted(found, key=lambda c: -found[c].value)
    middle = sum(r.value for r in found.values()) / len(found)
    best = [c for c in order[:MOST] if found[c].value >= middle] or order[:1]
    told = [f"{clean(c.replace('_', ' '), 60)} {found[c]} of {found[c].n:,}" for c in best]
    line = prompts.say(
        "strengths.classes", where=prompts.say(f"advice.where.{split}"), names=listing(told, MOST, 160), evidence=found[best[0]].evidence
    )  # fmt: skip
    if len(best) == len(order):
        return line
    last, after = found[best[-1]], order[len(best)]
    behind = last.ci is not None and (ci := found[after].ci) is not None and ci[1] < last.ci[0]
    shown = f"{clean(after.replace('_', ' '), 60)} {found[after]}"
    return f"{line} {prompts.say('count.next' if behind else 'count.near', after=shown)}"


def _demanded(state: CaseState, found: dict[str, Rate]) -> list[str]:
    """Which classes surely reach the recall that is demanded of them; nothing where nobody demands any."""
    wanted = bounds(state, list(found), "data")
    if not wanted:
        return []
    ready = [c for c, r in found.items() if c in wanted and r.ci is not None and r.ci[0] >= wanted[c]]
    bound = number(min(wanted.values())) if len(set(wanted.values())) == 1 else prompts.say("strengths.each")
    if not ready:
        return [prompts.say("strengths.none_reaches", bound=bound)]
    return [prompts.say("strengths.reaches", bound=bound, names=listing([clean(c, 60) for c in ready], 12))]


def _no_worse(state: CaseState) -> list[str]:
    """Groups of images of which it was tested, and refuted, that they do worse; each with its evidence."""
    made: dict[str, str] = {}
    for one in state.measured_now():
        for table in one.tables if one.tool == "disaggregate" else ():
            if not {"group", "verdict", "gap", "gap interval"} <= set(table.columns):
                continue
            at = {name: table.columns.index(name) for name in ("group", "verdict", "gap", "gap interval")}
            for row in table.rows:
                name = clean(str(row[at["group"]]), 60)
                made.pop(name, None)
                if str(row[at["verdict"]]) in ("excluded", "refuted"):
                    gap = row[at["gap"]]
                    size = number(float(gap), "points") if isinstance(gap, int | float) else ""
                    made[name] = prompts.say("strengths.group", name=name, gap=size, interval=clean(str(row[at["gap interval"]]), 60), evidence=one.id)  # fmt: skip
    told = list(made.values())[:MOST_GROUPS]
    refuted = [r for r in state.now() if r.finding.verdict == "refuted" and r.finding.kind == "weak_slice"]
    return [*told, *(f"{r.id} (refuted): {clean(r.finding.statement, 200).rstrip('.')}" for r in refuted[: MOST_GROUPS - len(told)])]  # fmt: skip
