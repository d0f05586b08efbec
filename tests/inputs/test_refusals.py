"""Files that would run code when opened are refused, and the code does not run."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_model
from tests.inputs import nets


class Bomb:
    """Unpickled, it creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, (str(self.target),)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "it_ran"


def test_the_bomb_works(target: Path) -> None:
    """The other tests prove something only if it does."""
    pickle.loads(pickle.dumps(Bomb(target)))
    assert target.is_dir()


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin"])
@pytest.mark.parametrize("way", ["bare", "torch", "old torch", "beside weights"])
def test_pickles_that_run_code(suffix: str, way: str, tmp_path: Path, target: Path) -> None:
    import torch

    path = tmp_path / f"evil{suffix}"
    nets.write_side(tmp_path)
    if way == "bare":
        path.write_bytes(pickle.dumps(Bomb(target)))
    elif way == "beside weights":
        torch.save({"state_dict": nets.network().state_dict(), "extra": Bomb(target)}, path)
    else:
        torch.save(Bomb(target), path, _use_new_zipfile_serialization=way == "torch")
    with pytest.raises(UserError, match=r"refused: it is a pickle that would run code") as caught:
        open_model(path, arch="cifar_resnet20", trust_code=True)
    assert "never unpickles" in caught.value.hint
    assert not target.exists()


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib"])
def test_pickles_by_name(suffix: str, tmp_path: Path, target: Path) -> None:
    (tmp_path / f"m{suffix}").write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(UserError, match=r"runs code when it is opened"):
        open_model(tmp_path / f"m{suffix}")
    assert not target.exists()


def test_a_whole_module_pickled_is_refused(tmp_path: Path) -> None:
    import torch

    torch.save(nets.network(), tmp_path / "m.pt")
    with pytest.raises(UserError, match=r"would run code when opened.*safetensors"):
        open_model(tmp_path / "m.pt", arch="cifar_resnet20")


def test_torchscript_that_touches_files(tmp_path: Path, target: Path) -> None:
    import torch

    class Writes(torch.nn.Module):
        def __init__(self, where: str) -> None:
            super().__init__()
            self.where = where

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.save(x, self.where)
            return x.mean((2, 3))

    torch.jit.script(Writes(str(target))).save(tmp_path / "m.pt")
    nets.write_side(tmp_path)
    with pytest.raises(UserError, match=r"its program touches files .save."):
        open_model(tmp_path / "m.pt")
    assert not target.exists()


# --- torch.export archives -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    folder = tmp_path_factory.mktemp("exported")
    dynamic = ({0: torch.export.Dim("n", min=1, max=512)},)
    program = torch.export.export(nets.network(), (torch.zeros(2, 3, 16, 16),), dynamic_shapes=dynamic)
    torch.export.save(program, folder / "m.pt2")
    nets.write_side(folder)
    return folder


Change = Callable[[dict[str, bytes]], None]


