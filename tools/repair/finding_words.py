"""What a finding is called in the sentences of a proposal: its images, its cue, and images without it."""

from __future__ import annotations

from failsight.tools.evidence import Finding
from failsight.tools.slices.how_taken import NO, YES
from failsight.tools.text import clean, colour_words, counted, listing, together


def words_of(finding: Finding) -> dict[str, str]:
    """What the fields in the texts of strategies stand for."""
    name = clean(finding.class_name, 60) if finding.class_name else ""
    cue = _cue(finding)
    which = f" with {cue}" if cue else ""
    images = f"{name} images{which}" if name else f"images{which}" if which else "such images"
    wanted = images
    seen = (
        f"images{which}" if cue else images
    )  # what can be known of a picture before anybody has labelled it
    answers = f"answers {clean(finding.confused_with, 60)}" if finding.confused_with and name else seen
    doubtful = f"{seen if cue else answers} when the confidence is low"
    if finding.kind in ("spurious_correlation", "overemphasised_feature") and cue:
        wanted = f"{name} images {_without(finding)}".strip()
        images = f"images of other classes with {cue}"  # those it draws to the class
        doubtful = (
            f"every answer {name} on images with {cue}"  # a cue that counts for much makes sure answers
        )
    if finding.kind == "distribution_shift":
        wanted = f"labelled deployment images{f' of {name}' if name else ''}"
        images = f"deployment images{f' of {name}' if name else ''}"
        seen, doubtful = "deployment images", "deployment images when the confidence is low"
    if finding.kind == "class_imbalance":
        wanted = images = f"{name} images"
    return {
        "class": name or "the class",
        "other": clean(finding.confused_with, 60) if finding.confused_with else "the class it is taken for",
        "cue": cue or "the cue",
        "attribute": listing([clean(n, 60).replace("_", " ") for n in finding.slice or {}]) or "attribute",
        "images": images,
        "seen": seen,
        "doubtful": doubtful,
        "wanted": wanted,
        "differences": " (see data_statistics for what differs)"
        if finding.kind == "distribution_shift"
        else "",
        "relabel": f"the {counted(finding.n, 'image in question', 'images in question')}"
        if finding.n
        else "the images in question",
        "careless": "; training then leaves out what nobody looked at of a careless source (retrain unseen=keep keeps it)"
        if finding.kind == "label_noise" and finding.slice
        else "",
    }


def _cue(finding: Finding) -> str:
    """``television`` for television=yes, ``no stool`` for stool=no, else ``style rustic``; several joined by ``and``."""
    parts = []
    for name, value in (finding.slice or {}).items():
        said = together(name, value)
        name, value = clean(name, 60), clean(value, 60)
        if said:
            parts.append(said)
            continue
        if name == "region":
            kind, _, rest = value.partition(":")
            value = (
                "the mark"
                if kind == "like"
                else f"the {colour_words(rest)} mark"
                if kind == "colour"
                else f"{kind} {rest}".strip()
            )
            parts.append(value)
            continue
        parts.append(
            name
            if value.lower() in YES
            else f"no {name}"
            if value.lower() in NO
            else f"{name.replace('_', ' ')} {value}"
        )
    return " and ".join(parts)


def _without(finding: Finding) -> str:
    """The opposite of the cue: ``without television``; ``with stool`` for stool=no."""
    pairs = [(clean(k, 60), clean(v, 60)) for k, v in (finding.slice or {}).items()]
    if len(pairs) == 1 and pairs[0][1].lower() in NO:
        return f"with {pairs[0][0]}"
    return f"without {_cue(finding)}"
