"""Which word a sentence asks the meaning of, and the entry that says what it means.

``what does p mean?``, ``define recall``, ``what is a slice?``: such a sentence wants words and no measurement. ``what is
the recall?`` wants one, so that an article counts: "the" only before words of which a case has no figure of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.search import KnowledgeBase
from failsight.knowledge_base.vocabulary import distance, words_of

KINDS: Final = ("term", "failure", "bug", "artifact", "instrument", "correction", "pitfall")
"""Kinds of entries that explain a word, the glossary proper first."""
ABOUT: Final = "term.about_"  # entries about the program, which are found by whole questions
LONGEST: Final = 120  # characters of a sentence that asks for a meaning and nothing else
MOST_WORDS: Final = 6

#: what people type and no entry is called; too short or too common to be searched for by likeness
_SHORT: Final = {
    "p": "term.p_value", "p values": "term.p_value", "q": "term.q_value", "fdr": "term.q_value", "ci": "term.confidence_interval",
    "cis": "term.confidence_interval", "interval": "term.confidence_interval", "intervals": "term.confidence_interval",
    "95 ci": "term.confidence_interval", "95 interval": "term.confidence_interval", "brackets": "term.confidence_interval",
    "confidence bound": "term.confidence_interval", "bound": "term.confidence_interval", "f1 score": "term.f1", "f score": "term.f1",
    "confusion": "term.confusion_matrix", "matrix": "term.confusion_matrix", "controls": "term.control", "control effect": "term.control",
    "masking": "term.masking", "mask": "term.masking", "shift": "term.shift", "heatmap": "term.saliency", "saliency": "term.saliency",
    "grad cam": "term.gradcam", "gradcam": "term.gradcam", "pp": "term.points", "point": "term.points", "err": "term.error_rate",
    "error": "term.error_rate", "calibrated": "term.calibration", "overconfident": "term.calibration", "overconfidence": "term.calibration",
    "deployment": "term.deployment_images", "deploy": "term.deployment_images", "training": "term.training_images",
    "evaluation": "term.evaluation_images", "eval": "term.evaluation_images", "pool": "term.pool_images", "spurious": "term.spurious",
    "leak": "term.leakage", "unknown unknowns": "term.unknown_unknown", "overfit": "term.overfitting", "underfit": "term.underfitting",
    "label": "term.ground_truth", "test": "term.instrument", "experiment": "term.instrument", "ready": "term.readiness", "tsne": "term.tsne", "q values": "term.q_value", "correction": "term.correction", "repair": "term.correction",
}  # fmt: skip
#: words of which a case has no figure: "what is the control?" asks what that is
_NO_FIGURE_TEXT: Final = (
    "control p_value q_value masking permutation_test bootstrap wilson mcnemar cmh power confidence_interval softmax bias_variance "
    "receptive_field temperature sanity_check discovery_confirmation journal instrument points alpha seed effect cross_entropy "
    "control_arm ground_truth"
)
_NO_FIGURE: Final = frozenset(_NO_FIGURE_TEXT.split())
_STATES_TEXT: Final = "term.confirmed term.refuted term.inconclusive term.significant term.readiness"
_STATES: Final = frozenset(_STATES_TEXT.split())
"""Words that also say how something stands: "what is confirmed?" asks for findings."""

_LEAD: Final = (
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|well|now|then|please|sorry|hey|um+|uh|hmm*|wait|can you|could you|would you|will you|can we|tell me|tell us|explain(?: to me)?|"
    r"say|remind me|i (?:don'?t|do not) (?:know|understand|get)|i(?:'m| am) not sure|no idea|i(?: would|'d)? (?:like|want) to know|what i want to know is|just|again|first)\b\W*)*"
)
_KIND: Final = r"(?:(?:the |this |that |your )?(?:word|term|number|column|letter|value|symbol|abbreviation|acronym|expression|concept|idea|notion) (?:of )?)?"
_A: Final = r"(?:(?P<a>an?|the|your|this|that|these|those|its)\s+)?"
_WORD: Final = r"[\"'“”‘’`*(\[]*(?P<w>[^\"“”`?!]{1,60}?)[\"'“”‘’`*)\]]*"
_HERE: Final = (
    r"(?:,? (?:here|again|exactly|then|please|really|actually|in this (?:case|context|table|report|program|tool|app)|in (?:failsight|the (?:table|report|results?|findings?|answer|case))|"
    r"in (?:plain|simple) (?:words|english|terms)|for me|to me|anyway|at all|supposed to (?:be|mean)|for (?:beginners|dummies)))*\W*$"
)
_ASKS: Final = tuple(
    re.compile(_LEAD + text + _HERE, re.IGNORECASE)
    for text in (
        rf"what (?:does|do|did|would|is|are)\s+{_KIND}{_A}{_WORD}\s+(?:even |really |actually |exactly |supposed to )*(?:mean|means|stand for|stands for|signify|refer to)",
        rf"what\s+{_KIND}{_A}{_WORD}\s+(?:even |really |actually |exactly )*(?:means?|stands? for|signif(?:y|ies)|refers? to)",
        rf"what(?:'?s| is| was| are) (?:meant (?:by|with)|the meaning of|the definition of)\s+{_KIND}{_A}{_WORD}",
        rf"what do you (?:mean|understand) (?:by|with|under)\s+{_KIND}{_A}{_WORD}",
        rf"(?:define|the definition of|definition of|the meaning of|meaning of)\s+{_KIND}{_A}{_WORD}",
        rf"(?:explain |what(?:'?s| is) )?the (?:term|word|concept|idea|notion|meaning)(?: of)?\s+{_A}{_WORD}",
        rf"{_A}{_WORD}\s+means? what",
    )
)
"""A sentence that can only ask for a meaning, whatever the word is."""
_MAY_ASK: Final = tuple(
    re.compile(_LEAD + text + _HERE, re.IGNORECASE)
    for text in (
        rf"what(?:'?s| is| are| were)\s+{_A}{_WORD}",
        rf"(?:explain|describe)\s+{_A}{_WORD}",
        rf"(?:what|how) {_A}{_WORD} (?:is|are)",
    )
)
"""A sentence that asks for a meaning where its word is one of the glossary, and nothing else is in it."""
_EXPLAINED: Final = re.compile(_LEAD + r"\W*$|\bexplain\b", re.IGNORECASE)
_DIFFERENCE: Final = re.compile(
    _LEAD
    + r"(?:(?:what(?:'?s| is| are))? ?(?:the )?differences? between|how (?:is|are|does|do)|what distinguishes)\s+(?:an? |the )?(?P<x>[\w -]{1,40}?)\s+"
    r"(?:and|from|to|different from|differ from|other than|versus|vs\.?)\s+(?:an? |the )?(?P<y>[\w -]{1,40}?)"
    + _HERE,
    re.IGNORECASE,
)
_BRACKETS: Final = re.compile(
    _LEAD
    + r"(?:what (?:are|is|do|does)|why are there)\s+(?:the |these |those |all these |all the )?(?:(?:two )?(?:numbers?|figures?|values?|range) (?:in|inside|within|between) (?:the )?(?:square )?(?:brackets?|parenthes[ie]s)|(?:square )?brackets)"
    r"(?: (?:mean|stand for|about|for|there))*" + _HERE,
    re.IGNORECASE,
)
_NO_WORD_TEXT: Final = "does do did is are was were has have had can could should would will it that this they them these those he she you i we me us all everything something anything so there here which what one ones"
_NO_WORD: Final = frozenset(_NO_WORD_TEXT.split())
_FIGURE: Final = re.compile(r"^([pq])\s*[<>=≤≥]+\s*[\d.]+$", re.IGNORECASE)
_ID: Final = {"e": "term.evidence", "f": "term.finding", "r": "term.version"}
_IDS: Final = re.compile(r"^([EFR])(?:\d+(?:\.\d+)?|…|\.\.\.)?$")
#: what answers are full of and beginners trip over → the entry that explains it
_JARGON: Final = (
    (re.compile(r"\[[+−-]?[\d.]+, [+−-]?[\d.]+\]"), "term.confidence_interval"), (re.compile(r"\bpoints\b"), "term.points"),
    (re.compile(r"\bcontrol\b(?! arm)"), "term.control"), (re.compile(r"\bp (?:<|\d)"), "term.p_value"), (re.compile(r"\bq (?:<|\d)"), "term.q_value"),
    (re.compile(r"\bconfirmed\b", re.IGNORECASE), "term.confirmed"), (re.compile(r"\brefuted\b", re.IGNORECASE), "term.refuted"),
    (re.compile(r"\binconclusive\b", re.IGNORECASE), "term.inconclusive"), (re.compile(r"\b[Rr]ecall\b"), "term.recall"),
    (re.compile(r"\b[Pp]recision\b"), "term.precision"), (re.compile(r"\bsuspects?\b"), "term.suspect"), (re.compile(r"\b[Ss]lices?\b"), "term.slice"),
    (re.compile(r"\bcalibrat\w+\b"), "term.calibration"), (re.compile(r"\bcontrol arm\b"), "term.control_arm"), (re.compile(r"\b[Ss]aliency\b"), "term.saliency"),
    (re.compile(r"\b[Mm]ean confidence\b"), "term.confidence"), (re.compile(r"\bdeployment images\b"), "term.deployment_images"),
    (re.compile(r"\bevaluation images\b"), "term.evaluation_images"), (re.compile(r"\berror rates?\b"), "term.error_rate"),
)  # fmt: skip
_SHARE: Final = re.compile(r"(?:^|\[)\s*[+−-]?\d[\d.]*\s*,\s*[+−-]?\d[\d.]*\s*(?:$|\])")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sentence asks the meaning of.

    Attributes:
        words: the words in question as they were typed, one or (for a difference) two.
        surely: True where the sentence asks for a meaning whatever its word is; False where it does so only for a word that is known.
        article: what stood before the word: ``a``, ``the`` or nothing.
    """

    words: tuple[str, ...]
    surely: bool
    article: str = ""


