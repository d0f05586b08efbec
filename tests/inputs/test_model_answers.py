"""What a model answers and how it is read: several outputs, probabilities or logits, failures, weights that hold nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from failsight.tools.engine import predict
from failsight.tools.errors import ModelFails, UserError
from failsight.tools.inputs import open_model
from failsight.tools.inputs.models.causes import cause, named_cause, wanted_channels
from failsight.tools.inputs.models.choosing import Offer, choose
from failsight.tools.inputs.models.outputs import guess_kind, refuted, shares
from failsight.tools.inputs.models.side import parse_side
from tests.engine.doubles import Drawn
from tests.inputs import nets


def write_module(folder: Path, body: str, **side: Any) -> str:
    """A Python file whose function ``f`` returns the network with ``body`` for its forward (``y`` are the logits of ``x``)."""
    nets.write_side(folder, **side)
    lines = [
        "import torch",
        "from tests.inputs import nets",
        "class Net(torch.nn.Module):",
        "    def __init__(self):",
        "        super().__init__(); self.net = nets.network()",
        "    def forward(self, x):",
        "        y = self.net(x)",
        f"        {body}",
        "def f(): return Net()",
    ]
    (folder / "m.py").write_text("\n".join(lines) + "\n")
    return f"{folder / 'm.py'}:f"


def opened(folder: Path, body: str, **side: Any) -> Any:
    return open_model(write_module(folder, body, **side), trust_code=True)


class TestWhichOutput:
    OFFERS = (Offer("features", 64), Offer("aux", 3), Offer("logits", 3))

    def test_by_width_then_by_name_and_it_is_said(self) -> None:
        at, (note,) = choose(self.OFFERS, 3, None, "m.onnx")
        assert at == 2
        assert "aux and logits" in note and "logits was taken" in note
        assert choose([Offer("a", 64), Offer("b", 3)], 3, None, "m") == (1, ())
        assert choose([Offer("a", 64), Offer("p", 1)], 2, None, "m") == (1, ())

    def test_the_side_file_goes_before(self) -> None:
        assert choose(self.OFFERS, 3, "aux", "m") == (1, ())
        assert choose(self.OFFERS, 3, "2", "m") == (2, ())
        with pytest.raises(UserError, match=r"no output main.*features, aux and logits"):
            choose(self.OFFERS, 3, "main", "m")

    def test_none_that_fits(self) -> None:
        with pytest.raises(LookupError):
            choose([Offer("a", 64), Offer("b", None)], 3, None, "m")

    @pytest.mark.parametrize(
        "body",
        [
            "return x.mean((2, 3)).repeat(1, 4), y",
            "return {'features': x.flatten(1), 'scores': y}",
            "return [x.flatten(1), y]",
            "return y.detach().numpy()",
            "return y.tolist()",
        ],
    )
    def test_of_what_a_module_returns(self, body: str, tmp_path: Path) -> None:
        model = opened(tmp_path, body)
        np.testing.assert_allclose(model.logits(nets.pixels()), nets.expected(nets.pixels()), atol=1e-4)

    def test_gradients_reach_the_part_that_was_chosen(self, tmp_path: Path) -> None:
        model = opened(tmp_path, "return x.flatten(1), y")
        out = model.torch_module()(model.normalise(nets.pixels(2)))
        assert isinstance(out, torch.Tensor) and out.shape == (2, 3) and out.requires_grad

    def test_two_as_wide(self, tmp_path: Path) -> None:
        model = opened(tmp_path, "return {'aux': -y, 'logits': y}")
        assert any("logits was taken" in n for n in model.notes)
        np.testing.assert_allclose(model.logits(nets.pixels()), nets.expected(nets.pixels()), atol=1e-4)
        other = opened(tmp_path, "return {'aux': -y, 'logits': y}", output="aux")
        np.testing.assert_allclose(other.logits(nets.pixels()), -nets.expected(nets.pixels()), atol=1e-4)

    def test_what_is_no_tensor_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"it returns str, not a tensor"):
            opened(tmp_path, "return 'cat'")


class TestLogitsOrProbabilities:
    def test_the_kinds(self) -> None:
        assert guess_kind(np.array([[0.2, 0.8], [0.5, 0.5]])) == "probabilities"
        assert guess_kind(np.array([[0.2, 0.9], [0.5, 0.1]])) == "sigmoids"
        assert guess_kind(np.array([[0.2, 1.9], [0.5, 0.1]])) == "logits"
        assert guess_kind(np.array([[0.2], [0.9]])) == "probabilities"
        assert guess_kind(np.array([[np.nan, np.nan], [0.2, 0.8]])) == "probabilities"
        assert guess_kind(np.full((2, 2), np.nan)) == "logits"
        assert guess_kind(np.zeros((2, 3))) == "logits"

    def test_what_refutes_a_guess(self) -> None:
        assert refuted(np.array([[0.5], [1.2]]), "probabilities")
        assert refuted(np.array([[0.5, 0.4]]), "probabilities")
        assert not refuted(np.array([[0.5, 0.4]]), "sigmoids")
        assert refuted(np.array([[0.5, -0.4]]), "sigmoids")
        assert not refuted(np.array([[np.nan, 2.0]]), "sigmoids")
        assert not refuted(np.array([[5.0]]), "logits")

    def test_sigmoids_are_divided_by_their_sum(self, tmp_path: Path) -> None:
        np.testing.assert_allclose(shares(np.array([[0.2, 0.6], [0.0, 0.0]])), [[0.25, 0.75], [0.5, 0.5]])
        model = opened(tmp_path, "return torch.sigmoid(y - 5)")
        made = 1 / (1 + np.exp(5 - nets.expected(nets.pixels())))
        np.testing.assert_allclose(model.scores(nets.pixels()), made / made.sum(1, keepdims=True), atol=1e-4)
        assert any("independent sigmoids" in n for n in model.notes)
        said = opened(tmp_path, "return torch.sigmoid(y - 5)", outputs="sigmoids")
        np.testing.assert_array_equal(said.scores(nets.pixels()), model.scores(nets.pixels()))
        assert (said.kind, said.outputs) == ("sigmoids", "probabilities")
        stated = opened(tmp_path, "return torch.sigmoid(y - 5)", outputs="logits")
        assert not any("sigmoids" in n for n in stated.notes)

    def test_a_guess_that_real_pictures_refute_is_mended_for_all_of_them(self, tmp_path: Path) -> None:
        """One output that lies in 0 to 1 for made pictures (dim noise) and is a logit: its answers turn at 0, not at a half."""
        model = opened(tmp_path, "return (y[:, 1:2] - y[:, 0:1]) * 0.3 + 0.4", classes=["red", "green"])
        assert model.outputs == "probabilities"
        assert any("read as the probability" in n for n in model.notes)
        table = Drawn(60)
        made = predict(table, model, cache_folder=tmp_path)
        assert model.outputs == "logits"
        assert any("first taken for probabilities" in n for n in model.notes)
        assert not any("read as the probability" in n for n in model.notes)
        pixels = np.stack([model.prepare(table.open(int(row))) for row in made.rows])
        raw = model.raw_outputs(pixels)[:, 0]
        np.testing.assert_allclose(made.scores[:, 1], 1 / (1 + np.exp(-raw)), atol=1e-4)
        again = open_model(
            write_module(tmp_path, "return (y[:, 1:2] - y[:, 0:1]) * 0.3 + 0.4", classes=["red", "green"]),
            trust_code=True,
        )
        np.testing.assert_array_equal(predict(table, again, cache_folder=tmp_path).scores, made.scores)

    def test_workers_that_guessed_are_stopped_for_all_would_have_to_agree(self, tmp_path: Path) -> None:
        from types import SimpleNamespace

        from failsight.tools.engine.ray_work import Predicting

        body = "return (y[:, 1:2] - y[:, 0:1]) * 0.3 + 0.4"
        model = opened(tmp_path, body, classes=["red", "green"])
        work = Predicting(SimpleNamespace(open=lambda: model), model.fingerprint, 16)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=r'"outputs": "logits"'):
            work.run(Drawn(60), range(60))


class TestFailures:
    def test_a_module_that_raises_on_some_pictures_answers_the_others(self, tmp_path: Path) -> None:
        body = "if ((y.argmax(1) == 1) & (y.max(1)[0] - y.min(1)[0] > 1)).any(): raise ValueError('too green')\n        return y"
        model = opened(tmp_path, body)
        made = predict(Drawn(30), model)
        assert made.rows.tolist() == [i for i in range(30) if i % 3 != 1]
        assert {one.reason for one in made.left_out} == {"the model fails on it (ValueError: too green)"}
        assert made.unanswered.tolist() == [1] * 10
        assert made.features is not None and len(made.features) == 20
        with pytest.raises(ModelFails, match=r"fails on one of the pictures.*too green"):
            model.scores(np.full((2, nets.SIZE, nets.SIZE, 3), (0, 250, 0), np.uint8))

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Given groups=1, weight of size [16, 1, 3, 3].\nException raised from conv at /a/b.cpp:7 (most recent call first):\nframe #0: x", "Given groups=1, weight of size [16, 1, 3, 3]"),
            ("The following operation failed.\nTraceback of TorchScript:\n  File x, line 3\n    ~~~~ <--- HERE\nRuntimeError: shape is invalid.", "RuntimeError: shape is invalid"),
            ("[ONNXRuntimeError] : 1 : FAIL : Non-zero status code: /src/onnx/core/op.cc:83 virtual Status A::B(int*) const Attempting to broadcast", "Non-zero status code: Attempting to broadcast"),
            ("", "RuntimeError"),
        ],
    )  # fmt: skip
    def test_the_cause_in_one_line(self, text: str, words: str) -> None:
        assert cause(RuntimeError(text)) == words
        assert named_cause(RuntimeError(text)).count("RuntimeError") == 1

    def test_one_channel_is_recognised(self, tmp_path: Path) -> None:
        nets.write_side(tmp_path)
        net = nn.Sequential(nn.Conv2d(1, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
        torch.jit.trace(net, torch.zeros(2, 1, nets.SIZE, nets.SIZE)).save(tmp_path / "m.pt")
        with pytest.raises(UserError, match=r"takes one channel.*GRAY"):
            open_model(tmp_path / "m.pt")
        assert wanted_channels(RuntimeError("index: 1 Got: 3 Expected: 1")) == 1
        assert wanted_channels(RuntimeError("index: 0 Got: 2 Expected: 4")) is None

    def test_a_batch_that_a_program_was_traced_with_is_found(self, tmp_path: Path) -> None:
        class Fixed(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = nets.network()

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.net(x.reshape(4, 3, nets.SIZE, nets.SIZE))

        nets.write_side(tmp_path)
        torch.jit.trace(Fixed().eval(), torch.zeros(4, 3, nets.SIZE, nets.SIZE)).save(tmp_path / "m.pt")
        model = open_model(tmp_path / "m.pt")
        np.testing.assert_allclose(model.logits(nets.pixels(7)), nets.expected(nets.pixels(7)), atol=1e-4)


class TestWeights:
    def build(self, folder: Path) -> str:
        (folder / "arch.py").write_text(Path(nets.__file__).read_text())
        nets.write_side(folder)
        return f"{folder / 'arch.py'}:network"

    def load(self, folder: Path, state: Any, **side: Any) -> Any:
        arch = self.build(folder)
        if side:
            nets.write_side(folder, **side)
        torch.save(state, folder / "m.pth")
        return open_model(folder / "m.pth", arch=arch, trust_code=True)

    @pytest.mark.parametrize(
        "prefix", ["module.", "_orig_mod.", "model.", "net.", "backbone.", "module._orig_mod."]
    )
    def test_what_wrappers_put_before_the_names_is_taken_off(self, prefix: str, tmp_path: Path) -> None:
        state = {prefix + k: v for k, v in nets.network().state_dict().items()}
        model = self.load(tmp_path, {"state_dict": {**state, "criterion.weight": torch.ones(3)}})
        np.testing.assert_allclose(model.logits(nets.pixels()), nets.expected(nets.pixels()), atol=1e-4)
        assert any(
            "1 tensor in m.pth belongs to no part of the network and was left out: criterion.weight" in n
            for n in model.notes
        )

    def test_of_two_sets_the_usual_is_taken_and_the_other_can_be(self, tmp_path: Path) -> None:
        good = nets.network().state_dict()
        bad = {k: v * 0 for k, v in good.items()}
        made = self.load(tmp_path, {"model": bad, "model_ema": good, "epoch": 3})
        assert any("2 sets of weights (model and model_ema); model was taken" in n for n in made.notes)
        assert not made.logits(nets.pixels()).any()
        ema = self.load(tmp_path, {"model": bad, "model_ema": good, "epoch": 3}, weights="model_ema")
        np.testing.assert_allclose(ema.logits(nets.pixels()), nets.expected(nets.pixels()), atol=1e-4)
        with pytest.raises(UserError, match=r"no set of weights called teacher.*model and model_ema"):
            self.load(tmp_path, {"model": bad, "model_ema": good}, weights="teacher")

    @pytest.mark.parametrize("key", ["state_dict_ema", "params", "module", "odd"])
    def test_a_set_alone_is_read_below_any_key(self, key: str, tmp_path: Path) -> None:
        model = self.load(tmp_path, {key: nets.network().state_dict(), "epoch": 3})
        np.testing.assert_allclose(model.logits(nets.pixels()), nets.expected(nets.pixels()), atol=1e-4)
        assert not model.notes

    def test_student_and_teacher_are_not_mixed_up_in_silence(self, tmp_path: Path) -> None:
        good = nets.network().state_dict()
        both = {f"student.{k}": v * 0 for k, v in good.items()} | {f"teacher.{k}": v for k, v in good.items()}
        model = self.load(tmp_path, both)
        assert any("those under student. were taken, not those under teacher." in n for n in model.notes)
        teacher = self.load(tmp_path, both, weights="teacher")
        np.testing.assert_allclose(teacher.logits(nets.pixels()), nets.expected(nets.pixels()), atol=1e-4)

    def test_a_name_that_no_weights_have_is_not_passed_over(self, tmp_path: Path) -> None:
        good = nets.network().state_dict()
        for state in (good, {f"student.{k}": v for k, v in good.items()}):
            with pytest.raises(
                UserError, match=r"m.pth holds no weights of the network under the name teacher"
            ):
                self.load(tmp_path, state, weights="teacher")
        named = self.load(tmp_path, {f"student.{k}": v for k, v in good.items()}, weights="student.")
        np.testing.assert_allclose(named.logits(nets.pixels()), nets.expected(nets.pixels()), atol=1e-4)

    def test_weights_of_a_larger_network_of_the_same_kind_do_not_fit(self, tmp_path: Path) -> None:
        state = nets.network().state_dict() | {"conv.more": torch.zeros(3)}
        with pytest.raises(UserError, match=r"do not fit the architecture: unknown conv.more"):
            self.load(tmp_path, state)
        with pytest.raises(UserError, match=r"missing conv.bias, conv.weight; unknown other.w"):
            self.load(tmp_path, {"other.w": torch.zeros(3)})

    def test_weights_without_data_are_refused(self, tmp_path: Path) -> None:
        empty = {k: v.to("meta") for k, v in nets.network().state_dict().items()}
        with pytest.raises(UserError, match=r"hold no data \(torch's device meta\): conv.weight"):
            self.load(tmp_path, empty)
        nets.write_side(tmp_path)
        (tmp_path / "f.py").write_text(
            "from tests.inputs import nets\ndef f(): return nets.network().to('meta')\n"
        )
        with pytest.raises(UserError, match=r"hold no data"):
            open_model(f"{tmp_path / 'f.py'}:f", trust_code=True)

    def test_weights_that_are_no_numbers_are_told(self, tmp_path: Path) -> None:
        state = nets.network().state_dict()
        state["conv.bias"][1] = torch.nan
        model = self.load(tmp_path, state)
        assert any("not finite numbers (NaN or infinite), in conv.bias" in n for n in model.notes)

    @pytest.mark.parametrize("kind", [torch.float16, torch.float64])
    def test_other_precisions_are_fed_alike(self, kind: torch.dtype, tmp_path: Path) -> None:
        nets.write_side(tmp_path)
        net = nets.network().to(kind)
        torch.jit.trace(net, torch.zeros(2, 3, nets.SIZE, nets.SIZE, dtype=kind)).save(tmp_path / "m.pt")
        model = open_model(tmp_path / "m.pt")
        np.testing.assert_allclose(model.logits(nets.pixels()), nets.expected(nets.pixels()), atol=0.02)


class TestSide:
    def test_statistics_that_nobody_stated_follow_their_channels(self) -> None:
        how = parse_side({"input_size": 8, "channels": "BGR"}).preprocessing()
        assert how is not None
        assert how.mean == (0.406, 0.456, 0.485)
        assert how.std == (0.225, 0.224, 0.229)
        stated = parse_side({"input_size": 8, "channels": "BGR", "mean": [0.1, 0.2, 0.3]}).preprocessing()
        assert stated is not None
        assert stated.mean == (0.1, 0.2, 0.3)
        assert stated.std == (0.225, 0.224, 0.229)

    def test_a_folder_is_told_where_its_side_file_goes(self, tmp_path: Path) -> None:
        from failsight.tools.inputs.models.scoring import need_classes, need_preprocessing
        from failsight.tools.inputs.models.side import Side

        folder = tmp_path / "vit"
        folder.mkdir()
        with pytest.raises(UserError, match=r"Write model.json into the folder vit"):
            need_classes(Side(), folder)
        with pytest.raises(UserError, match=r"Write net.json beside it"):
            need_preprocessing(Side(), tmp_path / "net.onnx")

    def test_an_output_may_be_named_by_its_place(self) -> None:
        assert parse_side({"output": 1}).output == "1"
        with pytest.raises(ValueError, match="output must be"):
            parse_side({"output": True})


def test_contradicting_names_in_a_configuration_are_told() -> None:
    from failsight.tools.inputs.models.transformers_folder import _contradictions

    config = json.loads('{"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 1, "dog": 0}}')
    (note,) = _contradictions(config)
    assert "contradict each other (0: cat, 1: dog)" in note
    assert not _contradictions({"id2label": {"0": "cat"}, "label2id": {"cat": "0"}})
