"""``failsight forms``: questions that only people can answer, out as Markdown or HTML, their answers back into the journal.

An answer is attributed and never overwritten: another person's answers to the same form stand beside it, and where two
disagree that is shown. Bounds that a form asks for become expectations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.knowledge_base.elicitation import Field, Form, forms
from failsight.tools.errors import UserError
from failsight.tools.expectations.names import is_price
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

LARGEST = 2**20  # bytes of a filled-in form
HINTS = {
    "text": "one line",
    "long": "as many lines as you like, each beginning with >",
    "number": "a number",
    "share": "a share, such as 90 %",
    "choice": "mark one with an x",
    "many": "mark some with an x",
    "rows": "one answer for each class; leave empty what does not apply",
    "costs": "one line a confusion, such as: true class > answer: 5",
    "demands": "one bound a line",
}
_MARK = re.compile(
    r"^<!--\s*form:\s*(\S+)\s*-->", re.MULTILINE
)  # at the start of a line: not what somebody wrote
_FIELD = re.compile(r"^<!--\s*field:\s*(\S+?)(?:\s.*)?-->", re.MULTILINE)
_BOX = re.compile(r"\[\s*([xX✓]?)\s*\]\s*(.+)")


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: the form, who answered, the answers, and the expectations that were set from them."""

    form: Form
    by: str
    answers: Mapping[str, Any]
    expectations: tuple[str, ...]
    disagreements: tuple[str, ...]


def form_named(name: str) -> Form:
    """The form called ``name``. Raises UserError naming the others."""
    known = forms()
    if name not in known:
        raise UserError(f"There is no form {clean(name, 40)!r}.", f"Use one of {', '.join(known)}.")
    return known[name]


def markdown(form: Form, classes: Sequence[str]) -> str:
    """The form to fill in, in Markdown; :func:`parse` reads it back."""
    lines = [
        f"# {form.title}",
        "",
        f"<!-- form: {form.id} -->",
        f"*Asked of the {form.ask.replace('_', ' ')}.* {form.why}",
        "",
    ]
    lines += [
        "Write behind the `>` signs. Fields with a * need an answer.",
        "",
        "## Who answers, and in which role *",
        "<!-- field: by -->",
        "> ",
        "",
    ]
    for field in form.fields:
        star = " *" if field.required else ""
        lines += [f"## {field.label}{star}", f"<!-- field: {field.name} ({HINTS[field.kind]}) -->"]
        if field.kind in ("choice", "many"):
            lines += [f"> [ ] {choice}" for choice in field.choices]
        elif field.kind == "rows":
            lines += [f"> {clean(name, 80)}: " for name in classes]
        else:
            lines.append("> ")
        lines.append("")
    return "\n".join(lines)


def parse(text: str, classes: Sequence[str]) -> tuple[Form, str, dict[str, Any]]:
    """(form, who answered, answers) of a filled-in form.

    Raises:
        UserError: it is no form of ours, nobody signed it, or an answer can't be read (all are named).
    """
    mark = _MARK.search(text)
    if mark is None:
        raise UserError("This is no form of Failsight's.", "Make one with `failsight forms export`.")
    form = form_named(mark[1])
    given = dict(_fields(text))
    by = clean(" ".join(given.pop("by", [])), 120)
    known = {f.name: f for f in form.fields}
    answers: dict[str, Any] = {}
    problems: list[str] = [] if by else ["Nobody signed it: say who answers."]
    for name, lines in given.items():
        if name in known:
            value = _value(known[name], lines, classes)
            if value not in (None, "", [], {}):
                answers[name] = value
    problems += form.check(answers, classes)
    problems += [] if problems else _unfit(form, answers, classes)
    if problems:
        raise UserError(" ".join(clean(p, 200) for p in problems[:6]), "Correct these and import it again.")
    return form, by, answers


def _fields(text: str) -> Iterator[tuple[str, list[str]]]:
    """(field name, answered lines) in order."""
    marks = list(_FIELD.finditer(text))
    for mark, following in zip(marks, (*marks[1:], None), strict=False):
        part = text[mark.end() : following.start() if following else len(text)]
        lines = [line.strip()[1:].strip() for line in part.splitlines() if line.strip().startswith(">")]
        yield mark[1], [clean(line, 2000) for line in lines if line]


def _unfit(
    form: Form, answers: Mapping[str, Any], classes: Sequence[str], case: Case | None = None
) -> list[str]:
    """One sentence for each bound that can't be meant, or (with ``case``) is of something that the case does not have."""
    from failsight.agent.people.expect import check

    made = []
    for field in form.fields:
        try:
            for name, bound, _ in bounds(field, answers.get(field.name), classes):
                check(name, bound, classes, case)
        except UserError as problem:
            made.append(f"'{field.label}': {problem}")
    return made


