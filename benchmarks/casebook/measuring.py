"""What the reserve's pictures show by themselves, measured once for a kept case: every judge after the first is spared seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.judging import Judge, measured
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
            self._computed = _kept(self._place / f"measured-{VERSION}.npz", self._case)
        return super().computed()


def _kept(path: Path, case: Case) -> Mapping[str, npt.NDArray[Any]]:
    if not path.is_file():
        made = measured(case.reserve.files)
        texts = {n: v.astype(str) if v.dtype == object else v for n, v in made.items()}
        part = path.with_name(f"part-{path.name}")
        np.savez(part, **texts)
        part.replace(path)
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}
