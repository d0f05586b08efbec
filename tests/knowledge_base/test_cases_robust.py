"""The robust feature model that ships for the demo's rooms."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from failsight.knowledge_base.cases.rooms import ROOMS
from failsight.knowledge_base.cases.train_robust import RECIPE, make
from failsight.tools.inputs import open_images, open_model

SHIPPED = Path(str(resources.files("failsight.knowledge_base.cases").joinpath("rooms_robust")))


def test_it_is_small_opens_and_knows_the_rooms() -> None:
    assert sum(f.stat().st_size for f in SHIPPED.iterdir()) <= 3 * 2**20
    model = open_model(SHIPPED)
    assert model.classes == ROOMS.classes and model.preprocessing.size == (64, 64)
    rows = (SHIPPED / "history.csv").read_text().splitlines()
    assert len(rows) == 1 + RECIPE.epochs
    accuracy, robust = (float(v) for v in rows[-1].split(",")[3:5])
    assert accuracy > 0.6 and robust > 0.5


def test_its_name_is_enough() -> None:
    from failsight.tools.experiments.feature_reader import source_of
    from tests.experiments.feature_world import case, rooms

    source = source_of(case(rooms(4)), "robust")
    assert source.name == "rooms_robust" and not source.own


@pytest.mark.slow
def test_it_is_made_by_a_script_that_goes_on_where_it_stopped(tmp_path: Path) -> None:
    from dataclasses import replace

    recipe = replace(RECIPE, epochs=1, side=32)
    made = make(tmp_path, recipe, count=60)
    assert len(made.history) == 1 and make(tmp_path, recipe, count=60).resumed == 1


@pytest.mark.slow
def test_the_rooms_models_failures_are_explained_in_most_classes(tmp_path: Path) -> None:
    """δ 0.1 and τ 0.2, as in the paper (its Table 1: 59.6 to 97.7 % of ImageNet's classes): at least 60 %; and what is
    confirmed on the other half holds in at least 60 %, too."""
    from failsight.agent.opening import open_case
    from failsight.knowledge_base.cases.splits import make_world
    from failsight.tools.explain_failures import explain_failures
    from failsight.tools.feature_attack import feature_attack

    data = make_world(ROOMS, tmp_path, {"eval": 2250})["eval"]
    assert len(open_images(data, classes=ROOMS.classes)) > 2000
    model = SHIPPED.parent / "rooms_model" / "weights.safetensors"
    with open_case(out=tmp_path / "case", model=str(model), data=str(data)) as case:
        for depth in (1, 3):
            made = explain_failures(case, feature_model="robust", depth=depth)  # type: ignore[arg-type]
            share = made.fact("groups_with_valid_leaf").value
            assert isinstance(share, float) and share >= 0.6
        held = made.fact("groups_with_confirmed_leaf").value
        assert isinstance(held, float) and held >= 0.6
        feature = int(next(iter(made.findings[0].slice or {})).rpartition("#")[2])
        raised = feature_attack(case, feature, feature_model="robust", images=2)  # type: ignore[arg-type]
        rise = raised.fact("smallest_rise_in_sd", f"rooms_robust feature #{feature}").value
        assert isinstance(rise, float) and np.isfinite(rise) and rise >= 10
