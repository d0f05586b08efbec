"""What people said: their answers to the forms, side by side, and where they disagree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from failsight.agent.narrate.model import Section, Sentence
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.words import capital, count
from failsight.tools.evidence import Table
from failsight.tools.text import clean, number

ASKED = {
    "requester": ("expectations",),
    "domain_expert": ("class_cues",),
}  # forms whose absence is worth a word
COMPARED = (
    "choice",
    "many",
    "share",
    "number",
    "costs",
)  # answers of which two that differ contradict one another
MOST_PEOPLE = 6
_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one person: ``row`` is the class (or confusion) it is about, where the field has one for each."""

    form: str
    field: str
    row: str
    by: str
    value: Any
    seq: int


def answers(record: Record) -> list[Answer]:
    """The last answer of each person to each question, in the order of the questions."""
    newest: dict[tuple[str, str, str, str], Answer] = {}
    for event in record.of("form.answered"):
        form, by = str(event.data.get("form", "")), clean(event.data.get("by") or "", 120)
        for name, value in (event.data.get("answers") or {}).items():
            for row, part in _parts(value):
                newest[form, str(name), row, by] = Answer(form, str(name), row, by, part, event.seq)
    order = {name: i for i, name in enumerate(_fields())}
    return sorted(newest.values(), key=lambda a: order.get((a.form, a.field), len(order)))


def said(record: Record, form: str, field: str) -> list[Answer]:
    """What people answered to one question of a form."""
    return [a for a in answers(record) if (a.form, a.field) == (form, field)]


def people(record: Record) -> Section | None:
    """The section about the answers of people; None where nobody answered a form."""
    given = answers(record)
    if not given:
        return None
    events = tuple(f"#{e.seq}" for e in record.of("form.answered"))
    names = list(dict.fromkeys(a.by for a in given))
    forms = list(dict.fromkeys(a.form for a in given))
    lead = [
        Sentence(
            f"{capital(count(len(names), 'person'))} answered {count(len(forms), 'form')}: {', '.join(names[:MOST_PEOPLE])}.",
            events,
        )
    ]
    differing = disagreements(given)
    if not differing and len(names) > 1:
        lead.append(Sentence("Nothing that they said contradicts what another said."))
    tables = tuple(_table(given, form) for form in forms)
    return Section("people", "What people said", tuple(lead), tuple(differing), tables)


def missing(record: Record) -> list[Sentence]:
    """Whom nobody has asked yet, of those without whom a report stays one-sided."""
    given = {e.data.get("form") for e in record.of("form.answered")}
    made = []
    if "expectations" not in given and not record.state.expectations:
        made.append(
            Sentence(
                "No requester has said what the model has to achieve (failsight forms export expectations)."
            )
        )
    if "class_cues" not in given:
        made.append(
            Sentence(
                "No domain expert has said by what the classes should be recognised (failsight forms export class_cues)."
            )
        )
    return made


def disagreements(given: Sequence[Answer]) -> list[Sentence]:
    """One sentence for each question to which two people gave answers that contradict each other."""
    made = []
    asked: dict[tuple[str, str, str], list[Answer]] = {}
    for one in given:
        asked.setdefault((one.form, one.field, one.row), []).append(one)
    for (form, field, row), told in asked.items():
        if _kind(form, field) in COMPARED and len({_text(a.value) for a in told}) > 1:
            each = ", ".join(f"{a.by} says {_shown(a)}" for a in told)
            about = f" ({clean(row, 80)})" if row else ""
            made.append(Sentence(f"They differ on “{_label(form, field)}”{about}: {each}.", _events(told)))
    return [*made, *_against(given)]


def _against(given: Sequence[Answer]) -> Iterator[Sentence]:
    """Where one takes for the mark of a class what another says must not matter for it."""
    cues = [a for a in given if a.form == "class_cues" and a.field in ("defining", "forbidden")]
    for one, other in combinations(cues, 2):
        if one.row != other.row or one.field == other.field or one.by == other.by:
            continue
        yes, no = (one, other) if one.field == "defining" else (other, one)
        shared = [w for w in _words(yes.value) if w in _words(no.value)]
        if shared:
            yield Sentence(
                f"They differ on {clean(one.row, 80)}: {yes.by} goes by {', '.join(shared[:3])}, {no.by} says that it must not matter.",
                _events((yes, no)),
            )


def _words(value: Any) -> list[str]:
    return list(dict.fromkeys(w.casefold() for w in _WORD.findall(str(value))))


def _events(told: Sequence[Answer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"#{a.seq}" for a in told))


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((clean(k, 120), v) for k, v in value.items())
    else:
        yield "", value


def _table(given: Sequence[Answer], form: str) -> Table:
    """Questions down, people across."""
    of_form = [a for a in given if a.form == form]
    names = list(dict.fromkeys(a.by for a in of_form))[:MOST_PEOPLE]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for one in of_form:
        rows.setdefault((one.field, one.row), {})[one.by] = _shown(one)
    made = tuple(
        (f"{_label(form, field)}{f' · {row}' if row else ''}", *(told.get(name, "") for name in names))
        for (field, row), told in rows.items()
    )
    return Table(_title(form), ("asked", *names), made)


def _shown(one: Answer) -> str:
    """An answer as text: shares as percentages, the rest as it was said."""
    kind = _kind(one.form, one.field)
    is_number = isinstance(one.value, int | float) and not isinstance(one.value, bool)
    if is_number and (kind == "share" or (kind == "rows" and 0 <= one.value <= 1)):
        return number(one.value)
    return _text(one.value)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(clean(v, 120) for v in value)
    return f"{value:g}" if isinstance(value, float) else clean(value, 500)


def _fields() -> dict[tuple[str, str], tuple[str, str]]:
    """(form, field) → (kind, label) of the shipped forms; empty without a readable knowledge base."""
    try:
        from failsight.knowledge_base.elicitation import forms

        return {(f.id, g.name): (g.kind, g.label) for f in forms().values() for g in f.fields}
    except Exception:  # a damaged knowledge base makes a report shorter, not impossible
        return {}


def _kind(form: str, field: str) -> str:
    kind = _fields().get((form, field), ("", ""))[0]
    return "share" if kind == "rows" and field in ("recall", "precision") else kind


def _label(form: str, field: str) -> str:
    return _fields().get((form, field), ("", field.replace("_", " ")))[1]


def _title(form: str) -> str:
    try:
        from failsight.knowledge_base.elicitation import forms

        return forms()[form].title
    except Exception:  # see above; an outside form may be gone as well
        return clean(form, 60).replace("_", " ")
