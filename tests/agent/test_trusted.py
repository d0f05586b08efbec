"""Trust is given to code as it stood: its place is kept, and other code under its name is never imported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from failsight.agent import open_case
from failsight.agent.cli import main
from failsight.agent.config import load_config
from failsight.tools.errors import UserError
from failsight.tools.inputs import open_model
from failsight.tools.inputs.models.code import code_digest, named_by, placed

CODE = """import torch
from parts import layer
def build():
    return torch.nn.Sequential(torch.nn.Flatten(), layer())
"""
PARTS = """import torch
def layer():
    return torch.nn.Linear(12, 2)
"""
SIDE = {"classes": ["dark", "light"], "input_size": 2, "mean": 0.0, "std": 1.0, "crop": "stretch"}


def evil(path: Path) -> None:
    """Code that would be noticed if it ran."""
    path.write_text(f"open({str(path.parent / 'ran')!r}, 'w').close()\n{CODE}")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, weights and the code that builds their network; the working directory."""
    for k, name in enumerate(SIDE["classes"]):  # type: ignore[arg-type]
        for i in range(12):
            path = tmp_path / "photos" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((2, 2, 3), 100 * k + 5 * i, np.uint8)).save(path)
    weights = torch.stack([torch.full((12,), -1.0), torch.full((12,), 1.0)])
    save_file({"1.weight": weights, "1.bias": torch.tensor([6.0, -6.0])}, tmp_path / "weights.safetensors")
    (tmp_path / "weights.json").write_text(json.dumps(SIDE))
    (tmp_path / "arch.py").write_text(CODE)
    (tmp_path / "parts.py").write_text(PARTS)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def opened(**more: object) -> None:
    given = {"model": "weights.safetensors", "arch": "arch.py:build", "data": "photos", "out": "case"}
    open_case(**{**given, "trust_code": True, **more}).close()  # type: ignore[arg-type]


