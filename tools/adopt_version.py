"""adopt_version: go on with the model as it should have been fed or read; what was measured before is not said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    by_class = _by_class(view, found)
    version = next((v for v in view.versions() if v.strategy == RESTATED and v.finding == wanted), None)
    if version is None:
        version = _made(view, wanted, found)
    view.adopt(version.name, wanted)
    return _told(version, wanted, found, by_class)


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


@dataclass(frozen=True, slots=True)
class _Recall:
    """Recall of one class, or the mean of all (an empty name), with the model as it was and with the version."""

    name: str
    before: Fact
    after: Fact


def _by_class(view: CaseView, found: Finding) -> tuple[_Recall, ...]:
    """What the evidence of a confirmed finding says of each class; nothing where it does not tell."""
    one = next((e for e in reversed(view.evidence()) if stated(e, found)), None)
    side = next((f.of for f in one.facts if f.name == FACT), "") if one is not None else ""
    made: dict[str, dict[str, Fact]] = {}
    for fact in one.facts if one is not None else ():
        about, _, name = fact.of.partition(", class ")
        which = next((w for w in ("pipeline as declared", side) if w and about.endswith(w)), "")
        if which and fact.name in ("recall", "balanced_accuracy") and isinstance(fact.value, int | float):
            made.setdefault(name, {})[which] = fact
    return tuple(
        _Recall(name, both["pipeline as declared"], both[side])
        for name, both in sorted(made.items())
        if len(both) == 2
    )


def _recalls(by_class: Sequence[_Recall], version: str) -> tuple[str, list[Fact]]:
    """The mean recall, and that of classes which are recognised less often; and the facts behind it."""
    told, facts = [], []
    for one in by_class:
        before, after = one.before, one.after
        fell = float(after.value or 0) < float(before.value or 0)
        if one.name and not fell:
            continue
        what = f"recall of {clean(one.name, 40)} falls" if one.name else "the mean recall of the classes goes"
        told.append(f"{what} from {number(float(before.value or 0))} to {number(float(after.value or 0))}")
        about = f", class {one.name}" if one.name else ""
        facts += [
            replace(before, of=f"the model as it was{about}"),
            replace(after, of=f"version {version}{about}"),
        ]
    text = "; ".join(told)
    return (f" {text[:1].upper()}{text[1:]}." if text else ""), facts


def _told(version: ModelVersion, wanted: str, found: Finding, by_class: Sequence[_Recall] = ()) -> Evidence:
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
    classes, more = _recalls(by_class, version.name)
    facts += more
    return Evidence(
        tool=TOOL,
        title=f"The case goes on with version {version.name}",
        summary=f"From here on the model is {version.name}: the same weights with {line} in the side file.{gain}{classes} Everything is measured "
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
