"""data_statistics on pictures whose counts, brightness and copies are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.tools import data_statistics as module
from failsight.tools.data_statistics import data_statistics
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.image_statistics import differences, ks_distance, spread, standardised_difference
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec


def pictures(n: int, seed: int = 0, low: int = 0, high: int = 256) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = [
        Image.fromarray(rng.integers(low, high, (5, 5, 3)).astype(np.uint8)).resize((24, 24))
        for _ in range(n)
    ]
    return np.stack([np.asarray(s) for s in small])


def view_of(
    splits: dict[str, tuple[np.ndarray, list[int]]], folder: Path | None = None, bad: tuple[int, ...] = ()
) -> FakeView:
    tables = {
        s: FakeTable(p, labels, ["bath", "bed"], bad=bad if s == "data" else ())
        for s, (p, labels) in splits.items()
    }
    return FakeView(tables, scores={}, folder=folder)


def table(made: Evidence, start: str) -> object:
    return next(t for t in made.tables if t.title.startswith(start))


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(data_statistics)


def test_counts_and_medians_by_hand(tmp_path: Path) -> None:
    flat = np.zeros((6, 8, 10, 3), np.uint8)
    flat[3:] = 255
    made = data_statistics(view_of({"data": (flat, [0, 0, 0, 1, 1, -1])}, tmp_path))
    check_evidence(made)
    assert made.fact("images").value == 6
    assert made.fact("median_brightness").value == 0.5
    assert (made.fact("median_width").value, made.fact("median_height").value) == (10, 8)
    assert [r[:3] for r in table(made, "Pictures by class").rows] == [("bath", 3, 0.6), ("bed", 2, 0.4)]  # type: ignore[attr-defined]
    rows = {r[0]: r[1] for r in table(made, "The pictures by class").rows}  # type: ignore[attr-defined]
    assert (rows["bath"], rows["bed"]) == ("0", "1")
    assert made.findings == ()
    assert made.fact("exact_duplicates").value == 4  # two groups of three


def test_copies_contradictions_and_leakage() -> None:
    data, train = pictures(20), pictures(30, seed=1)
    data[5], data[6] = data[1], data[2]  # 1 and 5 share a label, 2 and 6 do not
    train[7] = data[0]
    labels = [0, 0, 0, 1, 1, 0, 1] + [0, 1] * 6 + [0]
    made = data_statistics(view_of({"data": (data, labels), "train": (train, [0] * 15 + [1] * 15)}))
    check_evidence(made)
    kinds = {f.kind: f for f in made.findings}
    assert set(kinds) == {"label_noise", "leakage"}
    assert all(
        f.verdict is None for f in made.findings
    )  # one picture: what it means is for other tools to test
    assert kinds["label_noise"].n == 2 and "bath and bed" in kinds["label_noise"].statement
    assert "img_00002.png = img_00006.png" in kinds["label_noise"].statement
    assert kinds["leakage"].n == 1 and "1 of 20 evaluation images" in kinds["leakage"].statement
    assert made.fact("leaked_share").value == pytest.approx(1 / 20)
    assert made.fact("exact_duplicates").value == 3
    assert table(made, "Equal pictures").rows[0][2] == "bath, bed"  # type: ignore[attr-defined]


def test_no_copies_no_findings() -> None:
    made = data_statistics(
        view_of({"data": (pictures(20), [0, 1] * 10), "train": (pictures(20, seed=1), [0, 1] * 10)})
    )
    assert made.findings == ()
    assert "No picture occurs twice." in made.summary


def test_darker_deployment_pictures_are_noticed() -> None:
    made = data_statistics(
        view_of(
            {"data": (pictures(60, 0, 128, 256), [0, 1] * 30), "deploy": (pictures(40, 1, 0, 128), [-1] * 40)}
        )
    )
    check_evidence(made)
    top = table(made, "From evaluation images to deployment images").rows[0]  # type: ignore[attr-defined]
    assert float(top[5]) > 0.9
    assert "deployment images differ most in" in made.summary and "brightness" in made.summary
    assert any("find_slices" in s for s in made.next_steps)
    same = data_statistics(
        view_of({"data": (pictures(60), [0, 1] * 30), "deploy": (pictures(40, 1), [-1] * 40)})
    )
    assert "differ most" not in same.summary


def test_uneven_training_counts_are_a_hypothesis() -> None:
    made = data_statistics(
        view_of({"data": (pictures(10), [0, 1] * 5), "train": (pictures(40, 1), [0] * 32 + [1] * 8)})
    )
    (finding,) = made.findings
    assert (finding.kind, finding.class_name, finding.verdict) == ("class_imbalance", "bed", None)


def test_one_class_shows_random_typical_and_odd_pictures(tmp_path: Path) -> None:
    data = pictures(40, 0, 100, 156)
    data[3] = 255
    made = data_statistics(view_of({"data": (data, [0] * 20 + [1] * 20)}, tmp_path), class_name="Bath")
    check_evidence(made)
    assert made.fact("images", "class bath").value == 20
    assert [i.caption for i in made.images] == ["random"] * 4 + ["typical"] * 4 + ["odd"] * 4
    assert made.images[8].row == 3  # the white picture is the oddest
    assert {i.label for i in made.images} == {"bath"}
    assert (tmp_path / made.figures[0].path).stat().st_size > 1000
    assert any(t.title == "bath against the rest" for t in made.tables)


def test_one_split_and_large_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEASURED", 5)
    view = view_of({"data": (pictures(4), [0, 1, 0, 1]), "train": (pictures(8, 1), [0, 1] * 4)})
    made = data_statistics(view)
    assert any("not measured" in n for n in made.notes)
    assert made.fact("images", "split train").value == 8
    asked = data_statistics(view, split="train")
    assert asked.fact("median_width", "split train").value == 24
    assert not any("not measured" in n for n in asked.notes)


class TestHostile:
    def test_unreadable_pictures_are_listed(self) -> None:
        made = data_statistics(view_of({"data": (pictures(6), [0, 1] * 3)}, bad=(1, 4)))
        check_evidence(made)
        assert made.fact("images").value == 4
        assert any("2 of the evaluation images were left out" in n and "img_00004" in n for n in made.notes)

    def test_all_unreadable_or_empty_or_no_such_class(self) -> None:
        with pytest.raises(RetryError):
            data_statistics(view_of({"data": (pictures(2), [0, 1])}, bad=(0, 1)))
        with pytest.raises(RetryError):
            data_statistics(view_of({"data": (pictures(1)[:0], [])}))
        view = view_of({"data": (pictures(2), [0, 0])})
        with pytest.raises(RetryError, match="no pictures of bed"):
            data_statistics(view, class_name="bed")
        with pytest.raises(RetryError, match="bath, bed"):
            data_statistics(view, class_name="attic")
        with pytest.raises(RetryError):
            data_statistics(view, split="pool")

    def test_one_picture_and_no_labels(self) -> None:
        for n, labels in ((1, [0]), (3, [-1, -1, -1])):
            check_evidence(data_statistics(view_of({"data": (pictures(n), labels)})))

    def test_very_many_classes(self) -> None:
        names = [f"c{i}" for i in range(500)]
        data = FakeTable(np.zeros((500, 2, 2, 3), np.uint8), list(range(500)), names)
        made = data_statistics(FakeView({"data": data}, scores={}))
        check_evidence(made)
        assert len(table(made, "Pictures by class").rows) == 60  # type: ignore[attr-defined]


class TestNumbers:
    def test_spread_ignores_what_is_missing(self) -> None:
        found = spread(np.array([1, 2, 3, 4, 5, np.nan]))
        assert (found.median, found.low, found.high, found.n) == (3, 2, 4, 5)
        assert str(spread(np.array([np.nan]))) == "–"

    def test_ks_distance_is_the_largest_gap_of_the_distributions(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(20):
            a, b = rng.integers(0, 9, 40).astype(float), rng.integers(1, 12, 25).astype(float)
            gaps = [abs((a <= x).mean() - (b <= x).mean()) for x in range(-1, 13)]
            assert ks_distance(a, b) == pytest.approx(max(gaps))

    def test_standardised_difference_by_hand(self) -> None:
        d, ci = standardised_difference(np.array([0.0, 2.0]), np.array([2.0, 4.0]))
        assert d == pytest.approx(2 / np.sqrt(2))
        assert ci is not None and ci[0] < d < ci[1]
        assert standardised_difference(np.ones(3), np.ones(3)) == (None, None)

    def test_equal_pictures_show_no_difference(self) -> None:
        from failsight.tools.attributes.computed import image_measures

        hits = 0
        for seed in range(12):
            measures = image_measures(FakeTable(pictures(60, seed), [0] * 60, ["a"]))
            rows = np.random.default_rng(seed).permutation(60)
            hits += any(d.q <= 0.05 for d in differences(measures, rows[:30], measures, rows[30:]))
        assert hits <= 2


class TestWithoutLabels:
    """What nobody labelled is not known, which is something else than none."""

    def world(self, pool: list[int]) -> FakeView:
        return view_of({"data": (pictures(6), [0, 0, 0, 1, 1, 1]), "pool": (pictures(4, 1), pool)})

    def test_pool_images_of_a_class_are_unknown_and_not_none(self) -> None:
        made = data_statistics(self.world([-1] * 4), class_name="bath")
        check_evidence(made)
        assert "There are 3 evaluation images of bath." in made.summary and "pool" not in made.summary
        assert not [f for f in made.facts if f.name == "images" and "pool" in f.of]
        assert (
            "How many of the 4 pool images are of bath is not known: none of them has a label." in made.notes
        )

    def test_where_some_have_a_label_the_others_are_said(self) -> None:
        made = data_statistics(self.world([0, -1, -1, 1]), class_name="bath")
        assert "3 evaluation images and 1 pool images of bath" in made.summary
        assert "2 of the 4 pool images have no label; whether they are of bath is not known." in made.notes

    def test_asked_of_the_pool_alone_it_says_why_there_is_nothing(self) -> None:
        with pytest.raises(RetryError, match="of the 4 pool images are of bath is not known"):
            data_statistics(self.world([-1] * 4), split="pool", class_name="bath")

    def test_the_table_of_classes_has_no_noughts_for_them(self) -> None:
        made = data_statistics(self.world([-1] * 4))
        check_evidence(made)
        counted = next(t for t in made.tables if t.title == "Pictures by class")
        assert counted.columns == ("class", "evaluation images", "share")
        assert "The 4 pool images have no labels: how many are of each class is not known." in made.notes
        assert made.fact("images", "split pool").value == 4
