"""What the reserve's pictures show by themselves, measured once for a kept case: every judge after the first is spared seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.judging import Judge
from benchmarks.casebook.keeping import KeptCase
from benchmarks.casebook.making import Case
from failsight.tools.attributes.computed import VERSION


class MeasuredJudge(Judge):
    """A judge that looks up the measurements of a kept case."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self._place = case.place if isinstance(case, KeptCase) else None

    def computed(self) -> Mapping[str, npt.NDArray[Any]]:
        """As ``Judge.computed``."""
        if self._computed is None and self._place is not None:
            words = "-words" if self._worded else ""
            self._computed = _kept(self._place / f"measured-{VERSION}{words}.npz", self.measured)
        return super().computed()


def _kept(
    path: Path, measure: Callable[[], Mapping[str, npt.NDArray[Any]]]
) -> Mapping[str, npt.NDArray[Any]]:
    if not path.is_file():
        texts = {n: v.astype(str) if v.dtype == object else v for n, v in measure().items()}
        part = path.with_name(f"part-{path.name}")
        np.savez(part, **texts)
        part.replace(path)
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}
