"""What the case says of images that belong together: the column is checked here, and its absence is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from failsight.agent.places import shown_place
from failsight.tools import belonging
from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.view import CaseView


def checked_column(view: CaseView, column: str) -> str:
    """The metadata column that ``column`` names, whatever its capitals; empty for ``none``.

    Raises:
        RetryError: no such column of the evaluation images, or one by which nothing can be told apart or held together.
    """
    if belonging.told(column) is None:
        return ""
    columns = view.table("data").columns
    wanted = column.strip()
    same = [c for c in columns if c == wanted] or [c for c in columns if c.casefold() == wanted.casefold()]
    if not same:
        from failsight.tools.expectations.subjects import nearest_first

        text = f"The evaluation images have no column {clean(wanted, 60)!r} that could say which of them belong together."
        raise RetryError(text, [clean(c, 40) for c in nearest_first(wanted, columns)])
    values = [t for v in columns[same[0]] if (t := belonging.value_text(v))]
    if len(set(values)) < 2:
        what = "has no values" if not values else "is the same for every image"
        raise RetryError(f"{clean(same[0], 60)} {what}: it does not say which images belong together.")
    return same[0]


def set_groups(case: Case, column: str) -> None:
    """What ``--groups`` says. Raises UserError where that can't be."""
    try:
        case.belong(column)
    except RetryError as problem:
        hint = "" if problem.choices else "Give a manifest or --metadata with a column that says it."
        raise UserError(f"--groups: {problem.args[0]}", hint) from None


def groups_words(case: Case) -> list[str]:
    """What a person should hear about images that belong together: that a column looks so and nobody said it, and which findings
    were tested before it was said."""
    view = cast("CaseView", case)
    if case.state().groups is None:
        found = belonging.likely(view.table("data"))
        return [unsaid(found, shown_place(case.folder))] if found else []
    return earlier(case)


def unsaid(found: belonging.Likely, folder: object) -> str:
    """Images that may belong together are counted as independent, and how to change that."""
    name = clean(found.column, 40)
    return (
        f"Several images seem to belong together: {found.images:,} images have {found.groups:,} values of {name}. They are counted as "
        f"independent, which makes intervals too narrow and tests too sure, until that is said: "
        f"{belonging.command(folder, found.column)} (or --groups none, if they are independent)."
    )


def earlier(case: Case) -> list[str]:
    """A sentence for the findings that were tested as if their images were independent; none without such."""
    told = belonging.counted_alone(case.findings(), case.evidence(), case.groups)
    if not told:
        return []
    if len(told) == 1:
        return list(told.values())
    return [
        f"{listing(list(told), 8)} were tested as if each image stood alone, not with images of the same {clean(case.groups, 40)} together: "
        "they may not hold. What tested them (find_slices, disaggregate) says so when it is made again."
    ]


def set_words(case: Case) -> str:
    """What holds from now on, after the setting changed."""
    if not case.groups:
        return "Images count as independent from now on."
    values = [t for v in case.table().columns[case.groups] if (t := belonging.value_text(v))]
    name = clean(case.groups, 40)
    text = (
        f"Images with the same {name} belong together from now on: {len(values):,} images in {len(set(values)):,} groups. Slices, group "
        "comparisons, verified repairs and readiness count them so; other intervals take images for independent."
    )
    return " ".join([text, *earlier(case)])
