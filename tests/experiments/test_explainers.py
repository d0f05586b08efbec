"""Explainers against hand-computed maps; hooks gone after exceptions; the check that catches an edge detector."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from failsight.tools.experiments.explainers import (
    Target,
    class_maps,
    explain,
    grad_cam,
    lens_of,
    occlusion,
    resized,
    scrambled,
)
from failsight.tools.experiments.saliency_report import Mapped, check_sanity, mass_inside
from tests.experiments.nets import edge_detector, lamp_net, net_case
from tests.experiments.scenes import case, scene

DAY = Target(np.zeros(4, int))


def hooks(module: Any) -> int:
    return sum(len(m._forward_hooks) + len(m._backward_hooks) for m in module.modules())


def test_cam_equals_grad_cam_up_to_the_pooling_constant() -> None:
    lens = lens_of(net_case(lamp_net()).model())
    assert lens.head is not None
    pixels = scene(4).pixels
    cam = grad_cam(lens, pixels, DAY)
    full = grad_cam(replace(lens, head=None), pixels, DAY)
    assert cam.shape == (4, 16, 16)
    np.testing.assert_allclose(full * 16 * 16, cam, rtol=1e-5, atol=1e-6)
    against = Target(DAY.of, np.ones(4, int))
    np.testing.assert_allclose(
        grad_cam(replace(lens, head=None), pixels, against) * 256,
        grad_cam(lens, pixels, against),
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_yes_no_model_with_one_output_is_explained_for_both_answers() -> None:
    import torch

    net = lamp_net()
    one = torch.nn.Linear(4, 1)
    with torch.no_grad():
        one.weight[0] = net[4].weight[0]
    net[4] = one
    lens = replace(lens_of(net_case(lamp_net()).model()), module=net, head=None)
    pixels = scene(4).pixels
    assert grad_cam(lens, pixels, Target(np.ones(4, int))).max() > 0
    assert grad_cam(lens, pixels, DAY).max() == 0  # the lamp speaks for yes only


def test_a_flat_head_takes_the_gradient() -> None:
    assert lens_of(net_case(lamp_net(flat=True)).model()).head is None


def test_grad_cam_of_a_known_network_by_hand() -> None:
    """Map 0 is max(brightness − 0.5, 0) at every second pixel; the head's gradient on it is 60 / 256 everywhere."""
    lens = replace(lens_of(net_case(lamp_net()).model()), head=None)
    pixels = scene(4).pixels
    expected = np.maximum(pixels[:, ::2, ::2].mean(3) / 255 - 0.5, 0) * 60 / 256
    np.testing.assert_allclose(grad_cam(lens, pixels, DAY), expected, atol=1e-5)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("flat", [False, True])
def test_hooks_and_grad_mode_are_restored(inplace: bool, flat: bool) -> None:
    import torch

    lens = lens_of(net_case(lamp_net(inplace=inplace, flat=flat)).model())
    maps = explain(lens, "grad_cam", scene(4).pixels, DAY)
    assert np.isfinite(maps).all()
    assert maps.max() > 0
    assert hooks(lens.module) == 0
    assert torch.is_grad_enabled()
    assert all(p.grad is None for p in lens.module.parameters())  # type: ignore[union-attr]


