"""Dialogues: generators of words, evidence and questions that any display can run.

A display iterates; at an :class:`Ask` it sends the person's words back. The helpers here put a question until the answer
fits, give hints on request and hand out what was understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from failsight.agent.ui.pictures import Album
    from failsight.tools.evidence import Evidence

Tone = Literal["text", "plain", "title", "good", "miss", "pitfall", "hint", "muted", "warning"]


@dataclass(frozen=True, slots=True)
class Say:
    """Words for the person: Markdown in the tone ``text``, lines as they are in all others."""

    text: str
    tone: Tone = "text"


@dataclass(frozen=True, slots=True)
class Show:
    """Evidence of a case; ``album`` knows where its pictures lie. ``brief``: the summary alone."""

    evidence: Evidence
    album: Album
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """Something that takes long begins; what it is in a few words."""

    text: str


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be picked: by its number, its key, or the beginning of its words."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question. The display sends back what the person typed or picked; an empty line stands for ``default``.

    Attributes:
        text: the question.
        options: answers to pick from; none for a free line.
        default: what an empty line means; None where it means nothing.
        hints: whether ``?`` gives a hint.
        path: the answer is a file or folder (a display may complete it).
        back: whether ``back`` goes to the question before.
    """

    text: str
    options: tuple[Option, ...] = ()
    default: str | None = None
    hints: bool = False
    path: bool = False
    back: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """How far the dialogue is, for a display that shows it."""

    number: int
    total: int
    title: str


Item = Say | Show | Work | Ask | Step
R = TypeVar("R")
Dialogue = Generator[Item, str, R]


class Back(Exception):
    """The person wants the question before this one."""


HINT, BACK = frozenset({"?", "hint", "/hint", "help", "/help"}), frozenset({"back", "/back", "<"})
LEAVE = frozenset({"quit", "/quit", "exit", "/exit", ":q"})


@dataclass
class Hints:
    """Hints of one question, given one at a time; the last one stays."""

    texts: Sequence[str] = ()
    given: int = 0

    def next(self) -> str:
        """The next hint."""
        text = self.texts[min(self.given, len(self.texts) - 1)]
        self.given += 1
        return text


@dataclass
class Picked:
    """An answer: the key of the option, the words as typed, and how many hints were asked for."""

    key: str
    typed: str
    hints: int = 0
    more: str = field(default="")  # what stood behind the option: ``kitchen 70`` → ``70``


def pick(
    text: str,
    options: Iterable[Option],
    *,
    default: str | None = None,
    hints: Sequence[str] = (),
    back: bool = False,
) -> Dialogue[Picked]:
    """Ask until one of ``options`` is picked."""
    given, known = Hints(hints), tuple(options)
    while True:
        answer = (yield Ask(text, known, default, bool(hints), back=back)).strip()
        if (answer or default) is None:
            yield Say("Pick one: its number, or its first letters.", "warning")
            continue
        if (yield from _aside(answer, given, back)):
            continue
        found = match(answer or str(default), known)
        if found is None:
            yield Say(
                f"That is none of them. Type a number from 1 to {len(known)}, or the first letters of an answer.",
                "warning",
            )
            continue
        option, more = found
        return Picked(option.key, answer, given.given, more)


def line(
    text: str,
    read: Callable[[str], R | None],
    wrong: str,
    *,
    default: str | None = None,
    hints: Sequence[str] = (),
    back: bool = False,
    path: bool = False,
) -> Dialogue[R]:
    """Ask for a free line until ``read`` makes something of it (None: ``wrong`` is said and the question is put again)."""
    given = Hints(hints)
    while True:
        answer = (yield Ask(text, (), default, bool(hints), path, back)).strip()
        if answer and (yield from _aside(answer, given, back)):
            continue
        made = read(answer or default or "")
        if made is not None:
            return made
        yield Say(wrong, "warning")


def yes_no(text: str, *, default: bool, back: bool = False) -> Dialogue[bool]:
    """Ask for a yes or a no."""
    options = (Option("yes", "yes"), Option("no", "no"))
    made = yield from pick(text, options, default="yes" if default else "no", back=back)
    return made.key == "yes"


def _aside(answer: str, given: Hints, back: bool) -> Dialogue[bool]:
    """Answer a wish for a hint or for the question before; True where the question has to be put again."""
    if answer.lower() in HINT:
        yield Say(given.next() if given.texts else "There is no hint for this one.", "hint")
        return True
    if answer.lower() in BACK and back:
        raise Back
    return False


_NUMBERED = re.compile(r"^\(?(\d{1,3})[.)]?(?:\s+(.*))?$")


def match(answer: str, options: Sequence[Option]) -> tuple[Option, str] | None:
    """The option that ``answer`` picks and what stands behind it; None where it picks none or several."""
    text = answer.strip()
    exact = [o for o in options if _plain(text) in (_plain(o.key), _plain(o.text))]
    if len(exact) == 1:
        return exact[0], ""
    numbered = _NUMBERED.match(text)
    if numbered and 1 <= int(numbered[1]) <= len(options):
        return options[int(numbered[1]) - 1], (numbered[2] or "").strip()
    head, _, tail = text.rpartition(" ")
    if head and tail.rstrip("%").replace(".", "", 1).isdigit():  # an answer and how sure
        found = match(head, options)
        return (found[0], tail) if found else None
    start = _plain(text)
    begun = [
        o for o in options if start and (_plain(o.text).startswith(start) or _plain(o.key).startswith(start))
    ]
    return (begun[0], "") if len(begun) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").split())


def last(dialogue: Dialogue[R], answers: Iterable[str]) -> tuple[list[Item], R | None]:
    """Run ``dialogue`` with ``answers`` and no person: its items and its result; None when the answers run out."""
    items: list[Item] = []
    rest = iter(answers)
    try:
        item = next(dialogue)
        while True:
            items.append(item)
            item = dialogue.send(next(rest)) if isinstance(item, Ask) else next(dialogue)
    except StopIteration as end:
        return items, end.value
