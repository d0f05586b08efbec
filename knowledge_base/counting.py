"""What a sentence says of a count: among which images, which of them, by what (``count_images``).

The plain cases, for a sentence that is known to ask for a count: ``share of the errors with a television`` counts televisions among the
errors, ``how many dark kitchens are wrong`` counts errors among dark kitchens, ``errors by site`` counts them for each site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from failsight.knowledge_base.conditions import conditions_of
from failsight.knowledge_base.directions import directions
from failsight.knowledge_base.vocabulary import Mentions

_OF_ERRORS: Final = re.compile(
    r"\b(?:of|in|among|for|from)(?: all| only)?(?: the| its| these| those| our)?(?: \w+)? (?:errors|mistakes|failures|wrong (?:ones|answers|images|pictures|photos)|misses|misclassifications)\b",
    re.IGNORECASE,
)
_WRONG: Final = re.compile(
    r"\b(?:wrong(?:ly)?|incorrect(?:ly)?|errors?|mistakes?|failures?|fails?|failed|misclassified|misses|missed|not (?:recogni[sz]ed|right|correct)|error rates?|slip-?ups?|botched|misjudged)\b",
    re.IGNORECASE,
)
_RIGHT: Final = re.compile(
    r"\b(?:right(?:ly)?|correct(?:ly)?|accura(?:cy|te)|recogni[sz]ed|hits|gets? it right)\b", re.IGNORECASE
)
_BY: Final = re.compile(
    r"\b(?:by|per|for each|for every|in each|in every|each|every|at each|split by|broken down by|over the|across(?: the)?)\s+(?:value of )?(?:the )?$",
    re.IGNORECASE,
)
_BY_ANSWER: Final = re.compile(r"\bby (?:answer|predicted class|prediction)\b", re.IGNORECASE)
_BY_CLASS: Final = re.compile(r"\b(?:by|per|for each|for every|in each) (?:true )?(?:class|category|label)\b", re.IGNORECASE)  # fmt: skip
_SURE: Final = re.compile(
    r"(?P<op>more than|over|above|at least|from|less than|under|below|at most)?\s*(?P<n>\d+(?:\.\d+)?) ?(?P<percent>%|per ?cent)?(?P<more> or (?:more|higher|above))?",
    re.IGNORECASE,
)
_CONFIDENT: Final = re.compile(r"\b(?:sure|confiden\w+|certain\w*|scores?|probabilit\w+)\b", re.IGNORECASE)
_LOW: Final = ("less than", "under", "below", "at most")
_CALLED: Final = re.compile(
    r"\b(?:call\w*|taken? (?:for|as)|took (?:for|as)|predict\w*|answer\w*|says?|said|classif\w*|label\w*|mistak\w+|mistook|confus\w*|for|as)\b",
    re.IGNORECASE,
)
_OUT: Final = re.compile(
    r"\b(?:without|except(?: for)?|leaving out|apart from|other than|not counting|besides|that are not)(?: the| any)?\s*$",
    re.IGNORECASE,
)


def count_arguments(mentions: Mentions, slots: Mapping[str, Any]) -> dict[str, Any]:
    """``among``, ``having`` and ``by`` of a count, as far as the sentence says them."""
    text = mentions.sentence
    base, held = _classes(mentions), conditions_of(mentions)
    by = _by(mentions, slots)
    sure = _sure(text)
    errors = _OF_ERRORS.search(text) is not None
    outcome = "wrong" if _WRONG.search(text) else "correct" if _RIGHT.search(text) else ""
    if errors:
        among, having = ["wrong", *base], [*held, *sure]
    elif outcome and by and not (base or held or sure):
        among, having = [outcome], []
    elif outcome:
        among, having = [*base, *held, *sure], [outcome]
    else:
        among, having = (base, [*held, *sure]) if base else ([], [*held, *sure])
    made: dict[str, Any] = {"among": tuple(among), "having": tuple(having), "by": by}
    return {k: v for k, v in made.items() if v}


def _classes(mentions: Mentions) -> list[str]:
    """The classes of the images that are counted, and the answer where the sentence names one."""
    named = [m for m in mentions.found if m.role == "class"]
    if not named:
        return []
    out = [m.name for m in named if _OUT.search(mentions.sentence[: m.start])]
    if out:
        return [f"true!={'|'.join(dict.fromkeys(out))}"]
    names = list(dict.fromkeys(m.name for m in named))
    true, predicted = directions(mentions)
    if predicted is None or not (true is None or _CALLED.search(mentions.sentence)):
        return [f"true={'|'.join(names)}"]  # several classes side by side
    true_ones = [n for n in names if n != predicted] if true is not None else []
    return [*([f"true={'|'.join(true_ones)}"] if true_ones else []), f"predicted={predicted}"]


def _by(mentions: Mentions, slots: Mapping[str, Any]) -> str:
    text = mentions.sentence
    if _BY_ANSWER.search(text):
        return "predicted"
    if _BY_CLASS.search(text):
        return "true"
    named = str(slots.get("attribute") or "")
    spoken = [m for m in mentions.found if m.role in ("attribute", "object") and _BY.search(text[: m.start])]
    return spoken[0].name if spoken else named if named and re.search(r"\bby\b", text) else ""


def _sure(text: str) -> list[str]:
    """``confidence>=0.9`` from ``at least 90 % sure``."""
    if _CONFIDENT.search(text) is None:
        return []
    found = _SURE.search(text)
    if found is None:
        return []
    share = float(found["n"]) / (100 if found["percent"] or float(found["n"]) > 1 else 1)
    word = (found["op"] or "").lower()
    op = "<=" if word == "at most" else "<" if word in _LOW else ">" if word in ("more than", "over", "above") else ">="  # fmt: skip
    return [f"confidence{op}{share:g}"] if 0 <= share <= 1 else []
