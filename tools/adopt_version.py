"""adopt_version: go on with the model as it should have been fed or read; what was measured before is not said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Correction, Evidence, Fact, Finding
from failsight.tools.registry import tool
from failsight.tools.repair.restated import SIDE, members_line, members_of, restate
from failsight.tools.repair.versions import RESTATED, ModelVersion, next_repair
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, number
from failsight.tools.view import CaseView

TOOL = "adopt_version"
FACT = "side_file"
"""Name of the fact with which a tool says what a side file should state: members of JSON, without the braces."""
KINDS = ("preprocessing", "class_order")


@tool(cost="instant", needs=("model",), writes=True)
def adopt_version(
    view: CaseView,
    finding: Annotated[
        str,
        Field(
            description="Id of the confirmed finding that the model is fed or read wrongly, such as F1.",
            max_length=40,
        ),
    ],
) -> Evidence:
    """Go on with the model fed, or its outputs named, as a confirmed finding says: a new version; everything is measured anew with it.

    The files of the model as given are only read. The version's folder holds the side file to put beside the model.
    What was measured before stays in the journal, as said of the model as given.
    """
    wanted = finding.strip().upper()
    found = dict(view.findings()).get(wanted)
    if found is None:
        raise RetryError(f"There is no finding {clean(finding, 40)!r}.", dict(view.findings()))
    version = next((v for v in view.versions() if v.strategy == RESTATED and v.finding == wanted), None)
    if version is None:
        version = _made(view, wanted, found)
    view.adopt(version.name, wanted)
    return _told(version, wanted, found)


def stated(evidence: Evidence, finding: Finding) -> Mapping[str, Any]:
    """The members of a side file that ``evidence`` found for a confirmed ``finding``; empty where it found none."""
    if finding.verdict != "confirmed" or finding.kind not in KINDS:
        return {}
    if not any(f.key == finding.key and f.verdict == "confirmed" for f in evidence.findings):
        return {}
    return next((members_of(str(f.value)) for f in evidence.facts if f.name == FACT), {})


def _made(view: CaseView, wanted: str, found: Finding) -> ModelVersion:
    members = next((m for e in reversed(view.evidence()) if (m := stated(e, found))), {})
    if not members:
        raise RetryError(
            f"{wanted} does not say what the side file should state: it takes a confirmed finding of preprocessing_probe or class_order "
            "that a setting expresses."
        )
    repair = next_repair(view.versions())
    folder = view.workspace(repair) / "1"
    made = restate(view.given_model(), view.model(), members, folder)
    version = ModelVersion(
        f"{repair}.1", repair, "repair", view.seed, RESTATED, wanted,
        f"repair/{repair}/1", made.fingerprint, {"side": members_line(members)},
    )  # fmt: skip
    view.add_version(version)
    return version


def _told(version: ModelVersion, wanted: str, found: Finding) -> Evidence:
    line = str(version.data.get("side", ""))
    before, after, n = found.error_rate, found.base_error_rate, found.n or 0
    facts = [
        Fact("version", version.name, "text", f"finding {wanted}"),
        Fact(FACT, line, "text", f"version {version.name}"),
    ]
    gain = ""
    if before is not None and after is not None and n:
        old, new = wilson(round((1 - before) * n), n), wilson(round((1 - after) * n), n)
        facts += [
            Fact("accuracy", 1 - before, "share", "the model as it was", old, n, "higher_is_better"),
            Fact("accuracy", 1 - after, "share", f"version {version.name}", new, n, "higher_is_better"),
        ]
        gain = (
            f" On the {n:,} images that tested {wanted} it is right in {number(1 - after)} {interval(new)}; before, in "
            f"{number(1 - before)} {interval(old)}."
        )
    return Evidence(
        tool=TOOL,
        title=f"The case goes on with version {version.name}",
        summary=f"From here on the model is {version.name}: the same weights with {line} in the side file.{gain} Everything is measured "
        "anew with it; what was measured before speaks of the model as it was, and is not carried over.",
        facts=tuple(facts),
        corrections=(
            Correction(
                found.key, RESTATED, "dataset", f"In the model's side file (model.json) write {line}.", "verified",
                before, after, found.q,
            ),
        ),
        notes=(
            "The model's own files were only read: whoever runs it must change its side file too, or it stays as it was.",
        ),
        next_steps=(f"Put {version.path}/{SIDE} of the case folder beside the model, in place of its side file.",),
    )  # fmt: skip
