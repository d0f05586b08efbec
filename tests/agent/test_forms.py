"""Questions that only people can answer: out as Markdown, back as journalled, attributed answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.events import PlannerSaid
from failsight.agent.journal import verify
from failsight.agent.people import forms
from failsight.agent.session import Session
from failsight.tools.errors import UserError
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(120)
    return FakeCase(tmp_path / "case", {"data": table}, model)


def filled(case: FakeCase, by: str = "Ann (requester)", accuracy: str = "90 %") -> str:
    text = forms.markdown(forms.form_named("expectations"), case.classes)
    text = text.replace("<!-- field: by -->\n> ", f"<!-- field: by -->\n> {by}")
    marks = {
        "<!-- field: accuracy (a share, such as 90 %) -->\n> ": accuracy,
        "<!-- field: sign_off (one line) -->\n> ": "Ann",
        "> red_room: ": "0.8",
        "> [ ] safety": "",
    }
    for mark, value in marks.items():
        assert mark in text
        text = text.replace(mark, "> [x] safety" if "safety" in mark else mark + value, 1)
    return text


@pytest.mark.parametrize("name", list(forms.forms()))
def test_every_form_is_written_and_read_back(name: str) -> None:
    form = forms.form_named(name)
    text = forms.markdown(form, ("kitchen", "bath"))
    assert all(f"<!-- field: {f.name} " in text for f in form.fields)
    with pytest.raises(UserError, match="Nobody signed it"):
        forms.parse(text, ("kitchen", "bath"))


def test_answers_become_expectations_with_their_author(case: FakeCase, tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(filled(case), encoding="utf-8")
    made = forms.read_back(case, tmp_path / "form.md")
    assert made.by == "Ann (requester)"
    assert made.answers["reason"] == "safety"
    assert set(made.expectations) == {"accuracy ≥ 0.9", "recall.red_room ≥ 0.8"}
    assert {(e.name, e.bound, e.by) for e in case.expectations} == {
        ("accuracy", 0.9, "Ann (requester)"),
        ("recall.red_room", 0.8, "Ann (requester)"),
    }
    case.close()
    assert verify(case.folder)[1] == []


def test_disagreement_is_shown_and_both_answers_are_kept(case: FakeCase) -> None:
    for by, accuracy in (("Ann", "90 %"), ("Bob", "80")):
        form, who, answers = forms.parse(filled(case, by, accuracy), case.classes)
        made = forms.take(case, form, who, answers)
    assert made.disagreements == ("Ann said 0.9 to 'Least accuracy overall', Bob says 0.8.",)
    assert [a["by"] for a in case.state().forms["expectations"]] == ["Ann", "Bob"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("> 90 %", "> lots", "share between 0 and 1"),
        ("> [x] safety", "> [x] safety\n> [x] a guess", "is one of"),
        ("red_room: 0.8", "ballroom: 0.8", "there is no class 'ballroom'"),
        ("<!-- form: expectations -->", "", "no form of Failsight"),
        ("<!-- form: expectations -->", "<!-- form: horoscope -->", "There is no form"),
    ],
)
def test_what_can_not_be_read_is_said(case: FakeCase, old: str, new: str, said: str) -> None:
    text = filled(case)
    text = text.replace("> [ ] a guess\n", "") if "a guess" in new else text
    assert old in text
    with pytest.raises(UserError, match=said):
        forms.parse(text.replace(old, new, 1), case.classes)
    assert not case.state().forms


def test_control_characters_and_markup_stay_text(case: FakeCase) -> None:
    _, by, answers = forms.parse(filled(case, by="Ann \x1b[31m<script>\u202e"), case.classes)
    assert by == "Ann [31m<script>"
    assert answers["sign_off"] == "Ann"


def test_missing_files_are_one_sentence(case: FakeCase, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can't be read"):
        forms.read_back(case, tmp_path / "none.md")
    (tmp_path / "x.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        forms.read_back(case, tmp_path / "x.md")
    with pytest.raises(UserError, match="can't be written"):
        forms.export(case, "expectations", tmp_path / "no" / "x.md")


def test_in_conversation(case: FakeCase) -> None:
    session = Session(case)
    said = [e.text for e in session.act("/form") if isinstance(e, PlannerSaid)]
    assert "/form expectations" in said[0]
    said = [e.text for e in session.act("/form expectations") if isinstance(e, PlannerSaid)]
    path = case.folder / "form-expectations.md"
    assert str(path) in said[0]
    path.write_text(filled(case), encoding="utf-8")
    said = [e.text for e in session.act(f"/form expectations {path}") if isinstance(e, PlannerSaid)]
    assert "accuracy ≥ 0.9" in said[0]


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from failsight.agent.cli import main

    assert main(["forms", "list"]) == 0
    assert "class_cues" in capsys.readouterr().out
    assert main(["forms", "export", "class_cues", str(tmp_path / "f.md")]) == 0
    assert "(class)" in (tmp_path / "f.md").read_text()
    assert main(["forms", "export", "horoscope", str(tmp_path / "f.md")]) == 2
    assert main(["forms", "import", str(tmp_path)]) == 2
