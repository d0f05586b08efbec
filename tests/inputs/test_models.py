"""One network in every format gives the same numbers; what a model does not say is asked for in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_model
from tests.inputs import nets


def save(kind: str, folder: Path) -> Path:
    """The network in one format, with its side file."""
    import torch
    from safetensors.torch import save_file

    nets.write_side(folder)
    net, example = nets.network(), torch.zeros(2, 3, nets.SIZE, nets.SIZE)
    path = folder / {"script": "m.pt", "trace": "m.pt", "state": "m.pth"}.get(kind, f"m.{kind}")
    if kind == "script":
        torch.jit.script(net).save(path)
    elif kind == "trace":
        torch.jit.trace(net, example).save(path)
    elif kind == "pt2":
        dynamic = ({0: torch.export.Dim("n", min=1, max=512)},)
        torch.export.save(torch.export.export(net, (example,), dynamic_shapes=dynamic), path)
    elif kind == "onnx":
        nets.write_onnx(path)
    elif kind == "state":
        torch.save({"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, path)
    else:
        save_file(net.state_dict(), path)
    return path


FORMATS = {
    "script": "torchscript",
    "trace": "torchscript",
    "pt2": "torch_export",
    "onnx": "onnx",
    "state": "safetensors",
    "safetensors": "safetensors",
}


@pytest.fixture
def arch(tmp_path: Path) -> str:
    path = tmp_path / "arch.py"
    source = Path(nets.__file__).read_text()
    path.write_text(source)
    return f"{path}:network"


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_numbers_known_by_hand(kind: str, tmp_path: Path, arch: str) -> None:
    model = open_model(save(kind, tmp_path), arch=arch, trust_code=True)
    pixels = nets.pixels()
    assert model.format == FORMATS[kind]
    assert model.classes == nets.CLASSES
    assert model.outputs == "logits"
    np.testing.assert_allclose(model.logits(pixels), nets.expected(pixels), rtol=1e-5)
    powers = np.exp(nets.expected(pixels))
    np.testing.assert_allclose(model.scores(pixels), powers / powers.sum(1, keepdims=True), rtol=1e-5)
    assert model.logits(pixels[:0]).shape == (0, 3)
    np.testing.assert_allclose(model.logits(pixels[:1]), model.logits(pixels)[:1], rtol=1e-5)


@pytest.mark.parametrize("kind", FORMATS)
def test_layers_can_be_watched_where_the_format_allows(kind: str, tmp_path: Path, arch: str) -> None:
    import torch

    model = open_model(save(kind, tmp_path), arch=arch, trust_code=True)
    module, pixels = model.torch_module(), nets.pixels(2)
    if kind == "onnx":
        assert module is None
        assert model.feature_layer is None
        return
    assert model.feature_layer == ("conv" if kind in ("state", "safetensors") else "feature_maps")
    seen: list[Any] = []
    handle = dict(module.named_modules())[model.feature_layer].register_forward_hook(
        lambda *a: seen.append(a[2])
    )
    with torch.no_grad():
        outputs = module(model.normalise(pixels))
    handle.remove()
    np.testing.assert_allclose(outputs.numpy(), nets.expected(pixels), rtol=1e-5)
    np.testing.assert_allclose(seen[0].mean((2, 3)).numpy(), nets.expected(pixels), rtol=1e-5)


def test_what_a_hook_returns_flows_on(tmp_path: Path) -> None:
    """Interventions on maps (and gradients started there) must reach the outputs, whatever the format."""
    for kind in ("script", "trace", "pt2"):
        folder = tmp_path / kind
        folder.mkdir()
        model = open_model(save(kind, folder))
        module = model.torch_module()
        layer = dict(module.named_modules())[model.feature_layer]
        handle = layer.register_forward_hook(lambda module, given, output: output * 0 + 3)
        outputs = module(model.normalise(nets.pixels(2)))
        handle.remove()
        np.testing.assert_allclose(outputs.detach().numpy(), 3.0, rtol=1e-6)


def test_fingerprints_follow_weights_and_side_file(tmp_path: Path, arch: str) -> None:
    from safetensors.torch import save_file

    path = save("safetensors", tmp_path)
    first = open_model(path, arch=arch, trust_code=True).fingerprint
    copied = tmp_path / "copy"
    copied.mkdir()
    (copied / "other.safetensors").write_bytes(path.read_bytes())
    nets.write_side(copied)
    assert open_model(copied / "other.safetensors", arch=arch, trust_code=True).fingerprint == first
    nets.write_side(copied, mean=0.5)
    assert open_model(copied / "other.safetensors", arch=arch, trust_code=True).fingerprint != first
    net = nets.network()
    net.conv.bias.data += 1
    save_file(net.state_dict(), path)
    assert open_model(path, arch=arch, trust_code=True).fingerprint != first


def test_probabilities_are_recognised_unless_stated(tmp_path: Path) -> None:
    nets.write_side(tmp_path)
    path = nets.write_onnx(tmp_path / "m.onnx", probabilities=True)
    model, pixels = open_model(path), nets.pixels()
    assert model.outputs == "probabilities"
    np.testing.assert_array_equal(model.scores(pixels), model.logits(pixels))
    np.testing.assert_allclose(model.scores(pixels).sum(1), 1, rtol=1e-5)
    nets.write_side(tmp_path, outputs="logits")
    assert open_model(path).outputs == "logits"


@pytest.mark.parametrize("batch", ["n", 1, 4])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float", "float16", "uint8"])
def test_onnx_inputs_of_all_shapes(batch: int | str, layout: str, dtype: str, tmp_path: Path) -> None:
    nets.write_side(tmp_path, input_size=None)
    model = open_model(nets.write_onnx(tmp_path / "m.onnx", batch=batch, layout=layout, dtype=dtype))
    assert model.preprocessing.size == (nets.SIZE, nets.SIZE)
    assert model.preprocessing.layout == layout
    pixels = nets.pixels(6)
    np.testing.assert_allclose(
        model.logits(pixels), nets.expected(pixels), rtol=5e-3 if dtype == "float16" else 1e-5
    )


def test_onnx_names_its_classes_itself(tmp_path: Path) -> None:
    path = nets.write_onnx(tmp_path / "m.onnx", names="{0: 'r', 1: 'g', 2: 'b'}")
    assert open_model(path).classes == ("r", "g", "b")


def test_onnx_data_beside_the_model_counts_for_the_fingerprint(tmp_path: Path) -> None:
    nets.write_side(tmp_path)
    path = nets.write_onnx(tmp_path / "m.onnx", external="weights.bin")
    first = open_model(path)
    np.testing.assert_allclose(first.logits(nets.pixels()), nets.expected(nets.pixels()), rtol=1e-5)
    (tmp_path / "weights.bin").write_bytes((np.eye(3, dtype=np.float32) * 5).tobytes())
    assert open_model(path).fingerprint != first.fingerprint
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(UserError, match=r"lacks its data file weights.bin"):
        open_model(path)


@pytest.mark.parametrize("outside", ["../secret.bin", "/etc/hostname", "sub/../../secret.bin", "link.bin"])
def test_onnx_data_outside_its_folder_is_refused(outside: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(36))
    nets.write_side(folder)
    path = nets.write_onnx(folder / "m.onnx", external=outside)
    if outside == "link.bin":
        (folder / "link.bin").unlink()
        (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(UserError, match=r"outside its own folder"):
        open_model(path)


def test_one_output_is_a_yes_no_model(tmp_path: Path) -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)  # some weights give scores on one side of a half only
    for last, kind in ((nn.Identity(), "logits"), (nn.Sigmoid(), "probabilities")):
        net = nn.Sequential(nn.Conv2d(3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last).eval()
        torch.jit.script(net).save(tmp_path / "m.pt")
        nets.write_side(tmp_path, classes=["no", "yes"])
        model, pixels = open_model(tmp_path / "m.pt"), nets.pixels()
        assert model.outputs == kind
        with torch.no_grad():
            z = nn.Sequential(*net[:3])(model.normalise(pixels)).numpy()[:, 0]
        np.testing.assert_allclose(model.scores(pixels)[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-4)
        np.testing.assert_allclose(model.scores(pixels).sum(1), 1, rtol=1e-5)


def test_an_exported_graph_of_one_batch_size_still_takes_any_number(tmp_path: Path) -> None:
    import torch

    nets.write_side(tmp_path)
    torch.export.save(torch.export.export(nets.network(), (torch.zeros(2, 3, 16, 16),)), tmp_path / "m.pt2")
    model = open_model(tmp_path / "m.pt2")
    np.testing.assert_allclose(model.logits(nets.pixels(5)), nets.expected(nets.pixels(5)), rtol=1e-5)
    assert model.torch_module() is None


def test_preparation_follows_the_side_file(tmp_path: Path) -> None:
    nets.write_side(
        tmp_path, crop="center square, then resize", channels="BGR", mean=[0.1, 0.2, 0.3], std=[0.5, 0.4, 0.2]
    )
    model = open_model(nets.write_onnx(tmp_path / "m.onnx"))
    assert model.preprocessing.fit == "square"
    pixels = nets.pixels(1)
    given = model.normalise(pixels).numpy()[0]
    wanted = (pixels[0, ..., ::-1] / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.4, 0.2]
    np.testing.assert_allclose(given.transpose(1, 2, 0), wanted, rtol=1e-5, atol=1e-6)
    assert model.prepare(Image.new("RGB", (40, 20), (1, 2, 3))).shape == (16, 16, 3)


def test_a_python_factory_runs_only_when_trusted(tmp_path: Path) -> None:
    source = (
        Path(nets.__file__).read_text()
        + "\n\nfrom pathlib import Path as _P\n_P(__file__).with_name('ran').touch()\n"
    )
    (tmp_path / "own.py").write_text(
        source.replace("FACTS = {", "FACTS = {'network': {").replace('"stretch"}', '"stretch"}}')
    )
    with pytest.raises(UserError, match=r"is Python code and is not run.*--trust-code"):
        open_model(f"{tmp_path / 'own.py'}:network")
    assert not (tmp_path / "ran").exists()
    model = open_model(f"{tmp_path / 'own.py'}:network", trust_code=True)
    assert (tmp_path / "ran").exists()
    assert model.format == "python"
    np.testing.assert_allclose(model.logits(nets.pixels()), nets.expected(nets.pixels()), rtol=1e-5)
    with pytest.raises(UserError, match=r"has no function other.*network"):
        open_model(f"{tmp_path / 'own.py'}:other", trust_code=True)
    with pytest.raises(UserError, match=r"names no function"):
        open_model(tmp_path / "own.py", trust_code=True)


def test_a_foreign_architecture_needs_trust(tmp_path: Path) -> None:
    path = save("safetensors", tmp_path)
    with pytest.raises(UserError, match=r"importing antigravity runs its code.*--trust-code"):
        open_model(path, arch="antigravity:net")
    with pytest.raises(UserError, match=r"importing failsight.agent.cli runs its code"):
        open_model(path, arch="failsight.agent.cli:main")
    with pytest.raises(UserError, match=r"holds weights only.*cifar_resnet20"):
        open_model(path)
    with pytest.raises(UserError, match=r"do not fit the architecture: missing bn1"):
        open_model(path, arch="cifar_resnet20")
    nets.write_side(
        tmp_path, arch="antigravity:net"
    )  # a file that came with the model can't vouch for itself
    with pytest.raises(UserError, match=r"--trust-code"):
        open_model(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": None}, r"does not say what its classes are called.*m.json.*classes"),
        ({"input_size": None}, r"does not say what size"),
        ({"classes": ["a", "b"]}, r"3 outputs, but 2 class names"),
        ({"classes": ["a", "a", "b"]}, r"same class twice"),
        ({"std": [1, 0, 1]}, r"std must be three positive numbers"),
        ({"channels": "XYZ"}, r"channels must be RGB, BGR or GRAY"),
        ({"crop": "twirl"}, r"crop must be one of"),
        ({"input_size": "big"}, r"input_size must be"),
    ],
)
def test_side_files_that_do_not_fit(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = save("script", tmp_path)
    nets.write_side(tmp_path, **changes)
    with pytest.raises(UserError, match=words):
        open_model(path)


def test_side_file_by_name_beside_and_given(tmp_path: Path) -> None:
    path = save("script", tmp_path)
    nets.write_side(tmp_path, "m.json", classes=["x", "y", "z"])
    assert open_model(path).classes == ("x", "y", "z")
    other = nets.write_side(tmp_path, "other.json", classes=["u", "v", "w"])
    assert open_model(path, side_file=other).classes == ("u", "v", "w")
    assert open_model(path, classes=("1", "2", "3")).classes == ("1", "2", "3")
    (tmp_path / "m.json").write_text("{")
    with pytest.raises(UserError, match=r"not readable JSON"):
        open_model(path)


def test_a_folder_with_one_model(tmp_path: Path) -> None:
    save("onnx", tmp_path)
    assert open_model(tmp_path).format == "onnx"
    save("script", tmp_path)
    with pytest.raises(UserError, match=r"holds 2 model files"):
        open_model(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no model"):
        open_model(tmp_path / "empty")


@pytest.mark.parametrize("name", ["m.pt", "m.pt2", "m.onnx", "m.safetensors", "m.pth"])
def test_rubbish_is_no_model(name: str, tmp_path: Path) -> None:
    nets.write_side(tmp_path)
    for content in (b"", b"rubbish" * 100, b"PK\x03\x04" + bytes(50)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError) as caught:
            open_model(tmp_path / name, arch="cifar_resnet20")
        assert caught.value.hint
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_model_cut_short(kind: str, tmp_path: Path, arch: str) -> None:
    path = save(kind, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(UserError):
        open_model(path, arch=arch, trust_code=True)


def test_missing_unknown_and_device(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist"):
        open_model(tmp_path / "none.onnx")
    with pytest.raises(UserError, match=r"hub:google/vit"):
        open_model("google/vit")
    (tmp_path / "m.keras").write_bytes(b"x")
    with pytest.raises(UserError, match=r"Keras files are not supported"):
        open_model(tmp_path / "m.keras")
    (tmp_path / "m.doc").write_bytes(b"x")
    with pytest.raises(UserError, match=r"no format that Failsight knows"):
        open_model(tmp_path / "m.doc")
    with pytest.raises(UserError, match=r"has no device tpu"):
        open_model(save("script", tmp_path), device="tpu")


def test_wrong_input_size_says_what_to_state(tmp_path: Path) -> None:
    import torch
    from torch import nn

    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3)).eval()
    torch.jit.trace(net, torch.zeros(1, 3, 8, 8)).save(tmp_path / "m.pt")
    nets.write_side(tmp_path)
    with pytest.raises(
        UserError,
        match=r"can't be run on pictures of 16 × 16 pixels: RuntimeError: mat1 and mat2 .*input_size",
    ):
        open_model(tmp_path / "m.pt")


def test_the_side_file_documented_in_the_module_is_read(tmp_path: Path) -> None:
    from failsight.tools.inputs.models.side import parse_side

    facts = {
        "classes": {"1": "b", "0": "a"},
        "preprocessing": {"input_size": [3, 20, 30], "resize": 32, "crop": "center"},
    }
    side = parse_side(json.loads(json.dumps(facts)))
    assert side.classes == ("a", "b")
    how = side.preprocessing()
    assert how is not None
    assert (how.size, how.resize, how.fit) == ((20, 30), 32, "crop")
