"""What is true of a model beside what was planted: tried on the reserve, pictures that no method saw."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.keys import NAMES_CLASS, RELIED, SLICED, Judged, in_range, judged
from benchmarks.casebook.making import Case, Reserve
from failsight.tools.stats.intervals import mean_interval, newcombe

Bools = npt.NDArray[np.bool_]
LEAST = 0.03  # points of excess …
SURE = 1.64  # … and standard errors, from which a statement holds
LOW = 0.8  # training accuracy below which a model has not learnt its training pictures
PURE, LIFT = (
    0.7,
    1.5,
)  # share of planted pictures in a slice, and times their share elsewhere, from which it shows them
GAP = 0.04  # mean confidence over accuracy, from which a model is overconfident
FEWEST = 10  # pictures of the reserve on either side, below which nothing is said
CONFIDENT = 0.9  # from which an answer counts as confident where a statement is about confident answers


@dataclass(frozen=True)
class Again:
    """What a statement says, measured on pictures that nobody saw: how many of them it is about, by how much, with a 95 % interval."""

    n: int
    effect: float
    ci: tuple[float, float]


class Judge:
    """Judges statements about one case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._reserve: Reserve = case.reserve
        self._predicted = case.reserve.scores.argmax(1)
        self._wrong = self._predicted != case.reserve.truth
        self._worded = case.plan.variant == "words"
        self._computed: Mapping[str, npt.NDArray[Any]] | None = None

    def __call__(self, said: Mapping[str, Any]) -> Judged:
        """What a statement is worth."""
        plan = self._case.plan
        return judged(said, plan.key, plan.implied, self.holds, self._shown(said))

    def _shown(self, said: Mapping[str, Any]) -> set[str]:
        """The planted faults whose pictures make up what the statement's slice holds on the reserve."""
        inside = self._inside(said.get("slice") or {})
        if inside is None or not said.get("slice"):
            return set()
        inside &= self._of_class(said.get("class"), self._reserve.truth)
        made = set()
        for one in self._case.plan.key:
            column = self._reserve.columns.get(one.attribute)
            if column is None or not one.values or inside.sum() < 10:
                continue
            for values in [[v] for v in one.values] if one.signs else [list(one.values)]:
                planted = np.isin(column.astype(str), values)
                share, base = float(planted[inside].mean()), float(planted.mean())
                if share >= PURE and share >= LIFT * base:
                    made.add(one.bug)
        return made

    def holds(self, said: Mapping[str, Any]) -> bool:
        """Whether a statement that nothing planted explains is true of the model; only what the reserve can show counts."""
        kind = str(said.get("kind") or "")
        if self._case.plan.null == "exchanged":
            return False  # which answer went to which picture was drawn by lot
        if kind == "overconfidence" and not said.get("slice"):
            gaps = self._gaps(said)
            return bool(len(gaps)) and float(gaps.mean()) >= GAP
        if kind == "underfitting":
            return self._learnt() < LOW
        sides = self._sides(said)
        return sides is not None and self._more(*sides)

    def again(self, said: Mapping[str, Any]) -> Again | None:
        """How large what a statement says is on the reserve; None where the reserve can't show it: another kind, unknown conditions, too
        few pictures."""
        if self._case.plan.null == "exchanged":
            return None
        if said.get("kind") == "overconfidence" and not said.get("slice"):
            gaps = self._gaps(said)
            return Again(len(gaps), float(gaps.mean()), mean_interval(gaps)) if len(gaps) >= FEWEST else None
        sides = self._sides(said)
        if sides is None:
            return None
        hit, inside, outside = sides
        n, m = int(inside.sum()), int(outside.sum())
        if min(n, m) < FEWEST:
            return None
        k, j = int((hit & inside).sum()), int((hit & outside).sum())
        return Again(n, k / n - j / m, newcombe(k, n, j, m))

    def _gaps(self, said: Mapping[str, Any]) -> npt.NDArray[np.float64]:
        """Confidence minus whether the answer is right, of the pictures that are called the statement's class."""
        part = self._of_class(said.get("class"), self._predicted)
        return (self._reserve.scores.max(1)[part] - ~self._wrong[part]).astype(np.float64)

    def _sides(self, said: Mapping[str, Any]) -> tuple[Bools, Bools, Bools] | None:
        """(hit, inside, outside): what a statement says is more frequent, where, and beside which pictures; None where the reserve can't tell."""
        kind = str(said.get("kind") or "")
        if kind and kind not in SLICED and kind not in ("class_imbalance", "overconfidence"):
            return None
        inside = self._inside(said.get("slice") or {})
        if inside is None:
            return None
        if kind in RELIED:
            target = self._index(said.get("class"))
            others = self._reserve.truth != target
            return None if target is None else (self._predicted == target, others & inside, others & ~inside)
        if kind == "overconfidence":
            # a group of confident answers that are wrong more often than other confident ones
            sure = (self._reserve.scores.max(1) >= CONFIDENT) & self._of_class(
                said.get("class"), self._predicted
            )
            return self._wrong, sure & inside, sure & ~inside
        mine = self._of_class(said.get("class"), self._reserve.truth)
        if not said.get("slice"):
            return (self._wrong, mine, ~mine) if said.get("class") else None
        return self._wrong, mine & inside, mine & ~inside

    def _learnt(self) -> float:
        """Training accuracy at the end of the training record; 1 without one."""
        path = self._case.given.get("history")
        if path is None:
            return 1.0
        with open(str(path), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return float(rows[-1]["train_accuracy"]) if rows else 1.0

    def _index(self, name: object) -> int | None:
        classes = self._case.plan.classes
        return classes.index(str(name)) if name in classes else None

    def _of_class(self, name: object, among: npt.NDArray[Any]) -> Bools:
        index = self._index(name)
        return np.ones(len(among), bool) if index is None else among == index

    def _inside(self, conditions: Mapping[str, Any]) -> Bools | None:
        """(n,) which pictures of the reserve meet the conditions; None where one can't be told there."""
        made = np.ones(len(self._reserve.truth), bool)
        for name, value in conditions.items():
            one = self._meets(str(name), str(value))
            if one is None:
                return None
            made &= one
        return made

    def _meets(self, name: str, value: str) -> Bools | None:
        index = self._index(value)
        if name in NAMES_CLASS and index is not None:
            return (self._predicted if name.startswith("pred") else self._reserve.truth) == index
        if name in self._reserve.columns and not (self._worded and name in self.computed()):
            return np.asarray(self._reserve.columns[name] == value)
        numbers, limits = self.computed().get(name), in_range(value)
        if numbers is None:
            return None
        if limits is None:
            texts: Bools = numbers.astype(str) == value
            return texts
        low, high = limits
        made: Bools = np.isfinite(numbers)
        if low is not None:
            made &= numbers >= low
        if high is not None:
            made &= numbers < high
        return made

    def computed(self) -> Mapping[str, npt.NDArray[Any]]:
        """What the reserve's pictures show by themselves, as the product measures it."""
        if self._computed is None:
            self._computed = self.measured()
        return self._computed

    def measured(self) -> dict[str, npt.NDArray[Any]]:
        """What the product measures in the reserve's pictures, and reads there where it knows no more than words."""
        made = measured(self._reserve.files)
        if self._worded:
            made |= worded(self._reserve, self._case.plan.classes, str(self._case.given["encoder"]))
        return made

    def _more(self, hit: Bools, inside: Bools, outside: Bools) -> bool:
        """Whether something is more frequent inside than outside, beyond chance."""
        n, m = int(inside.sum()), int(outside.sum())
        if min(n, m) < FEWEST:
            return False
        a, b = float(hit[inside].mean()), float(hit[outside].mean())
        error = float(np.sqrt(a * (1 - a) / n + b * (1 - b) / m)) or 1e-9
        return a - b >= LEAST and (a - b) / error >= SURE


def measured(files: list[bytes]) -> dict[str, npt.NDArray[Any]]:
    """Brightness, contrast … of pictures, by the product's own measures."""
    import tempfile
    from pathlib import Path

    from failsight.tools.attributes.computed import attribute_table
    from failsight.tools.inputs.data import open_images

    with tempfile.TemporaryDirectory(prefix="reserve-") as folder:
        half = len(files) // 2  # a folder a class: the loader wants two, and goes through them in order
        for i, content in enumerate(files):
            place = Path(folder) / ("first" if i < half else "second") / f"{i:05d}.jpg"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(content)
        table = open_images(folder)
        made = attribute_table(table, np.arange(len(table), dtype=np.int64))
    return dict(made.columns)


def worded(reserve: Reserve, classes: Sequence[str], encoder: str) -> dict[str, npt.NDArray[Any]]:
    """What an encoder that knows words says of the reserve's pictures, as the product asks it: a statement about pictures that
    it calls ``framing=close`` is true where the pictures that it calls so are answered wrongly."""
    import tempfile
    from pathlib import Path

    from failsight.agent.opening import open_case
    from failsight.tools.propose_attributes import propose_attributes

    with tempfile.TemporaryDirectory(prefix="reserve-") as folder:
        place = Path(folder) / "images"
        place.mkdir()
        with (Path(folder) / "manifest.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["path", "label", *(f"p_{c}" for c in classes)])
            for i, content in enumerate(reserve.files):
                (place / f"{i:05d}.jpg").write_bytes(content)
                scores = (f"{s:.5f}" for s in reserve.scores[i].tolist())
                writer.writerow([f"images/{i:05d}.jpg", classes[reserve.truth[i]], *scores])
        case = open_case(
            out=Path(folder) / "case",
            planner="guided",
            predictions=str(Path(folder) / "manifest.csv"),
            encoder=encoder,
            task="Tell the classes apart.",
        )
        try:
            propose_attributes(case)
            table, rows = case.attributes("data"), case.table("data").paths
            order = np.argsort([Path(rows[i]).name for i in np.asarray(table.rows).tolist()])
            return {
                name: table.columns[name][order]
                for name in table.columns
                if table.sources[name] == "zero_shot"
            }
        finally:
            case.close()


__all__ = ["Judge", "measured", "worded"]
