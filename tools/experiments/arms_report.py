"""The evidence of an adding or swapping test: verdict, facts with uniform names, examples, notes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Evidence, Fact, Figure, ImageRef, TestResult
from failsight.tools.experiments import doses, figures
from failsight.tools.experiments.arms import REASONS, Arms, fixed_place, summarise, turned
from failsight.tools.experiments.arms_plan import Outcome, Plan
from failsight.tools.experiments.outcome import (
    POOR_MATCH,
    examples,
    finite,
    known_mean,
    left_out,
    rates,
    sampled,
    settled,
)
from failsight.tools.experiments.paired import Paired
from failsight.tools.text import bounds, clean, number, p_value
from failsight.tools.verdicts import EXPERIMENTS, Judgement, Measured, history, judge, online_q
from failsight.tools.view import CaseView

EXAMPLES = 3  # chosen by the effect of the first draw, which is the one that is shown
FEW_DONORS = 12  # pieces cut from fewer images bring those images' luck with them: worth a note


def evidence(view: CaseView, plan: Plan, plan_id: str, outcome: Outcome) -> Evidence:
    """Judge the outcome by the plan's rule and tell it."""
    arms, planned = outcome.arms, plan.instrument
    summary = summarise(
        arms,
        plan.sign,
        minimum_effect=planned.minimum_effect,
        alpha=planned.alpha,
        claim=plan.claim,
        seed=view.seed,
    )
    place = history((e for e in view.evidence() if e.tool in EXPERIMENTS), plan_id)
    q = online_q(summary.p, place.earlier, place.confirmed)
    measured = Measured(
        summary.effect,
        summary.ci,
        summary.p,
        q,
        summary.n,
        summary.detectable,
        summary.cue_effect,
        plan.words.cue,
        "rises" if plan.sign == 1 else "falls",
        fixed_place(arms, plan.sign, planned.minimum_effect, view.seed) if plan.fixed else None,
    )
    judgement = judge(measured, planned.minimum_effect, planned.alpha, plan.claim)
    result = TestResult(
        tool=plan.tool,
        effect=summary.effect,
        ci=summary.ci,
        p=summary.p,
        n=summary.n,
        verdict=judgement.verdict,
        control_effect=summary.control_effect,
        statistic=plan.words.statistic,
        q=q,
    )
    labels = view.table(plan.split).labels[arms.rows]
    return Evidence(
        tool=plan.tool,
        title=plan.words.title,
        summary=_summary(plan, summary, judgement, q, place.earlier)
        + doses.sentence(outcome.response, view.seed),
        arguments=dict(plan.arguments),
        facts=(
            *_facts(plan, plan_id, summary, q, arms, labels),
            *doses.facts(outcome.response, view.seed),
        ),
        tables=doses.table(outcome.response, view.seed, plan.words.done),
        figures=_figure(view, plan, arms),
        images=_images(view, plan, arms),
        questions=plan.questions,
        findings=(
            settled(
                plan.finding,
                plan.known,
                result,
                q,
                plan.claim_text,
                plan.words.cue,
                fixed=plan.fixed,
            ),
        ),
        notes=_notes(view, plan, arms, summary),
        next_steps=_next(plan, judgement, arms),
    )


def _summary(plan: Plan, s: Paired, judgement: Judgement, q: float, earlier: int) -> str:
    verdict = judgement.verdict.capitalize()
    if s.n < 2:
        return f"{verdict}. {judgement.reason}"
    cue, control = (number(plan.sign * e + 0.0, "points") for e in (s.cue_effect, s.control_effect))
    return (
        f"{verdict}: {plan.claim_text} {plan.words.cue} changes the score of {plan.class_title} by {cue}, "
        f"{plan.words.control} by {control}: effect {number(s.effect, 'points')} {bounds(s.ci, 'points')}, "
        f"p {p_value(s.p)}, q {p_value(q)} ({s.n:,} images"
        + (f", test {earlier + 1} of this case). " if earlier else "). ")
        + judgement.reason
    )


def _facts(
    plan: Plan, plan_id: str, s: Paired, q: float, arms: Arms, labels: npt.NDArray[np.int64]
) -> tuple[Fact, ...]:
    n = s.n
    cue, control = turned(arms, plan.sign)
    used = len(np.unique(arms.donors)) if len(arms) else 0
    return (
        Fact("effect", finite(s.effect), "points", ci=s.ci if n > 1 else None, n=n),
        Fact("cue_effect", finite(s.cue_effect), "points", n=n),
        Fact("control_effect", finite(s.control_effect), "points", n=n),
        Fact("p", s.p, "score", n=n),
        Fact("q", q, "score", n=n),
        *rates("flip_rate", cue, control),
        *_by_class(plan, arms, labels),
        Fact("minimum_effect", plan.instrument.minimum_effect, "points"),
        Fact("smallest_detectable_effect", s.detectable, "points", n=n),
        Fact("effect_sd", finite(s.sd), "points", n=n),
        Fact("n", n, "count"),
        Fact("n_planned", plan.instrument.n_planned, "count"),
        Fact("draws", plan.bench.draws, "count"),
        Fact("donors", used, "count"),
        Fact("region_share", known_mean(arms.share), "share", n=n),
        Fact("control_change_ratio", known_mean(arms.change), "ratio", n=n),
        Fact("left_out", len(arms.out_rows), "count"),
        Fact("plan", plan_id, "text"),
    )


