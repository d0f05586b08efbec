"""What the demo's model really does: accuracy on and off the planted slices, and what masking a cue changes.

``python -m failsight.knowledge_base.cases.measure`` prints the figures and, with ``--out``, writes them as JSON.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from failsight.knowledge_base.cases.geometry import Box
from failsight.knowledge_base.cases.key import answer_key
from failsight.knowledge_base.cases.render import encode
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.knowledge_base.cases.splits import pictures
from failsight.knowledge_base.cases.train import Bytes, Floats, probabilities
from failsight.knowledge_base.cases.world import Draft, WorldConfig

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Sample:
    """Pictures of a split as the model sees them, with what is known of each.

    Attributes:
        drafts: class, label and attributes.
        images: (n, 3, size, size) bytes, as decoded from the stored files.
        boxes: for each picture, kind of object → boxes in fractions.
    """

    drafts: tuple[Draft, ...]
    images: Bytes
    boxes: tuple[Mapping[str, tuple[Box, ...]], ...]

    def truth(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """True class numbers, wrong labels undone."""
        return np.array([CLASSES.index(d.truth) for d in self.drafts])

    def having(self, attribute: str, value: str) -> Mask:
        """Which pictures have an attribute value."""
        return np.array([d.attributes[attribute] == value for d in self.drafts])

    def among(self, classes: Sequence[str]) -> Mask:
        """Which pictures are truly of one of some classes."""
        return np.array([d.truth in classes for d in self.drafts])


def sample(config: WorldConfig, split: str, count: int, first: int | None = None) -> Sample:
    """Draw a split (or only the first pictures of it) into memory."""
    drafts, images, boxes = [], [], []
    for k, (draft, picture) in enumerate(pictures(config, split, count)):
        if k == first:
            break
        with Image.open(io.BytesIO(encode(picture))) as stored:
            images.append(np.asarray(stored).transpose(2, 0, 1))
        drafts.append(draft)
        boxes.append(picture.boxes)
    return Sample(tuple(drafts), np.stack(images), tuple(boxes))


def shipped_network() -> Any:
    """The demo's network with its shipped weights, in evaluation mode."""
    from safetensors.torch import load

    from failsight.knowledge_base.cases.model import build

    network = build()
    file = resources.files("failsight.knowledge_base.cases").joinpath("rooms_model", "weights.safetensors")
    network.load_state_dict(load(file.read_bytes()))
    return network


def planted(data: Sample) -> dict[str, Mask]:
    """Which pictures each planted bug of the content touches, by the bug's id; ``…:absent`` where its cue is missing."""
    touched: dict[str, Mask] = {}
    for bug in answer_key().bugs:
        if bug.attribute is None or bug.value is None or bug.kind == "label_noise":
            continue
        touched[bug.id] = data.having(bug.attribute, bug.value) & data.among(bug.victims)
        if bug.absence is not None and bug.absence_fails:
            value, label = bug.absence
            touched[f"{bug.id}:absent"] = data.having(bug.attribute, value) & data.among([label])
    return touched


def errors(data: Sample, scores: Floats) -> dict[str, Any]:
    """Error rates against the true classes: all, by class, on each planted slice, on it alone, outside all of them."""
    truth, guess = data.truth(), scores.argmax(1)
    wrong = guess != truth
    touched = planted(data)
    outside = ~np.any(list(touched.values()), axis=0)

    def told(mask: Mask) -> dict[str, Any]:
        n = int(mask.sum())
        counts = np.bincount(guess[mask], minlength=len(CLASSES))
        predictions = {label: int(k) for label, k in zip(CLASSES, counts, strict=True) if k}
        return {
            "n": n,
            "error": round(float(wrong[mask].mean()), 4) if n else None,
            "predictions": predictions,
        }

    def alone(name: str) -> Mask:
        others = [m for other, m in touched.items() if other.split(":")[0] != name.split(":")[0]]
        result: Mask = touched[name] & ~np.any(others, axis=0)
        return result

    labels = np.array([CLASSES.index(d.label) for d in data.drafts])
    return {
        "n": len(truth),
        "accuracy": round(float(1 - wrong.mean()), 4),
        "accuracy_on_labels": round(float((guess == labels).mean()), 4),
        "by_class": {label: told(truth == k) for k, label in enumerate(CLASSES)},
        "slices": {name: told(mask) for name, mask in touched.items()},
        "slices_alone": {name: told(alone(name)) for name in touched},
        "outside": told(outside),
        "outside_by_class": {label: told(outside & (truth == k)) for k, label in enumerate(CLASSES)},
    }


