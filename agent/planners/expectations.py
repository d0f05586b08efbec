"""Expectations in plain words: ``accuracy at least 90 %``, ``recall of kitchen >= .85``, ``ece below 0.05``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from failsight.agent.planners.demands import apart, parse_demand, parse_named
from failsight.tools.expectations.budgets import BUDGETS, is_budget, show
from failsight.tools.expectations.names import is_cost, is_price, show_value

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
    "worst slice error": "worst_slice_error",
    "error rate": "error_rate",
}
_AT_LEAST = r">=|≥|>|at least|minimum|min|(?:not|never) (?:(?:be|fall|drop|go|sink) )?(?:below|less than|under)|above|over|more than|no less than"
_AT_MOST = r"<=|≤|<|at most|maximum|max|(?:not|never) (?:(?:be|rise|go|get) )?(?:above|more than|over)|(?:not|never) exceed|below|under|less than|no more than"
_SENTENCE = re.compile(
    rf"^(?:(?:i|we) (?:expect|need|want)|expect|the|it needs|set)?\W*(?P<what>.+?)\s*(?:must be|should be|has to be|to be|is|of)?\s*"
    rf"(?P<sign>{_AT_LEAST}|{_AT_MOST})\s*(?P<value>\d+(?:[.,]\d+)?|[.,]\d+)\s*(?P<unit>%|percent|per cent)?\W*$",
    re.IGNORECASE,
)
_NUMBER_FIRST = re.compile(
    rf"^(?P<lead>.*?)(?P<bound>(?:{_AT_LEAST}|{_AT_MOST})\s*(?:\d+(?:[.,]\d+)?|[.,]\d+)\s*(?:%|percent|per cent)?)\s+(?!per ?cent)(?P<what>[a-z][\w ]*?)\W*$",
    re.IGNORECASE,
)
_PICTURES = r"(?:images?|pictures?|photos?|photographs?|frames?)"
_SPEED = r"(?:it |the model |we |i )?(?:must |should |has to |have to |needs? (?:to )?|expect |want )?(?:process(?:es)? |handle(?:s)? |do |classify )?"
_NUMBER = r"(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|[.,]\d+)"
_BUDGET = re.compile(
    rf"^(?P<what>.*?)\s*(?P<sign>{_AT_LEAST}|{_AT_MOST})\s*{_NUMBER}\s*"
    rf"(?P<unit>ms|milliseconds?|s|sec|seconds?|{_PICTURES}\s*(?:/|per|a|each)\s*s(?:ec(?:ond)?)?|fps|"
    r"mb|megabytes?|mib|gb|gigabytes?|gib|kb|m|million|k|thousand|billion)?\s*(?:parameters|weights|memory|ram|of memory|of ram|(?:per|an?|each|for each) (?:image|picture|photo))?\W*$",
    re.IGNORECASE,
)
_SCALE = {  # unit → (what it measures, factor to the unit that is kept)
    "ms": ("latency_ms", 1), "millisecond": ("latency_ms", 1), "s": ("latency_ms", 1e3), "sec": ("latency_ms", 1e3), "second": ("latency_ms", 1e3),
    "mb": ("memory_mb", 1), "megabyte": ("memory_mb", 1), "mib": ("memory_mb", 1.048576), "gb": ("memory_mb", 1e3), "gigabyte": ("memory_mb", 1e3),
    "gib": ("memory_mb", 1073.741824), "kb": ("memory_mb", 1e-3), "m": ("parameters_m", 1), "million": ("parameters_m", 1), "k": ("parameters_m", 1e-3),
    "thousand": ("parameters_m", 1e-3), "billion": ("parameters_m", 1e3), "fps": ("throughput", 1),
}  # fmt: skip
_NAMED = (
    ("latency_ms", r"latency|response time|inference time|time per (?:image|picture)"),
    ("throughput", r"throughput|images per second|pictures per second|speed|frame rate"),
    ("memory_mb", r"memory|\bram\b|footprint"),
    ("parameters_m", r"parameters?|weights|size of the model|model size"),
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A parsed expectation; ``bound`` in [0, 1], or in the unit of a demand on speed, size or cost. ``by``: who wants it.
    ``heard``: how a word that is none of the measures was taken, one sentence, or empty."""

    name: str
    bound: float
    at_least: bool
    by: str = ""
    heard: str = ""

    def __str__(self) -> str:
        if is_price(self.name):
            return f"{self.name} = {show_value(self.name, self.bound)}"
        if is_cost(self.name):
            return f"{self.name} {'≥' if self.at_least else '≤'} {show_value(self.name, self.bound)}"
        if is_budget(self.name):
            return f"{BUDGETS[self.name].words} {'≥' if self.at_least else '≤'} {show(self.name, self.bound)}"
        return f"{self.name} {'≥' if self.at_least else '≤'} {100 * self.bound:g} %"


