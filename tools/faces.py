"""The faces of Evidence: plain text for planners, rich for terminals, HTML for notebooks. One source, three looks."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

from failsight.tools.text import clean, counted, harmless, interval, number, p_beside, p_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from failsight.tools.evidence import Evidence, Fact, Figure, Finding, Table, TestResult

STATEMENT = 1_000  # characters of a finding's statement: what a program wrote is told whole
MOST_IMAGES = 12  # images that the text for planners lists


def fact_text(fact: Fact) -> str:
    """``recall of class kitchen 71.0 % [65.1, 76.2] % (n = 250)``."""
    name = fact.name.replace("_", " ") + (f" of {clean(fact.of)}" if fact.of else "")
    parts = [name, number(fact.value, fact.unit), interval(fact.ci, fact.unit)]
    if fact.n is not None:
        parts.append(f"(n = {fact.n:,})")
    return " ".join(p for p in parts if p)


def cell_text(table: Table, column: int, value: Any) -> str:
    """One cell of ``table`` as text, in its column's unit; numbers in ``text`` columns are printed as they are."""
    unit = table.units[column] if column < len(table.units) else "text"
    if unit == "text" and isinstance(value, float):
        return number(value, "score")
    return number(value, unit) if not isinstance(value, str) else clean(value)


def finding_text(finding: Finding) -> str:
    """One line about a finding: verdict, statement, numbers."""
    parts = [f"[{finding.verdict or 'not decided here'}] {clean(finding.statement, STATEMENT)}"]
    if finding.error_rate is not None:
        parts.append(
            f"error {number(finding.error_rate)} {interval(finding.ci)} against {number(finding.base_error_rate)}"
        )
    if finding.q is not None:
        parts.append(f"q {p_value(finding.q)}")
    for test in finding.tests:
        control = f", the control alone {control_alone(test)}" if test.control_effect is not None else ""
        parts.append(
            f"{test.tool}: effect {number(test.effect, 'points')} {interval(test.ci, 'points')}{control}, p {p_beside(test.p, test.ci)}"
        )
    return "; ".join(parts)


def control_alone(test: TestResult) -> str:
    """What the control did by itself, in the words of the tests themselves, so that no sign has to be guessed: ``lowers the score by 6.5
    points``, ``shows +2.0 points`` where a test does not say which way it counts; empty without a control."""
    if test.control_effect is None:
        return ""
    statistic = test.statistic.casefold()
    falls, rises = "fall" in statistic, "rise" in statistic
    if falls == rises or not math.isfinite(test.control_effect):
        return f"shows {number(test.control_effect, 'points')}"
    lowers = falls == (test.control_effect >= 0)
    return f"{'lowers' if lowers else 'raises'} the score by {number(abs(test.control_effect), 'points').lstrip('+')}"


def image_text(evidence: Evidence, number_: int) -> str:
    """``E19#3: kitchen answered living_room, confidence 97.0 %; dark``: one of its images, counted from 1, without the name of its file."""
    one = evidence.images[number_ - 1]
    answer = f" answered {clean(one.prediction, 60)}" if one.prediction else ""
    sure = f", confidence {number(one.confidence)}" if one.confidence is not None else ""
    caption = f"; {clean(one.caption, 120)}" if one.caption else ""
    return f"{evidence.id}#{number_}: {clean(one.label or 'no label', 60)}{answer}{sure}{caption}"


def evidence_text(evidence: Evidence, limit: int) -> str:
    """Plain text of at most about ``limit`` characters: summary, findings, facts, tables, images, notes, in this order."""
    lines = [f"{evidence.id} {evidence.tool}: {clean(evidence.title)}".strip(), harmless(evidence.summary)]
    lines += [f"- {finding_text(f)}" for f in evidence.findings]
    lines += [f"- {fact_text(f)}" for f in evidence.facts]
    for table in evidence.tables:
        lines.append(f"{clean(table.title)}: {' | '.join(map(clean, table.columns))}")
        lines += [" | ".join(cell_text(table, i, v) for i, v in enumerate(r)) for r in table.rows]
    lines += [image_text(evidence, i) for i in range(1, min(len(evidence.images), MOST_IMAGES) + 1)]
    if (left := len(evidence.images) - MOST_IMAGES) > 0:
        lines.append(counted(left, "more image", "more images"))
    lines += [f"note: {harmless(n)}" for n in evidence.notes]
    lines += [f"next: {harmless(n)}" for n in evidence.next_steps]
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > limit and kept:
            kept.append(f"… {len(lines) - len(kept)} more lines in {evidence.id or 'the evidence'}")
            break
        kept.append(line)
    return "\n".join(kept)


