"""Attributes as a file that people edit: names and values out as CSV or YAML, and back into the journal.

A line is one value of one attribute. What may be changed is ``name`` (of the attribute), ``shown_as`` (of the value; empty
leaves it out; two values shown alike are merged) and ``keep`` (no puts the attribute aside). The key says which
attribute a line is about, whatever it is called.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.people.attribute_list import listed
from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.attributes.definitions import Definition

HEADER = ("key", "name", "keep", "value", "shown_as", "images")
LARGEST = 16 * 2**20  # bytes of a file that is read back
YES, NO = ("yes", "y", "true", "1", "x"), ("no", "n", "false", "0")


def export(case: Case, target: Path) -> int:
    """Write all attributes to ``target`` (``.csv``, ``.yaml``); returns how many.

    Raises:
        UserError: the file exists, can't be written, or its name has another ending.
    """
    rows = _lines(case)
    if target.suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
        write_new(target, text.getvalue())
    elif target.suffix.lower() in (".yaml", ".yml"):
        write_new(target, _as_yaml(rows))
    else:
        raise UserError(f"{target.name} is neither .csv nor .yaml.", "Give a name that ends in one of these.")
    return len({row[0] for row in rows})


def read_back(case: Case, source: Path) -> list[str]:
    """Take over what was changed in ``source``; returns one sentence a change. Nothing is changed unless all of it is sound.

    Raises:
        UserError: an unknown key or value, two attributes of one name, one called like a class, a missing column.
    """
    from failsight.tools.attributes.definitions import plain
    from failsight.tools.attributes.editing import not_class

    now = {d.key: d for d in _current(case)}
    wanted = _let_go(_definitions(case, _read(source), source.name), now)
    changed = [d for d in wanted if d != now[d.key]]
    columns = {f"metadata:{name}": name for split in case.splits() for name in case.table(split).columns}
    latest = {d.key: d for d in (*case.definitions(), *now.values(), *wanted)}
    names = {key: name for key, name in columns.items() if key not in latest}  # of other splits only
    names |= {key: d.name for key, d in latest.items() if not d.dropped}
    for one in changed:
        if one.name != now[one.key].name:
            try:
                not_class(one.name, case.classes)
            except RetryError as error:
                raise UserError(f"{source.name}: {error}", "Correct it and import it again.") from None
    seen: dict[str, str] = {}
    touched = {d.key for d in changed}
    for key, name in names.items():
        other = seen.setdefault(plain(name), key)
        if other != key and touched & {key, other}:
            raise UserError(
                f"{source.name}: two attributes are called {clean(name, 60)!r}.",
                "Give each a name of its own.",
            )
    for definition in in_order(changed, now):
        case.define(definition, action="imported", why=f"from {clean(source.name, 120)}")
    return [_told(now[d.key], d) for d in changed]


def in_order(changed: Iterable[Definition], now: Mapping[str, Definition]) -> list[Definition]:
    """Changes in an order in which no two attributes ever share a name; where names are swapped, one waits under another."""
    from failsight.tools.attributes.definitions import plain

    names = {key: plain(d.name) for key, d in now.items() if not d.dropped}
    waiting, made = list(changed), []
    while waiting:
        free = next(
            (
                d
                for d in waiting
                if d.dropped or plain(d.name) not in {n for k, n in names.items() if k != d.key}
            ),
            None,
        )
        if free is None:
            free = dataclasses.replace(waiting[0], name=f"{waiting[0].name} (being renamed)")
        else:
            waiting.remove(free)
        names.pop(free.key, None)
        if not free.dropped:
            names[free.key] = plain(free.name)
        made.append(free)
    return made


def read_csv(source: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV with commas or semicolons, as spreadsheets write it. Raises UserError when a column is missing."""
    try:
        if source.stat().st_size > LARGEST:
            raise UserError(f"{source.name} is too large.", "Give the file that was exported.")
        text = source.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"{source} can't be read ({error.strerror}).", "Check the path.") from None
    first = text.split("\n", 1)[0]
    try:
        reader = csv.DictReader(
            io.StringIO(text, newline=""),
            delimiter=";" if first.count(";") > first.count(",") else ",",
            restval="",
        )
        rows = list(reader)
    except csv.Error as error:
        raise UserError(f"{source.name} is not a CSV file ({error}).", "Save it as CSV.") from None
    missing = [c for c in columns if c not in (reader.fieldnames or ())]
    if missing:
        raise UserError(f"{source.name} has no column {missing[0]}.", "Keep the header as it was written.")
    return [{k: v for k, v in row.items() if isinstance(k, str) and isinstance(v, str)} for row in rows]


