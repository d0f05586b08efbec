"""Under which condition a recorded value was measured: it supports only sentences that state that condition.

The accuracy of another input pipeline, of one seed, dose, severity, arm or epoch, an expected value, the value by chance:
none of them is the value of the whole split. What the label of a row, the ``of`` of a fact or the name of a quantity says
beyond classes, attributes, splits and the quantity itself is such a condition.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from failsight.agent.grounding.lexicon import RECORDED, SAID, SPLITS, recorded
from failsight.agent.grounding.names import Lexicon

_TOKEN = re.compile(r"[^\W\d_][^\W_]*|\d+(?:\.\d+)?")
_LONG = 5  # letters by which two forms of a word are taken for one another
#: words that set no condition
_PLAIN = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "into",
        "of",
        "off",
        "on",
        "or",
        "per",
        "the",
        "to",
        "with",
        "is",
        "are",
        "it",
        "its",
        "this",
        "that",
        "all",
        "any",
        "each",
        "every",
        "both",
        "overall",
        "whole",
        "total",
        "value",
        "values",
        "image",
        "images",
        "picture",
        "pictures",
        "photo",
        "photos",
        "split",
        "splits",
        "data",
        "set",
        "class",
        "classes",
        "slice",
        "attribute",
        "finding",
        "box",
        "towards",
        "taken",
        "true",
        "predicted",
        "answered",
    ]
)
#: words of a quantity's name that do not change of what it is
_NAMING = _PLAIN | frozenset(
    [
        "mean",
        "average",
        "median",
        "rate",
        "rates",
        "share",
        "number",
        "error",
        "errors",
        "score",
        "exact",
        "same",
        "mix",
        "change",
        "changes",
        "drop",
        "difference",
        "accuracy",
        "recall",
        "precision",
        "effect",
        "gap",
        "minus",
        "ratio",
        "detectable",
        "visible",
        "strength",
        "prediction",
        "dominant",
        "quality",
        "standardised",
        "saliency",
        "salient",
        "area",
        "mark",
        "calibration",
        "confidence",
        "balanced",
        "macro",
        "worst",
        "baseline",
        "excess",
        "imbalance",
        "flips",
        "m",
        "s",
        "n",
    ]
)
#: word of a condition → other words that state it
_ALIKE = {
    "expected": "estimated estimate estimates predicted foreseen anticipated would guessed",
    "estimated": "expected estimate predicted foreseen",
    "sample": "they unchanged undisturbed original drawn took",
    "rotation": "tilt tilted rotated turned",
    "val": "validation",
    "epoch": "last end final recorded record curve training log",
    "other": "others rest elsewhere remaining without",
    "others": "other rest elsewhere remaining without",
    "rest": "others other elsewhere remaining without",
    "declared": "declares declaration pipeline fed preprocessing",
    "leaked": "leaks leak leakage copies copied overlap",
    "chance": "random luck guessing",
    "guessing": "guess chance random luck",
    "before": "original first unrepaired originally",
    "after": "repaired repair then afterwards",
    "control": "controls elsewhere",
    "held": "validation unseen",
    "perturbed": "perturbation disturbed corrupted",
    "elsewhere": "other others rest remaining without",
    "wrong": "error errors mistake mistakes misclassified incorrect incorrectly failure failures fails failed",
    "right": "correct correctly recognised recognized accurate",
    "not": "without except excluding besides other",
    "called": "calls answers predicted predicts says",
    "confidence": "sure certain",
    "least": "above over more exceeds from",
    "above": "least over more exceeds",
    "below": "under less lower most",
    "most": "under less lower below",
}
BOUND = "confidence"  # the first word of a condition on how sure an answer is: "confidence of at least 0.9"
#: kind of a finding → what its error rate was measured on, where that is neither a slice, a class nor a whole split
_KINDS = {
    "preprocessing": ("declared",),
    "class_order": ("order",),
    "label_noise": ("label",),
    "leakage": ("leaked",),
}
_ENOUGH = 0.4  # of the weight of a label that a text has to say


def _stem(word: str) -> str:
    return f"{float(word):g}" if word[0].isdecimal() else word[:_LONG]


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    words = [w for w in _TOKEN.findall(text.lower()) if w not in _PLAIN]
    return frozenset(_stem(w) for w in words) | {w[:4] for w in words if w[0].isalpha() and len(w) > 4}


def _tokens(label: str, plain: frozenset[str]) -> tuple[str, ...]:
    words = [w for w in _TOKEN.findall(label.lower()) if w not in plain]
    telling = [w for w in words if len(w) > 1 or w.isdigit()]  # not the s of a genitive
    return tuple(dict.fromkeys(telling or words))


def _forms(word: str) -> frozenset[str]:
    """The stems by which a text may state a word of a condition."""
    return frozenset(_stem(w) for w in (word, *_ALIKE.get(word, "").split()))


class Variants:
    """The labels of things that were measured side by side; which of them a text names."""

    def __init__(self, labels: Iterable[tuple[str, ...]]) -> None:
        self.labels = tuple(dict.fromkeys(labels))
        seen = Counter(w for label in self.labels for w in label)
        many = len(self.labels)
        self._weight = {w: math.log((many + 1) / n) for w, n in seen.items()}
        self._forms = {w: _forms(w) for w in seen}
        self._named: dict[str, frozenset[tuple[str, ...]]] = {}

    def named(self, text: str) -> frozenset[tuple[str, ...]]:
        """The labels that ``text`` names: most of the weight of their words, and no other label fits it better."""
        found = self._named.get(text)
        if found is None:
            if len(self._named) > 4096:
                self._named.clear()
            found = self._named[text] = self._find(text)
        return found

    def _find(self, text: str) -> frozenset[tuple[str, ...]]:
        stems = _stems(text)
        fits: dict[tuple[str, ...], tuple[frozenset[str], float]] = {}
        for label in self.labels:
            said = frozenset(w for w in label if self._forms[w] & stems)
            have, want = (sum(self._weight[w] for w in words) for words in (said, label))
            if said and have >= _ENOUGH * want - 1e-9:
                fits[label] = (said, 2 * have - want)
        return frozenset(
            label
            for label, (said, score) in fits.items()
            if not any(said <= other and score < better - 1e-9 for other, better in fits.values())
        )

    def touched(self, label: tuple[str, ...], text: str) -> frozenset[str]:
        """The words of a label that ``text`` says; a share also in percent."""
        stems = _stems(text)
        return frozenset(
            w
            for w in label
            if self._forms[w] & stems
            or (w[0].isdigit() and f"{100 * float(w):g}" in stems)
            or (w in SAID and SAID[w].search(text))
        )

    def repeats(self, number: str, text: str) -> bool:
        """Whether a number is a part of a label that ``text`` names whole: the 3 of "fog of severity 3"."""
        stem, stems = _stem(number), _stems(text)
        return any(
            len(label) > 1 and stem in label and all(self._forms[w] & stems for w in label)
            for label in self.labels
        )


class Condition:
    """One of the variants: what a text has to name for a value that was measured under it."""

    __slots__ = ("label", "variants")

    def __init__(self, label: tuple[str, ...], variants: Variants) -> None:
        self.label, self.variants = label, variants

    def stated(self, clause: str, sentence: str) -> bool:
        """Whether the clause of a number names this variant, or the sentence where the clause names none."""
        if self.label[0] == BOUND:
            return _bound_stated(self.label, sentence)
        near = self.variants.named(clause)
        return self.label in (near or self.variants.named(sentence))

    def touched(self, text: str) -> bool:
        """Whether a text says anything of the condition."""
        return bool(self.variants.touched(self.label, text))

    def rivalled(self, text: str) -> bool:
        """Whether a text says all that it says of this condition, and more, of another one."""
        own = self.variants.touched(self.label, text)
        return any(
            own < self.variants.touched(label, text)
            for label in self.variants.labels
            if not set(self.label) <= set(label)  # a narrower one is no rival
        )


def _bound_stated(label: tuple[str, ...], text: str) -> bool:
    """Whether a text states a bound on the confidence as it is: its side and its number, as a share or in percent."""
    stems = _stems(text)
    numbers = [w for w in label if w[0].isdigit()]
    same = all({_stem(w), f"{100 * float(w):g}"} & stems for w in numbers)
    return same and all(_forms(w) & stems for w in label if w not in numbers)


def spoken_of(kind: str) -> Condition | None:
    """What a text has to say for a rate that a finding of a kind holds: it was measured on what that kind is about."""
    words = _KINDS.get(kind)
    return Condition(words, Variants([words])) if words else None


def beyond(label: str, lexicon: Lexicon) -> tuple[str, ...]:
    """What a label says beyond the names of the case: the words of a condition, in order."""
    spans = [(m.start, m.end) for m in lexicon.mentions(label)]
    rest = label
    for start, end in spans:  # they may overlap: "split=deploy" names a split too
        rest = rest[:start] + " " * (end - start) + rest[end:]
    if spans:
        rest = re.sub(r"\([^)]*\)|[\w.-]*=[^\s,;&]*", " ", rest)  # the bounds of a bin: "age=high (9 to 12)"
    words = _tokens(rest, _PLAIN)
    return words if not spans or any(w[0].isalpha() for w in words) else ()


def conditions(labels: Sequence[str], lexicon: Lexicon) -> dict[str, Condition]:
    """Label → its condition, for those of one kind that have one."""
    words = {label: beyond(label, lexicon) for label in dict.fromkeys(labels)}
    variants = Variants(w for w in words.values() if w)
    return {label: Condition(w, variants) for label, w in words.items() if w}


@lru_cache(maxsize=2048)
def qualified(name: str) -> Condition | None:
    """What the name of a known quantity adds to it: ``expected_accuracy``, ``held-out accuracy``, ``val_loss``."""
    plain = name.strip().lower()
    metric = recorded(plain)
    if metric not in SAID:
        return None
    match = next((m for p, _ in RECORDED if (m := p.search(plain)) is not None), None)
    if match is None:
        return None
    start, end = match.span()
    while start and plain[start - 1].isalpha():
        start -= 1
    while end < len(plain) and plain[end].isalpha():
        end += 1
    rest = plain[:start] + " " + plain[end:]
    for pattern in SPLITS.values():  # the split that a column is of is read by itself
        rest = pattern.sub(" ", rest)
    words = _tokens(rest, _NAMING)
    return Condition(words, Variants([words])) if words else None
