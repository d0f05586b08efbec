"""The report for those who did not make the model: a requester, a domain expert, an end-user. Other words, same evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from failsight.agent.currency import since
from failsight.agent.narrate.coverage import unseen_splits
from failsight.agent.narrate.experts import domain_expert
from failsight.agent.narrate.findings import criteria, deciding, fact_or_none
from failsight.agent.narrate.model import Section, Sentence, View
from failsight.agent.narrate.people import missing, said
from failsight.agent.narrate.phrases import shown_by
from failsight.agent.narrate.plain import (
    confirmed,
    for_requesters,
    for_users,
    of_100,
    plain,
)
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.repairs import correction, done, outcome
from failsight.agent.narrate.words import (
    READINESS,
    bound,
    capital,
    count,
    criterion,
    kind_label,
    sentence,
)
from failsight.agent.people.signoff import deciders, signoffs
from failsight.agent.state import FindingRecord
from failsight.tools.evidence import Table
from failsight.tools.expectations.names import show_range
from failsight.tools.notes import of_split
from failsight.tools.text import clean

MOST_CARES = 6
MOST_REPAIRS = 3


def views(record: Record) -> tuple[View, ...]:
    """One view for each audience but the developer, who gets everything."""
    return (
        View("requester", requester(record)),
        View("domain_expert", domain_expert(record)),
        View("end_user", end_user(record)),
    )


# --- the requester -------------------------------------------------------------------------------------------------


def requester(record: Record) -> tuple[Section, ...]:
    """Does it do what was asked, what goes wrong, what can be done, what is to be decided."""
    return (_answer(record), _risks(record), _repairs(record), _decide(record))


def _answer(record: Record) -> Section:
    evidence = record.state.latest("readiness")
    verdict = fact_or_none(evidence, "readiness")
    if evidence is None or verdict is None:
        lead = Sentence("Whether it does what was asked has not been judged.")
        return Section("view-answer", "Does it do what was asked?", (lead,))
    rows = criteria(evidence)
    failing = [r for r in rows if r["holds"] is False]
    open_ = [r for r in rows if r["holds"] is None]
    late = record.state.out_of_date(evidence)
    before = since(record.state, evidence)
    text = (
        "Something else was expected when it was judged: "
        if late
        else f"{clean(before, 400)}: "
        if before
        else ""
    )
    text += f"{READINESS.get(str(verdict.value), 'Not judged')}. "
    met = len(rows) - len(failing) - len(open_)
    text += f"{_of(met, len(rows))} met, {_of(len(failing))} not"
    kept = any(_clear(r) for r in open_)
    text += (
        f", and {_of(len(open_))} not decided{'' if kept else ' by the pictures at hand'}." if open_ else "."
    )
    table = Table(
        "What was asked, and what was measured",
        ("asked", "at least or at most", "measured", "95 % interval", "met"),
        tuple(
            (
                capital(criterion(str(r["name"]))),
                bound(str(r["name"]), r["bound"]),
                bound(str(r["name"]), r["value"]),
                show_range(str(r["name"]), (r["ci"][0], r["ci"][1]) if r["ci"] else None),
                {True: "yes", False: "no", None: "not decided"}[r["holds"]],
            )
            for r in rows
        ),
        caption="Met means: even the worst end of the interval meets the bound.",
    )
    return Section(
        "view-answer",
        "Does it do what was asked?",
        (Sentence(text, (evidence.id,)),),
        (),
        (table,) if rows else (),
    )


def _of(n: int, of: int | None = None) -> str:
    number = "none" if n == 0 else f"{n:,}"
    verb = "is" if n == 1 else "are"
    return f"{number} {verb}" if of is None else f"Of {count(of, 'criterion', 'criteria')}, {number} {verb}"


def _risks(record: Record) -> Section:
    held = confirmed(record.state)
    if not held:
        lead = Sentence(
            "No weakness is confirmed. That is no proof that there is none: see what was not examined."
        )
        return Section("view-risks", "What goes wrong", (lead,))
    lead = Sentence(
        f"{capital(count(len(held), 'weakness was', 'weaknesses were'))} shown by a test. Those that cost most answers come first.",
        tuple(r.id for r in held),
    )
    points = tuple(
        Sentence(
            f"{kind_label(r.finding.kind)}: {for_requesters(r.finding)}{_how(r)}", (r.id, *r.evidence[:1])
        )
        for r in held
    )
    return Section("view-risks", "What goes wrong", (lead,), points)


def _how(found: FindingRecord) -> str:
    test = deciding(found)
    if test is None:
        return ""
    how = shown_by(found.finding, test)
    return f" {'Shown' if test.control_effect is not None else 'Confirmed'} {how}." if how else ""


def _repairs(record: Record) -> Section:
    held = confirmed(record.state)
    points = []
    for found in held:
        points += [
            Sentence(f"{found.id} was worked on: {told.text}", (found.id, *told.refs))
            for told in (correction(record, c, found) for c in found.corrections if done(record, found, c))
        ]
    waiting = [r for r in held if r.corrections and not outcome(record, r)]
    for found in waiting[:MOST_REPAIRS]:
        first = correction(record, found.corrections[0], found)
        points.append(
            Sentence(
                f"For {found.id} is proposed: {sentence(found.corrections[0].action)}",
                (found.id, *first.refs),
            )
        )
    if len(waiting) > MOST_REPAIRS:
        more = tuple(r.id for r in waiting[MOST_REPAIRS:])
        points.append(
            Sentence(
                f"For {count(len(more), 'further weakness', 'further weaknesses')} there are proposals too.",
                more,
            )
        )
    points += [
        Sentence(f"A labelled picture costs {clean(a.value, 60)}, says {a.by}.", (f"#{a.seq}",))
        for a in said(record, "collection_cost", "price")
    ]
    lead = () if points else (Sentence("No repair was proposed."),)
    return Section("view-repairs", "What was done about it, and what could be", lead, tuple(points))


def _decide(record: Record) -> Section:
    """What waits for a person."""
    state = record.state
    points = [*missing(record)[:1]] if not state.expectations else []
    evidence = state.latest("readiness")
    open_ = [r for r in criteria(evidence) if r["holds"] is None] if evidence else []
    kept = [r for r in open_ if _clear(r)]
    if evidence and kept:
        points += [
            Sentence(sentence(note, 400), (evidence.id,))
            for r in kept
            for note in evidence.notes
            if note.startswith(f"{clean(r['name'], 80)}: ")
        ]
    undecided = [str(r["name"]) for r in open_ if r not in kept]
    if evidence and undecided:
        names = ", ".join(criterion(name) for name in undecided)
        points.append(
            Sentence(
                f"Too few pictures decide: {names}. More labelled pictures would, or another bound.",
                (evidence.id,),
            )
        )
    points += _waiting(record)
    made = signoffs(record.events, state)
    standing = [m for m in made if not m.replaced]
    if not standing:
        points.append(Sentence("Whether it may be used: nobody has signed it off (failsight signoff)."))
    points += [
        Sentence(f"{clean(m.by, 120)} has to decide again: the evidence has moved since.", (f"#{m.seq}",))
        for m in standing
        if m.stale
    ]
    named = deciders(state)
    if named:
        points.append(Sentence(f"Named as the one who decides: {', '.join(clean(n, 120) for n in named)}."))
    points += unseen_splits(record)
    lead = () if points else (Sentence("Nothing waits for a decision."),)
    return Section("view-decide", "What you have to decide", lead, tuple(points))


def _clear(row: Mapping[str, Any]) -> bool:
    """Whether the interval lies on one side of the bound: then something other than too few pictures keeps it open."""
    ci, limit = row["ci"], row["bound"]
    return bool(ci) and (ci[0] >= limit or ci[1] <= limit)


def _waiting(record: Record) -> list[Sentence]:
    return [
        Sentence(f"{clean(tool)} waits for a yes or no.", (f"#{seq}",))
        for tool, seq in record.waiting().items()
    ]


# --- the end-user --------------------------------------------------------------------------------------------------


def end_user(record: Record) -> tuple[Section, ...]:
    """What it is for, how far to trust it, when to be careful, what nobody knows, who answers for it."""
    return (_purpose(record), _trust(record), _care(record), _unknown(record), _whom(record))


def _purpose(record: Record) -> Section:
    config = record.state.config
    points = []
    if config.get("task"):
        points.append(Sentence(clean(config["task"], 1200), ("#1",)))
    classes = ((config.get("data") or {}).get("data") or {}).get("classes") or ()
    if classes:
        shown = ", ".join(plain(c) for c in classes[:12]) + (", …" if len(classes) > 12 else "")
        points.append(
            Sentence(
                f"It knows these answers only: {shown}. Whatever else it is shown gets one of them too.",
                ("#1",),
            )
        )
    points += [
        Sentence(f"It is meant for: {clean(a.value, 600)} ({a.by})", (f"#{a.seq}",))
        for a in said(record, "expectations", "use")
    ]
    return Section(
        "view-purpose",
        "What it is for",
        (),
        tuple(points) or (Sentence("Nobody has written down what it is for."),),
    )


def _trust(record: Record) -> Section:
    state, points = record.state, []
    for split, text in (
        ("data", "Of pictures like those it was tested on, {} get the right answer."),
        ("deploy", "Of pictures from real use, {} get the right answer."),
    ):
        found = _accuracy(record, split)
        if found is not None:
            name, value, ci = found
            points.append(Sentence(text.format(of_100(value, ci)), (name,)))
    points += _weakest(record)
    evidence = state.latest("readiness")
    verdict = fact_or_none(evidence, "readiness")
    if evidence is not None and verdict is not None:
        late = state.out_of_date(evidence)
        said_ = {
            "ready": "It does what was asked of it, as far as that was tested.",
            "not_ready": "It does not yet do what was asked of it.",
        }.get("" if late else str(verdict.value), "Whether it does what was asked of it is not decided.")
        points.insert(0, Sentence(said_, (evidence.id,)))
    lead = () if points else (Sentence("How often it is right has not been measured."),)
    return Section("view-trust", "How far you can trust it", lead, tuple(points))


def _accuracy(record: Record, split: str) -> tuple[str, float, tuple[float, float] | None] | None:
    for evidence in reversed(record.state.evidence):
        for fact in evidence.facts:
            whole = fact.of == f"split {split}" or (
                split == "data" and not fact.of and (evidence.arguments.get("split") or "data") == "data"
            )
            if (
                evidence.tool == "evaluate"
                and fact.name == "accuracy"
                and whole
                and isinstance(fact.value, float)
            ):
                return evidence.id, fact.value, fact.ci
    return None


def _weakest(record: Record) -> list[Sentence]:
    """The class that is recognised least often: in real use where that was measured, for that is what a user meets."""
    for split, where in (("deploy", "In real use it is"), ("data", "It is")):
        start = of_split(split, "class ")
        for evidence in reversed(record.state.measured_now()):
            recalls = [
                (f.of.removeprefix(start), f.value, f.ci)
                for f in evidence.facts
                if evidence.tool == "evaluate"
                and f.name == "recall"
                and f.of.startswith(start)
                and isinstance(f.value, float)
            ]
            if recalls:
                name, value, ci = min(recalls, key=lambda r: r[1])
                text = f"{where} weakest on {plain(name)}: it recognises {of_100(value, ci)}."
                return [Sentence(text, (evidence.id,))]
    return []


def _care(record: Record) -> Section:
    """Kinds of pictures to be careful with. What it rests on is named as evidence: findings are told elsewhere, for others."""
    held = confirmed(record.state)
    told = [(r, for_users(r.finding)) for r in held if r.finding.kind != "overconfidence"]
    told = [(r, text) for r, text in told if text]
    points = [Sentence(text, r.evidence[:1]) for r, text in told[:MOST_CARES]]
    if len(told) > MOST_CARES:
        rest = dict.fromkeys(e for r, _ in told[MOST_CARES:] for e in r.evidence[:1])
        points.append(Sentence("Further kinds of pictures are known to be hard for it.", tuple(rest)))
    points += [
        Sentence(for_users(r.finding), r.evidence[:1]) for r in held if r.finding.kind == "overconfidence"
    ]
    if any(outcome(record, r) == "repaired" for r, _ in told):
        points.append(Sentence("Some of this is repaired in a newer version of it; ask which one you use."))
    lead = () if points else (Sentence("No kind of picture is known to be harder for it than others."),)
    return Section("view-care", "When to be careful", lead, tuple(points))


def _unknown(record: Record) -> Section:
    points = list(unseen_splits(record))
    if record.state.open():
        points.append(Sentence("There are suspicions that nobody has tested."))
    points.append(
        Sentence("Pictures of a kind that nobody collected were not tested; nothing here speaks of them.")
    )
    return Section("view-unknown", "What nobody knows", (), tuple(points))


def _whom(record: Record) -> Section:
    made = [m for m in signoffs(record.events, record.state) if not m.replaced]
    points = [
        Sentence(
            f"{clean(m.by, 120)} decided: {clean(m.decision, 40).replace('-', ' ')}"
            + ("; the evidence has moved since." if m.stale else "."),
            (f"#{m.seq}",),
        )
        for m in made
    ]
    named = deciders(record.state)
    if named and not made:
        points.append(Sentence(f"To decide: {', '.join(clean(n, 120) for n in named)}."))
    points += [
        Sentence(f"Harm that was foreseen: {clean(a.value, 600)} ({a.by})", (f"#{a.seq}",))
        for a in said(record, "expectations", "harm")
    ]
    lead = () if made else (Sentence("Nobody has signed for its use yet."),)
    return Section("view-whom", "Who answers for it", lead, tuple(points))
