"""What the columns and tags of a training record mean, whoever wrote it.

Keras (``loss``, ``val_loss``, ``accuracy``), Lightning (``train_loss_epoch``), fastai (``valid_loss``), timm (``eval_top1``),
Hugging Face (``eval_loss``), Ultralytics (``metrics/accuracy_top1``, ``lr/pg0``), TensorBoard (``Loss/train``,
``validation/epoch_accuracy``): the words in a name say the split and the quantity, in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

Quantity = Literal["train_loss", "val_loss", "train_accuracy", "val_accuracy", "learning_rate"]
QUANTITIES: tuple[Quantity, ...] = (
    "train_loss",
    "val_loss",
    "train_accuracy",
    "val_accuracy",
    "learning_rate",
)
EPOCH = ("epoch", "epochs", "ep")
STEP = (
    "step",
    "steps",
    "iteration",
    "iterations",
    "iter",
    "global_step",
    "batch",
    "update",
    "updates",
    "trainer_global_step",
)

_TRAIN = {"train", "training", "tr", "trn"}
_VAL = {"val", "valid", "validation", "eval", "evaluation", "dev", "test", "testing", "heldout"}
_GROUP = "metrics"  # where nothing else is said, the validation images' (Ultralytics)
_LOSS = {"loss", "nll", "xent", "ce", "crossentropy", "entropy", "objective", "cost"}
_ACCURACY = {"accuracy", "acc", "top1", "acc1", "accuracytop1", "prec1"}
_ERROR = {"error", "err", "err1", "errorrate"}
_OTHER = {
    "top5",
    "acc5",
    "top3",
    "balanced",
    "class",
    "std",
    "var",
    "min",
    "max",
    "ema",
    "reg",
    "aux",
    "best",
    "prec5",
    "lossscale",
}
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|\d+")


def words(name: str) -> list[str]:
    """The words of a column or tag, lower case: ``trainLoss``, ``train/loss`` and ``train_loss`` are the same."""
    return [w.lower() for w in _WORDS.findall(name.replace("@", ""))]


def quantity(name: str, *, bare_is_val: bool = False) -> tuple[Quantity, bool] | None:
    """What ``name`` records, and whether as an error rate (one minus the accuracy); None for anything else.

    Args:
        name: a column or tag.
        bare_is_val: whether a bare ``accuracy`` is the validation images', as in fastai's records.
    """
    said = words(name)
    these = set(said)
    joined = "".join(said)
    if these & {"lr", "learningrate"} or "learningrate" in joined:
        return "learning_rate", False
    if these & _OTHER or joined in _OTHER:
        return None
    val = bool(these & _VAL)  # also in ``train/val_loss``: the more particular word counts
    val = val or (_GROUP in these and not these & _TRAIN)
    side = "val" if val else "train"
    if these & _LOSS:
        return ("val_loss" if val else "train_loss"), False
    if these & _ACCURACY or these & _ERROR:
        if not val and not these & _TRAIN and bare_is_val:
            side = "val"
        return ("val_accuracy" if side == "val" else "train_accuracy"), not these & _ACCURACY
    return None


def assign(names: Sequence[str]) -> dict[Quantity, tuple[str, bool]]:
    """Which of ``names`` is which quantity: (name, whether it is an error rate).

    Where several fit, an ``epoch`` mean goes before a ``step`` value, the shorter name before the longer.
    A bare ``accuracy`` beside ``train_loss`` and ``valid_loss`` is the validation images'.
    """
    explicit = {
        q
        for n in names
        if (q := (quantity(n) or (None,))[0]) and (set(words(n)) & (_TRAIN | _VAL | {_GROUP}))
    }
    bare_is_val = {"train_loss", "val_loss"} <= explicit and "val_accuracy" not in explicit
    made: dict[Quantity, tuple[str, bool]] = {}
    for name in sorted(names, key=_rank):
        found = quantity(name, bare_is_val=bare_is_val)
        if found is not None:
            made.setdefault(found[0], (name, found[1]))
    return made


def _rank(name: str) -> tuple[int, int, int, str]:
    said = words(name)
    wrong = bool(set(said) & _ERROR) and not set(said) & (_ACCURACY | _LOSS)
    test = bool(
        set(said) & {"test", "testing"}
    )  # where there is a validation column too, that one steers training
    return (int("step" in said), int(wrong) + int(test), len(said), name)


def axis(names: Iterable[str], wanted: Sequence[str]) -> str | None:
    """The first of ``names`` that is one of the axis words ``wanted``."""
    for name in names:
        if "_".join(words(name)) in wanted:
            return name
    return None
