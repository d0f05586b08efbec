"""Groups as people spell and say them: values that differ in case, words for how pictures look, values of deployment alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

from failsight.agent.events import PlannerSaid
from failsight.agent.planners import looks
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from failsight.knowledge_base.groups import spelled
from tests.agent.guided_talk import ask, converse
from tests.fakes.case import FakeCase, television_world

LICHT = ["Tag", "tag", "Nacht", "nacht", "NACHT", "Tag"]


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    """Light in five spellings, an observer with a full stop in the name; pictures that are tilted are in deployment alone."""
    table, model = television_world(120)
    n = len(table)
    columns = {
        "Licht": [LICHT[i % 6] for i in range(n)],
        "observer": [("C. Gößl", "A. Huber")[i // 3 % 2] for i in range(n)],
        "tilt": [("level", "askew")[i % 2] for i in range(n)],
        "brightness": np.linspace(0.1, 0.9, n).tolist(),
    }
    table.columns = {**table.columns, **columns}
    deploy, _ = television_world(60)
    m = len(deploy)
    deploy.columns = {**columns_of(columns, m), "tilt": ["tilted" if i % 3 else "level" for i in range(m)]}
    return FakeCase(tmp_path / "case", {"data": table, "deploy": deploy}, model, deploy="fake")


def columns_of(columns: dict[str, list[object]], n: int) -> dict[str, list[object]]:
    return {name: values[:n] for name, values in columns.items()}


def test_a_spelling_of_the_column_is_that_one_and_another_is_all_of_them() -> None:
    values = ["NACHT", "Nacht", "Tag", "nacht"]
    assert spelled(values, "NACHT", "Nacht") == "Nacht"
    assert spelled(values, "NACHT", "nAcht") == "NACHT|Nacht|nacht"
    assert spelled(values, "Tag", "tag") == "Tag"


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("is it worse where Licht is NACHT?", "compare_group where=Licht=NACHT"),
        ("is it worse where Licht is Nacht?", "compare_group where=Licht=Nacht"),
        ("is it worse where Licht=nacht?", "compare_group where=Licht=nacht"),
        ("is it worse where Licht is naCHT?", "compare_group where=Licht=NACHT|Nacht|nacht"),
        ("is it worse at night?", "state_hypothesis kind=weak_slice where=Licht=NACHT|Nacht|nacht"),
        ("does it do worse in the dark?", "state_hypothesis kind=weak_slice where=Licht=NACHT|Nacht|nacht"),
        ("is it worse where observer is C. Gößl?", "compare_group where=observer=C. Gößl"),
        ("does it fail more when the picture is tilted?", "compare_group split=deploy where=tilt=tilted"),
        ("show me tilted pictures", "show_images split=deploy where=tilt=tilted"),
    ],
)
def test_a_group_is_the_one_that_was_said(case: FakeCase, text: str, call: str) -> None:
    assert str(ask(GuidedPlanner(case), text)) == call


def test_what_a_column_records_comes_before_what_is_measured(case: FakeCase) -> None:
    assert looks.condition(case, "brightness", True) == "Licht=NACHT|Nacht|nacht"
    assert looks.condition(case, "brightness", False) == "Licht=Tag|tag"
    assert looks.said(case, "Licht=Nacht") == ""


def test_what_no_column_records_is_measured_and_said(tmp_path: Path) -> None:
    table, model = television_world(40)
    table.columns = {**table.columns, "brightness": np.linspace(0.1, 0.9, len(table)).tolist()}
    plain = FakeCase(tmp_path / "case", {"data": table}, model)
    measured = looks.condition(plain, "brightness", True)
    assert measured == "brightness<=0.3"
    assert "quarter" in looks.said(plain, measured)


def test_an_edit_of_attributes_is_seen(case: FakeCase) -> None:
    """The tables are read once; a value that people call otherwise from now on is that."""
    assert looks.condition(case, "brightness", True) == "Licht=NACHT|Nacht|nacht"
    case.call("edit_attributes", {"action": "rename", "attribute": "Licht", "to": "Zeit"})
    assert looks.condition(case, "brightness", True) == "Zeit=NACHT|Nacht|nacht"


def test_no_yes_and_no_no_of_a_group_that_was_not_measured(case: FakeCase) -> None:
    """``label_noise`` takes no observer: what it says of all labels is no answer about one person's."""
    session = Session(case, policy="auto")
    said = " ".join(
        e.text for e in session.say("are the labels of C. Gößl wrong?") if isinstance(e, PlannerSaid)
    )
    assert "left out" in said
    assert "No:" not in said and "Yes:" not in said
    session.close()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("is it worse in winter?", "winter"),
        ("does it fail more with fog?", "fog"),
        ("is it because of the sofa?", "sofa"),
        ("does the sofa make it say living room?", "sofa"),
        ("I think it uses the sofa to say blue room", "sofa"),
        ("it looks at the sofa so that's why it says blue room, right?", "sofa"),
    ],
)
def test_what_nobody_recorded_is_said_and_not_searched(case: FakeCase, text: str, word: str) -> None:
    made = GuidedPlanner(case)._generate([HumanMessage(text)]).generations[0].message
    assert not made.tool_calls
    assert word in str(made.text) and ("Marked are: " in str(made.text) or "There are: " in str(made.text))


@pytest.mark.parametrize(
    "text",
    [
        "is it worse in deployment?",
        "does it fail more on some pictures?",
        "is it because of the television?",
        "does the television make it say blue room?",
        "is it worse at night?",
    ],
)
def test_what_is_known_is_measured(case: FakeCase, text: str) -> None:
    made = GuidedPlanner(case)._generate([HumanMessage(text)]).generations[0].message
    assert made.tool_calls


def test_what_follows_goes_where_such_images_are(case: FakeCase) -> None:
    """A matrix of evaluation images, then of tilted ones, which only deployment has."""
    made = converse(case, ["what is taken for what?", "is that mostly the tilted ones?"])
    assert made[0].tool == "confusion_matrix"
    assert "split=deploy" in str(made[1]) and "tilt=tilted" in str(made[1])
