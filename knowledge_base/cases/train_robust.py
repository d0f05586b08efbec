"""Training the demo's robust feature model. Deterministic on one machine; a quarter of an hour of one thread.

``python -m failsight.knowledge_base.cases.train_robust --out FOLDER`` draws training pictures of the demo's world into a
temporary folder, trains a small network against l2 perturbations on them, and writes ``weights.safetensors``,
``model.json`` and ``history.csv``: the files that ship in ``rooms_robust``. With ``--work FOLDER`` the pictures and the
training are kept there, and an interrupted call goes on.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from failsight.knowledge_base.cases.rooms import ROOMS
from failsight.knowledge_base.cases.splits import make_world
from failsight.tools.experiments.robust_training import (
    Epoch,
    RobustRecipe,
    RobustTrained,
    train_robust,
)
from failsight.tools.inputs import open_images

TRAINED_ON = 2500
RECIPE = RobustRecipe(epochs=18, steps=1, seed=0, threads=1)
SHIPPED = ("weights.safetensors", "model.json", "history.csv")


def make(work: Path, recipe: RobustRecipe = RECIPE, count: int = TRAINED_ON) -> RobustTrained:
    """Draw the demo's training pictures under ``work`` and train on them there."""
    drawn = make_world(ROOMS, work, {"train": count}, processes=1)
    table = open_images(drawn["train"], classes=ROOMS.classes, split="train")
    return train_robust(table, work / "robust", recipe, told=_say)


def _say(row: Epoch) -> None:
    print(
        f"epoch {row.epoch}: loss {row.train_loss:.3f}, accuracy under attack {row.train_accuracy:.3f};"
        f" held out {row.val_accuracy:.3f}, under attack {row.robust_accuracy:.3f}",
        flush=True,
    )


def main() -> None:
    """Train the demo's robust feature model."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the weights, the side file and the record"
    )
    parser.add_argument("--work", type=Path, help="folder for pictures and checkpoints, kept afterwards")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs, help="passes over the pictures")
    given = parser.parse_args()
    recipe = RobustRecipe(epochs=given.epochs, steps=RECIPE.steps, seed=RECIPE.seed, threads=RECIPE.threads)
    with tempfile.TemporaryDirectory() as made:
        work: Path = given.work or Path(made)
        trained = make(work, recipe)
        given.out.mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            shutil.copyfile(trained.folder / name, given.out / name)


if __name__ == "__main__":
    main()
