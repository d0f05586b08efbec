"""Model and images that are not where they were: what a case tells without them, and how their new places are given."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from failsight.agent.config import PATHS, SPLIT_PATHS, CaseConfig, place_of
from failsight.agent.places import shown_place
from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, jsonable
from failsight.tools.text import listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import CaseState
    from failsight.tools.inputs.base import Split

MOVABLE = (*PATHS, "arch")
"""Settings that say where something lies: another place is no other case where the content is the same."""
_CALLED = {"arch": "code of the model", "history": "training record", "metadata": "table of attributes"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the journal knows of model and images that are not at hand.

    Attributes:
        folder: the case folder, as people are told of it.
        missing: setting → where the thing was.
        classes: of the model.
        prints: content fingerprints of model and splits, as they were.
    """

    folder: str
    missing: Mapping[str, str]
    classes: tuple[str, ...]
    prints: Mapping[str, str]

    def error(self, what: str = "") -> UserError:
        """That something can't be had, and what to do; ``what`` was asked for."""
        from failsight.tools.notes import called

        names = [_CALLED.get(n) or (called(n) if n in SPLIT_PATHS else n) for n in self.missing]
        one = len(names) == 1 and names[0] in ("model", *_CALLED.values())
        verb, was = ("is", "it was") if one else ("are", "they were")
        places = listing(list(self.missing.values()), 2, longest=200)
        options = " ".join(f"--{n} NEW" for n in self.missing)
        return UserError(
            f"{what}The {listing(names)} of this case {verb} not where {was} when it was opened ({places}).",
            f"If {was} moved, say once where to: failsight chat {shlex.quote(self.folder)} {options}. "
            "What was measured, expectations and sign-off are there without.",
        )


def missing(config: CaseConfig) -> dict[str, str]:
    """Setting → path of what a case was opened with and is not there now. A training record is looked for when it is read."""
    given = {n: str(getattr(config, n)) for n in MOVABLE if n != "history"}
    return {n: place for n, place in given.items() if place and not _is_there(place, n)}


def _is_there(place: str, name: str) -> bool:
    if name == "arch":
        file = place.rpartition(":")[0]
        return not file.endswith(".py") or not Path(file).is_absolute() or Path(file).exists()
    try:
        place_of(place, name)
    except UserError:
        return False
    return True


def recorded(folder: Path, state: CaseState, lost: Mapping[str, str]) -> Recorded:
    """What the journal says of a case of which ``lost`` is not at hand."""
    data = state.config.get("data", {})
    classes = tuple(map(str, (data.get("data") or {}).get("classes", ())))
    return Recorded(shown_place(folder), dict(lost), classes, known_prints(state))


def shown_last(case: Case, tool: str, arguments: Mapping[str, Any]) -> Evidence | None:
    """The newest evidence of the same call, whatever changed since; None where model and images are at hand, or nothing was measured so.

    Raises:
        RetryError: a bad argument.
    """
    from failsight.tools.registry import registry

    if case.recorded is None:
        return None
    asked = jsonable(case.checked(registry()[tool], arguments))
    same = [e for e in case.state().evidence if e.tool == tool and jsonable(e.arguments) == asked]
    return same[-1] if same else None


def known_prints(state: CaseState) -> dict[str, str]:
    """Content fingerprints of model and splits, as the journal holds them."""
    then = state.config
    known = {"model": (then.get("model") or {}).get("fingerprint", "")}
    known |= {split: about["fingerprint"] for split, about in then.get("data", {}).items()}
    return known | state.prints  # of the version that it went on with


def moved(config: CaseConfig, given: Mapping[str, Any]) -> dict[str, str]:
    """The new places in ``given`` of what a case has, absolute. Whether the content is the same is seen when it is opened.

    Raises:
        UserError: nothing is there, or the case was opened without such a thing.
    """
    made = {}
    for name in MOVABLE:
        if not given.get(name):
            continue
        if not getattr(config, name):
            option = name.replace("_", "-")
            raise UserError(
                f"A case folder and --{option} were both given, and this case was opened without --{option}.",
                "A case keeps what it was opened with: start a new one with --out.",
            )
        made[name] = _code(str(given[name])) if name == "arch" else place_of(str(given[name]), name)
    return made


def _code(given: str) -> str:
    from failsight.tools.inputs.models.code import placed

    return placed(given)


def check_unchanged(case: Case) -> None:
    """Evidence of two models or two data sets must not stand in one case. Raises UserError where the content is another."""
    known = known_prints(case.state())
    for name, print_now in case.fingerprints().items():
        if name in known and known[name] != print_now:
            what, more = ("The model has changed", "") if name == "model" else _changed(case, name)
            raise UserError(
                f"{what} since the case {case.folder.name} was opened{more}.",
                "Start a new case for it with --out; `failsight report` still tells of the old one.",
            )


def _changed(case: Case, split: str) -> tuple[str, str]:
    """What of a split is not as it was."""
    from failsight.agent.changed import told

    then = (case.state().config.get("data", {}).get(split) or {}).get("parts") or {}
    return told(split, then, case.parts(cast("Split", split)))


def at_places(config: CaseConfig, places: Mapping[str, str]) -> CaseConfig:
    """``config`` with other places of the same things."""
    changed: dict[str, Any] = dict(places)
    return dataclasses.replace(config, **changed)
