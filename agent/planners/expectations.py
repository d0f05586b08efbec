"""Expectations in plain words: ``accuracy at least 90 %``, ``recall of kitchen >= .85``, ``ece below 0.05``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

METRICS = {
    "balanced accuracy": "balanced_accuracy",
    "accuracy": "accuracy",
    "worst recall": "worst_recall",
    "worst class": "worst_recall",
    "recall": "recall",
    "precision": "precision",
    "f1": "f1",
    "ece": "ece",
    "calibration error": "ece",
    "deployment accuracy": "deploy.accuracy",
}
_AT_LEAST = r">=|≥|>|at least|minimum|min|not (?:below|less than|under)|above|over|more than|no less than"
_AT_MOST = r"<=|≤|<|at most|maximum|max|not (?:above|more than|over)|below|under|less than|no more than"
_SENTENCE = re.compile(
    rf"^(?:(?:i|we) (?:expect|need|want)|expect|the|it needs|set)?\W*(?P<what>.+?)\s*(?:must be|should be|has to be|to be|is|of)?\s*"
    rf"(?P<sign>{_AT_LEAST}|{_AT_MOST})\s*(?P<value>\d+(?:[.,]\d+)?|[.,]\d+)\s*(?P<unit>%|percent|per cent)?\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A parsed expectation; ``bound`` in [0, 1]."""

    name: str
    bound: float
    at_least: bool

    def __str__(self) -> str:
        return f"{self.name} {'≥' if self.at_least else '≤'} {100 * self.bound:g} %"


def parse_expectation(text: str, classes: Sequence[str]) -> Criterion | None:
    """The criterion that ``text`` states, or None when it states none (then it is something else: a question)."""
    match = _SENTENCE.match(text.strip())
    if match is None:
        return None
    value = float(match["value"].replace(",", "."))
    if match["unit"] or value > 1:
        value /= 100
    name = _metric(match["what"].lower().replace("_", " ").replace("-", " "), classes)
    if name is None or not 0 <= value <= 1:
        return None
    return Criterion(name, value, re.fullmatch(_AT_LEAST, match["sign"], re.IGNORECASE) is not None)


def _metric(what: str, classes: Sequence[str]) -> str | None:
    what = " ".join(what.replace(".", " ").split())
    split = "deploy." if re.search(r"\bdeploy", what) else ""
    metric = next((v for k, v in METRICS.items() if k in what), None)
    named = [c for c in classes if re.search(rf"\b{re.escape(c.lower().replace('_', ' '))}\b", what)]
    if metric in ("recall", "precision", "f1"):
        if "worst" in what and metric == "recall":
            return split + "worst_recall"
        return f"{split}{metric}.{max(named, key=len)}" if named else None
    if metric == "accuracy" and named:
        return f"{split}recall.{max(named, key=len)}"  # the accuracy on a class is its recall
    if metric is None:
        return None
    return metric if metric.startswith("deploy.") else split + metric


def parse_cli(text: str, classes: Sequence[str]) -> Criterion | None:
    """``NAME>=VALUE`` of the command line's ``--expect``; class names are taken as they are."""
    match = re.fullmatch(r"\s*([^<>=]+?)\s*(>=|<=)\s*([\d.]+)\s*(%?)\s*", text)
    if match is None:
        return None
    value = float(match[3]) / (100 if match[4] or float(match[3]) > 1 else 1)
    return Criterion(match[1], value, match[2] == ">=")
