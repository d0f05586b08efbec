"""The evidence of a masking test: verdict, facts with uniform names, a strip of examples, notes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Evidence, Fact, Figure, ImageRef, TestResult
from failsight.tools.experiments import doses, figures, paired
from failsight.tools.experiments.masking import NO_CONTROL, REASONS, Measurements
from failsight.tools.experiments.masking_plan import TOOL, Outcome, Plan
from failsight.tools.experiments.outcome import (
    POOR_MATCH,
    examples,
    finite,
    known_mean,
    left_out,
    mostly,
    rates,
    sampled,
    settled,
)
from failsight.tools.experiments.paired import Paired
from failsight.tools.experiments.population import overlaps
from failsight.tools.stats.intervals import bootstrap
from failsight.tools.text import bounds, clean, listing, number, p_value
from failsight.tools.verdicts import (
    EXPERIMENTS,
    FEWEST_FOR_REFUTATION,
    Judgement,
    Measured,
    history,
    judge,
    online_q,
)
from failsight.tools.view import CaseView

STATISTIC = "mean paired fall of the score, cue minus control"
EXAMPLES = 3
OVERLAP, OFTEN = 0.25, 0.2  # another object over a quarter of the cue, in a fifth of the images: worth a note


def evidence(view: CaseView, plan: Plan, plan_id: str, outcome: Outcome) -> Evidence:
    """Judge the outcome by the plan's rule and tell it."""
    asked, m = plan.asked, outcome.first
    summary = paired.summarise(
        m, minimum_effect=asked.minimum_effect, alpha=asked.alpha, claim=plan.claim, seed=view.seed
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
        place=paired.fixed_place(m, asked.minimum_effect, view.seed) if plan.region.fixed else None,
    )
    judgement = judge(measured, asked.minimum_effect, asked.alpha, plan.claim)
    result = TestResult(
        tool=TOOL,
        effect=summary.effect,
        ci=summary.ci,
        p=summary.p,
        n=summary.n,
        verdict=judgement.verdict,
        control_effect=summary.control_effect,
        statistic=STATISTIC,
        q=q,
    )
    labels = view.table(plan.bench.split).labels[m.rows]
    return Evidence(
        tool=TOOL,
        title=f"Masking test: {plan.region.title} and {plan.class_title}",
        summary=_summary(plan, summary, judgement, q, place.earlier)
        + doses.sentence(outcome.response, view.seed),
        arguments=asked.given(),
        facts=(
            *_facts(plan, plan_id, summary, q, outcome, labels),
            *doses.facts(outcome.response, view.seed),
        ),
        tables=doses.table(outcome.response, view.seed, "covered"),
        figures=_figure(view, plan, m),
        images=_images(view, plan, m),
        questions=_questions(plan),
        findings=(
            settled(
                plan.finding,
                plan.known,
                result,
                q,
                plan.claim_text,
                f"Masking {plan.region.title}",
                fixed=plan.region.fixed,
            ),
        ),
        notes=_notes(view, plan, outcome, summary, labels),
        next_steps=_next(plan, judgement, outcome.first),
    )


def _summary(plan: Plan, s: Paired, judgement: Judgement, q: float, earlier: int) -> str:
    verdict = judgement.verdict.capitalize()
    if s.n < 2:
        return f"{verdict}. {judgement.reason}"
    effect = (
        f"Masking {plan.region.title} {_moves(s.cue_effect, f'the score of {plan.class_title}')}, "
        f"masking as much elsewhere {_moves(s.control_effect, 'it')}: effect {number(s.effect, 'points')} "
        f"{bounds(s.ci, 'points')}, p {p_value(s.p)}, q {p_value(q)} ({s.n:,} images"
        + (f", test {earlier + 1} of this case)." if earlier else ").")
    )
    return f"{verdict}: {plan.claim_text} {effect} {judgement.reason}"


def _moves(fall: float, what: str) -> str:
    """``lowers the score by 3.0 points``: in the direction of the fall, which is what an effect of masking counts."""
    return f"{'raises' if fall < 0 else 'lowers'} {what} by {number(abs(fall), 'points').lstrip('+')}"


