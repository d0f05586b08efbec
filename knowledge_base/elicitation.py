"""Elicitation forms: questions to people, for what no tool can measure. Data in ``forms/``; the agent asks them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from failsight.knowledge_base.store import HERE, BrokenEntries, load_yaml

ROLES: Final = ("requester", "domain_expert", "developer", "end_user")
FIELD_KINDS: Final = ("text", "long", "number", "share", "choice", "many", "rows", "costs", "demands")


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form.

    Attributes:
        name: key of the answer.
        kind: ``text``, ``long``, ``number``, ``share`` (0 to 1), ``choice``, ``many``, ``rows`` (one a class), ``costs`` (what a
            confusion costs, by ``true>answer``) or ``demands`` (a list of bounds in words).
        label: what the person is asked.
        choices: for ``choice`` and ``many``.
        required: whether the form is incomplete without it.
        sets: the expectation that a share becomes (``accuracy >=``; ``{class}`` is filled for rows), or empty.
    """

    name: str
    kind: str
    label: str
    choices: tuple[str, ...] = ()
    required: bool = False
    sets: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A short questionnaire for one kind of person. ``sets`` names what the answers become."""

    id: str
    title: str
    ask: str
    why: str
    source: str
    sets: str
    fields: tuple[Field, ...]

    def check(self, answers: Mapping[str, Any], classes: Sequence[str] = ()) -> list[str]:
        """One sentence for each answer that is missing or can't be read; empty if the form is complete."""
        problems = [
            f"'{field.label}' needs an answer."
            for field in self.fields
            if field.required and answers.get(field.name) in (None, "", [], {})
        ]
        for field in self.fields:
            if (given := answers.get(field.name)) not in (None, ""):
                problems += _wrong(field, given, classes)
        return problems


def _wrong(field: Field, given: Any, classes: Sequence[str]) -> list[str]:
    if field.kind == "share" and not _is_share(given):
        return [f"'{field.label}' is a share between 0 and 1."]
    if field.kind == "number" and not isinstance(given, int | float):
        return [f"'{field.label}' is a number."]
    if field.kind == "choice" and given not in field.choices:
        return [f"'{field.label}' is one of: {', '.join(field.choices)}."]
    if field.kind == "many" and (not isinstance(given, list) or not set(given) <= set(field.choices)):
        return [f"'{field.label}' takes some of: {', '.join(field.choices)}."]
    if field.kind == "costs":
        return _wrong_costs(field, given, classes)
    if field.kind == "demands" and not isinstance(given, list):
        return [f"'{field.label}' takes one bound a line."]
    if field.kind == "rows":
        if not isinstance(given, Mapping):
            return [f"'{field.label}' has one answer for each class."]
        unknown = [str(name) for name in given if classes and name not in classes]
        bad = [str(name) for name, value in given.items() if field.sets and not _is_share(value)]
        return [f"'{field.label}': there is no class '{name}'." for name in unknown] + [
            f"'{field.label}' of {name} is a share between 0 and 1." for name in bad
        ]
    return []


def _wrong_costs(field: Field, given: Any, classes: Sequence[str]) -> list[str]:
    if not isinstance(given, Mapping):
        return [f"'{field.label}' has one line a confusion: TRUE > ANSWER: COST."]
    pairs = {f"{a}>{b}" for a in classes for b in classes if a != b}
    bad = [str(k) for k, v in given.items() if isinstance(v, bool) or not isinstance(v, int | float) or v < 0]
    return [f"'{field.label}': '{k}' names no two classes." for k in given if classes and k not in pairs] + [
        f"'{field.label}': the cost of '{k}' is a number from 0." for k in bad
    ]


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


@lru_cache(maxsize=1)
def forms() -> Mapping[str, Form]:
    """All forms by id.

    Raises:
        BrokenEntries: the data file does not fit.
    """
    found: dict[str, Form] = {}
    for file in sorted((HERE / "forms").glob("*.yaml")):
        for raw in load_yaml(file.read_text(encoding="utf-8"))["forms"]:
            form = _form(raw, file.name)
            found[form.id] = form
    return found


def _form(raw: Mapping[str, Any], file: str) -> Form:
    known = {f.name for f in dataclasses.fields(Field)}
    for strange in (key for f in raw.get("fields", ()) for key in f if key not in known):
        # A label with a comma that nobody quoted ends there, and YAML makes a key of its rest.
        raise BrokenEntries(
            f"{file}: the form '{raw.get('id')}' has a field with '{strange}': is a text not quoted?"
        )
    try:
        fields = tuple(
            Field(
                f["name"],
                f["kind"],
                f["label"],
                tuple(f.get("choices", ())),
                bool(f.get("required", False)),
                f.get("sets", ""),
            )
            for f in raw["fields"]
        )
        form = Form(raw["id"], raw["title"], raw["ask"], raw["why"], raw["source"], raw["sets"], fields)
    except KeyError as error:
        raise BrokenEntries(f"{file}: a form lacks the field {error}.") from error
    if form.ask not in ROLES or any(f.kind not in FIELD_KINDS for f in form.fields):
        raise BrokenEntries(f"{file}: the form '{form.id}' names an unknown role or kind of field.")
    return form
