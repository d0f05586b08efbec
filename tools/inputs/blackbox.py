"""A model known by its predictions alone: a table with path, label and either the predicted class or class scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import UserError
from failsight.tools.inputs import beside
from failsight.tools.inputs.answers import answers_given, answers_kept, table_thresholds
from failsight.tools.inputs.base import Floats, LeftOut, Predictions, Split
from failsight.tools.inputs.classes import match_labels
from failsight.tools.inputs.columns import join_metadata, parse_boxes, read_columns, typed, typed_columns
from failsight.tools.inputs.fingerprint import content_hash, look_at
from failsight.tools.inputs.manifest import RESERVED, locate, need_column, of_split
from failsight.tools.inputs.models.outputs import softmax
from failsight.tools.inputs.names import usual_names, without_answers
from failsight.tools.inputs.one_score import completed
from failsight.tools.inputs.spelling import Spellings, one_spelling
from failsight.tools.inputs.table import Files, Images, Unmatched, distinct, printable
from failsight.tools.inputs.unmatched import NO_CLASS, check_labels
from failsight.tools.notes import called
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.view import Progress

_PREFIXES = ("", "p_", "prob_", "p:", "score_")  # others are found by what all columns of classes share
LABELLED = ("data", "train")  # splits whose pictures are of no use without a label
_TOLERANCE = 0.02  # how far a row of probabilities may be from summing to one: they are often rounded
Columns = Mapping[str, Sequence[Any]]


@dataclass
class _Rows:
    """The rows of the file that name a known label and a usable prediction, and those that do not."""

    names: list[str]
    keep: list[int]
    labels: list[int]
    scores: Floats
    without_label: list[LeftOut]
    without_scores: list[LeftOut]
    unmatched: tuple[Unmatched, ...]
    given: npt.NDArray[np.int64]  # answers that the table says beside its scores, −1 where it says none
    answers: npt.NDArray[np.int64] | None = None  # what counts, where that is not what the scores say


def open_black_box(
    path: str | Path,
    *,
    split: Split = "data",
    root: str | Path | None = None,
    classes: tuple[str, ...] | None = None,
    class_map: Mapping[str, str] | None = None,
    choose: str | None = None,
    metadata: tuple[str | Path, str] | None = None,
    refuse_loss: bool = False,
    cache_folder: Path | None = None,
    progress: Progress | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> tuple[Images, Predictions]:
    """The pictures and the prediction table that a CSV or Parquet file describes.

    Columns: ``path``; ``label``; and ``prediction`` (a class name) or one column of probabilities per class, named as the
    class or with ``p_`` or ``prob_`` before it. Every other column is an attribute. With both, ``prediction`` is what the
    model answered, whatever its scores: somebody may have decided by a threshold.

    Args:
        split: what the pictures are for; as in ``data.open_images`` it decides whether labels are needed, and only those of
            ``data`` may stand elsewhere.
        root: folder that the paths are relative to, by default the table's own; or a manifest or class folders that give the
            labels (see :func:`beside.joined`). Pictures need not exist: then there is nothing to look at, but every tool that needs
            only predictions works.
        classes: class names in the order wanted; by default the probability columns' order, else all words sorted.
        class_map: label → class, where they differ.
        choose: the value of a column ``split`` to use.
        refuse_loss: raise where more than half of the rows would be left out for their labels.
        thresholds: class → score from which on it is answered; they decide in place of the column ``prediction``.

    Returns:
        The pictures and, row for row, their predictions (one-hot and ``has_scores`` False without probabilities).

    Raises:
        UserError: a column is missing, no row is usable, labels match no class, or thresholds do not fit the table.
    """
    path = Path(path).expanduser()
    read, notes = read_columns(path)
    strict = split in LABELLED
    sure = () if strict else ("label",)
    read = usual_names(read, clean(path.name), notes, "path", "label", "prediction", sure=sure)
    need_column(read, "path", path)
    whole = Path(root).expanduser() if root is not None else None
    folder = whole or path.parent
    if split == "data":
        read, folder = beside.joined(read, path, whole, choose, notes)
    if strict and "label" not in read:
        raise beside.not_labelled(read, path)
    if split == "pool" or "label" not in read:
        read["label"] = [None] * len(read["path"])
    columns = of_split(read, split, choose, path, notes)
    columns = completed(columns, classes, class_map or {}, path.name, notes)
    probabilities = probability_columns(columns, classes, class_map or {})
    if not probabilities:
        need_column(columns, "prediction", path)
        if not classes:
            columns = _spelt_as_labels(columns, class_map or {}, clean(path.name), notes)
    names = classes or _classes(columns, probabilities, class_map or {})
    if len(names) < 2:
        raise UserError(
            f"The table {clean(path.name)} knows one class only ({listing(names)}).", "Give at least two."
        )
    rule = table_thresholds(thresholds or {}, names, path.name, has_scores=bool(probabilities))
    rows = _rows(columns, probabilities, names, class_map or {}, path, notes, strict)
    rows.answers = answers_kept(rows.given, rows.scores, rule, notes)
    if refuse_loss and strict:
        check_labels(
            rows.unmatched, len(columns["path"]), f"rows of {clean(path.name)}", names, folders=False
        )
    kept = {name: [values[i] for i in rows.keep] for name, values in columns.items()}
    taken = {"prediction", *RESERVED, *probabilities.values()}
    others = without_answers(
        {name: values for name, values in kept.items() if name not in taken},
        clean(path.name),
        notes,
        predictions=True,
    )
    attributes = typed_columns(others, notes)
    if metadata is not None:
        joined = join_metadata(rows.names, attributes, Path(metadata[0]).expanduser(), metadata[1], notes)
        attributes = {**typed_columns(joined, notes), **attributes}
    numbers = np.arange(len(rows.keep), dtype=np.int64)
    left_out = tuple(rows.without_scores)
    made = Predictions(
        split,
        names,
        numbers,
        np.array(rows.labels, np.int64),
        rows.scores,
        left_out,
        has_scores=bool(probabilities),
        cached=True,
        thresholds=rule,
        answers=rows.answers,
    )
    return _images(folder, kept, attributes, rows, made, notes, cache_folder, progress), made


def probability_columns(
    columns: Columns, classes: tuple[str, ...] | None, class_map: Mapping[str, str]
) -> dict[str, str]:
    """Class name → the column of its probabilities; empty when the table has none.

    Without ``classes`` the class names are the words in ``label`` and ``prediction``, and what other columns have the
    same name but for the class: a class that no picture has is still a class, and a label that no class answers to is
    a label to be listed.
    """
    plain = [name for name in columns if name not in (*RESERVED, "prediction")]
    seen = {_text(value) for value in columns.get("prediction", ())}
    seen |= {class_map.get(_text(value), _text(value)) for value in columns.get("label", ())}
    words = list(classes or sorted(seen - {""}))
    for before, after in [*((prefix, "") for prefix in _PREFIXES), *_around(plain, words)]:
        by_name = {
            _between(name, before, after): name
            for name in plain
            if _between(name, before, after) and (not after or _is_numeric(columns[name]))
        }
        spellings = Spellings(by_name)
        found = {word: by_name[meant] for word in words if (meant := spellings.find(word)) is not None}
        bare = not before + after
        if len(found) < (2 if bare or len(words) > 1 else 1):
            continue
        if len(found) < len(words) * (1 if bare or classes is not None else 0.5):
            continue
        if classes is not None:
            if len(set(found.values())) < len(found):  # two classes, one column: it can be only one's
                continue
            return found
        spelt: dict[
            str, str
        ] = {}  # two spellings of a label are one class, by preference spelt as the column is
        for word, name in found.items():
            if name not in spelt or word == _between(name, before, after):
                spelt[name] = word
        found = {word: name for name, word in spelt.items()}
        if not bare:
            others = [
                name for name in by_name.values() if name not in found.values() and _is_numeric(columns[name])
            ]
            found |= {_between(name, before, after): name for name in others}
        place = {name: i for i, name in enumerate(plain)}
        return dict(sorted(found.items(), key=lambda item: place[item[1]]))
    return {}


def _around(names: Sequence[str], words: Sequence[str]) -> list[tuple[str, str]]:
    """What stands before and after the name of a class in names of columns: ``softmax(``, ``)``; the commonest first."""
    counts: Counter[tuple[str, str]] = Counter()
    for word in sorted({w for one in words[:8] for w in (one, one.replace(" ", "_")) if w}):
        for name in names:
            place = name.casefold().find(word.casefold())
            around = (name[:place], name[place + len(word) :]) if place >= 0 else ("", "")
            if around != ("", "") and around[0][-1:].isalnum() + around[1][:1].isalnum() == 0:
                counts[around] += 1
    return [around for around, n in counts.most_common(4) if n > 1]


def _between(name: str, before: str, after: str) -> str:
    """What of a column's name is the class; empty where it does not fit."""
    if name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after):
        return name[len(before) : len(name) - len(after)]
    return ""


