"""Thresholds in a conversation: one to be used is answered with how to set it; what one costs, ROC and AUC are measured.

A threshold is no setting of a conversation: with another one the model gives other answers, and what a case has measured would no
longer hold.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import grouped, words
from failsight.agent.thresholds import command_with
from failsight.knowledge_base.arguments import values
from failsight.knowledge_base.details import details, digits
from failsight.knowledge_base.two_classes import positive
from failsight.knowledge_base.wanted import wanted
from failsight.tools.registry import registry
from failsight.tools.text import clean, number_text

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

TOOL: Final = "operating_points"
_BAR: Final = r"(?:(?:decision |score |probability |classification )?(?:thresholds?|threshhold|treshold|cut-?offs?|cut-?points?)|operating points?|decision (?:limit|boundary|level|point))"
_NUMBER: Final = r"(?:\d{1,3}(?:[.,]\d+)?|[.,]\d+)"
_N: Final = rf"(?P<n>{_NUMBER})"
_SCORE: Final = r"(?:scores?|probabilit(?:y|ies)|confidences?|outputs?|softmax|p)"
_OVER: Final = r"(?:above|over|beyond|past|exceeds?|reach(?:es)?|hits?|at least|from|>=?|≥|(?:higher|greater|larger|more) than)"
_START: Final = r"^\W*(?:(?:please|ok(?:ay)?|now|then|so|and|but|well|no|let'?s|let us|just|can you|could you|would you|can we|could we|i|we|you|would like|'d like|want|need|wish|have|should|shall|must|it|you|to|rather|the model|the network|the program)\b[\s,]*|'d like\s*)*"
#: a wish to have answers decided otherwise, in the imperative or as something that somebody wants
_SETS: Final = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"{_START}(?:use|using|set|apply|take|choose|pick|change|put|move|lower|reduce|raise|increase|adjust|switch|go with|work with)\b(?:(?!\b(?:what|which|how)\b).)*\b{_BAR}",
        rf"{_START}(?:call|count|treat|flag|report|classify|answer|label|mark|consider|predict|say|take|regard)\b.*\b(?:already|when|if|from|once|as soon as|whenever|where|with)\b.*\b{_SCORE}\b.*{_OVER}\s*{_N}",
        rf"{_START}(?:call|count|treat|flag|report|classify|answer|label|mark|consider|predict|say)\b.*\b(?:from|with|at) (?:an? |the )?{_SCORE} (?:of |{_OVER} )*{_N}",
    )
)
_HOW: Final = re.compile(
    rf"\bhow (?:do|can|could|would|should|to)\b.*\b(?:set|change|use|apply|give|tell|lower|raise|adjust|choose)\b.*\b{_BAR}|\bwhere (?:do|can|should|could) (?:i|we) (?:set|change|tell|say|write)\b.*\b{_BAR}",
    re.IGNORECASE,
)
#: what else has thresholds or limits
_OTHER: Final = re.compile(
    r"\b(?:unknown\w*|features?|wrote|written|agreed|covariate|domain|shifts?|nonsense|honest|really means?|against|compar\w*|versus|vs|both models|accuracy|f1|ece|readiness|ready|release|accept\w*|requirements?|criteri\w+|expect\w*|effects?|alpha|significance|p-?values?|q-?values?|fdr|similarit\w+|likeness|brightness|blur|human|person|expert|somebody|someone|defer\w*|hand(?:ed)? over|trust|calibrat\w+)\b",
    re.IGNORECASE,
)
_CURVE: Final = r"(?:roc(?:[ -]?(?:curves?|auc|analysis|plot))?|auc(?:[ -]?roc)?s?|auroc|area under (?:the )?(?:roc |receiver operating characteristic )?curve|receiver operating characteristics?|(?:precision[ -]recall|pr|sensitivity[ -]specificity) curves?|operating[ _](?:points?|characteristics?|curves?)|thresholds?|cut-?offs?|threshold (?:tables?|curves?|sweeps?|analysis))"
_MEASURES: Final = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"^\W*(?:(?:please|and|now|ok(?:ay)?|show(?: me)?|give(?: me)?|plot|draw|run|compute|calculate|measure|tell me|what(?:'?s| is| are)|what about|how (?:high|good|large|big) is|i (?:need|want)(?: to see)?|can i (?:see|have)|let me see)\b\W*)*(?:(?:the|its|a|an)\s+)?(?:(?:model'?s|overall|per.class)\s+)?{_CURVE}(?P<rest>\s*(?:\b(?:of|for|on|with|in|by|to|at|please|and|now|here)\b.*)?)\W*$",
        rf"\b(?:which|what|where|find|choose|pick|suggest|recommend|best|optimal|right|good|tune|optimi[sz]e|need|give me|is there)\b.*\b{_BAR}",
        rf"\b{_BAR}\b.*\b(?:reach|reaches|gives?|get|gets|yields?|for|would|needed|achieves?|guarantees?|catch\w*|finds?|costs?|means? for|trade)\b",
        rf"\b(?:at|with|using|from) (?:an? |the |other |different |another |lower |higher )*{_BAR}s?\b",
        rf"\b(?:from|at|above) (?:which|what) {_SCORE}\b",
        rf"\b{_BAR}\s*(?:of|at|=|is|was|:)?\s*{_N}",
        r"\b(?:roc|auc|auroc)\b",
        rf"\bwhat (?:if|happens)\b.*\b(?:flag|call|count|treat|report|label|mark|answer)\w*\b.*{_OVER}\s*{_N}",
        r"\b(?:trade.?off|balance)\b.*\b(?:sensitiv\w+|recall|miss\w*)\b.*\b(?:specific\w+|precision|false (?:alarms?|positives?))\b",
    )
)
_MEANING: Final = re.compile(
    rf"^\W*(?:(?:please|and|so|ok(?:ay)?|sorry|but|can you|could you)\b\W*)*(?:what (?:is|are) (?:an? )|what(?:'?s| is| are) (?:meant by |the meaning of )?(?:an? |the )?|what (?:does|do) (?:an? |the )?|explain (?:to me )?(?:what )?(?:an? |the )?|define (?:an? )?|meaning of (?:an? )?)(?:word |term )?[\"“'‘]?(?:{_BAR}|{_CURVE})[\"”'’]?(?:,?\s+(?:(?:good|used|meant) for|is|are|means?|stands? for|here|in this context|exactly|anyway|please|in plain words))*\W*$",
    re.IGNORECASE,
)
#: a threshold that is asked about, as a number beside the word
_NEAR: Final = re.compile(
    rf"\b{_BAR}\s*(?:of|at|=|is|was|:)?\s*(?P<bar>{_NUMBER}\s*(?:%|per ?cent)?)|\b(?:is|are)\s+(?P<other>{_NUMBER}\s*(?:%|per ?cent)?)\s+(?:really |still )?(?:an? |the )?(?:\w+ )?{_BAR}"
    rf"|\bwhat (?:if|happens)\b.*{_OVER}\s*(?P<last>{_NUMBER}\s*(?:%|per ?cent)?)",
    re.IGNORECASE,
)
_NEW_LINE: Final = " \\\n        "  # within a block of code: a screen does not cut it, and a shell reads on
_SHARES: Final = ("recall", "precision", "specificity", "prevalence", "threshold")
#: what may stand around a wanted rate that is all of a sentence: ``and what precision at 90 % recall, please?``
_AROUND: Final = re.compile(
    r"[\W\d]|\b(?:and|or|so|ok(?:ay)?|now|then|but|please|the|an?|class|its|it|we|i|is|are|be|do|does|would|will|can|of|for|on|in|at|to|with|by|from|than|least|most|more|less|fewer|no|not|only|just|about|around|over|above|below|under|up|per ?cent|"
    r"what|which|how|much|many|left|get|have|gives?|keep(?:s|ing)?|reach(?:es)?|hold(?:s|ing)?|there|that|then|me|false|true|alarms?|positives?|negatives?|predictive|values?|rates?|detection|"
    r"precision|ppv|recall|sensitivity|specificity|sens|spec|tpr|tnr|fpr|fnr|miss(?:e[sd])?|one|every|each|out|alerts?|answers?|flagged|right|correct|wrong|caught|found)\b",
    re.IGNORECASE,
)
#: a rate that the model has to reach is an expectation
_DEMANDS: Final = re.compile(r"\b(?:must|shall|should|has to|have to|needs? to)\b", re.IGNORECASE)
_IS_IT: Final = re.compile(
    r"^\W*(?:(?:and|so|but|then)\b\W*)*(?:is|are|was|do|does|has|have)\b", re.IGNORECASE
)
_ASKS_VALUE: Final = re.compile(
    rf"\bwhat(?:'?s| is| are) (?:the|its|our)\b|\bwhat(?:'?s| is) {_CURVE}.*\b(?:of|for|on)\b", re.IGNORECASE
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The answer to a sentence about thresholds, ROC or AUC; None for every other sentence.

    Args:
        mentions: the names of the case in the sentence.
    """
    text = " ".join(question.split())
    if len(text) > 300 or mentions.of("finding") or mentions.of("evidence") or mentions.of("image"):
        return None
    if _MEANING.match(text) and not _ASKS_VALUE.search(text):
        return None  # the glossary tells what a word means
    sets = any(p.search(text) for p in _SETS) or _HOW.search(text) is not None
    if not sets and not any(p.search(text) for p in _MEASURES) and not _is_wish(mentions):
        return None
    if wanted(digits(_without_names(mentions))):
        sets = False  # which threshold has that rate is measured before one can be set
    if _OTHER.search(_without_names(mentions)):
        return None
    name = _class(case, mentions)
    if not case.has("scores"):
        return words.message(prompts.say("threshold.no_scores"), words.choices(case))
    return _how(case, text, mentions, name) if sets else _measured(case, question, mentions, name)


