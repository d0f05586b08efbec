"""A session that was killed goes on where it was: an edit that is recorded is not made again, one that is not is made whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from failsight.agent.events import EvidenceMade, ToolFailed
from failsight.agent.journal import verify
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.agent.state import fold
from tests.fakes.case import FakeCase, television_world

RENAME = {"action": "rename", "attribute": "television", "to": "screen"}


class Killed(BaseException):
    """Stands for a process that is gone."""


def a_case(folder: Path) -> FakeCase:
    table, model = television_world(200)
    return FakeCase(folder, {"data": table}, model)


@pytest.fixture
def opened() -> Iterator[list[FakeCase]]:
    made: list[FakeCase] = []
    yield made
    for case in made:
        case.close()


def killed_after(folder: Path, kind: str, given: dict[str, Any]) -> None:
    """A turn that makes one edit, killed as soon as an event of ``kind`` is on disk."""
    case = a_case(folder)
    session = Session(case, planner=ScriptedPlanner([call("edit_attributes", **given)]))
    append = case.journal.append

    def dying(event: str, data: Any) -> Any:
        made = append(event, data)
        if event == kind:
            raise Killed
        return made

    case.journal.append = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        list(session.say("edit it"))
    session._checkpoints.conn.close()
    case.close()


@pytest.mark.parametrize("kind", ["tool.started", "attribute.changed", "evidence.recorded"])
@pytest.mark.parametrize(
    "given",
    [RENAME, {"action": "drop", "attribute": "television"},
     {"action": "merge_values", "attribute": "television", "values": ["yes", "no"], "to": "some"}],
)  # fmt: skip
def test_an_edit_is_made_once_wherever_it_was_cut_off(
    tmp_path: Path, opened: list[FakeCase], kind: str, given: dict[str, Any]
) -> None:
    killed_after(tmp_path / "case", kind, given)
    case = a_case(tmp_path / "case")
    opened.append(case)
    session = Session(case, planner=ScriptedPlanner([AIMessage("Done.")]))
    events = list(session.start())
    assert not [e for e in events if isinstance(e, ToolFailed)]
    (made,) = [e for e in events if isinstance(e, EvidenceMade)]
    assert made.reused == (kind == "evidence.recorded") and len(case.state().evidence) == 1
    whole = a_case(tmp_path / "whole")
    opened.append(whole)
    expected, _ = whole.call("edit_attributes", given, by="person")
    assert made.evidence.summary == expected.summary and made.evidence.facts == expected.facts
    assert case.state().definitions == whole.state().definitions == fold(case.journal).definitions
    assert case.attributes().columns.keys() == whole.attributes().columns.keys()
    assert verify(case.folder)[1] == []
    session.close()


def test_the_same_edit_asked_for_later_is_another_edit(tmp_path: Path, opened: list[FakeCase]) -> None:
    case = a_case(tmp_path / "case")
    opened.append(case)
    back = {"action": "rename", "attribute": "screen", "to": "television"}
    script = [call("edit_attributes", **g) for g in (RENAME, back, RENAME)]
    session = Session(case, planner=ScriptedPlanner([*script, AIMessage("Done.")]))
    events = list(session.say("there and back again"))
    assert [e.reused for e in events if isinstance(e, EvidenceMade)] == [False] * 3
    assert [d.name for d in case.definitions()] == ["screen"]
    session.close()
