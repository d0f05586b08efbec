"""A drop in deployment, counted again without evaluation images that were trained on.

A model is right more often on pictures that it has learnt. Where some of the evaluation images are training images, the accuracy on
them is too high and the drop to deployment images too large by that much. So a drop that was confirmed over all images is tested once
more over those that say something of use; that test decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Instrument, TestResult
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, labelled_splits
from failsight.tools.performance import Comparison, Drop, Performance, beyond_others, compare, performance
from failsight.tools.shifts.comparison import (
    ALPHA,
    BEYOND,
    CLASSWISE,
    MINIMUM_DROP,
    SAME_MIX,
    points,
    whole_finding,
)
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.verdicts import Measured, judge
from failsight.tools.view import CaseView

TOOL = "duplicates_and_leakage"
KIND: Final = "distribution_shift"
Rows = Mapping[str, Sequence[int]]


def look(view: CaseView, leaked: Rows) -> tuple[Finding, ...]:
    """The findings of a drop that are confirmed by now, judged anew without leaked images; empty where there are none.

    Args:
        leaked: split (``data``, ``deploy``) → rows that are training images too, byte for byte or verified on pixels.
    """
    earlier = _confirmed(view)
    if not earlier or not any(leaked.values()) or not {"data", "deploy"} <= set(labelled_splits(view)):
        return ()
    _register(view, earlier, leaked)
    data, deploy = (_without(view, split, leaked.get(split, ())) for split in ("data", "deploy"))
    found = compare(data, deploy)
    if not found.shared:
        return ()
    return tuple(_judged(data, deploy, found, earlier, leaked))


def undecided(view: CaseView, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those of ``findings`` that no test without leaked images has decided: a count over all images does not override it."""
    decided = _decided(view)
    return tuple(f for f in findings if f.key not in decided)


def note(view: CaseView, findings: Sequence[Finding]) -> list[str]:
    """A word on the others, for whoever counted over all images."""
    decided = _decided(view)
    known = [decided[f.key] for f in findings if f.key in decided]
    if not known:
        return []
    return [
        f"Training images are among those compared; the drop to deployment images was judged without them ({listing(known, 4)})."
    ]


def _decided(view: CaseView) -> dict[str, str]:
    """Key → id of each drop that was judged without leaked images."""
    return {
        f.key: name for name, f in view.findings() if f.kind == KIND and any(t.tool == TOOL for t in f.tests)
    }


def _confirmed(view: CaseView) -> dict[str | None, Finding]:
    """Class, or None for all together → the confirmed drop between evaluation and deployment images."""
    return {
        f.class_name: f
        for _, f in view.findings()
        if f.kind == KIND and f.verdict == "confirmed" and not f.slice and not f.about and f.tests
    }


def _register(view: CaseView, earlier: Mapping[str | None, Finding], leaked: Rows) -> None:
    """Journal how each drop will be judged, before anything is counted."""
    n = len(view.table("deploy")) - len(leaked.get("deploy", ()))
    for name, finding in earlier.items():
        whose = "The model does" if name is None else f"{clean(name, 60)} is recognised"
        statistic = (
            SAME_MIX if name is None else f"{CLASSWISE}; where all classes drop together, the {BEYOND}"
        )
        view.register(
            Instrument(
                finding=finding.key,
                tool=TOOL,
                arguments={"split": "deploy", "without": "training images"},
                statement=f"{whose} worse on deployment images than on evaluation images that were not trained on.",
                statistic=statistic,
                control="the evaluation images of the same classes that are no training images",
                minimum_effect=MINIMUM_DROP,
                alpha=ALPHA,
                n_planned=n,
            )
        )


def _without(view: CaseView, split: Split, rows: Sequence[int]) -> Performance:
    made = view.predictions(split)
    kept: npt.NDArray[np.bool_] = ~np.isin(made.rows, np.asarray(list(rows), np.int64))
    return performance(made.part(kept), seed=view.seed)


def _judged(
    data: Performance,
    deploy: Performance,
    found: Comparison,
    earlier: Mapping[str | None, Finding],
    leaked: Rows,
) -> list[Finding]:
    """One finding for each confirmed before, whole first, with what is left of it."""
    drop = found.same_mix
    whole = judge(Measured(drop.effect, drop.ci, drop.p, drop.q, drop.n), MINIMUM_DROP, ALPHA)
    made = []
    if None in earlier:
        again = whole_finding(
            data, deploy, drop, whole.verdict, whole.reason, which=" that were not trained on", tool=TOOL
        )
        made.append(_explained(again, earlier[None], leaked))
    together = None in earlier and whole.verdict == "confirmed"
    more = beyond_others(data, deploy, found.shared) if together else ()
    for at, i in enumerate(found.shared):
        known = earlier.get(data.classes[i])
        if known is not None:
            decisive = more[at] if more else found.per_class[at]
            made.append(
                _explained(_class(data, deploy, i, found.per_class[at], decisive, bool(more)), known, leaked)
            )
    return made


def _class(
    data: Performance, deploy: Performance, i: int, drop: Drop, decisive: Drop, beyond: bool
) -> Finding:
    here, there = data.per_class[i], deploy.per_class[i]
    d = decisive
    judged = judge(Measured(d.effect, d.ci, d.p, d.q, d.n), MINIMUM_DROP, ALPHA)
    text = (
        f"{clean(here.name, 60)} is recognised in {number(there.recall.value)} of its deployment images and in "
        f"{number(here.recall.value)} of its evaluation images that were not trained on: {points(drop.effect)} "
        f"{'less' if drop.effect >= 0 else 'more'} {interval(drop.ci, 'points')}"
    )
    if beyond:
        than = "beyond" if d.effect >= 0 else "short of"
        text += f", and {points(d.effect)} {interval(d.ci, 'points')} {than} what the other classes lose"
    test = TestResult(
        TOOL, d.effect, d.ci, d.p, d.n, judged.verdict, statistic=BEYOND if beyond else CLASSWISE, q=d.q
    )
    return Finding(
        KIND, "robustness", "data_statistics", f"{text}.", class_name=here.name,
        n=there.n, error_rate=1 - there.recall.value, base_error_rate=1 - here.recall.value,
        ci=(1 - there.recall.ci[1], 1 - there.recall.ci[0]), p=d.p, q=d.q, verdict=judged.verdict, tests=(test,), note=judged.reason,
    )  # fmt: skip


def _explained(finding: Finding, before: Finding, leaked: Rows) -> Finding:
    """``finding`` with what was measured before, and why this decides."""
    counts = listing([f"{len(rows):,} {called(split)}" for split, rows in leaked.items() if rows])
    effect = before.tests[-1].effect
    return replace(
        finding,
        note=f"{finding.note} With {counts} that are training images too it was {number(effect, 'points')}: what a model has learnt by heart "
        "says nothing of new pictures, so the drop without them decides.".strip(),
    )


def sentence(findings: Sequence[Finding]) -> str:
    """For the summary: what became of the drop; empty where none was looked at."""
    if not findings:
        return ""
    fallen = [f for f in findings if f.verdict != "confirmed"]
    if not fallen:
        return "The drop to deployment images holds without them too."
    names = [
        "that of all images" if f.class_name is None else f"that of {clean(f.class_name, 40)}" for f in fallen
    ]
    return f"Without them the drop to deployment images is no longer confirmed ({listing(names, 4)})."
