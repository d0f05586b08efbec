"""What lessons ask of a person, one exercise each: guess before looking, state, choose the control, test and read, repair.

Every exercise works on the case as it stands: values and verdicts are the tools' own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from failsight.agent.learn import process
from failsight.agent.learn.classroom import Classroom, did, done, measure
from failsight.agent.learn.dialogue import Ask, Dialogue, Option, Picked, Say, Show, Work, match, pick
from failsight.agent.learn.process import Act, pitfalls
from failsight.tools.errors import RetryError
from failsight.tools.text import clean, interval, number, p_value

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import FindingRecord
    from failsight.tools.evidence import Evidence, Finding

VERDICTS = (
    Option("confirmed", "confirmed: the effect is there, and larger than what would not matter"),
    Option("refuted", "refuted: an effect that would matter can be ruled out"),
    Option("inconclusive", "inconclusive: it may be there or not, these pictures don't tell"),
)


@cache
def measures() -> dict[str, dict[str, Any]]:
    """What can be looked at in a practice case, by key (``data/measures.yaml``)."""
    return {m["key"]: m for m in _data("measures.yaml")["measures"]}


@cache
def kinds() -> dict[str, dict[str, Any]]:
    """Causes that can be suspected (``data/kinds.yaml``)."""
    found: dict[str, dict[str, Any]] = _data("kinds.yaml")["kinds"]
    return found


def _data(name: str) -> Any:
    import yaml

    return yaml.safe_load(
        resources.files("failsight.agent.learn").joinpath(f"data/{name}").read_text("utf-8")
    )


def shown(room: Classroom, case: Case, made: Evidence) -> Show:
    """Evidence as the level shows it."""
    from failsight.agent.ui.pictures import Album

    return Show(made, Album.of(case.folder, case.state().config), brief=not room.rules.whole)


def pitfall(room: Classroom, name: str, lesson: str) -> Say:
    """A pitfall, told when it is made, and kept in the person's record."""
    record = room.progress.lesson(lesson)
    if name not in record.pitfalls:
        record.pitfalls.append(name)
        room.progress.save()
    return Say(pitfalls()[name].sentence, "pitfall")


# --- state the hypothesis ------------------------------------------------------------------------------------------------


def suspect(
    room: Classroom, case: Case, lesson: str, offered: Sequence[str] = ()
) -> Dialogue[FindingRecord | None]:
    """Have a hypothesis stated, picked or in own words, through ``state_hypothesis``; None where nothing came of it."""
    options = _offered(room, offered)
    text = "What do you suspect? Pick a cause, or write it in your own words (for example: I think the television makes it say living room)."
    if not room.rules.explains:
        text = "Your hypothesis: pick, or write it."
    while True:
        typed = (yield Ask(text, options, None, hints=True)).strip()
        if typed.lower() in ("?", "hint"):
            yield Say(
                "A good hypothesis names a cause and what would be seen if it were true. Which of these would explain what you saw, "
                "and which of them can be ruled out cheaply?",
                "hint",
            )
            continue
        if typed.lower() in ("", "back", "none"):
            return None
        found = match(typed, options)
        arguments = {"kind": found[0].key} if found else read_suspicion(case, typed)
        if arguments is None:
            yield Say(
                "I could not read that as a cause. Name the thing or the kind of picture, and the class it is about.",
                "warning",
            )
            continue
        try:
            made = measure(case, "state_hypothesis", arguments)
        except RetryError as error:
            yield Say(str(error), "warning")
            continue
        did(case, Act("suspect", "state_hypothesis", arguments["kind"]))
        record = case.state().records[made.findings[0].key]
        yield Say(made.summary)
        families = {k: v["family"] for k, v in kinds().items()}
        if process.one_family(done(case), families):
            yield pitfall(room, "familiar_bugs", lesson)
        return record


def _offered(room: Classroom, offered: Sequence[str]) -> tuple[Option, ...]:
    names = offered or [k for k in kinds() if k != "spurious_correlation"]
    return tuple(Option(k, str(kinds()[k]["novice" if room.rules.explains else "words"])) for k in names)


def read_suspicion(case: Case, typed: str) -> dict[str, Any] | None:
    """A suspicion in plain words as arguments of ``state_hypothesis``; None where it can't be read."""
    from failsight.agent.planners.hypotheses import Proposal, suspicion
    from failsight.agent.planners.words import vocabulary
    from failsight.knowledge_base.vocabulary import recognise

    names = vocabulary(case)
    for text in (typed, f"I think {typed}"):
        made = suspicion(recognise(text[:400], names))
        if isinstance(made, Proposal) and made.look is None:
            return dict(made.arguments)
    return None