def parse_expectation(text: str, classes: Sequence[str]) -> Criterion | None:
    """The criterion that ``text`` states, or None when it states none (then it is something else: a question)."""
    text, by = apart(text)
    made = _parsed(text, classes)
    return replace(made, by=by) if made is not None and by else made


def _parsed(text: str, classes: Sequence[str]) -> Criterion | None:
    budget = _budget(text.strip())
    if budget is not None:
        return budget
    demand = parse_demand(text, classes)
    if demand is not None:
        return Criterion(*demand)
    match = _SENTENCE.match(_number_last(text.strip()))
    if match is None:
        return None
    value = float(match["value"].replace(",", "."))
    if match["unit"] or value > 1:
        value /= 100
    name = metric_name(match["what"], classes)
    if name is None or not 0 <= value <= 1:
        return None
    return Criterion(name, value, re.fullmatch(_AT_LEAST, match["sign"], re.IGNORECASE) is not None)


def _number_last(text: str) -> str:
    """``at least 90 % accuracy on deployment images`` with its bound at the end, where it is looked for."""
    found = _NUMBER_FIRST.match(text)
    return f"{found['lead']} {found['what']} {found['bound']}".strip() if found else text


def _budget(text: str) -> Criterion | None:
    """A demand on speed or size: ``latency at most 50 ms``, ``at least 20 images per second``, ``memory below 2 GB``."""
    match = _BUDGET.match(text)
    if match is None:
        return None
    what, unit = match["what"].lower(), (match["unit"] or "").lower()
    named = next(
        (name for name, words in _NAMED if re.search(words, what + " " + text[match.end("value") :].lower())),
        None,
    )
    key = unit if unit in _SCALE else unit.rstrip("s")
    measured, factor = _SCALE.get(key, (None, 1.0))
    if unit and measured is None:
        measured = "throughput"  # pictures a second, in one of its many spellings
    name = measured or named
    if name is None or (measured and named and measured != named) or (not unit and named != "throughput"):
        return None
    if named is None and not re.fullmatch(_SPEED, what.strip() + " " if what.strip() else ""):
        return None
    number = match["value"]
    value = float(
        number.replace(",", "")
        if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", number)
        else number.replace(",", ".")
    )
    return Criterion(name, value * factor, re.fullmatch(_AT_LEAST, match["sign"], re.IGNORECASE) is not None)


_FILLING = re.compile(
    r"\b(?:the|model|classifier|network|a|an|of|for|on|in|at|its|their|our|my|model|model's|s|class|classes|each|every|all|any|overall|whole|must|should|has|have|to|be|is|are|it|we|i|need|"
    r"needs|wants?|expects?|demands?|requires?|insist|ask|set|get|reach|having|and|with|among|within|worst|weakest|deploy|deployment|deployed|training|evaluation|test|data|set|images?|pictures?|"
    r"photos?|labels?|score|rate|value|mean|at least|minimum|maximum|by|itself|themselves|least|most|single|individual|per|then|also|please|too)\b"
)


def _told_whole(what: str, named: Sequence[str]) -> bool:
    """Whether nothing is left of ``what`` but the measure, one class, and words that add nothing: a bound on *rainy images* is
    another one than a bound on all."""
    left = what
    for word in sorted(METRICS, key=len, reverse=True):
        left = left.replace(word, " ")
    kept = max(named, key=len, default="").lower().replace("_", " ")
    left = _FILLING.sub(" ", left.replace(kept, " ", 1) if kept else left)
    others = [c for c in named if c.lower().replace("_", " ") not in kept]
    return not others and not re.search(r"\w", left)


def metric_name(what: str, classes: Sequence[str]) -> str | None:
    """``recall.kitchen`` for ``recall of the kitchen``; None when it names no measure."""
    what = what.lower().replace("_", " ").replace("-", " ")
    what = " ".join(what.replace(".", " ").split())
    split = "deploy." if re.search(r"\bdeploy", what) else ""
    metric = next((v for k, v in METRICS.items() if k in what), None)
    named = [
        c for c in classes if re.search(rf"(?<!\w){re.escape(c.lower().replace('_', ' '))}s?(?!\w)", what)
    ]
    if not _told_whole(what, named):
        return None
    if metric in ("recall", "precision", "f1"):
        if (
            metric == "recall"
            and not named
            and re.search(r"\bworst|\b(?:each|every|any|all)\b.*\bclass", what)
        ):
            return split + "worst_recall"
        return f"{split}{metric}.{max(named, key=len)}" if named else None
    if metric == "accuracy" and named:
        return f"{split}recall.{max(named, key=len)}"  # the accuracy on a class is its recall
    if metric is None:
        return None
    return metric if metric.startswith("deploy.") else split + metric


def parse_cli(text: str, classes: Sequence[str]) -> Criterion | None:
    """``NAME>=VALUE`` of the command line's ``--expect``; class names are taken as they are."""
    made = parse_named(text)
    return Criterion(*made) if made is not None else None
