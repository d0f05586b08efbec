"""The narrated audit log: what the journal of a case says, for people (Markdown, HTML) and for programs (JSON).

write_reports(folder, state, events)   report.md, report.html, findings.json
findings_document(state, events)       the public format failsight.findings/1
load_findings(path)                    read it back, checked
check_report(folder)                   do the files still belong to the journal?
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from failsight.agent.journal import Event
from failsight.agent.narrate.check import check_report
from failsight.agent.narrate.files import write_whole
from failsight.agent.narrate.findings import findings_bytes, findings_document, load_findings
from failsight.agent.narrate.html import render_html
from failsight.agent.narrate.markdown import render_markdown
from failsight.agent.narrate.report import build_report
from failsight.agent.state import CaseState
from failsight.tools.errors import UserError

FORMATS = {"md": "report.md", "html": "report.html", "json": "findings.json"}

__all__ = [
    "FORMATS", "build_report", "check_report", "findings_document", "load_findings", "render_html", "render_markdown",
    "write_reports",
]  # fmt: skip


def write_reports(
    folder: Path, state: CaseState, events: Sequence[Event], formats: Sequence[str] = ("md", "html", "json")
) -> list[Path]:
    """Write the reports of a case into its folder, each in one step; returns their paths in the order of ``formats``.

    Args:
        folder: the case folder.
        state: the fold of ``events``.
        events: the journal, oldest first.
        formats: any of ``md``, ``html``, ``json``.

    Raises:
        UserError: an unknown format, a full disk, a folder that cannot be written.
    """
    unknown = [f for f in formats if f not in FORMATS]
    if unknown:
        raise UserError(f"There is no report format {unknown[0]!r}.", f"Choose from {', '.join(FORMATS)}.")
    events = list(events)  # a journal that grows meanwhile must not make the files differ
    report = build_report(state, events) if {"md", "html"} & set(formats) else None
    written = []
    for name in dict.fromkeys(formats):
        if name == "json" or report is None:
            raw = findings_bytes(findings_document(state, events))
        elif name == "md":
            raw = render_markdown(report, folder).encode("utf-8", "replace")
        else:
            raw = render_html(report, folder, state.config).encode("utf-8", "replace")
        written.append(write_whole(folder / FORMATS[name], raw))
    return written
