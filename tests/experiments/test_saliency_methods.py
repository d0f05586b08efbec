"""Explainers of every kind on networks whose maps are known, against captum, and on five real architectures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.experiments.explainers import (
    EXPLAINERS,
    Lens,
    Method,
    Target,
    choose,
    explain,
    grad_cam,
    layer_cam,
    lens_of,
    lens_problem,
    occlusion,
)
from failsight.tools.experiments.saliency_gradients import fold, integrated_gradients, smoothgrad, tuned
from failsight.tools.experiments.saliency_layers import Grid, find_token_layer, grid_of
from failsight.tools.experiments.saliency_masks import random_masks, rise
from tests.experiments.nets import lamp_net, net_case
from tests.experiments.scenes import SIDE, case, scene
from tests.fakes.view import FakeModel, FakeView

DAY = Target(np.zeros(3, int))
SIZE = 32
TINY = {"image_size": SIZE, "num_labels": 3}
WIDE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "patch_size": 4,
}


def architecture(name: str) -> Any:
    """A tiny network with random weights, as the transformers library builds it."""
    import torch
    import transformers as tf

    torch.manual_seed(0)
    match name:
        case "vit":
            net = tf.ViTForImageClassification(tf.ViTConfig(**TINY, **WIDE))
        case "deit":
            net = tf.DeiTForImageClassification(tf.DeiTConfig(**TINY, **WIDE))
        case "swin":
            swin = {"embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4, "patch_size": 2}
            net = tf.SwinForImageClassification(tf.SwinConfig(**TINY, **swin))
        case "convnext":
            wide = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2, "patch_size": 4}
            net = tf.ConvNextForImageClassification(tf.ConvNextConfig(num_labels=3, **wide))
        case _:
            wide = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
            net = tf.ResNetForImageClassification(tf.ResNetConfig(num_labels=3, **wide))
    return logits_only(net.eval())


def logits_only(net: Any) -> Any:
    """The network as a module that gives the logits tensor."""
    import torch

    class LogitsOnly(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = net

        def forward(self, pixels: Any) -> Any:
            return self.model(pixel_values=pixels).logits

    return LogitsOnly().eval()


def model_of(net: Any) -> FakeModel:
    return FakeModel(None, ("a", "b", "c"), (SIZE, SIZE), module=net)


def pictures(n: int = 3, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (n, size, size, 3)).astype(np.uint8)


def hooks(module: Any) -> int:
    return sum(len(m._forward_hooks) + len(m._backward_hooks) for m in module.modules())


@pytest.mark.parametrize(
    ("name", "layer", "grid", "cam"),
    [
        ("vit", "model.vit.layers.1.layernorm_before", Grid(1, 8, 8), False),
        ("deit", "model.deit.layers.1.layernorm_before", Grid(2, 8, 8), False),
        ("swin", "model.swin.layernorm", Grid(0, 8, 8), True),
        ("convnext", "model.convnext.encoder.stages.1", None, False),
        ("resnet", "model.resnet.encoder.stages.1", None, True),
    ],
)
def test_the_target_layer_of_five_architectures(name: str, layer: str, grid: Grid | None, cam: bool) -> None:
    net = architecture(name)
    lens = lens_of(model_of(net))
    assert (lens.layer, lens.grid, lens.head is not None) == (layer, grid, cam)
    assert choose(lens) == "grad_cam"
    side = (4, 4) if grid is None else (8, 8)
    for method in ("grad_cam", "layer_cam"):
        maps = explain(lens, method, pictures(), DAY)
        assert maps.shape == (3, *side)
        assert np.isfinite(maps).all()
        assert maps.min() >= 0
    assert max(explain(lens, "layer_cam", pictures(), Target(np.full(3, c)))[0].max() for c in range(3)) > 0
    assert hooks(net) == 0


def test_a_cam_over_swin_tokens_is_grad_cam_up_to_the_number_of_patches() -> None:
    lens = lens_of(model_of(architecture("swin")))
    full = grad_cam(replace(lens, head=None), pictures(), DAY)
    np.testing.assert_allclose(full * 64, grad_cam(lens, pictures(), DAY), rtol=1e-4, atol=1e-6)


def test_tokens_go_back_to_their_places() -> None:
    """Only the patch in row 1, column 6 differs from the others: the tokens that change most lie there."""
    import torch

    net = architecture("vit")
    lens = lens_of(model_of(net))
    grid = lens.grid
    assert grid is not None
    seen: list[Any] = []
    handle = net.model.vit.layers[0].layernorm_before.register_forward_hook(lambda *a: seen.append(a[2]))
    flat = np.full((2, SIZE, SIZE, 3), 100, np.uint8)
    flat[1, 4:8, 24:28] = 255
    with torch.no_grad():
        net(lens.normalise(flat))
    handle.remove()
    change = grid.maps(seen[0]).diff(dim=0).abs().sum((0, 1))
    assert divmod(int(change.argmax()), 8) == (1, 6)
    assert int((change > 1e-5).sum()) == 1


@pytest.mark.parametrize(
    ("tokens", "patches", "grid"),
    [
        (65, (8, 8), Grid(1, 8, 8)),
        (66, (8, 8), Grid(2, 8, 8)),
        (29, (4, 6), Grid(5, 4, 6)),  # registers, and a picture that is not square
        (12, (8, 6), Grid(0, 4, 3)),
        (49, (28, 28), Grid(0, 7, 7)),
        (50, None, Grid(1, 7, 7)),
        (49, None, Grid(0, 7, 7)),
        (13, (8, 8), None),
        (2, None, None),
    ],
)
def test_grids_with_and_without_class_token(tokens: int, patches: Any, grid: Grid | None) -> None:
    assert grid_of(tokens, patches) == grid


@pytest.mark.parametrize("name", ["vit", "deit"])
def test_rollout_by_hand(name: str) -> None:
    """Rollout of the attentions that the library itself reports."""
    import torch

    net = architecture(name)
    lens = lens_of(model_of(net))
    maps = explain(lens, "rollout", pictures(), DAY)
    net.model.set_attn_implementation("eager")
    with torch.no_grad():
        given = net.model(lens.normalise(pictures()), output_attentions=True).attentions
    flow = torch.eye(given[0].shape[-1])
    for attention in given:
        flow = (0.5 * attention.mean(1) + 0.5 * torch.eye(len(flow[0]))) @ flow
    assert lens.grid is not None
    np.testing.assert_allclose(maps.reshape(3, -1), flow[:, 0, lens.grid.prefix :].numpy(), atol=1e-6)
    other = explain(lens, "rollout", pictures(), Target(np.ones(3, int)))
    np.testing.assert_array_equal(maps, other)  # it knows no class
    np.testing.assert_allclose(
        explain(lens, "rollout", pictures(), DAY), maps, atol=1e-6
    )  # eager attention too


def test_attention_gradients_know_the_class_and_leave_no_trace() -> None:
    import torch

    net = architecture("vit")
    lens = lens_of(model_of(net))
    maps = [explain(lens, "attention_gradient", pictures(), Target(np.full(3, c))) for c in (0, 1)]
    assert maps[0].shape == (3, 8, 8)
    assert maps[0].min() >= 0
    assert not np.allclose(maps[0], maps[1])
    assert all(p.grad is None for p in net.parameters())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("method", ["rollout", "attention_gradient"])
def test_attention_maps_need_a_class_token(method: Method) -> None:
    lens = lens_of(model_of(architecture("swin")))
    assert "class token" in str(lens_problem(lens, method))
    with pytest.raises(RetryError, match="class token"):
        explain(lens, method, pictures(), DAY)


def test_what_a_model_allows_is_known_beforehand() -> None:
    black = lens_of(case().model())
    able = [m for m in EXPLAINERS if lens_problem(black, m) is None]
    assert able == ["occlusion", "rise"]
    conv = lens_of(net_case(lamp_net()).model())
    assert [m for m in EXPLAINERS if lens_problem(conv, m) is not None] == ["rollout", "attention_gradient"]


def test_layer_cam_by_hand() -> None:
    """The head's gradient is positive everywhere on map 0, so that Layer-CAM is the map itself times the weight."""
    lens = lens_of(net_case(lamp_net(flat=True)).model())
    pixels = scene(3).pixels
    expected = np.maximum(pixels[:, ::2, ::2].mean(3) / 255 - 0.5, 0)
    made = layer_cam(lens, pixels, DAY)
    np.testing.assert_allclose(made / made.max(), expected / expected.max(), atol=1e-5)


