"""Repeated pictures within and across splits."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.tools.attributes.computed import image_measures
from failsight.tools.attributes.repeats import find_repeats
from tests.fakes.view import FakeTable


def pictures(n: int, seed: int = 0) -> np.ndarray:
    """Structured pictures that no two are alike."""
    rng = np.random.default_rng(seed)
    small = [
        Image.fromarray(rng.integers(0, 256, (5, 5, 3)).astype(np.uint8)).resize((48, 48)) for _ in range(n)
    ]
    return np.stack([np.asarray(s) for s in small])


def found(tables: dict[str, FakeTable]) -> object:
    return find_repeats(tables, {s: image_measures(t) for s, t in tables.items()})


def test_copies_within_across_and_under_two_labels() -> None:
    data = pictures(8)
    data[5] = data[1]  # same label
    data[6] = data[2]  # another label
    train = pictures(4, seed=1)
    train[3] = data[0]
    labels = [0, 0, 0, 1, 1, 0, 1, 1]
    made = found(
        {"data": FakeTable(data, labels, ["a", "b"]), "train": FakeTable(train, [0, 0, 1, 0], ["a", "b"])}
    )
    assert {g.members: g.contradictory for g in made.exact()} == {  # type: ignore[attr-defined]
        (("data", 1), ("data", 5)): False,
        (("data", 2), ("data", 6)): True,
        (("data", 0), ("train", 3)): False,
    }
    assert made.near() == ()  # type: ignore[attr-defined]
    assert {g.splits for g in made.exact()} == {frozenset({"data"}), frozenset({"data", "train"})}  # type: ignore[attr-defined]


def test_a_recompressed_picture_is_near_not_equal() -> None:
    data = pictures(6)
    buffer = io.BytesIO()
    Image.fromarray(data[0]).save(buffer, "JPEG", quality=70)
    data[4] = np.asarray(Image.open(buffer))
    made = found({"data": FakeTable(data, [0] * 6, ["a"])})
    assert made.exact() == ()  # type: ignore[attr-defined]
    assert [g.members for g in made.near()] == [(("data", 0), ("data", 4))]  # type: ignore[attr-defined]


def test_the_same_pixels_in_another_file_are_equal(tmp_path: Path) -> None:
    picture = Image.fromarray(pictures(1)[0])
    picture.save(tmp_path / "a.png", compress_level=1)
    picture.save(tmp_path / "b.png", compress_level=9)
    picture.save(tmp_path / "c.bmp")

    class Folder(FakeTable):
        def open(self, row: int) -> Image.Image:
            return Image.open(self.root / self.paths[row]).convert("RGB")

    table = Folder(np.zeros((3, 1, 1, 3), np.uint8), [0, 0, -1], ["a"])
    table.root, table.paths = tmp_path, ["a.png", "b.png", "c.bmp"]
    (group,) = found({"data": table}).groups  # type: ignore[attr-defined]
    assert group.exact and len(group.members) == 3
    assert not group.contradictory  # an unknown label contradicts nothing


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_compare(n: int) -> None:
    assert found({"data": FakeTable(pictures(max(n, 1))[:n], [0] * n, ["a"])}).groups == ()  # type: ignore[attr-defined]


def test_unreadable_pictures_take_no_part() -> None:
    data = pictures(3)
    data[1] = data[0]
    assert found({"data": FakeTable(data, [0, 1, 1], ["a", "b"], bad=[0])}).groups == ()  # type: ignore[attr-defined]


@pytest.mark.shared_data
def test_the_known_duplicates_of_the_houses(shared_data: Path) -> None:
    rooms = ["bathroom", "bedroom", "frontal", "kitchen"]
    known = ["012", "059", "072", "199", "214", "227", "292", "293", "331", "343", "351", "354", "466"]
    houses = sorted({*known, *(f"{i:03d}" for i in range(1, 500, 25))})
    names = [f"{room}/{house}.jpg" for room in rooms for house in houses]
    names = [name for name in names if (shared_data / "houses" / name).is_file()]
    table = FakeTable(
        np.zeros((len(names), 1, 1, 3), np.uint8), [rooms.index(n.split("/")[0]) for n in names], rooms
    )
    table.root, table.paths = shared_data / "houses", names
    table.open = lambda row: Image.open(table.root / table.paths[row]).convert("RGB")  # type: ignore[method-assign]
    made = found({"data": table})
    assert len(made.exact()) == 14  # type: ignore[attr-defined]
    assert sum(g.contradictory for g in made.exact()) == 5  # type: ignore[attr-defined]
    assert ["343" in table.paths[g.members[0][1]] for g in made.exact() if g.contradictory].count(True) == 1  # type: ignore[attr-defined]


def test_equal_pictures_under_two_labels_are_a_finding_beside_the_search_for_wrong_labels() -> None:
    from failsight.agent.state import CaseState
    from failsight.tools.attributes.repeats import Repeated
    from failsight.tools.copies.repeats import contradiction
    from failsight.tools.evidence import Evidence, Finding
    from tests.fakes.view import FakeTable

    table = FakeTable(np.zeros((200, 2, 2, 3), np.uint8), [0, 1] * 100, ("cat", "dog"))
    groups = [Repeated((("data", 2 * i), ("data", 2 * i + 1)), (0, 1), True) for i in range(17)]
    made = contradiction(groups, {"data": table}, table.classes)
    search = Finding("label_noise", "correctness", "data_content", "Not many.", verdict="refuted")
    assert made.key != search.key and made.verdict == "confirmed"
    state = CaseState()
    for i, one in enumerate((made, search)):
        told = Evidence("t", "x", "y", findings=(one,), id=f"E{i + 1}")
        state._on_evidence_recorded({"evidence": told.to_dict(), "call": str(i)}, i)
    assert [r.finding.verdict for r in state.records.values()] == ["confirmed", "refuted"]
    assert (
        contradiction(groups[:1], {"data": table}, table.classes).verdict is None
    )  # one picture is no headline
