"""The plan of a test of one group, and what it measures: rates inside against outside, within true classes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools import belonging
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, Instrument, Interval, group_key
from failsight.tools.experiments.masking_plan import stated_finding
from failsight.tools.experiments.population import (
    Filter,
    check_split,
    class_index,
    parse_filters,
    rows_meeting,
)
from failsight.tools.groups.shadows import RULE, Apart, Owner, apart, measured_names, owners
from failsight.tools.hypotheses.suggested import Suggested, suggested
from failsight.tools.hypotheses.typed import CUED, GROUPED, NATURE, conditions_of, group_words, in_words
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called as called_images
from failsight.tools.notes import labelled_splits, need_labels
from failsight.tools.slices.search import group_codes
from failsight.tools.stats.groups import Gap, gap
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.stats.slices.clusters import rate_interval, wider
from failsight.tools.text import clean
from failsight.tools.view import CaseView

TOOL = "compare_group"
TYPICAL_RATE = 0.2  # error rate of the others that is assumed where power is said before anything is counted
RARE = 0.5  # a group is rare in training when its share there is at most half of its share in the evaluation images
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """The tool's arguments as they came."""

    where: tuple[str, ...] | str = ()
    class_name: str | None = None
    called: str | None = None
    finding: str | None = None
    minimum_effect: float = 0.05
    alpha: float = 0.05
    split: Split = "data"
    group_by: str | None = None

    def given(self) -> dict[str, object]:
        """The arguments as the evidence names them."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before anything is counted.

    Attributes:
        within: index of the true class that the comparison stays in, or None.
        without: index of the true class that is left out of it: the class that a sign is said to stand for, or None.
        called: index of the class whose wrong calls count; None: all errors count.
        known: whether the case had this finding before.
        before: what earlier searches of the case had made of the group.
        untouched: whether the images that test it are those that suggested it to no search.
        everyone: images of both parts, those that suggested it too.
        unknown: images of these classes in neither part, because a value is missing.
        sources: (rows of the table,) what the images come from; None where each stands alone. together: that column.
        owners: confirmed groups of the case that share images with this one (over the rows of the table): it has to stand beside them.
    """

    asked: Asked
    conditions: tuple[Filter, ...]
    within: int | None
    without: int | None
    called: int | None
    finding: Finding
    known: bool
    instrument: Instrument
    inside: Mask  # rows of the table
    outside: Mask
    before: Suggested
    untouched: bool = True
    everyone: int = 0
    unknown: int = 0
    sources: npt.NDArray[np.int64] | None = None
    together: str = ""
    owners: tuple[Owner, ...] = ()


@dataclass(frozen=True, slots=True)
class Rarity:
    """How often the group occurs in training and in the images compared, with the interval of the difference."""

    share: float
    train: float
    n: int
    n_train: int
    ci: Interval

    @property
    def rare(self) -> bool:
        """At most half as frequent in training, and that not by chance."""
        return self.train <= RARE * self.share and self.ci[0] > 0


@dataclass(frozen=True, slots=True)
class Compared:
    """What was measured.

    Attributes:
        rate, rate_ci, rate_out: share that counts (errors, or images called so), in the group and of the others.
        errors, errors_ci, errors_out: the same of all errors.
        at: positions in the prediction table of the group's images that count, the surest first.
        beside: what is left of the gap without each confirmed group that has most of it.
        earlier: id of each group confirmed before that may only follow from this one → what is left of it, in a sentence.
    """

    gap: Gap
    rate: float
    rate_ci: Interval
    rate_out: float
    n: int
    n_out: int
    detectable: float | None
    rarity: Rarity | None
    errors: float
    errors_ci: Interval
    errors_out: float
    at: npt.NDArray[np.int64]
    beside: tuple[Apart, ...] = ()
    earlier: Mapping[str, str] = dataclasses.field(default_factory=dict)


