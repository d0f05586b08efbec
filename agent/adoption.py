"""Which version of its model a case is at: the model as given, or the one that it went on with because that mends a finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from failsight.agent.inputs import CaseInputs
from failsight.tools.repair.versions import find_version

if TYPE_CHECKING:
    from pathlib import Path

    from failsight.agent.config import CaseConfig
    from failsight.agent.state import CaseState
    from failsight.agent.versions import AdoptedInputs
    from failsight.tools.engine.choice import Engine
    from failsight.tools.inputs.base import AttributeTable, Classifier
    from failsight.tools.repair.versions import ModelVersion
    from failsight.tools.view import CaseView, Progress


class Adopting(CaseInputs):
    """Model and data of a case that may go on with another version of its model."""

    def __init__(self, folder: Path, config: CaseConfig, progress: Progress | None = None) -> None:
        super().__init__(folder, config, progress)
        self._given: dict[str, AttributeTable] = {}  # columns that came with the data, by split
        self._attributes: dict[str, tuple[str, AttributeTable]] = {}  # digest of the definitions, table
        self._versions: dict[str, CaseView] = {}
        self._adopted: Classifier | None = None  # the model of the version that the case went on with

    def state(self) -> CaseState:
        """The state of the case."""
        raise NotImplementedError

    def versions(self) -> Sequence[ModelVersion]:
        """The versions of its model."""
        raise NotImplementedError

    def record(self, kind: str, **data: Any) -> None:
        """Append one event to the journal."""
        raise NotImplementedError

    def adopt(self, name: str, finding: str) -> None:
        """Go on with the version ``name``, which mends ``finding``: from here on it is the model of the case.

        Whatever was measured before stays in the journal as said of the version that it was measured with.
        """
        version = find_version(self.versions(), name)
        if self.state().current == version.name:
            return
        seen = self.opened_as(version)
        self.record("model.adopted", version=version.name, finding=finding, prints=seen.fingerprints())
        for kept in (self._predictions, self._tables, self._given, self._attributes, self._versions):
            kept.clear()
        self._adopted = None

    def opened_as(self, version: ModelVersion) -> AdoptedInputs:
        """Model and data as they are when the case goes on with ``version``."""
        from failsight.agent.versions import AdoptedInputs

        return AdoptedInputs(self, version)

    def given_model(self) -> Classifier:
        """The model that the case was opened with, whatever it went on with."""
        return super().model()

    def model_of(self, name: str) -> Classifier:
        """The model that the case had while it was at the version ``name``; empty: the model as given."""
        if not name:
            return self.given_model()
        if name == self.state().current:
            return self.model()
        return self.opened_as(find_version(self.versions(), name)).model()

    def model(self) -> Classifier:
        """The model that the case is at."""
        name = self.state().current
        if not name or not self.has_model() or self.recorded is not None:
            return self.given_model()
        if self._adopted is None:
            self._adopted = self.opened_as(find_version(self.versions(), name)).model()
        return self._adopted

    def _engine(self) -> Engine:
        from failsight.tools.engine.choice import choose_engine

        if self.state().current:  # workers elsewhere can't open what lies in the case folder
            return choose_engine("local")
        return super()._engine()
