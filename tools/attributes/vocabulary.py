"""Attributes that are proposed by a file: the one in an encoder's folder, or the general bank."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from failsight.tools.attributes.definitions import Definition, sound
from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean

VOCABULARY = "attributes.json"
"""File of an encoder's folder that names the attributes it was made to tell apart."""

CALIBRATED_FOR = "calibrated_for"
"""Setting: fingerprint of the encoder that an attribute's temperature and threshold were fitted with."""


def read_vocabulary(path: Path, by: str = "") -> tuple[Definition, ...]:
    """The attributes that a file proposes: ``[{"name", "values", "phrases": {value: [phrase]}, "question",
    "temperature", "threshold"}]``; nothing where there is no such file.

    Raises:
        UserError: the file is there and is not of this form.
    """
    if not path.is_file():
        return ()
    try:
        listed = json.loads(path.read_text("utf-8"))
        return tuple(sound(as_definition(raw, by)) for raw in listed)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RetryError) as problem:
        raise UserError(
            f"The attributes in {clean(path.parent.name)}/{clean(path.name)} can't be read ({clean(problem, 100)}).",
            'It should be a list of {"name", "values", "phrases": {value: [phrase, …]}, "question"}.',
        ) from problem


def as_definition(raw: Mapping[str, Any], by: str) -> Definition:
    """One entry of a vocabulary or of the bank. Raises KeyError, TypeError or ValueError where it is malformed."""
    phrases = {str(value): tuple(map(str, many)) for value, many in dict(raw.get("phrases") or {}).items()}
    settings = {key: float(raw[key]) for key in ("temperature", "threshold") if raw.get(key) is not None}
    if not all(math.isfinite(number) for number in settings.values()):
        raise ValueError("temperature and threshold must be finite numbers")
    return Definition(
        name=str(raw["name"]),
        source="zero_shot",
        origin=str(raw["name"]),
        values=tuple(map(str, raw["values"])),
        phrases=phrases,
        question=str(raw.get("question") or ""),
        by=by,
        settings=settings,
    )


@cache
def bank() -> tuple[Definition, ...]:
    """Attributes that make sense for any photographs (``bank.yaml``).

    Raises:
        UserError: the installation is damaged.
    """
    import yaml

    text = resources.files("failsight.tools.attributes").joinpath("bank.yaml").read_text("utf-8")
    try:
        listed: list[dict[str, Any]] = yaml.safe_load(text)
        return tuple(as_definition(raw, "the general bank") for raw in listed)
    except (yaml.YAMLError, TypeError, KeyError, ValueError, AttributeError) as problem:
        raise UserError(
            "The bank of attributes (bank.yaml) is damaged.", "Install Failsight again."
        ) from problem
