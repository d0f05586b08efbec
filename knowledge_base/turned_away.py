"""Which names of a sentence are turned away, and which of them together: ``except line 3 at night`` leaves out the images that are both.

``without Ost and Nord`` turns away each of two; what is joined by a preposition, or stands side by side, is one group.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import Final

from failsight.knowledge_base.condition_text import TOGETHER, denied

_FILL: Final = r"(?:the|an?|any|all|those|these|our|my|its|of|for|on|at|in|from|by|images?|pictures?|photos?|photographs?|scans?|shots?|samples?|items?|ones?|cases|it|that|which|are|is|were|was|taken|made|everything)"
ALL_BUT: Final = r"(?:all|every(?:thing|one)?|any(?:thing)?)(?: (?:of )?(?:the )?(?:images?|pictures?|photos?|samples?|items?|ones?|cases))? but"
_OUT: Final = rf"(?:{ALL_BUT}|except(?:ing)?(?: for)?|exclud(?:e|es|ing)|other than|apart from|aside from|leav(?:e|ing) out|(?:throw|tak)(?:e|ing)? (?:away|out)|(?P<apart>leav(?:e|ing)|throw(?:ing)?|tak(?:e|ing))|ignor(?:e|ing)|not counting|disregard(?:ing)?|but not|minus|besides|skip(?:ping)?|omit(?:ting)?|drop(?:ping)?|but for|outside(?: of)?|not (?:on|at|in|from))"
_WITHOUT: Final = r"(?:without)"
_BEFORE: Final = re.compile(rf"\b(?P<word>{_OUT}|{_WITHOUT})\s+(?:{_FILL}\s+)*$", re.IGNORECASE)
_JOINED: Final = re.compile(
    rf"^(?:\s+(?:{_FILL}|with|during|when|where|whose|within|under|by|that|who|has|have|having|called|(?:mis)?taken for))*\s+$"
    r"|^\s+(?!(?:and|or|but|nor|how|what|is|are|was|were)\b)[^\W\d_]+\s+(?:at|in|on|from|with|during|by|of)\s+(?:(?:the|an?|our)\s+)?$",  # small pills at North
    re.IGNORECASE,
)
_EACH: Final = re.compile(
    rf"^\s*(?:(?:images?|pictures?|photos?|photographs?|scans?|shots?|ones?)\b\s*)?(?:,\s*(?:and|or|nor)?|and|or|nor|&|/)\s*(?:{_FILL}\s+)*$",
    re.IGNORECASE,
)


def runs(text: str, spans: Sequence[tuple[int, int]], things: Sequence[bool] = ()) -> list[int]:
    """For each name whether it is turned away: 0 for no, else the number of the group that is left out with it.

    Args:
        spans: where the names stand, in order.
        things: which of them are things in the pictures: ``without a cat`` tells what images show, and leaves none out.
    """
    made, number, end = list[int](), 0, 0
    for i, (start, stop) in enumerate(spans):
        between = text[end:start]
        before = _before(text, start)
        thing = bool(things) and things[i] and before is not None and before["word"].lower() == "without"
        last = made[-1] if made else 0
        if (before is not None and before.start() >= end and not thing) or (last and _EACH.match(between)):
            number += 1
            made.append(number)
        else:
            made.append(last if last and (not between.strip() or _JOINED.match(between)) else 0)
        end = stop
    return made


def _before(text: str, start: int) -> re.Match[str] | None:
    """The word that turns away the name at ``start``; one that is parted (``leave foggy days out``) with its other half behind the name."""
    found = _BEFORE.search(text[:start])
    if found is None or not found["apart"]:
        return found
    return found if re.match(r"[^.?!]*\b(?:out|away)\b", text[start:], re.IGNORECASE) else None


def start_of(text: str, start: int) -> int:
    """Where the word stands that turns away the name at ``start``."""
    before = _before(text, start)
    return before.start() if before is not None else start


def left_over(conditions: Sequence[str]) -> str:
    """The condition of all images but those that meet all of ``conditions``."""
    kept = list(dict.fromkeys(conditions))
    if len(kept) == 1:
        return denied(kept[0])
    # of what is met in several ways (``not(hour<22&hour>5)``) each way is left out
    ways = [list(map(denied, denied(c).split("&"))) if c.startswith(TOGETHER) else [c] for c in kept]
    return "&".join(f"{TOGETHER}{'&'.join(way)})" for way in product(*ways))


def resolved(conditions: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """The conditions of a sentence, those that are turned away as what is left over.

    Args:
        numbers: of each condition, as :func:`runs` has them.
    """
    away: dict[int, list[str]] = {}
    for one, number in zip(conditions, numbers, strict=True):
        if number:
            away.setdefault(number, []).append(one)
    kept = [one for one, number in zip(conditions, numbers, strict=True) if not number]
    return list(dict.fromkeys([*kept, *map(left_over, away.values())]))
