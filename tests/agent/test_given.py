"""What Python programs give: objects, numbers of numpy, notebook cells run twice."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

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


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"policy": "nosuch"}, "There is no policy 'nosuch'"),
        ({"planner": "foo"}, "There is no planner 'foo'"),
        ({"planner": "openai:"}, "There is no planner 'openai:'"),
        ({"repair": "everything"}, "names no findings"),
        ({"encoder": "nope/"}, "There is no nope (given as encoder)"),
        ({"budget": "lots"}, "lots"),
        ({"map": "garden"}, "class_map can't be 'garden'"),
        ({"map": {"a": "b"}, "class_map": {"a": "c"}}, "class_map is given twice"),
    ],
)
def test_what_a_setting_names_is_looked_up_when_a_case_is_opened(
    answers: Path, tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as refused:
        open_case(predictions=answers, out=tmp_path / "case", **given)
    assert words in str(refused.value) and not (tmp_path / "case").exists()
    open_case(predictions=answers, out=tmp_path / "case").close()
    before = (tmp_path / "case" / "case.toml").read_text()
    with pytest.raises(UserError) as refused:
        open_case(tmp_path / "case", **given)
    assert words in str(refused.value)
    assert (tmp_path / "case" / "case.toml").read_text() == before


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "other"}, "name"),
        ({"task": "other"}, "task"),
        ({"seed": 7}, "seed"),
        ({"map": {"a": "cat"}}, "map"),
        ({"threshold": {"cat": 0.5}}, "threshold"),
        ({"trust_code": True}, "trust-code"),
        ({"out": "elsewhere"}, "out"),
    ],
)
def test_what_a_case_keeps_is_not_changed_in_passing(
    answers: Path, tmp_path: Path, given: dict[str, Any], option: str
) -> None:
    open_case(predictions=answers, out=tmp_path / "case", name="one", task="sorts").close()
    with pytest.raises(UserError, match=f"--{option} were both given, and a case keeps what it was opened"):
        open_case(tmp_path / "case", **given)
    open_case(tmp_path / "case", name="one", task="sorts", seed=0, out=tmp_path / "case").close()


def test_settings_have_the_names_of_the_command_line_too(tmp_path: Path) -> None:
    rows = [f"{i}.png,{'kat' if i % 2 else 'dog'},0.{i % 9 + 1},0.{9 - i % 9},p{i % 10}" for i in range(60)]
    table = tmp_path / "answers.csv"
    table.write_text("\n".join(["path,label,cat,dog,patient", *rows, ""]))
    given = {"predictions": table, "map": "kat=cat", "threshold": "dog=0.4"}
    with open_case(**given, groups="patient", out=tmp_path / "case") as case:
        assert case.groups == "patient"
        assert (dict(case.config.class_map), dict(case.config.thresholds)) == ({"kat": "cat"}, {"dog": "0.4"})
    assert make_config(predictions=table, map={"kat": "cat"}).class_map == {"kat": "cat"}
    open_case(tmp_path / "case", threshold={"dog": np.float64(0.4)}).close()
    with pytest.raises(UserError, match="--groups"):
        open_case(tmp_path / "case", groups="hospital")
    for open_again in (lambda: open_case(tmp_path / "case", maps={}), lambda: make_config(maps={})):
        with pytest.raises(TypeError, match=r"no setting 'maps'\. Did you mean map\?.*There are name, task"):
            open_again()


def test_expectations_are_numbers_or_the_sentences_of_the_command_line(answers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    open_case(predictions=answers, out=folder).close()
    for wrong, words in (
        ({"accuracy": True}, "accuracy can't be expected to be True"),
        ({"accuracy": np.bool_(True)}, "accuracy can't be expected to be an object (bool"),
        ({"recall.cat": "0.9"}, "recall.cat can't be expected to be '0.9'"),
        ({"recall.cat": None}, "recall.cat can't be expected to be an object (NoneType)"),
        ({3: 0.9}, "An expectation can't be an object (int)"),
        (0.9, "An expectation can't be an object (float)"),
        (["accuracy>=0.9", 0.9], "An expectation can't be an object (float)"),
        (["accuracy>=0.9", "so so"], "states no bound"),
        ({"accuracy": float("nan")}, "lies between 0 and 1"),
    ):
        with pytest.raises(UserError) as refused:
            open_case(folder, expectations=wrong)  # type: ignore[arg-type]
        assert words in str(refused.value), wrong
    with open_case(folder) as case:
        assert not case.expectations  # all of it, or nothing
        for bound in (True, "0.9"):
            with pytest.raises(UserError, match="can't be expected to be"):
                case.expect("accuracy", bound)  # type: ignore[arg-type]
    with open_case(folder, expectations="accuracy>=0.9") as case:
        assert [(e.name, e.bound) for e in case.expectations] == [("accuracy", 0.9)]
    with open_case(folder, expectations=["recall.cat>=0.8", "ece<=0.1"]) as case:
        assert [(e.name, e.bound, e.at_least) for e in case.expectations][1:] == [
            ("recall.cat", 0.8, True),
            ("ece", 0.1, False),
        ]
    with open_case(folder, expectations={"recall.dog": np.float32(0.5)}) as case:
        assert case.expectations[-1].bound == 0.5


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


def test_a_notebook_shows_the_figures_of_evidence(answers: Path, tmp_path: Path) -> None:
    with open_case(predictions=answers, out=tmp_path / "case") as case:
        made = case.confusion_matrix()
        page = made._repr_html_()
        assert made.figures and page.count("<img ") == len(made.figures)
        assert 'src="data:image/' in page and str(tmp_path) not in page and "<script" not in page
        assert made == case.call("confusion_matrix", {})[0] == made  # the journal's, and nothing more
        assert made.to_dict() == case.call("confusion_matrix", {})[0].to_dict()
        for figure in made.figures:
            (case.folder / figure.path).unlink()
        assert "<img" not in made._repr_html_() and f"figure: {made.figures[0].path}" in made._repr_html_()


def test_no_picture_is_taken_from_elsewhere_or_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failsight.agent.shown import shown
    from failsight.tools.evidence import Evidence, Figure

    (tmp_path / "case").mkdir()
    for place in ("secret.png", "case/a.png"):
        Image.new("RGB", (40, 40), "red").save(tmp_path / place)
    for place in ("case/b.txt", "case/broken.png"):
        (tmp_path / place).write_bytes(b"x" * 100)
    names = ("../secret.png", "a.png", "b.txt", "broken.png", "no.png")
    figures = tuple(Figure("<b>", p, 'a"lt') for p in names)
    made = shown(Evidence("t", "title", "summary", figures=figures), tmp_path / "case")
    page = made._repr_html_()
    assert page.count("<img ") == 1 and 'alt="a&quot;lt"' in page and "<b>" not in page
    monkeypatch.setattr("failsight.agent.shown.LARGEST", 99)
    assert "<img" not in made._repr_html_()