def _value(field: Field, lines: Sequence[str], classes: Sequence[str] = ()) -> Any:
    if field.kind in ("choice", "many"):
        marked = [m[2].strip() for line in lines if (m := _BOX.match(line)) and m[1]]
        return marked if field.kind == "many" else marked[0] if len(marked) == 1 else marked or None
    if field.kind == "rows":
        pairs = (_row(line, classes) for line in lines)
        rows = {name: value for name, value in pairs if value}
        return {n: _number(v, share=True) for n, v in rows.items()} if field.sets else rows
    if field.kind == "costs":
        return dict(_priced(line, classes) for line in lines)
    if field.kind == "demands":
        return [line for line in lines if line.strip()]
    text = "\n".join(lines).strip()
    if field.kind in ("share", "number") and text:
        return _number(text, share=field.kind == "share")
    return text


def _row(line: str, classes: Sequence[str]) -> tuple[str, str]:
    """(class, answer) of one line; a class may have a colon in its name."""
    for name in sorted(classes, key=len, reverse=True):
        if line.startswith(f"{clean(name, 80)}:"):
            return name, line[len(clean(name, 80)) + 1 :].strip()
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _priced(line: str, classes: Sequence[str]) -> tuple[str, float | str]:
    """(``true>answer``, cost) of one line; what is no number stays as it is, and is complained about."""
    from failsight.tools.expectations.names import parse_price

    pair, _, cost = line.replace("=", ":").rpartition(":")
    made = parse_price(f"cost.{pair}", list(classes))
    return ">".join(made) if made else pair.strip() or line.strip(), _number(cost, share=False)


def _number(text: str, *, share: bool) -> float | str:
    """``90 %``, ``0.9``, ``90`` (as a share: 0.9); text that is no number stays as it is, and is complained about."""
    match = re.fullmatch(r"\s*(?:≥|>=|≤|<=)?\s*(\d+(?:[.,]\d+)?|[.,]\d+)\s*(%?)\s*", text)
    if match is None:
        return text
    value = float(match[1].replace(",", "."))
    return value / 100 if share and (match[2] or value > 1) else value


def take(case: Case, form: Form, by: str, answers: Mapping[str, Any]) -> Answered:
    """Journal the answers, set the expectations that they contain, and name where they differ from earlier ones."""
    earlier = case.state().forms.get(form.id, [])
    differing = tuple(
        f"{old['by']} said {clean(_short(old['answers'][name]), 80)} to '{form_label(form, name)}', {by} says {clean(_short(value), 80)}."
        for old in earlier
        if old["by"] != by
        for name, value in answers.items()
        if name in old["answers"] and old["answers"][name] != value
    )
    case.record("form.answered", form=form.id, by=by, answers=dict(answers))
    made: list[str] = []
    for field in form.fields:
        for name, bound, at_least in bounds(field, answers.get(field.name), case.classes):
            case.expect(name, bound, at_least=at_least, by=by)
            made.append(f"{name} {'=' if is_price(name) else '≥' if at_least else '≤'} {bound:g}")
    return Answered(form, by, answers, tuple(made), differing)


def form_label(form: Form, name: str) -> str:
    """The question behind a field's name."""
    return next((f.label for f in form.fields if f.name == name), name)


def bounds(field: Field, value: Any, classes: Sequence[str] = ()) -> Iterator[tuple[str, float, bool]]:
    """(criterion, bound, whether a lower one) that an answer sets. Raises UserError for a demand that can't be read."""
    from failsight.agent.people.expect import read

    if field.kind == "costs":
        yield from ((f"cost.{pair}", float(price), False) for pair, price in (value or {}).items())
    if field.kind == "demands":
        for line in value or ():
            one = read(line, classes)
            yield one.name, one.bound, one.at_least
    if not field.sets or value in (None, "", {}):
        return
    name, sign = field.sets.split()
    rows = value.items() if field.kind == "rows" else [("", value)]
    for row, bound in rows:
        yield name.replace("{class}", row), float(bound), sign == ">="


def _short(value: Any) -> str:
    return ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)


def export(case: Case | None, name: str, target: Path) -> None:
    """Write the form ``name`` to ``target``: a page to fill in for ``.html``, else Markdown. Raises UserError when that can't be done."""
    from failsight.agent.people.form_page import page

    form = form_named(name)
    classes = case.classes if case is not None else ("(class)",)
    as_page = target.suffix.lower() in (".html", ".htm")
    text = page(form, classes, case) if as_page else markdown(form, classes)
    try:
        target.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{target} can't be written ({error.strerror}).", "Choose another file.") from None


def read_back(case: Case, source: Path) -> Answered:
    """Read a filled-in form and journal it. Raises UserError when it can't be read or is incomplete."""
    if source.suffix.lower() in (".html", ".htm"):
        raise UserError(f"{source.name} is the page itself.", "Give the .md that its button saves.")
    try:
        if source.stat().st_size > LARGEST:
            raise UserError(f"{source} is too large for a form.", "Give the form that was exported.")
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{source} can't be read ({error.strerror}).", "Check the path.") from None
    except UnicodeDecodeError:
        raise UserError(f"{source} is no UTF-8 text.", "Save it as UTF-8.") from None
    form, by, answers = parse(text, case.classes)
    problems = _unfit(form, answers, case.classes, case)
    if problems:
        raise UserError(" ".join(clean(p, 300) for p in problems[:6]), "Correct these and import it again.")
    return take(case, form, by, answers)
