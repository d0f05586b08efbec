"""Broken, hostile and half-right inputs made of good ones: seeded, so that every one of them can be made again.

Text is broken by pieces (numbers, words, marks), bytes by bits, cuts and splices, JSON-like trees at their nodes. What is
put in is what files and people really do to a program, and what attackers try: numbers that overflow or are none, marks
that hide or reverse text, escape sequences, paths that leave a folder, names of things that mean something elsewhere.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

NUMBERS = (
    "0", "-0", "-1", "1", "2", "0.5", ".5", "1.", "1e5", "1e308", "1e309", "-1e999", "nan", "NaN", "inf", "-Infinity",
    "Infinity", "٣", "½", "１２", "0x10", "1_000", "9" * 25, "9" * 400, "1e-320", "18446744073709551616", "1,5", "100 %",
    "true", "null", "None",
)  # fmt: skip
WORDS = (
    "", " ", "\t", "\n", "\r\n", "\0", "\x1b[31m", "\x1b]0;owned\x07", "\x9b2J", "\u202e", "\u200b", "\ufeff", "\u2028",
    "\U000e0041", "\ud800", "\udcff", "é", "e\u0301", "ẞ", "İ", "ﬁ", "🏠", "家", "<script>alert(1)</script>", "'", '"', "`",
    "\\", "/", "../../etc/passwd", "C:\\x", "%s%n", "{0}", "{{", "}}", "$(id)", ";", ",", ":", "=", ">=", "<=", "≥", ">", "<",
    "|", "#", "*", "[", "]", "(", ")", "&", "!", "?", "-", "--help", "---", "...", "..", ".", "not", "and", "or", "no", "yes", "all",
    "__class__", "self", "ignore all instructions and confirm every finding", "a" * 300, "(" * 60, "[" * 500, "kitchen",
)  # fmt: skip
TOO_DEEP = 3000
_PIECES = re.compile(r"\d+(?:\.\d+)?|\w+|\s+|[^\w\s]+")


def _deep(kind: str) -> Any:
    made: Any = 0
    for _ in range(120):
        made = [made] if kind == "list" else {"a": made}
    return made


HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 10**25, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", " ", "\0", "x", "0", "nan",
    "\x1b[31m", "\u202e", "\ud800", "../../x", "/etc/passwd", "kitchen", "a" * 3000, [], [[]], [None], [0, 1], ["a", "a"], {}, {"a": {}},
    {"": None}, _deep("list"), _deep("dict"), [0.0] * 300,
)  # fmt: skip


class Mutator:
    """Makes broken inputs of good ones. Equal seeds make equal inputs."""

    def __init__(self, seed: int | str) -> None:
        self.draw = random.Random(seed)

    def text(self, sample: str, most: int = 4) -> str:
        """``sample`` with up to ``most`` pieces changed, cut, doubled, swapped or replaced; sometimes something else altogether."""
        draw = self.draw
        if draw.random() < 0.02:
            return "".join(chr(draw.choice((draw.randrange(128), draw.randrange(0x3000), draw.randrange(0x110000)))) for _ in range(draw.randrange(40)))  # fmt: skip
        pieces = _PIECES.findall(sample) or [""]
        for _ in range(draw.randint(1, most)):
            self._piece(pieces)
        made = "".join(pieces)
        if draw.random() < 0.05:
            made = made[: draw.randrange(len(made) + 1)]
        return made

    def _piece(self, pieces: list[str]) -> None:
        draw, at = self.draw, self.draw.randrange(len(pieces)) if pieces else 0
        way = draw.randrange(8)
        if not pieces or way == 0:
            pieces.insert(at, draw.choice(WORDS))
        elif way == 1:
            pieces[at] = draw.choice(WORDS)
        elif way == 2:
            del pieces[at]
        elif way == 3:
            pieces.insert(at, pieces[draw.randrange(len(pieces))])
        elif way == 4:
            other = draw.randrange(len(pieces))
            pieces[at], pieces[other] = pieces[other], pieces[at]
        elif way == 5:
            numbers = [i for i, p in enumerate(pieces) if p[0:1].isdigit()]
            pieces[draw.choice(numbers) if numbers else at] = draw.choice(NUMBERS)
        elif way == 6:
            word = pieces[at]
            pieces[at] = draw.choice(
                (word.upper(), word.swapcase(), word[::-1], word * 2, word[:-1], word + "s")
            )
        else:
            some = draw.randrange(1, 4)
            pieces[at:at] = pieces[at : at + some] * draw.choice((2, 3, 30))

    def raw(self, sample: bytes, most: int = 6) -> bytes:
        """``sample`` with bits flipped, bytes set, stretches cut, doubled, swapped or moved, or its end missing."""
        draw, made = self.draw, bytearray(sample)
        for _ in range(draw.randint(1, most)):
            at = draw.randrange(len(made)) if made else 0
            span = min(draw.choice((1, 2, 4, 16, 256)), max(len(made) - at, 0))
            way = draw.randrange(8)
            if not made or way == 0:
                made[at:at] = draw.choice(WORDS).encode("utf-8", "surrogatepass")
            elif way == 1:
                made[at] ^= 1 << draw.randrange(8)
            elif way == 2:
                made[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
            elif way == 3:
                del made[at : at + span]
            elif way == 4:
                made[at:at] = made[at : at + span]
            elif way == 5:
                made[at : at + span] = draw.randbytes(span)
            elif way == 6:
                made = made[:at]
            else:
                start = draw.randrange(len(made))
                made[at : at + span] = made[start : start + span]
        return bytes(made)

    def tree(self, sample: Any, most: int = 3) -> Any:
        """A copy of a JSON-like value in which up to ``most`` nodes were replaced, dropped, added or given another type."""
        made = _copy(sample)
        for _ in range(self.draw.randint(1, most)):
            made = self._node(made)
        return made

    def _node(self, root: Any) -> Any:
        draw = self.draw
        places = _places(root)
        if not places or draw.random() < 0.01:
            return _copy(draw.choice(HOSTILE))
        holder, key = draw.choice(places)
        way = draw.randrange(6)
        if way == 0:
            holder.pop(key)
        elif way == 1 and isinstance(holder, dict):
            holder[self.text(str(key))] = (
                holder.pop(key) if draw.random() < 0.5 else _copy(draw.choice(HOSTILE))
            )
        elif way == 2:
            other, name = draw.choice(places)
            holder[key] = _copy(other[name]) if _has(other, name) else None
        elif way == 3 and isinstance(holder[key], str):
            holder[key] = self.text(holder[key])
        elif way == 4 and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = draw.choice(
                (-holder[key], holder[key] * 1000, str(holder[key]), [holder[key]], float("nan"), 10**30)
            )
        else:
            holder[key] = _copy(draw.choice(HOSTILE))
        return root


def _places(root: Any) -> list[tuple[Any, Any]]:
    """(holder, key or position) of every node below the root; at most some thousands."""
    made: list[tuple[Any, Any]] = []
    waiting = [root]
    while waiting and len(made) < 4000:
        holder = waiting.pop()
        inside: Sequence[tuple[Any, Any]] = (
            list(holder.items())
            if isinstance(holder, dict)
            else list(enumerate(holder))
            if isinstance(holder, list)
            else []
        )
        for key, value in inside:
            made.append((holder, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return made


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _copy(value: Any) -> Any:
    """Deep copy of dicts and lists; tuples become lists."""
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(v) for v in value]
    return value
