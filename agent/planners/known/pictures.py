"""Pictures of a finding that was just told, and pictures in words for whoever can't see them, from the columns that are recorded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.narrate.phrases import PULLS
from failsight.agent.planners import antecedents, phrases, words
from failsight.tools.attributes.computed import COMPUTED
from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import parse_filters, rows_meeting
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing, number_text

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import FindingRecord
    from failsight.tools.evidence import Evidence, ImageRef
    from failsight.tools.inputs.base import Split

SHOW: Final = "show_images"
MOST: Final = 8  # pictures that are described
MOST_COLUMNS: Final = 8  # columns that are told of one picture
MOST_FINDINGS: Final = 2
_ID: Final = re.compile(r"\bF\d{1,4}\b")
_PICTURES: Final = r"(?:pictures?|photos?|images?|photographs?|shots?)"
_POINTED: Final = rf"(?:them|(?:those|these)(?: {_PICTURES}|(?= (?:to|for|in|with|please|again|now)\b)|(?=\W*(?:$|[,.;:?]))))"
_WORDS: Final = re.compile(
    rf"\bdescribe\b.{{0,40}}\b(?:{_PICTURES}|{_POINTED}|what (?:is|are|'s) (?:on|in) (?:them|it|there|those|the))\b|\b(?:tell|say|explain|read(?: out)?)\b.{{0,40}}\bwhat (?:is|are|'s) (?:on|in) (?:them|it|those|these|the(?:se)? {_PICTURES})\b"
    rf"|\bwhat (?:is|are|can be seen|do (?:i|we) see|'s)(?: there)? (?:on|in) (?:them|those|these|the(?:se)? {_PICTURES})|\b(?:in|with) words\b,?(?: (?:to|for) (?:me|us)| please)*,? (?:(?:the )?{_PICTURES}\b|{_POINTED}|what (?:is|are|'s|can be seen)(?: there)? (?:on|in)\b)"
    rf"|\b(?:tell|show|give|read|say|put|explain)\b(?: (?:me|us|to me|out|about))* (?:the {_PICTURES}|{_POINTED}).{{0,12}}\b(?:in|with) words\b",
    re.IGNORECASE,
)
_BLIND: Final = re.compile(
    rf"\b(?:can(?:'?t| ?not)|unable to|not able to) see(?: (?:any|the|these|those))?(?: {_PICTURES}| them)?\b|\b(?:i am|i'm|we are) blind\b|\bscreen ?reader\b|\b(?:in|with) words\b", re.IGNORECASE
)  # fmt: skip

_THEM: Final = re.compile(rf"\b{_POINTED}", re.IGNORECASE)
_TESTS: Final = ("state_hypothesis", "test_by_masking", "test_by_adding", "test_by_swapping")


def of_finding(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """``show me those`` after a finding was told: pictures of its errors; None for other sentences, or after something that was measured."""
    if not phrases.SHOW.match(question) or SHOW not in registry():
        return None
    turn = next(
        (t for t in reversed(before) if t.acts or _ID.search(t.reply) or not phrases.is_aside(t.said)), None
    )
    if turn is None or (turn.acts and not _is_told(turn)):
        return None
    own = re.match(r"\W*(F\d+)\W", turn.reply)  # a finding that was told link by link names others, too
    ids = [own[1]] if own is not None else list(dict.fromkeys(_ID.findall(turn.reply)))[: MOST_FINDINGS + 1]
    record = case.state().find(ids[0]) if 0 < len(ids) <= MOST_FINDINGS else None
    given = errors_of(case, record) if record is not None else None
    if given is None or record is None:
        return None
    return words.call(SHOW, given, prompts.say("known.show", id=record.id))


def _is_told(turn: Turn) -> bool:
    """Whether findings were told and nothing was counted: what the answer cites they rest on."""
    first = re.match(r"\W*(?:\(.*: read as .*\n)?\W*F\d+\W", turn.reply) is not None
    return turn.acts[0].tool in _TESTS or (first and turn.acts[0].tool not in ("count_images", SHOW))


def errors_of(case: Case, record: FindingRecord) -> dict[str, Any] | None:
    """The arguments of ``show_images`` for the errors that a finding speaks of; None where no conditions tell them."""
    finding = record.finding
    held = [f"{name}={value}" for name, value in (finding.slice or {}).items()]
    given: dict[str, Any] = {}
    if finding.kind in PULLS and finding.class_name:
        given["predicted_class"] = finding.class_name
    elif finding.class_name:
        given["class_name"] = finding.class_name
        given |= {"predicted_class": finding.confused_with} if finding.confused_with else {}
    if not held and not given and finding.split == "data" and finding.kind != "distribution_shift":
        return None
    split = "deploy" if finding.kind == "distribution_shift" and "deploy" in case.splits() else finding.split
    given |= {"split": split} if split != "data" else {}
    try:
        rows_meeting(case, split, parse_filters(held))  # type: ignore[arg-type]
    except RetryError:  # a range in words, or a column that was put aside since
        return None
    return {**given, "where": "&".join(["wrong", *held])}


def described(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """The pictures that were just listed, each in words; None for other sentences."""
    if not _WORDS.search(question) or not (_BLIND.search(question) or _THEM.search(question)):
        return None
    made = _last_pictures(case, before)
    if made is None:
        return words.message(
            prompts.say("known.no_pictures"), ["Show me wrong answers", *words.choices(case)]
        )
    lines = [prompts.say("known.pictures", evidence=made.id, count=len(made.images[:MOST]))]
    lines += [f"{i}. {_in_words(case, one)}" for i, one in enumerate(made.images[:MOST], 1)]
    return words.message("\n".join(lines), [f"Explain {made.id}#1", *words.choices(case)])


def _last_pictures(case: Case, before: Sequence[Turn]) -> Evidence | None:
    """The evidence whose pictures were told last."""
    known = {e.id: e for e in case.state().evidence}
    cited = [
        i
        for t in reversed(before[-antecedents.BACK :])
        for i in (*(a.evidence for a in t.acts), *re.findall(r"\bE\d+\b", t.reply.partition("\n")[0]))
    ]
    return next((known[i] for i in cited if i in known and known[i].images), None)


def _in_words(case: Case, one: ImageRef) -> str:
    """``bathroom, called kitchen: with cat and plant; lighting soft``."""
    split: Split = one.split  # type: ignore[assignment]
    table = case.attributes(split)
    things, values = list[str](), list[str]()
    objects = {name for row in (case.table(split).boxes or ())[:200] for name in row}
    for name, column in table.columns.items():
        if (
            name in COMPUTED
            or name.startswith("computed_")
            or name in table.unusable
            or one.row >= len(column)
        ):
            continue
        value = column[one.row]
        text = (
            ""
            if value is None
            else clean(number_text(value) if isinstance(value, float) else str(value), 40).replace("_", " ")
        )
        if not text or text in ("nan", "no", "None"):
            continue
        (things if text == "yes" or name in objects else values).append(
            name.replace("_", " ") if text == "yes" else f"{name.replace('_', ' ')} {text}"
        )
    head = clean(one.label.replace("_", " "), 40) if one.label else prompts.say("known.unlabelled")
    called = (
        prompts.say("known.called", name=clean(one.prediction.replace("_", " "), 40))
        if one.prediction
        else ""
    )
    told = [prompts.say("known.shows", things=listing(things, MOST_COLUMNS))] if things else []
    told += [listing(values, MOST_COLUMNS)] if values else []
    return f"{head}{called}: {'; '.join(told) if told else prompts.say('known.nothing_recorded')}."
