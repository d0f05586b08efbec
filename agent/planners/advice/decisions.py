"""May it be used: whether, for which classes, what is missing, what another demand would make of it, how many images would decide.

All of it is read off the newest judgement of readiness and the newest evaluation; nothing is demanded or changed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import (
    Judged,
    Rate,
    accuracy,
    judged,
    largest,
    measured,
    of_classes,
    shown,
    stake,
)
from failsight.agent.planners.advice.words import MODEL, PERCENT, share, stands
from failsight.agent.planners.step import Step
from failsight.tools.expectations.criteria import TABLE
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.state import CaseState
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 12  # classes that are told one by one
_WHO: Final = r"(?:i|we|you|one|they|people|users|our users|the (?:users|agents|customers|team|doctors?|clients?)|my (?:boss|team|users))"
_USE: Final = r"(?:use|ship|deploy|release|launch|trust|rely on|depend on|publish|sell|roll out|go live(?: with)?|put|take|bring|work with|run|let people use|start using)"
_WHEN: Final = r"(?: (?:this|next) (?:week|month|year|quarter)| today| tomorrow| as it is| like this| already| yet| in (?:practice|production|real life|real use|the field|use|this state)| into (?:production|use)| live| online| out| at home| for real| safely| with a good conscience| on monday| to production)*"
READY: Final = (
    rf"(?:when )?(?:can|could|may|should|shall|must|might) {_WHO} (?:already |safely |really |now |even |still |actually |just )*{_USE}(?: {MODEL})?{_WHEN}",
    rf"(?:is|are) (?:{MODEL}|we) (?:already |really |now |yet |at least )*(?:usable|useable|good enough|safe(?: enough)?(?: to use| to deploy)?|fit for (?:use|purpose|production|service)|production[- ]ready|shippable|deployable|acceptable|trustworthy enough|ready(?: to (?:ship|go|use|be used|deploy|be deployed|launch))?|ready for (?:use|production|deployment|prime time|launch|release)){_WHEN}(?: for (?:us|use|this|that|our users|production|people|real use))?",
    r"(?:what(?:'s| is)? )?(?:the |your |final )*verdict(?: (?:on (?:it|the model|this model)|now))?",
    r"(?:go or no ?-?go|ship it or not|yes or no|thumbs up or down)",
    r"(?:do|would) you (?:approve|recommend) (?:it|using it|this model|shipping it|to use it|to ship it)",
    r"(?:it's|it is|that's|that is) good enough(?: now)?(?: for us)?",
    # yes or no is what remains to be said: it is no part of a bare sentence
    r"(?:can|may|shall|should|could|do) (?:i|we) (?:now |then |already )*(?:tell|give|answer) (?:the |our |my |a )?(?:directors?|boss|managers?|management|board|committee|council|clients?|customers?|head|chief|sponsors?|doctors?|everybody|him|her|them)",
)
_CLASSES: Final = (
    r"(?:is|are) there (?:any |an? |some |at least (?:a|one) )?(?:class|category|room|species|type|kind|label)\w*(?: (?:that|which)(?: is| are| we can use| i can use)?)? ?(?:ready|usable|good enough|fine|reliable|safe|i can trust|we can trust|trustworthy)?",
    r"(?:which|what) (?:of the |of these |of its )?(?:class|categor|room|species|type|kind|label|answer)\w* (?:is|are) (?:already |really |now )?(?:ready|usable|good enough|fine|reliable|safe|trustworthy|ok|okay)(?: to use| to trust)?",
    rf"(?:which|what) (?:of the |of these |of its )?(?:class|categor|room|species|type|kind|label|answer)\w* (?:can|could|may|should) {_WHO} (?:really |safely |already )?(?:trust|rely on|use|believe|ship|deploy)",
)
_OTHER: Final = (
    rf"what if (?:i|we|they|you|the \w+) (?:only |just )*(?:need|needed|want|wanted|ask|asked for|require|required|expect|expected|demand|demanded)(?: for)? (?:only |just )?(?:an? |at least )?{PERCENT}(?: (?:of )?(?P<what>accuracy|recall))?",
    rf"if (?:i|we|they|you) (?:only |just )*(?:need|needed|wanted|want|asked for|required|expected|demanded) (?:only |just )?(?:an? |at least )?{PERCENT}(?: (?:of )?(?P<what>accuracy|recall))?",
    rf"(?:what|how)(?: about)? (?:if )?{PERCENT}(?: (?P<what>accuracy|recall))? (?:were|was|is|would be) (?:enough|sufficient|all (?:we|i) need\w*|ok|okay|fine|required|the (?:requirement|target|bar|limit))",
    rf"(?:would|does|will|is|could|can) (?:{MODEL}|we) (?:be |get )?(?:ready|enough|pass|good enough|hold|fail|make it|reach)(?: (?:at|for|with|if it were|if we asked for|if we only (?:need|want)ed))? {PERCENT}(?: (?P<what>accuracy|recall))?",
    rf"(?:would|is|will) {PERCENT}(?: (?P<what>accuracy|recall))? (?:be )?(?:reached|met|fulfilled|held|passed|do)",
    rf"(?:would|is) {MODEL} (?:be )?(?:good enough|ready|fine|ok|okay|enough) (?:if|when) (?:we|i|they) (?:only |just )*(?:need|needed|want|wanted|asked for|required) {PERCENT}(?: (?P<what>accuracy|recall))?",
)
_FAR: Final = (
    r"how far (?:off|away|from (?:it|ready|the (?:goal|target|requirement|bound)))?(?: (?:off|away))?(?: are (?:we|you)| is (?:it|the model))(?: (?:off|away))?(?: from (?:it|ready|being ready|the (?:goal|target|requirements?|demands?)|what we need))?(?:,? in points)?",
    r"how (?:much|many points) (?:is|are|do we) (?:missing|lacking|lack|short|still missing|miss)(?: (?:to|for|until) .{0,40})?(?:,? in points)?",
    r"(?:what|which) (?:requirement|demand|expectation|criterion|criteria|goal|target)s? (?:fail|fails|is missed|are missed|isn'?t met|is not met|does it (?:fail|miss)|do we (?:fail|miss)|failed)",
    rf"what (?:would|do|does|will|must) (?:we|i|it|one) (?:need|have|take|have to do|do|need to do) to (?:get|come|be|go|reach|arrive)(?: (?:at|to|up to))? {PERCENT}",
    rf"what (?:would it take|does it take|is needed|would be needed|is missing|has to happen|must happen) (?:to (?:get|come|be|reach|go)(?: (?:at|to|up to))?|for) {PERCENT}",
    rf"how (?:do|can|could|would) (?:we|i|it) (?:get|come|reach|go)(?: (?:at|to|up to))? {PERCENT}(?: accuracy)?",
)
_MORE: Final = (
    r"how many (?:more )?(?:deployment |labelled |test |evaluation |new |extra |additional )*(?:photos?|pictures?|images?|examples?|samples?)(?: (?:more|do|would|must|should|will|we|i|you|have|need|to|label|test|measure|still))*(?: before you(?:'d| would| will| can| could)? (?:say|call it|give|decide|judge)\b.{0,30}| (?:until|till|before) (?:it is|it's|you are|you're|we are) (?:ready|sure|certain|decided)| (?:to|would) (?:decide|be sure|be certain|know)(?: (?:it|that|for sure))?)",
    r"how many (?:more )?(?:deployment |labelled |test |evaluation )*(?:photos?|pictures?|images?) (?:would|do|must|should) (?:decide|it take to decide|be enough to (?:decide|say))(?: (?:it|that|whether it is ready))?",
)


def answered(case: Case, text: str, mentions: Mentions) -> AIMessage | Step | None:
    """The answer to a bare sentence about whether it may be used; None for other sentences."""
    plain = not any(
        m.role in ("value", "attribute", "object", "finding", "evidence", "image") for m in mentions.found
    )
    if not plain:
        return None
    if stands(text, *READY) and not mentions.found:
        return _judge()
    if stands(text, *_CLASSES):
        return _by_class(case)
    if (found := stands(text, *_OTHER)) is not None and not mentions.of("class"):
        return _at(case, share(found["percent"], found["unit"]), found["what"] or "")
    if (found := stands(text, *_FAR)) is not None:
        given = found.groupdict().get("percent")
        return _missing(case, share(given, found["unit"]) if given else None)
    return _more(case) if stands(text, *_MORE) else None


def _judge() -> Step:
    return Step("", "readiness", prompts.say("advice.why.judge"))


def _by_class(case: Case) -> AIMessage | Step:
    """Each class: how often it is recognised and how often its answer is right, best first by the lower of the two."""
    state = case.state()
    field = of_classes(state, case.classes, "recall", "deploy")
    asks_of_use = any(n.startswith(("deploy.recall", "deploy.worst_recall")) for n in state.expectations)
    split = "deploy" if field and asks_of_use else "data"
    found, said = (
        of_classes(state, case.classes, "recall", split),
        of_classes(state, case.classes, "precision", split),
    )
    if not found:
        return Step("", "evaluate", prompts.say("advice.why.classes"))
    wanted = bounds(state, list(found), split)
    ready = [c for c, r in found.items() if c in wanted and r.ci is not None and r.ci[0] >= wanted[c]]
    lines = [_head(ready, wanted, next(iter(found.values())).evidence, split)]
    for name in sorted(found, key=lambda c: -min(found[c].value, said[c].value if c in said else 1.0))[:MOST]:
        right = said.get(name)
        told = prompts.say(
            "advice.class", name=clean(name, 60), recall=str(found[name]), n=f"{found[name].n:,}"
        )
        use = (
            prompts.say("advice.class.use", recall=str(field[name]))
            if split == "data" and name in field
            else ""
        )
        lines.append(
            f"- {told}{use}" + (prompts.say("advice.class.said", precision=str(right)) if right else ".")
        )
    lines += [prompts.say("advice.classes.set")] if not wanted else []
    return words.message("\n".join(lines), words.choices(case))


def bounds(state: CaseState, classes: Sequence[str], split: str) -> dict[str, float]:
    """Class → the recall that is demanded of it, by itself or as one of all; empty where nobody demands any."""
    lead = "deploy." if split == "deploy" else ""
    made: dict[str, float] = {}
    for name, one in state.expectations.items():
        bare = name.removeprefix(lead) if name.startswith(lead) else name
        if one.at_least and bare == "worst_recall":
            made = dict.fromkeys(classes, one.bound) | made
        elif one.at_least and bare.startswith("recall.") and bare.removeprefix("recall.") in classes:
            made[bare.removeprefix("recall.")] = one.bound
    return made


def _head(ready: list[str], bounds: dict[str, float], evidence: str, split: str) -> str:
    where = prompts.say(f"advice.where.{split}")
    if not bounds:
        return prompts.say("advice.classes", where=where, evidence=evidence)
    low = f"{number(min(bounds.values()))}" if len(set(bounds.values())) == 1 else "what is demanded of each"
    key = "advice.classes.ready" if ready else "advice.classes.none"
    fields = {"names": listing([clean(c, 60) for c in ready], MOST)} if ready else {}
    return prompts.say(key, where=where, bound=low, evidence=evidence, **fields)


# --- another demand ----------------------------------------------------------------------------------------------------


def _at(case: Case, bound: float | None, what: str) -> AIMessage | Step | None:
    """What another bound would make of the judgement; nothing is changed by it."""
    state = case.state()
    if bound is None:
        return None
    name = "worst_recall" if what == "recall" else "accuracy"
    made = judged(state)
    row = _row(made, name)
    rate = (
        _of_row(made, row)
        if made is not None and row is not None
        else accuracy(state)
        if name == "accuracy"
        else None
    )
    if rate is None:
        return _judge() if state.expectations else Step("", "evaluate", prompts.say("advice.why.classes"))
    lines = [_against(rate, name, bound)]
    field = accuracy(state, "deploy") if name == "accuracy" else None
    if field is not None:
        lines.append(
            prompts.say(
                "advice.at.deploy",
                side=prompts.say(f"advice.at.deploy.{_side(field, bound)}"),
                rate=str(field),
                n=f"{field.n:,}",
                evidence=field.evidence,
            )
        )
    others = (
        [c for c in made.criteria if c["name"] != name and c["holds"] is not True] if made is not None else []
    )
    if others and made is not None:
        told = listing(
            [f"{shown(c['name'], c['bound'], at_least=c['at_least'])} ({measured(c)})" for c in others],
            4,
            120,
        )
        lines.append(prompts.say("advice.at.others", criteria=told, evidence=made.evidence.id))
    lines.append(prompts.say("advice.at.set", words=f"{name.replace('_', ' ')} at least {100 * bound:g} %"))
    return words.message("\n".join(lines), words.choices(case))


def _row(made: Judged | None, name: str) -> Any:
    rows = made.criteria if made is not None else []
    return next((c for c in rows if c["name"] == name and c["at_least"] and c["value"] is not None), None)


def _of_row(made: Judged, row: Any) -> Rate:
    ci = (float(row["ci"][0]), float(row["ci"][1])) if row["ci"] else None
    return Rate(float(row["value"]), ci, int(row["n"] or 0), made.evidence.id)


def _side(rate: Rate, bound: float) -> str:
    """``holds``, ``fails`` or ``undecided``: on which side of the bound the whole interval lies."""
    low, high = rate.ci or (rate.value, rate.value)
    return "holds" if low >= bound else "fails" if high < bound else "undecided"


def _against(rate: Rate, name: str, bound: float) -> str:
    key = f"advice.at.{_side(rate, bound)}"
    return prompts.say(
        key, criterion=shown(name, bound), rate=str(rate), n=f"{rate.n:,}", evidence=rate.evidence
    )


# --- what is missing -----------------------------------------------------------------------------------------------------


def _missing(case: Case, bound: float | None) -> AIMessage | Step:
    """How many points are missing of each demand that fails, in images too, and which repairs could bring most."""
    state = case.state()
    made, right = judged(state), accuracy(state)
    lines: list[str] = []
    if bound is not None:
        if right is None:
            return Step("", "evaluate", prompts.say("advice.why.classes"))
        lines.append(_gap(right, "accuracy", bound))
    elif made is None:
        return _judge()
    else:
        rows = [c for c in made.criteria if c["holds"] is not True]
        if not rows:
            return words.message(f"{made.evidence.summary} [{made.evidence.id}]", words.choices(case))
        lines += [_gap_of(made, c) for c in rows]
    top = [r for r in largest(state) if stake(r)][:3]
    if top:
        lines.append(prompts.say("advice.missing.from"))
        lines += [f"- {_stake_line(r)}" for r in top]
        lines.append(prompts.say("advice.overlap"))
    return words.message("\n".join(lines), words.choices(case))


def _gap(rate: Rate, name: str, bound: float) -> str:
    if _side(rate, bound) == "holds":
        return _against(rate, name, bound)
    gap = max(0.0, bound - rate.value)
    return prompts.say(
        "advice.missing", criterion=shown(name, bound), rate=str(rate), n=f"{rate.n:,}", points=number(gap, "points").lstrip("+"),
        images=f"{-int(-gap * rate.n // 1):,}", evidence=rate.evidence,
    )  # fmt: skip


def _gap_of(made: Judged, row: Any) -> str:
    """The gap of one criterion; of one that is no lower bound on a share, its value beside its bound."""
    if row["at_least"] and row["value"] is not None and row["bound"] <= 1 and row["n"]:
        return _gap(_of_row(made, row), str(row["name"]), float(row["bound"]))
    asked = shown(str(row["name"]), float(row["bound"]), at_least=bool(row["at_least"]))
    return prompts.say(
        "advice.missing.plain", criterion=asked, value=measured(row), evidence=made.evidence.id
    )


def _stake_line(record: Any) -> str:
    from failsight.agent.planners.advice.ranking import line

    return line(record)


def _more(case: Case) -> AIMessage | Step:
    """How many more images would decide; that none would where a demand fails or holds clearly."""
    made = judged(case.state())
    if made is None:
        return _judge()
    table = next((t for t in made.evidence.tables if t.title == TABLE), None)
    wanted = {str(r[0]): r[-1] for r in table.rows} if table is not None else {}
    lines = []
    failing = [c for c in made.criteria if c["holds"] is False]
    if failing:
        told = listing(
            [f"{shown(c['name'], c['bound'], at_least=c['at_least'])} ({measured(c)})" for c in failing],
            4,
            120,
        )
        lines.append(prompts.say("advice.more.fails", criteria=told, evidence=made.evidence.id))
    for one in (c for c in made.criteria if c["holds"] is None):
        more = wanted.get(str(one["name"]))
        asked = shown(str(one["name"]), float(one["bound"]), at_least=bool(one["at_least"]))
        if isinstance(more, int | float) and more:
            lines.append(
                prompts.say(
                    "advice.more.decides",
                    more=f"{int(more):,}",
                    criterion=asked,
                    value=measured(one),
                    evidence=made.evidence.id,
                )
            )
        else:
            lines.append(
                prompts.say(
                    "advice.more.unknown", criterion=asked, value=measured(one), evidence=made.evidence.id
                )
            )
    if not lines:
        return words.message(f"{made.evidence.summary} [{made.evidence.id}]", words.choices(case))
    return words.message("\n".join(lines), words.choices(case))