def make_plan(view: CaseView, asked: Asked) -> Plan:
    """Resolve the arguments. Counts images by labels and attributes; predictions are not looked at."""
    split = check_split(view, asked.split)
    need_labels(view, split)
    stated = stated_finding(view, asked.finding)
    if stated is not None and stated.kind not in (*CUED, *GROUPED):
        raise RetryError(f"finding: {asked.finding} is a {stated.kind}; a group comparison cannot decide it.")
    if stated is not None and stated.split != split:
        raise RetryError(
            f"split: {asked.finding} is about the {called_images(stated.split)}: say split={stated.split}."
        )
    conditions = parse_filters(asked.where) or (conditions_of(stated.slice) if stated else ())
    if not conditions or any(not one.attribute for one in conditions):
        raise RetryError("where: name the group by conditions on attributes, as lighting=dark.")
    sign = stated is not None and stated.kind in CUED
    if stated is not None and stated.kind == "missing_feature":
        raise RetryError(
            f"finding: {asked.finding} says that a cue is not used; test_by_masking decides that."
        )
    name = asked.class_name or (None if sign or stated is None else stated.class_name)
    wanted = asked.called or (None if stated is None else stated.class_name if sign else stated.confused_with)
    within = None if name is None else class_index(view.classes, name)
    called = None if wanted is None else class_index(view.classes, wanted)
    if called is not None and called == within:
        raise RetryError("called: images of a class that are called so are right; name another class.")
    table = view.table(split)
    of_class = table.labels >= 0 if within is None else table.labels == within
    if called is not None:
        of_class = of_class & (table.labels != called)
    met, known = rows_meeting(view, split, conditions)
    everyone = met & of_class, known & ~met & of_class
    if not everyone[0].any() or not everyone[1].any():
        side = "in" if not everyone[0].any() else "outside"
        raise RetryError(f"where: no labelled image is {side} the group {' & '.join(map(str, conditions))}.")
    before = suggested(view, split, conditions, None if within is None else view.classes[within], wanted)
    inside, outside = everyone[0] & before.keep, everyone[1] & before.keep
    untouched = bool(inside.any() and outside.any()) and not before.all_by
    if not untouched:
        inside, outside = everyone
    together = belonging.told(asked.group_by) or (before.together if asked.group_by is None else "")
    finding, old = _finding(view, stated, conditions, within, called, split)
    others = _owners(view, finding, conditions, split, inside, wanted if called is not None else None)
    plan = _instrument(asked, finding, conditions, called, view, (inside, outside), before, together, others)
    return Plan(
        asked, conditions, within, called, called, finding, old, plan, inside, outside, before, untouched,
        int((everyone[0] | everyone[1]).sum()), int((of_class & ~known).sum()), _sources(view, split, together), together, others,
    )  # fmt: skip


def _owners(
    view: CaseView,
    finding: Finding,
    conditions: tuple[Filter, ...],
    split: Split,
    inside: Mask,
    called: str | None,
) -> tuple[Owner, ...]:
    """Other confirmed groups of the case that share images with a group whose errors, or calls of one class, are compared."""
    mine = {one.name: in_words(one) for one in conditions}
    skip = {finding.group, group_key(mine, finding.class_name, split)}
    if (
        called is not None
    ):  # of a sign the class is that which it pulls to, of a group that which its images are of
        skip |= {group_key(mine, called, split), group_key(mine, None, split)}
    some = [o for _, o in owners(view, split, skip, called) if (o.inside & inside).any()]
    of_pictures = bool(some) and bool(measured_names(view, split) & set(mine))
    return tuple(o for o in some if o.explains(of_pictures))


def _sources(view: CaseView, split: Split, column: str) -> npt.NDArray[np.int64] | None:
    """(rows of the table,) what each image comes from, by that column. Raises RetryError for an unknown one."""
    if not column:
        return None
    table, n = view.attributes(split), len(view.table(split))
    codes = group_codes(table, np.ones(len(table.rows), bool), column)
    made = np.arange(n, dtype=np.int64) + n  # unread images are alone
    made[table.rows] = 0 if codes is None else codes
    return made


def _finding(
    view: CaseView,
    stated: Finding | None,
    conditions: tuple[Filter, ...],
    within: int | None,
    called: int | None,
    split: str,
) -> tuple[Finding, bool]:
    """The hypothesis named, or the one of equal key, or a new one; what is said of other images than the evaluation images is of these."""
    if stated is not None:
        return stated, True
    failure, bug = NATURE["weak_slice"]
    slice_ = {one.name: in_words(one) for one in conditions}
    name = None if within is None else view.classes[within]
    into = None if called is None else view.classes[called]
    made = Finding(
        "weak_slice", failure, bug, "", slice=slice_, class_name=name, confused_with=into, split=split
    )
    made = dataclasses.replace(made, statement=claim(made))
    for _, known in view.findings():
        if known.key == made.key:
            return known, True
    return made, False


def claim(finding: Finding) -> str:
    """The claim in one short sentence, without numbers."""
    which = group_words(finding.slice)
    if finding.kind in CUED:
        return f"Images of other classes with {which} are called {clean(finding.class_name or '', 60)} more often than those without."
    images = f"Images of {clean(finding.class_name, 60)}" if finding.class_name else "Images"
    if finding.confused_with:
        return (
            f"{images} with {which} are called {clean(finding.confused_with, 60)} more often than the others."
        )
    return f"{images} with {which} are answered wrongly more often than the others."


def statistic(called: int | None) -> str:
    """What is compared, in words."""
    rate = "share called so" if called is not None else "error rate"
    return f"{rate} of the group minus that of the other images, within true classes (Mantel–Haenszel); one-sided exact test"


