"""Training the encoder that ships with the demo: a small ``CLIPModel`` that knows rooms and the words for them.

``python -m failsight.knowledge_base.cases.train_encoder --out FOLDER`` draws pictures of worlds in which every attribute
varies on its own, trains on one thread, measures on rooms that it never saw, and writes a transformers folder: weights,
tokenizer, image processor, ``attributes.json`` and ``card.json``.

What it is for: between phrases for the values of one attribute the right one must win (a softmax over values, as the
zero-shot code does it), and pictures and captions of a batch must find each other (Radford et al. 2021, section 2.3). From
so few pictures a transformer hardly learns to see small things that way, so linear heads, thrown away afterwards, ask
more of its tokens: after two layers each patch must say which objects lie under it, after the last layer some of them, and
the one that is read out, must name every attribute, and how the camera was held: which way it is turned ("tilted" is both
ways, so nothing linear tells it from level), and how much noise and blur it made.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from failsight.knowledge_base.cases.captions import FURNITURE, PHRASES, QUESTIONS, TEMPLATES, caption
from failsight.knowledge_base.cases.encoder_lessons import (
    ASKED,
    GRID,
    KINDS,
    SEED,
    SIZE,
    Drawn,
    Ints,
    draw,
    phrases_of,
    value_names,
)
from failsight.knowledge_base.cases.encoder_model import (
    MEAN,
    STD,
    EncoderConfig,
    build_model,
    build_tokenizer,
    embed_words,
    pixels,
)


class _Teacher:
    """The losses of a batch, and the linear heads that are thrown away afterwards."""

    def __init__(self, model: Any, tokenizer: Any, data: Drawn, config: EncoderConfig) -> None:
        self.model, self.tokenizer, self.data, self.config = model, tokenizer, data, config
        sizes = [len(value_names(name)) for name in ASKED]
        self.where = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, len(KINDS)))
        self.what = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, sum(sizes)))
        self.shot = nn.Linear(config.width, 3)
        self.ends = np.cumsum(sizes).tolist()
        share = torch.from_numpy(data.patches.mean((0, 1))).float().clamp(1e-3, 0.5)
        self.rarity = 1 / nn.functional.binary_cross_entropy(share, share, reduction="none")
        self.rng = random.Random(config.seed)

    def parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and weights of the model and of both heads."""
        for part in (self.model, self.where, self.what, self.shot):
            yield from part.named_parameters()

    def __call__(self, index: Ints, step: int) -> torch.Tensor:
        images, patches = self.data.images[index], self.data.patches[index]
        shots = torch.from_numpy(self.data.shots[index])[:, None]
        if self.rng.random() < 0.5:
            shots = shots * torch.tensor([-1.0, 1.0, 1.0])
            images = np.ascontiguousarray(images[:, :, ::-1])
            patches = patches.reshape(-1, GRID, GRID, len(KINDS))[:, :, ::-1].reshape(patches.shape)
        with torch.autocast("cpu", torch.bfloat16):
            seen = self.model.vision_model(pixel_values=pixels(images), output_hidden_states=True)
            vectors = self.model.visual_projection(seen.pooler_output)
            found = self.where(seen.hidden_states[2][:, 1:])
            asked = self.what[0](seen.hidden_states[-1][:, ::4])  # what is read out, and every fourth patch
            said, taken = self.what[1](asked), self.shot(asked)
        vectors = nn.functional.normalize(vectors.float(), dim=-1)
        target = torch.from_numpy(np.ascontiguousarray(patches)).float()
        spread = nn.functional.binary_cross_entropy_with_logits(found.float(), target, reduction="none")
        # 2 where nothing is known but how often each kind occurs
        loss = 2.0 * (spread.mean((0, 1)) * self.rarity).mean()
        loss = loss + nn.functional.mse_loss(taken.float(), shots.expand(-1, taken.shape[1], -1))
        loss = loss + self._said(said.float(), index) + self._values(vectors, index)
        if step % 4 == 0:
            loss = loss + 0.2 * self._captions(vectors, index)
        return loss

    def _said(self, logits: torch.Tensor, index: Ints) -> torch.Tensor:
        """Cross entropy of every attribute, asked of several tokens of the last layer."""
        total = logits.new_zeros(())
        for name, end in zip(ASKED, self.ends, strict=True):
            truth = torch.from_numpy(self.data.codes[name][index])
            one = logits[:, :, end - len(value_names(name)) : end]
            for part, weight in ((one[:, :1], 0.5), (one[:, 1:], 0.5)):
                known = truth[:, None].expand(-1, part.shape[1]).reshape(-1)
                total = total + weight * nn.functional.cross_entropy(
                    part.reshape(len(known), -1), known, ignore_index=-1
                )
        return total / len(ASKED)

    def _values(self, vectors: torch.Tensor, index: Ints) -> torch.Tensor:
        """Cross entropy over the values of each attribute, each value by one phrase drawn at random."""
        furniture = self.rng.sample([f"has {kind}" for kind in FURNITURE], 3)
        names = [*self.rng.sample(list(PHRASES), 10), "class", *furniture]
        texts: list[str] = []
        spans = []
        for name in names:
            template = self.rng.choice(TEMPLATES)
            start = len(texts)
            texts += [template.format(self.rng.choice(many)) for many in phrases_of(name).values()]
            spans.append((start, len(texts)))
        with torch.autocast("cpu", torch.bfloat16):
            words = embed_words(self.model, self.tokenizer, texts)
        logits = self.model.logit_scale.exp() * vectors @ words.T
        total = logits.new_zeros(())
        for name, (start, stop) in zip(names, spans, strict=True):
            truth = torch.from_numpy(self.data.codes[name][index])
            if bool((truth >= 0).any()):
                one = nn.functional.cross_entropy(logits[:, start:stop], truth, ignore_index=-1)
                total = total + one * (0.4 if name.startswith("has ") else 1.0)
        mean: torch.Tensor = total / 10
        return mean

    def _captions(self, vectors: torch.Tensor, index: Ints) -> torch.Tensor:
        """The contrastive loss of CLIP over the batch."""
        d = self.data
        texts = [caption(self.rng, d.labels[k], d.values[k], d.kinds[k]) for k in index]
        with torch.autocast("cpu", torch.bfloat16):
            words = embed_words(self.model, self.tokenizer, texts)
        logits = self.model.logit_scale.exp() * vectors @ words.T
        right = torch.arange(len(index))
        cross = nn.functional.cross_entropy
        both: torch.Tensor = 0.5 * (cross(logits, right) + cross(logits.T, right))
        return both


