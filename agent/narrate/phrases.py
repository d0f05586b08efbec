"""How a finding is said: which images, which rate beside which, how it was tested. The kinds mean different things by
their fields (a shortcut's class is the one wrongly said, a weak spot's is the true one), and so they read differently."""

from __future__ import annotations

from failsight.agent.narrate.words import BUGS, FAILURES, KINDS, VERDICTS, count, sentence
from failsight.tools.evidence import Finding, TestResult
from failsight.tools.text import clean, condition, interval, number, p_value

PULLS = (
    "spurious_correlation",
    "overemphasised_feature",
)  # ``class_name`` is the class that the cue pulls towards
Rates = tuple[tuple[str, float, tuple[float, float] | None], ...]


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
    name = clean(finding.class_name or "", 60)
    if finding.kind in PULLS and name:
        return f"called {name} although they are not", "with it", "without it"
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
    return "answered wrongly", "these images", "elsewhere"


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
        parts.append(f"q {p_value(finding.q)} after correction for everything that was tried with it")
    elif finding.p is not None:
        parts.append(f"p {p_value(finding.p)}, not corrected for other attempts")
    return sentence("; ".join(parts)) if parts else ""


def rates(finding: Finding) -> Rates:
    """The two rates of a finding for a small chart; empty when one is unknown."""
    if finding.error_rate is None or finding.base_error_rate is None:
        return ()
    _, these, others = _compared(finding)
    return ((these, finding.error_rate, finding.ci), (others, finding.base_error_rate, None))


def rates_title(finding: Finding) -> str:
    """What :func:`rates` are shares of."""
    return f"Share {_compared(finding)[0]}"


def how_tested(finding: Finding, test: TestResult) -> str:
    """The end of a verdict: against what it was tested, and by which tool."""
    if test.control_effect is not None:
        how = "against a control "
    elif test.tool == "find_slices" and finding.kind in ("weak_slice", "rare_case"):
        how = "on the half of the images that had not suggested it "
    else:
        how = ""
    return f" {how}by {clean(test.tool)}"


def result(test: TestResult) -> str:
    """What a test measured and what follows, in one or two sentences."""
    text = f"Effect {number(test.effect, 'points')} {interval(test.ci, 'points')}".rstrip()
    if test.control_effect is not None:
        text += f" beyond the control, which alone shows {number(test.control_effect, 'points')}"
    text += f"; p {p_value(test.p)}"
    if test.q is not None:
        text += f", q {p_value(test.q)}"
    return f"{text}; {count(test.n, 'image')}. {VERDICTS[test.verdict][0]}."
