"""What a lesson has in hand: the level's rules, the person's progress, and the case that it is about."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from failsight.agent.learn.process import Act, acts_of
from failsight.agent.learn.progress import Progress, learn_home
from failsight.agent.places import home

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.cases.demo import DemoCase
    from failsight.tools.evidence import Evidence
    from failsight.tools.view import Progress as Reporter

Level = Literal["novice", "intermediate", "expert"]
DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Rules:
    """How much is explained and asked.

    Attributes:
        explains: terms are explained, and what usually comes next is said.
        guesses: a guess is asked for before each look; else it may be given.
        controls: the control is chosen by the person.
        verdicts: figures are read by the person before the verdict is shown.
        whole: evidence is shown with its tables; else its summary alone.
    """

    explains: bool
    guesses: bool
    controls: bool
    verdicts: bool
    whole: bool


RULES: dict[str, Rules] = {
    "novice": Rules(True, True, True, True, False),
    "intermediate": Rules(False, True, True, True, True),
    "expert": Rules(False, False, True, False, True),
}


class Classroom:
    """One lesson of one person.

    Args:
        level: novice, intermediate or expert.
        progress: their record; kept as the lesson goes.
        reporter: where long work shows.
        data: folder in which practice pictures are kept.
        cases: folder in which the cases of lessons are kept.
        counts: pictures of each split of practice cases, where not the usual (tests).
    """

    def __init__(
        self,
        level: str,
        progress: Progress,
        reporter: Reporter | None = None,
        *,
        data: Path | None = None,
        cases: Path | None = None,
        counts: dict[str, int] | None = None,
    ) -> None:
        self.level, self.progress, self.reporter = level, progress, reporter
        self.rules = RULES[level]
        self._data, self._cases, self._counts = data or home(), cases or learn_home() / "cases", counts

    @contextlib.contextmanager
    def case(self, name: str, *, again: bool = False) -> Iterator[Case]:
        """The case called ``name``: ``demo`` or a practice case; ``again``: a fresh one beside those before."""
        made = self._prepared(name)
        from failsight.agent.opening import open_case

        folder = self.folder(name, again=again)
        case = open_case(
            out=folder, progress=self.reporter, name=made.name if name != DEMO else "rooms demo",
            model=str(made.model), arch=made.arch, data=str(made.data), train=str(made.train),
            pool=str(made.pool) if made.pool else None, deploy=str(made.deploy), history=str(made.history),
            task=made.task, encoder="rooms", level=self.level,
        )  # fmt: skip
        try:
            for criterion, bound in made.expectations.items():
                case.expect(criterion, bound)
            yield case
        finally:
            case.close()

    def folder(self, name: str, *, again: bool = False) -> Path:
        """Where the case of a lesson is kept: the newest one, or the next number with ``again``."""
        there = sorted(self._cases.glob(f"{name}-[0-9]*"), key=lambda p: int(p.name.rpartition("-")[2]))
        number = int(there[-1].name.rpartition("-")[2]) if there else 0
        return self._cases / f"{name}-{number + 1 if again or not there else number}"

    def prepared(self, name: str) -> bool:
        """Whether the pictures of the case called ``name`` are there (in part at least), so that it is ready soon."""
        return self._pictures(name).is_dir()

    def _pictures(self, name: str) -> Path:
        return self._data / DEMO if name == DEMO else self._data / "practice" / name

    def _prepared(self, name: str) -> DemoCase:
        from failsight.knowledge_base.cases import prepare_demo
        from failsight.knowledge_base.cases.practice import prepare_practice

        if name == DEMO:
            return prepare_demo(self._pictures(name), seed=0, progress=self.reporter)
        return prepare_practice(self._pictures(name), name, progress=self.reporter, counts=self._counts)


def did(case: Case, act: Act) -> None:
    """Journal what the person did, for the review at the end and for whoever reads the case."""
    case.record("learn.act", act=asdict(act))


def done(case: Case) -> list[Act]:
    """Everything that the person did in this case, in order."""
    return acts_of(case.journal.events)


def measure(case: Case, tool: str, arguments: dict[str, Any] | None = None) -> Evidence:
    """One measurement asked for by the person.

    Raises:
        RetryError: the case lacks something for it; the message says what.
    """
    return case.call(tool, arguments or {}, by="person")[0]