def _optimiser(teacher: _Teacher, config: EncoderConfig) -> torch.optim.Optimizer:
    named = list(teacher.parameters())
    heavy = [p for n, p in named if p.ndim > 1 and "embedding" not in n]
    light = [p for n, p in named if p.ndim < 2 or "embedding" in n]
    groups = [{"params": heavy, "weight_decay": 0.05}, {"params": light, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98))


def fit(
    model: Any, tokenizer: Any, data: Drawn, config: EncoderConfig, watch: Callable[[int, float], None]
) -> None:
    """Train the model in place; ``watch`` is told the step and its loss."""
    teacher = _Teacher(model, tokenizer, data, config)
    optimiser = _optimiser(teacher, config)
    for step, index in enumerate(_order(len(data.labels), config)):
        model.train()
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, config)
        loss = teacher(index, step)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0.0, math.log(50.0))
        watch(step + 1, float(loss.detach()))
    model.eval()


def rate_at(step: int, config: EncoderConfig) -> float:
    """Learning rate of a step: 200 steps of warm-up, then steady, then straight to zero over the last two fifths."""
    return config.rate * min((step + 1) / 200, 1.0, (config.steps - step) / (0.4 * config.steps))


def _order(count: int, config: EncoderConfig) -> Iterator[Ints]:
    rng = np.random.default_rng(config.seed)
    left = np.empty(0, np.int64)
    for _ in range(config.steps):
        if len(left) < config.batch:
            left = np.concatenate([left, rng.permutation(count)])
        yield left[: config.batch]
        left = left[config.batch :]


# -- what ships ----------------------------------------------------------------------------------

_LISTED = 4
"""Phrases of each value that ``attributes.json`` lists; more of them change little and cost time to embed."""