def asked(sentence: str) -> Asked | None:
    """The word (or two) of which ``sentence`` asks the meaning; None for any other sentence.

    Args:
        sentence: what a person typed; one longer than 120 characters asks for more than a meaning.
    """
    text = " ".join(sentence.split())
    if not text or len(text) > LONGEST:
        return None
    if _BRACKETS.match(text):
        return Asked(("brackets",), True)
    if (two := _DIFFERENCE.match(text)) is not None:
        return Asked((two["x"].strip(), two["y"].strip()), False)
    for patterns, surely in ((_ASKS, True), (_MAY_ASK, False)):
        for pattern in patterns:
            match = pattern.match(text)
            word = _tidy(match["w"]) if match is not None else ""
            if match is not None and word:
                return Asked((word,), surely, (match["a"] or "").lower())
    return None


def _tidy(word: str) -> str:
    """``word`` without marks around it; empty where it is a pronoun or a whole clause."""
    bare = word.strip(" .,:;!?'’*()")
    if _SHARE.search(bare):
        return "brackets"
    figure = _FIGURE.match(bare)
    bare = figure[1] if figure else bare
    parts = bare.lower().split()
    if not parts or len(parts) > MOST_WORDS or parts[0] in _NO_WORD or not re.search(r"\w", bare):
        return ""
    return bare


