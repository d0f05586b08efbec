"""What a sentence says of a tool's arguments: the names, numbers, splits and options in it, tool by tool.

Which tool is meant is decided elsewhere (:mod:`failsight.knowledge_base.requests`, :mod:`failsight.knowledge_base.routing`); here the rest
of the sentence is read for it: ``mask the stools in kitchens, sixteen control patches an image`` gives ``test_by_masking`` its region,
class and ``draws=16``. Nothing is guessed: what the words do not say keeps the tool's own default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from failsight.knowledge_base.conditions import conditions_of
from failsight.knowledge_base.counting import count_arguments
from failsight.knowledge_base.directions import directions
from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.options import OPTIONS
from failsight.knowledge_base.vocabulary import Mentions

Slots = Mapping[str, Any]

_ONES: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS: Final = {
    w: 10 * (i + 2)
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
_NUMBER_WORDS: Final = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<unit>{'|'.join(_ONES[1:10])}))?|(?P<one>{'|'.join(_ONES[2:])})|(?P<dozen>(?:a )?dozen)"
    r"|(?P<hundred>(?:a|one) hundred))\b"
)
_N: Final = r"(\d{1,6}(?:\.\d+)?)"
_FEW: Final = r"(?:\w+[- ]){0,3}?"  # adjectives between a number and its noun
_IMAGES: Final = r"(?:images?|pictures?|photos?|pics?|shots?|samples?|examples?|ones?)"


def digits(text: str) -> str:
    """Small letters with numbers as digits: ``sixteen patches`` is ``16 patches``; ``one`` stays a word."""

    def as_digits(match: re.Match[str]) -> str:
        if match["tens"]:
            return str(_TENS[match["tens"]] + (_ONES.index(match["unit"]) if match["unit"] else 0))
        if match["dozen"]:
            return "12"
        return "100" if match["hundred"] else str(_ONES.index(match["one"]))

    return _NUMBER_WORDS.sub(as_digits, fold(text))


def _count(*patterns: str) -> Callable[[str], int | None]:
    """A reader of a whole number by patterns with one group, the first that fits."""
    made = [re.compile(p) for p in patterns]

    def read(text: str) -> int | None:
        found = next((m for p in made if (m := p.search(text))), None)
        return int(float(found[1])) if found else None

    return read


def _share(*patterns: str) -> Callable[[str], float | None]:
    """A reader of a share: ``5 %`` and ``0.05`` are the same."""
    made = [re.compile(p) for p in patterns]

    def read(text: str) -> float | None:
        found = next((m for p in made if (m := p.search(text))), None)
        if found is None:
            return None
        value = float(found[1])
        return round(
            value / 100
            if value > 1 or re.match(r" ?(?:%|per ?cent|points?)", text[found.end(1) :])
            else value,
            6,
        )

    return read


_LEAST: Final = r"(?:at least|minimum of|no less than|more than|over|above|beyond|>=?|≥)"
_EFFECT: Final = _share(
    rf"\b(?:effect|difference|gap|rise|fall|drop|excess|gain|loss)s? (?:of |{_LEAST} )+{_N}",
    rf"\b(?:effects?|differences?|gaps?|anything|everything|less)\b (?:that is |that are )?(?:below|under|smaller than|less than) {_N}",
    rf"{_LEAST} {_N} ?(?:percentage )?(?:points?|pp)\b",
    rf"{_N} ?(?:percentage )?(?:points?|pp)\b(?: or (?:more|so|higher|worse)| at least| matters?)?",
    rf"(?:matters? (?:from|above)|smallest effect(?: of)?|minimum effect(?: of)?) {_N}",
)
_NUMBERS: Final[Mapping[str, Callable[[str], float | int | None]]] = {
    "top": _count(
        rf"\btop {_N}\b", rf"\b{_N} {_FEW}(?:largest|biggest|worst|main|most (?:frequent|common|important|serious))",
        rf"\b{_N} (?:confusions?|mix.?ups?|cells?|slices?|groups?|subgroups?)\b", rf"\b(?:largest|biggest|worst|first) {_N}\b",
    ),
    "k": _count(
        rf"\b{_N} {_FEW}(?:look.?alikes?|neighbou?rs?|nearest|closest|most (?:similar|alike)|similar|entries|hits|passages|answers|prototypes?|typical)\b",
        rf"\b(?:nearest|closest|top|first) {_N}\b", rf"\b{_N} (?:of (?:them|those|these|the) )?{_FEW}{_IMAGES}\b",
        rf"\bk ?= ?{_N}\b", rf"\b{_N} (?:of them )?(?:are|is|will|would) (?:be )?(?:enough|do|suffice)\b",
    ),
    "criticisms": _count(rf"\b{_N} {_FEW}(?:criticisms?|odd|atypical|untypical|unusual|outliers?)"),
    "draws": _count(
        rf"\b{_N} {_FEW}(?:controls?|patches|draws?|placebos?)\b", rf"\b(?:controls?|control patches|draws?) ?(?:=|:|of)? ?{_N}\b",
    ),
    "seeds": _count(rf"\b{_N} {_FEW}(?:seeds?|versions?|runs?|repeats?|replicates?)\b", rf"\bseeds? ?= ?{_N}\b"),
    "epochs": _count(rf"\b{_N} {_FEW}epochs?\b", rf"\bepochs? ?= ?{_N}\b"),
    "count": _count(rf"\b{_N} {_FEW}{_IMAGES}\b"),
    "budget": _count(
        rf"\b(?:budget|money|time|funds?|resources?|capacity) (?:of|for|is|=|to label|only for)? ?(?:about |only |some )?{_N}\b",
        rf"\b{_N} {_FEW}(?:labels?|annotations?|{_IMAGES})\b", rf"\b(?:label|annotate|tag|afford|pick|choose|select)\w* {_FEW}{_N}\b",
    ),
    "n": _count(
        rf"\b{_N} (?:of (?:its|the|them|those|these|my|our) )?{_FEW}(?:errors?|mistakes?|blunders?|failures?|misclassif\w+|{_IMAGES}|values?|cases?)\b",
        rf"\b{_N} of (?:them|those|these)\b", rf"\bn ?= ?{_N}\b", rf"\b(?:check|verify|judge|review|draw|sample|look at|go through) {_FEW}{_N}\b",
    ),
    "most": _count(rf"\b{_N} {_FEW}(?:suspects?|most (?:suspicious|doubtful|likely)|worst)", rf"\btop {_N}\b"),
    "batch": _count(rf"\bbatch(?:es)?(?: size)?(?: of| ?=)? ?{_N}\b", rf"\b{_N} {_FEW}(?:at a time|at once|per batch|a batch)\b"),
    "repeats": _count(rf"\b{_N} {_FEW}(?:repeats?|repetitions?|times|timings?|runs?)\b"),
    "depth": _count(
        rf"\bdepth ?(?:of |= ?)?{_N}\b", rf"\b(?:up to |at most |no more than )?{_N} (?:conditions?|attributes?|factors?|columns?)\b(?! of)",
    ),
    "limit": _count(rf"\b{_N} {_FEW}(?:attributes?|proposals?|suggestions?|names?)\b"),
    "feature": _count(rf"\bfeature (?:number |no\.? ?|#)?{_N}\b", rf"#{_N}\b", rf"\bneuron (?:number |#)?{_N}\b"),
    "iterations": _count(rf"\b{_N} {_FEW}(?:iterations?|steps?)\b"),
    "images": _count(rf"\b{_N} {_FEW}{_IMAGES}\b"),
    "points": _count(rf"\b{_N} {_FEW}(?:points?|dots?|{_IMAGES})\b"),
    "cells": _count(rf"\b{_N} ?(?:x|by|×) ?\d+\b", rf"\bgrid of {_N}\b"),
    "attacked": _count(rf"\battack\w* {_FEW}{_N}\b", rf"\b{_N} {_FEW}attack"),
    "sample": _count(rf"\b(?:sample|draw|subset) of {_N}\b", rf"\b(?:on|with|over|only|just) (?:only |just |about )?{_N} {_FEW}{_IMAGES}\b"),
    "max_images": _count(rf"\b(?:on|with|over|use|only|just|at most|max(?:imum)?(?: of)?|no more than) (?:only |just |about |at most )?{_N} {_FEW}{_IMAGES}\b"),
    "min_support": _count(rf"\b(?:at least|minimum of|no fewer than|groups? of) {_N} {_FEW}{_IMAGES}\b"),
    "min_group": _count(rf"\b(?:at least|minimum of|no fewer than|groups? of) {_N} {_FEW}{_IMAGES}\b"),
    "minimum_effect": _EFFECT, "min_effect": _EFFECT, "min_gap": _EFFECT,
    "tolerance": _share(rf"\b(?:tolerat\w+|allow\w*|give up|lose) {_FEW}{_N}"),
    "alpha": _share(rf"\b(?:alpha|significance(?: level)?|level)\b(?: of| at| ?=| to)* ?{_N}", rf"\bp ?< ?{_N}"),
    "q": _share(rf"\b(?:false discover\w+(?: rate)?|fdr|q)\b(?: of| at| to| ?=| ?<=?| below| under| be)* ?{_N}", rf"\b{_N} ?(?:%|per ?cent)? (?:fdr|false discover\w*)\b"),
    "confidence": _share(
        rf"\b(?:score|confidence|probabilit\w+|sure|certain\w*|confident)\b(?: of| is| are| was| were| ?{_LEAST}| than| or more)* ?{_N}",
        rf"(?:{_LEAST} )?{_N} ?(?:%|per ?cent)? (?:sure|certain|confiden\w+|or more sure)",
    ),
    "prevalence": _share(
        rf"\bprevalence\b(?: of| at| is| ?=| around| about)* ?{_N}", rf"{_N} ?(?:%|per ?cent)? prevalence",
        rf"\bwhere (?:about |only )?{_N} ?(?:%|per ?cent) (?:of|are|have)",
    ),
    "threshold": _share(
        rf"\b(?:threshold|cut-?off|operating point)s?\b(?: of| at| is| was| were| ?=| to| at about)* ?{_N}", rf"{_N} (?:as|for) (?:the |a )?(?:threshold|cut-?off)",
        rf"\b(?:score|probability)\b(?: of| is| ?{_LEAST}| than)* ?{_N}",
    ),
    "uncertain_share": _share(rf"\b{_N} ?(?:%|per ?cent) (?:of (?:them|those|it) )?{_FEW}(?:uncertain|unsure)"),
    "radius": _count(rf"\bradius ?(?:of|=)? ?{_N}\b"),
}  # fmt: skip
_SINGLE: Final = re.compile(
    r"\b(?:one|a single|single|each|1) (?:condition|attribute|thing|factor|column)s?\b|\bsingle (?:conditions?|attributes?)\b|\bno (?:combinations?|conjunctions?|crossings?)\b"
)
_PAIRS: Final = re.compile(r"\bpairs? of (?:conditions?|attributes?|values?)\b|\bpairwise\b")

_DEPLOY: Final = re.compile(
    r"\b(?:deploy\w*|production|in use|live (?:data|images|pictures|traffic|feed)|in the (?:field|wild|real world)|(?:from|in|of) the field|real.world|(?:in|under) (?:real|actual|daily|everyday|regular|routine|normal) (?:use|usage|life|operation|work|practice|conditions)|went live|go(?:es|ne)? live|"
    r"on.?site|(?:real |actual )?(?:customers?|clients?|users?|patients?|people|households?|homes?)(?:'s?|s')? (?:own )?(?:homes?|houses?|places?|photos?|pictures?|images?|phones?|cameras?)|"
    r"(?:came|come|coming|sent|send) in from|out there|at (?:people|customers?|clients?)(?:'s?|s')? (?:homes?|places?)|(?:in|at|to|from) (?:real|people'?s) (?:homes|houses|life|use)|"
    r"in practice|after (?:the )?(?:launch|release|roll.?out))\b"
)
_TRAIN: Final = re.compile(
    r"\b(?:train(?:ing)? ?-?(?:split|set|data|images?|pictures?|pics?|photos?|samples?|examples?|labels?|annotations?|only)|(?:on|in|of|within|from|for) (?:the )?train(?:ing)?\b(?! (?:record|log|curve|run))|"
    r"(?:it )?(?:was|were|been|has been|got) trained (?:on|with)|(?:it )?(?:has )?learn(?:ed|t)s? (?:from|on|with))\b|\btrain\b(?= (?:only|split)|\W*$)|\bsplit ?= ?train\b"
    r"|\btraining (?:against|versus|vs\.?|and|compared)\b|\b(?:against|versus|vs\.?|than|between) (?:the )?training\b"
)
_POOL: Final = re.compile(r"\b(?:pool|unlabell?ed)\b")
_BOTH_WAYS: Final = re.compile(r"\b(?:both|all|every|each) (?:of the )?(?:splits?|sets?)\b")


def smallest_effect(sentence: str) -> float | None:
    """The smallest difference that matters, in (0, 1], where a sentence names one ("at least ten points"); else None."""
    said = _EFFECT(digits(sentence))
    return said if said is not None and 0 < said <= 1 else None


def split_of(mentions: Mentions, tool: str) -> str | None:
    """The images that a sentence speaks of; None for the evaluation images, or where it compares two sorts."""
    text = fold(mentions.sentence)
    if _BOTH_WAYS.search(text):
        return None
    deploy, train, pool = (p.search(text) is not None for p in (_DEPLOY, _TRAIN, _POOL))
    if pool:
        return "pool"
    if deploy and not train:
        return "deploy"
    if train and not deploy:
        return "train"
    return None if deploy else mentions.split


_USUAL: Final = (("nearest", "train"), ("select_data", "pool"))  # what the tool takes by itself
TESTS: Final = ("test_by_masking", "test_by_adding", "test_by_swapping")
_STARTS: Final = re.compile(  # what is said of the class that an answer goes to
    r"(?:say|says|saying|call|calls|called|answer\w*|score|scores|vote|votes|becom\w*|turn\w* into|taken for|for|towards?|read\w* as|see\w* as|predict\w*|think\w*|believ\w*|raise|push\w*|drop\w*|lower|lift)"
    r" (?:for |the |an? |that |it'?s |it is |as |into |to |up |down )*$"
)
_WITHIN: Final = re.compile(
    r"(?:\bin|\binto|\bonto|\bto|\bfrom|\bof|\bamong|\bwithin|\bon) (?:the |an? |all |true |other |some |my |our |those |these )*$"
)


def details(tool: str, mentions: Mentions, slots: Slots, takes: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a sentence gives for a tool.

    Args:
        slots: what the sentence gives for each slot (:func:`failsight.knowledge_base.arguments.values`).
        takes: the arguments that the tool has, by name.
    """
    made: dict[str, Any] = {}
    made.update(_classes(tool, mentions, slots, takes))
    made.update(_things(tool, mentions, slots, takes))
    split = split_of(mentions, tool) if "split" in takes else None
    if split is not None and (tool, split) not in _USUAL:
        made["split"] = split
    text = digits(_blank(mentions))
    for name in takes:
        if name in _NUMBERS and name not in made and (number := _NUMBERS[name](text)) is not None:
            made[name] = number
    if "depth" in takes:
        one = _SINGLE.search(text)
        made.update({"depth": 1} if one else {"depth": 2} if _PAIRS.search(text) else {})
    versions = _VERSION.findall(mentions.sentence)
    for name, one in zip(("before", "after") if len(versions) > 1 else ("after",), versions, strict=False):
        if name in takes:
            made[name] = one if "." in one and not one[1:2].isdecimal() else one.upper()
    if "repair" in takes and versions:
        made["repair"] = versions[0].upper()
    if "query" in takes:
        asked = _ABOUT.search(mentions.sentence)
        made["query"] = (asked["what"] if asked else mentions.sentence).strip(" .?!\"'")
    for name, value in OPTIONS.get(tool, ()):
        if name in takes and (said := value(text)) is not None:
            made[name] = said
    return made


