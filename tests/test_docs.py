"""What README and docs say is so: commands parse, links lead somewhere, names of tools, options and files exist."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.cli import build_parser
from failsight.agent.commands.basic import GIVEN
from failsight.agent.commands.examples import EXAMPLES
from failsight.agent.opening import open_case
from failsight.tools.registry import registry

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
OTHERS = frozenset(
    [
        "--quiet",
        "--cases",
        "--update",
        "--snapshot-update",
        "--quick",
        "--case",
        "--strict",
        "--index-url",
        "--no-deps",
        "--durations",
        "--help",
        "--digest",
        "--vectors",
    ]
)
"""Options of other programs: pip, pytest, mkdocs, our benchmarks and scripts."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


def code_lines(text: str) -> Iterator[str]:
    """Lines of code blocks, and pieces of code within sentences."""
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from re.findall(r"`([^`]+)`", line)


def commands(text: str) -> Iterator[str]:
    """Every command line of ours, without prompt, settings before it, pipe, comment."""
    for line in code_lines(text):
        found = re.match(r"(?:\$ |[A-Z_]+=\S+ |printf .*\| )*(failsight(?: .*)?)$", line)
        if found:
            yield re.split(r"\s{2,}#|\s# |\s[|>]\s|\s{2,}→|\s2>", found[1])[0].strip()


def words_of(command: str) -> list[str]:
    """Its arguments, with what stands for "and so on" left out and the first of several choices taken."""
    words = shlex.split(re.sub(r"(?<!\S)(…|\.\.\.)(?!\S)", "", command))[1:]
    return [w.partition("|")[0] if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", w) else w for w in words]


@each_page
def test_every_command_that_is_quoted_parses(page: Path) -> None:
    wrong = {}
    for command in commands(page.read_text(encoding="utf-8")):
        if re.fullmatch(r"failsight [a-z-]+", command):  # its name alone
            command += " --help"
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            try:
                parser().parse_args(words_of(command))
            except SystemExit as end:
                if end.code:
                    wrong[command] = said.getvalue().strip().splitlines()[-1:]
    assert wrong == {}


@pytest.mark.parametrize(("command", "line"), [(c, line) for c, lines in EXAMPLES.items() for line in lines])
def test_every_example_of_a_help_text_parses(command: str, line: str) -> None:
    words = shlex.split(line)
    assert words[:2] == ["failsight", command]
    assert hasattr(parser().parse_args(words[1:]), "handler")


@cache
def parser() -> argparse.ArgumentParser:
    return build_parser()


@each_page
def test_every_tool_that_a_command_calls_exists_and_takes_these_arguments(page: Path) -> None:
    tools = registry()
    for command in commands(page.read_text(encoding="utf-8")):
        words = words_of(command)
        if words[:1] == ["call"] and words[2:] and words[2] not in ("TOOL", "NAME"):
            assert words[2] in tools, command
            given = {w.partition("=")[0] for w in words[3:] if "=" in w and not w.startswith("--")}
            known = tools[words[2]].arguments.model_json_schema().get("properties", {})
            assert given - set(known) == set(), command


@each_page
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        if page.parent.name == "docs":
            assert file.is_relative_to(ROOT / "docs"), f"{target}: the site holds docs/ alone"
        if anchor:
            assert anchor in headings(file), target


def headings(file: Path) -> set[str]:
    """Anchors of a page as mkdocs and GitHub make them."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    plain = [re.sub(r"[^\w\s-]", "", line.lstrip("#").strip().lower()) for line in lines]
    return {re.sub(r"\s+", "-", text) for text in plain}


@each_page
def test_every_option_that_is_named_exists(page: Path) -> None:
    if page.name in ("audit.md", "speed.md"):
        pytest.skip("its options are those of the benchmarks")
    named = set()
    for piece in code_lines(page.read_text(encoding="utf-8")):
        if not re.match(r"(\S*pip|python|pytest|make|git|npx|nice|\.venv)\b", piece):
            named |= set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", piece))
    assert named - options(parser()) - OTHERS == set()


def options(one: argparse.ArgumentParser) -> set[str]:
    """All options of a parser and its sub-commands."""
    found: set[str] = set()
    for action in one._actions:
        found |= set(action.option_strings)
        choices: Any = action.choices if isinstance(action, argparse._SubParsersAction) else {}
        for sub in choices.values():
            found |= options(sub)
    return found


@each_page
def test_every_file_of_the_repository_that_is_named_exists(page: Path) -> None:
    if page.name == "CONTRIBUTING.md":
        pytest.skip("it names files that the reader is to write")
    for piece in code_lines(page.read_text(encoding="utf-8")):
        for name in re.findall(
            r"(?<![\w/.])((?:agent|tools|knowledge_base|prompts|benchmarks|docs|tests)/[\w/.-]+\.(?:py|yaml|json|md|txt))\b",
            piece,
        ):
            assert (ROOT / name).exists(), name


def test_every_page_of_the_docs_is_in_the_site() -> None:
    import yaml

    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    def files(nav: Any) -> Iterator[str]:
        for entry in nav:
            for value in entry.values() if isinstance(entry, dict) else [entry]:
                if isinstance(value, str):
                    yield value
                else:
                    yield from files(value)

    listed = list(files(site["nav"]))
    assert len(listed) == len(set(listed))
    assert set(listed) == {p.name for p in (ROOT / "docs").glob("*.md")}


def test_the_page_of_tools_says_what_the_tools_say() -> None:
    spec = importlib.util.spec_from_file_location("tools_page", ROOT / "docs" / "tools_page.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python docs/tools_page.py"


def test_the_pictures_are_small() -> None:
    sizes = {p.name: p.stat().st_size for p in (ROOT / "docs" / "pictures").iterdir()}
    assert sum(sizes.values()) < 1_500_000
    assert max(sizes.values()) < 400_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_model_and_data_set_of_the_guides_opens_as_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(
        [sys.executable, ROOT / "docs" / "examples" / "shapes.py", "shapes/"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    monkeypatch.chdir(tmp_path)
    opened = 0
    for name in ("models.md", "data.md"):
        for command in commands((ROOT / "docs" / name).read_text(encoding="utf-8")):
            if command.startswith("failsight run") and "shapes/" in command:
                args = parser().parse_args(
                    [*words_of(command), "--name", f"c{opened}", "--out", f"case{opened}"]
                )
                given = {k: getattr(args, k) for k in (*GIVEN, "trust_code")}
                with open_case(out=args.out, **given) as case:
                    made, _ = case.call("describe_case", {}, by="person")
                    assert "480" in made.summary, command
                opened += 1
    assert opened >= 17
