"""Proposed attributes sifted: what is sound and new is kept, everything else is refused with its reason."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from failsight.tools.attributes.definitions import Definition, Source, plain, sound
from failsight.tools.errors import RetryError
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView

MARKUP = re.compile(r"[<>{}`]|https?:|&\w+;")
LONGEST = 60  # characters of a name or value; more is a sentence, not a name
TOLD = 6  # refusals told one by one
FILLERS = frozenset(
    {"the", "a", "an", "of", "is", "there", "has", "have", "type", "kind", "presence", "visible"}
)


@dataclass(frozen=True, slots=True)
class Sifted:
    """Definitions worth assigning, and one sentence for each kind of refusal."""

    kept: tuple[Definition, ...]
    notes: tuple[str, ...]


def sift(
    proposed: Iterable[Definition],
    classes: Sequence[str],
    existing: Iterable[str],
    defined: Iterable[Definition],
    limit: int,
) -> Sifted:
    """Clean proposals; leave out unsound ones, those that exist already under this or nearly this name, and the rest
    after ``limit``.

    Args:
        existing: names of the attributes that the case has, shown or not.
        defined: definitions of the case, dropped ones included.
    """
    taken = {alike(name): name for name in existing}
    known = {d.key: d for d in defined}
    kept: list[Definition] = []
    refused: list[str] = []
    over = 0
    for one in proposed:
        try:
            made = _cleaned(one, classes)
            _new(made, taken, known)
        except RetryError as error:
            refused.append(str(error))
            continue
        if len(kept) == limit:
            over += 1
            continue
        taken[alike(made.name)] = made.name
        kept.append(made)
    notes = list(dict.fromkeys(refused))
    if len(notes) > TOLD:
        notes = [*notes[:TOLD], f"{len(notes) - TOLD:,} more proposals were refused for such reasons."]
    if over:
        notes.append(f"{over:,} more proposals were left out: at most {limit} are taken at a time (limit).")
    return Sifted(tuple(kept), tuple(notes))


def alike(name: str) -> str:
    """What names have in common that mean the same: case, dashes, plural and filling words (``the sofas``, ``sofa``)."""
    words = [_singular(w) for w in re.findall(r"\w+", plain(name))]
    return " ".join(w for w in words if w not in FILLERS) or " ".join(words)


def wanted(raw: Sequence[Mapping[str, Any]], source: Source, by: str) -> list[Definition]:
    """Definitions of attributes that a person or a language model wrote down."""
    made = []
    for one in raw:
        name = str(one.get("name", ""))
        phrases = {str(k): tuple(map(str, v)) for k, v in (one.get("phrases") or {}).items()}
        values = tuple(str(v) for v in one.get("values") or phrases)
        question = str(one.get("question") or "")
        made.append(Definition(name, source, clean(name), values, phrases, question, by=by))
    return made


ANSWERING = ("vqa", "vision_model")  # sources that are asked which values there are


def asked_for(
    view: CaseView, here: Any, split: Split, raw: Sequence[Mapping[str, Any]], limit: int
) -> list[Definition]:
    """Definitions of attributes that somebody wrote down; where only a name was written and the source answers questions,
    its answers about representative images are the values (HiBug §3.1)."""
    bare = [a for a in raw if here.name in ANSWERING and not a.get("values") and not a.get("phrases")]
    made = wanted([a for a in raw if a not in bare], here.name, "planner or person")
    return [*made, *(here.propose(view, split, limit, names=[str(a["name"]) for a in bare]) if bare else ())]


def _cleaned(one: Definition, classes: Sequence[str]) -> Definition:
    shown = clean(one.name, 40) or "an attribute without a name"
    if MARKUP.search(one.name):
        raise RetryError(f"{shown!r} was refused: it is markup, not a name.")
    if len(clean(one.name, 1000)) > LONGEST:
        raise RetryError(f"{shown!r} was refused: a name has at most {LONGEST} characters.")
    values = tuple(v for v in one.values if not MARKUP.search(v) and len(clean(v, 1000)) <= LONGEST)
    try:
        made = sound(dataclasses.replace(one, values=values), classes)
    except RetryError as error:
        raise RetryError(f"{shown!r} was refused: {error}") from None
    return made if one.source == "clusters" else dataclasses.replace(made, origin=made.name)


def _new(made: Definition, taken: Mapping[str, str], known: Mapping[str, Definition]) -> None:
    """Raises RetryError when the attribute exists."""
    old = known.get(made.key)
    if old is not None and old.dropped:
        raise RetryError(f"{made.name} was put aside before: restore it (edit_attributes) if it is wanted.")
    if old is not None and old.name != made.name:
        raise RetryError(f"{made.name} exists already, as {clean(old.name, 60)}.")
    there = taken.get(alike(made.name))
    if there is not None:
        name = clean(there, 60)
        raise RetryError(
            f"{made.name} exists already." if plain(name) == plain(made.name)
            else f"{made.name} says the same as {name}, which exists already."
        )  # fmt: skip


def _singular(word: str) -> str:
    """``word`` without a plural ending (English, crude)."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return (
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
    )


def named(definitions: Sequence[Definition], most: int = 8) -> str:
    """``a, b and c`` of definitions."""
    return listing([d.name for d in definitions], most)
