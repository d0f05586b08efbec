"""What a report is made of, whatever it is printed on: sentences with references, sections, cards."""

from __future__ import annotations

from dataclasses import dataclass

from failsight.tools.evidence import Evidence, Figure, ImageRef, Table, TestResult

CriterionMark = tuple[str, float, tuple[float, float] | None, float | None]  # name, value, interval, bound


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence (or a few) and what it rests on: evidence ``E4``, findings ``F1``, events ``#12``."""

    text: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the story: an opening, points, tables. ``id`` is its anchor."""

    id: str
    title: str
    lead: tuple[Sentence, ...] = ()
    points: tuple[Sentence, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What one audience reads first, in its own words."""

    audience: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One test of a finding: what was fixed beforehand and what came out. ``terms`` are (label, text) pairs."""

    title: str
    verdict: str
    terms: tuple[tuple[str, Sentence], ...]
    result: TestResult
    minimum_effect: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One finding, told: what happens, how sure one can be, how it was tested, what could be done.

    ``corrections`` are what could be done, ``repairs`` what was; ``repaired`` says in a few words what the last came to.
    ``before``: the version of the model that it speaks of, where the case went on with another one.
    ``chain``: how it came to its verdict, as (stage, sentence with what it rests on).
    """

    id: str
    verdict: str | None
    kind: str
    statement: str
    meaning: str
    terms: tuple[tuple[str, Sentence], ...] = ()
    experiments: tuple[Experiment, ...] = ()
    corrections: tuple[Sentence, ...] = ()
    repairs: tuple[Sentence, ...] = ()
    repaired: str = ""
    figures: tuple[tuple[str, Figure], ...] = ()
    images: tuple[tuple[str, ImageRef], ...] = ()
    evidence: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    rates: tuple[tuple[str, float, tuple[float, float] | None], ...] = ()
    rates_title: str = ""
    chain: tuple[tuple[str, Sentence], ...] = ()
    before: str = ""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence in the appendix, with where it stands in the journal and how to make it again."""

    evidence: Evidence
    event: int | None
    by: str
    why: str
    command: str
    shell: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    facts: Table | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report."""

    title: str
    about: tuple[tuple[str, str], ...]
    brief: tuple[Sentence, ...]
    nothing: str
    overview: Table | None
    shared: tuple[tuple[str, Figure], ...]
    headlines: tuple[Card, ...]
    others: tuple[Card, ...]
    readiness: Section
    readiness_verdict: str
    reviews: Section | None
    signoff: Section
    criteria: tuple[CriterionMark, ...]
    story: tuple[Section, ...]
    exhibits: tuple[Exhibit, ...]
    timeline: Table
    verify: Section
    reading: tuple[tuple[str, str], ...]
    events: int
    head: str
    digest: str
    written: str = ""
    version: str = ""
    task: str = ""
    views: tuple[View, ...] = ()
    people: Section | None = None
    todo: Section | None = None
    front: tuple[Section, ...] = ()
    judged: str = ""
    told_with: str = ""
