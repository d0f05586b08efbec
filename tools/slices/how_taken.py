"""Whether a column is about the taking of pictures (which site, agency, device, season) or about what can be seen in them.

Only what is in a picture can be a sign that a model goes by. A name of an agency is in no picture: pictures of one agency may look
different, or show other things, and what of that the model goes by is not known. Nobody says of a column which it is, so its name,
its values and what else the case knows of it have to tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from failsight.tools.attributes.computed import COMPUTED
from failsight.tools.provenance import TAKEN, words

YES, NO = ("yes", "true", "1", "present"), ("no", "false", "0", "absent")
_ID = re.compile(r"[A-Za-z]{1,12}[-_ ]?\d{1,9}[A-Za-z]?|\d{3,}")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_DATE = re.compile(r"(?:19|20)\d\d(?:[-/.]\d{1,2}){0,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d\d")


def tells_how_taken(
    name: str, values: Sequence[str], value: str, seen: Collection[str] = (), ranges: bool = False
) -> bool:
    """Whether a metadata column says where, when, by whom or with what pictures were taken, and not what they show.

    A number that somebody recorded (hours of a lamp, a speed, a price) is no thing in a picture either. One that can be measured in
    pictures (brightness) is left out of this, and so are 0 and 1 for no and yes.

    Args:
        name: of the column. values: all that it has. value: the one in question.
        seen: names of what the case knows to be in the pictures (boxes, masks).
        ranges: the values are ranges of a number.
    """
    if name.casefold() in {one.casefold() for one in seen} or name.removeprefix("computed_") in COMPUTED:
        return False
    if ranges or _amounts(values):
        return True
    if value.casefold() in (*YES, *NO):
        return False
    return bool(TAKEN & words(name)) or _codes(values)


def _amounts(values: Sequence[str]) -> bool:
    """Whether all values are numbers, and not just 0 and 1."""
    return bool(set(values) - {"0", "1"}) and all(_NUMBER.fullmatch(v.strip()) for v in values)


def _codes(values: Sequence[str]) -> bool:
    """Whether all values are serial numbers or dates: ``p1``, ``cam_03``, ``2019``, ``2020-03-01``."""
    return len(values) > 1 and all(_ID.fullmatch(v.strip()) or _DATE.fullmatch(v.strip()) for v in values)
