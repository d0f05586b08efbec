"""Versions of the model that repairs made: kept beside the old one, inside the case folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier

FOLDER = "repair"  # of the case; nothing that a repair writes lies elsewhere
WRAPPED = "version.json"  # a version that is the old model with something new around it
AROUND = ("recalibrate", "defer", "rule")  # strategies that train nothing: the scores are read otherwise
RESTATED = "data_engineering"  # the model as it is, with other facts about it: how it is fed, what its outputs are called
_NAME = re.compile(r"R[1-9][0-9]{0,4}(\.c?[0-9]{1,3})?")

Arm = Literal["repair", "control"]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model that a repair made.

    Attributes:
        name: ``R1.1``: first repair, first seed; ``R1.c1``: the control arm of the same seed.
        repair: ``R1``: the runs that belong together.
        arm: ``repair``, or ``control``: the same budget spent without what is to repair.
        seed: of the run.
        strategy: name in ``tools.strategies``.
        finding: id of the finding that it is to repair (``F3``); empty for none.
        path: folder relative to the case folder, in the format that the model came in, or *wrapped* (``version.json``).
        fingerprint: of the model's content.
        data: what it was trained on: JSON values (split → fingerprint and rows, additions, budget).
        cost: ``seconds``, ``images``, ``labels`` … it took.
    """

    name: str
    repair: str
    arm: Arm
    seed: int
    strategy: str
    finding: str
    path: str
    fingerprint: str
    data: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)


def version_from_dict(raw: Mapping[str, Any]) -> ModelVersion:
    """The version that ``dataclasses.asdict`` wrote. Unknown keys are left out."""
    known = {name: raw[name] for name in ModelVersion.__slots__ if name in raw}
    return ModelVersion(**known)


def next_repair(versions: Sequence[ModelVersion]) -> str:
    """The first free name of a repair: ``R1``, ``R2``, …"""
    numbers = [int(v.repair[1:]) for v in versions if v.repair[1:].isdigit()]
    return f"R{max(numbers, default=0) + 1}"


def check_version(version: ModelVersion, taken: Sequence[ModelVersion]) -> None:
    """Raises ValueError where name or path could lead out of the repair folder; RetryError where the name is taken."""
    if not _NAME.fullmatch(version.name) or not version.name.startswith(version.repair):
        raise ValueError(f"{version.name!r} is no name of a version of {version.repair!r}")
    parts = Path(version.path).parts
    if not parts or parts[0] != FOLDER or ".." in parts or Path(version.path).is_absolute():
        raise ValueError(f"{version.path!r} lies outside the folder {FOLDER}")
    if any(v.name == version.name and v != version for v in taken):
        raise RetryError(f"There is a version {version.name} already.")


def find_version(versions: Sequence[ModelVersion], name: str) -> ModelVersion:
    """The version called ``name``. Raises RetryError naming those there are."""
    for version in versions:
        if version.name.lower() == name.strip().lower():
            return version
    told = "" if versions else " No repair has made any yet."
    raise RetryError(
        f"There is no version {clean(name, 40)!r} of the model.{told}", [v.name for v in versions]
    )


def open_version(
    folder: Path,
    version: ModelVersion,
    base: Classifier,
    *,
    arch: str | None = None,
    trust_code: bool = False,
    device: str = "cpu",
) -> Classifier:
    """The model of ``version``; ``folder`` is the case folder, ``base`` the case's own model.

    Raises:
        UserError: it is gone, or is not what was recorded.
    """
    place = folder / version.path
    if not place.is_dir():
        raise UserError(
            f"The version {version.name} is gone from {place}.", "Make the repair again, under another seed."
        )
    made: Classifier
    if version.strategy == RESTATED:
        from failsight.tools.repair.restated import open_restated

        made = open_restated(place, base)
    elif (place / WRAPPED).is_file():
        from failsight.tools.repair.wrapped import open_wrapped

        made = open_wrapped(place, base)
    else:
        from failsight.tools.inputs import open_model

        made = open_model(place, arch=arch, trust_code=trust_code, device=device)
    check_print(version, made.fingerprint, place)
    if (rule := getattr(base, "thresholds", None)) and not getattr(made, "thresholds", None):
        made.thresholds = rule  # type: ignore[attr-defined]  # a repair changes scores, not where the operating point is
    return made


def check_print(version: ModelVersion, found: str, place: Path) -> None:
    """Raises UserError where the files in ``place`` are no longer those that were recorded."""
    if found != version.fingerprint:
        raise UserError(
            f"The version {version.name} is not the one that was made: its files changed.",
            f"Put back what was in {place}, or make the repair again.",
        )