def _instrument(
    asked: Asked,
    finding: Finding,
    conditions: tuple[Filter, ...],
    called: int | None,
    view: CaseView,
    parts: tuple[Mask, Mask],
    before: Suggested,
    together: str,
    others: tuple[Owner, ...],
) -> Instrument:
    n, n_out = int(parts[0].sum()), int(parts[1].sum())
    smallest = None if together else smallest_rate_difference(n, TYPICAL_RATE, n_out, asked.alpha)
    rare = (
        "; besides, the group must be at most half as frequent in training"
        if finding.kind == "rare_case"
        else ""
    )
    counted = f"; images of one {clean(together, 40)} counted together, Student's t" if together else ""
    seen = {"not_on_the_half_of": list(before.by)} if before.by else {}
    return Instrument(
        finding=finding.key,
        tool=TOOL,
        arguments={
            "where": [str(f) for f in conditions], "called": view.classes[called] if called is not None else None,
            "split": asked.split, **seen, **({"group_by": together} if together else {}),
            **({"beside": [o.name for o in others]} if others else {}),
        },
        statement=claim(finding),
        statistic=statistic(called) + rare + counted + (f"; {RULE}" if others else ""),
        control="the other images of the same true classes whose value is known",
        minimum_effect=asked.minimum_effect,
        alpha=asked.alpha,
        n_planned=n + n_out,
        smallest_detectable_effect=smallest,
    )  # fmt: skip


def run(view: CaseView, plan: Plan) -> Compared:
    """Count."""
    split = plan.asked.split
    p = view.predictions(split)
    inside, outside = plan.inside[p.rows], plan.outside[p.rows]
    counted = p.predicted == plan.called if plan.called is not None else p.labelled & ~p.correct
    strata = np.maximum(p.labels, 0).astype(np.int64)
    sources = None if plan.sources is None else plan.sources[p.rows]
    made = gap(counted, inside, outside, strata, sources)
    n, n_out = int(inside.sum()), int(outside.sum())
    hits, hits_out = int((counted & inside).sum()), int((counted & outside).sum())
    rate_out = hits_out / n_out if n_out else math.nan
    at = np.flatnonzero(counted & inside)
    at = at[np.argsort(-p.confidence[at], kind="stable")] if p.has_scores else at
    seen = n and n_out and sources is None  # of images in groups their number alone can't say it
    detectable = smallest_rate_difference(n, rate_out, n_out, plan.asked.alpha) if seen else None
    fate = "wrong" if plan.called is None else f"called {clean(p.classes[plan.called], 60)}"
    known = [dataclasses.replace(o, inside=o.inside[p.rows]) for o in plan.owners]
    beside = [apart(o, inside, outside, made, counted, strata, sources, fate) for o in known]
    mine = Owner("this group", inside, bool(measured_names(view, split) & {c.name for c in plan.conditions}))
    among = inside | outside
    earlier = [_now(o, mine, among, counted, strata, sources, fate, plan.asked.minimum_effect) for o in known]
    rarity = _rarity(view, plan) if plan.finding.kind == "rare_case" else None
    wrong = p.labelled & ~p.correct
    missed, missed_out = int((wrong & inside).sum()), int((wrong & outside).sum())
    return Compared(
        made, hits / n if n else math.nan, _share(counted, inside, sources), rate_out, n, n_out, detectable, rarity,
        missed / n if n else math.nan, _share(wrong, inside, sources), missed_out / n_out if n_out else math.nan, at, tuple(b for b in beside if b is not None),
        {o.name: told for o, told in zip(known, earlier, strict=True) if told},
    )  # fmt: skip


def _now(
    owner: Owner,
    mine: Owner,
    among: Mask,
    counted: Mask,
    strata: npt.NDArray[np.int64],
    sources: npt.NDArray[np.int64] | None,
    fate: str,
    least: float,
) -> str:
    """What is left of an earlier confirmed group without the one that is tested now, in a sentence; empty where it stands without it."""
    if not mine.explains(owner.measured) or not (mine.inside ^ owner.inside).any():
        return ""
    its, others = owner.inside & among, among & ~owner.inside
    one = apart(mine, its, others, gap(counted, its, others, strata, sources), counted, strata, sources, fate)
    if one is None:
        return ""
    outcome = one.outcome(least, one.gap.p)
    return "" if outcome == "stands" else one.told(outcome)


def _share(hits: Mask, inside: Mask, sources: npt.NDArray[np.int64] | None) -> tuple[float, float]:
    """Interval of the share of hits inside: Wilson's, or the wider of the two where images belong together, as find_slices has it."""
    plain = wilson(int((hits & inside).sum()), int(inside.sum()))
    return plain if sources is None else wider(plain, rate_interval(hits[inside], sources[inside]))


def _rarity(view: CaseView, plan: Plan) -> Rarity | None:
    """How frequent the group is in training, within its class; None without labelled training images or the attribute."""
    if "train" not in labelled_splits(view) or plan.asked.split == "train":
        return None
    labels = view.table("train").labels
    of_class = labels >= 0 if plan.within is None else labels == plan.within
    try:
        inside, known = rows_meeting(view, "train", plan.conditions)
    except RetryError:  # the value, or the attribute, never occurs there
        inside, known = np.zeros(len(labels), bool), np.ones(len(labels), bool)
    k_train, n_train = int((inside & of_class).sum()), int((known & of_class).sum())
    k, n = int(plan.inside.sum()), int((plan.inside | plan.outside).sum())
    if not n_train:
        return None
    return Rarity(k / n, k_train / n_train, n, n_train, newcombe(k, n, k_train, n_train))
