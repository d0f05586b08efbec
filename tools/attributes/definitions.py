"""What an attribute is called, which values it has and where they come from; and what people changed about that.

A :class:`Definition` stands over a column: one that came with the data, or one that a source assigns (clusters,
zero-shot words, a question asked of a model). Renaming, merging and dropping change the definition, never the column,
so every change can be journalled and taken back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from failsight.tools.errors import RetryError
from failsight.tools.text import clean

Source = Literal["metadata", "object", "computed", "clusters", "zero_shot", "vqa", "vision_model"]
ASSIGNED: tuple[Source, ...] = ("clusters", "zero_shot", "vqa", "vision_model")
"""Sources that have to look at every picture; the others come with the data."""
LEAST_ACCURACY = 0.8  # a checked attribute that is right less often than this is not used to confirm anything
MOST_VALUES = 40
MOST_NAME = 80


@dataclass(frozen=True, slots=True)
class Check:
    """How often an attribute's values were right when somebody looked: ``right`` of ``n``, 95 % interval of the share.

    ``by``: a person, or the answer key's column. The sample is stratified by value; ``accuracy`` is weighted back to
    how often each value occurs. ``of``: fingerprint of the source whose values were looked at; empty for columns that came
    with the data.
    """

    n: int
    right: int
    accuracy: float
    ci: tuple[float, float]
    by: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """One attribute of a case.

    Attributes:
        name: what it is called, unique among the attributes of a case.
        source: who says its values.
        origin: what the source calls it: the column, or the attribute as it was proposed.
        values: the values that a source in ``ASSIGNED`` chooses from; empty where the column has its own.
        phrases: value → the phrases that stand for it in prompts (``yes`` → ``a television``).
        question: what a model that answers questions is asked.
        renamed: value → what it is shown as (two values shown alike are merged); None leaves the value out.
        also: keys of attributes that fill in where this one has no value (attributes that were merged into it).
        dropped: whether a person has put it aside.
        by: who proposed it.
        check: how often it was found right, once somebody looked.
        settings: what the source needs besides to assign it again.
    """

    name: str
    source: Source
    origin: str
    values: tuple[str, ...] = ()
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    question: str = ""
    renamed: Mapping[str, str | None] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    dropped: bool = False
    by: str = ""
    check: Check | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What stays the same whatever it is called."""
        return f"{self.source}:{self.origin}"

    @property
    def trusted(self) -> bool:
        """False when it was checked and found wrong too often to confirm anything."""
        return self.check is None or self.check.accuracy >= LEAST_ACCURACY

    def shown(self, value: str | None) -> str | None:
        """What ``value`` is shown as; None where it is unknown or left out."""
        return None if value is None else self.renamed.get(value, value)

    def assignment(self) -> dict[str, Any]:
        """What the assigned values depend on: nothing that only changes how they are shown."""
        kept = ("source", "origin", "values", "phrases", "question", "settings")
        return {name: getattr(self, name) for name in kept}


def definition_from_dict(raw: Mapping[str, Any]) -> Definition:
    """A definition from its JSON form (``dataclasses.asdict``)."""
    made = dict(raw)
    made["values"] = tuple(raw.get("values", ()))
    made["also"] = tuple(raw.get("also", ()))
    made["phrases"] = {k: tuple(v) for k, v in raw.get("phrases", {}).items()}
    if raw.get("check"):
        made["check"] = Check(**{**raw["check"], "ci": tuple(raw["check"]["ci"])})
    return Definition(**{f.name: made[f.name] for f in dataclasses.fields(Definition) if f.name in made})


def sound(definition: Definition, classes: Sequence[str] = ()) -> Definition:
    """A proposed definition, cleaned: names and values without control characters, doubles and empties gone.

    Raises:
        RetryError: nothing is left of it, fewer than two values, or it names a class: an attribute that is the class
            itself explains nothing.
    """
    name = clean(definition.name, MOST_NAME)
    if not name or not any(c.isalnum() for c in name):
        raise RetryError("An attribute needs a name.")
    values: dict[str, str] = {}
    for value in definition.values:
        text = clean(value, MOST_NAME)
        if text and any(c.isalnum() for c in text):
            values.setdefault(plain(text), text)
    kept = tuple(values.values())
    if definition.source in ASSIGNED and definition.source != "clusters" and len(kept) < 2:
        raise RetryError(f"{name} has fewer than two values to choose from.")
    if len(kept) > MOST_VALUES:
        raise RetryError(f"{name} has {len(kept)} values; at most {MOST_VALUES} can be told apart.")
    named = {plain(c) for c in classes}
    if plain(name) in {"class", "label", "category", "prediction", *named} or (
        len(kept) > 1 and len(named & {plain(v) for v in kept}) >= 2
    ):
        raise RetryError(f"{name} is the class itself: it would explain nothing.")
    phrases = {
        values[plain(k)]: tuple(dict.fromkeys(p for p in (clean(x, 200) for x in v) if p))
        for k, v in definition.phrases.items()
        if plain(k) in values
    }
    phrases = {k: v for k, v in phrases.items() if v}
    return dataclasses.replace(
        definition, name=name, values=kept, phrases=phrases, question=clean(definition.question, 200)
    )


def plain(text: str) -> str:
    """What two names have in common that differ only in case, spaces and dashes."""
    return " ".join(str(text).casefold().replace("_", " ").replace("-", " ").split())
