"""What ``--trust-code`` said yes to: code as it stood then, not whatever stands under its name later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from failsight.tools.errors import UserError
from failsight.tools.evidence import digest
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.config import CaseConfig


def code_print(config: CaseConfig) -> str:
    """Digest of the code that opening the model of a case runs; empty where it runs none, or only what comes with Failsight.

    Raises:
        UserError: a file of it is not there.
    """
    if not (config.trust_code and config.model):
        return ""
    from failsight.tools.inputs.models.code import code_digest, named_by

    made = [summed for named in named_by(config.model, config.arch) if (summed := code_digest(named))]
    return digest(made) if made else ""


def check_code(config: CaseConfig, folder: Path) -> None:
    """Called before anything of it is imported.

    Raises:
        UserError: the code is not what was trusted when the case was opened, or nobody can say which file it is.
    """
    if not (config.trust_code and config.model):
        return
    from failsight.tools.inputs.models.code import is_relative, placed

    if is_relative(config.arch) or (not config.code and placed(config.arch) != config.arch):
        raise UserError(
            f"The case {clean(folder.name)} names its architecture {clean(config.arch)} without saying in which folder it lies.",
            f"Repeat the command that made the case, in the folder where it was given, with --out {clean(folder.resolve(), 400)}.",
        )
    if config.code and code_print(config) != config.code:
        raise UserError(
            f"The code of the model has changed since the case {clean(folder.name)} was opened, and is not run.",
            "Start a new case for it with --out; `failsight report` still tells of the old one.",
        )