def test_integrated_gradients_are_complete_and_exact_for_a_linear_model() -> None:
    import torch

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIZE * SIZE, 2)).eval()
    lens = lens_of(FakeModel(None, ("a", "b"), (SIZE, SIZE), module=net))
    pixels = pictures()
    made = integrated_gradients(lens, pixels, DAY)
    flat = np.rint(pixels.mean((1, 2), keepdims=True)).astype(np.uint8) + np.zeros_like(pixels)
    weight = net[1].weight[0].detach().numpy().reshape(3, SIZE, SIZE).transpose(1, 2, 0)
    expected = ((pixels.astype(float) - flat) / 255 * weight).sum(3)
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet", "convnext", "vit"])
def test_the_faster_copy_gives_the_same_maps(name: str) -> None:
    lens = lens_of(model_of(stirred(architecture(name))))
    fast = tuned(lens)
    assert fast.module is not lens.module
    assert fast.stem is not None
    pixels = pictures()
    for method in (integrated_gradients, smoothgrad, occlusion):
        plain, quick = method(lens, pixels, DAY), method(fast, pixels, DAY)
        np.testing.assert_allclose(quick, plain, atol=2e-7 + 2e-4 * np.abs(plain).max())


def test_the_faster_copy_of_a_replayed_script_gives_the_same_maps() -> None:
    import torch

    from failsight.tools.inputs.models.replay import Replay, replay

    torch.manual_seed(0)
    parts: list[Any] = []
    for before, after in ((3, 6), (6, 8)):
        parts += [torch.nn.Conv2d(before, after, 3, padding=1), torch.nn.ReLU6(), torch.nn.AvgPool2d(3, 1)]
        parts += [torch.nn.BatchNorm2d(after)]
    net = torch.nn.Sequential(
        *parts, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    pixels = pictures()
    example = torch.zeros(1, 3, *pixels.shape[1:3])
    made = replay(torch.jit.script(stirred(net).eval()), example)
    lens = lens_of(model_of(made))
    kept = {k: v.clone() for k, v in lens.module.state_dict().items()}  # type: ignore[union-attr]
    fast = tuned(lens)
    assert isinstance(fast.module, Replay)
    assert fast.module is not lens.module
    for method in (integrated_gradients, smoothgrad, occlusion):
        plain, quick = method(lens, pixels, DAY), method(fast, pixels, DAY)
        np.testing.assert_allclose(quick, plain, atol=2e-7 + 2e-4 * np.abs(plain).max())
    assert all(torch.equal(v, lens.module.state_dict()[k]) for k, v in kept.items())  # type: ignore[union-attr]


def stirred(net: Any) -> Any:
    """Batch norms whose statistics are not the identity."""
    import torch

    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 2)
    return net


