"""verify_correction: did the repair work, on images that neither chose nor trained it, and what did it cost elsewhere?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, Instrument
from failsight.tools.experiments.cues.compared import Moved
from failsight.tools.inputs.base import Split
from failsight.tools.registry import tool
from failsight.tools.repair import reliance
from failsight.tools.repair.by_split import by_split
from failsight.tools.repair.least import default_minimum
from failsight.tools.repair.outcomes import Answers, Arms, Sample, answers, enough, find_arms, sample
from failsight.tools.repair.verdict import Losses, compare, compare_others, decide
from failsight.tools.repair.verdict_report import TOOL, Verified, evidence
from failsight.tools.repair.ways import along, directions, read_moves, unless_moved
from failsight.tools.text import clean, listing, number
from failsight.tools.verdicts import ONLINE_LEVEL
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@tool(
    cost="heavy",
    answers=("iterations.3", "iterations.4"),
    stateful=True,
    reads_attributes=True,
    passes=12,
)
def verify_correction(
    view: CaseView,
    repair: Annotated[
        str, Field(description="Which repair: R1, R2 … Default: the last one made.", max_length=20)
    ] = "",
    minimum_effect: Annotated[
        float | None,
        Field(
            description="Smallest fall of the target's error that counts, in [0.001, 1]; default: a quarter of the error before (with "
            "relabelling: of the errors that go the way of the wrong labels, which are the target), at least 0.02; 0.02 where all images are the target.",
            ge=0.001,
            le=1,
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        Field(
            description="Smallest rise of the error elsewhere that makes the repair a trade; 0: any that is more than chance. Default: a "
            "quarter of what the target gains, at least 0.02.",
            ge=0,
            le=1,
        ),
    ] = None,
    alpha: Annotated[float, Field(description="Level of the tests, corrected.", ge=0.001, le=0.2)] = 0.05,
    group_by: Annotated[
        str | None,
        Field(
            description="Attribute whose equal values belong together (house, patient, video): they count as one unit. By default as the case says (--groups); none: each image by itself.",
            max_length=200,
        ),
    ] = None,
    features: Annotated[
        bool,
        Field(
            description="Also whether the features changed: the finding's cue masked, or the panel of cues, before and after."
        ),
    ] = True,
    max_images: Annotated[int, Field(description="Most images for that.", ge=8, le=2000)] = 48,
) -> Evidence:
    """Verify a repair: errors before and after on images that neither chose nor trained it, beside a control arm of the same budget and seeds.

    Verified, no effect, traded away or inconclusive. The verdict rests on repair − control in the slice that was to be
    repaired, with an interval over images and seeds, and on every other class and slice, so that no silent trade passes
    (:mod:`failsight.tools.repair.verdict` has the rule and its reasons). The images: of the evaluation images the half
    that did not choose, where the finding was searched for; labelled deployment images; never a row that a version
    trained on. The plan is registered before any version is run.

    Raises:
        RetryError: no such repair; no untouched labelled image; a version that answers none of them.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    group_by = belonging.told(group_by)
    arms = find_arms(view.versions(), repair)
    known_as, finding = _finding(view, arms)
    calibrated = finding is not None and finding.kind == "overconfidence"
    moves = {} if calibrated else read_moves(arms.repair[0].data.get("relabelled"))
    ways = directions(moves, len(view.classes)) if moves else None
    chosen = sample(view, arms, finding, group_by, None if ways is None else ways.any(1))
    base = _before(view, chosen, calibrated, ways)
    whole = bool(chosen.target.all()) and not calibrated and ways is None
    least = default_minimum(base, whole) if minimum_effect is None else minimum_effect
    plan = view.register(_plan(arms, finding, chosen, least, tolerance, alpha, calibrated, view, ways))
    told = answers(view, arms, chosen)
    if calibrated and not told.has_scores:
        raise RetryError("Without class probabilities the calibration error can't be measured.")
    made = _judge(
        view, arms, known_as, finding, chosen, told, calibrated, (least, tolerance, alpha), plan, ways
    )
    if features:
        relied, cues = _features(view, arms, known_as, finding, chosen, max_images)
        made = dataclasses.replace(made, reliance=relied, cues=cues)
    return dataclasses.replace(evidence(view, made), arguments=given)


def _finding(view: CaseView, arms: Arms) -> tuple[str, Finding | None]:
    """The finding that the repair was made for. Raises RetryError where the case does not have it."""
    wanted = arms.repair[0].finding.strip().upper()
    if not wanted:
        return "", None
    known = dict(view.findings())
    if wanted not in known:
        raise RetryError(
            f"{arms.name} was made for {clean(wanted, 20)}, which this case does not have.", known
        )
    return wanted, known[wanted]


def _before(view: CaseView, chosen: Sample, calibrated: bool, ways: Mask | None) -> float:
    """Error of the case's own model in the target, from the predictions that there are anyway."""
    if ways is not None:
        predicted = np.concatenate([view.predictions(s).predicted[at] for s, at in chosen.at.items()])
        return along(ways, chosen.labels[chosen.target], predicted[chosen.target])
    parts = []
    for split, at in chosen.at.items():
        made = view.predictions(split)
        sure_of = np.clip(made.confidence[at].astype(np.float64), 0, 1)  # float16 models answer 1.0005
        parts.append(np.stack([sure_of, made.correct[at].astype(np.float64)]))
    sure, right = np.concatenate(parts, 1)[:, chosen.target]
    if calibrated:
        from failsight.tools.stats.calibration import expected_calibration_error

        return float(expected_calibration_error(sure, right))
    return float(1 - right.mean())


