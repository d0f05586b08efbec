"""The whole report, put together from the journal: what both Markdown and HTML print."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from failsight.agent.currency import since
from failsight.agent.journal import GENESIS, Event
from failsight.agent.narrate import signoff as decisions
from failsight.agent.narrate.bank import installed, question_titles, told_with, tool_specs
from failsight.agent.narrate.cards import card, overview, shared_figures
from failsight.agent.narrate.coverage import unseen_splits
from failsight.agent.narrate.findings import (
    ORDER,
    counted,
    criteria,
    fact_or_none,
    findings_digest,
    findings_document,
    latest_on,
    ordered,
)
from failsight.agent.narrate.front import front
from failsight.agent.narrate.model import Card, CriterionMark, Exhibit, Report, Section, Sentence
from failsight.agent.narrate.people import people
from failsight.agent.narrate.plainly import no_better
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.story import no_headline, story
from failsight.agent.narrate.timeline import timeline
from failsight.agent.narrate.todo import todo
from failsight.agent.narrate.versions import name_of, of_version
from failsight.agent.narrate.views import views
from failsight.agent.narrate.words import SPLITS, bound, capital, count, criterion, sentence, who
from failsight.agent.state import CaseState
from failsight.tools.confusions import confusions
from failsight.tools.evidence import Evidence, Table, Unit, jsonable
from failsight.tools.expectations.criteria import TABLE
from failsight.tools.expectations.names import is_share, show_range
from failsight.tools.notes import of_split
from failsight.tools.text import clean, interval, number
from failsight.tools.verdicts import at_stake

READING = (
    ("Confirmed, refuted, undecided", "What a test said of a hypothesis, by a rule that was fixed before it ran. Only confirmed findings are headlines."),
    ("Interval [a, b]", "Where the true value lies with 95 % confidence, given how many images were looked at."),
    ("Effect, points", "A difference of two shares or scores: from 60 % to 50 % is a difference of −10 points."),
    ("Control", "The same intervention where it should not matter. An effect counts only as far as the control does not show it too."),
    ("p", "How often chance alone would show at least as much."),
    ("q", "p after correction for how many things were tried, so that trying much does not look like finding much."),
    ("[E4], [#12], [F1]", "References: a piece of evidence, an event of the journal, a finding."),
)  # fmt: skip


def _place(split: str) -> tuple[int, str]:
    """Where a split stands among those of a case: the one that is judged first."""
    order = ("data", "train", "pool", "deploy")
    return (order.index(split) if split in order else len(order), split)


def build_report(state: CaseState, events: Sequence[Event]) -> Report:
    """The report of a case, from its journal and nothing else."""
    record = Record(state, events)
    cards = [card(record, r) for r in ordered(state)]
    confirmed = tuple(c for c in cards if c.verdict == "confirmed" and not c.before)
    readiness, verdict = _readiness(state)
    next_ = todo(record)
    name = clean(state.config.get("name") or "an unnamed case", 80)
    return Report(
        title=name,
        task=_opening(state.config.get("task") or ""),
        about=tuple(_about(record)),
        brief=tuple(_brief(record, cards, verdict)),
        nothing=no_headline(record).text,
        overview=overview(confirmed, record),
        shared=shared_figures(record, confirmed),
        headlines=confirmed,
        others=tuple(c for c in cards if c not in confirmed),
        readiness=readiness,
        readiness_verdict=verdict,
        judged=_judged(state),
        reviews=decisions.reviews(record),
        signoff=decisions.signoff(record),
        criteria=_criteria_marks(state.latest("readiness")),
        story=story(record),
        exhibits=tuple(_exhibit(record, e) for e in state.evidence),
        timeline=timeline(record),
        verify=_verify(),
        reading=READING,
        events=len(events),
        head=events[-1].hash if events else GENESIS,
        digest=findings_digest(findings_document(state, events)),
        written=events[-1].time if events else "",
        version=installed(),
        told_with=told_with(),
        views=views(record),
        people=people(record),
        todo=next_,
        front=front(record, confirmed, no_headline(record), readiness.lead[0], next_),
    )


def _about(record: Record) -> list[tuple[str, str]]:
    config = record.state.config
    made = [("Case", clean(config.get("name") or "unnamed", 80))]
    if config.get("task"):
        made.append(("Task", clean(config["task"], 1200)))
    made.append(("Model", _model(config.get("model"))))
    if record.state.current:
        made.append(("Version that the case is at", name_of(record.state.current)))
    for split, given in sorted((config.get("data") or {}).items(), key=lambda item: _place(item[0])):
        made.append((capital(SPLITS.get(split, clean(split))), _data(given)))
    if config.get("created"):
        made.append(("Case opened", clean(config["created"], 40)))
    if config.get("seed") is not None:
        made.append(("Seed", clean(config["seed"], 20)))
    return made


def _opening(task: object, most: int = 240) -> str:
    """The first sentences of a task, as many as fit a headline."""
    text = clean(task, 2000)
    if len(text) <= most:
        return text
    cut = max(text.rfind(mark, 0, most) for mark in (". ", ": ", "; "))
    return text[: cut + 1] if cut > 40 else text[: most - 1] + "…"


def _model(model: Mapping[str, Any] | None) -> str:
    if not model:
        return "not given; only its predictions were"
    name = clean(PurePath(str(model.get("path") or "")).name, 80)
    print_ = clean(model.get("fingerprint") or "", 80)[:16]
    return ", ".join(
        p
        for p in (name, clean(model.get("format") or "", 40), f"fingerprint {print_}" if print_ else "")
        if p
    )


def _data(given: Mapping[str, Any]) -> str:
    n, classes = given.get("n"), given.get("classes") or ()
    parts = [clean(PurePath(str(given.get("path") or "")).name, 80)]
    if isinstance(n, int):
        parts.append(count(n, "image"))
    if classes:
        shown = ", ".join(clean(c, 40) for c in classes[:12])
        parts.append(
            f"{count(len(classes), 'class', 'classes')} ({shown}{', …' if len(classes) > 12 else ''})"
        )
    print_ = clean(given.get("fingerprint") or "", 80)[:16]
    if print_:
        parts.append(f"fingerprint {print_}")
    return ", ".join(p for p in parts if p)


def _brief(record: Record, cards: Sequence[Card], verdict: str) -> list[Sentence]:
    state = record.state
    made = [_verdict_sentence(state)]
    evaluated = latest_on(state, "evaluate")
    accuracy = fact_or_none(evaluated, "accuracy")
    if evaluated is not None and accuracy is not None:
        of = count(accuracy.n, "image") if accuracy.n else "the images"
        text = f"It answers {number(accuracy.value)} {interval(accuracy.ci)}".rstrip() + f" of {of} correctly"
        made += no_better(record) or [Sentence(text + ".", (evaluated.id,))]
    made += _weakest(state)
    made += _confused(state)
    cards = [c for c in cards if not c.before]
    tally = {v: [c for c in cards if c.verdict == v] for v in (*ORDER, "withdrawn")}
    confirmed = tally["confirmed"]
    if confirmed:
        text = f"{capital(count(len(confirmed), 'finding is', 'findings are'))} confirmed. {_first(state, confirmed[0])}: {confirmed[0].statement}"
        made.append(Sentence(text, tuple(c.id for c in confirmed)))
    else:
        made.append(no_headline(record))
    rest = [
        (len(tally["inconclusive"]), "undecided"), (len(tally["refuted"]), "refuted"), (len(tally[None]), "stated but not tested"),
        (len(tally["withdrawn"]), "taken back"),
    ]  # fmt: skip
    if any(n for n, _ in rest):
        text = ", ".join(f"{n:,} {word}" for n, word in rest if n)
        made.append(
            Sentence(f"Other hypotheses: {text}.", tuple(c.id for c in cards if c.verdict != "confirmed"))
        )
    made += _repaired(cards)
    return [*made, *decisions.brief(record), *_left_out(state), *unseen_splits(record)]


def _first(state: CaseState, card: Card) -> str:
    """Why the first finding stands first."""
    found = state.find(card.id)
    return "Most errors are at stake here" if found and at_stake(found.finding) >= 1 else "The first"


def _repaired(cards: Sequence[Card]) -> list[Sentence]:
    """Which findings a repair was made for, and what came of it."""
    tried = [c for c in cards if c.repaired]
    if not tried:
        return []
    refs = dict.fromkeys(r for c in tried for said in c.repairs for r in (c.id, *said.refs) if r[0] in "FE")
    return [
        Sentence(f"Repairs were tried: {', '.join(f'{c.id} ({c.repaired})' for c in tried)}.", tuple(refs))
    ]


def _weakest(state: CaseState) -> list[Sentence]:
    """The classes that are recognised least often, among the evaluation images, and in use where that was measured."""
    made = []
    for split, where in (("data", ""), ("deploy", " in deployment images")):
        start = of_split(split, "class ")
        for evidence in reversed(state.measured_now()):
            recalls = [
                f
                for f in evidence.facts
                if f.name == "recall" and f.of.startswith(start) and isinstance(f.value, float)
            ]
            if evidence.tool == "evaluate" and recalls:
                worst = sorted(recalls, key=lambda f: float(f.value or 0))[: 3 if len(recalls) > 4 else 1]
                each = [
                    f"{clean(f.of.removeprefix(start), 60)} ({number(f.value)} {interval(f.ci)})"
                    for f in worst
                ]
                made.append(Sentence(f"Recognised least often{where}: {_and(each)}.", (evidence.id,)))
                break
    return made


def _confused(state: CaseState, most: int = 3) -> list[Sentence]:
    """What is taken for what most often, as far as it occurs more than once."""
    whole = counted(state)
    pairs = [c for c in confusions(whole) if c.images > 1] if whole else []
    if whole is None or not pairs:
        return []
    each = [
        f"{clean(c.true, 60)} taken for {clean(c.predicted, 60)} ({c.images:,}{'' if c.of is None else f' of {c.of:,}'})"
        for c in pairs[:most]
    ]
    return [Sentence(f"Confused most often: {_and(each)}.", (whole.id,))]


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _left_out(state: CaseState) -> list[Sentence]:
    """Images that no number speaks of: those that can't be used, and those to which the model gave no answer."""
    measured = state.latest("evaluate")
    silent = fact_or_none(measured, "unanswered")
    made = _not_used(state)
    if measured is not None and silent is not None and isinstance(silent.value, int) and silent.value:
        n = count(silent.value, "evaluation image", "evaluation images")
        made.append(Sentence(f"The model gave no answer to {n}.", (measured.id,)))
    return made


