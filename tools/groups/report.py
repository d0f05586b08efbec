"""Gaps between groups in words, tables and findings."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from failsight.tools.evidence import (
    Cell,
    Fact,
    Finding,
    Instrument,
    Interval,
    Table,
    TestResult,
    Tried,
    Verdict,
    group_key,
)
from failsight.tools.groups.gaps import LEVEL, Group, Groups, Images, spread_slice
from failsight.tools.groups.shadows import ALIKE, RULE, shared
from failsight.tools.inputs.base import Split
from failsight.tools.notes import IMAGES, called, of_split
from failsight.tools.slices.columns import Coded
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

TOOL = "disaggregate"
MOST_ROWS = 60
MOST_FACTS = 80
MOST_TOLD = 5
STATISTIC = "error rate of the group minus that of the other images, within true classes (Mantel–Haenszel); one-sided exact test"
SOURCED = "error rate of the group minus that of the other images, within true classes; variance over sources, Student's t"


def plan_key(columns: Sequence[Coded], crossed: bool, split: Split) -> str:
    """What a plan is for that judges all groups of a table, those of two columns among them if ``crossed``: another table has another."""
    told = f"groups by {', '.join(sorted(c.name for c in columns))}{', also crossed' if crossed else ''}"
    return Finding("weak_slice", "fairness", "unknown", "", about=told, split=split).key


def register(
    view: CaseView,
    split: Split,
    columns: Sequence[Coded],
    least: int,
    gap: float,
    n: int,
    group_by: str | None,
    crossed: bool,
) -> None:
    """Journal how all groups will be judged, before any is compared."""
    sourced = group_by is not None
    view.register(
        Instrument(
            finding=plan_key(columns, crossed, split),
            tool=TOOL,
            arguments={
                "attributes": [c.name for c in columns],
                "intersections": crossed,
                "min_group": least,
                "group_by": group_by,
                "split": split,
            },
            statement="Some group is answered wrongly more often than the other images of the same classes.",
            statistic=(SOURCED if sourced else STATISTIC)
            + " of no gap at all, and an estimate of at least the minimum; crossed groups also against each of their columns alone; "
            f"{RULE}; "
            "Benjamini–Hochberg over all groups and what earlier tables of the case tested on these images",
            control="the other images of the same classes whose value is known",
            minimum_effect=gap,
            alpha=LEVEL,
            n_planned=n,
        )
    )


def earlier(view: CaseView, split: Split) -> dict[str, Tried]:
    """What earlier tables of the case tested on these images, by group, the latest of each; one that counted images together stays."""
    made: dict[str, Tried] = {}
    for one in (t for e in view.evidence(TOOL) for t in e.tried if t.split == split):
        old = made.get(one.group)
        if old is None or one.test.together or not old.test.together:
            made[one.group] = one
    return made


def tried(made: Groups, least: float, group_by: str | None, split: Split) -> tuple[Tried, ...]:
    """Every test that was made, whatever came of it."""
    verdicts: dict[str, Verdict] = {"confirmed": "confirmed", "excluded": "refuted"}
    said = []
    for g in made.all:
        if g.gap.value == g.gap.value:
            test = TestResult(
                TOOL,
                g.gap.value,
                g.gap.ci,
                g.p,
                g.gap.n + g.gap.n_out,
                verdicts.get(g.verdict(least), "inconclusive"),
                q=g.q,
                together=group_by or "",
            )
            said.append(Tried(g.slice, test, split=split))
    for name, (s, q) in made.spreads.items():
        test = TestResult(TOOL, s.value, s.ci, s.p, 0, "inconclusive", q=q, together=group_by or "")
        said.append(Tried(spread_slice(name), test, split=split, apart=True))
    return tuple(said)  # fmt: skip


def findings(
    made: Groups, least: float, group_by: str | None, split: Split, known: Collection[str] = ()
) -> tuple[Finding, ...]:
    """One confirmed finding for every gap that holds, largest first; groups of nearly the same images are one. A group whose excess is
    another one's is none, and left open where the case had it (``known``: groups of its findings)."""
    open_ = [g for g in _following(made, least) if group_key(g.slice, None, split) in known]
    return (
        *(_finding(g, group_by, split, others) for g, others in _held(made, least)),
        *(_finding(g, group_by, split) for g in open_),
    )


