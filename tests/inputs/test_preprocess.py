"""Geometry and arithmetic: the pixels a model sees, and where an object of the picture lies in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from failsight.tools.inputs.base import Preprocessing
from failsight.tools.inputs.models.geometry import OwnGeometry
from failsight.tools.inputs.preprocess import (
    border_covered,
    normalise_array,
    prepare,
    prepare_box,
    to_channels,
)
from tests.inputs.pictures import noise


def how(
    fit: str, size: tuple[int, int] = (32, 32), resize: int | None = None, **more: object
) -> Preprocessing:
    return Preprocessing(size, fit=fit, resize=resize, **more)  # type: ignore[arg-type]


def test_stretch_is_one_resize() -> None:
    picture = noise(70, 40)
    wanted = np.asarray(picture.resize((32, 24), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(prepare(picture, how("stretch", (24, 32), interpolation="bicubic")), wanted)


def test_square_is_a_centre_crop_then_a_resize() -> None:
    picture = noise(71, 40)
    wanted = np.asarray(picture.crop((15, 0, 55, 40)).resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(prepare(picture, how("square")), wanted)


def test_crop_is_torchvisions_resize_and_centre_crop() -> None:
    """Resize(40): the other side is truncated; CenterCrop(32): corners are rounded half to even."""
    for width, height in ((71, 40), (40, 71), (200, 131), (55, 55)):
        picture = noise(width, height)
        new = (40, int(40 * height / width)) if width <= height else (int(40 * width / height), 40)
        large = picture.resize(new, Image.Resampling.BILINEAR)
        left, top = round((new[0] - 32) / 2.0), round((new[1] - 32) / 2.0)
        wanted = np.asarray(large.crop((left, top, left + 32, top + 32)))
        np.testing.assert_array_equal(prepare(picture, how("crop", resize=40)), wanted)


def test_a_crop_larger_than_the_picture_is_padded_black() -> None:
    made = prepare(Image.new("RGB", (20, 20), (9, 9, 9)), how("crop", resize=20))
    assert made.shape == (32, 32, 3)
    assert (made[6:26, 6:26] == 9).all()
    assert made[:6].sum() == 0


def test_nothing_is_resampled_that_has_the_size_already() -> None:
    picture = noise(32, 32)
    for fit in ("stretch", "square", "crop"):
        np.testing.assert_array_equal(prepare(picture, how(fit)), np.asarray(picture))


def test_grey_and_palette_pictures_are_prepared_as_rgb() -> None:
    assert prepare(noise(40, 40).convert("L"), how("stretch")).shape == (32, 32, 3)


@pytest.mark.parametrize("fit", ["stretch", "square", "crop", "crop resize"])
@settings(max_examples=30, deadline=None)
@given(
    width=st.integers(20, 300),
    height=st.integers(20, 300),
    corners=st.tuples(*[st.floats(0.02, 0.98)] * 4),
)
def test_boxes_follow_the_pixels(fit: str, width: int, height: int, corners: tuple[float, ...]) -> None:
    """A rectangle painted into the picture is found where its box says, to a pixel of either picture."""
    x0, x1 = sorted(corners[:2])
    y0, y1 = sorted(corners[2:])
    name, _, resize = fit.partition(" ")
    rule = how(name, (64, 48), resize=80 if resize else None, interpolation="box")
    values = np.zeros((height, width, 3), np.uint8)
    left, right, top, bottom = round(x0 * width), round(x1 * width), round(y0 * height), round(y1 * height)
    values[top:bottom, left:right] = 255
    box = prepare_box((left / width, top / height, right / width, bottom / height), width, height, rule)
    shown = prepare(Image.fromarray(values), rule)[..., 0] / 255
    wide, high = (box[2] - box[0]) * 48, (box[3] - box[1]) * 64
    slack = (wide + high + 1) * max(1.0, 48 / width, 64 / height) + 1
    assert abs(shown.sum() - wide * high) <= slack
    if wide > 4 and high > 4:
        ys, xs = np.nonzero(shown > 0.5)
        assert xs.min() == pytest.approx(box[0] * 48, abs=1.5)
        assert ys.max() + 1 == pytest.approx(box[3] * 64, abs=1.5)


def test_a_box_outside_the_crop_has_no_area() -> None:
    x0, _, x1, _ = prepare_box((0.0, 0.2, 0.1, 0.8), 200, 50, how("square"))
    assert x0 == x1 == 0.0


@pytest.mark.parametrize("fit", ["stretch", "square", "crop", "crop resize"])
@pytest.mark.parametrize("size", [(300, 200), (90, 200), (64, 64), (37, 41)])
def test_a_measured_geometry_finds_the_same_boxes(fit: str, size: tuple[int, int]) -> None:
    """Geometry known only as a function: the window is measured by sending a ramp through it."""
    name, _, resize = fit.partition(" ")
    rule = how(name, (64, 48), resize=80 if resize else None)
    own = OwnGeometry(lambda image: prepare(image, rule))
    for box in ((0.3, 0.4, 0.6, 0.7), (0.0, 0.0, 1.0, 1.0)):
        np.testing.assert_allclose(own.prepare_box(box, *size), prepare_box(box, *size, rule), atol=0.02)


def test_arithmetic_by_hand() -> None:
    pixels = np.array([[[[0, 51, 255]]]], np.uint8)
    rule = how("stretch", (1, 1), mean=(0.5, 0.5, 0.5), std=(0.5, 0.25, 1.0))
    np.testing.assert_allclose(normalise_array(pixels, rule)[0, :, 0, 0], [-1.0, -1.2, 0.5], rtol=1e-6)
    swapped = how("stretch", (1, 1), mean=(0, 0, 0), std=(1, 1, 1), channels="BGR", layout="NHWC")
    np.testing.assert_allclose(normalise_array(pixels, swapped)[0, 0, 0], [1.0, 0.2, 0.0], rtol=1e-6)
    whole = how("stretch", (1, 1), mean=(127, 127, 127), std=(128, 128, 128), scale=1.0)
    np.testing.assert_allclose(
        normalise_array(pixels, whole)[0, :, 0, 0], [-127 / 128, -76 / 128, 1.0], rtol=1e-6
    )


def test_grey_is_pillows_grey() -> None:
    picture = noise(30, 20)
    grey = to_channels(np.asarray(picture)[None], how("stretch", channels="GRAY"))
    np.testing.assert_array_equal(grey[0, ..., 0], np.asarray(picture.convert("L")))
    assert normalise_array(np.asarray(picture)[None], how("stretch", channels="GRAY")).shape == (1, 1, 20, 30)


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        (Preprocessing((16, 16), "crop"), (16, 0, 48, 32)),  # the middle square of a wide picture
        (Preprocessing((16, 16), "crop", resize=32), (24, 8, 40, 24)),  # and its inner half
        (Preprocessing((16, 16), "square"), (16, 0, 48, 32)),
        (Preprocessing((16, 16), "stretch"), (0, 0, 64, 32)),
    ],
)
def test_what_a_crop_does_not_show_is_covered_in_the_mean_of_what_it_shows(
    how: Preprocessing, shown: tuple[int, ...]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    made = np.asarray(border_covered(Image.fromarray(pixels), how))
    left, top, right, bottom = shown
    inside = np.zeros((32, 64), bool)
    inside[top:bottom, left:right] = True
    assert made.shape == pixels.shape and (made[inside] == pixels[inside]).all()
    assert np.abs(made[~inside] - pixels[inside].mean(0)).max(initial=0) <= 0.5
