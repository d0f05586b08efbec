"""What a word means: from the glossary, or, for a name of the case, what it stands for here. Nothing is measured for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.people.attribute_list import listed
from failsight.agent.planners import words
from failsight.knowledge_base.meanings import Asked, asked, entry_of, meanings, near, other_names, used_in
from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.vocabulary import Mention, words_of
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions

OWN: Final = "Failsight"  # the source of words that need no citation
MOST = 3  # words of one sentence that are explained
#: terms that a tested finding shows at work
_SHOWN_BY_TEST_TEXT: Final = "control p_value q_value confidence_interval masking effect points confirmed verdict finding significant alpha"
_SHOWN_BY_TEST: Final = frozenset(_SHOWN_BY_TEST_TEXT.split())
_UNKNOWN_ID: Final = re.compile(r"^[EF]\d+$", re.IGNORECASE)
_THAT: Final = re.compile(
    r"^\W*(?:(?:so|and|but|sorry|ok(?:ay)?|hm+|well|please|can you|could you)\b\W*)*(?:"
    r"what (?:does|do|did) (?:that|this|it|all (?:of )?(?:that|this)|all these (?:words|numbers)|these (?:words|numbers)|those (?:words|numbers)|the (?:words|numbers)) (?:all )?(?:even |actually )?mean"
    r"|(?:i|we) (?:don'?t|do not|didn'?t|did not|can'?t) (?:get|understand|follow)(?: (?:it|that|this|you|a word|any of (?:it|that|this)|what (?:that|this|you) (?:means?|say|said)))?"
    r"|(?:explain|say|tell me) (?:it|that|this)?(?: to me)?(?: again)? ?(?:like i(?:'m| am| was| were) \w+|in (?:plain|simple|easy|other) (?:words|english|terms|language)|more simply|simply|simpler|for (?:beginners|dummies|a beginner))"
    r"|in (?:plain|simple) (?:words|english|terms)|(?:too|that'?s too|this is too) (?:complicated|technical|difficult)|what are you (?:talking about|saying)|huh|what\?|pardon"
    r")(?:,? (?:please|then|now|here|again|exactly|for me|to me))*\W*$",
    re.IGNORECASE,
)
_INSTRUCTS: Final = re.compile(r"\b(?:explain|describe)\b", re.IGNORECASE)


def explained(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The meaning of the word that a sentence asks about; None for a sentence that asks for anything else.

    Args:
        mentions: the names of the case in the sentence. Findings, evidence and images are told, not defined.
    """
    if any(m.role in ("finding", "evidence", "image") for m in mentions.found):
        return None
    request = asked(question)
    if request is None or _UNKNOWN_ID.match(
        request.words[0]
    ):  # of a finding that is not there, its id is told
        return None
    entries = meanings(request, case.knowledge)
    named = _named(request, question, mentions) or (_column(case, request) if not entries else None)
    if not entries:
        return _not_in_glossary(case, request, named)
    lines = [_entry(e) for e in entries[:MOST]]
    example = _example(case, entries)
    lines += [example] if example else []
    lines += [_of_case(case, named)] if named is not None and len(request.words) == 1 else []
    return _said(case, lines)


def _not_in_glossary(case: Case, request: Asked, named: Mention | None) -> AIMessage | None:
    """What a name of the case or a tool is; that a word is unknown, where its meaning and nothing else was asked for."""
    if named is not None:
        return _said(case, [_of_case(case, named)])
    tool = _tool(request)
    if tool is not None:
        return _said(case, [prompts.say("meaning.tool", name=tool, text=registry()[tool].description)])
    return _unknown(case, request) if request.surely else None


