"""Whether a model does better than somebody who guesses: told before anything else where it does not."""

from __future__ import annotations

from failsight.tools.evidence import Fact
from failsight.tools.notes import called, of_split
from failsight.tools.performance import Performance
from failsight.tools.text import interval, number

FACT = "guessing"  # the balanced accuracy of guessing among the classes; stands only where the model is no better


def by_guessing(made: Performance) -> float | None:
    """Share that guessing among the classes with images gets right; None where the model is clearly better.

    Judged by the balanced accuracy, so that a model that always gives the most frequent answer does not pass for one
    that can tell the classes apart: it is no better where its 95 % interval does not lie above 1 / classes.
    """
    if len(made.present) < 2 or not made.balanced_accuracy.known:
        return None
    chance = 1 / len(made.present)
    return None if made.balanced_accuracy.ci[0] > chance else chance


def guessing_words(made: Performance) -> str:
    """What is plain where a model does no better than guessing; empty where it does."""
    chance = by_guessing(made)
    if chance is None:
        return ""
    k, right = len(made.present), round(made.accuracy.value * made.n)
    guess = f"guessing between the {k} classes would give {number(chance)}"
    balanced = f"{number(made.balanced_accuracy.value)} {interval(made.balanced_accuracy.ci)}"
    rate = f"{right:,} of {made.n:,} {called(made.split)}"
    if made.balanced_accuracy.ci[1] < chance:
        return f"It is right in {rate}, fewer than guessing gives: averaged over the classes {balanced}, and {guess}."
    return f"It is right in {rate}, which can't be told from guessing: averaged over the classes {balanced}, and {guess}."


def guessing_facts(made: Performance) -> list[Fact]:
    """The share that guessing would get right, where the model is no better."""
    chance = by_guessing(made)
    return [] if chance is None else [Fact(FACT, chance, "share", of_split(made.split), None, made.n)]
