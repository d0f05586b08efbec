"""propose_correction: what could be done about a confirmed finding, at what price, and how one would know that it worked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from failsight.tools.adopt_version import stated
from failsight.tools.attributes.computed import COMPUTED
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Correction, Evidence, Fact, Finding, Table
from failsight.tools.labels.plans import judges, to_do
from failsight.tools.notes import called
from failsight.tools.readiness import apart, unresolved_findings
from failsight.tools.registry import tool
from failsight.tools.repair.finding_words import words_of
from failsight.tools.repair.marked import region_of
from failsight.tools.repair.parts import Part, parts, parts_table
from failsight.tools.repair.possible import allowed, fed_first, here_first
from failsight.tools.repair.restated import members_line
from failsight.tools.repair.standing import standing
from failsight.tools.repair.versions import RESTATED
from failsight.tools.repair_sizes import Size, to_collect, to_verify
from failsight.tools.slices.classes import told_exchanged
from failsight.tools.slices.how_taken import YES
from failsight.tools.strategies import STRATEGIES, Strategy, fitting
from failsight.tools.text import clean, listing
from failsight.tools.verdicts import at_stake, measured_part
from failsight.tools.view import CaseView

MOST_FINDINGS = 6
FEWEST_TOLD = 20  # images that would show an improvement, below which their number is no number to train on
MOST_STRATEGIES = 4  # and the best of each family that is not among them
FAMILIES = ("dataset", "training", "model", "setup")
DATA_BUGS = ("data_statistics", "data_content", "data_engineering")


@tool(
    cost="instant",
    answers=("iterations.1", "iterations.2", "questionable_features.6", "model_training.6"),
    stateful=True,
)
def propose_correction(
    view: CaseView,
    finding: Annotated[
        str | None,
        Field(
            description="Id of the finding to repair, such as F2; by default every confirmed finding that is not repaired yet.",
            max_length=40,
        ),
    ] = None,
) -> Evidence:
    """Propose ranked repairs for confirmed findings: what to do in this case, why, cost, risk, and how to verify it.

    Numbers of images come from the deficit measured in the training images, or from the sample needed to see the
    improvement. Nothing is changed: a person decides.
    """
    chosen, notes = _chosen(view, finding)
    belong = parts(view, chosen)
    whole = [(i, f) for i, f in chosen if i not in belong]
    notes += [f"{i} is part of {p.of}: {p.why}." for i, p in belong.items()]
    made = [(i, f, _plans(view, f)) for i, f in whole[:MOST_FINDINGS]]
    if len(whole) > MOST_FINDINGS:
        notes.append(
            f"Only the {MOST_FINDINGS} findings that cost most errors are treated; {len(whole) - MOST_FINDINGS} more are confirmed."
        )
    corrections = [c for _, f, plans in made for c in _corrections(f, plans)]
    corrections += [_with_the_other(view, f, belong[i]) for i, f in chosen if i in belong]
    notes += [
        f"{i}: {_verify_size(f).how}"
        for i, f, _ in made
        if f.error_rate is not None and _verify_size(f).n is None
    ]
    if made and not view.has_model():
        notes.append(
            "There is no model here, only its answers: what trains it is written as a script for whoever has it (retrain recipe=export); labels, "
            "rules and leaving images to a person need none."
        )
    return Evidence(
        tool="propose_correction",
        arguments={"finding": finding},
        title="What could be done about it",
        summary=_summary(made, belong),
        facts=_facts(made),
        tables=tuple(
            t
            for t in (
                _table(made),
                _check_table(made),
                parts_table(belong),
                _knowledge(view, made),
                _stake_table(made),
            )
            if t.rows
        ),
        questions=("iterations.1", "iterations.2"),
        corrections=tuple(corrections),
        notes=tuple(notes),
        next_steps=_next_steps(made, belong),
    )


Plan = tuple[Strategy, str, str]  # strategy, what to do, how the number was reckoned


def _chosen(view: CaseView, finding: str | None) -> tuple[list[tuple[str, Finding]], list[str]]:
    """The findings to treat, those that cost most errors first; and remarks about them."""
    findings = dict(view.findings())
    if finding is not None:
        wanted = finding.strip().upper()
        if wanted not in findings:
            raise RetryError(
                f"There is no finding {clean(finding, 40)!r}."
                + ("" if findings else " None has been stated yet."),
                findings,
            )
        verdict = findings[wanted].verdict
        note = (
            []
            if verdict == "confirmed"
            else [
                f"{wanted} is {verdict or 'open, not tested'}: test it before anything is changed because of it."
            ]
        )
        return [(wanted, findings[wanted])], note
    at = standing(view)
    chosen = unresolved_findings(view, at)
    waiting = [i for i, f in findings.items() if f.verdict is None]
    notes = apart(view, at)
    if waiting:
        notes.append(f"Open and not treated, because nobody has tested them: {listing(waiting, 8)}.")
    return sorted(chosen, key=lambda pair: -at_stake(pair[1])), notes


def _plans(view: CaseView, finding: Finding) -> list[Plan]:
    """The best strategies for a finding, in words of the case; those that lack something come last."""
    if judges(finding):
        how = "labels of images that the model is judged on are corrected, and measured anew"
        return [(s, to_do(view, finding), how) for s in STRATEGIES if s.name == "relabel"]
    made: list[Plan] = []
    demoted: list[Plan] = []
    words, boxed = words_of(finding), _boxed(view, finding)
    for strategy in fitting(finding.kind):
        if strategy.about_object and boxed is None:
            continue  # there is no object to cover or paste
        if "{class}" in strategy.action and not finding.class_name:
            continue  # a rule overrules one class
        size = to_collect(view, finding) if strategy.counted else Size(None, "")
        told = size.n is not None and (size.measured or size.n >= FEWEST_TOLD)
        n = f"{'about' if size.measured else 'at least'} {size.n:,}" if told else "more"
        plan = (strategy, strategy.action.format_map({**words, "n": n}), size.how)
        if strategy.counted and size.n is None:  # numbers are not the cause, or nobody knows how many
            demoted.append(plan)
        elif strategy.about_object and not boxed:
            demoted.append(
                (strategy, plan[1], "the data have no boxes of it, so somebody has to mark it first")
            )
        else:
            made.append(plan)
    if _imitable(finding):  # what can be computed from a picture can mostly be imitated: cheapest, so first
        made.sort(key=lambda plan: plan[0].name != "typical_augmentation")
    if finding.kind == "weak_slice" and told_exchanged(view, finding):
        return [*_named_right(finding), *[p for p in made if p[0].family == "setup"][:1]]
    found = _restated(view, finding)
    if found:  # what was found to be right leads, with its values
        made = [(s, found if s.name == RESTATED else text, how) for s, text, how in made]
        made.sort(key=lambda plan: plan[0].name != RESTATED)
    made = fed_first(finding, made)
    ranked = here_first(view, finding, allowed(view, finding, [*made, *demoted]))
    chosen = ranked[:MOST_STRATEGIES]
    for family in FAMILIES:  # somebody who can't retrain, or can't collect, finds what is left to them
        if all(plan[0].family != family for plan in chosen):
            chosen += [plan for plan in ranked if plan[0].family == family][:1]
    return chosen


def _restated(view: CaseView, finding: Finding) -> str:
    """What the side file should state by a confirmed finding about the feeding, as an action; empty for other findings."""
    members = next((m for e in reversed(view.evidence()) if (m := stated(e, finding))), {})
    what = "the order of the class names" if finding.kind == "class_order" else "the way images are prepared"
    return (
        f"Mend {what}: in the model's side file (model.json) write {members_line(members)}; adopt_version goes on with it, and measures "
        "everything anew."
        if members
        else ""
    )


def _named_right(finding: Finding) -> list[Plan]:
    """What mends names that are exchanged in a group: the labels' or the answers', by what a look at some of its pictures shows."""
    images, how = words_of(finding)["images"], "a look at 20 of them tells which of the two it is"
    looked = {
        "relabel": f"Look at 20 {images}. Where the picture shows the other class, their labels are exchanged: set them right at the source.",
        "data_engineering": f"Look at 20 {images}. Where the picture shows what the label says, the answers are exchanged: find where the class "
        "names of these images are joined to the outputs (another list, another order), or whether training labels were exchanged there.",
    }
    return [(s, looked[s.name], how) for s in STRATEGIES if s.name in looked]


def _imitable(finding: Finding) -> bool:
    """Whether the slice is about brightness, sharpness, size and the like only."""
    return bool(finding.slice) and all(
        name.removeprefix("computed_") in COMPUTED for name in finding.slice or {}
    )


def _boxed(view: CaseView, finding: Finding) -> bool | None:
    """Whether the object that the finding suspects has boxes, or is sought in pictures; None where it suspects no single object."""
    if region_of(finding.slice):
        return True
    pairs = list((finding.slice or {}).items())
    if len(pairs) != 1 or pairs[0][1].lower() not in YES:
        return None
    boxes = view.table("data").boxes
    return boxes is not None and any(pairs[0][0] in row for row in boxes)


def _verify_size(finding: Finding) -> Size:
    return to_verify(finding.error_rate, finding.base_error_rate)


def _verification(finding: Finding, strategy: Strategy) -> str:
    """Data, statistic and control arm of the check."""
    size, words = _verify_size(finding), words_of(finding)
    if judges(finding):
        return f"Errors counted again with the labels that people gave. Control: {strategy.control}."
    if finding.kind == "overconfidence":
        return (
            f"Calibration error before and after, on images that fitted nothing. Control: {strategy.control}."
        )
    if finding.kind == "leakage":
        return (
            f"Accuracy with and without the repeated images, with its interval. Control: {strategy.control}."
        )
    sample = (
        f"on {size.n:,} {words['images']} that neither chose nor trained it"
        if size.n
        else f"on {words['images']} that neither chose nor trained it"
    )
    have = f" ({finding.n:,} were measured so far)" if finding.n and size.n and finding.n < size.n else ""
    return f"Errors before and after {sample}{have}, paired (McNemar), with the slice that loses most beside it. Control: {strategy.control}."


def _with_the_other(view: CaseView, finding: Finding, part: Part) -> Correction:
    """What is proposed for a part of another finding: that one's repair, first."""
    best = _plans(view, part.finding)[0][0]
    return Correction(finding.key, best.name, best.family, part.action, before=finding.error_rate)


