"""Training the family's models: the clean one and the overfitted ones. Deterministic on one machine.

``python -m failsight.knowledge_base.cases.train_clean --out FOLDER [--only clean_model]`` draws the training pictures,
trains, and writes ``clean_model``, ``overfitted_1`` … under the folder: the files that ship beside this module. One
thread, so that sums are added in one order; two minutes for the clean model, half a minute for each overfitted one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from failsight.knowledge_base.cases.clean import (
    CLEAN,
    LEARNED_BY_HEART,
    OVERFITTED,
    TRAINED_ON,
    clean_recipe,
    overfitted_recipe,
    overfitted_world,
)
from failsight.knowledge_base.cases.train import save, train


def main() -> None:
    """Train the clean model and the overfitted ones."""
    names = ("clean_model", *OVERFITTED)
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the folders of the models")
    parser.add_argument("--only", choices=names, action="append", help="this model alone (may be repeated)")
    given = parser.parse_args()
    for name in given.only or names:
        clean = name == "clean_model"
        world = CLEAN if clean else overfitted_world(name)
        recipe = clean_recipe() if clean else overfitted_recipe(name)
        count = TRAINED_ON if clean else LEARNED_BY_HEART
        print(name, flush=True)
        trained = train(world, count, recipe, lambda text: print(text, flush=True))
        save(trained, world, given.out / name, recipe.factory)


if __name__ == "__main__":
    main()
