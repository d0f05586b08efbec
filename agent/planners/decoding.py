"""Greedy decoding that lets a local model write only tool calls which the tools take.

The most likely token whose bytes fit the grammar is taken, so only as many tokens are looked at as it takes to find it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from failsight.agent.planners import grammar
from failsight.agent.planners.calls import CLOSE, MISTRAL, OPEN, PYTHON

if TYPE_CHECKING:
    import torch

RESERVE = 160  # last tokens of an answer, in which a call that has begun is brought to its end
FIRST_LOOK = 64  # most likely tokens that are tried before all that could fit are gathered
ROUNDS = 4  # the same words so often one after the other end an answer
LOOP = 160  # tokens that are looked back on for that
SHORTEST_LOOP = 24  # tokens below which it may be a table or a list of equal numbers
CHUNK = 512  # tokens of the prompt that are read between two looks at the clock


class Vocabulary:
    """The bytes of every token. ``None`` for those that stand for no text.

    Args:
        tokenizer: a transformers tokenizer, byte-level or of the SentencePiece kind.
        ends: ids that end an answer.
    """

    def __init__(self, tokenizer: Any, ends: Sequence[int]) -> None:
        added = tokenizer.added_tokens_decoder
        backend = getattr(tokenizer, "backend_tokenizer", None)
        letters = _letters() if "ByteLevel" in repr(getattr(backend, "decoder", None)) else None
        self.texts: list[bytes | None] = [None] * (max(tokenizer.get_vocab().values(), default=-1) + 1)
        for token, number in tokenizer.get_vocab().items():
            self.texts[number] = token.encode("utf-8", "replace") if number in added else _raw(token, letters)
        markers = {m.encode() for m in (OPEN, CLOSE, PYTHON, MISTRAL)}
        self.control = {i for i, t in added.items() if t.special and self.texts[i] not in markers}
        self.ends = frozenset(ends)

    @cached_property
    def by_first(self) -> dict[int, list[int]]:
        """Token ids by their first byte."""
        made: dict[int, list[int]] = {}
        for number, text in enumerate(self.texts):
            if text and number not in self.control and number not in self.ends:
                made.setdefault(text[0], []).append(number)
        return made

    def text(self, tokens: Sequence[int]) -> str:
        """What the tokens say, without those that only steer."""
        kept = [self.texts[t] or b"" for t in tokens if t not in self.control and t not in self.ends]
        return b"".join(kept).decode("utf-8", "replace")


def _letters() -> dict[str, int]:
    """Byte-level BPE's letters for bytes (Radford et al. 2019, ``bytes_to_unicode``)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(rest)}


def _raw(token: str, letters: Mapping[str, int] | None) -> bytes | None:
    if letters is not None:
        try:
            return bytes(letters[c] for c in token)
        except KeyError:
            return None
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        try:
            return bytes([int(token[3:5], 16)])
        except ValueError:
            return None
    return token.replace("▁", " ").encode("utf-8", "replace")


