"""Whether a column is about the taking of pictures (which site, agency, device, season) or about what can be seen in them.

Only what is in a picture can be a sign that a model goes by. A name of an agency is in no picture: pictures of one agency may look
different, or show other things, and what of that the model goes by is not known. Nobody says of a column which it is, so its name,
its values and what else the case knows of it have to tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

YES, NO = ("yes", "true", "1", "present"), ("no", "false", "0", "absent")
_WORDS = (
    # with what and where
    "site camera device scanner sensor lens phone smartphone station location hospital clinic lab laboratory source origin provider vendor batch session "
    "collection project agency agent broker dealer seller supplier manufacturer department ward institution institute organisation organization company "
    "country region district county province city town village street address zip zipcode postcode latitude longitude gps drone satellite "
    # by whom and of whom
    "owner user uploader customer client photographer operator technician radiologist radiographer doctor physician nurse author creator publisher "
    "labeller labeler annotator annotater rater reader reviewer worker patient subject participant household house "
    # when
    "season year month week weekday date timestamp quarter decade visit shift release version "
    # of which data set
    "dataset cohort study survey campaign fold folder split import upload archive "
    # the same in German
    "standort kamera gerät geraet klinik krankenhaus labor quelle hersteller makler agentur datum jahr monat jahreszeit fotograf patient"
)
_NAMED = frozenset(_WORDS.split())
_ID = re.compile(r"[A-Za-z]{1,12}[-_ ]?\d{1,9}[A-Za-z]?|\d{3,}")
_DATE = re.compile(r"(?:19|20)\d\d(?:[-/.]\d{1,2}){0,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d\d")


def tells_how_taken(name: str, values: Sequence[str], value: str, seen: Collection[str] = ()) -> bool:
    """Whether a metadata column says where, when, by whom or with what pictures were taken, and not what they show.

    Args:
        name: of the column. values: all that it has; numbers cut into ranges have none that look like names.
        value: the one in question.
        seen: names of what the case knows to be in the pictures (boxes, masks).
    """
    if name.casefold() in {one.casefold() for one in seen} or value.casefold() in (*YES, *NO):
        return False
    return bool(_NAMED & _parts(name)) or _codes(values)


def _parts(name: str) -> set[str]:
    """The words of a column's name, in lower case and without the s of a plural: ``cameraID`` has ``camera`` and ``id``."""
    apart = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", name)
    words = re.findall(r"[a-zäöüß]+", apart.casefold())
    return {*words, *(w[:-1] for w in words if w.endswith("s"))}


def _codes(values: Sequence[str]) -> bool:
    """Whether all values are serial numbers or dates: ``p1``, ``cam_03``, ``2019``, ``2020-03-01``."""
    return len(values) > 1 and all(_ID.fullmatch(v.strip()) or _DATE.fullmatch(v.strip()) for v in values)
