"""Published label errors of CIFAR-10: how well a ranking finds what five people called wrong, ours beside cleanlab's.

    python -m benchmarks.label_errors [--data ../shared/data] [--json]

Two sets of scores: cross-validated ones that were published with the review (cleanlab/label-errors), and those of a
ResNet-20 that never saw the images. Every ranking gets the same scores in the same run. Average precision: over the
reviewed images on which people agreed (18 wrong of 243), and over all ten thousand with everything else counted as right,
which is a lower bound (nobody looked at the others).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
WRONG, DECIDED = "label_wrong", ("label_wrong", "label_right", "neither")


def average_precision(badness: np.ndarray, wrong: np.ndarray) -> float:
    """Mean precision at each wrong label, going down from the highest ``badness``; ties in file order."""
    hits = wrong[np.argsort(-badness, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def read_review(path: Path) -> tuple[list[str], list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Paths, class names, labels, cross-validated scores and verdicts."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    classes = [c[3:] for c in rows[0] if c.startswith("cv_")]
    scores = np.array([[float(r["cv_" + c]) for c in classes] for r in rows])
    labels = np.array([classes.index(r["label"]) for r in rows])
    verdicts = np.array([r["review_verdict"] for r in rows])
    return [r["path"] for r in rows], classes, labels, scores / scores.sum(1, keepdims=True), verdicts


def model_scores(data: Path, paths: list[str], classes: list[str]) -> np.ndarray:
    """Scores of the ResNet-20 for ``paths``; NaN where an image is missing."""
    from failsight.tools.engine import predict
    from failsight.tools.inputs import open_images, open_model

    model = open_model(
        data / "models" / "cifar10_resnet20.safetensors",
        arch="failsight.tools.inputs.models.architectures:cifar_resnet20",
    )
    with tempfile.TemporaryDirectory() as cache:
        table = open_images(data / "cifar10" / "test", classes=model.classes, cache_folder=Path(cache))
        made = predict(table, model, cache_folder=Path(cache))
    columns = [list(made.classes).index(c) for c in classes]
    place = {f"test/{table.paths[r]}": i for i, r in enumerate(made.rows.tolist())}
    scores = np.full((len(paths), len(classes)), np.nan)
    for i, path in enumerate(paths):
        if path in place:
            scores[i] = made.scores[place[path], columns]
    return scores / scores.sum(1, keepdims=True)


def rankings() -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """How bad each label is, by ranking; higher is worse."""
    from cleanlab.rank import get_label_quality_scores

    from failsight.tools.stats.confident import normalised_margin

    def cleanlab(method: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        return lambda y, p: -np.asarray(get_label_quality_scores(y, p, method=method))

    return {
        "failsight (normalised margin)": lambda y, p: -normalised_margin(y, p),
        "cleanlab self_confidence (its default)": cleanlab("self_confidence"),
        "cleanlab normalized_margin": cleanlab("normalized_margin"),
        "cleanlab confidence_weighted_entropy": cleanlab("confidence_weighted_entropy"),
    }


def compare(data: Path) -> list[dict[str, Any]]:
    """One row for each set of scores and ranking."""
    paths, classes, labels, given, verdicts = read_review(data / "cifar10" / "label_review.csv")
    found = []
    for name, scores in (
        ("published cross-validated", given),
        ("ResNet-20", model_scores(data, paths, classes)),
    ):
        known = np.isfinite(scores).all(axis=1)
        y, p, said = labels[known], scores[known], verdicts[known]
        wrong, decided = said == WRONG, np.isin(said, DECIDED)
        for ranking, rank in rankings().items():
            started = time.perf_counter()
            badness = rank(y, p)
            found.append(
                {
                    "scores": name, "ranking": ranking, "images": len(y), "wrong": int(wrong.sum()),
                    "reviewed": average_precision(badness[decided], wrong[decided]), "by_chance": float(wrong[decided].mean()),
                    "all": average_precision(badness, wrong), "seconds": time.perf_counter() - started,
                }
            )  # fmt: skip
    return found


def main() -> int:
    """Print the table; 0 also where the data are absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not (asked.data / "cifar10" / "label_review.csv").is_file():
        print(f"skipped: {asked.data}/cifar10/label_review.csv is not here", file=sys.stderr)
        return 0
    found = compare(asked.data)
    if asked.json:
        print(json.dumps(found))
        return 0
    print(f"{'scores':<26} {'ranking':<40} {'AP reviewed':>11} {'chance':>7} {'AP all':>7} {'ms':>6}")
    for row in found:
        print(
            f"{row['scores']:<26} {row['ranking']:<40} {row['reviewed']:>11.3f} {row['by_chance']:>7.3f} {row['all']:>7.3f} "
            f"{1000 * row['seconds']:>6.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
