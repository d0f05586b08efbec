"""Findings, told one by one: what happens, how sure one can be, which experiment said so."""

from __future__ import annotations

import re
from collections.abc import Sequence

from failsight.agent.chains import record_chain
from failsight.agent.narrate import versions
from failsight.agent.narrate.findings import deciding
from failsight.agent.narrate.model import Card, Experiment, Sentence
from failsight.agent.narrate.parts import parts
from failsight.agent.narrate.phrases import (
    about,
    how_sure,
    how_tested,
    meaning,
    nature,
    rates,
    rates_title,
    result,
)
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.repairs import correction, done, outcome
from failsight.agent.narrate.words import VERDICTS, capital, count, kind_label, sentence, stated
from failsight.agent.state import FindingRecord
from failsight.tools.evidence import (
    Figure,
    Finding,
    ImageRef,
    Instrument,
    Table,
    TestResult,
    Unit,
)
from failsight.tools.text import clean, number

MOST_FIGURES = 3
MOST_IMAGES = 8


def card(record: Record, found: FindingRecord) -> Card:
    """One finding as a card."""
    finding = found.finding
    label = kind_label(finding.kind)
    return Card(
        id=found.id,
        verdict=_standing(found),
        kind=label,
        statement=stated(finding.statement),
        meaning=meaning(finding),
        terms=tuple(_terms(record, found)),
        experiments=tuple(experiment(record, finding, t) for t in finding.tests),
        corrections=tuple(correction(record, c) for c in found.corrections if not done(record, found, c)),
        repairs=tuple(correction(record, c, found) for c in found.corrections if done(record, found, c)),
        repaired=outcome(record, found),
        figures=_figures(record, found),
        images=_images(record, found),
        evidence=tuple(dict.fromkeys(found.evidence)),
        questions=found.questions,
        rates=rates(finding),
        rates_title=rates_title(finding),
        chain=chain_terms(record, found),
        before=versions.before(found),
    )


def chain_terms(record: Record, found: FindingRecord) -> tuple[tuple[str, Sentence], ...]:
    """Hypothesis, instruments, evidence, verdict; each with the evidence or the journal's event that it rests on."""
    made = []
    for step in record_chain(record.state, found):
        refers = step.refers
        if step.stage == "instrument" and refers in record.state.instruments:
            refers = f"#{record.state.instruments[refers][1]}"
        refs = dict.fromkeys(r for r in (refers, *_saying(record, found, step.text)) if r)
        made.append((capital(step.stage), Sentence(sentence(clean(step.text, 600)), tuple(refs))))
    return tuple(made)


def _saying(record: Record, found: FindingRecord, text: str) -> list[str]:
    """The evidence whose statement or note stands in a link of the chain: a later tool may have said it better."""
    made = []
    for name in dict.fromkeys(found.evidence):
        evidence = record.evidence(name)
        said = [f for f in evidence.findings if f.key == found.finding.key] if evidence else []
        if any(part and part in text for f in said for part in (f.statement, f.note)):
            made.append(name)
    return made


def _terms(record: Record, found: FindingRecord) -> list[tuple[str, Sentence]]:
    finding, first = found.finding, found.evidence[:1]
    made = []
    where = about(finding)
    if where:
        made.append(("Where", Sentence(sentence(where), first)))
    sure = how_sure(finding)
    if sure:
        made.append(
            (
                "How sure" if finding.verdict == "confirmed" else "Measured",
                Sentence(sure, tuple(dict.fromkeys(found.evidence))),
            )
        )
    made.append(("Verdict", Sentence(_verdict(found), _deciding_refs(found))))
    part = parts(record).get(found.id)
    if part is not None and finding.verdict == "confirmed":
        made.append(("Part of", part.said))
    made.append(("Failure and cause", Sentence(sentence(nature(finding)))))
    note, source = _note(record, found)
    if note:
        made.append(("Note", Sentence(sentence(note), source)))
    return made


def _note(record: Record, found: FindingRecord) -> tuple[str, tuple[str, ...]]:
    """The note of a finding, unless it is older than the test on which the verdict stands (``… is yet to be tested``)."""
    test = deciding(found)
    noted: dict[str, str] = {}
    for name in dict.fromkeys(found.evidence):
        evidence = record.evidence(name)
        for finding in evidence.findings if evidence else ():
            if finding.key == found.finding.key and finding.note:
                noted.setdefault(finding.note, name)
    if not noted:
        return "", ()
    note, name = list(noted.items())[-1]
    tested_at, noted_at = record.recorded(test.evidence if test else "") or 0, record.recorded(name) or 0
    return (note, (name,)) if noted_at >= tested_at else ("", ())


def _standing(found: FindingRecord) -> str | None:
    """The verdict; ``withdrawn`` for what was taken back before it had one."""
    return "withdrawn" if found.standing == "withdrawn" else found.finding.verdict


def _verdict(found: FindingRecord) -> str:
    word, why = VERDICTS[_standing(found)]
    test = deciding(found)
    if test is None or found.finding.verdict is None:
        return f"{word}: {why}."
    return f"{word}: {why}{how_tested(found.finding, test)}."


def _deciding_refs(found: FindingRecord) -> tuple[str, ...]:
    test = deciding(found)
    return (test.evidence,) if test and test.evidence else found.evidence[-1:]


