"""What the conversation keeps: words and evidence as they are. Widgets are made of them where one looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.widget import Widget

    from failsight.agent.ui.pictures import Album
    from failsight.tools.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Words:
    """Something that was said. ``kind``: ``person``, ``planner``, or the looks of a line of the session (``muted``,
    ``stage``, ``info``, ``warning``, ``error``)."""

    kind: str
    text: str

    def widget(self) -> Widget:
        """What shows it."""
        from failsight.agent.ui.tui.widgets.said import Line, PersonSays, PlannerSays

        if self.kind == "person":
            return PersonSays(self.text)
        return PlannerSays(self.text) if self.kind == "planner" else Line(self.text, self.kind)


@dataclass(frozen=True, slots=True)
class Measured:
    """A piece of evidence."""

    evidence: Evidence
    album: Album
    reused: bool = False

    def widget(self) -> Widget:
        """The card that shows it."""
        from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard

        return EvidenceCard(self.evidence, self.album, reused=self.reused)


Entry = Words | Measured