def test_integrated_gradients_sum_to_the_difference_of_the_outputs() -> None:
    lens = tuned(lens_of(model_of(stirred(architecture("resnet")))))
    pixels = pictures()
    flat = np.rint(pixels.mean((1, 2), keepdims=True)).astype(np.uint8) + np.zeros_like(pixels)
    made = integrated_gradients(lens, pixels, DAY, steps=200)
    import torch

    with torch.inference_mode():
        rise_ = (lens.module(lens.normalise(pixels)) - lens.module(lens.normalise(flat)))[:, 0]  # type: ignore[misc]
    np.testing.assert_allclose(made.sum((1, 2)), rise_, atol=2e-3)


def few_masks(lens: Lens, pixels: Any, target: Target) -> Any:
    return rise(lens, pixels, target, masks=40)


def test_occlusion_runs_early_layers_round_the_window_only_and_gives_the_same() -> None:
    size = 160
    net = stirred(architecture("resnet"))
    lens = lens_of(FakeModel(None, ("a", "b", "c"), (size, size), module=net))
    fast = tuned(lens)
    assert fast.cut is not None
    assert fast.cut.stride in (2, 4)
    pixels = pictures(2, size)
    widths: list[int] = []
    stem = dict(fast.module.named_modules())[str(fast.stem)]  # type: ignore[union-attr]
    handle = stem.register_forward_pre_hook(lambda _, given: widths.append(given[0].shape[-1]))
    made = occlusion(fast, pixels, DAY.part(slice(0, 2)))
    handle.remove()
    np.testing.assert_allclose(made, occlusion(lens, pixels, DAY.part(slice(0, 2))), atol=2e-6)
    assert widths.count(size) == 2  # each picture once as it is
    assert max(w for w in widths if w != size) <= 0.8 * size
    assert hooks(fast.module) == 0


