"""``--threshold CLASS=SCORE``: from which score on a class is answered, read from the command line, and the command that sets it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.config import CaseConfig

_PATHS: Final = (
    "model", "arch", "predictions", "data", "train", "pool", "deploy", "history", "metadata", "metadata_key",
)  # fmt: skip


def thresholds_given(texts: Sequence[str]) -> dict[str, str]:
    """What ``--threshold`` sets: class → threshold as text. Raises UserError where one is not CLASS=NUMBER."""
    made: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.rpartition("="))
        if not (name and equals and value):
            raise UserError(
                f"--threshold {clean(text, 80)!r} is not CLASS=NUMBER.",
                "Write for example --threshold 'kitchen=0.2'.",
            )
        if name in made:
            raise UserError(f"--threshold is given twice for {clean(name, 60)}.", "Give one.")
        made[name] = value
    return made


def refused(folder: Path, texts: Sequence[str]) -> UserError:
    """Why a case can't be given other thresholds, and the command that opens another one with them.

    Raises:
        UserError: the folder is no case, or a threshold can't be read.
    """
    from failsight.agent.config import load_config

    return UserError(
        f"The thresholds of {clean(folder, 200)} can't be changed: with others its model gives other answers, and what was measured "
        "would no longer hold.",
        f"Open another case: {command_with(load_config(folder), thresholds_given(texts))}",
    )


def command_with(
    config: CaseConfig, thresholds: Mapping[str, str], groups: str = "", *, between: str = " "
) -> str:
    """The command that opens a case about the same model and data with these thresholds beside those it has.

    Args:
        groups: column by which images of the case belong together.
        between: what stands between the options; with a backslash and a new line a shell takes it all the same.
    """
    made = [["failsight", "chat"]]
    places = ((name, str(getattr(config, name, ""))) for name in _PATHS)
    made += [[f"--{name.replace('_', '-')}", given] for name, given in places if given]
    made += [["--map", f"{data}={model}"] for data, model in config.class_map.items()]
    made += [["--groups", groups]] if groups else []
    made += [["--trust-code"]] if config.trust_code else []
    bars = {**config.thresholds, **thresholds}
    made += [["--threshold", f"{name}={value}"] for name, value in bars.items()]
    return between.join(shlex.join(part) for part in made)
