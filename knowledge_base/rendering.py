"""The texts of an entry that are embedded and searched: title, body, and every way people ask it.

Paraphrases have ``{slots}``. They are searched in general words ("this class"), as the router writes a sentence whose
names it recognised; the heads are trained on versions with the names of several domains as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from failsight.knowledge_base.schema import Entry

_SLOT: Final = re.compile(r"\{([a-z]+2?)\??\}(s\b)?")
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
        "class2": "mole",
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
    {
        "class": "stop sign",
        "class2": "speed limit sign",
        "object": "pole",
        "object2": "tree",
        "attribute": "fog",
        "value": "foggy",
    },
    {
        "class": "pneumonia",
        "class2": "healthy",
        "object": "hospital tag",
        "object2": "pacemaker",
        "attribute": "hospital",
        "value": "underexposed",
    },
    {
        "class": "wolf",
        "class2": "husky",
        "object": "snow",
        "object2": "tail",
        "attribute": "season",
        "value": "snowy",
    },
    {
        "class": "scratch",
        "class2": "dent",
        "object": "reflection",
        "object2": "screw",
        "attribute": "lighting",
        "value": "shiny",
    },
    {
        "class": "airplane",
        "class2": "ship",
        "object": "sky",
        "object2": "water",
        "attribute": "size",
        "value": "small",
    },
    {
        "class": "rose",
        "class2": "tulip",
        "object": "leaf",
        "object2": "watermark",
        "attribute": "camera",
        "value": "overexposed",
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
    """All searchable texts of ``entries``, in order; paraphrases in general words."""
    for entry in entries:
        yield Row(entry.id, "title", entry.title)
        body = entry.body()
        if body:
            yield Row(entry.id, "text", f"{entry.title}. {body}"[:600])
        for number, phrase in enumerate(entry.aliases):
            yield Row(entry.id, "say", fill(phrase, GENERAL), number)


def domains() -> Iterator[Mapping[str, str]]:
    """Fillers for the slots of a paraphrase, one mapping for each of several domains."""
    for number, names in enumerate(_DOMAINS):
        yield {**GENERAL, **names, **_IMAGES[number % len(_IMAGES)]}


def fill(phrase: str, names: Mapping[str, str]) -> str:
    """``phrase`` with every slot that ``names`` knows replaced; ``{slot}s`` is a plural."""
    return _SLOT.sub(lambda m: _inflected(names.get(m.group(1), m.group(1)), bool(m.group(2))), phrase)


def _inflected(name: str, plural: bool) -> str:
    if not plural or name.startswith(("this ", "the ", "that ")):
        return name
    return name[:-1] + "ies" if name.endswith("y") else name + "s"
