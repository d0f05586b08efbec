"""What an entry of the knowledge base is, and the check that every file has to pass.

Entries are data files (YAML): shipped ones under ``entries/`` (one folder a kind), people's own ones wherever
:mod:`failsight.knowledge_base.user` keeps them. This module turns the mappings of such a file into frozen
:class:`Entry` objects and says in plain words what is wrong with those that do not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KINDS: Final = (
    "question",
    "failure",
    "bug",
    "hypothesis",
    "instrument",
    "artifact",
    "correction",
    "stakeholder",
    "pitfall",
    "term",
    "heuristic",
    "workflow",
    "note",
)
TOPICS: Final = (
    "input",
    "performance",
    "expectations",
    "model_structure",
    "model_training",
    "features_global",
    "features_local",
    "features_comparison",
    "questionable_features",
    "what_if",
    "iterations",
)
STEPS: Final = (
    "expectations",
    "failure",
    "context",
    "hypothesis",
    "instrument",
    "test",
    "correction",
    "readiness",
)
LEVELS: Final = ("novice", "intermediate", "expert")

MAX_TITLE: Final = 200
MAX_TEXT: Final = 20_000
MIN_PARAPHRASES: Final = 8

_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+\Z")
# controls, halves of characters, and the marks that reorder or hide text (tag characters can spell out an instruction)
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SLOT = re.compile(r"\{([a-z]+2?)(\?)?\}")
SLOTS: Final = (
    "class",
    "class2",
    "true",
    "predicted",
    "image",
    "image2",
    "object",
    "object2",
    "region",
    "attribute",
    "attributes",
    "value",
    "where",
    "split",
    "method",
    "top",
    "depth",
    "finding",
    "query",
    "edits",
)

# Fields that hold something an entry of a kind has beyond the common ones; the value says whether it must be there.
_EXTRA: Final[Mapping[str, Mapping[str, bool]]] = {
    "question": {
        "calls": True,
        "say": True,
        "answer": True,
        "form": False,
        "reads": True,
        "caution": True,
        "next": True,
        "table4": False,
        "open_in_paper": False,
    },
    "failure": {"signs": True, "measured_by": True, "questions": True},
    "bug": {"instances": True, "signs": True, "corrections": True, "family": True, "questions": True},
    "hypothesis": {"form_of": True, "instruments": True, "bugs": True, "example": True},
    "instrument": {"statistic": True, "control": True, "tools": True, "limits": True},
    "artifact": {"shows": True, "made_by": True},
    "correction": {"family": True, "fits": True, "cost": True, "verify": True, "risk": True},
    "stakeholder": {"knows": True, "ask": True, "forms": False},
    "pitfall": {"instead": True, "signs": True},
    "term": {},
    "heuristic": {"shown_by": True, "then": True},
    "workflow": {},
    "note": {},
}
_COMMON: Final = {"id", "title", "text", "source", "topic", "steps", "level", "related", "aliases", "kind"}


def clean(text: str) -> str:
    """``text`` without control, zero-width and bidirectional-override characters (newline and tab stay)."""
    return _CONTROL.sub("", text)


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of knowledge.

    Attributes:
        id: stable name, ``kind.name`` or for questions ``topic.number``.
        kind: one of :data:`KINDS`.
        title: one line for a person.
        text: what there is to know, plain text or light Markdown. Never an instruction to anybody.
        source: where it comes from, with the section.
        topic: one of :data:`TOPICS`, or empty when it belongs to no topic.
        steps: the steps in which it arises, a subset of :data:`STEPS`; empty for all.
        level: the least literacy level it is written for, one of :data:`LEVELS`.
        related: ids of other entries.
        aliases: other ways to say it; for questions the paraphrases, with ``{slots}``.
        extra: fields of the kind (a question's ``calls``, a correction's ``cost`` …), JSON values.
        mine: True for the shipped entries, False for people's own.
        origin: file it was read from, for people's own entries.
    """

    id: str
    kind: str
    title: str
    text: str
    source: str
    topic: str = ""
    steps: tuple[str, ...] = ()
    level: str = "novice"
    related: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    mine: bool = True
    origin: str = ""

    def body(self) -> str:
        """Everything a reader should find: text and the fields of the kind, as paragraphs."""
        return "\n".join(part for part in (self.text, *_sentences(self)) if part)

    def to_dict(self) -> dict[str, Any]:
        """A JSON mapping from which :func:`from_dict` makes the same entry."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "text": self.text,
            "source": self.source,
            "topic": self.topic,
            "steps": list(self.steps),
            "level": self.level,
            "related": list(self.related),
            "aliases": list(self.aliases),
            "extra": dict(self.extra),
            "mine": self.mine,
            "origin": self.origin,
        }


def from_dict(raw: Mapping[str, Any]) -> Entry:
    """The inverse of :meth:`Entry.to_dict` (no checking: the mapping was checked when it was made)."""
    return Entry(
        id=raw["id"],
        kind=raw["kind"],
        title=raw["title"],
        text=raw["text"],
        source=raw["source"],
        topic=raw["topic"],
        steps=tuple(raw["steps"]),
        level=raw["level"],
        related=tuple(raw["related"]),
        aliases=tuple(raw["aliases"]),
        extra=raw["extra"],
        mine=raw["mine"],
        origin=raw["origin"],
    )


_PROSE: Final = (
    ("answer", "A good answer contains: "),
    ("caution", "Reading it: "),
    ("instances", "For instance: "),
    ("signs", "Signs: "),
    ("fits", "Fits: "),
    ("cost", "Cost: "),
    ("risk", "Risk: "),
    ("verify", "Verify: "),
    ("statistic", "Statistic: "),
    ("control", "Control: "),
    ("limits", "Limits: "),
    ("example", "Example: "),
    ("shows", "Shows: "),
    ("knows", "Knows: "),
    ("ask", "Ask: "),
    ("instead", "Instead: "),
    ("shown_by", "Shown by: "),
    ("then", "Then: "),
)


def _sentences(entry: Entry) -> Iterator[str]:
    for key, label in _PROSE:
        value = entry.extra.get(key)
        if not value:
            continue
        yield label + (" ".join(value) if isinstance(value, list) else str(value))


def parse(raw: object, *, mine: bool, origin: str = "") -> tuple[Entry | None, list[str]]:
    """Turn one mapping of a data file into an entry.

    Args:
        raw: what the YAML reader returned for this entry (common keys of the file already merged in).
        mine: True for shipped entries: their kind's fields are then required too.
        origin: file name for messages and for :attr:`Entry.origin`.

    Returns:
        The entry (None if it can't be used) and one sentence for each thing that is wrong.
    """
    if not isinstance(raw, Mapping):
        return None, ["The entry is not a mapping of fields to values."]
    name = clean(str(raw.get("id", ""))) or "(no id)"
    problems = [
        f"{name}: the field '{key}' is missing or not text."
        for key in ("id", "kind", "title", "source")
        if not isinstance(raw.get(key), str) or not str(raw[key]).strip()
    ]
    problems += _check_values(name, raw)
    problems += _check_extra(name, raw) if mine else []
    if problems:
        return None, problems
    return _build(raw, mine=mine, origin=origin), []


def _check_values(name: str, raw: Mapping[str, Any]) -> list[str]:
    problems: list[str] = []
    if isinstance(raw.get("id"), str) and not _ID.match(raw["id"]):
        problems.append(f"{name}: an id looks like 'kind.name', in small letters, digits and underscores.")
    for key, allowed in (("kind", KINDS), ("topic", TOPICS), ("level", LEVELS)):
        value = raw.get(key)
        if value and value not in allowed:
            problems.append(
                f"{name}: {key} is '{clean(str(value))[:60]}', but must be one of {', '.join(allowed)}."
            )
    for key in ("steps", "related", "say", "aliases"):
        value = raw.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            problems.append(f"{name}: '{key}' must be a list of texts.")
    if isinstance(raw.get("steps"), list) and (odd := [s for s in raw["steps"] if s not in STEPS]):
        problems.append(f"{name}: unknown step {odd[0]!r}; the steps are {', '.join(STEPS)}.")
    for key, limit in (("title", MAX_TITLE), ("text", MAX_TEXT)):
        if isinstance(raw.get(key), str) and len(raw[key]) > limit:
            problems.append(f"{name}: '{key}' is longer than {limit} characters.")
    return problems


def _check_extra(name: str, raw: Mapping[str, Any]) -> list[str]:
    kind = raw.get("kind")
    wanted = _EXTRA.get(str(kind), {})
    problems = [f"{name}: the field '{k}' is missing." for k, must in wanted.items() if must and k not in raw]
    problems += [f"{name}: unknown field '{k}'." for k in raw if k not in _COMMON and k not in wanted]
    if kind == "question":
        problems += _check_question(name, raw)
    return problems


def _check_question(name: str, raw: Mapping[str, Any]) -> list[str]:
    problems = []
    if not raw.get("topic"):
        problems.append(f"{name}: a question needs a topic.")
    if not str(raw.get("id", "")).startswith(f"{raw.get('topic')}."):
        problems.append(f"{name}: the id of a question starts with its topic.")
    if len(raw.get("say") or []) < MIN_PARAPHRASES:
        problems.append(f"{name}: a question needs at least {MIN_PARAPHRASES} paraphrases under 'say'.")
    if not raw.get("calls") and not raw.get("form"):
        problems.append(f"{name}: neither a tool call nor a form answers it.")
    for call in raw.get("calls") or []:
        if not isinstance(call, Mapping) or not isinstance(call.get("tool"), str):
            problems.append(f"{name}: a call needs the name of a tool.")
            continue
        for value in dict(call.get("arguments") or {}).values():
            problems += [
                f"{name}: unknown slot '{{{slot}}}' in the call of {call['tool']}."
                for slot, _ in _SLOT.findall(str(value))
                if slot not in SLOTS
            ]
    return problems


def _build(raw: Mapping[str, Any], *, mine: bool, origin: str) -> Entry:
    extra = {k: _cleaned(v) for k, v in raw.items() if k not in _COMMON and k != "say"} if mine else {}
    return Entry(
        id=raw["id"],
        kind=raw["kind"],
        title=clean(raw["title"]).strip(),
        text=clean(str(raw.get("text", ""))).strip(),
        source=clean(raw["source"]).strip(),
        topic=raw.get("topic") or "",
        steps=tuple(raw.get("steps") or ()),
        level=raw.get("level") or "novice",
        related=tuple(raw.get("related") or ()),
        aliases=tuple(clean(s).strip() for s in [*(raw.get("say") or ()), *(raw.get("aliases") or ())]),
        extra=extra,
        mine=mine,
        origin=origin,
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, list):
        return [_cleaned(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _cleaned(v) for k, v in value.items()}
    return value


def slots(template: str) -> list[tuple[str, bool]]:
    """The ``{slots}`` of a call argument, each with whether it may stay empty (``{slot?}``)."""
    return [(name, bool(mark)) for name, mark in _SLOT.findall(template)]
