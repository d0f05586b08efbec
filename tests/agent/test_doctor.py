"""What the doctor finds on machines that lack something, and what it says to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.cli import main
from failsight.agent.commands import doctor, doctor_outside
from failsight.agent.commands.doctor import Check, examine, healthy, lines
from failsight.agent.commands.doctor_outside import planner_checks, terminal_checks


def named(checks: list[Any], name: str) -> Any:
    return next(c for c in checks if c.name == name)


def test_this_machine_has_what_is_needed_and_every_lack_comes_with_advice() -> None:
    checks = examine()
    assert healthy(checks)
    assert all(c.found for c in checks)
    assert all(c.advice for c in checks if not c.ok)
    assert {c.area for c in checks} == {
        "Needed",
        "Formats",
        "Extras",
        "Terminal",
        "Machine",
        "Language model",
    }


def test_json_and_exit_code_say_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Check("Needed", "torch", True, "2.13")
    optional = Check("Extras", "ray", False, "not installed", "pip install 'failsight[ray]'", True)
    bad = Check("Needed", "scipy", False, "missing", "pip install scipy")
    for checks, code in (([good, optional], 0), ([good, optional, bad], 2)):
        monkeypatch.setattr(doctor, "examine", lambda made=checks: made)
        assert main(["doctor", "--json"]) == code
        told = json.loads(capsys.readouterr().out)
        assert told["ok"] is (code == 0)
        assert [c["name"] for c in told["checks"]] == [c.name for c in checks]
        assert main(["doctor"]) == code
        shown = capsys.readouterr().out
        assert ("pip install scipy" in shown) is (code == 2)
        assert "pip install 'failsight[ray]'" in shown
    assert "Missing or unusable: scipy." in shown


def test_a_missing_package_and_one_that_is_too_old_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["torch>=2.6", "scipy>=1.13", "somethingelse>=1; extra == 'ray'", "numpy>=1.26"]
    has = {"torch": "2.4.1+cpu", "numpy": "2.0.0"}
    monkeypatch.setattr(doctor, "requires", lambda _: wanted)
    monkeypatch.setattr(doctor, "_version", has.get)
    checks = doctor._packages()
    assert [c.name for c in checks] == ["torch", "scipy"]  # numpy is there and needs no word
    assert "2.4.1+cpu is not the right version" in checks[0].found
    assert checks[1].found.startswith("missing")
    assert checks[1].advice == "pip install 'scipy>=1.13'"
    assert not healthy(checks)


@pytest.mark.parametrize("extra", doctor.EXTRAS)
def test_every_extra_is_explained_and_is_offered_by_the_project(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    check = named(doctor._extras(), extra)
    assert not check.ok
    assert check.optional
    assert check.advice == f"pip install 'failsight[{extra}]'"
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f"\n{extra} = [" in project


def test_extras_of_the_metadata_are_read_with_their_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: ['ray[data]<3,>=2.60; extra == "ray"', "torch>=2.6"])
    assert doctor._required("ray") == [("ray", "<3,>=2.60")]
    assert doctor._required("") == [("torch", ">=2.6")]


def test_weights_that_did_not_come_along_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._shipped()[0].ok
    monkeypatch.setattr(doctor, "SHIPPED", (*doctor.SHIPPED, "lost_model"))
    check = doctor._shipped()[0]
    assert not check.ok
    assert "lost_model" in check.found


def test_a_plug_in_that_cannot_be_loaded_is_a_lack_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    from failsight.tools import registry as module

    def broken() -> Any:
        raise RuntimeError("no such \x1b[31mthing")

    monkeypatch.setattr(module, "registry", broken)
    check = doctor._tools()
    assert not check.ok
    assert "\x1b" not in check.found


def test_a_torch_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    check = doctor._accelerator()
    assert not check.ok
    assert "libcudart" in check.found


def test_folders_that_cannot_be_written_and_full_disks_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("FAILSIGHT_HOME", str(file / "home"))
    cache = named(doctor._places(), "cache folder")
    assert not cache.ok
    assert not cache.optional
    assert "FAILSIGHT_HOME" in cache.advice
    monkeypatch.setenv("FAILSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(doctor, "LEAST_DISK", 2**80)
    full = named(doctor._places(), "cache folder")
    assert not full.ok
    assert full.advice.startswith("Free at least")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("settings", "ok", "found"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, True, "16 million"),
        ({"TERM": "xterm-256color", "COLORTERM": ""}, True, "256"),
        ({"TERM": "vt100", "COLORTERM": ""}, False, "few or none"),
        ({"TERM": "xterm-256color", "COLORTERM": "", "NO_COLOR": "1"}, True, "NO_COLOR"),
    ],
)
def test_colours_are_read_as_terminals_announce_them(
    settings: dict[str, str], ok: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    check = named(terminal_checks(), "colours")
    assert check.ok is ok
    assert found in check.found


@pytest.mark.parametrize(
    ("way", "found"), [("sixel", "Sixel"), ("kitty", "Kitty"), ("blocks", "half-blocks")]
)
def test_how_pictures_are_shown_is_told(way: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILSIGHT_PICTURES", way)
    assert found in named(terminal_checks(), "pictures").found


def test_small_windows_and_poor_encodings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Poor:
        encoding = "ascii"

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(doctor_outside.sys, "stdout", Poor())
    monkeypatch.setattr(doctor_outside.sys, "stdin", Poor())
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "20")
    checks = [doctor_outside._interactive(), doctor_outside._size(), doctor_outside._letters()]
    assert [c.ok for c in checks] == [True, False, False]
    assert "60×20" in checks[1].found
    assert "UTF-8" in checks[2].advice


@contextmanager
def server(code: int, body: bytes, seen: list[str], location: str = "") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(code)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/v1"
        finally:
            running.shutdown()
            thread.join()


KEY = "sk-secret-0123456789abcdef"


@pytest.mark.parametrize(
    ("code", "body", "ok", "found"),
    [
        (200, b'{"data": [{"id": "small"}, {"id": "big\\u001b[31m"}]}', True, "models: small, big"),
        (200, b"<html>hello", True, "does not list its models"),
        (200, b'{"data": []}', True, "models: none"),
        (401, b"", False, "refuses the key"),
        (404, b"", True, "does not list its models"),
        (500, b"", False, "error 500"),
    ],
)
def test_the_server_of_a_language_model_is_asked(
    code: int, body: bytes, ok: bool, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with server(code, body, seen) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        check = named(planner_checks(), "server")
    assert seen == [f"/v1/models Bearer {KEY}"]
    assert check.ok is ok
    assert found in check.found
    assert KEY not in check.found + check.advice
    assert "\x1b" not in check.found


def test_a_key_is_not_sent_on_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    here: list[str] = []
    there: list[str] = []
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with server(200, b"{}", there) as other, server(302, b"", here, location=other) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        check = named(planner_checks(), "server")
    assert here
    assert not there
    assert not check.ok
    assert "points elsewhere" in check.found


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "not an address", "http://[broken", "ftp://127.0.0.1/v1"]
)
def test_servers_that_do_not_answer_and_addresses_that_are_none(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    check = named(planner_checks(), "server")
    assert not check.ok
    assert check.advice


def test_a_login_in_the_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://ann:pass@127.0.0.1:1/v1")
    assert "pass" not in named(planner_checks(), "server").found


def test_without_key_and_address_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_outside, "_server", lambda *_: pytest.fail("asked"))
    checks = planner_checks()
    assert named(checks, "guided planner").ok
    assert "none is needed" in named(checks, "server").found


def test_lines_are_broken_at_the_width_of_the_terminal() -> None:
    words = "what was found here and what it is good for " * 5
    shown = lines(
        [Check("Needed", "torch", True, words), Check("Extras", "ray", False, words, words, True)], 80
    )
    assert max(map(len, shown)) <= 80
    assert any(line.startswith("  -     ray") for line in shown)
