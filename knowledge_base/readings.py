"""Two readings of a sentence weighed together: the question bank's, and that of the requests for each tool.

Each tool has up to 1 from both, a bonus where the words name a measurement themselves, and another for its own name. What lacks what it
needs is discounted; if it still leads, it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight.knowledge_base.arguments import values
from failsight.knowledge_base.details import TESTS, details
from failsight.knowledge_base.heads import OFF
from failsight.knowledge_base.requests import WORDS, call_for, lacking, meant
from failsight.knowledge_base.search import KnowledgeBase
from failsight.knowledge_base.vocabulary import Mentions, Vocabulary, words_of

if TYPE_CHECKING:
    from failsight.knowledge_base.routing import Route

# Weights and limits were chosen on the development set and on the requests of two authors (tests/agent/data/guided_authors.txt)
_SECOND: Final = 0.75  # weight of the second reading, beside the bank's
_NAMES_IT: Final = 0.7  # and of words that name a measurement
_OWN_NAME: Final = 0.3  # and of the tool's own name in the sentence
_ENOUGH: Final = 0.35  # from which both together overrule the bank's call …
_ENOUGH_ALONE: Final = 0.46  # … and speak where it has none
_MAYBE: Final = 0.05
_LACKS: Final = 0.4  # of the chances of a tool that lacks what it needs
_OF_PROGRAM: Final = "term.about_"
_SAID: Final = 0.3
_SAID_OF_PROGRAM: Final = 0.45


def read_again(found: Route, mentions: Mentions, vocabulary: Vocabulary, base: KnowledgeBase) -> Route:
    """The route after the second reading: the tool that both readings together point to, and all that the sentence says of its arguments."""
    chances = _together(found, meant(mentions, base), base)
    known = [t for t in chances if t in vocabulary.tools or t in (WORDS, OFF)]
    if not known:
        return found
    calls = _calls(known, chances, mentions, vocabulary)
    for tool, made in calls.items():  # what can't be done as it stands is seldom what was meant
        chances[tool] *= _LACKS if lacking(made) else 1.0
    best = max(known, key=lambda t: chances[t])
    in_words = best == WORDS and chances[best] >= (_ENOUGH if found.call is not None else _ENOUGH_ALONE)
    if in_words or found.off_topic or found.asks_back:
        said = _in_words(found, mentions, base, sure=in_words)
        if said is not None:
            return said
    own = found.call["tool"] if found.call is not None else ""
    if best == own or best not in calls or chances[best] < (_ENOUGH if own else _ENOUGH_ALONE):
        sure = chances.get(own, 0.0)
        return found if found.call is None else replace(_with_details(found, mentions, vocabulary), sure=sure)
    wanted = lacking(calls[best])
    if not wanted:
        return replace(
            found, off_topic=False, asks_back=False, call=calls[best], missing=(), sure=chances[best]
        )
    if not found.by_words and wanted[0] in _NAMED:
        return _asking_for(found, best, wanted)
    return found if found.call is None else _with_details(found, mentions, vocabulary)


def _calls(
    known: Sequence[str], chances: Mapping[str, float], mentions: Mentions, vocabulary: Vocabulary
) -> dict[str, dict[str, Any]]:
    """The calls of the tools that may be meant."""
    slots = values(mentions)
    return {
        tool: call_for(tool, mentions, slots, dict.fromkeys(vocabulary.tools[tool]))
        for tool in known
        if chances[tool] >= _MAYBE and tool in vocabulary.tools
    }


def _together(found: Route, second: Mapping[str, float], base: KnowledgeBase) -> dict[str, float]:
    """Tool → how much both readings are for it: the requests' chances, those of the bank's questions by the tool that answers them, and
    a bonus where the sentence names the measurement itself. Empty without a second reading."""
    if not second:
        return {}
    made = {tool: _SECOND * p for tool, p in second.items()}
    for one in found.questions:
        calls = base[one.id].extra.get("calls") or ()
        tool = str(calls[0]["tool"]) if calls else WORDS
        made[tool] = made.get(tool, 0.0) + (1 - _SECOND) * one.score
    if found.by_words and found.call is not None:
        made[found.call["tool"]] = made.get(found.call["tool"], 0.0) + _NAMES_IT
    text = f" {' '.join(words_of(found.mentions.sentence))} "
    for tool in made:  # its own name
        made[tool] += _OWN_NAME if f" {' '.join(words_of(tool))} " in text else 0.0
    return made


def _with_details(found: Route, mentions: Mentions, vocabulary: Vocabulary) -> Route:
    """The call with what the sentence says of its other arguments."""
    assert found.call is not None
    tool, given = found.call["tool"], found.call["arguments"]
    takes = vocabulary.tools.get(tool, ())
    more = details(tool, mentions, values(mentions), dict.fromkeys(takes))
    ours = (
        ("class_name", "where") if tool in TESTS else ()
    )  # whose score, and of which images: roles that only the whole sentence tells
    return replace(
        found, call={"tool": tool, "arguments": {**more, **given, **{k: more[k] for k in ours if k in more}}}
    )


_NAMED: Final = {
    "region": "what is to be covered or exchanged (an object, a place, a colour)", "cue": "what is to be pasted in (an object of the pictures)",
    "image": "which picture (its name, or #12)", "first": "two pictures (their names, or #12 and #15)", "class_a": "two classes", "where": "which group (a value of an attribute, a thing in the picture)",
    "attribute": "which attribute", "finding": "which finding (such as F1)", "feature": "the number of a feature (explain_failures lists some)", "edits": "what to change in it (darker, mirrored, an object covered)",
    "kind": "what you suspect: a thing in the picture, or a group of pictures", "action": "what to change about the attribute",
}  # fmt: skip


def _asking_for(found: Route, tool: str, wanted: tuple[str, ...]) -> Route:
    """What a measurement that was surely meant still has to know."""
    text = f"For that ({tool}) I need to know {_NAMED.get(wanted[0], wanted[0])}. What is it?"
    return replace(
        found, off_topic=False, asks_back=False, call=None, answer=text, sources=(), missing=wanted
    )


def _in_words(found: Route, mentions: Mentions, base: KnowledgeBase, *, sure: bool) -> Route | None:
    """The entry that says it, where a sentence wants no measurement (``sure``) or is about the program itself; None where none does."""
    hits = base.search(mentions.sentence, k=4, kinds=("term",))
    about = next((h for h in hits if h.id.startswith(_OF_PROGRAM) and h.score >= _SAID_OF_PROGRAM), None)
    best = about or next((h for h in hits if sure and h.score >= _SAID), None)
    if best is None:
        return None
    said = f"**{best.title}.** {' '.join(best.text.split())}"
    return replace(found, off_topic=False, asks_back=False, call=None, answer=said, sources=(best.source,))
