"""find_slices on frames of videos: what belongs together is counted together, in slices and in pulls."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.evidence import Evidence
from failsight.tools.find_slices import find_slices
from failsight.tools.stats.intervals import wilson
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, one_hot

KINDS = ("slices", "pulls")
NAMES = tuple(f"a{j}" for j in range(6))


def videos(
    seed: int,
    *,
    count: int = 60,
    frames: int = 20,
    icc: float = 0.25,
    rate: float = 0.2,
    whole: bool = True,
    share: float = 0.5,
    worse: float = 0.0,
    pulled: float = 0.0,
) -> FakeView:
    """Frames of videos of unlike difficulty, whose errors go one way in each video, and six attributes.

    Args:
        icc: correlation of errors within a video. rate: their share.
        whole: attributes are recorded per video, not per frame. share: of the videos or frames that have each.
        worse, pulled: by how much the first attribute raises errors, and the share of its frames that are called a.
    """
    rng = np.random.default_rng([seed, frames, int(100 * icc), whole])
    video = np.repeat(np.arange(count), frames)
    n = len(video)
    luck = np.full(count, rate)
    if icc:
        luck = rng.beta(rate * (1 - icc) / icc, (1 - rate) * (1 - icc) / icc, count)
    has = [(rng.random(count) < share)[video] if whole else rng.random(n) < share for _ in NAMES]
    labels = rng.integers(0, 3, n)
    wrong = rng.random(n) < np.clip(luck[video] + worse * has[0], 0, 1)
    says = np.where(wrong, rng.integers(0, 3, count)[video], labels)
    says = np.where(has[0] & (rng.random(n) < pulled), 0, says)
    columns = {name: ["yes" if v else "no" for v in one] for name, one in zip(NAMES, has, strict=True)}
    table = FakeTable(
        np.zeros((n, 1, 1, 3), np.uint8),
        labels,
        ("a", "b", "c"),
        columns | {"video": [f"v{i}" for i in video]},
    )
    return FakeView({"data": table}, scores={"data": one_hot(says, 3, 0.8)}, seed=seed)


def confirmed(made: Evidence) -> dict[str, bool]:
    """Whether a weak slice, and a pull, is confirmed."""
    told = {f.kind for f in made.findings if f.verdict == "confirmed"}
    return {"slices": "weak_slice" in told, "pulls": "spurious_correlation" in told}


def alarms(runs: int, first: int = 0, told: bool = True, **world: object) -> dict[str, int]:
    """Runs that confirm a slice, and a pull, where no attribute has to do with anything."""
    seen = dict.fromkeys(KINDS, 0)
    for seed in range(first, first + runs):
        view = videos(seed, **world)  # type: ignore[arg-type]
        made = confirmed(find_slices(view, attributes=NAMES, group_by="video" if told else None))
        seen = {kind: seen[kind] + made[kind] for kind in KINDS}
    return seen


def test_videos_of_unlike_difficulty_confirm_nothing() -> None:
    """At 5 % in each family, more than 4 alarms of 25 have probability 0.007; frames that count as independent let many runs through."""
    seen = alarms(25, icc=0.4)
    assert max(seen.values()) <= 4, seen
    assert min(alarms(25, told=False, icc=0.4).values()) >= 7


def hits(runs: int, **world: object) -> dict[str | None, int]:
    """Runs that confirm the weak value where frames are independent: counted together, and each by itself."""
    found: dict[str | None, int] = {"video": 0, None: 0}
    for seed in range(runs):
        view = videos(seed, icc=0.0, rate=0.1, share=0.4, **world)  # type: ignore[arg-type]
        for by in found:
            told = find_slices(view, attributes=NAMES, group_by=by).findings
            found[by] += any(f.slice == {"a0": "yes"} and f.verdict == "confirmed" for f in told)
    return found


@pytest.mark.slow
def test_a_weak_value_is_found_nearly_as_often_where_frames_are_independent() -> None:
    found = hits(12, count=100, worse=0.25)
    assert found["video"] >= found[None] - 2 and found["video"] >= 9


def test_what_is_said_of_frames_counted_together() -> None:
    view = videos(0, count=120, icc=0.1, rate=0.1, worse=0.3)
    made = find_slices(view, attributes=NAMES, group_by="video")
    check_evidence(made)
    (finding,) = [f for f in made.findings if f.slice == {"a0": "yes"} and f.verdict == "confirmed"]
    assert "images of one video counted together" in finding.tests[0].statistic
    assert any("one video are kept in one half and counted together" in n for n in made.notes)
    assert all("counted together" in plan.statistic for plan in view.instruments)
    apart = find_slices(videos(0, count=120, icc=0.1, rate=0.1, worse=0.3), attributes=NAMES)
    (plain,) = [f for f in apart.findings if f.slice == {"a0": "yes"} and f.verdict == "confirmed"]
    assert "counted together" not in f"{plain.tests[0].statistic} {apart.notes}"
    # intervals are those of videos, also that of the smallest visible effect
    assert finding.ci[1] - finding.ci[0] > 1.2 * (wilson(round(finding.error_rate * finding.n), finding.n)[1] - wilson(round(finding.error_rate * finding.n), finding.n)[0])  # type: ignore[index, operator, arg-type]  # fmt: skip
    assert made.fact("smallest_detectable_effect").value > apart.fact("smallest_detectable_effect").value  # type: ignore[operator]


def test_what_few_videos_hold_stays_open_and_is_said() -> None:
    view = videos(0, count=24, frames=60, icc=0.0, rate=0.1, share=0.3, worse=0.4)
    made = find_slices(view, attributes=NAMES, group_by="video", depth=1)
    assert not [f for f in made.findings if f.verdict is not None]
    (note,) = [n for n in made.notes if "counted together" in n]
    assert "fewer than 10" in note and "inconclusive: 1 of the 1 slices tested" in note
    (tried,) = [t for t in made.tables if t.title.startswith("Tried on the other half")]
    row = next(r for r in tried.rows if str(r[0]).startswith("a0=yes"))
    assert row[6] == "inconclusive" and "too few groups" in str(row[7])
    assert [f for f in find_slices(view, attributes=NAMES, depth=1).findings if f.verdict == "confirmed"]


def test_a_pull_of_many_videos_is_found_and_one_of_few_is_not() -> None:
    made = find_slices(videos(2, count=150, pulled=0.5, icc=0.1), attributes=NAMES, group_by="video")
    (pull,) = [f for f in made.findings if f.kind == "spurious_correlation"]
    assert (pull.slice, pull.class_name, pull.verdict) == ({"a0": "yes"}, "a", "confirmed")
    assert "images of one video counted together" in pull.tests[0].statistic
    few = videos(2, count=18, frames=80, pulled=0.5, icc=0.0, rate=0.05, share=0.4)
    for by, there in (("video", False), (None, True)):
        told = find_slices(few, attributes=NAMES, group_by=by)
        assert confirmed(told)["pulls"] is there


def test_frames_without_a_video_stand_alone() -> None:
    view = videos(3, icc=0.0, rate=0.1, worse=0.3)
    view._tables["data"].columns["video"] = [None] * len(view._tables["data"])
    together = find_slices(view, attributes=NAMES, group_by="video")
    found = {str(f.slice) for f in together.findings if f.verdict == "confirmed"}
    alone = find_slices(view, attributes=NAMES).findings
    assert found == {str(f.slice) for f in alone if f.verdict == "confirmed"} and found


@pytest.mark.slow
@pytest.mark.parametrize("frames", [5, 20, 50])
@pytest.mark.parametrize("icc", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("whole", [True, False], ids=["per video", "per frame"])
def test_alarms_over_200_runs(frames: int, icc: float, whole: bool) -> None:
    seen = alarms(200, frames=frames, count=2000 // frames, icc=icc, whole=whole)
    assert all(wilson(k, 200)[0] <= 0.05 for k in seen.values()), seen
    assert max(seen.values()) <= 14, seen


@pytest.mark.slow
@pytest.mark.parametrize(("count", "frames"), [(400, 5), (100, 20), (100, 50)])
@pytest.mark.parametrize("whole", [True, False], ids=["per video", "per frame"])
def test_power_over_100_runs(count: int, frames: int, whole: bool) -> None:
    found = hits(100, count=count, frames=frames, whole=whole, worse=0.15 if frames < 50 else 0.13)
    assert found["video"] >= found[None] - 12, found
    assert 20 <= found[None] <= 98, found  # else the world says nothing
