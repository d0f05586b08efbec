"""What a finding is about, in the names of the case: its class, the attributes and values of its slice, its split."""

from __future__ import annotations

from failsight.agent.grounding.names import Lexicon, Names
from failsight.tools.evidence import Finding

_SPLIT, _REGION = "split", "region"  # keys of a slice that are no attributes


def slice_of(finding: Finding, lexicon: Lexicon) -> dict[str, str]:
    """Attribute → value of a finding's slice; a region by its name, and without the split that it may hold."""
    made: dict[str, str] = {}
    for name, value in (finding.slice or {}).items():
        if name == _REGION and name not in lexicon.values:
            said = str(value).replace("box:", "the box of ")
            made |= dict.fromkeys(sorted(lexicon.find(said).attributes), "yes")
        elif name != _SPLIT or name in lexicon.values:
            made[name] = str(value)
    return made


def is_attribute(key: str) -> bool:
    """Whether a key of a slice is an attribute of the images."""
    return key not in (_SPLIT, _REGION)


def finding_names(finding: Finding, lexicon: Lexicon) -> Names:
    """What a finding is about: its slice, class and split; for a shift, deployment."""
    classes = frozenset(c for c in (finding.class_name,) if c)
    values = frozenset(slice_of(finding, lexicon).items())
    split = str((finding.slice or {}).get(_SPLIT) or finding.split)
    splits = frozenset({"deploy" if finding.kind == "distribution_shift" else split})
    return Names(classes, frozenset(a for a, _ in values), values, splits)
