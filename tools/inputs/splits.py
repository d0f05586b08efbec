"""Data that hold several splits: which one is meant."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.errors import UserError
from failsight.tools.text import clean, listing

_PREFERRED = {
    "data": ("test", "testing", "eval", "evaluation", "validation", "valid", "val", "dev"),
    "train": ("train", "training"),
    "pool": ("pool", "unlabelled", "unlabeled", "unsupervised"),
    "deploy": ("deploy", "deployment", "production", "live"),
}


def is_split_name(name: str) -> bool:
    """Whether ``name`` is what people call a split."""
    return any(name.lower() in names for names in _PREFERRED.values())


def choose_split(names: Sequence[str], split: str, choose: str | None, where: str, notes: list[str]) -> str:
    """The one of ``names`` that serves as ``split``: the one chosen, the usual name, or the only one.

    Raises:
        UserError: none of them is it; the message lists them.
    """
    by_name = {name.lower(): name for name in names}
    if choose is not None:
        if choose.lower() not in by_name:
            raise UserError(f"{where} has no split {clean(choose)}.", f"It has: {listing(sorted(names))}.")
        return by_name[choose.lower()]
    if len(names) == 1:
        return names[0]
    for usual in _PREFERRED.get(split, ()):
        if usual in by_name:
            notes.append(
                f"{where} holds the splits {listing(sorted(names))}; {clean(by_name[usual])} is used."
            )
            return by_name[usual]
    raise UserError(
        f"{where} holds several splits: {listing(sorted(names))}.",
        f"Name one, for instance {where}#{clean(sorted(names)[0])}.",
    )
