"""generate_repair_data: composition with a known answer, painting with doubles, interruption, hostile input, the graph."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.generate_repair_data import generate_repair_data
from failsight.tools.inputs import open_images
from failsight.tools.repair import pipelines
from failsight.tools.repair.pipelines import Painter, Request
from tests.repair.boxed_world import CLASSES, SIDE, RedEncoder, redness, view


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def picture(folder: Path, row: dict[str, str]) -> np.ndarray:
    return np.asarray(Image.open(folder / row["path"]).convert("RGB"))


# -- a known answer ---------------------------------------------------------------------------------


def test_other_classes_get_the_cue_and_its_own_class_loses_it(tmp_path: Path) -> None:
    case = view(tmp_path)
    made = generate_repair_data(case, finding="F1", count=20)
    folder = tmp_path / "repair" / "G1"
    rows = rows_of(folder)
    assert [r["label"] for r in rows].count("b") == 10 and [r["label"] for r in rows].count("a") == 5
    for row in rows:
        red = redness(picture(folder, row))
        boxes = json.loads(row["boxes"]).get("red", [])
        if row["label"] == "b":
            assert row["red"] == "no" and red < 8 and not boxes
        else:
            assert row["red"] == "yes" and 30 <= red <= 70 and len(boxes) == 1
            x0, y0, x1, y1 = (round(v * SIDE) for v in boxes[0])
            assert redness(picture(folder, row)[y0:y1, x0:x1]) == red
        source = case.table("train").paths.index(row["repair_of"])
        assert CLASSES[case.table("train").labels[source]] == row["label"]
        assert (
            row["origin"] == "composed" and row["source"].startswith("compose:") and row["split"] == "train"
        )
        assert row["seed"].isdigit() and row["prompt"] == ""
    assert made.fact("pictures_kept").value == 20
    assert made.fact("manifest").value == "repair/G1/manifest.csv"


def test_the_model_errs_on_just_what_was_planted(tmp_path: Path) -> None:
    made = generate_repair_data(view(tmp_path), finding="F1", count=20)
    assert made.fact("error_rate_on_made", "a, red=yes").value == 1.0  # red means b to it
    assert made.fact("error_rate_on_made", "b, red=no").value == 0.0


def test_half_of_the_pictures_bear_the_other_kinds_traces(tmp_path: Path) -> None:
    """Seams and fills must not tell the class: compare each picture with the one it was made from."""
    case = view(tmp_path, 30)
    generate_repair_data(case, finding="F1", count=60)
    folder, table = tmp_path / "repair" / "G1", case.table("train")
    second = {"a": [], "b": []}
    for row in rows_of(folder):
        if row["label"] == "c":
            continue
        source = table.paths.index(row["repair_of"])
        changed = np.abs(picture(folder, row).astype(int) - table.pixels[source]).sum(2) > 0
        boxes = json.loads(row["boxes"]).get("red", []) or table.boxes[source].get("red", [])
        for x0, y0, x1, y1 in boxes:
            grown = (np.array([y0, x0, y1, x1]) * SIDE).round().astype(int) + np.array([-1, -1, 1, 1])
            changed[max(0, grown[0]) : grown[2], max(0, grown[1]) : grown[3]] = False
        second[row["label"]].append(changed.sum() > 20)
    assert 0.2 < np.mean(second["a"]) < 0.8 and 0.2 < np.mean(second["b"]) < 0.8


def test_the_manifest_opens_as_training_data(tmp_path: Path) -> None:
    generate_repair_data(view(tmp_path), finding="F1", count=9)
    table = open_images(tmp_path / "repair" / "G1" / "manifest.csv", classes=CLASSES, split="train")
    assert len(table) == 9 and not table.left_out
    assert {"red", "origin", "repair_of", "source", "seed"} <= set(table.columns)
    assert table.boxes is not None and sum("red" in b for b in table.boxes) == sum(
        v == "yes" for v in table.columns["red"]
    )


def test_the_same_call_gives_the_same_pictures_and_nothing_outside_the_folder(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        before = view(folder).table("train").pixels.copy()
        case = view(folder)
        generate_repair_data(case, finding="F1", count=8)
        assert np.array_equal(case.table("train").pixels, before)
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    assert all((one / f).read_bytes() == (two / f).read_bytes() for f in files)
    assert {f.parts[0] for f in files} == {"repair", "made_G1.png"}


# -- the sieve --------------------------------------------------------------------------------------


def test_only_pictures_in_which_the_encoder_finds_it_are_kept_and_others_made_instead(tmp_path: Path) -> None:
    case = view(tmp_path)
    case.given_encoder = RedEncoder()
    table = case.table("train")
    for row in np.flatnonzero(table.labels == 1)[
        :6
    ]:  # half of the cues are not red at all: pasting them shows nothing
        table.pixels[row] = np.where(table.pixels[row][..., :1] > 200, 120, table.pixels[row])
    made = generate_repair_data(case, classes=("a", "c"), attributes=("red=yes",), count=16)
    kept = rows_of(tmp_path / "repair" / "G1")
    assert len(kept) == 16 and all(redness(picture(tmp_path / "repair" / "G1", r)) > 30 for r in kept)
    found = made.fact("wanted_found", "attribute red")
    assert 0.2 < found.value < 0.8 and found.n > 16 and found.ci is not None
    assert made.fact("pictures_made").value > 16


def test_without_an_encoder_it_says_that_nothing_was_filtered(tmp_path: Path) -> None:
    made = generate_repair_data(view(tmp_path), finding="F1", count=4)
    assert any("were not filtered" in n and "encoder" in n for n in made.notes)


def test_equal_pictures_are_kept_once(tmp_path: Path) -> None:
    case = view(tmp_path)
    table = case.table("train")
    rows = np.flatnonzero(table.labels == 1)
    table.pixels[rows] = table.pixels[rows[0]]
    table.boxes = [
        table.boxes[rows[0]] if y == 1 else b for y, b in zip(table.labels, table.boxes, strict=True)
    ]
    made = generate_repair_data(case, classes=("b",), finding="F1", count=6)
    assert made.fact("repeats_left_out").value > 0
    contents = [p.read_bytes() for p in (tmp_path / "repair" / "G1" / "images").iterdir()]
    kept = [
        (tmp_path / "repair" / "G1" / r["path"]).read_bytes() for r in rows_of(tmp_path / "repair" / "G1")
    ]
    assert len(set(kept)) == len(kept) <= len(set(contents)) <= len(contents)


def test_numbers_put_aside_by_hand_leave_the_manifest(tmp_path: Path) -> None:
    case = view(tmp_path)
    generate_repair_data(case, finding="F1", count=6)
    paths = [r["path"] for r in rows_of(tmp_path / "repair" / "G1")]
    made = generate_repair_data(case, finding="F1", count=6, reject=(0, 2))
    left = [r["path"] for r in rows_of(tmp_path / "repair" / "G1")]
    assert "images/00000.png" in paths and not {"images/00000.png", "images/00002.png"} & set(left)
    assert len(left) == 6 and any("Put aside by hand" in n for n in made.notes)


# -- interruption -----------------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_and_ends_with_the_same_files(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir(), broken.mkdir()
    generate_repair_data(view(whole), finding="F1", count=12)

    case = view(broken)
    case.progress = Breaks(5)
    with pytest.raises(KeyboardInterrupt):
        generate_repair_data(case, finding="F1", count=12)
    record = broken / "repair" / "G1" / "made.jsonl"
    assert len(record.read_bytes().splitlines()) == 5
    record.write_bytes(record.read_bytes() + b'{"number": 5, "wi')  # and the last line was torn
    kept = (broken / "repair" / "G1" / "images" / "00000.png").stat().st_mtime_ns
    generate_repair_data(view(broken), finding="F1", count=12)
    assert (broken / "repair" / "G1" / "images" / "00000.png").stat().st_mtime_ns == kept
    assert (whole / "repair/G1/manifest.csv").read_bytes() == (broken / "repair/G1/manifest.csv").read_bytes()
    for row in rows_of(whole / "repair" / "G1"):
        assert (whole / "repair/G1" / row["path"]).read_bytes() == (
            broken / "repair/G1" / row["path"]
        ).read_bytes()


def test_another_plan_gets_another_folder_and_a_name_is_not_taken_twice(tmp_path: Path) -> None:
    case = view(tmp_path)
    first = generate_repair_data(case, finding="F1", count=4)
    other = generate_repair_data(case, finding="F1", count=5)
    assert (first.fact("folder").value, other.fact("folder").value) == ("repair/G1", "repair/G2")
    assert generate_repair_data(case, finding="F1", count=4).fact("folder").value == "repair/G1"
    generate_repair_data(case, finding="F1", count=6, name="mine")
    with pytest.raises(RetryError, match="another plan"):
        generate_repair_data(case, finding="F1", count=7, name="mine")


class Breaks:
    """Progress that is cancelled after some steps."""

    def __init__(self, after: int) -> None:
        self.left = after

    def job(self, label: str, total: int) -> Any:
        return self

    def __enter__(self) -> Breaks:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def advance(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left <= 0 and steps:
            raise KeyboardInterrupt


# -- hostile input ----------------------------------------------------------------------------------


def test_unreadable_pictures_are_counted_and_passed_over(tmp_path: Path) -> None:
    made = generate_repair_data(view(tmp_path, bad=range(12, 18)), finding="F1", count=10)
    assert made.fact("pictures_kept").value == 10
    assert any("can't be read" in str(row[0]) for table in made.tables for row in table.rows)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    case = view(tmp_path)
    with pytest.raises(RetryError, match="Say what to make"):
        generate_repair_data(case)
    with pytest.raises(RetryError, match="no finding"):
        generate_repair_data(case, finding="F9")
    with pytest.raises(RetryError, match="no attribute"):
        generate_repair_data(case, attributes=("green=yes",))
    with pytest.raises(RetryError, match="no class"):
        generate_repair_data(case, classes=("z",))
    with pytest.raises(RetryError, match="needs pipeline"):
        generate_repair_data(case, finding="F1", method="text_to_image")
    with pytest.raises(RetryError, match="no installed generator"):
        generate_repair_data(case, finding="F1", method="renderer")
    with pytest.raises(RetryError, match="neither a folder"):
        generate_repair_data(case, finding="F1", method="text_to_image", pipeline="no such thing")
    with pytest.raises(RetryError, match="no diffusers pipeline"):
        generate_repair_data(case, finding="F1", method="inpaint", pipeline=str(tmp_path))
    assert not (tmp_path / "repair").exists()


def test_a_rare_slice_without_boxes_or_pipeline_says_what_would_help(tmp_path: Path) -> None:
    case = view(tmp_path, boxed=False)
    case.stated = [
        ("F1", Finding("rare_case", "correctness", "data_statistics", "rare", {"source": "web"}, "a"))
    ]
    with pytest.raises(RetryError, match=r"pipeline=FOLDER"):
        generate_repair_data(case, finding="F1")


def test_a_black_box_can_be_given_composed_pictures_too(tmp_path: Path) -> None:
    made = generate_repair_data(view(tmp_path, model=False), finding="F1", count=6)
    assert made.fact("pictures_kept").value == 6
    assert not [f for f in made.facts if f.name == "error_rate_on_made"]


def test_a_fixed_region_is_cut_from_the_class_and_pasted_at_its_own_place(tmp_path: Path) -> None:
    case = view(tmp_path, boxed=False)
    table = case.table("train")
    table.pixels[table.labels == 1, 0:8, 0:8] = (20, 220, 20)
    table.columns["mark"] = ["yes" if y == 1 else "no" for y in table.labels]
    case.stated = [
        ("F1", Finding("spurious_correlation", "features", "data_statistics", "x", {"mark": "yes"}, "b"))
    ]
    generate_repair_data(case, finding="F1", cue="rect:0,0,0.25,0.25", count=8)
    for row in rows_of(tmp_path / "repair" / "G1"):
        corner = picture(tmp_path / "repair" / "G1", row)[1:7, 1:7].astype(int)
        green = (corner[..., 1] - corner[..., 0]).mean()
        assert green > 100 if row["label"] != "b" else green < 60


def test_a_cue_whose_absence_stands_for_a_class_is_put_into_it(tmp_path: Path) -> None:
    case = view(tmp_path)
    kind = Finding("spurious_correlation", "features", "data_statistics", "x", {"red": "no"}, "a")
    case.stated = [("F1", kind)]
    generate_repair_data(case, finding="F1", count=12)
    folder = tmp_path / "repair" / "G1"
    rows = rows_of(folder)
    assert {r["label"] for r in rows} == {"a", "b"}  # class c never shows it: there is nothing to take out
    assert all((redness(picture(folder, r)) > 30) == (r["label"] == "a") for r in rows)


def test_evaluation_pictures_as_source_are_marked(tmp_path: Path) -> None:
    made = generate_repair_data(view(tmp_path), finding="F1", count=4, split="data")
    assert any("must not be verified" in n for n in made.notes)


# -- painting, with a pipeline that can be computed by hand -----------------------------------------


class Paints:
    """A pipeline double: paints what the prompt says, at most ``room`` pictures at a time; flags every ``flag``-th seed."""

    safety_checker = None

    def __init__(self, room: int = 99, flag: int = 0) -> None:
        self.room, self.flag, self.calls, self.prompts = room, flag, [], []

    def __call__(
        self,
        prompt: list[str],
        num_inference_steps: int = 1,
        guidance_scale: float = 1.0,
        generator: Any = None,
        output_type: str = "pil",
        negative_prompt: Any = None,
        image: Any = None,
        mask_image: Any = None,
        strength: float = 1.0,
        width: int = SIDE,
        height: int = SIDE,
    ) -> Any:
        if len(prompt) > self.room:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.calls.append(len(prompt))
        self.prompts += prompt
        made = []
        for k, text in enumerate(prompt):
            rng = np.random.default_rng(generator[k].initial_seed())
            one = rng.integers(90, 160, (SIDE, SIDE, 3)).astype(np.uint8)
            if "with a red" in text:
                one[8:20, 8:20] = (220, 20, 20)
            made.append(Image.fromarray(one))
        flags = [bool(self.flag) and g.initial_seed() % self.flag == 0 for g in generator]
        return type("Result", (), {"images": made, "nsfw_content_detected": flags})()


@pytest.fixture
def paints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Paints:
    double = Paints()
    monkeypatch.setattr(pipelines, "_load", lambda *_: double)
    monkeypatch.setattr(Painter, "own_side", lambda self: SIDE)
    (tmp_path / "pipe").mkdir()
    (tmp_path / "pipe" / "model_index.json").write_text('{"_class_name": "Double"}')
    return double


def test_prompts_of_class_and_slice_are_painted_and_sifted(tmp_path: Path, paints: Paints) -> None:
    case = view(tmp_path)
    case.given_encoder = RedEncoder()
    case.stated = [
        ("F1", Finding("rare_case", "correctness", "data_statistics", "rare", {"red": "yes"}, "a"))
    ]
    made = generate_repair_data(
        case, finding="F1", method="text_to_image", pipeline=str(tmp_path / "pipe"), count=5, keep="all"
    )
    rows = rows_of(tmp_path / "repair" / "G1")
    assert {r["prompt"] for r in rows} == {"a photo of an a with a red"} and {r["label"] for r in rows} == {
        "a"
    }
    assert {r["origin"] for r in rows} == {"generated"} and all(r["repair_of"] == "" for r in rows)
    assert any("ships no filter" in n for n in made.notes)


def test_the_baseline_prompt_names_the_class_alone(tmp_path: Path, paints: Paints) -> None:
    generate_repair_data(
        view(tmp_path),
        finding="F1",
        method="text_to_image",
        pipeline=str(tmp_path / "pipe"),
        words="class",
        count=4,
    )
    assert {*paints.prompts} == {"a photo of an a", "a photo of a b", "a photo of a c"}


def test_memory_that_runs_out_halves_the_batch_and_is_said(tmp_path: Path, paints: Paints) -> None:
    paints.room = 2
    made = generate_repair_data(
        view(tmp_path),
        finding="F1",
        method="text_to_image",
        pipeline=str(tmp_path / "pipe"),
        batch=8,
        count=8,
    )
    assert max(paints.calls) == 2 and made.fact("pictures_kept").value == 8
    assert any("Memory did not suffice for 8 pictures" in n for n in made.notes)
    assert any("2 were painted at a time" in n for n in made.notes)


def test_memory_for_not_even_one_picture_is_told_plainly(tmp_path: Path, paints: Paints) -> None:
    paints.room = 0
    with pytest.raises(RetryError, match="Not even one picture"):
        generate_repair_data(
            view(tmp_path), finding="F1", method="text_to_image", pipeline=str(tmp_path / "pipe"), count=2
        )


def test_other_errors_of_a_pipeline_are_not_taken_for_missing_memory() -> None:
    class Broken:
        def __call__(self, **_: Any) -> Any:
            raise RuntimeError("shapes do not match")

    painter = Painter("x", True, "text_to_image", "x", "x", _pipeline=Broken())
    with pytest.raises(RuntimeError, match="shapes"):
        list(painter.paint([Request("a", 1)]))


def test_flagged_pictures_are_thrown_away_and_counted(tmp_path: Path, paints: Paints) -> None:
    paints.flag = 2
    made = generate_repair_data(
        view(tmp_path), finding="F1", method="text_to_image", pipeline=str(tmp_path / "pipe"), count=6
    )
    assert any("flagged by the pipeline's own filter" in n for n in made.notes)
    assert any("filter flagged it" in str(r[0]) for t in made.tables for r in t.rows)


def test_inpainting_changes_the_cues_place_and_nothing_else(tmp_path: Path, paints: Paints) -> None:
    case = view(tmp_path)
    generate_repair_data(case, finding="F1", pipeline=str(tmp_path / "pipe"), count=12)
    folder, table = tmp_path / "repair" / "G1", case.table("train")
    for row in rows_of(folder):
        source = table.paths.index(row["repair_of"])
        changed = np.abs(picture(folder, row).astype(int) - table.pixels[source]).sum(2) > 0
        boxes = json.loads(row["boxes"]).get("red") or table.boxes[source]["red"]
        x0, y0, x1, y1 = (np.array(boxes[0]) * SIDE).round().astype(int)
        inside = np.zeros_like(changed)
        inside[max(0, y0 - 3) : y1 + 3, max(0, x0 - 3) : x1 + 3] = True
        assert changed.any() and not (changed & ~inside).any()
        assert row["origin"] == "generated" and row["source"].startswith("inpaint:")
    said = set(paints.prompts)
    assert said == {"a photo of an a with a red", "a photo of a c with a red", "a photo of a b without a red"}


def test_pictures_are_painted_over_whole(tmp_path: Path, paints: Paints) -> None:
    generate_repair_data(
        view(tmp_path), finding="F1", method="image_to_image", pipeline=str(tmp_path / "pipe"), count=6
    )
    rows = rows_of(tmp_path / "repair" / "G1")
    assert len(rows) == 6 and all(r["repair_of"] and r["source"].startswith("image_to_image") for r in rows)


def test_an_order_does_not_depend_on_the_batch(tmp_path: Path, paints: Paints) -> None:
    for k, batch in enumerate((1, 8), 1):
        (tmp_path / str(k)).mkdir()
        generate_repair_data(
            view(tmp_path / str(k)),
            finding="F1",
            method="text_to_image",
            pipeline=str(tmp_path / "pipe"),
            batch=batch,
            count=5,
        )
    one, two = (sorted((tmp_path / str(k) / "repair/G1/images").iterdir()) for k in (1, 2))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_a_schema_names_and_bounds_every_argument() -> None:
    from failsight.tools.registry import registry

    spec = registry()["generate_repair_data"]
    assert spec.writes and spec.cost == "heavy"
    with pytest.raises(RetryError, match="count"):
        spec.check({"count": 0})
    with pytest.raises(RetryError, match="name"):
        spec.check({"name": "../x"})


# -- through the case and its graph -----------------------------------------------------------------


def test_it_waits_for_a_persons_yes_and_is_journalled(tmp_path: Path) -> None:
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(160)
    train, _ = television_world(160, seed=1)
    case = FakeCase(tmp_path / "case", {"data": table, "train": train}, model)
    wanted = {"attributes": ["television=yes"], "classes": ["blue_room"], "count": 6}
    session = Session(case, planner=ScriptedPlanner([call("generate_repair_data", **wanted), "Made."]))
    list(session.say("make blue rooms with a television"))
    assert not (tmp_path / "case" / "repair").exists() and not case.evidence("generate_repair_data")
    list(session.decide(True))
    (made,) = case.evidence("generate_repair_data")
    assert made.fact("pictures_kept").value == 6
    assert (
        made.fact("error_rate_on_made", "blue_room, television=yes").value > 0.5
    )  # the cue drags it to red_room
    manifest = tmp_path / "case" / str(made.fact("manifest").value)
    assert len(open_images(manifest, classes=case.classes, split="pool")) == 6
    assert (tmp_path / "case" / made.figures[0].path).is_file()
    case.close()


def test_without_arguments_it_repairs_the_first_confirmed_finding(tmp_path: Path) -> None:
    import dataclasses

    case = view(tmp_path)
    case.stated = [
        ("F1", case.stated[0][1]),
        ("F2", dataclasses.replace(case.stated[0][1], verdict="confirmed")),
    ]
    assert "for F2" in generate_repair_data(case, count=6).summary
