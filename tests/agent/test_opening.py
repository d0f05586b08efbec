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
        assert "is open already" in capsys.readouterr().err
        with pytest.raises(UserError, match="is open already"):
            open_case(predictions=answers, out=folder, encoder="rooms")
        assert held(folder) == before
    open_case(folder, encoder="rooms").close()
    assert 'encoder = "rooms"' in (folder / "case.toml").read_text()


def test_two_that_begin_the_same_case_do_not_write_over_each_other(answers: Path, tmp_path: Path) -> None:
    from failsight.agent.journal import Journal

    folder = tmp_path / "case"
    folder.mkdir()
    first = Journal(folder)  # it has taken the folder, and written nothing yet
    with pytest.raises(UserError, match="is open already"):
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


class TestWhatACaseKeeps:
    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("--seed", "3"),
            ("--name", "other"),
            ("--task", "others"),
            ("--map", "a=b"),
            ("--out", "elsewhere"),
        ],
    )
    def test_another_value_is_refused_in_a_sentence(
        self, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
    ) -> None:
        folder = tmp_path / "case"
        open_case(predictions=answers, out=folder, name="post").close()
        before = held(folder)
        for command in (["run"], ["chat", "--plain"]):
            assert main([*command, str(folder), option, value]) == 2
            said = capsys.readouterr().err
            assert f"{option} were both given, and a case keeps what it was opened with." in " ".join(
                said.split()
            )
        assert held(folder) == before

    def test_what_it_has_may_be_repeated(self, answers: Path, tmp_path: Path) -> None:
        from failsight.agent.opening import check_kept

        folder = tmp_path / "case"
        open_case(predictions=answers, out=folder, name="post\x07", seed=4).close()
        check_kept(
            folder,
            {"seed": 4, "name": "post\x07", "task": None, "class_map": None},
            folder / "." / ".." / "case",
        )
        with pytest.raises(UserError, match="--seed"):
            check_kept(folder, {"seed": 0})


class TestDataThatChanged:
    def changed(self, answers: Path, tmp_path: Path, text: str) -> str:
        folder = tmp_path / "case"
        if not folder.exists():
            open_case(predictions=answers, out=folder).close()
        answers.write_text(text)
        with pytest.raises(UserError) as told:
            open_case(folder)
        assert "--out" in told.value.hint
        return str(told.value)

    def test_a_column_that_was_added_is_named(self, answers: Path, tmp_path: Path) -> None:
        rows = answers.read_text().splitlines()
        wider = [f"{row},{'site' if i == 0 else i % 4}" for i, row in enumerate(rows)]
        said = self.changed(answers, tmp_path, "\n".join(wider))
        assert said.startswith(
            "The column site was added to the table of the evaluation images since the case case was opened; "
            "pictures, labels and answers are the same."
        )
        two = [f"{row},{'lot' if i == 0 else i % 3}" for i, row in enumerate(wider)]
        assert "The columns lot and site were added to" in self.changed(answers, tmp_path, "\n".join(two))

    def test_a_column_that_changed_or_went(self, answers: Path, tmp_path: Path) -> None:
        rows = answers.read_text().splitlines()
        answers.write_text("\n".join(f"{row},{'site' if i == 0 else i % 4}" for i, row in enumerate(rows)))
        other = [f"{row},{'site' if i == 0 else i % 5}" for i, row in enumerate(rows)]
        assert "The column site was changed in" in self.changed(answers, tmp_path, "\n".join(other))
        assert "The column site was taken from" in self.changed(answers, tmp_path, "\n".join(rows))

    def test_answers_labels_and_rows(self, answers: Path, tmp_path: Path) -> None:
        text = answers.read_text()
        said = self.changed(answers, tmp_path, text.replace("0.png,a,a", "0.png,a,b"))
        assert said.startswith(
            "The model's answers of the evaluation images have changed since the case case"
        )
        said = self.changed(answers, tmp_path, text.replace("0.png,a,a", "0.png,b,a"))
        assert said.startswith("The labels of the evaluation images have changed since")
        said = self.changed(answers, tmp_path, "\n".join(text.splitlines()[:-1]))
        assert "have changed since the case case was opened: some were added, removed" in said

    def test_a_case_of_before_says_what_it_can(self) -> None:
        from failsight.agent.changed import told

        assert told("deploy", {}, {}) == (
            "The deployment images, their labels, answers or columns have changed",
            "",
        )