def test_hooks_are_gone_after_an_exception() -> None:
    import torch

    net = lamp_net(flat=True)
    lens = lens_of(net_case(net).model())

    class Broken(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            raise RuntimeError("broken on purpose")

    net[5] = Broken()
    with pytest.raises(RuntimeError, match="on purpose"):
        grad_cam(lens, scene(2).pixels, DAY.part(slice(0, 2)))
    assert hooks(net) == 0
    assert torch.is_grad_enabled()


def test_scripted_modules_fall_back_to_occlusion() -> None:
    import torch

    lens = lens_of(net_case(torch.jit.script(lamp_net())).model())
    assert lens.layer is None
    assert scrambled(lens, "logits", 0) is not None


def test_occlusion_of_one_patch_by_hand() -> None:
    """The score is the mean of one cell; only the windows that cover it lower the score."""
    pixels = np.zeros((1, 20, 20, 3), np.uint8)
    pixels[0, 4:6, 8:10] = 255
    view = case(
        scene(1, size=20), lambda p: np.stack([p[:, 4:6, 8:10].mean((1, 2, 3)), np.zeros(len(p))], 1), size=20
    )
    lens = lens_of(view.model())
    maps = occlusion(lens, pixels, DAY.part(slice(0, 1)))
    assert maps.shape == (1, 10, 10)
    before, after = 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(-3 / 255))  # the mean colour rounds to 3
    assert maps[0, 2, 4] == pytest.approx(before - after, abs=1e-5)
    assert np.abs(maps[0, 5:]).max() == pytest.approx(0, abs=1e-6)
    assert maps.argmax() == 24


def test_occlusion_of_black_boxes_is_bounded_in_memory() -> None:
    view = case(scene(5))
    largest = 0
    real = view.model().scores

    def watch(pixels: np.ndarray) -> np.ndarray:
        nonlocal largest
        largest = max(largest, len(pixels))
        return real(pixels)

    view.model().scores = watch  # type: ignore[method-assign]
    explain(lens_of(view.model()), "occlusion", scene(5).pixels, Target(np.zeros(5, int)))
    assert largest <= 64


def test_an_edge_detector_posing_as_saliency_is_flagged() -> None:
    view = net_case(lamp_net())
    lens, pixels = lens_of(view.model()), scene(8).pixels
    target = Target(np.zeros(8, int))
    honest = Mapped(np.arange(8), pixels, grad_cam(lens, pixels, target), ({},) * 8)
    posing = Mapped(np.arange(8), pixels, edge_detector(lens, pixels, target), ({},) * 8)
    assert not check_sanity(lens, "grad_cam", honest, target).failed
    found = check_sanity(lens, "grad_cam", posing, target, edge_detector)
    assert found.failed
    assert found.similarity == pytest.approx(1)


def test_the_check_leaves_the_model_as_it_was() -> None:
    import torch

    net = lamp_net()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    other = scrambled(lens_of(net_case(net).model()), "logits", 0)
    assert other is not None
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in before.items())
    assert not torch.equal(other.module.state_dict()["0.weight"], before["0.weight"])  # type: ignore[union-attr]
    assert torch.equal(
        other.module.state_dict()["0.weight"].flatten().sort()[0], before["0.weight"].flatten().sort()[0]
    )  # type: ignore[union-attr]


def test_mass_inside_boxes_by_hand() -> None:
    maps = np.zeros((2, 4, 4), np.float32)
    maps[:, 0, 0] = 3
    maps[:, 3, 3] = 1
    maps[:, 1, 1] = -5  # speaks against: no mass
    boxes = ({"lamp": [(0, 0, 0.25, 0.25)]}, {"lamp": [(0, 0, 0.25, 0.25)], "plant": [(0, 0.75, 1, 1)]})
    mapped = Mapped(np.arange(2), np.zeros((2, 4, 4, 3), np.uint8), maps, boxes)
    made = {m.name: m for m in mass_inside(mapped, 0)}
    assert (made["box:lamp"].mass, made["box:lamp"].area, made["box:lamp"].n) == (0.75, 0.0625, 2)
    assert (made["box:plant"].mass, made["box:plant"].area, made["box:plant"].n) == (0.25, 0.25, 1)


def test_maps_for_regions_have_the_size_of_the_pictures() -> None:
    method, maps = class_maps(net_case(lamp_net()), 0)
    assert (method, maps(scene(3).pixels).shape) == ("grad_cam", (3, 32, 32))
    assert resized(np.ones((2, 2), np.float32), 5, 7).shape == (5, 7)
