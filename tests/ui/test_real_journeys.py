"""Journeys through the whole of it: a real session, its tools and its journal, by keys and by lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from failsight.agent import open_case
from failsight.agent.journal import verify
from failsight.agent.people import forms
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.agent.state import CaseState
from failsight.tools.evidence import Evidence
from tests.repair import square_world as world
from tests.ui.real import Walked, by_keys, by_lines
from tests.ui.stage import in_both_looks

SUSPICION = "I think it uses the television to say red room"
STATED = "/tool state_hypothesis kind=spurious_correlation class_name=red_room cue=television"
MASKED = "/tool test_by_masking region=box:television finding=F1"
Walk = Callable[..., Awaitable[Walked]]


class Journey(NamedTuple):
    """Lines to type (y, a, n answer an approval), tools that must have measured, and words that must be seen."""

    lines: tuple[str, ...]
    tools: tuple[str, ...]
    seen: tuple[str, ...]
    given: dict[str, Any] = {}  # noqa: RUF012 (never changed)


JOURNEYS: dict[str, Journey] = {
    "from the matrix to the pictures of a cell": Journey(
        ("/confusion", "/images blue_room > red_room"), ("confusion_matrix",), ("blue_room taken for red_room",)
    ),
    "look for weak slices": Journey(("/tool find_slices depth=1",), ("find_slices",), ("television",)),
    "see what speaks for an answer": Journey(("/tool saliency image=#3",), ("saliency",), ("saliency",)),
    "cover the cue": Journey(
        ("/tool test_by_masking region=box:television class_name=red_room",), ("test_by_masking",), ("test_by_masking",)
    ),
    "what if it were darker": Journey(
        ("/whatif #3", "/whatif #3 brightness:-30; blur:2"), ("what_if",), ("brightness",)
    ),
    "suspect, allow the test": Journey((SUSPICION, "y"), ("state_hypothesis", "test_by_masking"), ("confirmed",)),
    "suspect, always allow it": Journey((SUSPICION, "a"), ("state_hypothesis", "test_by_masking"), ("confirmed",)),
    "suspect, decline, take it back": Journey(
        (SUSPICION, "n", "/withdraw F1 the television is always off"), ("state_hypothesis",), ("F1 is taken back",)
    ),
    "what would repair it": Journey(
        (STATED, MASKED, "/tool propose_correction finding=F1", "/why F1"),
        ("test_by_masking", "propose_correction"),
        ("F1",),
    ),
    "is it ready": Journey(
        ("/expect accuracy at least 50 %", "/tool readiness"), ("readiness",), ("accuracy",)
    ),
    "compare two classes": Journey(
        ("/tool compare_classes class_a=red_room class_b=blue_room",), ("compare_classes",), ("red_room",)
    ),
    "compare two pictures": Journey(
        ("/tool compare_images first=#3 second=#4",), ("compare_images",), ("#3",)
    ),
    "rename an attribute": Journey(("/attributes rename television to screen", "/attributes"), (), ("screen",)),
    "the budget pauses": Journey(
        ("hello", "and again", "y"), (), ("May ", "two"), {"replies": ["one", "two", "three"], "budget": "calls=1"}
    ),
    "a language model measures": Journey(
        ("how good is it?",),
        ("evaluate",),
        ("It was measured",),
        {"replies": [call("evaluate"), "It was measured [E1]."]},
    ),
    "sign it off": Journey(("/signoff not-ready by Ann: too many slips", "/signoff"), (), ("Ann",)),
    "write and check the report": Journey(
        ("/tool evaluate", "/report md", "/verify"), ("evaluate",), ("report.md", "The journal is whole")
    ),
}  # fmt: skip
WALKS = pytest.mark.parametrize("walk", [by_keys, by_lines])


def measured(state: CaseState) -> list[str]:
    return [e.tool for e in state.evidence]


ALWAYS = ("suspect, allow the test", "a language model measures", "the budget pauses", "is it ready")


@in_both_looks(JOURNEYS, by_keys, by_lines, ALWAYS)
async def test_a_real_journey(name: str, walk: Walk, tmp_path: Path) -> None:
    journey = JOURNEYS[name]
    text, state = await walk(tmp_path / "case", journey.lines, **journey.given)
    for tool in journey.tools:
        assert tool in measured(state), (measured(state), text)
    for words in journey.seen:
        assert words in text, text
    assert verify(tmp_path / "case")[1] == []


@WALKS
async def test_a_session_is_resumed_where_it_was(walk: Walk, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    await walk(folder, ("/tool evaluate", SUSPICION))  # left while the approval waits
    text, state = await walk(folder, ("y",))
    assert "Taken up again" in text and "test_by_masking" in measured(state)
    record = state.find("F1")
    assert record is not None and record.finding.verdict == "confirmed"


def answered(folder: Path, by: str, accuracy: str) -> Path:
    """The form of expectations, filled in by one person."""
    text = forms.markdown(forms.form_named("expectations"), ("red_room", "blue_room"))
    for mark, value in {
        "<!-- field: by -->\n> ": by,
        "<!-- field: accuracy (a share, such as 90 %) -->\n> ": accuracy,
        "<!-- field: sign_off (one line) -->\n> ": by,
    }.items():
        assert mark in text
        text = text.replace(mark, mark + value, 1)
    made = folder / f"{by}.md"
    made.write_text(text.replace("> [ ] safety", "> [x] safety", 1), encoding="utf-8")
    return made


@WALKS
async def test_two_people_disagree_and_the_report_shows_it(walk: Walk, tmp_path: Path) -> None:
    lines = [
        f"/form expectations {answered(tmp_path, by, accuracy)}"
        for by, accuracy in (("Ann", "90 %"), ("Ben", "60 %"))
    ]
    text, _ = await walk(tmp_path / "case", (*lines, "/report md html"))
    assert "Ann" in text and "Ben" in text
    written = (tmp_path / "case" / "report.md").read_text("utf-8")
    assert "They differ on “Least accuracy overall”: Ann says 90.0 %, Ben says 60.0 %." in written
    assert "They differ on “Least accuracy overall”" in (tmp_path / "case" / "report.html").read_text("utf-8")


def repairing(folder: Path) -> Session:
    """A case of real files whose model can be trained again; the planner retrains, then verifies."""
    root = folder.parent
    places = {}
    for name, table in (
        ("data", world.pictures(20, 2, tied=False)),
        ("train", world.pictures(30, 1, tied=True)),
        ("more", world.pictures(15, 5, tied=False)),
    ):
        (root / name).mkdir()
        columns = table.columns["square"] if name != "more" else [""] * len(table)
        rows = ["path,label,square"]
        for i in range(len(table)):
            Image.fromarray(table.pixels[i]).save(root / name / f"{i}.png")
            rows.append(f"{i}.png,{world.CLASSES[int(table.labels[i])]},{columns[i]}")
        (root / name / "manifest.csv").write_text("\n".join(rows) + "\n")
        places[name] = str(root / name)
    model = world.save(root / "given", "safetensors")
    case = open_case(model=str(model), out=folder, data=places["data"], train=places["train"])
    found = Evidence("find_slices", "Weak slices", "One is weak.", findings=(world.FINDING,)).to_dict()
    case.record("evidence.recorded", call="c", evidence=found)
    asked = {"finding": "F1", "data": places["more"], "epochs": 2, "seeds": 1}
    replies = [call("retrain", **asked), "Trained.", call("verify_correction", repair="R1"), "Verified."]
    return Session(case, planner=ScriptedPlanner(replies))


@pytest.mark.slow
@WALKS
async def test_a_repair_is_trained_after_a_yes_and_verified(walk: Walk, tmp_path: Path) -> None:
    text, state = await walk(tmp_path / "case", ("repair it", "y", "did it help?", "y"), opened=repairing)
    assert {"retrain", "verify_correction"} <= set(measured(state)), text
    record = state.find("F1")
    assert record is not None and record.corrections


@pytest.mark.slow
@WALKS
async def test_the_whole_way_from_the_first_run_to_the_report(walk: Walk, tmp_path: Path) -> None:
    lines = ("/expect accuracy at least 95 %", "/auto", "/report html md json")
    text, state = await walk(tmp_path / "case", lines, images=400)
    assert any(r.finding.slice == {"television": "yes"} for r in state.confirmed())
    assert {"evaluate", "find_slices", "test_by_masking", "propose_correction", "readiness"} <= set(
        measured(state)
    )
    assert (tmp_path / "case" / "report.html").is_file() and "report.html" in text