def test_a_network_that_reads_the_pixels_twice_is_not_cut() -> None:
    import torch
    from torch import nn

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(3, 4, 3, 2, 1)
            self.last = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.last((self.first(x).relu() + self.second(x).relu()).mean((2, 3)))

    torch.manual_seed(0)
    lens = lens_of(FakeModel(None, ("a", "b", "c"), (40, 40), module=Twice().eval()))
    fast = tuned(lens)
    assert fast.cut is None
    assert fast.stem is None
    pixels = pictures(1, 40)
    one = DAY.part(slice(0, 1))
    for method in (integrated_gradients, occlusion):
        np.testing.assert_allclose(method(fast, pixels, one), method(lens, pixels, one), atol=1e-6)


def test_contrast_is_the_difference_for_every_linear_explainer() -> None:
    lens = lens_of(model_of(architecture("resnet")))
    pixels = pictures()
    one, two = Target(np.zeros(3, int)), Target(np.ones(3, int))
    both = Target(one.of, two.of)
    for method in (integrated_gradients, occlusion, few_masks):
        apart = method(lens, pixels, one) - method(lens, pixels, two)
        np.testing.assert_allclose(method(lens, pixels, both), apart, atol=1e-4)


def test_a_norm_that_shares_its_convolution_is_not_folded_wrongly() -> None:
    import torch
    from torch import nn

    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            self.last = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            made = self.conv(x)
            return self.last((self.norm(made) + made).mean((2, 3)))  # the raw maps are read a second time

    torch.manual_seed(0)
    net = stirred(Shared()).eval()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    lens = lens_of(model_of(net))
    assert tuned(lens) is lens  # the folded copy answers otherwise
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in before.items())


