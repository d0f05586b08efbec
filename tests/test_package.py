"""What is shipped: every file that the code opens is in the wheel, and the wheel has nothing else."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("agent", "tools", "knowledge_base", "prompts")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUP = PROJECT["tool"]["setuptools"]
BESIDE = ("LICENSE", "NOTICE", "README.md", "pyproject.toml")


def shipped_files() -> set[str]:
    """All files below the folders that become packages, but what Python leaves there."""
    found = (p for top in FOLDERS for p in (ROOT / top).rglob("*") if p.is_file())
    return {p.relative_to(ROOT).as_posix() for p in found if "__pycache__" not in p.parts}


def folder_of(package: str) -> Path:
    first, *rest = package.removeprefix("failsight.").split(".")
    return ROOT / SETUP["package-dir"][f"failsight.{first}"] / Path(*rest)


def test_every_folder_with_code_is_a_package() -> None:
    with_code = {Path(f).parent.as_posix() for f in shipped_files() if f.endswith(".py")}
    listed = {folder_of(p).relative_to(ROOT).as_posix() for p in SETUP["packages"]}
    assert with_code - listed == set()
    assert listed - with_code == set()


def test_every_data_file_belongs_to_a_package_and_is_named_in_its_package_data() -> None:
    named: set[str] = set()
    for package, patterns in SETUP["package-data"].items():
        assert package in SETUP["packages"]
        for pattern in patterns:
            hits = [p for p in folder_of(package).glob(pattern) if p.is_file()]
            assert hits, f"{package}: {pattern} matches nothing"
            named |= {p.relative_to(ROOT).as_posix() for p in hits}
    data = {f for f in shipped_files() if not f.endswith((".py", ".pyi"))}
    assert data - named == set()
    assert (
        SETUP["include-package-data"] is False
    )  # or setuptools takes folders of data for packages, and warns of each


IMPORTED_AS = {
    "PIL": "pillow",
    "chromadb": "chromadb",
    "langchain_core": "langchain",
    "langgraph": "langgraph-checkpoint-sqlite",
    "skimage": "scikit-image",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
COME_ALONG = {
    "anyio",
    "httpx",
    "huggingface_hub",
    "mcp_types",
    "opentelemetry",
    "packaging",
    "pandas",
    "pydantic",
    "tokenizers",
    "typing_extensions",
}
"""Imported too, but brought by packages that are required."""
IF_THERE = {"cv2"}
"""Used where it happens to be installed; there is another way."""


def test_every_third_party_package_that_is_imported_is_required_or_an_extra() -> None:
    offered = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    known = {_name(line) for lines in offered for line in lines}
    unknown = {}
    for file in sorted(f for f in shipped_files() if f.endswith(".py")):
        for name in (
            _imports(ROOT / file) - set(sys.stdlib_module_names) - {"failsight"} - COME_ALONG - IF_THERE
        ):
            if IMPORTED_AS.get(name, name).replace("_", "-") not in known:
                unknown.setdefault(name, file)
    assert unknown == {}


def _imports(file: Path) -> set[str]:
    """The first parts of all modules that a file imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _name(requirement: str) -> str:
    """`ray` of `ray[data]>=2.60`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


@pytest.mark.slow
def test_the_wheel_has_what_the_code_opens_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for top in FOLDERS:
        shutil.copytree(ROOT / top, source / top, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        shutil.copy(ROOT / name, source / name)
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        text = built.stdout + built.stderr
        if (
            "No module named build" in text
            or "Could not find a version" in text
            or "connection" in text.lower()
        ):
            pytest.skip("the wheel can't be built here: no build, or no package index")
        pytest.fail(text[-3000:])
    wheel = next(tmp_path.glob("*.whl"))
    inside = {
        n.removeprefix("failsight/") for n in zipfile.ZipFile(wheel).namelist() if n.startswith("failsight/")
    }
    assert inside == shipped_files()
    assert wheel.stat().st_size < 25e6
    opened = _opened(tmp_path)
    assert {"knowledge_base/data/router.npz", "agent/ui/tui/app.tcss"} <= opened
    assert opened - inside == set()


def _opened(place: Path) -> set[str]:
    """Files of the package that Python opens while the demo runs, the library is asked and the app is started."""
    code = f"""
import os, sys
seen = set()
root = {str(ROOT)!r} + os.sep
def hook(event, args):
    if event == 'open' and isinstance(args[0], (str, bytes, os.PathLike)):
        path = os.path.realpath(os.fsdecode(args[0]))
        if path.startswith(root):
            seen.add(path[len(root):].replace(os.sep, '/'))
sys.addaudithook(hook)
from failsight.agent.cli import main
for command in (['ask', 'why does it fail?'], ['demo', '--auto', '--out', 'case', '--policy', 'cheap'],
                ['report', 'case'], ['tools'], ['forms', 'list'], ['doctor']):
    main(command)
from failsight.agent.ui.tui.app import FailsightApp
open(FailsightApp.CSS_PATH).close()
print('SEEN', *sorted(seen), sep='\\n')
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=place,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        check=True,
    )
    listed = done.stdout.rpartition("SEEN\n")[2].split()
    return {f for f in listed if f.partition("/")[0] in FOLDERS and not f.endswith((".py", ".pyc"))}
