"""A report that another program told: what of it can be checked is, and what can't is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from failsight.agent.cli import main
from failsight.agent.journal import Journal
from failsight.agent.narrate import bank, examined_file, write_reports
from failsight.agent.narrate.claims import other_claims, other_values
from failsight.agent.narrate.html import CONTENT_PLACE, content_digest
from failsight.agent.narrate.markdown import TEXT_PLACE, text_digest
from failsight.agent.state import fold
from tests.fakes.told import tell

MADE = ("html", "md", "model-card", "datasheet")


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tell(tmp_path / "case")


def write(folder: Path, made: str) -> Path:
    journal = Journal(folder, write=False)
    return write_reports(folder, fold(journal), journal.events, (made,))[0]


def forge(path: Path, *pairs: tuple[str, str]) -> None:
    """Edit a report as somebody does who mends its digest, too."""
    text = path.read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    place, digest = (CONTENT_PLACE, content_digest) if path.suffix == ".html" else (TEXT_PLACE, text_digest)
    mark = 'content-sha256" content="' if path.suffix == ".html" else "this text:      "
    start = text.index(mark) + len(mark)
    blank = text[:start] + place + text[start + 64 :]
    path.write_text(blank.replace(place, digest(blank), 1))


def version_of(path: Path, version: str) -> tuple[str, str]:
    if path.suffix == ".html":
        return f'failsight:version" content="{bank.installed()}"', f'failsight:version" content="{version}"'
    return f"by Failsight {bank.installed()}", f"by Failsight {version}"


@pytest.mark.parametrize("made", MADE)
def test_a_report_that_reads_the_same_is_whole_whoever_wrote_it(told: Path, made: str) -> None:
    path = write(told, made)
    forge(path, version_of(path, "0.0.9"))
    checked = examined_file(path, told)
    assert (checked.wrong, checked.untold, checked.read) == ([], [], 1)


@pytest.mark.parametrize("made", MADE)
def test_another_version_can_t_be_told_again_and_that_is_neither_whole_nor_false(
    told: Path, made: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(told, made)
    forge(path, version_of(path, "0.0.9"), ("Say which room it is", "Say which of the rooms it is"))
    assert main(["verify", str(path), "--case", str(told)]) == 4
    said = capsys.readouterr().out
    assert f"was written by Failsight 0.0.9, this is {bank.installed()}" in said
    assert "can't be told again" in said and "which of the rooms" in said
    assert main(["verify", str(path), "--case", str(told), "--json"]) == 4
    out = json.loads(capsys.readouterr().out)
    assert not out["whole"] and out["report"] == [] and len(out["untold"]) == 1


@pytest.mark.parametrize("made", ["html", "md"])
@pytest.mark.parametrize(
    ("true", "false"), [("The model is not ready", "The model is ready"), ("82.0 %", "92.0 %")]
)
def test_a_forged_number_or_verdict_is_found_behind_another_version(
    told: Path, made: str, true: str, false: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(told, made)
    forge(path, version_of(path, "0.0.9"), (true, false))
    assert main(["verify", str(path), "--case", str(told)]) == 2
    said = capsys.readouterr().out
    assert "The journal says" in said and false in said


def test_a_knowledge_base_that_grew_accuses_nobody(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(told, made) for made in (*MADE, "json")]
    assert [examined_file(p, told).read for p in paths] == [1, 1, 1, 1, 0]
    titles = {**bank.question_titles(), "quality.99": "Is it any good?"}
    for place in ("coverage", "report"):
        monkeypatch.setattr(f"failsight.agent.narrate.{place}.question_titles", lambda: titles)
    monkeypatch.setattr("failsight.agent.narrate.check.told_with", lambda: "f" * 16)
    for path in paths:
        checked = examined_file(path, told)
        assert checked.wrong == []
    page = examined_file(paths[0], told)
    assert page.untold and "another knowledge base" in page.untold[0]


def test_the_same_program_has_no_excuse(told: Path) -> None:
    path = write(told, "md")
    forge(path, ("Say which room it is", "Say which of the rooms it is"))
    checked = examined_file(path, told)
    assert checked.untold == [] and "says what the journal does not say" in checked.wrong[0]


def test_findings_of_another_program_are_held_to_what_both_write(told: Path) -> None:
    path = write(told, "json")
    whole = json.loads(path.read_text())
    whole["journal"]["told_with"] = "f" * 16
    path.write_text(json.dumps({**whole, "new_in_0.9": 1}))
    checked = examined_file(path, told)
    assert checked.wrong == [] and "is put together otherwise" in checked.untold[0]
    forged = json.loads(path.read_text())
    forged["readiness"]["verdict"] = "ready"
    path.write_text(json.dumps(forged))
    checked = examined_file(path, told)
    assert checked.untold == [] and "(at readiness.verdict)" in checked.wrong[0]
    path.write_text(json.dumps({**whole, "findings": whole["findings"][1:]}))
    assert "(at findings)" in examined_file(path, told).wrong[0]


def test_claims_are_numbers_and_verdicts_in_sentences_that_both_know() -> None:
    told = [
        "<p>Accuracy on the data is <b>74.2 %</b>. The model is not ready.</p>",
        "7 of 9 were asked, as 3.5 % say.",
    ]
    assert other_claims(told, told) == []
    assert other_claims(["Accuracy on the data is 94.2 %. The model is ready."], told) == [
        ("Accuracy on the data is 94.2 %.", "Accuracy on the data is 74.2 %."),
        ("The model is ready.", "The model is not ready."),
    ]
    assert (
        other_claims(["Quite another sentence of 94.2 % says that."], told) == []
    )  # may be of another version
    assert other_claims(["<td>94.2 %", "<td>b"], ["<td>a", "<td>74.2 %", "<td>b"]) == []  # another table
    assert other_claims(["a", "<td>94.2 %", "b"], ["a", "<td>74.2 %", "b"]) == [("94.2 %", "74.2 %")]
    rows = ["a", "<td>94.2 %", "b", "<td>74.2 %"]
    assert other_claims(rows, ["a", "<td>74.2 %", "b", "<td>94.2 %"]) == []  # rows in another order
    assert other_claims(["7 of 10 questions were asked."], ["7 of 9 questions were asked."]) == []
    assert other_claims(["Errors fell by −3.5 % in there."], ["Errors fell by 3.5 % in there."]) != []


def test_values_differ_where_both_have_them() -> None:
    one = {"a": [{"p": 0.1, "text": "one sentence"}], "b": 1}
    assert other_values(one, {"a": [{"p": 0.1, "text": "another sentence"}], "c": 2}) == ""
    assert other_values(one, {"a": [{"p": 0.2}]}) == "a[0].p"
    assert other_values(one, {"a": []}) == "a"
    assert other_values(one, {"a": {"p": 0.1}}) == "a"
    rows = [{"id": "F1", "p": 0.1}, {"id": "F2", "p": 0.2}]
    assert other_values({"f": rows}, {"f": rows[::-1]}) == ""  # another order of what has names
    assert other_values({"f": rows[:1]}, {"f": rows}) == "f"
    assert other_values({"f": rows}, {"f": [rows[0], {"id": "F2", "p": 0.3}]}) == "f.F2.p"
