"""The group of images that a sentence describes, as conditions: ``lighting=dark``, ``plant=yes``, ``stool=no``."""

from __future__ import annotations

import re
from typing import Final

from failsight.knowledge_base.vocabulary import Mentions

_ABSENT: Final = re.compile(r"\b(?:without|no|lacking|missing|not having|that lack)(?: (?:an?|any|the))*\s*$")


def conditions_of(mentions: Mentions, *, objects: bool = True) -> list[str]:
    """``lighting=dark``, ``plant=yes``, ``stool=no``: what the images in a sentence show, by its values and things."""
    made = []
    text = mentions.sentence.lower()
    for one in mentions.found:
        if one.role == "value":
            made.append(one.name)
        elif one.role == "object" and objects:
            made.append(f"{one.name}={'no' if _ABSENT.search(text[: one.start]) else 'yes'}")
    return list(dict.fromkeys(made))
