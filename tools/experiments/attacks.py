"""Small changes made on purpose: FGSM, PGD in l∞ and l2, and what blind search of the same size does.

Changes are made in pixels (0 to 255), before normalisation, and keep to valid pixels. What is lowered is the margin: the
true class's output minus the largest other one (Carlini & Wagner 2017, §V), which unlike cross-entropy does not vanish
where the model is sure. FGSM: Goodfellow, Shlens & Szegedy 2015. PGD: Madry et al. 2018. Blind search: squares at random
places, kept where they help (after Andriushchenko et al. 2020, Square Attack). A picture that a small budget breaks counts
as broken at every larger one: the small change is allowed there too.

An attack that finds nothing is no proof of strength: gradients may be masked (Athalye, Carlini & Wagner 2018). So the share
of pictures whose gradient is exactly zero is counted, and blind search is compared with PGD.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.explainers import first_tensor
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Classifier, Pixels
from failsight.tools.inputs.models.causes import named_cause

Norm = Literal["linf", "l2"]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
STEPS = 10  # of PGD
NOISES = 4  # draws of plain noise
QUERIES = 40  # of blind search, a picture
CLOSE = 1e-3  # how far our normalisation may lie from the model's own
GREY = (19595 / 65536, 38470 / 65536, 7471 / 65536)


class NoGradient(Exception):
    """Why gradients can't be had, in a few words."""


@dataclass(frozen=True)
class Victim:
    """A torch classifier as a differentiable function of pixels.

    Attributes:
        outputs: (n, h, w, 3) float32 tensor of pixels, 0 to 255, on the model's device → (n, classes) outputs.
        tensor: uint8 pixels → such a tensor.
    """

    outputs: Callable[[Any], Any]
    tensor: Callable[[Pixels], Any]

    def margin(self, x: Any, labels: Any) -> Any:
        """(n,) output of the true class minus the largest other; below zero is broken."""
        import torch

        raw = self.outputs(x)
        own = torch.nn.functional.one_hot(labels, raw.shape[1]).bool()
        return raw[own] - raw.masked_fill(own, -torch.inf).amax(1)

    def margins(self, x: Any, labels: Any) -> Any:
        """The same without gradients; outputs that are not finite count as broken."""
        import torch

        with torch.no_grad():
            return torch.nan_to_num(self.margin(x, labels), nan=-1.0)

    def gradient(self, x: Any, labels: Any) -> Any:
        """Gradient of the margin in the pixels. No parameter collects anything; whether torch keeps gradients outside is
        as before, whatever happens."""
        import torch

        with torch.enable_grad():
            leaf = x.detach().clone().requires_grad_()
            try:
                made = torch.autograd.grad(self.margin(leaf, labels).sum(), leaf, allow_unused=True)[0]
            except RuntimeError as problem:
                raise NoGradient("the module can't be differentiated") from problem
        return torch.zeros_like(x) if made is None else torch.nan_to_num(made)


def victim(model: Classifier, example: Pixels) -> Victim:
    """The model as a function of pixels, checked against its own normalisation and scores on ``example``.

    Raises:
        NoGradient: there is no torch module, or the two do not agree.
    """
    import torch

    module = model.torch_module()
    if module is None:
        raise NoGradient("the model is not a torch module of any batch size")
    how = model.preprocessing
    factor, shift = preprocess.affine(how)
    like = model.normalise(example[:1])
    scale, offset = (torch.from_numpy(v).to(like.device) for v in (factor, shift))

    def normalised(x: Any) -> Any:
        if how.channels == "BGR":
            x = x.flip(-1)
        elif how.channels == "GRAY":
            x = (x * torch.tensor(GREY, device=x.device)).sum(-1, keepdim=True)
        x = x * scale + offset
        return x if how.layout == "NHWC" else x.permute(0, 3, 1, 2).contiguous()

    def outputs(x: Any) -> Any:
        changed = normalised(x)
        try:
            answer = module(changed)
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, AssertionError) as problem:
            raise NoGradient(
                f"the model fails on a changed picture ({named_cause(problem, 100)})"
            ) from problem
        raw = first_tensor(answer).float().reshape(len(x), -1)
        if raw.shape[1] == 1:
            raw = torch.cat([1 - raw if model.outputs == "probabilities" else torch.zeros_like(raw), raw], 1)
        return raw

    def tensor(pixels: Pixels) -> Any:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(like.device, torch.float32)

    made = Victim(outputs, tensor)
    tolerance = (
        CLOSE if how.channels != "GRAY" else float(np.abs(factor).max())
    )  # grey is rounded to whole steps
    with torch.no_grad():
        own, ours = model.normalise(example), normalised(tensor(example))
        if own.shape != ours.shape or float((own - ours).abs().max()) > tolerance:
            raise NoGradient("its normalisation is not a linear function of the pixels")
        # the largest output of both: whether the module is the model, whatever is decided from it
        if not np.array_equal(
            made.outputs(tensor(example)).argmax(1).cpu().numpy(), model.scores(example).argmax(1)
        ) and (how.channels != "GRAY"):
            raise NoGradient("its torch module answers otherwise than the model does")
    return made


