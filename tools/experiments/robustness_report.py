"""What a robustness probe found, in words, tables and findings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.evidence import Cell as Entry
from failsight.tools.evidence import Fact, Finding, Instrument, Interval, Table, TestResult, Unit
from failsight.tools.experiments.perturbations import PERTURBATIONS
from failsight.tools.experiments.robustness import BLIND, Attacks, Cell, Panel, Sample
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, of_split
from failsight.tools.stats.intervals import mean_interval, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import bounds, clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

TOOL = "robustness_probe"
MILD = 2  # severities up to this one come up in ordinary use
KEEPS = 0.9  # share of the clean accuracy that counts as withstanding
MINIMUM_DROP = 0.05  # points lost before a missed bound is blamed on the perturbation
SUSPICIOUS = 0.10  # lower end of the drop from which an unasked-for hypothesis is worth stating
LEVEL = 0.05
MOST_HYPOTHESES = 3
MOST_CLASSES = 30
ATTACKS = {"linf": "l∞", "l2": "l2"}


@dataclass(frozen=True, slots=True)
class Bound:
    """What a person expects of the accuracy (or of one class's recall), as a lower bound."""

    name: str
    value: float


def bound_of(view: CaseView, split: Split, class_name: str | None) -> Bound | None:
    """The strictest expectation that this sample can be held to; None when a person set none."""
    prefix = "" if split == "data" else f"{split}."
    found = []
    for e in view.expectations:
        name = e.name.strip()
        if class_name is not None:
            if name.casefold() == f"{prefix}recall.{class_name}".casefold() and e.at_least:
                found.append(Bound(e.name, e.bound))
        elif name == f"{prefix}accuracy" and e.at_least:
            found.append(Bound(e.name, e.bound))
        elif name == f"{prefix}error_rate" and not e.at_least:
            found.append(Bound(e.name, 1 - e.bound))
    return max(found, key=lambda b: b.value, default=None)


def plans(
    view: CaseView, sample: Sample, names: Sequence[str], severities: Sequence[int], bound: Bound | None
) -> None:
    """Journal, before any image is perturbed, how a missed expectation will be judged; nothing without an expectation."""
    if bound is None:
        return
    mild = [s for s in severities if s <= MILD]
    for name in names if mild else ():
        view.register(
            Instrument(
                finding=_key(name),
                tool=TOOL,
                arguments={
                    "perturbations": [name],
                    "severities": mild,
                    "sample": len(sample.rows),
                    "split": sample.split,
                },
                statement=f"Under {PERTURBATIONS[name].words}, even mild, {clean(bound.name, 60)} falls below {number(bound.value)}.",
                statistic="exact binomial test of the accuracy against the bound and McNemar's exact test against the same images "
                "as they are, the larger p of the two; Benjamini–Hochberg over all mild perturbations",
                control="the same images as they are",
                minimum_effect=MINIMUM_DROP,
                alpha=LEVEL,
                n_planned=len(sample.rows),
            )
        )


def described(name: str) -> str:
    """``gaussian noise (a warm sensor)``."""
    return f"{name.replace('_', ' ')} ({PERTURBATIONS[name].words})"


def _key(name: str) -> str:
    return Finding("weak_slice", "robustness", "unknown", "", slice={"perturbation": name}).key


def worst_kept(cells: Sequence[Cell], clean_rate: float, clean_ci: Interval, bound: Bound | None) -> int:
    """The severity up to which it holds, weaker ones included: the interval's lower end at or above the bound, or, without
    a bound, nine tenths of the clean accuracy. 0: not even the weakest; −1: not even as they are."""
    if bound is not None and clean_ci[0] < bound.value:
        return -1
    kept = 0
    for cell in cells:
        fine = cell.ci[0] >= bound.value if bound is not None else cell.rate >= KEEPS * clean_rate
        if not fine:
            break
        kept = cell.severity
    return kept


def findings(panel: Panel, bound: Bound | None) -> tuple[Finding, ...]:
    """Confirmed where a person's bound is clearly missed under a mild perturbation; else open hypotheses, if any."""
    mild = [c for c in panel.cells if c.severity <= MILD]
    if bound is None or not mild:
        return _hypotheses(mild)
    p = [max(c.p, _below(c, bound.value)) for c in mild]
    q = benjamini_hochberg(p)
    made: dict[str, Finding] = {}
    before = panel.sample.clean.mean() if len(panel.sample.clean) else 0.0
    for cell, p_value_, q_value in zip(mild, p, q, strict=True):
        missed = cell.ci[1] < bound.value <= before
        if missed and q_value <= LEVEL and cell.drop >= MINIMUM_DROP and cell.drop_ci[0] > 0:
            made.setdefault(
                cell.name, _confirmed(cell, bound, float(p_value_), float(q_value), float(before))
            )
    return tuple(made.values()) or _hypotheses(mild)


def _below(cell: Cell, bound: float) -> float:
    """P(at most so many right) when the accuracy is the bound: small when it lies below."""
    from scipy.special import bdtr

    if not 0 < bound < 1:
        return 1.0 if bound <= 0 else float(cell.right == cell.n)
    return float(bdtr(cell.right, cell.n, bound))


def _confirmed(cell: Cell, bound: Bound, p: float, q: float, before: float) -> Finding:
    words = described(cell.name)
    return Finding(
        "weak_slice", "robustness", "unknown",
        f"Under {words}, severity {cell.severity}, it is right in {number(cell.rate)} {bounds(cell.ci)}, where at least "
        f"{number(bound.value)} are expected; the same images as they are: {number(before)}.",
        slice={"perturbation": cell.name}, n=cell.n, error_rate=1 - cell.rate, base_error_rate=1 - before,
        ci=(1 - cell.ci[1], 1 - cell.ci[0]), p=p, q=q, verdict="confirmed",
        tests=(TestResult(TOOL, cell.drop, cell.drop_ci, p, cell.n, "confirmed", statistic="paired drop of the accuracy, and below the bound", q=q),),
        note="The images were changed by us: whether such pictures come is for a person to say.",
    )  # fmt: skip


def _hypotheses(mild: Sequence[Cell]) -> tuple[Finding, ...]:
    """Open: mild perturbations that cost a lot; nobody said what would be too much."""
    worst: dict[str, Cell] = {}
    for cell in sorted(mild, key=lambda c: -c.drop):
        if cell.q <= LEVEL and cell.drop_ci[0] >= SUSPICIOUS:
            worst.setdefault(cell.name, cell)
    return tuple(
        Finding(
            "weak_slice", "robustness", "unknown",
            f"Under {described(c.name)}, severity {c.severity}, it may fail too often: right in {number(c.rate)} "
            f"{bounds(c.ci)}, {number(c.drop, 'points').lstrip('+')} less than on the same images as they are {bounds(c.drop_ci, 'points')}.",
            slice={"perturbation": c.name}, n=c.n, error_rate=1 - c.rate, ci=(1 - c.ci[1], 1 - c.ci[0]), p=c.p, q=c.q,
            note="Nobody has said what accuracy is expected, so there is nothing to confirm it against.",
        )
        for c in list(worst.values())[:MOST_HYPOTHESES]
    )  # fmt: skip


def summary(panel: Panel, bound: Bound | None, attacks: Attacks | None) -> str:
    """One to four sentences."""
    n, right = len(panel.sample.clean), int(panel.sample.clean.sum())
    rate, ci = right / max(n, 1), wilson(right, n)
    kept = {name: worst_kept(panel.of(name), rate, ci, bound) for name in panel.names}
    told = [f"{n:,} {called(panel.sample.split)}, right in {number(rate)} {bounds(ci)} as they are."]
    top = max(panel.severities)
    low = sorted(panel.names, key=lambda name: (kept[name], panel.of(name)[-1].rate))
    if bound is not None and ci[0] < bound.value:
        told.append(
            f"Already as they are it is not sure that {clean(bound.name, 60)} reaches {number(bound.value)}."
        )
    else:
        what = (
            f"{clean(bound.name, 60)} of at least {number(bound.value)} is sure to hold"
            if bound is not None
            else f"it keeps {number(KEEPS)} of its accuracy"
        )
        whole = sum(k >= top for k in kept.values())
        weak = [f"{name.replace('_', ' ')} {kept[name]}" for name in low if kept[name] < top]
        told.append(
            f"Up to severity {top}, {what} under {whole} of {len(kept)} perturbations."
            + (f" Lowest severity up to which that is so: {listing(weak, 5)}." if weak else "")
        )
    if attacks is not None:
        told.append(_attack_sentence(attacks))
    return " ".join(told)


def _attack_sentence(made: Attacks) -> str:
    linf = made.found[0]
    shares = [f"{number(float(linf.pgd[i].mean()))} at {b:g}/255" for i, b in enumerate(linf.budgets)][:3]
    if made.masked:
        return "Its gradients are masked, so what the attacks did not find says nothing about its strength."
    return f"Against changes made on purpose (PGD, l∞, {made.n} images) it stays right in {listing(shares)}."


def facts(panel: Panel, bound: Bound | None, attacks: Attacks | None) -> tuple[Fact, ...]:
    """Accuracy of every cell, the severity that is withstood, and what attacks leave."""
    split, n, right = panel.sample.split, len(panel.sample.clean), int(panel.sample.clean.sum())
    rate, ci = right / max(n, 1), wilson(right, n)
    made = [Fact("accuracy", rate, "share", of_split(split, "sample as it is"), ci, n, "higher_is_better")]
    for name in panel.names:
        kept = worst_kept(panel.of(name), rate, ci, bound)
        made.append(
            Fact("withstood_severity", kept, "count", of_split(split, name), None, n, "higher_is_better")
        )
    if attacks is not None:
        made += _attack_facts(split, attacks)
    for c in panel.cells:
        of = of_split(split, f"{c.name} severity {c.severity}")
        made.append(Fact("accuracy", c.rate, "share", of, c.ci, c.n, "higher_is_better"))
        made.append(Fact("accuracy_drop", c.drop, "points", of, c.drop_ci, c.n, "lower_is_better"))
    return tuple(made)


def _attack_facts(split: Split, made: Attacks) -> list[Fact]:
    facts = [Fact("accuracy", made.clean / max(made.n, 1), "share", of_split(split, "attack none"), wilson(made.clean, made.n), made.n, "higher_is_better")]  # fmt: skip
    for one in made.found:
        for i, budget in enumerate(one.budgets):
            for kind, mask in (("fgsm", one.fgsm), ("pgd", one.pgd), ("noise", one.noise)):
                k = int(mask[i].sum())
                of = of_split(split, f"attack {kind} {one.norm} {budget:g}/255")
                ci = wilson(k, made.n)
                facts.append(Fact("accuracy", k / made.n, "share", of, ci, made.n, "higher_is_better"))
    facts.append(Fact("zero_gradient", made.still / max(made.clean, 1), "share", of_split(split), wilson(made.still, made.clean), made.clean, "lower_is_better"))  # fmt: skip
    facts.append(Fact("gradient_masking", made.masked, "text", of_split(split)))
    return facts


def tables(
    panel: Panel, classes: Sequence[str], bound: Bound | None, attacks: Attacks | None
) -> tuple[Table, ...]:
    """By perturbation, by class, by attack."""
    made = [_panel_table(panel, bound), class_table(panel, classes)]
    return (*(t for t in made if t.rows), *((_attack_table(attacks),) if attacks is not None else ()))


def _panel_table(panel: Panel, bound: Bound | None) -> Table:
    n, right = len(panel.sample.clean), int(panel.sample.clean.sum())
    rate, ci = right / max(n, 1), wilson(right, n)
    rows: list[tuple[Entry, ...]] = []
    for name in panel.names:
        cells = panel.of(name)
        last = cells[-1]
        kept = worst_kept(cells, rate, ci, bound)
        told = "–" if kept < 0 else kept
        rows.append(
            (
                name,
                *(c.rate for c in cells),
                told,
                last.drop,
                interval(last.drop_ci, "points"),
                p_value(last.q),
            )
        )
    rows.sort(key=lambda r: float(r[len(panel.severities)] or 0))
    rule = (
        f"withstood: the severity up to which the whole interval lies at or above {number(bound.value)} ({clean(bound.name, 60)}, set by a person)."
        if bound
        else f"withstood: the severity up to which it keeps {number(KEEPS)} of the {number(rate)} it gets right as they are."
    )
    top = panel.severities[-1]
    shares: list[Unit] = ["share" for _ in panel.severities]
    units: tuple[Unit, ...] = ("text", *shares, "count", "points", "text", "text")
    return Table(
        "Share that is right",
        (
            "perturbation",
            *(f"severity {s}" for s in panel.severities),
            "withstood",
            f"drop at {top}",
            "interval",
            "q",
        ),
        tuple(rows),
        units,
        f"{n} images each; {rule} Drops are paired; q: Benjamini–Hochberg over all {len(panel.cells)} cells.",
    )


def class_table(panel: Panel, classes: Sequence[str]) -> Table:
    """How much each class loses on average over all perturbations, most first; the interval is over images."""
    middle = min(range(len(panel.severities)), key=lambda k: (abs(panel.severities[k] - 3), k))
    rows: list[tuple[Entry, ...]] = []
    lost = panel.sample.clean.astype(np.float64) - panel.right[:, middle].mean(0)
    for c in np.unique(panel.sample.labels):
        inside = panel.sample.labels == c
        by_name = panel.right[:, middle][:, inside].mean(1)
        worst = int(by_name.argmin())
        rows.append(
            (
                classes[int(c)], int(inside.sum()), float(panel.sample.clean[inside].mean()), float(by_name.mean()),
                float(lost[inside].mean()), interval(mean_interval(lost[inside]), "points"),
                f"{panel.names[worst]} ({number(float(by_name[worst]))})",
            )
        )  # fmt: skip
    rows.sort(key=lambda r: -float(r[4] or 0))
    return Table(
        "Weakest classes",
        ("class", "images", "right as they are", "right when perturbed", "drop", "interval", "worst under"),
        tuple(rows[:MOST_CLASSES]),
        ("text", "count", "share", "share", "points", "text", "text"),
        f"Mean over all perturbations at severity {panel.severities[middle]}; few images a class make wide intervals.",
    )


def _attack_table(made: Attacks) -> Table:
    rows: list[tuple[Entry, ...]] = []
    for one in made.found:
        for i, budget in enumerate(one.budgets):
            k = int(one.pgd[i].sum())
            rows.append(
                (
                    ATTACKS[one.norm], f"{budget:g}/255", float(one.noise[i].mean()),
                    float(one.fgsm[i].mean()), k / made.n, interval(wilson(k, made.n)),
                )
            )  # fmt: skip
    return Table(
        "Changes made on purpose: share that stays right",
        ("norm", "budget", "plain noise", "FGSM", "PGD", "interval"),
        tuple(rows),
        ("text", "text", "share", "share", "share", "text"),
        f"{made.n} images, {made.clean} right as they are. l∞: largest change of a value; l2: root mean square change of a value, "
        "so that sizes compare. PGD counts a picture that any smaller budget breaks; a tie with another class counts as broken.",
    )


def attack_notes(made: Attacks) -> list[str]:
    """What weakens the attacks' word."""
    notes = []
    if made.still:
        notes.append(
            f"The gradient is exactly zero for {made.still} of the {made.clean} right images (outputs that are cut off or saturated, as by a "
            "ReLU6, have none): PGD can't follow it there, and such images only look robust."
        )
    if made.slipped:
        notes.append(
            f"{made.slipped} of the {made.clean} right images withstand PGD at {BLIND:g}/255 but not noise or blind search of the same size"
            + (": a sign of masked gradients." if made.masked else ".")
        )
    if not made.masked:
        notes.append(
            "PGD gives an upper bound of what survives: a stronger attack may find more. Most models that were not trained against "
            "such changes survive hardly any; that alone is no bug unless somebody may attack it."
        )
    return notes


def next_steps(panel: Panel, bound: Bound | None) -> tuple[str, ...]:
    """What a careful person would do next."""
    steps = []
    if bound is None:
        steps.append(
            "Say what accuracy is expected (accuracy >= …): then it is tested up to which severity it holds."
        )
    low = min(panel.names, key=lambda name: np.mean([c.rate for c in panel.of(name)]), default="")
    if low and not math.isnan(panel.cells[0].rate):
        steps.append(
            f"Ask whether pictures come with {PERTURBATIONS[low].words}; if so, train with such pictures and probe again."
        )
    return tuple(steps)
