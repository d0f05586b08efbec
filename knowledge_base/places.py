"""Regions in plain words, as the experiments write them (``docs/regions.md``): ``the corners`` is ``corners:0.2``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_COLOURS: Final = "red|orange|brown|yellow|green|cyan|blue|purple|pink|white|grey|gray|black"
_PARTS: Final = r"(?:parts?|areas?|pixels?|regions?|things?|stuff|surfaces?|spots?|bits?)"
_PUT_ON: Final = (
    r"(?:stickers?|labels?|logos?|stamps?|tags?|watermarks?|badges?|banners?|ribbons?|tapes?|stripes?|bands?|dots?|patch(?:es)?"
    r"|squares?|signs?|letters|lettering|writing|arrows?)"
)
"""What lies over a picture or hangs on a thing, and has a colour of its own."""
_SIDES: Final = {
    "bottom": "rect:0,0.75,1,1",
    "top": "rect:0,0,1,0.25",
    "left": "rect:0,0,0.25,1",
    "right": "rect:0.75,0,1,1",
}
_NUMBER: Final = r"(?:0?\.\d+|[01](?:\.0+)?)"
_WRITTEN: Final = re.compile(
    r"\b(?:rect:[\d.,]+|grid:\d+,\d+/\d+x\d+|(?:border|corners):[\d.]+|(?:point|click):[@\w.,]+"
    r"|segment:[@\w.,:]+(?:/\d+)?|colou?r:[\w.,-]+|saliency:(?:top|place)[\d.]+%?(?::\w+)?"
    r"|mask:(?!\w+:)[\w./-]+(?:=\d+)?|(?:box|object):\w+(?:@[\d.]+)?)"
    r"|\btext: ?[\"“']([^\"”']{1,200})[\"”']",
    re.IGNORECASE,
)


def _quarter(row: str, column: str) -> str:
    """A corner that is named, large enough for what is usually put there."""
    x = ("0", "0.3") if column == "left" else ("0.7", "1")
    y = ("0.7", "1") if row in ("lower", "bottom") else ("0", "0.3")
    return f"rect:{x[0]},{y[0]},{x[1]},{y[1]}"


_WORDS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(rf"\b({_COLOURS}) (?:[\w-]+ ){{0,2}}?{_PUT_ON}\b"), lambda m: f"colour:{m[1]}"),
    (re.compile(r"\b(lower|bottom|upper|top)[ -](left|right)\b"), lambda m: _quarter(m[1], m[2])),
    (re.compile(r"\bcorners?\b"), lambda _: "corners:0.2"),
    (
        re.compile(
            r"\b(borders?|frame|(?:edges?|rims?|margins?) of the (image|picture|photo)s?|(?:image|picture|photo)'?s? (?:edges?|rims?|margins?)|outer(?:most)? (?:tenth|strip|part|edge|ring|area))\b"
        ),
        lambda _: "border:0.1",
    ),
    (
        re.compile(r"\b(cent(er|re)|middle) of the (image|picture|photo)s?\b"),
        lambda _: "rect:0.25,0.25,0.75,0.75",
    ),
    (re.compile(r"\bmost (?:salient|important) (?:segment|superpixel)\b"), lambda _: "segment:salient1"),
    (
        re.compile(rf"\bmost salient (?:(\d{{1,2}}) ?(?:%|percent) of the )?{_PARTS}"),
        lambda m: f"saliency:top{m[1] or 20}%",
    ),
    (re.compile(r"\bmost salient place\b"), lambda _: "saliency:place10%"),
    (
        re.compile(rf"\b(?:segment|superpixel) (?:at|around|under) \(?({_NUMBER}) ?, ?({_NUMBER})\)?"),
        lambda m: f"segment:{m[1]},{m[2]}",
    ),
    (
        re.compile(rf"\b(?:at|around|under)(?: the)?(?: point| position| coordinates)? \(?({_NUMBER}) ?, ?({_NUMBER})\)?"),
        lambda m: f"click:{m[1]},{m[2]}",
    ),
    (re.compile(rf"\b({_COLOURS}) (?:segments?|superpixels?)\b"), lambda m: f"segment:{m[1]}"),
    (re.compile(rf"\b({_COLOURS}) {_PARTS}\b"), lambda m: f"colour:{m[1]}"),
    (
        re.compile(rf"\b(?:everything|anything|whatever is|what is|all that is|the colou?r) (?:that is )?({_COLOURS})\b"),
        lambda m: f"colour:{m[1]}",
    ),
    (
        re.compile(rf"\b(?:us(?:es|ing)|goes by|going by|rel(?:ies|ying) on|looks (?:at|for)) (?:the )?(?:colou?r )?({_COLOURS})(?= to | when | for | in | as |[.,?!]|$)"),
        lambda m: f"colour:{m[1]}",
    ),
    (
        re.compile(r"\b(?:at|along) the (bottom|top)\b(?! of (?!the (?:image|picture|photo)))|\b(bottom|top) (?:edge|side|strip|part)\b|\b(left|right) (?:edge|side|strip)\b"),
        lambda m: _SIDES[m[1] or m[2] or m[3]],
    ),
)  # fmt: skip


def written(sentence: str) -> str | None:
    """The region that a sentence writes as the tools do (``segment:red``, ``text:"a red cushion"``); None for none."""
    found = _WRITTEN.search(sentence)
    if not found:
        return None
    return f"text:{found[1]}" if found[1] else found[0].rstrip(".,:/-")


def place(sentence: str) -> str | None:
    """The region that a sentence writes, or names by its place, colour or salience; None for none."""
    own, lowered = written(sentence), sentence.lower()
    if own:
        return own
    for pattern, region in _WORDS:
        found = pattern.search(lowered)
        if found:
            return region(found)
    return None