def _following(made: Groups, least: float) -> list[Group]:
    """Groups that are worse by another confirmed group, largest gap first."""
    return sorted((g for g in made.all if g.verdict(least) == "follows"), key=lambda g: -g.gap.value)


def notes(made: Groups, least: float) -> tuple[str, ...]:
    """What is said of groups whose excess is another one's."""
    some = _following(made, least)
    told = [f"{clean(g.label, 80)} is no finding of its own. {' '.join(g.beside)}" for g in some[:MOST_TOLD]]
    if len(some) > MOST_TOLD:
        told.append(f"The same goes for {listing([g.label for g in some[MOST_TOLD:]], 8)}.")
    return tuple(told)


def _held(made: Groups, least: float) -> list[tuple[Group, list[Group]]]:
    """Confirmed groups, largest gap first, each with those that are made of nearly the same images.

    Of such groups the one with fewer conditions is told, then the one with a name rather than a number: a station, not its height.
    """
    held = [g for g in made.all if g.verdict(least) == "confirmed"]
    first = sorted(held, key=lambda g: (len(g.names), sum(_numeric(v) for v in g.values)))
    told: list[tuple[Group, list[Group]]] = []
    for g in first:
        same = next((others for one, others in told if shared(one, g) >= ALIKE), None)
        if same is None:
            told.append((g, []))
        else:
            same.append(g)
    return sorted(told, key=lambda one: -one[0].gap.value)


def _numeric(value: str) -> bool:
    return bool(re.match(r"[<≥+-]?\s*\d", value.rpartition("(")[2]))


def _also(g: Group, others: Sequence[Group]) -> str:
    """Which other groups are these images, for the sentence of the finding."""
    same = [clean(o.label, 60) for o in others if np.array_equal(o.inside, g.inside)]
    nearly = [clean(o.label, 60) for o in others if not np.array_equal(o.inside, g.inside)]
    parts = [f"the same images as {listing(same, 3)}"] if same else []
    parts += [f"nearly the same images as {listing(nearly, 3)}"] if nearly else []
    return f" ({'; '.join(parts)})" if parts else ""


def _finding(g: Group, group_by: str | None, split: Split, others: Sequence[Group] = ()) -> Finding:
    sourced = group_by is not None
    verdict: Verdict = "inconclusive" if g.follows else "confirmed"
    error, out = 1 - g.accuracy, g.error_out
    which = " and ".join(f"{clean(a, 40)}={clean(b, 60)}" for a, b in zip(g.names, g.values, strict=True))
    return Finding(
        "weak_slice", "fairness", "unknown",
        f"{IMAGES[split]} with {which}{_also(g, others)} are answered wrongly more often: {number(error)} against {number(out)} of the others; at equal class "
        f"proportions the gap is {number(g.gap.value, 'points')} {interval(g.gap.ci, 'points')}.",
        slice=g.slice, n=g.n, error_rate=error, base_error_rate=out, part=1.0,
        ci=(1 - g.accuracy_ci[1], 1 - g.accuracy_ci[0]), p=g.p, q=g.q, verdict=verdict,
        tests=(TestResult(TOOL, g.gap.value, g.gap.ci, g.p, g.gap.n + g.gap.n_out, verdict, statistic=SOURCED if sourced else STATISTIC, q=g.q, together=group_by or ""),),
        note=" ".join([*g.beside, "A gap between groups; what causes it, and whether it is unfair, is not in the numbers."]), split=split,
    )  # fmt: skip


