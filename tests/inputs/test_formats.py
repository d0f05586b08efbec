"""What the doctor says about formats."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from failsight.tools.inputs import formats as module
from failsight.tools.inputs.formats import formats


def test_every_format_is_described_and_what_needs_nothing_works() -> None:
    made = formats()
    assert {one.kind for one in made} == {"model", "data", "predictions"}
    assert all(one.given and one.name for one in made)
    assert all(one.usable for one in made if not one.needs)


def test_missing_and_broken_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        module.importlib.util, "find_spec", lambda name: None if name == "transformers" else real(name)
    )

    def broken(name: str) -> object:
        if name == "onnxruntime":
            raise ImportError("built for another numpy")
        return object()

    monkeypatch.setattr(module.importlib, "import_module", broken)
    by_name = {one.name: one for one in formats()}
    assert by_name["transformers folder"].problem == "transformers is not installed: pip install transformers"
    assert "built for another numpy" in by_name["ONNX"].problem
    assert by_name["TorchScript"].usable


def test_importing_inputs_and_opening_images_loads_no_framework(tmp_path: object) -> None:
    code = (
        "import sys; from failsight.tools.inputs import open_images, open_black_box, open_model\n"
        "from failsight.tools.engine import predict\n"
        "heavy = {'torch', 'transformers', 'pyarrow', 'datasets', 'onnxruntime', 'pandas', 'scipy'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
