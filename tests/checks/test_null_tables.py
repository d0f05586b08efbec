"""The tables of which nothing is wrong: classes are drawn from the scores, so that confidences are right."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from benchmarks.null_tables import write_table


def test_as_many_are_right_as_the_scores_say_and_no_column_goes_with_errors(tmp_path: Path) -> None:
    gaps, apart = [], []
    for seed in range(12):
        n, k, accuracy = write_table(seed, tmp_path / "t.csv")
        with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as read:
            rows = list(csv.DictReader(read))
        scores = np.array([[float(r[f"prob_class_{chr(97 + i)}"]) for i in range(k)] for r in rows])
        wrong = np.array([r["label"] != r["prediction"] for r in rows])
        assert len(rows) == n and np.allclose(scores.sum(1), 1, atol=1e-4)
        assert abs(accuracy - (1 - wrong.mean())) < 1e-9
        sd = np.sqrt((scores.max(1) * (1 - scores.max(1))).sum()) / n
        gaps.append((accuracy - scores.max(1).mean()) / sd)
        night = np.array([r["shift"] == "night" for r in rows])
        spread = np.sqrt(wrong.var() * (1 / night.sum() + 1 / (~night).sum()))
        apart.append((wrong[night].mean() - wrong[~night].mean()) / spread)
    for standard in (gaps, apart):  # twelve standard normal numbers
        assert np.abs(standard).max() < 4 and abs(np.mean(standard)) < 1.2