def _not_used(state: CaseState) -> list[Sentence]:
    described = state.latest("describe_case")
    fact = fact_or_none(described, "left_out")
    if described is None or fact is None or not isinstance(fact.value, int) or fact.value == 0:
        return []
    text = f"{capital(count(fact.value, 'image was', 'images were'))} left out; the reasons stand under “What was left out”."
    return [Sentence(text, (described.id,))]


def _verdict_sentence(state: CaseState) -> Sentence:
    evidence = state.latest("readiness")
    if evidence is None:
        return Sentence("Whether the model is ready has not been judged.")
    text = sentence(evidence.summary, 1200)
    if state.out_of_date(evidence):
        text += " Since then something else is expected, and whether that holds was not judged."
    elif late := since(state, evidence):
        text += f" {clean(late, 400)}."
    return Sentence(text, (evidence.id,))


def _readiness(state: CaseState) -> tuple[Section, str]:
    evidence = state.latest("readiness")
    fact = fact_or_none(evidence, "readiness")
    verdict = str(fact.value) if evidence and fact and not state.out_of_date(evidence) else ""
    lead = _verdict_sentence(state)
    table = _criteria_table(evidence) if evidence else None
    return Section("readiness", "Is it ready?", (lead,), (), (table,) if table else ()), verdict


