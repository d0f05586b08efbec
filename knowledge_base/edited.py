"""From "30 % darker and rotated by ten degrees" to the edits of ``what_if``: what a sentence does to one picture."""

from __future__ import annotations

import re
from typing import Final

from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.vocabulary import Mentions

_NUMBERS: Final = {
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
_NUMBER: Final = rf"(\d{{1,3}}(?:\.\d+)?|{'|'.join(_NUMBERS)})"
_PERCENT: Final = re.compile(rf"{_NUMBER}\s*(?:%|per ?cent)")
_DEGREES: Final = re.compile(rf"{_NUMBER}\s*(?:°|deg)")
_REACH: Final = 28  # characters on either side in which a number belongs to a word
_SEEN: Final = r"(?:it|this|that|the (?:image|picture|photo|sample)|this (?:image|picture|photo|sample))"

# (what is said, the edit, what a number beside it means: % or ° or nothing); the first that matches at a place wins
_WORDS: Final = (
    (r"half as bright", "brightness:-50", ""),
    (r"dark(?:er|en\w*)|dimm(?:er|ed)|(?:was|were|at) night|less light|dark", "brightness:-", "%"),
    (r"bright(?:er|en\w*)|lighter|more light|over-?exposed", "brightness:", "%"),
    (r"(?:less|low(?:er)?) contrast|flatter", "contrast:-", "%"),
    (r"(?:more|higher|stronger) contrast", "contrast:", "%"),
    (r"black and white|gr[ea]y(?:scale)?|monochrome|without colou?rs?", "grey", ""),
    (r"(?:less|lower) saturat\w+|paler|desaturat\w+", "saturation:-", "%"),
    (r"more saturat\w+|stronger colou?rs", "saturation:", "%"),
    (r"\bhue\b|(?:other|different|changed?|shift\w*) (?:the )?colou?rs?", "hue:", "°"),
    (r"blur\w*|out of focus", "blur", ""),
    (r"sharpen\w*|sharper", "sharpen", ""),
    (r"nois[ey]\w*|grain(?:y|ier)", "noise", ""),
    (r"upside down|turned over", "rotate:180", ""),
    (r"rotat\w+|tilt\w*", "rotate:", "°"),
    (rf"mirror\w*|flip(?:ped)? (?:{_SEEN}|left|horizontal\w*)|{_SEEN} (?:is|was|were) flipped", "flip:horizontal", ""),
    (r"zoom\w* out|further away", "zoom:-33", ""),
    (r"zoom\w*|closer", "zoom:", "%"),
    (r"crop\w*", "crop", ""),
    (r"jpe?g (?:quality|compress\w*)|compress\w*", "jpeg", ""),
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
    sentence = fold(_without_names(mentions))
    found: list[tuple[int, str]] = []
    taken: list[tuple[int, int]] = []
    for pattern, edit, unit in _PATTERNS:
        for match in pattern.finditer(sentence):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            found.append((match.start(), _strength(sentence, match.span(), edit, unit)))
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


def _strength(sentence: str, span: tuple[int, int], edit: str, unit: str) -> str:
    """``edit`` with the number that stands beside its word, or the usual one."""
    if not unit:
        return edit
    near = sentence[max(0, span[0] - _REACH) : span[1] + _REACH]
    match = (_PERCENT if unit == "%" else _DEGREES).search(near)
    number = match[1] if match else str(_USUAL[edit.partition(":")[0]])
    return f"{edit}{_NUMBERS.get(number, number)}"
