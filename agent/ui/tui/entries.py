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
    ``stage``, ``info``, ``warning``, ``error``). ``shown``: what of it is seen, where the evidence above says the rest."""

    kind: str
    text: str
    shown: str | None = None

    @property
    def folds(self) -> bool:
        """Whether it is so long an answer that its end waits behind a line."""
        from failsight.agent.ui.tui.widgets.said import LONG, lines_of

        told = self.text if self.shown is None else self.shown
        return self.kind == "planner" and lines_of(told) > LONG

    def widget(self) -> Widget:
        """What shows it."""
        from failsight.agent.ui.tui.widgets.said import Line, PersonSays, PlannerSays

        if self.kind == "person":
            return PersonSays(self.text)
        if self.kind != "planner":
            return Line(self.text, self.kind)
        made = PlannerSays(self.text if self.shown is None else self.shown)
        made.display = self.shown != ""
        return made


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
