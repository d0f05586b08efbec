"""Conditions in words: ``bathroom images with cat=yes``, ``are wrong``."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.experiments.population import (
    CONFIDENCE,
    NOT,
    OUTCOMES,
    PREDICTED_NAMES,
    TRUE_NAMES,
    Filter,
)
from failsight.tools.notes import called
from failsight.tools.text import clean

_SPLITS = {"train": "training ", "deploy": "deployment ", "pool": "pool "}
_BOUNDS = {
    "=": "of exactly",
    "!=": "other than",
    "<": "below",
    "<=": "of at most",
    ">": "above",
    ">=": "of at least",
}


def base_words(filters: Sequence[Filter], split: str, n: int = 2) -> str:
    """The images that meet ``filters``, ``n`` of them: ``wrong bathroom images with cat=yes``; ``evaluation images`` without any."""
    before = [_outcome(f) for f in filters if not f.op]
    own = next((f for f in filters if _is_own(f)), None)
    noun = "image" if n == 1 else "images"
    if own is None:
        head = f"{called(split).removesuffix('images')}{noun}"
    else:
        head = f"{_SPLITS.get(split, '')}{_choice(own)} {noun}"
    after = [_which(f) for f in filters if f.op and f is not own and _which(f)]
    held = [_having(f) for f in filters if not _which(f) and f.op and f is not own]
    text = " ".join([*dict.fromkeys(before), head])
    if held:
        text += f" with {_and(held)}"
    joined = f"{'and' if held else 'that'} {'is' if n == 1 else 'are'}"
    return f"{text} {joined} {_and(after)}" if after else text


def verb_words(filters: Sequence[Filter], n: int) -> str:
    """What is said of ``n`` images: ``are wrong``, ``is called kitchen and has cat=yes``."""
    if any(_is_own(f) for f in filters) and len(filters) > 1:
        which = base_words(filters, "data", n)
        article = "an" if which[0].lower() in "aeiou" else "a"
        return f"is {article} {which}" if n == 1 else f"are {which}"
    are = [_outcome(f) for f in filters if not f.op]
    are += [_which(f) or _choice(f) for f in filters if f.op and _is(f)]
    have = [_having(f) for f in filters if not _is(f)]
    parts = [f"{'is' if n == 1 else 'are'} {_and(are)}"] if are else []
    parts += [f"{'has' if n == 1 else 'have'} {_and(have)}"] if have else []
    return " and ".join(parts)


def short_words(filters: Sequence[Filter]) -> str:
    """What is counted, for the head of a column: ``wrong``; ``counted`` for more than one condition."""
    if len(filters) == 1 and not filters[0].op:
        return _outcome(filters[0])
    return "counted"


def about(filters: Sequence[Filter]) -> str:
    """What a fact is about: ``class bathroom, slice cat=yes, wrong``."""
    parts = []
    for one in filters:
        if not one.op:
            parts.append(f"answered {_outcome(one)}")
        elif one.name in TRUE_NAMES and one.op == "=":
            parts.append(f"class {_choice(one)}")
        elif one.name in (*TRUE_NAMES, *PREDICTED_NAMES):
            parts.append(_which(one))
        elif one.name == CONFIDENCE:
            parts.append(f"confidence {_BOUNDS[one.op]} {_share(one.value, '{:g}')}")
        else:
            parts.append(f"slice {clean(one, 120)}")
    return ", ".join(parts)


def _is_own(one: Filter) -> bool:
    """Whether it says of which class an image is."""
    return one.name in TRUE_NAMES and one.op == "="


def _is(one: Filter) -> bool:
    return one.op == "" or (one.op == NOT and not _either(one)) or one.name in (*TRUE_NAMES, *PREDICTED_NAMES)


def _outcome(one: Filter) -> str:
    return "right" if OUTCOMES[one.name] else "wrong"


def _choice(one: Filter) -> str:
    """``kitchen``, ``kitchen or bathroom``."""
    return " or ".join(clean(v, 60) for v in one.values)


def _which(one: Filter) -> str:
    """``not kitchen``, ``called kitchen``, ``not line=3 and shift=night together``; empty for other conditions."""
    if one.op == NOT:
        return "" if _either(one) else f"not {_and([_plain(part) for part in one.inside])} together"
    denied = "not " if one.op == "!=" else ""
    if one.name in PREDICTED_NAMES:
        return f"{denied}called {_choice(one)}"
    return f"not {_choice(one)}" if one.name in TRUE_NAMES and denied else ""


_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def _either(one: Filter) -> str:
    """``hour>=22 or hour<=5`` for ``not(hour<22&hour>5)``; empty for other conditions."""
    if (
        one.op != NOT
        or len({part.name for part in one.inside}) > 1
        or any(p.op not in _OPPOSITE for p in one.inside)
    ):
        return ""
    return " or ".join(clean(f"{p.name}{_OPPOSITE[p.op]}{p.value}", 120) for p in one.inside)


def in_words(one: Filter) -> str:
    """A condition as people read it: ``hour>=22 or hour<=5``, ``not line=3 and shift=night together``, ``month=12, 1 or 2``."""
    return _plain(one)


def _plain(one: Filter) -> str:
    if not one.op:
        return _outcome(one)
    return _choice(one) if _is_own(one) else _which(one) or _having(one)


def _having(one: Filter) -> str:
    """``cat=yes``, ``a confidence of at least 90 %``."""
    if one.name == CONFIDENCE:
        return f"a confidence {_BOUNDS[one.op]} {_share(one.value, '{:.6g} %', 100)}"
    if one.op in ("=", "!=") and len(one.values) > 1:
        *first, last = (clean(v, 60) for v in one.values)
        return f"{clean(one.name, 60)}{one.op}{', '.join(first)} or {last}"
    return _either(one) or clean(one, 120)


def _share(value: str, form: str, times: int = 1) -> str:
    """A bound on the confidence, as a share or in percent; a column of the data may be called so and hold anything."""
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        return clean(value, 20)
    return form.format(times * share)


def _and(parts: Sequence[str]) -> str:
    kept = list(dict.fromkeys(parts))
    return kept[0] if len(kept) == 1 else f"{', '.join(kept[:-1])} and {kept[-1]}"
