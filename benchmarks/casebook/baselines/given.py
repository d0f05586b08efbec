"""What every method of the literature is given: what the planner finds in the same case, read by the product's own loaders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.slices.columns import Coded

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """Attributes of the evaluation pictures as categories: numbers are cut into ranges as the product cuts them.

    Attributes:
        names: of the attributes.
        values: for each, what its codes stand for.
        codes: (n, attributes) positions among the values; −1 for none.
        train: (m, attributes) the same of the training pictures; −1 throughout where an attribute is unknown there. None
            without training pictures.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: Ints
    train: Ints | None = None


@dataclass(frozen=True)
class Given:
    """A case as methods see it: its labelled evaluation pictures.

    Attributes:
        classes: names.
        labels: (n,) as labelled.
        scores: (n, classes) of the model.
        columns: attributes, the same that the planner searches.
        read_own: (n, d) features of the model under test; None for a black box.
        read_words: (n, d) of the small CLIP that comes with the product, trained on drawn rooms.
        read_robust: (n, d) features for Barlow.
        rooms: whether the pictures are rooms, which that CLIP knows.
    """

    classes: tuple[str, ...]
    labels: Ints
    scores: Floats
    columns: Columns
    read_own: Callable[[], Floats] | None = None
    read_words: Callable[[], Floats] | None = None
    read_robust: Callable[[], Floats] | None = None
    rooms: bool = False

    @cached_property
    def predicted(self) -> Ints:
        """(n,) the class with the highest score."""
        made: Ints = self.scores.argmax(1).astype(np.int64)
        return made

    @cached_property
    def wrong(self) -> Bools:
        """(n,) not answered as labelled."""
        made: Bools = self.predicted != self.labels
        return made

    @cached_property
    def losses(self) -> npt.NDArray[np.float64]:
        """(n,) cross entropy."""
        own = self.scores[np.arange(len(self.labels)), self.labels].astype(np.float64)
        made: npt.NDArray[np.float64] = -np.log(np.maximum(own, 1e-6))
        return made

    @cached_property
    def own(self) -> Floats | None:
        """(n, d) features of the model under test."""
        return self.read_own() if self.read_own else None

    @cached_property
    def words(self) -> Floats | None:
        """(n, d) embeddings of the small CLIP."""
        return self.read_words() if self.read_words else None

    @cached_property
    def robust(self) -> Floats | None:
        """(n, d) features for Barlow."""
        return self.read_robust() if self.read_robust else self.own


def read(case: Any, rooms: bool) -> Given:
    """Hand out what methods need of an opened case; features are computed when asked for.

    Where there are no columns, words are proposed as the planner has them proposed.
    """
    if case.config.encoder and not case.table().columns and not case.definitions():
        case.call("propose_attributes", {})
    predictions = case.predictions("data")
    keep = predictions.labelled
    rows = predictions.rows[keep]
    labels = predictions.labels[keep].astype(np.int64)
    scores = predictions.scores
    if scores is None:
        scores = np.eye(len(case.classes), dtype=np.float32)[predictions.predicted]
    own = (lambda: _at(case.features("data"), rows)) if case.has_model() else None
    return Given(
        tuple(case.classes), labels, np.asarray(scores[keep], np.float32), columns_of(case, keep), own,
        lambda: _embedded(case, rows), (lambda: _robust(case, rows)) if rooms or own is None else None, rooms,
    )  # fmt: skip


def columns_of(case: Any, keep: Bools) -> Columns:
    """The attributes that the slice search would use."""
    from failsight.tools.slices.columns import encode_columns

    coded, _ = encode_columns(case.attributes("data"), keep, None)
    train = None
    if "train" in case.splits() and coded:
        known, n = _training(case)
        train = np.stack([_codes(one, known.get(one.name), n) for one in coded], axis=1)
    codes = np.stack([c.codes for c in coded], axis=1) if coded else np.zeros((int(keep.sum()), 0), np.int64)
    return Columns(tuple(c.name for c in coded), tuple(c.values for c in coded), codes, train)


def _training(case: Any) -> tuple[Mapping[str, npt.NDArray[Any]], int]:
    """Attributes of the training pictures, and how many these are; those of a black box are the columns that came along."""
    if case.has_model():
        table = case.attributes("train")
        return table.columns, len(table.rows)
    given = case.table("train")
    return {name: np.array(list(values), object) for name, values in given.columns.items()}, len(given)


def _codes(one: Coded, column: npt.NDArray[Any] | None, n: int) -> Ints:
    return np.full(n, -1, np.int64) if column is None else np.maximum(one.encode(column), -1)


def _at(found: tuple[Ints, Floats], rows: Ints) -> Floats:
    """Features of these rows, in their order; those of a row without any are the mean."""
    have, features = found
    place = {row: i for i, row in enumerate(have.tolist())}
    mean = features.mean(0)
    return np.stack([features[place[r]] if r in place else mean for r in rows.tolist()]).astype(np.float32)


def _embedded(case: Any, rows: Ints) -> Floats:
    from failsight.agent.attributes import shipped_encoder
    from failsight.tools.attributes.clip import open_encoder

    encoder, table = open_encoder(str(shipped_encoder())), case.table("data")
    parts: Sequence[Any] = [
        encoder.embed_images([table.open(int(r)) for r in rows[i : i + 100]])
        for i in range(0, len(rows), 100)
    ]
    return np.concatenate(parts)


def _robust(case: Any, rows: Ints) -> Floats:
    from failsight.tools.experiments.feature_reader import features_of, source_of

    return _at(features_of(case, source_of(case, "robust"), "data", rows), rows)
