"""What happens after a verdict, walked by keys and by lines: going on with the pipeline, or the order of the classes, that was found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.opening import open_case
from failsight.agent.session import Session
from tests.fakes.patterns import made_case
from tests.ui.real import Walked, by_keys, by_lines

Walk = Callable[..., Awaitable[Walked]]


def fed_bgr(folder: Path, **side: Any) -> Session:
    return Session(
        open_case(out=folder / "case", **made_case(folder, n=160, **(side or {"channels": "BGR"})))
    )


def named_otherwise(folder: Path) -> Session:
    return fed_bgr(folder, classes=["birch", "ash", "cedar", "elm"])


JOURNEYS = {
    "by the words of the menu": (
        fed_bgr,
        ("accuracy at least 80 %", "/tool preprocessing_probe", "what should I do next?", "Use the pipeline found (F1)", "y", "is it ready?"),
        ("It takes", "Use the pipeline found (F1)", "From here on the model is R1.1", "Judged is R1.1"),
    ),
    "in words of one's own": (
        fed_bgr,
        ("/tool preprocessing_probe", "go on with the right preprocessing", "y", "/tool evaluate", "/versions"),
        ("From here on the model is R1.1", "data engineering, for F1: the case is at it"),
    ),
    "a wrong order of the classes": (
        named_otherwise,
        ("I think the class names are in the wrong order", "Use the class order found (F1)", "y", "/tool evaluate"),
        ("stand in another order", "From here on the model is R1.1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("walk", [by_keys, by_lines])
@pytest.mark.parametrize("name", JOURNEYS)
async def test_a_person_goes_on_with_what_was_found(tmp_path: Path, name: str, walk: Walk) -> None:
    opened, said, seen = JOURNEYS[name]
    walked = await walk(tmp_path, said, opened)
    text = " ".join(walked.text.split())
    for words in (
        seen if walk is by_lines else ()
    ):  # on the screen a sentence is broken by what stands beside it
        assert words in text, words
    assert "adopt_version" in [e.tool for e in walked.state.evidence]
    assert walked.state.current == "R1.1"
    assert [r.mended for r in walked.state.confirmed()] == ["R1.1"]