def _is_numeric(values: Sequence[Any]) -> bool:
    column = typed(values)
    return column is not None and any(isinstance(value, float) for value in column)


def _classes(
    columns: Columns, probabilities: Mapping[str, str], class_map: Mapping[str, str]
) -> tuple[str, ...]:
    """The class names: those of the probability columns, else every word in ``label`` and ``prediction``, sorted."""
    if probabilities:
        return tuple(clean(name) for name in probabilities)
    labels = (_text(value) for value in columns["label"])
    words = {clean(class_map.get(label, label)) for label in labels} | {
        clean(_text(v)) for v in columns["prediction"]
    }
    return tuple(sorted(words - {""}))


def _spelt_as_labels(
    columns: dict[str, list[Any]], class_map: Mapping[str, str], table: str, notes: list[str]
) -> dict[str, list[Any]]:
    """``columns`` with the answers spelt as the labels are, where nothing but the spelling is different."""
    told = [clean(_text(v)) for v in columns["prediction"]]
    labels = [clean(class_map.get(word, word)) for word in map(_text, columns["label"])]
    spelt = one_spelling([n for n in labels if n], [n for n in told if n], table, notes)
    return {**columns, "prediction": [spelt.get(word, word) or None for word in told]} if spelt else columns


def _rows(
    columns: Columns,
    probabilities: Mapping[str, str],
    names: tuple[str, ...],
    class_map: Mapping[str, str],
    path: Path,
    notes: list[str],
    strict: bool,
) -> _Rows:
    """Which rows can be used, with their labels and scores; ``strict``: not without a label. Raises UserError when none can."""
    words = [clean(_text(value)) or None for value in columns["label"]]
    matching = match_labels(words, names, class_map, clean(path.name), strict=strict)
    meant = {one.label for one in matching.unmatched if one.on_purpose}
    notes.extend(matching.notes)
    answers = np.full(len(words), -1, np.int64)
    told = [clean(_text(v)) or None for v in columns.get("prediction", ())]
    if probabilities:
        scores, bad = _probabilities(columns, probabilities, path, notes)
        if told:
            answers, unknown = answers_given(told, names, class_map, notes)
            bad = {**unknown, **bad}
    else:
        scores, bad = _one_hot(told, names)
    given = [_text(value) for value in columns["path"]]
    shown = distinct([printable(name.replace("\\", "/")) or f"row {i + 2}" for i, name in enumerate(given)])
    rows = _Rows([], [], [], scores, [], [], matching.unmatched, answers)
    for i, word in enumerate(words):
        if word is None and strict:
            rows.without_label.append(LeftOut(shown[i], "it has no label"))
        elif word is not None and word not in matching.index and (strict or word in meant):
            reason = f"its label {clean(word, 60)} {NO_CLASS}"
            rows.without_label.append(LeftOut(shown[i], reason))
        elif i in bad:
            rows.without_scores.append(LeftOut(shown[i], bad[i], matching.index.get(word or "", -1)))
        else:
            rows.keep.append(i)
            rows.names.append(shown[i])
            rows.labels.append(matching.index.get(word or "", -1))
    if not words:
        raise UserError(f"The table {clean(path.name)} has no rows to use.", "Check the file.")
    if not rows.keep:
        first = (rows.without_scores or rows.without_label)[0]
        raise UserError(
            f"Not one row of {clean(path.name)} can be used (the first: {first.reason}).",
            "Check its columns.",
        )
    rows.scores, rows.given = scores[rows.keep], answers[rows.keep]
    return rows


