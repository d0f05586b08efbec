"""What label_noise says: tables, facts, findings and sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from failsight.tools.evidence import Fact, Finding, Instrument, TestResult, Verdict
from failsight.tools.labels.groups import ALPHA, MINIMUM_EFFECT, Excess, Group
from failsight.tools.labels.pairs import Pair
from failsight.tools.labels.swaps import Exchanged, swap_finding, swap_words
from failsight.tools.notes import called, of_split
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number, p_value


class Agreement(Protocol):
    """What a second opinion says of the suspects (:class:`failsight.tools.labels.second.Seconded`)."""

    @property
    def suspects(self) -> int: ...

    @property
    def agreed(self) -> int: ...

    @property
    def holds(self) -> bool: ...

    @property
    def sees(self) -> bool: ...


BY_HEART = (
    "Few labels disagree, but the features were learnt from these very labels: wrong ones that were learnt by heart agree with the "
    "model and are not seen."
)


LOOKED_AT = math.ceil(math.log(0.05) / math.log(1 - MINIMUM_EFFECT))
"""Labels to look at, drawn at random: when none of them is wrong, fewer than MINIMUM_EFFECT of all are, at 95 % confidence."""


@dataclass(frozen=True, slots=True)
class Overall:
    """All images together.

    Attributes:
        n, suspects: labelled images that take part, and those whose label is suspect.
        learned: share of wrong labels by confident learning (off the diagonal of the calibrated joint).
        expected: suspects that the model's own errors would make.
        floor, floor_ci, p: share of labels that disagree however sure the model is.
        sharpness: inverse temperature; below 1 the model is surer than it is right.
        misleading: content that makes suspects of its own, ``attribute=value``.
        fed_wrongly: id of a confirmed finding that the model is fed wrongly, or empty: then it errs however sure it is,
            and its disagreement says nothing of the labels.
        learnt: whether the model learnt from these very labels: few suspects then show nothing, as wrong labels that were learnt by heart
            agree with it.
        exchanged: two classes that are surely taken for each other beyond the model's own errors.
        within: floor when every group by who, when or how labelled has a temperature of its own; None without groups.
        second: how far a head that was cross-validated on these labels agrees with the suspects; None without one.
    """

    n: int
    suspects: int
    learned: float
    expected: float
    floor: float
    floor_ci: tuple[float, float]
    p: float
    sharpness: float
    misleading: tuple[str, ...]
    fed_wrongly: str = ""
    second: Agreement | None = None
    within: float | None = None
    learnt: bool = False
    exchanged: Exchanged | None = None

    @property
    def seconded(self) -> bool:
        """Whether the second opinion, where there is one, saw more than the model's answers and agrees with most suspects."""
        return self.second is None or (self.second.sees and self.second.holds)

    @property
    def grouped(self) -> bool:
        """Whether as many wrong labels are left when every group of images may be as hard as it is."""
        return self.within is None or self.within >= MINIMUM_EFFECT

    @property
    def blind(self) -> bool:
        """Whether hardly any label disagrees and that says nothing, as the model learnt from these very labels."""
        return self.learnt and self.floor_ci[1] < MINIMUM_EFFECT

    @property
    def verdict(self) -> Verdict:
        """Without metadata: confirmed only when the whole interval of the floor reaches the minimum and no content explains it."""
        if self.floor_ci[1] < MINIMUM_EFFECT:
            return "inconclusive" if self.learnt else "refuted"
        sure = self.p <= ALPHA and self.floor_ci[0] >= MINIMUM_EFFECT
        clear = not self.misleading and not self.fed_wrongly and self.seconded and self.grouped
        return "confirmed" if sure and clear else "inconclusive"


def plan(finding: Finding, statement: str, n: int, control: str, smallest: float | None) -> Instrument:
    """The test of a finding, as it is registered before anything is counted."""
    return Instrument(
        finding=finding.key, tool="label_noise", arguments=dict(finding.slice or {}), statement=statement,
        statistic="share of labels that disagree however sure the model is (floor of the calibrated disagreement), difference in points; "
        "and share of suspects within given classes: both at least the minimum confirm, either below it with its whole interval refutes; for a group also, at a level of .001, disagreement with the labels within given classes, "
        "where the images can't be told from the others' and how sure the model is can't explain it; for a label also the flip rates between it and each "
        "other class, one way minus the other, corrected over all ordered pairs of classes; for a group at last whether it exchanges two classes that "
        "are taken for each other more often than by the model's own errors: more than others within labels, more than were the model half as sure, and "
        "more than in its other labels, corrected over all groups and such pairs; or any pair of classes that it exchanges more than others do (corrected over "
        "all groups and pairs), by at least 10 points, and more than the model's errors by the others' labels of the two, as hard as its other labels allow. "
        "None is confirmed where another recorded condition accounts for it, or where the column says when or where and no picture was looked at",
        control=control, minimum_effect=MINIMUM_EFFECT, alpha=ALPHA, n_planned=n, smallest_detectable_effect=smallest,
    )  # fmt: skip


