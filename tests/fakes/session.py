"""A scripted session: yields the events it was given, waits, asks, raises; records what a display asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from failsight.agent.events import EvidenceMade, PlannerSaid, SessionEvent, StageEntered
from failsight.agent.state import CaseState, FindingRecord, Said
from failsight.tools.evidence import Evidence, Fact, Figure, Finding, ImageRef, Table, TestResult

Step = SessionEvent | BaseException | Callable[["ScriptedSession"], Iterator[SessionEvent]]
ACTIONS = {
    "/evidence E3": "show one piece of evidence",
    "/help": "what can be typed",
    "/report html": "write the report",
    "/why": "why the planner did what it did last",
}


class ScriptedSession:
    """A ``SessionLike`` that follows a script.

    Args:
        folder: the case folder.
        script: what each turn does, by the words said (``"*"`` for any others); ``start``, ``yes``, ``no``, ``auto``
            for the greeting, the decisions and the unattended run. A step is an event to yield, an exception to raise,
            or a generator function that is given the session.
        progress: where jobs show, as ``open_session`` gets it.
    """

    def __init__(
        self, folder: Path, script: Mapping[str, list[Step]] | None = None, progress: Any = None
    ) -> None:
        self.folder, self.name, self.progress = folder, folder.name, progress
        self.workflow = "reactive"
        self.script = dict(script or {})
        self.asked: list[tuple[str, Any]] = []
        self.cancelled = threading.Event()
        self.closed = False
        self.threads: set[int] = set()
        self._state = CaseState()

    def state(self) -> CaseState:
        return self._state

    def start(self) -> Iterator[SessionEvent]:
        return self._play("start", [PlannerSaid("Good day. What fails?")])

    def say(self, text: str) -> Iterator[SessionEvent]:
        self.asked.append(("say", text))
        self._state.said.append(Said("person", text, len(self._state.said)))
        return self._play(text if text in self.script else "*", [PlannerSaid(f"You said: {text}")])

    def decide(self, yes: bool, *, always: bool = False) -> Iterator[SessionEvent]:
        self.asked.append(("decide", "always" if always else yes))
        return self._play("yes" if yes else "no", [PlannerSaid("Done." if yes else "Then not.")])

    def auto(self) -> Iterator[SessionEvent]:
        self.asked.append(("auto", None))
        return self._play("auto", [PlannerSaid("All done.")])

    def cancel(self) -> None:
        self.cancelled.set()

    def write_report(self, formats: tuple[str, ...] = ("md", "html", "json")) -> list[Path]:
        self.asked.append(("report", formats))
        return [self.folder / f"report.{f}" for f in formats]

    def actions(self) -> dict[str, str]:
        return dict(ACTIONS)

    def act(self, command: str) -> Iterator[SessionEvent]:
        self.asked.append(("act", command))
        return self._play(command, [PlannerSaid(f"Did {command}.")])

    def close(self) -> None:
        self.closed = True

    def _play(self, key: str, default: list[Step]) -> Iterator[SessionEvent]:
        self.threads.add(threading.get_ident())
        self.cancelled.clear()
        for step in self.script.get(key, default):
            if isinstance(step, BaseException):
                raise step
            for event in step(self) if callable(step) else (step,):
                self._fold(event)
                yield event

    def _fold(self, event: SessionEvent) -> None:
        if isinstance(event, StageEntered):
            self._state.stage = event.stage
            self._state.stages.append((event.stage, event.trigger, len(self._state.stages)))
        elif isinstance(event, PlannerSaid):
            self._state.said.append(Said("planner", event.text, len(self._state.said)))
        elif isinstance(event, EvidenceMade):
            self._state.evidence.append(event.evidence)
            for finding in event.evidence.findings:
                old = self._state.records.get(finding.key)
                number = old.id if old else f"F{len(self._state.records) + 1}"
                self._state.records[finding.key] = FindingRecord(number, finding, (event.evidence.id,))


def long_job(
    label: str = "predicting", total: int = 1000
) -> Callable[[ScriptedSession], Iterator[SessionEvent]]:
    """A step that works until it is cancelled: each tick waits 10 ms and honours the display's wish to stop."""

    def work(session: ScriptedSession) -> Iterator[SessionEvent]:
        with session.progress.job(label, total) as ticker:
            for _ in range(total):
                if session.cancelled.wait(0.01):
                    raise KeyboardInterrupt
                ticker.advance()
        yield PlannerSaid("The long job is done.")

    return work


def evaluation(number: int = 1) -> Evidence:
    """Evidence with facts and a table, as ``evaluate`` makes it."""
    rooms = (
        ("bathroom", 0.93, 200),
        ("bedroom", 0.86, 240),
        ("dining room", 0.71, 180),
        ("kitchen", 0.64, 250),
    )
    return Evidence(
        tool="evaluate",
        title="Accuracy and recall by class",
        summary="Accuracy is 78.4 % [75.6, 81.0] on 870 images. The kitchen is the weakest class: recall 64.0 %.",
        arguments={"split": "deploy"},
        facts=(
            Fact("accuracy", 0.784, ci=(0.756, 0.81), n=870, direction="higher_is_better"),
            Fact("recall", 0.64, of="class kitchen", ci=(0.579, 0.697), n=250, direction="higher_is_better"),
        ),
        tables=(Table("Recall by class", ("class", "recall", "images"), rooms, ("text", "share", "count")),),
        questions=("performance.1",),
        notes=("3 images could not be read and were left out.",),
        next_steps=("Look at what the kitchens are taken for.",),
        id=f"E{number}",
        seconds=1.2,
    )


def masking(number: int = 2, figure: str = "", image: str = "") -> Evidence:
    """Evidence that tested three hypotheses."""
    test = TestResult("test_by_masking", 0.31, (0.24, 0.38), 0.0002, 120, "confirmed", control_effect=0.02)
    made = Finding(
        "spurious_correlation",
        "features",
        "data_statistics",
        "Kitchens with a television are taken for living rooms.",
        slice={"television": "yes"},
        class_name="kitchen",
        confused_with="living room",
        n=120,
        error_rate=0.62,
        base_error_rate=0.21,
        ci=(0.53, 0.70),
        q=0.001,
        verdict="confirmed",
        tests=(test,),
    )
    open_ = Finding(
        "rare_case",
        "correctness",
        "data_statistics",
        "Dark bedrooms are rare in training.",
        slice={"brightness": "low"},
    )
    refuted = Finding(
        "weak_slice",
        "correctness",
        "unknown",
        "Tilted pictures are harder.",
        slice={"tilt": "high"},
        verdict="refuted",
    )
    return Evidence(
        tool="test_by_masking",
        title="Masking the television",
        summary="Covering the television changes the living room score by -31.0 points, an equal area elsewhere by -2.0.",
        arguments={"attribute": "television", "images": 120},
        findings=(made, open_, refuted),
        figures=(
            Figure("Masked and original", figure, "Four kitchens, the television covered by a grey box"),
        )
        if figure
        else (),
        images=(ImageRef("deploy", 17, image, "kitchen", "living room", 0.97),) if image else (),
        id=f"E{number}",
        seconds=14.0,
    )
