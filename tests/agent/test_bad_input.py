"""Bad input: one plain sentence, exit code 2, nothing lost; bad images are listed and the run goes on."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.agent.cli import main
from failsight.agent.config import make_config
from failsight.tools.errors import UserError

CLASSES = ("red_room", "blue_room")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tiny TorchScript model that tells red from blue, and forty pictures."""
    import torch

    class Tiny(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mean = x.mean((2, 3))
            return torch.stack([mean[:, 0] - mean[:, 2], mean[:, 2] - mean[:, 0]], 1) * 8

    monkeypatch.chdir(tmp_path)
    torch.jit.trace(Tiny().eval(), torch.zeros(2, 3, 16, 16), check_trace=False).save(
        str(tmp_path / "model.pt")
    )
    side = {
        "classes": CLASSES,
        "input_size": [16, 16],
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "crop": "stretch",
    }
    (tmp_path / "model.json").write_text(json.dumps(side))
    photos(tmp_path / "photos")
    return tmp_path


def photos(folder: Path, classes: tuple[str, ...] = CLASSES, each: int = 20) -> None:
    rng = np.random.default_rng(0)
    for k, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            pixels = rng.integers(0, 120, (20, 24, 3)).astype(np.uint8)
            pixels[..., 0 if k == 0 else 2] += 60 if i % 5 else 0
            Image.fromarray(pixels).save(folder / name / f"{i:03d}.png")


def run(*arguments: str) -> int:
    return main(["run", *arguments])


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of stderr; there must be no traceback."""
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return err.strip().splitlines()[-1]


def test_a_missing_model(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--model", "nothing.pt", "--data", "photos") == 2
    assert "nothing.pt" in complaint(capsys)


def test_no_model_at_all(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", "photos") == 2
    assert "--model" in complaint(capsys)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch PWNED",)


@pytest.mark.parametrize("name", ["evil.pt", "evil.pth", "evil.bin"])
def test_a_pickle_that_runs_code_is_refused(
    world: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (world / name).write_bytes(pickle.dumps(Evil()))
    assert run("--model", name, "--data", "photos") == 2
    assert complaint(capsys)
    assert not (world / "PWNED").exists()


def test_class_names_that_do_not_match(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(world / "other", ("cats", "dogs"))
    assert run("--model", "model.pt", "--data", "other") == 2
    said = complaint(capsys)
    assert "cats" in said
    assert "red_room" in said


def test_an_empty_folder(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "empty").mkdir()
    assert run("--model", "model.pt", "--data", "empty") == 2
    assert "empty" in complaint(capsys)


def test_one_class_only(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(world / "single", CLASSES[:1])
    assert run("--model", "model.pt", "--data", "single") == 2
    assert "class" in complaint(capsys)


def test_a_csv_without_path(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "m.csv").write_text("file,label\nphotos/red_room/000.png,red_room\n")
    assert run("--model", "model.pt", "--data", "m.csv") == 2
    assert "path" in complaint(capsys)


def test_corrupt_images_are_listed_and_the_run_goes_on(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in (3, 7):
        (world / "photos" / "red_room" / f"{i:03d}.png").write_bytes(b"not a picture")
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    report = (world / "case" / "report.md").read_text()
    assert "003.png" in report
    assert "007.png" in report
    assert json.loads((world / "case" / "findings.json").read_text())["performance"]["n"] == 38


def test_odd_names_and_sizes(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = os.fsencode(world / "photos" / "red_room")
    source = (world / "photos" / "red_room" / "001.png").read_bytes()
    with open(os.path.join(folder, b"caf\xe9.png"), "wb") as file:  # Latin-1 bytes, not UTF-8
        file.write(source)
    Image.new("RGB", (1, 1), (200, 10, 10)).save(world / "photos" / "red_room" / "one.png")
    Image.new("RGB", (12000, 9000), (10, 10, 200)).save(world / "photos" / "blue_room" / "huge.jpg")
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    found = json.loads((world / "case" / "findings.json").read_text())
    assert found["performance"]["n"] >= 42  # a 1×1 picture may be used or listed, the others are used


def test_labels_unseen_by_the_model_are_listed(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(world / "photos", ("green_room",), 4)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    assert "green_room" in (world / "case" / "report.md").read_text()
    assert json.loads((world / "case" / "findings.json").read_text())["performance"]["n"] == 40


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_output_folder(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "locked").mkdir(mode=0o500)
    assert run("--model", "model.pt", "--data", "photos", "--out", "locked/case") == 2
    assert "--out" in complaint(capsys)


def test_an_output_path_that_is_a_file(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "taken").write_text("mine")
    assert run("--model", "model.pt", "--data", "photos", "--out", "taken/case") == 2
    assert "--out" in complaint(capsys)
    assert (world / "taken").read_text() == "mine"


def test_a_full_disk(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tenth synced write finds the disk full: one sentence; with room again the same command ends well."""
    real, count = os.fsync, [0]

    def full(fd: int) -> None:
        count[0] += 1
        if count[0] > 20:
            raise OSError(28, "No space left on device")
        real(fd)

    monkeypatch.setattr(os, "fsync", full)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") == 2
    assert "space" in complaint(capsys)
    monkeypatch.setattr(os, "fsync", real)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    assert main(["verify", "case"]) == 0


def test_a_case_about_something_else_is_not_overwritten(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    before = (world / "case" / "journal.jsonl").read_bytes()
    photos(world / "more", CLASSES)
    assert run("--model", "model.pt", "--data", "more", "--out", "case") == 2
    assert "something else" in complaint(capsys)
    assert (world / "case" / "journal.jsonl").read_bytes() == before


def test_a_case_whose_images_changed_is_not_continued(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    (world / "photos" / "red_room" / "001.png").unlink()
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") == 2
    assert "changed since" in complaint(capsys)
    assert main(["report", "case"]) == 0


NETWORK = """
import torch


def build() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 2))
"""


def test_a_function_in_a_python_file_is_a_model(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "network.py").write_text(NETWORK)
    given = ("--data", "photos", "--policy", "cheap")
    assert run("--model", "network.py:build", *given, "--out", "refused") == 2
    assert "--trust-code" in complaint(capsys)
    assert run("--model", "other.py:build", *given) == 2
    assert "other.py" in complaint(capsys)
    assert run("--model", "network.py:build", *given, "--trust-code", "--out", "made") in (0, 3, 4)


def test_an_architecture_lies_in_the_folder_that_the_command_is_called_in(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from safetensors.torch import save_file

    (world / "network.py").write_text(NETWORK)
    torch.manual_seed(1)
    layer = torch.nn.Linear(12, 2)
    save_file(
        {"2.weight": layer.weight.detach(), "2.bias": layer.bias.detach()}, str(world / "w.safetensors")
    )
    given = ("--model", "w.safetensors", "--data", "photos", "--policy", "cheap", "--trust-code")
    assert run(*given, "--arch", "network:build", "--out", "made") in (0, 3, 4)


def test_one_split_of_a_data_set_is_data_and_a_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "answers.csv").write_text("path,label,prediction\n")
    given = make_config(predictions=str(tmp_path / "answers.csv"), data=f"{tmp_path}/set#test")
    assert given.data == f"{(tmp_path / 'set').resolve()}#test"
    with pytest.raises(UserError, match="There is no"):
        make_config(predictions=str(tmp_path / "answers.csv"), data=f"{tmp_path}/other#test")
