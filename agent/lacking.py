"""Why a call can't run at all, told before anybody is asked to allow it.

Only what the tool itself would say with its first words is looked at, and it costs nothing: what the case has, whether there is a
second model to compare with, a repair to verify, something to retrain for, whether the arguments of an experiment name what exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from failsight.tools.errors import FailsightError, RetryError
from failsight.tools.registry import ToolSpec

if TYPE_CHECKING:
    from failsight.agent.case import Case


def runs_not(case: Case, spec: ToolSpec, checked: Mapping[str, Any]) -> bool:
    """Whether a call fails at once for what the case lacks: there is nothing then that a yes could be given to.

    Args:
        checked: the validated arguments.
    """
    if case.recorded is not None:
        return False  # the journal alone answers
    if any(not case.has(need) for need in spec.needs):
        return True
    look = _FIRST.get(spec.name)
    if look is None:
        return False
    try:
        look(case, checked)
    except RetryError:
        return True
    except (FailsightError, OSError):
        return False  # a person may mend it until the call is allowed
    return False


def _second_model(case: Case, checked: Mapping[str, Any]) -> None:
    """Whether there is something to compare with; a path is opened by the tool alone."""
    from failsight.tools.repair.versions import find_version

    named = [str(checked.get(name) or "").strip() for name in ("before", "after")]
    if not named[1] and not any(v.arm == "repair" for v in case.versions()):
        raise RetryError("There is nothing to compare with.")
    for name in named:
        if name and "/" not in name and "\\" not in name and not Path(name).exists():
            find_version(case.versions(), name)


def _repair(case: Case, checked: Mapping[str, Any]) -> None:
    from failsight.tools.repair.outcomes import find_arms

    find_arms(case.versions(), str(checked.get("repair") or ""))


def _finding(case: Case, checked: Mapping[str, Any]) -> None:
    wanted = str(checked.get("finding") or "").strip().upper()
    if wanted and case.state().find(wanted) is None:
        raise RetryError("There is no such finding.")


def _repairable(case: Case, checked: Mapping[str, Any]) -> None:
    """Whether the finding is there, and some repair of it can be made with what the case has."""
    from failsight.agent.foreseen import _asked
    from failsight.tools.repair.choosing import choose

    _finding(case, checked)
    if not case.has_model() and not checked.get("data"):
        choose(case, _asked(case, checked))  # type: ignore[arg-type]


def _experiment(plan: str) -> Callable[[Case, Mapping[str, Any]], None]:
    """The arguments of an experiment, read as its plan reads them before any image is looked at."""

    def look(case: Case, checked: Mapping[str, Any]) -> None:
        made = import_module(f"failsight.tools.experiments.{plan}")
        made.opening(case, made.Asked(**checked))

    return look


#: tool → what it looks at first of all
_FIRST: Final[Mapping[str, Callable[[Case, Mapping[str, Any]], None]]] = {
    "compare_models": _second_model, "retrain": _repairable, "verify_correction": _repair,
    "test_by_masking": _experiment("masking_plan"), "test_by_adding": _experiment("adding_plan"), "test_by_swapping": _experiment("swapping_plan"),
}  # fmt: skip
