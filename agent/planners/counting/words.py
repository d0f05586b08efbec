"""The words of sentences that count: what asks for a number, what is counted, what is wrong or right, how sure, on which images.

Each pattern finds one kind of mark in a sentence; :mod:`failsight.agent.planners.counting.read` puts the marks together.
"""

from __future__ import annotations

import re
from typing import Final

from failsight.knowledge_base.turned_away import ALL_BUT

PICTURES: Final = r"(?:images?|pictures?|photos?|photographs?|pics?|shots?|samples?|examples?|cases|items?|pieces?|products?)"
MODEL: Final = r"(?:it|the (?:model|network|classifier|program|app)|we|you|they)"
NUMBER: Final = r"(?:\d+(?:[.,]\d+)?|one|two|three|four|five|six|seven|eight|nine|ten)"
NUMBERS: Final = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
        range(1, 11),
        strict=True,
    )
)

HOW_MANY: Final = re.compile(
    r"\b(?:(?:and |so |of which )?how many(?: of)?(?: the)?(?! more\b)|(?:what(?:'?s| is| was)? )?(?:the )?(?:total )?(?:number|count) of|count(?: up)?(?: the)?(?=\W))\b",
    re.IGNORECASE,
)
SHARE: Final = re.compile(
    r"\b(?:(?:what|which|how (?:large|big|high|great) (?:is the|a))(?:'s| is| was)?(?: the)? )?(?:share|percentages?|per ?cent(?:age)?|proportion|fraction)(?: is| are)?(?: of)?\b|\bhow much of\b",
    re.IGNORECASE,
)
#: what asks for a share of right or wrong answers → ``recall`` of a class, ``precision`` of an answer, else which outcome
RATES: Final = (
    (re.compile(r"\berror[ -]rates?\b|\bshare of (?:errors|mistakes|wrong answers)\b|\bhow often (?:is|are|was|were|does|do|did) (?:it|they|we|this|the (?:model|network|classifier))(?: be| get)?(?: them)? (?:wrong|err|fail)\b", re.IGNORECASE), "wrong"),
    (re.compile(r"\bprecision\b", re.IGNORECASE), "precision"),
    (re.compile(r"\brecall\b", re.IGNORECASE), "recall"),
    (re.compile(r"\baccurac(?:y|ies)\b|\bhow (?:well|good|accurate(?:ly)?|reliabl[ey])(?: (?:is|are|does|do|would|will|was))?(?: (?:it|they|we|this|the (?:model|network|classifier)))?(?: (?:be|do|doing|work|perform|fare))*\b|\bhow often (?:is|are|was|were) (?:it|they|the (?:model|network|classifier)) (?:right|correct)\b|\bhow (?:is|was) (?:it|that)(?= (?:for|with|without|on|at|among)\b)", re.IGNORECASE), "correct"),
)  # fmt: skip
#: ``could we ship it for kitchens only``: how good it is on these
FOR_SOME: Final = re.compile(
    r"\b(?:can|could|may|might|should|shall|would|will|what if)\b[^.?!]*?\b(?:ship|release|launch|roll (?:it )?out|sell|go live|use|offer)\b(?: (?:it|this|that|the model|with it))?",
    re.IGNORECASE,
)
ONLY_ANSWERS: Final = re.compile(
    r"\b(?:what (?:if|happens (?:if|when))|if|suppose|assum(?:e|ing)|say)? ?(?:we|it|they|the (?:model|network|classifier))(?: would| could)? (?:only|just) (?:lets? it )?(?:answer(?:s|ed)?|speaks?|says? something|predicts?|decides?|uses?|takes?|counts?|trusts?|accepts?|keeps?)(?: (?:it|them|answers?|predictions?|those))?(?: (?:when|if|where|once|from|above|with|that|which))*(?: (?:it|the model|they|is|are|an?|the)\b)*|\bonly answers? (?:when|if|where)(?: it| the model)?(?: is)?",
    re.IGNORECASE,
)
UNANSWERED: Final = re.compile(
    r"\b(?:how many|what (?:share|percentage|proportion|part)|how much)\b[^.?!]*\b(?:(?:not|n't|never|no longer)\b(?: \w+)?(?: be| get)? answer(?:ed)?|un-?answered|left (?:out|open|over)|refused?|abstain|skipped|dropped|lost|without (?:an )?answer|no answer|be silent|say nothing)\b",
    re.IGNORECASE,
)
_OP: Final = r"(?P<op{0}>more than|over|above|greater than|at least|no less than|less than|under|below|at most|no more than|up to|>=|<=|≥|≤|>|<)"
_SURE: Final = r"(?:sure|certain|confident|confidence|certainty)"
CONFIDENCE: Final = (
    re.compile(
        rf"(?:\b(?:with|at|by) )?(?:an? |the )?(?:{_OP.format('a')} ?)?(?P<na>\d+(?:[.,]\d+)?) ?(?P<pa>%|per ?cent)? ?(?P<more>or more )?{_SURE}\b(?: of itself| about it)?",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:\b(?:with|at|by) )?(?:an? |the |its )?\b(?:confidences?|certainty|scores?|probability|sureness)(?: (?:of|is|are|was))* ?(?:{_OP.format('a')} ?)?(?P<na>\d+(?:[.,]\d+)?)(?: ?(?P<pa>%|per ?cent))?",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:answered|predicted|decided) (?:with|at) (?:{_OP.format('a')} ?)?(?P<na>\d+(?:[.,]\d+)?) ?(?P<pa>%|per ?cent)",
        re.IGNORECASE,
    ),
)
OPS: Final = {
    "more than": ">", "over": ">", "above": ">", "greater than": ">", "at least": ">=", "no less than": ">=", "less than": "<", "under": "<",
    "below": "<", "at most": "<=", "no more than": "<=", "up to": "<=", "≥": ">=", "≤": "<=", "fewer than": "<", "exactly": "=", "only": "=",
}  # fmt: skip
NOT_OP: Final = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
WITH_AND_WITHOUT: Final = re.compile(
    r"\bwith(?:out)?(?: (?:and|or|versus|vs\.?|compared (?:to|with)|,))+ with(?:out)?\b", re.IGNORECASE
)
BY_CLASS: Final = re.compile(
    r"\b(?:by|per|for (?:each|every|all(?: the)?)|in each|of each|broken (?:down|up) by|break (?:that|it|this) down by|split by)(?: the)? (?:true )?(?:class(?:es)?|rooms?|labels?|categor(?:y|ies))\b",
    re.IGNORECASE,
)
BY: Final = re.compile(
    r"\b(?:by|per|for (?:each|every)|in each|at each|of each|across|broken (?:down|up) by|break (?:that|it|this) down by|split by|depend(?:ing)? on)(?: (?:the|number of|kind of|type of))*\s*$",
    re.IGNORECASE,
)
DIFFERS: Final = re.compile(
    r"\b(?:(?:make|makes|have|has|play|plays) )?(?:a|any|the|much) (?:difference|influence|effect|role)\b|\bmatters?\b",
    re.IGNORECASE,
)
WRONG: Final = re.compile(
    r"\b(?:wrong(?:ly)?(?: (?:ones?|answers?|predictions?|answered|classified|predicted|recogni[sz]ed|called))?|incorrect(?:ly)?(?: (?:answered|classified|predicted|recogni[sz]ed))?|mis-?classified|mis-?predicted|mis-?recogni[sz]ed|"
    r"mistaken(?! for)|mistakes?|errors?|failures?|misses|missed|blunders?|"
    r"(?:not|never)(?: \w+)? (?:right|correct(?:ly)?(?: (?:answered|classified|predicted|recogni[sz]ed))?|recogni[sz]ed|found|identified|detected)|n[o']?t (?:right|correct|recogni[sz]ed|found|identified|detected)|fails?(?: (?:on|at))?|failed(?: on)?)\b",
    re.IGNORECASE,
)
RIGHT: Final = re.compile(
    r"\b(?:not wrong|(?:right|correct)(?:ly)?(?: (?:ones?|answers?|predictions?|answered|classified|predicted|recogni[sz]ed|named))?|recogni[sz]ed(?: (?:right|correctly))?|hits?|successes|identified)\b",
    re.IGNORECASE,
)
CALLED: Final = re.compile(
    r"\b(?:(?:mis)?taken (?:for|as)|mistaken (?:for|as)|(?:wrongly |falsely |incorrectly )?(?:called|predicted(?: (?:as|to be))?|classified as|recogni[sz]ed as|labell?ed (?:as )?by the model|answered (?:as|with)?|named|seen as|read as|identified as|given as)|"
    r"(?:go|goes|went|going) (?:to|into)|(?:(?:is|are|was|were|get|gets|got) )?(?:sorted|put|thrown|filed|routed) (?:to|into)|(?:land|lands|landed|fall|falls|fell) (?:in|into|among)|end(?:s|ed)? up (?:as|in|being)|(?:does|do|did|would) (?:it|the model) (?:call|say|predict|answer|think|name)|(?:it|the model) (?:calls?|says?|predicts?|answers?|thinks?|named?)|take(?:s|n)? for)\b",
    re.IGNORECASE,
)
PREDICTIONS: Final = re.compile(r"\b(?:predictions?|answers?)\b(?: (?:are|of|is|go to|for))*", re.IGNORECASE)
#: turns away what stands behind it, whole groups of images
WITHOUT: Final = re.compile(
    rf"\b(?:{ALL_BUT}|exclud(?:e|ing)|except(?: for)?|other than|apart from|aside from|leav(?:e|ing) out|leav(?:e|ing) (?=[^.?!]*\bout\b)|(?:throw|tak)(?:e|ing)? (?:away|out|(?=[^.?!]*\b(?:away|out)\b))|ignor(?:e|ing)|not counting|disregard(?:ing)?|but not|minus|besides|skip(?:ping)?|omit(?:ting)?|drop(?:ping)?|outside(?: of)?(?= (?:the )?\w)|non(?=[ -]))\b",
    re.IGNORECASE,
)
NO: Final = re.compile(
    r"\b(?:without|with no|lack(?:s|ing)?|missing|no|not|never|neither|nor|none of(?: the)?|(?:do|does|did|are|is|were|was|have|has)n[o']?t)\b|n't\b",
    re.IGNORECASE,
)
THERE: Final = re.compile(r"\b(?:(?:is|are|were|was) there|there (?:is|are|were|was))\b", re.IGNORECASE)
GETS: Final = re.compile(
    rf"\b(?:does|do|did|will|would|has|have) {MODEL}(?: (?:get|gets|got|have|make|makes|made|answer|answers|classify|produce|give|commit|find))?\b|\b{MODEL} (?:gets?|got|makes?|made)\b",
    re.IGNORECASE,
)
THOSE: Final = (
    re.compile(r"\b(?:of|among|from|in|out of) (?:those|these|them|that|it|which)\b(?: (?:ones|images|pictures|photos))?", re.IGNORECASE),
    re.compile(r"\b(?:those|these|them)\b", re.IGNORECASE),
)  # fmt: skip
ANY: Final = re.compile(
    r"\b(?:add(?:ed|ing)? (?:up|together)|together|combined|altogether|in total|at least one of|any (?:one )?of|one of|either)\b(?: the)?",
    re.IGNORECASE,
)
VERSUS: Final = re.compile(r"\b(?:versus|vs\.?|compared (?:to|with)|against|as opposed to)\b", re.IGNORECASE)
PERCENT: Final = re.compile(
    r"\b(?:(?:and )?(?:in|as)(?: an?)? (?:per ?cent(?:age)?s?|shares?|proportion)|(?:what|which) (?:share|percentage) is (?:that|it|this))\b|^\W*(?:in )?%\W*$|\bin %",
    re.IGNORECASE,
)
VERBS: Final = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "have",
        "has",
        "had",
        "having",
        "show",
        "shows",
        "contain",
        "contains",
        "include",
        "includes",
        "come",
        "comes",
        "came",
        "get",
        "gets",
        "got",
        "involve",
        "involves",
        "belong",
        "fall",
        "falls",
        "do",
        "does",
        "did",
        "makes",
        "make",
        "depict",
        "depicts",
        "make",
    ]
)
PREPS: Final = frozenset(
    [
        "in",
        "on",
        "at",
        "with",
        "for",
        "among",
        "within",
        "when",
        "where",
        "if",
        "under",
        "during",
        "while",
        "from",
        "only",
        "inside",
        "whose",
        "whenever",
    ]
)
KEEP: Final = frozenset(
    [
        "the",
        "a",
        "an",
        "any",
        "all",
        "some",
        "of",
        "and",
        "or",
        ",",
        "&",
        "our",
        "my",
        "its",
        "images",
        "pictures",
        "photos",
        "image",
        "picture",
        "photo",
        "ones",
        "one",
        "those",
        "that",
        "are",
        "is",
    ]
)
FILLER: Final = frozenset(
    ["the", "a", "an", "any", "all", "some", "of", "and", "or", "but", "so", "then", "now", "ok", "okay", "well", "please", "hey", "hm", "oh", "tell", "me", "us", "can", "you", "could", "would", "will", "we", "i", "it", "they", "its", "it's", "our", "my", "your", "what", "what's", "which", "who", "how", "about", "there", "here", "that", "this", "these", "those", "them", "to", "by", "as", "model", "network", "classifier", "app", "program", "images", "image", "pictures", "picture", "photos", "photo", "photographs", "pics", "shots", "samples", "examples", "cases", "case", "ones", "one", "thing", "things", "item", "items", "piece", "pieces", "product", "products", "specimens", "room", "rooms", "class", "classes", "house", "houses", "home", "homes", "flat", "flats", "apartment", "apartments", "property", "properties", "set", "sets", "data", "split", "evaluation", "test", "kind", "type", "sort", "out", "than", "each", "every", "both", "also", "too", "again", "only", "just", "really", "actually", "exactly", "total", "altogether", "overall", "everything", "anything", "all", "same", "two", "both", "compare", "compared", "say", "said", "know", "see", "give", "need", "want", "let", "let's", "if", "when", "while", "yes", "no", "right?", "come", "from", "due", "because", "happen", "occur", "times", "time", "taken", "answered", "answer", "answers", "predictions", "prediction", "still", "even", "anyway", "much", "many", "good", "well", "accurate", "figure", "figures", "number", "numbers", "rate", "rates", "figure's", "for", "is", "are", "was", "were", "do", "does", "did", "hi", "hello", "thanks", "together", "up", "sum", "more-or-less", "roughly", "about", "approximately", "your'e", "us're", "i'd", "like", "show"]
)  # fmt: skip
#: words with which a sentence asks for something else than a number of images
ELSEWHERE: Final = re.compile(
    r"\b(?:why|because|threshold\w*|cut-?offs?|labels? (?:are|is|might|look)|(?:wrong|bad|noisy|mistaken|suspicious|doubtful|false)(?:ly)? label\w*|mislabell?ed|labell?ing|annotat(?:ions?|ed)|duplicates?|copies|twice|layers?|parameters?|weights?|epochs?|seeds?|seconds?|milliseconds?|ms|minutes?|hours?|"
    r"collect|gather|add(?:ing)? (?:an?|the)|paste|mask\w*|cover\w*|hide|hidden|remove[ds]?|removing|retrain\w*|train (?:it|on|with)|fix(?:ed|ing)?|repair\w*|mend\w*|improve\w*|generate\w*|synthesi[sz]e\w*|calibrat\w+|curve|roc|auc|f1|matrix|"
    r"significan\w+|suspect|suspicion|believe|guess|think|hypothes[ie]s|finding\w*|slices?|groups?|attributes?|people|annotators? (?:are|do|agree)|users?|must|should|has to|have to|need|needs|needed|enough|sure that|never|expect\w*|require\w*|likely|nobody|somebody|"
    r"estimate|unlabell?ed|saliency|heat|pixels?|uses?|using|rel(?:y|ies)|depends?|look(?:s|ed)? at|neurons?|features?|budget|money|dollars|euros|nearest|similar|typical|versions?|yesterday|before|since|last|hundred|thousand|million|dozen|unknown unknowns?|show (?:me|us)|find out)\b",
    re.IGNORECASE,
)