def _plan(
    arms: Arms,
    finding: Finding | None,
    chosen: Sample,
    least: float,
    tolerance: float | None,
    alpha: float,
    calibrated: bool,
    view: CaseView,
    ways: Mask | None,
) -> Instrument:
    what = (
        "calibration error"
        if calibrated
        else "error"
        if ways is None
        else "share answered the way of the wrong labels"
    )
    directed = (
        {} if ways is None else {"ways": [[view.classes[a], view.classes[b]] for a, b in np.argwhere(ways)]}
    )
    return Instrument(
        finding="" if finding is None else finding.key,
        tool=TOOL,
        arguments={
            "repair": arms.name,
            "versions": {v.name: v.fingerprint for v in arms.versions},
            "images": {str(s): len(at) for s, at in chosen.at.items()},
            "tolerance": "a quarter of the target's fall, at least 0.02" if tolerance is None else tolerance,
            "seed": view.seed,
            **directed,
        },
        statement=f"The repair {arms.name} lowers the {what} of {chosen.title}, and trades nothing for it.",
        statistic="mean paired difference of the errors over images and seeds, repair − control and repair − before; Student's t over "
        "images and seeds, and sign flips over images; every other group one-sided against before, Benjamini–Hochberg",
        control=f"versions of equal budget and seeds without what repairs: {len(arms.control)}"
        if arms.control
        else "none",
        minimum_effect=least,
        alpha=alpha,
        n_planned=int(chosen.target.sum()),
    )


def _judge(
    view: CaseView,
    arms: Arms,
    finding_id: str,
    finding: Finding | None,
    chosen: Sample,
    told: Answers,
    calibrated: bool,
    bounds: tuple[float, float | None, float],
    plan: str,
    ways: Mask | None,
) -> Verified:
    least, tolerance, alpha = bounds
    units = None if chosen.units is None else chosen.units[told.keep]
    target = chosen.target[told.keep]
    if not target.any():
        raise RetryError("Not every version gives finite scores for the images that the finding speaks of.")
    errors = told.losses(False, units)
    groups = {k: m[told.keep] for k, m in chosen.others.items()}
    others, few = compare_others(errors, groups, seed=view.seed)
    ece = None
    if told.has_scores:
        ece = compare("overall", "calibration", told.losses(True, units), seed=view.seed)
    aimed = _target(told, calibrated, units, target, ways)
    aim = compare("target", chosen.title, aimed, seed=view.seed)
    earlier, verified = _history(view, plan)
    decision = decide(
        aim, others, minimum=least, tolerance=tolerance, alpha=alpha, earlier=earlier, verified=verified
    )
    if ways is not None:
        decision = unless_moved(decision, next((o for o in others if o.kind == "overall"), None))
    notes = (*chosen.notes, *told.notes, *enough(int(target.sum()), few), *_unseen(view.classes, told.labels))
    if any(told.bounds):
        notes += (
            f"{number(told.deferred)} of the images are left to a person, which counts as no error; the control arm leaves as many, by lot.",
        )
    verified_ = Verified(
        arms, finding_id, finding, chosen, calibrated, least, plan, aim, tuple(others), decision, ece, None, (),
        len(told.labels), notes, ways is not None,
    )  # fmt: skip
    of = np.repeat(np.arange(len(chosen.at)), [len(at) for at in chosen.at.values()])[told.keep]
    worst = verified_.worst
    return dataclasses.replace(
        verified_,
        deferred=told.answered(target) if any(told.bounds) and not calibrated else None,
        target_by=() if calibrated else by_split(aimed, of[target], list(chosen.at)),
        worst_by=()
        if worst is None
        else by_split(errors, of, list(chosen.at), groups[worst.kind, worst.name]),
    )


def _unseen(classes: Sequence[str], labels: Ints) -> tuple[str, ...]:
    """A remark on classes of which no image judges."""
    absent = [clean(c, 60) for i, c in enumerate(classes) if not (labels == i).any()]
    if not absent:
        return ()
    return (f"No untouched image is of {listing(absent, 6)}: what the repair costs there is not known.",)


def _target(told: Answers, calibrated: bool, units: Ints | None, target: Mask, ways: Mask | None) -> Losses:
    """Losses of the target alone; the calibration error is binned among its images."""
    if not calibrated:
        return told.losses(False, units, ways).part(target)
    part = dataclasses.replace(
        told,
        labels=told.labels[target],
        predicted=told.predicted[:, target],
        confidence=told.confidence[:, target],
    )
    return part.losses(True, None if units is None else units[target])


def _history(view: CaseView, plan: str) -> tuple[int, int]:
    """How many other repairs were judged in this case before, and of how many of them the target was shown to gain."""
    seen: dict[str, bool] = {}
    for one in view.evidence(TOOL):
        made = {f.name: f.value for f in one.facts if f.name in ("plan", "verdict", "q")}
        if made.get("plan") == plan:  # the same check again keeps its place
            break
        if "plan" in made:
            q = made.get("q")
            gained = made.get("verdict") in ("verified", "traded away")
            seen.setdefault(str(made["plan"]), gained and isinstance(q, int | float) and q <= ONLINE_LEVEL)
    return len(seen), sum(seen.values())


def _features(
    view: CaseView, arms: Arms, finding_id: str, finding: Finding | None, chosen: Sample, most: int
) -> tuple[reliance.Reliance | None, tuple[Moved, ...]]:
    """The finding's cue masked before and after; the panel of cues where it names none."""
    if not view.has_model():
        return None, ()
    split: Split = "data" if "data" in chosen.at else next(iter(chosen.at))
    rows = view.predictions(split).rows[chosen.at[split]]
    if reliance.about(finding):
        made = reliance.masked(view, arms, finding_id, rows, split, most)
        if made is not None:
            return made, ()
    return None, tuple(reliance.panel(view, arms, split, most))
