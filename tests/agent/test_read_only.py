"""A case folder that can't be written can be looked at; what would write says so, with advice that exists."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight.agent.cli import main
from failsight.agent.journal import Journal, ReadOnly
from failsight.agent.narrate import write_reports
from failsight.agent.opening import open_case, open_to_look
from failsight.agent.state import fold


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A black box of 60 answers, evaluated."""
    rows = [f"{k}.png,{'ab'[k % 2]},{'ab'[k % 3 % 2]}" for k in range(60)]
    table = tmp_path / "answers.csv"
    table.write_text("\n".join(["path,label,prediction", *rows]) + "\n")
    with open_case(predictions=str(table), out=str(tmp_path / "case")) as made:
        made.call("evaluate", by="person")
        made.expect("accuracy", 0.9)
    return tmp_path / "case"


@pytest.fixture
def closed(case: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The case as somebody has it who may not write there; root may, so that the lock is what refuses."""
    real = open

    def refused(file: object, mode: str = "r", *args: object, **kwargs: object) -> object:
        if str(file).startswith(str(case)) and set(mode) & set("wa+x"):
            raise PermissionError(13, "Permission denied", str(file))
        return real(file, mode, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", refused)
    before = {p: p.read_bytes() for p in case.rglob("*") if p.is_file()}
    yield case
    assert {p: p.read_bytes() for p in case.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["signoff", "CASE"], "Nobody has signed it off."),
        (["expect", "CASE"], "accuracy"),
        (["call", "CASE", "evaluate"], "66.7 %"),
    ],
)
def test_looking_works(closed: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main([str(closed) if w == "CASE" else w for w in words]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["signoff", "CASE", "--by", "Ann", "--decision", "ready"],
        ["expect", "CASE", "accuracy>=0.5"],
        ["call", "CASE", "confusion_matrix"],
        ["run", "CASE"],
    ],
)
def test_what_would_write_says_what_to_do(
    closed: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main([str(closed) if w == "CASE" else w for w in words]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "cannot be written" in said and "copy the folder to a place that is" in said
    assert "--out" not in said


def test_a_report_can_be_written_elsewhere(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(case), "--out", str(tmp_path / "told" / "here")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.split()]
    assert [p.name for p in written] == ["report.md", "report.html", "findings.json"]
    assert all(p.parent == tmp_path / "told" / "here" and p.is_file() for p in written)
    assert not (case / "report.md").exists()
    for line in written[0].read_text().splitlines():
        if "](figures/" in line:
            assert (written[0].parent / line.rpartition("](")[2].rstrip(")")).is_file()
    assert any((written[0].parent / "figures").iterdir())
    assert main(["verify", str(written[1]), "--case", str(case)]) == 0
    (tmp_path / "file").write_text("")
    assert main(["report", str(case), "--out", str(tmp_path / "file")]) == 2
    assert "Give another --out." in " ".join(capsys.readouterr().err.split())


def test_no_figure_goes_where_pictures_are_withheld(case: Path, tmp_path: Path) -> None:
    journal = Journal(case, write=False)
    write_reports(
        case, fold(journal), journal.events, redact_images=True, formats=("md",), out=tmp_path / "told"
    )
    assert [p.name for p in (tmp_path / "told").iterdir()] == ["report.md"]


def test_a_journal_that_was_changed_is_not_shown_as_if_it_were_whole(closed: Path) -> None:
    raw = (closed / "journal.jsonl").read_text()
    try:
        os.chmod(closed / "journal.jsonl", 0o644)
        os.write(
            fd := os.open(closed / "journal.jsonl", os.O_WRONLY | os.O_TRUNC),
            raw.replace("person", "persoN", 1).encode(),
        )
        with pytest.raises(Exception, match="was changed outside Failsight"):
            open_to_look(closed)
    finally:
        os.ftruncate(fd, 0)
        os.pwrite(fd, raw.encode(), 0)
        os.close(fd)


def test_a_journal_that_is_only_read_takes_no_event(case: Path) -> None:
    with pytest.raises(ReadOnly, match="would add to its journal"):
        Journal(case, write=False).append("note", {})


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() == 0, reason="root may write anywhere")
def test_with_the_rights_of_a_reader(case: Path) -> None:
    for path in (*case.rglob("*"), case):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        made = subprocess.run(
            [sys.executable, "-m", "failsight", "signoff", str(case)], capture_output=True, text=True
        )
    finally:
        for path in (case, *case.rglob("*")):
            path.chmod(0o755)
    assert made.returncode == 0, made.stderr
