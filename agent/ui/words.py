"""What both looks (plain lines and the terminal app) say the same way: harmless text, symbols, durations, one-liners.

Everything that reaches a screen passes :func:`inert` once, at the seam where a session event enters a display. After
that no string holds a control character, and no display parses data text as markup.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from failsight.agent.events import BUDGET
from failsight.tools.text import clean, condition

if TYPE_CHECKING:
    from failsight.agent.state import FindingRecord
    from failsight.tools.evidence import Finding

LONGEST = 20_000  # characters of one string that a screen is given
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls but tab and newline
    "\u061c\u200b\u200e\u200f\ufeff\u202a-\u202e\u2060-\u206f"  # bidirectional and invisible marks
    "\U000e0000-\U000e007f"  # tag characters: text that no one sees
    "\ud800-\udfff]"
)
_BREAKS = re.compile("\r\n?|[\u2028\u2029]")
T = TypeVar("T")


class Look(NamedTuple):
    """How a verdict is shown without colour (symbol, word) and with it (a rich colour, a theme variable)."""

    symbol: str
    word: str
    style: str
    theme: str


VERDICTS: dict[str, Look] = {
    "open": Look("○", "open", "cyan", "$text-secondary"),
    "planned": Look("◐", "test planned", "cyan", "$text-secondary"),
    "confirmed": Look("✓", "confirmed", "bold red", "bold $text-error"),
    "refuted": Look("✗", "refuted", "dim", "dim"),
    "inconclusive": Look("~", "inconclusive", "yellow", "$text-warning"),
    "earlier": Look("–", "of an earlier version", "dim", "dim"),
}
TAKEN_BACK = Look("↩", "taken back", "dim", "dim")
UNDECIDED_HERE = Look("·", "not decided here", "cyan", "$text-secondary")
LEGEND = "  ".join(f"{look.symbol} {look.word}" for name, look in VERDICTS.items() if name != "earlier")
RAIL = "■□□ stated  ■■□ instrumented  ■■■ tested"
LEVELS = {"info": "i", "warning": "!", "error": "✗"}


def inert_text(text: str) -> str:
    """``text`` without control characters, bidirectional and invisible marks; newlines stay, tabs become spaces.

    At most :data:`LONGEST` characters."""
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    return _UNSAFE.sub("", _BREAKS.sub("\n", text)).replace("\t", "    ")


def inert(value: T) -> T:
    """``value`` with every string in it made harmless: session events, evidence, findings, mappings, sequences."""
    return _inert(value)  # type: ignore[no-any-return]


def _inert(value: Any) -> Any:
    if isinstance(value, str):
        return inert_text(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value, **{f.name: _inert(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
        )
    if isinstance(value, Mapping):
        return {_inert(k): _inert(v) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_inert(v) for v in value))
    if isinstance(value, tuple | list):
        return type(value)(_inert(v) for v in value)
    return value


def may_run(tool: str, arguments: Mapping[str, Any]) -> str:
    """``May retrain run? (strategy=balance)``"""
    if tool == BUDGET:
        return "May the language model use more?"
    with_ = arguments_text(arguments)
    return f"May {tool} run?" + (f" ({with_})" if with_ else "")


def arguments_text(arguments: Mapping[str, Any], limit: int = 160) -> str:
    """``split=deploy, depth=3``: the arguments of a call on one line; arguments that are None are left out."""
    parts = (f"{clean(k, 40)}={clean(_plain(v), 80)}" for k, v in arguments.items() if v is not None)
    return clean(", ".join(parts), limit)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}={_plain(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_plain(v) for v in value) + "]"
    return str(value)


def cost_text(cost: str) -> str:
    """What a tool costs, in words; anything but the three known costs is passed on as it is."""
    return {"instant": "no time", "pass": "one pass of the model", "heavy": "many passes of the model"}.get(
        cost, cost
    )


def duration(seconds: float) -> str:
    """``8 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def standing(record: FindingRecord) -> str:
    """Where a finding stands: ``open``, ``planned`` (its test is written down), its verdict, or ``earlier``: it speaks of a version that
    the case is no longer at."""
    if record.earlier:
        return "earlier"
    if record.finding.verdict is not None:
        return record.finding.verdict
    return "planned" if record.instruments else "open"


def look_of(record: FindingRecord) -> Look:
    """How a finding's standing is shown: the one place that says so, also of what was taken back."""
    return TAKEN_BACK if record.standing == "withdrawn" else VERDICTS[standing(record)]


def look_here(finding: Finding) -> Look:
    """How a piece of evidence shows what it says of a finding: its own verdict. Whether the finding is open is for its record to
    say: another measurement may have decided it."""
    return UNDECIDED_HERE if finding.verdict is None else VERDICTS[finding.verdict]


def rail(record: FindingRecord) -> str:
    """How far a finding came, a sign each: stated, instrumented (its test is planned), tested."""
    return "".join("■" if reached else "□" for reached in (True, record.instruments, record.finding.tests))


def finding_line(record: FindingRecord, limit: int = 300) -> str:
    """``F1 ✓ confirmed: Kitchens with stools …``"""
    look = look_of(record)
    return f"{record.id} {look.symbol} {look.word}: {clean(record.finding.statement, limit)}"


def finding_label(finding: Finding) -> str:
    """A finding in a few words, what tells it apart first: ``television=yes, kitchen → living room · rare case``."""
    # a limit on a number is no value: "feature #4 < 0.85", not "feature #4=< 0.85"
    parts = (
        f"{k} {v}" if str(v)[:1] in "<≥" else condition(k, v, "=") for k, v in (finding.slice or {}).items()
    )
    where = [*parts, finding.class_name or ""]
    places = ", ".join(clean(w, 60) for w in where if w)
    if finding.confused_with:
        places = f"{places} → {clean(finding.confused_with, 60)}".strip()
    kind = finding.kind.replace("_", " ")
    return f"{places} · {kind}" if places else kind


class StageRow(NamedTuple):
    """One stage of the workflow map: its name, whether it was gone through, whether it is the current one, and what is left
    to do in it. A stage with something left is not done."""

    name: str
    visited: bool
    current: bool
    left: str = ""

    @property
    def symbol(self) -> str:
        return "▶" if self.current else "○" if self.left else "✓" if self.visited else "·"


def stage_rows(
    current: str, entered: tuple[str, ...], left: Mapping[str, str] | None = None
) -> list[StageRow]:
    """The map of the workflow: the usual stages in order, then any that only this workflow has.

    Args:
        left: stage → what is left to do in it, as a clause: declined, or out of date (:class:`Snapshot`).
    """
    from failsight.agent.state import STAGES  # not before the first paint

    names = (*STAGES, *(n for n in dict.fromkeys((*entered, current)) if n not in STAGES))
    waits = left or {}
    return [
        StageRow(n, n in entered and n != current and n not in waits, n == current, waits.get(n, ""))
        for n in names
    ]
