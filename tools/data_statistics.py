"""data_statistics: how many pictures of what there are, what they look like, and which of them occur twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.attributes.computed import ImageMeasures, image_measures
from failsight.tools.attributes.repeats import Repeats, find_repeats
from failsight.tools.checks import prior_favour
from failsight.tools.copies.repeats import Reported, report_repeats
from failsight.tools.describe_case import IMBALANCED, balance_fact, balance_sentence, class_counts
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact, Figure, Finding, ImageRef, Table
from failsight.tools.examples import contact_sheet
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.image_statistics import (
    class_table,
    difference_sentence,
    difference_table,
    differences,
    split_table,
    spread,
)
from failsight.tools.inputs.base import ImageTable, LeftOut, Split
from failsight.tools.notes import called, left_out_notes, of_split
from failsight.tools.registry import tool
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]

MEASURED = 30_000  # pictures of another split that are measured without being asked to
MOST_CLASSES = 60
FACTS = ("brightness", "contrast", "saturation", "sharpness", "jpeg_quality", "width", "height")
HANDFUL = 4  # random, typical and odd pictures of a class: four of each


@tool(
    cost="pass",
    answers=(
        "input.1",
        "input.2",
        "input.3",
        "input.4",
        "input.5",
        "input.6",
        "input.12",
        "input.14",
        "input.15",
        "input.16",
    ),
    decides=("class_imbalance",),
)
def data_statistics(
    view: CaseView,
    split: Annotated[
        Split | None,
        Field(
            description="Only this split: data, train, deploy or pool; by default all of them, with what differs between them."
        ),
    ] = None,
    class_name: Annotated[
        str | None, Field(description="Only the pictures with this true class.", max_length=200)
    ] = None,
) -> Evidence:
    """Count pictures by class and split and measure size, brightness, contrast, saturation, sharpness, hue and JPEG quality.

    Finds pictures that occur twice: under two labels, in training and evaluation alike (both are facts when bytes or
    pixels are equal), or nearly (candidates, by perceptual hash); and tests in what the splits differ. Where training showed few
    images of a class, tests whether it is weak because of that: with the training proportions taken out of the scores.
    """
    run = _Run(view)
    wanted = class_index(view.classes, class_name) if class_name else None
    run.open(check_split(view, split) if split else None)
    rows = {s: run.rows(s, wanted) for s in run.tables if run.known(s, wanted)}
    if not any(len(r) for r in rows.values()):
        raise RetryError(run.nothing(wanted))
    name = view.classes[wanted] if wanted is not None else None
    run.count(name, rows)
    run.look(name, rows)
    repeats = run.repeated(name, rows)
    images, figure = _pictures(view, run, wanted, rows)
    return Evidence(
        tool="data_statistics",
        arguments={"split": split, "class_name": class_name},
        title="What the pictures are like",
        summary=" ".join([*run.sentences, repeats.sentence]),
        facts=(*run.facts, *repeats.facts),
        tables=(*run.tables_made, *repeats.tables),
        figures=(figure,) if figure else (),
        images=images,
        questions=("input.2", "input.5", "input.12")
        if name
        else ("input.1", "input.3", "input.12", "input.14", "input.16"),
        findings=(*run.findings, *repeats.findings),
        notes=(*run.notes, *repeats.notes),
        next_steps=(*run.next_steps, *repeats.next_steps),
    )


@dataclass
class _Run:
    """What one call has opened and found so far."""

    view: CaseView
    tables: dict[str, ImageTable] = field(default_factory=dict)
    measures: dict[str, ImageMeasures] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    tables_made: list[Table] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)

    def open(self, only: Split | None) -> None:
        """Measure one split, or all that are not too large; what can't be read is noted."""
        for split in [only] if only else self.view.splits():
            table = self.view.table(split)
            self.tables[split] = table
            if split not in (only, "data") and len(table) > MEASURED:
                self.notes.append(
                    f"The {len(table):,} {called(split)} were counted but not measured; ask for the split {split} to do so."
                )
                continue
            made = image_measures(
                table, cached=self.view.cached, store=self.view.store, progress=self.view.progress
            )
            self.measures[split] = made
            unreadable = [LeftOut(table.paths[r], "it can't be read") for r in np.flatnonzero(~made.readable)]
            self.notes += left_out_notes(split, [*table.left_out, *unreadable])

    def nothing(self, wanted: int | None) -> str:
        """Why no picture was measured: there is none of the class, or none of the files is at hand."""
        of = f" of {clean(self.view.classes[wanted], 60)}" if wanted is not None else ""
        listed = {
            s: int((t.labels == wanted).sum()) if wanted is not None else len(t)
            for s, t in self.tables.items()
        }
        if not any(listed.values()) and self.notes and not all(self.known(s, wanted) for s in self.tables):
            return self.notes[-1]
        if not any(listed.values()):
            return f"There are no pictures{of or ' of any class'} here."
        told = listing([f"{n:,} {called(s)}" for s, n in listed.items() if n])
        return (
            f"The pictures of the {told}{of} are not at hand: none of their files can be read, so there is nothing to measure in them. "
            "Give the folder that the paths start from with --data, in a new case."
        )

    def known(self, split: str, wanted: int | None) -> bool:
        """Whether the labels of a split can tell which of its pictures are of a class; notes where not all of them can."""
        labelled = self.tables[split].labels >= 0
        if wanted is None or not len(labelled) or labelled.all():
            return True
        of, images = clean(self.view.classes[wanted], 60), called(split)
        if not labelled.any():
            self._note(
                f"How many of the {len(labelled):,} {images} are of {of} is not known: none of them has a label."
            )
        else:
            self._note(
                f"{int((~labelled).sum()):,} of the {len(labelled):,} {images} have no label; whether they are of {of} is not known."
            )
        return bool(labelled.any())

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def rows(self, split: str, wanted: int | None) -> Ints:
        """Readable rows of the split (all rows where it was not measured), of one class if ``wanted``."""
        table = self.tables[split]
        keep = self.measures[split].readable if split in self.measures else np.ones(len(table), bool)
        return np.flatnonzero(keep & ((table.labels == wanted) if wanted is not None else True))

    def count(self, name: str | None, rows: dict[str, Ints]) -> None:
        """Counts by class and split, and how even they are."""
        about = f"class {name}" if name else ""
        self.facts += [Fact("images", len(r), "count", of_split(s, about)) for s, r in rows.items()]
        of = f" of {clean(name, 60)}" if name else ""
        self.sentences.append(
            f"There are {listing([f'{len(r):,} {called(s)}' for s, r in rows.items()])}{of}."
        )
        if name:
            return
        labelled = {s: t for s, t in self.tables.items() if (t.labels >= 0).any()}
        counts = {s: class_counts(t, len(self.view.classes)) for s, t in labelled.items()}
        self.notes += [
            f"The {len(t):,} {called(s)} have no labels: how many are of each class is not known."
            for s, t in self.tables.items()
            if s not in labelled and len(t)
        ]
        if counts:
            self.tables_made.append(_count_table(self.view.classes, counts))
        for split, by_class in counts.items():
            balance = balance_sentence(by_class, self.view.classes, split)
            if balance is not None:
                self.sentences.append(balance[0])
                self.facts.append(balance_fact(by_class, balance[1], split))
                if split == "train" and balance[1] >= IMBALANCED:
                    self.findings += _imbalance(self.view, by_class, self.notes)

    def look(self, name: str | None, rows: dict[str, Ints]) -> None:
        """Medians and quartiles, by split and by class, and what differs between splits."""
        measured = {s: m for s, m in self.measures.items() if len(rows.get(s, ()))}
        if not measured:
            return
        about = f"class {name}" if name else ""
        for split, made in measured.items():
            for measurement in FACTS:
                found = spread(made.numbers[measurement][rows[split]])
                if found.n:
                    fact = Fact(
                        f"median_{measurement}", found.median, "score", of_split(split, about), None, found.n
                    )
                    self.facts.append(fact)
        self.tables_made.append(split_table(measured, rows))
        first = next(iter(measured))
        if name is None:
            self.tables_made.append(
                class_table(
                    measured[first], _labels(self.tables[first], rows[first]), self.view.classes, first
                )
            )
        else:
            self._within_class(name, first, rows[first])
        for other in [s for s in measured if s != "data" and "data" in measured]:
            before, after = ("data", other) if other != "train" else ("train", "data")
            differing = differences(measured[before], rows[before], measured[after], rows[after])
            self.tables_made.append(difference_table(differing, before, after))
            sentence = difference_sentence(differing, after)
            if sentence:
                self.sentences.append(sentence)
                if other == "deploy":
                    self.next_steps.append(
                        "Test whether errors go along with these differences (find_slices)."
                    )

    def _within_class(self, name: str, split: str, rows: Ints) -> None:
        """How the class differs from the other pictures of its split."""
        table, measures = self.tables[split], self.measures[split]
        others = np.setdiff1d(np.flatnonzero(measures.readable & (table.labels >= 0)), rows)
        found = differences(measures, others, measures, rows)
        if found:
            made = difference_table(found, split, split)
            columns = ("measurement", "the other classes", clean(name, 60), *made.columns[3:])
            self.tables_made.append(
                Table(f"{clean(name, 60)} against the rest", columns, made.rows, made.units, made.caption)
            )

    def repeated(self, name: str | None, rows: dict[str, Ints]) -> Reported:
        """Duplicates among everything that was measured; for a class, those that touch it."""
        found = find_repeats(self.tables, self.measures)
        if name is not None:
            kept = {(s, r) for s, rs in rows.items() for r in rs.tolist()}
            found = Repeats(tuple(g for g in found.groups if kept & set(g.members)), found.cut)
        return report_repeats(
            found, self.tables, self.view.classes, {s: len(r) for s, r in rows.items() if s in self.measures}
        )


