"""One answer of an OpenAI-compatible server, read piece by piece and by the letter.

Servers differ in what they leave out or send twice: ids and numbers of tool calls, the running total of the tokens, a
mark around the model's thoughts. Nothing is completed or guessed but the name by which a call is known.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from failsight.agent.planners.calls import arguments_of

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

LONGEST = 200_000  # characters of one answer that are read at all: words, thoughts and arguments together
SHOWN = 20_000  # characters of an unreadable call that are kept
ID = 9  # letters and digits of the name that a call gets: some servers (Mistral's) take no others
CUT_OFF = ("length", "max_tokens", "time")  # why an answer ended before it was whole
WITHHELD = "content_filter"
_MARKS = r"think|thinking|thought|reasoning"
_THOUGHTS = (
    re.compile(rf"<({_MARKS})>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE),
    re.compile(r"\[THINK\].*?(?:\[/THINK\]|\Z)", re.DOTALL),
    re.compile(r"◁think▷.*?(?:◁/think▷|\Z)", re.DOTALL),
)
_THOUGHT_BEFORE = re.compile(rf"\A.*(?:</(?:{_MARKS})>|\[/THINK\]|◁/think▷)", re.DOTALL | re.IGNORECASE)
_QUOTED = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)


class Unreadable(ValueError):
    """What a server sent is no answer."""


def spoken(text: str) -> str:
    """``text`` without the thoughts that a model wrote between marks such as ``<think>``.

    A thought that is not closed goes to the end; one whose beginning is missing (templates that open it in the prompt)
    goes back to the start. Marks within code are quoted, not meant.
    """
    if "`" in text:
        kept: list[str] = []

        def put_by(found: re.Match[str]) -> str:
            kept.append(found[0])
            return f"\x00{len(kept) - 1}\x00"

        bare = _unthought(_QUOTED.sub(put_by, text.replace("\x00", "")))
        return re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], bare)
    return _unthought(text)


def _unthought(text: str) -> str:
    made = text
    for thought in _THOUGHTS:
        made = thought.sub("", made)
    made = _THOUGHT_BEFORE.sub("", made)
    return text if made == text else made.strip()


@dataclass
class _Call:
    """A tool call that comes in pieces."""

    number: int | None
    id: str
    name: str = ""
    text: str = ""

    @property
    def whole(self) -> bool:
        return _object(self.text) is not None


@dataclass
class Answer:
    """What has come so far of one answer; :meth:`add` takes the next piece, :meth:`message` makes the message."""

    text: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    usages: list[tuple[int, int]] = field(default_factory=list)
    finish: str = ""
    length: int = 0
    pieces: int = 0

    @property
    def full(self) -> bool:
        """Whether more was sent than is read."""
        return self.length > LONGEST

    @property
    def ended(self) -> bool:
        """Whether the server said that this is all: why it stopped, or what it cost."""
        return bool(self.finish or self.usages)

    def add(self, piece: Any) -> None:
        """Take a piece of a stream, or a whole answer. Raises Unreadable for anything else."""
        if not isinstance(piece, Mapping):
            raise Unreadable("a piece of the answer is no object")
        self.pieces += 1
        self._count(piece.get("usage"))
        for choice in piece.get("choices") or ():
            if not isinstance(choice, Mapping):
                raise Unreadable("a choice is no object")
            if choice.get("index") in (0, None):
                self.finish = str(choice.get("finish_reason") or self.finish)
                self._said(choice.get("delta") or choice.get("message") or {})

    def _said(self, delta: Any) -> None:
        if not isinstance(delta, Mapping):
            raise Unreadable("what was said is no object")
        words = _words(delta.get("content")) or _words(delta.get("refusal"))
        self.text.append(words)
        thoughts = _words(delta.get("reasoning_content")) or _words(delta.get("reasoning"))
        self.length += len(words) + len(thoughts)
        for called in delta.get("tool_calls") or ():
            if not isinstance(called, Mapping):
                raise Unreadable("a tool call is no object")
            self._called(called)

    def _called(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        name, number, known = function.get("name"), piece.get("index"), piece.get("id")
        name, known = (v if isinstance(v, str) else "" for v in (name, known))
        given = function.get("arguments")
        text = given if isinstance(given, str) else "" if given is None else json.dumps(given)
        call = self._going_on(number if isinstance(number, int) else None, known, name)
        call.name, call.id = call.name or name, call.id or known
        call.text += text
        self.length += len(text) + len(name)

    def _going_on(self, number: int | None, known: str, name: str) -> _Call:
        """The call that a piece belongs to: one with its number that is not another's, else a new one.

        Some servers number all calls 0 or not at all, and send each whole; some repeat the name with every piece.
        """
        same = [c for c in self.calls if number is None or c.number == number]
        last = same[-1] if same else None
        if last is not None:
            other = (known and last.id and known != last.id) or (name and last.name and name != last.name)
            again = name and not known and last.whole  # a whole call, and the next one begins
            if not other and not again:
                return last
        made = _Call(number, known)
        self.calls.append(made)
        return made

    def _count(self, usage: Any) -> None:
        if isinstance(usage, Mapping):
            names = ("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")
            sent, made = (max((_number(usage.get(n)) for n in pair), default=0) for pair in names)
            if sent or made:
                self.usages.append((sent, made))

    @property
    def usage(self) -> tuple[int, int] | None:
        """Tokens (sent, made): the last of running totals; the sum of shares, which fall somewhere; None: not told."""
        if not self.usages:
            return None
        last = self.usages[-1]
        if all(last[0] >= sent and last[1] >= made for sent, made in self.usages):
            return last
        return sum(a for a, _ in self.usages), sum(b for _, b in self.usages)

    def message(self, taken: Collection[str] = (), sent: int = 0) -> AIMessage:
        """The whole message.

        Args:
            taken: ids that calls of the conversation have; another call gets a name of its own.
            sent: characters of the request, for servers that count no tokens.

        Raises:
            Unreadable: nothing came.
        """
        from langchain_core.messages import AIMessage
        from langchain_core.messages.tool import invalid_tool_call, tool_call

        if not self.pieces:
            raise Unreadable("the answer is empty")
        used = set(taken)
        good, bad = [], []
        for call in self.calls:
            name, call_id = call.name.strip(), _named(call.id, used)
            arguments, problem = _read(call.text)
            if arguments is None or not name:
                why = problem or "it names no tool"
                bad.append(invalid_tool_call(name=name, args=call.text[:SHOWN], id=call_id, error=why))
            else:
                good.append(tool_call(name=name, args=arguments, id=call_id))
        counted = self.usage
        return AIMessage(
            spoken("".join(self.text)[:LONGEST]), tool_calls=good, invalid_tool_calls=bad,
            usage_metadata=None if counted is None else {
                "input_tokens": counted[0], "output_tokens": counted[1], "total_tokens": sum(counted)
            },
            response_metadata={"finish_reason": CUT_OFF[0] if self.full else self.finish[:40], "characters_sent": sent},
        )  # fmt: skip


def _words(content: Any) -> str:
    """The words of a content, which some servers send as a list of parts. Parts that are thoughts are none."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, list):
        return ""
    made = []
    for part in content:
        if isinstance(part, str):
            made.append(part)
        elif isinstance(part, Mapping) and part.get("type") in ("text", "output_text", None):
            made.append(_words(part.get("text")))
    return "".join(made)


def _number(value: Any) -> int:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return int(value) if usable else 0


def _read(text: str) -> tuple[dict[str, Any] | None, str]:
    """(the arguments, nothing) or (None, why they can't be read)."""
    try:
        return arguments_of(text), ""
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _object(text: str) -> dict[str, Any] | None:
    return _read(text)[0] if text.strip() else None


def _named(given: str, used: set[str]) -> str:
    """An id that no other call has, which is the given one where there is one; added to ``used``."""
    made = given
    while not made or made in used:
        made = uuid.uuid4().hex[:ID]
    used.add(made)
    return made


def events(lines: Iterable[str]) -> Iterator[str]:
    """The data of server-sent events, up to ``[DONE]``, which is yielded too."""
    data: list[str] = []
    for line in chain(lines, ("",)):  # the last event of some servers has no empty line behind it
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line.strip() and data:
            yield "\n".join(data)
            data = []
