"""Transparent pictures: what a model sees where they are clear depends on what they are laid on."""

from __future__ import annotations

from typing import Final

from failsight.tools.inputs.table import Images

CLEAR: Final = " transparent; "
"""What the sentence is known by."""


def clear_words(table: Images) -> str:
    """What to know of pictures that are not all opaque, and what to do; empty where there is none."""
    clear = 0 if table.transparent is None else int(table.transparent.sum())
    if not clear:
        return ""
    count = f"{clear:,} of {len(table):,} pictures {'are' if clear > 1 else 'is'}{CLEAR}"
    if table.ground != "drop":
        return f"{count}{'they are' if clear > 1 else 'it is'} laid on {table.ground}, as the model is fed."
    return (
        f"{count}{'their' if clear > 1 else 'its'} alpha is dropped, which shows the colours that lie under it. If the model was trained on pictures laid "
        'on white, say so in its side file (model.json: "ground": "white"; or black, grey); preprocessing_probe tries them.'
    )
