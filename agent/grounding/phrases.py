"""The turns of phrase that compare: which quantity, and which side is said to be larger."""

from __future__ import annotations

import re

_MORE, _LESS = (
    r"(?:more|higher|larger|greater|bigger|better|stronger)",
    r"(?:less|fewer|lower|smaller|worse|poorer|weaker)",
)

_NOUN = r"(?:\w+[- ]){0,2}?(?P<noun>precision|f1|recall|accuracy|errors?(?: rate)?|brightness|contrast|saturation|sharpness|colourfulness|jpeg quality|file size|confidence|mistakes|effect)\b"

_UP = r"(?:rises?|rose|increas\w+|goes up|go up|went up|climbs?|grows?|improves?|improved|gains?|gained|doubles|profits?|gets? (?:better|higher|larger)|is (?:raised|up)|benefits?)"

_DOWN = r"(?:falls?|fell|decreas\w+|goes down|go down|went down|sinks?|shrinks?|drops?|dropped|declin\w+|deteriorat\w+|worsens?|loses?|lost|gets? (?:worse|lower|smaller)|suffers?|halves|is down)"

_HOW = r"(?: (?:much|far|clearly|considerably|slightly|somewhat|a little|a lot|even|markedly|significantly|rather|a bit|[\d.]+ (?:percentage )?(?:points|%)))*"

_OFTEN = r"(?: (?:often|frequently|likely|easily|reliably|well))?"

_BAD = r"(?:fail(?:s|ed)?|errs?|(?:are |is |get |gets |being |answered |classified )*(?:wrong(?:ly)?|misclassified|mistaken|missed|answered wrongly|judged wrongly))"

_GOOD = r"(?:(?:are |is |get |gets )*(?:recogni[sz]ed|right|correct(?:ly classified)?|classified correctly|answered correctly|found))"

_CALLED = r"(?:taken for|called|mistaken for|confused with|answered with)"

