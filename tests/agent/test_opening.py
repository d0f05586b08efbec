"""Opening a case: nothing in its folder is written while another Failsight has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent import open_case
from failsight.agent.cli import main
from failsight.tools.errors import UserError


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    rows = [f"{i}.png,{'ab'[i % 2]},{'ab'[i % 3 % 2]},0.9" for i in range(60)]
    path = tmp_path / "answers.csv"
    path.write_text("\n".join(["path,label,prediction,confidence", *rows]))
    return path


def held(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_a_case_that_is_open_elsewhere_keeps_its_settings(
    answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "case"
    with open_case(predictions=answers, out=folder):
        before = held(folder)
        assert main(["chat", str(folder), "--encoder", "rooms", "--plain"]) == 2
        assert "open in another Failsight" in capsys.readouterr().err
        with pytest.raises(UserError, match="open in another"):
            open_case(predictions=answers, out=folder, encoder="rooms")
        assert held(folder) == before
    open_case(folder, encoder="rooms").close()
    assert 'encoder = "rooms"' in (folder / "case.toml").read_text()


def test_two_that_begin_the_same_case_do_not_write_over_each_other(answers: Path, tmp_path: Path) -> None:
    from failsight.agent.journal import Journal

    folder = tmp_path / "case"
    folder.mkdir()
    first = Journal(folder)  # it has taken the folder, and written nothing yet
    with pytest.raises(UserError, match="open in another"):
        open_case(predictions=answers, out=folder)
    assert not (folder / "case.toml").exists()
    first.close()
    with open_case(predictions=answers, out=folder) as case:
        assert case.state().config and (folder / "case.toml").exists()


def test_a_folder_of_another_case_is_refused_as_it_stands(answers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    open_case(predictions=answers, out=folder).close()
    other = tmp_path / "other.csv"
    other.write_bytes(answers.read_bytes())
    before = held(folder)
    with pytest.raises(UserError, match="about something else"):
        open_case(predictions=other, out=folder, encoder="rooms")
    assert held(folder) == before
    open_case(predictions=answers, out=folder).close()  # the lock was given back
