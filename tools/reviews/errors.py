"""What people said of single errors: which are drawn for them, and what their answers say of all errors. Pure functions.

Errors are drawn in strata (which class is taken for which), so that a rare confusion is looked at too, and weighted back
to how often each occurs. Where reviewers differ, an error counts as unacceptable when any of them says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Interval
from failsight.tools.performance import Rate, weighted_rate
from failsight.tools.stats.floors import exact
from failsight.tools.text import clean

Ints = npt.NDArray[np.int64]
VERDICTS = ("acceptable", "unacceptable", "label", "unsure")
WORDS = {
    "acceptable": "acceptable", "accept": "acceptable", "yes": "acceptable", "y": "acceptable", "ok": "acceptable",
    "unacceptable": "unacceptable", "no": "unacceptable", "n": "unacceptable", "never": "unacceptable", "not acceptable": "unacceptable",
    "label": "label", "label wrong": "label", "the label is wrong": "label", "wrong label": "label",
    "unsure": "unsure", "?": "unsure",
}  # fmt: skip
YES, NO = ("yes", "y", "true", "1", "x"), ("no", "n", "false", "0")
OTHERS = "other confusions"
LEAST_DRAWN = 4  # images of a stratum that are looked at, where it has so many
MOST_STRATA = 8


@dataclass(frozen=True, slots=True)
class Strata:
    """The errors of a split in strata.

    Attributes:
        at: (m,) positions of the errors in the prediction table, ascending. codes: (m,) stratum of each.
        names: of the strata, largest first; ``weights``: (strata,) share of the errors in each.
    """

    at: Ints
    codes: Ints
    names: tuple[str, ...]

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Share of the errors in each stratum."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return counts / max(len(self.at), 1)


def strata(labels: Ints, predicted: Ints, classes: Sequence[str], n: int) -> Strata:
    """The errors by confusion: the most frequent ones each by itself, as many as ``n`` drawn images can serve, then the rest."""
    at = np.flatnonzero((labels >= 0) & (labels != predicted)).astype(np.int64)
    cells, codes, counts = np.unique(
        labels[at] * len(classes) + predicted[at], return_inverse=True, return_counts=True
    )
    order = np.lexsort((cells, -counts))
    own = [c for c in order.tolist() if counts[c] >= LEAST_DRAWN][
        : max(1, min(MOST_STRATA, n // LEAST_DRAWN) - 1)
    ]
    place = np.full(len(cells), len(own), np.int64)
    place[own] = np.arange(len(own))
    names = [f"{classes[cells[c] // len(classes)]} taken for {classes[cells[c] % len(classes)]}" for c in own]
    if len(own) < len(cells):
        names.append(OTHERS)
    return Strata(at, place[codes.ravel()] if len(at) else np.zeros(0, np.int64), tuple(names))


def draw(made: Strata, n: int, seed: int) -> Ints:
    """Positions in ``made.at`` of at most ``n`` errors: from each stratum its share, but at least a few; ascending by stratum."""
    sizes = np.bincount(made.codes, minlength=len(made.names))
    wanted = _allocate(sizes, n)
    rng = np.random.default_rng([seed, 7])
    parts = []
    for code, m in enumerate(wanted.tolist()):
        inside = np.flatnonzero(made.codes == code)
        parts.append(np.sort(rng.permutation(inside)[:m]))
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)


def _allocate(sizes: Ints, n: int) -> Ints:
    """How many of each stratum: proportional, at least LEAST_DRAWN where there are so many, never more than there are."""
    total = int(sizes.sum())
    if total <= n:
        return sizes.astype(np.int64)
    made = np.minimum(np.maximum(np.floor(n * sizes / total), LEAST_DRAWN), sizes).astype(np.int64)
    while made.sum() != n:
        lack = n * sizes / total - made
        if made.sum() < n:
            free = made < sizes
            made[np.flatnonzero(free)[np.argmax(lack[free])]] += 1
        else:
            free = (
                made > np.minimum(LEAST_DRAWN, sizes)
                if (made > np.minimum(LEAST_DRAWN, sizes)).any()
                else made > 0
            )
            made[np.flatnonzero(free)[np.argmin(lack[free])]] -= 1
    return made


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said of one error. ``verdict`` is empty, and ``human`` (could a careful person make it?) None, where that was
    not answered."""

    verdict: str
    human: bool | None = None
    why: str = ""


Reviews = dict[str, dict[str, Said]]  # who → path → what was said


def read_answers(
    answers: Mapping[str, str], human: Mapping[str, str], why: Mapping[str, str]
) -> dict[str, Said]:
    """Checked answers by path; a verdict left blank is none. Raises RetryError for a word that is no verdict."""
    made = {}
    for path in dict.fromkeys((*answers, *human)):
        told = answers.get(path, "").strip().casefold().rstrip(".")
        verdict = WORDS.get(told) if told else ""
        if verdict is None:
            raise RetryError(f"{clean(answers[path], 60)!r} is no verdict on {clean(path, 120)}.", VERDICTS)
        word = human.get(path, "").strip().casefold()
        if word not in (*YES, *NO, "", "?", "unsure"):
            raise RetryError(
                f"{clean(human[path], 60)!r} says neither yes nor no of {clean(path, 120)}.",
                ("yes", "no", "?"),
            )
        made[path] = Said(
            verdict, True if word in YES else False if word in NO else None, clean(why.get(path, ""), 300)
        )
    return made