def _labels(table: ImageTable, rows: Ints) -> Ints:
    """The labels of ``rows``, −1 for every other row."""
    made = np.full(len(table), -1, np.int64)
    made[rows] = table.labels[rows]
    return made


def _count_table(classes: Sequence[str], counts: dict[str, Ints]) -> Table:
    order = np.argsort(-sum(counts.values()), kind="stable")[:MOST_CLASSES]
    columns, rows = ["class"], []
    for split in counts:
        columns += [called(split), "share"]
    for i in order.tolist():
        cells: list[str | int | float] = [classes[i]]
        for by_class in counts.values():
            cells += [int(by_class[i]), float(by_class[i] / max(by_class.sum(), 1))]
        rows.append(tuple(cells))
    units = ("text", *(u for _ in counts for u in ("count", "share")))
    left = len(classes) - len(rows)
    caption = f"{left:,} smaller classes are not shown." if left else ""
    return Table("Pictures by class", tuple(columns), tuple(rows), units, caption)  # type: ignore[arg-type]


def _imbalance(view: CaseView, train: Ints, notes: list[str]) -> list[Finding]:
    """Are small classes weak because they are small in training? Tested on the evaluation images, else stated."""
    smallest = int(np.where(train > 0, train, train.max() + 1).argmin())
    stated = [prior_favour.hypothesis(view.classes, train, smallest)]
    try:
        predictions = view.predictions("data") if "data" in view.splits() else None
    except RetryError:  # a case without a model, and without recorded answers
        predictions = None
    if predictions is None or not predictions.has_scores:
        notes.append("Without class probabilities it can't be tested whether uneven counts cause errors.")
        return stated
    known = predictions.labelled
    labels = predictions.labels[known]
    plans = prior_favour.plans(view.classes, train, labels)
    for plan in plans:
        view.register(plan)
    if not plans:
        return stated
    made = prior_favour.measure(predictions.scores[known].astype(np.float64), labels, train)
    return [prior_favour.finding(one, view.classes) for one in made]