def _probabilities(
    columns: Columns, probabilities: Mapping[str, str], path: Path, notes: list[str]
) -> tuple[Floats, dict[int, str]]:
    """(n, classes) scores and, for rows without usable ones, why. Scores that are no probabilities go through softmax."""
    values = np.array([[_number(v) for v in columns[name]] for name in probabilities.values()], np.float64).T
    finite = (abs(values) <= np.finfo(np.float32).max).all(1)  # also False where one is missing
    bad = {int(i): "the model's scores are not finite numbers" for i in np.flatnonzero(~finite)}
    safe = np.where(finite[:, None], values, 1 / values.shape[1])
    outside = (safe < -1e-6).any(1) | (safe > 1 + 1e-6).any(1) | (abs(safe.sum(1) - 1) > _TOLERANCE)
    if outside.mean() > 0.5:
        notes.append(f"The scores in {clean(path.name)} are no probabilities; their softmax is used.")
        return softmax(safe.astype(np.float32)), bad
    bad |= {int(i): "its scores are not between 0 and 1 with sum 1" for i in np.flatnonzero(outside)}
    return safe.astype(np.float32), bad


def _one_hot(words: Sequence[str | None], names: tuple[str, ...]) -> tuple[Floats, dict[int, str]]:
    """(n, classes) ones at the predicted class and, for rows without a known prediction, why."""
    number, spelt = {name: i for i, name in enumerate(names)}, Spellings(names)
    scores = np.zeros((len(words), len(names)), np.float32)
    bad = {}
    for i, word in enumerate(words):
        meant = spelt.find(word) if word is not None else None
        column = number[meant] if meant is not None else None
        if column is None:
            bad[i] = (
                "it has no prediction"
                if word is None
                else f"its prediction {clean(word, 60)} is no known class"
            )
        else:
            scores[i, column] = 1.0
    return scores, bad