def vocabulary(calibrations: Mapping[str, Mapping[str, float]] | None = None) -> list[dict[str, Any]]:
    """What ``attributes.json`` holds: attributes with their phrases; those that are calibrated, or all."""
    return [
        {
            "name": name,
            "values": list(PHRASES[name]),
            "phrases": {value: list(many[:_LISTED]) for value, many in PHRASES[name].items()},
            "question": QUESTIONS[name],
            **(calibrations or {}).get(name, {}),
        }
        for name in (PHRASES if calibrations is None else calibrations)
    ]


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the folder as transformers reads it, and ``attributes.json`` without calibration."""
    from transformers import CLIPImageProcessorPil

    folder.mkdir(parents=True, exist_ok=True)
    model.float().eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    side = {"height": SIZE, "width": SIZE}
    CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size=side, image_mean=list(MEAN), image_std=list(STD)
    ).save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # transformers keeps it to its owner
    _write(folder / "attributes.json", vocabulary())


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def calibrate(folder: Path, data: Drawn) -> None:
    """Fit temperature and threshold of every attribute and write them into ``attributes.json``.

    What the encoder can't tell (right less often than confirmation asks for) it does not propose.
    """
    from failsight.tools.attributes.clip import open_encoder
    from failsight.tools.attributes.definitions import LEAST_ACCURACY
    from failsight.tools.attributes.zero_shot import embed_values, fit_calibration

    encoder = open_encoder(str(folder))
    shown = encoder.embed_images([Image.fromarray(image) for image in data.images])
    bank = embed_values(encoder, encoder.vocabulary)
    fitted = {}
    for definition, (low, high) in zip(encoder.vocabulary, bank.spans, strict=True):
        truth = data.codes[definition.name]
        known = truth >= 0
        cosines = shown[known] @ bank.vectors[low:high].T
        if (cosines.argmax(1) == truth[known]).mean() < LEAST_ACCURACY:
            continue
        found = fit_calibration(cosines, truth[known], encoder.scale)
        fitted[definition.name] = {
            "temperature": round(found.temperature, 4),
            "threshold": round(found.threshold, 4),
        }
    _write(folder / "attributes.json", vocabulary(fitted))


def measure(folder: Path, data: Drawn) -> dict[str, dict[str, float]]:
    """For every attribute of a saved encoder: how often it is right, with and without the pictures it abstains on."""
    from failsight.tools.attributes.clip import open_encoder
    from failsight.tools.attributes.zero_shot import assign_values, embed_values, probabilities

    encoder = open_encoder(str(folder))
    shown = encoder.embed_images([Image.fromarray(image) for image in data.images])
    bank = embed_values(encoder, encoder.vocabulary)
    assigned = assign_values(shown, bank)
    made = {}
    for k, definition in enumerate(encoder.vocabulary):
        truth = data.codes[definition.name]
        known = truth >= 0
        chosen = probabilities(shown, bank, k).argmax(1)
        codes = assigned[definition.key].codes
        given = known & (codes >= 0)
        recalls = [float((chosen == v)[known & (truth == v)].mean()) for v in range(len(definition.values))]
        made[definition.name] = {
            "accuracy": round(float((chosen == truth)[known].mean()), 4),
            "worst_recall": round(min(recalls), 4),
            "accuracy_when_given": round(float((codes == truth)[given].mean()), 4) if given.any() else 0.0,
            "abstains": round(1 - float(given.sum() / known.sum()), 4),
            "n": int(known.sum()),
        }
    return made


def main() -> None:
    """Draw, train, calibrate and measure the encoder that ships with the demo."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the encoder")
    parser.add_argument("--steps", type=int, default=EncoderConfig.steps, help="gradient steps")
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = EncoderConfig(steps=args.steps)
    tokenizer = build_tokenizer(config.seed)
    model = build_model(config, tokenizer)
    data = draw(config.pictures, SEED)
    started = time.process_time()

    def watch(step: int, loss: float) -> None:
        if step % 100 == 0:
            print(f"step {step} of {config.steps}: loss {loss:.3f}", flush=True)

    fit(model, tokenizer, data, config, watch)
    finish(model, tokenizer, args.out, config, time.process_time() - started)


def finish(model: Any, tokenizer: Any, folder: Path, config: EncoderConfig, seconds: float) -> None:
    """Save a trained model, calibrate it on rooms of its own and measure it on others; ``seconds`` goes to the card."""
    save(model, tokenizer, folder)
    held = draw(config.held, SEED + 20_000)
    everything = measure(folder, held)
    calibrate(folder, draw(config.held, SEED + 10_000))
    measured = measure(folder, held)
    left_out = {name: row["accuracy"] for name, row in everything.items() if name not in measured}
    card = {
        "what": "A small CLIP that knows the procedural rooms of Failsight's demo and the words for them; nothing else.",
        "made_by": "python -m failsight.knowledge_base.cases.train_encoder",
        "training": {**asdict(config), "cpu_seconds": round(seconds)},
        "held_out": measured,
        "not_proposed": left_out,
    }
    _write(folder / "card.json", card)
    for name, row in measured.items():
        print(name, row)


if __name__ == "__main__":
    main()
