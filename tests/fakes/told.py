"""A case folder whose journal was written by hand: one investigation from expectations to readiness, with pictures.

``tell(folder)`` writes it; every number in it is made up here, so that tests know what a report has to say.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from failsight.agent.journal import Journal
from failsight.tools.evidence import (
    Correction,
    Evidence,
    Fact,
    Figure,
    Finding,
    ImageRef,
    Instrument,
    Table,
    TestResult,
)
from failsight.tools.expectations.criteria import COLUMNS

ROOMS = ("bathroom", "kitchen", "living_room")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 60"><rect width="90" height="60" fill="#cde"/><text x="8" y="34">plot</text></svg>'


class Teller:
    """Writes events as the agent would."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.journal, self.made = folder, Journal(folder), 0

    def note(self, kind: str, **data: Any) -> None:
        self.journal.append(kind, data)

    def call(
        self, evidence: Evidence, why: str = "", by: str = "guided", plan: Instrument | None = None
    ) -> str:
        """Start, plan (for an experiment) and record one call; returns the evidence's id."""
        self.made += 1
        key = f"call-{self.made:03d}"
        self.note("tool.started", call=key, tool=evidence.tool, arguments=evidence.arguments, by=by, why=why)
        if plan:
            self.note("instrument.registered", id=plan.id, instrument=dataclasses.asdict(plan))
        made = dataclasses.replace(evidence, id=f"E{self.made}")
        self.note("evidence.recorded", call=key, evidence=made.to_dict())
        return made.id

    def created(self, classes: tuple[str, ...] = ROOMS, name: str = "rooms", **splits: Any) -> None:
        """The first event."""
        data = {
            "data": {
                "path": str(self.folder / "photos"), "format": "folder", "fingerprint": "d" * 64, "n": 600,
                "classes": list(classes),
            },
            **splits,
        }  # fmt: skip
        model = {
            "path": "/home/ann/secret project/room.pt",
            "format": "torchscript",
            "fingerprint": "a1b2" * 16,
        }
        self.note(
            "case.created", name=name, created="2026-02-03", task="Say which room it is, for blind people.", model=model,
            data=data, seed=7, level="novice", planner="guided",
        )  # fmt: skip

    def close(self) -> None:
        self.journal.close()


