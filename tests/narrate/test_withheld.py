"""A report with pictures withheld names no image, whoever named it and however it was written."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from failsight.agent.cli import main
from failsight.agent.journal import Journal
from failsight.agent.narrate import check_report, write_reports
from failsight.agent.narrate.withheld import Withheld
from failsight.agent.state import fold
from failsight.tools.evidence import Evidence, Fact, Figure, Finding, ImageRef, Table
from tests.fakes.told import Teller

PATHS = (
    "kitchen/IMG_0012.jpg",
    "bath room/tub 7.png",
    "hall\\corner_99.JPG",
    "attic/it's.webp",
    "plain/0007",
)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    t = Teller(tmp_path / "case")
    t.created(("kitchen", "bath room", "hall"))
    images = tuple(ImageRef("data", i, path, "kitchen", "hall", 0.9) for i, path in enumerate(PATHS))
    t.call(Evidence("evaluate", "Some", f"It is about {PATHS[0]}.", images=images,
                    tables=(Table("Images", ("path", "of"), tuple((p, "kitchen") for p in PATHS)),)))  # fmt: skip
    t.call(
        Evidence(
            "label_noise", "Suspects", "Two copies.", arguments={"image": PATHS[3], "where": PATHS[2]},
            facts=(Fact("nearest", PATHS[1], "text", f"image {PATHS[0]}"),),
            tables=(Table("Copies", ("pictures", "n"), (("other/x1.jpg = other/x2.jpg", 2),), (), f"Not {PATHS[0]}"),),
            findings=(Finding("label_noise", "process", "data_content", f"The label of {PATHS[0]} is wrong", {"place": PATHS[1]}, "kitchen"),),
            notes=(f"{PATHS[1]} can't be read.", "kitchen/IMG_00…"), next_steps=(f"Look at {PATHS[4]}.",),
        ),
        why=f"to see {PATHS[0]}",
    )  # fmt: skip
    for said in (
        "Look at IMG_0012.jpg, and at tub 7.png!", "what of /home/ann/my photos/kitchen/IMG_0012.jpg?", "KITCHEN\\img_0012.JPG is odd",
        "IMG_0012 is odd; kitchen is a class, and hall too", "C:\\photos\\never_seen_5.jpeg too", '{"image": "hall\\\\corner_99.JPG"}',
    ):  # fmt: skip
        t.note("message", role="person", text=said)
    t.note("message", role="planner", text="x " * 145 + "kitchen/IMG_0012.jpg")  # cut in the timeline
    t.note("labels.imported", split="data", file="labels.csv",
           verdicts={p: {"verdict": "relabelled"} for p in PATHS[:3]})  # fmt: skip
    t.note("tool.failed", call="x", tool="what_if", arguments={"image": PATHS[0]}, message=f"no {PATHS[0]}")
    return t.folder


def _texts(folder: Path, **options: object) -> list[str]:
    journal = Journal(folder, write=False)
    formats = ("md", "html", "model-card", "datasheet")
    made = write_reports(folder, fold(journal), journal.events, formats, **options)  # type: ignore[arg-type]
    return [p.read_text() for p in made]


LEAKS = re.compile(
    r"IMG_0012|IMG_00|tub[ _]7|corner_99|it'?s\.webp|it&#x27;s|plain/0007|never_seen|other/x|my photos", re.IGNORECASE
)  # fmt: skip


def test_no_name_of_an_image_is_left_in_any_file(told: Path) -> None:
    assert all(LEAKS.search(text) for text in _texts(told)[:2])
    for text in _texts(told, redact_images=True):
        assert [m[0] for m in LEAKS.finditer(text)] == []
        assert not re.search(r"\.(?:jpe?g|webp)\b", text, re.IGNORECASE)
    assert check_report(told) == []


def test_what_is_no_image_stays_and_images_stay_apart(told: Path) -> None:
    md, html, *_ = _texts(told, redact_images=True)
    assert "kitchen is a class, and hall too" in html
    assert "| Image 0 of data | kitchen |" in md and "| Image 1 of data | kitchen |" in md
    assert "3 relabelled" in html
    copies = re.search(r"(Withheld image \d+) = (Withheld image \d+)", md)
    assert copies and copies[1] != copies[2]


def test_a_report_is_held_to_its_journal_with_names_withheld(told: Path) -> None:
    assert main(["report", str(told), "--redact-images"]) == 0
    assert not (told / "findings.json").exists()  # the whole record is no part of what is handed on
    assert main(["verify", str(told / "report.md"), "--case", str(told)]) == 0
    path = told / "report.html"
    path.write_text(path.read_text().replace("Image 0 of data", "Image 9 of data", 1))
    assert main(["verify", str(path), "--case", str(told)]) == 2


def test_the_whole_record_is_not_called_redacted(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(told), "--redact-images", "--format", "json"]) == 2
    assert "whole record" in capsys.readouterr().err


def test_a_name_that_is_a_number_takes_no_number_along(tmp_path: Path) -> None:
    t = Teller(tmp_path / "case")
    t.created()
    t.call(Evidence("evaluate", "Some", "Some.", images=(ImageRef("data", 4, "rooms/7"), ImageRef("data", 5, "12"), ImageRef("data", 6, "row-6"))))  # fmt: skip
    journal = Journal(t.folder, write=False)
    hidden = Withheld(fold(journal), journal.events)
    assert (
        hidden.text("7 of 12 in rooms/7, row-6 and row-66")
        == "7 of 12 in Image 4 of data, Image 6 of data and row-66"
    )


def test_a_drawn_plot_that_names_an_image_is_withheld_and_another_shown(tmp_path: Path) -> None:
    t = Teller(tmp_path / "case")
    t.created()
    (t.folder / "figures").mkdir()
    for name, words in (("a", "kitchen/x&amp;y.png"), ("b", "accuracy")):
        (t.folder / "figures" / f"{name}.svg").write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>{words}</text></svg>'
        )
    figures = tuple(Figure(n, f"figures/{n}.svg", f"plot {n}") for n in "ab")
    t.call(Evidence("evaluate", "Some", "Some.", figures=figures))
    md, html, *_ = _texts(t.folder, redact_images=True)
    assert "figures/b.svg" in md and "figures/a.svg" not in md
    shown = [base64.b64decode(x) for x in re.findall(r"svg\+xml;base64,([^\"]+)", html)]
    assert len(shown) == 1 and b"accuracy" in shown[0]


def test_many_names_take_no_long_time(tmp_path: Path) -> None:
    import time

    t = Teller(tmp_path / "case")
    t.created()
    images = tuple(ImageRef("data", i, f"photos/room {i % 7}/img_{i:06d}.jpg") for i in range(5000))
    t.call(Evidence("evaluate", "Some", "Some.", images=images))
    journal = Journal(t.folder, write=False)
    began = time.monotonic()
    hidden = Withheld(fold(journal), journal.events)
    text = "The photos/room 3/img_000010.jpg and room 3/img_004998.jpg … " * 2000
    assert "img_" not in hidden.text(text)
    assert "img_" not in hidden.text("(" * 50_000 + "img_000010.jpg" + "." * 50_000)
    assert hidden.text("…" * 50_000) == "…" * 50_000
    assert time.monotonic() - began < 10
