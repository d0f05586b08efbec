"""What the doctor sees of what lies outside the process: the terminal, and the server of a language model."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from failsight.agent.secrets import redacted
from failsight.tools.text import clean

SMALLEST = (80, 24)
SAMPLE = "─│┌┐ ▀▄█ ●○▲ ≥±× é"
PATIENCE = 4.0  # seconds that a server may take
OPENAI = "https://api.openai.com/v1"
SHOWN = 5  # models of a server that are named


class Told(NamedTuple):
    """A check without its heading; see :class:`failsight.agent.commands.doctor.Check`."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    optional: bool = True


def terminal_checks() -> list[Told]:
    """What the terminal shows: whether there is one, its size, colours, pictures and letters."""
    return [_interactive(), _size(), _colours(), _pictures(), _letters()]


def _interactive() -> Told:
    there = _is_terminal()
    found = (
        f"yes ({os.environ.get('TERM') or 'TERM is not set'})"
        if there
        else "input or output is a pipe or a file"
    )
    return Told(
        "a person at a terminal", there, found, "The app needs one; with --plain everything works by lines."
    )


def _is_terminal() -> bool:
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False


def _size() -> Told:
    columns, rows = shutil.get_terminal_size()
    fits = columns >= SMALLEST[0] and rows >= SMALLEST[1]
    return Told("size", fits, f"{columns}×{rows}", "Make the window at least 80×24, or use --plain.")


def _colours() -> Told:
    term, many = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "").lower()
    if "NO_COLOR" in os.environ:
        return Told("colours", True, "none, as NO_COLOR asks; marks and words say the same")
    if many in ("truecolor", "24bit") or term.endswith("-direct"):
        return Told("colours", True, "16 million")
    if "256color" in term:
        return Told("colours", True, "256; with COLORTERM=truecolor 16 million, if your terminal can")
    advice = "Set TERM=xterm-256color if your terminal can; nothing is lost without colours."
    return Told("colours", False, f"few or none (TERM={term or 'not set'})", advice)


def _pictures() -> Told:
    from failsight.agent.ui.terminal import looks

    way = looks().way
    if way == "sixel":
        return Told("pictures", True, "real pixels (Sixel)")
    if way == "kitty":
        return Told("pictures", True, "real pixels (Kitty's protocol)")
    inside = " inside tmux or screen" if os.environ.get("TMUX") or os.environ.get("STY") else ""
    advice = (
        "Real pixels need a terminal with Sixel or Kitty's protocol (kitty, foot, WezTerm, iTerm2, Konsole, xterm -ti vt340)"
        + (", outside tmux." if inside else ".")
    )
    return Told("pictures", False, f"half-blocks, two pixels a character{inside}", advice)


def _letters() -> Told:
    name = str(getattr(sys.stdout, "encoding", None) or "unknown")
    try:
        SAMPLE.encode(name)
    except (LookupError, UnicodeEncodeError):
        advice = "Set LANG=C.UTF-8 (or PYTHONIOENCODING=utf-8); else lines and bars are shown as ?."
        return Told("letters", False, f"{name}, which lacks signs that are used here", advice)
    return Told("letters", True, f"{name}; if this shows as boxes, choose another font: {SAMPLE}")


def planner_checks() -> list[Told]:
    """The server of ``--planner openai:MODEL``: asked which models it has, if a key or an address is set."""
    url, key = os.environ.get("OPENAI_BASE_URL", "").strip(), os.environ.get("OPENAI_API_KEY", "").strip()
    made = [
        Told("guided planner", True, "built in; needs no language model, no key and no network", "", False)
    ]
    if not url and not key:
        advice = "For --planner openai:MODEL set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own."
        return [*made, Told("server", False, "none is set, and none is needed", advice)]
    return [*made, _server(url or OPENAI, key)]


class _Stay(urllib.request.HTTPRedirectHandler):
    """A key goes to the server that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _server(url: str, key: str) -> Told:
    shown = clean(redacted(_without_login(url)), 120)
    if not url.startswith(("http://", "https://")):
        return Told(
            "server", False, f"{shown} is no address", "OPENAI_BASE_URL looks like http://127.0.0.1:8000/v1"
        )
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/models", headers=headers)  # noqa: S310 (checked above)
        with urllib.request.build_opener(_Stay).open(request, timeout=PATIENCE) as answer:
            return _models(shown, answer.read(2**20))
    except urllib.error.HTTPError as problem:
        return _refusal(shown, problem.code)
    except (OSError, ValueError) as problem:
        why = clean(redacted(str(getattr(problem, "reason", problem))), 120)
        advice = "Is the server running, and is OPENAI_BASE_URL right? Without it the guided planner is used."
        return Told("server", False, f"{shown} does not answer ({why})", advice)
    except Exception as problem:  # http.client has errors of its own for what is no HTTP
        found = f"{shown} answers with something else than HTTP ({type(problem).__name__})"
        return Told("server", False, found, "OPENAI_BASE_URL looks like http://127.0.0.1:8000/v1")


def _without_login(url: str) -> str:
    """The address without a user name and password that stand in it."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" if mark else url


def _models(shown: str, content: bytes) -> Told:
    try:
        listed = [str(m["id"]) for m in json.loads(content)["data"]]
    except (ValueError, KeyError, TypeError):
        return Told("server", True, f"{shown} answers, but does not list its models")
    some = ", ".join(clean(name, 60) for name in listed[:SHOWN])
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return Told("server", True, f"{shown} answers; models: {some or 'none'}{more}")


def _refusal(shown: str, code: int) -> Told:
    if code in (401, 403):
        return Told("server", False, f"{shown} refuses the key ({code})", "Check OPENAI_API_KEY.")
    if code in (404, 405, 501):
        return Told("server", True, f"{shown} answers, but does not list its models ({code})")
    if 300 <= code < 400:
        advice = "Set OPENAI_BASE_URL to where it moved; keys are not sent on."
        return Told("server", False, f"{shown} points elsewhere ({code})", advice)
    return Told(
        "server", False, f"{shown} answers with error {code}", "Try again later, or ask who runs the server."
    )
