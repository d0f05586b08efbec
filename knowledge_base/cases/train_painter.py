"""Training the painter that ships with the demo: a small ``StableDiffusionPipeline`` for procedural rooms.

``python -m failsight.knowledge_base.cases.train_painter --out FOLDER --work FOLDER`` draws rooms in which every
attribute varies on its own, a third of them almost empty, trains an autoencoder on them, then a UNet on its latents that
listens to the shipped encoder's text tower. One thread; what is in ``--work`` (pictures, autoencoder, last checkpoint) is
not made again, so an interrupted training goes on.

``--measure`` paints with a finished folder and counts how often the shipped encoder finds the wanted attributes and the
shipped classifier the wanted class; the figures go into ``card.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from failsight.knowledge_base.cases.painter_lessons import Lessons, draw
from failsight.knowledge_base.cases.painter_model import (
    FACTOR,
    PainterConfig,
    assemble,
    build_code,
    build_scheduler,
    build_unet,
    listen,
    text_tower,
)

SAVED = 250  # steps between checkpoints


# -- the autoencoder --------------------------------------------------------------------------------


def pixels(images: np.ndarray[Any, np.dtype[np.uint8]]) -> torch.Tensor:
    """(n, 3, h, w) in [-1, 1]."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def code_loss(code: Any, x: torch.Tensor) -> torch.Tensor:
    """Pixels and edges as they were, from latents that are white (mean 0, covariance 1) and a little noisy."""
    with torch.autocast("cpu", torch.bfloat16):
        z = code.encode(x).latents
    z = z.float()
    flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
    centred = flat - flat.mean(0)
    spread = centred.T @ centred / len(flat)
    white = flat.mean(0).square().sum() + (spread - torch.eye(z.shape[1])).square().sum()
    with torch.autocast("cpu", torch.bfloat16):
        y = code.decode(z + 0.05 * torch.randn_like(z)).sample
    gap = y.float() - x
    edges = (gap[:, :, 1:] - gap[:, :, :-1]).abs().mean() + (gap[..., 1:] - gap[..., :-1]).abs().mean()
    # colour apart, also as a mean over cells: small networks find it last, and green plants are grey until then
    hue = torch.stack([gap[:, 0] - gap[:, 1], gap[:, 2] - gap[:, :2].mean(1)], 1)
    coarse = nn.functional.avg_pool2d(hue, FACTOR)
    colour = 0.7 * hue.abs().mean() + coarse.abs().mean() + 3 * coarse.square().mean()
    loss: torch.Tensor = gap.abs().mean() + 2 * gap.square().mean() + 0.5 * edges + colour + 0.02 * white
    return loss


def fit_code(code: Any, data: Lessons, config: PainterConfig) -> None:
    """Train the autoencoder in place."""
    rng = np.random.default_rng(config.seed)
    code.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        code.parameters(), lr=config.code_rate, weight_decay=1e-4, betas=(0.9, 0.98)
    )
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.code_rate, config.code_steps, pct_start=0.05)
    for step in range(config.code_steps):
        batch = data.images[rng.integers(0, len(data.images), config.code_batch)]
        loss = code_loss(code, pixels(batch[:, :, ::-1] if rng.random() < 0.5 else batch))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(code.parameters(), 1.0)
        optimiser.step()
        rate.step()
        if step % 100 == 99:
            print(f"autoencoder: step {step + 1} of {config.code_steps}: loss {loss.item():.4f}", flush=True)


def latents_of(code: Any, data: Lessons, batch: int = 64) -> torch.Tensor:
    """(2 n, 4, 16, 16) half precision: every picture, then every picture mirrored."""
    made = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for images in (data.images, data.images[:, :, ::-1]):
            made += [
                code.encode(pixels(images[i : i + batch])).latents.half()
                for i in range(0, len(images), batch)
            ]
    return torch.cat(made)


# -- the UNet ---------------------------------------------------------------------------------------