def _pictures(
    view: CaseView, run: _Run, wanted: int | None, rows: dict[str, Ints]
) -> tuple[tuple[ImageRef, ...], Figure | None]:
    """A few pictures: random, typical and odd ones of a class; or one or two of each class."""
    split = next((s for s in run.measures if len(rows.get(s, ()))), None)
    if split is None:
        return (), None
    rng = np.random.default_rng(view.seed)
    if wanted is None:
        table, chosen = run.tables[split], []
        for c in range(min(len(view.classes), 12)):
            members = rows[split][table.labels[rows[split]] == c]
            chosen += [(int(r), "") for r in rng.permutation(members)[: 2 if len(view.classes) <= 6 else 1]]
        alt, title = f"Random {called(split)} of each class.", "Random pictures by class"
    else:
        chosen = _typical_and_odd(run.measures[split], rows[split], rng)
        name = clean(view.classes[wanted], 60)
        alt, title = (
            f"{called(split).capitalize()} of {name}: random, typical and odd ones by their measurements.",
            f"Pictures of {name}",
        )
    images = tuple(_reference(run.tables[split], split, row, caption) for row, caption in chosen)
    return images, contact_sheet(view, images, name="pictures", title=title, alt=alt) if images else None


def _typical_and_odd(measures: ImageMeasures, rows: Ints, rng: np.random.Generator) -> list[tuple[int, str]]:
    """A handful each of random, typical and odd rows; distance from the median in quartile ranges."""
    names = ("brightness", "contrast", "saturation", "sharpness", "colourfulness", "aspect_ratio")
    values = np.stack([measures.numbers[n][rows] for n in names], axis=1)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    far = (np.abs(values - middle) / np.maximum(high - low, 1e-9)).clip(0, 20).sum(1)
    order = rows[np.argsort(far, kind="stable")]
    groups = {
        "random": rng.permutation(rows)[:HANDFUL],
        "typical": order[:HANDFUL],
        "odd": order[::-1][:HANDFUL],
    }
    return [(int(r), caption) for caption, members in groups.items() for r in members]


def _reference(table: ImageTable, split: str, row: int, caption: str) -> ImageRef:
    label = int(table.labels[row])
    return ImageRef(split, row, table.paths[row], table.classes[label] if label >= 0 else "", caption=caption)
