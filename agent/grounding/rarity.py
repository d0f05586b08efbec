"""How often a thing is seen, said in words: rare in training, all the time in the evaluation."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.names import gather, only
from failsight.agent.grounding.reading import Reading

_RARE_UP_TO, _OFTEN_FROM = 10.0, 15.0  # percent of the images; between them either word may be used
_WORDS = re.compile(
    r"(?P<rare>\brare\b|\brarit(?:y|ies)\b|\bscarce\b|\buncommon\b|\bsparse\b|\b(?:hardly(?: ever)?|barely|scarcely|almost never|rarely|seldom|practically never) (?:\w+ ){0,2}?(?:appear\w*|show\w*|occur\w*|seen|saw|sees|met|included|present|contain\w*|ha[ds]\b|there)|\b(?:appear\w*|show\w*|occur\w*|seen) (?:very |only )?(?:rarely|seldom)\b|\bhardly any\b|\bvery few\b)|"
    r"(?P<often>\ball the time\b|\b(?:very |quite )?(?:common(?:place)?|frequent)\b|\bplent(?:y|iful)\b|\babundan\w+|\beverywhere\b|\bwell represented\b|\b(?:appear\w*|show\w*|occur\w*|seen|saw) (?:very |quite )?(?:often|frequently|regularly)\b)",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|never|no|nor)\b(?: \w+)? $|n't (?:\w+ )?$", re.IGNORECASE)
_CUT = re.compile(
    r"[;:]\s|\.\s|, (?:but|while|whereas|yet|though|and|so)\b| but | while (?!learning)| whereas | though | [–—] ",
    re.IGNORECASE,
)


def rarity(at: Reading, measures: Measures) -> Iterator[Claim]:
    """Words for how often a thing is seen, checked."""
    if not at.about.attributes or re.search(r"\b(?:more|less|rarer|most|least|than)\b", at.part):
        return
    begin = at.sentence.start
    cuts = [0, *(m.start() for m in _CUT.finditer(at.part)), len(at.part)]
    for a, b in itertools.pairwise(cuts):
        match = _WORDS.search(at.part[a:b])
        if match is None or hedged(at.part, a + match.start()):
            continue
        names = gather(at.mentions, begin + a, begin + b)
        about = names if names.attributes else at.about
        split = only(names.splits)
        if not split or len(about.attributes) != 1:
            continue
        found = next(
            (v for classes in (about.classes, frozenset[str]()) for values in (about.values, frozenset[tuple[str, str]]())
             if (v := measures.value("frequency", Side(classes, values, about.attributes, split))) is not None), None
        )  # fmt: skip
        if found is None:
            continue
        rare = (match["rare"] is not None) != (_NOT.search(at.part[a : a + match.start()]) is not None)
        ok = found[0] <= _OFTEN_FROM if rare else found[0] >= _RARE_UP_TO
        start = begin + a + match.start()
        yield weighed("rank", start, start + len(match[0]), ok, (found[1],), "it is another amount")
