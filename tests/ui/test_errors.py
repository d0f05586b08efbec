"""Errors to exit codes and one line; crash reports hold no secrets."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from failsight.agent.ui.errors import STOPPED_LINE, bug_line, crash_report, guard, sentence
from failsight.tools.errors import RetryError, UserError


def raises(error: BaseException) -> int:
    raise error


def chained(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("No model at /x.", "Give --model."), 2, "No model at /x. Give --model."),
        (RetryError("No tool 'x'.", ["a", "b"]), 2, "No tool 'x'. Choose from: a, b."),
        (KeyboardInterrupt(), 130, STOPPED_LINE),
        (BrokenPipeError(), 141, ""),
        (SystemExit(7), 7, ""),
        (
            ValueError("literal serializer: KeyboardInterrupt"),
            130,
            STOPPED_LINE,
        ),  # a library's own error out of Ctrl-C
        (chained(RuntimeError("broken"), KeyboardInterrupt()), 130, STOPPED_LINE),
        (SystemExit(None), 0, ""),
    ],
)
def test_errors_become_codes_and_one_line(error: BaseException, code: int, line: str) -> None:
    err = io.StringIO()
    assert guard(lambda: raises(error), err=err) == code
    assert err.getvalue().strip() == line


def test_the_code_of_the_command_is_passed_on() -> None:
    assert [guard(lambda: 3), guard(lambda: None)] == [3, 0]


def test_a_bug_leaves_a_report_in_the_case_and_says_where(tmp_path: Path) -> None:
    err = io.StringIO()
    assert guard(lambda: raises(ZeroDivisionError("oh")), lambda: tmp_path, err) == 1
    (report,) = tmp_path.glob("crash-*.txt")
    assert str(report) in err.getvalue() and err.getvalue().count("\n") == 1
    text = report.read_text()
    assert "ZeroDivisionError: oh" in text and "raise error" in text and "Traceback" in text


def test_without_a_case_the_report_goes_to_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = crash_report(ValueError("x"), tmp_path / "gone")
    assert path is not None and path.parent == tmp_path / "failsight"


def test_no_place_to_write_is_no_second_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "write_text", refuse)
    assert crash_report(ValueError("x")) is None
    assert "ValueError: x" in bug_line(ValueError("x"))


def test_keys_and_values_of_variables_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "abcdef-not-for-you")
    monkeypatch.setenv("DB_PASSWORD", "hunter2hunter2")
    secret = "a_local_value"  # locals are not written either
    error = ValueError("Bearer tok.en/1 for sk-proj-12345678 and abcdef-not-for-you and hunter2hunter2")
    assert secret
    path = crash_report(error, tmp_path)
    assert path is not None
    text = path.read_text()
    for leaked in ("abcdef", "hunter2", "12345678", "tok.en", "a_local_value", str(Path.home())):
        assert leaked not in text
    assert sentence(error) == "Bearer <key> for <key> and <SOME_API_KEY> and <DB_PASSWORD>"


def test_a_reader_that_leaves_is_met_with_silence() -> None:
    code = (
        "import sys\nfrom failsight.agent.ui.errors import guard\n"
        "def f():\n    for _ in range(200_000): print('line')\n"
        "sys.exit(guard(f))"
    )
    run = subprocess.run(
        f"{sys.executable} -c \"$CODE\" | head -1; echo ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", env={"CODE": code, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert run.stdout.split() == ["line", "141"]
    assert run.stderr == ""
