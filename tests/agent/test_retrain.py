"""retrain through a real case: it waits for a yes, its versions are the case's, and the same call is answered once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from failsight.agent import open_case
from failsight.agent.case import Case
from failsight.agent.events import ApprovalAsked
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.evidence import Evidence
from tests.repair import square_world as world


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    places = {}
    for split, table in (
        ("data", world.pictures(20, 2, tied=False)),
        ("train", world.pictures(30, 1, tied=True)),
    ):
        folder = tmp_path / split
        folder.mkdir()
        rows = ["path,label,square"]
        for i in range(len(table)):
            Image.fromarray(table.pixels[i]).save(folder / f"{i}.png")
            rows.append(f"{i}.png,{world.CLASSES[int(table.labels[i])]},{table.columns['square'][i]}")
        (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
        places[split] = str(folder)
    extra = world.pictures(15, 5, tied=False)
    (tmp_path / "more").mkdir()
    for i in range(len(extra)):
        Image.fromarray(extra.pixels[i]).save(tmp_path / "more" / f"{i}.png")
    labels = [f"{i}.png,{world.CLASSES[int(c)]}" for i, c in enumerate(extra.labels)]
    (tmp_path / "more" / "manifest.csv").write_text("\n".join(["path,label", *labels]) + "\n")
    model = world.save(tmp_path / "given", "safetensors")
    made = open_case(model=str(model), out=tmp_path / "case", **places)
    made.record("evidence.recorded", call="c",
                evidence=Evidence("find_slices", "t", "s", findings=(world.FINDING,)).to_dict())  # fmt: skip
    yield made
    made.close()


def test_it_waits_for_a_yes_and_its_versions_stay_with_the_case(case: Case, tmp_path: Path) -> None:
    given = {name: world.hashes(tmp_path / name) for name in ("given", "data", "train", "more")}
    asked = {"finding": "F1", "data": str(tmp_path / "more"), "epochs": 2, "seeds": 1}
    session = Session(case, planner=ScriptedPlanner([call("retrain", **asked), "Done."]))
    events = list(session.say("repair it"))
    waiting = [e for e in events if isinstance(e, ApprovalAsked)]
    assert [e.tool for e in waiting] == ["retrain"]
    assert not case.versions()
    list(session.decide(True))
    assert [v.name for v in case.versions()] == ["R1.1", "R1.c1"]
    assert {name: world.hashes(tmp_path / name) for name in given} == given
    record = case.state().find("F1")
    assert record is not None
    assert [c.status for c in record.corrections] == ["applied"]
    assert len(case.version("R1.1").predictions()) == 40
    assert case.version("R1.1").history is not None
    again, from_journal = case.call("retrain", asked)
    assert from_journal
    assert again.tool == "retrain"
    session.close()
    folder = case.folder
    case.close()
    reopened = open_case(folder)
    assert [v.name for v in reopened.versions()] == ["R1.1", "R1.c1"]
    assert len(reopened.version("R1.c1").predictions()) == 40
    reopened.close()


def test_a_no_makes_nothing(case: Case) -> None:
    session = Session(
        case, planner=ScriptedPlanner([call("retrain", finding="F1", strategy="rebalance"), "As you like."])
    )
    list(session.say("repair it"))
    list(session.decide(False))
    assert not case.versions()
    assert not (case.folder / "repair").exists()
    session.close()
