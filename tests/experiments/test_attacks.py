"""Attacks on a linear model, whose weakest change is known in closed form; and on models that hide their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from failsight.tools.experiments import attacks as a
from failsight.tools.inputs.base import Preprocessing
from tests.fakes.view import FakeModel

SIDE = 6
SIZE = SIDE * SIDE * 3


def linear(seed: int = 0, tail: Any = None, scale: float = 1.0) -> tuple[FakeModel, np.ndarray]:
    """Two classes: logit 0 is w · pixels / 255 + b (so that mid grey is on the border), logit 1 is zero."""
    rng = np.random.default_rng(seed)
    w = rng.normal(0, scale, SIZE).astype(np.float32)
    layer = nn.Linear(SIZE, 2)
    with torch.no_grad():
        layer.weight[0] = torch.from_numpy(w.reshape(SIDE, SIDE, 3).transpose(2, 0, 1).reshape(-1).copy())
        layer.weight[1] = 0
        layer.bias[0], layer.bias[1] = -0.5 * float(w.sum()), 0.0
    net = nn.Sequential(nn.Flatten(), layer, *([tail] if tail is not None else [])).eval()
    return FakeModel(None, ("a", "b"), (SIDE, SIDE), module=net), w


def pictures(n: int = 30, spread: int = 12) -> np.ndarray:
    return np.random.default_rng(1).integers(128 - spread, 128 + spread, (n, SIDE, SIDE, 3)).astype(np.uint8)


def margins(w: np.ndarray, pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    raw = (pixels.reshape(len(pixels), -1) / 255 - 0.5) @ w
    return np.where(labels == 0, raw, -raw)


def rngs(n: int) -> list[np.random.Generator]:
    return [np.random.default_rng([0, i]) for i in range(n)]


def test_fgsm_is_the_closed_form_of_a_linear_model() -> None:
    model, w = linear()
    x = pictures()
    labels = model.scores(x).argmax(1)
    target = a.victim(model, x)
    changed = a.fast_step(target, a.Ball("linf", 2.0, target.tensor(x)), torch.from_numpy(labels)).numpy()
    sign = np.where(labels == 0, -1, 1)[:, None, None, None] * np.sign(w.reshape(SIDE, SIDE, 3))
    assert np.array_equal(changed, x + 2.0 * sign)


def test_what_survives_l_infinity_is_known_exactly() -> None:
    """A linear margin m falls by at most ε‖w‖₁ (l∞) or ε‖w‖₂ (l2): no attack does better, and ours reach it."""
    model, w = linear()
    x = pictures(60)
    labels = model.scores(x).argmax(1)
    target, m = a.victim(model, x), margins(w, x, labels)
    made = a.attack(target, x, labels, "linf", (1.0, 2.0, 4.0, 8.0), rngs(60))
    for b, budget in enumerate(made.budgets):
        survives = m - budget / 255 * np.abs(w).sum() > 0
        assert np.array_equal(made.pgd[b], survives)
        assert np.array_equal(made.fgsm[b], survives)
    assert 0 < made.pgd[0].mean() < 1
    soft = a.attack(target, x, labels, "l2", (0.5, 1.0, 2.0), rngs(60))
    for b, budget in enumerate(soft.budgets):
        left = m - budget * np.sqrt(SIZE) / 255 * np.linalg.norm(w)
        assert np.array_equal(soft.pgd[b][np.abs(left) > 1e-3], (left > 0)[np.abs(left) > 1e-3])
    assert (made.noise.mean(1) >= made.pgd.mean(1)).all()  # noise is no adversary


def test_the_ball_and_the_range_of_pixels_are_never_left() -> None:
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3)).astype(np.float32))
    for norm, budget in (("linf", 3.0), ("l2", 0.7), ("l2", 40.0)):
        ball = a.Ball(norm, budget, x)  # type: ignore[arg-type]
        for z in (ball.start(rngs(5)), ball.project(x + 500 * torch.randn_like(x)), ball.project(x)):
            assert z.min() >= 0
            assert z.max() <= 255
            change = z - x
            size = change.abs().max() if norm == "linf" else change.flatten(1).norm(dim=1).max()
            assert size <= ball.radius * (1 + 1e-5)
        assert torch.equal(ball.project(x), x)
    start = a.Ball("linf", 3.0, x).start(rngs(5))
    assert torch.equal(start, start.round())  # whole steps: a picture that a file can hold


def test_every_picture_pgd_looks_at_lies_in_the_ball(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = linear()
    x = pictures(8)
    labels = model.scores(x).argmax(1)
    target = a.victim(model, x)
    seen: list[Any] = []
    looked = a.Victim.margins
    monkeypatch.setattr(a.Victim, "margins", lambda self, z, y: (seen.append(z), looked(self, z, y))[1])
    ball = a.Ball("linf", 1.0, target.tensor(x))
    a.pgd_breaks(target, ball, torch.from_numpy(labels), rngs(8))
    every = torch.cat([z for z in seen if len(z) == len(x)])
    assert len(every) >= len(x)
    assert (every.view(-1, *x.shape) - ball.x).abs().max() <= 1


def test_a_larger_budget_never_saves_and_batches_do_not_matter() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
    model = FakeModel(None, ("a", "b", "c"), (SIDE, SIDE), module=net)
    x = pictures(20, 100)
    labels = model.scores(x).argmax(1)
    target = a.victim(model, x)
    whole = a.attack(target, x, labels, "linf", (1.0, 2.0, 4.0), rngs(20))
    assert (whole.pgd[1:] <= whole.pgd[:-1]).all()
    assert (whole.pgd <= whole.fgsm).all()
    part = a.attack(target, x[5:9], labels[5:9], "linf", (1.0, 2.0, 4.0), rngs(20)[5:9])
    assert np.array_equal(whole.pgd[:, 5:9], part.pgd)


class _Capped(nn.Module):
    def forward(self, x: Any) -> Any:
        return (x * 2000).clamp(0, 6)


class TestHiddenGradients:
    def test_outputs_that_are_cut_off_have_none_and_blind_search_tells(self) -> None:
        """As RoomNet's ReLU6: beyond the cap nothing moves for small steps, though the border is near."""
        model, w = linear(tail=_Capped(), scale=0.1)
        x = pictures(40)
        labels = (margins(w, x, np.zeros(40, int)) < 0).astype(int)
        wins = labels == 0
        x, labels = x[wins], labels[wins]
        target = a.victim(model, x)
        still = a.still(target, x, labels)
        assert still.mean() > 0.5

    def test_rounded_inputs_stop_pgd_but_not_blind_search(self) -> None:
        class Rounded(nn.Module):
            def forward(self, x: Any) -> Any:
                return (x * 255).round().detach() / 255 + 0 * x

        plain, w = linear()
        net = nn.Sequential(Rounded(), *plain.module)
        model = FakeModel(None, ("a", "b"), (SIDE, SIDE), module=net.eval())
        x = pictures(20)
        labels = model.scores(x).argmax(1)
        target = a.victim(model, x)
        assert a.still(target, x, labels).all()
        broken = a.blind_search(target, x, labels, 8.0, rngs(20))
        m = margins(w, x, labels)
        reachable = m - 8 / 255 * np.abs(w).sum() <= 0
        assert broken[reachable].mean() > 0.6
        assert not broken[~reachable].any()


