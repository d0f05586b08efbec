"""model_structure: networks whose faults are built in on purpose, and healthy ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import failsight.knowledge_base.cases as demo
from failsight.tools.inputs import open_images, open_model
from failsight.tools.model_structure import model_structure
from failsight.tools.structure.trace import trace, watching
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, counted_view

CLASSES = ("red", "green", "blue")
SIZE = 12


def images(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures with one channel brighter than the others; a tenth of the labels are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    pixels = rng.integers(60, 120, (n, SIZE, SIZE, 3)).astype(np.uint8)
    pixels[np.arange(n), :, :, truth] += 100
    labels = np.where(rng.random(n) < 0.1, (truth + 1) % 3, truth)
    return pixels, labels


def colour_net(*after: nn.Module, gain: float = 20.0, hidden: nn.Module | None = None) -> nn.Module:
    """Logits: ``gain`` times the mean of each channel."""
    conv = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(3).reshape(3, 3, 1, 1) * gain)
        conv.bias.zero_()
    middle = [hidden] if hidden is not None else []
    return nn.Sequential(conv, *middle, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *after).eval()


def view_of(module: nn.Module, folder: Path | None = None, n: int = 120, **more: Any) -> FakeView:
    pixels, labels = images(n)
    model = FakeModel(None, CLASSES, (SIZE, SIZE), module)
    return FakeView({"data": FakeTable(pixels, labels, CLASSES)}, model, folder=folder, **more)


def confirmed(made: Any) -> list[tuple[str, str]]:
    return [(f.kind, f.bug) for f in made.findings if f.verdict == "confirmed"]


def test_a_healthy_network_is_described_and_nothing_is_found() -> None:
    made = model_structure(view_of(colour_net()))
    check_evidence(made)
    assert not made.findings
    assert made.fact("parameters").value == 12
    assert "No fault of construction" in made.summary
    assert any("same scores" in n for n in made.notes)


@pytest.mark.parametrize(
    ("after", "words"),
    [(nn.Softmax(1), "two softmaxes"), (nn.Sigmoid(), "a sigmoid behind the logits")],
)
def test_outputs_held_back_by_the_last_layer_are_confirmed(after: nn.Module, words: str) -> None:
    view = view_of(colour_net(after))
    made = model_structure(view)
    check_evidence(made)
    assert confirmed(made) == [("overconfidence", "structural")]
    assert words in made.findings[0].statement
    assert made.findings[0].key in {i.finding for i in view.instruments}


def test_a_picture_that_is_gone_since_it_was_predicted_does_not_shift_the_labels() -> None:
    whole, less = view_of(colour_net(nn.Softmax(1))), view_of(colour_net(nn.Softmax(1)))
    made = whole.predictions("data")
    less.predictions = lambda split="data": made  # type: ignore[method-assign]
    less.table("data").bad = {3, 50}
    gain, left = (model_structure(v).findings[0].tests[0] for v in (whole, less))
    assert left.n == gain.n - 2
    assert left.effect == pytest.approx(gain.effect, abs=0.01)


def test_a_softmax_declared_as_such_is_fine() -> None:
    view = view_of(colour_net(nn.Softmax(1)))
    view.model().outputs = "probabilities"  # type: ignore[misc]
    view.model().scores = view.model().logits  # type: ignore[method-assign]
    assert not model_structure(view).findings


def test_two_softmaxes_show_in_the_scores_of_a_black_box() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    logits = rng.normal(0, 1, (300, 4))
    logits[np.arange(300), labels] += 4
    once = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    twice = np.exp(once) / np.exp(once).sum(1, keepdims=True)
    table = {"data": FakeTable(np.zeros((300, 2, 2, 3), np.uint8), labels, ("a", "b", "c", "d"))}
    made = model_structure(FakeView(table, scores={"data": twice}))
    check_evidence(made)
    assert confirmed(made) == [("overconfidence", "structural")]
    assert not model_structure(FakeView(table, scores={"data": once})).findings


def test_unsure_but_ordinary_scores_are_not_called_doubled() -> None:
    rng = np.random.default_rng(1)
    for k in (2, 3, 10):
        labels = rng.integers(0, k, 200)
        logits = rng.normal(0, 0.15, (200, k))
        scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        table = {"data": FakeTable(np.zeros((200, 2, 2, 3), np.uint8), labels, [f"c{i}" for i in range(k)])}
        assert not model_structure(FakeView(table, scores={"data": scores})).findings


class BatchNormLeftOn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net, self.norm = colour_net(), nn.BatchNorm1d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.net(x)
        return y if len(y) < 2 else nn.functional.batch_norm(y, None, None, training=True)


def test_normalisation_by_the_batch_is_confirmed() -> None:
    made = model_structure(view_of(BatchNormLeftOn().eval()))
    check_evidence(made)
    assert ("preprocessing", "structural") in confirmed(made)
    assert "other pictures in its batch" in made.summary


class Rounded(nn.Module):
    """Scores that depend on the batch in their third digit, as those of a network that is quantised batch by batch do."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.net, self.size = colour_net(), size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.net(x)
        return y + self.size * (len(y) > 1) * torch.tensor([1.0, -1.0, 0.0])