def _corrections(finding: Finding, plans: Sequence[Plan]) -> list[Correction]:
    return [
        Correction(finding.key, s.name, s.family, action, before=finding.error_rate) for s, action, _ in plans
    ]


Made = Sequence[tuple[str, Finding, list[Plan]]]


def _table(made: Made) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for i, finding, plans in made:
        for rank, (s, action, how) in enumerate(plans, 1):
            why = s.why.format_map(words_of(finding)) + (f" {how[0].upper()}{how[1:]}." if how else "")
            rows.append((i, rank, s.name.replace("_", " "), s.family, action, why, s.cost))
    return Table(
        "Proposed corrections",
        ("finding", "rank", "strategy", "family", "what to do", "why", "cost"),
        tuple(rows),
        ("text", "count", "text", "text", "text", "text", "text"),
        "Ranked by how well they fit the cause, then by cost; last, the best of each family not among these. A person decides; nothing is changed.",
    )


def _check_table(made: Made) -> Table:
    rows = tuple(
        (i, s.name.replace("_", " "), _verification(f, s), s.risk, s.source)
        for i, f, plans in made
        for s, _, _ in plans
    )
    return Table("How each would be verified", ("finding", "strategy", "verify", "risk", "source"), rows)


def _facts(made: Made) -> tuple[Fact, ...]:
    facts = []
    for i, finding, _ in made:
        size = _verify_size(finding)
        if size.n and not judges(finding):
            facts.append(Fact("images_to_verify", size.n, "count", f"finding {i}"))
        if at_stake(finding):
            n = round((finding.n or 0) / measured_part(finding))
            facts.append(
                Fact(
                    "excess_errors",
                    round(at_stake(finding)),
                    "count",
                    f"finding {i}",
                    None,
                    n,
                    "lower_is_better",
                )
            )
    return tuple(facts)


