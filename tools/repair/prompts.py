"""Prompts for pictures that a slice lacks, from its class and attribute values.

The form is that of Chen et al. 2023 (HiBug, section 7.1, equation 2), "A photo of *1 *2 label *3, in a *4 background":
words before the class (how many, which colour, which light), things that are there or not, the background, and whatever
fits none of these places after a comma. A slice without attributes gives their baseline, "A photo of label".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from failsight.tools.attributes.definitions import plain
from failsight.tools.text import clean

YES = frozenset({"yes", "true", "present", "there", "1"})
NO = frozenset({"no", "false", "absent", "none", "not there", "0"})

TEMPLATE = "a photo of {subject}{things}{background}{aside}"

Place = Literal["before", "with", "without", "background", "aside"]

# what an attribute is called says where its value goes; whole words of the name
_COUNTS = {"number", "count", "quantity", "amount"}
_LOOKS = {"lighting", "light", "illumination", "brightness", "colour", "color", "size", "age", "tint", "mood"}
_GROUNDS = {"background", "scene", "setting", "place", "location", "environment", "surroundings", "weather"}
_KINDS = {"style", "type", "kind", "shape", "material", "model", "breed", "species", "pose"}
_PREFIX = re.compile(r"^(?:has|with|contains|shows|is|there is)\s+(?:a |an |the )?(?=\S)")
_ARTICLE = re.compile(r"^(?:a|an|the|no|some|several|many|two|three)(?:,?\s+)(?=\S)")

Phrases = Mapping[str, Mapping[str, Sequence[str]]]
"""attribute → value → phrases that stand for it, best first."""


class Polish(Protocol):
    """Says the same in better words; what it may not lose is checked by :func:`polished`."""

    def __call__(self, prompts: Sequence[str]) -> Sequence[str]: ...


@dataclass(frozen=True)
class Wanted:
    """A picture to make.

    Attributes:
        class_name: its label, as the model calls it.
        values: attribute → value that it must have.
    """

    class_name: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``kitchen, television=yes``: for people."""
        said = [f"{clean(k, 40)}={clean(v, 40)}" for k, v in self.values.items()]
        return ", ".join([clean(self.class_name, 60), *said])


def prompt(wanted: Wanted, phrases: Phrases | None = None, template: str = TEMPLATE) -> str:
    """The prompt for a picture; names from data are made harmless, underscores become spaces.

    Args:
        phrases: an attribute's own phrases, used where a name and a value alone don't make words.
        template: text with ``{subject}`` (the class with what goes before it), ``{things}``, ``{background}`` and
            ``{aside}``; a field that is empty leaves nothing behind.
    """
    parts: dict[Place, list[str]] = {"before": [], "with": [], "without": [], "background": [], "aside": []}
    for name, value in wanted.values.items():
        place, text = part_of(name, value, (phrases or {}).get(name, {}).get(value, ()))
        parts[place].append(text)
    label = words(wanted.class_name)
    subject = with_article(", ".join(parts["before"]) + " " * bool(parts["before"]) + label)
    things = "".join(f" {word} {_listed(parts[word])}" for word in ("with", "without") if parts[word])
    ground = (
        f", in {with_article(' and '.join(parts['background']))} background" if parts["background"] else ""
    )
    aside = "".join(f", {text}" for text in parts["aside"])
    made = template
    for key, text in (("subject", subject), ("things", things), ("background", ground), ("aside", aside)):
        made = made.replace("{" + key + "}", text)
    return " ".join(made.split())


def part_of(name: str, value: str, phrases: Sequence[str] = ()) -> tuple[Place, str]:
    """Where a value goes in a prompt, and in which words."""
    thing, said = _PREFIX.sub("", words(name)), words(value)
    if plain(value) in YES:
        return "with", with_article(thing)
    if plain(value) in NO:
        return "without", with_article(thing)
    kinds = set(thing.split())
    if kinds & _COUNTS or kinds & _LOOKS:
        return "before", said
    if kinds & _GROUNDS:
        return "background", said
    if phrases:
        return "aside", clean(phrases[0], 120)
    if kinds & _KINDS and len(kinds) > 1:
        return "with", with_article(f"{said} {' '.join(w for w in thing.split() if w not in _KINDS)}")
    return "aside", f"{said} {thing}"


def polished(
    prompts: Sequence[str], wanted: Sequence[Wanted], polish: Polish | None
) -> tuple[list[str], int]:
    """Prompts in better words, where ``polish`` kept what matters; and how many were kept as they were.

    A prompt that lost its class, or a word of an attribute value that the template said, or that grew beyond four times
    its length, is refused.
    """
    if polish is None or not prompts:
        return list(prompts), 0
    try:
        said = list(polish(prompts))
    except Exception:  # whatever answers is outside: a prompt of ours is never worse than none
        return list(prompts), len(prompts)
    if len(said) != len(prompts):
        return list(prompts), len(prompts)
    made, kept = [], 0
    for old, new, one in zip(prompts, said, wanted, strict=True):
        new = clean(new, 400)
        if _says(new, old, one):
            made.append(new)
        else:
            made.append(old)
            kept += 1
    return made, kept


def _says(new: str, old: str, wanted: Wanted) -> bool:
    folded = plain(new)
    if plain(wanted.class_name) not in folded or len(new) > 4 * len(old):
        return False
    for name, value in wanted.values.items():
        place, text = part_of(name, value)
        lacks = " without " in f" {folded} " or " no " in f" {folded} "
        if place == "without" and not lacks:
            return False
        needed = plain(_ARTICLE.sub("", text).strip()) if place in ("with", "without") else plain(value)
        if not all(word in folded for word in needed.split()):
            return False
    return True


def words(name: str) -> str:
    """``dining_room`` → ``dining room``; braces of templates go."""
    return plain(clean(name, 80).replace("{", "").replace("}", "")) or "thing"


def with_article(noun: str) -> str:
    """``a kitchen``, ``an oven``; plurals and what has an article stay as they are."""
    if _ARTICLE.match(noun):
        return noun
    last = noun.split()[-1] if noun.split() else noun
    if last.endswith("s") and not last.endswith(("ss", "us", "is")) and " " not in noun.strip():
        return noun
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
