"""A family of practice cases: the same rooms without planted correlations, and one bug switched on at a time.

``failsight demo --bug NAME --seed N`` opens one. Each bug is a function of a seed, which draws other pictures and
whatever the bug leaves open (which annotator, which wrong normalisation, which pictures leak). ``family_key.toml`` says
what each case is about and which kind of finding tells of it.

Unlike the demo, a case has no pool; its training split is a sample of the pictures that the model was trained on (all of
them where the model was overfitted), its deployment split is labelled.
"""

from __future__ import annotations

import io
import json
import os
import random
import tomllib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.knowledge_base.cases.clean import CLEAN
from failsight.knowledge_base.cases.demo import DemoCase
from failsight.knowledge_base.cases.files import read_json, write_csv, write_file
from failsight.knowledge_base.cases.planting import BUGS, CasePlan, Shot, plan_case

if TYPE_CHECKING:
    from failsight.knowledge_base.cases.drawing import Boxes
    from failsight.knowledge_base.cases.scene import Scene
    from failsight.knowledge_base.cases.splits import Progress, Ticker

TASK = (
    "Name the room that a picture shows (bathroom, bedroom, dining room, kitchen or living room), so that a blind person "
    "knows where they are. Decide whether the model is ready, and if it is not, find out why."
)

VERSION = 1
"""Raise it whenever the same plan would give other files: cached cases are then made anew."""

_STAMP = "case.json"
_MODEL_FILES = ("weights.safetensors", "model.json", "history.csv")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a case of the family is about; the fields are those of ``family_key.toml``.

    Attributes:
        bug: its name on the command line.
        kind: the kind of finding that tells of it; empty for the clean case.
        also: kinds that are true of the case as well, as consequences; neither right nor wrong.
        story: what was done, in a sentence.
        evidence: what it takes to call it confirmed.
    """

    bug: str
    kind: str
    story: str
    also: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@cache
def family_key() -> dict[str, Answer]:
    """The answer key of the family, by name of the bug."""
    text = resources.files("failsight.knowledge_base.cases").joinpath("family_key.toml").read_text("utf-8")
    made = {}
    for fields in tomllib.loads(text)["case"]:
        lists = {name: tuple(fields.get(name, ())) for name in ("also", "evidence")}
        made[fields["bug"]] = Answer(**{**fields, **lists})
    return made


def list_bugs() -> tuple[str, ...]:
    """Names of the family's members."""
    return BUGS


def prepare_case(
    folder: Path,
    bug: str,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    counts: Mapping[str, int] | None = None,
) -> DemoCase:
    """Put a case of the family into a folder, unless it is there already.

    Safe to call again: a complete case is kept, an incomplete one is made anew.

    Args:
        folder: where to put it; made if absent.
        bug: one of :func:`list_bugs`; KeyError otherwise.
        seed: which of the bug's cases.
        progress: shown the drawing.
        counts: pictures of each split; by default 800 to train, 900 to evaluate, 400 of deployment.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    case = plan_case(bug, seed, counts)
    _place_model(case, folder / "model")
    stamp = _stamp(case)
    if not _complete(folder, case, stamp):
        (folder / _STAMP).unlink(missing_ok=True)
        total = sum(len(shots) for shots in case.shots.values())
        with progress.job("Drawing the pictures", total) if progress else nullcontext() as ticker:
            for split, shots in case.shots.items():
                _write_split(folder, split, shots, ticker)
        write_file(folder / "key" / "planted.json", json.dumps(dict(case.planted), indent=1).encode())
        write_file(folder / _STAMP, json.dumps(stamp).encode())
    return DemoCase(
        name=f"rooms: {bug} {seed}",
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
        expectations={"accuracy": 0.85, "worst_recall": 0.75},
        key=folder / "key",
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


def _stamp(case: CasePlan) -> dict[str, Any]:
    worlds = sorted({s.world.fingerprint() for shots in case.shots.values() for s in shots[:1]})
    sizes = {split: len(shots) for split, shots in case.shots.items()}
    return {"version": VERSION, "bug": case.bug, "seed": case.seed, "worlds": worlds, "counts": sizes}


def _complete(folder: Path, case: CasePlan, stamp: Mapping[str, Any]) -> bool:
    if read_json(folder / _STAMP) != stamp:
        return False
    for split, shots in case.shots.items():
        images = folder / split / "images"
        if not (folder / split / "manifest.csv").is_file() or not images.is_dir():
            return False
        if not {e.name for e in os.scandir(images)}.issuperset(s.name for s in shots):
            return False
    return True


def _write_split(folder: Path, split: str, shots: tuple[Shot, ...], ticker: Ticker | None) -> None:
    """Pictures, then the key, then the manifest."""
    from failsight.knowledge_base.cases.splits import empty, row_of

    home = folder / split
    empty(home)
    (home / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for shot in shots:
        content, boxes = picture_file(shot)
        write_file(home / "images" / shot.name, content)
        rows.append(row_of(shot.world, split, shot.draft, boxes, True))
        if ticker is not None:
            ticker.advance(1)
    truths = [{"path": f"images/{s.name}", "truth": s.draft.truth} for s in shots]
    write_csv(folder / "key" / f"{split}.csv", truths)
    write_csv(home / "manifest.csv", rows)


# -- pictures ----------------------------------------------------------------------------------


def picture_file(shot: Shot) -> tuple[bytes, Boxes]:
    """The JPEG file of a picture, and the boxes of what it shows: the same on every call."""
    from failsight.knowledge_base.cases.layout import compose
    from failsight.knowledge_base.cases.render import encode, render

    scene = compose(shot.draft.truth, shot.draft.attributes, shot.draft.seed)
    if shot.make == "dark":
        scene = darkened(scene, shot.draft.seed)
    picture = render(scene, shot.world.size)
    content = encode(picture)
    if shot.make == "recompressed":
        return _again(content, 60, mirrored=False), picture.boxes
    if shot.make == "mirrored":
        flipped = {
            kind: tuple((1 - x1, y0, 1 - x0, y1) for x0, y0, x1, y1 in found)
            for kind, found in picture.boxes.items()
        }
        return _again(content, 85, mirrored=True), flipped
    return content, picture.boxes


def darkened(scene: Scene, seed: str) -> Scene:
    """A scene as a cheap phone takes it at night: underexposed, flat, noisy, a little blurred.

    Args:
        scene: what to photograph.
        seed: fixes how dark.
    """
    rng = random.Random(f"{seed}/dark")
    finish = replace(
        scene.finish,
        mean=rng.uniform(0.34, 0.44),
        spread=rng.uniform(0.13, 0.17),
        noise=rng.uniform(0.015, 0.025),
    )
    return replace(scene, finish=finish)


def _again(content: bytes, quality: int, *, mirrored: bool) -> bytes:
    """A stored picture opened and stored once more."""
    from PIL import Image, ImageOps

    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as stored:
        image = ImageOps.mirror(stored) if mirrored else stored
        image.save(out, "JPEG", quality=quality)
    return out.getvalue()
