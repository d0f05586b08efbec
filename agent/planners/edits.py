"""Plain sentences about attributes as tool calls: ``rename tv to television``, ``merge sofa and couch``, ``drop the attribute blur``.

Only sentences that can't mean anything else are read: without the word *attribute* the names must be ones that the case
has. Everything else goes to the question bank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failsight.agent.case import Case

USAGE = (
    "Write for example `/attributes rename tv to television`, `/attributes merge couch into sofa`, `/attributes drop blur`, "
    "`/attributes add weather: sunny, rainy`, `/attributes check weather`, or `/attributes` alone to list them."
)
LIST = "list"  # not a tool: show the attributes that there are
_POLITE = re.compile(
    r"^(?:please|can you|could you|would you|let'?s|i want (?:you )?to|i'?d like (?:you )?to|we should|now)[\s,]+",
    re.IGNORECASE,
)
_THE = r"(?:the |an? |my |our )?"
_ATTR = rf"{_THE}(?P<word>attributes? (?:called |named )?)?"
_DROP = r"(?:drop|remove|ignore|delete|forget(?: about)?|put aside|leave out)"
_JOIN = r"(?:merge|join|combine|unite)"
_TO = r"(?:to|as|into)"


@dataclass(frozen=True, slots=True)
class Names:
    """What a sentence may name: ``values`` maps each attribute to its values; ``aside`` are attributes put aside."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    aside: Sequence[str] = ()

    def attribute(self, name: str) -> str | None:
        """The attribute called so, whatever its case, dashes and plural."""
        return next((a for a in self.values if _same(a, name)), None)

    def holding(self, values: Sequence[str]) -> str | None:
        """The one attribute that has all these values."""
        found = [a for a, vs in self.values.items() if all(any(_same(v, w) for v in vs) for w in values)]
        return found[0] if len(found) == 1 else None


Call = tuple[str, dict[str, Any]]
Reader = Callable[[re.Match[str], Names, bool], list[Call] | None]


def names_of(case: Case) -> Names:
    """What a sentence may name in this case."""
    from failsight.agent.people.attribute_list import attribute_values

    return Names(attribute_values(case), [d.name for d in case.definitions() if d.dropped])


def calls(sentence: str, names: Names, *, surely: bool = False) -> list[Call]:
    """(tool, arguments) of each call that the sentence asks for, in order; none when it is about something else.

    Args:
        surely: it is known to be about attributes (typed behind ``/attributes``), so that no name has to be known.
    """
    text = " ".join(sentence.translate(str.maketrans("“”‘’", "\"\"''")).split()).rstrip(".!?")
    text = re.sub(r"[\s,]+(?:please|thanks|thank you)$", "", _POLITE.sub("", text), flags=re.IGNORECASE)
    for pattern, read in _READERS:
        match = pattern.fullmatch(text)
        if match is not None:
            made = read(match, names, surely or bool(match.groupdict().get("word")))
            if made:
                return made
    return []


def _edit(action: str, attribute: str, **more: Any) -> list[Call]:
    return [("edit_attributes", {"action": action, "attribute": _bare(attribute), **more})]


def _bare(name: str) -> str:
    return name.strip().strip("\"'`").strip()


def _same(a: str, b: str) -> bool:
    from failsight.tools.attributes.proposals import alike

    return alike(_bare(a)) == alike(_bare(b)) != ""


def _listed(text: str) -> list[str]:
    """``a, b and c`` as names."""
    return [name for part in re.split(r"\s*(?:,|;|/|\band\b|\bor\b)\s*", text) if (name := _bare(part))]


