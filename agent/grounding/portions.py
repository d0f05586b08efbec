"""What count_images measured, as the check reads it: which number is a part of which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from failsight.tools.evidence import Evidence, Fact

TOOL = "count_images"
AMONG_ERRORS = "among_errors"  # a part of the errors, however large they are among all images
_PARTS = ("counted", "share")
_ERRORS = "answered wrong"
#: "class film, slice moisture=wet, called pet"
_CALLED = re.compile(r"class (?P<true>[^,]+)(?P<slices>(?:, slice [^,]+)*), called (?P<other>[^,]+)")


def facts_of(evidence: Evidence) -> Iterator[Fact]:
    """The facts of an evidence; those of a count by what they are a part of.

    A part of the errors is a quantity of its own: 24 % of the errors show a television, and other shares of the images with a television
    are errors. What is called another class of the images of one is a confusion, under the conditions that the label names. A part of other
    images is left to the sentence that tells it. How many images stand behind a part is not about what the
    part is about, and is told by a fact of its own.
    """
    if evidence.tool != TOOL:
        yield from evidence.facts
        return
    for fact in evidence.facts:
        if fact.name in _PARTS:
            if _ERRORS in fact.of and not fact.of.endswith(_ERRORS):
                yield replace(fact, name=AMONG_ERRORS, n=None)
            elif fact.name == "share" and (called := _CALLED.fullmatch(fact.of)) is not None:
                of = f"class {called['true']}{called['slices'] or ''} taken for class {called['other']}"
                yield replace(fact, name="confusion_rate", of=of)
            continue
        yield replace(fact, n=None) if fact.name in ("images", "share_of_images") else fact
        if fact.name == "images" and _ERRORS in fact.of:
            yield replace(fact, name="errors" if fact.of.endswith(_ERRORS) else AMONG_ERRORS, n=None)
