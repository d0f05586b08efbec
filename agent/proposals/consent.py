"""Whether pictures may leave this machine: only after a person said so, for one server at a time, in the journal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from failsight.tools.errors import RetryError

if TYPE_CHECKING:
    from failsight.agent.case import Case

OWN = "api.openai.com"
LOOK = "look_at"  # the call by which a planner asks for pictures
ALLOWED, REFUSED = "images.allowed", "images.refused"


def server() -> str:
    """Host and port that pictures would be sent to."""
    url = os.environ.get("OPENAI_BASE_URL", "")
    return urlsplit(url).netloc.rpartition("@")[2] if url else OWN


def allow_images(case: Case, *, by: str = "person") -> None:
    """Journal a person's yes to sending pictures of this case to the server."""
    if not images_allowed(case):
        case.record(ALLOWED, server=server(), by=by)


def refuse_images(case: Case, *, by: str = "person") -> None:
    """Journal that pictures stay here, whatever was allowed before."""
    case.record(REFUSED, server=server(), by=by)


def images_allowed(case: Case) -> bool:
    """Whether the last word of a person about this server was yes."""
    said = [e for e in case.journal if e.kind in (ALLOWED, REFUSED) and e.data.get("server") == server()]
    return bool(said) and said[-1].kind == ALLOWED


def check_images_allowed(case: Case) -> None:
    """Raises RetryError unless a person allowed it."""
    if not images_allowed(case):
        raise RetryError(
            f"Pictures would be sent to {server()}, and nobody has allowed that: only a person can, with --send-images."
        )
