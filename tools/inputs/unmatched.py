"""Images that are left out because of their labels, in words: how many, in which folders, why, and what to type."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.errors import UserError
from failsight.tools.inputs.table import Unmatched
from failsight.tools.text import clean, listing, number

NO_CLASS = "is not a class of the model"
"""How the reason of each image ends that is left out for its label."""
MOST_NAMED = 6  # labels that a sentence names, most images first
MOST_MAPPED = 4
MOST_LOST = 0.5  # share of the images: where more would be left out, what is measured on the rest says little


def argument(text: str) -> str:
    """``text`` as one would type it on a command line: quoted where a shell would take it apart."""
    text = clean(text, 60)
    plain = text and all(ch.isalnum() or ch in "_-.,:@%+" for ch in text)
    return text if plain else "'" + text.replace("'", "'\"'\"'") + "'"


def map_option(one: Unmatched) -> str:
    """What to add to the command for this label: ``--map frontal=Frontyard``; ``CLASS`` where no name is near."""
    return f"--map {argument(one.label)}={argument(one.closest) if one.closest else 'CLASS'}"


def how_to_map(unmatched: Sequence[Unmatched]) -> str:
    """A sentence on the option that says what labels mean; empty where all are left out on purpose."""
    asked = [one for one in unmatched if not one.on_purpose]
    if not asked:
        return ""
    near = sorted(asked, key=lambda one: one.closest is None)[:MOST_MAPPED]
    more = " (and so on, one for each)" if len(asked) > len(near) else ""
    example = argument(asked[0].label)
    return (
        f"Where they are classes of the model under another name, start a new case with "
        f"{' '.join(map(map_option, near))}{more}; where the model was not made for them, with --map {example}= "
        "(--map '*=' for all of them)."
    )


def unmatched_sentence(
    unmatched: Sequence[Unmatched], images: str, total: int, classes: Sequence[str], *, folders: bool
) -> str:
    """How many images are left out because the model has no such class, and in which folders; empty without any.

    Args:
        images: what they are called: ``evaluation images``.
        total: how many of them there are, those left out among them.
        folders: whether labels are names of folders.
    """
    made = []
    for meant in (False, True):
        some = [one for one in unmatched if one.on_purpose is meant]
        if not some:
            continue
        n, several = sum(one.images for one in some), len(some) > 1
        named = [f"{clean(one.label, 60)} ({one.images:,})" for one in some[:MOST_NAMED]]
        if len(some) > MOST_NAMED:
            named.append(f"{len(some) - MOST_NAMED:,} more")
        word = ("folders" if several else "folder") if folders else ("labels" if several else "label")
        why = (
            "as the class map says"
            if meant
            else f"{'are' if several else 'is'} no {'classes' if several else 'class'} of the model ({listing(list(classes), 8)})"
        )
        share = number(n / total) if total else ""
        verb = "is" if n == 1 else "are"
        tail = f"{word} {listing(named, MOST_NAMED + 1)}"
        made.append(
            f"{n:,} of the {total:,} {images} ({share}) {verb} left out on purpose, {why}: {tail}."
            if meant
            else f"{n:,} of the {total:,} {images} ({share}) {verb} left out: the {tail} {why}."
        )
    return " ".join(made)


def unmatched_note(unmatched: Sequence[Unmatched], *, left_out: bool) -> tuple[str, ...]:
    """A note of the table of images on its labels that are no class; none where all are left out on purpose."""
    some = [one for one in unmatched if not one.on_purpose]
    if not some:
        return ()
    named = [
        f"{clean(one.label, 60)} ({one.images:,} {'image' if one.images == 1 else 'images'})" for one in some
    ]
    what = "left out" if left_out else "used without a label"
    told = f"The model has no class {listing(named, MOST_NAMED)}: they are {what}."
    return (f"{told} {how_to_map(some)}",)


def check_labels(
    unmatched: Sequence[Unmatched], total: int, where: str, classes: Sequence[str], *, folders: bool
) -> None:
    """Raises UserError where labels that are no class of the model would leave out most of ``total`` images.

    Args:
        where: which images: ``data in photos``.
    """
    some = [one for one in unmatched if not one.on_purpose]
    if sum(one.images for one in some) <= MOST_LOST * total:
        return
    told = unmatched_sentence(some, "images", total, classes, folders=folders)
    raise UserError(f"Most of the {where} can't be used. {told}", how_to_map(some))