_VERSION: Final = re.compile(r"\b[Rr]\d+(?:\.\d+)?\b(?!\.\w)|[\w./\\-]+\.(?:onnx|pth?|pt2|safetensors)\b")
_ABOUT: Final = re.compile(
    r"\b(?:about|look(?:ing)? up|search(?:ing)?(?: the knowledge(?: base)?)? for|find|on|regarding|concerning|know of)\s+(?P<what>.{3,80}?)"
    r"(?=\s+(?:in|from|of) (?:your|the|our) (?:knowledge|bank|library|base|books?|literature|handbook|notes)|\W*(?:please|pls|thanks)?\W*$)",
    re.IGNORECASE,
)


def _blank(mentions: Mentions) -> str:
    """The sentence with names taken out, so that none gives a number or an option."""
    text = list(mentions.sentence)
    for one in mentions.found:
        text[one.start : one.end] = " " * (one.end - one.start)
    return "".join(text)


def _classes(tool: str, mentions: Mentions, slots: Slots, takes: Mapping[str, Any]) -> dict[str, Any]:
    names = mentions.of("class")
    if not names:
        return {}
    true, predicted = directions(mentions)
    if "class_a" in takes:
        return {"class_a": names[0], **({"class_b": names[1]} if len(names) > 1 else {})}
    if "true_class" in takes:
        return {k: v for k, v in (("true_class", true), ("predicted_class", predicted)) if v}
    if tool == "counterfactual_pair":
        return {"other_class": names[-1]} if slots.get("image") else {"class_name": names[0], **({"other_class": names[1]} if names[1:] else {})}  # fmt: skip
    if tool == "saliency" and true is None:
        return {"class_name": predicted}
    if tool in ("saliency", "explain_failures", "show_images"):
        return {k: v for k, v in (("class_name", true), ("predicted_class", predicted)) if v}
    if tool == "find_slices":
        return {"within_class": true} if true else {"within_prediction": predicted}
    if tool == "compare_group":
        return {k: v for k, v in (("class_name", true), ("called", predicted)) if v}
    if tool == "state_hypothesis":
        return {"class_name": names[0], **({"confused_with": names[1]} if names[1:] else {})}
    if tool in TESTS:
        return _watched(tool, mentions, names)
    if tool == "generate_repair_data":
        return {"classes": tuple(names)}
    return {"class_name": names[0]} if "class_name" in takes else {}