def group_finding(group: Group, split: str, name: str | None = None, left_out: bool = False) -> Finding:
    """The statement about one metadata value, tested; ``name`` where only labels of one class were looked at."""
    of = f" labelled {clean(name, 60)}" if name else ""
    clear = " without misleading content" if left_out else ""
    if group.swap is not None:
        return swap_finding(group, group.swap, split, clear)
    whose = f"Labels with {clean(group.column, 40)}={clean(group.value, 60)}"
    if group.excess is not None:
        return _excess_finding(
            group, group.excess, f"{whose} of {group.n:,} {called(split)}{of}{clear}", name
        )
    f, m = group.floor, group.measure
    alone = group.verdict == "refuted"  # by one interval; the p of both demands is of another test
    p, q = (m.p, group.q if m.p == group.p else None) if alone else (group.p, group.q)
    test = TestResult(
        "label_noise", m.effect, m.ci, p, group.n, group.verdict,
        statistic=f"{m.name}, inside minus outside" + ("" if alone else "; p of both demands, the larger"), q=q,
    )  # fmt: skip
    statement = (
        f"{whose} are suspect in {number(group.rate)} of {group.n:,} {called(split)}{of}{clear} "
        f"against {number(group.base)} elsewhere; estimated wrong labels {number(f.inside)} against {number(f.outside)}."
    )
    return Finding(
        "label_noise", "correctness", "data_content", statement, slice={group.column: group.value}, class_name=name, n=group.n,
        error_rate=group.rate, base_error_rate=group.base, ci=wilson(group.suspects, group.n), p=p, q=q,
        verdict=group.verdict, tests=(test,), note=group.why,
    )  # fmt: skip


def _excess_finding(group: Group, e: Excess, labels: str, name: str | None) -> Finding:
    """A group whose images are like the others', and whose labels the model disagrees with more often."""
    alike = (
        f" and they can't be told from the others (area under the curve {e.area:.2f}, at most {e.limit:.2f})"
        if e.sees
        else ", as far as scores without pictures tell"
    )
    statement = (
        f"{labels} disagree with the model in {number(e.rate)} against {number(e.base)} elsewhere ({number(e.effect, 'points')} "
        f"{interval(e.ci, 'points')} within labels), though it is about as sure of these images{alike}."
    )
    test = TestResult(
        "label_noise", e.effect, e.ci, group.p, group.n, group.verdict,
        statistic="disagreement within labels, inside minus outside (Mantel–Haenszel), of images "
        + ("that can't be told apart" if e.sees else "of which the model is as sure"), q=group.q,
    )  # fmt: skip
    return Finding(
        "label_noise", "correctness", "data_content", statement, slice={group.column: group.value}, class_name=name, n=group.n,
        error_rate=e.rate, base_error_rate=e.base, ci=wilson(round(e.rate * group.n), group.n), p=group.p, q=group.q,
        verdict=group.verdict, tests=(test,), note=group.why,
    )  # fmt: skip


def overall_finding(made: Overall, split: str, name: str | None) -> Finding:
    """The statement about all labels, tested against the model's own calibrated errors."""
    test = TestResult(
        "label_noise",
        made.floor,
        made.floor_ci,
        made.p,
        made.n,
        made.verdict,
        statistic="floor of disagreement",
        q=made.p,
    )
    of = f" labelled {clean(name, 60)}" if name else ""
    seen = f"{number(made.floor)} {interval(made.floor_ci)}"
    told = (
        f"{seen} disagree however sure the model is, and wrong ones that it learnt by heart are not among them."
        if made.blind
        else f"{seen} disagree however sure the model is."
    )
    statement = (
        f"More than {number(MINIMUM_EFFECT)} of the labels of the {called(split)}{of} are wrong: {told}"
    )
    return Finding(
        "label_noise", "correctness", "data_content", statement, class_name=name, n=made.n, error_rate=made.suspects / made.n,
        ci=wilson(made.suspects, made.n), p=made.p, q=made.p, verdict=made.verdict, tests=(test,), note=_why(made),
    )  # fmt: skip


def _why(made: Overall) -> str:
    least = number(MINIMUM_EFFECT)
    if made.verdict == "refuted":
        return f"The whole interval lies below {least}. It is of all labels together, where wrong ones in a few classes weigh little. {_in_few(made)}".rstrip()
    if made.blind:
        return BY_HEART
    if made.fed_wrongly:
        return f"The model is fed wrongly ({made.fed_wrongly}): mend that first, its disagreement says nothing of the labels."
    if made.verdict == "confirmed":
        return f"The whole interval lies above {least}, and no content of the images goes along with the suspects."
    if made.misleading:
        return f"Suspects go along with what the images show ({listing(list(made.misleading), 4)}): the model may be misled there, and its confident errors look like wrong labels."
    if made.second is not None and not made.second.holds and made.floor_ci[0] >= MINIMUM_EFFECT:
        return (
            f"The model disagrees however sure it is, but a head that learnt from these very labels agrees with it on only {made.second.agreed} of "
            f"{made.second.suspects} suspects: the model is misled rather than the images mislabelled."
        )
    if made.second is not None and not made.second.sees and made.floor_ci[0] >= MINIMUM_EFFECT:
        return (
            "The model disagrees however sure it is, but only its answers are known: a model that is confidently wrong by chance looks just like that. "
            "Look at the suspects, or give the model itself, so that a second opinion can be had from its features."
        )
    if made.within is not None and not made.grouped and made.floor_ci[0] >= MINIMUM_EFFECT:
        return (
            f"The model disagrees however sure it is, but within the groups by who, when or how labelled only {number(made.within)} are left: "
            "some images are harder than the model knows."
        )
    return f"The interval contains less than {least}, which the model's own errors may explain."