def write_new(target: Path, text: str) -> None:
    """Write a file that does not exist yet. Raises UserError when it does, or can't be written."""
    try:
        with open(target, "x", encoding="utf-8", newline="", errors="surrogateescape") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(
            f"{target} exists already.", "Give another name: it may hold somebody's work."
        ) from None
    except OSError as error:
        raise UserError(f"{target} can't be written ({error.strerror}).", "Give another place.") from None


def _current(case: Case) -> list[Definition]:
    return [one.definition for one in listed(case)]


def _let_go(wanted: Sequence[Definition], now: Mapping[str, Definition]) -> list[Definition]:
    """``wanted``, where attributes that are kept again are no longer part of those that they were merged into."""
    back = {d.key for d in wanted if now[d.key].dropped and not d.dropped}
    latest = {**now, **{d.key: d for d in wanted}}
    for key, d in latest.items():
        if back & set(d.also):
            latest[key] = dataclasses.replace(d, also=tuple(k for k in d.also if k not in back), check=None)
    return [d for key, d in latest.items() if d != now[key]]


def _lines(case: Case) -> list[tuple[str, str, str, str, str, int | str]]:
    """One line a value; attributes without listed values get one line."""
    made: list[tuple[str, str, str, str, str, int | str]] = []
    for one in listed(case):
        d = one.definition
        head = (d.key, d.name, "no" if d.dropped else "yes")
        values = _raw_values(d, one.counts)
        for raw in values:
            shown = d.renamed.get(raw, raw)
            made.append((*head, raw, shown or "", one.counts.get(shown or "", "")))
        if not values:
            made.append((*head, "", "", one.known or ""))
    return made


def _raw_values(d: Definition, counts: Mapping[str, int]) -> list[str]:
    """The values as the source says them, whatever they are shown as."""
    shown_as = {v for v in d.renamed.values() if v is not None}
    own = [v for v in counts if v not in d.renamed and v not in shown_as]
    return list(dict.fromkeys((*d.values, *own, *d.renamed)))


def _as_yaml(rows: Sequence[tuple[Any, ...]]) -> str:
    import yaml

    made: dict[str, dict[str, Any]] = {}
    for key, name, keep, value, shown, _ in rows:
        one = made.setdefault(key, {"name": name, "keep": keep == "yes", "values": {}})
        if value:
            one["values"][value] = shown
    head = "# Change names, what a value is shown as ('' leaves it out) and keep; leave keys and the left side of values alone.\n"
    return head + yaml.safe_dump(made, sort_keys=False, allow_unicode=True)


