"""The cue profile: what it says of models whose cues are known, and of worlds with and without a watermark."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.cue_profile import cue_profile
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.inputs.base import Box
from tests.experiments import stamps
from tests.experiments.stamps import CLASSES, STAMPED, TRUE_BOX, analytic, shapes, trained, view_of
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(wide, 0) * max(tall, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def found_box(made: Evidence, name: str) -> Box:
    of = f"class {name}, place"
    x0, y0, x1, y1 = (float(str(made.fact(f"region_{k}", of).value)) for k in ("x0", "y0", "x1", "y1"))
    return x0, y0, x1, y1


def effect(made: Evidence, cue: str) -> float:
    return float(str(made.fact("effect", f"cue {cue}").value))


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeView, Evidence]:
    """The analytic world, profiled once."""
    view = analytic(240, folder=tmp_path_factory.mktemp("figures"), pull=10.0)
    return view, cue_profile(view, max_images=96)


def test_a_watermark_is_found_localised_and_confirmed(stamped: tuple[FakeView, Evidence]) -> None:
    view, made = stamped
    (finding,) = made.findings
    assert (finding.kind, finding.failure, finding.bug) == (
        "overemphasised_feature",
        "features",
        "data_content",
    )
    assert (finding.class_name, finding.verdict) == (CLASSES[STAMPED], "confirmed")
    assert overlap(found_box(made, CLASSES[STAMPED]), TRUE_BOX) >= 0.5
    assert "bottom right" in finding.statement
    of = f"class {CLASSES[STAMPED]}, place"
    assert made.fact("cue_effect", of).value > 0.1  # type: ignore[operator]
    assert abs(float(str(made.fact("other_classes_effect", of).value))) < 0.05
    check_evidence(made)
    assert view.folder is not None
    assert all((view.folder / f.path).is_file() for f in made.figures)


def test_the_region_can_be_given_to_the_masking_test(stamped: tuple[FakeView, Evidence]) -> None:
    from failsight.tools.test_by_masking import test_by_masking as mask

    view, made = stamped
    view.stated[:] = [("F1", made.findings[0])]
    again = mask(view, finding="F1", max_images=40, draws=2, where=f"predicted={CLASSES[STAMPED]}")
    view.stated.clear()
    assert again.findings[0].key == made.findings[0].key
    assert again.findings[0].verdict == "confirmed"


def test_the_half_that_finds_is_not_the_half_that_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan of a place is registered after the search and before the first image of the test is passed."""
    from failsight.tools.experiments.cues import places

    view = analytic(160, pull=10.0)
    seen: list[Any] = []
    real = places.measure

    def watch(bench: Any, rows: Any, *rest: Any) -> Any:
        assert len(view.instruments) == 2, "a place was tested before its plan was registered"
        seen.append(set(rows.tolist()))
        return real(bench, rows, *rest)

    monkeypatch.setattr(places, "measure", watch)
    from failsight.tools.experiments.cues.sample import draw

    cue_profile(view, max_images=96)
    sample = draw(view, "data", None, 96)
    assert seen
    assert not set.union(*seen) & set(sample.rows[sample.first].tolist())
    assert view.instruments[1].finding.startswith("overemphasised_feature|region=rect:")


def test_no_image_costs_more_than_forty_passes() -> None:
    view = analytic(160, pull=10.0)
    view.predictions()
    start = view.model().seen
    cue_profile(view, max_images=80)
    clean = 160  # the shared prediction pass is not cached by this double: it is made three times at most
    assert view.model().seen - start <= 40 * 80 + 4 * clean


def test_the_same_call_says_the_same_and_costs_no_new_experiment() -> None:
    view = analytic(96)
    first = cue_profile(view, max_images=80)
    before = view.model().seen
    again = cue_profile(view, max_images=80)
    assert again.to_dict() == first.to_dict()
    assert view.model().seen - before <= 4 * 96
    fresh = cue_profile(analytic(96), max_images=80)
    assert fresh.to_dict() == first.to_dict()


@pytest.mark.parametrize("seed", [0, 1])
def test_without_a_watermark_nothing_is_found(seed: int) -> None:
    assert cue_profile(analytic(120, seed, share=0), max_images=80).findings == ()


def halves(x: np.ndarray) -> np.ndarray:
    """Red against blue, summed over the whole picture."""
    pull = 8 * (x[..., 0].mean((1, 2)) - x[..., 2].mean((1, 2)))
    return np.stack([pull, -pull], 1)


def tinted(n: int = 60, size: int = 32, seed: int = 0) -> FakeTable:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, (n, size, size, 3))
    labels = np.arange(n) % 2
    pixels[labels == 0, :, :, 0] += 50
    pixels[labels == 1, :, :, 2] += 50
    return FakeTable(pixels, labels, ("red", "blue"))


