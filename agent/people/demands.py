"""What a program expects of its model: numbers by the name of a criterion, or the sentences of the command line."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from failsight.agent.people.expect import check, read_all
from failsight.tools.errors import UserError
from failsight.tools.expectations.names import usual_side
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

Expectations = Mapping[str, float] | str | Sequence[str]
_FORMS = "Write {'accuracy': 0.9}, 'accuracy>=0.9', or a list of such texts."


def expect_all(case: Case, given: Expectations | None) -> None:
    """Set what is expected, once all of it means something.

    Raises:
        UserError: it is no demand, or names what the case does not have.
    """
    wanted: list[tuple[str, float, bool]] = []
    if isinstance(given, Mapping):
        for name, bound in given.items():
            if not isinstance(name, str):
                raise _no_demand(name)
            wanted.append((name, as_bound(name, bound), usual_side(name)))
            check(name, wanted[-1][1], case.classes, case)
    else:
        for text in _texts(given):
            wanted += [(one.name, one.bound, one.at_least) for one in read_all(text, case.classes, case)]
    for name, value, at_least in wanted:
        case.expect(name, value, at_least=at_least)


def as_bound(name: str, bound: Any) -> float:
    """A bound as a number. Raises UserError where it is none: a truth value or a text may mean several."""
    if isinstance(bound, numbers.Real) and type(bound).__name__ not in ("bool", "bool_"):
        return float(bound)
    shown = (
        repr(bound)[:40]
        if isinstance(bound, str | bool)
        else f"an object ({clean(type(bound).__name__, 60)})"
    )
    raise UserError(
        f"{clean(name, 80)} can't be expected to be {clean(shown, 60)}.",
        f"Give a number: {clean(name, 80)!r}, 0.9.",
    )


def _texts(given: Any) -> list[str]:
    if given is None:
        return []
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list | tuple | set | frozenset):
        raise _no_demand(texts)
    for text in texts:
        if not isinstance(text, str):
            raise _no_demand(text)
    return list(texts)


def _no_demand(given: Any) -> UserError:
    return UserError(f"An expectation can't be an object ({clean(type(given).__name__, 60)}).", _FORMS)
