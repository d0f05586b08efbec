"""CaseView: what a tool may see of a Case, and nothing more.

``agent/case.py`` builds the real one; tests build small ones (``tests/fakes``). A tool never sees the journal, the
planner, the screen or any path but its figure folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # the terminal app reads this module before its first paint: no numpy there
    import numpy as np
    import numpy.typing as npt

    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.attributes.sources import AttributeSource
    from failsight.tools.evidence import Evidence, Figure, Finding, Instrument
    from failsight.tools.inputs.base import AttributeTable, Classifier, ImageTable, Pixels, Predictions, Split
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.repair.versions import ModelVersion


class Ticker(Protocol):
    """Progress of one long job."""

    def advance(self, steps: int = 1) -> None: ...


class Progress(Protocol):
    """Where long work says how far it is; the display shows time left. Raises KeyboardInterrupt on cancel."""

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]: ...


@dataclass(frozen=True, slots=True)
class Expectation:
    """A criterion set by a person: ``accuracy >= 0.9``, ``recall.kitchen >= 0.85``, ``worst_recall >= 0.7``,
    ``deploy.accuracy >= 0.8``, ``ece <= 0.05``. ``at_least`` False means an upper bound."""

    name: str
    bound: float
    at_least: bool = True
    by: str = ""


class Knowledge(Protocol):
    """The knowledge base as tools see it."""

    def search(
        self, query: str, *, k: int = 5, topic: str | None = None, kinds: Sequence[str] | None = None
    ) -> Sequence[Any]: ...


class CaseView(Protocol):
    """Everything a tool may use. All heavy things (predictions, attributes, the model) load on first use and are cached."""

    name: str
    task: str
    classes: tuple[str, ...]
    seed: int
    expectations: Sequence[Expectation]
    groups: str  # metadata column whose equal values belong together; empty where nobody said so
    history: Path | None
    knowledge: Knowledge
    progress: Progress

    def splits(self) -> Sequence[Split]:
        """The splits that this case has; always contains ``data`` first."""

    def table(self, split: Split = "data") -> ImageTable:
        """The images of a split. Raises RetryError when the case does not have it."""

    def has_model(self) -> bool:
        """False for a black box given by its predictions alone."""

    def model(self) -> Classifier:
        """The model. Raises RetryError ('this case has predictions only …') for a black box."""

    def predictions(self, split: Split = "data") -> Predictions:
        """The prediction table: one pass, cached by fingerprint."""

    def features(self, split: Split = "data") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Features of the model itself, from the one pass that made the predictions: (row numbers, (n, channels)).

        What the classification layer reads, else the last maps averaged over space. Rows follow
        ``predictions(split).rows``, or are a seeded sample of them where all would not fit in memory.
        Raises RetryError for black boxes and models whose layers can't be read."""

    def attributes(self, split: Split = "data") -> AttributeTable:
        """Metadata, object presence, computed and assigned attributes, aligned with ``predictions(split).rows``.

        As the case's definitions show them: renamed, merged, dropped. Assigned ones (zero-shot, clusters, questions)
        are assigned on first use. For ``pool`` the table is aligned with all readable rows."""

    def definitions(self) -> Sequence[Definition]:
        """The attributes that were proposed, renamed, merged, checked or dropped so far, in order of appearance."""

    def define(self, definition: Definition, *, action: str, why: str = "") -> None:
        """Journal an attribute, new or changed. Raises RetryError when another attribute has its name."""

    def source(self, name: str) -> AttributeSource:
        """A source of attributes by name. Raises RetryError when there is none, or it lacks what it needs."""

    def encoder(self) -> Encoder:
        """The model that puts pictures and words into one space. Raises RetryError when the case has none."""

    def embeddings(self, split: Split = "data") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The encoder's image embeddings: (row numbers of the readable images, (n, d) of unit length). One cached pass."""

    def pixels(
        self, rows: npt.NDArray[np.int64], split: Split = "data", batch: int = 64
    ) -> Iterator[tuple[npt.NDArray[np.int64], Pixels]]:
        """Prepared pixels of ``rows`` in batches: (row numbers, (b, h, w, 3) uint8). Unreadable rows are skipped."""

    def findings(self) -> Sequence[tuple[str, Finding]]:
        """(id, finding) in order of appearance: ``("F1", …)``."""

    def looked_at(self, split: Split = "data") -> Mapping[str, str]:
        """Labels on which people decided: path → the class that they say is right, which may be the given one."""

    def evidence(self, tool: str | None = None) -> Sequence[Evidence]:
        """Evidence recorded so far, oldest first, of one tool or of all."""

    def register(self, instrument: Instrument) -> str:
        """Journal the plan of a test before it runs; returns its id. The same plan twice is one plan."""

    def withdraw(self, finding_id: str, *, by: str = "", why: str = "") -> object:
        """Journal that a hypothesis without a verdict is taken back. Raises RetryError for one that isn't there, or has one."""

    def workspace(self, name: str) -> Path:
        """A folder of the case in which a tool that makes something new (``writes=True``) may write; made if absent."""

    def versions(self) -> Sequence[ModelVersion]:
        """Versions of the model that repairs made, oldest first."""

    def add_version(self, version: ModelVersion) -> None:
        """Journal a version whose files are complete. The same one twice is one; raises RetryError for a name taken."""

    def adopt(self, name: str, finding: str) -> None:
        """Go on with that version as the case's model, because it mends ``finding``; the same one twice is once."""

    def given_model(self) -> Classifier:
        """The model that the case was opened with, whatever version it went on with."""

    def version(self, name: str) -> CaseView:
        """This case seen with that version as its model; all but model, predictions, features and pixels is the case's.

        An empty name is the case's own model. Raises RetryError for an unknown name."""

    def save_figure(self, name: str, image: Any, *, title: str, alt: str, caption: str = "") -> Figure:
        """Write a PIL image (or SVG text) to the case's figures folder under a content-hashed name."""

    def cached(self, key: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]] | None:
        """Arrays stored under ``key`` (any JSON value: include fingerprints), or None."""

    def store(self, key: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Store arrays under ``key``, atomically."""