class Painter:
    """A UNet in training: its running mean, its optimiser, and where it stands."""

    def __init__(self, latents: torch.Tensor, data: Lessons, config: PainterConfig) -> None:
        torch.manual_seed(config.seed)
        self.latents, self.data, self.config = latents, data, config
        self.unet, self.mean = build_unet(config), build_unet(config)
        self.mean.load_state_dict(self.unet.state_dict())
        self.scheduler = build_scheduler()
        self.tokenizer, self.tower = text_tower()
        self.optimiser = torch.optim.AdamW(
            self.unet.parameters(), lr=config.rate, weight_decay=0.01, betas=(0.9, 0.98)
        )
        self.step, self.seconds = 0, 0.0

    def loss(self, rng: np.random.Generator, words: random.Random) -> torch.Tensor:
        """Weighted squared error of the predicted velocity on one batch."""
        c, n = self.config, len(self.data.images)
        index = rng.integers(0, len(self.latents), c.batch)
        texts = ["" if words.random() < c.unsaid else self.data.prompt(int(k) % n, words) for k in index]
        with torch.inference_mode():
            heard = listen(self.tokenizer, self.tower, texts)
        heard = heard.clone()
        clean = self.latents[torch.from_numpy(index)].float()
        # one time in each of the batch's equal stretches: the gradient is less noisy than with independent ones
        when = (torch.arange(c.batch) + torch.from_numpy(rng.random(c.batch))) / c.batch * 1000
        when = when.long().clamp(0, 999)[torch.from_numpy(rng.permutation(c.batch))]
        noise = torch.from_numpy(rng.standard_normal(tuple(clean.shape), np.float32))
        noisy = self.scheduler.add_noise(clean, noise, when)
        target = self.scheduler.get_velocity(clean, noise, when)
        said = self.unet(noisy, when, heard).sample
        each = (said - target).square().mean((1, 2, 3))
        kept = self.scheduler.alphas_cumprod[when]
        ratio = kept / (1 - kept).clamp_min(1e-8)
        weight = ratio.clamp(max=c.gamma) / (ratio + 1)
        loss: torch.Tensor = (each * weight).mean() / weight.mean()
        return loss

    def rate(self) -> float:
        """The learning rate: a short rise, then level, then down over the last third."""
        done = self.step / self.config.steps
        return self.config.rate * min(1.0, (self.step + 1) / 60) * min(1.0, max(0.02, (1 - done) * 3))

    def train(self, checkpoint: Path, until: float) -> None:
        """Go on to the last step, or until ``until`` CPU seconds are spent; save now and then."""
        running = 1.0
        while self.step < self.config.steps and self.seconds < until:
            began = time.process_time()
            rng = np.random.default_rng([self.config.seed, self.step])
            loss = self.loss(rng, random.Random(f"{self.config.seed}/{self.step}"))
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate()
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
            self.optimiser.step()
            decay = min(self.config.decay, (1 + self.step) / (10 + self.step))
            with torch.no_grad():
                for kept, new in zip(self.mean.parameters(), self.unet.parameters(), strict=True):
                    kept.lerp_(new, 1 - decay)
            self.step += 1
            self.seconds += time.process_time() - began
            running += 0.02 * (loss.item() - running)
            if self.step % 50 == 0:
                print(f"step {self.step}: loss {running:.4f}, {self.seconds:.0f} s of CPU", flush=True)
            if self.step % SAVED == 0:
                self.save(checkpoint)
        self.save(checkpoint)

    def save(self, path: Path) -> None:
        """Write the checkpoint; an interrupted write leaves the one before."""
        state = {
            "unet": self.unet.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.unet.load_state_dict(state["unet"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


# -- the whole --------------------------------------------------------------------------------------


def lessons(work: Path, config: PainterConfig) -> Lessons:
    """The pictures, from ``work`` where they were drawn before."""
    pictures, told = work / "pictures.npy", work / "pictures.json"
    if not told.is_file():
        data = draw(config.pictures)
        np.save(pictures, data.images)
        told.write_text(json.dumps([data.labels, data.values, [sorted(k) for k in data.kinds]]))
    labels, values, kinds = json.loads(told.read_text())
    return Lessons(np.load(pictures, mmap_mode="r"), labels, values, [frozenset(k) for k in kinds])


def trained_code(work: Path, data: Lessons, config: PainterConfig) -> Any:
    """The autoencoder, from ``work`` where it was trained before."""
    from diffusers import AutoencoderTiny

    if not (work / "code" / "config.json").is_file():
        torch.manual_seed(config.seed)
        code = build_code()
        fit_code(code, data, config)
        code.save_pretrained(work / "code")
    return AutoencoderTiny.from_pretrained(work / "code")


def main() -> None:
    """Draw, train and measure the painter that ships with the demo."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pipeline")
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures and checkpoints")
    parser.add_argument("--steps", type=int, default=PainterConfig.steps, help="gradient steps of the UNet")
    parser.add_argument("--seconds", type=float, default=1e9, help="CPU seconds after which the UNet stops")
    parser.add_argument("--measure", action="store_true", help="only measure the pipeline in --out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = PainterConfig(steps=args.steps)
    if not args.measure:
        args.work.mkdir(parents=True, exist_ok=True)
        data = lessons(args.work, config)
        code = trained_code(args.work, data, config)
        painter = Painter(latents_of(code, data), data, config)
        checkpoint = args.work / "painter.pt"
        if checkpoint.is_file():
            painter.load(checkpoint)
        painter.train(checkpoint, args.seconds)
        assemble(code, painter.mean, args.out)
        spent = {**asdict(config), "steps": painter.step, "cpu_seconds": round(painter.seconds)}
        (args.out / "card.json").write_text(json.dumps({"training": spent}, indent=1) + "\n")
    from failsight.knowledge_base.cases.painter_measure import measure

    measure(args.out)


if __name__ == "__main__":
    main()
