"""Questions that are answered by yes or no: what the evidence says to them, in the first words of the answer.

The direct answer is the verdict of a finding that decides the question. Where no finding does, and no figure answers it, nothing
is claimed: the measurement speaks for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.declined import typed
from failsight.agent.planners import because, words
from failsight.agent.state import CaseState, FindingRecord
from failsight.knowledge_base.condition_text import columns_in
from failsight.knowledge_base.directions import directions
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.population import apart
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

IS_ONE: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|well|then|hm+|really|please|tell me(?: (?:if|whether))?|i wonder (?:if|whether)|check (?:if|whether)|do you (?:think|know)(?: (?:that|if|whether))?|can you (?:tell|say|check)(?: me)? (?:if|whether))\b\W*)*"
    r"(?:is|are|am|was|were|does|do|did|has|have|had|can|could|will|would|should|isn'?t|aren'?t|doesn'?t|don'?t)\b",
    re.IGNORECASE,
)
_CONFUSES: Final = re.compile(
    r"\b(?:confus\w+|mistak\w+|mistook|mix\w*|tak(?:e|es|en|ing)|took|call\w*|predict\w*|misclassif\w+|classif\w+|label\w*)\b",
    re.IGNORECASE,
)
#: between two words of one thing: no other clause ("are the labels wrong and the model right?")
_GAP: Final = r"(?:(?!\b(?:and|but|or|while|whereas)\b)[^,;])*"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace("<gap>", _GAP), re.IGNORECASE)


#: what is asked → kind of finding, and whether a confirmed finding of that kind means yes
_TOPICS: Final = (
    (_pattern(r"\b(?:labels?|labell?ing|annotations?|annotators?|ground truth)\b<gap>\b(?:right|correct|good|fine|ok(?:ay)?|trust\w*|reliable|accurate|clean|true)\b|\b(?:trust|rely on|believe)\b<gap>\blabels?\b"), "label_noise", False),
    (_pattern(r"\b(?:wrong|bad|incorrect|noisy|false|mis)\w*[ -]?(?:labels?|labell?ed|annotat\w+)\b|\blabels?\b<gap>\b(?:wrong|bad|incorrect|noisy|errors?|mistakes?)\b|\blabel noise\b"), "label_noise", True),
    (_pattern(r"\bover-?fit\w*|\blearn\w* by heart\b|\bmemori[sz]\w*"), "overfitting", True),
    (_pattern(r"\bunder-?fit\w*"), "underfitting", True),
    (_pattern(r"\b(?:leak\w*|contaminat\w*|duplicat\w*|copies|overlap\w*|twice)\b"), "leakage", True),
    (_pattern(r"\bover-?confiden\w*|\btoo (?:sure|confident|certain)\b"), "overconfidence", True),
    (_pattern(r"\b(?:calibrated|confidences?|probabilit\w*|scores?|percentages?)\b<gap>\b(?:right|trust\w*|reliable|honest|meaningful|believ\w*)\b|\b(?:well )?calibrated\b"), "overconfidence", False),
    (_pattern(r"\b(?:shift\w*|drift\w*)\b|\b(?:deploy\w*|production|field)\b<gap>\b(?:differ\w*|other|unlike|chang\w*)\b"), "distribution_shift", True),
    (_pattern(r"\b(?:fed|feed\w*|preprocess\w*|normali[sz]\w*|input)\b<gap>\b(?:right|correct\w*|properly|as it was trained)\b"), "preprocessing", False),
    (_pattern(r"\b(?:fed|feed\w*|preprocess\w*|normali[sz]\w*)\b<gap>\b(?:wrong\w*|incorrect\w*|badly)\b"), "preprocessing", True),
    (_pattern(r"\b(?:cheat\w*|short-?cuts?|spurious|clever hans|wrong reasons?)\b"), "spurious_correlation", True),
    (_pattern(r"\bimbalanced\b|\bunbalanced\b"), "class_imbalance", True),
)  # fmt: skip
_WORSE: Final = re.compile(
    r"\b(?:worse|worst|weak(?:er)?|fail(?:s|ing|ures?)?|struggl\w+|trouble|hard(?:er)?|wrong|errors?|mistakes?|misclassif\w+|bad(?:ly)?|poor(?:ly|er)?|problems?|lower|less|difficult)\b",
    re.IGNORECASE,
)
CAUSE: Final = re.compile(
    r"\b(?:reasons?|causes?|caused|causing|culprits?|because|due to|to blame|at fault|the fault of|makes? (?:it|them) fail)\b",
    re.IGNORECASE,
)
_HOW_GOOD: Final = re.compile(
    r"\bhow (?:good|bad|accurate|reliable|well|often)\b(?!.*\b(?:taken|called|confused|mistaken|predicted)\b)",
    re.IGNORECASE,
)
_GOOD: Final = re.compile(
    r"\b(?:good|fine|ok(?:ay)?|decent|acceptable|useful|useable|usable|well)\b", re.IGNORECASE
)
_NEGATED: Final = re.compile(r"\b(?:no|not|never|without|n'?t)\b|n'?t\b", re.IGNORECASE)
_GROUPS: Final = ("weak_slice", "rare_case")
SHORTCUTS: Final = "spurious_correlation"
MOST: Final = 3


def answer(case: Case, question: str, evidence: Sequence[str], mentions: Mentions) -> str:
    """The direct answer to a yes or no question; empty for another question, or where the evidence does not hold one.

    Args:
        evidence: ids of what was measured for the question.
        mentions: the names of the case in it.
    """
    if not IS_ONE.match(question) and not _HOW_GOOD.search(question):
        return ""
    state = case.state()
    if not IS_ONE.match(question):
        return "" if mentions.split or _of_a_group(case, mentions) else _by_class(state, mentions)
    made = [e for e in state.evidence if e.id in evidence]
    if not made or _without_its_group(case, made, mentions):
        return ""
    cell = _cell(made[-1], question, mentions)
    return cell or _good(state, question, made[-1], mentions) or _decided(state, question, made, mentions)


def _of_a_group(case: Case, mentions: Mentions) -> bool:
    """Whether a question is of a group of images: what is known of the class alone is no answer to it."""
    from failsight.agent.planners import grouped

    return bool(grouped.group_in(case, mentions))


def _without_its_group(case: Case, made: Sequence[Evidence], mentions: Mentions) -> bool:
    """Whether a question names a group of images that nothing measured for it knows of: then no yes and no no is of that group."""
    from failsight.agent.planners import grouped

    group = grouped.group_in(case, mentions)
    columns = {n for c in group.conditions for n in columns_in(c)} | set(group.each)
    if not columns and not group.unsure:
        return False
    known = {name for e in made for f in e.findings for name in f.slice or {}} | {
        n for e in made for n in _columns_asked(e)
    }
    return bool(columns - known) or bool(group.unsure and not columns)


def _columns_asked(made: Evidence) -> Iterator[str]:
    """The columns in the arguments of a measurement: of its conditions, and those it went through."""
    for name in ("where", "among", "having"):
        held = made.arguments.get(name) or ()
        yield from (n for c in (apart(held) if isinstance(held, str) else held) for n in columns_in(str(c)))
    for name in ("attributes", "attribute", "by"):
        held = made.arguments.get(name) or ()
        yield from ((held,) if isinstance(held, str) else map(str, held))


def known(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """Whether it goes by shortcuts, where that was found already: no single measurement tells it; None for other questions."""
    if not IS_ONE.match(question) or mentions.found or _NEGATED.search(question):
        return None
    kinds, _ = _topic(question)
    found = [r for r in case.state().confirmed() if r.finding.kind in kinds]
    if kinds != (SHORTCUTS,) or not found:
        return None
    lines = [_said("whether.yes", found), *(f"- {words.finding_line(r)}" for r in found[:MOST])]
    return words.message("\n".join(lines), words.choices(case))


def settled(case: Case, made: Mapping[str, Any], question: str = "") -> AIMessage | None:
    """What is known of a group that is asked about, where a search or a test of exactly this group has decided it; None where not, or
    where the question asks for more (another effect, another split). One that denies what it asks about gets no yes and no no."""
    from failsight.agent.planners.denied import denies

    given = made["arguments"]
    if made["tool"] != "compare_group" or set(given) - {"where", "class_name"} or not given.get("where"):
        return None
    held = apart(given["where"]) if isinstance(given["where"], str) else given["where"]
    group = dict(str(part).split("=", 1) for part in held if "=" in str(part))
    found = next(
        (
            r
            for r in case.state().now()
            if r.finding.kind in _GROUPS and r.finding.split == "data" and dict(r.finding.slice or {}) == group
            and r.finding.class_name == given.get("class_name") and r.standing in ("confirmed", "refuted")
        ),
        None,
    )  # fmt: skip
    if found is None or len(group) != len(held):
        return None
    key = "whether.yes" if found.standing == "confirmed" else "whether.no"
    plain = prompts.say("whether.plain", ids=f"{found.id} ({found.standing})")
    first = plain if denies(question) else _said(key, [found])
    anew = prompts.say("whether.anew", call=f"/tool compare_group{typed(given)}")
    return words.message(f"{first}\n- {words.finding_line(found)}\n{anew}", words.choices(case))


_TO_TEST: Final = re.compile(
    r"\b(?:test\w*|try|run|mask\w*|cover\w*|hid\w*|remov\w*|tak(?:e|ing) away|without|add\w*|past\w*|put|swap\w*|exchang\w*|replac\w*|again|anew|re-?\w*test|experiment\w*|"
    r"verif\w*|check|measure|if)\b",
    re.IGNORECASE,
)


def tested(case: Case, question: str, tool: str, given: Mapping[str, Any]) -> AIMessage | None:
    """What an experiment has decided about a thing that is asked about (``do cats matter?``), instead of the same experiment again; None
    where none has, or where a sentence asks for one in so many words."""
    from failsight.tools.verdicts import EXPERIMENTS

    spec = str(given.get("region") or given.get("cue") or "")
    if tool not in EXPERIMENTS or not spec.startswith("box:") or _TO_TEST.search(question):
        return None
    thing, name = spec.removeprefix("box:"), given.get("class_name")
    found = [
        r
        for r in case.state().now()
        if thing in (r.finding.slice or {})
        and r.standing in ("confirmed", "refuted")
        and any(t.tool in EXPERIMENTS for t in r.finding.tests)
        and name in (None, r.finding.class_name)
    ]
    if not found:
        return None
    anew = prompts.say("whether.tested_anew", call=f"/tool {tool}{typed(given)}")
    lines = [
        prompts.say("whether.tested", thing=clean(thing.replace("_", " "), 40)),
        *(f"- {words.finding_line(r)}" for r in found[:MOST]),
    ]
    return words.message("\n".join([*lines, anew]), words.choices(case))


def _cell(made: Evidence, question: str, mentions: Mentions) -> str:
    """``Yes: 84 of 449 kitchen images …``: whether one class is taken for another."""
    true, predicted = made.arguments.get("true_class"), made.arguments.get("predicted_class")
    if made.tool != "confusion_matrix" or not (true and predicted) or not _CONFUSES.search(question):
        return ""
    if directions(mentions) != (true, predicted):
        return ""
    rate = next((f for f in made.facts if f.name == "confusion_rate" and f.n), None)
    if rate is None or not isinstance(rate.value, int | float) or rate.n is None:
        return ""
    count = round(float(rate.value) * rate.n)
    key = "whether.cell" if count else "whether.no_cell"
    fields = {"count": f"{count:,}", "share": number(float(rate.value))} if count else {}
    names = {"true": clean(str(true), 60), "predicted": clean(str(predicted), 60)}
    return prompts.say(key, n=f"{rate.n:,}", **names, **fields)


def _good(state: CaseState, question: str, made: Evidence, mentions: Mentions) -> str:
    """Whether it is good: what was expected decides that, and where nobody expects anything, nothing does."""
    if made.tool != "evaluate" or not _GOOD.search(question) or mentions.found or mentions.split:
        return ""
    ready = state.latest("readiness")
    if not state.expectations:
        return prompts.say("whether.depends")
    return prompts.say("whether.ready", summary=ready.summary, evidence=ready.id) if ready is not None else ""


def _decided(state: CaseState, question: str, made: Sequence[Evidence], mentions: Mentions) -> str:
    """The verdicts that answer the question: of what was measured for it."""
    ids = {e.id for e in made}
    records = [r for r in state.records.values() if ids & set(r.evidence)]
    kinds, means_yes = _topic(question)
    if not kinds:
        if not _WORSE.search(question):
            return ""
        wanted = _about(mentions)
        if not wanted and made[-1].tool != "compare_group":
            return _by_class(state, mentions)
        kinds, means_yes = _GROUPS, True
        records = [r for r in records if not wanted or wanted & _named_by(r)]
        if any(r.standing == "confirmed" for r in records) and CAUSE.search(question):
            return _of_cause(records, wanted)
    records = [r for r in records if r.finding.kind in kinds]
    if not records:
        return prompts.say("whether.no_group") if kinds == _GROUPS and made[-1].tool == "find_slices" else ""
    if _NEGATED.search(question):  # "isn't it …?", "are there no …?": yes and no would be read either way
        return prompts.say("whether.plain", ids=listing([f"{r.id} ({r.standing})" for r in records[:MOST]]))
    for verdict in ("confirmed", "inconclusive", "refuted"):
        some = [r for r in records if r.standing == verdict]
        if not some:
            continue
        if verdict == "inconclusive":
            return _said("whether.undecided", some)
        key = ("yes", "no") if means_yes else ("not", "fine")
        return _said(f"whether.{key[0] if verdict == 'confirmed' else key[1]}", some)
    return ""


def _of_cause(records: Sequence[FindingRecord], wanted: set[str]) -> str:
    """To a question of a cause: yes only by an experiment, of all that the question names; a group that does worse is none."""
    from failsight.tools.verdicts import EXPERIMENTS

    shown = [r for r in records if r.standing == "confirmed"]
    tested = [
        r for r in shown if wanted <= _named_by(r) and any(t.tool in EXPERIMENTS for t in r.finding.tests)
    ]
    return _said("whether.yes", tested) if tested else _said("whether.no_cause", shown)


def _said(key: str, records: Sequence[FindingRecord]) -> str:
    return prompts.say(key, ids=listing([r.id for r in records[:MOST]]))


def _topic(question: str) -> tuple[tuple[str, ...], bool]:
    for pattern, kind, means_yes in _TOPICS:
        if pattern.search(question):
            return (kind,), means_yes
    return (), True


def _by_class(state: CaseState, mentions: Mentions) -> str:
    """How often the classes that a question names are recognised; empty where it names none, or that was not measured."""
    lines = [line for name in mentions.of("class")[:MOST] for line in because.recall(state, name)]
    return "\n".join(lines)


def _about(mentions: Mentions) -> set[str]:
    """The groups that a question names: ``lighting=dark``, ``television=yes``, or ``lighting`` alone for any of its values."""
    held = mentions.of("value")
    return {
        *held,
        *(f"{o}=yes" for o in mentions.of("object")),
        *(a for a in mentions.of("attribute") if a not in {c for h in held for c in columns_in(h)}),
    }


def _named_by(record: FindingRecord) -> set[str]:
    """The conditions of a finding's group, each with its value and by its name alone."""
    parts = record.finding.slice or {}
    return {f"{k}={v}" for k, v in parts.items()} | set(parts)
