"""Greys of more than eight bits that use only the lowest part of their range: read as they are, they are nearly black."""

from __future__ import annotations

from typing import Final

import numpy as np

from failsight.tools.inputs.base import BadImage
from failsight.tools.inputs.images import depth_used
from failsight.tools.inputs.table import Sources

LOOKED_AT: Final = 12  # pictures: one of them at full range settles it
UNUSED: Final = 4  # times that the range is larger than the largest value: two bits
BEGINS: Final = "These pictures have "


def dim_words(sources: Sources) -> str:
    """What to know of pictures whose greys use less than a quarter of their range, and what to do; empty for all others.

    Up to :data:`LOOKED_AT` pictures, evenly spaced, are read. Twelve-bit values in sixteen-bit files are the usual case: 4,095 of 65,535
    is taken for a dark grey, and what is left after rounding to the 256 steps that a model sees are 16 steps.
    """
    brightest, bits = 0, 0
    n = len(sources)
    rows = np.unique(np.linspace(0, n - 1, min(n, LOOKED_AT)).astype(int)) if n else []
    for row in rows:
        try:
            found = depth_used(sources.get(int(row)))
        except (BadImage, OSError):
            continue
        if found is None:
            return ""
        bits, brightest = max(bits, found[0]), max(brightest, found[1])
        if brightest * UNUSED >= 2**bits - 1:
            return ""
    if not bits or not brightest:
        return ""
    top, used = 2**bits - 1, max(9, int(brightest).bit_length())
    return (
        f"{BEGINS}{bits} bits and use {used}: of {len(rows)} looked at, the largest value is {brightest:,} of {top:,}. Read as they are, "
        f"they are nearly black, with {max(1, round(255 * brightest / top)) + 1} steps of grey. If the model was trained on values scaled by {2**used - 1:,}, write the pictures out "
        f"at full range first (multiply by {2 ** (bits - used)}), or as 8 bits."
    )
