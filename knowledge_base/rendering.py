"""The texts of an entry that are embedded and searched: title, body, and every way people ask it.

Paraphrases have ``{slots}``. Each is written out twice: once in general words ("this class"), as the router writes a
sentence whose names it recognised, and once with names from some domain, for sentences whose names it does not know.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from failsight.knowledge_base.schema import Entry

_SLOT: Final = re.compile(r"\{([a-z]+2?)\??\}")
GENERAL: Final = {
    "class": "this class",
    "class2": "the other class",
    "image": "this image",
    "image2": "the other image",
    "object": "this object",
    "object2": "the other object",
    "attribute": "this attribute",
    "value": "like this",
    "finding": "this finding",
}
_DOMAINS: Final = (
    {
        "class": "kitchen",
        "class2": "dining room",
        "object": "television",
        "object2": "stool",
        "attribute": "brightness",
        "value": "dark",
    },
    {
        "class": "cat",
        "class2": "dog",
        "object": "collar",
        "object2": "grass",
        "attribute": "background",
        "value": "outdoor",
    },
    {
        "class": "bedroom",
        "class2": "living room",
        "object": "sofa",
        "object2": "bed",
        "attribute": "sharpness",
        "value": "blurry",
    },
    {
        "class": "truck",
        "class2": "car",
        "object": "wheel",
        "object2": "road",
        "attribute": "weather",
        "value": "rainy",
    },
    {
        "class": "melanoma",
        "class2": "nevus",
        "object": "ruler",
        "object2": "hair",
        "attribute": "skin tone",
        "value": "dark-skinned",
    },
    {
        "class": "bathroom",
        "class2": "kitchen",
        "object": "sink",
        "object2": "mirror",
        "attribute": "style",
        "value": "old-fashioned",
    },
)
_IMAGES: Final = (
    {"image": "IMG_0412.jpg", "image2": "IMG_0977.jpg"},
    {"image": "image 12", "image2": "image 40"},
    {"image": "this photo", "image2": "that photo"},
)


@dataclass(frozen=True, slots=True)
class Row:
    """One searchable text of an entry. ``part`` is ``title``, ``text`` or ``say``; ``of`` numbers the paraphrase."""

    entry: str
    part: str
    text: str
    of: int = 0

    @property
    def key(self) -> str:
        """Content hash: equal texts are embedded once, whoever they belong to."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def rows(entries: Iterable[Entry]) -> Iterator[Row]:
    """All searchable texts of ``entries``, in order."""
    for entry in entries:
        yield Row(entry.id, "title", entry.title)
        body = entry.body()
        if body:
            yield Row(entry.id, "text", f"{entry.title}. {body}"[:600])
        for number, phrase in enumerate(entry.aliases):
            seen = set()
            for written in written_out(phrase, number):
                if written not in seen:
                    seen.add(written)
                    yield Row(entry.id, "say", written, number)


def written_out(phrase: str, number: int) -> tuple[str, ...]:
    """``phrase`` with its slots filled: in general words, and with the names of one domain chosen by ``number``."""
    if "{" not in phrase:
        return (phrase,)
    pick = int(hashlib.sha256(phrase.encode()).hexdigest()[:8], 16) + number
    names = {**GENERAL, **_DOMAINS[pick % len(_DOMAINS)], **_IMAGES[pick % len(_IMAGES)]}
    return (fill(phrase, GENERAL), fill(phrase, names))


def fill(phrase: str, names: dict[str, str]) -> str:
    """``phrase`` with every slot that ``names`` knows replaced."""
    return _SLOT.sub(lambda m: names.get(m.group(1), m.group(1)), phrase)
