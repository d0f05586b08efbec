"""Painted pictures in the benchmark: sifted, tried again, made up for, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.selection import generated
from benchmarks.selection.generated import Result, load, markdown, run
from benchmarks.selection.painted import Drawn, Gallery, Pipeline
from failsight.tools.attributes.definitions import Definition
from failsight.tools.repair.pipelines import Request
from failsight.tools.repair.prompts import Wanted
from tests.fakes.attributes import FakeEncoder

TRIAL: Any = SimpleNamespace(
    problem=SimpleNamespace(classes=("warm", "cool"), seed="t", kind="rare", about="t"), seed=0
)
TELEVISION = Definition(
    "television", "zero_shot", "television", ("no", "yes"), {"no": ("plain",), "yes": ("a television",)}
)


class Painter:
    """Paints warm things red and cool ones blue; every third television that it is asked for is there."""

    name, fingerprint, steps, guidance = "fake", "f", 1, 1.0

    def __init__(self, cool: bool = True) -> None:
        self.asked: list[Request] = []
        self._cool = cool

    def paint(self, requests: Sequence[Request]) -> Iterator[Image.Image]:
        for one in requests:
            self.asked.append(one)
            blue = "cool" in one.prompt and self._cool
            picture = np.full((16, 16, 3), (60, 60, 200) if blue else (200, 60, 60), np.uint8)
            if "television" in one.prompt and len(self.asked) % 3 == 0:
                picture[:, :6] = 255
            yield Image.fromarray(picture)


def pipeline(painter: Painter, sifted: bool = True, folder: Path | None = None) -> Pipeline:
    return Pipeline(Gallery(painter, folder), FakeEncoder([TELEVISION]) if sifted else None)  # type: ignore[arg-type]


def test_what_was_not_found_is_painted_again_up_to_three_times() -> None:
    painter = Painter()
    wanted = [Wanted("warm", {"television": "yes"})] * 12 + [Wanted("cool")] * 12
    drawn = pipeline(painter).draw(TRIAL, wanted)
    assert drawn.pictures.shape == (24, 3, 48, 48) and drawn.tried == len(painter.asked) <= 72
    assert drawn.found["class"] == (drawn.tried, drawn.tried) and drawn.shown == pytest.approx(1.0, abs=0.1)
    tried, seen = drawn.found["television=yes"]
    assert tried == drawn.tried - 12 and seen == pytest.approx(tried / 3, abs=2)
    shows = drawn.pictures[:, :, :, :12].min((1, 2, 3)) > 200
    assert shows[:11].all() and not shows[12:].any()
    assert len({r.seed for r in painter.asked}) == len(painter.asked)


def test_what_a_pipeline_can_not_paint_is_made_up_for_and_told() -> None:
    painter = Painter(cool=False)
    drawn = pipeline(painter).draw(TRIAL, [Wanted("warm")] * 4 + [Wanted("cool", {"television": "no"})] * 4)
    tried, seen = drawn.found["class"]
    assert len(drawn.pictures) == 8 and drawn.shown == 0.5 and seen == 4 and 16 <= tried <= 24
    assert (
        painter.asked[-1].prompt.startswith("a photo of a cool")
        and "television" in painter.asked[-1].unwanted
    )


def test_pictures_of_a_prompt_are_painted_once_and_kept(tmp_path: Path) -> None:
    wanted = [Wanted("warm", {"television": "yes"})] * 6
    first = pipeline(Painter(), folder=tmp_path).draw(TRIAL, wanted)
    idle = Painter()
    again = pipeline(idle, folder=tmp_path).draw(TRIAL, wanted)
    assert not idle.asked and np.array_equal(first.pictures, again.pictures) and first.found == again.found


def test_without_an_encoder_every_picture_counts() -> None:
    drawn = pipeline(Painter(), sifted=False).draw(TRIAL, [Wanted("warm", {"television": "yes"})] * 5)
    assert drawn.tried == 5 and drawn.shown is None and not drawn.found


def test_the_table_tells_what_was_painted_and_results_of_earlier_releases_are_read(tmp_path: Path) -> None:
    rows = [Result(p, "rare", 0, "", "", 0, None, 0.4, 0.5, 0.3) for p in "ab"]
    rows += [
        Result(p, "rare", 0, "rooms", w, 10, e, e, e, e, 20, 0.5, {"class": [20, 19], "floor=wood": [20, 10]})
        for p in "ab"
        for w, e in (("class", 0.3), ("slice", 0.5))
    ]
    rows.append(
        Result("c", "rare", 0, "rooms", "class", 10, 0.9, 0.9, 0.9, 0.9)
    )  # the other way was not measured yet
    told = "\n".join(markdown(rows))
    assert "rooms: 2 problems, 2 trials" in told and "| +20.0" in told
    assert "Prompts of class and slice: 40 pictures painted for 20; 50 % of those show all" in told
    assert "| floor=wood | 80 | 50 % |" in told
    old = {"problem": "a", "kind": "rare", "seed": 0, "generator": "renderer", "words": "class", "pictures": 1,
           "wrong": 0.1, "error": 0.1, "inside": 0.1, "outside": 0.1}  # fmt: skip
    (tmp_path / "old.jsonl").write_text(json.dumps(old) + "\n")
    assert load(tmp_path / "old.jsonl")[0].shown is None


def test_a_stopped_run_keeps_every_way_to_ask_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def measure(trial: Any, generator: Any, words: str, budget: int) -> Result:
        if len(measured) == 1:
            measured.append("stopped")
            raise KeyboardInterrupt
        measured.append(words)
        return Result("t", "rare", 0, generator.name, words, budget, 0.5, 0.1, 0.1, 0.1)

    trial = SimpleNamespace(
        problem=TRIAL.problem, seed=0, network=None, outcome=lambda _: SimpleNamespace(error=0.1, inside=0.1, outside=0.1)
    )  # fmt: skip
    monkeypatch.setattr(generated, "open_trial", lambda *_: trial)
    monkeypatch.setattr(generated, "measure", measure)
    maker = SimpleNamespace(name="rooms", draw=lambda *_: Drawn(np.zeros((0, 3, 48, 48), np.uint8), 0))
    given: Any = ([TRIAL.problem], [0], [maker], None, tmp_path / "out.jsonl", 5)
    with pytest.raises(KeyboardInterrupt):
        run(*given)
    assert [r.words for r in run(*given)] == ["", "class", "slice"] and measured == [
        "class",
        "stopped",
        "slice",
    ]