class TestBudget:
    @pytest.mark.parametrize("given", ["foo=1", "calls=x", "calls", "calls=0", "usd=nan", "=5"])
    def test_what_cannot_be_read_is_refused_whoever_plans(
        self, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str
    ) -> None:
        folder = tmp_path / "case"
        assert main(["run", "--predictions", str(answers), "--out", str(folder), "--budget", given]) == 2
        assert "can't be read" in capsys.readouterr().err and not folder.exists()
        open_case(predictions=answers, out=folder).close()
        assert main(["run", str(folder), "--budget", given]) == 2
        assert "budget" in capsys.readouterr().err

    def test_whom_the_caps_bind_is_said(self, answers: Path, tmp_path: Path) -> None:
        from failsight.agent.opening import opening_words

        with open_case(predictions=answers, out=tmp_path / "case", budget="calls=5") as case:
            assert any("(calls=5) bind a language model" in text for text in opening_words(case))
        with open_case(predictions=answers, out=tmp_path / "other") as case:
            assert not any("budget" in text for text in opening_words(case))


def test_pictures_that_are_not_at_hand_are_said_first_and_where_they_are_missed(
    answers: Path, tmp_path: Path
) -> None:
    from failsight.agent.opening import opening_words
    from failsight.tools.errors import RetryError

    with open_case(predictions=answers, out=tmp_path / "case") as case:
        assert any(
            "60 of 60 images are not at hand (the first: the file is missing)" in t
            for t in opening_words(case)
        )
        with pytest.raises(
            RetryError, match="The pictures of the 60 evaluation images are not at hand: none of their files"
        ):
            case.call("data_statistics")
        with pytest.raises(RetryError, match="of the 30 evaluation images of a are not at hand"):
            case.call("data_statistics", {"class_name": "a"})


def test_an_argument_that_is_wrong_is_no_reason_to_list_the_others(answers: Path, tmp_path: Path) -> None:
    from failsight.tools.errors import RetryError
    from failsight.tools.registry import registry

    with pytest.raises(RetryError, match="argument 'split'") as told:
        registry()["evaluate"].check({"split": "nowhere"})
    assert "Choose from" not in str(told.value) and "'data', 'train'" in str(told.value)
    with pytest.raises(RetryError, match=r"argument 'splits'.*Choose from: split"):
        registry()["evaluate"].check({"splits": "data"})


def test_a_case_stays_where_it_was_opened(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere" / "case").mkdir(parents=True)
    with open_case(predictions=answers, out="elsewhere/case") as other:
        other.confusion_matrix()
    (tmp_path / "elsewhere" / "elsewhere").mkdir()
    open_case(predictions=answers, out="elsewhere/elsewhere/case", name="another").close()
    before = held(tmp_path / "elsewhere" / "elsewhere" / "case")
    with open_case("elsewhere/case") as case:
        monkeypatch.chdir(tmp_path / "elsewhere")  # where "elsewhere/case" is another case
        made = case.evaluate()
        case.save_figure("a", "<svg/>", title="a", alt="a")
    assert held(tmp_path / "elsewhere" / "elsewhere" / "case") == before
    assert (tmp_path / "elsewhere" / "case" / "evidence" / f"{made.id}.json").is_file()
    assert list((tmp_path / "elsewhere" / "case" / "figures").iterdir())


def test_sentences_tell_of_a_folder_as_it_is_seen_from_here(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from failsight.agent.places import shown_place

    monkeypatch.chdir(tmp_path)
    assert main(["run", "--predictions", str(answers), "--out", "case"]) in (0, 3, 4)
    told = "".join(capsys.readouterr())
    assert "failsight chat case" in told and str(tmp_path / "case") not in told
    monkeypatch.chdir("/")
    assert shown_place(tmp_path / "case") == str(tmp_path / "case").lstrip("/")
    monkeypatch.chdir(tmp_path)
    assert shown_place(Path("/nowhere/case")) == "/nowhere/case" and shown_place(tmp_path) == "."