def masking(
    network: Any, data: Sample, cue: str, label: str, classes: Sequence[str], limit: int = 200, draws: int = 3
) -> dict[str, Any]:
    """Mean drop of a class's score when a cue is painted over, and when an equal area elsewhere is.

    Args:
        network: scores byte images.
        data: pictures with boxes.
        cue: whose boxes are painted over with the picture's mean colour.
        label: the class whose score is watched.
        classes: true classes of the pictures to use.
        limit: at most so many pictures.
        draws: controls drawn for each picture.
    """
    chosen = [
        k
        for k, d in enumerate(data.drafts)
        if d.truth in classes and cue in data.boxes[k] and d.attributes[cue] == "yes"
    ][:limit]
    rng = np.random.default_rng(0)
    images = data.images[chosen]
    watched = CLASSES.index(label)
    areas = [_area(data.boxes[k][cue], images.shape[-1]) for k in chosen]
    before = probabilities(network, images)[:, watched]
    after = probabilities(network, _painted(images, areas))[:, watched]
    controls = [
        probabilities(network, _painted(images, [_elsewhere(area, rng) for area in areas]))[:, watched]
        for _ in range(draws)
    ]
    return {
        "n": len(chosen),
        "score": round(float(before.mean()), 4),
        "drop": round(float((before - after).mean()), 4),
        "control_drop": round(float((before - np.mean(controls, axis=0)).mean()), 4),
    }


def _area(boxes: Sequence[Box], size: int) -> Mask:
    area = np.zeros((size, size), bool)
    for x0, y0, x1, y1 in boxes:
        area[int(y0 * size) : int(np.ceil(y1 * size)), int(x0 * size) : int(np.ceil(x1 * size))] = True
    return area


def _elsewhere(area: Mask, rng: np.random.Generator) -> Mask:
    """The same shape at a random place that does not touch the cue, if one is found."""
    size = area.shape[0]
    rows, cols = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
    shape = area[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    moved = np.zeros_like(area)
    for _ in range(60):
        y, x = rng.integers(0, size - shape.shape[0] + 1), rng.integers(0, size - shape.shape[1] + 1)
        moved = np.zeros_like(area)
        moved[y : y + shape.shape[0], x : x + shape.shape[1]] = shape
        if not (moved & area).any():
            break
    return moved


def _painted(images: Bytes, areas: Sequence[Mask]) -> Bytes:
    painted = images.copy()
    for image, area in zip(painted, areas, strict=True):
        image[:, area] = image.mean((1, 2)).astype(np.uint8)[:, None]
    return painted


def causes(network: Any, data: Sample, limit: int = 200, draws: int = 3) -> dict[str, dict[str, Any]]:
    """Masking of every planted cue and of the decoy: in the class it stands for, and in the classes it harms."""
    results: dict[str, dict[str, Any]] = {}
    for bug in answer_key().bugs:
        if bug.kind == "spurious_correlation" and bug.attribute and bug.pulls_to:
            results[f"{bug.id}:own"] = masking(
                network, data, bug.attribute, bug.pulls_to, [bug.pulls_to], limit, draws
            )
            results[f"{bug.id}:victims"] = masking(
                network, data, bug.attribute, bug.pulls_to, bug.victims, limit, draws
            )
    for decoy in answer_key().decoys:
        others = [c for c in CLASSES if c != decoy.goes_with]
        results[f"{decoy.id}:own"] = masking(
            network, data, decoy.attribute, decoy.goes_with, [decoy.goes_with], limit, draws
        )
        results[f"{decoy.id}:others"] = masking(
            network, data, decoy.attribute, decoy.goes_with, others, limit, draws
        )
    return results


def measure(network: Any, config: WorldConfig, counts: Mapping[str, int]) -> dict[str, Any]:
    """All figures of a network on the evaluation and deployment pictures of a world."""
    data = sample(config, "eval", counts["eval"])
    facts: dict[str, Any] = {
        "eval": errors(data, probabilities(network, data.images)),
        "masking": causes(network, data),
    }
    field_data = sample(config, "deploy", counts["deploy"])
    facts["deploy"] = errors(field_data, probabilities(network, field_data.images))
    return facts


def main() -> None:
    """Measure the shipped network on the demo's pictures."""
    from failsight.knowledge_base.cases.rooms import COUNTS, ROOMS

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    out: Path | None = parser.parse_args().out
    text = json.dumps(measure(shipped_network(), ROOMS, COUNTS), indent=1)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