def _images(
    folder: Path,
    kept: Columns,
    attributes: Columns,
    rows: _Rows,
    made: Predictions,
    notes: list[str],
    cache_folder: Path | None,
    progress: Progress | None,
) -> Images:
    """The image table of the usable rows. Pictures that are not at hand are no reason to leave a prediction out."""
    boxes = parse_boxes(kept["boxes"], notes) if "boxes" in kept else None
    sources = Files([locate(folder, _text(value)) for value in kept["path"]])
    looks = look_at(sources, cache_folder, folder, progress)
    problems = [look.problem for look in looks if look.problem]
    if problems:
        what = "images" if made.split == "data" else called(made.split)
        notes.append(
            f"{len(problems):,} of {len(looks):,} {what} are not at hand (the first: {problems[0]}); "
            "their predictions are used all the same."
        )
    words = [made.classes[label] if label >= 0 else None for label in rows.labels]
    digests = [look.digest for look in looks]
    parts = [
        list(made.classes), words, rows.names, attributes, boxes, sha256(rows.scores.tobytes()).hexdigest(),
    ]  # fmt: skip
    if rows.answers is not None or made.thresholds:  # other answers from the same scores are other data
        parts.append(sha256(made.predicted.tobytes()).hexdigest())
    return Images(
        root=folder,
        paths=rows.names,
        labels=made.labels,
        classes=made.classes,
        columns=attributes,
        boxes=boxes,
        left_out=rows.without_label,
        fingerprint=content_hash(parts, digests),
        format="predictions",
        sizes=np.array([(look.width, look.height) for look in looks], np.int32).reshape(-1, 2),
        digests=digests,
        notes=tuple(notes),
        sources=sources,
        index=np.arange(len(looks), dtype=np.int64),
        unmatched=rows.unmatched,
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
