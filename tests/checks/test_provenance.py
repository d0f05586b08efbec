"""What the name of a column says of it: where, by whom and when a picture was taken, or labelled."""

from __future__ import annotations

import pytest

from failsight.tools.provenance import LABELLED, TAKEN, words


@pytest.mark.parametrize(
    ("name", "taken", "labelled"),
    [
        ("annotator", True, True), ("upload_date", True, True), ("Beobachter/in", True, True), ("site", True, False), ("fonds", True, False),
        ("donor_name", True, False), ("decade", True, False), ("inspector", True, True), ("checked_by", True, True), ("colour", False, False), ("stool", False, False),
    ],
)  # fmt: skip
def test_a_name_tells_who_took_or_labelled_a_picture(name: str, taken: bool, labelled: bool) -> None:
    """A photograph of the fifties was labelled when it was digitised."""
    assert (bool(TAKEN & words(name)), bool(LABELLED & words(name))) == (taken, labelled)
