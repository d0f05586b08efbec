"""``failsight doctor``: what works on this machine, what is missing, and how to get it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from failsight.agent.places import home

PACKAGES = {
    "torch": "models of every torch format",
    "transformers": "transformers image-classification folders",
    "onnxruntime": ".onnx models and the knowledge base's embeddings",
    "datasets": "Hugging Face data sets on disk",
    "diffusers": "diffusion inpainting in masking tests",
    "langchain": "the agent loop",
    "langchain-openai": "language-model planners",
    "openai": "language-model planners",
    "chromadb": "the knowledge index",
    "textual": "the terminal app",
    "rich": "tables in the terminal",
    "pyarrow": "prediction tables",
    "scipy": "statistics",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``optional`` checks never make the doctor fail."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    optional: bool = False


def examine() -> list[Check]:
    """All checks, quick ones only: nothing is downloaded, no model is run."""
    return [
        _python(),
        *(_package(n, why) for n, why in PACKAGES.items()),
        _device(),
        *_places(),
        _terminal(),
        _planner(),
    ]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", sys.version_info >= (3, 11), found, "Failsight needs Python 3.11 or newer.")


def _package(name: str, why: str) -> Check:
    try:
        return Check(name, True, f"{version(name)} ({why})")
    except PackageNotFoundError:
        return Check(name, False, f"missing ({why})", f"pip install {name}")


def _device() -> Check:
    try:
        import torch
    except ImportError:
        return Check("accelerator", False, "unknown without torch", "", True)
    if torch.cuda.is_available():
        return Check("accelerator", True, f"cuda: {torch.cuda.get_device_name(0)}", "", True)
    if torch.backends.mps.is_available():
        return Check("accelerator", True, "mps", "", True)
    return Check("accelerator", True, f"none; CPU with {torch.get_num_threads()} threads", "", True)


def _places() -> list[Check]:
    made = []
    for name, place in (("cache folder", home()), ("this folder", Path.cwd())):
        parent = next((p for p in (place, *place.parents) if p.exists()), Path("/"))
        try:
            with tempfile.TemporaryFile(dir=parent):
                free = shutil.disk_usage(parent).free
            found = f"{place} ({free / 2**30:.1f} GiB free)"
            made.append(Check(name, free > 2**28, found, "Free some disk space, at least 256 MiB."))
        except OSError as error:
            advice = (
                "Set FAILSIGHT_HOME to a folder that can be written."
                if name == "cache folder"
                else "Use --out."
            )
            made.append(Check(name, False, f"{place}: {error.strerror}", advice, name == "this folder"))
    return made


def _terminal() -> Check:
    size = shutil.get_terminal_size()
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    found = f"{size.columns}×{size.lines}, {os.environ.get('TERM', 'no TERM')}, {'interactive' if interactive else 'not interactive'}"
    return Check("terminal", interactive and size.columns >= 80, found, "Use --plain here.", True)


def _planner() -> Check:
    url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    if url or key:
        return Check(
            "language model",
            True,
            f"{'a key is set' if key else 'no key'}; server {url or 'OpenAI'}",
            "",
            True,
        )
    advice = "Not needed: the guided planner works without. Set OPENAI_API_KEY or OPENAI_BASE_URL for --planner openai:MODEL."
    return Check("language model", False, "none configured", advice, True)
