"""What is plain before any test: a model that does no better than guessing, and the checks that its case could not make."""

from __future__ import annotations

from failsight.agent.narrate.findings import fact_or_none, latest_on
from failsight.agent.narrate.model import Sentence
from failsight.agent.narrate.record import Call, Record
from failsight.agent.narrate.words import count, sentence
from failsight.tools.guessing import FACT
from failsight.tools.text import clean, interval, number

MOST_CHECKS = 4
FED = (
    "class_order",
    "preprocessing_probe",
)  # whether the right answers come under wrong names, or to wrong pictures


def no_better(record: Record) -> list[Sentence]:
    """That the model is right no more often than somebody who guesses; empty where it is, or was not counted."""
    evidence = latest_on(record.state, "evaluate")
    chance, right, mean = (fact_or_none(evidence, n) for n in (FACT, "accuracy", "balanced_accuracy"))
    if evidence is None or chance is None or right is None or mean is None or mean.ci is None:
        return []
    guess = float(str(chance.value))
    of = count(int(right.n or 0), "evaluation image")
    text = f"The model is right in {number(right.value)} {interval(right.ci)} of {of}"
    told = f"averaged over the classes {number(mean.value)} {interval(mean.ci)}, where guessing gives {number(guess)}"
    if mean.ci[1] < guess:
        text += f", fewer than guessing gives: {told}."
    else:
        text += f", no more than guessing may give: {told}."
    return [Sentence(text, (evidence.id,))]


def first_of_all(record: Record) -> list[Sentence]:
    """What to look at before any repair, where a model is no better than guessing: that it is named and fed rightly."""
    said = no_better(record)
    last = _last(record)
    open_ = [name for name in FED if name not in last or last[name].failed]
    if not said or not open_:
        return []
    text = "First of all compare the order of the class names and how pictures are fed with the code that trained the model"
    few = all(name in last for name in open_)
    how = "the checks for it take more labelled images" if few else "the checks for it"
    calls = ", ".join(f"failsight call CASE {name}" for name in open_)
    return [Sentence(f"{text} ({how}: {calls}).", said[0].refs)]


def not_possible(record: Record) -> list[Sentence]:
    """The checks that were tried and that the case has too little for, each with what it said; one sentence."""
    calls = [c for c in _last(record).values() if c.failed and c.by == "planner"]
    if not calls:
        return []
    each = [f"{clean(c.tool, 60)}: {sentence(c.failed)}" for c in calls[:MOST_CHECKS]]
    more = (
        f" {len(calls) - MOST_CHECKS:,} more stand under “What was not examined”."
        if calls[MOST_CHECKS:]
        else ""
    )
    text = f"{count(len(calls), 'check was', 'checks were')} tried and not possible. {' '.join(each)}{more}"
    return [Sentence(text, tuple(f"#{c.done}" for c in calls[:MOST_CHECKS]))]


def _last(record: Record) -> dict[str, Call]:
    """The last call of each tool, so that what was possible later is not told as impossible."""
    return {c.tool: c for c in record.calls if c.evidence or c.failed}