def meanings(request: Asked, base: KnowledgeBase) -> tuple[Entry, ...]:
    """The entries that answer ``request``; none where a word is unknown, or is asked for as a figure of the case."""
    found = tuple(entry_of(word, base) for word in request.words)
    if not found or any(e is None for e in found):
        return ()
    known = tuple(e for e in found if e is not None)
    if not request.surely and len(known) == 1 and known[0].id in _STATES:
        return ()
    if not request.surely and len(known) == 1 and request.article not in ("", "a", "an"):
        return known if known[0].id.removeprefix("term.") in _NO_FIGURE else ()
    return known


def entry_of(word: str, base: KnowledgeBase) -> Entry | None:
    """The entry that is called ``word``, whatever its case, number and hyphens; None where none is."""
    if (letter := _IDS.match(word.strip())) is not None:
        return base.entries.get(_ID[letter[1].lower()])
    return names(base).get(_key(word))


def used_in(text: str, base: KnowledgeBase, most: int = 5) -> list[Entry]:
    """The words of the glossary that an answer uses and a beginner may not know, in the order in which they come up."""
    found = [
        (match.start(), name) for pattern, name in _JARGON if (match := pattern.search(text)) is not None
    ]
    return [base.entries[name] for _, name in sorted(found) if name in base.entries][:most]


def near(word: str, base: KnowledgeBase, most: int = 3) -> list[str]:
    """Words of the glossary that are written almost like ``word``: two slips at most, best first."""
    typed = " ".join(_key(word))
    if len(typed) < 4:
        return []
    limit = 1 if len(typed) < 7 else 2
    scored = [(distance(typed, " ".join(key), limit), entry.title) for key, entry in names(base).items()]
    return list(dict.fromkeys(title for away, title in sorted(scored, key=lambda s: s[0]) if away <= limit))[
        :most
    ]


def names(base: KnowledgeBase) -> dict[tuple[str, ...], Entry]:
    """Everything that an explaining entry is called, as folded words; the glossary proper wins."""
    cached: dict[tuple[str, ...], Entry] | None = base.__dict__.get("_meanings")
    if cached is None:
        cached = {}
        for short, name in _SHORT.items():
            if name in base.entries:
                cached.setdefault(_key(short), base.entries[name])
        titled: Sequence[Entry] = [e for kind in KINDS for e in base.of_kind(kind)]
        ways = (
            lambda e: _called(e.title),  # a title of its own before a part of another's
            lambda e: () if e.id.startswith(ABOUT) else re.split(r"\s*,\s*", _bare(e.title)),
            lambda e: e.aliases,
        )
        for called_by in ways:
            for entry in titled:
                for called in called_by(entry):
                    cached.setdefault(_key(called), entry)
        cached.pop((), None)
        base.__dict__["_meanings"] = cached
    return cached


def _called(title: str) -> Iterator[str]:
    """``Expected calibration error (ECE)`` is called so, without the brackets, and by what stands in them."""
    yield title
    yield _bare(title)
    yield from re.findall(r"\(([^)]+)\)", title)


def _bare(title: str) -> str:
    return re.sub(r"\s*\(.*?\)", "", title)


def other_names(entry: Entry) -> list[str]:
    """What else a word is called: its aliases but for whole questions by which an entry is found."""
    if entry.id.startswith(ABOUT):
        return []
    return [a for a in entry.aliases if len(a.split()) <= MOST_WORDS - 2]


def _key(word: str) -> tuple[str, ...]:
    return words_of(word.replace("'s", " "))
