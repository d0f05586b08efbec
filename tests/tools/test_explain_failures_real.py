"""A third-party classifier's failures explained through a third-party robust model's features (../shared/DATA.md)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from failsight.agent.opening import open_case
from failsight.tools.explain_failures import explain_failures
from failsight.tools.feature_attack import feature_attack
from tests.tools.cases import check_evidence

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]


def test_resnet20_is_explained_by_the_features_of_a_robust_net(shared_data: Path, tmp_path: Path) -> None:
    """CIFAR-10, all test images: at least six classes have a mode (δ 0.1, τ 0.2), most hold on the other half, and raising
    a feature moves it by more than ten standard deviations."""
    robust = tmp_path / "robust"
    robust.mkdir()
    shutil.copyfile(
        shared_data / "models" / "cifar10_resnet4b_robust.safetensors", robust / "weights.safetensors"
    )
    (robust / "model.json").write_text('{"arch": "cifar_resnet4b_robust"}')
    with open_case(
        out=tmp_path / "case",
        model=str(shared_data / "models" / "cifar10_resnet20.safetensors"),
        arch="cifar_resnet20",
        data=str(shared_data / "cifar10" / "test"),
    ) as case:
        own = explain_failures(case, depth=3)  # type: ignore[arg-type]
        made = explain_failures(case, depth=3, feature_model=str(robust))  # type: ignore[arg-type]
        check_evidence(made)
        for evidence, least in ((own, 0.9), (made, 0.6)):
            share = evidence.fact("groups_with_valid_leaf").value
            assert isinstance(share, float) and share >= least
        verdicts = [f.verdict for f in made.findings]
        assert verdicts.count("confirmed") >= 0.6 * len(verdicts)
        feature = int(next(iter(made.findings[0].slice or {})).rpartition("#")[2])
        raised = feature_attack(case, feature, feature_model=str(robust), images=3)  # type: ignore[arg-type]
        rise = raised.fact("smallest_rise_in_sd", f"robust feature #{feature}").value
        assert isinstance(rise, float) and np.isfinite(rise) and rise >= 10
