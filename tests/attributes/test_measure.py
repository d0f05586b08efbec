"""Measurements against pictures whose values are known by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from failsight.tools.attributes import measure


def flat(colour: tuple[int, int, int], size: int = 32) -> np.ndarray:
    return np.full((1, size, size, 3), colour, np.uint8)


def hsv(rgb: np.ndarray) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(p).convert("HSV")) for p in rgb])


def test_brightness_of_black_and_white_halves() -> None:
    histogram = np.zeros((3, 256), np.int64)
    histogram[0, 0] = 10
    histogram[1, 255] = 10
    histogram[2, [0, 255]] = 5
    mean, contrast = measure.brightness_and_contrast(histogram)
    assert mean == pytest.approx([0, 1, 0.5])
    assert contrast == pytest.approx([0, 0, 0.5])


def test_sharpness_of_a_checkerboard_is_its_laplacian_and_blur_lowers_it() -> None:
    board = (np.indices((128, 128)).sum(0) % 2 * 255).astype(np.uint8)
    # every inner pixel differs from its four neighbours by 255: the Laplacian is ±1020
    assert measure.sharpness(board[None])[0] == pytest.approx(1020**2, rel=1e-4)
    assert measure.sharpness(np.full((1, 128, 128), 77, np.uint8))[0] == 0
    noise = np.random.default_rng(0).integers(0, 256, (128, 128)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(noise).resize((32, 32), Image.Resampling.BOX).resize((128, 128)))
    sharp, blurred = measure.sharpness(np.stack([noise, soft]))
    assert sharp > 20 * blurred


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((255, 0, 0), "red"),
        ((255, 128, 0), "orange"),
        ((255, 255, 0), "yellow"),
        ((0, 200, 0), "green"),
        ((0, 255, 255), "cyan"),
        ((0, 0, 255), "blue"),
        ((140, 0, 255), "purple"),
        ((255, 0, 200), "magenta"),
        ((128, 128, 128), "grey"),
        ((10, 0, 0), "grey"),
    ],
)
def test_named_hues(colour: tuple[int, int, int], name: str) -> None:
    saturation, hue = measure.saturation_and_hue(hsv(flat(colour)))
    assert measure.HUES[hue[0]] == name
    assert saturation[0] == pytest.approx(1 - min(colour) / max(colour), abs=0.01)


def test_the_hue_of_the_larger_area_prevails_and_a_small_spot_does_not() -> None:
    picture = flat((120, 120, 120))
    picture[0, :4] = (255, 0, 0)  # an eighth of the area
    assert measure.HUES[measure.saturation_and_hue(hsv(picture))[1][0]] == "grey"
    picture[0, :16] = (255, 0, 0)
    picture[0, 16:20] = (0, 0, 255)
    assert measure.HUES[measure.saturation_and_hue(hsv(picture))[1][0]] == "red"


def test_colourfulness_is_zero_for_grey_and_known_for_one_colour() -> None:
    # one colour has no spread: 0.3 × the distance from grey, sqrt(255² + 127.5²) for pure red
    values = measure.colourfulness(np.concatenate([flat((90, 90, 90)), flat((255, 0, 0))]))
    assert values == pytest.approx([0, 0.3 * np.hypot(255, 127.5)], abs=1e-3)


@pytest.mark.parametrize("quality", [1, 10, 35, 50, 75, 92, 100])
def test_jpeg_quality_is_read_back(quality: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(flat((200, 30, 90))[0]).save(buffer, "JPEG", quality=quality)
    table = Image.open(buffer).quantization[0]
    assert measure.jpeg_quality(tuple(table)) == quality


def test_hashes_survive_recompression_and_tell_pictures_apart() -> None:
    rng = np.random.default_rng(1)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)).resize((200, 150))
        for _ in range(30)
    ]
    again = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.resize((120, 90)).save(buffer, "JPEG", quality=60)
        again.append(Image.open(buffer).convert("RGB"))

    def hashes(images: list[Image.Image]) -> tuple[np.ndarray, np.ndarray]:
        frames = [i.convert("L").resize((128, 128), Image.Resampling.BILINEAR) for i in images]
        strips = np.stack([np.asarray(f.resize((9, 8), Image.Resampling.BOX)) for f in frames])
        return measure.difference_hash(strips), measure.frequency_hash(
            np.stack([np.asarray(f.reduce(4)) for f in frames])
        )

    for before, after in zip(hashes(pictures), hashes(again), strict=True):
        assert measure.distance(before, after).max() <= 6
        assert measure.distance(before, np.roll(before, 1)).min() > 10


def test_distance_counts_bits() -> None:
    a = np.array([0, 0b1011, 2**64 - 1], np.uint64)
    assert measure.distance(a, np.zeros(3, np.uint64)).tolist() == [0, 3, 64]


def frames_of(*pictures: np.ndarray) -> np.ndarray:
    return np.stack(pictures).astype(np.uint8)


def test_symmetry_is_one_for_a_mirror_image_and_minus_one_for_its_negative() -> None:
    ramp = np.tile(np.linspace(0, 255, measure.FRAME), (measure.FRAME, 1))
    mirror = np.minimum(ramp, ramp[:, ::-1])
    values = measure.symmetry(frames_of(mirror, ramp, np.full_like(ramp, 90)))
    assert values[0] == pytest.approx(1, abs=0.01)
    assert values[1] == pytest.approx(-1, abs=0.01)
    assert values[2] == 1


def test_the_brightness_of_the_middle_is_against_the_rest() -> None:
    frame = np.zeros((measure.FRAME, measure.FRAME))
    frame[32:96, 32:96] = 255
    bright, dark, flat = measure.centre_brightness(frames_of(frame, 255 - frame, np.full_like(frame, 70)))
    assert (bright, dark, flat) == (pytest.approx(1), pytest.approx(-1), pytest.approx(0))


def test_texture_sees_what_is_there_not_how_crisp_it_is() -> None:
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.integers(0, 256, (16, 16)), np.ones((8, 8)))
    fine = rng.integers(0, 256, (measure.FRAME, measure.FRAME))
    busy, noisy, plain = measure.texture(frames_of(coarse, fine, np.full_like(fine, 128)))
    assert plain == 0
    assert busy > noisy > 0


@pytest.mark.parametrize(("bars", "share"), [((16, 0), 0.25), ((0, 8), 0.125), ((16, 16), 1 - 0.75**2)])
def test_the_border_is_what_plain_bars_cover(bars: tuple[int, int], share: float) -> None:
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 256, (measure.FRAME, measure.FRAME))
    rows, columns = bars
    if rows:
        frame[:rows] = frame[-rows:] = 0
    if columns:
        frame[:, :columns] = frame[:, -columns:] = 0
    assert measure.border(frames_of(frame))[0] == pytest.approx(share)


def test_a_plain_picture_is_all_border_and_a_full_one_has_none() -> None:
    rng = np.random.default_rng(2)
    full = rng.integers(0, 256, (measure.FRAME, measure.FRAME))
    assert measure.border(frames_of(full, np.full_like(full, 7))).tolist() == [0, 1]