@dataclass(frozen=True)
class Attacked:
    """Which pictures withstand what. All masks are (budgets, n): True where the answer stays right.

    Attributes:
        norm: of the budgets.
        budgets: in pixel steps (of 255): the largest change of a value for l∞, its root mean square for l2.
        fgsm: the one step that a linear model would call for.
        pgd: PGD or FGSM, with this budget or a smaller one.
        noise: plain noise of the same size, the worst of a few draws.
    """

    norm: Norm
    budgets: tuple[float, ...]
    fgsm: Mask
    pgd: Mask
    noise: Mask


def attack(
    target: Victim,
    pixels: Pixels,
    labels: Ints,
    norm: Norm,
    budgets: tuple[float, ...],
    rngs: list[np.random.Generator],
) -> Attacked:
    """Attack one batch at growing budgets; only pictures that are still right are attacked further.

    Args:
        pixels: (n, h, w, 3) uint8.
        labels: (n,) true classes.
        budgets: ascending.
        rngs: one a picture, so that the batch does not matter.

    Raises:
        NoGradient: the module can't be differentiated.
    """
    import torch

    x = target.tensor(pixels)
    y = torch.from_numpy(labels).to(x.device)
    clean = (target.margins(x, y) > 0).cpu().numpy()
    size = len(budgets)
    fgsm, pgd, noise = (np.tile(clean, (size, 1)) for _ in range(3))
    for b, budget in enumerate(budgets):
        ball = Ball(norm, budget, x)
        if b:
            pgd[b] &= pgd[b - 1]
            noise[b] &= noise[b - 1]
        at = np.flatnonzero(clean)
        fgsm[b, at[_broken(target, fast_step(target, ball.of(at), y[at]), y[at])]] = False
        pgd[b] &= fgsm[b]
        at = np.flatnonzero(noise[b])
        noise[b, at[_noise_breaks(target, ball.of(at), y[at], [rngs[i] for i in at])]] = False
        at = np.flatnonzero(pgd[b])
        pgd[b, at[pgd_breaks(target, ball.of(at), y[at], [rngs[i] for i in at])]] = False
    return Attacked(norm, budgets, fgsm, pgd, noise)


@dataclass(frozen=True)
class Ball:
    """The allowed pictures round ``x`` (n, h, w, 3): within the budget, and valid pixels."""

    norm: Norm
    budget: float
    x: Any

    @property
    def radius(self) -> float:
        """Length of the largest allowed change, in pixel steps."""
        return self.budget if self.norm == "linf" else self.budget * float(self.x[0].numel()) ** 0.5

    def of(self, at: Ints) -> Ball:
        """The balls of some of the pictures."""
        return Ball(self.norm, self.budget, self.x[at])

    def project(self, z: Any) -> Any:
        """The nearest allowed picture for l∞; for l2 one that is allowed (clipping to valid pixels never lengthens a change)."""
        change = z - self.x
        if self.norm == "linf":
            change = change.clamp(-self.budget, self.budget)
        else:
            change = change * (self.radius / lengths(change).clamp_min(1e-12)).clamp_max(1.0)
        return (self.x + change).clamp(0, 255)

    def start(self, rngs: list[np.random.Generator]) -> Any:
        """A random allowed picture: whole pixel steps for l∞, so that PGD ends on whole ones too."""
        import torch

        shape = tuple(self.x.shape[1:])
        if self.norm == "linf":
            whole = int(self.budget)
            drawn = np.stack([rng.integers(-whole, whole + 1, shape) for rng in rngs]).astype(np.float32)
        else:
            drawn = np.stack([rng.standard_normal(shape, np.float32) for rng in rngs])
            drawn *= self.budget
        return self.project(self.x + torch.from_numpy(drawn).to(self.x.device))


