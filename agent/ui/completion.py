"""What a half-typed line could become: commands, and behind a command what it takes. For both looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

MOST = 40
SPLITS = ("data", "deploy", "train", "pool")
CHOICES = ("wrong", "correct", "sure", "unsure")
FORMATS = ("html", "md", "json")
_WORDS = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Names:
    """What a person may want to type, beside classes and attributes."""

    evidence: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What can be completed to.

    Attributes:
        commands: name with its slash → what it does.
        words: classes, attributes, and attributes with their values.
        names: ids of evidence and findings, pictures, tools.
        themes: looks of the app; empty where there are none.
    """

    commands: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    names: Names = field(default_factory=Names)
    themes: tuple[str, ...] = ()


def options(text: str, known: Known) -> list[tuple[str, str]]:
    """(line, help) of what ``text`` could become, best first; at most :data:`MOST`. The line begins with ``text``."""
    if text.startswith("/") and " " not in text:
        return [(n, words) for n, words in known.commands.items() if n.startswith(text) and n != text][:MOST]
    if text.startswith("/"):
        name, _, rest = text.partition(" ")
        made = _completed(text, rest, _behind(name.lower(), known), least=0)
    else:
        made = _completed(text, text, [*known.words, *known.names.images], least=2)
    return [(line, "") for line in made][:MOST]


def complete(text: str, known: Known) -> str | None:
    """The first of :func:`options`."""
    return next((line for line, _ in options(text, known)), None)


def _behind(command: str, known: Known) -> list[str]:
    """What may stand behind ``command``."""
    names = known.names
    taken: Mapping[str, Iterable[str]] = {
        "/evidence": names.evidence,
        "/copy": (*names.evidence, *names.findings),
        "/finding": names.findings,
        "/why": names.findings,
        "/images": (*known.words, *CHOICES, *SPLITS, *names.evidence, *names.images),
        "/confusion": SPLITS,
        "/whatif": names.images,
        "/tool": names.tools,
        "/theme": known.themes,
        "/report": FORMATS,
        "/find": known.words,
    }
    return list(taken.get(command, known.words))


def _completed(text: str, rest: str, candidates: Iterable[str], *, least: int) -> Iterator[str]:
    """``text`` with its end completed: the longest run of last words that begins a candidate counts."""
    candidates = list(candidates)
    starts = [m.start() for m in _WORDS.finditer(rest)]
    if not rest or rest[-1].isspace():
        starts.append(len(rest))
    for start in starts:
        begun = rest[start:]
        if len(begun) < least:
            continue
        fitting = [
            c for c in candidates if len(c) > len(begun) and c[: len(begun)].casefold() == begun.casefold()
        ]
        if fitting:
            yield from (text + c[len(begun) :] for c in dict.fromkeys(fitting))
            return