def _is_wish(mentions: Mentions) -> bool:
    """Whether a sentence is nothing but a wanted rate, or another rate at it: ``at most 5 % false alarms``."""
    text = digits(_without_names(mentions))
    if _DEMANDS.search(text) or _IS_IT.match(text) or not wanted(text):
        return False
    return not _AROUND.sub("", text)


def _without_names(mentions: Mentions) -> str:
    """The sentence without names of the case: a class may be called anything."""
    text = mentions.sentence
    for one in mentions.found:
        text = re.sub(re.escape(one.name), " ", text, flags=re.IGNORECASE)
    return text


def _class(case: Case, mentions: Mentions) -> str | None:
    """The class that is meant: the one named, else the one that has a threshold, else the one that is looked for of two."""
    named = mentions.of("class")
    if named:
        return named[0]
    from failsight.tools.inputs.decisions import rule_of

    set_ = [c for c, bar in zip(case.classes, rule_of(case), strict=False) if bar is not None]  # type: ignore[arg-type]
    return set_[0] if len(set_) == 1 else positive(case.classes)


def _bar_of(text: str, mentions: Mentions) -> str | None:
    """The threshold in the sentence, as it is written for the command line: ``0.2``, ``20 %`` as ``0.2``; None without one that can be."""
    bare = digits(text)
    for name in mentions.of("class"):
        bare = bare.replace(name.casefold(), " ")
    found = re.search(rf"{_N}\s*(?P<share>%|per ?cent)?", bare.replace("·", "."))
    if found is None:
        return None
    value = float(found["n"].replace(",", "."))
    value = value / 100 if found["share"] or 1 < value <= 100 else value
    return number_text(round(value, 6)) if 0 < value <= 1 else None


