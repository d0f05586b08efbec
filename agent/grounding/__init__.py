"""Grounding: what an answer says, checked against what was measured."""

from failsight.agent.grounding.check import UNVERIFIED, Checked, Checker, Claim, check

__all__ = ["UNVERIFIED", "Checked", "Checker", "Claim", "check"]
