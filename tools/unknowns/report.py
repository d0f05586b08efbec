"""What unknown_unknowns says: sentences, facts, tables, pictures, findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Cell, Fact, Figure, Finding, ImageRef, Table, TestResult, family_key
from failsight.tools.examples import contact_sheet, references
from failsight.tools.notes import called, of_split
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.stats.slices import TestedSlice
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.unknowns import unexpected
from failsight.tools.unknowns.blind_spots import COLUMN, BlindSpots
from failsight.tools.unknowns.expected import Expected
from failsight.tools.unknowns.to_label import Choice
from failsight.tools.unknowns.unexpected import told_difference

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView

TOOL = "unknown_unknowns"
PLAN_KEY = family_key("overconfidence")
SHOWN = 8
MOST_TESTED = 12
MOST_VALUES = 12
TELLING = 0.15  # difference of shares above which a value describes a group


@dataclass(frozen=True)
class Told:
    """All that was measured. ``known`` and ``unknown`` are the answers with labels and those to label."""

    view: CaseView
    known: Any
    unknown: Any
    spots: BlindSpots | None
    expected: Expected | None
    plan: tuple[Choice, ...]
    target: Split
    class_name: str | None
    confidence: float
    budget: int

    @property
    def errors(self) -> npt.NDArray[np.int64]:
        made: npt.NDArray[np.int64] = self.known.errors
        return made

    @property
    def confirmed(self) -> tuple[TestedSlice, ...]:
        return () if self.spots is None else self.spots.report.confirmed

    @property
    def of(self) -> str:
        return f"class {self.class_name}" if self.class_name else ""

    @property
    def found_there(self) -> tuple[int, int] | None:
        """(confident errors, confident answers) among the images to label, where they carry labels after all."""
        if self.target == "data" or self.expected is None:
            return None
        p = self.unknown.predictions
        if not p.labelled[self.unknown.inside].all():
            return None
        sure = self.unknown.sure
        return int((~p.correct[sure]).sum()), int(sure.sum())


def summary(told: Told) -> str:
    """One to four sentences."""
    sure = told.known.sure & told.known.labelled
    n, k, all_errors = int(sure.sum()), len(told.errors), _wrong(told)
    of = f" of {clean(told.class_name, 60)}" if told.class_name else ""
    lines = [
        f"Of {n:,} answers{of} given with at least {number(told.confidence)} confidence {k:,} are wrong "
        f"({number(k / n if n else 0.0)} {interval(wilson(k, n))}), {number(k / all_errors if all_errors else 0.0)} of all {all_errors:,} errors."
    ]
    if told.confirmed and told.spots is not None:
        first = told.confirmed[:2]
        where = "; ".join(
            f"{_title(told.spots, s)} ({number(s.confirmation.rate)} wrong against {number(s.confirmation.rate_out)} elsewhere)"
            for s in first
        )
        lines.append(f"They gather, on images that did not suggest it: {where}.")
    elif k:
        lines.append("No group of them holds up as more frequent than elsewhere.")
    if told.expected is not None:
        lines.append(_expected_sentence(told))
    if told.plan:
        sure_ones = sum(c.why != "uncertain" for c in told.plan)
        lines.append(
            f"{_to_do(told)}: {len(told.plan):,} {called(told.target)}, {len(told.plan) - sure_ones:,} that the model is unsure of and "
            f"{sure_ones:,} where it is sure but that look unlike the right answers of their class."
        )
    return " ".join(lines)


def _to_do(told: Told) -> str:
    """Pictures without labels are to be labelled; those that have one, to be looked at again."""
    labelled = told.unknown.predictions.labelled
    return (
        "To look at again, labels included"
        if all(labelled[c.position] for c in told.plan)
        else "To label next"
    )


def _wrong(told: Told) -> int:
    p = told.known.predictions
    return int((told.known.labelled & ~p.correct).sum())


def _expected_sentence(told: Told) -> str:
    made = told.expected
    assert made is not None
    text = (
        f"Among {made.n:,} {called(told.target)} {made.confident:,} are answered with such confidence; about {number(round(made.count), 'count')} "
        f"[{made.ci[0]:.0f}, {made.ci[1]:.0f}] of them should be wrong if each class is as often wrong there as here"
    )
    there = told.found_there
    if there is not None:
        text += (
            f"; their labels show {there[0]:,}, {told_difference(told.view, told.target, there[0], made.ci)}"
        )
    return text + "."


def facts(told: Told, plan: str) -> tuple[Fact, ...]:
    """Rates with intervals, numbers to expect, the plan's size."""
    sure = told.known.sure & told.known.labelled
    n, k, of = int(sure.sum()), len(told.errors), told.of
    total = int(told.known.labelled.sum())
    made = [
        Fact("confident_error_rate", k / n if n else None, "share", of, wilson(k, n), n, "lower_is_better"),
        Fact(
            "confident_errors_per_image", k / total, "share", of, wilson(k, total), total, "lower_is_better"
        ),
        Fact("confident_error_count", k, "count", of, None, n, "lower_is_better"),
        Fact("groups_confirmed", len(told.confirmed), "count", of),
        Fact("plan", plan, "text"),
    ]
    if told.spots is not None:
        report = told.spots.report
        made.append(Fact("groups_tested", report.carried, "count", of))
        smallest = _detectable(told)
        if smallest is not None:
            made.append(Fact("smallest_detectable_effect", smallest, "points", of, n=report.n_confirmation))
    if told.expected is not None:
        e, where = told.expected, of_split(told.target, of)
        made.append(Fact("expected_confident_errors", e.count, "count", where, e.ci, e.n, "lower_is_better"))
        if told.found_there is not None:
            made.append(
                Fact("confident_error_count", told.found_there[0], "count", where, None, told.found_there[1])
            )
    made.append(Fact("images_to_label", len(told.plan), "count", of_split(told.target, of)))
    return tuple(made)


