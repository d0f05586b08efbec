"""Workflows: orders of steps with the triggers that lead from one to another. Several exist, none is imposed.

They are data (``workflows/``), usable by a planner (:meth:`Workflow.after`) and drawable (:meth:`Workflow.mermaid`,
:meth:`Workflow.lines`). Steps and triggers follow Balayn et al., CHI 2023, Figure 3 and Figure 5: objectives, actions,
and what makes one move on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from failsight.knowledge_base.schema import STEPS, Entry
from failsight.knowledge_base.store import HERE, BrokenEntries, load_yaml

FOLDER: Final = HERE / "workflows"
TRIGGERS: Final = (
    "expectations_set",
    "failure_seen",
    "no_failure",
    "next_failure",
    "bound_fails",
    "checked",
    "ruled_out",
    "pattern_seen",
    "group_missing",
    "hypothesis_stated",
    "instrument_registered",
    "confirmed",
    "refuted",
    "inconclusive",
    "exhausted",
    "corrected",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One station: what is to be reached, with which artifacts, questions, tools (in order) and people.

    ``step`` is its kind, one of :data:`failsight.knowledge_base.schema.STEPS`.
    """

    id: str
    step: str
    title: str
    goal: str
    artifacts: tuple[str, ...]
    questions: tuple[str, ...]
    tools: tuple[str, ...]
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Transition:
    """From one step to another, when ``trigger`` (one of :data:`TRIGGERS`) happens; ``when`` says it in words."""

    source: str
    target: str
    when: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """An order of steps. ``start`` is the id of the first; a step without a way out is an end."""

    id: str
    title: str
    source: str
    for_whom: str
    start: str
    steps: tuple[Step, ...]
    transitions: tuple[Transition, ...]

    def step(self, name: str) -> Step:
        """The step called ``name``. Raises KeyError."""
        for step in self.steps:
            if step.id == name:
                return step
        raise KeyError(name)

    def after(self, name: str) -> tuple[Transition, ...]:
        """The ways out of the step called ``name``."""
        return tuple(t for t in self.transitions if t.source == name)

    def kind_of(self, tool: str) -> str:
        """The kind of step that ``tool`` belongs to, the last one that names it (a plan belongs to its test); empty for none."""
        return next((s.step for s in reversed(self.steps) if tool in s.tools), "")

    def next(self, name: str, trigger: str) -> Step | None:
        """Where ``trigger`` leads from the step called ``name``; None if nowhere."""
        for transition in self.after(name):
            if transition.trigger == trigger:
                return self.step(transition.target)
        return None

    def mermaid(self) -> str:
        """The workflow as a Mermaid flow chart."""
        lines = ["flowchart TD"]
        lines += [f'  {s.id}["{_plain(s.title)}"]' for s in self.steps]
        lines += [f'  {t.source} -->|"{_plain(t.when)}"| {t.target}' for t in self.transitions]
        return "\n".join(lines)

    def lines(self, here: str = "") -> list[str]:
        """The workflow as plain text, one step a line with its ways out indented; ``here`` is marked."""
        made: list[str] = []
        for number, step in enumerate(self.steps, 1):
            made.append(f"{'>' if step.id == here else ' '} {number}. {step.title}: {step.goal}")
            made += [f"       {t.when} -> {self.step(t.target).title}" for t in self.after(step.id)]
        return made


def _plain(text: str) -> str:
    return text.replace('"', "'")


@lru_cache(maxsize=1)
def workflows() -> Mapping[str, Workflow]:
    """All workflows by id.

    Raises:
        BrokenEntries: a data file does not fit.
    """
    files = sorted(FOLDER.glob("*.yaml"))
    return {made.id: made for made in (_workflow(file) for file in files)}


def _workflow(file: Path) -> Workflow:
    raw = load_yaml(file.read_text(encoding="utf-8"))
    try:
        steps = tuple(
            Step(
                s["id"],
                s["step"],
                s["title"],
                s["goal"],
                tuple(s["artifacts"]),
                tuple(s["questions"]),
                tuple(s["tools"]),
                tuple(s["who"]),
            )
            for s in raw["steps"]
        )
        transitions = tuple(
            Transition(t["from"], t["to"], t["when"], t["trigger"]) for t in raw["transitions"]
        )
        made = Workflow(raw["id"], raw["title"], raw["source"], raw["for"], raw["start"], steps, transitions)
    except KeyError as error:
        raise BrokenEntries(f"{file.name}: the workflow lacks the field {error}.") from error
    names = {s.id for s in steps}
    if made.start not in names or any(t.source not in names or t.target not in names for t in transitions):
        raise BrokenEntries(f"{file.name}: a transition or the start names a step that does not exist.")
    if any(s.step not in STEPS for s in steps) or any(t.trigger not in TRIGGERS for t in transitions):
        raise BrokenEntries(f"{file.name}: an unknown kind of step or trigger.")
    return made


def as_entry(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping of a workflow file as one of an entry, so that workflows are found by search."""
    order = "; ".join(f"{s['title']} ({s['goal'].rstrip('.')})" for s in raw["steps"])
    return {
        "id": f"workflow.{raw['id']}",
        "kind": "workflow",
        "title": raw["title"],
        "text": f"{raw['for']} Steps: {order}.",
        "source": raw["source"],
        "aliases": [f"{raw['id'].replace('_', ' ')} workflow"],
    }


def entries() -> tuple[Entry, ...]:
    """The workflows as entries of kind ``workflow``."""
    from failsight.knowledge_base.schema import parse

    made: list[Entry] = []
    for file in sorted(FOLDER.glob("*.yaml")):
        entry, problems = parse(as_entry(load_yaml(file.read_text(encoding="utf-8"))), mine=True)
        if entry is None:
            raise BrokenEntries(f"{file.name}: {problems[0]}")
        made.append(entry)
    return tuple(made)
