"""The narrated audit log: what the journal of a case says, for people (Markdown, HTML) and for programs (JSON).

write_reports(folder, state, events)   report.md, report.html, findings.json; model-card.md, datasheet.md
findings_document(state, events)       the public format failsight.findings/1
load_findings(path)                    read it back, checked
check_report(folder)                   do the files still belong to the journal?
check_file(path, folder)               does one file, wherever it lies, say what the journal says?
examined_case, examined_file           the same, and what can't be told again
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from failsight.agent.journal import Event
from failsight.agent.narrate.check import check_file, check_report, examined_case, examined_file
from failsight.agent.narrate.files import write_whole
from failsight.agent.narrate.findings import findings_document, load_findings
from failsight.agent.narrate.html import render_html
from failsight.agent.narrate.markdown import render_markdown
from failsight.agent.narrate.report import build_report
from failsight.agent.narrate.written import DOCUMENTS, FORMATS, Written
from failsight.agent.state import CaseState
from failsight.tools.errors import UserError
from failsight.tools.text import clean

__all__ = [
    "DOCUMENTS", "FORMATS", "build_report", "check_file", "check_report", "examined_case", "examined_file", "findings_document",
    "load_findings", "render_html", "render_markdown", "write_reports",
]  # fmt: skip


def write_reports(
    folder: Path,
    state: CaseState,
    events: Sequence[Event],
    formats: Sequence[str] = ("md", "html", "json"),
    *,
    audience: str = "",
    redact_images: bool = False,
    out: Path | None = None,
) -> list[Path]:
    """Write the reports of a case, each in one step; returns their paths in the order of ``formats``.

    Args:
        folder: the case folder.
        state: the fold of ``events``.
        events: the journal, oldest first.
        formats: any of ``md``, ``html``, ``json``, ``model-card``, ``datasheet``.
        audience: write the parts of this one alone, into a file that names it; empty: one file for all.
        redact_images: show no picture of the case and no path of one.
        out: where they are written, by default into the case folder. Figures that Markdown links to are copied there.

    Raises:
        UserError: an unknown format or audience, a full disk, a folder that cannot be written.
    """
    unknown = [f for f in formats if f not in (*FORMATS, *DOCUMENTS)]
    if unknown:
        raise UserError(
            f"There is no report format {unknown[0]!r}.", f"Choose from {', '.join((*FORMATS, *DOCUMENTS))}."
        )
    written = Written(
        folder, state, list(events)
    )  # a journal that grows meanwhile must not make the files differ
    place = folder if out is None else _place(folder, out, figures="md" in formats and not redact_images)
    return [
        write_whole(
            place / written.name(made, audience),
            written.make(made, audience=audience, withhold=redact_images),
        )
        for made in dict.fromkeys(formats)
    ]


def _place(folder: Path, out: Path, figures: bool) -> Path:
    """The folder ``out``, with the figures of the case where they are linked to. Raises UserError where it can't be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if figures and (folder / "figures").is_dir() and out.resolve() != folder.resolve():
            shutil.copytree(folder / "figures", out / "figures", symlinks=True, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else "some files can't be copied"
        )
        raise UserError(
            f"The reports can't be written to {clean(out)} ({reason}).", "Give another --out."
        ) from None
    return out
