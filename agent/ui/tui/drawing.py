"""How what happens in a session is drawn on the main screen."""

from __future__ import annotations

from collections.abc import Iterable

from failsight.agent.events import (
    ApprovalAsked,
    EvidenceMade,
    ImagesOpened,
    MatrixOpened,
    Notice,
    PictureOpened,
    PlannerSaid,
    SessionEvent,
    StageEntered,
    ToolFailed,
    ToolStarted,
)
from failsight.agent.state import Said
from failsight.agent.ui.once import told_once
from failsight.agent.ui.snapshot import Past, Snapshot
from failsight.agent.ui.tui.entries import Entry, Measured, Words
from failsight.agent.ui.tui.screens.main import MainScreen
from failsight.agent.ui.tui.widgets.evidence_list import EvidenceList
from failsight.agent.ui.tui.widgets.hypothesis_board import HypothesisBoard
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.agent.ui.tui.widgets.status_line import StatusLine
from failsight.agent.ui.tui.widgets.top_line import TopLine
from failsight.agent.ui.tui.widgets.workflow_map import WorkflowMap
from failsight.agent.ui.words import LEVELS, arguments_text, may_run
from failsight.tools.evidence import Evidence
from failsight.tools.text import counted


def draw_snapshot(main: MainScreen, snapshot: Snapshot) -> None:
    """Draw map, board and lines anew."""
    main.snapshot = snapshot
    main.query_one(WorkflowMap).snapshot = snapshot
    main.query_one(HypothesisBoard).show(snapshot)
    main.query_one(TopLine).stage = snapshot.stage
    confirmed = sum(r.standing == "confirmed" for r in snapshot.records)
    counts = f"evidence {len(main.evidence)} · hypotheses {len(snapshot.records)} · confirmed {confirmed}"
    main.query_one(StatusLine).idle = counts if main.evidence or snapshot.records else "Nothing measured yet."


async def draw_past(main: MainScreen, past: Past) -> None:
    """Draw the conversation of an earlier session, and a line that says how much there was."""
    for evidence in past.evidence:
        keep(main, evidence)
    if not past.evidence and not any(s.role == "person" for s in past.said):
        return
    counts = f"messages {len(past.said)} · evidence {len(past.evidence)}"
    assert main.album is not None  # the case is open
    told: list[Entry] = []
    fresh: list[Evidence] = []  # since anybody spoke
    for one in past.told:
        if isinstance(one, Said):
            told.append(words_of(one.role, one.text, fresh))
            fresh = []
        else:
            told.append(Measured(one, main.album))
            fresh.append(one)
    await main.add(*told, Words("stage", f"── Taken up again ({counts}): above is all of it"))
    main.query_one(Prompt).remember([s.text for s in past.said if s.role == "person"])


def words_of(role: str, text: str, above: Iterable[Evidence]) -> Words:
    """Words for the conversation; the planner does not say again what the evidence right ``above`` says."""
    once = told_once(text, above) if role == "planner" else text
    return Words(role, text, None if once == text else once)


def keep(main: MainScreen, evidence: Evidence) -> Evidence:
    """Hold ``evidence`` for its screen, and list it. Returns what is held: answers to the same question share it."""
    if main.evidence.get(evidence.id) != evidence:
        main.evidence[evidence.id] = evidence
        main.query_one(EvidenceList).add(evidence)
    return main.evidence[evidence.id]


async def draw_event(main: MainScreen, event: SessionEvent) -> None:
    """Draw one event of the session."""
    match event:
        case PlannerSaid(text, choices):
            if text.strip():
                await main.add(words_of("planner", text, main.measured))
            main.offer(choices)
        case StageEntered(stage, trigger):
            await main.add(Words("stage", f"── {stage}" + (f": {trigger}" if trigger else "")))
        case ToolStarted(tool, arguments, why):
            main.query_one(StatusLine).work = f"running {tool}"
            call = f"{tool}({arguments_text(arguments)})"
            await main.add(Words("muted", f"▹ {call}" + (f" · {why}" if why else "")))
        case EvidenceMade(evidence, reused):
            assert main.album is not None  # evidence comes from an open session
            main.query_one(StatusLine).work = "working"
            await main.add(Measured(keep(main, evidence), main.album, reused))
        case ToolFailed(tool, text):
            await main.add(Words("warning", f"✗ {tool}: {text}"))
        case ApprovalAsked(tool):
            await main.add(Words("warning", f"? {may_run(tool, event.arguments)}"))
        case PictureOpened() | ImagesOpened() | MatrixOpened():
            await _open(main, event)
        case Notice(text, level):
            await main.add(Words(level if level in LEVELS else "info", f"{LEVELS.get(level, 'i')} {text}"))


async def _open(main: MainScreen, event: PictureOpened | ImagesOpened | MatrixOpened) -> None:
    """Put the screen of something that was opened above the conversation."""
    match event:
        case PictureOpened(probe):
            from failsight.agent.ui.tui.screens.whatif import WhatIfScreen

            main.app.push_screen(WhatIfScreen(probe))
        case ImagesOpened(gallery):
            from failsight.agent.ui.tui.screens.gallery import GalleryScreen

            await main.add(Words("muted", f"▦ {gallery.title}: {counted(len(gallery), 'picture')}"))
            main.app.push_screen(GalleryScreen(gallery, main.looks))
        case MatrixOpened(evidence):
            from failsight.agent.ui.tui.screens.matrix import MatrixScreen
            from failsight.tools.confusions import matrix

            cells = matrix(evidence)
            if cells is not None:
                main.app.push_screen(MatrixScreen(evidence, cells))