def test_a_model_of_colour_alone_depends_on_colour_and_not_on_shape() -> None:
    made = cue_profile(
        FakeView({"data": tinted()}, FakeModel(halves, ("red", "blue"), (32, 32))), max_images=60
    )
    assert effect(made, "hue") > 0.4
    assert effect(made, "grey") > 0.2
    assert made.fact("cue_effect", "cue shuffle").value == pytest.approx(0, abs=1e-6)
    assert abs(float(str(made.fact("cue_effect", "cue low").value))) < 0.02
    assert made.findings == ()
    assert "hue" in made.summary or "colour" in made.summary


def test_a_model_of_fine_stripes_depends_on_high_frequencies() -> None:
    def stripes(x: np.ndarray) -> np.ndarray:
        grey = x.mean(-1)
        across = np.abs(np.diff(grey, axis=2)).mean((1, 2)) - np.abs(np.diff(grey, axis=1)).mean((1, 2))
        return np.stack([40 * across, -40 * across], 1)

    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    line = (np.arange(32) % 2 * 60).astype(np.int64)
    pixels = rng.integers(80, 110, (60, 32, 32, 3))
    pixels[labels == 0] += line[None, :, None]
    pixels[labels == 1] += line[:, None, None]
    table = FakeTable(pixels, labels, ("down", "across"))
    made = cue_profile(
        FakeView({"data": table}, FakeModel(stripes, ("down", "across"), (32, 32))), max_images=60
    )
    assert effect(made, "low") > 0.2
    assert made.fact("cue_effect", "cue hue").value == pytest.approx(0, abs=0.02)
    assert float(str(made.fact("cue_effect", "cue high").value)) < 0.02


def test_boxed_objects_join_the_panel() -> None:
    def bright(x: np.ndarray) -> np.ndarray:
        share = (x.min(-1) > 0.9).mean((1, 2))
        return np.stack([60 * share - 1.5, np.zeros(len(x))], 1)

    rng = np.random.default_rng(0)
    n, size = 60, 32
    pixels = rng.integers(30, 60, (n, size, size, 3))
    labels = np.arange(n) % 2
    boxes: list[dict[str, Any]] = [{} for _ in range(n)]
    for i in range(n):
        y, x = rng.integers(2, 10, 2)
        boxes[i]["plant"] = [((x + 12) / size, (y + 12) / size, (x + 18) / size, (y + 18) / size)]
        if labels[i] == 0:
            pixels[i, y : y + 8, x : x + 8] = 255
            boxes[i]["lamp"] = [(x / size, y / size, (x + 8) / size, (y + 8) / size)]
    table = FakeTable(pixels, labels, ("lit", "dark"), boxes=boxes)
    made = cue_profile(
        FakeView({"data": table}, FakeModel(bright, ("lit", "dark"), (size, size))), max_images=60
    )
    assert effect(made, "object:lamp") > 0.3
    assert made.fact("cue_effect", "cue object:plant").value == pytest.approx(0, abs=1e-6)
    assert made.fact("n").value == 60


