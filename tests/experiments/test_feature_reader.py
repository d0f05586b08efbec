"""Features one by one: their values, where they come from, pictures that raise them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.experiments.attacks import NoGradient
from failsight.tools.experiments.feature_reader import (
    Reader,
    feature_model_print,
    features_of,
    raise_feature,
    reader_of,
    source_of,
)
from failsight.tools.registry import registry
from tests.experiments.feature_world import BLUE, CLASSES, RED, WHITE, case, colour_net, redness, rooms
from tests.fakes.view import FakeModel, FakeView


def reader(net: Any = None, size: int = 24) -> tuple[Reader, np.ndarray]:
    table = rooms(20, size=size, share=1.0)
    model = FakeModel(None, CLASSES, (size, size), module=net or colour_net())
    made = reader_of(model, table.pixels[:2])
    assert made is not None
    return made, table.pixels


def test_features_are_those_of_the_shared_pass() -> None:
    view = case(rooms(50))
    rows, values = view.features()
    made, _ = reader()
    # kept in half precision, like those that come with predictions
    assert made.of_pixels(view.table().pixels) == pytest.approx(values, rel=1e-3, abs=1e-5)
    assert rows.tolist() == list(range(50))
    assert values[:, RED] == pytest.approx(redness(view.table().pixels).mean((1, 2)), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("inplace", [False, True])
def test_the_map_of_a_feature_is_the_map_before_pooling(inplace: bool) -> None:
    made, pixels = reader(colour_net(inplace=inplace))
    maps = made.maps(pixels[:5], RED)
    assert maps is not None
    assert maps == pytest.approx(redness(pixels[:5]), abs=1e-5)
    white = made.maps(pixels[:5], WHITE)
    assert white is not None
    inside = pixels[:5, ::2, ::2].min(3) == 255
    assert (white[inside] > 0.5).all() and (white[~inside] == 0).all()


def test_where_features_are_not_averaged_maps_their_gradient_says_where() -> None:
    made, pixels = reader(colour_net(hidden=True, inplace=True))
    assert made.of_pixels(pixels)[:, RED] == pytest.approx(2 * redness(pixels).mean((1, 2)), abs=1e-5)
    maps = made.maps(pixels[:5], WHITE)
    assert maps is not None
    inside = pixels[:5, ::2, ::2].min(3) == 255
    assert maps[inside].min() > 0 and not maps[~inside].any()


def test_no_hook_is_left_behind_even_after_an_exception() -> None:
    made, pixels = reader()
    before = _hooks(made.module)
    made.maps(pixels[:3], RED)
    raise_feature(made, pixels[:2], RED, iterations=1)
    with pytest.raises((AttributeError, TypeError)):
        made.values("no tensor")
    with pytest.raises(IndexError):
        made.maps(pixels[:3], 99)
    assert _hooks(made.module) == before


def _hooks(module: Any) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


def test_the_attack_paints_the_picture_blue() -> None:
    """The gradient of blue is the same at every pixel that the strided convolution reads: these grow, nothing else."""
    made, pixels = reader()
    pixels = pixels[made.of_pixels(pixels)[:, BLUE] > 0.05]  # where there is none, there is no gradient
    raised = raise_feature(made, pixels[:4], BLUE, iterations=50)
    assert (raised.after > raised.before + 0.2).all()
    moved = raised.pixels.astype(int) - pixels[:4]
    assert not moved[:, 1::2].any() and not moved[:, :, 1::2].any()
    assert moved[..., 2].min() >= 0 and moved[..., :2].max() <= 0
    assert raised.after == pytest.approx(made.of_pixels(raised.pixels)[:, BLUE])


def test_a_small_radius_binds_and_a_step_is_as_long_as_it_says() -> None:
    made, pixels = reader()
    pixels = pixels[made.of_pixels(pixels)[:, BLUE] > 0.05]
    scale = 24 / 224
    one = raise_feature(made, pixels[:3], BLUE, step=50.0, radius=500, iterations=1)
    assert one.change == pytest.approx(
        np.full(3, 50 * scale), rel=0.35
    )  # less where values reach 255, more by rounding
    bound = raise_feature(made, pixels[:3], BLUE, step=10.0, radius=20.0, iterations=20)
    assert (bound.change <= 20 * scale * 1.05).all()
    far = raise_feature(made, pixels[:3], BLUE, step=10.0, radius=200.0, iterations=20)
    assert (far.after > bound.after).all()


def test_a_feature_without_gradient_stays() -> None:
    made, pixels = reader()
    dark = np.zeros_like(pixels[:2])
    raised = raise_feature(made, dark, WHITE, iterations=3)
    assert not raised.change.any() and not raised.after.any()


def test_what_can_not_be_read_is_none_or_said() -> None:
    import torch

    assert reader_of(FakeModel(lambda x: x.mean((1, 2))[:, :2], CLASSES, (24, 24)), rooms(2).pixels) is None
    scripted = torch.jit.script(colour_net())
    assert reader_of(FakeModel(None, CLASSES, (24, 24), module=scripted), rooms(2).pixels) is None

    class Cut(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x.mean((2, 3)).detach())

    flat = reader_of(FakeModel(None, CLASSES, (24, 24), module=Cut().eval()), rooms(2).pixels)
    assert flat is not None and flat.maps(rooms(2).pixels, 0) is None
    with pytest.raises(NoGradient):
        raise_feature(flat, rooms(2).pixels, 0, iterations=1)


def test_another_model_is_opened_read_once_and_named(tmp_path: Path) -> None:
    view = case(rooms(40, bad=(3,)))
    path = shipped(tmp_path / "room_features")
    source = source_of(view, str(path))
    assert (source.own, source.name, source.feature(7)) == (
        False,
        "room_features",
        "room_features feature #7",
    )
    rows, values = features_of(view, source, "data", np.arange(40))
    assert len(rows) == 39 and 3 not in rows and values.shape == (39, 128)
    jobs = len(view.progress.jobs)
    again = features_of(view, source, "data", np.arange(40))
    assert np.array_equal(again[1], values) and len(view.progress.jobs) == jobs


def test_the_cases_own_model_is_recognised_under_its_path(tmp_path: Path) -> None:
    from failsight.tools.inputs.models import open_model

    path = shipped(tmp_path / "room_features")
    view = FakeView({"data": rooms(4)}, open_model(path))
    assert source_of(view, str(path)).own and source_of(view, str(path)).model is view.model()


def test_a_file_that_changed_has_another_fingerprint(tmp_path: Path) -> None:
    path = shipped(tmp_path / "room_features")
    given = {"feature_model": str(path)}
    first = feature_model_print(given)
    assert first and first == feature_model_print(given)
    side = path.with_name("model.json")
    side.write_text(side.read_text().replace("0.25", "0.3"))
    assert feature_model_print(given) not in (first, "")
    assert feature_model_print({"feature_model": None}) == ""
    assert feature_model_print({"feature_model": str(tmp_path / "none.onnx")}) == ""
    assert all(
        registry()[name].outside is feature_model_print for name in ("explain_failures", "feature_attack")
    )


def shipped(folder: Path) -> Path:
    """An untrained feature network on disk."""
    import json

    import torch
    from safetensors.torch import save_file

    from failsight.tools.inputs.models.architectures import feature_net

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    save_file(feature_net(2).state_dict(), folder / "weights.safetensors")
    side = {
        "arch": "failsight.tools.inputs.models.architectures:feature_net",
        "input_size": [32, 32],
        "fit": "stretch",
        "mean": [0.5] * 3,
        "std": [0.25] * 3,
        "classes": list(CLASSES),
        "feature_layer": "features",
        "outputs": "logits",
    }
    (folder / "model.json").write_text(json.dumps(side))
    return folder / "weights.safetensors"


@pytest.mark.parametrize(
    "given", ["/no/such/file.onnx", "hub:owner/name", "https://x.org/m.onnx", "\x00", "."]
)
def test_a_model_that_is_not_here_is_said(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RetryError, match="feature_model"):
        source_of(case(rooms(10)), given)


def test_a_black_box_has_no_features_of_its_own() -> None:
    box = FakeView({"data": rooms(10)}, scores={"data": np.eye(2)[np.zeros(10, int)]})
    with pytest.raises(RetryError, match="feature_model"):
        source_of(box, None)
