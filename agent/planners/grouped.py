"""Figures that somebody asks for of a group of images, and what becomes of a group that a question names.

``recall of lesions at site Ost`` is answered by a tool that takes the group; where the tool that answers a question takes none, it is
said that the group was left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import looking, looks, rates, readers, whether
from failsight.agent.planners.slots import fields, where
from failsight.agent.planners.step import Step
from failsight.knowledge_base.condition_text import column_of
from failsight.knowledge_base.details import split_of
from failsight.knowledge_base.groups import Group, group_of, told, without_group
from failsight.knowledge_base.meanings import asked
from failsight.knowledge_base.people import people
from failsight.knowledge_base.two_classes import other, positive
from failsight.knowledge_base.vocabulary import Mention
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Act
    from failsight.knowledge_base.vocabulary import Mentions

COMPARE: Final = "compare_group"
BY_COLUMN: Final = "disaggregate"
COUNT: Final = "count_images"
WHOLE: Final = ("evaluate", "confusion_matrix")  # give figures of all images, or of a class
LONGEST: Final = 160  # characters of a sentence that asks for one figure
_FIGURE: Final = re.compile(
    r"\bhow (?:well|good|bad|badly|accurate|accurately|reliable|often (?:is|does|are)|many)\b|\bhow (?:does|do|is) (?:it|this|they|the (?:model|network|classifier))(?: (?:do|doing|perform\w*|work\w*|fare))\b"
    r"|\b(?:accuracy|accuracies|recall|precision|f1|error rates?|share of errors|performance|figures?|results?|rates?)\b"
    r"|\b(?:fail|err|struggle)(?:s|ing)? (?:more|less)\b|\b(?:worse|better|less (?:good|accurate|reliable)|more (?:accurate|reliable|errors?|mistakes?))\b|\b(?:fair|unfair|biased|discriminat\w+|disadvantag\w+)\b",
    re.IGNORECASE,
)
_FAIRNESS: Final = re.compile(
    r"\b(?:worse|better|fair|unfair|biased|discriminat\w+|disadvantag\w+|more|less|lower|higher|fewer)\b",
    re.IGNORECASE,
)
_DOES_WORSE: Final = re.compile(
    r"\b(?:worse|worst|weaker|fails?|failing|struggl\w+|trouble|harder|more (?:often )?(?:wrong|errors?|mistakes?|failures?)|wrong more|errs? more|"
    r"(?:lower|less) (?:accura\w+|reliable|recall)|(?:accuracy|recall|performance) (?:is )?(?:lower|worse|poorer|drops?|falls?))\b",
    re.IGNORECASE,
)
_ERRS: Final = re.compile(
    r"\b(?:miss(?:es|ed|ing)?|wrong\w*|errors?|mistakes?|right|correct\w*|recogni[sz]ed?|found|detected|overlook(?:s|ed)?)\b",
    re.IGNORECASE,
)
_COUNTS: Final = re.compile(r"\bhow many\b", re.IGNORECASE)
_MISSES: Final = re.compile(r"\b(?:miss(?:es|ed|ing)?|overlook(?:s|ed)?|false negatives?)\b", re.IGNORECASE)
_ALARMS: Final = re.compile(
    r"\b(?:false alarms?|false positives?|wrongly (?:called|flagged|reported))\b", re.IGNORECASE
)
_HOW_MANY: Final = re.compile(
    r"\bhow (?:many|often)\b|^\W*(?:the )?(?:missed|misses|overlooked|false (?:alarms?|negatives?|positives?))\b",
    re.IGNORECASE,
)
_BY_CLASS: Final = re.compile(r"\b(?:precision|f1)\b", re.IGNORECASE)
#: ``is bathroom recognised (in real use)?``: one class, and nothing but where
RECOGNISED: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|well|then)\b\W*)*(?:(?:is|are) (?:an? |the )?CLASS (?:images |pictures |photos )?(?:often |usually |always |still |well |reliably |correctly )*(?:recogni[sz]ed|found|detected)"
    r"|(?:does|can|will) (?:it|the (?:model|network|classifier)) (?:often |usually |always |still |reliably |correctly )*(?:recogni[sz]e|find|detect) (?:an? |the )?CLASS(?: images| pictures| photos)?)"
    r"(?: (?:well|reliably|correctly|often|enough|at all))*(?: (?:in|on|at|by|for|during|out) .{2,40})?\W*$",
    re.IGNORECASE,
)
_ELSE: Final = re.compile(  # questions that other tools answer, whatever figures they name
    r"\b(?:why|threshold|cut-?off|scores?|confiden\w+|sure|calibrat\w+|labels?|labell?ed|show|see|look|list|which|curve|roc|auc|train\w* (?:on|with)|cost|costs|improve|repair|fix|mend|retrain|"
    r"happens?|would|because|perhaps|maybe|probably|think|guess|suspect|believe|hypothesis|cues?|slices?|attributes?|depend\w*|expect\w*|must|should|change[sd]?|report|version|compare[sd]?|than|difference|distribution|statistics)\b",
    re.IGNORECASE,
)
#: ``what is specificity?`` asks for the word, ``what is the specificity?`` for the figure
_MEANING: Final = re.compile(rf"^\W*what(?:'?s| is| are) (?:an? )?(?:{rates.WORDS})\W*$", re.IGNORECASE)
_PLACE_BEFORE: Final = re.compile(
    r"\b(?:at|in|on|for|from|with|where|when|whose|among|within|of|and|or|the|is|are)\s+$|^\W*$|[,:]\s*$",
    re.IGNORECASE,
)
_HAVING: Final = re.compile(r"(?:with|without|having|showing)\b", re.IGNORECASE)
_PLACE_AFTER: Final = re.compile(
    r"^\W*(?:ones?|images?|pictures?|photos?|rooms?|cases?|scans?|patients?|people|site|sites|data)\b",
    re.IGNORECASE,
)
#: with these arguments a word for a group may mean what to change, to make or to look at
_ELSEWHERE: Final = frozenset(("action", "count", "query", "edits", "image", "first"))
_WITHOUT_IMAGES_TEXT: Final = (
    "propose_correction attribute_check attribute_overview propose_attributes edit_attributes describe_case readiness efficiency state_hypothesis generate_repair_data retrain "
    "adopt_version verify_correction search_knowledge"
)
_WITHOUT_IMAGES: Final = frozenset(_WITHOUT_IMAGES_TEXT.split())
_BARE: Final = re.compile(
    r"^\W*(?:(?:and|so|what|how|about|for|with|now|then|only|just|the|those|ones?)\b\W*)*$", re.IGNORECASE
)


def asked_for(case: Case, question: str, mentions: Mentions, act: Act | None = None) -> Step | None:
    """The measurement that a sentence wants which asks for a rate, or for a figure of a group of images; None for other sentences.

    Args:
        mentions: the names of the case in the sentence.
        act: the last measurement, if any.
    """
    if readers.by_hand(question) and "review_errors" in registry():
        return Step("", "review_errors", prompts.say("why.question", question=clean(question, 120)))
    if len(question) > LONGEST or any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    request = asked(question)
    group = group_in(case, mentions)
    rest = without_group(question, group) if group else question
    if _ELSE.search(rest) or (request is not None and request.surely and not mentions.found):
        return None
    made = (
        _worse(case, mentions, group, rest)
        or _recognised(mentions, group)
        or _rate(case, question, mentions, group)
        or _errors_of_class(case, question, mentions, group)
    )
    if made is None and (group.conditions or group.each) and not group.unsure:
        names = mentions.of("class")
        bare = _BARE.match(rest) and not mentions.of("object") and not _is_followed(act)
        if bare and act is not None and not names:
            names = [str(n) for n in (act.arguments.get("true_class"), act.arguments.get("class_name")) if n]
        # the bank knows how columns are compared, and groups that a name of the case tells
        told_ = group.people or bool(set(group.conditions) - set(mentions.of("value")) and not group.looked)
        compares = _FAIRNESS.search(rest) is not None and not told_
        if len(names) < 2 and (bare or (_wants_figure(rest) and not compares and _placed(question, group))):
            by_class = _BY_CLASS.search(rest) is not None
            compared = _FAIRNESS.search(rest) is not None
            made = _of_group(group, names[0] if names else None, per_class=by_class, compared=compared)
    if made is None or made[0] not in registry():
        return None
    tool, given = made
    split = (
        (split_of(mentions, tool) or looks.only_in(case, group.conditions))
        if "split" in fields(tool)
        else None
    )
    arguments = {k: v for k, v in {**given, "split": split}.items() if v}
    told_as = " ".join(filter(None, (looks.said(case, c) for c in group.conditions if c not in question)))
    why = prompts.say("why.question", question=clean(question, 120))
    return Step("", tool, f"{told_as} {why}".strip() if group.looked else why, arguments)


def _worse(case: Case, mentions: Mentions, group: Group, rest: str) -> Made | None:
    """``do kitchens fail more where lighting is soft?``: exactly this group against the others. How evaluation images look is a suspicion,
    which is written down first."""
    names = mentions.of("class")
    if not group.conditions or group.each or group.unsure or len(names) > 1 or mentions.of("object"):
        return None
    if group.looked and looks.only_in(case, group.conditions) is None:
        return None
    if not whether.IS_ONE.match(mentions.sentence) or not _DOES_WORSE.search(rest):
        return None
    return COMPARE, {"where": group.conditions, "class_name": names[0] if names else None}


def _is_followed(act: Act | None) -> bool:
    """Whether the last measurement can itself be made of another group."""
    return act is not None and bool({"where", "attributes", "attribute"} & set(fields(act.tool)))


def _wants_figure(rest: str) -> bool:
    if _COUNTS.search(rest) and not _ERRS.search(rest):
        return False
    return _FIGURE.search(rest) is not None


Made = tuple[str, dict[str, Any]]


def is_recognised(mentions: Mentions) -> bool:
    """Whether it is asked if one class is recognised, and nothing else but on which images."""
    names = [m for m in mentions.found if m.role == "class"]
    if len(names) != 1:
        return False
    one, text = names[0], mentions.sentence
    return RECOGNISED.match(f"{text[: one.start]}CLASS{text[one.end :]}") is not None


def _recognised(mentions: Mentions, group: Group) -> Made | None:
    """``is bathroom recognised in real use?``: how often it is, of the images that the question names."""
    named = [m for m in mentions.found if m.role in ("object", "attribute", "value")]
    if named or group or not is_recognised(mentions):
        return None
    told_ = re.search(r"\b(?:when|if|by|without|with)\b", mentions.sentence, re.IGNORECASE)
    return None if told_ else ("evaluate", {})


def _rate(case: Case, question: str, mentions: Mentions, group: Group) -> Made | None:
    """``what is the sensitivity (at Ost)?``: the figures of the class that the rate is of."""
    found = rates.named(question)
    if not found or re.search(r"\d", question) or _MEANING.match(question):
        return None
    about = _about(case, question, mentions)
    if not group:
        return (
            ("evaluate", {})
            if about is not None or not re.search(r"\bhit", question, re.IGNORECASE)
            else None
        )
    if about is None:
        return _of_group(group, None)
    classes = {
        about if rate.own else other(case.classes, about) for rate in found if rate.measure == "recall"
    }
    one = next(iter(classes)) if len(classes) == 1 and all(r.measure == "recall" for r in found) else None
    return _of_group(group, one, per_class=True)


def _errors_of_class(case: Case, question: str, mentions: Mentions, group: Group) -> Made | None:
    """``how many lesions are missed (at Ost)?``, ``how many false alarms are there?``: errors on the one side, in a case of two classes."""
    if not _HOW_MANY.search(question):
        return None
    about = _about(case, question, mentions)
    if about is None or len(mentions.of("class")) > 1:
        return None
    alarms = _ALARMS.search(question) is not None
    if not alarms and not _MISSES.search(question):
        return None
    if group.each and not group.conditions:
        return _of_group(group, None, per_class=True)
    if group.conditions:
        pictures = (
            {"predicted_class": about, "class_name": other(case.classes, about)}
            if alarms
            else {"class_name": about}
        )
        return "show_images", {**pictures, "where": "&".join(["wrong", *group.conditions])}
    return "confusion_matrix", {
        "predicted_class": about,
        "true_class": other(case.classes, about),
    } if alarms else {"true_class": about}


def _about(case: Case, question: str, mentions: Mentions) -> str | None:
    """The class that a rate or an error is of: the one that is named, or in a case of two the one that is looked for."""
    names = mentions.of("class")
    if names:
        return names[0]
    return positive(case.classes)


def _placed(question: str, group: Group) -> bool:
    """Whether the words for a group stand where a group is named, and are no words that happen to be values: ``level of performance``."""
    return all(
        group.people
        or _PLACE_BEFORE.search(question[:start])
        or _PLACE_AFTER.match(question[end:])
        or _HAVING.match(question[start:])
        for start, end in group.spans
    )


def _of_group(group: Group, name: str | None, *, per_class: bool = False, compared: bool = False) -> Made:
    """Figures of a group, by its column, where every image of it counts; of one that only several conditions, or a number, tell, by
    comparing it with the others."""
    columns = list(dict.fromkeys([*group.each, *map(column_of, group.conditions)]))
    plain = len(group.conditions) < 2 and not any(re.search(r"[<>!|]", c) for c in group.conditions)
    if len(group.each) == 1 and group.conditions and not (per_class or name) and COUNT in registry():
        column, values = next(iter(group.each.items()))
        held = (f"{column}={'|'.join(values)}",) if values else ()
        return COUNT, {"among": (*group.conditions, *held), "having": ("correct",), "by": column}
    if BY_COLUMN in registry() and (group.each or (plain and not compared)):
        return BY_COLUMN, {"attributes": columns, "per_class": per_class or name is not None}
    return COMPARE, {"where": group.conditions, "class_name": name}


def applied(
    case: Case, question: str, mentions: Mentions, tool: str, given: Mapping[str, Any]
) -> tuple[Made, list[str]]:
    """A call with the group that the sentence names, and what of it the call leaves out.

    Args:
        mentions: the names of the case in the sentence.
        tool, given: the call that answers the sentence.

    Returns:
        the call, and the parts left out as people read them; none where it carries all.
    """
    group = group_in(case, mentions)
    takes = fields(tool)
    if not group or not takes or _ELSEWHERE & set(given) or tool in _WITHOUT_IMAGES:
        return (tool, dict(given)), []
    if tool in WHOLE and group.conditions and not given.get("predicted_class") and _wants_figure(question):
        name = given.get("true_class") or given.get("class_name")
        other_tool, more = _of_group(group, name)
        if other_tool in registry():
            kept = {k: v for k, v in given.items() if k == "split"}
            return (other_tool, {k: v for k, v in {**more, **kept}.items() if v}), list(group.unsure)
    limits = any(not re.fullmatch(r"[^<>!=(]+=[^|]+", c) for c in group.conditions)
    if limits and tool in (BY_COLUMN, "find_slices") and not group.each and COMPARE in registry():
        name = given.get("within_class") or given.get(
            "class_name"
        )  # a limit is one group, not the ranges of its column
        return (
            COMPARE,
            {k: v for k, v in {"where": group.conditions, "class_name": name}.items() if v},
        ), list(group.unsure)
    there = set(where(given))
    columns = {str(a) for a in given.get("attributes") or ()} | {str(given.get("attribute", ""))}
    missing = [
        c
        for c in group.conditions
        if c not in there and column_of(c) not in columns and not _is_region(c, given)
    ]
    apart = [f"each {n.replace('_', ' ')}" for n in group.each if n not in columns]
    if missing and "where" in takes and tool not in ("state_hypothesis",):
        held = [*where(given), *missing]
        as_text = takes["where"].annotation is str
        return (tool, {**given, "where": "&".join(held) if as_text else tuple(held)}), [*apart, *group.unsure]
    return (tool, dict(given)), [*told(Group(conditions=tuple(missing))), *apart, *group.unsure]


def is_of_images(tool: str, given: Mapping[str, Any]) -> bool:
    """Whether a group that a sentence names can be the images that a call is about."""
    return not (_ELSEWHERE & set(given)) and (tool not in _WITHOUT_IMAGES or tool == "readiness")


def _is_region(one: str, given: Mapping[str, Any]) -> bool:
    """Whether a thing of the group is what the call covers, adds or edits."""
    thing = column_of(one)
    return any(f"box:{thing}" in str(v) for v in given.values())


def spoken(case: Case, mentions: Mentions) -> Mentions:
    """The names in a sentence with those that are said in other words: ``children`` as a condition on age, ``false alarms`` and ``misses``
    as the class that is looked for, where a case has two and their names tell which it is."""
    found = list(mentions.found)
    taken = [(m.start, m.end) for m in found]
    for one in people(mentions.sentence, _columns(case), taken):
        found += [Mention("value", c, one.start, one.end) for c in one.conditions]
    sought = positive(case.classes)
    if sought is not None and not mentions.of("class"):
        misses, alarms = (p.search(mentions.sentence) for p in (_MISSES, _ALARMS))
        if alarms is not None:
            found.append(Mention("value", f"predicted={sought}", alarms.end(), alarms.end()))
        elif misses is not None:
            found.append(Mention("class", sought, misses.end(), misses.end()))
    found.sort(key=lambda m: (m.start, m.end))
    return replace(mentions, found=tuple(found))


_UNDER: Final = re.compile(  # at night, in the dark, when it is gloomy
    r"\b(?:at|in|by|under|during|(?:when|if|where)(?: it(?:'s| is| gets)?| they are)?)(?: (?:the|a|very|quite|rather))*\s*$",
    re.IGNORECASE,
)
_IMAGES: Final = re.compile(r"\s+(?:images?|pictures?|photos?|ones|scans)\b", re.IGNORECASE)


def group_in(case: Case, mentions: Mentions) -> Group:
    """The group in a sentence; how its images look (``dark kitchens``) as a measured condition, where no column has the word."""
    made = group_of(mentions, _columns(case))
    if made.conditions or made.each:
        return made
    for found, where_ in looks_in(case, mentions):
        return replace(made, conditions=(where_,), spans=(*made.spans, found.span()), looked=True)
    return made


def looks_in(case: Case, mentions: Mentions) -> Iterator[tuple[re.Match[str], str]]:
    """How a sentence says that its images look, each with the condition that tells such images."""
    text = mentions.sentence
    starts = {m.start for m in mentions.found if m.role == "class"}
    for pattern, measure, low in looking.LOOKS:
        found = pattern.search(text)
        if found is None:
            continue
        before, after = text[: found.start()], text[found.end() :]
        if not (
            found.end() + 1 in starts
            or _IMAGES.match(after)
            or _UNDER.search(before)
            or found[0][:3].lower() == "at "
        ):
            continue
        where_ = looks.condition(case, measure, low)
        if where_ is not None:
            yield found, where_


def left_out(parts: Sequence[str], tool: str) -> str:
    """What of a question the answer leaves out."""
    return prompts.say("left_out", what=", ".join(clean(p, 60) for p in parts), tool=tool)


def _columns(case: Case) -> Mapping[str, Sequence[str]]:
    from failsight.agent.planners import words

    made: Mapping[str, Sequence[str]] = words.vocabulary(case).attributes
    return made
