"""When a call of a tool is one that was made before, so that the journal answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from failsight.tools.evidence import Evidence, digest, jsonable

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.registry import ToolSpec


def call_key(case: Case, spec: ToolSpec, checked: Mapping[str, Any]) -> str:
    """What makes two calls the same: tool, arguments, content of model and data, what of the case it heeds, other models.

    Args:
        checked: the arguments as the tool gets them.
    """
    prints, state = dict(case.fingerprints()), case.state()
    if (spec.reads_attributes or checked.get("where")) and state.definitions:
        prints["attributes"] = state.attributes_now()
    if spec.reads_attributes and (case.config.encoder or case.config.vqa):
        prints["words"] = digest([case.config.encoder, case.config.vqa])
    if spec.outside is not None and (elsewhere := spec.outside(checked)):
        prints["outside"] = elsewhere
    if spec.edits:
        prints["changes"] = str(state.attribute_changes)
    if spec.heeds:
        heeded = [r for r in state.now() if r.finding.kind in spec.heeds and not r.mended]
        if heeded:
            prints["heeded"] = digest([(r.id, r.finding.verdict) for r in heeded])
    if spec.stateful:
        prints["findings"] = digest([(r.id, r.finding) for r in state.now()])
        prints["expectations"] = digest(list(state.expectations.values()))
        if state.relabelled:
            prints["labels"] = digest(state.relabelled)
        given = jsonable(checked)
        prints["evidence"] = digest([e.id for e in state.evidence if _counts(spec, e, given)])
    if spec.reads_groups and state.groups is not None:
        prints["groups"] = case.groups
    return digest({"tool": spec.name, "arguments": checked, "fingerprints": prints})[:24]


def _counts(spec: ToolSpec, evidence: Evidence, given: Mapping[str, Any]) -> bool:
    """Whether recorded evidence may change what a tool answers: any other tool's, and its own where people told it something in another call."""
    if evidence.tool != spec.name:
        return True
    told = any(evidence.arguments.get(name) for name in spec.personal)
    return told and dict(evidence.arguments) != dict(given)