def test_folding_counts_and_keeps_the_outputs() -> None:
    import torch

    net = stirred(architecture("resnet"))
    x = torch.rand(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        before = net(x)
        assert fold(net, x) == 6
        torch.testing.assert_close(net(x), before, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    assert hooks(net) == 0


@pytest.mark.parametrize("method", list(EXPLAINERS))
def test_hooks_and_modes_are_restored_after_exceptions(method: Method) -> None:
    import torch

    net = architecture("vit")
    lens = lens_of(model_of(net))

    class Broken(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            raise RuntimeError("broken on purpose")

    net.model.classifier = Broken()
    with pytest.raises(RuntimeError, match="on purpose"):
        explain(lens, method, pictures(), DAY)
    with pytest.raises(RuntimeError, match="on purpose"):
        find_token_layer(net, lens.normalise(pictures(1)))
    assert hooks(net) == 0
    assert torch.is_grad_enabled()
    assert torch.nn.functional.softmax(torch.zeros(2), 0).tolist() == [0.5, 0.5]


def test_a_fed_stem_is_itself_again_after_an_exception() -> None:
    import torch

    lens = tuned(lens_of(model_of(architecture("resnet"))))
    assert lens.stem is not None
    stem = dict(lens.module.named_modules())[lens.stem]  # type: ignore[union-attr]
    with pytest.raises(IndexError):
        integrated_gradients(lens, pictures(1), Target(np.array([99])))
    assert "forward" not in vars(stem)
    assert torch.is_grad_enabled()


def test_rise_finds_the_lamp_of_a_black_box_and_repeats_itself() -> None:
    lens, table = lens_of(case().model()), scene(3)
    made = rise(lens, table.pixels, DAY)
    assert made.shape == (3, 32, 32)
    for one, boxes in zip(made, table.boxes or (), strict=True):
        x0, y0, *_ = (round(v * 32) for v in boxes["lamp"][0])
        y, x = divmod(int(one.argmax()), 32)
        assert y0 - 3 <= y < y0 + SIDE + 3
        assert x0 - 3 <= x < x0 + SIDE + 3
    np.testing.assert_array_equal(rise(lens, table.pixels, DAY), made)
    assert not np.array_equal(rise(replace(lens, seed=1), table.pixels, DAY), made)


def test_random_masks_keep_half_and_stay_between_0_and_1() -> None:
    made = random_masks(300, 20, 33, np.random.default_rng(0))
    assert made.shape == (300, 20, 33)
    assert made.min() >= 0
    assert made.max() <= 1
    assert np.abs(made.mean(0) - 0.5).max() < 0.12  # four standard errors


def test_smoothgrad_of_a_linear_model_is_its_weight() -> None:
    import torch

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIZE * SIZE, 2)).eval()
    lens = lens_of(FakeModel(None, ("a", "b"), (SIZE, SIZE), module=net))
    made = smoothgrad(lens, pictures(1), Target(np.ones(1, int)))
    expected = net[1].weight[1].detach().reshape(3, SIZE, SIZE).abs().sum(0)
    np.testing.assert_allclose(made[0], expected, rtol=1e-4)


class TestAgainstCaptum:
    """captum as an oracle: the same maps from the same network."""

    @pytest.fixture(scope="class")
    @staticmethod
    def attr() -> Any:
        return pytest.importorskip("captum.attr")

    @staticmethod
    def lens(name: str = "resnet") -> Lens:
        return lens_of(model_of(stirred(architecture(name))))

    @pytest.mark.parametrize("name", ["resnet", "convnext"])
    def test_grad_cam(self, attr: Any, name: str) -> None:
        lens, pixels = self.lens(name), pictures()
        layer = dict(lens.module.named_modules())[lens.layer]  # type: ignore[union-attr]
        theirs = attr.LayerGradCam(lens.module, layer).attribute(
            lens.normalise(pixels), target=0, relu_attributions=True
        )
        own = grad_cam(lens, pixels, DAY) / (
            16 if lens.head is not None else 1
        )  # CAM leaves out the pooling's 1 / 16
        np.testing.assert_allclose(
            own, theirs[:, 0].detach(), atol=1e-5 * max(1.0, float(theirs.detach().max()))
        )

    @pytest.mark.parametrize("fast", [False, True])
    def test_integrated_gradients(self, attr: Any, fast: bool) -> None:
        plain = self.lens()
        lens, pixels = tuned(plain) if fast else plain, pictures()
        grounds = np.full_like(pixels, 40)
        theirs = attr.IntegratedGradients(plain.module).attribute(
            plain.normalise(pixels), baselines=plain.normalise(grounds), target=0, n_steps=32
        )
        own = integrated_gradients(lens, pixels, DAY, grounds=grounds)
        np.testing.assert_allclose(own, theirs.sum(1).detach(), atol=1e-5)

    def test_occlusion(self, attr: Any) -> None:
        plain, pixels = self.lens(), pictures(1, 32)
        ground = np.broadcast_to(np.rint(pixels[0].mean((0, 1))).astype(np.uint8), pixels.shape)
        theirs = attr.Occlusion(lambda x: plain.module(x).softmax(1)).attribute(  # type: ignore[misc]
            plain.normalise(pixels),
            sliding_window_shapes=(3, 8, 8),
            strides=(3, 4, 4),
            baselines=plain.normalise(ground),
            target=0,
        )
        own = occlusion(tuned(plain), pixels, DAY.part(slice(0, 1)), cells=8)
        np.testing.assert_allclose(own[0], theirs[0, 0, 2::4, 2::4].detach(), atol=1e-5)


def test_a_view_over_a_transformer_needs_no_arguments() -> None:
    from failsight.tools.saliency import saliency
    from tests.fakes.view import FakeTable

    table = FakeTable(pictures(6), [0, 1, 2] * 2, ("a", "b", "c"))
    view = FakeView({"data": table}, model_of(architecture("vit")))
    assert "Grad-CAM" in saliency(view).summary
    made = saliency(view, method="rollout")
    assert any("knows no class" in n for n in made.notes)
    with pytest.raises(RetryError, match="itself"):
        saliency(view, class_name="a", contrast="a")
