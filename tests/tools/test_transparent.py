"""Transparent pictures: what a model sees of them depends on what they are laid on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.agent.case import Case
from failsight.agent.opening import open_case, opening_words
from failsight.tools.engine.ray_work import Carrier
from failsight.tools.inputs import images, open_images
from failsight.tools.inputs.base import Preprocessing
from failsight.tools.inputs.models.side import parse_side
from failsight.tools.pipelines.candidates import Pipeline, alternatives, settings

SIDE, DARK = 16, 40
SHARES = {
    "large": 0.7,
    "small": 0.3,
}  # of the picture that is opaque and dark; what is clear hides the same dark


def picture(name: str, seed: int) -> Image.Image:
    rng = np.random.default_rng([seed, len(name)])
    share = SHARES[name] + rng.uniform(-0.1, 0.1)
    made = np.full((SIDE, SIDE, 4), DARK, np.uint8)
    made[..., :3] += rng.integers(0, 8, (SIDE, SIDE, 3)).astype(np.uint8)
    made[..., 3] = np.where(rng.permutation(SIDE * SIDE).reshape(SIDE, SIDE) < share * SIDE * SIDE, 255, 0)
    return Image.fromarray(made)


def folder(root: Path, each: int = 60) -> Path:
    for name in SHARES:
        (root / name).mkdir(parents=True)
        for i in range(each):
            picture(name, i).save(root / name / f"{i}.png")
    return root


def model(place: Path, **side: Any) -> Path:
    """Right on white alone: dark pictures are ``large``, lighter ones than half way between both are ``small``."""
    import torch

    class Brightness(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            more = 100 * (x.mean((1, 2, 3)) - 0.575)
            return torch.stack([-more, more], 1)

    place.mkdir()
    torch.jit.trace(Brightness(), torch.zeros(2, 3, SIDE, SIDE)).save(str(place / "model.pt"))
    facts = {"classes": list(SHARES), "input_size": SIDE, "mean": 0.0, "std": 1.0, "crop": "stretch", **side}
    (place / "model.json").write_text(json.dumps(facts))
    return place / "model.pt"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clear")
    folder(made / "data")
    return made


@pytest.fixture
def case(place: Path, tmp_path: Path) -> Iterator[Case]:
    made = open_case(
        out=tmp_path / "case",
        model=str(model(tmp_path / "model")),
        data=str(place / "data"),
        planner="guided",
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("ground", "pixel"),
    [("drop", (10, 20, 30)), ("white", (255,) * 3), ("black", (0,) * 3), ("grey", (128,) * 3)],
)
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_clear_pixel_shows_the_ground_or_what_lies_under_it(
    mode: str, ground: Any, pixel: tuple[int, ...], tmp_path: Path
) -> None:
    made = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    made.putpixel((1, 0), (200, 100, 50, 255))
    if mode == "P":
        made = Image.new("P", (2, 1), 0)
        made.putpalette([10, 20, 30, 200, 100, 50])
        made.putpixel((1, 0), 1)
        made.save(tmp_path / "p.png", transparency=0)
    else:
        made.convert(mode).save(tmp_path / "p.png")
    seen = images.decode(tmp_path / "p.png", ground=ground)
    grey = made.convert("RGB").convert("L").getpixel((0, 0))
    hidden = (grey,) * 3 if mode == "LA" and ground == "drop" else pixel
    assert seen.mode == "RGB" and seen.getpixel((0, 0)) == hidden
    assert images.look(tmp_path / "p.png") == (2, 1, True)


def test_half_clear_is_half_the_ground_and_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (100, 100, 100, 128)).save(tmp_path / "half.png")
    assert images.decode(tmp_path / "half.png", ground="white").getpixel((0, 0)) == (177, 177, 177)
    Image.new("RGBA", (4, 4), (100, 100, 100, 255)).save(tmp_path / "full.png")
    assert images.look(tmp_path / "full.png") == (4, 4, False)
    assert images.decode(tmp_path / "full.png", ground="white").getpixel((0, 0)) == (100, 100, 100)
    (tmp_path / "cut.png").write_bytes((tmp_path / "half.png").read_bytes()[:60])
    assert images.look(tmp_path / "cut.png")[:2] == (4, 4)  # that it is damaged is told when it is opened


def test_transparent_pictures_are_told_at_opening_and_other_grounds_are_other_data(
    place: Path, tmp_path: Path
) -> None:
    bare = open_images(place / "data", cache_folder=tmp_path)
    assert any(
        n.startswith(
            "120 of 120 pictures are transparent; their alpha is dropped, which shows the colours that lie under it."
        )
        for n in bare.notes
    )
    again = open_images(place / "data", cache_folder=tmp_path)  # from what was remembered
    assert again.transparent is not None and again.transparent.all() and again.fingerprint == bare.fingerprint
    white = open_images(place / "data", ground="white")
    assert any("laid on white, as the model is fed" in n for n in white.notes)
    assert white.fingerprint != bare.fingerprint and white.on("drop").fingerprint == bare.fingerprint
    assert np.asarray(white.open(0)).max() == 255 > 60 > np.asarray(bare.open(0)).max()
    carried = Carrier.of(white)
    unit = carried.pack(white, 0, range(2))
    assert np.array_equal(np.asarray(carried.unpack(unit).open(0)), np.asarray(white.open(0)))


def test_grounds_are_tried_only_where_pictures_are_transparent_and_can_be_written_down() -> None:
    plain = Preprocessing((SIDE, SIDE), "stretch")
    assert not [c for c in alternatives(plain) if c.axis == "ground"]
    grounds = [c for c in alternatives(plain, transparent=True) if c.axis == "ground"]
    assert [c.title for c in grounds] == ["on white", "on black", "on grey"]
    assert settings(Pipeline((grounds[0],)), plain) == '"ground": "white"'
    assert '"ground"' not in settings(Pipeline(), plain, whole=True)
    white = parse_side({"ground": "white", "input_size": SIDE}).preprocessing()
    assert white is not None and white.ground == "white"
    assert [c.title for c in alternatives(white, transparent=True) if c.axis == "ground"] == [
        "alpha dropped", "on black", "on grey",
    ]  # fmt: skip
    assert parse_side({"ground": "gray"}).ground == "grey" and parse_side({}).ground is None
    with pytest.raises(ValueError, match="ground must be one of drop, white, black, grey"):
        parse_side({"ground": "pink"})


def test_a_model_that_is_right_only_on_white_is_found_and_the_case_goes_on_so(case: Case) -> None:
    (told,) = [w for w in opening_words(case) if "transparent" in w]
    assert (
        "120 of 120 pictures are transparent; their alpha is dropped" in told and '"ground": "white"' in told
    )
    assert case.call("evaluate")[0].fact("accuracy").value == pytest.approx(0.5, abs=0.01)
    made = case.call("preprocessing_probe")[0]
    (finding,) = made.findings
    assert finding.verdict == "confirmed"
    assert "when shown transparent pictures laid on white" in finding.statement
    assert '"ground": "white"' in str(next(f.value for f in made.facts if f.name == "side_file"))
    case.call("adopt_version", {"finding": "F1"}, by="person")
    assert case.call("evaluate")[0].fact("accuracy").value == 1.0
    assert case.model().preprocessing.ground == "white"
    assert np.asarray(case.table("data").open(0)).max() == 255  # people are shown what the model is
    side = json.loads((case.folder / "repair" / "R1" / "1" / "model.json").read_text())
    assert side["ground"] == "white" and parse_side(side).ground == "white"


def test_a_side_file_that_says_so_is_heeded_from_the_start(place: Path, tmp_path: Path) -> None:
    given = {"model": str(model(tmp_path / "model", ground="white")), "data": str(place / "data")}
    with open_case(out=tmp_path / "case", planner="guided", **given) as case:
        assert case.call("evaluate")[0].fact("accuracy").value == 1.0
        assert case.call("preprocessing_probe")[0].findings[0].verdict != "confirmed"
