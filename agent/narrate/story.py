"""The story of a case, told from its journal alone: what was expected, seen, supposed, planned, tested, decided.

Every number stands in a piece of evidence or in an event, and every sentence names which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from failsight.agent.narrate.cards import plan_terms
from failsight.agent.narrate.coverage import not_examined
from failsight.agent.narrate.model import Section, Sentence
from failsight.agent.narrate.phrases import about, how_sure, result
from failsight.agent.narrate.plans import outcomes
from failsight.agent.narrate.record import Call, Record
from failsight.agent.narrate.repairs import correction, done
from failsight.agent.narrate.words import (
    VERDICTS,
    bound,
    capital,
    count,
    criterion,
    kind_label,
    sentence,
    stated,
    who,
)
from failsight.agent.people.expect import disagreements
from failsight.agent.state import FindingRecord
from failsight.tools.evidence import Evidence, Instrument, Table
from failsight.tools.expectations.names import is_price
from failsight.tools.text import clean, number

SEARCHES = ("find_slices",)  # tools that state hypotheses and test them in one call
ADVICE = ("search_knowledge",)  # tools that measure nothing
MOST_CLAIMS = 3  # that are told one by one of plans that are otherwise alike


def story(record: Record) -> tuple[Section, ...]:
    """The sections of the story in the order of the work; a section with nothing in it says so."""
    return (
        expected(record),
        seen(record),
        supposed(record),
        planned(record),
        tested(record),
        corrected(record),
        decided(record),
        cost(record),
        not_examined(record),
        left_out(record),
    )


def expected(record: Record) -> Section:
    """The criteria that were set, by whom, and whether before or after the first measurement."""
    set_at: dict[str, list[tuple[int, float, bool, str]]] = {}
    for event in record.of("expectation.set"):
        d = event.data
        set_at.setdefault(str(d["name"]), []).append(
            (event.seq, float(d["bound"]), bool(d["at_least"]), str(d.get("by", "")))
        )
    if not set_at:
        lead = Sentence(
            "Nobody has said how well the model has to do; without that, nothing can call it ready."
        )
        return Section("expected", "What was expected", (lead,))
    first = min(
        (c.done for c in record.calls if c.evidence and c.tool not in ADVICE and c.done), default=None
    )
    points = []
    for name, history in set_at.items():
        seq, value, at_least, by = history[-1]
        side = "is" if is_price(name) else "at least" if at_least else "at most"
        text = f"{capital(criterion(name))} {side} {bound(name, value)}, set by {who(by)}"
        late = first is not None and seq > first
        text += " after measuring had begun." if late else " before anything was measured."
        if len(history) > 1:
            other = f", set by {who(history[-2][3])}" if history[-2][3] != by else ""
            text += f" It had been {bound(name, history[-2][1])} before{other}."
        points.append(Sentence(text, tuple(f"#{h[0]}" for h in history)))
    priced = sum(is_price(name) for name in set_at)
    text = f"{capital(count(len(points) - priced, 'criterion was', 'criteria were'))} set."
    if priced:
        text += f" {capital(count(priced, 'confusion has', 'confusions have'))} a cost."
    return Section("expected", "What was expected", (Sentence(text), *_differing(record)), tuple(points))


def _differing(record: Record) -> list[Sentence]:
    """Criteria on which people differ: the last that each of them said."""
    made = []
    for name, said in disagreements(record.events):
        each = ", ".join(
            f"{who(by)} {'at least' if least else 'at most'} {bound(name, value)}"
            for by, value, least, _ in said
        )
        made.append(Sentence(f"People differ on {criterion(name)}: {each}.", tuple(f"#{s[3]}" for s in said)))
    return made


def seen(record: Record) -> Section:
    """What the measuring tools showed, in order; experiments are told further down."""
    points = [
        Sentence(f"{clean(e.title)}: {sentence(e.summary, 1200)}", (e.id,))
        for e in record.state.evidence
        if not e.corrections and e.tool not in (*ADVICE, "readiness") and not e.tool.startswith("test_")
    ]
    lead = () if points else (Sentence("Nothing has been measured yet."),)
    return Section("seen", "What was seen", lead, tuple(points))


def supposed(record: Record) -> Section:
    """Every hypothesis in order of appearance: who raised it and what prompted it."""
    points = []
    for found in record.state.records.values():
        call = record.call(found.evidence[0]) if found.evidence else None
        text = f"{found.id}, {kind_label(found.finding.kind).lower()}: {stated(found.finding.statement)}"
        if call:
            text += f" It came out of {clean(call.tool)}, asked for by {who(call.by)}."
        points.append(Sentence(text, (found.id, *found.evidence[:1])))
    lead = () if points else (Sentence("No hypothesis came out of what was seen."),)
    return Section("supposed", "What was supposed", lead, tuple(points))


def planned(record: Record) -> Section:
    """The plans of tests with the events that prove their order; plans that differ only in what they are about, in one."""
    made: list[tuple[Sentence, bool]] = []
    alike: dict[tuple[object, ...], list[tuple[Instrument, int]]] = {}
    for name, (plan, seq) in record.state.instruments.items():
        found = next((r for r in record.state.records.values() if r.finding.key == plan.finding), None)
        measured = _measured_at(record, found, name) if found else _told_at(record, plan, seq)
        if found is None and measured is not None and seq < measured:
            key = (plan.tool, plan.statistic, plan.control, plan.minimum_effect, plan.alpha, measured)
            alike.setdefault(key, []).append((plan, seq))
            continue
        label = f"For {found.id}, with {clean(plan.tool)}: " if found else f"With {clean(plan.tool)}: "
        text = label + _in_line(plan_terms(plan, seq, measured, found.finding if found else None))
        refs = tuple(r for r in (f"#{seq}", found.id if found else "") if r)
        made.append((Sentence(text, refs), measured is None or seq < measured))
    for shared, plans in alike.items():
        made.append((_plans_in_one(plans, int(str(shared[-1]))), True))
    if not all(early for _, early in made):
        lead = "Not every plan was written into the journal before its measurement; the numbers of the events show which."
    elif made:
        lead = "Each plan was written into the journal before its measurement; the numbers of the events show it."
    else:
        lead = "No test was planned."
    points = sorted((said for said, _ in made), key=lambda said: int(said.refs[0][1:]))
    return Section("planned", "What was planned before it was tested", (Sentence(lead),), tuple(points))


def _in_line(terms: Sequence[tuple[str, Sentence]]) -> str:
    return " ".join(
        said.text if term in ("Plan", "Bar set beforehand") else f"{term}: {said.text}"
        for term, said in terms
    )


def _plans_in_one(plans: Sequence[tuple[Instrument, int]], measured: int) -> Sentence:
    """Plans of one call that are alike but for what each is about and for how many images."""
    (first, seq), last = plans[0], plans[-1][1]
    if len(plans) == 1:
        return Sentence(
            f"With {clean(first.tool)}: {_in_line(plan_terms(first, seq, measured))}", (f"#{seq}",)
        )
    claims = " ".join(sentence(re.sub(r"^Test:\s*", "", plan.statement)) for plan, _ in plans[:MOST_CLAIMS])
    if len(plans) > MOST_CLAIMS:
        claims += " And others of the kind."
    fewest, most = (f(plan.n_planned for plan, _ in plans) for f in (min, max))
    images = count(most, "image") if fewest == most else f"{fewest:,} to {count(most, 'image')}"
    text = (
        f"With {clean(first.tool)}, {len(plans):,} plans that differ in what they are about: {claims} Written down as events "
        f"{seq} to {last}, before their measurement (event {measured}). Measured: {sentence(first.statistic)} "
        f"Control: {sentence(first.control)} An effect of at least {number(first.minimum_effect, 'points')} at "
        f"α = {first.alpha:g}, on {images}."
    )
    return Sentence(text, tuple(f"#{at}" for _, at in plans))


def _told_at(record: Record, plan: Instrument, seq: int) -> int | None:
    """When the call ended that made a plan for whatever it would find."""
    return next((c.done for c in record.calls if c.tool == plan.tool and c.seq < seq < (c.done or 0)), None)


def _measured_at(record: Record, found: FindingRecord | None, plan: str) -> int | None:
    for test in found.finding.tests if found else ():
        match = record.plan(found.finding, test) if found else None
        if match and match[0].id == plan:
            return record.recorded(test.evidence)
    return None


def tested(record: Record) -> Section:
    """Every test of a finding and its outcome, refutations included; and what came of every plan."""
    points = []
    for found in record.state.records.values():
        where = about(found.finding)
        for test in found.finding.tests:
            text = f"{found.id}{f' ({where})' if where else ''}, {clean(test.tool)}: {result(test)}"
            points.append(Sentence(text, tuple(r for r in (found.id, test.evidence) if r)))
        if not found.finding.tests and found.finding.verdict:
            text = f"{found.id}: {how_sure(found.finding)} {VERDICTS[found.finding.verdict][0]}."
            points.append(Sentence(text, (found.id, *found.evidence[-1:])))
    points += [
        Sentence(f"A search that confirmed nothing. {sentence(e.summary, 1200)}", (e.id,))
        for e in record.state.evidence
        if e.tool in SEARCHES and not e.findings
    ]
    table = outcomes(record)
    tables = (table,) if table else ()
    if not points:
        text = "No test led to a finding." if table else "Nothing has been tested."
        return Section("tested", "What the tests said", (Sentence(text),), (), tables)
    text = "What was refuted or stayed undecided is listed too: it saves the next person the work."
    if table:
        text += " The table gives the outcome of every plan, also of those that led to no finding."
    return Section("tested", "What the tests said", (Sentence(text),), tuple(points), tables)


def no_headline(record: Record) -> Sentence:
    """Why a report has no confirmed finding: nothing held, or nothing was tested."""
    tested_by = [t.evidence for r in record.state.records.values() for t in r.finding.tests]
    tested_by += [
        e.id
        for e in record.state.evidence
        if e.tool in SEARCHES and any(f.name == "slices_tested" and f.value for f in e.facts)
    ]
    if not tested_by:
        return Sentence("No finding is confirmed: nothing has been tested.")
    refs = tuple(dict.fromkeys(name for name in tested_by if name))
    return Sentence("No finding is confirmed: nothing that was tested held.", refs)


def corrected(record: Record) -> Section:
    """Repairs that were made and what came of them, then the strategies that nobody has tried, finding by finding."""
    made, points, statuses = [], [], set()
    for found in record.state.records.values():
        tried = [c for c in found.corrections if done(record, found, c)]
        rest = [correction(record, c, found) for c in found.corrections if c not in tried]
        statuses |= {c.status for c in found.corrections}
        told = [correction(record, c, found) for c in tried]
        made += [Sentence(f"For {found.id}: {t.text}", (found.id, *t.refs)) for t in told]
        if rest:
            refs = dict.fromkeys((found.id, *(r for t in rest for r in t.refs)))
            points.append(Sentence(f"For {found.id}: {' '.join(t.text for t in rest)}", tuple(refs)))
    if made:
        text = f"{capital(count(len(made), 'repair was', 'repairs were'))} made and told first; what follows was proposed and not tried."
        lead = Sentence(
            text if points else text.partition(" and told")[0] + ".",
            tuple(dict.fromkeys(s.refs[0] for s in made)),
        )
    elif not points:
        lead = Sentence("No correction was proposed.")
    elif statuses == {"proposed"}:
        lead = Sentence("These are proposals: nobody has approved or tried them.")
    else:
        lead = Sentence("What was proposed, and how far each proposal has come.")
    title = (
        "What was done to correct it, and what was proposed" if made else "What was proposed to correct it"
    )
    return Section("corrected", title, (lead,), (*made, *points))


def decided(record: Record) -> Section:
    """Who did what: sessions, calls by party, approvals, what people asked."""
    points = [*_sittings(record), *_parties(record), *_approvals(record)]
    asked = [e for e in record.of("message") if e.data.get("role") == "person"]
    if asked:
        points.append(
            Sentence(
                f"A person wrote {count(len(asked), 'message')}; the conversation stands in the journal.",
                (f"#{asked[0].seq}", *([f"#{asked[-1].seq}"] if len(asked) > 1 else [])),
            )
        )
    points += _stages(record)
    lead = () if points else (Sentence("Nobody has decided anything yet."),)
    return Section("decided", "Who decided what, and why", lead, tuple(points))


def _sittings(record: Record) -> list[Sentence]:
    made = []
    for sitting in record.sittings:
        text = f"A session was opened with the planner {clean(sitting.planner) or 'unknown'}"
        text += f" at level {clean(sitting.level)}" if sitting.level else ""
        text += f", Failsight {clean(sitting.version)}" if sitting.version else ""
        if sitting.interrupted:
            text += "; it was interrupted, and the next one went on where it stopped"
        made.append(Sentence(text + ".", (f"#{sitting.opened}",)))
    for event in record.of("journal.repaired"):
        aside = clean(event.data.get("set_aside", ""))
        made.append(
            Sentence(
                f"A crash had left half a line in the journal; it was set aside as {aside}.",
                (f"#{event.seq}",),
            )
        )
    return made


def _parties(record: Record) -> list[Sentence]:
    parties: dict[str, list[Call]] = {}
    for call in record.calls:
        parties.setdefault(who(call.by), []).append(call)
    made = []
    for party, calls in parties.items():
        tools = dict.fromkeys(clean(c.tool) for c in calls)
        text = f"{capital(party)} asked for {count(len(calls), 'tool call')}: {', '.join(tools)}."
        made.append(Sentence(text, tuple(dict.fromkeys((f"#{calls[0].seq}", f"#{calls[-1].seq}")))))
    return made


def _stages(record: Record) -> list[Sentence]:
    entered = record.of("stage.entered")
    if not entered:
        return []
    parts = [f"{clean(e.data.get('stage', ''), 60)} ({clean(e.data.get('trigger', ''))})" for e in entered]
    return [Sentence(f"The stages of the work: {', '.join(parts)}.", tuple(f"#{e.seq}" for e in entered))]


def _approvals(record: Record) -> list[Sentence]:
    """Who allowed or refused what; equal decisions in one sentence."""
    given: dict[str, list[int]] = {}
    for event in record.events:
        tool = clean(event.data.get("tool", ""))
        if event.kind == "approval.given":
            verb = "was refused by" if event.data.get("decision") == "reject" else "was allowed by"
            given.setdefault(f"{tool} {verb} {who(event.data.get('by'))}", []).append(event.seq)
    made = [
        Sentence(f"{text}{f', {len(seqs)} times' if len(seqs) > 1 else ''}.", tuple(f"#{s}" for s in seqs))
        for text, seqs in given.items()
    ]
    return made + [
        Sentence(f"{clean(tool)} waits for a person's yes.", (f"#{seq}",))
        for tool, seq in record.waiting().items()
    ]


def cost(record: Record) -> Section:
    """Calls and seconds, tool by tool."""
    spent: dict[str, list[Evidence]] = {}
    for evidence in record.state.evidence:
        spent.setdefault(evidence.tool, []).append(evidence)
    if not spent:
        return Section("cost", "What it cost", (Sentence("Nothing: no tool has run."),))
    rows = tuple(
        (clean(tool), len(made), round(sum(e.seconds for e in made), 3), ", ".join(e.id for e in made))
        for tool, made in sorted(spent.items(), key=lambda i: -sum(e.seconds for e in i[1]))
    )
    total = (
        ("all", len(record.state.evidence), round(sum(e.seconds for e in record.state.evidence), 3), ""),
    )
    table = Table(
        "Time spent by tools",
        ("tool", "calls", "time", "evidence"),
        (*rows, *total),
        ("text", "count", "seconds", "text"),
    )
    return Section("cost", "What it cost", (), (), (table,))


def left_out(record: Record) -> Section:
    """What tools left out or warned of, word for word, each remark once."""
    said: dict[str, list[str]] = {}
    for evidence in record.state.evidence:
        for note in evidence.notes:
            said.setdefault(sentence(note), []).append(evidence.id)
    points = tuple(Sentence(text, tuple(dict.fromkeys(refs))) for text, refs in said.items() if text)
    lead = () if points else (Sentence("No tool left anything out or warned of anything."),)
    return Section("left-out", "What was left out, and warnings", lead, points)