def _detectable(told: Told) -> float | None:
    """The excess that a group of a tenth of the confident answers would have shown with 80 % power."""
    report = told.spots.report if told.spots is not None else None
    if report is None or not 0 < report.overall < 1:
        return None
    n = round(0.1 * report.n_confirmation)
    return smallest_rate_difference(
        n, report.overall, report.n_confirmation - n, 0.05 / max(report.carried, 1)
    )


def _conditions(spots: BlindSpots, found: TestedSlice) -> dict[str, str]:
    return {spots.columns[c].name: spots.columns[c].values[v] for c, v in found.conjunction.conditions}


def _title(spots: BlindSpots, found: TestedSlice) -> str:
    parts = [f"{clean(k, 40)}={clean(v, 60)}" for k, v in _conditions(spots, found).items()]
    about = _traits(spots, spots.inside(found), tuple(_conditions(spots, found)))
    return " & ".join(parts) + (f", mostly {about}" if about and COLUMN in _conditions(spots, found) else "")


def _traits(spots: BlindSpots, inside: npt.NDArray[np.bool_], but: Sequence[str] = ()) -> str:
    """Attribute values more frequent among some answers than among the others; the most telling two."""
    found = []
    for column in spots.columns:
        if column.name == COLUMN or column.name in but:
            continue
        known = column.codes >= 0
        here, other = column.codes[inside & known], column.codes[~inside & known]
        if not len(here) or not len(other):
            continue
        size = len(column.values)
        gap = np.bincount(here, minlength=size) / len(here) - np.bincount(other, minlength=size) / len(other)
        found.append(
            (float(gap.max()), f"{clean(column.name, 40)}={clean(column.values[int(gap.argmax())], 60)}")
        )
    best = [text for gap, text in sorted(found, key=lambda f: (-f[0], f[1])) if gap >= TELLING]
    return listing(best[:2])


