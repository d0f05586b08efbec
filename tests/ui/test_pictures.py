"""Half-blocks carry the colours of the picture; what can't be shown is not shown, quietly."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from rich.text import Text

from failsight.agent.ui.pictures import Album, half_blocks, thumbnail
from failsight.tools.evidence import Evidence, ImageRef


def colours(text: Text) -> list[tuple[tuple[int, ...] | None, tuple[int, ...] | None]]:
    made = []
    for span in text.spans:
        style = span.style
        assert not isinstance(style, str)
        made.append(
            (
                tuple(style.color.triplet) if style.color and style.color.triplet else None,
                tuple(style.bgcolor.triplet) if style.bgcolor and style.bgcolor.triplet else None,
            )
        )
    return made


def test_a_character_carries_the_pixel_above_and_the_one_below() -> None:
    red, green, blue, white, black, grey = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255,) * 3,
        (0,) * 3,
        (9,) * 3,
    )
    made = half_blocks(bytes(b for p in (red, green, blue, white, black, grey) for b in p), 2, 3)
    assert made.plain == "▀▀\n▀▀"
    assert colours(made) == [(red, blue), (green, white), (black, None), (grey, None)]


def test_thumbnails_fit_keep_their_shape_and_stand_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    image.save(tmp_path / "a.jpg", exif=exif)
    image.save(tmp_path / "b.png")
    flat, upright = thumbnail(tmp_path / "b.png", 40, 12), thumbnail(tmp_path / "a.jpg", 40, 12)
    assert flat is not None and upright is not None
    lines = flat.plain.split("\n")
    assert (len(lines[0]), len(lines)) == (40, 10)
    lines = upright.plain.split("\n")
    assert (len(lines[0]), len(lines)) == (12, 12)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_broken_files_are_no_crash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    assert thumbnail(tmp_path / "x.png") is None
    assert thumbnail(tmp_path / "gone.png") is None


def test_transparent_grey_and_tiny_pictures(tmp_path: Path) -> None:
    for i, image in enumerate(
        (Image.new("RGBA", (3, 3), (255, 0, 0, 0)), Image.new("L", (1, 1), 7), Image.new("P", (5, 1)))
    ):
        image.save(tmp_path / f"{i}.png")
        assert thumbnail(tmp_path / f"{i}.png") is not None


def test_figures_outside_of_the_case_are_not_opened(tmp_path: Path) -> None:
    case = tmp_path / "case"
    (case / "figures").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"x")
    (case / "figures" / "a.png").write_bytes(b"x")
    (case / "figures" / "link.png").symlink_to(tmp_path / "secret.png")
    album = Album(case)
    assert album.figure("figures/a.png") == case / "figures" / "a.png"
    for path in ("../secret.png", "figures/link.png", str(tmp_path / "secret.png"), "gone.png", "a\0b", ""):
        assert album.figure(path) is None


def test_images_are_found_where_their_data_lies(tmp_path: Path) -> None:
    """A path is absolute, or relative to the folder of its split's data (or to that of its manifest)."""
    for name in ("photos", "deploy"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / f"{name}.png")
    (tmp_path / "deploy" / "manifest.csv").write_text("path,label\n")
    paths = {
        "data": {"path": str(tmp_path / "photos")},
        "deploy": {"path": str(tmp_path / "deploy" / "manifest.csv")},
    }
    album = Album.of(tmp_path / "case", {"data": paths})
    assert album.image("photos.png") == album.image(str(tmp_path / "photos" / "photos.png"), "pool")
    assert album.image("deploy.png", "deploy") == tmp_path / "deploy" / "deploy.png"
    assert album.image("deploy.png") is None and album.image("") is None and album.image("a\0") is None
    evidence = Evidence(
        "t", "t", "s", images=(ImageRef("data", 0, "photos.png"), ImageRef("deploy", 0, "photos.png"))
    )
    assert list(album.load(evidence, 40, 10)) == ["data:photos.png"]
