"""What was trained, on what, how long and how well it went: evidence of retrain."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from failsight.tools.evidence import Cell, Correction, Evidence, Fact, Figure, Table
from failsight.tools.figures.svg import FAINT, INK, SERIES, Canvas
from failsight.tools.repair.arms import Made
from failsight.tools.repair.around import Around
from failsight.tools.repair.choosing import Asked
from failsight.tools.repair.export import Exported
from failsight.tools.repair.lessons import Plan
from failsight.tools.repair.planning import Ready, told_recipe
from failsight.tools.strategies import Strategy
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

WIDTH, HEIGHT, LEFT = 640.0, 150.0, 60.0
TITLE = "A repair, trained"


def trained(view: CaseView, asked: Asked, ready: Ready, made: Sequence[Made]) -> Evidence:
    """Evidence of versions that were trained."""
    plan = ready.plan
    repair, control = _arm(made, "repair"), _arm(made, "control")
    seconds = sum(m.version.cost.get("seconds", 0.0) for m in made)
    added = 0 if plan.added is None else len(plan.added)
    what = f"{_learned(plan):,} training images" + (f" and {added:,} added ones" if added else "")
    after, base = _val(repair), _val(control)
    learned = (
        f"{told_recipe(plan)}, {plan.seeds} seeds, and a control arm with the same budget ({ready.control}); "
    )
    judged = (
        ""
        if after is None
        else f"On held-out training images{' and added ones' if added else ''} the versions answer {number(after)} rightly, those of the "
        f"control arm {number(base)} of theirs. "
    )
    summary = (
        f"{plan.repair} ({plan.strategy.replace('_', ' ')}{f', for {plan.finding}' if plan.finding else ''}) was trained on {what}: "
        f"{learned}{number(seconds, 'seconds')} of computing in all. {judged}Whether the fault is gone only untouched images can say."
    )
    figure = _curves(view, repair, control)
    return Evidence(
        tool="retrain",
        title=TITLE,
        summary=summary,
        facts=_facts(plan, repair, control, seconds, added),
        tables=(_versions(made),),
        figures=(figure,) if figure else (),
        corrections=_correction(view, asked, ready.strategy),
        notes=(*ready.notes, *_notes(plan, made)),
        next_steps=(_next(plan.repair),),
    )


def _learned(plan: Plan) -> int:
    """Usual training images that either arm learns from or is held against."""
    return len(plan.usual) - (0 if plan.left_out is None else len(plan.left_out))


def around(view: CaseView, asked: Asked, strategy: Strategy, made: Around) -> Evidence:
    """Evidence of versions that read the scores otherwise."""
    plan, value = made.plan, fmean(made.values)
    low, high = min(made.values), max(made.values)
    rows = len(plan.data["data"]["rows"])
    if made.ruled is not None:
        r = made.ruled
        summary = (
            f"{plan.repair}: where the model answers {clean(r.class_name, 60)} with a confidence below {min(1.0, made.values[0]):.2f}, its second "
            f"choice is taken instead. On {r.n:,} evaluation images that did not choose this bound it overrules {r.overruled:,} answers, "
            f"of which {r.before:,} were right before and {r.after:,} are now. The control arm overrules as many answers, by lot."
        )
        facts = [
            Fact("overruled", r.overruled, "count", f"repair {plan.repair}", None, r.n),
            Fact(
                "right_before",
                r.before,
                "count",
                f"repair {plan.repair}",
                None,
                r.overruled,
                "higher_is_better",
            ),
            Fact(
                "right_after",
                r.after,
                "count",
                f"repair {plan.repair}",
                None,
                r.overruled,
                "higher_is_better",
            ),
            Fact("threshold", min(1.0, made.values[0]), "share", f"repair {plan.repair}", None, rows),
        ]
    elif made.kept is None:
        summary = (
            f"{plan.repair}: one temperature of {value:.2f} ({low:.2f} to {high:.2f} over the seeds), fitted on half of the labelled "
            f"evaluation images ({rows:,}). No answer changes, only how sure the model says it is. The control arm leaves the scores as they are."
        )
        facts = [Fact("temperature", value, "ratio", f"repair {plan.repair}", (low, high), rows)]
    else:
        k = made.kept
        summary = (
            f"{plan.repair}: answers with a confidence below {made.values[0]:.2f} are left to a person. On {k.n:,} evaluation images that did "
            f"not choose this bound the model still answers {number(k.share)} {interval(k.share_ci)}, and errs in {number(k.error)} "
            f"{interval(k.error_ci)} of them; without deferral, or deferring as many by lot, it errs in {number(k.before)}."
        )
        facts = [
            Fact("coverage", k.share, "share", f"repair {plan.repair}", k.share_ci, k.n, "higher_is_better"),
            Fact("error_rate", k.error, "share", f"repair {plan.repair}", k.error_ci, round(k.share * k.n), "lower_is_better"),
            Fact("control_error_rate", k.before, "share", f"repair {plan.repair}", None, k.n, "lower_is_better"),
            Fact("threshold", made.values[0], "share", f"repair {plan.repair}", None, rows),
        ]  # fmt: skip
    facts.append(Fact("versions", len(made.made), "count", f"repair {plan.repair}"))
    return Evidence(
        tool="retrain",
        title="A repair around the model",
        summary=summary,
        facts=tuple(facts),
        tables=(_versions(made.made),),
        corrections=_correction(view, asked, strategy),
        notes=(
            "The evaluation images that fitted it are written down with the versions and do not judge them.",
        ),
        next_steps=(_next(plan.repair),),
    )


def exported(view: CaseView, asked: Asked, strategy: Strategy, made: Exported, why: str) -> Evidence:
    """Evidence of an export; nothing was trained."""
    total = sum(made.counts.values())
    parts = " and ".join(f"{n:,} {origin} images" for origin, n in made.counts.items())
    changed = f", {made.relabelled:,} of them with corrected labels" if made.relabelled else ""
    return Evidence(
        tool="retrain",
        title="A repair to be trained elsewhere",
        summary=(
            f"{made.repair}: a list of {parts}{changed}, with labels and weights, a short guide and a script to start from lie in "
            f"repair/{made.repair}/export of the case folder. {why}Nothing was trained."
        ),
        facts=(Fact("images", total, "count", f"repair {made.repair}"),),
        tables=(
            Table("Exported images", ("origin", "images"), tuple(made.counts.items()), ("text", "count")),
        ),
        corrections=tuple(
            Correction(c.finding, c.strategy, c.family, c.action, "approved", c.before)
            for c in _correction(view, asked, strategy)
        ),
        notes=made.notes,
        next_steps=(
            "Train both arms with your own code, then open a case with the new model or its predictions and compare the two (failsight compare).",
        ),
    )


def _arm(made: Sequence[Made], arm: str) -> list[Made]:
    return [m for m in made if m.version.arm == arm]


def _val(made: Sequence[Made]) -> float | None:
    """Mean held-out accuracy of the best rounds."""
    values = [m.history[m.best - 1].val_accuracy for m in made if m.history and m.best]
    values = [v for v in values if math.isfinite(v)]
    return fmean(values) if values else None


def _facts(
    plan: Plan, repair: Sequence[Made], control: Sequence[Made], seconds: float, added: int
) -> tuple[Fact, ...]:
    of = f"repair {plan.repair}"
    facts = [
        Fact("versions", len(repair) + len(control), "count", of),
        Fact("training_seconds", seconds, "seconds", of),
        Fact("training_images", _learned(plan), "count", of),
        Fact("added_images", added, "count", of),
        Fact("relabelled_images", len(plan.corrected), "count", of),
    ]
    for name, arm in (("repair", repair), ("control", control)):
        value = _val(arm)
        if value is not None:
            facts.append(
                Fact("held_out_accuracy", value, "share", f"{of}, {name} arm", None, None, "higher_is_better")
            )
    return tuple(facts)


def _versions(made: Sequence[Made]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in made:
        version, row = one.version, one.history[one.best - 1] if one.history and one.best else None
        val = None if row is None or not math.isfinite(row.val_accuracy) else row.val_accuracy
        worst = None if row is None or not math.isfinite(row.worst_accuracy) else row.worst_accuracy
        cost = version.cost
        rows.append((version.name, version.arm, version.seed, cost.get("seconds"), one.best or None, len(one.history) or None, val, worst))  # fmt: skip
    return Table(
        "Versions",
        (
            "version",
            "arm",
            "seed",
            "seconds",
            "best round",
            "rounds",
            "held-out accuracy",
            "worst held-out group",
        ),
        tuple(rows),
        ("text", "text", "count", "seconds", "count", "count", "share", "share"),
        "Each arm's held-out images are of the images that it was trained on, so the two arms are not to be compared by them.",
    )


def _notes(plan: Plan, made: Sequence[Made]) -> list[str]:
    notes = list(dict.fromkeys(n for m in made for n in m.notes))
    if any(m.resumed for m in made):
        notes.append("An interrupted training of the same plan was gone on with.")
    if plan.way == "tune":
        first = [m for m in made if m.best == 1 and len(m.history) > 1]
        if len(first) > len(made) / 2:
            notes.append("Most versions were best after the first round: a shorter training would do.")
    return notes


def _correction(view: CaseView, asked: Asked, strategy: Strategy) -> tuple[Correction, ...]:
    if asked.finding is None:
        return ()
    proposed = [
        c
        for e in view.evidence("propose_correction")
        for c in e.corrections
        if c.finding == asked.finding.key and c.strategy == strategy.name
    ]
    action = proposed[-1].action if proposed else _plain(strategy)
    return (
        Correction(
            asked.finding.key, strategy.name, strategy.family, action, "applied", asked.finding.error_rate
        ),
    )


def _plain(strategy: Strategy) -> str:
    words = {
        "n": "more", "wanted": "images of the finding's slice", "cue": "the cue", "images": "such images", "class": "the class",
        "other": "the class it is taken for", "differences": "", "relabel": "the suspects", "attribute": "slice", "careless": "",
    }  # fmt: skip
    return strategy.action.format_map(defaultdict(lambda: "it", words))


def _next(repair: str) -> str:
    return f"Judge it on images that neither chose nor trained it: verify_correction(repair={repair})."


def _curves(view: CaseView, repair: Sequence[Made], control: Sequence[Made]) -> Figure | None:
    """Training loss and held-out accuracy over the rounds, one line a version."""
    arms = [("repair", repair, SERIES[0]), ("control", control, SERIES[1])]
    if not any(m.history for _, arm, _ in arms for m in arm):
        return None
    panels = [("training loss", "train_loss", "score"), ("held-out accuracy", "val_accuracy", "share")]
    canvas = Canvas(WIDTH, 40 + len(panels) * (HEIGHT + 46))
    canvas.text(10, 18, "Training of the versions", size=13, bold=True)
    for i, (name, _, colour) in enumerate((a[0], a[1], a[2]) for a in arms):
        canvas.dot(LEFT + 220 + 90 * i, 14, 4, colour)
        canvas.text(LEFT + 230 + 90 * i, 18, name, fill=INK)
    for i, (title, field, unit) in enumerate(panels):
        lines = [
            ([(r.epoch, float(getattr(r, field))) for r in m.history if math.isfinite(getattr(r, field))], colour, m.version.name)
            for _, arm, colour in arms
            for m in arm
        ]  # fmt: skip
        _panel(canvas, title, unit, lines, 54 + i * (HEIGHT + 46))
    alt = "Training loss and held-out accuracy over the rounds, repair and control arm: " + "; ".join(
        f"{name} ends at {number(_val(arm))}" for name, arm, _ in arms
    )
    return view.save_figure(
        "retrain", canvas.svg("Training of the versions", alt), title="Training of the versions", alt=alt
    )


Line = tuple[list[tuple[float, float]], str, str]


def _panel(canvas: Canvas, title: str, unit: str, lines: Sequence[Line], top: float) -> None:
    points = [p for line, _, _ in lines for p in line]
    canvas.text(LEFT, top - 6, title, bold=True)
    if not points:
        canvas.text(LEFT, top + 20, "not measured", fill=FAINT)
        return
    right, low, high = max(x for x, _ in points), min(y for _, y in points), max(y for _, y in points)
    span = max(high - low, 1e-9)

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + (WIDTH - LEFT - 20) * x / max(right, 1e-9), top + HEIGHT * (1 - (y - low) / span)

    for share in (0.0, 0.5, 1.0):
        y = top + HEIGHT * (1 - share)
        canvas.line(LEFT, y, WIDTH - 20, y)
        canvas.text(LEFT - 5, y + 4, number(low + share * span, unit), anchor="end", fill=FAINT)
    for line, colour, name in lines:
        spots = [place(x, y) for x, y in line]
        for (x1, y1), (x2, y2) in pairwise(spots):
            canvas.line(x1, y1, x2, y2, colour, 1.4)
        for (x, y), (_, value) in zip(spots, line, strict=True):
            canvas.dot(x, y, 2.5, colour, f"{clean(name, 20)}: {number(value, unit)}")
    canvas.text(WIDTH - 20, top + HEIGHT + 14, "passes over the training images", anchor="end", fill=FAINT)