def _by_class(plan: Plan, arms: Arms, labels: npt.NDArray[np.int64]) -> list[Fact]:
    """The effect among the images of each true class, where there are several."""
    classes = plan.bench.view.classes
    present = [c for c in np.unique(labels).tolist() if c >= 0 and (labels == c).sum() >= 2]
    if len(present) < 2:
        return []
    effect = arms.by_draw(plan.sign).mean(1)
    made = []
    for c in present[:20]:
        inside = effect[labels == c]
        made.append(
            Fact(
                "effect", float(inside.mean()), "points", f"class {clean(classes[c], 60)}", None, len(inside)
            )
        )
    return made


def _notes(view: CaseView, plan: Plan, arms: Arms, s: Paired) -> tuple[str, ...]:
    notes = list(plan.notes)
    before = plan.instrument.smallest_detectable_effect
    if before is not None:
        notes.append(
            f"Said before: {plan.instrument.n_planned:,} images and pieces from {plan.donors:,} would show "
            f"{number(before, 'points')} or more with 80 % power, were the spread as usual."
        )
    notes += sampled(plan.instrument.n_planned, plan.found, len(arms))
    notes += left_out(arms.left_out(view.table(plan.split)), REASONS)
    used = len(np.unique(arms.donors)) if len(arms) else 0
    if 0 < used < FEW_DONORS:
        notes.append(
            f"The pieces come from only {used} image{'s' * (used > 1)}: what is special about "
            f"{'them' if used > 1 else 'it'} can't be told from the cue."
        )
    change = known_mean(arms.change)
    if change is not None and change < POOR_MATCH:
        notes.append(
            f"The controls change the pixels only {number(change, 'ratio')} times as much as the cue: "
            "part of the effect may come from that."
        )
    if np.isfinite(s.control_effect) and abs(s.control_effect) >= plan.instrument.minimum_effect:
        notes.append(
            f"The control alone changes the score by {number(plan.sign * s.control_effect, 'points')}: "
            "the model reacts to any piece of this size."
        )
    if len(arms):
        notes.append(f"Flip rates count {plan.words.turned}.")
    return tuple(notes)


def _next(plan: Plan, judgement: Judgement, arms: Arms) -> tuple[str, ...]:
    if judgement.verdict == "confirmed" and plan.claim == "uses":
        return (
            f"Ask an expert whether it should count for {plan.class_title}; if not, propose a correction.",
        )
    if judgement.verdict == "inconclusive" and not len(arms):
        return (
            "See in the notes why no image could take part: another region, or pieces from other images.",
        )
    if judgement.verdict == "inconclusive":
        return ("Test more images, with pieces from more images.",)
    return ()


def _images(view: CaseView, plan: Plan, arms: Arms) -> tuple[ImageRef, ...]:
    table, made, done = view.table(plan.split), [], plan.words.done
    for i in examples(arms.by_draw(plan.sign)[:, 0], EXAMPLES):
        row = int(arms.rows[i])
        label = int(table.labels[row])
        made.append(
            ImageRef(
                split=plan.split,
                row=row,
                path=table.paths[row],
                label=view.classes[label] if label >= 0 else "",
                prediction=view.classes[int(arms.top_clean[i])],
                caption=(
                    f"score {arms.clean[i]:.2f}, {done} {arms.cue[i].mean():.2f}, "
                    f"control {arms.control[i].mean():.2f}"
                ),
            )
        )
    return tuple(made)


def _figure(view: CaseView, plan: Plan, arms: Arms) -> tuple[Figure, ...]:
    rows = []
    for i in examples(arms.by_draw(plan.sign)[:, 0], EXAMPLES):
        trial = plan.bench.trial(int(arms.rows[i]))
        if isinstance(trial, int):  # the file has gone since it was measured
            continue
        name = view.classes[int(arms.watched[i])]
        shown = (trial.stack[0], trial.stack[1], trial.stack[1 + plan.bench.draws])
        told = zip(shown, (arms.clean[i], arms.cue[i, 0], arms.control[i, 0]), strict=True)
        rows.append([figures.Tile(p, (f"{clean(name, 20)} {score:.2f}",)) for p, score in told])
    if not rows:
        return ()
    heads = plan.words.heads
    alt = (
        f"{len(rows)} examples: the image {heads[0]}, {heads[1]}, and {heads[2]}; under each the score of "
        f"{plan.class_title}."
    )
    picture = figures.sheet(rows, heads)
    return (view.save_figure(plan.words.figure, picture, title=plan.words.title, alt=alt),)
