"""What a person says of images that belong together: ``group by patient``, ``the pictures of one patient belong together``.

Said by itself it becomes what the case goes by (``groups.set`` in the journal); said with a measurement it is that measurement's
``group_by``. What nobody counts yet, how many patients are missed, is said to be so and not answered by something else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.grouping import set_words
from failsight.agent.planners import words
from failsight.tools import belonging
from failsight.tools.errors import RetryError
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

_IMAGES: Final = r"(?:all )?(?:the |its |these |those |my |our |your )?(?:images?|pictures?|photos?|photographs?|frames?|shots?|scans?|views?|slides?|samples?|rows?|x-?rays?|radiographs?)"
_ONE: Final = r"(?:one and the same|one|the same|a single|each|every|any|an|a|the)"
_NAME: Final = r"(?P<name>[\w-]+)(?: (?:id|ids|number|numbers|column))?"
_MANY: Final = (
    r"(?:several|many|multiple|some|a few|a couple of|two or more|more than one|\d+|two|three|four|five|six)"
)
_OF: Final = rf"{_IMAGES} (?:of|from|with|that show|showing|in|belonging to) {_ONE} {_NAME}"
_COUNTED: Final = r"(?:(?:should |must |need to |have to |can )?(?:be |all )?(?:belong|belongs|go|goes|count|counts|counted|treated|taken|kept|are counted|be counted|are kept) (?:all )?(?:together|as one)|(?:are not|aren't|are no|not) independent|are (?:dependent|related|alike|correlated))"
#: each names the column by its group ``name``
_SAID: Final = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"\b{_OF},? {_COUNTED}",
        rf"\b(?:count|treat|take|keep|put|handle) {_OF} (?:together|as one|as belonging together|as dependent|once)",
        rf"\b(?:count|treat|take|keep|put) {_IMAGES} (?:together )?by {_NAME} together",
        rf"\b{_ONE} {_NAME} (?:often |usually |sometimes )?(?:has|have|comes? with|appears? in|is (?:shown )?in|shows up in|gives?|contributes?) {_MANY} {_IMAGES}",
        rf"\bthere (?:are|can be|may be) {_MANY} {_IMAGES} (?:of|for|per|from|in) {_ONE} {_NAME}",
        rf"\bthere (?:are|can be|may be) {_MANY} {_IMAGES} per {_NAME}",
        rf"\b{_NAME} (?:says|tells|defines|decides) which {_IMAGES} belong together",
        rf"\b(?:use|take|set) (?:the column )?{_NAME} (?:as|for|to be) (?:the )?(?:groups?|grouping|group column|clusters?|clustering)",
        rf"\b(?:set|use) (?:the )?(?:groups?|grouping|group[_ ]by|clusters?) (?:to|as|=|by|on) ?{_NAME}",
        rf"\b(?:group|cluster)(?:ed|ing)? (?:{_IMAGES} |them |it |everything |results? )?(?:by|on|per) (?:the )?(?:same )?{_NAME}",
    )
)
_GROUP_BY: Final = re.compile(r"\b(?:group|cluster)(?:ed|ing)?\b", re.IGNORECASE)
_ALONE: Final = re.compile(
    rf"^\W*(?:please |no,? |actually,? )*(?:{_IMAGES} (?:are|stand|count|should count|should be counted) (?:all )?(?:independent(?:ly)?|alone|by (?:itself|themselves)|each (?:by itself|alone))"
    rf"|each {_IMAGES} (?:stands|counts|should count) (?:alone|by itself|for itself)|(?:don'?t|do not|no longer|stop) (?:group|grouping|count(?:ing)? .{{0,40}} together).{{0,40}}|no groups|ungroup|treat {_IMAGES} as independent)\W*$",
    re.IGNORECASE,
)
_FIGURES: Final = r"(?:sensitivity|specificity|recall|precision|accuracy|error(?:s| rates?)?|f1|performance|figures?|results?|numbers?|rates?|hits?|misses)"
_PER: Final = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"\b{_FIGURES} (?:(?:per|by|for each|for every|of each|on the level of(?: the)?|at the level of(?: the)?) {_NAME}|(?:on|at) (?:the |a )?(?P<level>[\w]+)[- ]level)(?P<not>.{{0,20}}\b(?:not|instead of|rather than)\b.{{0,12}}\b(?:image|picture|photo|frame)s?)?",
        rf"\b{_NAME}[- ](?:level|wise|based) {_FIGURES}",
        rf"\bhow many (?:of the )?{_NAME} (?:are|were|is|does|did|do|has|have|would|will|get|got) .{{0,40}}\b(?:miss(?:ed)?|overlooked|wrong(?:ly)?|right|correct(?:ly)?|misclassified|mistaken|found|detected|recogni[sz]ed|caught)",
        rf"\b(?:is|are) (?:every|each|any|all) {_NAME} (?:missed|overlooked|found|detected|recogni[sz]ed|right|wrong)",
    )
)
_FILLER: Final = re.compile(
    r"^(?:\W|\b(?:where|when|with|while|so|that|and|but|if|as|because|since|please|now|then|also|which|in|for|this|data|note|here|know|you|should|we|i|want|to|to be|let|us|can|could)\b)*$",
    re.IGNORECASE,
)


def asked(case: Case, question: str) -> AIMessage | None:
    """What is made of a sentence about images that belong together; None where it says nothing of them."""
    said = question.strip()
    if _ALONE.match(said):
        return None if not case.groups else _set(case, belonging.NONE)
    return _per_group(case, said) or _together(case, said)


def _together(case: Case, said: str) -> AIMessage | None:
    """The case's setting, or a measurement that counts images together."""
    for pattern in _SAID:
        found = pattern.search(said)
        if found is None:
            continue
        rest = f"{said[: found.start()]} {said[found.end() :]}"
        plain = _GROUP_BY.match(found.group()) is not None  # may also ask for a comparison of groups
        column = _column(case, found["name"], fine=plain)
        alone = _FILLER.match(rest) is not None
        if column is None:
            return None if plain or not alone or said.endswith("?") else _unknown(case, found["name"])
        if alone:
            return None if said.endswith("?") else _set(case, column)
        return _measured(case, said, rest, column)
    return None


