"""describe_case: what there is to work with, and what is missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools import belonging
from failsight.tools.evidence import Cell, Evidence, Fact, Table
from failsight.tools.expectations.names import is_price, show_expected, show_value
from failsight.tools.inputs.base import Classifier, ImageTable, Preprocessing, Split
from failsight.tools.inputs.decisions import rule_of, rule_words
from failsight.tools.inputs.unmatched import NO_CLASS, how_to_map, map_option, unmatched_sentence
from failsight.tools.notes import called, left_out_notes, of_split
from failsight.tools.registry import tool
from failsight.tools.text import clean, counted, listing
from failsight.tools.view import CaseView, Expectation

IMBALANCED = 3.0  # times as many images in the largest class as in the smallest: worth a sentence
FEW = 30  # images of a class: below this its recall is known to about ± 18 points
MOST_CLASSES = 60
MOST_LABELS = 60
MOST_COLUMNS = 60
FEW_VALUES = 8  # of a column that are all listed
UNMATCHED = "Labels that are no class of the model"
#: what a case may lack → what it would tell
MISSING = {
    "model": "Without the model itself nothing can be asked of it: no saliency, no masking tests, no what-if; only its given predictions are known.",
    "scores": "Without class probabilities nothing can be said about confidence and calibration; add one column of probabilities per class.",
    "train": "Training images (--train) would tell rare cases from hard ones, and show overlap with the evaluation images and the gap between both.",
    "deploy": "A sample of deployment images (--deploy), best with labels, would show whether the model holds up where it is used.",
    "pool": "Unlabelled images (--pool) would let the next images to label be chosen.",
    "boxes": "Object boxes would let a single object be covered in a test; without them tests cover regions and grid cells.",
    "metadata": "Metadata columns (style, camera, place …) would let failures be described in your own words; without them only what can be computed from the images is used.",
    "history": "The training record (--history) would show whether the model was still learning, or learning by heart.",
    "expectations": "How good the model must be was not said; readiness stays undecided until it is, for example: accuracy at least 90 %.",
}


@tool(
    cost="instant",
    answers=("input.1", "input.7", "input.12", "input.13", "model_structure.1", "iterations.5"),
    reads_groups=True,
)
def describe_case(view: CaseView) -> Evidence:
    """Say what this case consists of: the model, the images of each split by class, metadata, expectations, and what is missing.

    Nothing is predicted or measured; labels are counted as given.
    """
    told = _Told()
    told.model(view)
    told.images(view)
    told.together(view)
    told.expectations(view.expectations)
    missing = _missing(view)
    told.tables.append(
        Table("What is missing", ("missing", "what it would tell"), tuple((m, MISSING[m]) for m in missing))
    )
    questions = ("input.1", "input.12", "input.13") + (
        ("model_structure.1", "input.7") if view.has_model() else ()
    )
    return Evidence(
        tool="describe_case",
        title="What there is to work with",
        summary=" ".join(told.sentences),
        facts=tuple(told.facts),
        tables=tuple(t for t in told.tables if t.rows),
        questions=questions,
        notes=tuple(told.notes),
        next_steps=_next_steps(view, missing),
    )


FORMATS = {
    "transformers": "a transformers model",
    "onnx": "an ONNX file",
    "torchscript": "a TorchScript file",
    "torch_export": "a torch.export program",
}


@dataclass
class _Told:
    """What has been said so far."""

    sentences: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def model(self, view: CaseView) -> None:
        """Format, size, input; for a black box that there is none; how answers are decided from scores."""
        self._model(view)
        thresholds = rule_of(view)
        if rule := rule_words(view.classes, thresholds):
            self.sentences.append(f"{rule} Otherwise the largest of the other scores counts.")
        for name, bar in zip(view.classes, thresholds, strict=False):
            if bar is not None:
                self.facts.append(Fact("threshold", bar, "score", f"class {clean(name, 60)}"))

    def _model(self, view: CaseView) -> None:
        if not view.has_model():
            self.sentences.append(
                f"The model is a black box that tells {len(view.classes)} classes apart; only its predictions are known."
            )
            self.facts.append(Fact("model_format", "black box", "text"))
            return
        model = view.model()
        parameters = parameter_count(model)
        height, width = model.preprocessing.size
        size = f" with {parameters:,} parameters" if parameters else ""
        self.sentences.append(
            f"The model is {FORMATS.get(model.format, f'a {clean(model.format, 40)} model')}{size} that sees {width} × {height} pixels and tells {len(view.classes)} classes apart."
        )
        self.facts += [
            Fact("model_format", model.format, "text"),
            Fact("model_fingerprint", model.fingerprint[:16], "text"),
            Fact("input_width", width, "pixels"),
            Fact("input_height", height, "pixels"),
        ]
        if parameters:
            self.facts.append(Fact("parameters", parameters, "count"))
        self.tables.append(Table("Model", ("property", "value"), tuple(_model_rows(model, parameters))))
        self.notes += [clean(n, 600) for n in getattr(model, "notes", ())]

    def images(self, view: CaseView) -> None:
        """Counts by split and class, metadata, what was left out."""
        counts = {s: class_counts(view.table(s), len(view.classes)) for s in view.splits()}
        self.facts.append(Fact("classes", len(view.classes), "count"))
        rows: list[tuple[Cell, ...]] = []
        for split, by_class in counts.items():
            table = view.table(split)
            unlabelled = len(table) - int(by_class.sum())
            self.facts.append(Fact("images", len(table), "count", of_split(split)))
            self.facts.append(Fact("left_out", len(table.left_out), "count", of_split(split)))
            rows.append(
                (
                    called(split),
                    len(table),
                    int((by_class > 0).sum()),
                    unlabelled,
                    len(table.left_out),
                    table.format,
                    _attached(table),
                )
            )
            other = [one for one in table.left_out if not one.reason.endswith(NO_CLASS)]  # told by themselves
            self.notes += left_out_notes(split, other)
            self.notes += [clean(n, 800) for n in getattr(table, "notes", ())]
        columns = ("images", "number", "classes", "unlabelled", "left out", "format", "attached")
        self.tables.append(
            Table(
                "Images", columns, tuple(rows), ("text", "count", "count", "count", "count", "text", "text")
            )
        )
        self.tables.append(_columns(view))
        self.sentences.append(
            "There are " + listing([f"{len(view.table(s)):,} {called(s)}" for s in counts]) + "."
        )
        lost = {
            s: n
            for s in counts
            if (n := sum(not o.reason.endswith(NO_CLASS) for o in view.table(s).left_out))
        }
        if lost:
            told = listing([f"{n:,} of the {called(s)}" for s, n in lost.items()])
            one = sum(lost.values()) == 1
            self.sentences.append(f"{told} {'is' if one else 'are'} left out; why stands in the notes.")
        self._unmatched(view)
        self._classes(view, counts)

    def _unmatched(self, view: CaseView) -> None:
        """Labels that are no class of the model: how many images they cost, and what would bring them back."""
        rows: list[tuple[Cell, ...]] = []
        for split in view.splits():
            sentence = unmatched_words(view, split)
            if not sentence:
                continue
            self.sentences.append(sentence)
            for one in getattr(view.table(split), "unmatched", ()):
                option = "left out on purpose" if one.on_purpose else map_option(one)
                rows.append((one.label, called(split), one.images, one.closest or "none", option))
        left = len(rows) - MOST_LABELS
        self.tables.append(
            Table(
                UNMATCHED,
                ("label", "of", "left out", "closest class", "option of a new case"),
                tuple(sorted(rows, key=lambda r: -int(r[2] or 0))[:MOST_LABELS]),
                ("text", "text", "count", "text", "text"),
                f"{counted(left, 'more label is', 'more labels are')} not shown." if left > 0 else "",
            )
        )

    def _classes(self, view: CaseView, counts: dict[Any, npt.NDArray[np.int64]]) -> None:
        """The class table, and a sentence on balance for each labelled split."""
        order = np.argsort(counts["data"], kind="stable")[:MOST_CLASSES]
        rows = tuple((view.classes[i], *(int(c[i]) for c in counts.values())) for i in order)
        left = len(view.classes) - len(rows)
        units = ("text", *("count" for _ in counts))
        caption = "Fewest evaluation images first." + (
            f" {left:,} larger classes are not shown." if left else ""
        )
        self.tables.append(Table("Classes", ("class", *(called(s) for s in counts)), rows, units, caption))  # type: ignore[arg-type]
        for split, by_class in counts.items():
            balance = balance_sentence(by_class, view.classes, split)
            if balance is not None:
                text, ratio = balance
                self.sentences.append(text)
                self.facts.append(balance_fact(by_class, ratio, split))
        few = [view.classes[i] for i in np.flatnonzero((counts["data"] > 0) & (counts["data"] < FEW))]
        if few:
            self.notes.append(
                f"Fewer than {FEW} evaluation images: {listing(few)}. What is said about {'it' if len(few) == 1 else 'them'} will be vague."
            )

    def together(self, view: CaseView) -> None:
        """Which images belong together; or that a column looks as if it said so, and nobody said that it does."""
        table, column = view.table("data"), belonging.column_of(view)
        if column in table.columns:
            values = [t for v in table.columns[column] if (t := belonging.value_text(v))]
            name, groups = clean(column, 40), len(set(values))
            self.sentences.append(
                f"Images with the same {name} belong together: {len(values):,} evaluation images in {groups:,} groups."
            )
            self.facts.append(Fact("groups", groups, "count", f"column {name}", n=len(values)))
            without = [called(s) for s in view.splits() if column not in view.table(s).columns]
            if without:
                self.notes.append(
                    f"The {listing(without)} have no column {name}: each of those images counts by itself."
                )
        elif (found := belonging.likely(table)) is not None and getattr(view, "groups_said", None) is None:
            name = clean(found.column, 40)
            self.facts.append(Fact(belonging.UNSAID, found.groups, "count", name, n=found.images))
            self.notes.append(
                f"{found.images:,} images have {found.groups:,} values of {name}: several seem to belong together, and are counted as "
                f"independent until that is said (--groups {name})."
            )

    def expectations(self, given: Sequence[Expectation]) -> None:
        """The criteria set so far."""
        senses = ["is" if is_price(e.name) else "at least" if e.at_least else "at most" for e in given]
        rows = tuple(
            (e.name, sense, show_value(e.name, e.bound), e.by) for e, sense in zip(given, senses, strict=True)
        )
        self.tables.append(Table("Expectations", ("name", "sense", "bound", "set by"), rows))
        if given:
            text = [show_expected(e.name, e.at_least, e.bound) for e in given]
            self.sentences.append(f"It is expected: {listing(text)}.")


def unmatched_words(view: CaseView, split: Split, *, hint: bool = False) -> str:
    """How many images of ``split`` are left out because the model has no such class, and (``hint``) what to type; else empty."""
    table = view.table(split)
    unmatched = getattr(table, "unmatched", ())
    if not unmatched or not any(one.reason.endswith(NO_CLASS) for one in table.left_out):
        return ""
    total = len(table) + len(table.left_out)
    text = unmatched_sentence(
        unmatched, called(split), total, table.classes, folders=table.format == "folder"
    )
    if not hint:
        return text
    counts = class_counts(table, len(table.classes))
    empty = [name for name, n in zip(table.classes, counts, strict=True) if not n]
    if empty and not all(one.on_purpose for one in unmatched):
        text += f" Of {listing(empty)} there are no images."
    return f"{text} {how_to_map(unmatched)}".strip()


def parameter_count(model: Classifier) -> int | None:
    """Weights of the torch module; None where there is none to look into (ONNX, a plain function)."""
    module = model.torch_module()
    if module is None or not hasattr(module, "parameters"):
        return None
    return sum(int(p.numel()) for p in module.parameters())


def _model_rows(model: Classifier, parameters: int | None) -> list[tuple[Cell, ...]]:
    return [
        ("format", model.format),
        ("fingerprint", model.fingerprint[:16]),
        ("parameters", f"{parameters:,}" if parameters else "not visible in this format"),
        ("outputs", model.outputs),
        ("layer for features", model.feature_layer or "not known"),
        *preprocessing_rows(model.preprocessing),
    ]


def preprocessing_rows(p: Preprocessing) -> list[tuple[Cell, ...]]:
    """In words, what happens to an image before the model sees it."""
    how = {
        "stretch": "stretched to the input size",
        "square": "centre square cut out, then resized",
        "crop": f"shorter side resized to {p.resize or min(p.size)}, then the centre cut out",
    }[p.fit]
    return [
        ("input size", f"{p.size[1]} × {p.size[0]} pixels"),
        ("fitting", f"{how} ({p.interpolation})"),
        ("channels", f"{p.channels}, {p.layout}"),
        ("mean", ", ".join(f"{v:.4g}" for v in p.mean)),
        ("standard deviation", ", ".join(f"{v:.4g}" for v in p.std)),
        ("scale", f"pixels × {p.scale:.4g}{' (negatives)' if p.scale < 0 else ''}"),
        *([("transparent pictures", f"laid on {p.ground}")] if p.ground != "drop" else []),
    ]


def class_counts(table: ImageTable, k: int) -> npt.NDArray[np.int64]:
    """(k,) labelled images of each class."""
    labels = table.labels[table.labels >= 0]
    return np.bincount(labels, minlength=k)[:k].astype(np.int64)


def balance_sentence(
    counts: npt.NDArray[np.int64], classes: Sequence[str], split: str
) -> tuple[str, float] | None:
    """A sentence on the class balance and the ratio of the largest to the smallest class that has images; None below two such classes."""
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return None
    small, large = present[counts[present].argmin()], present[counts[present].argmax()]
    ratio = float(counts[large] / counts[small])
    empty = [clean(classes[i], 60) for i in np.flatnonzero(counts == 0)]
    if empty:
        uneven = (
            f"have between {counts[small]:,} and {counts[large]:,} each"
            if ratio >= 1.05
            else f"have {counts[small]:,} each"
        )
        return (
            f"{counted(len(empty), 'class has', 'classes have')} no {called(split)}: {listing(empty, 6)}; the other {len(present)} {uneven}.",
            ratio,
        )
    if ratio < IMBALANCED:
        largest = f": the largest has {ratio:.1f} times the images of the smallest" if ratio >= 1.05 else ""
        return f"The classes of the {called(split)} are balanced{largest}.", ratio
    return (
        f"The classes of the {called(split)} are uneven: {clean(classes[large], 60)} has {counts[large]:,} images, "
        f"{clean(classes[small], 60)} {counts[small]:,}.",
        ratio,
    )


def balance_fact(counts: npt.NDArray[np.int64], ratio: float, split: str) -> Fact:
    """The ratio; where classes have no image at all it says nothing, and how many these are is the fact."""
    empty = int((counts == 0).sum())
    if empty:
        return Fact(
            "classes_without_images",
            empty,
            "count",
            of_split(split),
            n=len(counts),
            direction="lower_is_better",
        )
    return Fact("class_imbalance", ratio, "ratio", of_split(split), direction="lower_is_better")


def _columns(view: CaseView) -> Table:
    """Every column that came with the images, with the values that it has in each set: what a condition may name."""
    tables = {s: view.table(s) for s in view.splits()}
    names = list(dict.fromkeys(name for table in tables.values() for name in table.columns))
    rows = [
        (clean(name, 60), *(_values(table.columns.get(name, ())) for table in tables.values()))
        for name in names[:MOST_COLUMNS]
    ]
    more = f"{counted(len(names) - MOST_COLUMNS, 'more column is', 'more columns are')} not shown."
    caption = more if len(names) > MOST_COLUMNS else ""
    return Table("Attributes", ("attribute", *map(called, tables)), tuple(rows), caption=caption)


def _values(column: Sequence[Any]) -> str:
    """The values of a column, the most frequent first; the range of numbers; how many there are where nearly all differ."""
    found = Counter(t for v in column if (t := belonging.value_text(v)))
    if not found:
        return "–"
    if len(found) <= FEW_VALUES:
        return ", ".join(f"{clean(v, 40)} ({n:,})" for v, n in found.most_common())
    numbers = [float(v) for v in column if isinstance(v, int | float) and math.isfinite(v)]
    if len(numbers) == sum(found.values()):
        return f"{min(numbers):.4g} to {max(numbers):.4g}"
    if 2 * len(found) > sum(found.values()):  # a name or number of its own for most images
        return f"{len(found):,} values"
    listed = ", ".join(clean(v, 40) for v, _ in found.most_common(3))
    return f"{len(found):,} values: {listed} …"


def _attached(table: ImageTable) -> str:
    """What comes with the images: metadata columns and boxed objects."""
    parts = [f"columns {listing(list(table.columns))}"] if table.columns else []
    if table.boxes is not None:
        names = sorted({name for row in table.boxes for name in row})
        parts.append(f"boxes of {listing(names)}" if names else "boxes, all empty")
    return "; ".join(parts) or "nothing"


def _missing(view: CaseView) -> list[str]:
    """Keys of ``MISSING`` that this case lacks, in that order."""
    table = view.table("data")
    has = {
        "model": view.has_model(),
        "scores": view.has_model() or view.predictions("data").has_scores,
        **{split: split in view.splits() for split in ("train", "deploy", "pool")},
        "boxes": table.boxes is not None,
        "metadata": bool(table.columns),
        "history": view.history is not None,
        "expectations": bool(view.expectations),
    }
    return [key for key in MISSING if not has[key]]


def _next_steps(view: CaseView, missing: Sequence[str]) -> tuple[str, ...]:
    steps = [] if view.evidence("evaluate") else ["See how well the model does, class by class (evaluate)."]
    if "expectations" in missing:
        steps.append("Say how good it must be, for example: recall of the weakest class at least 80 %.")
    return tuple(steps)