# --- choose the control ---------------------------------------------------------------------------------------------------


def control(room: Classroom, case: Case, record: FindingRecord, lesson: str) -> Dialogue[None]:
    """Have the control chosen; the right one is that of the registered plan."""
    plan = plan_of(case, record)
    others = kinds().get(record.finding.kind, {}).get("not", [])
    if plan is None or not others:
        return
    _, instrument = plan
    options: list[tuple[Option, Mapping[str, Any] | None]] = [(Option("right", instrument.control), None)]
    options += [(Option(f"other{i}", str(o["text"])), o) for i, o in enumerate(others)]
    turn = len(record.id + instrument.control) % len(options)  # not always in the same place
    options = [*options[turn:], *options[:turn]]
    text = f"{instrument.tool} will measure: {instrument.statistic}. Against what should it be held, so that a difference means something?"
    if room.rules.explains:
        text += " (That is the control: what one would see if the hypothesis were wrong.)"
    left, first = options, True
    while len(left) > 1:
        picked: Picked = yield from pick(
            text,
            [o for o, _ in left],
            hints=[
                "A control differs from the test in one thing only: the one you suspect.",
                "Same pictures, or same classes; nothing else may change.",
            ],
        )
        wrong = next(o for option, o in left if option.key == picked.key)
        if first:
            did(case, Act("control", instrument.tool, record.finding.kind, right=wrong is None))
        first = False
        if wrong is None:
            break
        yield Say(str(wrong["reply"]), "miss")
        if "pitfall" in wrong:
            yield pitfall(room, str(wrong["pitfall"]), lesson)
        left = [(option, o) for option, o in left if option.key != picked.key]
        if len(left) == 1:
            yield Say(f"Left is: {left[0][0].text}.")
    yield Say(
        "That is the plan: what is measured, against which control, and the smallest effect that counts stand in the journal before the first picture is touched.",
        "good",
    )


def plan_of(case: Case, record: FindingRecord) -> tuple[str, Any] | None:
    """The registered plan of a hypothesis: its id and the instrument."""
    held = [
        (i, plan) for i, (plan, _) in case.state().instruments.items() if plan.finding == record.finding.key
    ]
    return held[0] if held else None


# --- test, and read the verdict ---------------------------------------------------------------------------------------------


def test(room: Classroom, case: Case, record: FindingRecord, lesson: str) -> Dialogue[Finding | None]:
    """Run the test that the hypothesis registered and have its figures read; the finding that it settled, None without one."""
    planned = planned_call(case, record)
    if planned is None:
        yield Say("No test is registered for it: state it first.", "warning")
        return None
    tool, arguments = planned
    warned = process.at_test(done(case), record.finding.kind, tool)
    if warned:
        yield pitfall(room, warned, lesson)
    yield Work(f"{tool} …")
    try:
        made = measure(case, tool, arguments)
    except RetryError as error:
        yield Say(str(error), "warning")
        return None
    finding = settled(record, made)
    verdict = finding.verdict or "inconclusive"
    did(case, Act("test", tool, record.finding.kind, verdict=verdict))
    if room.rules.verdicts and figures(finding):
        yield from _read(room, case, record, finding, lesson)
    yield shown(room, case, made)
    if finding.kind == record.finding.kind and finding.key != record.finding.key and verdict == "confirmed":
        yield Say(
            f"What was confirmed is narrower than what you said: {clean(finding.statement, 300)}", "muted"
        )
    return replace(finding, verdict=verdict)


def planned_call(case: Case, record: FindingRecord) -> tuple[str, dict[str, Any]] | None:
    """The measurement that ``state_hypothesis`` named for a hypothesis: tool and arguments; None where it was never stated."""
    from failsight.tools.state_hypothesis import THIS

    stated = [
        e for e in case.evidence("state_hypothesis") if any(f.key == record.finding.key for f in e.findings)
    ]
    if not stated:
        return None
    facts = {f.name: str(f.value) for f in stated[-1].facts}
    arguments = json.loads(facts["instrument_arguments"])
    return facts["instrument"], {k: record.id if v == THIS else v for k, v in arguments.items()}


def settled(record: FindingRecord, made: Evidence) -> Finding:
    """What the evidence says of the hypothesis: its own finding, else the clearest one of its kind, else the hypothesis as it was."""
    same = [f for f in made.findings if f.key == record.finding.key]
    kin = [f for f in made.findings if f.kind == record.finding.kind]
    decided = [f for f in (*same, *kin) if f.verdict == "confirmed"] or [
        f for f in (*same, *kin) if f.verdict
    ]
    return decided[0] if decided else record.finding