def _stake_table(made: Made) -> Table:
    """How many errors each finding has beyond the others' rate, all on the same base."""
    rows: list[tuple[Cell, ...]] = [
        (i, called(f.split), round(at_stake(f)), f.n, measured_part(f), f.error_rate, f.base_error_rate)
        for i, f, _ in made
        if at_stake(f)
    ]
    return Table(
        "Errors at stake",
        (
            "finding", "of", "excess errors among all of them", "images of it that were measured",
            "share of all images that measured it", "wrong", "wrong elsewhere",
        ),
        tuple(rows),
        ("text", "text", "count", "count", "share", "share", "share"),
        "Excess errors: images of the finding times the difference of the two rates. A group that some images suggested is measured on the others only; "
        "its number is scaled to all images, so that the rows can be compared. Findings overlap: they can't be added up.",
    )  # fmt: skip


def _summary(made: Made, belong: Mapping[str, Part]) -> str:
    if not made and belong:
        return " ".join(f"{i}: {p.action}" for i, p in belong.items())
    if not made:
        return "No finding is confirmed and unrepaired, so there is nothing to repair yet."
    text = " ".join(f"{i}: {plans[0][1]}" for i, _, plans in made if plans)
    text += "".join(f" {i} is part of {p.of}." for i, p in belong.items())
    bugs = Counter(
        "the data"
        if f.bug in DATA_BUGS
        else "training"
        if f.bug == "training_parameter"
        else "the model"
        if f.bug == "structural"
        else "an unknown cause"
        for _, f, _ in made
    )
    where, n = bugs.most_common(1)[0]
    if len(made) > 1 and where == "an unknown cause":
        text += f" Of {n} of {len(made)} findings the cause is unknown: before the costly repairs, find it."
    elif len(made) > 1:
        text += f" {n} of {len(made)} findings point to {where}: the next hour is best spent there."
    return text


