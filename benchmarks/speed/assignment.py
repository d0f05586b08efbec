"""Zero-shot assignment against one encoding of the pictures, and against encoding them again for every attribute.

    python -m benchmarks.speed.assignment [--images 10000] [--attributes 20] [--values 5] [--encoder FOLDER]

The second pattern is that of HiBug's released code (Chen et al., NeurIPS 2023): for each attribute all pictures go through
the image encoder once more. It is timed for at most eight attributes on a tenth of the pictures, beside one encoding of
that tenth. Processor seconds of one thread: other work on the machine disturbs them least.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

import numpy as np


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """What ``work`` costs, all threads together, and what it gives."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def pictures(count: int, side: int = 96) -> list[Any]:
    """Smooth random pictures: their content does not matter to the clock."""
    from PIL import Image

    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (64, 8, 8, 3), np.uint8)
    some = [Image.fromarray(c).resize((side, side), Image.Resampling.BICUBIC) for c in coarse]
    return [some[k % len(some)] for k in range(count)]


def encoded_again(encoder: Any, images: Sequence[Any], definitions: Sequence[Any]) -> list[Any]:
    """HiBug's pattern: for each attribute, encode its values and all pictures, and take the nearest."""
    made = []
    for definition in definitions:
        words = encoder.embed_texts([f"a photo of {value}" for value in definition.values])
        made.append((encoder.embed_images(images) @ words.T).argmax(1))
    return made


def measure(
    count: int = 10_000, attributes: int = 20, values: int = 5, cached: int = 20_000, folder: str = ""
) -> dict[str, Any]:
    """All figures. ``count``: pictures; ``cached``: embeddings to label again; ``folder``: of an encoder, the shipped one by default."""
    import torch

    from failsight.tools.attributes.clip import open_encoder
    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.attributes.zero_shot import assign_values, embed_values

    torch.set_num_threads(1)
    shipped = resources.files("failsight.knowledge_base.cases").joinpath("rooms_clip")
    encoder = open_encoder(folder or str(shipped))
    images = pictures(count)
    definitions = [
        Definition(f"attribute {k}", "zero_shot", str(k), tuple(f"thing {k} {v}" for v in range(values)))
        for k in range(attributes)
    ]
    encoder.embed_images(images[:256])
    encoder.embed_texts(["warm up"])
    once, shown = processor_seconds(lambda: encoder.embed_images(images))
    prompts, words = processor_seconds(lambda: embed_values(encoder, definitions))
    labelling, _ = processor_seconds(lambda: assign_values(shown, words))
    tenth = images[: max(1, len(images) // 10)]
    alone, _ = processor_seconds(lambda: encoder.embed_images(tenth))
    again, _ = processor_seconds(lambda: encoded_again(encoder, tenth, definitions[:8]))
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(cached, shown.shape[1])).astype(np.float32)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    rounds = [processor_seconds(lambda: assign_values(stored, words))[0] for _ in range(9)]
    return {
        "encoder": encoder.name,
        "images": count,
        "attributes": attributes,
        "values": values,
        "one_encoding_s": round(once, 3),
        "prompts_s": round(prompts, 3),
        "assignment_s": round(labelling, 4),
        "whole_over_one_encoding": round((once + prompts + labelling) / once, 3),
        f"encoding_again_for_{len(definitions[:8])}_attributes_over_one_encoding": round(again / alone, 2),
        "relabel_cached_ms": round(1000 * statistics.median(rounds), 1),
        "cached": cached,
        "dimensions": int(shown.shape[1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--attributes", type=int, default=20)
    parser.add_argument("--values", type=int, default=5)
    parser.add_argument("--cached", type=int, default=20_000, help="embeddings to label again")
    parser.add_argument(
        "--encoder", default="", help="folder of a CLIP or SigLIP model; the shipped one by default"
    )
    asked = parser.parse_args()
    print(
        json.dumps(
            measure(asked.images, asked.attributes, asked.values, asked.cached, asked.encoder), indent=1
        )
    )


if __name__ == "__main__":
    main()