def earlier(evidence: Iterable[Evidence], split: str) -> Reviews:
    """What was said so far, by person; a later answer of the same person to the same error replaces the earlier one."""
    made: Reviews = {}
    for one in evidence:
        given = one.arguments
        if given.get("split", "data") == split and (given.get("answers") or given.get("human")):
            said = read_answers(given.get("answers") or {}, given.get("human") or {}, given.get("why") or {})
            merge(made, str(given.get("by") or ""), said)
    return made


def merge(reviews: Reviews, by: str, said: Mapping[str, Said]) -> None:
    """Add what ``by`` said; people are told apart without regard to case and spaces.

    What is not answered this time stays as it was said before; an error that nobody gave a verdict on is unsure.
    """
    mine = reviews.setdefault(next((k for k in reviews if _plain(k) == _plain(by)), by), {})
    for path, new in said.items():
        old = mine.get(path, Said(""))
        human = new.human if new.human is not None else old.human
        mine[path] = Said(new.verdict or old.verdict or "unsure", human, new.why or old.why)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share of all errors, weighted back. ``unseen``: strata of which nobody judged an image."""

    rate: Rate
    unseen: tuple[str, ...]


def share(made: Strata, judged: Mapping[int, bool]) -> Estimate:
    """Share of errors for which ``judged`` is True, weighted back to how often each stratum occurs.

    Exact limits within strata, put together by square and add. A stratum that nobody looked at may hold anything.

    Args:
        judged: position in ``made.at`` → whether it counts.
    """
    at = np.array(list(judged), np.int64)
    counts = np.array(list(judged.values()), bool)
    overall = float(counts.mean()) if len(counts) else math.nan
    parts, unseen = [], []
    for code, name in enumerate(made.names):
        inside = made.codes[at] == code if len(at) else np.zeros(0, bool)
        n, k = int(inside.sum()), int(counts[inside].sum())
        if n == 0:
            unseen.append(name)
            parts.append(Rate(overall, (0.0, 1.0), 0))
        else:
            parts.append(Rate(k / n, exact(k, n), n))
    if not len(at):
        return Estimate(Rate(math.nan, (0.0, 1.0), 0), tuple(unseen))
    whole = weighted_rate(parts, made.weights)
    low, high = (round(c, 12) for c in whole.ci)  # weights sum to one up to rounding
    return Estimate(Rate(round(whole.value, 12), (low, high), whole.n), tuple(unseen))


def of_all(errors: int, images: int, part: Rate) -> tuple[float, Interval]:
    """Share of all images with such an error: error rate times share; both limits at 97.5 %, so that together they keep 95 %.

    Args:
        errors, images: counted. part: share of the errors with its 95 % interval, widened here to 97.5 %.
    """
    if images == 0 or not part.known:
        return math.nan, (0.0, 1.0)
    low, high = exact(errors, images, 0.975)
    wider = 2.2414 / 1.96  # of a normal limit, from 95 to 97.5 %
    below = max(0.0, part.value - wider * (part.value - part.ci[0]))
    above = min(1.0, part.value + wider * (part.ci[1] - part.value))
    return errors / images * part.value, (low * below, high * above)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree on errors that two of them judged: pairs of judgements that agree, of all pairs; Cohen's kappa."""

    agreed: int
    pairs: int
    kappa: float
    disputed: tuple[str, ...]


def agreement(reviews: Reviews) -> Agreement | None:
    """Over all pairs of people, unsure ones left out; None where no error was judged by two.

    Cohen 1960, Educ. Psychol. Meas. 20:37; chance agreement from the verdicts of both sides of all pairs together.
    """
    first, second, disputed = [], [], []
    for a, b in combinations(sorted(reviews), 2):
        for path in reviews[a]:
            one, other = reviews[a][path], reviews[b].get(path)
            if other is None or "unsure" in (one.verdict, other.verdict):
                continue
            first.append(VERDICTS.index(one.verdict))
            second.append(VERDICTS.index(other.verdict))
            if one.verdict != other.verdict:
                disputed.append(path)
    if not first:
        return None
    x, y = np.array(first), np.array(second)
    agreed, pairs = int((x == y).sum()), len(x)
    mix = np.bincount(np.concatenate([x, y]), minlength=len(VERDICTS)) / (2 * pairs)
    chance = float((mix**2).sum())
    kappa = (agreed / pairs - chance) / (1 - chance) if chance < 1 else math.nan
    return Agreement(agreed, pairs, kappa, tuple(dict.fromkeys(disputed)))


def strictest(verdicts: Iterable[str]) -> str:
    """One verdict of several: unacceptable when anybody says so, else that the label is wrong, else acceptable, else unsure."""
    said = set(verdicts)
    return next((v for v in ("unacceptable", "label", "acceptable") if v in said), "unsure")
