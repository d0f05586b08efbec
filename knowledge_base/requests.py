"""Which tool a sentence asks for: a second reading beside the question bank, trained on requests for every tool.

The bank knows the questions that practitioners ask (:mod:`failsight.knowledge_base.routing`); people also ask for a measurement as
such, tersely or at length: ``ECE on deploy``, ``render #12 in black and white``. ``data/requests.txt`` holds such sentences, a tool
each (or :data:`WORDS`: to be answered without a measurement; or off the subject), with slots for names; together with the bank's own
phrases they train two linear heads as in :mod:`failsight.knowledge_base.heads`. ``python -m failsight.knowledge_base.fit`` ships the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from failsight.knowledge_base.details import details
from failsight.knowledge_base.heads import OFF, Heads, average, heads, off_topic_examples
from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.search import KnowledgeBase
from failsight.knowledge_base.store import HERE
from failsight.knowledge_base.vocabulary import Mentions

FILE: Final = HERE / "data" / "tools.npz"
REQUESTS: Final = HERE / "data" / "requests.txt"
WORDS: Final = "words"


@lru_cache(maxsize=1)
def requests() -> tuple[tuple[str, str], ...]:
    """(tool, sentence) of the shipped requests; :data:`WORDS` and OFF stand for what no tool answers."""
    made = []
    for line in REQUESTS.read_text(encoding="utf-8").splitlines():
        tool, bar, sentence = line.partition(" | ")
        if bar and not line.startswith("#"):
            made.append((tool.strip().lstrip("!"), sentence.strip()))
    return tuple(made)


def examples(questions: Sequence[Entry]) -> list[tuple[str, str]]:
    """All phrases with what they ask for: the requests, the bank's phrases by the first tool that answers them, and what is off the subject."""
    made = list(requests())
    for question in questions:
        calls = question.extra.get("calls") or ()
        label = str(calls[0]["tool"]) if calls else WORDS
        made += [(label, phrase) for phrase in (*question.aliases, question.title)]
    return [*made, *((OFF, sentence) for sentence in off_topic_examples())]


def stamp(questions: Sequence[Entry]) -> str:
    """What the tool heads were trained on."""
    digest = hashlib.sha256()
    for label, phrase in examples(questions):
        digest.update(f"{label}\x1f{phrase}\x1e".encode())
    return digest.hexdigest()


def meant(mentions: Mentions, base: KnowledgeBase) -> dict[str, float]:
    """Tool (or :data:`WORDS`, OFF) → the probability that the sentence asks for it, largest first; empty without the trained file."""
    try:
        trained: Heads = heads(FILE)
    except (OSError, ValueError, KeyError):
        return {}
    texts = list(dict.fromkeys((mentions.sentence, mentions.masked)))
    words = average(trained.from_words(texts))
    vectors = base.index.embed(texts)
    if vectors is None:
        probabilities = trained.fuse(words)
    else:
        dense = average(trained.from_dense(vectors))
        probabilities = trained.fuse(words, dense, 0.0 * dense)
    pairs = zip(trained.classes, (float(p) for p in probabilities), strict=True)
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def call_for(
    tool: str, mentions: Mentions, slots: Mapping[str, Any], takes: Mapping[str, Any]
) -> dict[str, Any]:
    """The call of a tool with all that the sentence says of its arguments."""
    return {"tool": tool, "arguments": details(tool, mentions, slots, takes)}


#: arguments without which a tool says nothing, by what a person would have to name
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "adopt_version": ("finding",),
    "attribute_check": ("attribute",),
    "compare_classes": ("class_a", "class_b"),
    "compare_features": ("class_a", "class_b"),
    "compare_group": ("where",),
    "compare_images": ("first", "second"),
    "edit_attributes": ("action", "attribute"),
    "feature_attack": ("feature",),
    "nearest": ("image",),
    "state_hypothesis": ("kind",),
    "test_by_adding": ("cue",),
    "test_by_masking": ("region",),
    "test_by_swapping": ("region",),
    "what_if": ("image", "edits"),
}


def lacking(call: Mapping[str, Any]) -> tuple[str, ...]:
    """What a call needs and a sentence did not name; a finding stands in for the region that it is about."""
    given = call["arguments"]
    if given.get("finding") and call["tool"].startswith(("test_by_", "compare_group")):
        return ()
    return tuple(name for name in NEEDED.get(call["tool"], ()) if name not in given)