def _watched(tool: str, mentions: Mentions, names: list[str]) -> dict[str, Any]:
    """The class whose score is watched, and the class of the images, where an experiment names two."""
    if len(names) == 1:
        return {"class_name": names[0]}
    first, second = (next(m for m in mentions.found if m.role == "class" and m.name == n) for n in names[:2])
    text = mentions.sentence.lower()
    answers = [one.name for one in (first, second) if _STARTS.search(text[: one.start])]
    if tool == "test_by_swapping":
        donor = re.search(
            r"\b(?:have|from|of|by those of|with (?:those|that|what)|in (?:its|their) place(?: what| those of| that of)?|taken from)\b[^,.]*$",
            text[: second.start],
        )
        return {"class_name": names[0], "donor_class": names[1]} if donor else {"class_name": names[0]}
    watched = answers[-1] if answers else names[-1] if tool == "test_by_adding" else names[0]
    other = next(n for n in names if n != watched)
    seen = first if first.name == other else second
    inside = _WITHIN.search(text[: seen.start])
    return {"class_name": watched, **({"where": (f"true={other}",)} if inside else {})}


def _things(tool: str, mentions: Mentions, slots: Slots, takes: Mapping[str, Any]) -> dict[str, Any]:
    """Regions, pictures, findings, attributes and conditions."""
    if tool == "state_hypothesis":
        return _hypothesis(mentions, slots, conditions_of(mentions, objects=False))
    if tool == "edit_attributes":
        return _edit(mentions, slots)
    if tool == "count_images":
        return count_arguments(mentions, slots)
    taken = [
        n for n in ("region", "cue") if n in takes and slots.get("region") and tool != "generate_repair_data"
    ]
    made: dict[str, Any] = dict.fromkeys(taken, slots.get("region"))
    for name, slot in (
        ("image", "image"),
        ("finding", "finding"),
        ("first", "image"),
        ("second", "image2"),
        ("attribute", "attribute"),
    ):
        if name in takes and slots.get(slot):
            made[name] = slots[slot]
    made.update(_attributes(tool, mentions, slots, takes))
    conditions = conditions_of(mentions, objects=not taken)
    if conditions and "where" in takes and tool != "saliency":
        made["where"] = "&".join(conditions) if tool in _WHERE_IS_TEXT else tuple(conditions)
    return made


