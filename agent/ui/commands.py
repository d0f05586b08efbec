"""Slash commands that every display has beside those of the session, and how a line is read as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from failsight.agent.events import SessionEvent
    from failsight.agent.ui.display import SessionLike

SHARED: dict[str, str] = {
    "/help": "the keys and commands",
    "/evidence": "list the evidence, or show one piece: /evidence E3",
    "/finding": "list the hypotheses, or show one in full: /finding F1",
    "/find": "search what was said and measured: /find television",
    "/copy": "copy a piece of evidence, a hypothesis or the last answer as text: /copy E3",
    "/glossary": "what a word means: /glossary recall; without a word: all of them",
    "/map": "the workflow: how we got here, and the ways on",
    "/learn": "lessons and practice cases to choose from; /learn NAME begins one",
    "/auto": "run the whole workflow to its end without asking",
    "/report": "write the report into the case folder",
    "/quit": "leave; nothing is lost",
}


class Command(NamedTuple):
    """A typed command: its name with the slash, and the rest of the line."""

    name: str
    rest: str


def parse(line: str) -> Command | None:
    """The command that ``line`` is, or None when it is words for the planner."""
    if not line.startswith("/") or len(line) < 2 or not line[1].isalpha():
        return None
    name, _, rest = line.strip().partition(" ")
    return Command(name.lower(), rest.strip())


def offered(actions: Mapping[str, str], own: Mapping[str, str] | None = None) -> dict[str, str]:
    """All commands of a display, name → help: the shared ones, its ``own``, the session's (whose words win)."""
    session = {key.split()[0]: help_text for key, help_text in actions.items()}
    return dict(sorted({**SHARED, **(own or {}), **session}.items()))


def act(session: SessionLike, command: Command) -> Iterator[SessionEvent]:
    """Run ``command`` in the session; ``/auto`` and ``/report`` exist even where it does not list them."""
    from failsight.agent.events import Notice

    if command.name in {key.split()[0] for key in session.actions()}:
        yield from session.act(f"{command.name} {command.rest}".strip())
    elif command.name == "/auto":
        yield from session.auto()
    elif command.name == "/report":
        formats = tuple(command.rest.replace(",", " ").split()) or ("md", "html", "json")
        for path in session.write_report(formats):
            yield Notice(f"Written: {path}")
    else:
        yield Notice(f"There is no command {command.name}. /help lists them.", "warning")
