"""Learning curves over groups of images: what they say, and when they say nothing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from failsight.tools.attributes.computed import attribute_table
from failsight.tools.slices.causes import TrainShare, learning_curve, tied, train_codes
from failsight.tools.slices.columns import encode_column
from failsight.tools.slices.findings import _cause
from failsight.tools.slices.pulls import compared
from tests.fakes.view import FakeTable, FakeView


def units(rate: np.ndarray, n: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).binomial(n, rate)


SEEN = np.array([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120])
SIZE = np.full(10, 400)
ONE = np.zeros(10, int)
FIRST = np.arange(10) == 0


def test_a_fall_is_seen_with_its_slope_and_what_it_leads_to_expect() -> None:
    rate = 0.5 - 0.04 * np.log2(SEEN + 1)
    curve = learning_curve(units(rate), SIZE, SEEN, ONE, FIRST)
    assert curve.says == "yes" and curve.units == 9
    assert curve.ci[0] < -0.04 < curve.ci[1] < 0
    assert curve.expected == pytest.approx(rate[0], abs=0.05)


def test_the_slice_itself_does_not_make_the_curve() -> None:
    """Only the slice fails more: the others are as good with ten images as with five thousand."""
    rate = np.full(10, 0.1)
    rate[0] = 0.6
    curve = learning_curve(units(rate, 4000), np.full(10, 4000), SEEN, ONE, FIRST)
    assert curve.says == "no" and curve.expected == pytest.approx(0.1, abs=0.04)


def test_classes_have_levels_of_their_own() -> None:
    """Hard classes are the rare ones, and within each class the number of images is of no account."""
    group = np.repeat([0, 1], 5)
    rate = np.where(group == 0, 0.4, 0.1)
    curve = learning_curve(units(rate, 4000), np.full(10, 4000), SEEN, group, np.zeros(10, bool))
    assert curve.says == "no" and abs(curve.slope) < 0.01 and curve.expected is None


@pytest.mark.parametrize("case", ["few", "alike", "small", "noisy"])
def test_where_the_images_do_not_tell_it_is_undetermined(case: str) -> None:
    rate, n, seen, size = np.full(10, 0.2), 400, SEEN, SIZE
    if case == "few":
        curve = learning_curve(units(rate)[:4], size[:4], seen[:4], ONE[:4], FIRST[:4])
    elif case == "alike":
        curve = learning_curve(units(rate), size, np.full(10, 100), ONE, FIRST)
    elif case == "small":
        curve = learning_curve(units(rate, 5), np.full(10, 5), seen, ONE, FIRST)
    else:
        scattered = np.random.default_rng(3).uniform(0.05, 0.6, 10)
        curve = learning_curve(units(scattered, n), size, seen, ONE, FIRST)
    assert curve.says == "undetermined" and curve.ci[0] < 0 < curve.ci[1]


def test_intervals_cover_the_slope() -> None:
    covered = 0
    for seed in range(200):
        curve = learning_curve(
            units(0.3 - 0.02 * np.log2(SEEN + 1), 200, seed), np.full(10, 200), SEEN, ONE, FIRST
        )
        covered += curve.ci[0] <= -0.02 <= curve.ci[1]
    assert covered >= 180


@pytest.mark.parametrize(
    ("own", "n", "other", "m", "says"),
    [
        (300, 400, 100, 400, "yes"),
        (4, 400, 0, 4000, "yes"),
        (200, 400, 200, 400, "no"),
        (0, 400, 40, 400, "no"),
        (10, 20, 10, 20, "undetermined"),
        (0, 20, 0, 180, "undetermined"),
        (0, 0, 5, 10, "undetermined"),
    ],
)
def test_what_training_ties_is_told_by_the_interval(own: int, n: int, other: int, m: int, says: str) -> None:
    mine = np.arange(n + m) < n
    has = np.where(mine, np.arange(n + m) < own, np.arange(n + m) - n < other)
    assert tied(compared(0, has, mine, ~mine)) == says


def test_no_comparison_is_undetermined() -> None:
    assert tied(None) == "undetermined"


def test_a_share_of_few_training_images_is_not_called_common() -> None:
    found, one = SimpleNamespace(split="data", classes=("a",)), SimpleNamespace(class_index=None)
    share = TrainShare(10, 0.0, (0.0, 0.28), 0.3, "undetermined", None, 20)
    said = _cause(found, one, share)  # type: ignore[arg-type]
    assert said.startswith(
        "Whether they are rare in training is undetermined (0.0 % [0.0, 28.0] % of 10 training images, 30.0 % of 20 evaluation images)"
    )
    common = TrainShare(1000, 0.3, (0.27, 0.33), 0.3, "no", None, 500, ("bath",))
    said = _cause(found, one, common)  # type: ignore[arg-type]
    assert (
        "(of those whose bath is known 30.0 % [27.0, 33.0] % of 1,000 training images, 30.0 % of 500 evaluation images)"
        in said
    )


def test_what_pictures_show_by_themselves_is_measured_of_training_images_too() -> None:
    """40 of 100 training pictures are dark, one of them can't be read; the column that people recorded stands beside it."""
    grey = [20] * 40 + [200] * 60
    pixels = np.repeat(np.array(grey, np.uint8), 4 * 4 * 3).reshape(100, 4, 4, 3)
    columns = {"tone": ["dark"] * 40 + ["light"] * 60}
    tables = {s: FakeTable(pixels, [0, 1] * 50, ["a", "b"], columns) for s in ("data", "train")}
    tables["train"].bad = {0}
    view = FakeView(tables, scores={})
    bright = encode_column("brightness", "computed", attribute_table(tables["data"]).columns["brightness"])
    tone = encode_column("tone", "metadata", np.array(columns["tone"], object))
    codes = train_codes(view, [bright, tone])
    assert set(codes) == {"brightness", "tone"}
    dark = bright.codes[0]
    assert (codes["brightness"] == dark).sum() == 39 and codes["brightness"][0] == -1
    unknown = encode_column("depth", "computed", np.array(grey, float))  # nothing measures it
    assert "depth" not in train_codes(view, [unknown])


def test_too_many_training_images_are_not_read_for_a_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failsight.tools.slices.causes.MEASURED", 3)
    table = FakeTable(np.zeros((8, 4, 4, 3), np.uint8), [0, 1] * 4, ["a", "b"])
    view = FakeView({"data": table, "train": table}, scores={})
    assert train_codes(view, [encode_column("brightness", "computed", np.arange(8.0))]) == {}