def figures(finding: Finding) -> list[str]:
    """The numbers of a finding without its verdict, a line each."""
    lines = []
    for t in finding.tests:
        beside = f"; control {number(t.control_effect, 'points')}" if t.control_effect is not None else ""
        lines.append(
            f"effect {number(t.effect, 'points')}, 95 % interval {interval(t.ci, 'points')}{beside}; p {p_value(t.p)}"
            + (f", q {p_value(t.q)}" if t.q is not None else "")
            + f"; {t.n:,} pictures"
        )
    if not lines and finding.error_rate is not None:
        lines.append(
            f"{number(finding.error_rate)} {interval(finding.ci)} against {number(finding.base_error_rate)}"
        )
    return lines


def _read(
    room: Classroom, case: Case, record: FindingRecord, finding: Finding, lesson: str
) -> Dialogue[None]:
    plans = [plan for plan, _ in case.state().instruments.values() if plan.finding == finding.key]
    effect = number(plans[-1].minimum_effect, "points").lstrip("+") if plans else "what was planned"
    yield Say("The figures, before the verdict:", "title")
    for text in figures(finding)[-2:]:
        yield Say(f"  {text}", "plain")
    picked = yield from pick(
        f"What do they say? (Effects of less than {effect} would not matter.)",
        VERDICTS,
        hints=[
            "Look at both ends of the interval: where do they lie beside the smallest effect that matters, and beside zero?"
        ],
    )
    measured = finding.verdict or "inconclusive"
    right = picked.key == measured
    did(case, Act("verdict", "", record.finding.kind, right=right, verdict=picked.key))
    yield Say(
        f"The plan says: {measured}." + ("" if right else f" You read: {picked.key}."),
        "good" if right else "miss",
    )
    made = process.at_verdict(picked.key, measured)
    if made:
        yield pitfall(room, made, lesson)


# --- choose a correction -----------------------------------------------------------------------------------------------------

DISTRACTORS = ("collect", "train_longer", "larger_model", "typical_augmentation", "relabel", "regularise")


def correct(
    room: Classroom, case: Case, fits: Sequence[str], lesson: str, about: FindingRecord | None = None
) -> Dialogue[str]:
    """Have a correction chosen among those that the tool proposes and ones that people reach for; the strategy chosen.

    ``about``: the hypothesis that was confirmed; without one the tool chooses whose repair it proposes."""
    from failsight.tools.strategies import STRATEGIES

    words = {s.name: s for s in STRATEGIES}
    acts = done(case)
    tested = any(a.what == "test" and a.verdict == "confirmed" for a in acts)
    proposed: list[tuple[str, str]] = []
    if tested or case.state().confirmed():
        made = measure(case, "propose_correction", {} if about is None else {"finding": about.id})
        proposed = [(c.strategy, c.action) for c in made.corrections]
    options = dict(proposed[:3])
    for name in DISTRACTORS:
        if len(options) >= 5:
            break
        options.setdefault(name, _action(words[name]))
    given = [Option(name, f"{clean(text, 160)}") for name, text in sorted(options.items())]
    picked = yield from pick(
        "What would you do about it?",
        given,
        hints=[
            "Which of these touches the cause that was confirmed, and nothing else?",
            "How would you know that it helped? A repair that can't be checked is a wish.",
        ],
    )
    warned = process.at_correction(acts, picked.key, [*fits, *(n for n, _ in proposed[:2] if not fits)])
    did(case, Act("correct", "propose_correction", picked.key, right=warned is None))
    if warned:
        yield pitfall(room, warned, lesson)
    else:
        yield Say(f"That aims at the cause. {words[picked.key].why} Risk: {words[picked.key].risk}", "good")
        yield Say(f"To know that it helped, hold it against: {words[picked.key].control}.", "muted")
    return picked.key


def confirmed_as(case: Case, kind: str) -> FindingRecord | None:
    """A confirmed finding of ``kind``, one that was stated before others; None where there is none."""
    found = [r for r in case.state().confirmed() if r.finding.kind == kind]
    stated = {f.key for e in case.evidence("state_hypothesis") for f in e.findings}
    return max(found, key=lambda r: r.finding.key in stated, default=None)


def _action(strategy: Any) -> str:
    fields = {
        "class": "the weak class",
        "other": "the class it is taken for",
        "cue": "the cue",
        "attribute": "attribute",
        "images": "such images",
        "wanted": "labelled images",
        "differences": "",
        "relabel": "the images in question",
        "careless": "",
        "n": "more",
    }
    return str(strategy.action.format_map(fields))
