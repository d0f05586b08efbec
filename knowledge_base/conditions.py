"""The group of images that a sentence describes, as conditions: ``lighting=dark``, ``plant=yes``, ``stool=no``."""

from __future__ import annotations

import re
from typing import Final

from failsight.knowledge_base.turned_away import resolved, runs
from failsight.knowledge_base.vocabulary import Mention, Mentions

ABSENT: Final = re.compile(
    r"\b(?:without|no|lacking|missing|not having|not with|that lack)(?: (?:an?|any|the))*\s*$", re.IGNORECASE
)
"""What stands before a thing that the images do not show."""


def conditions_of(mentions: Mentions, *, objects: bool = True) -> list[str]:
    """``lighting=dark``, ``plant=yes``, ``stool=no``: what the images in a sentence show, by its values and things; what is turned away is
    left out."""
    roles = ("value", "object") if objects else ("value",)
    found = [one for one in mentions.found if one.role in roles]
    numbers = runs(mentions.sentence, [(m.start, m.end) for m in found], [m.role == "object" for m in found])
    held = [f"{m.name}=yes" if n and m.role == "object" else condition(mentions, m) for m, n in zip(found, numbers, strict=True)]  # fmt: skip
    return resolved(held, numbers)


def condition(mentions: Mentions, one: Mention) -> str:
    """What a value, or a thing in the pictures, says of the images: ``lighting=dark``, ``stool=no``."""
    if one.role == "value":
        return one.name
    return f"{one.name}={'no' if ABSENT.search(mentions.sentence[: one.start]) else 'yes'}"