def picture(path: Path, size: tuple[int, int], seed: int = 0) -> None:
    """A picture with something on it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    pixels = np.stack([x * 255 // size[0], y * 255 // size[1], (x + y + 40 * seed) % 256], -1).astype(
        np.uint8
    )
    Image.fromarray(pixels).save(path)


def evaluated(classes: tuple[str, ...] = ROOMS) -> Evidence:
    recalls = (0.91, 0.715, 0.83)
    facts = [
        Fact("accuracy", 0.8183, of="", ci=(0.7855, 0.8471), n=600, direction="higher_is_better"),
        Fact("errors", 109, "count"),
    ]
    for name, recall in zip(classes, recalls, strict=True):
        facts += [
            Fact("precision", recall - 0.02, of=f"class {name}", ci=(recall - 0.08, recall + 0.04), n=201),
            Fact("recall", recall, of=f"class {name}", ci=(recall - 0.06, recall + 0.04), n=200),
            Fact("f1", recall - 0.01, of=f"class {name}"),
        ]
    return Evidence(
        tool="evaluate", arguments={"split": "data"}, title="How often it is right",
        summary=f"81.8 % of 600 images are right [78.5, 84.7] %. The weakest class is {classes[1]}: recall 71.5 %.",
        facts=tuple(facts), questions=("performance.1",), seconds=2.5,
        notes=("3 images could not be read and were left out.",),
    )  # fmt: skip


def confused(classes: tuple[str, ...] = ROOMS) -> Evidence:
    rows = ((classes[0], 182, 8, 10), (classes[1], 11, 143, 46), (classes[2], 4, 30, 166))
    return Evidence(
        tool="confusion_matrix", arguments={}, title="Which classes it mixes up",
        summary=f"Most often {classes[1]} is taken for {classes[2]}: 46 of 200 images (23.0 %).",
        tables=(Table("Confusion matrix", ("true class", *classes), rows, ("text", "count", "count", "count")),),
        figures=(Figure("Confusion matrix", "figures/confusion.svg", "A heat map; the darkest cell off the diagonal is kitchen taken for living room."),),
        questions=("performance.2",), seconds=0.04,
    )  # fmt: skip


SHORTCUT = Finding(
    kind="spurious_correlation", failure="features", bug="data_statistics",
    statement="Where a television stands, the model says living_room, whatever the room is.",
    slice={"television": "yes"}, class_name="living_room",
    n=84, error_rate=0.476, base_error_rate=0.185, ci=(0.3729, 0.5816), p=0.00004, q=0.0008,
)  # fmt: skip
DARK = Finding(
    kind="weak_slice", failure="robustness", bug="unknown", statement="Dark pictures are answered wrongly more often.",
    slice={"brightness": "low"}, n=120, error_rate=0.267, base_error_rate=0.16, ci=(0.1958, 0.3523), p=0.03, q=0.081,
    verdict="inconclusive",
)  # fmt: skip
CAT = Finding(
    kind="overemphasised_feature", failure="features", bug="data_statistics",
    statement="The model takes cats for a sign of a bedroom.", slice={"cat": "yes"}, class_name="bathroom",
    n=40, error_rate=0.15, base_error_rate=0.18, ci=(0.0706, 0.2907),
)  # fmt: skip
SOFA = Finding(
    kind="missing_feature", failure="features", bug="unknown", statement="The model overlooks sofas.",
    class_name="living_room",
)  # fmt: skip

EXAMPLES = (
    ImageRef("data", 3, "kitchen/0003.png", "kitchen", "living_room", 0.93, "flips"),
    ImageRef("data", 9, "kitchen/gone.png", "kitchen", "living_room", 0.71),
)


def sliced() -> Evidence:
    """The search: one suspicion to be tested by experiment, one slice that stays undecided."""
    rows = (("television = yes", 84, 0.476, 0.185, 0.0008), ("brightness = low", 120, 0.267, 0.16, 0.081))
    return Evidence(
        tool="find_slices", arguments={"depth": 2}, title="Where it errs more",
        summary="Of 214 slices tried on one half, 2 were tested on the other; images with a television are wrong in 47.6 %.",
        tables=(Table("Slices", ("slice", "images", "error", "base error", "q"), rows, ("text", "count", "share", "share", "score")),),
        findings=(SHORTCUT, DARK), questions=("features_global.3",), seconds=0.6,
        notes=("Slices of fewer than 20 images were not tried.",),
        next_steps=("Cover the television and see whether the answer changes.",),
    )  # fmt: skip


def plan(finding: Finding, region: str) -> Instrument:
    return Instrument(
        finding=finding.key, tool="test_by_masking", arguments={"region": region},
        statement=f"If the model relies on it, covering {region} lowers the score more than covering as much elsewhere.",
        statistic="mean paired change of the score", control="as large a region elsewhere in the same image, 8 draws",
        minimum_effect=0.05, alpha=0.05, n_planned=84, smallest_detectable_effect=0.031,
    )  # fmt: skip


def masked(
    finding: Finding, region: str, effect: float, ci: tuple[float, float], verdict: Any, **more: Any
) -> Evidence:
    """The experiment for one finding."""
    test = TestResult(
        tool="test_by_masking", effect=effect, ci=ci, p=more.get("p", 0.0001), n=84, verdict=verdict, control_effect=0.012,
        statistic="mean paired change of the score", q=more.get("q", 0.0005),
    )  # fmt: skip
    found = dataclasses.replace(finding, verdict=verdict, tests=(test,))
    return Evidence(
        tool="test_by_masking", arguments={"region": region, "finding": more["id"], "draws": 8}, title=f"Without the {region[4:]}",
        summary=f"Covering it changes the score by {100 * effect:+.1f} points more than covering as much elsewhere.",
        facts=(Fact("plan", plan(finding, region).id, "text"), Fact("effect", effect, "points", ci=ci, n=84),
               Fact("control_effect", 0.012, "points", n=84)),
        figures=(Figure("Before and after", f"figures/{region[4:]}.png", f"The same image three times: as it is, {region[4:]} covered, a control covered."),),
        findings=(found,), questions=("questionable_features.2",), seconds=12.25,
    )  # fmt: skip


def judged() -> Evidence:
    return Evidence(
        tool="readiness", arguments={}, title="Is it ready", summary="The model is not ready. Fails: recall of kitchen at least 85.0 %: 71.5 % [65.5, 75.5] %.",
        facts=(Fact("readiness", "not_ready", "text"),),
        tables=(
            Table(
                "Criteria", COLUMNS,
                (
                    ("accuracy", "at least", 0.8, 0.8183, 0.7855, 0.8471, 600, "undecided", 1400),
                    ("recall.kitchen", "at least", 0.85, 0.715, 0.655, 0.755, 200, "no", None),
                ),
                ("text", "text", "share", "share", "share", "share", "count", "text", "count"),
            ),
        ),
        questions=("expectations.1",), seconds=0.01,
    )  # fmt: skip


def tell(folder: Path, *, interrupted: bool = False) -> Path:
    """The whole story; ``interrupted`` writes the same one with a crash in its middle."""
    picture(folder / "photos" / "kitchen" / "0003.png", (200, 150), 3)
    picture(folder / "figures" / "television.png", (1800, 200), 1)
    picture(folder / "figures" / "cat.png", (600, 200), 2)
    (folder / "figures" / "confusion.svg").write_text(SVG)
    t = Teller(folder)
    t.created(
        deploy={
            "path": "/data/deploy",
            "format": "folder",
            "fingerprint": "e" * 64,
            "n": 90,
            "classes": list(ROOMS),
        }
    )
    t.note("session.opened", version="0.1.0", planner="guided", level="novice")
    t.note("expectation.set", name="accuracy", bound=0.85, at_least=True, by="person")
    t.note("message", role="person", text="Why does it fail in kitchens?")
    t.note("stage.entered", stage="see failure", trigger="the case was opened")
    t.call(evaluated(), "to see how often it is right")
    t.note("expectation.set", name="accuracy", bound=0.8, at_least=True, by="person")
    t.note("expectation.set", name="recall.kitchen", bound=0.85, at_least=True, by="Ann")
    t.call(confused(), "to see what it mixes up")
    t.call(sliced(), "to find out where it errs")
    if interrupted:
        t.note("tool.started", call="call-004", tool="test_by_masking", arguments={}, by="guided", why="")
        t.note("session.opened", version="0.1.0", planner="guided", level="novice")
    t.note("stage.entered", stage="test", trigger="a hypothesis was stated")
    region = "box:television"
    t.call(
        masked(SHORTCUT, region, 0.291, (0.2412, 0.3405), "confirmed", id="F1"),
        "F1 is suspected",
        plan=plan(SHORTCUT, region),
    )
    t.call(
        masked(CAT, "box:cat", 0.004, (-0.011, 0.019), "refuted", id="F3", p=0.31, q=0.6),
        by="person",
        plan=plan(CAT, "box:cat"),
    )
    t.note(
        "tool.failed",
        call="call-x",
        tool="saliency",
        arguments={},
        message="saliency needs a model whose layers can be read",
    )
    t.call(
        Evidence(
            tool="propose_correction",
            arguments={"finding": "F1"},
            title="What could be done",
            summary="Collect kitchens with a television.",
            corrections=(
                Correction(
                    SHORTCUT.key,
                    "collect_counterexamples",
                    "dataset",
                    "collect kitchens with a television",
                    "proposed",
                ),
            ),
            seconds=0.002,
        )
    )
    t.call(
        Evidence(
            tool="saliency",
            title="Where it looks",
            summary="It looks at sofas.",
            findings=(SOFA,),
            images=EXAMPLES,
            seconds=1.0,
        )
    )
    t.note("approval.asked", call="retrain", tool="retrain", arguments={})
    t.note("approval.given", call="retrain", tool="retrain", decision="reject", by="person")
    t.call(judged(), "to compare it with what was expected")
    t.close()
    return folder
