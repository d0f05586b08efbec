"""The four recipes of CONTRIBUTING.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
COPIED = ("agent", "tools", "knowledge_base", "prompts", "benchmarks", "tests", "docs")
PACKAGES = ("agent", "tools", "knowledge_base", "prompts")
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """The code blocks below a heading, in order."""
    part = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, flags=re.S | re.M)
    assert part, heading
    return re.findall(r"^```\w*\n(.*?)^```", part[1], flags=re.S | re.M)


class Copy:
    """The repository in a folder of its own, with a ``.venv`` in which ``failsight`` is this copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "failsight"
        self.folder.mkdir()
        for name in COPIED:
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ROOT.iterdir():
            if file.is_file():
                shutil.copy(file, self.folder / file.name)
        self.site, self.case = folder / "site", folder / "case"
        (self.site / "failsight").mkdir(parents=True)
        for name in PACKAGES:
            (self.site / "failsight" / name).symlink_to(self.folder / name)
        self.install()
        programs = self.folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        for name, started in (("python", ""), ("failsight", " -m failsight.agent.cli")):
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable}{started} "$@"\n')
            (programs / name).chmod(0o755)

    def install(self) -> None:
        """What ``pip install --no-deps -e .`` does: the entry points are read anew."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        made = self.site / f"failsight-{project['version']}.dist-info"
        made.mkdir(exist_ok=True)
        (made / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: failsight\nVersion: {project['version']}\n"
        )
        lines = [
            line
            for group, given in project["entry-points"].items()
            for line in (f"[{group}]", *(f"{name} = {where}" for name, where in given.items()))
        ]
        (made / "entry_points.txt").write_text("\n".join(lines) + "\n")

    def write(self, name: str, content: str) -> None:
        (self.folder / name).write_text(content, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r} any more: say in CONTRIBUTING.md what to edit"
        self.write(name, text.replace(old, new, 1))

    def run(self, code: str) -> list[str]:
        """Every line in a shell; what each wrote. A line that fails is the failure of the test."""
        said = []
        env = {**os.environ, "PYTHONPATH": str(self.site), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        for line in code.replace("CASE", str(self.case)).strip().splitlines():
            if "pip install" in line:
                self.install()
                continue
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=self.folder,
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            assert not done.returncode, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            said.append(done.stdout)
        return said

    def make_case(self) -> None:
        """Something small to try a recipe on: recorded answers about pictures, upright, wide and square."""
        draw = np.random.default_rng(0)
        sizes = ((24, 32), (32, 24), (32, 32))
        rows = ["path,label,cat,dog"]
        for i in range(90):
            width, height = sizes[i % 3]
            path = self.folder.parent / f"{i:02d}.png"
            Image.fromarray(draw.integers(0, 256, (height, width, 3), np.uint8)).save(path)
            cat = draw.uniform(0.2, 0.8)
            rows.append(f"{path.name},{('cat', 'dog')[int(draw.random() > cat)]},{cat:.3f},{1 - cat:.3f}")
        table = self.folder.parent / "answers.csv"
        table.write_text("\n".join(rows) + "\n")
        opened = (
            f".venv/bin/failsight run --predictions {table} --policy cheap --out {self.case} || test $? -ge 3"
        )
        self.run(opened)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_code_of_the_recipes_is_as_tidy_as_ours(tmp_path: Path) -> None:
    for heading in ("A tool", "A source of attributes"):
        for number, code in enumerate(c for c in blocks(heading) if c.startswith('"""')):
            (tmp_path / f"{heading.split()[1]}_{number}.py").write_text(code, encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 3
    ruff = shutil.which("ruff", path=os.path.dirname(sys.executable)) or shutil.which("ruff")
    if not ruff:
        pytest.skip("ruff is not installed")
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *check, "--no-cache", "--config", str(ROOT / "pyproject.toml"), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stdout


def test_the_example_of_a_tool_measures_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool and its tests, without anything that has to be installed."""
    code, _, tests, _ = blocks("A tool")
    module = type(sys)("failsight.tools.narrow_margins")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "narrow_margins.py", "exec"), module.__dict__)
    named: dict[str, object] = {"__name__": "example"}
    exec(compile(tests, "test_narrow_margins.py", "exec"), named)
    found = [made for name, made in named.items() if name.startswith("test_")]
    assert len(found) == 2
    for made in found:
        assert callable(made)
        made()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_tool(copy: Copy) -> None:
    copy.make_case()
    code, entry, tests, commands = blocks("A tool")
    copy.write("tools/narrow_margins.py", code)
    table = '[project.entry-points."failsight.tools"]\n'
    copy.edit("pyproject.toml", table, table + entry)
    copy.write("tests/tools/test_narrow_margins.py", tests)
    said = copy.run(commands)
    assert "2 passed" in said[0]
    assert "narrow_margins" in (copy.folder / "docs/tools.md").read_text(encoding="utf-8")
    assert "of 90 images" in said[-1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_source_of_attributes(copy: Copy) -> None:
    copy.make_case()
    code, commands = blocks("A source of attributes")
    copy.write("tools/attributes/format.py", code)
    copy.edit(
        "tools/attributes/sources.py",
        '    "clusters":',
        '    "format": "failsight.tools.attributes.format:Format",\n    "clusters":',
    )
    copy.edit("tools/attributes/definitions.py", '"vision_model"]', '"vision_model", "format"]')
    copy.edit("tools/attributes/definitions.py", '"vision_model")', '"vision_model", "format")')
    copy.edit("tools/propose_attributes.py", '"vqa", "vision_model"]', '"vqa", "vision_model", "format"]')
    copy.edit("agent/commands/arguments.py", '"vqa", "vision_model")', '"vqa", "vision_model", "format")')
    said = copy.run(commands)
    assert re.search(r"format \(format\):.*(upright|wide|square)", said[1]), said[1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_entry_of_the_knowledge_base(copy: Copy) -> None:
    copy.make_case()
    own, entry, commands = blocks("An entry of the knowledge base")
    said = copy.run(own)
    assert "own.winter" in said[1]
    assert "Winter pictures" in said[3]
    file = "knowledge_base/entries/pitfalls/pitfalls.yaml"
    text = (copy.folder / file).read_text(encoding="utf-8")
    copy.write(file, text.rstrip("\n") + "\n" + entry)
    assert "one camera" in copy.run(commands)[-1].lower() or "pitfall.one_camera" in copy.run(commands)[-1]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_case_of_the_casebook(copy: Copy) -> None:
    code, entry, commands = blocks("A case of the casebook")
    copy.edit("benchmarks/casebook/bugs.py", "_BOTH: tuple", f"{code}\n\n_BOTH: tuple")
    recipes = re.search(
        r"^RECIPES: .*= \{\n", (copy.folder / "benchmarks/casebook/bugs.py").read_text(), re.M
    )
    assert recipes
    copy.edit("benchmarks/casebook/bugs.py", recipes[0], recipes[0] + entry)
    before = (copy.folder / "benchmarks/casebook/keys.sha256").read_text()
    copy.run(commands)
    assert (copy.folder / "benchmarks/casebook/keys.sha256").read_text() != before