_WHERE_IS_TEXT: Final = ("operating_points", "prototypes_and_criticisms", "show_images")
_BY_ATTRIBUTES: Final = ("find_slices", "disaggregate", "attribute_overview", "compare_classes")


def _attributes(tool: str, mentions: Mentions, slots: Slots, takes: Mapping[str, Any]) -> dict[str, Any]:
    if tool == "embedding_map" and slots.get("attribute"):
        coloured = re.search(r"\bcolou?r|\bby\b", mentions.sentence.lower())
        return {"colour": slots["attribute"]} if coloured else {}
    if tool not in _BY_ATTRIBUTES or "attributes" not in takes:
        return {}
    named = list(slots.get("attributes") or ())
    named += [o for o in mentions.of("object") if o not in named and tool != "compare_classes"]
    return {"attributes": named} if named else {}


_KINDS: Final = (
    ("label_noise", r"\blabels?\b.*\b(?:wrong|bad|mistake\w*|careless|swapped|noisy|sloppy)|\b(?:wrong|bad|careless|noisy|sloppy) (?:labels?|annotat\w+)|mis-?label\w*|annotators?\b.*\b(?:careless|wrong|mistakes?)"),
    ("leakage", r"\bleak\w*|\b(?:test|evaluation) (?:pictures|images|photos)\b.*\btrain\w*|seen (?:them|these) (?:before|in training)"),
    ("preprocessing", r"\b(?:channels?|rgb|bgr|normali[sz]\w+|resiz\w+|crop\w*|preprocess\w*|fed wrong\w*)\b"),
    ("class_order", r"\b(?:order of (?:the )?(?:classes|outputs)|(?:classes|outputs|names) (?:are )?(?:in (?:the )?wrong order|swapped|mixed up|permuted))"),
    ("distribution_shift", r"\b(?:deploy\w*|field|production|in use|customers?|real homes)\b.*\b(?:differ\w*|worse|other|unlike|drop\w*)"),
    ("overconfidence", r"\b(?:too (?:sure|confident)|over-?confiden\w*)"), ("overfitting", r"\bover-?fit\w*|by heart|memori[sz]\w*"), ("underfitting", r"\bunder-?fit\w*|not trained (?:long )?enough"),
    ("class_imbalance", r"\b(?:imbalanc\w*|unbalanced|too few (?:training )?(?:images|pictures|photos|examples) of)"),
)  # fmt: skip
_IGNORES: Final = re.compile(
    r"\b(?:ignor\w*|overlook\w*|does(?:n'?t| not) (?:use|look at|care|see|notice|need)|couldn'?t care|misses|blind to|pays? no|makes? no use|no attention)\b"
)
_RARE: Final = re.compile(r"\b(?:rare|seldom|too few|hardly any|not enough|under-?represented|never seen)\b")


