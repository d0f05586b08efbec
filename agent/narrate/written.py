"""Every file that tells of a case, made from its journal: to be written, and to be made again when one is checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from failsight.agent.journal import Event
from failsight.agent.narrate.audiences import audience as known_audience
from failsight.agent.narrate.documents import datasheet, model_card
from failsight.agent.narrate.findings import findings_bytes, findings_document
from failsight.agent.narrate.html import render_html
from failsight.agent.narrate.markdown import render_document, render_markdown
from failsight.agent.narrate.model import Report
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.report import build_report
from failsight.agent.narrate.withheld import Withheld
from failsight.agent.state import CaseState

FORMATS = {"md": "report.md", "html": "report.html", "json": "findings.json"}
DOCUMENTS = {"model-card": "model-card.md", "datasheet": "datasheet.md"}
_TITLES = {"model-card": "Model card", "datasheet": "Datasheet"}


class Written:
    """The files of one state of a case. The report is built once, whatever is made of it."""

    def __init__(self, folder: Path, state: CaseState, events: Sequence[Event]) -> None:
        self.folder, self.state, self.events = folder, state, events

    @cached_property
    def report(self) -> Report:
        """The report, put together."""
        return build_report(self.state, self.events)

    @cached_property
    def withheld(self) -> Report:
        """The same without what images are called; what it belongs to stays as it is."""
        of = self.report
        kept = {name: getattr(of, name) for name in ("head", "digest", "version", "told_with")}
        return dataclasses.replace(self._names.hide(of), **kept)

    @cached_property
    def _names(self) -> Withheld:
        return Withheld(self.state, self.events)

    def name(self, made: str, audience: str = "") -> str:
        """What a file is called: a report for one audience names it."""
        plain = {**FORMATS, **DOCUMENTS}[made]
        if not audience or made not in ("md", "html"):
            return plain
        stem, dot, end = plain.partition(".")
        return f"{stem}-{known_audience(audience).replace('_', '-')}{dot}{end}"

    def make(self, made: str, *, audience: str = "", withhold: bool = False) -> bytes:
        """The bytes of one file; ``findings.json`` is the record for programs, and whole. Raises UserError for an unknown audience."""
        audience = known_audience(audience) if audience else ""
        report = self.withheld if withhold else self.report
        if made == "json":
            return findings_bytes(findings_document(self.state, self.events))
        if made == "html":
            config = self.state.config
            text = render_html(report, self.folder, config, audience=audience, withhold=withhold)
        elif made == "md":
            text = render_markdown(report, self.folder, audience=audience, withhold=withhold)
        else:
            record = Record(self.state, self.events)
            sections = model_card(record) if made == "model-card" else datasheet(record)
            sections = self._names.hide(sections) if withhold else sections
            text = render_document(_TITLES[made], sections, report, made, withhold=withhold)
        return text.encode("utf-8", "replace")
