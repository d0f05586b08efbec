"""Words for quantities and words that compare, wherever they stand in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator


def any_of(*words: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(words) + r")\b", re.IGNORECASE)


#: quantity → words for it, and whether more of it is meant (+1) or less (−1)
QUANTITIES: tuple[tuple[str, int, re.Pattern[str]], ...] = tuple(
    (name, sign, any_of(*words))
    for name, sign, words in (
        ("gap", 1, (r"inflated", r"over-?confident", r"overconfidence", r"overstat\w+", r"overestimat\w+", r"exaggerat\w+")), ("gap", -1, (r"under-?confident", r"modest", r"timid")),
        ("confusion", 1, (r"taken for", r"mistaken for", r"mistakes?(?= [\w ]{3,20} for\b)", r"mistook", r"confus\w+", r"mix(?:es|ed)?[- ]?ups?", r"mix(?:es|ed)? (?:\w+ )?up", r"called", r"read as", r"labell?ed as", r"passed off as", r"swapped")),
        ("confidence", 1, (r"confiden(?:ce|t|tly)", r"sure", r"certain\w*")),
        ("precision", 1, (r"(?<!macro )(?<!macro-)precis(?:ion|e)", r"trust\w*", r"reliable", r"believ\w+", r"hold true", r"to be believed")),
        ("macro_precision", 1, (r"macro[- ]precision",)), ("macro_f1", 1, (r"macro[- ]f1(?:[- ]scores?)?",)), ("balanced_accuracy", 1, (r"balanced accuracy",)),
        ("f1", 1, (r"(?<!macro )(?<!macro-)f1(?:[- ]scores?)?",)),
        ("jpeg", 1, (r"jpeg quality", r"image quality", r"compression quality")), ("jpeg", -1, (r"compress\w*", r"jpeg compression")),
        ("brightness", 1, (r"brightness", r"bright", r"light")), ("brightness", -1, (r"darkness", r"dark", r"dim")),
        ("contrast", 1, (r"contrast",)), ("saturation", 1, (r"saturat\w+",)), ("sharpness", 1, (r"sharp\w*",)), ("sharpness", -1, (r"blur\w*",)),
        ("colourfulness", 1, (r"colou?rful\w*",)), ("file_size", 1, (r"file sizes?", r"files")),
        ("saliency", 1, (r"salien\w+", r"attention", r"heat", r"attends?", r"focus\w*")), ("frequency", -1, (r"rare", r"scarce")),
        ("frequency", 1, (r"frequent", r"common", r"show\w*", r"contain\w*", r"present", r"occur\w*", r"appear\w*")),
        ("answers", 1, (r"answers?", r"predict\w*", r"says?")), ("excess", 1, (r"excess errors?", r"errors? at stake", r"at stake")),
        ("error", 1, (r"errors?", r"wrong\w*", r"fail\w*", r"misclassif\w+", r"mistakes?", r"miss(?:es|ed)?", r"incorrect\w*", r"trouble", r"struggl\w+", r"stumbl\w+", r"trips? (?:up|over)", r"falter\w*", r"overlook\w*", r"misread\w*", r"misjudg\w*", r"goes? wrong", r"flounder\w*", r"difficult\w*", r"hard", r"error[- ]prone")),
        ("drop", 1, (r"drops?", r"falls?", r"fell", r"declines?", r"loss", r"loses?", r"lost", r"suffer\w*", r"affected", r"hit", r"hurt")),
        ("effect", 1, (r"effects?", r"influence", r"impact", r"mask\w*")), ("flip", 1, (r"flips?", r"flip rates?")),
        ("pull_gap", 1, (r"pulls?", r"attract\w*", r"shortcuts?")),
        ("recall", 1, (r"recall", r"recogni[sz]\w*", r"found", r"detect\w*", r"identif\w+", r"spot(?:s|ted)?")),
        ("accuracy", 1, (r"accura\w+", r"right", r"correct\w*", r"performance")),
        ("images", 1, (r"images", r"pictures", r"photos")),
    )
)  # fmt: skip

#: adjectives that compare → direction and the quantity that they imply
ADJECTIVES: dict[str, tuple[int, str]] = {
    **dict.fromkeys(("higher", "larger", "greater", "bigger", "stronger", "longer"), (1, "")),
    **dict.fromkeys(("lower", "smaller", "weaker", "shorter", "fewer"), (-1, "")),
    "better": (1, "quality"), "worse": (-1, "quality"), "poorer": (-1, "quality"), "easier": (-1, "error"), "harder": (1, "error"), "tougher": (1, "error"),
    "safer": (1, "quality"), "brighter": (1, "brightness"), "lighter": (1, "brightness"), "darker": (-1, "brightness"), "dimmer": (-1, "brightness"), "gloomier": (-1, "brightness"),
    "sharper": (1, "sharpness"), "crisper": (1, "sharpness"), "blurrier": (-1, "sharpness"), "softer": (-1, "sharpness"), "paler": (-1, "saturation"),
    "rarer": (-1, "frequency"), "scarcer": (-1, "frequency"), "surer": (1, "confidence"),
}  # fmt: skip

ADJECTIVE = re.compile(
    r"\b(?:" + "|".join(ADJECTIVES) + r")\b(?! than (?:about |some |only )?\d)", re.IGNORECASE
)

_OFTEN = (
    r"(?:often|frequently|regularly|likely|easily|reliably|well|commonly|strongly|heavily|badly|severely)"
)

_ADVERB = re.compile(
    rf"(?<!-)\b(?P<way>more|less)\b(?! than (?:half|a|an|one|two|three|four|five|six|seven|eight|nine|ten|most|doubl|tripl|halv|twice|thrice|\d))(?P<rest> {_OFTEN}\b)?",
    re.IGNORECASE,
)

_SELDOM = any_of(r"more (?:rarely|seldom)")

EXCEEDS = re.compile(
    r"\b(?:runs? ahead of|outruns?|outstrips?|exceeds?|outperforms?|beats?|surpass(?:es)?|outweighs?|outnumbers?|tops?(?! \d)|(?:is|are|lies|sits|stays|comes in|ranks) (?:well |far |clearly |just |slightly )?(?:above|ahead of)|leads?(?= \w+ by))\b|(?<=\d )(?:points? |percentage points? |% )(?:above|over)\b(?! \d)|"
    r"(?P<less>\b(?:trails?|lags? behind|(?:is|are|lies|sits|stays|falls|ranks) (?:well |far |clearly |just |slightly )?(?:below|behind)|falls? short of)\b|(?<=\d )(?:points? |percentage points? |% )(?:below|under)\b(?! \d))",
    re.IGNORECASE,
)

CLOSE = re.compile(
    r"\b(?:close|similar|equal|comparable|near(?:ly equal)?) to\b|\bon (?:a )?par with\b|\babout the same (?:\w+ )?as\b|\bas (?!well|soon|far|long)\w+ as\b(?! (?:it|that|its|they|possible)\b)|\bin line with\b|\bmatches\b|\blevel with\b",
    re.IGNORECASE,
)

_MULTIPLE = re.compile(
    r"\b(?:times|twice|thrice|half|double|a (?:third|quarter|fifth)|not|nowhere near|far from) $|n't $",
    re.IGNORECASE,
)


def quantity(text: str, nearest: int | None = None) -> tuple[str, int]:
    """The quantity that a stretch speaks of: the one nearest to a place (its end where none is given), and its sense."""
    place = len(text) if nearest is None else nearest
    found = (
        (min(abs(m.start() - place), abs(m.end() - place)), rank, name, sign)
        for rank, (name, sign, words) in enumerate(QUANTITIES)
        for m in words.finditer(text)
    )
    best = min(found, default=None)
    return (best[2], best[3]) if best else ("", 1)


def comparing(stretch: str) -> Iterator[tuple[re.Match[str], int, str]]:
    for match in CLOSE.finditer(stretch):
        if re.match(
            r" (?:about )?(?:\d|half|a (?:third|quarter|fifth)|all\b|one\b|two\b|zero)",
            stretch[match.end() :],
        ) or _MULTIPLE.search(stretch[: match.start()]):
            continue
        yield match, 0, ""
    for match in EXCEEDS.finditer(stretch):
        yield match, -1 if match["less"] else 1, ""
    for match in _SELDOM.finditer(stretch):
        yield match, -1, ""
    for match in _ADVERB.finditer(stretch):
        yield match, 1 if match["way"].lower() == "more" else -1, ""
    for match in ADJECTIVE.finditer(stretch):
        yield match, *ADJECTIVES[match[0].lower()]