def _judged(state: CaseState) -> str:
    """The version whose readiness was judged; empty for the model as given."""
    fact = fact_or_none(state.latest("readiness"), "version_judged")
    return clean(fact.value, 20) if fact is not None else ""


def _criteria_table(evidence: Evidence) -> Table | None:
    given = next((t for t in evidence.tables if t.title == TABLE), None)
    rows = []
    for made, row in zip(criteria(evidence), given.rows if given else (), strict=False):
        cells = dict(zip(given.columns if given else (), row, strict=False))
        name = str(made["name"])
        rows.append(
            (
                capital(criterion(name)),
                f"{clean(cells.get('sense') or '')} {bound(name, made['bound'])}".strip(),
                bound(name, made["value"]),
                show_range(name, made["ci"]),
                cells.get("images"),
                {True: "holds", False: "does not hold"}.get(made["holds"], "undecided"),
                cells.get("more images"),
            )
        )
    units: tuple[Unit, ...] = ("text", "text", "text", "text", "count", "text", "count")
    columns = (
        "criterion",
        "expected",
        "measured",
        "95 % interval",
        "images",
        "verdict",
        "more images to decide",
    )
    return Table(TABLE, columns, tuple(rows), units) if rows else None


def _criteria_marks(evidence: Evidence | None) -> tuple[CriterionMark, ...]:
    return tuple(
        (
            criterion(str(c["name"])),
            float(c["value"]),
            None if c["ci"] is None else (c["ci"][0], c["ci"][1]),
            c["bound"],
        )
        for c in (criteria(evidence) if evidence else ())
        if c["value"] is not None and is_share(str(c["name"]))  # the chart's axis is a share
    )