#: slips of the keyboard in the small words of such questions
_SLIPS: Final = {
    "whats": "what's", "hows": "how's", "teh": "the", "hte": "the", "whcih": "which", "wich": "which", "hwich": "which", "mny": "many", "mnay": "many", "amny": "many", "hwo": "how", "hw": "how",
    "waht": "what", "whta": "what", "clas": "class", "calss": "class", "wrnog": "wrong", "worng": "wrong", "wron": "wrong", "corect": "correct", "wost": "worst",
    "pecent": "percent", "precent": "percent", "accurcy": "accuracy", "acuracy": "accuracy", "accuarcy": "accuracy", "picturs": "pictures", "pictues": "pictures",
    "erors": "errors", "errros": "errors", "mistaks": "mistakes", "excludng": "excluding", "withot": "without", "wihtout": "without",
}  # fmt: skip
_SLIP: Final = re.compile(rf"\b(?:{'|'.join(_SLIPS)})\b", re.IGNORECASE)


FIGURE: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?"


def number_of(text: str) -> float | None:
    """``1,000`` as 1000 and ``2,5`` as 2.5, whatever mark ends the sentence behind it; None for what is no number (``1.2.3``)."""
    text = text.rstrip(".,")
    if re.fullmatch(FIGURE, text) is None:
        return None
    return float(text.replace(",", "") if re.match(r"\d{1,3},\d{3}", text) else text.replace(",", "."))


def spelt(text: str) -> str:
    """The sentence with common slips in small words put right."""
    return _SLIP.sub(lambda m: _SLIPS[m.group().lower()], text)
