"""Repairs, told as what was done: which images or settings changed, how often it was tried, what came of it, who judged.

A correction says in the imperative what to do; once a repair was made for it, its versions in the journal say what was
done, and the evidence of ``verify_correction`` whether that helped and who paid for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from failsight.agent.narrate.model import Sentence
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.versions import mended_by
from failsight.agent.narrate.words import count, sentence, status
from failsight.agent.state import FindingRecord
from failsight.tools.evidence import Correction, Evidence, Fact
from failsight.tools.repair.versions import ModelVersion
from failsight.tools.text import clean, interval, number, p_value

# strategy → what was done, where the versions do not tell more
_DONE = {
    "feature_specific": "the cue was covered in part of the training images that show it",
    "cut_and_paste": "the cue was pasted into training images of the other classes",
    "typical_augmentation": "the training images were altered to look like those of use",
    "rebalance": "images of the group were drawn more often while training",
    "loss_weighting": "images of the group weighed more in the loss",
    "group_balance": "every pairing of class and attribute was drawn equally often while training",
    "last_layer": "the last layer alone was trained again",
    "hard_examples": "images that were answered wrongly were shown more often while training",
    "robust_loss": "a loss was used that forgives single wrong labels",
    "regularise": "the training was held back more (weight decay, smoothing)",
    "adapt_normalisation": "the statistics of the normalisation were taken from deployment images",
}
_JUDGED = {
    "verified": "It held: the failure is rarer than before and than in the control, and no other group is shown to have paid for it.",
    "verified at a price": "It held: the failure is rarer than before and than in the control, at a price that was allowed for.",
    "no effect": "It did not help beyond its control, so it counts as rejected.",
    "traded away": "It helped, but other groups paid for it, so it counts as rejected as it is.",
}
OUTCOMES = {"verified": "repaired", "no effect": "no effect", "traded away": "traded for another failure"}


def correction(record: Record, made: Correction, found: FindingRecord | None = None) -> Sentence:
    """One repair strategy: what was done and what it brought; while nothing was done, what to do."""
    repairs = _repairs(record, made, found)
    if not repairs:
        return _proposed(record, made)
    parts, refs = [], list[str]()
    for name, versions in repairs.items():
        said = _done(record, name, versions)
        judged = _judged(record, name)
        parts += [said.text, judged.text]
        refs += [*said.refs, *judged.refs]
    proposal = _proposal(record, made)
    if proposal is not None:
        parts.append(f"The proposal had been: {sentence(proposal[1])}")
        refs.append(proposal[0])
    return Sentence(" ".join(p for p in parts if p), tuple(dict.fromkeys(refs)))


def outcome(record: Record, found: FindingRecord) -> str:
    """What the last repair of a finding came to, in a few words; empty when none was made."""
    versions = [v for v in record.state.versions.values() if v.finding == found.id]
    if not versions:
        return ""
    if found.mended:
        return mended_by(found)
    judged = _evidence(record, versions[-1].repair, "verify_correction")
    verdict = _fact(judged[-1], "verdict") if judged else None
    if verdict is None:
        return "repair not judged yet"
    return OUTCOMES.get(str(verdict.value), "repair undecided")


def done(record: Record, found: FindingRecord, made: Correction) -> bool:
    """Whether a repair was made for this correction."""
    return bool(_repairs(record, made, found))


def _repairs(
    record: Record, made: Correction, found: FindingRecord | None
) -> Mapping[str, Sequence[ModelVersion]]:
    """Repair → its versions, for the repairs that followed this strategy for this finding."""
    found = found or record.state.records.get(made.finding)
    grouped: dict[str, list[ModelVersion]] = {}
    for version in record.state.versions.values():
        if found is not None and version.finding == found.id and version.strategy == made.strategy:
            grouped.setdefault(version.repair, []).append(version)
    return grouped


def _proposed(record: Record, made: Correction) -> Sentence:
    text = f"{sentence(made.action)} ({clean(made.strategy, 80).replace('_', ' ')}; {status(made.status)})"
    if made.before is not None and made.after is not None:
        text += f" Errors went from {number(made.before)} to {number(made.after)}"
        text += f" (q {p_value(made.q)})." if made.q is not None else "."
    refs = [e.id for e in record.state.evidence if any(_same(c, made) for c in e.corrections)]
    return Sentence(text, tuple(refs))


def _same(one: Correction, other: Correction) -> bool:
    return (one.finding, one.strategy) == (other.finding, other.strategy)


def _proposal(record: Record, made: Correction) -> tuple[str, str] | None:
    """(evidence, words) of the first proposal of a correction."""
    for evidence in record.state.evidence:
        for one in evidence.corrections:
            if _same(one, made) and one.status == "proposed":
                return evidence.id, one.action
    return None


def _done(record: Record, name: str, versions: Sequence[ModelVersion]) -> Sentence:
    """What a repair changed, and how often it was tried."""
    arms = {arm: [v for v in versions if v.arm == arm] for arm in ("repair", "control")}
    shown = (arms["repair"] or list(versions))[0]
    text = f"Done as {clean(name, 20)}: {_changed(shown)}"
    tried = f"; {count(len(arms['repair']), 'version')} came of it"
    if arms["control"]:
        tried += f", beside {count(len(arms['control']), 'control version')} with the same budget"
    events = [
        f"#{e.seq}"
        for e in record.of("model.added")
        if (e.data.get("version") or {}).get("repair") == shown.repair
    ]
    made = [e.id for e in _evidence(record, name, "retrain")]
    return Sentence(f"{text}{tried}.", (*made, *events))


def _changed(version: ModelVersion) -> str:
    """What one version differs in, as a clause."""
    data = version.data
    rows = (data.get("train") or {}).get("rows")
    added = data.get("additions") or {}
    if isinstance(added.get("images"), int):
        text = f"{count(added['images'], 'image was', 'images were')} added"
        text += f" to the {count(rows, 'training image')}" if isinstance(rows, int) else ""
        chosen = clean(added.get("from") or "", 200)
        return text + (f" ({chosen})" if chosen else "")
    if version.strategy == "relabel":
        labels = int(version.cost.get("labels", 0))
        left = data.get("left_out")
        out = (
            f", {count(left, 'image')} whose labels nobody looked at left out"
            if isinstance(left, int) and left
            else ""
        )
        return (
            f"{count(labels, 'label')} of training images {'was' if labels == 1 else 'were'} corrected{out}"
        )
    if isinstance(data.get("temperature"), int | float):
        return f"the scores are divided by a temperature of {number(data['temperature'], 'ratio')}"
    if isinstance(data.get("threshold"), int | float):
        return f"answers with a confidence below {number(data['threshold'])} are left to a person"
    said = _DONE.get(version.strategy, f"the model was changed by {version.strategy.replace('_', ' ')}")
    return said + (f", of {count(rows, 'training image')}" if isinstance(rows, int) else "")


def _judged(record: Record, name: str) -> Sentence:
    """What untouched images said of a repair."""
    made = _evidence(record, name, "verify_correction")
    if not made:
        return Sentence("Whether it helped has not been judged on images that it never saw.")
    last = made[-1]
    before, after, control = (
        _fact(last, "error_rate", f"target, {a}") for a in ("before", "repair", "control")
    )
    parts = []
    if before is not None and after is not None:
        on = f"On {count(after.n, 'image')} that" if after.n else "On images that"
        text = f"{on} neither chose nor trained it, errors went from {number(before.value)} to {number(after.value)}"
        text += f", {number(control.value)} in the control" if control is not None else ""
        parts_of = [f for f in last.facts if f.name == "error_rate" and f.of.startswith("target, before, ")]
        apart = [(f, _fact(last, "error_rate", f.of.replace("before", "repair", 1))) for f in parts_of]
        shown = [
            f"{number(f.value)} to {number(a.value)} of the {count(f.n, clean(f.of.split(', ')[-1], 40).removesuffix('s'))}"
            for f, a in apart
            if f.n and a is not None
        ]
        text += f" ({'; '.join(shown)})" if shown else ""
        q = _fact(last, "q", "target")
        parts.append(text + (f" (q {p_value(_float(q))})." if q is not None else "."))
    verdict = _fact(last, "verdict")
    said, worse = str(verdict.value) if verdict else "", _fact(last, "groups_worse")
    if said == "verified" and worse is not None and worse.value:
        said = "verified at a price"
    parts.append(_JUDGED.get(said, "The images at hand do not decide whether it helped."))
    parts.append(_paid(last))
    return Sentence(" ".join(p for p in parts if p), (last.id,))


def _paid(made: Evidence) -> str:
    """Which other group lost most, where one is worse than before."""
    worst = next((f for f in made.facts if f.name == "worst_loss"), None)
    paid = any(
        (fact := _fact(made, name)) is not None and fact.value for name in ("groups_traded", "groups_worse")
    )
    if worst is None or not paid:
        return ""
    return f"{clean(worst.of, 80)} lost most: {number(worst.value, 'points')} {interval(worst.ci, 'points')}.".replace(
        " .", "."
    )


def _evidence(record: Record, repair: str, tool: str) -> list[Evidence]:
    """The evidence of ``tool`` that made or judged a repair."""
    return [
        e
        for e in record.state.evidence
        if e.tool == tool
        and (
            e.arguments.get("repair") == repair
            or any(f.of.split(",")[0] in (repair, f"repair {repair}") for f in e.facts)
        )
    ]


def _fact(made: Evidence, name: str, of: str | None = None) -> Fact | None:
    return next((f for f in made.facts if f.name == name and (of is None or f.of == of)), None)


def _float(fact: Fact) -> float:
    return float(fact.value) if isinstance(fact.value, int | float) else float("nan")
