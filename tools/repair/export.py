"""An export for training elsewhere: which images with which label and weight, a short guide, and a script to start from."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import digest
from failsight.tools.inputs.base import ImageTable
from failsight.tools.repair import additions, recipes, relabelling
from failsight.tools.repair.arms import name_for
from failsight.tools.repair.piles import Ints, inside_of
from failsight.tools.strategies import Strategy
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.repair.choosing import Asked
    from failsight.tools.view import CaseView


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        repair: its name.
        folder: where it is.
        counts: images by origin (``training``, ``added``).
        relabelled: training images with another label than the data give.
        notes: what was left out.
    """

    repair: str
    folder: Path
    counts: dict[str, int]
    relabelled: int
    notes: tuple[str, ...]


def export(view: CaseView, asked: Asked, strategy: Strategy) -> Exported:
    """Write the export of a plan. Needs no model. Raises RetryError without training images or images to add."""
    notes: list[str] = []
    lists: list[tuple[str, ImageTable, Ints, Ints]] = []
    corrected: dict[int, int] = {}
    if "train" in view.splits():
        table = view.table("train")
        rows = np.flatnonzero(table.labels >= 0).astype(np.int64)
        labels = table.labels[rows].copy()
        if strategy.name == "relabel":
            made = relabelling.corrections(view, asked.data)
            corrected = dict(made.changed)
            out = relabelling.unseen_rows(view, asked.finding, made, rows, asked.unseen, notes)
            rows = np.setdiff1d(rows, out)
            labels = table.labels[rows].copy()
            labels = np.array(
                [corrected.get(r, c) for r, c in zip(rows.tolist(), labels.tolist(), strict=True)]
            )
        lists.append(("training", table, rows, labels))
    if strategy.name == "collect":
        if not asked.data:
            raise RetryError(
                "strategy collect needs the labelled images to add: data=FILE.csv with path and label."
            )
        found = additions.labelled_images(view, asked.data, asked.conditions, asked.budget).first(
            asked.budget
        )
        notes.extend(found.notes)
        lists.append(("added", found.table, found.rows, found.labels))
    if not lists:
        raise RetryError("There are no training images (--train) to write a list of.")
    weights = _weights(view, asked, strategy, lists)
    key = digest([asked.finding_id, strategy.name, [len(w) for w in weights], [rows.tolist() for _, _, rows, _ in lists], "export"])  # fmt: skip
    name = name_for(view, key)
    folder = view.workspace(name) / "export"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _list(view, folder / "images.csv", lists, weights)
        (folder / "README.md").write_text(_guide(view, asked, strategy), encoding="utf-8")
        (folder / "train.py").write_text(_SCRIPT, encoding="utf-8")
    except OSError as problem:
        raise UserError(
            f"{clean(folder)} can't be written ({clean(problem)}).", "Is there room?"
        ) from problem
    return Exported(name, folder, {o: len(rows) for o, _, rows, _ in lists}, len(corrected), tuple(notes))


def _weights(
    view: CaseView, asked: Asked, strategy: Strategy, lists: list[tuple[str, ImageTable, Ints, Ints]]
) -> list[recipes.Floats]:
    """How often each image is to be drawn, over all lists; 1 on average."""
    labels = np.concatenate([c for _, _, _, c in lists])
    added = np.concatenate([np.full(len(c), o == "added") for o, _, _, c in lists])
    if added.any():
        made = recipes.mixed(labels, added)
    elif strategy.name in ("rebalance", "loss_weighting", "last_layer"):
        inside = np.concatenate(
            [
                inside_of(view, t, asked.conditions, "train" if o == "training" else None)[r]
                for o, t, r, _ in lists
            ]
        )
        made = recipes.balanced(labels * 2 + inside)
    else:
        made = np.full(len(labels), 1 / len(labels))
    ends = np.cumsum([len(c) for _, _, _, c in lists])[:-1]
    return [np.asarray(part) for part in np.split(made * len(made), ends)]


def _list(
    view: CaseView,
    path: Path,
    lists: list[tuple[str, ImageTable, Ints, Ints]],
    weights: list[recipes.Floats],
) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "weight", "origin"))
        for (origin, table, rows, labels), own in zip(lists, weights, strict=True):
            for row, label, weight in zip(rows.tolist(), labels.tolist(), own.tolist(), strict=True):
                place = table.root / table.paths[row]
                written = str(place.resolve()) if place.exists() else table.paths[row]
                writer.writerow((written, view.classes[label], f"{weight:.6g}", origin))


def _guide(view: CaseView, asked: Asked, strategy: Strategy) -> str:
    about = (
        f"It is to repair {asked.finding_id}: {clean(asked.finding.statement, 400)}\n\n"
        if asked.finding
        else ""
    )
    return (
        f"# {strategy.name.replace('_', ' ').capitalize()}\n\n{about}"
        f"`images.csv` lists every image to train on: its path, its label, how often it is to be drawn (`weight`, 1 on\n"
        f"average) and where it comes from. Classes, in the order of the model's outputs: {', '.join(clean(c, 60) for c in view.classes)}.\n\n"
        f"Why: {strategy.why if '{' not in strategy.why else 'see propose_correction.'}\n\n"
        f"Watch out: {strategy.risk if '{' not in strategy.risk else 'see propose_correction.'}\n\n"
        f"Control arm: {strategy.control}. Train it as well, with the same seeds and number of steps; only then is it known\n"
        "what the repair did. Use three seeds of each.\n\n"
        "`train.py` is a script to start from (torch); put your own model and preparation into it. Afterwards compare with\n"
        "`failsight compare`, or open a case with the new predictions.\n"
    )


_SCRIPT = '''"""Train on images.csv, each image drawn as often as its weight says. Put your model and your preparation in."""

import csv

import torch

SEED, STEPS, BATCH, RATE = 1, 1000, 32, 1e-3


def prepare(path):
    """Your preparation: path -> (3, h, w) tensor."""
    raise NotImplementedError


def load_model():
    """Your model with its present weights."""
    raise NotImplementedError


def main():
    torch.manual_seed(SEED)
    rows = list(csv.DictReader(open("images.csv", encoding="utf-8")))
    classes = sorted({row["label"] for row in rows})  # put them into the order of your model's outputs
    weights = torch.tensor([float(row["weight"]) for row in rows])
    model = load_model().train()
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    for step in range(STEPS):
        chosen = [rows[int(i)] for i in torch.multinomial(weights, BATCH, replacement=True)]
        pictures = torch.stack([prepare(row["path"]) for row in chosen])
        labels = torch.tensor([classes.index(row["label"]) for row in chosen])
        loss = torch.nn.functional.cross_entropy(model(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.save(model.state_dict(), "repaired.pt")


if __name__ == "__main__":
    main()
'''
