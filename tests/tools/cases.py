"""Small cases whose every number can be counted by hand: a case made of a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.evidence import Evidence, evidence_from_dict
from tests.fakes.view import FakeTable, FakeView


def from_counts(counts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions with this confusion matrix (rows: true class)."""
    pairs = [(t, p) for t, row in enumerate(counts) for p, n in enumerate(row) for _ in range(n)]
    array = np.array(pairs, np.int64).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def one_hot(predicted: np.ndarray, k: int, confidence: float | np.ndarray = 0.9) -> np.ndarray:
    """Scores with ``confidence`` for the prediction, the rest shared evenly."""
    c = np.broadcast_to(confidence, len(predicted))[:, None]
    scores = np.repeat((1 - c) / max(k - 1, 1), k, axis=1)
    scores[np.arange(len(predicted)), predicted] = c[:, 0]
    return scores.astype(np.float32)


def counted_view(
    splits: Mapping[str, Sequence[Sequence[int]]],
    classes: Sequence[str] | None = None,
    confidence: float = 0.9,
    folder: Path | None = None,
    **more: Any,
) -> FakeView:
    """A black box whose confusion matrix on each split is given."""
    k = len(next(iter(splits.values())))
    names = tuple(classes or [f"class_{i}" for i in range(k)])
    tables, scores = {}, {}
    for split, counts in splits.items():
        labels, predicted = from_counts(counts)
        tables[split] = FakeTable(np.zeros((len(labels), 2, 2, 3), np.uint8), labels, names)
        scores[split] = one_hot(predicted, k, confidence)
    return FakeView(tables, scores=scores, folder=folder, **more)


def check_evidence(made: Evidence) -> None:
    """What must hold of every evidence: it survives the journal, its faces render, its tables are rectangular."""
    assert evidence_from_dict(made.to_dict()).to_dict() == made.to_dict()
    assert made.text()
    assert made._repr_html_()
    assert made.summary and made.title
    assert not any(ch.isdigit() for ch in made.title)
    for table in made.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
        assert not table.units or len(table.units) == len(table.columns), table.title
    for figure in made.figures:
        assert len(figure.alt) > 20
    from rich.console import Console

    with Console(file=open("/dev/null", "w"), width=100).capture():
        pass
    Console(file=open("/dev/null", "w"), width=100).print(made)  # noqa: SIM115


def check_spec(function: Any) -> None:
    """Every argument of the tool is described, and bounded where it is a number or a text."""
    spec = function.__failsight_tool__
    assert len(spec.description) > 40
    schema = spec.arguments.model_json_schema()
    for argument, field in schema.get("properties", {}).items():
        assert len(field.get("description", "")) > 10, argument
        kinds = [k for k in field.get("anyOf", [field]) if k.get("type") in ("integer", "number", "string")]
        for kind in kinds:
            bounded = {"minimum", "maximum"} <= set(kind) or "enum" in kind or "maxLength" in kind
            assert bounded, f"{argument} is not bounded"
