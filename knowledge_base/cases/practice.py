"""Practice cases: members of the family under names that say nothing, with the answer kept out of their folders.

``failsight learn`` opens them. What is wrong in each stands in ``practice_key.toml`` and nowhere on the person's disk:
no file name, folder name, manifest column or stamp of a case tells of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from failsight.knowledge_base.cases.clean import CLEAN
from failsight.knowledge_base.cases.demo import DemoCase
from failsight.knowledge_base.cases.family import TASK, VERSION, Answer, family_key, picture_file
from failsight.knowledge_base.cases.files import read_json, write_csv, write_file
from failsight.knowledge_base.cases.planting import CasePlan, Shot, plan_case

if TYPE_CHECKING:
    from failsight.knowledge_base.cases.splits import Progress, Ticker

_STAMP = "case.json"
_MODEL_FILES = ("weights.safetensors", "model.json", "history.csv")


@dataclass(frozen=True, slots=True)
class PracticeAnswer:
    """What is wrong in a practice case.

    Attributes:
        name: what the case is called.
        bug: member of the family.
        seed: which of its cases.
        repair: strategies of ``propose_correction`` that fit; empty where nothing is wrong.
        tell: what gives it away.
    """

    name: str
    bug: str
    seed: int
    repair: tuple[str, ...]
    tell: str

    @property
    def family(self) -> Answer:
        """What the family's key says of the bug: its kind, its consequences, its story."""
        return family_key()[self.bug]


@cache
def practice_key() -> Mapping[str, PracticeAnswer]:
    """The answer key of the practice cases, by name."""
    text = resources.files("failsight.knowledge_base.cases").joinpath("practice_key.toml").read_text("utf-8")
    made = [PracticeAnswer(**{**c, "repair": tuple(c["repair"])}) for c in tomllib.loads(text)["case"]]
    return {answer.name: answer for answer in made}


def list_practice() -> tuple[str, ...]:
    """Names of the practice cases, in the order in which they are offered."""
    return tuple(practice_key())


def prepare_practice(
    folder: Path, name: str, *, progress: Progress | None = None, counts: Mapping[str, int] | None = None
) -> DemoCase:
    """Put a practice case into a folder, unless it is there already.

    Safe to call again: a complete case is kept, an incomplete one is made anew.

    Args:
        folder: where to put it; made if absent.
        name: one of :func:`list_practice`; KeyError otherwise.
        progress: shown the drawing.
        counts: pictures of each split; as many as the family's cases have by default.
    """
    answer = practice_key()[name]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    case = plan_case(answer.bug, answer.seed, counts)
    _place_model(case, folder / "model")
    stamp = {"seal": _seal(case)}
    if read_json(folder / _STAMP) != stamp or not _complete(folder, case):
        (folder / _STAMP).unlink(missing_ok=True)
        total = sum(len(shots) for shots in case.shots.values())
        with progress.job("Drawing the pictures", total) if progress else nullcontext() as ticker:
            for split, shots in case.shots.items():
                _write_split(folder / split, split, shots, ticker)
        write_file(folder / _STAMP, json.dumps(stamp).encode())
    return DemoCase(
        name=f"practice: {name}",
        folder=folder,
        model=folder / "model" / "weights.safetensors",
        arch=json.loads((folder / "model" / "model.json").read_text("utf-8"))["arch"],
        data=folder / "eval" / "manifest.csv",
        train=folder / "train" / "manifest.csv",
        deploy=folder / "deploy" / "manifest.csv",
        pool=None,
        history=folder / "model" / "history.csv",
        task=TASK,
        classes=CLEAN.classes,
        expectations={"accuracy": 0.85, "worst_recall": 0.75, "deploy.accuracy": 0.85},
    )


def _place_model(case: CasePlan, folder: Path) -> None:
    """The shipped model of a case, and the pipeline that the case declares for it."""
    shipped = resources.files("failsight.knowledge_base.cases").joinpath(case.model)
    for name in _MODEL_FILES:
        content = shipped.joinpath(name).read_bytes()
        if name == "model.json":
            content = (json.dumps({**json.loads(content), **case.declared}, indent=2) + "\n").encode()
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            write_file(path, content)


def _seal(case: CasePlan) -> str:
    """Changes when the case would be drawn otherwise, and tells nobody what is in it."""
    names = {split: [s.name for s in shots] for split, shots in case.shots.items()}
    worlds = sorted({s.world.fingerprint() for shots in case.shots.values() for s in shots[:1]})
    told = json.dumps([VERSION, case.bug, case.seed, worlds, names], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _complete(folder: Path, case: CasePlan) -> bool:
    for split, shots in case.shots.items():
        images = folder / split / "images"
        if not (folder / split / "manifest.csv").is_file() or not images.is_dir():
            return False
        if not {e.name for e in os.scandir(images)}.issuperset(s.name for s in shots):
            return False
    return True


def _write_split(home: Path, split: str, shots: tuple[Shot, ...], ticker: Ticker | None) -> None:
    """Pictures, then the manifest; no key."""
    from failsight.knowledge_base.cases.splits import empty, row_of

    empty(home)
    (home / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for shot in shots:
        content, boxes = picture_file(shot)
        write_file(home / "images" / shot.name, content)
        rows.append(row_of(shot.world, split, shot.draft, boxes, True))
        if ticker is not None:
            ticker.advance(1)
    write_csv(home / "manifest.csv", rows)
