"""``report.md``: the report for repositories and code reviews, in GitHub-flavoured Markdown without any HTML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from failsight.agent.narrate.audiences import AUDIENCES, DEVELOPER, readers
from failsight.agent.narrate.files import inside
from failsight.agent.narrate.model import Card, Exhibit, Report, Section, Sentence
from failsight.agent.narrate.pictures import shows_pictures
from failsight.agent.narrate.words import VERDICTS, answer, capital, cell, image_name
from failsight.tools.evidence import Figure, Table
from failsight.tools.text import clean, counted, number

MOST_ROWS = 30
TEXT_PLACE = "0" * 64  # stands where the digest of the text goes while it is being computed
_SPECIAL = re.compile(r"([\\`*\[\]|~$])")
_EDGE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # an underscore that could open or close emphasis
_BLOCK = re.compile(r"^(\d*)([#>+\-.)])(?=\s|$)")


def escape(text: str) -> str:
    """``text`` as literal Markdown: no emphasis, link, image, table cell, HTML, mention or bare address comes of it."""
    text = clean(text, 4000).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _EDGE.sub(r"\\_", _SPECIAL.sub(r"\\\1", text))
    text = text.replace("://", ":&#47;&#47;").replace("www.", "www&#46;").replace("@", "&#64;")
    return _BLOCK.sub(r"\1\\\2", text)


_CONTENTS = (
    "*Behind this page:* [findings](#findings-that-were-confirmed), [readiness](#is-it-ready), [sign-off](#who-signed-it-off), "
    "[how it was found out](#how-it-was-found-out), [all evidence](#evidence), [how to read this](#how-to-read-this), "
    "[how to check it](#how-to-check-this-report)."
)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where figures lie, for whom the text is (empty: developers, who get everything), and whether pictures are left out."""

    folder: Path
    audience: str = ""
    withhold: bool = False

    def gives(self, part: str) -> bool:
        """Whether the text has this part."""
        return (self.audience or DEVELOPER) in readers(part)


def render_markdown(report: Report, folder: Path, *, audience: str = "", withhold: bool = False) -> str:
    """The report as Markdown; figures are linked where they lie in the case folder.

    Args:
        report: what to tell.
        folder: the case folder.
        audience: whose parts to tell; empty: those of developers, which are all but the views of the others.
        withhold: link no figure that shows pictures of the case, and name none.
    """
    desk = _Desk(folder, audience, withhold)
    lines = [f"# Failsight report: {escape(report.title)}", ""]
    lines += [f"*For: {AUDIENCES[audience][0]}*", ""] if audience else []
    for view in report.views:
        if view.audience == audience:
            lines += [line for s in view.sections for line in _section(s, "##")]
    if report.front and desk.gives("front"):
        lines += [line for s in report.front for line in _section(s, "##")]
        lines += [_CONTENTS, "", "---", "", "# Behind it", ""]
    if desk.gives("brief"):
        lines += ["## In brief", ""] if report.front else []
        lines += [f"- {_said(s)}" for s in report.brief]
        lines += ["", *_pairs(report.about), ""]
    if report.todo and desk.gives("todo"):
        lines += _section(report.todo, "##")
    lines += _findings(report, desk)
    for section in (report.readiness, report.reviews, report.people, report.signoff):
        if section and desk.gives(section.id):
            lines += _section(section, "##")
    if desk.gives("story"):
        lines += ["## How it was found out", ""]
        lines += [line for s in report.story if desk.gives(s.id) for line in _section(s, "###")]
    lines += ["## Evidence", "", "Each piece can be made again, in a shell or in Python (`from failsight.agent import open_case`, `case = open_case(\"CASE\")`).", ""]  # fmt: skip
    for exhibit in report.exhibits:
        lines += _exhibit(exhibit, desk)
    if desk.gives("reading"):
        lines += ["## How to read this", ""]
        lines += [*(f"- **{escape(term)}**: {escape(text)}" for term, text in report.reading), ""]
    lines += _section(report.verify, "##")
    return sealed(lines, report, audience or "all", withhold)


def render_document(
    title: str, sections: Sequence[Section], report: Report, kind: str, *, withhold: bool = False
) -> str:
    """Sections to paste (a model card, a datasheet) as Markdown."""
    lines = [f"# {escape(title)}: {escape(report.title)}", ""]
    for section in sections:
        lines += _section(section, "##")
    lines += ["## How to check this", "", "References in brackets are to the evidence, findings and events of the report of the same case.", ""]  # fmt: skip
    return sealed(lines, report, kind, withhold)


def sealed(lines: Sequence[str], report: Report, what: str, withhold: bool) -> str:
    """The text with its foot: the journal that it belongs to, what it is, and the digest of all of it."""
    foot = [
        "```",
        f"journal events: {report.events}",
        f"journal head:   {report.head}",
        f"findings:       {report.digest}",
        f"written for:    {what}, pictures {'withheld' if withhold else 'shown'}, by Failsight {report.version}",
        f"told with:      {report.told_with or 'unknown'}",
        f"this text:      {TEXT_PLACE}",
        "```",
    ]
    text = "\n".join((*lines, *foot)).rstrip() + "\n"
    return text.replace(TEXT_PLACE, text_digest(text), 1)


