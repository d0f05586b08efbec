"""What a set of saliency maps is said to show: summary, facts, notes, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from failsight.tools.evidence import Direction, Fact, Table
from failsight.tools.experiments.explainers import Method, Target
from failsight.tools.experiments.saliency_report import Mapped, Mass
from failsight.tools.experiments.saliency_sanity import Sanity, Stage
from failsight.tools.experiments.saliency_scores import Agreement, Curve
from failsight.tools.inputs.base import LeftOut
from failsight.tools.text import bounds, interval, listing, number

TITLES: dict[Method, str] = {
    "grad_cam": "Grad-CAM",
    "layer_cam": "Layer-CAM",
    "integrated_gradients": "Integrated gradients",
    "smoothgrad": "SmoothGrad",
    "occlusion": "occlusion",
    "rise": "RISE",
    "rollout": "attention rollout",
    "attention_gradient": "attention times its gradient",
}


@dataclass(frozen=True)
class Quality:
    """What ``check`` measures: deletion and insertion, and a cascade of shuffled weights."""

    curves: tuple[Curve, ...] = ()
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Seen:
    """All that was measured."""

    method: Method
    mapped: Mapped
    target: Target
    sanity: Sanity
    masses: list[Mass]
    agreed: list[Agreement]
    quality: Quality
    left: tuple[LeftOut, ...]

    @property
    def n(self) -> int:
        """Pictures with a map."""
        return len(self.mapped.rows)


def quality_table(quality: Quality) -> Table | None:
    rows = [(c.name, c.n, c.own, c.random, c.better, *c.ci) for c in quality.curves]
    if not rows:
        return None
    return Table(
        "The maps against random maps",
        ("score", "n", "with the maps", "with random maps", "better by", "from", "to"),
        tuple(rows),
        ("text", "count", "ratio", "ratio", "ratio", "ratio", "ratio"),
        "Area under the target's score as the most salient pixels go (deletion, lower is better) or come back (insertion, "
        "higher is better). Random: the same maps moved and mirrored. From, to: 95 % interval.",
    )


def summary(name: str, seen: Seen) -> str:
    n = seen.n
    told = [f"{TITLES[seen.method]} for {name} over {n:,} image{'s' * (n != 1)}."]
    standing = [m for m in seen.masses if m.ratio > 1 and (m.gap[0] > 0 or n == 1)][:3]
    if standing:
        parts = [f"{m.title} ({number(m.mass)} on {number(m.area)} of the area{_gap(m)})" for m in standing]
        told.append(f"More saliency than their area: {listing(parts, longest=200)}.")
    if seen.sanity.failed:
        told.append("The maps hardly change when the weights are shuffled: do not trust them.")
    elif _no_better(seen.quality):
        told.append("They order the pixels no better than random maps: do not trust them.")
    told.append("Saliency proposes; only a masking test concludes.")
    return " ".join(told)


def _gap(m: Mass) -> str:
    """The difference with its interval, where there is more than one picture."""
    return f": {number(m.mass - m.area, 'points')} {bounds(m.gap, 'points')}" if m.n > 1 else ""


def _no_better(quality: Quality) -> bool:
    """Whether neither deletion nor insertion is surely better than with random maps."""
    return bool(quality.curves) and not any(c.ci[0] > 0 for c in quality.curves) and quality.curves[0].n > 1


def facts(seen: Seen) -> tuple[Fact, ...]:
    sanity = seen.sanity
    made = [Fact("n", seen.n, "count"), Fact("left_out", len(seen.left), "count")]
    if sanity.similarity is not None:
        made.append(
            Fact(
                "randomised_similarity",
                sanity.similarity,
                "ratio",
                "",
                sanity.ci,
                sanity.n,
                "lower_is_better",
            )
        )
    for m in _told(seen.masses):
        made.append(Fact("saliency_share", m.mass, "share", m.name, n=m.n))
        made.append(Fact("area_share", m.area, "share", m.name, n=m.n))
        ci = m.gap if m.n > 1 else None
        made.append(Fact("saliency_minus_area", m.mass - m.area, "points", m.name, ci, m.n))
    for a in seen.agreed[:4]:
        of = f"box:{a.name}"
        for name, (value, ci) in (
            ("iou", a.iou),
            ("ground_truth_coverage", a.coverage),
            ("saliency_coverage", a.inside),
            ("pointing_game", a.pointing),
        ):
            made.append(Fact(name, value, "share", of, ci if a.n > 1 else None, a.n))
        made.append(Fact("iou_minus_chance", a.gain[0], "points", of, a.gain[1] if a.n > 1 else None, a.n))
    for c in seen.quality.curves:
        way: Direction = "lower_is_better" if c.name == "deletion" else "higher_is_better"
        made.append(Fact(f"{c.name}_area", c.own, "ratio", n=c.n, direction=way))
        ci = c.ci if c.n > 1 else None
        made.append(Fact(f"{c.name}_better_than_random", c.better, "ratio", "", ci, c.n, "higher_is_better"))
    for s in seen.quality.stages:
        of = f"{number(s.share)} of the layers"
        made.append(Fact("cascade_similarity", s.similarity, "ratio", of, direction="lower_is_better"))
    return tuple(made)


def _told(masses: Sequence[Mass]) -> list[Mass]:
    """The masses worth a fact: the boxes, border, corners and centre, and a quarter of the picture that stands out (of one
    picture, every quarter: nothing says which)."""
    boxes = [m for m in masses if m.name.startswith("box:")]
    places = [
        m for m in masses if m not in boxes and (not m.name.startswith("grid:") or m.gap[0] > 0 or m.n == 1)
    ]
    return boxes[:8] + places


def notes(seen: Seen, found: int, chosen: int) -> list[str]:
    made, sanity, left, n = [], seen.sanity, seen.left, seen.n
    empty = int((seen.mapped.maps.max((1, 2)) <= 0).sum())
    if empty:
        made.append(
            f"{empty} of {n} maps are zero everywhere: the score does not react (a saturated output, for example). "
            "Occlusion may show more."
        )
    if sanity.failed:
        made.append(
            f"Weight-randomisation check failed: rank correlation {number(sanity.similarity, 'ratio')}"
            f"{'' if sanity.ci is None else ' ' + interval(sanity.ci, 'ratio')} between the maps and those of the same "
            "network with shuffled weights."
        )
    elif sanity.similarity is None:
        made.append(f"No weight-randomisation check: {sanity.reason}.")
    made += _quality_notes(seen)
    if seen.method == "rollout":
        made.append("Attention rollout knows no class: the map is the same whatever is asked for.")
    if found > chosen:
        made.append(f"A seeded sample of {chosen:,} of {found:,} images.")
    if left:
        names = [f"{one.path} ({one.reason})" for one in left]
        made.append(f"{len(left)} image{'s' * (len(left) > 1)} left out: {listing(names)}.")
    return made


def _quality_notes(seen: Seen) -> list[str]:
    notes = []
    if seen.quality.stages:
        parts = [f"{number(s.similarity, 'ratio')} at {number(s.share)}" for s in seen.quality.stages]
        notes.append(
            f"Weights shuffled from the head downwards: similarity of the maps {listing(parts)} of the layers."
        )
    weak = [c.name for c in seen.quality.curves if c.n > 1 and not c.ci[0] > 0]
    return [*notes, *(f"By {name}, the maps are not surely better than random maps." for name in weak)]
