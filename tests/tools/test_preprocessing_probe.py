"""preprocessing_probe: models that need another pipeline than the declared one are recognised, healthy ones are left alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.errors import ModelFails, RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.inputs import open_images, open_model, preprocess
from failsight.tools.inputs.base import Floats, Preprocessing
from failsight.tools.inputs.models.side import parse_side
from failsight.tools.inputs.models.variant import with_preprocessing
from failsight.tools.pipelines.candidates import IMAGENET
from failsight.tools.pipelines.feeding import orientations
from failsight.tools.preprocessing_probe import preprocessing_probe
from failsight.tools.stats.intervals import wilson
from tests.checks.pipelines_nets import CLASSES, PLAIN, SIZE, RuleModel, coloured, declared, made_for
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view


def probe(model: Any, table: FakeTable | None = None, **arguments: Any) -> Evidence:
    view = FakeView(
        {"data": table or coloured()},
        model,
        **{k: arguments.pop(k) for k in ("folder", "seed") if k in arguments},
    )
    return preprocessing_probe(view, **arguments)


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(preprocessing_probe)


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_a_model_that_answers_the_same_whatever_it_is_fed_is_said_to(value: float) -> None:
    model = RuleModel(lambda x: np.tile([value, 0.5, 0.0], (len(x), 1)), PLAIN)
    with pytest.raises(RetryError, match="the same scores however the evaluation images are fed"):
        probe(model)


def test_an_interrupted_probe_goes_on_after_the_batches_that_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.tools.pipelines.feeding.WORTH_KEEPING", 0.0)
    scored: list[int] = []
    stop: list[int] = []
    rule = made_for(PLAIN)

    def counting(x: Floats) -> Floats:
        scored.append(len(x))
        if stop and sum(scored) > stop[0]:
            raise KeyboardInterrupt
        return rule(x)

    view = FakeView({"data": coloured(700)}, RuleModel(counting, PLAIN), folder=tmp_path)
    stop.append(3000)  # of 22 ways to feed 200 pictures
    scored.clear()
    with pytest.raises(KeyboardInterrupt):
        preprocessing_probe(view)
    stop.clear()
    scored.clear()
    made, rest = preprocessing_probe(view), sum(scored)
    scored.clear()
    whole = preprocessing_probe(FakeView({"data": coloured(700)}, RuleModel(counting, PLAIN)))
    assert sum(scored) - rest >= 2000
    assert (made.facts, made.tables) == (whole.facts, whole.tables)


MISTAKES: dict[str, tuple[Preprocessing, dict[str, Any], dict[str, Any]]] = {
    "needs BGR": (replace(PLAIN, channels="BGR"), {"channels": "RGB"}, {"channels": "BGR"}),
    "needs -1 to 1": (
        replace(PLAIN, mean=(0.5,) * 3, std=(0.5,) * 3),
        {"mean": (0.0,) * 3, "std": (1.0,) * 3},
        {"mean": [0.5] * 3, "std": [0.5] * 3},
    ),
    "needs 0 to 255": (
        replace(PLAIN, mean=(0.0,) * 3, std=(1.0,) * 3, scale=1.0),
        {"scale": 1 / 255},
        {"scale": 1.0, "mean": [0.0] * 3},
    ),
    "needs 0 to 1": (
        replace(PLAIN, mean=(0.0,) * 3, std=(1.0,) * 3),
        {"mean": IMAGENET[0], "std": IMAGENET[1]},
        {"mean": [0.0] * 3, "std": [1.0] * 3},
    ),
    "needs BGR and 0 to 255": (
        replace(PLAIN, mean=(0.0,) * 3, std=(1.0,) * 3, scale=1.0, channels="BGR"),
        {"scale": 1 / 255, "channels": "RGB"},
        {"scale": 1.0, "channels": "BGR"},
    ),
    "needs negatives": (
        replace(PLAIN, scale=-1 / 255, mean=(-0.5, -0.6, -0.7)),
        {"scale": 1 / 255, "mean": PLAIN.mean},
        {"scale": -1 / 255, "mean": [-0.5, -0.6, -0.7]},
    ),
    "needs NHWC": (replace(PLAIN, layout="NHWC"), {"layout": "NCHW"}, {"layout": "NHWC"}),
}  # fmt: skip


def either_layout(true: Preprocessing) -> RuleModel:
    """A model that takes both layouts without complaint and reads one of them right, as a flattening network does."""
    rule = made_for(replace(true, layout="NCHW"))

    def read(x: Floats) -> Floats:
        return rule(x.reshape(len(x), SIZE, SIZE, 3).transpose(0, 3, 1, 2))

    return RuleModel(read, replace(true, layout="NCHW"))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_declaration_is_recognised_with_the_right_alternative(name: str, tmp_path: Path) -> None:
    true, said, settings = MISTAKES[name]
    model = either_layout(true) if name == "needs NHWC" else declared(true, **said)
    made = probe(model, folder=tmp_path)
    check_evidence(made)
    (finding,) = made.findings
    assert (finding.kind, finding.bug, finding.failure, finding.verdict) == (
        "preprocessing", "data_engineering", "correctness", "confirmed",
    )  # fmt: skip
    assert finding.statement.startswith("The model is right in ") and " when fed " in finding.statement
    line = next(s for s in made.next_steps if "model.json" in s)
    read = json.loads("{" + line.split(" write ")[1].split(". As good")[0].rstrip(".") + "}")
    for key, value in settings.items():
        assert read[key] == (value if isinstance(value, str) else pytest.approx(value, abs=0.005)), key
    assert parse_side({**read, "input_size": SIZE}).size == (SIZE, SIZE)
    assert made.images and all(i.label for i in made.images)
    assert (tmp_path / made.figures[0].path).read_text().startswith("<svg")


def test_the_test_counts_images_that_did_not_choose() -> None:
    made = probe(declared(*MISTAKES["needs BGR"][:1], channels="RGB"), max_images=150)
    (finding,) = made.findings
    assert finding.n == pytest.approx(100, abs=2)
    assert finding.tests[0].n == finding.n and finding.tests[0].q is not None
    assert finding.error_rate is not None and finding.base_error_rate is not None
    assert finding.error_rate - finding.base_error_rate == pytest.approx(finding.tests[0].effect)


def test_a_healthy_model_is_refuted_with_the_power_said() -> None:
    made = probe(declared(PLAIN), coloured(900), max_images=900)
    check_evidence(made)
    (finding,) = made.findings
    assert finding.verdict == "refuted"
    assert "would have been seen" in finding.note and "would have been seen" in made.summary
    assert not made.images and not made.next_steps
    assert any("make no difference" in note for note in made.notes)
    assert made.fact("verdict").value == "refuted"


def test_the_plan_is_registered_before_a_picture_is_opened() -> None:
    class Watching(FakeTable):
        def open(self, row: int) -> Image.Image:
            assert view.instruments, "a picture was opened before the plan was registered"
            return super().open(row)

    data = coloured()
    view = FakeView({"data": Watching(data.pixels, data.labels, CLASSES)}, declared(PLAIN))  # type: ignore[arg-type]
    made = preprocessing_probe(view)
    (plan,) = view.instruments
    assert plan.finding == made.findings[0].key == "preprocessing|||"
    assert plan.minimum_effect == 0.03 and plan.smallest_detectable_effect is not None
    assert plan.n_planned == made.findings[0].n


def test_every_pipeline_tried_is_in_the_table_and_the_chart(tmp_path: Path) -> None:
    made = probe(declared(replace(PLAIN, channels="BGR"), channels="RGB"), folder=tmp_path)
    (table,) = made.tables
    titles = [row[0] for row in table.rows]
    assert len(titles) == len(set(titles)) == made.fact("pipelines_tried").value + 1
    assert {"as declared", "BGR", "0 to 255", "crop, margin", "upside down"} <= set(titles)
    confirming = [row for row in table.rows if row[1] == "confirming"]
    assert 1 <= len(confirming) <= 4 and all(row[8] != "–" for row in confirming)


HOW = Preprocessing((16, 16), "stretch", mean=(0, 0, 0), std=(1, 1, 1))


def centred(*distraction: slice) -> FakeTable:
    """A square of the class's colour in the middle of a wide picture, with columns of any class's colour beside it."""
    rng = np.random.default_rng(0)
    n, side = 450, 32
    labels = rng.integers(0, 3, n)
    pixels = np.full((n, side, 2 * side, 3), 60, np.uint8)
    for columns in distraction:
        pixels[np.arange(n), :, columns, rng.integers(0, 3, n)] = 255
    pixels[np.arange(n), 8:24, 24:40, labels] = 200
    return FakeTable(pixels, np.where(rng.random(n) < 0.1, rng.integers(0, 3, n), labels), CLASSES)


ENDS, BESIDE = (slice(0, 16), slice(48, 64)), (slice(16, 24), slice(40, 48))


@pytest.mark.parametrize("distraction", [BESIDE, (*BESIDE, *ENDS)])
def test_a_crop_that_the_model_needs_is_found_and_called_geometry(distraction: tuple[slice, ...]) -> None:
    """The model looks where the corners of the square are in a crop; in a stretched picture what stands beside it is there."""

    def rule(x: Floats) -> Floats:
        if x.shape[1:] != (3, 16, 16):
            raise ValueError("another layout")
        corners = [x[:, :, i : i + 2, j : j + 2].mean((2, 3)) for i in (4, 10) for j in (4, 10)]
        return np.asarray(10 * np.sum(corners, axis=0))

    made = probe(RuleModel(rule, HOW), centred(*distraction))
    (finding,) = made.findings
    assert finding.verdict == "confirmed"
    assert "crop" in finding.statement and "check the training code" in finding.note
    assert any('"crop":' in step for step in made.next_steps)


def test_a_crop_that_only_hides_what_misleads_at_the_border_is_no_wrong_feeding() -> None:
    """The model goes by the colour of the whole picture: covering both ends helps it as much as cropping them."""
    made = probe(RuleModel(lambda x: 20 * x.mean((2, 3)), HOW), centred(*ENDS))
    (finding,) = made.findings
    assert finding.verdict == "inconclusive"
    assert "merely covered" in finding.note and "border" in finding.note


def test_pictures_upside_down_are_found_and_no_setting_is_promised() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    pixels = np.full((300, 8, 8, 3), 40, np.uint8)
    pixels[labels == 0, :4] = 200
    pixels[labels == 1, 4:] = 200
    how = replace(PLAIN, mean=(0.0,) * 3, std=(1.0,) * 3)

    def rule(x: Floats) -> Floats:  # was taught with pictures the other way up
        top, low = x[:, :, :4].mean((1, 2, 3)), x[:, :, 4:].mean((1, 2, 3))
        return np.stack([low - top, top - low], 1) * 9

    made = probe(RuleModel(rule, how, ("sky", "ground")), FakeTable(pixels, labels, ("sky", "ground")))
    assert made.findings[0].verdict == "confirmed"
    assert any(
        step.startswith("No setting in model.json does this: turn the pictures") for step in made.next_steps
    )


def test_a_model_trained_on_pictures_as_stored_shows_in_those_with_an_orientation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(240):
        label = ("left", "right")[i % 2]
        pixels = rng.integers(0, 60, (16, 16, 3)).astype(np.uint8)
        half = slice(0, 8) if label == "left" else slice(8, 16)
        pixels[:, half] += 150
        exif = Image.Exif()
        if i % 4 < 2:
            exif[0x0112] = 3
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / label / f"{i:03d}.jpg", exif=exif, quality=95)
    how = replace(PLAIN, size=(16, 16), mean=(0.0,) * 3, std=(1.0,) * 3)

    def rule(x: Floats) -> Floats:
        x = x.reshape(len(x), 3, 16, 16)
        left, right = x[..., :8].mean((1, 2, 3)), x[..., 8:].mean((1, 2, 3))
        return np.stack([left - right, right - left], 1) * 9

    model = RuleModel(rule, how, ("left", "right"))
    table: Any = open_images(tmp_path, classes=model.classes)
    assert len(orientations(table, np.arange(240))) == 120
    made = probe(model, table)
    assert made.findings[0].verdict == "confirmed"
    assert "EXIF orientation ignored" in made.findings[0].statement
    assert any("carry an EXIF orientation" in note for note in made.notes)


def test_a_model_that_takes_bytes_and_normalises_by_itself_is_left_alone() -> None:
    class Bytes(RuleModel):
        def raw_outputs(self, pixels: Any) -> Floats:
            swapped = preprocess.to_channels(pixels, self.preprocessing)
            return np.asarray(30 * swapped.astype(np.float32).mean((1, 2)) / 255, np.float32)

    made = probe(Bytes(lambda x: x, replace(PLAIN, mean=(0.5,) * 3)), coloured(600))
    assert made.findings[0].verdict == "refuted"
    assert "0 to 255" in next(note for note in made.notes if "make no difference" in note)


def test_a_model_that_failsight_did_not_open_is_probed_as_far_as_pixels_go() -> None:
    table, model = television_world(300)
    made = probe(model, table)
    check_evidence(made)
    assert any("can't be fed other numbers" in note for note in made.notes)
    swapped = FakeTable(table.pixels[..., ::-1].copy(), table.labels, table.classes)
    found = probe(model, swapped)
    assert found.findings[0].verdict == "confirmed" and "fed BGR" in found.findings[0].statement


def test_outputs_that_are_not_finite_count_as_wrong() -> None:
    rule = made_for(PLAIN)

    def breaks(x: Floats) -> Floats:
        return np.where(np.abs(x).max((1, 2, 3))[:, None] > 20, np.nan, rule(x))

    made = probe(RuleModel(breaks, PLAIN))
    assert made.findings[0].verdict != "confirmed"
    row = next(r for r in made.tables[0].rows if r[0] == "0 to 255")
    assert row[3] == 0


class Refusing(RuleModel):
    """Raises an error where a batch holds a picture whose first pixel is as given."""

    mark = (1, 2, 3)

    def scores(self, pixels: Any) -> Floats:
        if (pixels[:, 0, 0] == self.mark).all(1).any():
            raise ModelFails("ValueError: not this one", len(pixels))
        return super().scores(pixels)


def test_pictures_on_which_the_model_fails_are_left_out_and_counted() -> None:
    data = coloured(200)
    pixels = data.pixels.copy()
    pixels[::10, 0, 0] = Refusing.mark
    table = FakeTable(pixels, data.labels, CLASSES)
    true = replace(PLAIN, mean=(0.0,) * 3, std=(1.0,) * 3, scale=1.0)
    model = Refusing(made_for(true), replace(true, scale=1 / 255))
    view = FakeView({"data": table}, model)
    made = preprocessing_probe(view)
    assert made.findings[0].verdict == "confirmed"
    (told,) = [n for n in made.notes if "the model fails on it (ValueError: not this one)" in n]
    tested = int(told.split(" of ")[0].replace(",", ""))
    assert made.findings[0].n == pytest.approx(133 - tested, abs=2) and 5 < tested < 20
    again = preprocessing_probe(view)  # from what was kept
    assert (again.findings, again.notes) == (made.findings, made.notes)


def test_a_model_that_fails_when_it_is_fed_otherwise_is_not_right_so() -> None:
    class Strict(RuleModel):
        def scores(self, pixels: Any) -> Floats:
            if self.preprocessing.scale < 0 or self.preprocessing.scale == 1.0:
                raise ModelFails("ValueError: out of range", len(pixels))
            return super().scores(pixels)

    made = probe(Strict(made_for(PLAIN), PLAIN), coloured(600))
    assert made.findings[0].verdict == "refuted"
    assert next(r for r in made.tables[0].rows if r[0] == "negative")[3] == 0


def test_unreadable_pictures_are_left_out_and_listed() -> None:
    data = coloured(200)
    table = FakeTable(data.pixels, data.labels, CLASSES, bad=range(0, 200, 5))
    made = probe(declared(PLAIN), table)
    assert made.findings[0].n is not None and made.findings[0].n < 134
    assert any("cut short" in note for note in made.notes)


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (lambda: counted_view({"data": [[30, 2], [3, 40]]}), "predictions only"),
        (lambda: FakeView({"data": FakeTable(coloured(60).pixels, [-1] * 60, CLASSES)}, declared(PLAIN)), "no labels"),
        (lambda: FakeView({"data": coloured(20)}, declared(PLAIN)), "it takes 24"),
        (lambda: FakeView({"data": FakeTable(coloured(60).pixels, coloured(60).labels, CLASSES, bad=range(60))}, declared(PLAIN)), "can be read"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_sentence(view: Any, says: str) -> None:
    with pytest.raises(RetryError, match=says):
        preprocessing_probe(view())


def test_a_single_class_decides_nothing_false() -> None:
    data = coloured(90)
    table = FakeTable(data.pixels, [0] * 90, CLASSES)
    assert probe(declared(PLAIN), table).findings[0].verdict != "confirmed"


def test_the_same_call_twice_gives_the_same_and_scores_nothing_again() -> None:
    model = declared(replace(PLAIN, channels="BGR"), channels="RGB")
    view = FakeView({"data": coloured()}, model)
    first = preprocessing_probe(view)
    jobs = len(view.progress.jobs)
    assert all(done == total for _, total, done in view.progress.jobs)
    assert preprocessing_probe(view).to_dict() == first.to_dict()
    assert len(view.progress.jobs) == jobs


def test_the_variant_shares_the_weights_and_leaves_the_model_as_it_was() -> None:
    model = declared(PLAIN)
    other = with_preprocessing(model, replace(PLAIN, channels="BGR"))
    pixels = coloured(10).pixels
    assert other.rule is model.rule and other.fingerprint != model.fingerprint  # type: ignore[attr-defined]
    assert model.preprocessing == PLAIN
    assert np.allclose(other.scores(pixels), model.scores(pixels[..., ::-1]), atol=0.6)
    with pytest.raises(TypeError):
        with_preprocessing(television_world(30)[1], PLAIN)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    model: Any = declared(replace(PLAIN, channels="BGR"), channels="RGB")
    made = FakeCase(tmp_path / "case", {"data": coloured()}, model)
    yield made
    made.close()


def test_a_planner_calls_it_and_the_case_keeps_the_confirmed_finding(case: FakeCase) -> None:
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session

    planner = ScriptedPlanner([call("preprocessing_probe", max_images=200), "Done."])
    session = Session(case, planner=planner, policy="auto")
    list(session.say("is it fed correctly?"))
    (record,) = case.state().confirmed()
    assert record.finding.kind == "preprocessing" and "fed BGR" in record.finding.statement
    session.close()


def healthy(seed: int) -> Evidence:
    model = declared(replace(PLAIN, mean=(0.5,) * 3, std=(0.25,) * 3))
    return probe(model, coloured(240, seed, size=6), seed=seed, max_images=240)


@pytest.mark.slow
def test_healthy_models_are_confirmed_as_wrong_in_at_most_one_case_of_twenty() -> None:
    runs = 200
    false = sum(healthy(seed).findings[0].verdict == "confirmed" for seed in range(runs))
    assert wilson(false, runs)[0] <= 0.05
    assert false / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)


@pytest.fixture(scope="module")
def cifar() -> Any:
    from tests.conftest import SHARED

    model = open_model(SHARED / "models" / "cifar10_resnet20.safetensors", arch="cifar_resnet20")
    return model, open_images(SHARED / "cifar10" / "test", classes=model.classes)


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("said", "verdict", "words"),
    [
        ({}, "not confirmed", ""),
        ({"channels": "BGR"}, "confirmed", "fed RGB instead of the declared BGR"),
        ({"mean": (0.0,) * 3, "std": (1.0,) * 3}, "confirmed", "normalised with the mean and std of"),
        (
            {"scale": 1.0, "mean": (0.0,) * 3, "std": (1.0,) * 3},
            "confirmed",
            "normalised with the mean and std of",
        ),
    ],
)
def test_a_real_network_fed_wrongly_on_purpose(
    cifar: Any, said: dict[str, Any], verdict: str, words: str
) -> None:
    model, table = cifar
    fed = with_preprocessing(model, replace(model.preprocessing, **said))
    made = probe(fed, table, max_images=400)
    (finding,) = made.findings
    assert (finding.verdict == "confirmed") == (verdict == "confirmed")
    assert words in finding.statement


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("said", [{}, {"channels": "BGR"}, {"mean": (0.0,) * 3, "std": (1.0,) * 3}])
def test_the_demo_is_declared_right_and_a_wrong_declaration_is_seen(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    from importlib import resources

    from failsight.knowledge_base.cases.rooms import ROOMS
    from failsight.knowledge_base.cases.splits import make_world

    data = make_world(ROOMS, tmp_path, {"eval": 450})["eval"]
    weights = Path(
        str(resources.files("failsight.knowledge_base.cases") / "rooms_model" / "weights.safetensors")
    )
    model = open_model(weights)
    table: Any = open_images(data, classes=model.classes)
    made = probe(with_preprocessing(model, replace(model.preprocessing, **said)), table)
    assert (made.findings[0].verdict == "confirmed") == bool(said)