RULES: tuple[tuple[re.Pattern[str], str, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), metric, sign)
    for pattern, metric, sign in (
        (r"\b(?:darker|dimmer|less bright|not as bright|more dark)\b", "brightness", -1), (r"\b(?:brighter|less dark|more bright)\b", "brightness", 1),
        (r"\b(?:blurrier|less sharp|more blurred|more blurry|softer)\b", "sharpness", -1), (r"\b(?:sharper|less blurr\w+|crisper|more sharp)\b", "sharpness", 1),
        (r"\bcompression is (?:weaker|lower|less)|\b(?:weaker|less) compression\b", "jpeg", 1), (r"\bcompression is (?:stronger|higher|more)|\b(?:stronger|more) compression\b", "jpeg", -1),
        (r"\bmore (?:strongly |heavily )?compressed\b", "jpeg", -1), (r"\bless (?:strongly |heavily )?compressed\b", "jpeg", 1),
        (r"\bmore saturated\b", "saturation", 1), (r"\bless saturated\b|\bpaler\b", "saturation", -1),
        (r"\bmore colourful\b", "colourfulness", 1), (r"\bless colourful\b", "colourfulness", -1),
        (r"\b(?:larger|bigger) files\b|\bfiles (?:are|is|get) (?:[\w.]+ ){0,3}%? ?(?:larger|bigger)\b", "file_size", 1), (r"\bsmaller files\b|\bfiles (?:are|is|get) (?:[\w.]+ ){0,3}%? ?smaller\b", "file_size", -1),
        (rf"\b{_BAD}(?: in [\d.]+ %[^,;]*?,)?{_HOW} more{_OFTEN}\b|\bmore{_OFTEN} {_BAD}\b|\bharder\b(?! (?:evaluation|training|deployment|images|pictures|ones|cases))|\bmore difficult\b|\bmore errors\b", "error", 1),
        (rf"\b{_BAD}{_HOW} (?:less|more seldom|more rarely){_OFTEN}\b|\bless{_OFTEN} {_BAD}\b|\beasier\b|\bless difficult\b|\bfewer errors\b", "error", -1),
        (rf"\b{_GOOD}{_HOW} (?:more{_OFTEN}|better)\b|\bmore{_OFTEN} {_GOOD}\b|\bbetter (?:recogni[sz]ed|classified)\b", "recall", 1),
        (rf"\b{_GOOD}{_HOW} (?:less{_OFTEN}|worse|more rarely)\b|\bless{_OFTEN} {_GOOD}\b|\bworse (?:recogni[sz]ed|classified)\b", "recall", -1),
        (r"\b(?:does|doing|do|performs?|works?|fares?|is|are|scores?|copes?|holds? up|fared|held up)(?: (?!no\b|not\b)\w+)? (?:worse|poorer|weaker)\b", "quality", -1),
        (r"\b(?:does|doing|do|performs?|works?|fares?|is|are|scores?|copes?|holds? up|fared|held up)(?: (?!no\b|not\b)\w+)? (?:better|stronger)\b", "quality", 1),
        (r"\b(?:is|are|lies)? ?(?:no|not) (?:\w+ )?(?:worse|lower|weaker)\b", "quality", 2), (r"\b(?:is|are|lies)? ?(?:no|not) (?:\w+ )?(?:better|higher|stronger)\b", "quality", -2),
        (r"\b(?:more (?:confident|sure|certain)|surer)\b", "confidence", 1), (r"\bless (?:confident|sure|certain)\b", "confidence", -1),
        (rf"\bmore{_OFTEN} {_CALLED}\b|\b{_CALLED} [^,;.]{{1,40}}?more often\b", "confusion", 1),
        (rf"\bless{_OFTEN} {_CALLED}\b|\b{_CALLED} [^,;.]{{1,40}}?(?:less often|more seldom|more rarely)\b", "confusion", -1),
        (r"\b(?:flips?|changes?|turns?)\b[^,;.]{0,24}? more\b", "flip", 1), (r"\b(?:flips?|changes?) fewer\b", "flip", -1),
        (r"^(?:\W*)more (?=[^.]*\b(?:called|taken for|mistaken for)\b)", "preds", 1), (r"^(?:\W*)fewer (?=[^.]*\b(?:called|taken for|mistaken for)\b)", "preds", -1),
        (r"\bmore (?:accurate|reliable)\b", "quality", 1), (r"\bless (?:accurate|reliable)\b", "quality", -1),
        (r"\bmore (?:frequent|common|numerous)\b|\bless rare\b", "frequency", 1), (r"\b(?:picture|image|photo) quality (?:is|gets|lies|becomes) (?:\w+ )?(?:higher|better)", "jpeg", 1), (r"\b(?:picture|image|photo) quality (?:is|gets|lies|becomes) (?:\w+ )?(?:lower|worse)", "jpeg", -1),
        (r"\b(?:seen|shown|occurs?|appears?|present|visible) (?:\w+ )?more often\b", "frequency", 1), (r"\b(?:seen|shown|occurs?|appears?|present|visible) (?:\w+ )?less often\b", "frequency", -1),
        (r"\bmore (?:images|pictures) than\b|\bsets? (?:is|are) (?:\w+ )?(?:larger|bigger)\b", "images", 1), (r"\bfewer (?:images|pictures) than\b|\bsets? (?:is|are) (?:\w+ )?smaller\b", "images", -1),
        (r"\b(?:contains?|has|have|shows?|includes?|holds?) more (?!images|pictures|errors)", "frequency", 1),
        (r"\b(?:contains?|has|have|shows?|includes?|holds?) fewer (?!images|pictures|errors)", "frequency", -1), (r"\bmore (?:trouble|difficulty|difficulties|problems) with\b", "error", 1), (r"\bless (?:trouble|difficulty) with\b", "error", -1),
        (r"\bless (?:frequent|common|numerous)\b|\brarer\b|\bscarcer\b|\bmore rare\b|(?<!not )(?<!no )\brare(?:ly)? in\b", "frequency", -1),
        (r"(?<!less )(?<!not )(?<!more )\b(?<!as )(?:common|frequent|plentiful|abundant|well represented) in\b", "frequency", 1),
    )
)  # fmt: skip

NOMINAL = (
    (re.compile(rf"\b{_MORE} {_NOUN}", re.IGNORECASE), 1), (re.compile(rf"\b{_LESS} {_NOUN}", re.IGNORECASE), -1),
    (re.compile(rf"\b{_NOUN}(?:(?! while | whereas | but | though )[^,;.]|\.\d){{0,60}}?\b(?:{_UP})\b(?! to be)", re.IGNORECASE), 1),
    (re.compile(rf"\b{_NOUN}(?:(?! while | whereas | but | though )[^,;.]|\.\d){{0,60}}?\b(?:{_DOWN})\b", re.IGNORECASE), -1),
    (re.compile(rf"\b{_NOUN}[^,;.]{{0,40}}? (?:is|are|was|lies|being|stays|remains|comes){_HOW} (?:[\d.]+ [\w ]{{0,20}})?(?:higher|larger|greater|better|above)\b", re.IGNORECASE), 1),
    (re.compile(rf"\b{_NOUN}[^,;.]{{0,40}}? (?:is|are|was|lies|being|stays|remains|comes){_HOW} (?:[\d.]+ [\w ]{{0,20}})?(?:lower|smaller|worse|below)\b", re.IGNORECASE), -1),
)  # fmt: skip

VERBS = (
    (re.compile(rf"\b(?:{_UP})\b", re.IGNORECASE), 1), (re.compile(rf"\b(?:{_DOWN})\b", re.IGNORECASE), -1),
)  # fmt: skip

PIVOT = re.compile(
    r"\bthan\b|\brelative to\b|\bcompared (?:with|to)\b|\bagainst\b|\binstead of\b|\babove\b|\bbelow\b|\bexceeds\b",
    re.IGNORECASE,
)