def _list(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    return [(LIST, {})]


def _propose(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    by = (match["by"] or "").lower()
    for source, words in (
        ("clusters", ("cluster", "look", "group")),
        ("vqa", ("question", "vqa", "asking")),
        ("vision_model", ("vision", "language model")),
    ):
        if any(w in by for w in words):
            return [("propose_attributes", {"source": source})]
    return [("propose_attributes", {})]


def _cluster(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    return [("propose_attributes", {"source": "clusters"})]


def _add(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    return _edit("add", match["a"], values=_listed(match["values"])) if sure else None


def _add_value(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    return _edit("add_value", match["a"], value=_bare(match["v"]))


def _rename_value(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    return _edit("rename_value", match["a"], value=_bare(match["v"]), to=_bare(match["to"]))


def _rename(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    name, to = _bare(match["a"]), _bare(match["to"])
    if names.attribute(name) is None and not match["word"]:
        holder = names.holding([name])
        if holder is not None:
            return _edit("rename_value", holder, value=name, to=to)
    return _edit("rename", name, to=to)


def _merge_values(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    more = {"to": _bare(match["to"])} if match["to"] else {}
    return _edit("merge_values", match["a"], values=_listed(match["values"]), **more)


def _merge(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    first, second, to = _bare(match["a"]), _bare(match["b"]), _bare(match["to"] or "")
    if not sure and not (names.attribute(first) and names.attribute(second)):
        holder = names.holding([first, second])
        more = {"to": to} if to else {}
        return _edit("merge_values", holder, values=[first, second], **more) if holder else None
    if match["how"].lower() != "and":
        return _edit("merge", first, to=second)
    if _same(to, second):
        return _edit("merge", first, to=second)
    made = _edit("merge", second, to=first)
    return made if not to or _same(to, first) else [*made, *_edit("rename", first, to=to)]


def _drop_value(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    return _edit("drop_value", match["a"], value=_bare(match["v"]))


def _drop(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    known = match["verb"].lower() in ("drop", "put aside") and names.attribute(match["a"])
    return _edit("drop", match["a"]) if sure or known else None


def _restore(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    known = any(_same(a, match["a"]) for a in names.aside)
    return _edit("restore", match["a"]) if sure or known else None


def _restore_value(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    return _edit("restore", match["a"], value=_bare(match["v"]))


def _check(match: re.Match[str], names: Names, sure: bool) -> list[Call] | None:
    if not sure and names.attribute(match["a"]) is None:
        return None
    key = {"key_column": _bare(match["key"])} if match.groupdict().get("key") else {}
    return [("attribute_check", {"attribute": _bare(match["a"]), **key})]


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (
        _pattern(
            r"(?:(?:which|what) (?:are the )?attributes(?: (?:are (?:there|known|available)|do (?:we|you|i) (?:have|know)|exist|"
            r"does it have|can (?:i|we|you) use))?|(?:list|show)(?: me)?(?: all)?(?: the| our)? attributes)"
        ),
        _list,
    ),
    (
        _pattern(
            r"(?:propose|suggest|find|come up with)(?: me)?(?: some)?(?: more)?(?: new)?(?: other)? attributes"
            r"(?: (?:by|with|from|using|for) (?P<by>.+))?"
        ),
        _propose,
    ),
    (_pattern(r"(?:group|cluster)(?: the| these| my| our)? (?:images|pictures|photos)(?: .*)?"), _cluster),
    (
        _pattern(
            rf"(?:add|define|introduce|create) {_THE}(?:new )?(?P<word>attribute (?:called |named )?)?(?P<a>.+?)\s*"
            r"(?::|=|,? ?with (?:the )?values?:?|,? ?with|,? which (?:can be|is)|,? being|,? values?:?) ?(?P<values>.+)"
        ),
        _add,
    ),
    (_pattern(rf"(?:add|allow) {_THE}value (?P<v>.+?) (?:to|for) {_ATTR}(?P<a>.+)"), _add_value),
    (
        _pattern(rf"(?:rename|call) {_THE}value (?P<v>.+?) (?:of|in) {_ATTR}(?P<a>.+?) {_TO} (?P<to>.+)"),
        _rename_value,
    ),
    (_pattern(rf"in {_ATTR}(?P<a>.+?),? (?:rename|call) (?P<v>.+?) {_TO} (?P<to>.+)"), _rename_value),
    (_pattern(rf"rename {_ATTR}(?P<a>.+?) {_TO} (?P<to>.+)"), _rename),
    (
        _pattern(
            rf"{_JOIN} {_THE}values? (?P<values>.+) (?:of|in) {_ATTR}(?P<a>.+?)(?:,? {_TO} (?P<to>.+))?"
        ),
        _merge_values,
    ),
    (
        _pattern(
            rf"{_JOIN} {_ATTR}(?P<a>.+?) (?P<how>and|with|into) {_THE}(?:attribute )?(?P<b>.+?)(?: {_TO} (?P<to>.+))?"
        ),
        _merge,
    ),
    (_pattern(rf"{_DROP} {_THE}value (?P<v>.+?) (?:of|from|in) {_ATTR}(?P<a>.+)"), _drop_value),
    (_pattern(rf"(?P<verb>{_DROP}) {_ATTR}(?P<a>.+)"), _drop),
    (
        _pattern(rf"(?:restore|bring back) {_THE}value (?P<v>.+?) (?:of|in) {_ATTR}(?P<a>.+)"),
        _restore_value,
    ),
    (_pattern(rf"(?:restore|bring back|undrop) {_ATTR}(?P<a>.+)"), _restore),
    (
        _pattern(
            rf"(?:check|verify) {_ATTR}(?P<a>.+?)(?: (?:against|by|with) (?:the )?(?:column )?(?P<key>.+))?"
        ),
        _check,
    ),
    (
        _pattern(
            rf"(?:how often is|is) {_ATTR}(?P<a>.+?) (?:right|correct|reliable|assigned correctly|assigned right)"
        ),
        _check,
    ),
)