class TestTheModelIsLeftAsItWas:
    def test_no_gradient_stays_behind(self) -> None:
        model, _ = linear()
        x = pictures(4)
        before = {k: v.clone() for k, v in model.module.state_dict().items()}
        with torch.no_grad():
            target = a.victim(model, x)
            a.attack(target, x, model.scores(x).argmax(1), "linf", (1.0, 2.0), rngs(4))
            assert not torch.is_grad_enabled()
        assert all(q.grad is None and q.requires_grad for q in model.module.parameters())
        assert all(torch.equal(v, before[k]) for k, v in model.module.state_dict().items())
        assert not model.module.training

    def test_nor_after_an_exception(self) -> None:
        class Detached(nn.Module):
            def forward(self, x: Any) -> Any:
                return x.detach()

        model, _ = linear(tail=Detached())
        x = pictures(4)
        target = a.victim(model, x)
        with torch.no_grad():
            with pytest.raises(a.NoGradient, match="differentiated"):
                a.still(target, x, np.zeros(4, np.int64))
            assert not torch.is_grad_enabled()
        assert all(q.grad is None for q in model.module.parameters())

    def test_a_model_without_a_module_or_with_another_normalisation_is_refused(self) -> None:
        x = pictures(4)
        with pytest.raises(a.NoGradient, match="not a torch module"):
            a.victim(FakeModel(lambda p: p.mean((1, 2))[:, :2], ("a", "b"), (SIDE, SIDE)), x)
        model, _ = linear()
        model.preprocessing = Preprocessing(size=(SIDE, SIDE), mean=(0.5, 0.5, 0.5), std=(1, 1, 1))
        with pytest.raises(a.NoGradient, match="normalisation"):
            a.victim(model, x)

    def test_channel_orders_and_layouts_agree_with_the_model(self) -> None:
        from failsight.tools.inputs import preprocess

        x = pictures(3, 120)
        for channels, layout in (("BGR", "NCHW"), ("RGB", "NHWC"), ("GRAY", "NCHW")):
            how = Preprocessing(
                size=(SIDE, SIDE), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), channels=channels, layout=layout
            )  # type: ignore[arg-type]
            net = nn.Sequential(nn.Flatten(), nn.Linear(SIZE // (3 if channels == "GRAY" else 1), 2)).eval()
            model = FakeModel(None, ("a", "b"), (SIDE, SIDE), module=net)
            model.preprocessing = how
            model.normalise = lambda p, how=how: torch.from_numpy(preprocess.normalise_array(p, how))  # type: ignore[method-assign]
            a.victim(model, x)

    def test_a_single_output_is_taken_for_two(self) -> None:
        net = nn.Sequential(nn.Flatten(), nn.Linear(SIZE, 1)).eval()
        model = FakeModel(None, ("no", "yes"), (SIDE, SIDE), module=net)
        model.scores = lambda p: np.stack([-model.logits(p)[:, 0], model.logits(p)[:, 0]], 1)  # type: ignore[method-assign]
        x = pictures(4)
        target = a.victim(model, x)
        assert target.outputs(target.tensor(x)).shape == (4, 2)