def _facts(
    plan: Plan, plan_id: str, s: Paired, q: float, outcome: Outcome, labels: npt.NDArray[np.int64]
) -> tuple[Fact, ...]:
    m, n = outcome.first, s.n
    flip, control_flip = paired.flips(m)
    fixed, control_fixed = paired.mended(m, labels)
    facts = [
        Fact("effect", finite(s.effect), "points", ci=s.ci, n=n),
        Fact("cue_effect", finite(s.cue_effect), "points", n=n),
        Fact("control_effect", finite(s.control_effect), "points", n=n),
        Fact("p", s.p, "score", n=n),
        Fact("q", q, "score", n=n),
        *rates("flip_rate", flip, control_flip),
        *rates("mended_rate", fixed, control_fixed),
        Fact("minimum_effect", plan.asked.minimum_effect, "points"),
        Fact("smallest_detectable_effect", s.detectable, "points", n=n),
        Fact("effect_sd", finite(s.sd), "points", n=n),
        Fact("n", n, "count"),
        Fact("n_planned", plan.instrument.n_planned, "count"),
        Fact("draws", plan.asked.draws, "count"),
        Fact("region_share", known_mean(m.share), "share", n=n),
        Fact("control_change_ratio", known_mean(m.change), "ratio", n=n),
        Fact("left_out", len(m.out_rows), "count"),
        Fact("plan", plan_id, "text"),
    ]
    if outcome.second is not None and len(outcome.second) > 1 and plan.second is not None:
        other = outcome.second.effect
        ci = bootstrap(other, seed=plan.bench.seed)
        facts.insert(
            3, Fact("effect", float(other.mean()), "points", f"fill {plan.second.fill.name}", ci, len(other))
        )
    return tuple(facts)


def _questions(plan: Plan) -> tuple[str, ...]:
    if plan.claim == "ignores":
        return ("features_global.2", "questionable_features.5", "what_if.1")
    return ("features_global.2", "questionable_features.2", "questionable_features.7", "what_if.1")


def _notes(
    view: CaseView, plan: Plan, outcome: Outcome, s: Paired, labels: npt.NDArray[np.int64]
) -> tuple[str, ...]:
    m, notes = outcome.first, list(plan.notes)
    notes += sampled(plan.instrument.n_planned, plan.population.found, len(m))
    notes += left_out(m.left_out(view.table(plan.bench.split)), REASONS)
    if len(m) and not m.same_shape.all():
        odd = int((~m.same_shape).sum())
        notes.append(
            f"In {odd:,} of {len(m):,} images the controls have the cue's area but not its shape: it fits nowhere else, or lies in too many parts."
        )
    change = known_mean(m.change)
    if change is not None and change < POOR_MATCH:
        notes.append(
            f"The controls change the pixels only {number(change, 'ratio')} times as much as the cue: "
            "part of the effect may come from that."
        )
    if np.isfinite(s.control_effect) and s.control_effect >= plan.asked.minimum_effect:
        notes.append(
            f"Masking as much anywhere else lowers the score by {100 * s.control_effect:.1f} points: the model suffers from "
            "any patch of this size, so a smaller region or another fill would tell more."
        )
    notes += _second_note(plan, outcome, s)
    notes += _overlap_note(view, plan, m)
    known = labels[labels >= 0]
    if (
        plan.claim == "uses"
        and plan.watched is not None
        and len(known)
        and bool((known == plan.watched).all())
    ):
        notes.append(
            f"All tested images are of {plan.class_title}: they show whether the model uses {plan.region.title}, "
            "not whether that leads it astray elsewhere."
        )
    return tuple(notes)


def _second_note(plan: Plan, outcome: Outcome, s: Paired) -> list[str]:
    """A warning when another fill tells another story: one of the two reaches the minimum effect, the other not half of it."""
    if outcome.second is None or plan.second is None or not len(outcome.second) or s.n < 2:
        return []
    other, least = float(outcome.second.effect.mean()), plan.asked.minimum_effect
    if max(other, s.effect) >= least and min(other, s.effect) < least / 2:
        return [
            f"With the fill {plan.second.fill.name} the effect is {number(other, 'points')} instead of "
            f"{number(s.effect, 'points')}: it depends on what takes the region's place."
        ]
    return []