def lengths(change: Any) -> Any:
    """(n, 1, 1, 1) Euclidean length of each picture's change."""
    return change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def fast_step(target: Victim, ball: Ball, y: Any) -> Any:
    """The whole budget in one step against the gradient: its sign for l∞ (FGSM), its direction for l2; valid pixels."""
    if not len(y):
        return ball.x
    slope = target.gradient(ball.x, y)
    move = (
        slope.sign() * ball.budget
        if ball.norm == "linf"
        else slope / lengths(slope).clamp_min(1e-12) * ball.radius
    )
    return ball.project(ball.x - move)


def pgd_breaks(target: Victim, ball: Ball, y: Any, rngs: list[np.random.Generator]) -> Mask:
    """(n,) whether projected gradient descent from a random start finds an allowed picture that is answered wrongly."""
    import torch

    broken = np.zeros(len(y), bool)
    if not len(y):
        return broken
    z = ball.start(rngs)
    step = max(1.0, float(np.ceil(ball.budget / 4))) if ball.norm == "linf" else ball.radius / 4
    for _ in range(STEPS):
        alive = np.flatnonzero(~broken)
        if not len(alive):
            break
        part = ball.of(alive)
        slope = target.gradient(z[alive], y[alive])
        move = slope.sign() if ball.norm == "linf" else slope / lengths(slope).clamp_min(1e-12)
        moved = part.project(z[alive] - step * move)
        z[torch.from_numpy(alive).to(z.device)] = moved
        broken[alive[_broken(target, moved, y[alive])]] = True
    return broken


def _broken(target: Victim, z: Any, y: Any) -> Mask:
    if not len(y):
        return np.zeros(0, bool)
    made: Mask = (target.margins(z, y) <= 0).cpu().numpy()
    return made


def _noise_breaks(target: Victim, ball: Ball, y: Any, rngs: list[np.random.Generator]) -> Mask:
    """(n,) whether one of a few draws of noise as large as the budget allows breaks the answer."""
    import torch

    broken = np.zeros(len(y), bool)
    for _ in range(NOISES if len(y) else 0):
        drawn = np.stack([rng.standard_normal(tuple(ball.x.shape[1:]), np.float32) for rng in rngs])
        noise = torch.from_numpy(drawn).to(ball.x.device)
        noise = noise.sign() * ball.budget if ball.norm == "linf" else noise / lengths(noise) * ball.radius
        broken |= _broken(target, ball.project(ball.x + noise), y)
    return broken


def blind_search(
    target: Victim, pixels: Pixels, labels: Ints, budget: float, rngs: list[np.random.Generator]
) -> Mask:
    """(n,) whether squares of ±budget at random places, kept where they lower the margin, break the answer. No gradients."""
    import torch

    x = target.tensor(pixels)
    y = torch.from_numpy(labels).to(x.device)
    height, width = pixels.shape[1:3]
    stripes = np.stack([rng.integers(0, 2, (1, width, 3)) * 2 - 1 for rng in rngs]).astype(np.float32)
    best = (x + budget * torch.from_numpy(stripes).to(x.device)).clamp(0, 255)
    margin = target.margins(best, y)
    for query in range(QUERIES):
        side = max(1, round(min(height, width) * 0.6 * (1 - query / QUERIES)))
        tried = best.clone()
        for i, rng in enumerate(rngs):
            top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
            colour = torch.from_numpy(rng.integers(0, 2, 3) * 2.0 - 1).to(x.device, torch.float32)
            where = (i, slice(top, top + side), slice(left, left + side))
            tried[where] = (x[where] + budget * colour).clamp(0, 255)
        found = target.margins(tried, y)
        better = found < margin
        best[better], margin[better] = tried[better], found[better]
    made: Mask = (margin <= 0).cpu().numpy()
    return made


def still(target: Victim, pixels: Pixels, labels: Ints) -> Mask:
    """(n,) whether the gradient of the margin is zero everywhere: nothing for a gradient attack to follow."""
    import torch

    x = target.tensor(pixels)
    slope = target.gradient(x, torch.from_numpy(labels).to(x.device))
    made: Mask = (slope.flatten(1).abs().amax(1) == 0).cpu().numpy()
    return made


def right(target: Victim, pixels: Pixels, labels: Ints) -> Mask:
    """(n,) whether the pictures are answered right as they are."""
    import torch

    x = target.tensor(pixels)
    made: Mask = (target.margins(x, torch.from_numpy(labels).to(x.device)) > 0).cpu().numpy()
    return made
