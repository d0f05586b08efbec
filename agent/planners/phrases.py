"""Sentences about what came before: taking back, asking why, to see, what was found, what comes next."""

from __future__ import annotations

import re
from typing import Final

_LEAD: Final = (
    r"^\W*(?:(?:no|please|ok(?:ay)?|oh|oops|wait|sorry|actually|hmm*|and|but|so|well|then|now|let'?s|i want (?:you )?to|i'd like (?:you )?to|can (?:you|we|i)|could (?:you|we|i)|would you|just)"
    r"\b\W*)*"
)
_IT: Final = r"(?:that|it|this|them|those)"
_LAST: Final = (
    r"(?:the |my |our )?(?:last|latest|previous) (?:step|one|change|thing|move|action|request|command)"
)
UNDO: Final = re.compile(
    _LEAD
    + rf"(?:undo|revert|reverse {_IT}|take {_IT} back|take back|go back|cancel {_IT}|scrap {_IT}|bring {_IT} back|put {_IT} back|roll (?:{_IT} )?back)\b"
    rf"(?:\W+(?:{_IT}|please|again|{_LAST}|to (?:before|the way it was|how it was|the previous (?:one|state))|(?:a|one) step|once more|too|as well|now|then))*"
    r"(?:[,;.:-]+ *(?:i|we|because|since|that was|it was)\b[^?]*)?\W*$",  # with the reason for it
    re.IGNORECASE,
)
"""Takes back the newest thing that was done and still stands."""
NEVER_MIND: Final = re.compile(
    _LEAD
    + rf"(?:never ?mind|nvm|forget (?:about )?{_IT}|scratch {_IT}|drop {_IT}|leave it|let it be|don'?t bother)\b(?:\W+(?:then|please|again|now|{_IT}|about {_IT}))*\W*$",
    re.IGNORECASE,
)
"""Cancels what the sentence just before brought about, and nothing older."""
UNDO_EDIT: Final = re.compile(
    _LEAD
    + r"(?:undo|revert|reverse|take back|roll back|cancel) (?:the |my |our |that |this )?(?:(?:last|latest|previous) )?(?:attribute )?"
    r"(?P<kind>edit|renam(?:e|ing)|merg(?:e|er|ing)|drop(?:ping)?|addition|adding)(?: (?:of|to|for|from) (?:the )?\S+(?: \S+){0,3})?(?: (?:again|please|now))*\W*$",
    re.IGNORECASE,
)
"""Takes back the newest edit of attributes, whatever was measured since."""
_NEXT_WORDS: Final = (
    r"(?:(?:should|can|could|do|must|shall|would|comes?|to|is|the|i|we|you|it|be|best|recommend|suggest|look at|"
    r"measure|check|try|go|there|left to do) ?)*"
)
NEXT: Final = re.compile(
    r"^\W*(?:(?:ok|okay|and|so|now|then|well|please)\b\W*)*(?:(?:what|which)(?:'s| is)? (?:(?:thing|step|check|test) )?"
    rf"{_NEXT_WORDS}\b(?:next|first|now)(?: step| thing)?|what next|next step|where (?:do|should) (?:i|we) (?:start|begin|go from here))\W*$",
    re.IGNORECASE,
)
_FINDING: Final = r"(?:the |this |that |my |our )?(?:hypothesis |suspicion |idea |finding )?"
WITHDRAW: Final = re.compile(
    r"^\W*(?:(?:no|please|ok(?:ay)?|let'?s|i|we|can you|could you|now|want to|would like to)\W+)*(?:"
    r"(?:withdraw|retract|drop|forget(?: about)?|scrap|discard|take back|abandon|give up(?: on)?|never ?mind|undo|revert|cancel|remove|delete|strike|unsay|dismiss)\W+"
    rf"{_FINDING}(?P<a>F\d+)|take {_FINDING}(?P<b>F\d+) back)\b(?:\W+(?:please|again|now|then))*"
    r"(?:\W+(?P<why>(?:because|since|as|nobody|no one|it can'?t be|we can'?t)\b.*))?\W*$",
    re.IGNORECASE,
)
WHY: Final = re.compile(
    r"^\W*(?:(?:but|and|so|ok|okay|hm+|well|really)\b\W*)*(?:why(?: (?:is|does|do|did|was|would|should) (?:that|it|this|i believe (?:that|you)))?(?: so| be| happen| true)?|why (?:that|this)|"
    r"why (?:was|is|were|are|has|have) (?:it|that|this|they|those|these)(?: been)? (?:refuted|confirmed|inconclusive|undecided|open|rejected|accepted|not (?:refuted|confirmed|decided))|"
    r"why did (?:it|you|they) (?:say|answer|think|conclude|find) (?:that|this|so|it)|(?:that(?:'s| is)|it(?:'s| is)) (?:(?:almost|nearly|about|more than|over|only|really|so|too|very|quite) )*(?:half|a lot|a third|a quarter|bad|terrible|awful|low|high|much|many|odd|strange|weird|\d+ ?%)\W+why|why not|how come|how do you know(?: (?:that|this|it))?|how can you (?:tell|know|be so sure)(?: that)?|how so|says who|what makes you (?:say|think|believe|so sure)(?: (?:that|so|this))?|"
    r"are you sure(?: (?:about|of) (?:that|this|it))?|why do you (?:say|think|believe) (?:that|so|this)|where does (?:that|this|it) come from|"
    r"on what (?:basis|grounds|evidence)|explain (?:that|this|yourself)|prove it|what(?:'s| is) (?:that|this|it) based on|really|why did you do (?:that|this)|"
    r"what(?:'s| is) (?:your|the) (?:evidence|proof|reason|reasoning)(?: for (?:that|this))?|based on what|reason)\W*$",
    re.IGNORECASE,
)
WHY_FINDING: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?)\W+)*(?:why|explain|how (?:do you know|sure|certain)|on what|prove|what(?:'s| is| was| speaks| did| does)|is|was|tell)\b.*\bF\d{1,4}\b",
    re.IGNORECASE,
)
SHOW: Final = re.compile(
    r"^\W*(?:(?:ok|okay|and|please|now|yes|can|could|may|will|would|you|i|we|let|me|us|just|like to|want to|i'd)\b\W*)*(?:show|see|look at|view|display|open|pull up|bring up)(?: (?:me|us|to me))*"
    r"(?: (?:some|a few|all|any|the|of|examples?|pictures?|images?|photos?|them|those|these|it|that|this|ones?|to me|behind (?:it|that)|please|then|here))+\W*$"
    r"|^\W*(?:and )?(?:which ones|examples|any examples|an example|for example|like which|such as)\W*$",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|yes|no|yep|nope|sure|thanks?|thank you(?: very much| so much)?|thx|good|great|nice|cool|fine|right|exactly|alright|all right|i see|aha+|hm+|oh|wow|got it|"
    r"understood|interesting|perfect|well|sorry|that'?s (?:good|great|fine|bad|odd|strange)|hello|hi|hey)\b\W*)+$",
    re.IGNORECASE,
)

# --- what is known already ---------------------------------------------------------------------------------------------

LONGEST: Final = 160  # characters of a sentence that asks for nothing but what is known
_TELL: Final = (
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|now|then|well|please|hey|hm+|can you|could you|would you|will you|can i|may i|could i|i want to|i'd like to|i would like to|let'?s|let me|let us|just|quickly|"
    r"briefly|again|once more)\b\W*)*"
)
_ID: Final = r"(?:finding |hypothesis |evidence |number |no\.? )?#?[FE]\d{1,4}"
LOOK: Final = re.compile(
    _TELL
    + r"(?:show|open|see|display|view|look at|pull up|bring up|print|read|list|tell|give|repeat|recall|describe|explain|summari[sz]e|recap)\b"
    rf"(?: (?:me|us|to me|again|back|about|on|in|up|out|once more|more|everything|all|what|is|was|the|some|a few|any|of|from|behind|for|content|contents|details?|story|chain|result|results|evidence|images?|pictures?|"
    rf"photos?|examples?|this|that|numbers|figures|please))* {_ID}\b(?!#)(?:(?:'s)? (?:again|please|to me|images?|pictures?|photos?|once more|now|in (?:detail|full|short)|then|(?:and|or|,) {_ID}))*\W*$",
    re.IGNORECASE,
)
"""To see, or to be told, what a finding or evidence is."""
_WE: Final = r"(?:you|we|i|failsight)"
_SO_FAR: Final = (
    r"(?:,? (?:so far|until now|up to now|till now|by now|already|yet|now|at this point|in (?:short|brief|the end|total|all|a nutshell)|out|out so far|please|for me|to me|today|here|again|really|definitely|"
    r"for certain|for sure|about (?:it|the model|this model)|altogether))*"
)
_FOUND_VERB: Final = (
    r"(?P<{0}>f(?:ou|i)nd|discover\w*|learn\w*|confirm\w*|prov\w+|establish\w*|verif\w+|refut\w+|reject\w*|disprov\w+|debunk\w*|rul(?:ed?|ing) out|exclud\w+|eliminat\w+|conclud\w+|identif\w+|uncover\w*|"
    r"determin\w+|work(?:ed)? out|figured? out|collect\w*|test(?:ed)?|measured?|check(?:ed)?|tr(?:y|ied)|d(?:o|one)|run|le(?:ave|ft) open|withdr\w+|see|seen|turn(?:ed)? up|come up with|came up with)"
)
_STATE: Final = (
    r"(?P<{0}>confirmed|proven|proved|established|refuted|rejected|disproved|debunked|ruled out|excluded|eliminated|inconclusive|undecided|unresolved|still open|open|untested|withdrawn|known|"
    r"found|discovered|learn(?:ed|t)|tested|measured|checked|tried|done|left open)"
)
_THINGS: Final = r"(?:findings?|hypothes[ei]s|suspicions?|conclusions?|discoveries|insights|ideas?|theor(?:y|ies)|guess(?:es)?)"
_SUMS_UP: Final = (
    r"(?:summari[sz]e|sum (?:it |this |that |everything |all )?up|recap(?:itulate)?|wrap (?:it |this )?up)"
)
_ALL: Final = (
    r"(?: (?:it|this|that|everything|all(?: of (?:it|this|that))?|(?:the|your|our|my|all|all the|all your|all our)? ?(?:findings|results|case|session|conversation|investigation|evidence|work|state)"
    r"|what (?:we|you|i) (?:have )?(?:found|learn(?:ed|t)|know|measured|done|did|tested|have)(?: out)?|what (?:was|has been|is) (?:found|known|measured|done|tested|confirmed)|where we (?:are|stand)|for (?:me|us)))*"
)
_ASKED: Final = tuple(
    re.compile(_TELL + text + _SO_FAR + r"\W*$", re.IGNORECASE)
    for text in (
        _SUMS_UP + _ALL,
        rf"(?:(?:give|show|tell|write|send) (?:me|us) |i (?:want|need) |make )?(?:an? |the |your )?(?:short |brief |quick |final |little |overall )?(?:summary|recap|bottom line|upshot|state of affairs|tl;?dr)(?: (?:of|about|on){_ALL})?",
        r"what(?:'s| is| are| were)? (?:the |your |our )?(?:bottom line|upshot|summary|conclusions?|state of affairs|status|take.?aways?|main (?:points|results|findings)|key (?:points|results|findings)|(?P<a0>confirmed |refuted |open |inconclusive )?findings|results so far)",
        rf"(?:tell me |show me |list )?(?:what|which {_THINGS}|which (?:ones?|of (?:them|these|the {_THINGS})))(?: (?:else|all))? (?:have|has|did|do|could|can) {_WE} (?:really |actually |already |all )?{_FOUND_VERB.format('a1')}(?: (?:anything|something|about (?:it|the model)))?",
        rf"(?:tell me |show me |list )?(?:what|which(?: {_THINGS}| ones?| of (?:them|these|the {_THINGS}))?)(?: (?:else|all))? (?:was|were|is|are|has been|have been|got|stays?|remains?)(?: (?:still|already|all|really))? {_STATE.format('a2')}",
        rf"(?:tell me |show me |list )?what(?:'s| has) (?:been )?(?:still )?{_STATE.format('a3')}",
        rf"(?:tell me |show me |give me )?what (?:{_WE} )?(?:have |has |already )*{_FOUND_VERB.format('a4')}",
        rf"(?:have|has|did) {_WE} (?:already )?{_FOUND_VERB.format('a5')} (?:anything|something)(?: (?:out|else|new|interesting|useful))?",
        r"what do (?:you|we|i) (?:already )?know",
        r"where (?:do|are) we(?: stand| now)?|how far (?:are|have) (?:we|you)(?: (?:got|come|gotten))?|how do(?:es)? (?:we|it|things) stand",
        rf"(?:show|list|give|tell|print|see|display|review)(?: (?:me|us))?(?: all)?(?: of)?(?: the| your| our| my| about the| about your)?(?: (?P<a6>confirmed|refuted|rejected|open|untested|inconclusive|undecided|withdrawn))? {_THINGS}",
        r"(?:(?:are|is) there )?(?:any|all|the|all the|your|our)?(?: ?(?P<a7>confirmed|refuted|rejected|open|untested|inconclusive|undecided|withdrawn))? ?(?:findings|hypotheses|suspicions|discoveries)",
        rf"(?:(?:is|are|was|were|has|have) )?(?:anything|something|nothing|any(?: of (?:it|them|these|the {_THINGS}))?(?: {_THINGS})?)(?: been)? {_STATE.format('a8')}",
        rf"(?:how many|what) {_THINGS} (?:are there|do (?:you|we) have|have (?:you|we)(?: got)?)",
    )
)


def asked(question: str) -> re.Match[str] | None:
    """A sentence that asks for all that was found, or measured, and for nothing else; its group says what was done with it."""
    text = " ".join(question.split())
    if len(text) > LONGEST:
        return None
    return next((m for pattern in _ASKED if (m := pattern.match(text)) is not None), None)


def takes_back(said: str) -> bool:
    """Whether a sentence takes something back, or tries to."""
    return any(pattern.match(said) for pattern in (UNDO, NEVER_MIND, UNDO_EDIT))


def only_tells(said: str) -> bool:
    """Whether the answer to a sentence cites what was measured before, and nothing is measured for it."""
    look = LOOK.match(said)
    finding = look is not None and not re.search(r"\bE\d", said, re.IGNORECASE)
    return finding or asked(said) is not None or any(p.match(said) for p in (WHY, WHY_FINDING, SHOW, NEXT))


def is_aside(said: str) -> bool:
    """Whether a sentence asks for nothing to be done: thanks, why, to see or to take back what was done before it."""
    return (
        takes_back(said) or only_tells(said) or LOOK.match(said) is not None or _ASIDE.match(said) is not None
    )
