"""From the names in a sentence to the arguments of a tool call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from failsight.knowledge_base.condition_text import column_of
from failsight.knowledge_base.directions import directions as directions
from failsight.knowledge_base.edited import edits_meant
from failsight.knowledge_base.places import place as place
from failsight.knowledge_base.places import written
from failsight.knowledge_base.schema import Entry, slots
from failsight.knowledge_base.vocabulary import Mentions, Vocabulary

# Names under which a tool may take the same thing; the first is the one written in the entries.
_ARGUMENT_NAMES: Final = (
    ("class", "class_name", "true_class", "label", "class_"),
    ("region", "cue"),
    ("within_class", "class_name", "class", "true_class"),
    ("image", "image_name", "path"),
    ("top", "k", "n"),
    ("query", "question"),
    ("class_a", "first"),
    ("class_b", "second"),
    ("image_a", "first"),
    ("image_b", "second"),
)


def values(mentions: Mentions) -> dict[str, Any]:
    """What the sentence gives for each slot; slots that it does not fill are absent."""
    classes, pictured, objects = mentions.of("class"), images(mentions), mentions.of("object")
    true, predicted = directions(mentions)
    held = mentions.of("value")
    attributes = list(dict.fromkeys([*mentions.of("attribute"), *(column_of(v) for v in held)]))
    found: dict[str, Any] = {
        "class": classes[0] if classes else None,
        "class2": classes[1] if len(classes) > 1 else None,
        "true": true,
        "predicted": predicted,
        "image": pictured[0] if pictured else None,
        "image2": pictured[1] if len(pictured) > 1 else None,
        "object": objects[0] if objects else None,
        "object2": objects[1] if len(objects) > 1 else None,
        "region": written(mentions.sentence)
        or (f"box:{objects[0]}" if objects else place(mentions.sentence)),
        "attribute": attributes[0] if attributes else None,
        "attributes": attributes or None,
        "value": held[0] if held else None,
        "where": held[0] if held else None,
        "split": mentions.split,
        "method": mentions.method,
        "top": mentions.number_after("top"),
        "depth": mentions.number_after("depth"),
        "finding": next(iter(mentions.of("finding")), None),
        "query": mentions.sentence.strip() or None,
        "edits": edits_meant(mentions, place(mentions.sentence)),
    }
    return {name: value for name, value in found.items() if value is not None}


# A row of another split: the names of the case are those of its evaluation images alone
_ELSEWHERE: Final = re.compile(
    r"\b(train(?:ing)?|deploy(?:ment)?|pool)(?:\s*:\s*|\s+)(?:image |picture |photo |sample )?#(\d{1,9})\b"
    r"|(?:\b(?:image|picture|photo|sample|row) #?|#)(\d{1,9}) (?:of|in|from) (?:the )?(train|deploy|pool)"
)
_SPLIT: Final = {"trai": "train", "depl": "deploy", "pool": "pool"}


def images(mentions: Mentions) -> list[str]:
    """The distinct images of a sentence, in order of appearance, those of another split as ``train:#12``."""
    found = [(m.start, m.end, m.name) for m in mentions.found if m.role == "image"]
    for match in _ELSEWHERE.finditer(mentions.sentence.lower()):
        start, end = match.span()
        split, row = _SPLIT[(match[1] or match[4])[:4]], int(match[2] or match[3])
        found = [one for one in found if one[1] <= start or end <= one[0]]
        found.append((start, end, f"{split}:#{row}"))
    return list(dict.fromkeys(name for _, _, name in sorted(found)))


def unknown_images(mentions: Mentions) -> list[str]:
    """Images that a sentence names and the case does not have, as far as its evaluation images tell."""
    elsewhere = {f"#{int(m[2] or m[3])}" for m in _ELSEWHERE.finditer(mentions.sentence.lower())}
    return [
        name
        for name in mentions.unknown_images
        if not (name.startswith("#") and f"#{int(name[1:])}" in elsewhere)
    ]


def resolve(entry: Entry, mentions: Mentions, vocabulary: Vocabulary) -> dict[str, Any] | None:
    """The first call of ``entry`` whose tool exists and whose needed slots the sentence fills, or None.

    Without a list of tools every tool is taken to exist.
    """
    given = values(mentions)
    for call in entry.extra.get("calls", ()):
        if vocabulary.tools and call["tool"] not in vocabulary.tools:
            continue
        arguments = _arguments(call.get("arguments") or {}, given, vocabulary.tools.get(call["tool"]))
        if arguments is not None:
            return {"tool": call["tool"], "arguments": arguments}
    return None


def _arguments(
    template: Mapping[str, Any], given: Mapping[str, Any], accepted: Sequence[str] | None
) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    for name, value in template.items():
        wanted = slots(value) if isinstance(value, str) else []
        filled = given.get(wanted[0][0]) if wanted else value
        needed = bool(wanted) and not wanted[0][1]
        if filled is None:
            if needed:
                return None
            continue
        target = _accepted_name(name, accepted, made)
        if target is None:
            if needed:
                return None
            continue
        made[target] = filled
    return made


def _accepted_name(name: str, accepted: Sequence[str] | None, taken: Mapping[str, Any]) -> str | None:
    if accepted is None or name in accepted:
        return name
    for group in _ARGUMENT_NAMES:
        if group[0] == name:
            return next((n for n in group if n in accepted and n not in taken), None)
    return None


def missing(entry: Entry, mentions: Mentions, vocabulary: Vocabulary) -> list[str]:
    """Slots that the first existing tool of ``entry`` needs and the sentence does not fill."""
    given = values(mentions)
    for call in entry.extra.get("calls", ()):
        if vocabulary.tools and call["tool"] not in vocabulary.tools:
            continue
        return [
            slot
            for value in (call.get("arguments") or {}).values()
            for slot, optional in (slots(value) if isinstance(value, str) else [])
            if not optional and slot not in given
        ]
    return []
