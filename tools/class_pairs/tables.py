"""Classes side by side, as tables."""

from __future__ import annotations

import math

from failsight.tools.class_pairs.measures import Difference
from failsight.tools.class_pairs.model import Compared, in_words, shown_value
from failsight.tools.evidence import Cell, Table
from failsight.tools.notes import called
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import clean, interval, number, p_value

ALPHA = 0.05
MOST_ROWS = 30


def tables(made: Compared) -> tuple[Table, ...]:
    """All tables that hold something."""
    first = made.pairs[0]
    a, b = made.names(first)
    built = [_class_table(made), _recalls(made), _confusions(made), _suspects(made)]
    built.append(_difference_table("In what they differ", first.attributes, a, b))
    built.append(
        _difference_table("What goes with being confused", first.confused, "not confused", "confused")
    )
    if len(made.pairs) > 1:
        built.append(_pairs(made))
    return tuple(t for t in built if t.rows)


def _class_table(made: Compared) -> Table:
    about = made.about
    splits = list(about.counts)
    rows: list[tuple[Cell, ...]] = []
    for at, (name, c) in enumerate(zip(about.names, about.index, strict=True)):
        one = about.performance.per_class[c] if about.performance else None
        told = (
            [f"{number(r.value)} {interval(r.ci)}" if r.known else "–" for r in (one.recall, one.precision)]
            if one
            else ["–", "–"]
        )
        rows.append((name, *(about.counts[s][at] for s in splits), *told))
    columns = ("class", *(f"{called(s)}" for s in splits), "recall", "precision")
    return Table("The classes", columns, tuple(rows), ("text", *("count" for _ in splits), "text", "text"))  # type: ignore[arg-type]


def _recalls(made: Compared) -> Table:
    """Each pair's recalls, with the exact test that they are equal."""
    both = [(pair, one) for pair in made.pairs if (one := made.recalls(pair)) is not None]
    q: list[float] = list(benjamini_hochberg([one.p for _, one in both])) if both else []
    rows: list[tuple[Cell, ...]] = []
    for (pair, one), corrected in zip(both, q, strict=True):
        a, b = (made.about.names[i] for i in (pair.first, pair.second))
        gap = f"{number(one.gap, 'points')} {interval(one.ci, 'points')}"
        rows.append((a, b, one.k / one.n, one.r / one.m, gap, p_value(one.p), p_value(corrected)))
    return Table(
        "Are they recognised equally often?",
        ("class", "other class", "recall", "recall of the other", "difference", "p", "q"),
        tuple(rows),
        ("text", "text", "share", "share", "text", "text", "text"),
        "Difference: with Newcombe's interval. p: Fisher's exact test that the recalls are equal. q: Benjamini–Hochberg over pairs.",
    )


def _confusions(made: Compared) -> Table:
    """Both ways of each pair, with the exact test that one way is as frequent as the other."""
    rows: list[tuple[Cell, ...]] = []
    both = [(p, *made.taken(p.first, p.second), *made.taken(p.second, p.first)) for p in made.pairs]
    both = [one for one in both if one[2] and one[4]]
    q: list[float] = (
        list(benjamini_hochberg([fisher_exact(k, n, r, m) for _, k, n, r, m in both])) if both else []
    )
    for (pair, k, n, r, m), corrected in zip(both, q, strict=True):
        a, b = (made.about.names[i] for i in (pair.first, pair.second))
        gap = f"{number(k / n - r / m, 'points')} {interval(newcombe(k, n, r, m), 'points')}"
        rows.append((a, b, k, n, f"{number(k / n)} {interval(wilson(k, n))}", gap, p_value(corrected)))
        rows.append((b, a, r, m, f"{number(r / m)} {interval(wilson(r, m))}", "", ""))
    return Table(
        "Taken for each other",
        ("true class", "taken for", "images", "of", "rate", "more than the reverse", "q"),
        tuple(rows),
        ("text", "text", "count", "count", "text", "text", "text"),
        "q: Fisher's exact test that one way is as frequent as the other, Benjamini–Hochberg over pairs.",
    )


def _suspects(made: Compared) -> Table:
    """Labels that the model contradicts about as surely as it usually is of the other class (confident learning)."""
    joint, about = made.about.suspects, made.about
    rows: list[tuple[Cell, ...]] = []
    if joint is not None:
        for pair in made.pairs:
            for i, j in ((pair.first, pair.second), (pair.second, pair.first)):
                row = joint[about.index[i]]
                k, n = int(row[about.index[j]]), int(row.sum())
                if n:
                    rows.append(
                        (about.names[i], about.names[j], k, n, f"{number(k / n)} {interval(wilson(k, n))}")
                    )
    return Table(
        "Do label and model agree?",
        ("label", "model is sure of", "images", "of", "share"),
        tuple(rows),
        ("text", "text", "count", "count", "text"),
        "Images whose label the model contradicts as surely as it usually is (Northcutt et al. 2021): wrong labels or confident errors; label_noise tells them apart.",
    )


def _difference_table(title: str, found: list[Difference], one: str, other: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for d in found[:MOST_ROWS]:
        name = clean(d.column.name, 60)
        if d.number is not None:
            n = d.number
            size = (
                f"{n.shift:+.2f} [{n.ci[0]:+.2f}, {n.ci[1]:+.2f}] spreads" if math.isfinite(n.shift) else "–"
            )
            rows.append(
                (
                    name,
                    d.column.source,
                    f"{n.before:.4g}",
                    f"{n.after:.4g}",
                    size,
                    p_value(d.p),
                    p_value(d.q),
                    sum(d.n),
                )
            )
        elif d.category is not None and d.column.coded is not None:
            c = d.category
            value, _, before, after = shown_value(d)
            size = f"V {c.v:.2f} [{c.ci[0]:.2f}, {c.ci[1]:.2f}]"
            rows.append(
                (
                    f"{name} = {clean(value, 60)}",
                    d.column.source,
                    number(before),
                    number(after),
                    size,
                    p_value(d.p),
                    p_value(d.q),
                    sum(d.n),
                )
            )
    caption = "Numbers: medians, and their difference in spreads (quartile range / 1.349) with its interval. Names: share of the value that differs most, Cramér's V. q: Benjamini–Hochberg."
    return Table(title, ("attribute", "source", one, other, "size", "p", "q", "images"), tuple(rows), ("text",) * 7 + ("count",), caption)  # fmt: skip


def _pairs(made: Compared) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for pair in made.pairs:
        a, b = (made.about.names[i] for i in (pair.first, pair.second))
        s = pair.space[0] if pair.space else None
        sure = [d for d in pair.attributes if d.q <= ALPHA]
        (k, n), (r, m) = made.taken(pair.first, pair.second), made.taken(pair.second, pair.first)
        rows.append(
            (a, b, k / n if n else None, r / m if m else None, f"{s.auc.value:.2f} {interval(s.auc.ci, 'ratio')}" if s else "–",
             p_value(s.p) if s else "–", len(sure),
             in_words(sure[0], clean(a, 40), clean(b, 40)) if sure else "–")
        )  # fmt: skip
    return Table(
        "Pair by pair",
        (
            "class",
            "other class",
            "taken for it",
            "the reverse",
            "separation (AUC)",
            "p of one cloud",
            "attributes that differ",
            "most of all",
        ),
        tuple(rows),
        ("text", "text", "share", "share", "text", "text", "count", "text"),
    )
