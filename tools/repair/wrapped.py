"""Versions that are the old model with something new around it, for models that can't be trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from failsight.tools.errors import UserError
from failsight.tools.repair.versions import WRAPPED
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier


def open_wrapped(folder: Path, base: Classifier) -> Classifier:
    """The classifier that ``version.json`` in ``folder`` describes, around ``base``.

    Raises:
        UserError: the file is damaged, or of a kind that this release does not know.
    """
    try:
        kind = json.loads((folder / WRAPPED).read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = None
    raise UserError(
        f"{folder / WRAPPED} describes no version that can be opened ({clean(kind, 40)}).",
        "Make the repair again.",
    )
