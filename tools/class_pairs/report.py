"""Classes side by side, in words and facts: how often they are confused, in what they differ, what goes with confusion."""

from __future__ import annotations

import math

import numpy as np

from failsight.tools.class_pairs.measures import LEAST, Difference
from failsight.tools.class_pairs.model import Compared, Pair, in_words
from failsight.tools.class_pairs.tables import ALPHA
from failsight.tools.evidence import Fact, Finding
from failsight.tools.notes import called, of_split
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.text import clean, interval, listing, number, p_value

MOST_HYPOTHESES = 3
NEARLY = 0.8  # of the mixing by chance, from which two classes lie in one another


def summary(made: Compared) -> str:
    """What matters of the first pair, in a few sentences."""
    pair = made.pairs[0]
    a, b = made.names(pair)
    parts = []
    if made.about.performance is not None:
        (k, n), (r, m) = made.taken(pair.first, pair.second), made.taken(pair.second, pair.first)
        told = [
            f"{number(x / y)} {interval(wilson(x, y))} of {one} are taken for {other}"
            for x, y, one, other in ((k, n, a, b), (r, m, b, a))
            if y
        ]
        if told:
            parts.append(f"Of the {called(made.split)}, {' and '.join(told)}.")
        parts += _recalls(made, pair)
    if pair.space is not None:
        s = pair.space[0]
        verb = "tells" if s.p <= ALPHA else "does not tell"
        parts.append(
            f"In {made.space} a classifier that never saw the image {verb} them apart (AUC {s.auc.value:.2f} {interval(s.auc.ci, 'ratio')}, p {p_value(s.p)}); the nearest "
            f"image is of the other class for {number(s.mixed)} {interval(s.mixed_ci)} ({number(s.by_chance)} if they were one cloud)."
        )
    sure = [d for d in pair.attributes if d.q <= ALPHA]
    if sure:
        parts.append(
            f"{len(sure)} of {len(pair.attributes)} attributes differ, most of all {in_words(sure[0], a, b)}."
        )
    elif pair.attributes:
        parts.append(f"None of {len(pair.attributes)} attributes differs after correction.")
    telling = [d for d in pair.confused if d.q <= ALPHA]
    if telling:
        parts.append(
            f"Images taken for the other class differ from the others of their class in {listing([d.column.name for d in telling], 3)}."
        )
    elif pair.confused:
        parts.append(
            f"None of {len(pair.confused)} attributes separates images taken for the other class from the others of their class after correction."
        )
    return (
        " ".join(parts)
        or f"The {called(made.split)} of {a} and {b} were compared; neither attributes nor predictions are known."
    )


def _recalls(made: Compared, pair: Pair) -> list[str]:
    """Whether one of the two is recognised more often, as a sentence of its own."""
    one = made.recalls(pair)
    if one is None:
        return []
    a, b = made.names(pair)
    rates = f"{number(one.k / one.n)} {interval(wilson(one.k, one.n))} of {a} and {number(one.r / one.m)} {interval(wilson(one.r, one.m))} of {b} are recognised"
    gap = f"{number(one.gap, 'points')} {interval(one.ci, 'points')}, p {p_value(one.p)}"
    verdict = "the recalls differ" if one.p <= ALPHA else "no difference of the recalls is shown"
    return [f"{rates}: {verdict} ({gap})."]


def facts(made: Compared) -> list[Fact]:
    """Rates, confusions, separation and the strongest differences, with intervals."""
    about, split = made.about, made.split
    facts = []
    for s, counts in about.counts.items():
        for name, n in zip(about.names, counts, strict=True):
            facts.append(Fact("n", n, "count", of_split(s, f"class {clean(name, 60)}")))
    if about.performance is not None:
        for name, c in zip(about.names, about.index, strict=True):
            one = about.performance.per_class[c]
            for measure, rate in (("recall", one.recall), ("precision", one.precision)):
                if rate.known:
                    facts.append(Fact(measure, rate.value, "share", of_split(split, f"class {clean(name, 60)}"), rate.ci, rate.n, "higher_is_better"))  # fmt: skip
    for pair in made.pairs:
        facts += _pair_facts(made, pair)
    return facts


def _pair_facts(made: Compared, pair: Pair) -> list[Fact]:
    a, b = made.names(pair)
    facts = []
    for i, j in ((pair.first, pair.second), (pair.second, pair.first)):
        k, n = made.taken(i, j)
        if n:
            of = of_split(
                made.split,
                f"class {clean(made.about.names[i], 60)} taken for {clean(made.about.names[j], 60)}",
            )
            facts.append(Fact("confusion_rate", k / n, "share", of, wilson(k, n), n, "lower_is_better"))
    of = of_split(made.split, f"{a} and {b}")
    recalls = made.recalls(pair)
    if recalls is not None:
        minus = of_split(made.split, f"class {a} minus class {b}")
        facts.append(
            Fact("recall_difference", recalls.gap, "points", minus, recalls.ci, recalls.n + recalls.m)
        )
    if pair.space is not None:
        s = pair.space[0]
        facts += [
            Fact("separation_auc", s.auc.value, "ratio", of, s.auc.ci, sum(s.n), "higher_is_better"),
            Fact(
                "neighbours_of_the_other_class", s.mixed, "share", of, s.mixed_ci, sum(s.n), "lower_is_better"
            ),
        ]
        if math.isfinite(s.distance):
            facts.append(Fact("distance_of_means", s.distance, "ratio", of, None, sum(s.n)))
    for d in pair.attributes[:5]:
        at = of_split(made.split, f"{clean(d.column.name, 40)}: {a} and {b}")
        if d.category is not None:
            facts.append(Fact("cramers_v", d.category.v, "ratio", at, d.category.ci, sum(d.n)))
        elif d.number is not None and math.isfinite(d.number.shift):
            facts.append(Fact("shift", d.number.shift, "score", at, d.number.ci, sum(d.n)))
    return facts


