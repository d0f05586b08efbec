"""Training against perturbations: the attack on a linear model, resuming, and what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from failsight.tools.errors import UserError
from failsight.tools.experiments.robust_training import (
    Epoch,
    RobustRecipe,
    one_cycle,
    train_robust,
    worst_in_ball,
)
from failsight.tools.inputs import open_model
from tests.fakes.view import FakeTable, Recorder

RECIPE = RobustRecipe(epochs=3, side=16, batch=20, held_out=0.2, rate=0.02)


def rooms(n: int = 80, seed: int = 0, bad: tuple[int, ...] = ()) -> FakeTable:
    """Red rooms and blue rooms, dim and noisy."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    pixels = rng.integers(20, 120, (n, 24, 20, 3))
    pixels[labels == 0, :, :, 0] += 70
    pixels[labels == 1, :, :, 2] += 70
    return FakeTable(pixels, labels.tolist(), ("red", "blue"), bad=bad)


class Linear(torch.nn.Module):
    """Logits (w·x, 0) of normalised pictures: the gradient of the loss always points along −w for class 0."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(0)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = (x * self.w).sum((1, 2, 3))
        return torch.stack([z, torch.zeros_like(z)], 1)


@pytest.mark.parametrize("steps", [1, 10])
def test_the_attack_goes_against_the_weights_and_stays_in_the_ball(steps: int) -> None:
    net = Linear((3, 8, 8))
    x, y = torch.full((5, 3, 8, 8), 0.5), torch.zeros(5, dtype=torch.int64)
    worse = worst_in_ball(net, x, y, 0.5, steps, torch.Generator().manual_seed(1))
    delta = (worse - x).flatten(1)
    assert delta.norm(dim=1).max() <= 0.5 + 1e-5
    best = -net.w.detach().flatten() / net.w.detach().norm() * 0.5  # the exact worst change
    cosine = (delta @ best) / (delta.norm(dim=1) * best.norm())
    assert cosine.min() > (0.95 if steps > 1 else 0.75)
    assert net.w.grad is None


def test_the_attack_keeps_to_valid_pictures_and_radius_0_changes_nothing() -> None:
    net = Linear((3, 4, 4))
    x, y = torch.rand(4, 3, 4, 4), torch.ones(4, dtype=torch.int64)
    worse = worst_in_ball(net, x, y, 50.0, 3, torch.Generator())
    assert worse.min() >= 0 and worse.max() <= 1
    assert worst_in_ball(net, x, y, 0.0, 3, torch.Generator()) is x


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [one_cycle(s, 100, 0.1) for s in range(100)]
    assert max(rates) == pytest.approx(0.1) and rates[0] < 0.01 and rates[-1] < 1e-3
    assert 18 <= int(np.argmax(rates)) <= 21
    assert one_cycle(0, 1, 0.1) > 0


def test_the_radius_keeps_the_change_a_pixel_may_undergo() -> None:
    assert RobustRecipe(side=224).scaled_radius == 3.0
    assert RobustRecipe(side=56).scaled_radius == 0.75  # a quarter of the side: a sixteenth of the values


def test_it_learns_is_written_whole_and_opens_again(tmp_path: Path) -> None:
    table, progress, rows = rooms(bad=(3, 8)), Recorder(), []
    made = train_robust(table, tmp_path, RECIPE, progress=progress, told=rows.append)
    assert [r.epoch for r in rows] == [1, 2, 3] and made.history == tuple(rows) and made.resumed == 0
    assert made.history[-1].val_accuracy >= 0.8 and made.history[-1].robust_accuracy >= 0.6
    assert [one.path for one in made.left_out] == ["img_00003.png", "img_00008.png"]
    label, total, done = progress.jobs[-1]
    assert (label, total, done) == ("training a robust feature model", 12, 12)
    model = open_model(tmp_path / "weights.safetensors")
    assert model.classes == ("red", "blue") and model.preprocessing.size == (16, 16)
    pixels = np.stack([model.prepare(table.open(i)) for i in (0, 1, 2, 4)])
    assert model.scores(pixels).argmax(1).tolist() == [0, 1, 0, 0]
    assert (tmp_path / "history.csv").read_text().startswith("epoch,train_loss,train_accuracy,val_accuracy")


def test_an_interrupted_training_ends_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    table = rooms()
    train_robust(table, tmp_path / "whole", RECIPE)

    def stop(row: Epoch) -> None:
        if row.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_robust(table, tmp_path / "cut", RECIPE, told=stop)
    assert not (tmp_path / "cut" / "weights.safetensors").exists()
    made = train_robust(table, tmp_path / "cut", RECIPE)
    assert made.resumed == 2
    again = train_robust(table, tmp_path / "cut", RECIPE)
    assert again.resumed == 3
    weights = [(tmp_path / f / "weights.safetensors").read_bytes() for f in ("whole", "cut")]
    assert weights[0] == weights[1]


def test_a_foreign_or_broken_checkpoint_is_not_gone_on_with(tmp_path: Path) -> None:
    one = RobustRecipe(epochs=1, side=16, batch=20)
    train_robust(rooms(), tmp_path, one)
    assert train_robust(rooms(seed=1), tmp_path, one).resumed == 0
    (tmp_path / "training.state").write_bytes(b"no checkpoint")
    assert train_robust(rooms(seed=1), tmp_path, one).resumed == 0


def test_the_random_numbers_of_others_are_left_alone(tmp_path: Path) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    train_robust(rooms(40), tmp_path, RobustRecipe(epochs=1, side=16, batch=20, threads=1))
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads


def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too few"):
        train_robust(rooms(10), tmp_path, RECIPE)
    one_class = FakeTable(np.zeros((30, 8, 8, 3)), [0] * 30, ("red", "blue"))
    with pytest.raises(UserError, match="of 1 class are"):
        train_robust(one_class, tmp_path, RECIPE)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UserError, match="can't be made"):
        train_robust(rooms(), file / "inside", RECIPE)
    with pytest.raises(ValueError):
        RobustRecipe(epochs=0)
    with pytest.raises(ValueError):
        RobustRecipe(held_out=1.0)
