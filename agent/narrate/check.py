"""Do the report files still belong to the journal? What ``failsight verify`` says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from failsight.agent.journal import Event, Journal
from failsight.agent.narrate.findings import findings_digest, findings_document
from failsight.agent.narrate.html import CONTENT_PLACE, content_digest
from failsight.agent.state import fold
from failsight.tools.errors import UserError

_META = re.compile(r'<meta name="failsight:([a-z0-9-]+)" content="([0-9a-f]+)">')
_FOOT = re.compile(
    r"^journal events: (\d+)\njournal head: +([0-9a-f]{64})\nfindings: +([0-9a-f]{64})$", re.MULTILINE
)


def check_report(folder: Path) -> list[str]:
    """One sentence for each way in which the report files of a case differ from its journal; none when all is well.

    Files that were never written are no problem; a report older than the journal's last findings is.
    """
    try:
        events = Journal(folder, write=False).events
    except UserError as error:
        return [f"The report cannot be checked: {error.message}"]
    try:
        fold(events)
    except Exception:  # whatever was done to an event, `failsight verify` names the event itself
        return ["The report cannot be checked: the journal holds events that were changed beyond reading."]
    checker = _Checker(events)
    problems: list[str] = []
    for name, check in (
        ("findings.json", checker.findings),
        ("report.html", checker.html),
        ("report.md", checker.markdown),
    ):
        path = folder / name
        if path.is_file():
            try:
                problems += check(path.read_bytes().decode("utf-8"))
            except (OSError, ValueError):
                problems.append(f"{name} cannot be read as what it should be.")
    return problems


class _Checker:
    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self._documents: dict[int, dict[str, Any]] = {}

    def findings(self, text: str) -> list[str]:
        document = json.loads(text)
        journal = document["journal"]
        problems = self._place(
            "findings.json", int(journal["events"]), str(journal["head"]), findings_digest(document)
        )
        return problems

    def html(self, text: str) -> list[str]:
        meta = dict(_META.findall(text.partition("<body>")[0]))
        try:
            events, head, found = int(meta["journal-events"]), meta["journal-head"], meta["findings-sha256"]
            content = meta["content-sha256"]
        except KeyError:
            return ["report.html does not say which journal it belongs to."]
        problems = self._place("report.html", events, head, found)
        if content_digest(text.replace(content, CONTENT_PLACE, 1)) != content:
            problems.append("report.html was edited after it was written.")
        return problems

    def markdown(self, text: str) -> list[str]:
        match = _FOOT.search(text)
        if match is None:
            return ["report.md does not say which journal it belongs to."]
        return self._place("report.md", int(match[1]), match[2], match[3])

    def _place(self, name: str, count: int, head: str, found: str) -> list[str]:
        if not 0 < count <= len(self.events):
            return [f"{name} tells of {count} events; the journal holds {len(self.events)}."]
        if self.events[count - 1].hash != head:
            return [f"{name} does not belong to this journal: event {count} has another hash than it says."]
        if findings_digest(self._document(count)) != found:
            return [f"{name} holds other findings than the first {count} events of the journal."]
        if findings_digest(self._document(len(self.events))) != found:
            return [f"{name} is older than the journal: since event {count} the findings have changed."]
        return []

    def _document(self, count: int) -> dict[str, Any]:
        if count not in self._documents:
            events = self.events[:count]
            self._documents[count] = findings_document(fold(events), events)
        return self._documents[count]
