"""What duplicates_and_leakage says: sentences, facts, tables, pictures, the finding of leakage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.attributes.copies import Copies
from failsight.tools.attributes.repeats import Repeated
from failsight.tools.copies.leakage import ALPHA, TOLERATED, Inflation, Share
from failsight.tools.copies.repeats import names
from failsight.tools.evidence import Fact, Figure, Finding, ImageRef, Table, TestResult
from failsight.tools.examples import contact_sheet
from failsight.tools.inputs.base import ImageTable
from failsight.tools.notes import called, of_split
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.text import clean, counted, interval, number, p_value
from failsight.tools.view import CaseView

TOOL = "duplicates_and_leakage"
MOST_GROUPS = 40
MOST_PAIRS = 8
FEWEST = 5  # leaked images below which their accuracy is not compared within classes


@dataclass
class Leak:
    """Leakage into one split on which the model is judged.

    Attributes:
        exact, near: leaked rows → training rows that are the same picture, by equality and by verified likeness.
        share: of leaked images, against the tolerated one.
        inflation: accuracy with and without them; None where nothing leaked, everything did, or there are no answers.
        labels: of the leaked images labelled on both sides, (labelled otherwise in training, compared).
        q: p after correction for the splits that were judged (Holm).
    """

    split: str
    exact: Mapping[int, Sequence[int]]
    near: Mapping[int, Sequence[int]]
    share: Share
    inflation: Inflation | None
    labels: tuple[int, int]
    q: float = 1.0

    @property
    def verdict(self) -> str:
        return "inconclusive" if self.share.verdict == "confirmed" and self.q > ALPHA else self.share.verdict


def _slice(split: str) -> dict[str, str] | None:
    return None if split == "data" else {"split": split}


def leakage_key(split: str) -> str:
    """The key under which leakage into ``split`` is known, whoever raises it."""
    return Finding("leakage", "correctness", "data_engineering", "", slice=_slice(split)).key


def detectable(size: int) -> float | None:
    """The share above the tolerated one that this many images would show with 80 % power."""
    return smallest_rate_difference(size, TOLERATED, 1_000_000_000, ALPHA / 2) if size else None


def plan_fact(plan: str, split: str) -> Fact:
    """The id of the plan, by which verdicts find their place in the journal."""
    return Fact("plan", plan, "text", of_split(split))


def leakage(one: Leak, tables: Mapping[str, ImageTable]) -> Finding:
    """The finding: equality of pixels is a fact, the verdict is about how much of it there is."""
    share, n = one.share, one.share.n
    row = min(one.exact or one.near)
    twin = (one.exact or one.near)[row][0]
    text = (
        f"{n:,} of {share.size:,} {called(one.split)} ({number(share.share)} {interval(share.ci)}) {'is' if n == 1 else 'are'} also "
        f"among the training images, for example {clean(tables[one.split].paths[row], 80)} = {clean(tables['train'].paths[twin], 80)}."
    )
    made = one.inflation
    if made is not None:
        text += f" Accuracy is {number(made.accuracy)} with them and {number(made.clean)} without."
    return Finding(
        "leakage", "correctness", "data_engineering", text,
        slice=_slice(one.split), n=n, p=share.p, q=one.q, verdict=one.verdict,  # type: ignore[arg-type]
        tests=tuple(_tests(one)),
        note=f"{len(one.exact):,} equal byte for byte or pixel for pixel, {len(one.near):,} the same once re-encoded, mirrored or "
        f"cropped (verified on pixels). Up to {number(TOLERATED)} is tolerated. What the model scores on them says nothing about new pictures.",
    )  # fmt: skip


def _tests(one: Leak) -> list[TestResult]:
    share, made = one.share, one.inflation
    tests = [
        TestResult(
            TOOL, share.share, share.ci, share.p, share.size, one.verdict, TOLERATED,  # type: ignore[arg-type]
            "share of images that are training images too, against the tolerated share", one.q,
        )
    ]  # fmt: skip
    if made is not None:
        tests.append(
            TestResult(
                TOOL, made.inflation, made.inflation_ci, made.p, made.leaked_n, made.verdict, None,
                "accuracy over all images minus accuracy without the leaked ones; p of leaked against other images within true classes "
                "(Cochran–Mantel–Haenszel)",
            )
        )  # fmt: skip
    return tests


def summary(found: Copies, judged: Sequence[Leak], sizes: Mapping[str, int], doubtful: int = 0) -> str:
    """One to five sentences; ``doubtful``: groups of nearly equal pictures under several labels."""
    total, exact, near = sum(sizes.values()), found.exact(), found.near()
    if not exact and not near:
        parts = [f"Among {total:,} pictures none occurs twice."]
    else:
        many = f"{len(exact):,} {_plural(len(exact), 'occurs', 'occur')}" if exact else "none occurs"
        parts = [
            f"Among {total:,} pictures {many} more than once exactly, and {len(near):,} "
            f"{_plural(len(near), 'group is', 'groups are')} one picture re-encoded, mirrored or cropped."
        ]
        crossed = sum(g.contradictory for g in exact)
        if crossed:
            parts.append(
                f"{crossed:,} equal {_plural(crossed, 'picture carries', 'pictures carry')} two labels."
            )
        if doubtful:
            parts.append(
                f"{doubtful:,} {_plural(doubtful, 'group', 'groups')} of nearly equal pictures {_plural(doubtful, 'carries', 'carry')} several labels."
            )
    for one in judged:
        parts.append(_leak_sentence(one))
    return " ".join(parts)


def _leak_sentence(one: Leak) -> str:
    share, made = one.share, one.inflation
    if not share.n:
        return f"None of the {share.size:,} {called(one.split)} is a training image; up to {number(share.ci[1])} can't be excluded."
    text = (
        f"{share.n:,} of {share.size:,} {called(one.split)} ({number(share.share)} {interval(share.ci)}) {_plural(share.n, 'is', 'are')} "
        f"also in training ({_WORDS[one.verdict]} the tolerated {number(TOLERATED)})"
    )
    if made is None:
        return text + "."
    return (
        f"{text}: accuracy is {number(made.accuracy)} with them, {number(made.clean)} without, "
        f"{number(made.inflation, 'points')} {interval(made.inflation_ci, 'points')}."
    )


_WORDS = {
    "confirmed": "clearly more than",
    "refuted": "clearly less than",
    "inconclusive": "not told apart from",
}


def _plural(n: int, one: str, many: str) -> str:
    return one if n == 1 else many


def facts(found: Copies, judged: Sequence[Leak], contradictory: int, doubtful: int = 0) -> tuple[Fact, ...]:
    """Counts, shares with intervals, accuracies with and without."""
    made = [
        Fact(
            "exact_duplicates",
            sum(len(g.members) - 1 for g in found.exact()),
            "count",
            direction="lower_is_better",
        ),
        Fact(
            "verified_duplicates",
            sum(len(g.members) - 1 for g in found.near()),
            "count",
            direction="lower_is_better",
        ),
        Fact("contradictory_pictures", contradictory, "count", direction="lower_is_better"),
        Fact("contradictory_near_groups", doubtful, "count", direction="lower_is_better"),
        Fact("pairs_compared", found.compared, "count"),
        Fact("duplicates_by_features", found.by_features, "count"),
    ]
    for one in judged:
        of, share = of_split(one.split), one.share
        made.append(Fact("leaked_share", share.share, "share", of, share.ci, share.size, "lower_is_better"))
        made.append(Fact("leaked_exact", len(one.exact), "count", of, direction="lower_is_better"))
        if one.labels[1]:
            made.append(
                Fact(
                    "label_disagreement",
                    one.labels[0] / one.labels[1],
                    "share",
                    of,
                    None,
                    one.labels[1],
                    "lower_is_better",
                )
            )
        if one.inflation is not None:
            made += _inflation_facts(one.inflation, of, share.size)
    return tuple(made)


def _inflation_facts(made: Inflation, of: str, n: int) -> list[Fact]:
    facts = [
        Fact("accuracy", made.accuracy, "share", of, made.accuracy_ci, n, "higher_is_better"),
        Fact(
            "accuracy_without_leaked",
            made.clean,
            "share",
            of,
            made.clean_ci,
            n - made.leaked_n,
            "higher_is_better",
        ),
        Fact("accuracy_of_leaked", made.leaked_accuracy, "share", of, made.leaked_ci, made.leaked_n),
        Fact("inflation", made.inflation, "points", of, made.inflation_ci, n, "lower_is_better"),
    ]
    if np.isfinite(made.gap):
        facts.append(
            Fact("leaked_gap", made.gap, "points", of, made.gap_ci, made.leaked_n, "lower_is_better")
        )
    return facts


def tables(
    found: Copies, splits: Mapping[str, ImageTable], classes: Sequence[str], judged: Sequence[Leak]
) -> tuple[Table, ...]:
    """The groups, and accuracy with and without leaked images."""
    made = [t for t in (_group_table(found, splits, classes), _accuracy_table(judged)) if t.rows]
    return tuple(made)


def ordered(found: Copies) -> list[Repeated]:
    """Groups by what they mean: leaked from training first, then under two labels, then across splits, then equal ones."""
    return sorted(
        found.groups,
        key=lambda g: (
            not ("train" in g.splits and g.splits & {"data", "deploy"}),
            not g.contradictory,
            len(g.splits) == 1,
            not g.exact,
        ),
    )


def _group_table(found: Copies, splits: Mapping[str, ImageTable], classes: Sequence[str]) -> Table:
    groups = ordered(found)
    rows = tuple(
        (
            names(g, splits, 4),
            len(g.members),
            found.way(g),
            ", ".join(called(s) for s in sorted(g.splits)),
            ", ".join(sorted({clean(classes[c], 40) for c in g.labels if c >= 0})),
        )
        for g in groups[:MOST_GROUPS]
    )
    left = len(groups) - len(rows)
    return Table(
        "Pictures that occur more than once",
        ("pictures", "number", "how", "splits", "labels"),
        rows,
        ("text", "count", "text", "text", "text"),
        f"{counted(left, 'more group is', 'more groups are')} not shown." if left > 0 else "",
    )


def _accuracy_table(judged: Sequence[Leak]) -> Table:
    rows = []
    for one in judged:
        made = one.inflation
        if made is None:
            continue
        where = called(one.split)
        rows += [
            (f"all {where}", one.share.size, made.accuracy, interval(made.accuracy_ci)),
            (
                f"{where} without leaked ones",
                one.share.size - made.leaked_n,
                made.clean,
                interval(made.clean_ci),
            ),
            (f"leaked {where}", made.leaked_n, made.leaked_accuracy, interval(made.leaked_ci)),
        ]
    return Table(
        "Accuracy with and without leaked images",
        ("images", "number", "right", "interval"),
        tuple(rows),
        ("text", "count", "share", "text"),
    )


def pictures(
    view: CaseView, splits: Mapping[str, ImageTable], found: Copies
) -> tuple[tuple[ImageRef, ...], Figure | None]:
    """Pairs side by side: two of each of the first groups."""
    images: list[ImageRef] = []
    for group in ordered(found)[:MOST_PAIRS]:
        pair = _telling_pair(group, found)
        for split, row in pair:
            table = splits[split]
            label = int(table.labels[row])
            name = table.classes[label] if label >= 0 else ""
            images.append(
                ImageRef(split, row, table.paths[row], name, caption=f"{split}, {found.way(group)}")
            )
    if not images:
        return (), None
    alt = f"{len(images) // 2} pairs of pictures that are one picture, side by side: equal, re-encoded, mirrored or cropped."
    sheet = contact_sheet(view, images, name="duplicates", title="Pictures that occur twice", alt=alt)
    return tuple(images), sheet


def _telling_pair(group: Repeated, found: Copies) -> tuple[tuple[str, int], tuple[str, int]]:
    """Two members that show what the group means: of different splits or labels where there are such."""
    if not group.exact:
        inside = set(group.members)
        links = [k for k in found.links if k.one in inside]
        best = max(links, key=lambda k: (k.one[0] != k.other[0], k.likeness.look))
        return best.one, best.other
    first = group.members[0]
    rest = list(zip(group.members[1:], group.labels[1:], strict=True))
    other = max(rest, key=lambda m: (m[0][0] != first[0], m[1] != group.labels[0]))
    return first, other[0]


def notes(found: Copies, judged: Sequence[Leak], train: bool) -> list[str]:
    """What is missing, and how sure the rest is."""
    made = []
    if not train:
        made.append(
            "Without the training images leakage can't be told: they would show which evaluation images the model has learnt by heart."
        )
    if found.links:
        made.append(
            "Re-encoded, mirrored and cropped copies count only where colours and detail agree once laid over each other at 64 × 64; "
            "heavier crops and rotated copies are not found."
        )
    if found.cut:
        made.append(
            "So many pictures resemble each other that only the nearest pairs were compared; some copies may be missing."
        )
    for one in judged:
        different, compared = one.labels
        if different:
            made.append(
                f"{different:,} of the {compared:,} leaked {called(one.split)} {_plural(different, 'carries', 'carry')} another label in training."
            )
        if one.inflation is not None and one.inflation.leaked_n >= FEWEST and np.isfinite(one.inflation.gap):
            m = one.inflation
            made.append(
                f"Within true classes leaked {called(one.split)} are right {number(m.gap, 'points')} {interval(m.gap_ci, 'points')} "
                f"more often than others (p {p_value(m.p)})."
            )
    if any({"pool", "data"} <= g.splits or {"pool", "deploy"} <= g.splits for g in found.groups):
        made.append("Some pool images are evaluation images too: training on them would leak.")
    return made


def next_steps(
    found: Copies,
    judged: Sequence[Leak],
    contradictory: Sequence[Repeated],
    doubtful: Sequence[Repeated] = (),
) -> tuple[str, ...]:
    """What a careful person would do next."""
    steps = []
    if any(one.share.n for one in judged):
        steps.append(
            "Judge the model again without the leaked images, and keep copies in one split from now on."
        )
    if contradictory:
        steps.append(
            "Have the pictures under two labels relabelled, and look for other wrong labels (label_noise)."
        )
    if doubtful:
        steps.append(
            "Look at the nearly equal pictures under several labels: relabel them, or join classes that no picture tells apart."
        )
    if not steps and any(len(g.splits) == 1 for g in found.groups):
        steps.append(
            "Count scenes, not files: copies within a split make intervals look narrower than they are."
        )
    return tuple(steps)
