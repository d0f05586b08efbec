"""A case seen with another version of its model: measured by the same tools, on the same images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from failsight.agent.inputs import CaseInputs
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable, Classifier, ImageTable, Predictions, Split
from failsight.tools.inputs.table import laid_on
from failsight.tools.repair.versions import AROUND, RESTATED, ModelVersion, check_print, open_version
from failsight.tools.repair.wrapped import WrappedModel, answered

if TYPE_CHECKING:
    from failsight.agent.adoption import Adopting
    from failsight.agent.case import Case
    from failsight.tools.engine.choice import Engine
    from failsight.tools.view import CaseView


def base_of(case: Adopting, version: ModelVersion) -> Classifier:
    """The model that a version was made from: what is stated otherwise of a model is stated of the one that was given."""
    return case.model_of("" if version.strategy == RESTATED else case.state().made_from.get(version.name, ""))


class AdoptedInputs(CaseInputs):
    """Model and data of a case as they are with one version: what the case is about once it went on with that."""

    def __init__(self, case: Adopting, version: ModelVersion) -> None:
        super().__init__(case.folder, case.config, case.progress)
        self._case, self._version = case, version

    def model(self) -> Classifier:
        if self._model is None:
            config = self.config
            self._model = open_version(
                self.folder, self._version, base_of(self._case, self._version),
                arch=self.arch(), trust_code=config.trust_code, device=config.device,
            )  # fmt: skip
        return self._model


class VersionView(CaseInputs):
    """The CaseView of one version: model, predictions, features and pixels are the version's, all else is the case's."""

    def __init__(self, case: Case, version: ModelVersion) -> None:
        config = dataclasses.replace(case.config, model=str(case.folder / version.path), predictions="")
        super().__init__(case.folder, config, case.progress)
        self._case, self._version = case, version
        self.name = f"{case.name} {version.name}"
        history = case.folder / version.path / "history.csv"
        self.history = history if history.is_file() else None

    def arch(self) -> str | None:
        return self._case.arch()

    def has_model(self) -> bool:
        return self._case.has_model()

    @property
    def classes(self) -> tuple[str, ...]:
        return self._case.classes

    def predictions(self, split: Split = "data") -> Predictions:
        if split not in self._predictions:
            if not self._case.has_model() or self._version.strategy in AROUND:
                self._predictions[split] = self._read_otherwise(split)
            elif isinstance(model := self.model(), WrappedModel) and model.torch_module() is None:
                self._predictions[split] = answered(cast("CaseView", self._case), model, split)
            else:
                return super().predictions(split)
        return self._predictions[split]

    def _read_otherwise(self, split: Split) -> Predictions:
        """The case's own answers, read as the version says: the model need not be run again, or is not there at all."""
        from failsight.tools.repair.around import base_print
        from failsight.tools.repair.wrapped import answers_read

        place = self._case.folder / self._version.path
        made, print_of = answers_read(
            place, self._case.predictions(split), base_print(cast("CaseView", self._case))
        )
        check_print(self._version, print_of, place)
        return made

    def model(self) -> Classifier:
        if not self._case.has_model():
            return self._case.model()  # says that there is none
        if self._model is None:
            config = self._case.config
            made = open_version(
                self.folder,
                self._version,
                base_of(self._case, self._version),
                arch=self.arch(),
                trust_code=config.trust_code,
                device=config.device,
            )
            if tuple(made.classes) != tuple(self._case.model().classes):
                raise RetryError(f"The version {self._version.name} has other classes than the model.")
            self._model = made
        return self._model

    def splits(self) -> Sequence[Split]:
        return self._case.splits()

    def table(self, split: Split = "data") -> ImageTable:
        table = self._case.table(split)
        return laid_on(table, self.model().preprocessing.ground) if self.has_model() else table

    def attributes(self, split: Split = "data") -> AttributeTable:
        """The case's, of those images that this version could answer too."""
        whole = self._case.attributes(split)
        if split == "pool":
            return whole
        rows = self.predictions(split).rows
        if np.array_equal(rows, whole.rows):
            return whole
        known = np.isin(rows, whole.rows)
        if not known.all():
            raise RetryError(f"{int((~known).sum())} images have an answer of {self._version.name} only.")
        at = np.searchsorted(whole.rows, rows)
        columns = {name: values[at] for name, values in whole.columns.items()}
        return dataclasses.replace(whole, rows=rows, columns=columns)

    def source(self, name: str) -> Any:
        return self._case.source(name)

    def encoder(self) -> Any:
        return self._case.encoder()

    def embeddings(self, split: Split = "data") -> Any:
        return self._case.embeddings(split)

    def workspace(self, name: str) -> Path:
        return self._case.workspace(name)

    def _engine(self) -> Engine:
        from failsight.tools.engine.choice import choose_engine

        return choose_engine("local")  # workers elsewhere can't open what lies in the case folder

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._case, name)