def test_the_place_of_the_code_is_kept(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    assert load_config(world / "case").arch == f"{world / 'arch.py'}:build"
    monkeypatch.chdir(world / "elsewhere")
    evil(world / "elsewhere" / "arch.py")
    with open_case("../case") as case:
        assert case.call("evaluate", {})[0].fact("accuracy").n == 24
    assert not (world / "elsewhere" / "ran").exists()


@pytest.mark.parametrize("file", ["arch.py", "parts.py"])
def test_code_that_changed_is_refused_before_it_runs(
    world: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    opened()
    evil(world / file)
    assert main(["call", "case", "evaluate"]) == 2
    said = capsys.readouterr().err
    assert "The code of the model has changed since the case case was opened, and is not run." in said
    with pytest.raises(UserError, match="code of the model has changed"):
        opened()  # nor when it is trusted anew: what was measured was measured with other code
    assert not (world / "ran").exists()


def test_code_that_is_gone_is_said_in_one_sentence(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened()
    (world / "arch.py").unlink()
    assert main(["call", "case", "evaluate"]) == 2
    assert "code of the model of this case is not where it was" in capsys.readouterr().err


def test_a_python_function_as_the_model_is_held_to_its_code(world: Path) -> None:
    (world / "net.py").write_text(
        "import torch\nclasses = None\ndef make():\n"
        "    m = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))\n"
        f"    for k, v in {SIDE!r}.items(): setattr(m, k, v)\n"
        "    torch.nn.init.ones_(m[1].weight); torch.nn.init.zeros_(m[1].bias)\n    return m\n"
    )
    open_case(model="net.py:make", data="photos", out="own", trust_code=True).close()
    open_case("own").close()
    evil(world / "net.py")
    with pytest.raises(UserError, match="code of the model has changed"):
        open_case("own")
    assert not (world / "ran").exists()


def test_a_case_of_before_says_what_to_do_and_is_mended_by_it(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    toml = world / "case" / "case.toml"
    text = toml.read_text().replace(f"{world / 'arch.py'}:build", "arch.py:build")
    toml.write_text("\n".join(line for line in text.splitlines() if not line.startswith("code =")))
    monkeypatch.chdir(world / "elsewhere")
    evil(world / "elsewhere" / "arch.py")
    with pytest.raises(UserError, match="without saying in which folder") as told:
        open_case("../case")
    assert f"--out {world / 'case'}" in str(told.value.hint)
    assert not (world / "elsewhere" / "ran").exists()
    monkeypatch.chdir(world)
    opened()
    kept = load_config(world / "case")
    assert kept.arch == f"{world / 'arch.py'}:build" and len(kept.code) == 64
    monkeypatch.chdir(world / "elsewhere")
    open_case("../case").close()


def test_a_module_beside_is_kept_by_its_file(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(arch="arch:build")
    assert load_config(world / "case").arch == f"{world / 'arch.py'}:build"


def test_what_comes_with_failsight_and_what_is_installed_keep_their_names(world: Path) -> None:
    for named in ("cifar_resnet20", "failsight.tools.inputs.models.architectures:cifar_resnet20", "torchvision.models:resnet18", "a:b:c", ":", ""):  # fmt: skip
        assert placed(named) == named
    assert code_digest("failsight.tools.inputs.models.architectures:cifar_resnet20") == ""
    assert code_digest("no_such_module_anywhere:build") == code_digest("cifar_resnet20") == ""
    assert len(code_digest("json.decoder:JSONDecoder")) == 64  # found, not imported
    with pytest.raises(UserError, match="does not exist"):
        placed("nowhere.py:build")


def test_code_is_read_however_strange_it_is(world: Path) -> None:
    for content in (
        b"def broken(:\n",
        b"\xff\xfe\x00",
        b"import arch\nfrom . import arch, parts\nfrom .. import x\n",
        b"",
    ):
        (world / "arch.py").write_bytes(content)
        assert len(code_digest(f"{world / 'arch.py'}:build")) == 64
    (world / "arch.py").write_text("import pack.inner\n")
    (world / "pack").mkdir()
    (world / "pack" / "__init__.py").write_text("")
    (world / "pack" / "inner.py").write_text("from . import more\n")
    (world / "pack" / "more.py").write_text("x = 1\n")
    before = code_digest(f"{world / 'arch.py'}:build")
    (world / "parts.py").write_text("x = 2\n")  # no longer imported
    assert code_digest(f"{world / 'arch.py'}:build") == before
    (world / "pack" / "more.py").write_text("x = 2\n")
    assert code_digest(f"{world / 'arch.py'}:build") != before


def test_a_side_file_names_code_from_where_it_lies(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (world / "weights.json").write_text(json.dumps({**SIDE, "arch": "arch.py:build"}))
    monkeypatch.chdir(world / "elsewhere")
    evil(world / "elsewhere" / "arch.py")
    assert named_by(str(world / "weights.safetensors"), "") == (f"{world / 'arch.py'}:build",)
    assert open_model(world / "weights.safetensors", trust_code=True).classes == ("dark", "light")
    assert not (world / "elsewhere" / "ran").exists()
    opened(model="../weights.safetensors", arch="", data="../photos", out="../case")
    evil(world / "arch.py")
    with pytest.raises(UserError, match="code of the model has changed"):
        open_case("../case")


def test_another_argument_is_named(world: Path) -> None:
    opened()
    with pytest.raises(UserError, match=r"about something else: it was opened with --seed 0, now it is 3\."):
        opened(seed=3)
    with pytest.raises(UserError, match=r"--map not given, now it is dark=light\."):
        opened(class_map={"dark": "light"})


def test_model_code_and_pictures_that_were_moved_are_the_same_and_others_are_not(world: Path) -> None:
    opened()
    new = world / "new"
    new.mkdir()
    for name in ("weights.safetensors", "weights.json", "arch.py", "parts.py", "photos"):
        (world / name).rename(new / name)
    places = {
        "model": new / "weights.safetensors",
        "data": new / "photos",
        "arch": f"{new / 'arch.py'}:build",
    }
    with pytest.raises(
        UserError, match="The model, evaluation images and code of the model of this case are not where"
    ):
        open_case("case")
    with pytest.raises(UserError, match="not where"):  # all that was moved is given at once
        open_case("case", model=places["model"])
    code = (new / "arch.py").read_text()
    evil(new / "arch.py")
    with pytest.raises(UserError, match="code of the model has changed"):
        open_case("case", **places)
    assert not (new / "ran").exists()
    (new / "arch.py").write_text(code)
    side = (new / "weights.json").read_text()
    (new / "weights.json").write_text(side.replace('"mean": 0.0', '"mean": 0.5'))
    with pytest.raises(UserError, match="The model has changed since"):
        open_case("case", **places)
    (new / "weights.json").write_text(side)
    with open_case("case", **places) as case:
        assert case.call("evaluate", {})[0].fact("accuracy").n == 24
    assert load_config(world / "case").arch == f"{new / 'arch.py'}:build"
    open_case("case").close()


def test_a_second_model_of_the_same_architecture_is_compared_as_the_case_reads_its_own(world: Path) -> None:
    from failsight.tools.errors import RetryError

    weights = torch.stack([torch.full((12,), -1.0), torch.full((12,), 1.0)])
    save_file({"1.weight": -weights, "1.bias": torch.tensor([-6.0, 6.0])}, world / "turned.safetensors")
    opened()
    with open_case("case") as case:
        made = case.compare_models(after="turned.safetensors", saliency=False, features=False)
        assert (
            case.evaluate().fact("accuracy").value == 0.75
        )  # of the case's own model, and of the one with signs turned
        assert (made.fact("accuracy_change").value, made.fact("churn").value) == (-0.5, 1.0)
    evil(world / "arch.py")
    (world / "turned.safetensors").touch()
    with pytest.raises((UserError, RetryError)), open_case("case") as case:
        case.compare_models(after="turned.safetensors", saliency=False, features=False, max_images=9)
    assert not (world / "ran").exists()