def _confusion(told: Told, inside: npt.NDArray[np.bool_]) -> str:
    """``kitchen taken for living_room (5), …`` of the errors among some confident answers."""
    p = told.known.predictions
    at = np.flatnonzero(told.known.sure & told.known.labelled)[inside]
    at = at[~p.correct[at]]
    pairs, counts = np.unique(np.stack([p.labels[at], p.predicted[at]], 1), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:2]
    texts = [
        f"{clean(p.classes[pairs[i][0]], 40)} taken for {clean(p.classes[pairs[i][1]], 40)} ({counts[i]})"
        for i in order
    ]
    return ", ".join(texts)


def findings(told: Told) -> tuple[Finding, ...]:
    """A finding for each group that held on the half that did not suggest it."""
    spots, made = told.spots, []
    for one in told.confirmed:
        assert spots is not None
        there = one.confirmation
        what = _confusion(told, spots.inside(one))
        text = (
            f"Confident answers with {_title(spots, one)} are wrong more often: {number(there.rate)} {interval(one.ci)} against "
            f"{number(there.rate_out)} of the other confident answers{f'; {what}' if what else ''}."
        )
        made.append(
            Finding(
                "overconfidence", "unknown_unknowns", "unknown", text,
                slice=_conditions(spots, one), class_name=told.class_name, n=there.n, error_rate=there.rate,
                base_error_rate=there.rate_out, ci=one.ci, p=one.p, q=one.q, verdict="confirmed",
                part=spots.report.n_confirmation / max(spots.report.n, 1),
                tests=(
                    TestResult(
                        TOOL, one.difference, one.difference_ci, one.p, there.n + there.n_out, "confirmed", None,
                        "rate of errors among confident answers in the group minus elsewhere, on the half that did not suggest it; "
                        "one-sided exact test within predicted classes", one.q,
                    ),
                ),
                note="The cause is open: look at the pictures for what the model lacks or mistakes here.",
            )
        )  # fmt: skip
    return tuple(made)


def tables(told: Told) -> tuple[Table, ...]:
    """Groups that were tested, attribute values over-represented, the plan."""
    made = [] if told.spots is None else [_group_table(told, told.spots), _value_table(told.spots)]
    made.append(_plan_table(told))
    return tuple(t for t in made if t.rows)


def _group_table(told: Told, spots: BlindSpots) -> Table:
    tested = [*spots.report.confirmed, *spots.report.others][:MOST_TESTED]
    rows: list[tuple[Cell, ...]] = []
    for one in tested:
        inside = spots.inside(one)
        rows.append(
            (
                _title(spots, one),
                int((inside & spots.wrong).sum()),
                one.confirmation.n,
                one.confirmation.rate,
                one.confirmation.rate_out,
                interval(one.difference_ci, "points"),
                p_value(one.q),
                one.verdict,
                _confusion(told, inside),
            )
        )
    return Table(
        "Groups of confident errors",
        (
            "group",
            "confident errors",
            "answers tested",
            "wrong",
            "elsewhere",
            "difference",
            "q",
            "verdict",
            "what for what",
        ),
        tuple(rows),
        ("text", "count", "count", "share", "share", "text", "text", "text", "text"),
        "Confident errors are of both halves; what is tested, of the half that did not suggest the group.",
    )


def _value_table(spots: BlindSpots) -> Table:
    rows = tuple(
        (f"{clean(v.name, 40)}={clean(v.value, 60)}", v.share_wrong, v.share_right, v.effect, p_value(v.q))
        for v in spots.values
        if v.q <= 0.05 and v.effect > 0
    )
    return Table(
        "Attribute values more frequent among confident errors",
        ("value", "of the errors", "of the right answers", "rise of the error rate", "q"),
        rows[:MOST_VALUES],
        ("text", "share", "share", "points", "text"),
        "Within predicted classes, over all confident answers; Benjamini–Hochberg over all values.",
    )


