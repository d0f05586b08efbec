"""A case whose model or images are not where they were: looked at all the same, and told where they are now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from failsight.agent import open_case
from failsight.agent.cli import main
from failsight.agent.config import load_config
from failsight.agent.journal import Journal
from failsight.tools.errors import UserError


def answers_in(folder: Path, other: str = "b") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{i}.png,{'ab'[i % 2]},{'ab'[i % 3 % 2]},0.9,{'dn'[i % 4 // 2]}" for i in range(60)]
    rows[-1] = f"59.png,b,{other},0.9,d"
    path = folder / "answers.csv"
    path.write_text("\n".join(["path,label,prediction,confidence,light", *rows]))
    return path


@pytest.fixture
def handed_on(tmp_path: Path) -> Path:
    """A case that was measured and judged, and whose answers are not there any more."""
    given = answers_in(tmp_path / "there")
    with open_case(predictions=given, out=tmp_path / "case", expectations={"accuracy": 0.9}) as case:
        case.evaluate()
        case.readiness()
    shutil.rmtree(tmp_path / "there")
    return tmp_path / "case"


def test_what_was_measured_is_shown_without_model_and_images(
    handed_on: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = len(Journal(handed_on, write=False).events)
    assert main(["call", str(handed_on), "evaluate"]) == 0
    said = capsys.readouterr()
    assert "is shown from the journal" in said.err and "accuracy" in said.out.casefold()
    assert main(["call", str(handed_on), "readiness"]) == 0
    capsys.readouterr()
    assert main(["call", str(handed_on), "confusion_matrix"]) == 2
    said = capsys.readouterr()
    assert "confusion_matrix was not measured so" in said.err and "--predictions NEW" in said.err
    assert len(Journal(handed_on, write=False).events) == n  # a call that can't run leaves no trace


def test_people_sign_and_expect_without_model_and_images(
    handed_on: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["signoff", str(handed_on), "--by", "Ann"]) == 0
    assert "Ann signed it off as not ready" in capsys.readouterr().out
    assert main(["expect", str(handed_on), "accuracy[light=d]>=0.8", "recall.a>=0.7", "--by", "Ann"]) == 0
    said = capsys.readouterr().out
    assert "recall.a ≥ 70.0 %  (Ann)" in said and "was not looked at" in said
    assert main(["expect", str(handed_on), "recall.zebra>=0.7", "--by", "Ann"]) == 2
    assert "There is no class 'zebra'" in capsys.readouterr().err
    assert main(["signoff", str(handed_on), "--by", "Ben", "--decision", "not-ready"]) == 0
    assert "are not at hand for another" in capsys.readouterr().out  # judged before the new expectations
    assert main(["call", str(handed_on), "readiness"]) == 0
    said = capsys.readouterr()
    assert "something that it depends on has changed since" in said.err and "not ready" in said.out
    assert main(["verify", str(handed_on)]) == 0


def test_what_needs_the_images_says_where_their_new_place_is_given(
    handed_on: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", str(handed_on), "--plain"]) == 2
    said = capsys.readouterr().err
    assert (
        "not where they were when it was opened" in said
        and f"failsight chat {handed_on} --predictions NEW" in said
    )
    with pytest.raises(UserError, match="not where they were when it was opened"):
        open_case(handed_on)
    with open_case(handed_on, recorded=True) as case:
        assert case.classes == ("a", "b") and case.evaluate().facts
        with pytest.raises(UserError, match="was not measured so"):
            case.find_slices()


@pytest.mark.parametrize("name", ["errors.html", "errors.csv"])
def test_errors_that_were_drawn_are_written_out_without_pictures(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_case(predictions=answers_in(tmp_path / "there", other="a"), out=tmp_path / "case") as case:
        drawn = case.review_errors(n=40)
        shown = case.show_images(where="wrong")
    shutil.rmtree(tmp_path / "there")
    assert main(["reviews", "export", str(tmp_path / "case"), str(tmp_path / name)]) == 0
    said = capsys.readouterr().out
    assert f"{len(drawn.images)} errors written" in said and "holds no pictures" in said
    text = (tmp_path / name).read_text()
    assert drawn.images and all(i.path in text for i in drawn.images)
    one = shown.images[0]  # seen elsewhere in the record, so label and answer are known
    if name.endswith(".csv"):
        assert f"{one.path},{one.label},{one.prediction}," in text
    else:
        assert "holds no pictures" in text and f"The model says <b>{one.prediction}</b>" in text


def test_moved_answers_are_taken_where_their_content_is_the_same(handed_on: Path, tmp_path: Path) -> None:
    other = answers_in(tmp_path / "other", other="a")
    with pytest.raises(UserError, match="have changed since the case"):
        open_case(handed_on, predictions=other)
    assert "/there/" in load_config(handed_on).predictions  # nothing is kept of what is refused
    same = answers_in(tmp_path / "new")
    with open_case(handed_on, predictions=same) as case:
        assert case.confusion_matrix().facts
    assert load_config(handed_on).predictions == str(same.resolve())
    open_case(handed_on).close()  # said once


def test_a_new_place_is_given_on_the_command_line(
    handed_on: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = answers_in(tmp_path / "new")
    assert main(["run", str(handed_on), "--predictions", str(same)]) in (0, 3, 4)
    capsys.readouterr()
    assert main(["run", str(handed_on), "--train", str(same)]) == 2
    assert "this case was opened without --train" in capsys.readouterr().err
    assert main(["run", str(handed_on), "--predictions", str(tmp_path / "no.csv")]) == 2
    assert "given as predictions" in capsys.readouterr().err