def _knowledge(view: CaseView, made: Made) -> Table:
    """Entries of the knowledge base on repairing the first finding."""
    if not made:
        return Table("From the knowledge base", ("id", "title", "source"), ())
    _, finding, plans = made[0]
    query = f"{finding.kind.replace('_', ' ')} {' '.join(s.name.replace('_', ' ') for s, _, _ in plans[:2])}"
    hits = view.knowledge.search(query, k=3, kinds=("correction",))
    return Table(
        "From the knowledge base",
        ("id", "title", "source"),
        tuple((h.id, clean(h.title), clean(h.source, 80)) for h in hits),
    )


def _next_steps(made: Made, belong: Mapping[str, Part]) -> tuple[str, ...]:
    if not made and belong:
        first = next(iter(belong.values())).of
        return (f"Decide on {first} first (propose_correction finding={first}).",)
    if not made:
        return ("Test the open hypotheses, or look for slices (find_slices).",)
    i, finding, plans = made[0]
    if not plans:
        return ()
    cost = {"low": "cheap", "medium": "of middling cost", "high": "expensive"}[plans[0][0].cost]
    errors = at_stake(finding)
    saved = (
        f" about {errors:.0f} errors among all {called(finding.split)} are at stake;" if errors >= 1 else ""
    )
    return (f"Decide on {i} first:{saved} the first proposal is {cost}.",)
