"""How good a guess was, and how well somebody knows what they know: pure functions over guesses and measured values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALPHA = 0.2
"""A range is asked for that holds the value in 80 of 100 cases."""
ENOUGH = 5
"""Guesses before anything is said about how well they hold."""


@dataclass(frozen=True, slots=True)
class Range:
    """A guessed range of a share, both ends in [0, 1]."""

    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


_RANGE = re.compile(
    r"^\W*(?:between|from|about|around|maybe)?\s*(?P<low>\d+(?:[.,]\d+)?)\s*%?\s*(?:(?:-|–|to|and|\.\.)\s*(?P<high>\d+(?:[.,]\d+)?)\s*%?)?\s*(?:percent|per cent|points?)?\W*$",
    re.IGNORECASE,
)


def read_range(text: str) -> Range | None:
    """``70-90``, ``70 to 90 %``, ``0.7-0.9``, ``80``: a range of a share; None where it is none."""
    found = _RANGE.match(text.strip())
    if found is None:
        return None
    ends = [float(part.replace(",", ".")) for part in (found["low"], found["high"]) if part]
    written_as_share = any(mark in text for mark in ".,") and max(ends) <= 1
    if not written_as_share or "%" in text:
        ends = [end / 100 for end in ends]
    if max(ends) > 1:
        return None
    return Range(min(ends), max(ends))


def range_score(guess: Range, value: float) -> float:
    """The interval score of Gneiting and Raftery (JASA 2007, section 6.2), in the unit of the share; lower is better.

    The width of the range, and ten times how far the value lies outside.
    """
    outside = max(guess.low - value, value - guess.high, 0.0)
    return guess.width + 2 / ALPHA * outside


def holds(guess: Range, value: float, within: float = 0.0005) -> bool:
    """Whether the value lies in the range as it is written, to a tenth of a point: 95.04 % is 95.0 %, 95.3 % is not."""
    return guess.low - within <= value <= guess.high + within


def brier(sure: float, right: bool) -> float:
    """Brier's score of one statement: 0 is best, 1 is worst."""
    return (sure - (1.0 if right else 0.0)) ** 2


def range_words(guess: Range, value: float, shown: str) -> tuple[bool, str]:
    """Whether the guess held, and a sentence about it. ``shown``: the value as it is written."""
    told = f"You said {_ends(guess)}; it is {shown}."
    if guess.width == 0:
        off = abs(value - guess.low)
        near = off <= 0.03
        return (
            near,
            f"{told} {'Close.' if near else f'{100 * off:.0f} points off.'} A range says how sure you are: try one next time.",
        )
    if not holds(guess, value):
        far = max(guess.low - value, value - guess.high)
        return (
            False,
            f"{told} Outside by {_points(far)}: either you know something wrong about this model, or your range was too narrow.",
        )
    if guess.width > 0.5:
        return (
            True,
            f"{told} Inside, but a range of {100 * guess.width:.0f} points would hold almost anything. Dare more.",
        )
    return True, f"{told} Inside your range."


def _points(share: float) -> str:
    """``5 points``, ``0.3 points``."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} point{'' if text == '1' else 's'}"


def _ends(guess: Range) -> str:
    if guess.width == 0:
        return f"{100 * guess.low:g} %"
    return f"{100 * guess.low:g} to {100 * guess.high:g} %"


def calibration(guesses: Sequence[Mapping[str, Any]]) -> str:
    """What all guesses so far say about their maker; empty while they are too few.

    Args:
        guesses: each with ``held`` and, for picked answers, ``sure`` in [0, 1].
    """
    ranges = [g for g in guesses if g.get("what") == "range"]
    picks = [g for g in guesses if g.get("what") == "pick" and g.get("sure") is not None]
    told = []
    if len(ranges) >= ENOUGH:
        held = sum(bool(g["held"]) for g in ranges)
        share = held / len(ranges)
        verdict = (
            "Your ranges are too narrow: give more room."
            if share < 0.6
            else "Your ranges are about right."
            if share < 0.95 or len(ranges) < 10
            else "Your ranges could be narrower."
        )
        told.append(
            f"{held} of your {len(ranges)} ranges held the measured value; of good ones 8 in 10 do. {verdict}"
        )
    if len(picks) >= ENOUGH:
        sure = sum(g["sure"] for g in picks) / len(picks)
        right = sum(bool(g["held"]) for g in picks) / len(picks)
        gap = sure - right
        verdict = (
            "surer than you are right"
            if gap > 0.1
            else "less sure than you could be"
            if gap < -0.1
            else "about as sure as you are right"
        )
        told.append(
            f"On {len(picks)} picks you were {100 * sure:.0f} % sure on average and right on {100 * right:.0f} %: {verdict}."
        )
    return " ".join(told)


def read_sure(text: str) -> float | None:
    """``70``, ``70 %`` or ``0.7`` as a share; None where it is none."""
    made = read_range(text) if text else None
    return made.low if made is not None and made.width == 0 else None
