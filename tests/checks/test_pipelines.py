"""The list of pipelines: nothing twice, nothing equal to the declaration, every setting readable as a side file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Preprocessing
from failsight.tools.inputs.models.side import parse_side
from failsight.tools.pipelines.candidates import (
    CIFAR,
    IMAGENET,
    Alternative,
    Pipeline,
    alternatives,
    settings,
)

USUAL = Preprocessing((224, 224), "crop", 256)
DECLARED = [
    USUAL,
    Preprocessing((32, 32), "stretch", mean=CIFAR[0], std=CIFAR[1]),
    Preprocessing((224, 200), "square", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), channels="BGR"),
    Preprocessing((96, 96), "crop", None, "bicubic", (0, 0, 0), (1, 1, 1), 1.0, layout="NHWC"),
    Preprocessing((28, 28), "stretch", channels="GRAY"),
]


def named(declared: Preprocessing, title: str, **more: object) -> Alternative:
    return next(a for a in alternatives(declared, **more) if a.title == title)  # type: ignore[arg-type]


@pytest.mark.parametrize("declared", DECLARED)
def test_no_alternative_is_the_declared_pipeline(declared: Preprocessing) -> None:
    made = alternatives(declared, turned=True, measured=((0.3, 0.3, 0.3), (0.2, 0.2, 0.2)))
    pipelines = [Pipeline((a,)) for a in made]
    assert all(p.edits or p.how(declared) != declared for p in pipelines)
    assert len({(p.how(declared), p.edits) for p in pipelines}) >= len(pipelines) - 1
    assert len({a.title for a in made}) == len(made)
    assert all(len(a.title) <= 26 for a in made), "titles must fit the chart"


@pytest.mark.parametrize("declared", DECLARED)
def test_every_setting_read_as_a_side_file_gives_that_pipeline(declared: Preprocessing) -> None:
    base = json.loads("{" + settings(Pipeline(), declared, whole=True) + "}")
    assert parse_side(base).preprocessing() == declared
    changes = [a for a in alternatives(declared) if not a.edits]
    for pipeline in [Pipeline((a,)) for a in changes] + [
        Pipeline((a,)).plus(b) for a in changes for b in changes
    ]:
        line = settings(pipeline, declared)
        read = parse_side({**base, **json.loads("{" + line + "}")}).preprocessing()
        wanted = pipeline.how(declared)
        assert read is not None
        assert read.mean == pytest.approx(wanted.mean, abs=1e-7)
        assert read.std == pytest.approx(wanted.std, abs=1e-7)
        assert (read.fit, read.channels, read.layout, read.scale) == (
            wanted.fit, wanted.channels, wanted.layout, wanted.scale,
        )  # fmt: skip
        if wanted.fit == "crop":
            assert read.resize == wanted.resize


def test_the_line_for_swapped_channels_is_the_key_alone() -> None:
    assert settings(Pipeline((named(USUAL, "BGR"),)), USUAL) == '"channels": "BGR"'


def test_reversed_numbers_follow_the_value_range_that_is_chosen_beside_them() -> None:
    zero = Preprocessing((8, 8), "stretch", mean=(0, 0, 0), std=(1, 1, 1))
    both = Pipeline((named(zero, "ImageNet mean, std"),)).plus(named(zero, "BGR, mean too"))
    made = both.how(zero)
    assert (made.channels, made.mean, made.std) == ("BGR", IMAGENET[0][::-1], IMAGENET[1][::-1])
    assert both.title == "BGR, mean too + ImageNet mean, std"


def test_a_change_on_the_same_axis_is_replaced() -> None:
    one = Pipeline((named(USUAL, "0 to 1"),)).plus(named(USUAL, "-1 to 1"))
    assert one.title == "-1 to 1"


def test_value_ranges_are_what_they_are_called() -> None:
    white = np.full((1, 2, 2, 3), 255, np.uint8)
    black = np.zeros((1, 2, 2, 3), np.uint8)
    for title, low, high in [
        ("0 to 1", 0, 1),
        ("0 to 255", 0, 255),
        ("-1 to 1", -1, 1),
        ("(x-127)/128", -127 / 128, 1),
    ]:
        how = Pipeline((named(USUAL, title),)).how(USUAL)
        assert preprocess.normalise_array(black, how) == pytest.approx(low, abs=1e-5)
        assert preprocess.normalise_array(white, how) == pytest.approx(high, abs=1e-4)


def test_what_a_model_cannot_take_is_not_offered() -> None:
    titles = {a.title for a in alternatives(USUAL, arithmetic=False)}
    assert "0 to 1" not in titles and "layout NHWC" not in titles and "BGR" in titles
    grey = {a.axis for a in alternatives(DECLARED[-1])}
    assert "channels" not in grey
    assert "interpolation" not in {a.axis for a in alternatives(USUAL, own_geometry=True)}
    assert "exif" not in {a.axis for a in alternatives(USUAL)}
    assert "height and width swapped" not in {a.title for a in alternatives(DECLARED[2])}


def test_pictures_that_use_little_of_their_range_are_tried_at_full_range() -> None:
    """Twelve bits in a file of sixteen: 4,095 of 65,535 is 16 of 255."""
    for brightest, times in ((16, 16), (12, 16), (63, 4), (64, None), (255, None), (0, None), (None, None)):
        made = [c for c in alternatives(USUAL, brightest=brightest) if c.title == "full range"]
        assert [dict(c.fields)["scale"] for c in made] == ([] if times is None else [USUAL.scale * times])