def _how(case: Case, text: str, mentions: Mentions, name: str | None) -> AIMessage:
    """How a threshold is set, with the command for this very case."""
    bar = _bar_of(text, mentions)
    if name is None:
        example = clean(case.classes[0], 40)
        names = [f"Use threshold {bar or '0.2'} for {clean(c, 40)}" for c in case.classes[:6]]
        return words.message(prompts.say("threshold.which", bar=bar or "0.2", class_name=example), names)
    command = command_with(case.config, {name: bar or "0.2"}, case.groups, between=_NEW_LINE)
    told = prompts.say(
        "threshold.how", class_name=clean(name, 60), command=command, json=_member(name, bar or "0.2")
    )
    return words.message(told, [f"What does each threshold on {clean(name, 40)} cost?"])


def _member(name: str, bar: str) -> str:
    import json

    return f'"thresholds": {{{json.dumps(name, ensure_ascii=False)}: {bar}}}'


def _measured(case: Case, question: str, mentions: Mentions, name: str | None) -> AIMessage:
    from failsight.agent.planners.words import call

    takes = registry()[TOOL].arguments.model_fields
    given: dict[str, Any] = {
        k: v for k, v in details(TOOL, mentions, values(mentions), takes).items() if k in takes
    }
    if name is not None:
        given.setdefault("class_name", name)
    if "threshold" not in given and (near := _NEAR.search(_without_names(mentions))):
        bar = _bar_of(near["bar"] or near["other"] or near["last"], mentions)
        given |= {"threshold": float(bar)} if bar else {}
    given = {k: v for k, v in given.items() if k not in _SHARES or 0 < v <= 1}
    (_, given), _ = grouped.applied(case, question, mentions, TOOL, given)
    return call(TOOL, given, prompts.say("why.question", question=clean(question, 120)))
