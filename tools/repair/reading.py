"""Scores read otherwise, with nothing trained: at another temperature, or with weak answers of one class overruled.

Pure functions over class probabilities, so that they hold for a model around which they stand and for recorded answers alike.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Floats

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
KINDS = ("temperature", "defer", "rule")
LOTS = 10_007
FLOOR = 1e-7
"""Of a score, before its logarithm: recorded answers are rounded, often to 0. A temperature is fitted and applied at the same."""


def read_otherwise(scores: Floats, facts: Mapping[str, Any]) -> Floats:
    """(n, classes) probabilities as ``facts`` (of ``version.json``) want them read. Deferral changes none."""
    if facts["kind"] == "temperature":
        logs = np.log(np.clip(scores, FLOOR, None)) / np.float32(facts["temperature"])
        made = np.exp(logs - logs.max(1, keepdims=True))
        return np.asarray(made / made.sum(1, keepdims=True), np.float32)
    return exchanged(scores, overruled(scores, facts)) if facts["kind"] == "rule" else scores


def overruled(scores: Floats, facts: Mapping[str, Any]) -> Mask:
    """(n,) answers that a rule replaces: those of class ``answers`` with a confidence below ``below``; or a ``share`` of all, by lot.

    The lot hangs on the scores alone (three digits), so that the same image draws the same lot every time.
    """
    if "share" in facts:
        lots = [zlib.crc32(np.round(row.astype(np.float64), 3).tobytes()) % LOTS for row in scores]
        by_lot: Mask = np.array(lots, float) < float(facts["share"]) * LOTS
        return by_lot
    taken: Mask = (scores.argmax(1) == int(facts["answers"])) & (scores.max(1) < float(facts["below"]))
    return taken


def exchanged(scores: Floats, at: Mask) -> Floats:
    """Scores in which the best and the second best class of the rows ``at`` have changed places."""
    made = np.array(scores, np.float32)
    rows = np.flatnonzero(at)
    first, second = best_two(scores)
    made[rows, first[rows]], made[rows, second[rows]] = scores[rows, second[rows]], scores[rows, first[rows]]
    return made


def best_two(scores: Floats) -> tuple[Ints, Ints]:
    """(n,) the most and the second most probable class."""
    first = scores.argmax(1).astype(np.int64)  # where thresholds decide there is no such repair (around.py)
    rest = np.array(scores, np.float64)
    rest[np.arange(len(rest)), first] = -np.inf
    return first, rest.argmax(1).astype(np.int64)


def rule_bound(scores: Floats, labels: Ints, answers: int) -> float:
    """The confidence below which answering the second best class instead of ``answers`` is right most often; 0 where never.

    Of equally good bounds the lowest, which overrules fewest answers.
    """
    first, second = best_two(scores)
    mine = np.flatnonzero(first == answers)
    order = mine[np.argsort(scores[mine, answers], kind="stable")]
    gain = np.cumsum((second[order] == labels[order]).astype(int) - (first[order] == labels[order]))
    sure = scores[order, answers].astype(np.float64)
    if not len(gain) or gain.max() <= 0:
        return 0.0
    best = int(gain.argmax())
    return float((sure[best] + sure[best + 1]) / 2) if best + 1 < len(sure) else 1.01