def test_a_centred_subject_is_no_watermark() -> None:
    """Each class hangs on its own patch in the very middle, the same in all its images."""
    rng = np.random.default_rng(0)
    n, size = 120, 32
    labels = np.arange(n) % 2
    pixels = rng.integers(60, 120, (n, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    pixels[labels == 0, 12:20, 12:20] = (250, 20, 20)
    pixels[labels == 1, 12:20, 12:20] = (20, 20, 250)

    def middle(x: np.ndarray) -> np.ndarray:
        pull = 4 * (x[:, 12:20, 12:20, 0].mean((1, 2)) - x[:, 12:20, 12:20, 2].mean((1, 2)))
        return np.stack([pull, -pull], 1)

    table = FakeTable(pixels, labels, ("red", "blue"))
    made = cue_profile(
        FakeView({"data": table}, FakeModel(middle, ("red", "blue"), (size, size))), max_images=120
    )
    assert made.findings == ()
    assert effect(made, "subject") > 0.3
    assert any("centred subject" in note for note in made.notes)


def test_a_place_on_which_every_class_depends_is_no_tag_of_one_class() -> None:
    """Both classes are read off the same corner; neither hangs on it more than the other."""
    rng = np.random.default_rng(0)
    n, size = 160, 32
    labels = np.arange(n) % 2
    pixels = rng.integers(60, 120, (n, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    pixels[labels == 0, :8, :8] = (250, 20, 20)
    pixels[labels == 1, :8, :8] = (20, 20, 250)

    def corner(x: np.ndarray) -> np.ndarray:
        pull = 4 * (x[:, :8, :8, 0].mean((1, 2)) - x[:, :8, :8, 2].mean((1, 2)))
        return np.stack([pull, -pull], 1)

    table = FakeTable(pixels, labels, ("red", "blue"))
    made = cue_profile(
        FakeView({"data": table}, FakeModel(corner, ("red", "blue"), (size, size))), max_images=120
    )
    assert {f.verdict for f in made.findings} == {"inconclusive"}
    assert "not this class alone" in made.findings[0].note


def test_one_class_and_unreadable_images_and_no_labels_are_survived() -> None:
    table = tinted(40)
    table.bad = {3, 8}
    made = cue_profile(
        FakeView({"data": table}, FakeModel(halves, ("red", "blue"), (32, 32))),
        class_name="red",
        max_images=32,
    )
    assert any("left out" in n for n in made.notes)
    check_evidence(made)
    alone = FakeTable(table.pixels[table.labels == 0], [0] * 20, ("red", "blue"))
    check_evidence(cue_profile(FakeView({"data": alone}, FakeModel(halves, ("red", "blue"), (32, 32)))))
    blind = FakeTable(table.pixels, [-1] * 40, ("red", "blue"))
    said = cue_profile(FakeView({"data": blind}, FakeModel(halves, ("red", "blue"), (32, 32))))
    assert any("no labels" in n for n in said.notes)


def test_a_handful_of_images_gives_what_it_can_and_says_what_is_missing() -> None:
    made = cue_profile(FakeView({"data": tinted(6)}, FakeModel(halves, ("red", "blue"), (32, 32))))
    assert "too few images" in made.summary
    assert any("Too few images" in n for n in made.notes)
    assert made.questions == ()


def test_tiny_pictures_and_scores_that_are_no_numbers() -> None:
    def broken(x: np.ndarray) -> np.ndarray:
        made = halves(x)
        made[x.std((1, 2, 3)) < 0.06] = np.nan  # whatever is too plain
        return made

    table = tinted(40, size=5)
    check_evidence(cue_profile(FakeView({"data": table}, FakeModel(broken, ("red", "blue"), (5, 5)))))


def test_what_can_not_be_done_is_said_in_one_sentence() -> None:
    table = tinted(8)
    with pytest.raises(RetryError, match="predictions only"):
        cue_profile(FakeView({"data": table}, scores={"data": np.full((8, 2), 0.5)}))
    wrong = FakeTable(table.pixels, 1 - table.labels, table.classes)
    with pytest.raises(RetryError, match="No image is predicted right"):
        cue_profile(FakeView({"data": wrong}, FakeModel(halves, ("red", "blue"), (32, 32))))
    with pytest.raises(RetryError, match="no class"):
        cue_profile(
            FakeView({"data": table}, FakeModel(halves, ("red", "blue"), (32, 32))), class_name="green"
        )


def test_through_the_door_of_a_case(tmp_path: Path) -> None:
    from tests.fakes.case import FakeCase

    view = analytic(120, pull=10.0)
    with FakeCase(tmp_path / "case", {"data": view.table()}, view.model()) as case:
        made = case.cue_profile(max_images=96)
        assert [f.verdict for f in made.findings] == ["confirmed"]
        assert [f.class_name for _, f in case.findings()] == [CLASSES[STAMPED]]
        assert (tmp_path / "case" / "journal.jsonl").read_text().count('"instrument.registered"') == 2


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_a_trained_network_that_reads_a_watermark(share: float) -> None:
    """Two thousand images of 64 × 64: found, localised and confirmed within a minute of two processors."""
    model = trained(0, share)
    view = view_of(*shapes(2000, 0, share), model)
    before = time.process_time()
    made = cue_profile(view)
    assert time.process_time() - before <= 60
    assert [(f.class_name, f.verdict) for f in made.findings] == [(CLASSES[STAMPED], "confirmed")]
    assert overlap(found_box(made, CLASSES[STAMPED]), TRUE_BOX) >= 0.5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_false_confirmations_stay_rare() -> None:
    """Forty analytic and five trained worlds without a watermark."""
    confirmed = 0
    for seed in range(40):
        made = cue_profile(analytic(240, 100 + seed, share=0), max_images=96)
        confirmed += any(f.verdict == "confirmed" for f in made.findings)
    for seed in range(5):
        view = view_of(*shapes(1000, 50 + seed, 0), trained(50 + seed, 0, epochs=4), seed=seed)
        confirmed += any(f.verdict == "confirmed" for f in cue_profile(view, max_images=240).findings)
    assert confirmed <= 2


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_third_party_network_on_photographs(shared_data: Path, tmp_path: Path) -> None:
    """The CIFAR ResNet-20 looks at subjects and shapes, and hangs on no corner."""
    from failsight.agent import open_case

    for folder in sorted((shared_data / "cifar10" / "test").iterdir()):
        (tmp_path / "data" / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:60]:
            (tmp_path / "data" / folder.name / file.name).symlink_to(file)
    weights = shared_data / "models" / "cifar10_resnet20.safetensors"
    case = open_case(model=weights, arch="cifar_resnet20", data=tmp_path / "data", out=tmp_path / "case")
    with case:
        made = case.cue_profile(max_images=300)
    assert effect(made, "subject") > 0
    assert effect(made, "shuffle") > 0
    assert not [f for f in made.findings if f.verdict == "confirmed"]


def test_the_stamp_of_the_worlds_is_where_it_is_said_to_be() -> None:
    pixels, labels = shapes(8, 0)
    x0, y0, x1, y1 = stamps.BOX
    assert (pixels[labels == STAMPED][:, y0:y1, x0:x1] == stamps.stamp()).all()
