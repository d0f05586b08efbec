"""Perturbations: what each does exactly, that stronger is stronger, and that only seed and row decide what is random."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from failsight.tools.experiments import perturbations as p
from failsight.tools.experiments.warps import bilinear, convolve, disc, gaussian, line, resize

ROWS = np.arange(4)


def scenery(side: int, n: int = 4, seed: int = 0) -> np.ndarray:
    """Smooth random colours with some texture and a few sharp edges."""
    rng = np.random.default_rng(seed)
    made = resize(rng.random((n, 5, 5, 3)).astype(np.float32), side, side)
    made += 0.15 * resize(
        rng.standard_normal((n, side * 2 // 3, side * 2 // 3, 3)).astype(np.float32), side, side
    )
    made[:, side // 4 : side // 2, side // 3 : side // 2] = 0.9
    return np.rint(255 * np.clip(made, 0, 1)).astype(np.uint8)


@pytest.mark.parametrize("name", p.NAMES)
@pytest.mark.parametrize("side", [32, 96])
def test_stronger_is_stronger_and_nothing_is_nothing(name: str, side: int) -> None:
    pixels = scenery(side)
    before = pixels.copy()
    made = [p.perturb(name, s, pixels, ROWS, 0) for s in range(6)]
    assert np.array_equal(made[0], pixels)
    assert made[0] is not pixels
    assert np.array_equal(pixels, before)  # the pictures themselves stay as they are
    for one in made:
        assert one.shape == pixels.shape
        assert one.dtype == np.uint8
    changes = [float(np.abs(m.astype(float) - pixels).mean()) for m in made]
    assert changes[1] > 0
    assert all(b > a * 0.98 for a, b in pairwise(changes)), changes
    assert changes[5] > 1.1 * changes[1]


@pytest.mark.parametrize("name", p.NAMES)
def test_only_seed_and_row_decide_what_is_random(name: str) -> None:
    pixels = scenery(32)
    whole = p.perturb(name, 3, pixels, ROWS, 7)
    assert np.array_equal(whole, p.perturb(name, 3, pixels, ROWS, 7))
    alone = p.perturb(name, 3, pixels[2:3], ROWS[2:3], 7)
    assert np.abs(alone[0].astype(int) - whole[2]).max() <= 1  # rounding of a Fourier transform
    if name in ("gaussian_noise", "shot_noise", "fog", "rain", "snow", "covered", "closer"):
        same = np.repeat(pixels[:1], 2, 0)
        one, other = p.perturb(name, 3, same, np.array([0, 1]), 7)
        assert not np.array_equal(one, other)
        assert not np.array_equal(one, p.perturb(name, 3, same[:1], np.array([0]), 8)[0])


def test_an_unknown_name_or_severity_is_refused_and_no_picture_is_no_picture() -> None:
    with pytest.raises(KeyError):
        p.perturb("hail", 1, scenery(8), ROWS, 0)
    with pytest.raises(ValueError, match="0 to 5"):
        p.perturb("fog", 6, scenery(8), ROWS, 0)
    assert p.perturb("fog", 3, np.zeros((0, 8, 8, 3), np.uint8), np.zeros(0, np.int64), 0).shape == (
        0,
        8,
        8,
        3,
    )


@pytest.mark.parametrize("name", p.NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (9, 3), (40, 24)])
def test_odd_shapes_are_taken(name: str, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *shape, 3)).astype(np.uint8)
    assert p.perturb(name, 5, pixels, ROWS[:2], 0).shape == pixels.shape


class TestExactly:
    def test_light(self) -> None:
        grey = np.full((1, 4, 4, 3), 100, np.uint8)
        assert (p.perturb("darker", 3, grey, ROWS[:1], 0) == 50).all()
        assert (p.perturb("brighter", 4, grey, ROWS[:1], 0) == 200).all()
        assert (p.perturb("brighter", 5, grey + 100, ROWS[:1], 0) == 255).all()
        assert (p.perturb("low_contrast", 5, grey, ROWS[:1], 0) == 100).all()
        halves = np.zeros((1, 2, 2, 3), np.uint8)
        halves[:, :, 1] = 200
        flat = p.perturb("low_contrast", 3, halves, ROWS[:1], 0)
        assert flat[0, 0, 0, 0] == 60
        assert flat[0, 0, 1, 0] == 140

    @pytest.mark.parametrize(
        "name", ["defocus", "gaussian_blur", "motion_blur", "low_resolution", "rotation", "closer", "covered"]
    )
    def test_a_plain_picture_stays_plain(self, name: str) -> None:
        plain = np.full((2, 40, 40, 3), 77, np.uint8)
        assert np.array_equal(p.perturb(name, 5, plain, ROWS[:2], 0), plain)

    def test_gaussian_noise_has_the_stated_size(self) -> None:
        grey = np.full((4, 224, 224, 3), 128, np.uint8)
        noise = p.perturb("gaussian_noise", 1, grey, ROWS, 0).astype(float) - 128
        assert noise.std() / 255 == pytest.approx(0.08, rel=0.01)
        small = p.perturb("gaussian_noise", 1, grey[:, :32, :32], ROWS, 0).astype(float) - 128
        assert small.std() / 255 == pytest.approx(0.08 / 7**0.5, rel=0.03)

    def test_shot_noise_grows_with_the_light(self) -> None:
        dim, light = (np.full((2, 224, 224, 3), v, np.uint8) for v in (25, 100))
        spread = [p.perturb("shot_noise", 1, x, ROWS[:2], 0).astype(float).std() for x in (dim, light)]
        assert spread[1] / spread[0] == pytest.approx(2, rel=0.03)
        assert spread[1] / 255 == pytest.approx((100 / 255 / 60) ** 0.5, rel=0.02)

    def test_a_patch_covers_the_stated_area_and_grows_in_place(self) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (4, 100, 100, 3)).astype(np.uint8)
        for severity, share in enumerate(p.PATCH, 1):
            changed = (p.perturb("covered", severity, pixels, ROWS, 0) != pixels).any(-1).mean((1, 2))
            assert changed == pytest.approx(share, abs=0.012)

    def test_a_turn_there_and_back_by_hand(self) -> None:
        """A bright point right of the centre goes up or down by the angle."""
        picture = np.zeros((1, 101, 101, 3), np.uint8)
        picture[0, 49:52, 69:72] = 255
        turned = p.perturb("rotation", 5, picture, ROWS[:1], 0)[0, :, :, 0].astype(float)
        y, x = (np.arange(101) * turned.sum(1 - axis) / turned.sum() for axis in (0, 1))
        assert abs(y.sum() - 50) == pytest.approx(20 * np.sin(np.radians(30)), abs=0.5)
        assert x.sum() - 50 == pytest.approx(20 * np.cos(np.radians(30)), abs=0.5)


class TestWarps:
    def test_kernels_sum_to_one_and_have_the_stated_width(self) -> None:
        for kernel in (disc(0.4), disc(6.0), line(0.5, 0.3), line(12.0, 1.0)):
            assert kernel.sum() == pytest.approx(1, abs=1e-5)
            assert kernel.shape[0] % 2 == 1
        at = np.arange(disc(6.0).shape[0]) - disc(6.0).shape[0] // 2
        variance = (disc(6.0).sum(0) * at**2).sum()
        assert variance == pytest.approx(6.0**2 / 4, rel=0.05)  # of a disc, along one axis
        flat = line(12.0, 0.0).sum(0)
        assert (flat * (np.arange(len(flat)) - len(flat) // 2) ** 2).sum() == pytest.approx(
            12**2 / 12, rel=0.05
        )

    def test_convolution_against_scipy(self) -> None:
        from scipy.ndimage import convolve as direct

        x = np.random.default_rng(0).random((2, 13, 17, 3)).astype(np.float32)
        kernel = line(4.0, 0.7)
        wanted = np.stack(
            [[direct(one[..., c], kernel, mode="reflect") for c in range(3)] for one in x]
        ).transpose(0, 2, 3, 1)
        assert np.allclose(convolve(x, kernel), wanted, atol=1e-5)

    def test_gaussian_has_its_width(self) -> None:
        dot = np.zeros((1, 61, 61, 1), np.float32)
        dot[0, 30, 30] = 1
        for sigma in (0.3, 2.0, 5.0):
            profile = gaussian(dot, sigma)[0, :, :, 0].sum(1)
            spread = (profile * (np.arange(61) - 30) ** 2).sum()
            assert profile.sum() == pytest.approx(1, abs=1e-5)
            # shared among pixels: up to a quarter of a pixel squared is added
            assert sigma**2 * 0.98 < spread < sigma**2 + 0.26

    def test_resampling_at_the_pixels_themselves_changes_nothing(self) -> None:
        x = np.random.default_rng(0).random((2, 6, 7, 3)).astype(np.float32)
        rows, columns = np.meshgrid(np.arange(6.0), np.arange(7.0), indexing="ij")
        grid = [np.broadcast_to(g, (2, 6, 7)) for g in (rows, columns)]
        assert np.allclose(bilinear(x, *grid), x)
        assert np.allclose(bilinear(x, grid[0], grid[1] - 1)[:, :, 0], x[:, :, 1])  # mirrored
        assert np.allclose(resize(x, 6, 7), x, atol=1e-6)
        assert np.allclose(resize(x, 3, 7, average=True), x.reshape(2, 3, 2, 7, 3).mean(2), atol=1e-6)
