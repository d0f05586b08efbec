"""The main screen: map and board on the left, the conversation in the middle, evidence on the right where there is room."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer, Input

from failsight.agent.events import (
    ApprovalAsked,
    EvidenceMade,
    Notice,
    PlannerSaid,
    SessionEvent,
    StageEntered,
    ToolFailed,
    ToolStarted,
)
from failsight.agent.ui.snapshot import Past, Snapshot, complete
from failsight.agent.ui.tui.messages import Answered
from failsight.agent.ui.tui.widgets.choices import Choices
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard
from failsight.agent.ui.tui.widgets.evidence_list import EvidenceList
from failsight.agent.ui.tui.widgets.hints import Hints
from failsight.agent.ui.tui.widgets.hypothesis_board import HypothesisBoard
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.agent.ui.tui.widgets.said import Line, PersonSays, PlannerSays
from failsight.agent.ui.tui.widgets.status_line import StatusLine
from failsight.agent.ui.tui.widgets.top_line import TopLine
from failsight.agent.ui.tui.widgets.workflow_map import WorkflowMap
from failsight.agent.ui.words import LEVELS, arguments_text
from failsight.tools.evidence import Evidence


class MainScreen(Screen[None]):
    """Lays the panels out and draws what it is told; decides nothing."""

    AUTO_FOCUS = "#prompt"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path()
        self.evidence: dict[str, Evidence] = {}
        self.snapshot = Snapshot()
        self.commands: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        with Horizontal(id="middle"):
            with Vertical(id="left"):
                yield WorkflowMap(id="map")
                yield HypothesisBoard(id="board")
            with Vertical(id="centre"):
                yield Conversation(id="conversation")
                yield Choices(id="choices")
                yield Hints(id="hints")
                yield StatusLine(id="status")
                yield Prompt(self._complete, id="prompt")
            yield EvidenceList(id="evidence")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#map").border_title = "Workflow"
        self.query_one(Choices).display = False

    def _complete(self, text: str) -> str | None:
        return complete(text, tuple(self.commands), self.snapshot.words)

    # what is drawn

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw map, board and lines anew."""
        self.snapshot = snapshot
        self.query_one(WorkflowMap).snapshot = snapshot
        self.query_one(HypothesisBoard).show(snapshot)
        self.query_one(TopLine).stage = snapshot.stage
        confirmed = sum(r.finding.verdict == "confirmed" for r in snapshot.records)
        counts = f"evidence {len(self.evidence)} · hypotheses {len(snapshot.records)} · confirmed {confirmed}"
        self.query_one(StatusLine).idle = (
            counts if self.evidence or snapshot.records else "Nothing measured yet."
        )

    async def show_past(self, past: Past) -> None:
        """Draw the conversation of an earlier session: its last messages, and a line that says how much there was."""
        for evidence in past.evidence:
            self._keep(evidence)
        if not past.said:
            return
        counts = f"{len(past.said)} messages, {len(past.evidence)} pieces of evidence"
        await self.add(Line(f"Taken up again: {counts} so far. The last of them:", "muted"))
        for said in past.said[-4:]:
            await self.add(PersonSays(said.text) if said.role == "person" else PlannerSays(said.text))
        self.query_one(Prompt).remember([s.text for s in past.said if s.role == "person"])

    def _keep(self, evidence: Evidence) -> None:
        self.evidence[evidence.id] = evidence
        self.query_one(EvidenceList).add(evidence)

    async def add(self, *entries: Line | PersonSays | PlannerSays | EvidenceCard) -> None:
        """Append to the conversation."""
        await self.query_one(Conversation).add(*entries)

    async def show_event(self, event: SessionEvent) -> None:
        """Draw one event of the session."""
        match event:
            case PlannerSaid(text, choices):
                if text.strip():
                    await self.add(PlannerSays(text))
                self.offer(choices)
            case StageEntered(stage, trigger):
                await self.add(Line(f"── {stage}" + (f": {trigger}" if trigger else ""), "stage"))
            case ToolStarted(tool, arguments, why):
                self.query_one(StatusLine).work = f"running {tool}"
                call = f"{tool}({arguments_text(arguments)})"
                await self.add(Line(f"▹ {call}" + (f" · {why}" if why else ""), "muted"))
            case EvidenceMade(evidence, reused):
                self.query_one(StatusLine).work = "working"
                self._keep(evidence)
                await self.add(EvidenceCard(evidence, self.folder, reused=reused))
            case ToolFailed(tool, text):
                await self.add(Line(f"✗ {tool}: {text}", "warning"))
            case ApprovalAsked(tool):
                await self.add(Line(f"? May {tool} run? ({arguments_text(event.arguments)})", "warning"))
            case Notice(text, level):
                await self.add(Line(f"{LEVELS.get(level, 'i')} {text}", level if level in LEVELS else "info"))

    def follow(self) -> None:
        """Show the end of the conversation, wherever the person had scrolled to."""
        self.query_one(Conversation).follow()

    def offer(self, choices: tuple[str, ...]) -> None:
        """Offer quick replies (none: take the offer back)."""
        self.query_one(Choices).show(choices)
        self.query_one(Prompt).choices = min(9, len(choices))

    # what is wished for

    def toggle(self, panel: str) -> None:
        """Fold or unfold ``left`` or ``evidence``, whatever the width of the terminal would have it be."""
        shown = self.query_one(f"#{panel}").display
        self.set_class(not shown, f"{panel}-on").set_class(shown, f"{panel}-off")
        if not shown:
            self.query_one("#board" if panel == "left" else "#evidence").focus()
        else:
            self.query_one(Prompt).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(Hints).show(event.value, self.commands)

    def on_prompt_scroll(self, event: Prompt.Scroll) -> None:
        conversation = self.query_one(Conversation)
        conversation.scroll_page_up(animate=False) if event.pages < 0 else conversation.scroll_page_down(
            animate=False
        )

    def on_prompt_picked(self, event: Prompt.Picked) -> None:
        texts = self.query_one(Choices).texts
        if event.number <= len(texts):
            self.post_message(Answered(texts[event.number - 1]))