def summary(made: Groups, columns: Sequence[Coded], images: Images, split: Split, least: float) -> str:
    """One to four sentences."""
    n = len(images.labels)
    names = listing([c.name for c in columns], 5)
    told = [
        f"{len(made.single)} groups by {names} ({n:,} {called(split)}), and {len(made.crossed)} crossed ones."
    ]
    held, follow = _held(made, least), _following(made, least)
    if held:
        worst = [f"{g.label}{_also(g, others)} ({number(g.gap.value, 'points')})" for g, others in held[:3]]
        told.append(
            f"{len(held)} {'is' if len(held) == 1 else 'are'} confirmed to be answered wrongly more often than other images of the same classes, "
            f"with a gap estimated at {number(least, 'points').lstrip('+')} or more: {listing(worst, 3, 240)}."
        )
    elif follow:
        told.append("None of them is confirmed to be answered wrongly more often of its own.")
    else:
        top = max(made.all, key=lambda g: g.gap.value if g.gap.value == g.gap.value else -2.0, default=None)
        told.append(
            f"No gap is confirmed that is estimated at {number(least, 'points').lstrip('+')} or more"
            + (
                f"; the largest is {number(top.gap.value, 'points')} {interval(top.gap.ci, 'points')} for {clean(top.label, 80)}."
                if top is not None and top.gap.value == top.gap.value
                else "."
            )
        )
        out = sum(g.verdict(least) == "excluded" for g in made.single)
        told.append(
            f"For {out} of the {len(made.single)} plain groups so large a gap is excluded, for the others it is open."
        )
    if follow:
        these = [f"{clean(g.label, 80)} (from {g.follows})" for g in follow]
        told.append(
            f"{'No finding of its own, but following from another' if len(follow) == 1 else 'No findings of their own, but following from others'}: "
            f"{listing(these, 3, 240)}."
        )
    told.append(
        "Numbers by group do not make a model fair: which groups and gaps matter is for people to say."
    )
    return " ".join(told)


def facts(made: Groups, images: Images, classes: Sequence[str], split: Split) -> tuple[Fact, ...]:
    """Accuracy, gap and calibration of each group, the spread of each column, equalised-odds gaps."""
    right, n = int((~images.wrong).sum()), len(images.wrong)
    facts = [Fact("accuracy", right / n, "share", of_split(split), wilson(right, n), n, "higher_is_better")]
    facts.append(Fact("tests", made.tests, "count", of_split(split)))
    for g in sorted(made.all, key=lambda g: (len(g.names), g.q, g.label)):
        of = of_split(split, f"slice {g.label}")
        facts.append(Fact("accuracy", g.accuracy, "share", of, g.accuracy_ci, g.n, "higher_is_better"))
        if g.gap.value == g.gap.value:
            facts.append(Fact("error_gap", g.gap.value, "points", of, g.gap.ci, g.gap.n, "lower_is_better"))
        if g.overconfidence is not None:
            value, ci = g.overconfidence
            facts.append(Fact("overconfidence", value, "points", of, ci, g.n, "lower_is_better"))
        if len(facts) >= MOST_FACTS * 3:
            break
    for name, (s, _) in made.spreads.items():
        facts.append(
            Fact("worst_best_gap", s.value, "points", of_split(split, name), s.ci, None, "lower_is_better")
        )
    for o in made.odds:
        of = of_split(split, f"{o.column}, class {classes[o.class_index]}")
        facts.append(Fact(f"{o.kind}_gap", o.value, "points", of, o.ci, None, "lower_is_better"))
    return tuple(facts)


def tables(
    made: Groups,
    columns: Sequence[Coded],
    images: Images,
    classes: Sequence[str],
    least: float,
    per_class: bool,
    smallest: int,
) -> tuple[Table, ...]:
    """Groups, crossed groups, columns, images without a value, and on wish rates by class."""
    found = [
        _group_table("Groups", made.single, made, least),
        _group_table("Crossed groups", made.crossed, made, least),
        _column_table(made, columns, classes),
        _unknown_table(columns, images),
        *((_class_table(columns, images, classes, smallest),) if per_class else ()),
    ]
    return tuple(t for t in found if t.rows)


