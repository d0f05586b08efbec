"""edit_attributes: add, rename, merge, put aside and restore attributes and their values; every change is journalled."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

import numpy.typing as npt
from pydantic import Field

from failsight.tools.attributes import editing
from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.editing import Edit, find, visible
from failsight.tools.attributes.proposals import sift
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Table, jsonable
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.registry import tool
from failsight.tools.text import clean, listing, number_text
from failsight.tools.view import CaseView

Action = Literal[
    "add", "rename", "merge", "drop", "restore", "rename_value", "merge_values", "drop_value", "add_value", "remove_value",
]  # fmt: skip
MOST_LISTED = 40
MOST_DISTINCT = 40  # numbers with more values are cut into ranges, and have no values to name


@tool(reads_attributes=True, edits=True)
def edit_attributes(
    view: CaseView,
    action: Annotated[
        Action,
        Field(
            description="add (attribute, values); rename (attribute, to); merge (attribute into to); drop; restore (attribute, or "
            "its left-out value); rename_value (value, to); merge_values (values, to); drop_value (its images have no value); "
            "add_value and remove_value (change what the source chooses from, and have it assigned anew)."
        ),
    ],
    attribute: Annotated[str, Field(description="Name of the attribute, as it is shown.", max_length=200)],
    to: Annotated[
        str | None,
        Field(description="The new name, or the attribute that it is merged into.", max_length=200),
    ] = None,
    value: Annotated[
        str | None, Field(description="The value that the change is about.", max_length=200)
    ] = None,
    values: Annotated[
        list[str] | None,
        Field(
            description="add: the values to choose from; merge_values: those that become one.", max_length=60
        ),
    ] = None,
    source: Annotated[
        Literal["zero_shot", "vqa", "vision_model"],
        Field(description="add: who assigns it; zero_shot needs an encoder that knows words."),
    ] = "zero_shot",
    why: Annotated[str, Field(description="A reason, for the journal.", max_length=300)] = "",
) -> Evidence:
    """Change the attributes that images are described by: add one, rename, merge, put aside or restore it or its values.

    The data are not touched: a change is a line in the journal, every later measurement uses it, and it can be taken back.

    Raises:
        RetryError: something is missing, does not exist, or can't be done; the sentence says what exists.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    made = _add(view, attribute, values, source) if action == "add" else None
    before: AttributeTable | None = None
    if made is None:
        before = view.attributes("data")
        made = _change(view, before, action, attribute, to, value, values)
    for definition in made.definitions:
        view.define(definition, action=action, why=clean(why, 300))
    after = None if action == "add" or made.assigned_anew else view.attributes("data")
    counts = _counts(made, before, after)
    return Evidence(
        tool="edit_attributes",
        title="The attributes were changed",
        summary=made.sentence,
        arguments=jsonable(given),
        facts=tuple(_facts(made, before, after)),
        tables=(counts,) if counts else (),
        notes=(*made.notes, *_stale(view, made)),
        next_steps=_next_steps(made, action),
    )


def _change(
    view: CaseView,
    table: AttributeTable,
    action: Action,
    attribute: str,
    to: str | None,
    value: str | None,
    values: list[str] | None,
) -> Edit:
    known = visible(table, view.definitions())
    if action == "restore" and not value:
        aside = {d.name: d for d in view.definitions() if d.dropped}
        return editing.restored(find(aside, attribute, "attribute that was put aside"), view.definitions())
    one = find(known, attribute, "attribute")
    if action == "rename":
        return editing.renamed(one, to, view.classes, known)
    if action == "drop":
        return editing.dropped(one)
    if action == "merge":
        into = find(known, to, "attribute to merge it into (to)")
        _names(table, one)
        return editing.merged(one, into, _names(table, into))
    shown = _names(table, one)
    if action == "rename_value":
        return editing.renamed_values(one, shown, [value or ""], to)
    if action == "merge_values":
        return _merge_values(one, shown, values, value, to)
    if action == "restore":
        return editing.restored_value(one, value or "")
    if action == "drop_value":
        return editing.without_value(one, shown, value)
    if action == "add_value":
        return editing.with_choice(one, value, view.classes)
    return editing.without_choice(one, [*shown, *one.values], value)