def _hypothesis(mentions: Mentions, slots: Slots, conditions: list[str]) -> dict[str, Any]:
    """A suspicion in types: what is claimed, of what; nothing where the words don't say."""
    text, region = fold(mentions.sentence), slots.get("region")
    kind = next((k for k, pattern in _KINDS if re.search(pattern, text)), None)
    if kind is not None and not region:
        return {"kind": kind}
    if _IGNORES.search(text) and region:
        return {"kind": "missing_feature", "cue": region}
    if region and mentions.of("class"):
        return {"kind": "spurious_correlation", "cue": region}
    if conditions or mentions.of("object"):
        held = tuple(conditions or conditions_of(mentions))
        return {"kind": "rare_case" if _RARE.search(text) else "weak_slice", "where": held}
    return {}


_ACTIONS: Final = (
    ("restore", r"\b(?:restor\w*|bring back|take back in|use \w* ?again|put back)"),
    ("drop", r"\b(?:drop|remov\w*|put (?:\w+ ){0,3}aside|set (?:\w+ ){0,3}aside|leave (?:\w+ ){0,3}out|ignor\w*|forget|discard|delet\w*|don'?t want|get rid of|throw (?:\w+ ){0,3}out|exclude)"),
    ("rename", r"\b(?:renam\w*|call (?:the )?|should be called|be named|name (?:the )?)"),
)  # fmt: skip
_NEW_NAME: Final = re.compile(
    r"\b(?:to|as|into|called|named|attribute|column)?\s*[\"'“]?([A-Za-z][\w-]{1,40})[\"'”]?(?:\s+(?:from now on|instead|please|pls|now|then|everywhere))*\W*$"
)


def _edit(mentions: Mentions, slots: Slots) -> dict[str, Any]:
    """Dropping, restoring or renaming one attribute; richer edits are read by the planner itself."""
    names = [*mentions.of("attribute"), *mentions.of("object")]
    text = fold(mentions.sentence)
    action = next((a for a, pattern in _ACTIONS if re.search(pattern, text)), None)
    if len(names) != 1 or action is None or mentions.of("value"):
        return {}
    if action != "rename":
        return {"action": action, "attribute": names[0]}
    last = max(m.end for m in mentions.found if m.name == names[0])
    new = _NEW_NAME.search(mentions.sentence[last:])
    return {"action": action, "attribute": names[0], "to": new[1]} if new and new.start(1) > 0 else {}
