"""Versions that are the model as it is with other facts stated about it: how it is fed, what its outputs are called.

No weight is touched. The folder holds ``version.json``, which is opened, and ``model.json``: the side file to put beside
the model. Both state everything that was found so far, of the model that the case was opened with.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import digest
from failsight.tools.inputs.base import Preprocessing
from failsight.tools.inputs.models.scoring import ScoringModel
from failsight.tools.inputs.models.side import parse_side
from failsight.tools.inputs.models.variant import takes_preprocessing, with_preprocessing
from failsight.tools.repair.versions import WRAPPED
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier

KIND = "restated"
SIDE = "model.json"
OTHER_NAMES = {"crop": "fit", "input_size": "size"}  # a side file may use either; one of them wins


def restate(given: Classifier, now: Classifier, members: Mapping[str, Any], folder: Path) -> Classifier:
    """Write a version into ``folder``, and open it.

    Args:
        given: the model that the case was opened with.
        now: the model that the case is at: what was restated before stays.
        members: members of the side file to state otherwise (``{"channels": "BGR"}``, ``{"classes": […]}``).

    Raises:
        RetryError: the model can't be fed otherwise here, or the members say nothing that a side file may say.
        UserError: the folder can't be written.
    """
    if not takes_preprocessing(given):
        raise RetryError(
            "This model can't be fed otherwise from here: change its side file, and open a new case with it."
        )
    try:
        side = parse_side(members)
        how = side.preprocessing(now.preprocessing) or now.preprocessing
    except (TypeError, ValueError, OverflowError) as problem:
        raise RetryError(f"No side file may say that ({clean(problem)}).") from problem
    classes = side.classes or tuple(now.classes)
    if sorted(classes) != sorted(given.classes):
        raise RetryError("The classes of a version are those of the model, in another order.")
    facts = {
        "kind": KIND,
        "base": given.fingerprint,
        "classes": list(classes),
        "preprocessing": asdict(how),
        "side": _beside(now, members),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, what in ((WRAPPED, facts), (SIDE, facts["side"])):
            (folder / name).write_text(
                json.dumps(what, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
    except OSError as problem:
        raise UserError(
            f"The folder {clean(folder)} can't be written ({clean(problem)}).", "Is there room?"
        ) from problem
    return open_restated(folder, given)


def open_restated(folder: Path, given: Classifier) -> Classifier:
    """The model as it is, with what ``version.json`` in ``folder`` states.

    Raises:
        UserError: the file is damaged, or made for another model.
    """
    try:
        facts = json.loads((folder / WRAPPED).read_text(encoding="utf-8"))
        how = _preprocessing(facts["preprocessing"])
        classes, side = tuple(facts["classes"]), dict(facts["side"])
        sound = sorted(classes) == sorted(given.classes) and facts["kind"] == KIND
        parse_side(side)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        sound = False
    if not sound:
        raise UserError(
            f"{folder / WRAPPED} describes no version that can be opened.", "Make the repair again."
        )
    if facts["base"] != given.fingerprint or not isinstance(given, ScoringModel):
        raise UserError(
            f"{folder / WRAPPED} was made for another model than the one of this case.",
            "Open the case with the model that it was made with.",
        )
    kept = _geometry(how) == _geometry(given.preprocessing)
    made = (
        with_preprocessing(given, how, keep_geometry=kept) if how != given.preprocessing else copy.copy(given)
    )
    assert isinstance(made, ScoringModel)
    made.classes = classes
    made.fingerprint = digest([given.fingerprint, facts])
    if made.source is not None:  # a retraining writes the side file again
        made.source = replace(made.source, side=parse_side(side, made.source.side.path))
    return made


def members_of(text: str) -> dict[str, Any]:
    """``"channels": "BGR"`` as members of a side file; empty for what is none."""
    try:
        made = json.loads("{" + text + "}")
    except (ValueError, RecursionError):
        return {}
    return made if isinstance(made, dict) else {}


def members_line(members: Mapping[str, Any]) -> str:
    """Members of a side file as they are written there, without the braces."""
    return ", ".join(
        f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}"
        for k, v in members.items()
    )


def _beside(now: Classifier, members: Mapping[str, Any]) -> dict[str, Any]:
    """The whole side file: what the present one says, with ``members`` in place of what they state otherwise."""
    source = getattr(now, "source", None)
    side: dict[str, Any] = dict(source.side.raw) if source is not None else {}
    nested = side.get("preprocessing")
    inner = dict(nested) if isinstance(nested, dict) else {}
    for one in (side, inner):
        for name in members:
            one.pop(name, None)
            one.pop(OTHER_NAMES.get(name, name), None)
    if inner:
        side["preprocessing"] = inner
    return {**side, **members}


def _geometry(how: Preprocessing) -> tuple[Any, ...]:
    return how.size, how.fit, how.resize, how.interpolation


def _preprocessing(raw: Mapping[str, Any]) -> Preprocessing:
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    return Preprocessing(**given)
