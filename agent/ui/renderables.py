"""Evidence and findings as rich renderables, for the terminal app and for plain lines on a colour terminal.

Every string goes in as ``Text``: class names and metadata are never read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from failsight.agent.state import FindingRecord
from failsight.agent.ui.pictures import key
from failsight.agent.ui.words import arguments_text, duration, finding_line, look_here, look_of
from failsight.tools.evidence import Evidence, Fact, Finding, ImageRef, Table, TestResult
from failsight.tools.faces import cell_text
from failsight.tools.text import clean, condition, counted, interval, number, p_beside, p_value
from failsight.tools.verdicts import Step

WORD = 16  # columns of a word that a table does not break
Pictures = Mapping[str, Text]  # figure path or key of an image → thumbnail


def headline(evidence: Evidence) -> str:
    """``E3 Accuracy and recall by class``."""
    return f"{evidence.id} {clean(evidence.title)}".strip()


def call_line(evidence: Evidence) -> str:
    """``evaluate(split=deploy) · 1 s``: what was run and what it cost."""
    cost = f" · {duration(evidence.seconds)}" if evidence.seconds >= 1 else ""
    return f"{evidence.tool}({arguments_text(evidence.arguments)}){cost}"


def finding_renderable(finding: Finding) -> Text:
    """Symbol, verdict and statement of a finding as evidence has it, and below them its numbers and tests, a line each."""
    look = look_here(finding)
    made = Text.assemble((f"{look.symbol} {look.word} ", look.style), clean(finding.statement, 700))
    for line in (finding_numbers(finding), *(test_line(t) for t in finding.tests)):
        if line:
            made.append(f"\n  {line}", style="dim")
    return made


def finding_numbers(finding: Finding) -> str:
    """``error 62.0 % [53.0, 70.0] % against 21.0 % elsewhere, q 0.001, 120 images``; empty when nothing is measured."""
    from failsight.agent.narrate.phrases import elsewhere  # light commands load no numpy

    parts = []
    if finding.error_rate is not None:
        base = (
            ""
            if finding.base_error_rate is None
            else f" against {number(finding.base_error_rate)} {elsewhere(finding)}"
        )
        parts.append(f"error {number(finding.error_rate)} {interval(finding.ci)}".strip() + base)
    if finding.q is not None:
        parts.append(f"q {p_value(finding.q)}")
    if finding.n is not None:
        parts.append(f"{finding.n:,} images")
    return ", ".join(parts)


def test_line(test: TestResult) -> str:
    """``test_by_masking: effect +31.0 points […], control +2.0 points, p < 0.001, n 120: confirmed (E4)``."""
    parts = [f"effect {number(test.effect, 'points')} {interval(test.ci, 'points')}".strip()]
    if test.control_effect is not None:
        parts.append(f"control {number(test.control_effect, 'points')}")
    p = p_beside(test.p, test.ci)
    parts += [f"p {p}" if p.startswith("<") else f"p = {p}", *([f"n {test.n:,}"] if test.n else [])]
    source = f" ({test.evidence})" if test.evidence else ""
    return f"{test.tool}: {', '.join(parts)}: {test.verdict}{source}"


def facts_table(facts: Iterable[Fact]) -> RichTable:
    """Facts as name, value, 95 % interval, n."""
    made = RichTable(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim", pad_edge=False)
    for title, side in (("measured", "left"), ("value", "right"), ("95 % interval", "left"), ("n", "right")):
        made.add_column(Text(title), justify=side)  # type: ignore[arg-type]
    for fact in facts:
        name = fact.name.replace("_", " ") + (f" of {clean(fact.of)}" if fact.of else "")
        cells = (
            name,
            number(fact.value, fact.unit),
            interval(fact.ci, fact.unit),
            "" if fact.n is None else f"{fact.n:,}",
        )
        made.add_row(*(Text(c) for c in cells))
    return made


class Fitted:
    """A table in the width that there is: numbers and words stay whole and long texts wrap; where even that is too wide,
    a paragraph a row."""

    GAP = 2  # columns between two columns of the table

    def __init__(self, table: Table, rows: int | None = None) -> None:
        self.table = table
        self.names = [clean(name) for name in table.columns]
        shown = table.rows if rows is None else table.rows[:rows]
        self.cells = [[cell_text(table, i, v) for i, v in enumerate(row)] for row in shown]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(clean(self.table.title), style="bold")
        widths = self._widths(options.max_width)
        yield self._columns(widths) if widths else self._paragraphs()

    def _columns(self, widths: list[int]) -> RichTable:
        from rich import box

        made = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        for i, name in enumerate(self.names):
            side: Literal["left", "right"] = "right" if self._numeric(i) else "left"
            made.add_column(Text(name), justify=side, overflow="fold", width=widths[i])
        for row in self.cells:
            made.add_row(*(Text(c) for c in row))
        return made

    def _paragraphs(self) -> Text:
        made = Text()
        for row in self.cells:
            head, *rest = zip(self.names, row, strict=False)
            made.append(f"{head[1]}", style="bold")
            made.append("".join(f"  {name} {cell}" for name, cell in rest if cell) + "\n")
        made.rstrip()
        return made

    def _numeric(self, column: int) -> bool:
        return column < len(self.table.units) and self.table.units[column] != "text"

    def _widths(self, width: int) -> list[int]:
        """The width of each column; none where they don't fit. rich would break words before it wraps a long text."""
        least, most = [], []
        for i, name in enumerate(self.names):
            texts = [row[i] for row in self.cells]
            parts = texts if self._numeric(i) else [w for text in texts for w in text.split()]
            longest = max((cell_len(part) for part in (*name.split(), *parts)), default=1)
            least.append(longest if self._numeric(i) else min(longest, WORD))
            most.append(max(least[-1], *(cell_len(text) for text in (name, *texts))))
        room = width - self.GAP * (len(least) - 1) - sum(least)
        if room < 0:
            return []
        order = sorted(range(len(least)), key=lambda i: most[i] - least[i])
        for place, i in enumerate(order):  # who needs little gets all of it, the others share
            more = min(most[i] - least[i], room // (len(order) - place))
            least[i] += more
            room -= more
        return least


def table_renderable(table: Table, rows: int | None = None) -> RenderableType:
    """A table with at most ``rows`` rows; says how many are left out."""
    made = Fitted(table, rows)
    parts: list[RenderableType] = [made]
    if len(made.cells) < len(table.rows):
        parts.append(Text(f"… {counted(len(table.rows) - len(made.cells), 'more row')}", style="dim"))
    if table.caption:
        parts.append(Text(clean(table.caption, 400), style="dim"))
    return Group(*parts)


def image_line(image: ImageRef) -> str:
    """``kitchen → living room (97.0 %), row 17 of deploy: path``."""
    sure = "" if image.confidence is None else f" ({number(image.confidence)})"
    label = clean(image.label, 40) + (f" → {clean(image.prediction, 40)}{sure}" if image.prediction else "")
    caption = f" · {clean(image.caption, 80)}" if image.caption else ""
    return f"{label or 'image'}, row {image.row} of {clean(image.split, 20)}{caption}: {clean(image.path)}"


def pictures_renderable(evidence: Evidence, pictures: Pictures, most: int = 4) -> list[RenderableType]:
    """Figures, then up to ``most`` images side by side: a thumbnail where there is one, always the words and the path."""
    parts: list[RenderableType] = []
    for figure in evidence.figures:
        if figure.path in pictures:
            parts.append(pictures[figure.path])
        words = f"{clean(figure.title)}: {clean(figure.alt, 300)} ({clean(figure.path)})"
        parts.append(Text(f"▦ {words}", style="italic"))
    shown = evidence.images[:most]
    drawn = [i for i in shown if key(i) in pictures]
    if drawn:
        parts.append(Columns([_framed(i, pictures[key(i)]) for i in drawn], padding=(0, 2)))
    parts += [Text(f"▦ {image_line(i)}", style="italic") for i in shown if key(i) not in pictures]
    if len(evidence.images) > most:
        parts.append(Text(f"… {counted(len(evidence.images) - most, 'more image')}", style="dim"))
    return parts


def _framed(image: ImageRef, picture: Text) -> RenderableType:
    """A small picture above what it is, what it is taken for, and where it lies."""
    width = max(len(line) for line in picture.plain.split("\n"))
    sure = "" if image.confidence is None else f" {number(image.confidence)}"
    lines = [clean(image.label, 40), f"→ {clean(image.prediction, 40)}{sure}" if image.prediction else ""]
    lines += [clean(image.caption, 80), f"row {image.row}", clean(image.path)]
    words = Text("\n".join(line for line in lines if line), style="italic", overflow="fold")
    return Constrain(Group(picture, words, Text("")), max(width, 20))


def evidence_body(
    evidence: Evidence, pictures: Pictures | None = None, rows: int | None = 12
) -> RenderableType:
    """All of a piece of evidence but its headline and summary: findings, facts, tables, pictures, notes, next steps."""
    parts: list[RenderableType] = [finding_renderable(f) for f in evidence.findings]
    if evidence.facts:
        shown = evidence.facts if rows is None else evidence.facts[:rows]
        parts.append(Padding(facts_table(shown), (1, 0, 0, 0)))
        if len(shown) < len(evidence.facts):
            parts.append(Text(f"… {counted(len(evidence.facts) - len(shown), 'more value')}", style="dim"))
    parts += [Padding(table_renderable(t, rows), (1, 0, 0, 0)) for t in evidence.tables]
    parts += pictures_renderable(evidence, pictures or {})
    parts += [Text(f"! {n}", style="yellow") for n in evidence.notes]
    parts += [Text(f"→ {n}", style="green") for n in evidence.next_steps]
    parts.append(Text(call_line(evidence), style="dim"))
    return Group(*parts)


def finding_body(record: FindingRecord) -> RenderableType:
    """Everything known about one finding: where it stands, its numbers, tests, evidence, corrections."""
    finding = record.finding
    look = look_of(record)
    parts: list[Any] = [Text(finding_line(record), style=look.style), Text("")]
    parts.append(facts_grid(_finding_facts(record)))
    if finding.tests:
        parts += [Text("\nTests", style="bold"), *(Text(test_line(t)) for t in finding.tests)]
    mended = bool(record.mended) or any(c.status == "verified" for c in record.corrections)
    for correction in record.corrections:
        late = " before it was mended" if mended and correction.status == "proposed" else ""
        change = ""
        if correction.before is not None and correction.after is not None:
            change = f": error {number(correction.before)} before, {number(correction.after)} after"
        parts.append(
            Text(
                f"correction ({correction.status}{late}) {clean(correction.action, 300)}{change}",
                style="green",
            )
        )
    if finding.note:
        parts.append(Text(f"! {clean(finding.note, 400)}", style="yellow"))
    return Group(*parts)


def chain_link(step: Step) -> tuple[str, str]:
    """One link of the chain from hypothesis to verdict: its stage, and what it says with what it rests on."""
    rests = f" [{clean(step.refers, 40)}]" if step.refers else ""
    return f"{step.stage}: ", f"{clean(step.text, 500)}{rests}"


def facts_grid(pairs: Iterable[tuple[str, str]]) -> RichTable:
    """Name and value in two columns."""
    made = RichTable.grid(padding=(0, 2, 0, 0))
    for name, value in pairs:
        made.add_row(Text(name, style="dim"), Text(value))
    return made


def _finding_facts(record: FindingRecord) -> list[tuple[str, str]]:
    finding = record.finding
    where = ", ".join(condition(k, v) for k, v in (finding.slice or {}).items())
    pairs = [
        ("failure", finding.failure.replace("_", " ")),
        ("bug", f"{finding.kind.replace('_', ' ')} ({finding.bug.replace('_', ' ')})"),
        ("slice", where),
        ("class", clean(finding.class_name or "")),
        ("taken for", clean(finding.confused_with or "")),
        ("images", "" if finding.n is None else f"{finding.n:,}"),
        (
            "error rate",
            f"{number(finding.error_rate)} {interval(finding.ci)}" if finding.error_rate is not None else "",
        ),
        ("elsewhere", "" if finding.base_error_rate is None else number(finding.base_error_rate)),
        ("p", "" if finding.p is None else p_value(finding.p)),
        ("q", "" if finding.q is None else p_value(finding.q)),
        ("evidence", ", ".join(record.evidence)),
        ("test planned", ", ".join(record.instruments)),
    ]
    return [(name, value) for name, value in pairs if value]