def _set(case: Case, column: str) -> AIMessage:
    try:
        case.belong(column, by="said")
    except RetryError as problem:
        return words.message(str(problem), words.choices(case))
    return words.message(prompts.say("groups.set", told=set_words(case)), words.choices(case))


def _measured(case: Case, said: str, rest: str, column: str) -> AIMessage | None:
    """The measurement that a sentence asks for, with what belongs together; None where it asks for none that knows of it.

    The whole sentence is read first, then ``rest``, which leaves out what is said of images that belong together.
    """
    from failsight.agent.planners.words import call
    from failsight.knowledge_base import route

    names = words.vocabulary(case)
    for text in (said, " ".join(rest.split()).strip(" ,;.")):
        made: Any = route(text, names, base=case.knowledge).call
        if made is None or "group_by" not in registry()[made["tool"]].arguments.model_fields:
            continue
        given = {k: v for k, v in made["arguments"].items() if k != "attributes" or list(v) != [column]}
        why = prompts.say("why.groups", tool=made["tool"], column=clean(column, 40))
        return call(made["tool"], {**given, "group_by": column}, why)
    return None


def _per_group(case: Case, said: str) -> AIMessage | None:
    """A figure of patients, videos or houses, where all figures are of images."""
    for pattern in _PER:
        found = pattern.search(said)
        if found is None:
            continue
        given = found.groupdict()
        column = _column(case, given.get("name") or given.get("level") or "", fine=not given.get("not"))
        if column is None:
            continue
        name = clean(column, 40)
        counted = case.groups == column
        return words.message(
            prompts.say("groups.figures" if counted else "groups.figures_unset", column=name),
            words.choices(case),
        )
    return None


def _unknown(case: Case, name: str) -> AIMessage | None:
    """Pictures that belong together by something that no column says; None where it may be something else."""
    if _plain(name) in {_plain(c) for c in case.classes} | {
        "class",
        "label",
        "kind",
        "type",
        "place",
        "room",
    }:
        return None
    there = [clean(c, 40) for c in case.table().columns]
    told = prompts.say("groups.columns", columns=listing(there, 12)) if there else prompts.say("groups.none")
    return words.message(prompts.say("groups.unknown", name=clean(name, 40), told=told), words.choices(case))


def _column(case: Case, name: str, *, fine: bool) -> str | None:
    """The metadata column that ``name`` means: itself, in the plural, or a part of its name (``patient`` of ``patient_id``).

    ``fine``: only one that has many values, each of few images: the values of others are rather to be compared.
    """
    columns = case.table().columns
    wanted = _plain(name)
    if not wanted:
        return None
    exact = [c for c in columns if _plain(c) == wanted]
    part = [c for c in columns if wanted in [_plain(w) for w in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", c)]]
    for column in exact or part:
        if not fine or column == case.groups or belonging.fine(columns[column]):
            return column
    return None


def _plain(name: str) -> str:
    """Without capitals and the s of a plural."""
    return re.sub(r"(?<=[a-z]{2})(?<!s)s$", "", name.strip().casefold())