def of_last(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """The words in the last answer that a beginner may not know, explained; None where it uses none, or nothing was asked."""
    if not _THAT.match(question):
        return None
    reply = next((t.reply for t in reversed(before) if t.reply), "")
    found = used_in(reply, case.knowledge)
    if not found:
        return None
    return _said(case, [prompts.say("meaning.last"), *(_entry(e) for e in found)])


def _said(case: Case, lines: Sequence[str]) -> AIMessage:
    return words.message("\n\n".join(lines), words.choices(case))


def _entry(entry: Entry) -> str:
    """A definition in full, with where it comes from."""
    others = other_names(entry)
    also = f" {prompts.say('meaning.also', names=listing(others))}" if others else ""
    source = "" if entry.source == OWN else f" ({entry.source})"
    return prompts.say("meaning.term", title=entry.title, text=entry.text, also=also, source=source)


def _example(case: Case, entries: Sequence[Entry]) -> str:
    """A confirmed finding of the case that shows the word at work, the one that is told shortest; empty where there is none."""
    names = {e.id.removeprefix("term.") for e in entries}
    found = [r for r in case.state().confirmed() if _shows(r, names)]
    if not found:
        return ""
    best = min(found, key=lambda r: len(r.finding.statement))
    return prompts.say(
        "meaning.example",
        id=best.id,
        statement=clean(best.finding.statement, 400),
        detail=words.detail(best),
    )


def _shows(record: FindingRecord, names: set[str]) -> bool:
    tests = record.finding.tests
    if "control" in names or "masking" in names:
        return any(t.control_effect is not None for t in tests)
    if "slice" in names:
        return record.finding.kind in ("weak_slice", "rare_case") and bool(record.finding.slice)
    return bool(tests and names & _SHOWN_BY_TEST)


def _named(request: Asked, question: str, mentions: Mentions) -> Mention | None:
    """The class, attribute, value or thing of the case that is the word in question, and all of it."""
    if len(request.words) != 1 or request.article not in ("", "a", "an", "your", "this", "that"):
        return None
    if not request.surely and _INSTRUCTS.search(question):
        return None
    word = request.words[0].casefold()
    return next(
        (m for m in mentions.found if mentions.sentence[m.start : m.end].casefold().strip("\"'") == word),
        None,
    )


_COLUMN: Final = re.compile(r"\s+(?:column|attribute|property|field)$", re.IGNORECASE)


def _column(case: Case, request: Asked) -> Mention | None:
    """The column that is the word in question: one that Failsight measures itself, or one called a column outright."""
    if len(request.words) != 1 or not (request.surely or request.article in ("", "a", "an")):
        return None
    typed = _COLUMN.sub("", request.words[0])
    wanted = words_of(typed)
    name = next((n for n in case.attributes().columns if words_of(n) == wanted), None)
    return Mention("attribute", name, 0, len(typed)) if name is not None and wanted else None


def _of_case(case: Case, one: Mention) -> str:
    """What a name of the case is, with how many evaluation images bear it."""
    if one.role == "class":
        labels = case.table().labels
        count = int((labels == list(case.classes).index(one.name)).sum())
        return prompts.say(
            "meaning.class", name=clean(one.name, 60), count=f"{count:,}", classes=len(case.classes)
        )
    attribute, _, value = one.name.partition("=")
    found = next((a for a in listed(case) if a.definition.name == attribute), None)
    if found is None:
        return prompts.say("meaning.thing", name=clean(one.name, 60))
    if value:
        count = found.counts.get(value, 0)
        return prompts.say(
            "meaning.value", value=clean(value, 60), name=clean(attribute, 60), count=f"{count:,}"
        )
    key = "meaning.boxed" if one.role == "object" else "meaning.attribute"
    return prompts.say(key, name=clean(attribute, 60), line=found.line)


def _tool(request: Asked) -> str | None:
    """The tool that is called by the word in question."""
    name = "_".join(request.words[0].casefold().split())
    asks = request.surely or not request.article  # "what is the confusion matrix?" wants to see it
    return name if asks and len(request.words) == 1 and name in registry() else None


def _unknown(case: Case, request: Asked) -> AIMessage:
    """That a word is not known; the words of the glossary in it, or near it, are explained or named."""
    word = request.words[0]
    within = _within(case, word)
    if within:
        return _said(case, [_entry(e) for e in within])
    like = near(word, case.knowledge)
    hint = f" {prompts.say('meaning.near', names=listing(like))}" if like else ""
    offers = [f"What does {name} mean?" for name in like]
    return words.message(
        prompts.say("meaning.unknown", word=clean(word, 60), near=hint), [*offers, *words.choices(case)]
    )


def _within(case: Case, phrase: str) -> list[Entry]:
    """The glossary's words in a phrase, longest first, each part of it used once."""
    parts, found = phrase.split(), list[Entry]()
    taken: set[int] = set()
    for length in range(len(parts) - 1, 0, -1):
        for start in range(len(parts) - length + 1):
            span = set(range(start, start + length))
            entry = entry_of(" ".join(parts[start : start + length]), case.knowledge)
            if entry is not None and entry.kind == "term" and not span & taken:
                taken |= span
                found.append(entry)
    return list(dict.fromkeys(found))[:MOST] if found else []
