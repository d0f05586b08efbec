"""Versions of the model: the case seen with each, nothing of the old one touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from failsight.agent import open_case
from failsight.agent.case import Case
from failsight.knowledge_base.cases.model import build
from failsight.tools.errors import RetryError, UserError
from failsight.tools.inputs import open_model
from failsight.tools.repair.versions import ModelVersion, check_version, next_repair, version_from_dict

ARCH = "failsight.knowledge_base.cases.model:build"


def _model(folder: Path, bias: float) -> Path:
    """The rooms network, untrained, leaning to its first class by ``bias``."""
    import torch

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.clone().contiguous() for k, v in build(2).state_dict().items()}
    last = [name for name in weights if name.endswith("bias")][-1]
    weights[last] = torch.tensor([bias, 0.0])
    save_file(weights, folder / "weights.safetensors")
    (folder / "model.json").write_text(
        json.dumps({"classes": ["red", "blue"], "input_size": [32, 32], "mean": [0.5] * 3, "std": [0.5] * 3,
                    "channels": "RGB", "outputs": "logits", "feature_layer": "features", "arch": ARCH,
                    "arch_arguments": {"classes": 2}})
    )  # fmt: skip
    return folder


@pytest.fixture
def case(tmp_path: Path) -> Case:
    rng = np.random.default_rng(0)
    for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(6):
            noise = rng.integers(0, 40, (32, 32, 3)) + np.array(colour)
            Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(
                tmp_path / "data" / name / f"{i}.png"
            )
    (tmp_path / "nets.py").write_text(
        "from failsight.knowledge_base.cases.model import build\n\n\ndef two():\n    return build(2)\n"
    )
    made = open_case(
        model=str(_model(tmp_path / "model", 50.0)), data=str(tmp_path / "data"), out=tmp_path / "case",
        arch=f"{tmp_path / 'nets.py'}:two", trust_code=True,
    )  # fmt: skip
    yield made
    made.close()


def _add(case: Case, name: str, bias: float) -> ModelVersion:
    place = _model(case.workspace("R1") / name, bias)
    model = open_model(place, arch=case.config.arch, trust_code=True)
    version = ModelVersion(name, "R1", "repair", 1, "collect", "", f"repair/R1/{name}", model.fingerprint)
    case.add_version(version)
    return version


def test_a_version_answers_with_its_own_weights_on_the_cases_images(case: Case) -> None:
    assert set(case.predictions().predicted) == {0}
    _add(case, "R1.1", -50.0)
    other = case.version("R1.1")
    assert set(other.predictions().predicted) == {1}
    assert set(case.predictions().predicted) == {0}
    assert other.table() is case.table()
    assert other.features()[1].shape == case.features()[1].shape
    assert np.array_equal(other.attributes().rows, case.attributes().rows)
    assert case.version("") is case
    assert case.version("r1.1") is other


def test_versions_are_a_fold_over_the_journal(case: Case) -> None:
    made = _add(case, "R1.1", -50.0)
    case.add_version(made)  # the same one twice is one
    assert [e.kind for e in case.journal.events].count("model.added") == 1
    folder = case.folder
    case.close()
    again = open_case(folder)
    assert again.versions() == (made,)
    assert next_repair(again.versions()) == "R2"
    assert set(again.version("R1.1").predictions().predicted) == {1}
    again.close()


def test_a_version_whose_files_changed_or_went_is_refused(case: Case) -> None:
    made = _add(case, "R1.1", -50.0)
    path = case.folder / made.path / "weights.safetensors"
    weights = load_file(path)
    save_file({k: v + 1 for k, v in weights.items()}, path)
    with pytest.raises(UserError, match="not the one that was made"):
        case.version("R1.1").model()
    shutil.rmtree(case.folder / made.path)
    with pytest.raises(UserError, match="is gone"):
        case.version("R1.1").model()


def test_unknown_names_are_told_with_those_there_are(case: Case) -> None:
    with pytest.raises(RetryError, match="No repair has made any"):
        case.version("R9")
    _add(case, "R1.1", -50.0)
    with pytest.raises(RetryError, match=r"R1\.1"):
        case.version("R9<script>")


@pytest.mark.parametrize("name", ["R0.1", "../x", "R1.1/..", "R1.1\n", "", "S1"])
def test_odd_names_make_no_version(name: str) -> None:
    with pytest.raises(ValueError):
        check_version(ModelVersion(name, "R1", "repair", 1, "collect", "", "repair/R1/R1.1", "x"), ())


@pytest.mark.parametrize("path", ["/etc", "repair/../../x", "figures/x", ""])
def test_no_version_lies_outside_the_repair_folder(path: str) -> None:
    with pytest.raises(ValueError, match="outside"):
        check_version(ModelVersion("R1.1", "R1", "repair", 1, "collect", "", path, "x"), ())


def test_a_taken_name_is_refused_and_a_version_survives_its_dictionary() -> None:
    import dataclasses

    one = ModelVersion(
        "R1.c1", "R1", "control", 1, "collect", "F1", "repair/R1/R1.c1", "x", {"train": {"rows": 3}}
    )
    with pytest.raises(RetryError, match="already"):
        check_version(dataclasses.replace(one, seed=2), [one])
    assert version_from_dict({**dataclasses.asdict(one), "later": 1}) == one


def test_a_workspace_never_leaves_the_case(case: Case) -> None:
    assert case.workspace("../../x").resolve().is_relative_to((case.folder / "repair").resolve())
    with pytest.raises(ValueError):
        case.workspace("..")
