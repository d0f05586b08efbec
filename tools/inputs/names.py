"""Columns under the names that other programs give them, and columns that say what the answers already say.

A table of predictions written by somebody's script has ``filename``, ``true_label``, ``predicted``; often also
``correct`` or ``confidence``. The first are read as what they are, with a note. The others must not become attributes:
"the model errs where correct = no" is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from failsight.tools.inputs.spelling import folded
from failsight.tools.text import clean, listing

Columns = dict[str, list[Any]]

_WORDS: dict[str, tuple[str, ...]] = {
    "path": (
        "path", "filepath", "filename", "imagepath", "imagefile", "imagefilename", "imagename", "imgpath", "imgfile",
        "imgname", "relpath", "relativepath", "fname", "file", "files", "image", "images", "img", "picture", "photo",
    ),
    "label": (
        "label", "truelabel", "trueclass", "groundtruth", "groundtruthlabel", "gtlabel", "gt", "ytrue", "actual",
        "actuallabel", "actualclass", "labelname", "classname", "classlabel", "class", "targetlabel", "target",
        "category", "true", "truth", "y",
    ),
    "prediction": (
        "prediction", "predicted", "predictedlabel", "predictedclass", "predictionlabel", "predlabel", "predclass",
        "modelprediction", "modeloutput", "pred", "preds", "predictions", "ypred", "yhat", "top1",
    ),
}  # fmt: skip
_SURE = frozenset(_WORDS["label"][: _WORDS["label"].index("targetlabel")])
"""Words that mean a label even where none is needed; ``target`` and ``category`` may be attributes there."""
_OUTCOMES = frozenset(("correct", "iscorrect", "iswrong", "iserror", "misclassified", "ismisclassified"))
_SCORES = frozenset(
    (
        "wrong", "error", "hit", "confidence", "conf", "maxprob", "maxprobability", "maxscore", "topprob", "top1prob", "top1score", "score", "prob",
        "probability", "loss", "crossentropy", "nll", "entropy", "margin",
    )
)  # fmt: skip
_UNNAMED = re.compile(r"unnamed: ?\d+|column 1|index", re.IGNORECASE)


def usual_names(
    columns: Mapping[str, list[Any]], table: str, notes: list[str], *wanted: str, sure: Sequence[str] = ()
) -> Columns:
    """``columns`` with those that are called otherwise renamed to ``wanted``; said in ``notes``.

    Args:
        wanted: of ``path``, ``label``, ``prediction``; one that is there under its own name is left alone.
        sure: those of ``wanted`` that need not be there: only words that can mean nothing else are taken for them.
    """
    renamed: dict[str, str] = {}
    for name in wanted:
        if name in columns:
            continue
        by_word: dict[str, str] = {}
        for column in columns:
            by_word.setdefault(folded(column), column)
        words = [w for w in _WORDS[name] if name not in sure or name != "label" or w in _SURE]
        found = next((by_word[w] for w in words if w in by_word and by_word[w] not in renamed), None)
        if found is not None:
            renamed[found] = name
    if renamed:
        said = listing([f"{clean(old, 40)} is read as {new}" for old, new in renamed.items()])
        notes.append(f"In {table}, {said}.")
    return {renamed.get(name, name): values for name, values in columns.items()}


def without_answers(
    columns: Mapping[str, list[Any]], table: str, notes: list[str], *, predictions: bool = False
) -> Columns:
    """``columns`` without those that repeat the model's answers or number the rows; what goes is said in ``notes``.

    Args:
        predictions: whether it is a table of predictions, where ``confidence`` or ``loss`` can only be the model's.
    """
    answers = _OUTCOMES | set(_WORDS["prediction"]) | (_SCORES if predictions else frozenset())
    told = [name for name in columns if folded(name) in answers]
    numbers = [name for name, values in columns.items() if _UNNAMED.fullmatch(name) and _numbers(values)]
    if told:
        one = len(told) == 1
        notes.append(
            f"In {table}, {listing([clean(n, 40) for n in told])} {'repeats' if one else 'repeat'} what the model answered; "
            f"{'it is' if one else 'they are'} no {'attribute' if one else 'attributes'} of the images."
        )
    if numbers:
        notes.append(
            f"In {table}, {listing([clean(n, 40) for n in numbers])} only numbers the rows; it is left out."
        )
    return {name: values for name, values in columns.items() if name not in {*told, *numbers}}


def _numbers(values: Sequence[Any]) -> bool:
    """Whether every value is another whole number: an index that a table was saved with."""
    try:
        made = {int(str(value)) for value in values}
    except ValueError:
        return False
    return len(made) == len(values)
