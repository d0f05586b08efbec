"""The evidence of a test of one group: judged by the plan's rule, told with its control."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from failsight.tools.evidence import Evidence, Fact, Figure, Finding, ImageRef, Table, TestResult, Tried
from failsight.tools.examples import contact_sheet, references
from failsight.tools.experiments.outcome import finite
from failsight.tools.figures.charts import Mark, rates
from failsight.tools.hypotheses.group_test import TOOL, Compared, Plan, claim, statistic
from failsight.tools.hypotheses.suggested import told
from failsight.tools.hypotheses.typed import CUED, group_words, in_words, slice_name
from failsight.tools.notes import called, left_out_notes, of_split
from failsight.tools.text import clean, counted, interval, listing, number, p_value
from failsight.tools.verdicts import ONLINE_LEVEL, History, Judgement, Measured, history, judge, online_q
from failsight.tools.view import CaseView

SHOWN = 8


def evidence(view: CaseView, plan: Plan, plan_id: str, made: Compared, given: Mapping[str, Any]) -> Evidence:
    """Judge and tell."""
    place = history(view.evidence(TOOL), plan_id)
    p = min(1.0, made.gap.p * plan.before.times)
    q = _corrected(plan, place, made.gap.p)
    measured = Measured(made.gap.value, made.gap.ci, p, q, made.gap.n, made.detectable)
    judged = _with_rarity(judge(measured, plan.asked.minimum_effect, plan.asked.alpha), plan, made)
    judged = _on_untouched(judged, plan)
    judged, owner = _beside(
        judged, plan, made, [_corrected(plan, place, max(made.gap.p, b.gap.p)) for b in made.beside]
    )
    result = TestResult(
        TOOL, made.gap.value, made.gap.ci, p, made.gap.n + made.gap.n_out, judged.verdict,
        statistic=statistic(plan.called), q=q, together=plan.together,
    )  # fmt: skip
    images = references(
        view, view.predictions(plan.asked.split), made.at[:SHOWN], group_words(plan.finding.slice)
    )
    return Evidence(
        tool=TOOL,
        arguments=given,
        title=f"One group compared: {group_words(plan.finding.slice)}",
        summary=_summary(plan, made, judged, q, place.earlier),
        facts=_facts(plan, plan_id, made, q),
        tables=(_table(plan, made),),
        figures=_figures(view, plan, made, images),
        images=images,
        questions=("performance.3",),
        findings=() if made.gap.value != made.gap.value else (_settled(plan, made, result, judged, q),),
        tried=_tried(plan, result),
        notes=_notes(view, plan, made, judged),
        next_steps=_next(plan, judged, owner, made),
    )


def _corrected(plan: Plan, place: History, p: float) -> float:
    """The q of a p-value by the tests of the case before it, and no less than an earlier table gave this group."""
    return max(online_q(min(1.0, p * plan.before.times), place.earlier, place.confirmed), plan.before.floor)


def _tried(plan: Plan, result: TestResult) -> tuple[Tried, ...]:
    """The test, for whatever else is said of the errors of this group."""
    slice_ = {one.name: in_words(one) for one in plan.conditions}
    name = plan.finding.class_name if plan.within is not None else None
    return (
        Tried(
            slice_, dataclasses.replace(result, statistic=""), name, plan.asked.split, plan.called is not None
        ),
    )


def _on_untouched(judged: Judgement, plan: Plan) -> Judgement:
    """Nothing is confirmed on the very images that suggested it."""
    if plan.untouched or judged.verdict != "confirmed":
        return judged
    return Judgement(
        "inconclusive",
        "The difference is there, but on the images that suggested the group: only other images can confirm it.",
    )


def _beside(judged: Judgement, plan: Plan, made: Compared, qs: Sequence[float]) -> tuple[Judgement, str]:
    """A group of which a confirmed other one has most of the excess is confirmed only where it is worse without that one, too. With the name
    of the one that it does not stand beside, or nothing."""
    if judged.verdict != "confirmed":
        return judged, ""
    level, said = min(plan.asked.alpha, ONLINE_LEVEL), []
    for one, q in zip(made.beside, qs, strict=True):
        outcome = one.outcome(plan.asked.minimum_effect, q, level)
        if outcome != "stands":
            return Judgement("inconclusive", one.told(outcome)), one.owner
        said.append(one.told(outcome))
    return Judgement("confirmed", " ".join([judged.reason, *said])), ""


def _with_rarity(judged: Judgement, plan: Plan, made: Compared) -> Judgement:
    """A rare case is confirmed only where the group is rarer in training as well."""
    if plan.finding.kind != "rare_case" or judged.verdict != "confirmed":
        return judged
    if made.rarity is None:
        return Judgement(
            "inconclusive", "It fails more; without training images whether it is rare there is open."
        )
    if made.rarity.rare:
        return Judgement("confirmed", f"{judged.reason} In training it is at most half as frequent.")
    return Judgement(
        "inconclusive", "It fails more, but it is not clearly rarer in training: another cause is at work."
    )


def _settled(plan: Plan, made: Compared, result: TestResult, judged: Judgement, q: float) -> Finding:
    """The hypothesis with this result. An experiment outranks the comparison: what one decided stays decided."""
    finding = plan.finding
    decided = any(t.tool.startswith("test_by_") and t.verdict != "inconclusive" for t in finding.tests)
    verdict = None if decided else judged.verdict
    note = judged.reason
    if finding.kind in CUED:
        note += " An association; whether the thing itself is what the model sees only an experiment tells."
    made_ = dataclasses.replace(finding, tests=(result,), verdict=verdict, note=note)
    if plan.known and finding.n is not None:
        return made_  # its own numbers describe what raised it
    # of a sign, and of a group that is said to be called a class, the images that get the answer are told; else its errors
    sign = finding.kind in CUED or (plan.called is not None and " called " in finding.statement)
    rate, ci, out = (
        (made.rate, made.rate_ci, made.rate_out) if sign else (made.errors, made.errors_ci, made.errors_out)
    )
    return dataclasses.replace(
        made_,
        n=made.n,
        error_rate=finite(rate),
        base_error_rate=finite(out),
        ci=ci,
        p=result.p,
        q=q,
        part=(made.n + made.n_out) / plan.everyone if plan.everyone else None,
    )


def _what(plan: Plan) -> str:
    name = plan.instrument.arguments.get("called")
    return f"called {clean(str(name), 60)}" if name else "answered wrongly"


def _summary(plan: Plan, made: Compared, judged: Judgement, q: float, earlier: int) -> str:
    said = [f"{judged.verdict.capitalize()}: {claim(plan.finding)}"]
    what = _what(plan)
    said.append(
        f"{number(made.rate)} {interval(made.rate_ci)} of the {made.n:,} images in the group are {what}, {number(made.rate_out)} "
        f"of the {made.n_out:,} others."
    )
    if made.gap.value == made.gap.value:
        count = f", test {earlier + 1} of this kind in the case" if earlier else ""
        said.append(
            f"Within true classes the difference is {number(made.gap.value, 'points')} {interval(made.gap.ci, 'points')}, "
            f"p {p_value(made.gap.p)}, q {p_value(q)}{count}."
        )
    else:
        said.append("No class has images both inside and outside, so they can't be compared.")
    return " ".join([*said, judged.reason, *_before(plan), *_unknown(plan)])


def _before(plan: Plan) -> list[str]:
    """What earlier searches had to do with the group."""
    left = int((plan.inside | plan.outside).sum())
    if plan.before.by and not plan.untouched:
        names = listing(list(dict.fromkeys(plan.before.by)))
        return [f"Searches of this case ({names}) had brought it up on all of these images."]
    return told(plan.before, left, plan.everyone)


def _unknown(plan: Plan) -> list[str]:
    """Images in neither part."""
    if not plan.unknown:
        return []
    names = listing([clean(one.name, 40) for one in plan.conditions])
    which = " and ".join(f"{clean(one.name, 40)}=missing" for one in plan.conditions[:1])
    return [
        f"{counted(plan.unknown, 'more image is', 'more images are')} in neither part: their {names} is missing (where={which} compares them)."
    ]


def _facts(plan: Plan, plan_id: str, made: Compared, q: float) -> tuple[Fact, ...]:
    split = plan.asked.split
    name = "called_rate" if plan.called is not None else "error_rate"
    of = of_split(split, f"slice {slice_name(plan.finding.slice)}")
    facts = [
        Fact(name, finite(made.rate), "share", of, made.rate_ci, made.n, "lower_is_better"),
        Fact(name, finite(made.rate_out), "share", of_split(split, "the other images"), None, made.n_out, "lower_is_better"),
        Fact("effect", finite(made.gap.value), "points", of, made.gap.ci, made.gap.n, "lower_is_better"),
        Fact("p", made.gap.p, "score", of, n=made.gap.n),
        Fact("q", q, "score", of, n=made.gap.n),
        Fact("minimum_effect", plan.asked.minimum_effect, "points"),
        Fact("smallest_detectable_effect", made.detectable, "points", n=made.n),
        Fact("plan", plan_id, "text"),
    ]  # fmt: skip
    if made.rarity is not None:
        r = made.rarity
        facts += [
            Fact("slice_share", r.share, "share", of, None, r.n),
            Fact(
                "slice_share",
                r.train,
                "share",
                f"split train, slice {slice_name(plan.finding.slice)}",
                None,
                r.n_train,
            ),
            Fact("share_difference", r.share - r.train, "points", of, r.ci),
        ]
    return tuple(facts)


def _table(plan: Plan, made: Compared) -> Table:
    what = _what(plan)
    rows = (
        (group_words(plan.finding.slice), made.n, finite(made.rate)),
        ("the others", made.n_out, finite(made.rate_out)),
    )
    return Table(
        "The group and the others", ("images", "number", f"share {what}"), rows, ("text", "count", "share")
    )


def _figures(view: CaseView, plan: Plan, made: Compared, images: tuple[ImageRef, ...]) -> tuple[Figure, ...]:
    figures: list[Figure] = []
    what = _what(plan)
    if made.n and made.n_out:
        from failsight.tools.stats.intervals import wilson

        out = wilson(round(made.rate_out * made.n_out), made.n_out)
        alt = f"Share {what}: {number(made.rate)} in the group, {number(made.rate_out)} of the others, with 95 % intervals."
        marks = [Mark(made.rate, *made.rate_ci), Mark(made.rate_out, *out)]
        svg = rates(
            f"Share {what}",
            alt,
            [group_words(plan.finding.slice), "the others"],
            [(what, marks)],
            f"share {what}",
        )
        figures.append(view.save_figure("group", svg, title=f"Share {what}", alt=alt))
    if images:
        alt = f"{len(images)} images of the group that are {what}, the surest first."
        sheet = contact_sheet(view, images, name="group_images", title="Images of the group", alt=alt)
        figures += [sheet] if sheet else []
    return tuple(figures)


def _notes(view: CaseView, plan: Plan, made: Compared, judged: Judgement) -> tuple[str, ...]:
    notes = [
        *(
            [
                "No search of this case had brought this group up. If these images gave the idea in another way, the test flatters it."
            ]
            if plan.before.clean
            else []
        ),
        *([f"Images of one {clean(plan.together, 40)} are counted together."] if plan.together else []),
        "A group that fails more is not yet a cause: other things may go along with it.",
    ]
    if plan.finding.kind == "rare_case":
        r = made.rarity
        notes.append(
            "Whether the group is rare in training can't be told: there are no labelled training images with this attribute."
            if r is None
            else f"It makes up {number(r.train)} of the training images of its class, {number(r.share)} of the evaluation images "
            f"(difference {interval(r.ci, 'points')})."
        )
    if judged.verdict == "confirmed":
        notes += [
            f"{name} was confirmed before this group was known, and may only follow from it. {told}"
            for name, told in made.earlier.items()
        ]
    return (*notes, *left_out_notes(plan.asked.split, view.predictions(plan.asked.split).left_out))


def _next(plan: Plan, judged: Judgement, owner: str, made: Compared) -> tuple[str, ...]:
    if owner:
        return (f"Look into {owner} first; then test this group again.",)
    if judged.verdict == "confirmed" and made.earlier:
        listed = listing([f"compare_group finding={name}" for name in made.earlier], 4)
        return (f"Test again what may only follow from this group ({listed}).",)
    if judged.verdict == "confirmed" and plan.finding.kind in CUED:
        return (
            "Take the thing away, or put it in, to see whether it is the cause (test_by_masking, test_by_adding).",
        )
    if judged.verdict == "confirmed":
        return (
            f"Look at the images of the group, and at what sets them apart among the {called(plan.asked.split)} of their class.",
        )
    return ("More images of the group would decide it.",) if judged.verdict == "inconclusive" else ()