def _exhibit(record: Record, evidence: Evidence) -> Exhibit:
    call = record.call(evidence.id)
    return Exhibit(
        evidence=evidence,
        event=call.done if call else None,
        by=who(call.by) if call else "",
        why=sentence(call.why) if call and call.why else "",
        command=command(evidence),
        shell=shell(evidence),
        facts=facts_table(evidence),
        version=of_version(record.state, evidence.id),
        answers=tuple((clean(q), clean(question_titles().get(q, ""))) for q in evidence.questions),
    )


def facts_table(evidence: Evidence) -> Table | None:
    """The facts of a piece of evidence as a table."""
    rows = tuple(
        (
            capital(clean(f.name).replace("_", " ")),
            clean(f.of),
            number(f.value, f.unit),
            interval(f.ci, f.unit),
            "" if f.n is None else f"{f.n:,}",
        )
        for f in evidence.facts
    )
    return Table("Facts", ("fact", "about", "value", "95 % interval", "images"), rows) if rows else None


def command(evidence: Evidence) -> str:
    """The Python call that makes a piece of evidence again: ``case.find_slices(depth=2)``; defaults are left out."""
    given = {k: v for k, v in sorted(evidence.arguments.items()) if not _is_default(evidence.tool, k, v)}
    return f"case.{clean(evidence.tool)}({', '.join(f'{clean(k)}={v!r}' for k, v in given.items())})"


def shell(evidence: Evidence) -> str:
    """The same call as a shell takes it: ``failsight call CASE find_slices depth=2``."""
    given = {k: v for k, v in sorted(evidence.arguments.items()) if not _is_default(evidence.tool, k, v)}
    items = [
        f"{k}={v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in given.items()
    ]
    return clean(" ".join(["failsight call CASE", *(shlex.quote(i) for i in (evidence.tool, *items))]), 2000)


def _is_default(tool: str, name: str, value: Any) -> bool:
    """Whether an argument may be left out; of a tool that is not installed here any more, none may."""
    spec = tool_specs().get(tool)
    field = spec.arguments.model_fields.get(name) if spec is not None else None
    return field is not None and bool(jsonable(field.default) == value)


def _verify() -> Section:
    points = (
        Sentence(
            "failsight verify CASE checks every event of the journal, and that the report files belong to it; failsight verify FILE --case CASE does so for one file that lies elsewhere, and tells the journal again to see that no sentence was changed."
        ),
        Sentence(
            "Each event carries the hash of the one before; this is the hash of the last event that this report tells of."
        ),
    )
    return Section("verify", "How to check this report", (), points)
