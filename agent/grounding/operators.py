"""The small closed classes of words that turn or point a statement: negations, directions, likeness, senses of a word.

They are read in any order around the names of a case; what they make of a statement is a sign, +1 or −1, and signs
multiply: "it doesn't get any darker" is not (−1) more (+1) dark (−1).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.names import Mention
from failsight.agent.grounding.reading import Reading

OPPOSITE = "the record says the opposite"


def any_word(*words: str) -> re.Pattern[str]:
    return re.compile(r"(?<![\w-])(?:" + "|".join(words) + r")(?![\w-])", re.IGNORECASE)


#: turns of phrase with a negation that negate nothing
_IDLE = any_word(
    r"not only", r"not just", r"no more than", r"no less than", r"no fewer than", r"nothing but", r"not least", r"no wonder",
    r"no doubt", r"no matter", r"whether or not", r"if not", r"not to mention", r"without a doubt", r"without exception", r"no other \w+",
    r"no one else", r"nothing else", r"nowhere else", r"no longer",
)  # fmt: skip
NEGATOR = re.compile(
    r"n['’]t\b|(?<![\w-])(?:not|no|never|none|nothing|nobody|no one|neither|nor|nowhere|hardly|barely|scarcely|cannot|fail(?:s|ed)? to|failing to|far from|anything but|"
    r"lacks?|unable|refus\w+ to|stop(?:s|ped)? \w+ing)(?![\w-])",
    re.IGNORECASE,
)
MORE = any_word(
    r"more", r"higher", r"larger", r"greater", r"bigger", r"stronger", r"above", r"over", r"up", r"upwards?", r"ahead", r"ris(?:es?|en|ing)", r"rose", r"grow(?:s|n|ing)?", r"grew",
    r"increas\w*", r"climb\w*", r"jump(?:s|ed|ing)?", r"gain(?:s|ed|ing)?", r"improv\w*", r"exceed\w*", r"surpass\w*", r"outperform\w*", r"outnumber\w*", r"outweigh\w*", r"beat(?:s|en|ing)?",
    r"boost\w*", r"lift(?:s|ed|ing)?", r"rais(?:es?|ed|ing)", r"strengthen\w*", r"doubl(?:es?|ed|ing)", r"tripl(?:es?|ed|ing)", r"soar\w*", r"better", r"went up", r"surg\w+", r"swell\w*", r"wider", r"leads?", r"tops?",
)  # fmt: skip
LESS = any_word(
    r"less", r"fewer", r"lower(?:s|ed|ing)?", r"smaller", r"weaker", r"below", r"under", r"down", r"downwards?", r"behind", r"fall(?:s|en|ing)?", r"fell", r"drop(?:s|ped|ping)?", r"declin\w*",
    r"decreas\w*", r"sink(?:s|ing)?", r"sank", r"sunk", r"shrink\w*", r"shrank", r"shrunk", r"los(?:es?|t|ing)", r"loss(?:es)?", r"halv(?:es?|ed|ing)", r"plummet\w*", r"plung\w*", r"collaps\w*", r"deteriorat\w*",
    r"degrad\w*", r"worse(?:n\w*)?", r"reduc\w*", r"slump\w*", r"dip(?:s|ped)?", r"dwindl\w*", r"suffer\w*", r"trail\w*", r"lag(?:s|ged|ging)?", r"erod\w*", r"crash\w*", r"tumbl\w*", r"weaken\w*",
    r"suppress\w*", r"diminish\w*", r"slid(?:es?|ing)?", r"cut(?:s|ting)?", r"poorer", r"narrower", r"hit", r"hurt(?:s|ing)?", r"harm(?:s|ed)?", r"damag(?:es?|ed)", r"tak(?:es?|en|ing) away", r"cost(?:s|ing)?", r"robs?", r"strips?",
)  # fmt: skip
SAME = any_word(
    r"same", r"unchanged", r"stable", r"steady", r"identical(?:ly)?", r"alike", r"similar(?:ly)?", r"unaffected", r"constant", r"on par", r"on a par", r"level with", r"comparable", r"untouched", r"equal(?:ly|s)?",
    r"as (?!well|soon|far|long|much as|many as)\w+ as", r"no (?:\w+ )?(?:change|difference|drop|loss|effect|influence|impact)", r"(?:little|hardly any|barely any|next to no) (?:change|difference|drop|loss|effect|influence|impact)",
    r"hold(?:s|ing)? (?:up|steady|its own|their own)", r"held (?:up|steady)", r"keep(?:s|ing)? (?:up|its level)", r"(?:no|not any|n't any) (?:different|better|worse)", r"in line with", r"matches", r"independent\w*", r"irrespective", r"regardless",
)  # fmt: skip
#: operators whose sense hangs on what they are said of: "lower" of an error is good
GOOD = any_word(
    r"right(?:ly)?", r"correct\w*", r"recogni[sz](?:es?|ed|ing|able)", r"recall", r"accura(?:cy|te|tely)", r"reliabl[ey]", r"well", r"good", r"best", r"safe(?:r|st|ly)?", r"easi(?:er|est)", r"easy",
    r"solid(?:ly)?", r"robust(?:ly)?", r"fine", r"trouble-free", r"unproblematic", r"strong(?:est)?", r"succe\w+", r"find(?:s|ing)?", r"found", r"identif\w+", r"detect\w*", r"performance", r"quality", r"hit rate", r"f1",
)  # fmt: skip
BAD = any_word(
    r"error\w*", r"wrong(?:ly)?", r"mistak(?:es?|en|enly)", r"fail(?:s|ed|ing|ures?)?", r"miss(?:es|ed|ing)?", r"incorrect\w*", r"misclassif\w*", r"misread\w*", r"misjudg\w*", r"struggl\w*", r"weak(?:est|ness\w*)?",
    r"worst", r"bad(?:ly)?", r"poor(?:ly|est)?", r"trouble\w*", r"hard(?:er|est)?", r"difficult\w*", r"problem\w*", r"stumbl\w*", r"unrecogni[sz]ed", r"overlook\w*", r"error-prone", r"risk\w*", r"tricky", r"trickier",
    r"trip(?:s|ped)?", r"falter\w*", r"botch\w*", r"flounder\w*", r"vulnerab\w+", r"shaky", r"unreliabl[ey]",
)  # fmt: skip
CUT = re.compile(
    r"[;:]\s|\.\s|, (?:but|while|whereas|although|though|yet|so|and|even though|which|because|since)\b| (?:but|while|whereas|although|though|even though|because) | [–—] |\s\(|\)",
    re.IGNORECASE,
)


def denied(text: str) -> bool:
    """Whether the negations of a stretch leave it denied: two of them cancel."""
    return len(NEGATOR.findall(_IDLE.sub(" ", text))) % 2 == 1


def direction(text: str) -> int:
    """+1 where a stretch says more or up, −1 where less or down, 0 where neither or both."""
    up, down = MORE.search(text) is not None, LESS.search(text) is not None
    return int(up) - int(down)


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause with the names in it; places are those of the whole text."""

    text: str
    start: int
    mentions: tuple[Mention, ...]

    def of(self, kind: str) -> list[Mention]:
        """The names of one kind, in order."""
        return [m for m in self.mentions if m.kind == kind]

    def names(self, kind: str) -> frozenset[str]:
        """The names of one kind."""
        return frozenset(m.name for m in self.mentions if m.kind == kind)

    def before(self, place: int) -> str:
        """The words ahead of a place."""
        return self.text[: max(0, place - self.start)]


def clauses(at: Reading) -> Iterator[Clause]:
    """The clauses of a sentence."""
    begin = at.sentence.start
    cuts: Sequence[int] = [0, *(m.start() for m in CUT.finditer(at.part)), len(at.part)]
    for a, b in itertools.pairwise(cuts):
        if at.part[a:b].strip():
            inside = tuple(m for m in at.mentions if begin + a <= m.start < begin + b)
            yield Clause(at.part[a:b], begin + a, inside)


def said(part: Clause, match: re.Match[str], ok: bool, ref: str) -> Claim:
    """A claim about the words of a match."""
    start = part.start + match.start()
    return weighed("status", start, start + len(match[0]), ok, (ref,) if len(ref) > 1 else (), OPPOSITE)
