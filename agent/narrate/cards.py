"""Findings, told one by one: what happens, how sure one can be, which experiment said so."""

from __future__ import annotations

from failsight.agent.narrate.findings import deciding
from failsight.agent.narrate.model import Card, Experiment, Sentence
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
from failsight.agent.narrate.words import VERDICTS, count, kind_label, sentence, stated, status
from failsight.agent.state import FindingRecord
from failsight.tools.evidence import Correction, Figure, Finding, ImageRef, Instrument, TestResult
from failsight.tools.text import clean, number, p_value

MOST_FIGURES = 3
MOST_IMAGES = 8


def card(record: Record, found: FindingRecord) -> Card:
    """One finding as a card."""
    finding = found.finding
    label = kind_label(finding.kind)
    return Card(
        id=found.id,
        verdict=finding.verdict,
        kind=label,
        statement=stated(finding.statement),
        meaning=meaning(finding),
        terms=tuple(_terms(record, found)),
        experiments=tuple(experiment(record, finding, t) for t in finding.tests),
        corrections=tuple(correction(record, c) for c in found.corrections),
        figures=_figures(record, found),
        images=_images(record, found),
        evidence=tuple(dict.fromkeys(found.evidence)),
        questions=found.questions,
        rates=rates(finding),
        rates_title=rates_title(finding),
    )


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
    made.append(("Failure and cause", Sentence(sentence(nature(finding)))))
    note, source = _note(record, found)
    if note:
        made.append(("Note", Sentence(sentence(note), source)))
    call = record.call(found.evidence[0]) if found.evidence else None
    if call and call.why:
        made.append(("Why it was looked for", Sentence(sentence(call.why), (f"#{call.seq}",))))
    return made


def _note(record: Record, found: FindingRecord) -> tuple[str, tuple[str, ...]]:
    """The note of the newest evidence about a finding: an older one may say ``not tested`` of what was tested since."""
    name = found.evidence[-1] if found.evidence else ""
    newest = record.evidence(name)
    notes = [f.note for f in newest.findings if f.key == found.finding.key and f.note] if newest else []
    return (notes[-1], (name,)) if notes else ("", ())


def _verdict(found: FindingRecord) -> str:
    word, why = VERDICTS[found.finding.verdict]
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
        terms += plan_terms(*planned, recorded)
    else:
        text = "No plan stands in the journal before this test; its tool fixes the procedure."
        terms.append(("Plan", Sentence(text, (test.evidence,) if test.evidence else ())))
    if test.statistic and not planned:
        terms.append(("Measured", Sentence(sentence(test.statistic))))
    terms.append(("Result", Sentence(result(test), (test.evidence,) if test.evidence else ())))
    least = planned[0].minimum_effect if planned else None
    return Experiment(f"Test by {clean(test.tool)}", test.verdict, tuple(terms), test, least)


def plan_terms(plan: Instrument, seq: int, recorded: int | None) -> list[tuple[str, Sentence]]:
    """What a plan fixed, and that it was written down before the measurement."""
    order = f"Written down as event {seq}"
    if recorded is not None:
        order += f", {'before' if seq < recorded else 'AFTER'} its measurement (event {recorded})"
    made = [
        ("Plan", Sentence(f"{stated(plan.statement)} {order}.", (f"#{seq}",))),
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


def correction(record: Record, made: Correction) -> Sentence:
    """One repair strategy: what to do, how far it has come, what it brought."""
    text = f"{clean(made.strategy, 80).replace('_', ' ').capitalize()}: {sentence(made.action)}"
    text += f" It is {status(made.status)}."
    if made.before is not None and made.after is not None:
        text += f" Errors went from {number(made.before)} to {number(made.after)}"
        text += f" (q {p_value(made.q)})." if made.q is not None else "."
    refs = [e.id for e in record.state.evidence if any(_same(c, made) for c in e.corrections)]
    return Sentence(text, tuple(refs))


def _same(one: Correction, other: Correction) -> bool:
    return (one.finding, one.strategy) == (other.finding, other.strategy)


def _figures(record: Record, found: FindingRecord) -> tuple[tuple[str, Figure], ...]:
    """Pictures of the evidence behind a finding, those of its deciding test first."""
    test = deciding(found)
    names = dict.fromkeys((*([test.evidence] if test and test.evidence else []), *reversed(found.evidence)))
    made: dict[str, tuple[str, Figure]] = {}
    for name in names:
        evidence = record.evidence(name)
        if evidence is None or (len(evidence.findings) > 1 and made):
            continue  # pictures of a tool that speaks of many findings seldom show this one
        for figure in evidence.figures:
            made.setdefault(figure.path, (name, figure))
    return tuple(made.values())[: MOST_FIGURES if found.finding.verdict == "confirmed" else 1]


def _images(record: Record, found: FindingRecord) -> tuple[tuple[str, ImageRef], ...]:
    """Example images of the finding, from evidence about it alone that has no figure of them."""
    made = []
    for name in dict.fromkeys(reversed(found.evidence)):
        evidence = record.evidence(name)
        if evidence is not None and len(evidence.findings) == 1 and not evidence.figures:
            made += [(name, image) for image in evidence.images]
    return tuple(made)[:MOST_IMAGES]
