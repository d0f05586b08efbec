"""The first page: what is wrong, how sure that is, what to do, ready or not, and who decided; everything else stands behind it."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.agent.declined import by_policy
from failsight.agent.narrate import signoff as decisions
from failsight.agent.narrate.model import Card, Section, Sentence
from failsight.agent.narrate.plainly import first_of_all, no_better, not_possible
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.versions import spans
from failsight.agent.narrate.words import count, sentence
from failsight.tools.text import clean

MOST_WRONG = 4  # findings on the page; the others are counted
MOST_TODO = 3
MOST_LINES = 2  # of who decided


def front(
    record: Record, confirmed: Sequence[Card], nothing: Sentence, ready: Sentence, todo: Section | None
) -> tuple[Section, ...]:
    """The sections of the first page.

    Args:
        confirmed: the confirmed findings, the largest first.
        nothing: what is said where there is none.
        ready: the sentence that says whether it is ready.
        todo: what to do next.
    """
    made = (
        Section(
            "front-wrong",
            "What is wrong, and how sure that is",
            *_wrong(record, confirmed, nothing),
        ),
        Section("front-todo", "What to do", (), tuple(_to_do(record, todo))),
        Section("front-ready", "Ready or not", (ready,)),
        Section("front-decided", "Who decided", (), tuple(_decided(record))),
    )
    told = spans(record.state)
    return (*made, Section("front-versions", "Which numbers are of which model", (), told)) if told else made


def _wrong(
    record: Record, confirmed: Sequence[Card], nothing: Sentence
) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    denied = tuple(Sentence(text, refs) for text, refs in _not_allowed(record))
    plain = no_better(
        record
    )  # told before any finding: all findings are of a model that can't tell its classes
    missing = not_possible(record) if plain or not confirmed else []
    if not confirmed:
        return (*plain, nothing, *denied), tuple(missing)
    lead = Sentence(
        f"{count(len(confirmed), 'finding is', 'findings are')} confirmed.", tuple(c.id for c in confirmed)
    )
    points = [_one(card) for card in confirmed[:MOST_WRONG]]
    more = confirmed[MOST_WRONG:]
    if more:
        kinds = dict.fromkeys(c.kind.lower() for c in more)
        told = (f"{k} ({', '.join(c.id for c in more if c.kind.lower() == k)})" for k in kinds)
        points.append(Sentence(f"Further: {', '.join(told)}.", tuple(c.id for c in more)))
    return (*plain, lead), (*points, *missing, *denied)


def _not_allowed(record: Record) -> list[tuple[str, tuple[str, ...]]]:
    """What the policy of the run did not allow, with the answers that it gave."""
    told = by_policy(record.state)
    said = [
        f"#{e.seq}"
        for e in record.of("approval.given")
        if e.data.get("by") == "policy"
        and e.data.get("decision") == "reject"
        and e.data.get("tool") in record.state.denied
    ]
    return [(text, tuple(said)) for text in told]


def _one(card: Card) -> Sentence:
    """A finding with how sure it is, in one point."""
    sure = [said for label, said in card.terms if label == "How sure"]
    part = [said for label, said in card.terms if label == "Part of"]
    told = [*(f"How sure: {said.text}" for said in sure), *(f"Part of {said.text}" for said in part)]
    refs = (card.id, *(r for said in (*sure, *part) for r in said.refs))
    return Sentence(" ".join([sentence(card.statement, 400), *told]), tuple(dict.fromkeys(refs)))


def _to_do(record: Record, todo: Section | None) -> list[Sentence]:
    made: list[Sentence] = []
    for version, finding, _ in record.state.adopted:
        evidence = next(
            (e for e in record.state.evidence if e.tool == "adopt_version" and _of(e, version)), None
        )
        if evidence is not None and evidence.next_steps:
            text = f"{clean(finding, 20)} is mended in {clean(version, 20)} alone, not in the model's own files. {sentence(evidence.next_steps[0])}"
            made.append(Sentence(text, (finding, evidence.id)))
    made += first_of_all(record)
    made += (todo.points if todo else ())[: max(0, MOST_TODO - len(made))]
    return made or [Sentence("Nothing that was confirmed waits for a repair.")]


def _of(evidence: object, version: str) -> bool:
    return any(f.name == "version" and f.value == version for f in getattr(evidence, "facts", ()))


def _decided(record: Record) -> list[Sentence]:
    section = decisions.signoff(record)
    said = [*section.lead, *section.points][:MOST_LINES]
    by_policy = [e for e in record.of("approval.given") if e.data.get("by") == "policy"]
    if by_policy and any(e.data.get("tool") == "adopt_version" for e in by_policy):
        last = next(e for e in reversed(by_policy) if e.data.get("tool") == "adopt_version")
        text = "No person was asked whether to go on with another version: the policy of the run allowed it."
        said.append(Sentence(text, (f"#{last.seq}",)))
    return said