def _in_few(made: Overall) -> str:
    """The two classes that are taken for each other beyond the model's own errors; empty for none."""
    e = made.exchanged
    if e is None:
        return ""
    return (
        f"Of {e.n:,} images that label and model both call {clean(e.one, 60)} or {clean(e.other, 60)}, they disagree on {e.taken:,}, where the "
        f"model's own errors would make {e.expected:.1f}, were it half as sure as it says (p {p_value(e.p)}): look at these labels."
    )


def facts(made: Overall, groups: Sequence[Group], split: str, name: str | None) -> tuple[Fact, ...]:
    of = of_split(split, f"class {name}" if name else "")
    found = [
        Fact(
            "suspect_labels",
            made.suspects / made.n,
            "share",
            of,
            wilson(made.suspects, made.n),
            made.n,
            "lower_is_better",
        ),
        Fact("expected_suspects", made.expected / made.n, "share", of, None, made.n),
        Fact("noise_by_confident_learning", made.learned, "share", of, None, made.n, "lower_is_better"),
        Fact("label_noise", made.floor, "share", of, made.floor_ci, made.n, "lower_is_better"),
        Fact("sharpness", made.sharpness, "ratio", of, None, made.n),
    ]
    for g in groups[:12]:
        about = of_split(split, f"slice {g.column}={g.value}" + (f", class {name}" if name else ""))
        found.append(
            Fact("suspect_labels", g.rate, "share", about, wilson(g.suspects, g.n), g.n, "lower_is_better")
        )
        found.append(
            Fact(
                "label_noise_difference",
                g.floor.difference,
                "points",
                about,
                g.floor.ci,
                g.n,
                "lower_is_better",
            )
        )
    return tuple(found)


def _blind(made: Overall, split: str, groups: Sequence[Group]) -> str:
    """What few suspects among labels that the model learnt from mean for a person: first, since the figures look like an all-clear."""
    found = any(g.verdict == "confirmed" for g in groups)
    what = "How many more labels" if found else "Whether labels"
    few = min(LOOKED_AT, made.n)
    return (
        f"{what} of the {called(split)} are wrong can't be told from this model: it learnt from these very labels, and wrong ones that it has "
        f"learnt by heart look right to it. Train a second model without some of them and check those, or have a person look at {few:,} of them "
        f"drawn at random: if none is wrong, fewer than {number(MINIMUM_EFFECT)} of all are (95 % confidence)."
    )


def summary(
    made: Overall,
    groups: Sequence[Group],
    pairs: Sequence[Pair],
    classes: Sequence[str],
    split: str,
    name: str | None,
) -> str:
    of = f" labelled {clean(name, 60)}" if name else ""
    text = [_blind(made, split, groups)] if made.blind else []
    text += [
        f"Of {made.n:,} {called(split)}{of} {made.suspects:,} ({number(made.suspects / made.n)}) are suspects: the model is confidently of another class than the label.",
        f"Its own errors would make about {made.expected:,.0f} of them if every label were right (by its calibrated confidence); "
        f"the share of labels that disagree however sure it is, is {number(made.floor)} {interval(made.floor_ci)}.",
    ]
    confirmed = [g for g in groups if g.verdict == "confirmed"]
    if confirmed and confirmed[0].swap is not None:
        text.append(swap_words(confirmed[0], confirmed[0].swap))
    elif confirmed and confirmed[0].excess is not None:
        g, e = confirmed[0], confirmed[0].excess
        text.append(
            f"The model disagrees with labels with {clean(g.column, 40)}={clean(g.value, 60)} in {number(e.rate)} against {number(e.base)} elsewhere "
            f"(q {p_value(g.q)}), though {'the images are alike' if e.sees else 'it is about as sure of them'}."
        )
    elif confirmed:
        g = confirmed[0]
        text.append(
            f"Labels with {clean(g.column, 40)}={clean(g.value, 60)} are suspect in {number(g.rate)} against {number(g.base)} elsewhere (q {p_value(g.q)})."
        )
    elif groups:
        text.append(
            f"Of {len(groups)} groups by who, when or how labelled none is confirmed to hold more wrong labels."
        )
    text += [swap_words(g, g.swap) for g in groups if g.swap is not None and g.verdict != "confirmed"][:3]
    alike = next((p for p in pairs if p.reading == "ambiguous classes"), None)
    if alike:
        text.append(
            f"{clean(classes[alike.given], 60)} and {clean(classes[alike.suggested], 60)} are confused both ways and hesitantly: ambiguous rather than mislabelled."
        )
    return " ".join(text)