@dataclass
class Choice:
    """Which token comes next. ``state`` None: no tools, nothing is forbidden."""

    vocabulary: Vocabulary
    state: grammar.State | None = None

    @property
    def done(self) -> bool:
        """Whether the answer is a whole call."""
        return self.state is not None and grammar.whole(self.state)

    @property
    def calling(self) -> bool:
        """Whether a call has begun."""
        return self.state is not None and not grammar.outside(self.state)

    def next(self, scores: torch.Tensor, left: int) -> int | None:
        """The most likely token that fits, with ``left`` tokens to go; None where none does."""
        import torch

        scores = torch.nan_to_num(scores.float(), nan=-1e30)
        tight = left <= RESERVE
        top = torch.topk(scores, min(FIRST_LOOK, len(scores))).indices.tolist()
        found = self._first(top, tight)
        if found is None and self.state is not None:
            state = self.state
            fitting = [b for b in self.vocabulary.by_first if grammar.advance(state, b, tight)]
            ids = torch.tensor([i for b in fitting for i in self.vocabulary.by_first[b] if i < len(scores)])
            if len(ids):
                found = self._first(ids[torch.argsort(scores.cpu()[ids], descending=True)].tolist(), tight)
        if found is None:
            return None
        number, self.state = found
        return number

    def _first(self, ids: Sequence[int], tight: bool) -> tuple[int, grammar.State | None] | None:
        for number in ids:
            if self.state is None:
                return number, None
            after = self._after(number, tight)
            if after:
                return number, after
        return None

    def _after(self, number: int, tight: bool) -> grammar.State:
        """The state after a token; empty when it does not fit."""
        assert self.state is not None
        if number in self.vocabulary.ends or number in self.vocabulary.control:
            return self.state if grammar.outside(self.state) else ()
        text = self.vocabulary.texts[number] if number < len(self.vocabulary.texts) else None
        return grammar.run(self.state, text, tight) if text else ()


@dataclass
class Written:
    """An answer: its tokens, and why it ended (``stop``, ``call``, ``length``, ``time``, ``stuck``, ``repeats``)."""

    tokens: list[int] = field(default_factory=list)
    why: str = "length"


def write(
    model: Any, prompt: Sequence[int], choice: Choice, *, most: int, seconds: float, tick: Callable[[], None]
) -> Written:
    """Go on from ``prompt``, greedily.

    Args:
        model: a causal language model of transformers.
        most: tokens of the answer at most.
        seconds: when to stop, whatever stands there by then.
        tick: called before every pass of the model; may raise to interrupt.
    """
    import torch

    end = time.monotonic() + seconds
    made = Written()
    with torch.inference_mode():
        reader = _Reader(model)
        for begin in range(0, len(prompt), CHUNK):
            if time.monotonic() > end:
                made.why = "time"
                return made
            tick()
            scores = reader.read(prompt[begin : begin + CHUNK])
        for left in range(most, 0, -1):
            number = choice.next(scores, left)
            if number is None or number in choice.vocabulary.ends:
                made.why = "stuck" if number is None else "stop"
                break
            made.tokens.append(number)
            if choice.done or time.monotonic() > end:
                made.why = "call" if choice.done else "time"
                break
            extra = 0 if choice.calling else repeated(made.tokens)
            if extra:
                made.tokens, made.why = made.tokens[:-extra], "repeats"
                break
            tick()
            scores = reader.read([number])
    return made


def repeated(tokens: Sequence[int]) -> int:
    """How many of the last tokens only say again what stands before them: small greedy models run into circles."""
    for period in range(1, LOOP // ROUNDS + 1):
        rounds = max(ROUNDS, -(-SHORTEST_LOOP // period))
        tail = tokens[-period * rounds :]
        if len(tail) == period * rounds and tail[period:] == tail[:-period]:
            return period * (rounds - 1)
    return 0


class _Reader:
    """Feeds a model token by token; models without a cache of the usual kind get the whole text every time."""

    def __init__(self, model: Any) -> None:
        from inspect import signature

        self.model = model
        # only the last position's scores are of use; those of a whole chunk may take gigabytes
        self.more = {"logits_to_keep": 1} if "logits_to_keep" in signature(model.forward).parameters else {}
        self.past: Any = None
        self.seen: list[int] = []

    def read(self, tokens: Sequence[int]) -> torch.Tensor:
        """Scores of the token after ``tokens``, of shape (vocabulary,)."""
        import torch

        self.seen += tokens
        new = tokens if self.past is not None else self.seen
        ids = torch.tensor([list(new)], device=self.model.device)
        out = self.model(input_ids=ids, past_key_values=self.past, use_cache=True, **self.more)
        self.past = getattr(out, "past_key_values", None)
        made: torch.Tensor = out.logits[0, -1]
        return made
