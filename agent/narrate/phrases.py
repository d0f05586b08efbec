"""How a finding is said: which images, which rate beside which, how it was tested. The kinds mean different things by
their fields (a shortcut's class is the one wrongly said, a weak spot's is the true one), and so they read differently."""

from __future__ import annotations

import re

from failsight.agent.narrate.words import BUGS, FAILURES, KINDS, VERDICTS, count, sentence
from failsight.tools.evidence import Finding, TestResult
from failsight.tools.faces import control_alone
from failsight.tools.text import clean, condition, interval, number, p_beside, p_value

PULLS = (
    "spurious_correlation",
    "overemphasised_feature",
)  # ``class_name`` is the class that the cue pulls towards
# tool → what its q is corrected for
CORRECTED = {
    "find_slices": "everything that this search tested",
    "disaggregate": "all groups compared so in the case, on these images",
    "compare_group": "the tests of single groups before it in the case",
    "test_by_masking": "the experiments before it in the case",
    "test_by_adding": "the experiments before it in the case",
    "test_by_swapping": "the experiments before it in the case",
}
GROUPS = ("weak_slice", "rare_case")
_ERRORS = re.compile(r"\banswered wrongly\b")
_TAKEN = re.compile(r"\bare (?:taken for|called)\b(?! so\b)")
_KNOWN = re.compile(r"minus rate among (the other.{1,200}? (?:is|are) known)")
Rates = tuple[tuple[str, float, tuple[float, float] | None], ...]


def called(finding: Finding) -> str:
    """The class of whose answers the two rates of a finding are shares; empty where they are shares of errors, or of anything else.

    A pull counts answers of the class that it pulls towards; a group that is ``taken for`` a class, or ``called`` it, those of that class.
    A group that is answered wrongly more often may name the class that most of its errors go to: its rates are of all errors.
    """
    if finding.kind in PULLS:
        return finding.class_name or ""
    if finding.kind not in GROUPS or not finding.confused_with or _ERRORS.search(finding.statement):
        return ""
    return finding.confused_with if _TAKEN.search(finding.statement) else ""


def meaning(finding: Finding) -> str:
    """What the kind of finding means for whoever relies on the model: plainly when confirmed, conditionally before."""
    said = KINDS.get(finding.kind, ("", ""))[1]
    if not said or finding.verdict == "refuted":
        return ""
    return said if finding.verdict == "confirmed" else f"If it holds: {said[0].lower()}{said[1:]}"


def nature(finding: Finding) -> str:
    """What sort of failure it is and where its cause lies."""
    cause = "its cause is undetermined"
    if finding.bug != "unknown":
        cause = f"its cause lies in {BUGS.get(finding.bug, clean(finding.bug))}"
    return f"{FAILURES.get(finding.failure, clean(finding.failure))}; {cause}"


def about(finding: Finding) -> str:
    """Which images a finding is about, in words; empty when it is about all."""
    name = clean(finding.class_name or "", 60)
    shared = " and ".join(condition(k, v) for k, v in sorted((finding.slice or {}).items()))
    if finding.kind in PULLS and shared and name:
        return f"images with {shared}, and the answer {name}"
    images = "deployment images" if finding.kind == "distribution_shift" else "images"
    of = f"{images} of {name}" if name else images if shared or images != "images" else ""
    text = of + (f" with {shared}" if shared else "")
    if finding.confused_with:
        text += f"{', ' if text else ''}taken for {clean(finding.confused_with, 60)}"
    return text


def _compared(finding: Finding) -> tuple[str, str, str]:
    """(what happens to them, these images, the ones beside them) for the two rates of a finding."""
    if said := clean(called(finding), 60):
        return f"called {said} although they are not", "with it", "without it"
    if finding.kind == "distribution_shift":
        return "answered wrongly", "deployment images", "evaluation images"
    if finding.kind == "overfitting":
        return "answered wrongly", "evaluation images", "training images"
    if finding.kind == "overconfidence":
        return "answered wrongly", "these images", "of the other confident answers"
    if finding.kind == "preprocessing":
        return "answered wrongly", "these images", "fed the other way"
    if finding.kind == "label_noise":
        return (
            "suspects (the model is confidently of another class than the label)",
            "these images",
            "of the others",
        )
    return "answered wrongly", "these images", elsewhere(finding)


