"""A value that a question tells of a column and that the column has not is named, with those that it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.agent.planners.answering import first_message
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.groups import strange_values
from failsight.knowledge_base.vocabulary import Vocabulary
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

COLUMNS = {
    "site": ["Nord", "Ost", "Süd Klinik"],
    "device": ["phone", "scanner"],
    "age": [],
    "ward": ["A", "B"],
}
NAMES = Vocabulary(classes=("ill", "well"), attributes=COLUMNS)


@pytest.mark.parametrize(
    ("sentence", "strange"),
    [
        ("accuracy at site Mars", [("site", "Mars")]),
        ("does it fail more at site Mars?", [("site", "Mars")]),
        ("how does it do for patients with device tablet?", [("device", "tablet")]),
        ("is it worse where the device is tablet or so?", [("device", "tablet")]),
        ("recall at site 'mars' please", [("site", "mars")]),
        ("recall at site S9 for ill", [("site", "S9")]),
        ("accuracy where site=Mars", [("site", "Mars")]),
        ("accuracy at site New York", [("site", "New York")]),
        ("is there a site Mars?", [("site", "Mars")]),
        ("accuracy on ward C", [("ward", "C")]),
        # what is there, and what is no value
        ("accuracy at site Nord", []),
        ("accuracy at site süd klinik", []),
        ("accuracy at site=Nord", []),
        ("accuracy at site=missing", []),
        ("where site is not recorded", []),
        ("where the site is missing", []),
        ("accuracy on ward A", []),
        ("does it fail more at some site?", []),
        ("is accuracy lower at site level?", []),
        ("accuracy by site and device", []),
        ("is it worse where site matters?", []),
        ("does site matter?", []),
        ("accuracy for age 70", []),
        ("compare site Nord with the rest", []),
        ("is the site important?", []),
        ("what is wrong with the device?", []),
        ("accuracy at each site please", []),
        ("site", []),
        ("", []),
    ],
)
def test_which_values_are_not_there(sentence: str, strange: list[tuple[str, str]]) -> None:
    found = strange_values(named(sentence, NAMES), COLUMNS)
    assert [(s.column, s.value) for s in found] == strange
    assert all(sentence[s.start : s.end].endswith(s.value) for s in found)


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table = FakeTable(
        np.zeros((60, 8, 8, 3), np.uint8),
        [0, 1] * 30,
        ("ill", "well"),
        {"site": ["Nord", "Ost", "Süd"] * 20, "device": ["phone", "scanner"] * 30},
    )
    model = FakeModel(lambda x: np.zeros((len(x), 2)), ("ill", "well"), (8, 8))
    return FakeCase(tmp_path / "case", {"data": table}, model)


@pytest.mark.parametrize(
    "sentence",
    ["accuracy at site Mars", "does it fail more at site Mars?", "which threshold for ill at site Mars?"],
)
def test_it_is_said_with_the_values_there_are(case: FakeCase, sentence: str) -> None:
    made = first_message(case, sentence)  # type: ignore[arg-type]
    assert not made.tool_calls
    assert "There is no site Mars here" in made.content and "Nord, Ost and Süd" in made.content
    assert made.additional_kwargs["choices"][0] == sentence.replace("Mars", "Nord")


@pytest.mark.parametrize(
    "sentence", ["accuracy at site Ost", "rename site to place", "I think it fails at site Mars"]
)
def test_other_sentences_go_their_way(case: FakeCase, sentence: str) -> None:
    assert "There is no" not in str(first_message(case, sentence).content)  # type: ignore[arg-type]
