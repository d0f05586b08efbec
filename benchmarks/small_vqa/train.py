"""Train a small ``BlipForQuestionAnswering`` on procedural rooms, on one thread, in some minutes.

``python -m benchmarks.small_vqa.train --out FOLDER`` writes a transformers folder: weights, tokenizer, image processor.
Published BLIP weights run through the same code; this model is small enough to be trained where none can be had.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from failsight.knowledge_base.cases.encoder_lessons import varied
from failsight.knowledge_base.cases.splits import pictures

SIZE = 64
WIDTH = 96
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]")
PAD, SEP, DEC = 0, 3, 5
ANSWERS: Mapping[str, Mapping[str, str]] = {
    "floor": {"wood": "wood", "tile": "tiles"},
    "lighting": {"bright": "bright", "soft": "soft", "dark": "dark"},
    "clutter": {"tidy": "tidy", "cluttered": "cluttered"},
    "camera": {"professional": "professional", "phone": "phone"},
    "tilt": {"level": "level", "tilted": "tilted"},
}
"""Attribute → value of the world → the word that is learnt for it."""
THINGS = ("television", "stools", "cat", "plant", "lamp", "picture")


def questions(attributes: Mapping[str, str], label: str) -> list[tuple[str, str]]:
    """Every question about one picture with its answer."""
    made = [
        (f"What is the {name} of the room in the image?", words[attributes[name]])
        for name, words in ANSWERS.items()
    ]
    made += [(f"Is there a {thing} in the image?", attributes[thing]) for thing in THINGS]
    made.append(("What is the kind of the room in the image?", label.replace("_", " ")))
    return made


def drawn(count: int, seed: int) -> tuple[np.ndarray, list[list[tuple[str, str]]], list[dict[str, str]]]:
    """Pictures (n, 64, 64, 3) uint8, their questions and their true attributes."""
    images, asked, truths = [], [], []
    for draft, picture in pictures(varied(seed, SIZE), "train", count):
        images.append(np.asarray(picture.image.convert("RGB"), np.uint8))
        asked.append(questions(draft.attributes, draft.truth))
        truths.append({**draft.attributes, "class": draft.truth})
    return np.stack(images), asked, truths


def processor(folder: Path) -> Any:
    """Image processor and word-level tokenizer of everything that is ever asked or answered."""
    from transformers import BertTokenizer, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    words = [
        "what",
        "is",
        "the",
        "of",
        "room",
        "in",
        "image",
        "?",
        "there",
        "a",
        "an",
        "kind",
        "which",
        "with",
        "and",
        "are",
        "color",
        "colour",
    ]
    words += [w for by in ANSWERS.values() for a in by.values() for w in a.split()]
    words += [
        *ANSWERS,
        *THINGS,
        "yes",
        "no",
        "bathroom",
        "bedroom",
        "dining",
        "kitchen",
        "living",
        "walls",
        "material",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text(
        "\n".join(dict.fromkeys([*SPECIAL, *words, *"abcdefghijklmnopqrstuvwxyz"])), "utf-8"
    )
    tokenizer = BertTokenizer(str(vocabulary))
    return BlipProcessor(BlipImageProcessorPil(size={"height": SIZE, "width": SIZE}), tokenizer)


def network(vocabulary: int, seed: int, width: int = WIDTH) -> Any:
    """The untrained model."""
    import torch
    from transformers import BlipConfig, BlipForQuestionAnswering

    torch.manual_seed(seed)
    sizes = {"hidden_size": width, "intermediate_size": 3 * width, "num_attention_heads": 4}
    text = {
        **sizes, "num_hidden_layers": 2, "vocab_size": vocabulary, "encoder_hidden_size": width,
        "max_position_embeddings": 32, "bos_token_id": DEC, "pad_token_id": PAD, "sep_token_id": SEP,
        "eos_token_id": SEP, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip
    vision = {**sizes, "num_hidden_layers": 4, "image_size": SIZE, "patch_size": 8}
    config = BlipConfig(text_config=text, vision_config=vision, projection_dim=width, initializer_range=0.02)
    made = BlipForQuestionAnswering(config)
    for name, weights in made.named_parameters():  # the library's default spread is for wide models
        if weights.ndim > 1 and "embed" not in name:
            torch.nn.init.xavier_uniform_(weights.view(weights.shape[0], -1))
    return made


def train(
    model: Any, maker: Any, images: np.ndarray, asked: Sequence[Sequence[tuple[str, str]]], *, steps: int,
    batch: int, rate: float, seed: int,
) -> None:  # fmt: skip
    """Cross entropy of the answers (the language-modelling loss of Li et al. 2022, §3.3), AdamW, cosine."""
    import torch

    pixels = torch.cat(
        [
            maker.image_processor(list(images[i : i + 256]), return_tensors="pt")["pixel_values"]
            for i in range(0, len(images), 256)
        ]
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    began, model = time.monotonic(), model.train()
    for step, rows in enumerate(_batches(len(images), batch, steps, seed)):
        rng = random.Random(seed * 1_000_003 + step)
        pairs = [rng.choice(asked[r]) for r in rows]
        question = maker.tokenizer([q for q, _ in pairs], padding=True, return_tensors="pt")
        answer = maker.tokenizer([a for _, a in pairs], padding=True, return_tensors="pt")
        given = answer["input_ids"].clone()
        given[:, 0] = DEC
        flipped = pixels[rows]
        if step % 2:
            flipped = flipped.flip(-1)
        out = model(
            input_ids=question["input_ids"], attention_mask=question["attention_mask"], pixel_values=flipped,
            decoder_input_ids=given, decoder_attention_mask=answer["attention_mask"],
            labels=given.masked_fill(given == PAD, -100),
        )  # fmt: skip
        optimiser.zero_grad()
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        plan.step()
        if step % 100 == 0 or step == steps - 1:
            print(
                f"step {step:5d}  loss {out.loss.item():.3f}  {time.monotonic() - began:5.0f} s", flush=True
            )
    model.eval()


def _batches(n: int, batch: int, steps: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    at = 0
    for _ in range(steps):
        if at + batch > n:
            order, at = rng.permutation(n), 0
        yield order[at : at + batch]
        at += batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    maker = processor(given.out)
    images, asked, _ = drawn(given.pictures, 77)
    print(f"{len(images)} pictures drawn", flush=True)
    model = network(len(maker.tokenizer), given.seed)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} million parameters", flush=True)
    train(model, maker, images, asked, steps=given.steps, batch=given.batch, rate=given.rate, seed=given.seed)
    model.save_pretrained(given.out)
    maker.save_pretrained(given.out)


if __name__ == "__main__":
    main()
