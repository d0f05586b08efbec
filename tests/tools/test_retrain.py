"""retrain: a repair and its control arm, in every format; nothing that was given is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.history.record import read_record
from failsight.tools.inputs.base import Predictions
from failsight.tools.registry import registry
from failsight.tools.repair import side_by_side, training
from failsight.tools.repair.recipes import Recipe
from failsight.tools.repair.versions import open_version
from failsight.tools.repair.wrapped import WRAPPED, WrappedModel
from failsight.tools.retrain import retrain
from tests.fakes.view import FakeView
from tests.repair import square_world as world


@pytest.fixture
def view(tmp_path: Path) -> FakeView:
    return world.view(tmp_path)


def weights(view: FakeView, name: str) -> bytes:
    return next((view.folder / "repair").glob(f"R*/{name}/net.safetensors")).read_bytes()  # type: ignore[operator]


def test_labelled_pool_images_repair_the_finding_and_the_control_arm_does_not(
    view: FakeView, tmp_path: Path
) -> None:
    given, before = world.hashes(tmp_path / "given"), world.error(view, square=True)
    made = retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), budget=60, epochs=5)
    names = ["R1.1", "R1.c1", "R1.2", "R1.c2", "R1.3", "R1.c3"]
    assert [v.name for v in view.versions()] == names
    after = np.mean([world.error(view, n, square=True) for n in names[::2]])
    control = np.mean([world.error(view, n, square=True) for n in names[1::2]])
    assert before > 0.4
    assert after < before / 2
    assert control > after + 0.2
    assert world.hashes(tmp_path / "given") == given
    assert {p.name for p in (tmp_path / "case").iterdir()} <= {"repair", "retrain.svg"}
    assert made.corrections[0].status == "applied"
    assert made.corrections[0].strategy == "collect"
    assert made.fact("added_images", "repair R1").value == 60
    assert "verify_correction(repair=R1)" in made.next_steps[0]
    version = view.versions()[0]
    assert version.finding == "F1"
    assert len(version.data["pool"]["rows"]) == 60
    assert version.cost["labels"] == 60
    assert view.versions()[1].cost["labels"] == 0
    record = read_record(tmp_path / "case" / version.path / "history.csv")
    assert {"train_loss", "val_loss", "val_accuracy", "learning_rate"} <= set(record.curves)


def test_the_same_call_makes_the_same_weights_and_makes_them_once(tmp_path: Path) -> None:
    first, second = world.view(tmp_path / "a"), world.view(tmp_path / "b")
    for one in (first, second):
        retrain(one, finding="F1", strategy="cut_and_paste", epochs=2, seeds=1)
    assert weights(first, "R1.1") == weights(second, "R1.1")
    assert weights(first, "R1.1") != weights(first, "R1.c1")
    stamp = (tmp_path / "a/case/repair/R1/R1.1/net.safetensors").stat().st_mtime_ns
    retrain(first, finding="F1", strategy="cut_and_paste", epochs=2, seeds=1)
    assert [v.name for v in first.versions()] == ["R1.1", "R1.c1"]
    assert (tmp_path / "a/case/repair/R1/R1.1/net.safetensors").stat().st_mtime_ns == stamp
    retrain(first, finding="F1", strategy="feature_specific", epochs=1, seeds=1)
    assert [v.repair for v in first.versions()][-1] == "R2"


def test_the_weights_are_the_same_on_any_number_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = {}
    for count in (1, 2, 4):
        monkeypatch.setattr(side_by_side, "cores", lambda count=count: count)
        views[count] = world.view(tmp_path / str(count))
        retrain(views[count], finding="F1", strategy="cut_and_paste", epochs=2, seeds=2)
    assert side_by_side.small(views[1].model(), Recipe())  # type: ignore[arg-type]
    for name in ("R1.1", "R1.c1", "R1.2", "R1.c2"):
        assert weights(views[1], name) == weights(views[2], name) == weights(views[4], name)


class Stopping:
    """Progress that is cancelled after so many steps of training."""

    def __init__(self, after: int) -> None:
        self.left = after

    @contextmanager
    def job(self, label: str, total: int) -> Iterator[Any]:
        yield self if label == "training the versions" else type("T", (), {"advance": lambda *_: None})()

    def advance(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [9, pytest.param(20, marks=pytest.mark.slow)])
def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path: Path, after: int) -> None:
    whole, broken = world.view(tmp_path / "a"), world.view(tmp_path / "b")
    asked = {"finding": "F1", "data": str(tmp_path / "a" / "pool.csv"), "budget": 20, "epochs": 4, "seeds": 1}
    retrain(whole, **asked)
    calm, broken.progress = broken.progress, Stopping(after)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        retrain(broken, **{**asked, "data": str(tmp_path / "b" / "pool.csv")})
    assert len(broken.versions()) == (after > 14)
    broken.progress = calm
    made = retrain(broken, **{**asked, "data": str(tmp_path / "b" / "pool.csv")})
    for name in ("R1.1", "R1.c1"):
        assert weights(broken, name) == weights(whole, name)
    assert any("interrupted" in n for n in made.notes)
    assert not list((tmp_path / "b").rglob("*.state*"))


def test_a_damaged_checkpoint_is_not_believed(tmp_path: Path) -> None:
    whole, broken = world.view(tmp_path / "a"), world.view(tmp_path / "b")
    for one in (whole, broken):
        if one is broken:
            place = one.workspace("R1")
            (place / "R1.1.training.state").write_bytes(b"not a checkpoint")
        retrain(one, finding="F1", strategy="cut_and_paste", epochs=1, seeds=1)
    assert weights(broken, "R1.1") == weights(whole, "R1.1")


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("format", "recipe"),
    [
        ("safetensors", "last_layer"),
        ("state", "full"),
        ("torchscript", "full"),
        ("torch_export", "last_layer"),
        pytest.param("safetensors", "full", marks=SLOW),
        pytest.param("state", "last_layer", marks=SLOW),
        pytest.param("torchscript", "last_layer", marks=SLOW),
        pytest.param("torch_export", "full", marks=SLOW),
        pytest.param("python", "full", marks=SLOW),
        pytest.param("python", "last_layer", marks=SLOW),
    ],
)
def test_versions_have_the_format_of_the_model(tmp_path: Path, format: str, recipe: str) -> None:
    view = world.view(tmp_path, format)
    given = world.hashes(tmp_path / "given")
    kept = view.predictions().scores.copy()
    epochs = 3 if recipe == "full" else 15
    retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), epochs=epochs, seeds=1, recipe=recipe)
    assert world.hashes(tmp_path / "given") == given
    assert np.array_equal(view.predictions().scores, kept)  # the model in memory is not trained either
    made = view.versions()[0]
    assert made.path == "repair/R1/R1.1"
    model = open_version(view.folder, made, view.model(), trust_code=True)  # type: ignore[arg-type]
    assert model.classes == world.CLASSES
    assert model.preprocessing == view.model().preprocessing
    if format != "python":
        assert model.format == view.model().format
    scores = model.scores(view.table("data").pixels)
    assert not np.allclose(scores, kept, atol=1e-3)
    wrong = (scores.argmax(1) != view.table("data").labels).mean()
    assert wrong < (kept.argmax(1) != view.table("data").labels).mean()


def test_a_transformers_folder_comes_out_as_one(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    import torch

    from failsight.tools.inputs import open_model

    torch.manual_seed(0)
    settings = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic",
                                         id2label={0: "red", 1: "blue"}, label2id={"red": 0, "blue": 1})  # fmt: skip
    folder = tmp_path / "resnet"
    transformers.ResNetForImageClassification(settings).save_pretrained(folder)
    transformers.ConvNextImageProcessor(size={"shortest_edge": world.SIDE}, crop_pct=1.0).save_pretrained(
        folder
    )
    base = world.view(tmp_path)
    view = FakeView(base._tables, open_model(folder), folder=tmp_path / "case")  # type: ignore[arg-type]
    view.stated = [("F1", world.FINDING)]
    given = world.hashes(folder)
    for recipe in ("full", "last_layer"):
        retrain(view, finding="F1", strategy="cut_and_paste", epochs=1, seeds=1, recipe=recipe)
    assert world.hashes(folder) == given
    assert [v.name for v in view.versions()] == ["R1.1", "R1.c1", "R2.1", "R2.c1"]
    for version in view.versions():
        assert view.version(version.name).model().format == "transformers"
        assert (tmp_path / "case" / version.path / "preprocessor_config.json").is_file()
        assert world.error(view, version.name) <= 1


@pytest.mark.parametrize("recipe", ["full", pytest.param("last_layer", marks=pytest.mark.slow)])
def test_an_onnx_model_gets_a_new_last_layer_around_it(tmp_path: Path, recipe: str) -> None:
    view = world.view(tmp_path, "onnx")
    given, before = world.hashes(tmp_path / "given"), world.error(view, square=True)
    made = retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), seeds=1, recipe=recipe)
    assert world.hashes(tmp_path / "given") == given
    model = view.version("R1.1").model()
    assert isinstance(model, WrappedModel)
    assert model.facts["reads"] == "features"
    assert world.error(view, "R1.1", square=True) < before / 2
    assert any("ONNX" in n for n in made.notes)
    assert model.torch_module() is None


def test_a_model_whose_features_can_t_be_read_gets_a_layer_over_its_scores(tmp_path: Path) -> None:
    base = world.view(tmp_path)
    from tests.fakes.view import FakeModel

    inner = base.model()
    view = FakeView(base._tables, FakeModel(lambda x: inner.scores((x * 255).astype(np.uint8)), world.CLASSES, (world.SIDE, world.SIDE)),
                    folder=tmp_path / "case")  # type: ignore[arg-type]  # fmt: skip
    view.stated = base.stated
    retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), seeds=1)
    assert view.version("R1.1").model().facts["reads"] == "log_scores"  # type: ignore[attr-defined]


def test_a_black_box_gets_an_export(tmp_path: Path) -> None:
    base = world.view(tmp_path)
    scores = {"data": np.full((120, 2), 0.5)}
    view = FakeView(base._tables, None, scores, folder=tmp_path / "case")  # type: ignore[arg-type]
    view.stated = base.stated
    made = retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), budget=10)
    folder = tmp_path / "case/repair/R1/export"
    lines = (folder / "images.csv").read_text().splitlines()
    assert lines[0] == "path,label,weight,origin"
    assert len(lines) == 1 + 160 + 10
    assert np.mean([float(line.split(",")[2]) for line in lines[1:]]) == pytest.approx(1, abs=1e-3)
    compile((folder / "train.py").read_text(), "train.py", "exec")
    assert "Control arm" in (folder / "README.md").read_text()
    assert made.corrections[0].status == "approved"
    assert not view.versions()
    assert "Nothing was trained" in made.summary


def test_every_strategy_that_trains_makes_a_pair_of_arms(tmp_path: Path) -> None:
    view = world.view(tmp_path)
    table = view.table("train")
    square = list(table.columns["square"])
    for i in (0, 1, 2, 80, 81, 82):  # a few pictures break the tie, so that there are groups to balance
        square[i] = "no" if square[i] == "yes" else "yes"
    table.columns = {"square": square}
    table.boxes = [b if s == "yes" else {} for b, s in zip(table.boxes, square, strict=True)]  # type: ignore[arg-type]
    world.write_labels(tmp_path / "labels.csv", table.paths[:2], ["blue", "blue"])
    names = ["feature_specific", "cut_and_paste", "rebalance", "group_balance", "loss_weighting", "last_layer",
             "robust_loss", "regularise", "freeze", "relabel"]  # fmt: skip
    for name in names:
        data = str(tmp_path / "labels.csv") if name == "relabel" else None
        made = retrain(view, finding="F1", strategy=name, data=data, epochs=1, seeds=1)
        assert made.corrections[0].strategy == name
    assert [v.strategy for v in view.versions()] == [n for n in names for _ in range(2)]
    prints = [v.fingerprint for v in view.versions()]
    assert len(set(prints[::2])) == len(names) - 1  # with a slice, rebalancing is balancing its groups
    dro = retrain(view, finding="F1", strategy="loss_weighting", recipe="group_dro", epochs=1, seeds=1)
    assert "group DRO" in dro.summary


def test_relabelling_nothing_makes_two_equal_arms(view: FakeView, tmp_path: Path) -> None:
    table = view.table("train")
    world.write_labels(tmp_path / "same.csv", table.paths[:3], ["red"] * 3)
    made = retrain(view, finding="F1", strategy="relabel", data=str(tmp_path / "same.csv"), epochs=1, seeds=1)
    assert weights(view, "R1.1") == weights(view, "R1.c1")
    assert any("No label changed" in n for n in made.notes)


def test_labels_that_people_corrected_in_the_case_are_found(view: FakeView) -> None:
    with pytest.raises(RetryError, match="failsight labels"):
        retrain(view, finding="F1", strategy="relabel")
    assert not (view.folder / "repair" / "R1").exists()  # type: ignore[operator]
    root = view.workspace("R1").parent
    world.write_labels(
        root / "labels-train.csv", view.table("train").paths, ["blue"] * 3 + ["red"] * 77 + ["blue"] * 80
    )
    made = retrain(view, finding="F1", strategy="relabel", epochs=1, seeds=1)
    assert made.fact("relabelled_images", "repair R1").value == 3
    assert view.versions()[0].data["relabelled"] == [[0, 1, 3]]  # three of class 0 were of class 1


def test_labels_of_pool_images_that_lie_in_the_case_are_added_unasked(view: FakeView, tmp_path: Path) -> None:
    root = view.workspace("R1").parent
    (root / "labels-pool.csv").write_bytes((tmp_path / "pool.csv").read_bytes())
    made = retrain(view, finding="F1", epochs=1, seeds=1)
    assert made.corrections[0].strategy == "collect"


def test_without_anything_to_add_the_cue_is_pasted(view: FakeView) -> None:
    made = retrain(view, finding="F1", epochs=6, seeds=1)
    assert made.corrections[0].strategy == "cut_and_paste"
    assert world.error(view, "R1.1", square=True) < world.error(view, "", square=True)


def test_the_control_may_add_other_images_of_the_same_source(view: FakeView, tmp_path: Path) -> None:
    asked = {
        "finding": "F1",
        "data": str(tmp_path / "pool.csv"),
        "epochs": 1,
        "seeds": 1,
        "control": "random",
    }
    with pytest.raises(RetryError, match="smaller budget"):
        retrain(view, **asked)
    retrain(view, **asked, budget=30)
    assert len(view.versions()[1].data["pool"]["rows"]) == 30
    assert view.versions()[1].cost["labels"] == 30


def test_evaluation_images_never_train(view: FakeView, tmp_path: Path) -> None:
    path = world.write_labels(tmp_path / "eval.csv", view.table("data").paths, ["red"] * 120)
    with pytest.raises(RetryError, match="evaluation images"):
        retrain(view, finding="F1", data=str(path))
    path = world.write_labels(tmp_path / "train.csv", view.table("train").paths, ["red"] * 160)
    with pytest.raises(RetryError, match="relabel"):
        retrain(view, finding="F1", data=str(path))
    assert not view.versions()


def test_half_of_labelled_deployment_images_train_and_say_so(view: FakeView) -> None:
    view._tables["deploy"] = world.pictures(20, 9, tied=False)
    retrain(view, finding="F1", data="deploy", epochs=1, seeds=1)
    rows = view.versions()[0].data["deploy"]["rows"]
    assert len(rows) == 20
    assert len(set(rows)) == 20


def test_pictures_may_be_made_to_look_like_deployment(view: FakeView) -> None:
    dark = world.pictures(20, 9, tied=False)
    dark.pixels = (dark.pixels * 0.4).astype(np.uint8)
    view._tables["deploy"] = dark
    view.stated = [
        (
            "F1",
            Finding("distribution_shift", "robustness", "data_statistics", "dark there", verdict="confirmed"),
        )
    ]
    made = retrain(view, finding="F1", epochs=1, seeds=1)
    assert made.corrections[0].strategy == "typical_augmentation"
    assert 0 < len(view.versions()[0].data["deploy"]["rows"]) <= 10


def test_a_folder_of_further_images_is_added(view: FakeView, tmp_path: Path) -> None:
    extra = world.pictures(10, 7, tied=False)
    rows = []
    for i in range(len(extra)):
        extra.open(i).save(tmp_path / f"x{i}.png")
        rows.append((f"x{i}.png", world.CLASSES[int(extra.labels[i])]))
    (tmp_path / "manifest.csv").write_text(
        "path,label,square,origin,repair_of\n"
        + "".join(
            f"{p},{c},{s},composed,a.png\n" for (p, c), s in zip(rows, extra.columns["square"], strict=True)
        )
    )
    made = retrain(
        view, finding="F1", strategy="generate", data=str(tmp_path / "manifest.csv"), epochs=1, seeds=1
    )
    assert made.fact("added_images", "repair R1").value == 20
    assert view.versions()[0].data["added"]["rows"] == 20


def test_too_little_memory_means_smaller_pieces_and_is_told(
    view: FakeView, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = training.Trainer._try, []

    def tight(self: training.Trainer, pictures: Any, *rest: Any) -> Any:
        if self.micro > 12:
            refused.append(self.micro)
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return real(self, pictures, *rest)

    monkeypatch.setattr(training.Trainer, "_try", tight)
    made = retrain(view, finding="F1", strategy="cut_and_paste", epochs=1, seeds=1)
    assert refused[:2] == [48, 24]
    assert any("Memory ran out" in n and "12 images" in n for n in made.notes)


def test_a_loss_that_is_no_number_is_an_error_of_its_own(
    view: FakeView, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(
        training, "log_scores", lambda model, out: torch.full((len(out), 2), float("nan"), requires_grad=True)
    )
    with pytest.raises(RetryError, match="diverged"):
        retrain(view, finding="F1", strategy="cut_and_paste", epochs=1, seeds=1)


def test_a_temperature_leaves_the_answers_and_lowers_the_confidence(tmp_path: Path) -> None:
    view = world.view(tmp_path)
    view.stated = [
        (
            "F1",
            Finding("overconfidence", "correctness", "training_parameter", "too sure", verdict="confirmed"),
        )
    ]
    made = retrain(view, finding="F1")
    before, after = view.predictions(), view.version("R1.1").predictions()
    assert np.array_equal(before.predicted, after.predicted)
    assert after.confidence.mean() < before.confidence.mean()
    assert np.allclose(view.version("R1.c1").predictions().scores, before.scores, atol=1e-4)
    assert made.fact("temperature", "repair R1").value > 1
    used = view.versions()[0].data["data"]["rows"]
    assert len(used) == 60
    assert {tuple(v.data["data"]["rows"]) for v in view.versions()} == {tuple(used)}


def test_deferral_tells_what_is_left_and_how_often_it_is_wrong(tmp_path: Path) -> None:
    view = world.view(tmp_path)
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 120).astype(np.float32)
    labels = np.where(rng.random(120) < sure, 0, 1)
    scores = np.stack([sure, 1 - sure], 1)
    view.predictions = lambda split="data": Predictions("data", world.CLASSES, np.arange(120), labels, scores)  # type: ignore[method-assign, assignment]
    made = retrain(view, finding="F1", strategy="defer")
    of = "repair R1"
    assert 0 < made.fact("coverage", of).value < 1  # type: ignore[operator]
    assert made.fact("error_rate", of).value < made.fact("control_error_rate", of).value  # type: ignore[operator]
    model = view.version("R1.1").model()
    assert isinstance(model, WrappedModel)
    assert model.defers(scores).tolist() == (sure < model.threshold).tolist()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"finding": "F9"}, "no finding"),
        ({}, "finding is to be repaired"),
        ({"finding": "F1", "strategy": "magic"}, "no strategy"),
        ({"finding": "F1", "strategy": "larger_model"}, "own code"),
        ({"finding": "F1", "strategy": "collect"}, "no labelled images"),
        ({"finding": "F1", "strategy": "generate"}, "generate_repair_data"),
        ({"finding": "F1", "strategy": "rebalance"}, ""),
    ],
)
def test_what_can_t_be_done_is_said(view: FakeView, asked: dict[str, Any], told: str) -> None:
    if asked.get("strategy") == "rebalance":
        view.stated = [("F1", replace(world.FINDING, slice={"elsewhere": "yes"}))]
        told = "not known"
    with pytest.raises(RetryError, match=told):
        retrain(view, **asked)
    assert not view.versions()


def test_files_that_can_t_be_read_are_the_persons_business(view: FakeView, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    world.write_labels(tmp_path / "none.csv", view.table("pool").paths, ["dog"] * 120)
    for name in ("absent.csv", "empty.csv", "odd.csv", "none.csv"):
        with pytest.raises(UserError):
            retrain(view, finding="F1", data=str(tmp_path / name))


def test_without_training_images_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    view = world.view(tmp_path)
    del view._tables["train"]
    with pytest.raises(RetryError, match="no training images"):
        retrain(view, finding="F1", data=str(tmp_path / "pool.csv"))


def test_unreadable_pictures_are_left_out_and_told(view: FakeView, tmp_path: Path) -> None:
    view.table("train").bad = {0, 5}
    made = retrain(view, finding="F1", strategy="cut_and_paste", epochs=1, seeds=1)
    assert made.fact("training_images", "repair R1").value == 158
    assert any("2 training images" in n for n in made.notes)


@pytest.mark.parametrize("content", ["", "[]", '{"kind": "magic"}', '{"kind": "head", "reads": "features", "classes": ["a"]}',
                                     '{"kind": "temperature", "temperature": -1}', '{"kind": "temperature", "temperature": 1, "base": "other"}'])  # fmt: skip
def test_a_damaged_wrapped_version_is_refused(view: FakeView, tmp_path: Path, content: str) -> None:
    from failsight.tools.repair.wrapped import open_wrapped

    (tmp_path / WRAPPED).write_text(content)
    with pytest.raises(UserError, match=r"version\.json"):
        open_wrapped(tmp_path, view.model())  # type: ignore[arg-type]


def test_the_tool_waits_for_a_person_and_heeds_the_file_of_labels(tmp_path: Path) -> None:
    spec = registry()["retrain"]
    assert spec.writes
    assert spec.outside is not None
    path = world.write_labels(tmp_path / "x.csv", ["a"], ["red"])
    first = spec.outside({"data": str(path)})
    world.write_labels(path, ["a"], ["blue"])
    assert spec.outside({"data": str(path)}) != first
    assert spec.outside({"data": None}) == ""


def test_evidence_survives_the_journal(view: FakeView) -> None:
    from failsight.tools.evidence import evidence_from_dict

    made = retrain(view, finding="F1", strategy="cut_and_paste", epochs=1, seeds=1)
    assert isinstance(made, Evidence)
    assert evidence_from_dict(made.to_dict()).to_dict() == made.to_dict()
    assert "<svg" in (view.folder / made.figures[0].path).read_text()  # type: ignore[operator]


class Clipped:
    """A network whose scores are clipped, as RoomNet's are."""

    @staticmethod
    def save(folder: Path, clipped: bool) -> Path:
        import torch

        class Program(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = world.network()

            def forward(self, x: Any) -> Any:
                made = self.net(x)
                return torch.nn.functional.relu6(made) if clipped else made

        path = world.save(folder, "torchscript")
        torch.jit.trace(Program().eval(), torch.zeros(2, 3, world.SIDE, world.SIDE)).save(str(path))  # type: ignore[no-untyped-call]
        return path


@pytest.mark.parametrize("clipped", [False, True])
def test_the_last_layer_of_a_program_is_fitted_from_what_it_reads(tmp_path: Path, clipped: bool) -> None:
    from failsight.tools.inputs import open_model
    from failsight.tools.repair.script_features import script_head

    view = world.view(tmp_path, "torchscript")
    view._model = open_model(Clipped.save(tmp_path / "program", clipped))
    head = script_head(view.model())
    assert head is not None and head.plain is not clipped
    raw = view.model().raw_outputs(view.table("data").pixels)  # type: ignore[attr-defined]
    own = head.read(view.table("data").pixels) @ head.weight.numpy().T + head.bias.numpy()  # type: ignore[union-attr]
    assert np.allclose(np.clip(own, 0, 6) if clipped else own, raw, atol=1e-4)
    made = retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), recipe="last_layer")
    assert any("a new last layer is put around" in n for n in made.notes) is clipped
    version = open_version(view.folder, view.versions()[0], view.model())  # type: ignore[arg-type]
    assert version.format == ("wrapped" if clipped else "torchscript")
    assert world.error(view, "R1.1", square=True) < world.error(view, "R1.c1", square=True)


def test_what_a_new_last_layer_reads_is_read_once_for_all_versions(tmp_path: Path) -> None:
    from failsight.tools.inputs import open_model
    from failsight.tools.repair.wrapped import answered

    view = world.view(tmp_path, "torchscript")
    view._model = open_model(Clipped.save(tmp_path / "program", True))
    retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), recipe="last_layer", seeds=2)
    read: list[int] = []
    for version in view.versions():
        model = open_version(view.folder, version, view.model())  # type: ignore[arg-type]
        assert isinstance(model, WrappedModel)
        real = model.read
        model.read = lambda pixels, real=real: (read.append(len(pixels)), real(pixels))[1]  # type: ignore[method-assign]
        made = answered(view, model, "data")  # type: ignore[arg-type]
        assert np.allclose(made.scores, model.scores(view.table("data").pixels[made.rows]), atol=1e-5)
    assert sum(read) == len(view.table("data"))
