"""Every kind of file a camera, a scanner or an accident leaves becomes an upright RGB picture, or says why not."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.tools.inputs import images
from failsight.tools.inputs.base import BadImage
from failsight.tools.inputs.depth import BEGINS, dim_words
from failsight.tools.inputs.table import Files
from tests.inputs.pictures import bytes_of, noise


def test_a_plain_picture_comes_back_pixel_for_pixel() -> None:
    picture = noise(40, 30)
    assert np.array_equal(np.asarray(images.decode(bytes_of(picture))), np.asarray(picture))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = noise(40, 30)
    undo = {
        2: 0,
        3: 3,
        4: 1,
        5: 5,
        6: 2,
        7: 6,
        8: 4,
    }  # Transpose members that turn the upright picture into the stored one
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    tag = Image.Exif()
    tag[0x0112] = orientation
    decoded = images.decode(bytes_of(stored, "PNG", exif=tag.tobytes()))
    assert np.array_equal(np.asarray(decoded), np.asarray(upright))


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(mode: str, tmp_path: Path) -> None:
    picture = noise(40, 30).convert(mode)
    name = tmp_path / ("a.jpg" if mode in ("CMYK", "YCbCr") else "a.png")
    picture.save(name, quality=95)
    decoded = images.decode(name)
    assert decoded.mode == "RGB"
    assert decoded.size == (40, 30)
    difference = np.asarray(decoded, int) - np.asarray(picture.convert("RGB"), int)
    assert np.abs(difference).mean() < 6  # JPEG for two of them


def test_palette_with_transparency_raises_no_warning() -> None:
    picture = noise(20, 20).quantize(8)
    decoded = images.decode(
        bytes_of(picture, "PNG", transparency=bytes([0, 128, 255, 255, 255, 255, 255, 255]))
    )
    assert decoded.mode == "RGB"


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(4, 0)
    decoded = np.asarray(images.decode(bytes_of(Image.fromarray(ramp))))
    assert np.array_equal(decoded[0, :, 0], np.arange(256))
    assert np.array_equal(decoded[..., 0], decoded[..., 2])


def test_floating_point_tiff_is_scaled_by_its_range(tmp_path: Path) -> None:
    for values, expected in (([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 100.0, 255.0], [0, 100, 255])):
        Image.fromarray(np.array([values], np.float32)).save(tmp_path / "f.tif")
        assert np.asarray(images.decode(tmp_path / "f.tif"))[0, :, 0].tolist() == expected


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert images.decode(tmp_path / "a.gif").getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_cut_short(format: str) -> None:
    content = bytes_of(noise(200, 150), format)
    with pytest.raises(BadImage):
        images.decode(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an image"),
        (b"hello, I am a text", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "damaged|cut short|not an image"),
    ],
)
def test_no_image_at_all(content: bytes, words: str) -> None:
    with pytest.raises(BadImage, match=words):
        images.decode(content)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match=r"missing"):
        images.decode(tmp_path / "none.png")
    with pytest.raises(BadImage, match=r"folder"):
        images.decode(tmp_path)


def test_one_pixel_is_a_picture() -> None:
    assert images.decode(bytes_of(Image.new("RGB", (1, 1), (1, 2, 3)))).getpixel((0, 0)) == (1, 2, 3)


def test_random_damage_never_escapes_as_anything_but_bad_image() -> None:
    rng = np.random.default_rng(0)
    for format in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        content = bytearray(bytes_of(noise(60, 40), format))
        for _ in range(40):
            damaged = bytearray(content)
            for at in rng.integers(0, len(content), 4):
                damaged[at] = rng.integers(0, 256)
            try:
                assert images.decode(bytes(damaged)).mode == "RGB"
            except BadImage:
                pass


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    content = bytearray(bytes_of(Image.new("RGB", (10, 10))))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with pytest.raises(BadImage, match=r"too many"):
        images.decode(bytes(content))
    assert Image.MAX_IMAGE_PIXELS is not None  # Pillow's own guard is left as it was


@pytest.mark.slow
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_hundred_megapixels_in_bounded_memory(format: str, tmp_path: Path) -> None:
    big = Image.new("RGB", (12_000, 9_000), (200, 100, 50))
    big.paste((0, 0, 255), (0, 0, 6_000, 9_000))
    big.save(tmp_path / "big", format)
    del big
    assert images.header(tmp_path / "big") == (12_000, 9_000)
    decoded = images.decode(tmp_path / "big")
    assert decoded.width * decoded.height <= images.MAX_PIXELS
    assert decoded.width / decoded.height == pytest.approx(4 / 3, rel=1e-3)
    assert decoded.getpixel((100, 100))[2] > 240
    assert decoded.getpixel((decoded.width - 100, 100))[0] == pytest.approx(200, abs=3)


def test_large_pictures_are_reduced_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    picture = noise(400, 300)
    for format in ("JPEG", "PNG", "GIF"):
        decoded = images.decode(bytes_of(picture, format))
        assert decoded.size == (100, 75)
        small = np.asarray(picture.resize((100, 75), Image.Resampling.BOX), int)
        assert np.abs(np.asarray(decoded, int) - small).mean() < 8  # GIF has 256 colours


def test_orientation_survives_reduction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    tag = Image.Exif()
    tag[0x0112] = 6
    assert images.decode(bytes_of(noise(400, 300), "JPEG", exif=tag.tobytes())).size == (75, 100)


def test_many_threads_at_once() -> None:
    content = bytes_of(noise(64, 48), "JPEG")
    expected = np.asarray(images.decode(content))
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda _: np.asarray(images.decode(content)), range(160)))
    assert all(np.array_equal(one, expected) for one in decoded)


def test_header_reads_no_pixels() -> None:
    content = bytes_of(noise(2000, 1500), "PNG")
    tracemalloc.start()
    assert images.header(content) == (2000, 1500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_twelve_bit_tiff_is_scaled_by_its_depth_and_white_is_zero_turned_round(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(4, 0)
    Image.fromarray(ramp).save(tmp_path / "negative.tif", tiffinfo={262: 0})
    turned = np.asarray(images.decode(tmp_path / "negative.tif"))[0, :, 0]
    assert np.array_equal(turned, np.arange(256)[::-1])


def test_sixteen_bits_kept_as_floats_are_not_stretched_picture_by_picture(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 257.0, 25700.0]], np.float32)).save(tmp_path / "f.tif")
    assert np.asarray(images.decode(tmp_path / "f.tif"))[0, :, 0].tolist() == [0, 1, 100]
    Image.fromarray(np.array([[0.5, 500.0, 1000.5]], np.float32)).save(tmp_path / "g.tif")
    assert np.asarray(images.decode(tmp_path / "g.tif"))[0, :, 0].tolist() == [0, 127, 255]


def test_pillow_is_never_left_without_a_limit_while_others_open_pictures() -> None:
    """Pillow asks whether its limit is None and multiplies it afterwards: a thread of somebody else's may come between."""
    seen = []

    def watch(*_: object) -> None:
        seen.append(Image.MAX_IMAGE_PIXELS)

    with pytest.MonkeyPatch.context() as patch:
        before = Image.MAX_IMAGE_PIXELS
        real = Image.open
        patch.setattr(Image, "open", lambda *a, **k: (watch(), real(*a, **k))[1])
        images.decode(bytes_of(noise(9, 9)))
    assert seen and None not in seen and before == Image.MAX_IMAGE_PIXELS


def test_a_dicom_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 40)
    with pytest.raises(BadImage, match="DICOM file; export it to PNG or TIFF"):
        images.decode(tmp_path / "x.dcm")


def greys(folder: Path, top: int, n: int = 6) -> Files:
    paths = []
    for i in range(n):
        values = np.linspace(0, top, 64).astype(np.uint16).reshape(8, 8)
        Image.fromarray(values).save(folder / f"{i}.png")
        paths.append(str(folder / f"{i}.png"))
    return Files(paths)


def test_twelve_bits_in_sixteen_are_noticed(tmp_path: Path) -> None:
    told = dim_words(greys(tmp_path, 4095))
    assert (
        told.startswith(BEGINS)
        and "use 12" in told
        and "4,095 of 65,535" in told
        and "multiply by 16" in told
    )
    assert dim_words(greys(tmp_path, 65535)) == ""
    assert dim_words(greys(tmp_path, 20000)) == ""
    assert dim_words(greys(tmp_path, 0)) == ""  # black pictures tell nothing
    assert dim_words(Files([])) == ""
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "8bit.png")
    assert dim_words(Files([str(tmp_path / "8bit.png"), str(tmp_path / "missing.png")])) == ""
