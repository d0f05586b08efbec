"""Words by which a sentence says what a number is about: metrics, splits, verdicts, causes, hedges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

#: concept → how it is said; facts' names are read by the same expressions
METRICS: Mapping[str, str] = {
    "accuracy": r"accura\w*|right\b|correct\w*",
    "error": r"error\w*|wrong\w*|misclassif\w*|mistak\w*|fail\w*|miss(?:es|ed)?\b",
    "recall": r"recall\w*|recogni[sz]\w*|sensitivit\w*",
    "precision": r"precision",
    "f1": r"\bf1\b",
    "calibration": r"\bece\b|calibrat\w*",
    "confidence": r"confiden\w*|\bsure\w*|certain\w*",
    "control": r"control\w*|elsewhere",
    "flip": r"flip\w*|chang(?:e|es|ed) (?:its|the) (?:answer|prediction)",
    "brightness": r"bright\w*|dark\w*",
    "contrast": r"contrast\w*",
    "saturation": r"saturat\w*",
    "sharpness": r"sharp\w*|blur\w*",
    "auc": r"\bauc\b",
    "latency": r"latenc\w*|\bms\b",
}
#: concepts that may stand for one another: the accuracy on a class is its recall, an error is what is not right
SAME = ({"accuracy", "error", "recall", "confusion"}, {"error", "confidence"}, {"accuracy", "confidence"})
SPLITS: Mapping[str, str] = {
    "deploy": r"deploy\w*|in the field|in use",
    "train": r"train(?:ing|ed)?\b",
    "data": r"evaluation|eval\b|test (?:images|pictures|set|data|split)|held[- ]out",
    "pool": r"\bpool\b",
}
_METRICS = {name: re.compile(text, re.IGNORECASE) for name, text in METRICS.items()}
_SPLITS = {name: re.compile(rf"\b(?:{text})", re.IGNORECASE) for name, text in SPLITS.items()}

VERDICTS: Mapping[str, re.Pattern[str]] = {
    "confirmed": re.compile(
        r"\bconfirm(?:ed|s)?\b|\bproven?\b|\bproved\b|\bheld up\b|\bholds up\b", re.IGNORECASE
    ),
    "refuted": re.compile(
        r"\brefuted?\b|\bdisproved\b|\bruled out\b|\brejected\b|\bfell through\b", re.IGNORECASE
    ),
    "inconclusive": re.compile(
        r"\binconclusive\b|\bundecided\b|\bneither confirmed nor refuted\b", re.IGNORECASE
    ),
}
NEGATION = re.compile(
    r"\b(?:not|never|no longer|isn't|wasn't|aren't|hasn't|cannot|can't|nor|neither)\b", re.IGNORECASE
)
HEDGE = re.compile(
    r"\b(?:may|might|could|perhaps|possibly|maybe|suspect\w*|hypothes\w*|whether|if|seems?|appears?|likely|would|suppose\w*|"
    r"suspicion|conjecture|propos\w*|suggest\w*|to test|let us|let's|should|wonder|plan(?:s|ned|ning)?\b|next|can be|will)\b|\?",
    re.IGNORECASE,
)
CAUSE = re.compile(
    r"\bbecause\b|\bdue to\b|\bcaused? by\b|\bcauses?\b|\breli(?:es|ed) on\b|\brelying on\b|\bdepends? on\b|\bdepending on\b|"
    r"\bdriven by\b|\bshortcut\b|\bmisled by\b|\bexploits?\b|\bthe reason (?:is|for|why)\b|\bleads? the model\b|\bmakes? the model\b|"
    r"\bthe model (?:uses|looks at|keys on|latches)\b|\bresponsible for\b|\battributable to\b|\bthanks to\b|\bowing to\b|"
    r"\bexplain(?:s|ed) by\b|\bis why\b|\broot cause\b|\btriggers?\b",
    re.IGNORECASE,
)
LOWER = re.compile(
    r"\b(?:lower|less|fewer|worse|below|drops?|dropped|falls?|fell|decreas\w*|loses?|lost|loss|declin\w*|darker|under-?confident|smaller)\b",
    re.IGNORECASE,
)
HIGHER = re.compile(
    r"\b(?:higher|more|better|above|rises?|rose|gains?|gained|increas\w*|improv\w*|exceeds?|brighter|over-?confident|larger|greater)\b",
    re.IGNORECASE,
)
WORST = re.compile(
    r"\b(?:weakest|worst|lowest|hardest|least (?:often )?recogni[sz]ed|poorest)\b", re.IGNORECASE
)
BEST = re.compile(r"\b(?:strongest|best|highest|easiest|most (?:often )?recogni[sz]ed)\b", re.IGNORECASE)
ABOUT = re.compile(
    r"(?:about|around|roughly|nearly|almost|some|approximately|circa|ca\.|~|close to|over|under|more than|less than|just (?:over|under)|at least|at most|up to)\s*$",
    re.IGNORECASE,
)
KINDS: Mapping[str, str] = {
    "spurious_correlation": r"spurious|shortcut|sign of|correlat\w*",
    "rare_case": r"rare|under-?represented",
    "label_noise": r"label noise|wrong labels?|mislabel\w*|labels",
    "distribution_shift": r"\bshift\w*|deployment drop",
    "leakage": r"\bleak\w*",
    "preprocessing": r"preprocess\w*|pipeline|fed wrongly|channel order|normali[sz]ation",
    "overfitting": r"overfit\w*|by heart|memori[sz]\w*",
    "underfitting": r"underfit\w*",
    "overconfidence": r"over-?confiden\w*|surer than",
    "weak_slice": r"weak slice|slice",
    "class_imbalance": r"imbalanc\w*",
    "missing_feature": r"missing feature",
    "overemphasised_feature": r"overemphasi[sz]\w*",
}


def metrics_in(text: str) -> frozenset[str]:
    """The metrics that ``text`` speaks of."""
    return frozenset(name for name, found in _METRICS.items() if found.search(text))


def splits_in(text: str) -> frozenset[str]:
    """The splits that ``text`` names."""
    return frozenset(name for name, found in _SPLITS.items() if found.search(text))


def agree(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two sets of metrics can speak of the same number; an empty one can be anything."""
    one, other = set(one), set(other)
    if not one or not other or one & other:
        return True
    return any(one & same and other & same for same in SAME)