def _plan_table(told: Told) -> Table:
    p, table = told.unknown.predictions, told.view.table(told.target)
    rows: list[tuple[Cell, ...]] = [
        (
            clean(table.paths[int(p.rows[c.position])], 120),
            c.why,
            clean(p.classes[int(p.predicted[c.position])], 60),
            float(p.confidence[c.position]),
            c.gini,
            c.atypical,
        )
        for c in told.plan
    ]
    return Table(
        "What to label next",
        ("image", "why", "prediction", "confidence", "DeepGini", "distance from right answers"),
        tuple(rows),
        ("text", "text", "text", "share", "score", "ratio"),
        "In this order within each reason. A distance of 1 is usual among the right answers of the predicted class.",
    )


def pictures(told: Told) -> tuple[tuple[ImageRef, ...], tuple[Figure, ...]]:
    """The most confident errors, and the first images of the plan."""
    errors = references(told.view, told.known.predictions, told.errors[:SHOWN], "confident error")
    wanted = [
        c
        for why in ("uncertain", "confident but atypical")
        for c in [c for c in told.plan if c.why == why][: SHOWN // 2]
    ]
    plan: tuple[ImageRef, ...] = ()
    for c in wanted:
        plan += references(
            told.view, told.unknown.predictions, np.array([c.position]), c.why.removeprefix("confident but ")
        )
    figures = []
    if errors:
        alt = f"The {len(errors)} most confident of {len(told.errors)} errors made with at least {number(told.confidence)} confidence."
        figures.append(
            contact_sheet(told.view, errors, name="confident_errors", title="Confident errors", alt=alt)
        )
    if plan:
        alt = f"{len(plan)} of the {called(told.target)} to label next: uncertain ones, then confident but atypical ones."
        figures.append(contact_sheet(told.view, plan, name="label_next", title="What to label next", alt=alt))
    return (*errors, *plan), tuple(f for f in figures if f is not None)


def notes(told: Told) -> list[str]:
    """What is missing and what is assumed."""
    made = []
    if told.known.features is None or told.unknown.features is None:
        made.append(
            "Without the model's features confident answers that look unlike their class can't be told; "
            "groups rest on attributes, the plan on uncertain images alone."
        )
    if told.target == "data":
        other = {"pool", "deploy"} & set(told.view.splits())
        lack = (
            "No answers for other images were looked at"
            if other
            else "There are neither pool nor deployment images"
        )
        made.append(
            f"{lack}, so the plan names evaluation images whose labels to look at again; "
            "an unlabelled pool would show where more confident errors hide."
        )
    elif told.expected is not None and told.found_there is None:
        made.append(
            "The number to expect assumes that the images have not shifted; labels of some of them would tell."
        )
    smallest = _detectable(told)
    if not told.confirmed and smallest is not None:
        made.append(
            f"A group of a tenth of the confident answers would have been seen from {number(smallest, 'points')} above the others on (80 % power)."
        )
    elif not told.confirmed and len(told.errors):
        made.append("So few confident errors can't show what they have in common.")
    sure = int((told.known.sure & told.known.labelled).sum())
    if not sure:
        made.append(
            "No labelled image is answered with such confidence; lower the confidence to look at more."
        )
    return made


def next_steps(told: Told) -> tuple[str, ...]:
    """What a careful person would do next."""
    steps = []
    if len(told.errors):
        steps.append("Look through the confident errors: wrong labels show there first (label_noise).")
    if told.confirmed:
        steps.append(
            "Collect and label images like those of the confirmed groups, and test what the model looks at there (saliency)."
        )
    if told.plan and told.target != "data":
        steps.append(
            "Label the images of the plan, the confident ones as well: errors among them are the undiscovered kind."
        )
    there, made = told.found_there, told.expected
    if there is not None and made is not None:
        steps += unexpected.steps(told.view, told.target, there[0], made.ci)
    return tuple(steps)