def test_scores_that_move_a_little_with_the_batch_are_no_fault() -> None:
    made = model_structure(view_of(Rounded(1.0)))
    check_evidence(made)
    assert not confirmed(made)
    assert not [f for f in made.findings if f.kind == "preprocessing"]
    (note,) = (n for n in made.notes if "other pictures of the batch" in n)
    assert "changes by more than a thousandth" in note
    assert "training mode" not in note
    assert not any("evaluation mode" in s for s in made.next_steps)


def test_a_cause_is_named_only_where_the_network_shows_it() -> None:
    made = model_structure(view_of(Rounded(8.0)))
    (found,) = (f for f in made.findings if f.kind == "preprocessing")
    assert found.verdict == "confirmed"
    assert "training mode" not in found.statement
    assert not any("evaluation mode" in s for s in made.next_steps)
    shown = model_structure(view_of(BatchNormLeftOn().eval()))
    assert "a normalisation is in training mode" in shown.summary
    assert any("evaluation mode" in s for s in shown.next_steps)


def test_ranges_taken_from_the_batch_are_seen_in_an_onnx_graph(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from onnx import TensorProto, helper, save

    from failsight.tools.structure.company import cause_of

    def saved(*kinds: str) -> SimpleNamespace:
        nodes = [helper.make_node(kind, ["x"], [f"y{i}"]) for i, kind in enumerate(kinds)]
        graph = helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])], []
        )
        save(helper.make_model(graph), str(tmp_path / "m.onnx"))
        source = SimpleNamespace(path=tmp_path / "m.onnx")
        return SimpleNamespace(format="onnx", source=source, torch_module=lambda: None)

    assert cause_of(saved("Relu"), None).words == ""
    assert "quantised dynamically" in cause_of(saved("Relu", "DynamicQuantizeLinear"), None).words
    (tmp_path / "m.onnx").write_bytes(b"rubbish")
    damaged = SimpleNamespace(
        format="onnx", source=SimpleNamespace(path=tmp_path / "m.onnx"), torch_module=lambda: None
    )
    assert cause_of(damaged, None).words == ""


def test_what_it_finds_is_no_finding_of_another_tool() -> None:
    """The keys without more are those of preprocessing_probe, confidence_profile and training_record."""
    view = view_of(BatchNormLeftOn().eval())
    (batch,) = (f for f in model_structure(view).findings if f.kind == "preprocessing")
    assert batch.key != "preprocessing|||" and batch.key in {i.finding for i in view.instruments}
    (held,) = model_structure(view_of(colour_net(nn.Softmax(1)))).findings
    assert held.key != "overconfidence|||"


def test_a_batch_that_does_not_matter_does_not_acquit_the_feeding() -> None:
    from failsight.agent.state import merge_findings
    from failsight.tools.evidence import Finding
    from failsight.tools.structure.company import Dependence, dependence_finding

    fed = Finding("preprocessing", "correctness", "data_engineering", "Fed as BGR.", verdict="confirmed")
    batch = dependence_finding(Dependence(400, 0.01, 0.0, 0.0, (0.0, 0.01), 0.0, (0.0, 0.01), 0.0))
    assert batch.verdict == "refuted" and merge_findings(fed, batch).verdict == "refuted"
    assert batch.key != fed.key  # so they are never merged


def test_dropout_left_on_is_confirmed() -> None:
    class Leaky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = colour_net()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.dropout(self.net(x), 0.5, training=True)

    torch.manual_seed(0)
    made = model_structure(view_of(Leaky().eval()))
    assert ("preprocessing", "structural") in confirmed(made)
    assert "same batch twice" in made.summary


def test_dead_units_are_counted_by_layer() -> None:
    conv = nn.Conv2d(3, 16, 1)
    with torch.no_grad():
        conv.weight.abs_()
        conv.bias[:] = 1.0
        conv.weight[:12] = 0
        conv.bias[:12] = -1.0
    net = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)).eval()
    made = model_structure(view_of(net))
    check_evidence(made)
    assert made.fact("dead_units").value == pytest.approx(12 / 16)
    assert [(f.kind, f.verdict) for f in made.findings] == [("underfitting", None)]
    assert made.findings[0].key != "underfitting|||"  # that is what training_record judges