def _read(source: Path) -> list[dict[str, str]]:
    """Lines of either form, as of the CSV."""
    if source.suffix.lower() not in (".yaml", ".yml"):
        return read_csv(source, HEADER[:5])
    import yaml

    try:
        if source.stat().st_size > LARGEST:
            raise UserError(f"{source.name} is too large.", "Give the file that was exported.")
        made = yaml.safe_load(source.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{source} can't be read ({error.strerror}).", "Check the path.") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # no such date, letters of another coding, too deep
        raise UserError(f"{source.name} is no YAML.", "Keep the form in which it was exported.") from None
    rows = []
    for key, one in made.items() if isinstance(made, dict) else ():
        values = one.get("values") or {} if isinstance(one, dict) else None
        if not isinstance(values, dict) or not all(
            map(_single, (key, one.get("name"), one.get("keep"), *values, *values.values()))
        ):
            raise UserError(
                f"{source.name}: {clean(key, 60) if _single(key) else 'a key'!r} is not in the form that was exported.",
                "Export it again.",
            )
        head = {"key": str(key), "name": _word(one.get("name")), "keep": _word(one.get("keep", True))}
        values = {_word(k): _word(v) for k, v in values.items()} or {"": ""}
        rows += [{**head, "value": k, "shown_as": v} for k, v in values.items()]
    if not rows:
        raise UserError(f"{source.name} holds no attributes.", "Give the file that was exported.")
    return rows


def _single(value: Any) -> bool:
    """Whether it is one word, number or date: a list that holds itself many times over would fill the memory as text."""
    return not isinstance(value, list | dict | tuple | set)


def _word(value: Any) -> str:
    """A YAML scalar as text: an unquoted yes is a word here, not a truth value."""
    return "" if value is None else {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)  # fmt: skip


def _definitions(case: Case, rows: Sequence[Mapping[str, str]], name: str) -> list[Definition]:
    """The attributes as the file has them; every line is checked before anything is kept."""
    now = {one.definition.key: one for one in listed(case)}
    heads: dict[str, tuple[str, bool]] = {}
    shown: dict[str, dict[str, str | None]] = {}
    for line, row in enumerate(rows, 2):
        key = row["key"] if row["key"] in now else row["key"].strip()
        where = f"{name}, line {line}" if name.lower().endswith(".csv") else name
        if key not in now:
            raise UserError(
                f"{where}: there is no attribute with the key {clean(key, 80)!r}.",
                "Leave the keys as exported.",
            )
        keep = row["keep"].strip().lower()
        if keep not in (*YES, *NO):
            raise UserError(f"{where}: keep is {clean(keep, 40)!r}.", "Write yes or no.")
        try:
            title = now[key].definition.name  # as it came with the data, however long
            head = (title if row["name"] == title else _fit(row["name"], "name"), keep in YES)
            text = row["shown_as"].strip()
            value = row["value"]
            if value:
                old = now[key].definition.renamed.get(value, value)
                new = None if not text else old if text == (old or "").strip() else _fit(text, "value")
                if shown.setdefault(key, {}).setdefault(value, new) != new:
                    raise RetryError(f"{clean(value, 60)!r} is shown in two ways.")
        except RetryError as error:
            raise UserError(f"{where}: {error}", "Correct it and import it again.") from None
        if heads.setdefault(key, head) != head:
            raise UserError(
                f"{where}: {clean(key, 60)} has two names, or is kept and not kept.",
                "Write the same in all its lines.",
            )
    made = []
    for key, (title, kept) in heads.items():
        one = now[key]
        d = one.definition
        unknown = [v for v in shown.get(key, {}) if v not in _raw_values(d, one.counts)]
        if unknown and not d.dropped:
            raise UserError(
                f"{name}: {clean(d.name, 60)} has no value {clean(unknown[0], 60)!r}.",
                "Leave the values as exported.",
            )
        renamed = {**d.renamed, **shown.get(key, {})}
        renamed = {k: v for k, v in renamed.items() if k != v}
        check = d.check if renamed == dict(d.renamed) else None
        made.append(dataclasses.replace(d, name=title, dropped=not kept, renamed=renamed, check=check))
    return made


def _fit(text: str, what: str) -> str:
    """A new name. Raises RetryError where it is none, or where a spreadsheet wrote letters that can't be read as UTF-8."""
    from failsight.tools.attributes.editing import fit_name

    if any("\udc80" <= c <= "\udcff" for c in text):
        raise RetryError(
            f"the {what} {clean(text, 40)!r} has letters that are not UTF-8; save it as CSV UTF-8."
        )
    return fit_name(text, what)


def _told(old: Definition, new: Definition) -> str:
    """What was changed about one attribute."""
    name = clean(old.name, 60)
    parts = []
    if new.dropped != old.dropped:
        parts.append("is put aside" if new.dropped else "is back")
    if new.name != old.name:
        parts.append(f"is called {clean(new.name, 60)}")
    if new.also != old.also:
        gone = [k.partition(":")[2] for k in old.also if k not in new.also]
        parts.append(f"no longer holds {listing(gone)}")
    for value in sorted({*old.renamed, *new.renamed}):
        before, after = old.renamed.get(value, value), new.renamed.get(value, value)
        if before != after:
            parts.append(f"leaves {clean(value, 40)} out" if after is None else f"shows {clean(value, 40)} as {clean(after, 40)}")  # fmt: skip
    if old.check is not None and new.check is None:
        parts.append("has to be checked again")
    return f"{name} {', '.join(parts)}."
