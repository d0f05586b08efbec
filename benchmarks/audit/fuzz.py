"""One target, many broken inputs: what was refused with a sentence, what was taken, and what went wrong."""

from __future__ import annotations

import contextlib
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.audit.mutate import Mutator
from failsight.tools.errors import RetryError, UserError

Kind = Literal["text", "raw", "tree"]
PATIENCE = 5.0  # processor seconds for one input: more is a hang
KEPT = 5  # different faults of a target that are kept


class HungError(Exception):
    """One input took longer than :data:`PATIENCE`."""


class PromiseError(AssertionError):
    """The call returned, but what it returned breaks a promise."""


@dataclass(frozen=True)
class Target:
    """Something that takes input from outside.

    Attributes:
        call: is given one broken input; may check what it got and raise :class:`PromiseError`.
        fine: exceptions that the callers of this function are promised, besides ``UserError`` and ``RetryError``.
        share: how many of all inputs it gets, beside 1 for the others (slow targets get less).
    """

    name: str
    kind: Kind
    samples: Sequence[Any]
    call: Callable[[Any], object]
    fine: tuple[type[BaseException], ...] = ()
    share: float = 1.0


@dataclass
class Outcome:
    """What became of the inputs of one target."""

    target: str
    tried: int = 0
    refused: int = 0
    seconds: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)  # where it went wrong → how, with the input
    numbers: dict[str, int] = field(default_factory=dict)  # where it went wrong → which input it was, from 0
    wrong: int = 0


def inputs(target: Target, seed: int) -> Iterator[Any]:
    """Endless broken inputs; the good ones come first."""
    yield from target.samples
    mutator = Mutator(f"{target.name}-{seed}")
    makers: dict[str, Callable[[Any], Any]] = {"text": mutator.text, "raw": mutator.raw, "tree": mutator.tree}
    make = makers[target.kind]
    pool = list(target.samples)
    while True:
        made = make(mutator.draw.choice(pool))
        yield made
        if len(pool) < 200 and mutator.draw.random() < 0.02:
            pool.append(made)  # broken twice and more


def run(target: Target, wanted: int, seconds: float, seed: int = 0) -> Outcome:
    """Try up to ``wanted`` inputs within ``seconds``."""
    made = Outcome(target.name)
    began = time.monotonic()
    for given in inputs(target, seed):
        if made.tried >= wanted or (made.tried % 50 == 0 and time.monotonic() - began > seconds):
            break
        made.tried += 1
        went = attempt(target, given)
        if isinstance(went, str):
            made.refused += went == "refused"
            continue
        made.wrong += 1
        where = _where(went)
        if where not in made.faults and len(made.faults) < KEPT:
            made.faults[where] = f"{type(went).__name__}: {str(went)[:200]!r} of {ascii(given)[:600]}"
            made.numbers[where] = made.tried - 1
    made.seconds = time.monotonic() - began
    return made


def attempt(target: Target, given: Any) -> Exception | Literal["taken", "refused"]:
    """One input: taken, refused as promised, or the exception that nobody was promised."""
    try:
        with patience(PATIENCE):
            target.call(given)
    except (UserError, RetryError, *target.fine):
        return "refused"
    except Exception as error:
        return error
    return "taken"


@contextlib.contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise :class:`HungError` inside the block after ``seconds`` of processor time (main thread, Unix)."""

    def ring(*_: object) -> None:
        raise HungError(f"longer than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _where(error: BaseException) -> str:
    """The innermost line of ours (or the last line) that the exception passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename and "/lib/python" not in f.filename and "benchmarks" not in f.filename]  # fmt: skip
    last = (own or list(frames))[-1]
    place = last.filename
    return f"{type(error).__name__} at {'/'.join(place.split('/')[-3:])}:{last.lineno} in {last.name}"
