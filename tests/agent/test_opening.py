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


def test_what_is_said_in_words_is_kept_without_keys_and_control_characters(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret-value-1")
    folder, key = tmp_path / "case", "sk-abcdefghij0123456789"
    name, task = (
        "red\x1b[31m\u202eteam very-secret-value-1\n",
        f"sorts\x00 mail, {key} and very-secret-value-1",
    )
    with open_case(predictions=answers, out=folder, name=name, task=task) as case:
        assert case.name == "red[31mteam <OPENAI_API_KEY>"
        assert case.task == "sorts mail, <key> and <OPENAI_API_KEY>"
    for file in ("case.toml", "journal.jsonl"):
        kept = (folder / file).read_text()
        assert "very-secret" not in kept and key not in kept
        assert "\x1b" not in kept and "u001b" not in kept and "\u202e" not in kept and "u202e" not in kept
    open_case(predictions=answers, out=folder, name=name, task=task).close()  # still the same case


def test_a_settings_file_of_before_is_read_clean(answers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    open_case(predictions=answers, out=folder, name="post").close()
    text = (folder / "case.toml").read_text(encoding="utf-8")
    (folder / "case.toml").write_text(
        text.replace('name = "post"', 'name = "po\\u001b[2Jst"'), encoding="utf-8"
    )
    with open_case(folder) as case:
        assert case.name == "po[2Jst"


def test_an_interrupted_opening_keeps_what_it_looked_at_and_the_next_one_goes_on(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failsight.agent.case import Case

    def stopped(self: Case) -> dict[str, object]:
        self.table()
        raise KeyboardInterrupt

    folder = tmp_path / "case"
    with monkeypatch.context() as patched:
        patched.setattr(Case, "facts", stopped)
        with pytest.raises(KeyboardInterrupt):
            open_case(predictions=answers, out=folder)
    assert folder.is_dir()
    open_case(predictions=answers, out=folder).close()


def test_what_lies_beside_a_case_that_failed_is_left_where_it_is(answers: Path, tmp_path: Path) -> None:
    """Somebody's file came into the new folder meanwhile: the case goes, the file stays."""

    def fail(case: object) -> None:
        (tmp_path / "new" / "case" / "mine.txt").write_text("mine")
        raise UserError("no", "yes")

    with pytest.raises(UserError):
        open_case(predictions=answers, out=tmp_path / "new" / "case", begin=fail)
    assert [p.name for p in (tmp_path / "new").rglob("*")] == ["case", "mine.txt"]


def test_a_torn_journal_is_nobody_s_leftover(answers: Path, tmp_path: Path) -> None:
    """Half a first line, as a crash leaves it: a failed opening takes nothing of it away."""
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "journal.jsonl").write_bytes(b'{"seq": 1, "ki')

    def fail(case: object) -> None:
        raise UserError("no", "yes")

    with pytest.raises(UserError, match="no"):
        open_case(predictions=answers, out=folder, begin=fail)
    assert (folder / "journal.jsonl").exists()
