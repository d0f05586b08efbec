"""From "30 % darker and rotated by ten degrees" to the edits of ``what_if``: what a sentence does to one picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.vocabulary import Mentions

_WRITTEN: Final = {
    "five": 5,
    "ten": 10,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "eighty": 80,
    "ninety": 90,
    "half": 50,
}
_NUMBER: Final = rf"(?<![\w.−])(−?\d{{1,4}}(?:\.\d+)?|{'|'.join(_WRITTEN)})"
_PERCENT: Final = re.compile(rf"{_NUMBER}\s*(?:%|per ?cent)")
_DEGREES: Final = re.compile(rf"{_NUMBER}\s*(?:°|deg)")
_PLAIN: Final = re.compile(rf"{_NUMBER}\b(?!\s*(?:%|per ?cent|°|deg))")
_UNITS: Final = {"%": _PERCENT, "°": _DEGREES, "1": _PLAIN}
_MINUS: Final = re.compile(r"(?<![\w-])-(?=\d)")
_CLOCKWISE: Final = re.compile(r"(?<!counter )(?<!anti )\bclockwise")
_REACH: Final = 28  # characters on either side in which a number belongs to a word
_SEEN: Final = r"(?:it|this|that|the (?:image|picture|photo|sample)|this (?:image|picture|photo|sample))"

# (what is said, the edit, what a number beside it means: %, ° or one without a unit; empty for none); the first that matches at a place wins
_WORDS: Final = (
    (r"half as bright", "brightness:-50", ""),
    (r"dark(?:er|en\w*)|dimm(?:er|ed)|(?:was|were|at) night|less light|dark", "brightness:-", "%"),
    (r"bright(?:er|en\w*)|lighter|more light|over-?exposed", "brightness:", "%"),
    (r"(?:less|low(?:er)?|reduce[ds]?|decrease[ds]?) (?:the )?contrast|flatter", "contrast:-", "%"),
    (r"(?:more|higher|stronger|raise[ds]?|increase[ds]?|boost(?:ed)?) (?:the )?contrast", "contrast:", "%"),
    (r"(?:less|lower|reduce[ds]?|decrease[ds]?) (?:the )?brightness", "brightness:-", "%"),
    (r"(?:more|higher|raise[ds]?|increase[ds]?|boost(?:ed)?) (?:the )?brightness", "brightness:", "%"),
    (r"black and white|gr[ea]y(?:scale)?|monochrome|without colou?rs?|(?:remove|take out|drop|strip) (?:the |all )?colou?rs?|take the colou?rs? out", "grey", ""),
    (r"(?:less|lower|reduced?|decreased?) (?:the )?saturat\w+|paler|desaturat\w+", "saturation:-", "%"),
    (r"more saturat\w+|stronger colou?rs", "saturation:", "%"),
    (r"\bhue\b|(?:other|different|changed?|shift\w*) (?:the )?colou?rs?", "hue:", "°"),
    (r"blur\w*|out of focus", "blur", "%"),
    (r"sharpen\w*|sharper", "sharpen", "%"),
    (r"nois[ey]\w*|grain(?:y|ier)", "noise", "%"),
    (r"upside down|turned over", "rotate:180", ""),
    (r"rotat\w+|tilt\w*|turn(?:s|ed|ing)?\b(?=[^.?!]{0,80}\d ?(?:°|deg))", "rotate:", "°"),
    (rf"mirror\w*|flip(?:ped)?\s+(?:{_SEEN}|left|horizontal\w*)|{_SEEN} (?:is|was|were) flipped", "flip:horizontal", ""),
    (r"zoom\w* out|further away", "zoom:-33", ""),
    (r"zoom\w*|closer", "zoom:", "%"),
    (r"crop\w*", "crop", ""),
    (r"jpe?g (?:quality|compress\w*)|compress\w*", "jpeg", "1"),
)  # fmt: skip
_PATTERNS: Final = tuple((re.compile(rf"\b(?:{words})"), edit, unit) for words, edit, unit in _WORDS)
_USUAL: Final = {"brightness": 50, "contrast": 50, "saturation": 50, "hue": 90, "rotate": 15, "zoom": 50}
_AWAY: Final = re.compile(
    r"\b(?:remov|hid|cover|eras|delet|mask|blank|cut (?:out )?|t(?:ake|ook) (?:out |away )?|without|no |gone|missing|not there|absent)"
)


def edits_meant(mentions: Mentions, place: str | None) -> str | None:
    """The edits that a sentence names, in its order, as ``what_if`` reads them; None when it names none.

    Args:
        place: a region that the sentence names by its place in the picture (``corners:0.2``), or None.
    """
    sentence = fold(_MINUS.sub("−", _without_names(mentions)))
    words: list[tuple[int, int, str, str]] = []  # start, end, edit, unit
    for pattern, edit, unit in _PATTERNS:
        for match in pattern.finditer(sentence):
            if not any(match.start() < end and start < match.end() for start, end, _, _ in words):
                words.append((*match.span(), edit, unit))
    numbers = _numbers(sentence, words)
    found = [(w[0], _strength(sentence, w[2], w[3], numbers.get(w[0]))) for w in words]
    away = _AWAY.search(sentence)
    if away:
        objects = mentions.of("object")
        region = f"box:{objects[0]}" if objects else place
        if region:
            found.append((away.start(), f"mask:{region}"))
    kept = dict.fromkeys(edit for _, edit in sorted(found))
    return "; ".join(kept) or None


def _without_names(mentions: Mentions) -> str:
    """The sentence with the names of the case blanked out, so that none is taken for an edit (``dark_room_01.png``)."""
    text = list(mentions.sentence)
    for one in mentions.found:
        if one.role in ("image", "class"):
            text[one.start : one.end] = " " * (one.end - one.start)
    return "".join(text)


def _numbers(sentence: str, words: Sequence[tuple[int, int, str, str]]) -> dict[int, str]:
    """Start of a word → the number that belongs to it: each number goes to the nearest word with its unit."""
    found: dict[int, tuple[int, str]] = {}
    for unit, pattern in _UNITS.items():
        for match in pattern.finditer(sentence):
            beside = [
                (max(match.start() - end, start - match.end()), start)
                for start, end, _, wanted in words
                if wanted == unit
            ]
            reach, start = min(beside, default=(_REACH + 1, 0))
            if reach <= _REACH and (start not in found or reach < found[start][0]):
                found[start] = reach, match[1]
    return {
        start: str(_WRITTEN.get(number, number)).replace("−", "-") for start, (_, number) in found.items()
    }


def _strength(sentence: str, edit: str, unit: str, number: str | None) -> str:
    """``edit`` with its number, or the usual one."""
    if not unit:
        return edit
    if not edit.endswith((":", "-")):  # the tool knows what is usual
        return edit if number is None else f"{edit}:{number.lstrip('-')}"
    said = number or str(_USUAL[edit.rstrip(":-")])
    if edit.endswith("-"):
        return edit + said.lstrip("-")
    if edit == "rotate:" and _CLOCKWISE.search(sentence):
        said = f"-{said.lstrip('-')}"
    return edit + said
