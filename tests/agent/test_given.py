"""What Python programs give: objects, numbers of numpy, notebook cells run twice."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.agent.config import load_config, make_config
from failsight.agent.given import as_settings
from failsight.agent.journal import Journal, ReadOnly
from failsight.tools.errors import UserError
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    rows = [f"{i}.png,{'cat' if i % 2 else 'dog'},{'cat' if i % 3 else 'dog'}" for i in range(40)]
    table = tmp_path / "answers.csv"
    table.write_text("\n".join(["path,label,prediction", *rows, ""]))
    return table


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": object()}, "model can't be an object (object). Save it to a file"),
        ({"data": np.zeros((2, 2))}, "data can't be an object (ndarray). Write the pictures to files"),
        ({"predictions": [1]}, "predictions can't be an object (list)"),
        ({"seed": "3"}, "seed can't be '3'. Give a whole number from 0."),
        ({"seed": 1.5}, "seed can't be 1.5"),
        ({"seed": -1}, "seed can't be -1"),
        ({"seed": True}, "seed can't be True"),
        ({"trust_code": "no"}, "trust_code can't be 'no'. Write True or False."),
        ({"trust_code": 1}, "trust_code can't be 1"),
        ({"class_map": [("a", "b")]}, "class_map can't be an object (list). Give a dictionary"),
        ({"level": "wizard"}, "There is no level 'wizard'. Use one of novice, intermediate and expert."),
        ({"method": "magic"}, "There is no method 'magic'"),
    ],
)
def test_what_is_no_setting_is_refused_in_a_sentence(
    answers: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as refused:
        make_config(**{"predictions": answers, **given})
    assert words in str(refused.value)


def test_what_can_be_kept_is_of_its_type(answers: Path) -> None:
    made = make_config(predictions=answers, seed=np.int64(3), trust_code=np.bool_(False), name="x")
    assert (made.seed, made.trust_code, made.predictions) == (3, False, str(answers.resolve()))
    assert type(made.seed) is int and type(made.trust_code) is bool
    assert as_settings({"seed": None, "other": object}, {"seed": 0}) == {"other": object}


def test_a_case_made_with_numpy_numbers_opens_again(answers: Path, tmp_path: Path) -> None:
    with open_case(predictions=answers, seed=np.int64(5), out=tmp_path / "case") as case:
        assert case.evaluate().facts
    assert load_config(tmp_path / "case").seed == 5
    with open_case(tmp_path / "case") as case:
        assert case.seed == 5
    with pytest.raises(UserError, match="There is no level"):
        open_case(tmp_path / "case", level="wizard")


def test_a_cell_that_is_run_twice_is_told_how_to_go_on(answers: Path, tmp_path: Path) -> None:
    case = open_case(predictions=answers, out=tmp_path / "case")
    with pytest.raises(UserError, match=r"open already in this Python program.*case\.close\(\)"):
        open_case(predictions=answers, out=tmp_path / "case")
    case.close()
    open_case(predictions=answers, out=tmp_path / "case").close()
    with pytest.raises(UserError, match=r"is closed\. Open it again"):
        case.expect("accuracy", 0.9)
    with pytest.raises(ReadOnly):
        Journal(tmp_path / "case", write=False).append("x", {})


def test_an_expectation_of_what_does_not_exist_is_refused(answers: Path, tmp_path: Path) -> None:
    with open_case(predictions=answers, out=tmp_path / "case") as case:
        for name in ("acuracy", "recall.kitchen", "accuracy[weather=rain]"):
            with pytest.raises(UserError):
                case.expect(name, 0.9)
        case.expect("recall.cat", 0.9)
        assert [e.name for e in case.expectations] == ["recall.cat"]


def test_a_tool_of_a_case_shows_its_arguments(tmp_path: Path) -> None:
    table, model = television_world(30)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    shown = inspect.signature(case.find_slices)
    assert "depth" in shown.parameters and "view" not in shown.parameters
    assert all(p.kind is p.KEYWORD_ONLY for p in shown.parameters.values())
    with pytest.raises(TypeError, match=r"by name, as in case\.find_slices\("):
        case.find_slices(2)
