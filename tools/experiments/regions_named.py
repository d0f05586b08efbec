"""A piece of a picture by the name under which it was shown: ``like:E4#5,x0,y0,x1,y1`` is the fifth image of E4.

The name is replaced by the picture's split and row before a tool sees it, so that plans, findings and the journal hold one form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean

_SHOWN: Final = re.compile(
    r"^\s*like\s*:\s*(?P<evidence>E\d{1,6})\s*[#/]\s*(?P<number>\d{1,6})\s*(?=,)", re.IGNORECASE
)


def with_rows(arguments: Mapping[str, Any], evidence: Sequence[Evidence]) -> dict[str, Any]:
    """``arguments`` with every ``like:E4#5,…`` as ``like:SPLIT/ROW,…``; a list's entries too.

    Raises:
        RetryError: there is no such evidence, or it shows fewer images.
    """

    def named(argument: str, value: Any) -> Any:
        if isinstance(value, str):
            found = _SHOWN.match(value)
            return value if found is None else f"{_row(argument, found, evidence)}{value[found.end() :]}"
        return tuple(named(argument, v) for v in value) if isinstance(value, tuple) else value

    return {name: named(name, value) for name, value in arguments.items()}


def _row(argument: str, found: re.Match[str], evidence: Sequence[Evidence]) -> str:
    wanted, number = found["evidence"].upper(), int(found["number"])
    made = next((e for e in evidence if e.id == wanted), None)
    if made is None:
        raise RetryError(f"{argument}: there is no evidence {clean(wanted, 20)}.")
    if not 1 <= number <= len(made.images):
        shows = f"shows the images 1 to {len(made.images)}" if made.images else "shows no images"
        raise RetryError(f"{argument}: {wanted} {shows}, so there is no {wanted}#{number}.")
    image = made.images[number - 1]
    return f"like:{image.split}/{image.row}"
