"""``failsight train-robust``: a small network trained against perturbations on one's own images, for ``explain_failures``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.text import counted, interval, number

if TYPE_CHECKING:
    from failsight.tools.experiments.robust_training import Epoch

OPTIONS = ("epochs", "radius", "side", "most", "threads", "seed")  # of the recipe


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "--data",
        required=True,
        help="labelled images, best those the model was trained on: a folder a class, a manifest, a Hugging Face data set",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to put the model")
    parser.add_argument("--epochs", type=int, default=30, help="passes over the images (default 30)")
    parser.add_argument(
        "--radius",
        type=float,
        default=3.0,
        help="l2 size of the perturbations, for 224 x 224 pixels with values in [0, 1]; scaled to --side (default 3)",
    )
    parser.add_argument(
        "--side", type=int, default=64, help="images are resized to so many pixels (default 64)"
    )
    parser.add_argument(
        "--most", type=int, default=20_000, help="most images; a sample beyond that (default 20000)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="CPU threads (default 1: the same on every run)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of every random choice (default 0)")


def run(args: argparse.Namespace, progress: Any = None) -> int:
    """Train, showing progress on stderr; a second call with the same images and options goes on where it stopped.

    Raises:
        UserError: an option is out of range, the images can't be used, or the folder can't be written.
    """
    from failsight.tools.experiments.robust_training import RobustRecipe, train_robust
    from failsight.tools.inputs import open_images
    from failsight.tools.stats.intervals import wilson

    try:
        recipe = RobustRecipe(**{name: getattr(args, name) for name in OPTIONS})
    except ValueError as problem:
        raise UserError(
            f"The options do not fit: {problem}.", "`failsight train-robust --help` lists them."
        ) from None
    table = open_images(args.data, split="train", labelled=True, progress=progress)
    made = train_robust(table, args.out, recipe, progress=progress, told=_say)
    if made.left_out:
        print(
            f"{counted(len(made.left_out), 'image could not be read and was', 'images could not be read and were')} left out.",
            file=sys.stderr,
        )
    if made.held_out:
        last, n = made.history[-1], made.held_out
        plain, robust = (
            f"{number(share)} {interval(wilson(round(share * n), n))}"
            for share in (last.val_accuracy, last.robust_accuracy)
        )
        print(f"{n:,} held-out images: {plain} right, {robust} after perturbation.")
    print(f"{made.folder / 'weights.safetensors'}: give it to explain_failures as feature_model.")
    return 0


def _say(row: Epoch) -> None:
    print(
        f"epoch {row.epoch}: {number(row.train_accuracy)} right under perturbation, held out {number(row.val_accuracy)}",
        file=sys.stderr,
    )