def _merge_values(
    one: Definition, shown: list[str], values: list[str] | None, value: str | None, to: str | None
) -> Edit:
    chosen = [*(values or ()), *([value] if value else [])]
    if len(chosen) + (to in shown and to not in chosen) < 2:
        raise RetryError("Two or more values are needed (values).", shown)
    return editing.renamed_values(one, shown, chosen, to or chosen[0])


def _add(view: CaseView, name: str, values: list[str] | None, source: Any) -> Edit:
    """A new attribute, assigned when it is first used."""
    if not values:
        raise RetryError(f"Which values can {clean(name, 60)} have? Name two or more (values).")
    new = Definition(name, source, clean(name), tuple(values), by="person or planner")
    columns = [*view.attributes("data").columns, *(c for s in view.splits() for c in view.table(s).columns)]
    made = sift([new], view.classes, columns, view.definitions(), 1)
    if not made.kept:
        raise RetryError(" ".join(made.notes))
    view.source(source).fingerprint(view)  # says what it lacks before anything is journalled
    (kept,) = made.kept
    sentence = f"{kept.name} was added with the values {listing(list(kept.values), 8)}; it is assigned when first used."
    return Edit((kept,), sentence, assigned_anew=True)


def _names(table: AttributeTable, one: Definition) -> list[str]:
    """The values that an attribute shows, most frequent first. Raises RetryError for numbers that have no such values."""
    column = table.columns[one.name]
    counts = _tally(column)
    if column.dtype != object and len(counts) > MOST_DISTINCT:
        raise RetryError(
            f"{clean(one.name, 60)} is a number: it has no values to name. It can be renamed or dropped."
        )
    return list(counts)


def _tally(column: npt.NDArray[Any]) -> dict[str, int]:
    """Value → images, most frequent first."""
    texts = (v if isinstance(v, str) else number_text(v) for v in column.tolist() if v is not None and v == v)
    return dict(Counter(texts).most_common())


def _counts(made: Edit, before: AttributeTable | None, after: AttributeTable | None) -> Table | None:
    """How many images have each value, before and after."""
    old = _tally(before.columns[made.before]) if before is not None and made.before in before.columns else {}
    new = _tally(after.columns[made.after]) if after is not None and made.after in after.columns else {}
    names = list(dict.fromkeys((*old, *new)))
    if not names or len(names) > MOST_LISTED:
        return None
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            n,
            old.get(n, 0) if made.before else None,
            new.get(n, 0) if made.after else None,
        )
        for n in names
    )
    return Table(
        "Images with each value", ("value", "before", "after"), rows, ("text", "count", "count"),
        "An empty cell: the attribute was not or is not there, or will be assigned anew.",
    )  # fmt: skip


def _facts(made: Edit, before: AttributeTable | None, after: AttributeTable | None) -> list[Fact]:
    facts = [Fact("changes", len(made.definitions), "count")]
    for name, table, when in ((made.before, before, "before"), (made.after, after, "after")):
        if table is not None and name in table.columns:
            counts = _tally(table.columns[name])
            about = f"attribute {clean(name, 60)}, {when}"
            facts.append(Fact("values", len(counts), "count", about, n=sum(counts.values())))
    if after is not None:
        facts.append(Fact("attributes", len(after.columns), "count"))
    return facts


def _stale(view: CaseView, made: Edit) -> list[str]:
    """Findings that speak of the attribute as it was."""
    if not made.before:
        return []
    ids = [i for i, f in view.findings() if f.slice and made.before in f.slice]
    return (
        [f"{listing(ids)} speak of it as it was before; measured again they become findings of their own."]
        if len(ids) > 1
        else [f"{ids[0]} speaks of it as it was before; measured again it becomes a finding of its own."]
        if ids
        else []
    )


def _next_steps(made: Edit, action: Action) -> tuple[str, ...]:
    name = clean(made.definitions[-1].name, 60)
    if made.assigned_anew:
        return (f"Look at a handful to see how often it is right: attribute_check for {name}.",)
    if action in ("drop", "drop_value"):
        return ("Search again without it: find_slices.",)
    return ("Search again with the new names: find_slices.",)
