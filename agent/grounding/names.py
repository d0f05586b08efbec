"""Names of the case in running text: classes, attributes with their values, findings, evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from failsight.agent.grounding.lexicon import splits_in

_PLAIN_VALUES = {"yes", "no", "true", "false", "none", "unknown", "other", "present", "absent"}
_WITHOUT = re.compile(
    r"(?:\bwithout|\bno|\blacking|\bmissing|\babsent|\bnon)[ -](?:an?\s+|the\s+|any\s+)?$", re.IGNORECASE
)
_WITH = re.compile(
    r"\b(?:with|has|have|showing|show|shows|containing|including|presence of)\s+(?:an?\s+|the\s+)?$",
    re.IGNORECASE,
)
_TRUE, _FALSE = {"yes", "true", "1", "present"}, {"no", "false", "0", "absent"}


@dataclass(frozen=True, slots=True)
class Names:
    """What a stretch of text is about.

    Attributes:
        classes: class names.
        attributes: attribute names.
        values: (attribute, value) where the text says which value; presence reads as ``yes`` and ``no``.
        splits: ``data``, ``train``, ``deploy``, ``pool``.
        findings, evidence: ids as typed (``F3``, ``E2``).
    """

    classes: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    values: frozenset[tuple[str, str]] = frozenset()
    splits: frozenset[str] = frozenset()
    findings: frozenset[str] = frozenset()
    evidence: frozenset[str] = frozenset()

    def __or__(self, other: Names) -> Names:
        return Names(*(getattr(self, f) | getattr(other, f) for f in self.__slots__))

    @property
    def entities(self) -> frozenset[str]:
        """Classes and attributes together."""
        return self.classes | self.attributes


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The names that exist in the case, ready to be found in text."""

    classes: tuple[str, ...]
    values: Mapping[str, frozenset[str]]
    _spans: tuple[tuple[re.Pattern[str], str, str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, classes: Iterable[str], values: Mapping[str, Iterable[str]]) -> Lexicon:
        """Names of classes, and of attributes with their values."""
        known = {a: frozenset(str(v) for v in vs) for a, vs in values.items()}
        kept = tuple(classes)
        spans = [(_pattern(c), "class", c, "") for c in kept]
        spans += [(_pattern(a), "attribute", a, "") for a in known]
        for attribute, several in known.items():
            for value in several:
                if (
                    value.lower() not in _PLAIN_VALUES
                    and len(value) > 2
                    and not value.replace(".", "").isdigit()
                ):
                    spans.append((_pattern(value), "value", attribute, value))
        spans.sort(key=lambda s: -len(s[3] or s[2]))
        return cls(kept, known, tuple(spans))

    def find(self, text: str) -> Names:
        """Everything that ``text`` names."""
        classes, attributes, values = set(), set(), set()
        taken: list[tuple[int, int]] = []
        for match in re.finditer(r"\b([\w.-]+)\s*=\s*([\w.-]+)", text):
            attributes.add(match[1])
            values.add((match[1], _presence(match[2])))
            taken.append(match.span())
        for pattern, kind, name, value in self._spans:
            for match in pattern.finditer(text):
                if any(a < match.end() and match.start() < b for a, b in taken):
                    continue
                taken.append(match.span())
                if kind == "class":
                    classes.add(name)
                elif kind == "attribute":
                    attributes.add(name)
                    values |= self._presence_of(name, text[: match.start()])
                else:
                    attributes.add(name)
                    values.add((name, value))
        found, shown = (frozenset(re.findall(rf"\b{letter}\d+\b", text)) for letter in "FE")
        return Names(
            frozenset(classes), frozenset(attributes), frozenset(values), splits_in(text), found, shown
        )

    def _presence_of(self, name: str, before: str) -> set[tuple[str, str]]:
        if not self.values.get(name, frozenset()) & {"yes", "no"}:
            return set()
        if _WITHOUT.search(before):
            return {(name, "no")}
        return {(name, "yes")} if _WITH.search(before) else set()

    def unknown(self, text: str) -> list[tuple[int, int, str]]:
        """Spans of ``attribute=value`` that the case does not have, with the reason."""
        made = []
        for match in re.finditer(r"\b([A-Za-z][\w.-]*)\s*=\s*([\w.-]+)", text):
            name, value = match[1], match[2].rstrip(".")
            if name.lower() in ("n", "p", "q", "f1", "ece", "auc", "alpha", "ci"):
                continue
            if name not in self.values:
                made.append((*match.span(), f"there is no attribute {name}"))
            elif self.values[name] and value not in self.values[name]:
                made.append((*match.span(), f"{name} has no value {value}"))
        return made


def _pattern(name: str) -> re.Pattern[str]:
    """``living_room`` as typed by people: living room, living-room, living rooms, Living_Room."""
    parts = [re.escape(p) for p in re.split(r"[_\s-]+", name) if p]
    text = r"[_\s-]?".join(parts)
    last = parts[-1] if parts else ""
    plural = r"(?:e?s)?" if last and last[-1].isalpha() and not last.endswith("s") else ""
    return re.compile(rf"(?<![\w=]){text}{plural}(?![\w=])", re.IGNORECASE)


def _presence(value: str) -> str:
    value = value.rstrip(".")
    if value.lower() in _TRUE:
        return "yes"
    return "no" if value.lower() in _FALSE else value
