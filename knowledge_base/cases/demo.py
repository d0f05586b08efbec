"""The demo case on disk: pictures drawn on first use, the shipped model and its training record beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failsight.knowledge_base.cases.splits import Progress

TASK = (
    "Tell a blind person which room they are in: a phone worn on the chest takes pictures, the model names the room "
    "(bathroom, bedroom, dining room, kitchen or living room), and the answer helps to build a mental map of an "
    "unknown home. The training pictures are tidy, professional photographs from the web; the users' own pictures "
    "will be darker, tilted and cluttered. Decide whether the model is ready, and if it is not, find out why."
)
"""The design brief, after Balayn et al., "Faulty or Ready?" (CHI 2023), section 3.2.1 and Figure 2, in our words."""

_FILES = ("weights.safetensors", "model.json", "history.csv")


@dataclass(frozen=True, slots=True)
class DemoCase:
    """Everything that opens a demo.

    Attributes:
        name: of the case.
        folder: where it lies.
        model: weights file; ``model.json`` beside it says the rest.
        arch: architecture factory for the weights, ``module:function``.
        data, train, deploy, pool: manifests (pool without labels; None where a case has none).
        history: training record.
        task: what the model is for.
        classes: class names, in the order of the model's outputs.
        expectations: suggested bounds, by the names that the command line's ``--expect`` takes.
        key: folder with the true classes; for judging results, not for the product.
    """

    name: str
    folder: Path
    model: Path
    arch: str
    data: Path
    train: Path
    deploy: Path
    pool: Path | None
    history: Path
    task: str
    classes: tuple[str, ...]
    expectations: Mapping[str, float] = field(default_factory=dict)
    key: Path = Path()


def list_cases() -> tuple[str, ...]:
    """Names of the built-in practice cases."""
    return ("rooms",)


def prepare_demo(folder: Path, *, seed: int = 0, progress: Progress | None = None) -> DemoCase:
    """Put the demo case into a folder, unless it is there already.

    Safe to call again: what is complete is kept, what an interruption left out is drawn.

    Args:
        folder: where to put it; made if absent.
        seed: 0 is the world that the shipped model was trained on; with another seed the evaluation, deployment and
            pool pictures are new ones from the same world, the training pictures stay.
        progress: shown the drawing.
    """
    from failsight.knowledge_base.cases.rooms import COUNTS, ROOMS
    from failsight.knowledge_base.cases.splits import make_world

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shipped = resources.files("failsight.knowledge_base.cases").joinpath("rooms_model")
    for name in _FILES:
        _place(folder / "model" / name, shipped.joinpath(name).read_bytes())
    fixed = {"train": COUNTS["train"]}
    fresh = {split: count for split, count in COUNTS.items() if split != "train"}
    if seed == 0:
        made = make_world(ROOMS, folder, COUNTS, progress)
    else:
        made = make_world(ROOMS, folder, fixed, progress)
        made |= make_world(replace(ROOMS, seed=ROOMS.seed + 1000 * seed), folder, fresh, progress)
    return DemoCase(
        name="rooms",
        folder=folder,
        model=folder / "model" / "weights.safetensors",
        arch="failsight.knowledge_base.cases.model:build",
        data=made["eval"],
        train=made["train"],
        deploy=made["deploy"],
        pool=made["pool"],
        history=folder / "model" / "history.csv",
        task=TASK,
        classes=ROOMS.classes,
        expectations={"accuracy": 0.9, "worst_recall": 0.8},
        key=folder / "key",
    )


def _place(path: Path, content: bytes) -> None:
    from failsight.knowledge_base.cases.files import write_file

    if not path.is_file() or path.read_bytes() != content:
        write_file(path, content)
