"""``.pt`` and ``.pth``: TorchScript programs and state dictionaries; anything that would run code is refused.

TorchScript archives are read by torch's own reader, which knows no Python; programs that read or write files are refused
before that. Everything else goes through ``torch.load(weights_only=True)``, whose
unpickler knows tensors and plain containers and nothing that could run.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs.models.causes import cause
from failsight.tools.inputs.models.scoring import (
    fingerprint_of,
    hash_files,
    need_classes,
    need_preprocessing,
    probe_pixels,
)
from failsight.tools.inputs.models.torch_based import TorchModel, pick_device
from failsight.tools.inputs.models.weights import choose_set, sets_in
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models import Request


def load(request: Request) -> TorchModel:
    """The classifier in a TorchScript archive or (with an architecture) a state dictionary. Raises UserError."""
    kind = _kind(request.path)
    if kind == "export":
        from failsight.tools.inputs.models.torch_export import load as load_torch_export

        return load_torch_export(request)
    if kind == "script":
        return _script(request)
    from failsight.tools.inputs.models.safetensors_file import with_weights

    sets = read_sets(request.path)
    state, notes = choose_set(sets, request.side.weights, request.path)
    prefix = request.side.weights if "" in sets else None
    return with_weights(request, state, "safetensors", notes, prefix)


def _kind(path: Path) -> str:
    """``script``, ``export`` or ``pickle``, from the names in the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError):  # no archive, or a damaged one: said by whoever reads it next
        return "pickle"
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "script"
    return "export" if "archive_format" in names or "models/model.json" in names else "pickle"


def _script(request: Request) -> TorchModel:
    import torch

    device = pick_device(request.device)
    _check_program(request.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.jit.load(str(request.path), map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError, ValueError) as problem:
        raise UserError(
            f"The TorchScript file {clean(request.path.name)} can't be read: {cause(problem)}.",
            "Is it complete?",
        ) from problem
    module.eval()
    side = request.side
    classes = need_classes(side, request.path)
    how = need_preprocessing(side, request.path)
    try:
        return ScriptModel(
            module,
            classes,
            fingerprint_of(hash_files([request.path]), side),
            how,
            side.outputs,
            format="torchscript",
            device=device,
            output=side.output,
        )
    except RuntimeError as problem:  # torch reads parts of a program only when they are used
        raise UserError(
            f"The TorchScript file {clean(request.path.name)} can't be run: {cause(problem)}.",
            "Is it complete, and the input size that of its training?",
        ) from problem


_FILE_CALL = re.compile(r"(?:torch|ops\.\w+)\.(save|from_file|load_tensor)\(")


def _check_program(path: Path) -> None:
    """Raise UserError when the program in a TorchScript archive calls an operation that reads or writes files.

    torch finds a member by its name whatever the case of its letters, and takes the first of two alike.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            programs = [archive.read(m) for m in members if m.filename.lower().endswith(".py")]
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        RuntimeError,
        NotImplementedError,
        EOFError,
    ) as problem:
        raise UserError(
            f"The TorchScript file {clean(path.name)} can't be read: {cause(problem)}.",
            "Is it complete?",
        ) from problem
    if len({m.filename.casefold() for m in members}) < len(members):
        raise UserError(
            f"The model {clean(path.name)} is refused: two of its members have one name.",
            "Export the network again.",
        )
    for program in programs:
        found = _FILE_CALL.search("".join(program.decode("utf-8", "replace").split()))
        if found:
            raise UserError(
                f"The model {clean(path.name)} is refused: its program touches files ({found.group(1)}).",
                "A classifier needs no files; export the network alone.",
            )


class ScriptModel(TorchModel):
    """A TorchScript program, replayed as an ordinary module where that gives the same outputs, so that its layers can be
    watched while it scores: one pass serves predictions and features alike."""

    _replayed: Any = None
    _tried = False
    _scores = False  # whether the replay gives the scores, too

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if (
            self.torch_module() is not self.module and self.fixed_batch is None
        ):  # now: all scores from one module
            probe = probe_pixels(self.preprocessing, 4)
            script = self.raw_outputs(probe)
            self._scores = True
            self._scores = bool(
                np.allclose(self.raw_outputs(probe), script, rtol=1e-4, atol=1e-5, equal_nan=True)
            )

    def _scorer(self) -> Any:
        return self._replayed if self._scores else self.module

    def torch_module(self) -> Any | None:
        """The replay when there is one, else the script (gradients, but no layers); None for a fixed batch."""
        if self.fixed_batch is not None:
            return None
        if not self._tried:
            from failsight.tools.inputs.models.replay import replay

            self._tried = True
            self._replayed = replay(self.module, self.normalise(probe_pixels(self.preprocessing, 1)))
        return self.module if self._replayed is None else self._replayed

    @property
    def feature_layer(self) -> str | None:
        """``feature_maps`` of the replay; None where there is no replay."""
        self.torch_module()
        return None if self._replayed is None else "feature_maps"


def read_sets(path: Path) -> dict[str, dict[str, Any]]:
    """The sets of weights in ``path`` by the keys that they lie below (see ``weights.sets_in``), by weights-only loading.

    Raises:
        UserError: the file would run code, is damaged, or holds no weights.
    """
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # the unpickler raises what the bytes make it raise
        raise UserError(*_refusal(path, problem)) from problem
    found = sets_in(loaded)
    if not found:
        raise UserError(
            f"{clean(path.name)} holds no state dictionary of weights.",
            "Save model.state_dict(), best as safetensors.",
        )
    return found


def _refusal(path: Path, problem: Exception) -> tuple[str, str]:
    """The sentence for a file that weights-only loading refuses, and what to do."""
    hint = "Save its state_dict() as safetensors, or export it as ONNX or TorchScript; Failsight never unpickles code."
    named = re.search(r"(?:GLOBAL|Unsupported global:|class) ([\w.]+)", str(problem))
    if (
        "Unsupported" in str(problem)
        or "weights_only" in str(problem).lower()
        or "Weights only" in str(problem)
    ):
        what = f" ({clean(named.group(1), 80)})" if named and "." in named.group(1) else ""
        return (
            f"The model {clean(path.name)} is refused: it is a pickle that would run code when opened{what}.",
            hint,
        )
    return f"The model {clean(path.name)} can't be read: {cause(problem)}.", "Is the file complete?"
