"""The ways to choose, each by the product's own tool ``select_data``: rows of the trial's unlabelled images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.planted.methods import true_attributes
from benchmarks.planted.pool import Ints
from benchmarks.planted.view import Attributes
from benchmarks.planted.words import WordMethods
from benchmarks.selection.trials import Trial
from benchmarks.selection.view import SelectionView
from failsight.tools.select_data import select_data, stored_key
from failsight.tools.selection.methods import Method

NONE = "none added"
BETA = 0.9  # HiBug's


@dataclass(frozen=True)
class Way:
    """One way to choose.

    Attributes:
        method: as the tool calls it; empty to add nothing.
        words: the attributes are those that the encoder assigns, instead of the true ones.
    """

    method: Method | None
    words: bool = False


BASELINES: Mapping[str, Way] = {
    NONE: Way(None),
    "random": Way("random"),
    "core-set": Way("coreset"),
    "least confident": Way("confidence"),
    "HiBug, true attributes": Way("hibug"),
    "Failsight, true attributes": Way("failsight"),
}
WORDS: Mapping[str, Way] = {
    "HiBug, encoder": Way("hibug", True),
    "Failsight, encoder": Way("failsight", True),
}


class Chooser:
    """Chooses on one trial; what several methods need (the network's answers and features) is made once."""

    def __init__(self, trial: Trial, words: WordMethods | None) -> None:
        self._trial, self._words = trial, words
        self._views: dict[bool, SelectionView] = {}

    def choose(self, way: Way, budget: int) -> Ints:
        """(budget,) rows of the pool of pictures."""
        if way.method is None:
            return self._trial.unlabelled[:0]
        view = self._view(way.words)
        select_data(view, budget=budget, method=way.method, beta=BETA)
        key = stored_key(view, budget=budget, method=way.method, beta=BETA, attributes=None, split="pool")  # type: ignore[arg-type]
        stored = view.cached(key)
        if stored is None:
            raise RuntimeError("the tool kept no list of rows")
        made: Ints = self._trial.unlabelled[stored["rows"]]
        return made

    def _view(self, words: bool) -> SelectionView:
        if words not in self._views:
            self._views[words] = SelectionView(self._trial, self._attributes(words))
        return self._views[words]

    def _attributes(self, words: bool) -> Attributes:
        if not words:
            return true_attributes(self._trial.problem, self._trial.pool)
        if self._words is None:
            raise ValueError("these attributes need an encoder")
        return self._words.attributes(self._trial.problem)