def notes(made: Compared) -> list[str]:
    """What could not be seen, and what the numbers do not mean."""
    pair = made.pairs[0]
    told = [
        "A difference in the data is not yet a difference that the model uses; that needs a test (test_by_masking, test_by_swapping)."
    ]
    if pair.outcome is not None:
        wrong, right = int((pair.outcome == 1).sum()), int(np.isin(pair.outcome, (0, 2)).sum())
        if min(wrong, right) < LEAST:
            told.append(
                f"Only {wrong} images of the two are confused with each other and {right} are not: too few to say what goes with it."
            )
        else:
            least = smallest_rate_difference(wrong, 0.5, right, ALPHA, two_sided=True)
            if least is not None:
                told.append(
                    f"With {wrong} confused and {right} other images, a value must differ in share by about {number(least, 'points').lstrip('+')} to be seen in four of five cases, before correction."
                )
    guessed = [
        d.column.name for d in pair.attributes if d.column.source not in ("metadata", "object", "computed")
    ]
    if guessed:
        told.append(
            f"{listing(guessed, 4)} was assigned by a model; its mistakes may differ between the classes (attribute_check)."
        )
    if pair.space is not None and sum(pair.space[0].n) < len(pair.rows):
        told.append(f"Distances are those of a seeded sample of {sum(pair.space[0].n):,} images.")
    return told


def hypotheses(made: Compared) -> tuple[Finding, ...]:
    """What goes with being confused, as hypotheses: associations are tested here, causes are not."""
    pair = made.pairs[0]
    if pair.outcome is None:
        return ()
    found: list[Finding] = []
    for d in pair.confused:
        if d.q > ALPHA or d.category is None or d.column.coded is None or len(found) == MOST_HYPOTHESES:
            continue
        one = _hypothesis(made, pair, d)
        if one is not None:
            found.append(one)
    return tuple(found)


def _hypothesis(made: Compared, pair: Pair, d: Difference) -> Finding | None:
    """The value that confused images have more often, and the class that loses most by it.

    Rates are of all images of the class with an answer, also of those taken for a third class.
    """
    assert d.column.coded is not None
    assert pair.outcome is not None
    judged = pair.outcome >= 0
    confused, target = pair.outcome[judged] == 1, pair.target[judged]
    codes, best = d.column.coded.codes, None
    for value in range(len(d.column.coded.values)):
        for side in (False, True):
            inside, outside = (
                (target == side) & (codes == value),
                (target == side) & (codes >= 0) & (codes != value),
            )
            if min(int(inside.sum()), int(outside.sum())) < LEAST:
                continue
            k, n, r, m = (int(x.sum()) for x in (confused & inside, inside, confused & outside, outside))
            if best is None or k / n - r / m > best[0]:
                best = (k / n - r / m, value, side, k, n, r, m)
    if best is None or best[0] <= 0:
        return None
    _, value, side, k, n, r, m = best
    names = made.about.names[pair.first], made.about.names[pair.second]
    true, said = (names[1], names[0]) if side else names
    shown = f"{clean(d.column.name, 60)} = {clean(d.column.coded.values[value], 60)}"
    missing = bool(((target == side) & (codes < 0)).any())
    rest = f"those with another {clean(d.column.name, 60)}" if missing else "the others"
    return Finding(
        kind="weak_slice",
        failure="correctness",
        bug="unknown",
        statement=f"{clean(true, 60)} images with {shown} are taken for {clean(said, 60)} in {number(k / n)} of cases ({k:,} of {n:,}), {rest} in {number(r / m)} ({r:,} of {m:,}).",
        slice={d.column.name: d.column.coded.values[value]},
        class_name=true,
        confused_with=said,
        n=n,
        error_rate=k / n,
        base_error_rate=r / m,
        ci=wilson(k, n),
        p=d.p,
        q=d.q,
        note="An association among the images of these two classes; the value was picked by it.",
    )


def next_steps(made: Compared) -> tuple[str, ...]:
    """What to look at next."""
    pair = made.pairs[0]
    a, b = made.names(pair)
    steps = []
    sure = [d for d in pair.attributes if d.q <= ALPHA]
    objects = [d for d in sure if d.column.source == "object"]
    if objects:
        steps.append(
            f"Test whether the model relies on {clean(objects[0].column.name, 40)} to tell {a} from {b} (test_by_masking, test_by_swapping)."
        )
    if pair.outcome is not None and (pair.outcome == 1).any():
        (k, n), (r, m) = made.taken(pair.first, pair.second), made.taken(pair.second, pair.first)
        true, said = (a, b) if k * m >= r * n else (b, a)
        steps.append(
            f"Look at the images behind the confusion (confusion_matrix with true_class {true} and predicted_class {said})."
        )
    if pair.space is not None and (
        pair.space[0].p > ALPHA or pair.space[0].mixed > NEARLY * pair.space[0].by_chance
    ):
        steps.append(
            "The two lie in one another: ask a domain expert what tells them apart (form class_cues), and whether the labels do (label_noise)."
        )
    return tuple(steps)