def changed(source: Path, folder: Path, change: Change) -> Path:
    """A copy of the archive with its members changed."""
    with zipfile.ZipFile(source / "m.pt2") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(folder / "m.pt2", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    shutil.copy(source / "model.json", folder)
    return folder / "m.pt2"


def in_graph(old: str, new: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        name = next(n for n in members if n.endswith("models/model.json"))
        assert old in members[name].decode()
        members[name] = members[name].decode().replace(old, new).encode()

    return change


def test_the_archive_itself_is_fine(exported: Path, tmp_path: Path) -> None:
    assert open_model(exported / "m.pt2").format == "torch_export"
    assert open_model(changed(exported, tmp_path, lambda members: None)).format == "torch_export"


def _bomb(target: Path) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(((Bomb(target),), {}), buffer)
    return buffer.getvalue()


def test_pickled_inputs_in_an_export(exported: Path, tmp_path: Path, target: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        members[next(n for n in members if n.endswith("sample_inputs/model.pt"))] = _bomb(target)

    with pytest.raises(
        UserError, match=r"refused.*sample_inputs/model.pt in it is a pickle that would run code"
    ):
        open_model(changed(exported, tmp_path, change))
    assert not target.exists()


def test_pickled_weights_in_an_export(exported: Path, tmp_path: Path, target: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        config = next(n for n in members if n.endswith("model_weights_config.json"))
        table = json.loads(members[config])
        first = next(iter(table["config"].values()))
        first["use_pickle"] = True
        members[config] = json.dumps(table).encode()
        members[config.replace("model_weights_config.json", first["path_name"])] = _bomb(target)

    with pytest.raises(UserError, match=r"is a pickle that would run code"):
        open_model(changed(exported, tmp_path, change))
    assert not target.exists()


@pytest.mark.parametrize(
    "member", ["data/constants/custom_obj_0", "data/constants/opaque_obj_0", "data/aotinductor/m/x.so"]
)
def test_objects_and_libraries_in_an_export(
    member: str, exported: Path, tmp_path: Path, target: Path
) -> None:
    def change(members: dict[str, bytes]) -> None:
        root = next(iter(members)).partition("/")[0]
        members[f"{root}/{member}"] = pickle.dumps(Bomb(target))

    with pytest.raises(UserError, match=r"refused"):
        open_model(changed(exported, tmp_path, change))
    assert not target.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("torch.ops.aten.conv2d.default", "torch.load"),
        ("torch.ops.aten.conv2d.default", "torch.ops.aten.from_file.default"),
        ("torch.ops.aten.conv2d.default", "torch.ops.aten.__class__.default"),
        ("torch.ops.aten.conv2d.default", "_operator.methodcaller"),
        ("torch.ops.aten.conv2d.default", "torch.os.mkdir"),
        ("torch.ops.aten.conv2d.default", "#ext:run"),
        ('"name": "conv2d"', '"name": "x=__import__(1)"'),
        ('"name": "input"', '"name": "a: print(1)"'),
        ("builtins.tuple", "collections.defaultdict"),
    ],
)
def test_graphs_that_name_more_than_tensor_operations(
    old: str, new: str, exported: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"refused"):
        open_model(changed(exported, tmp_path, in_graph(old, new)))


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').mkdir('X')",
        "(1).__class__",
        "Symbol('s0').subs(1)",
        "exec(1)",
        "Lambda(s0, s0)",
        "Symbol('s0', positive=True)+open(1)",
        "s0.name",
        "Symbol('s0',positive=open(1))",
        "[1]",
        "s0;1",
    ],
)
def test_size_expressions_that_are_no_arithmetic(expression: str, exported: Path, tmp_path: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        name = next(n for n in members if n.endswith("models/model.json"))
        graph = json.loads(members[name])
        count = _replace(graph, "expr_str", expression)
        assert count
        members[name] = json.dumps(graph).encode()

    with pytest.raises(UserError, match=r"refused: the expr_str"):
        open_model(changed(exported, tmp_path, change))


def _replace(node: Any, key: str, value: str) -> int:
    if isinstance(node, dict):
        hits = int(key in node)
        if hits:
            node[key] = value
        return hits + sum(_replace(v, key, value) for v in node.values())
    return sum(_replace(v, key, value) for v in node) if isinstance(node, list) else 0


@pytest.mark.parametrize(
    "expression",
    ["2*s0", "Max(1, s0//2) - 1", "Symbol('s77', positive=True, integer=True)", "Mod(s0, 4)*1.5"],
)
def test_size_expressions_that_are_arithmetic(expression: str) -> None:
    from failsight.tools.inputs.models.export_check import _plain_expression

    assert _plain_expression(expression)


def test_guards_in_an_export_are_never_run(exported: Path, tmp_path: Path, target: Path) -> None:
    """torch compiles ``guards_code`` with ``exec`` unless told not to."""

    def change(members: dict[str, bytes]) -> None:
        name = next(n for n in members if n.endswith("models/model.json"))
        graph = json.loads(members[name])
        graph["guards_code"] = [f"__import__('os').mkdir({str(target)!r}) or True"]
        members[name] = json.dumps(graph).encode()

    model = open_model(changed(exported, tmp_path, change))
    model.logits(nets.pixels(2))
    assert not target.exists()
