"""What a tool call may look like, byte by byte: an acceptor made of the tools' JSON schemas.

A state is a tuple of stacks, each a tuple of things still to come, the next one first; an empty stack is a whole call.
``advance(state, byte, tight)`` gives the next state, empty where the byte does not fit. ``tight`` closes whatever may be
closed, so that a call that has begun also ends: no further optional argument, list item or letter.
Bytes, not characters: tokens of byte-level tokenisers may hold half a character.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

from failsight.agent.planners.calls import CLOSE, OPEN, PYTHON

LETTERS = 200  # most characters of a string whose schema sets no limit
ITEMS = 8  # most items of a list whose schema sets no limit
DIGITS = 9  # most digits before the decimal point
DECIMALS = 6
_SCALE = 10**DECIMALS
_FAR = 10 ** (DIGITS + DECIMALS)

Stack = tuple["Node", ...]
State = tuple[Stack, ...]


class Node:
    """Something still to come."""

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        """The stacks after ``byte``, when this is on top and ``rest`` beneath."""
        raise NotImplementedError


def advance(state: State, byte: int, tight: bool = False) -> State:
    """The state after one more byte; empty when the byte does not fit."""
    return tuple(made for stack in state for made in _step(stack, byte, tight))


def run(state: State, text: bytes, tight: bool = False) -> State:
    """The state after ``text``; empty when it does not fit."""
    for byte in text:
        state = advance(state, byte, tight)
        if not state:
            break
    return state


def whole(state: State) -> bool:
    """Whether a call is complete."""
    return any(not stack for stack in state)


def outside(state: State) -> bool:
    """Whether no call has begun."""
    return any(stack and isinstance(stack[0], Words) for stack in state)


def _step(stack: Stack, byte: int, tight: bool) -> Iterator[Stack]:
    if stack:
        yield from stack[0].take(byte, stack[1:], tight)


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    """Exactly these bytes, at least one."""

    text: bytes

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        if self.text[0] == byte:
            yield (Literal(self.text[1:]), *rest) if len(self.text) > 1 else rest


@dataclass(frozen=True, slots=True, eq=False)
class Either(Node):
    """One of several sequences; an empty one makes the others optional."""

    options: tuple[Stack, ...]

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        for option in self.options:
            yield from _step(option + rest, byte, tight)


@dataclass(frozen=True, slots=True, eq=False)
class Text(Node):
    """A JSON string after its opening quote: ``left`` characters at most, ``need`` at least.

    ``low``, ``high``, ``more``: the range of the next byte and how many follow, inside a character of several bytes.
    """

    left: int
    need: int
    low: int = 0x80
    high: int = 0xBF
    more: int = 0
    escaped: bool = False

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        if self.more:
            if self.low <= byte <= self.high:
                yield (replace(self, low=0x80, high=0xBF, more=self.more - 1), *rest)
        elif self.escaped:
            if byte in b'"\\/nt':
                yield (self._counted(), *rest)
        elif byte == 0x22:
            if self.need <= 0:
                yield rest
        elif self.left > 0 and byte >= 0x20 and not (tight and self.need <= 0):
            made = self._begun(byte)
            if made is not None:
                yield (made, *rest)

    def _counted(self) -> Text:
        return Text(self.left - 1, self.need - 1)

    def _begun(self, byte: int) -> Text | None:
        """After the first byte of a character; None for a byte that begins none (Unicode, table 3-7)."""
        counted = self._counted()
        if byte == 0x5C:
            return replace(self, escaped=True)
        if byte < 0x80:
            return counted
        if 0xC2 <= byte <= 0xDF:
            return replace(counted, more=1)
        if 0xE0 <= byte <= 0xEF:
            return replace(
                counted,
                more=2,
                low=0xA0 if byte == 0xE0 else 0x80,
                high=0x9F if byte == 0xED else 0xBF,
            )
        if 0xF0 <= byte <= 0xF4:
            return replace(
                counted,
                more=3,
                low=0x90 if byte == 0xF0 else 0x80,
                high=0x8F if byte == 0xF4 else 0xBF,
            )
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Number(Node):
    """A number within [low, high], both in units of 1/scale; ``text`` is what stands there already."""

    low: int
    high: int
    scale: int
    text: str = ""

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        made = self.text + chr(byte)
        if byte in b"-.0123456789" and not (tight and self._ends()) and self._reachable(made):
            yield (replace(self, text=made), *rest)
        if self._ends():
            yield from _step(rest, byte, tight)

    def _ends(self) -> bool:
        """Whether the number may end here."""
        if not self.text[-1:].isdigit():
            return False
        value = Fraction(self.text) * self.scale
        return self.low <= value <= self.high

    def _reachable(self, text: str) -> bool:
        """Whether ``text`` begins a number within the bounds."""
        negative = text.startswith("-")
        before, point, after = text.removeprefix("-").partition(".")
        if "-" in before + after or "." in after or (point and (self.scale == 1 or not before)):
            return False
        if (len(before) > 1 and before[0] == "0") or len(before) > DIGITS or len(after) > DECIMALS:
            return False
        if not before:
            return self.low < 0
        spans = []
        if point:
            width = self.scale // 10 ** len(after)
            first = int(before + after) * width
            spans.append((first, first + width - 1))
        else:
            for more in range(DIGITS - len(before) + 1 if before != "0" else 1):
                first = int(before) * 10**more * self.scale
                spans.append((first, first + 10**more * self.scale - 1))
        if negative:
            spans = [(-b, -a) for a, b in spans]
        return any(a <= self.high and b >= self.low for a, b in spans)


@dataclass(frozen=True, slots=True, eq=False)
class Items(Node):
    """A list after its opening bracket, or after an item of it."""

    item: Stack
    left: int
    need: int
    first: bool = True

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        if byte == 0x5D and self.need <= 0:
            yield rest
        if self.left > 0 and not (tight and self.need <= 0):
            after = Items(self.item, self.left - 1, self.need - 1, False)
            start = () if self.first else (Literal(b","), SPACE)
            yield from _step((*start, *self.item, after, *rest), byte, tight)


@dataclass(frozen=True, slots=True, eq=False)
class Members(Node):
    """An object after its opening brace, or after a member of it: each key at most once, the required ones all."""

    values: tuple[tuple[str, Stack], ...]
    required: frozenset[str]
    first: bool = True

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        missing = [name for name, _ in self.values if name in self.required]
        if byte == 0x7D and not missing:
            yield rest
        for name, value in self.values:
            if tight and name not in self.required:
                continue
            after = Members(tuple(v for v in self.values if v[0] != name), self.required, False)
            start = () if self.first else (Literal(b","), SPACE)
            yield from _step((*start, Literal(quoted(name) + b":"), SPACE, *value, after, *rest), byte, tight)


@dataclass(frozen=True, slots=True, eq=False)
class Words(Node):
    """Free text in which a call may begin: after a marker, or with the answer's first letter."""

    calls: Mapping[bytes, Stack]
    tail: bytes = b""
    begun: bool = False

    def take(self, byte: int, rest: Stack, tight: bool) -> Iterator[Stack]:
        letter = bytes([byte])
        if not self.begun and byte == 0x7B:
            if not tight:
                yield from _step(self.calls[b""], byte, tight)
            return
        tail = (self.tail + letter)[-max(map(len, self.calls)) :]
        marker = next((m for m in self.calls if m and tail.endswith(m)), None)
        if marker is None:
            yield (Words(self.calls, tail, self.begun or not letter.isspace()), *rest)
        elif not tight:  # a call that would not come to its end had better not begin
            yield self.calls[marker]