def _group_table(title: str, groups: Sequence[Group], made: Groups, least: float) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for g in sorted(groups, key=lambda g: (g.q, -g.gap.value if g.gap.value == g.gap.value else 2.0)):
        sure = None if g.overconfidence is None else g.overconfidence[0]
        rows.append(
            (
                g.label, g.n, g.accuracy, interval(g.accuracy_ci), g.raw, None if g.gap.value != g.gap.value else g.gap.value,
                interval(g.gap.ci, "points") if g.gap.value == g.gap.value else "", p_value(g.q), g.verdict(least), g.detectable,
                sure, "" if g.overconfidence is None else interval(g.overconfidence[1], "points"),
            )
        )  # fmt: skip
    more = f" {len(rows) - MOST_ROWS} more are not shown." if len(rows) > MOST_ROWS else ""
    return Table(
        title,
        (
            "group", "images", "right", "interval", "gap as it is", "gap", "gap interval", "q",
            "verdict", "smallest visible gap", "overconfidence", "its interval",
        ),
        tuple(rows[:MOST_ROWS]),
        ("text", "count", "share", "text", "points", "points", "text", "text", "text", "points", "points", "text"),
        "Gap: errors here minus errors of the other images of the same classes; positive is worse. "
        f"q: of no gap at all, Benjamini–Hochberg over {corrected_for(made)}. Confirmed: surely above 0, and estimated at "
        f"{number(least, 'points').lstrip('+')} or more. Excluded: the whole interval lies below that. Follows: worse, but not shown to be so without another confirmed group that has most of its excess. Smallest visible gap: seen with 80 % power.{more}",
    )  # fmt: skip


def corrected_for(made: Groups) -> str:
    """How many tests q is corrected for: ``80 tests, 67 of them in earlier tables of the case``."""
    before = f", {made.before:,} of them in earlier tables of the case on these images" if made.before else ""
    return f"{made.tests:,} tests{before}"


def _column_table(made: Groups, columns: Sequence[Coded], classes: Sequence[str]) -> Table:
    """Worst against best, and equalised-odds gaps."""
    rows: list[tuple[Cell, ...]] = []
    for column in columns:
        if column.name in made.spreads:
            s, q = made.spreads[column.name]
            pair = f"{column.values[s.worst]} against {column.values[s.best]}"
            rows.append(
                (
                    column.name,
                    "error rate, worst against best",
                    pair,
                    s.value,
                    interval(s.ci, "points"),
                    p_value(q),
                )
            )
        for o in made.odds:
            if o.column == column.name:
                what = "recall" if o.kind == "recall" else "false positives"
                pair = f"{o.high} against {o.low}"
                rows.append(
                    (
                        column.name,
                        f"{what} of {classes[o.class_index]}",
                        pair,
                        o.value,
                        interval(o.ci, "points"),
                        "",
                    )
                )
    return Table(
        "Largest differences by column",
        ("column", "what", "groups", "difference", "interval", "q"),
        tuple(rows[:MOST_ROWS]),
        ("text", "text", "text", "points", "text", "text"),
        "Intervals hold for all pairs (and classes) at once, since the largest was picked. Differences of recall and of false "
        "positives are what equalised odds asks to be small.",
    )


def _unknown_table(columns: Sequence[Coded], images: Images) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for column in columns:
        unknown = column.codes < 0
        n = int(unknown.sum())
        if n:
            right = int((~images.wrong[unknown]).sum())
            rows.append((column.name, n, right / n, interval(wilson(right, n))))
    return Table(
        "Images without a value",
        ("column", "images", "right", "interval"),
        tuple(rows),
        ("text", "count", "share", "text"),
        "They belong to no group of that column. Whether a value is missing by chance can matter as much as the value.",
    )


def _class_table(columns: Sequence[Coded], images: Images, classes: Sequence[str], smallest: int) -> Table:
    """Recall, precision and false positive rate of every class in every group."""
    rows: list[tuple[Cell, ...]] = []
    for column in columns:
        for code, value in enumerate(column.values):
            inside = column.codes == code
            if inside.sum() < smallest:
                continue
            for k in np.unique(images.labels):
                true, said = inside & (images.labels == k), inside & (images.predicted == k)
                hit, n, m = int((true & said).sum()), int(true.sum()), int(said.sum())
                rest = int(inside.sum()) - n
                cells = (_rate(hit, n), _rate(hit, m), _rate(m - hit, rest))
                rows.append(
                    (f"{column.name}={value}", classes[int(k)], n, *(x for cell in cells for x in cell))
                )
    return Table(
        "By group and class",
        (
            "group",
            "class",
            "images",
            "recall",
            "interval",
            "precision",
            "interval",
            "false positives",
            "interval",
        ),
        tuple(rows),
        ("text", "text", "count", "share", "text", "share", "text", "share", "text"),
        "Wilson intervals; nothing here is tested.",
    )


def _rate(k: int, n: int) -> tuple[float | None, str]:
    ci: Interval = wilson(k, n)
    return (k / n, interval(ci)) if n else (None, "")
