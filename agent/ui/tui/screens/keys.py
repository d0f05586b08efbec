"""Which bindings the help lists, and under which headings: read from the classes that hold them."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from failsight.agent.ui.tui.screens.evidence import EvidenceScreen, SortableTable
from failsight.agent.ui.tui.screens.finding import FindingScreen
from failsight.agent.ui.tui.screens.help import Group
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.evidence_list import EvidenceList
from failsight.agent.ui.tui.widgets.hypothesis_board import HypothesisBoard
from failsight.agent.ui.tui.widgets.prompt import Prompt

LISTS = [b for b in EvidenceList.BINDINGS if b not in HypothesisBoard.BINDINGS]
MOVING: list[BindingType] = [
    ("tab", "app.focus_next", "Next panel"),
    ("shift+tab", "app.focus_previous", "Previous panel"),
    Binding("f2-f12", "app.numbered", "The hypothesis F2 … F12 (F1: /finding F1)", key_display="F2-F12"),
    ("1-9", "app.pick", "Quick reply, while the prompt is empty"),
    ("letters", "app.type", "Go to the prompt, whichever panel has the focus"),
]

SAYING: list[BindingType] = [
    ("enter", "submit", "Say it; while something runs it is said next"),
    Binding("enter", "more", "In the empty prompt: the rest of a folded answer"),
]


def key_groups(app: Iterable[BindingType]) -> list[Group]:
    """The help's headings with their bindings."""
    return [
        ("Everywhere", [*app, *MOVING]),
        ("In the prompt", [*SAYING, *Prompt.BINDINGS]),
        ("In the conversation", Conversation.BINDINGS),
        ("On the board and in the evidence list", [*HypothesisBoard.BINDINGS, *LISTS]),
        ("On an evidence screen", [*EvidenceScreen.BINDINGS, *SortableTable.BINDINGS]),
        ("On a hypothesis", FindingScreen.BINDINGS),
        ("When asked for approval", ApprovalScreen.BINDINGS),
    ]
