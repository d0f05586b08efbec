"""Whether something is merely supposed, asked, planned or wished where it stands: then it claims nothing."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

from failsight.agent.grounding.lexicon import HEDGE

#: turns of phrase with a word of supposition that suppose nothing
_FIRM = re.compile(
    r"\b(?:that|which|who) (?:had|has|have) (?:not |never )?(?:suggested|proposed)\b|than (?:[\w' -]{1,40} )?(?:suggests?|says|promises|implies|warrants|would have it)\b|than (?:[\w' -]{1,40} )?(?:should|would|could|might|ought to)\b(?: \w+){0,3}|\b(?:more|less|most|least|equally|as) likely\b|\bnext to\b|\beven if\b|"
    r"\balways \w+ing \w+ would\b|\bwould (?:give|get|score|reach|have been|have to|need|be needed|suggest|warrant|justify|predict|expect)\b|\bhypothes[ei]s\b|\bproposed\b|\bproposals?\b|"
    r"\b(?:should|must) (?:be|reach|have) (?:at least|above|over)\b|\bcould(?: not|n't) be\b|\bcan(?:not|'t) be\b|\bcould have (?:been )?(?:seen|shown|found|detected)\b|"
    r"\b(?:suspicions?|hypothes[ei]s|suspects?)\b(?= [\w ,()-]{0,60}\b(?:was|were|has been|have been|is|are)\b (?:\w+ )?(?:confirmed|settled|proven|tested|refuted|established|ruled|decided))|"
    r"\bsuggests? (?=(?:an? |the )?[\w*]+(?:[ _]room)?(?: to the model)?(?:[,.;]| and\b|$))|\bcan be (?:seen|read|found|shown|trusted|said)\b|\bif you (?:ask|look|want|mask|hide|cover|count|add)\b|\bas if\b|\bplan(?:ned)? beforehand\b",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"[;:]\s|\.\s|, (?:and|but|while|whereas|though|although|so|yet|which)\b| but | while | whereas | [–—] "
)
#: what governs all that follows in its sentence
_GOVERNS = re.compile(
    r"\b(?:I|we|one|you) (?:\w+ )?(?:suspect|guess|wonder|suppose|think|imagine|suggest|propose|would|could|might|'d)\b|\bI'd\b(?! (?:sum|say|put|call))|\bit (?:may|might|could|is possible|is conceivable|seems)\b|\bperhaps\b|\bmaybe\b|\bpossibly\b|\bwhether\b|\bhypothesis(?: is)? that\b|\bsuspicion\b|\blet(?: u|')s\b|^\W*(?:if|next|should|could|shall|would|do|does|is|are|can|how about|what)\b[^.]*\?",
    re.IGNORECASE,
)  # fmt: skip


@lru_cache(maxsize=512)
def _bare(part: str) -> str:
    """A sentence with the firm turns of phrase blotted out, at the same places."""
    return _FIRM.sub(lambda m: "·" * len(m[0]), part)


def supposes(part: str) -> bool:
    """Whether any part of a sentence is supposed."""
    return HEDGE.search(_bare(part)) is not None or re.search(r"\bprobabl[ey]\b", part) is not None


def hedged(part: str, place: int) -> bool:
    """Whether what stands at ``place`` of a sentence is supposed and not claimed."""
    if part.rstrip().endswith("?"):
        return True
    bare = _bare(part)
    governing = _GOVERNS.search(bare)  # the firm turns of phrase are blotted out
    if governing is not None and governing.start() <= place:
        between = bare[governing.end() : place]
        if not re.search(r"[;]\s|\.\s|, but\b| but ", between):
            return True
    cuts = [0, *(m.start() for m in _CUT.finditer(bare)), len(bare) + 1]
    start, end = next((a, b) for a, b in itertools.pairwise(cuts) if a <= place < b)
    return HEDGE.search(bare[start:end]) is not None