SPACE: Node = Either(((), (Literal(b" "),)))
LINE: Node = Either(((), (Literal(b"\n"),), (Literal(b" "),)))


def quoted(text: str) -> bytes:
    """``text`` as JSON."""
    import json

    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def start(tools: Mapping[str, Mapping[str, Any]], *, must_call: bool = False) -> State:
    """The state before an answer.

    Args:
        tools: the JSON schema of the arguments, by tool.
        must_call: only a call is an answer.
    """
    options = tuple(
        (Literal(quoted(name)), Literal(b","), SPACE, Either(((Literal(b'"arguments":'),), (Literal(b'"parameters":'),))),
         SPACE, *value(schema, schema), SPACE, Literal(b"}"))
        for name, schema in tools.items()
    )  # fmt: skip
    body: Stack = (Literal(b"{"), SPACE, Literal(b'"name":'), SPACE, Either(options))
    tagged: Stack = (LINE, *body, LINE, Literal(CLOSE.encode()))
    if must_call:
        return ((Literal(OPEN.encode()), *tagged),)
    return ((Words({b"": body, OPEN.encode(): tagged, PYTHON.encode(): body}),),)


def value(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int = 0) -> Stack:
    """What a value of ``schema`` looks like. ``root`` holds the definitions that it may point at."""
    if "$ref" in schema:
        target = root.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2], {})
        return value(target, root, depth + 1) if depth < 8 else (_scalar(),)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return (Either(tuple(value(s, root, depth + 1) for s in schema[key])),)
    if "const" in schema or "enum" in schema:
        allowed = schema["enum"] if "enum" in schema else [schema["const"]]
        return (Either(tuple((Literal(_json(v)),) for v in allowed)),)
    return _typed(schema, root, depth)


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Stack:
    kind = schema.get("type")
    if kind == "string":
        least = int(schema.get("minLength", 0))
        most = min(int(schema.get("maxLength", LETTERS)), max(LETTERS, least))
        return Literal(b'"'), Text(most, least)
    if kind in ("integer", "number"):
        return (_number(schema, 1 if kind == "integer" else _SCALE),)
    if kind == "boolean":
        return (Either(((Literal(b"true"),), (Literal(b"false"),))),)
    if kind == "null":
        return (Literal(b"null"),)
    if kind == "array":
        need = int(schema.get("minItems", 0))
        most = min(int(schema.get("maxItems", ITEMS)), max(ITEMS, need))
        return Literal(b"["), Items(value(schema.get("items", {}), root, depth + 1), most, need)
    if kind == "object":
        members = tuple((n, value(s, root, depth + 1)) for n, s in schema.get("properties", {}).items())
        return Literal(b"{"), Members(members, frozenset(schema.get("required", ())))
    return (_scalar(),)


def _number(schema: Mapping[str, Any], scale: int) -> Number:
    low, high = -_FAR, _FAR
    if "minimum" in schema:
        low = max(low, ceil(_scaled(schema["minimum"], scale)))
    if "exclusiveMinimum" in schema:
        low = max(low, floor(_scaled(schema["exclusiveMinimum"], scale)) + 1)
    if "maximum" in schema:
        high = min(high, floor(_scaled(schema["maximum"], scale)))
    if "exclusiveMaximum" in schema:
        high = min(high, ceil(_scaled(schema["exclusiveMaximum"], scale)) - 1)
    return Number(low, high, scale)


def _scaled(bound: float, scale: int) -> Fraction:
    return Fraction(str(bound)) * scale


def _scalar() -> Node:
    """Any simple value, where a schema says nothing that is understood here."""
    kinds = ("string", "number", "boolean", "null")
    return Either(tuple(_typed({"type": kind}, {}, 0) for kind in kinds))


def _json(made: Any) -> bytes:
    import json

    return quoted(made) if isinstance(made, str) else json.dumps(made).encode()