def table_rich(table: Table) -> Any:
    """The table as a rich renderable."""
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(
        title=Text(clean(table.title)),
        title_justify="left",
        caption=Text(clean(table.caption, 400)) if table.caption else None,
    )
    for i, name in enumerate(table.columns):
        numeric = i < len(table.units) and table.units[i] != "text"
        made.add_column(Text(clean(name)), justify="right" if numeric else "left")
    for row in table.rows:
        made.add_row(*(Text(cell_text(table, i, v)) for i, v in enumerate(row)))
    return made


def evidence_rich(evidence: Evidence) -> Any:
    """A panel with summary, findings, facts, tables and notes."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    colours = {"confirmed": "bold red", "refuted": "dim", "inconclusive": "yellow", None: "cyan"}
    parts: list[Any] = [Text(harmless(evidence.summary))]
    parts += [Text(f"• {finding_text(f)}", style=colours[f.verdict]) for f in evidence.findings]
    parts += [Text(f"  {fact_text(f)}", style="dim") for f in evidence.facts[:12]]
    if len(evidence.facts) > 12:
        parts.append(
            Text(f"  … {len(evidence.facts) - 12} more facts in {evidence.id or 'the evidence'}", style="dim")
        )
    parts += [table_rich(t) for t in evidence.tables]
    parts += [Text(f"figure: {clean(f.path)}: {harmless(f.alt)}", style="italic") for f in evidence.figures]
    parts += [Text(f"! {harmless(n)}", style="yellow") for n in evidence.notes]
    parts += [Text(f"→ {harmless(n)}", style="green") for n in evidence.next_steps]
    title = Text(f"{evidence.id} {clean(evidence.title)} ({evidence.tool})".strip())
    return Panel(Group(*parts), title=title, title_align="left")


def table_html(table: Table) -> str:
    """The table as escaped HTML with a caption and column scopes."""
    head = "".join(f'<th scope="col">{html.escape(clean(c))}</th>' for c in table.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"t" if isinstance(v, str) or v is None else "n"}">{html.escape(cell_text(table, i, v))}</td>'
            for i, v in enumerate(row)
        )
        + "</tr>"
        for row in table.rows
    )
    caption = html.escape(clean(table.title) + (f". {clean(table.caption, 400)}" if table.caption else ""))
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def figure_html(figure: Figure, picture: str) -> str:
    """A figure with its picture (a data URI)."""
    alt, told = html.escape(harmless(figure.alt)), html.escape(harmless(figure.caption or figure.title))
    return f'<figure><img src="{html.escape(picture)}" alt="{alt}" style="max-width:100%"><figcaption>{told}</figcaption></figure>'


def evidence_html(evidence: Evidence, pictures: Mapping[Figure, str] | None = None) -> str:
    """Escaped HTML for notebooks.

    Args:
        pictures: figure → its picture as a data URI. Of the others their places in the case folder and what they show are named.
    """
    pictures = pictures or {}

    def items(texts: list[str]) -> str:
        return (
            "<ul>" + "".join(f"<li>{html.escape(harmless(t))}</li>" for t in texts) + "</ul>" if texts else ""
        )

    return "".join(
        (
            f"<h4>{html.escape(f'{evidence.id} {clean(evidence.title)}'.strip())} <code>{html.escape(evidence.tool)}</code></h4>",
            f"<p>{html.escape(harmless(evidence.summary))}</p>",
            items([finding_text(f) for f in evidence.findings]),
            items([fact_text(f) for f in evidence.facts]),
            *(table_html(t) for t in evidence.tables),
            *(figure_html(f, pictures[f]) for f in evidence.figures if f in pictures),
            items([f"figure: {clean(f.path)}: {f.alt}" for f in evidence.figures if f not in pictures]),
            items([*evidence.notes, *(f"next: {n}" for n in evidence.next_steps)]),
        )
    )
