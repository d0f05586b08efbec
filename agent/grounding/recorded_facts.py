"""The recorded value that a name means: ``recall of class kitchen on deployment`` among the facts of an evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from failsight.tools.evidence import Evidence, Fact
from failsight.tools.text import clean

_ASIDE = {"of", "class", "slice", "split", "the", "images", "set"}
_ON = re.compile(
    r"\b(?:on|in|for) (?:the )?(data|evaluation|train|training|deploy|deployment|pool)\b(?: images| set| data)?"
)
_SETS = {"evaluation": "data", "training": "train", "deployment": "deploy"}


def key(name: str) -> str:
    """A name as names are compared: lower case, words apart."""
    return " ".join(re.split(r"[\s_,.:=&()\[\]-]+", name.strip().lower())).strip()


def called(fact: Fact) -> str:
    """The name by which a placeholder asks for a value."""
    return clean(f"{fact.name} of {fact.of}" if fact.of else fact.name, 80)


def facts(made: Evidence, wanted: str) -> Sequence[Fact]:
    """The facts that a name may mean: by its whole name, else those of which it gives the name and says what they are of."""
    asked = key(wanted)
    exact = [
        f
        for f in made.facts
        if asked in (key(called(f)), key(f"{f.name} {f.of}"), key(f.of and f"{f.of} {f.name}"))
    ]
    if exact:
        return exact[:1]
    found = _ON.search(asked)
    where = _SETS.get(found[1], found[1]) if found else ""
    own = str(made.arguments.get("split") or "data")
    told = (
        f"{asked[: found.start()]}{'' if where == 'data' else where}{asked[found.end() :]}"
        if found
        else asked
    )
    told = " ".join(told.split())
    named = [f for f in made.facts if told.startswith(key(f.name))]
    if found:
        named = [f for f in named if where in key(f.of).split() or where == _split_of(f, own)]
    longest = max((len(key(f.name)) for f in named), default=0)
    rest = set(told[longest:].split()) - _ASIDE - ({where} if where == own else set())
    words = [
        (f, set(key(f.of).split()) - _ASIDE - ({where} if where == own else set()))
        for f in named
        if len(key(f.name)) == longest
    ]
    same = [f for f, about in words if rest == about and (rest or found)]
    return same or [f for f, about in words if rest and rest <= about]


def _split_of(fact: Fact, own: str) -> str:
    """The images that a value is of where its name says no others."""
    said = next((w for w in key(fact.of).split() if w in ("data", "train", "deploy", "pool")), "")
    return said or own
