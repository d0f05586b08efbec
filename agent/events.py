"""What happens in a session, as typed messages: the core yields them, a display shows them.

``Session.say`` (agent/session.py) runs the agent loop and yields these until the planner has nothing more to do or
waits for a person. A display never reaches into the loop; workers post these messages and one handler changes the
screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from failsight.tools.evidence import Evidence

BUDGET = "budget"  # what ``ApprovalAsked`` names where the question is whether a language model may cost more


@dataclass(frozen=True, slots=True)
class PlannerSaid:
    """The planner's words, in Markdown. ``choices``: what the person may answer next (typed or picked), best first."""

    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageEntered:
    """The workflow moved on: which stage, and what triggered the transition, in one sentence."""

    stage: str
    trigger: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool begins; ``why`` is the planner's reason in one sentence."""

    tool: str
    arguments: Mapping[str, Any]
    why: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceMade:
    """A tool is done; ``reused`` when an identical call had been measured before."""

    evidence: Evidence
    reused: bool = False


@dataclass(frozen=True, slots=True)
class ToolFailed:
    """A tool could not do it; the planner has been told and goes on."""

    tool: str
    message: str


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """The loop waits: may this tool run? Answer with ``Session.decide(True | False)``.

    Attributes:
        plan: what the call would do, a line each (``failsight.agent.foreseen``).
        seconds: least and most that it is expected to take; 0 where that is not known.
        basis: what the seconds rest on.
    """

    tool: str
    arguments: Mapping[str, Any]
    why: str
    cost: str = ""
    plan: tuple[str, ...] = ()
    seconds: tuple[float, float] = (0.0, 0.0)
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know that is neither the planner's words nor evidence."""

    text: str
    level: str = "info"  # info | warning | error


@dataclass(frozen=True, slots=True)
class PictureOpened:
    """One picture to turn knobs on: a display with sliders shows it (``failsight.agent.whatif.Probe``)."""

    probe: Any


@dataclass(frozen=True, slots=True)
class ImagesOpened:
    """Pictures to page through (``failsight.agent.gallery.Gallery``); displays without pictures list ``page``, from 1."""

    gallery: Any
    page: int = 1


@dataclass(frozen=True, slots=True)
class MatrixOpened:
    """A confusion matrix to walk about in; its evidence was yielded before."""

    evidence: Evidence


SessionEvent = (
    PictureOpened
    | ImagesOpened
    | MatrixOpened
    | PlannerSaid
    | StageEntered
    | ToolStarted
    | EvidenceMade
    | ToolFailed
    | ApprovalAsked
    | Notice
)