def test_batch_norms_that_fit_nothing_are_noted() -> None:
    norm = nn.BatchNorm2d(3)
    norm.running_mean += 1e4  # type: ignore[operator]
    made = model_structure(view_of(colour_net(hidden=norm)))
    assert any("standard deviations" in n for n in made.notes)


def test_a_class_never_predicted_is_told() -> None:
    made = model_structure(counted_view({"data": [[40, 0, 0], [30, 5, 0], [20, 10, 0]]}))
    check_evidence(made)
    fact = made.fact("never_predicted", "class class_2")
    assert fact.n == 30
    assert "Never predicted" in made.summary
    assert any("predictions only" in n for n in made.notes)


def gradient_support(module: nn.Module, size: int) -> int:
    """How many pixels high the part of the picture is that one inner cell depends on."""
    x = torch.rand(1, 3, size, size, requires_grad=True)
    maps = module(x)
    maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2].sum().backward()
    rows = torch.nonzero(x.grad.abs().sum((0, 1, 3)))  # type: ignore[union-attr]
    return int(rows.max() - rows.min() + 1)


def test_the_receptive_field_equals_the_support_of_the_gradient() -> None:
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.Softplus(), nn.AvgPool2d(3, 2, 1), nn.Conv2d(8, 8, 3, dilation=2, padding=2), nn.Conv2d(8, 8, 3, 2, 1)
    )  # fmt: skip
    widest = trace(body.eval(), torch.zeros(1, 3, 160, 160)).widest()
    # Softplus is not among the operations known not to move anything: nothing is claimed then
    assert widest is None
    body[1] = nn.SiLU()
    widest = trace(body.eval(), torch.zeros(1, 3, 160, 160)).widest()
    assert widest is not None
    assert widest.reach is not None
    assert widest.reach.size[0] == gradient_support(body, 160)


def test_hooks_are_gone_even_after_an_exception() -> None:
    net = colour_net()

    def listen(*_: object) -> None:
        raise KeyError("no")

    with pytest.raises(KeyError), watching(net, listen):
        net(torch.zeros(1, 3, 4, 4))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    with pytest.raises(RuntimeError):
        trace(net, torch.zeros(1, 5, 4, 4))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_a_transformer_is_told_by_its_patches() -> None:
    import transformers

    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=SIZE, patch_size=4, num_labels=3
    )  # fmt: skip
    net = transformers.ViTForImageClassification(config).eval()

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x).logits  # type: ignore[no-any-return]

    made = model_structure(view_of(Logits().eval(), n=40))
    check_evidence(made)
    assert made.fact("patch_size").value == 4
    assert "transformer" in made.summary


def test_a_torchscript_program_is_seen_through() -> None:
    script = torch.jit.trace(colour_net(nn.ReLU6()), torch.zeros(2, 3, SIZE, SIZE))
    made = trace(script, torch.zeros(1, 3, SIZE, SIZE))
    assert made.count("convolution") == 1
    assert made.last().kind == "ReLU6"  # type: ignore[union-attr]


def demo_model() -> Any:
    folder = Path(demo.__file__).parent / "rooms_model"
    return open_model(folder / "weights.safetensors", arch="failsight.knowledge_base.cases.model:build")


def test_nothing_is_confirmed_on_the_shipped_model() -> None:
    model = demo_model()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 96, 96, 3)).astype(np.uint8)
    view = FakeView({"data": FakeTable(pixels, rng.integers(0, 5, 24), model.classes)}, model)
    made = model_structure(view)
    check_evidence(made)
    assert not confirmed(made)
    assert made.fact("receptive_field", "last map").value == 55  # by hand: 3, 7, 15, 23, 39, 55


@pytest.mark.shared_data
def test_nothing_is_confirmed_on_the_cifar_resnet(shared_data: Path) -> None:
    model = open_model(shared_data / "models" / "cifar10_resnet20.safetensors", arch="cifar_resnet20")
    table = open_images(shared_data / "cifar10", classes=model.classes)
    rows = np.random.default_rng(0).choice(len(table), 200, replace=False)
    pixels = np.stack([np.asarray(table.open(int(r))) for r in rows])
    view = FakeView({"data": FakeTable(pixels, table.labels[rows], model.classes)}, model)
    made = model_structure(view)
    assert not confirmed(made)
    assert made.fact("parameters").value == 269_722
    assert made.fact("weighted_layers").value == 20


def test_a_model_with_one_output_has_one_in_words() -> None:
    from failsight.tools.structure.report import built

    assert built(None, None, 1, 2).endswith("It has one output for 2 classes.")
    assert built(None, None, 2, 2).endswith("It has 2 outputs for 2 classes.")