def elsewhere(finding: Finding) -> str:
    """What the other rate of a group is of: ``elsewhere``, or the other images that have a value, where the test left out the rest."""
    for test in reversed(finding.tests):
        if found := _KNOWN.search(test.statistic):
            return f"of {found[1]}"
    return "elsewhere"


def how_sure(finding: Finding) -> str:
    """The rate beside the one to compare with, with interval, n, p and q, as far as they are known."""
    parts = []
    what, these, others = _compared(finding)
    kept = these if these.endswith("images") else "these images"
    n = "" if finding.n is None else f"{finding.n:,} "
    of = kept.replace("these images", f"these {n}images") if kept == "these images" else f"the {n}{kept}"
    if finding.error_rate is not None:
        text = f"{number(finding.error_rate)} {interval(finding.ci)}".rstrip() + f" of {of} are {what}"
        if finding.base_error_rate is not None:
            beside = f"of the {others}" if others.endswith("images") else others
            text += f", {number(finding.base_error_rate)} {beside}"
        parts.append(text)
    elif finding.n is not None:
        parts.append(count(finding.n, "image"))
    if finding.verdict == "refuted":  # its p is about no effect at all, and would read as support
        pass
    elif finding.q is not None:
        parts.append(f"q {p_value(finding.q)} after correction for {_corrected_for(finding)}")
    elif finding.p is not None:
        parts.append(f"p {p_value(finding.p)}, not corrected for other attempts")
    if of_group(finding):
        parts.append(of_group(finding))
    return sentence("; ".join(parts)) if parts else ""


def _corrected_for(finding: Finding) -> str:
    """What the q of a finding is corrected for: by the tool whose q it is."""
    tool = next((t.tool for t in reversed(finding.tests) if t.q == finding.q), "")
    return CORRECTED.get(tool, "everything that was tried with it")


def of_group(finding: Finding) -> str:
    """``2 of 3 tests of this group confirmed it``; empty where all of them agree."""
    held = sum(t.verdict == "confirmed" for t in finding.tests)
    if not finding.group or held in (0, len(finding.tests)):
        return ""
    return f"{held} of {len(finding.tests)} tests of this group confirmed it"


def rates(finding: Finding) -> Rates:
    """The two rates of a finding for a small chart; empty when one is unknown."""
    if finding.error_rate is None or finding.base_error_rate is None:
        return ()
    _, these, others = _compared(finding)
    return ((these, finding.error_rate, finding.ci), (others, finding.base_error_rate, None))


def rates_title(finding: Finding) -> str:
    """What :func:`rates` are shares of."""
    return f"Share {_compared(finding)[0]}"


def shown_by(finding: Finding, test: TestResult) -> str:
    """Against what a test was made, for every audience: ``by an experiment with a control``, ``on images that had not suggested it``;
    empty where the images that suggested it tested it too. Only weak spots and rare cases are searched on one half and tested
    on the other: the pulls that the same search tests take part with all images."""
    if test.control_effect is not None:
        return "by an experiment with a control"
    if test.tool == "find_slices" and finding.kind in ("weak_slice", "rare_case"):
        return "on images that had not suggested it"
    return ""


def how_tested(finding: Finding, test: TestResult) -> str:
    """The end of a verdict: against what it was tested, and by which tool."""
    how = shown_by(finding, test)
    if test.control_effect is not None:
        how = "against a control"
    return f"{f' {how}' if how else ''} by {clean(test.tool)}"


def result(test: TestResult) -> str:
    """What a test measured and what follows, in one or two sentences."""
    text = f"Effect {number(test.effect, 'points')} {interval(test.ci, 'points')}".rstrip()
    if test.control_effect is not None:
        text += f" beyond the control, which alone {control_alone(test)}"
    text += f"; p {p_beside(test.p, test.ci)}"
    if test.q is not None:
        text += f", q {p_value(test.q)}"
    if test.n:  # what a training record says has no images behind it
        text += f"; {count(test.n, 'image')}"
    return f"{text}. {VERDICTS[test.verdict][0]}."
