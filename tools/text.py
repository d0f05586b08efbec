"""Text for people: numbers with their units, and foreign text made harmless."""

from __future__ import annotations

import json
import math
import re
from typing import Any

SENTENCE = 100  # characters: what may be that long is no name any more
_WHOLE = 2.0**53  # up to here whole numbers are held exactly
_SPACES = re.compile(r"\s+")
# C0/C1 controls, halves of characters, the marks that reorder or hide text (Trojan Source, CVE-2021-42574; tag characters and
# variation selectors can spell out a hidden instruction), and what no XML may hold. Joiners stay: scripts and emoji need them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def escaped(text: str) -> str:
    """JSON text with unsafe characters as JSON escapes: the same document, and nothing in it moves or hides what a terminal shows.

    Line breaks and tabs between values stay; within strings JSON has escaped them already.
    """
    return _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def clean(text: object, limit: int = 200) -> str:
    """``text`` from data (class and file names, metadata, captions) made fit for a terminal and a prompt.

    Control characters, bidirectional marks and lone surrogates go, white space is folded, the length is bounded. A sentence is cut
    between two words, a name wherever it has to be.
    """
    kept = _SPACES.sub(" ", _UNSAFE.sub("", str(text))).strip()
    if len(kept) <= limit:
        return kept
    words = kept[: limit - 1].rpartition(" ")[0]
    return words + " …" if limit >= SENTENCE and len(words) > limit // 2 else kept[: limit - 1] + "…"


def harmless(text: object) -> str:
    """``text`` without what :func:`clean` takes out, in its lines and at its length."""
    return _UNSAFE.sub("", str(text)).replace("\r", "")


def number(value: Any, unit: str = "share") -> str:
    """``value`` as people read it: a share as ``81.0 %``, points as ``+12.3 points``, counts with thin separators."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "points":
        return f"{100 * value:+.1f} points"
    if unit == "seconds":
        return f"{value:.1f} s" if value >= 1 else f"{1000 * value:.0f} ms"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "ratio":
        return f"{value:.2f}"
    if isinstance(value, int) or (unit in ("count", "pixels") and float(value).is_integer()):
        return f"{int(value):,}"
    return f"{value:.3g}"


def counted(n: int, one: str, many: str = "") -> str:
    """A number of things in words: ``1 image``, ``1,200 images``; ``many`` where the plural is no added s.

    >>> counted(1, "picture is", "pictures are"), counted(0, "error"), counted(1200, "class", "classes")
    ('1 picture is', '0 errors', '1,200 classes')
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def interval(ci: tuple[float, float] | None, unit: str = "share") -> str:
    """``[78.1, 83.6] %`` for a share, ``[+1.2, +5.0] points``, else plain; empty without an interval."""
    if ci is None or not all(math.isfinite(c) for c in ci):
        return ""
    if unit == "share":
        return f"[{100 * ci[0]:.1f}, {100 * ci[1]:.1f}] %"
    if unit == "points":
        return f"[{100 * ci[0]:+.1f}, {100 * ci[1]:+.1f}] points"
    return f"[{number(ci[0], unit)}, {number(ci[1], unit)}]"


def bounds(ci: tuple[float, float] | None, unit: str = "share") -> str:
    """An interval beside a number that says the unit already: ``+0.8 points [+0.2, +1.8]``.

    >>> bounds((0.002, 0.018), "points"), bounds((0.88, 0.97))
    ('[+0.2, +1.8]', '[88.0, 97.0]')
    """
    return interval(ci, unit).partition("]")[0] + "]" if interval(ci, unit) else ""


