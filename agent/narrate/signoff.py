"""The end of a report: which errors people can live with, and who signed the model off on which evidence."""

from __future__ import annotations

from failsight.agent.narrate.model import Section, Sentence
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.words import sentence as as_sentence
from failsight.agent.people.signoff import SignOff, deciders, sentence, signoffs, stale_sentence
from failsight.tools.evidence import Evidence, Table
from failsight.tools.reviews.report import TOLD
from failsight.tools.text import clean, listing

DISPUTED = "Where people disagree"
MOST_ROWS = 40


def signoff(record: Record) -> Section:
    """Every decision: who, when, on which evidence, whether against the statistics, whether it still stands."""
    made = signoffs(record.events, record.state)
    named = deciders(record.state)
    lead = [_lead(made)]
    if named:
        lead.append(Sentence(f"Named beforehand as the one who decides: {listing(list(named), 4)}."))
    points = [Sentence(_told(one), tuple(r for r in (f"#{one.seq}", one.evidence) if r)) for one in made]
    standing = [o for o in made if not o.replaced]
    if len({o.decision for o in standing}) > 1:
        points.append(Sentence("Those who decided differ.", tuple(f"#{o.seq}" for o in standing)))
    table = _table(made)
    return Section("signoff", "Who signed it off", tuple(lead), tuple(points), (table,) if table.rows else ())


def _lead(made: tuple[SignOff, ...]) -> Sentence:
    if not made:
        return Sentence(
            "Nobody has signed it off: whether the model may be used is for a person to decide (failsight signoff)."
        )
    last = made[-1]
    if last.stale:
        return Sentence(
            "It was signed off, but the evidence has moved since; the decision has to be made again.",
            (f"#{last.seq}",),
        )
    if last.against:
        return Sentence("It was signed off against what the statistics say.", (f"#{last.seq}",))
    return Sentence("It was signed off on the evidence as it stands.", (f"#{last.seq}",))


def _told(one: SignOff) -> str:
    parts = (
        sentence(one),
        stale_sentence(one),
        "The same person decided again later." if one.replaced else "",
    )
    return " ".join(p for p in parts if p)


def _table(made: tuple[SignOff, ...]) -> Table:
    rows = tuple(
        (
            clean(o.by, 120), o.decision.replace("-", " "), o.time[:19].replace("T", " "), (o.verdict or "not judged").replace("_", " "),
            "yes" if o.against else "no", "stale" if o.stale else "replaced" if o.replaced else "stands", o.basis[:16],
        )
        for o in made
    )  # fmt: skip
    return Table(
        "Sign-offs",
        ("who", "decision", "time (UTC)", "statistics then", "against them", "now", "digest of the evidence"),
        rows,
    )


def brief(record: Record) -> list[Sentence]:
    """The newest decision, for the summary at the top; nothing where nobody decided."""
    made = signoffs(record.events, record.state)
    return [Sentence(_told(made[-1]), (f"#{made[-1].seq}",))] if made else []


def reviews(record: Record) -> Section | None:
    """What people said of single errors: shares with intervals, where they disagree; None where nobody was asked."""
    made = [e for e in record.state.evidence if e.tool == "review_errors" and e.arguments.get("by")]
    if not made:
        return None
    last = made[-1]
    people = tuple(dict.fromkeys(clean(e.arguments["by"], 120) for e in made))
    lead = (
        Sentence(as_sentence(last.summary, 1200), (last.id,)),
        Sentence(
            f"Asked were {listing(list(people), 6)}; what each said is kept.", tuple(e.id for e in made)
        ),
    )
    return Section("reviews", "Which errors people can live with", lead, (), _tables(last))


def _tables(made: Evidence) -> tuple[Table, ...]:
    kept = [t for t in made.tables if t.title in ("By confusion", DISPUTED, TOLD)]
    return tuple(Table(t.title, t.columns, t.rows[:MOST_ROWS], t.units, t.caption) for t in kept)