def experiment(record: Record, finding: Finding, test: TestResult) -> Experiment:
    """One test with its plan, if there was one before it."""
    planned = record.plan(finding, test)
    terms: list[tuple[str, Sentence]] = []
    recorded = record.recorded(test.evidence)
    if planned:
        terms += plan_terms(*planned, recorded, finding)
        if test.statistic and sentence(test.statistic) != sentence(
            planned[0].statistic
        ):  # one of several measures
            refs = (test.evidence,) if test.evidence else ()
            terms.append(("What decided", Sentence(sentence(test.statistic), refs)))
    else:
        if test.tool.startswith("test_"):
            text = "No plan stands in the journal before this test."
            terms.append(("Plan", Sentence(text, (test.evidence,) if test.evidence else ())))
        if test.statistic:
            terms.append(("Measured", Sentence(sentence(test.statistic))))
    terms.append(("Result", Sentence(result(test), (test.evidence,) if test.evidence else ())))
    evidence = record.evidence(test.evidence)
    if evidence is not None and len(evidence.findings) == 1:
        terms += [("Caveat", Sentence(sentence(note), (evidence.id,))) for note in evidence.notes]
    least = planned[0].minimum_effect if planned else None
    return Experiment(f"Test by {clean(test.tool)}", test.verdict, tuple(terms), test, least)


def plan_terms(
    plan: Instrument, seq: int, recorded: int | None, finding: Finding | None = None
) -> list[tuple[str, Sentence]]:
    """What a plan fixed, and that it was written down before the measurement; what ``finding`` says is not repeated."""
    claim = plan.statement.removeprefix(finding.statement).strip() if finding else plan.statement
    claim = re.sub(r"^Test:\s*", "", claim) or plan.statement
    order = f"Written down as event {seq}"
    if recorded is not None:
        order += f", {'before' if seq < recorded else 'AFTER'} its measurement (event {recorded})"
    made = [
        ("Plan", Sentence(f"{sentence(claim)} {order}.", (f"#{seq}",))),
        ("Measured", Sentence(sentence(plan.statistic), (f"#{seq}",))),
        ("Control", Sentence(sentence(plan.control), (f"#{seq}",))),
        ("Bar set beforehand", Sentence(_bar(plan), (f"#{seq}",))),
    ]
    return [(label, said) for label, said in made if said.text]


def _bar(plan: Instrument) -> str:
    text = f"An effect of at least {number(plan.minimum_effect, 'points')} at α = {plan.alpha:g}, on {count(plan.n_planned, 'image')}"
    if plan.smallest_detectable_effect is not None:
        text += f"; so many images show {number(plan.smallest_detectable_effect, 'points')} with 80 % power"
    return text + "."


def _figures(record: Record, found: FindingRecord) -> tuple[tuple[str, Figure], ...]:
    """Pictures of the evidence that is about this finding alone, those of its deciding test first."""
    test = deciding(found)
    names = dict.fromkeys((*([test.evidence] if test and test.evidence else []), *reversed(found.evidence)))
    made: dict[str, tuple[str, Figure]] = {}
    for name in names:
        evidence = record.evidence(name)
        if evidence is not None and len(evidence.findings) == 1:
            for figure in evidence.figures:
                made.setdefault(figure.path, (name, figure))
    return tuple(made.values())[: MOST_FIGURES if found.finding.verdict == "confirmed" else 1]


def shared_figures(record: Record, cards: Sequence[Card]) -> tuple[tuple[str, Figure], ...]:
    """Pictures of evidence that speaks of several of the findings at once, such as a search."""
    names = dict.fromkeys(name for card in cards for name in card.evidence)
    made = []
    for name in names:
        evidence = record.evidence(name)
        if evidence is not None and len(evidence.findings) > 1:
            made += [(name, figure) for figure in evidence.figures]
    return tuple(made)[:MOST_FIGURES]


def overview(cards: Sequence[Card], record: Record) -> Table | None:
    """The findings at a glance, a row each; None when there are fewer than two."""
    rows = []
    for card in cards:
        found = record.state.find(card.id)
        if found is not None:
            finding, test = found.finding, deciding(found)
            rows.append(
                (
                    card.id,
                    card.kind,
                    capital(about(finding)) or "All images",
                    finding.n,
                    finding.error_rate,
                    finding.base_error_rate,
                    test.effect if test else None,
                    test.tool if test else "",
                )
            )
    columns = (
        "finding",
        "kind",
        "where",
        "images",
        "rate",
        "to compare with",
        "effect of the test",
        "tested by",
    )
    units: tuple[Unit, ...] = ("text", "text", "text", "count", "share", "share", "points", "text")
    caption = "The rates are shares of wrong answers; for shortcuts, shares of the images of other classes that get the answer."
    return (
        Table("Confirmed findings at a glance", columns, tuple(rows), units, caption)
        if len(rows) > 1
        else None
    )


def _images(record: Record, found: FindingRecord) -> tuple[tuple[str, ImageRef], ...]:
    """Example images of the finding, from evidence about it alone that has no figure of them."""
    made = []
    for name in dict.fromkeys(reversed(found.evidence)):
        evidence = record.evidence(name)
        if evidence is not None and len(evidence.findings) == 1 and not evidence.figures:
            made += [(name, image) for image in evidence.images]
    return tuple(made)[:MOST_IMAGES]