def _overlap_note(view: CaseView, plan: Plan, m: Measurements) -> list[str]:
    """What else lies in the region, and the effect where nothing does: a decoy may owe its effect to its neighbour."""
    if plan.region.kind != "box" or not len(m):
        return []
    found = overlaps(view.table(plan.bench.split), plan.region.name, m.rows)
    shared = {name: float((share >= OVERLAP).mean()) for name, share in found.items()}
    often = [name for name, rate in sorted(shared.items(), key=lambda item: -item[1]) if rate >= OFTEN]
    if not often:
        return []
    alone = np.all([share < OVERLAP for share in found.values()], axis=0)
    told = f"The boxes of {plan.region.title} often lie over {listing(often)}"
    if alone.sum() < FEWEST_FOR_REFUTATION:
        return [f"{told}: what the effect owes to that can't be told apart here."]
    effect = number(float(m.effect[alone].mean()), "points")
    ci = bounds(bootstrap(m.effect[alone], seed=plan.bench.seed), "points")
    return [
        f"{told}; in the {int(alone.sum()):,} images where nothing else is behind them the effect is {effect} {ci}."
    ]


def _next(plan: Plan, judgement: Judgement, m: Measurements) -> tuple[str, ...]:
    if judgement.verdict == "confirmed" and plan.claim == "uses":
        return (
            f"Ask an expert whether {plan.region.title} should count for {plan.class_title}; if not, propose a correction.",
        )
    if judgement.verdict == "inconclusive" and mostly(m.out_reasons, NO_CONTROL):
        return ("Take a smaller region: this one leaves most images no room for a control of the same area.",)
    if judgement.verdict == "inconclusive" and not len(m):
        return ("See in the notes why no image could take part: another region, or other images.",)
    if judgement.verdict == "inconclusive" and plan.region.fixed:
        return (
            "Take only images that show something there: name them (where), or test what looks like it in one of them "
            "(region=like:SPLIT/ROW,x0,y0,x1,y1).",
        )
    if judgement.verdict == "inconclusive":
        return ("Test more images, or a larger region, or a cue that more images show.",)
    return ()


def _images(view: CaseView, plan: Plan, m: Measurements) -> tuple[ImageRef, ...]:
    table, split = view.table(plan.bench.split), plan.bench.split
    made = []
    for i in examples(m.effect, EXAMPLES):
        row = int(m.rows[i])
        label = int(table.labels[row])
        made.append(
            ImageRef(
                split=split,
                row=row,
                path=table.paths[row],
                label=view.classes[label] if label >= 0 else "",
                prediction=view.classes[int(m.top_clean[i])],
                caption=f"score {m.clean[i]:.2f}, cue masked {m.cue[i]:.2f}, control masked {m.control[i].mean():.2f}",
            )
        )
    return tuple(made)


def _figure(view: CaseView, plan: Plan, m: Measurements) -> tuple[Figure, ...]:
    rows = []
    for i in examples(m.effect, EXAMPLES):
        trial = plan.bench.trial(int(m.rows[i]))
        if isinstance(trial, int):  # the file has gone since it was measured
            continue
        name = view.classes[int(m.watched[i])]
        told = zip(trial.stack[:3], (m.clean[i], m.cue[i], m.control[i, 0]), strict=False)
        rows.append([figures.Tile(p, (f"{clean(name, 20)} {score:.2f}",)) for p, score in told])
    if not rows:
        return ()
    title = f"{plan.region.title[:1].upper()}{plan.region.title[1:]} masked"
    alt = (
        f"{len(rows)} examples: the image as it is, with {plan.region.title} masked, and with a control of the same area "
        f"masked; under each the score of {plan.class_title}."
    )
    picture = figures.sheet(rows, ("as it is", "cue masked", "control masked"))
    return (view.save_figure(f"masking_{plan.region.kind}", picture, title=title, alt=alt),)
