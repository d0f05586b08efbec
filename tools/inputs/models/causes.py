"""Why a framework could not run a model, in the few words that matter: what it raised, without its places in source code."""

from __future__ import annotations

import re

from failsight.tools.text import clean

_NATIVE = re.compile(
    r"\bException raised from |^C\+\+ exception|^frame #\d+", re.MULTILINE
)  # torch's trace of its own C++
_ONNX = re.compile(r"^.*?\[ONNXRuntimeError\] : \d+ : \w+ : ", re.DOTALL)
_PLACE = re.compile(
    r"/?(?:[\w.+-]+/)+[\w.+-]+\.(?:cc|cpp|cu|h|hpp|cuh):\d+ .*?\)(?: const)?(?: \[.*?\])? "
)  # file:line and function
_SHORT_PLACE = re.compile(r"/?(?:[\w.+-]+/)+[\w.+-]+\.(?:cc|cpp|cu|h|hpp|cuh):\d+:? ?")
_MARK = re.compile(r"^[\s~^]*(<--- HERE)?\s*$")


def cause(problem: BaseException, width: int = 160) -> str:
    """The message of ``problem`` in one line of at most ``width`` characters, without a full stop at its end.

    Of several lines the last says what happened; those before it say where.
    """
    text = _NATIVE.split(str(problem))[0]
    text = _ONNX.sub("", text)
    text = _SHORT_PLACE.sub("", _PLACE.sub("", text))
    lines = [line.strip() for line in text.splitlines() if not _MARK.match(line)]
    said = lines[-1] if lines else type(problem).__name__
    return clean(said, width).rstrip(" .:")


def named_cause(problem: BaseException, width: int = 160) -> str:
    """The same with the kind of error before it, once."""
    kind, said = type(problem).__name__, cause(problem, width)
    return said if said.startswith(kind) else f"{kind}: {said}"


_CHANNELS = (
    re.compile(r"to have (\d+) channels, but got (\d+) channels"),  # torch: wanted, given
    re.compile(r"C: (?P<given>\d+) kernel channels: (?P<wanted>\d+)"),  # onnxruntime, inside the graph
    re.compile(r"index: [13] Got: (?P<given>\d+) Expected: (?P<wanted>\d+)"),  # onnxruntime, at its input
)


def wanted_channels(problem: BaseException) -> int | None:
    """How many channels the model wants where it refused three; None where that is not what it refused."""
    for pattern in _CHANNELS:
        found = pattern.search(str(problem))
        if found is None:
            continue
        named = found.groupdict()
        wanted, given = (named["wanted"], named["given"]) if named else found.groups()
        if given == "3" and wanted != "3":
            return int(wanted)
    return None