def p_value(p: float | None) -> str:
    """``p = 0.012`` style value without the name: three significant digits, ``< 0.001`` below that."""
    if p is None or not math.isfinite(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_beside(p: float | None, ci: tuple[float, float] | None) -> str:
    """``p`` as it stands beside an effect and its interval.

    Where all of the interval lies on the side that a one-sided test does not ask about, p is near 1 and would seem to contradict
    it; so it says that it is one-sided.

    >>> p_beside(1.0, (-0.17, -0.16)), p_beside(0.004, (0.1, 0.2))
    ('1.000 (one-sided: of an effect above zero)', '0.004')
    """
    told = p_value(p)
    if p is None or ci is None or not p > 0.5:
        return told
    low, high = ci
    if low > 0 or high < 0:
        return f"{told} (one-sided: of an effect {'above' if high < 0 else 'below'} zero)"
    return told


def listing(names: list[str] | tuple[str, ...], most: int = 6, longest: int = 60) -> str:
    """``a, b and c``; after ``most`` names: ``a, b and 12 more``. Of each name ``longest`` characters at most."""
    names = [clean(n, longest) for n in names]
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


_PART = re.compile(r"(?P<name>.+?)(?P<sign>!=|<=|>=|=|<|>)(?P<value>.*)")
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def together(inside: str, value: str) -> str:
    """Conditions that a slice names as one, with whether they hold: as people read them; empty where ``inside`` is a plain name.

    >>> together("hour<22&hour>5", "no")
    'hour>=22 or hour<=5'
    >>> together("line=3&shift=night", "no")
    'not line=3 and shift=night together'
    """
    found = [_PART.fullmatch(part) for part in inside.split("&")]
    if any(m is None for m in found) or value.casefold() not in ("yes", "no"):
        return ""
    held = [(m["name"], m["sign"], m["value"]) for m in found if m is not None]
    if value.casefold() == "no" and len({n for n, _, _ in held}) == 1 and all(s in _OPPOSITE for _, s, _ in held):  # fmt: skip
        return " or ".join(clean(f"{n}{_OPPOSITE[s]}{v}", 60) for n, s, v in held)
    said = " and ".join(clean(f"{n}{s}{v}", 60) for n, s, v in held)
    return said if value.casefold() == "yes" else f"not {said} together"


def condition(name: str, value: str, joined: str = " = ") -> str:
    """A condition of a slice for people: ``camera = phone``; a mark that is found by its look or colour as such, not as a region.

    >>> condition("region", "like:train/12,0.7,0.7,0.9,0.9")
    'the mark (as in training picture 12)'
    """
    kind, _, rest = str(value).partition(":")
    if name == "region" and kind == "like":
        split, _, row = rest.partition(",")[0].partition("/")
        where = {"train": "training", "deploy": "deployment"}.get(split, "evaluation")
        return f"the mark (as in {where} picture {clean(row, 20)})"
    if name == "region" and kind == "colour":
        return f"the mark ({colour_words(rest)})"
    return together(name, str(value)) or f"{clean(name, 60)}{joined}{clean(value, 60)}"


PALE = 0.25  # saturation up to which a colour is white, grey or black
HUES = ((15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (260, "blue"), (295, "purple"), (345, "pink"), (361, "red"))  # fmt: skip


def colour_words(code: str) -> str:
    """A colour region in words; what it says otherwise (``red``) as it stands.

    >>> colour_words("s0.00-0.04,v0.81-1.00"), colour_words("h350-10,s0.4-1,v0.2-1")
    ('white', 'red')
    """
    parts = {
        p[0]: (float(a), float(b))
        for p in code.split(",")
        if p[:1] in "hsv" and (a := p[1:].partition("-")[0]) and (b := p[1:].partition("-")[2])
        if a.replace(".", "", 1).isdigit() and b.replace(".", "", 1).isdigit()
    }
    if not parts:
        return clean(code, 40)
    if "h" in parts and parts.get("s", (0.0, 1.0))[1] > PALE:
        low, high = parts["h"]
        middle = ((low + high) / 2 + (180 if low > high else 0)) % 360
        return next(name for end, name in HUES if middle < end)
    if parts.get("s", (0.0, 1.0))[1] > PALE:
        return "of strong colour" if parts.get("s", (0.0, 1.0))[0] > PALE else "of one brightness"
    dark, light = parts.get("v", (0.0, 1.0))
    return "white" if dark >= 0.7 else "black" if light <= 0.3 else "grey"


def number_text(value: float) -> str:
    """A finite number in full: whole numbers with all their digits, others with as many as give the same number again.

    Serial numbers and times differ beyond six digits: ``20240131`` stays itself.
    """
    value = float(value)
    if value.is_integer() and abs(value) <= _WHOLE:
        return str(int(value))
    return next((t for d in range(6, 17) if float(t := f"{value:.{d}g}") == value), f"{value:.17g}")