def text_digest(text: str) -> str:
    """SHA-256 of a text in which the place of this digest holds zeros; how lines end makes no difference."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode("utf-8", "replace")).hexdigest()


def _findings(report: Report, desk: _Desk) -> list[str]:
    if not desk.gives("findings"):
        return []
    lines = ["## Findings that were confirmed", ""]
    if not report.headlines:
        lines += [escape(report.nothing), ""]
    if report.overview and desk.gives("deep"):
        lines += _table(report.overview)
    for name, figure in report.shared:
        lines += _figure(figure, desk, name)
    for card in report.headlines:
        lines += _card(card, desk)
    if report.others and desk.gives("others"):
        lines += ["## Tested without confirmation, and untested", ""]
        for card in report.others:
            lines += _card(card, desk)
    return lines


def _said(said: Sentence) -> str:
    return escape(said.text) + refs(said.refs)


def refs(names: Iterable[str]) -> str:
    """`` \\[E4, event 12]``: what a sentence rests on."""
    shown = ", ".join(f"event {n[1:]}" if n.startswith("#") else n for n in names if n)
    return f" \\[{shown}\\]" if shown else ""


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {escape(k)} | {escape(v)} |" for k, v in pairs)]


def _card(card: Card, desk: _Desk) -> list[str]:
    word = VERDICTS[card.verdict][0]
    word += f" · {capital(card.repaired)}" if card.repaired else ""
    word += f" · of {card.before}" if card.before else ""
    lines = [f"### {card.id} · {word} · {escape(card.kind)}", "", f"**{escape(card.statement)}**", ""]
    if card.meaning:
        lines += [escape(card.meaning), ""]
    deep = desk.gives("deep")
    lines += [f"- {escape(label)}: {_said(said)}" for label, said in card.terms if deep or label == "Where"]
    if deep and card.chain:
        lines += ["", "How it came to its verdict:", ""]
        lines += [f"{i}. *{escape(stage)}*: {_said(said)}" for i, (stage, said) in enumerate(card.chain, 1)]
    for experiment in card.experiments if deep else ():
        lines += ["", f"{escape(experiment.title)} ({VERDICTS[experiment.verdict][0].lower()}):", ""]
        lines += [f"- {escape(label)}: {_said(said)}" for label, said in experiment.terms]
    proposals = card.corrections if desk.gives("corrections") else ()
    for title, told in (("What was done", card.repairs), ("What could be done", proposals)):
        if told:
            lines += ["", f"{title}:", "", *(f"- {_said(c)}" for c in told)]
    lines.append("")
    for name, figure in card.figures:
        lines += _figure(figure, desk, name)
    return lines


def _figure(figure: Figure, desk: _Desk, name: str) -> list[str]:
    caption = escape(figure.caption or figure.title) + refs((name,))
    if desk.withhold and shows_pictures(desk.folder, figure):
        return [f"*Picture withheld.* {escape(figure.alt)}{refs((name,))}", ""]
    if inside(desk.folder, figure.path) is None:
        return [f"*Figure missing: {escape(figure.path)}.* {escape(figure.alt)}{refs((name,))}", ""]
    return [f"![{escape(figure.alt)}]({quote(figure.path)})", "", f"*{caption}*", ""]


def _section(section: Section, level: str) -> list[str]:
    lines = [f"{level} {escape(section.title)}", ""]
    for said in section.lead:
        lines += [_said(said), ""]
    lines += [f"- {_said(p)}" for p in section.points]
    if section.points:
        lines.append("")
    for table in section.tables:
        lines += _table(table)
    return lines


def _table(table: Table, most: int = MOST_ROWS) -> list[str]:
    aligned = ["---:" if _numeric(table, i) else "---" for i in range(len(table.columns))]
    lines = [f"**{escape(table.title)}**" + (f": {escape(table.caption)}" if table.caption else ""), ""]
    lines += [_row(map(escape, table.columns)), _row(aligned)]
    lines += [_row(escape(cell(table, i, v)) for i, v in enumerate(r)) for r in table.rows[:most]]
    if len(table.rows) > most:
        lines += [
            "",
            f"{counted(len(table.rows) - most, 'more row stands', 'more rows stand')} in the evidence.",
        ]
    return [*lines, ""]


def _numeric(table: Table, column: int) -> bool:
    return column < len(table.units) and table.units[column] != "text"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _exhibit(exhibit: Exhibit, desk: _Desk) -> list[str]:
    made = exhibit.evidence
    lines = [f"### {made.id} · {escape(made.title)}", "", escape(made.summary), ""]
    lines += [f"- {escape(label)}: {text}" for label, text in _origin(exhibit)]
    lines.append("")
    for table in (*([exhibit.facts] if exhibit.facts else []), *made.tables):
        lines += _table(table)
    for figure in made.figures:
        lines += _figure(figure, desk, "")
    shown = [f"{image_name(i, desk.withhold)}: {answer(i)}".rstrip(": ") for i in made.images]
    lines += _plain("Images shown", shown)
    lines += _plain("Left out, warnings", made.notes)
    lines += _plain("Worth a look next", made.next_steps)
    return lines


def _origin(exhibit: Exhibit) -> list[tuple[str, str]]:
    made = exhibit.evidence
    rows = [
        (
            "Made by",
            f"{escape(made.tool)}, asked for by {escape(exhibit.by)}"
            + refs((f"#{exhibit.event}",) if exhibit.event else ()),
        )
    ]
    if exhibit.why:
        rows.append(("Why", escape(exhibit.why)))
    if exhibit.version:
        rows.append(("Measured with", escape(exhibit.version)))
    rows.append(("Make it again", f"{_code(exhibit.shell)}, in Python {_code(exhibit.command)}"))
    rows.append(("Cost", escape(number(made.seconds, "seconds"))))
    if exhibit.answers:
        rows.append(("Answers", "; ".join(escape(f"{q} {t}".strip()) for q, t in exhibit.answers)))
    return rows


def _code(text: str) -> str:
    """A code span that holds whatever ``text`` holds."""
    text = clean(text, 2000)
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _plain(title: str, texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    return [f"{title}:", "", *(f"- {escape(t)}" for t in texts), ""]
