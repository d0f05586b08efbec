"""Findings in words for people who run no models: whole pictures out of a hundred, no statistics, no field names."""

from __future__ import annotations

import math

from failsight.agent.narrate.findings import ordered
from failsight.agent.narrate.phrases import PULLS, called
from failsight.agent.narrate.words import stated
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Finding
from failsight.tools.text import clean, condition, interval, number, together

Interval = tuple[float, float] | None


def plain(name: object) -> str:
    """A name out of the data as words: ``living_room`` → ``living room``."""
    return clean(str(name).replace("_", " "), 80)


def of_100(share: float | None, ci: Interval = None) -> str:
    """A share as people count: ``about 57 of 100 (between 48 and 66)``."""
    if share is None or not math.isfinite(share):
        return "an unknown share"
    if share < 0.005:
        text = "fewer than 1 of 100"
    elif share > 0.995:
        text = "nearly all"
    else:
        text = f"about {round(100 * share)} of 100"
    if ci is not None and all(map(math.isfinite, ci)):
        text += f" (between {math.floor(100 * ci[0])} and {math.ceil(100 * ci[1])})"
    return text


def nameless(finding: Finding) -> bool:
    """Whether nothing but numbers of the network's own features says which pictures a finding is about."""
    return bool(finding.slice) and all(str(name).startswith("feature #") for name in finding.slice or {})


def which(finding: Finding, pictures: str = "pictures") -> str:
    """Which pictures a finding is about: ``pictures of living room without television``."""
    if nameless(finding):
        of = f" of {plain(finding.class_name)}" if finding.class_name else ""
        return f"{pictures}{of} of a kind that nobody has named yet (the report shows some)"
    parts = []
    for name, value in sorted((finding.slice or {}).items()):
        shown = clean(value, 60)
        if said := together(name, shown):  # conditions that hold together, or do not
            parts.append(f"{'that are' if said.startswith('not ') else 'with'} {plain(said)}")
        elif name == "region":
            parts.append(f"with {condition(name, value)}")
        elif shown.casefold() == "yes":
            parts.append(f"with {plain(name)}")
        elif shown.casefold() == "no":
            parts.append(f"without {plain(name)}")
        else:
            parts.append(f"whose {plain(name)} is {plain(shown)}")
    of = f" of {plain(finding.class_name)}" if finding.class_name and finding.kind not in PULLS else ""
    return f"{pictures}{of}" + (f" {' and '.join(parts)}" if parts else "")


def _others(finding: Finding, said: str) -> str:
    """The pictures that a share of answers ``said`` is of: those of another class, of all such classes or of one."""
    if finding.kind not in PULLS and finding.class_name:
        return which(finding)
    return which(
        finding,
        f"pictures of other classes than {plain(said)}"
        if finding.kind not in PULLS
        else "pictures of something else",
    )


def for_users(finding: Finding) -> str:
    """What a finding means for whoever uses the answers; empty for faults that only concern those who measure."""
    rate, base = finding.error_rate, finding.base_error_rate
    where, said = which(finding), called(finding)
    if finding.kind == "overconfidence":
        return "It sounds surer than it is right: don't take its confidence at face value."
    if rate is None:
        return ""
    if said:
        text = (
            f"{_first(_others(finding, said))} are often taken for {plain(said)}: {of_100(rate, finding.ci)}"
        )
        return text + (f", against {of_100(base)} of the others." if base is not None else ".")
    if finding.kind == "distribution_shift":
        of = f" of {plain(finding.class_name)}" if finding.class_name else ""
        text = f"Pictures{of} from real use are answered wrongly more often: {of_100(rate, finding.ci)}"
        return text + (f"; of those it was judged on, {of_100(base)}." if base is not None else ".")
    if finding.kind in ("rare_case", "weak_slice", "class_imbalance", "missing_feature"):
        text = f"{_first(where)} are answered wrongly more often: {of_100(rate, finding.ci)}"
        text += f", against {of_100(base)} of the others." if base is not None else "."
        if finding.confused_with:
            text += f" They are mostly taken for {plain(finding.confused_with)}."
        return text
    return ""


def for_requesters(finding: Finding) -> str:
    """What happens, in one sentence with shares and their intervals."""
    rate, base = finding.error_rate, finding.base_error_rate
    if rate is None:
        return stated(finding.statement)
    shown, said = f"{number(rate)} {interval(finding.ci)}".rstrip(), called(finding)
    if said:
        text = f"{_first(_others(finding, said))} are called {plain(said)} in {shown}"
    elif finding.kind == "distribution_shift":
        of = f" of {plain(finding.class_name)}" if finding.class_name else ""
        text = f"Deployment pictures{of} are answered wrongly in {shown}"
    elif finding.kind in ("rare_case", "weak_slice", "class_imbalance", "missing_feature"):
        text = f"{_first(which(finding))} are answered wrongly in {shown}"
    else:
        return stated(finding.statement)
    against = "the evaluation pictures" if finding.kind == "distribution_shift" else "the others"
    return text + (f", {against} in {number(base)}." if base is not None else ".")


def confirmed(state: CaseState) -> list[FindingRecord]:
    """Confirmed findings, those first that cost most answers."""
    return [r for r in ordered(state) if r.finding.verdict == "confirmed" and not r.earlier]


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
