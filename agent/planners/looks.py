"""How pictures look, as a condition of the case: which images count as dark, bright, blurred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from failsight.agent.case import Case

LOWEST: Final = 0.25  # quantiles from which on pictures count as dark, bright, blurred …
HIGHEST: Final = 0.75


def condition(case: Case, measure: str, low: bool) -> str | None:
    """``brightness<=0.31``: the quarter of the images that counts as dark (or bright, blurred …); None where they are all alike.

    Args:
        measure: what is measured of every image, such as ``brightness``.
        low: True for the lowest quarter, False for the highest.
    """
    import numpy as np

    columns = case.attributes().columns
    name = next((n for n in (f"computed_{measure}", measure) if n in columns), None)
    try:
        values = np.asarray(columns[name] if name else (), float)
    except (TypeError, ValueError):  # a column of words that has the name of a measure
        return None
    values = values[np.isfinite(values)]
    at = float(f"{float(np.quantile(values, LOWEST if low else HIGHEST)):.3g}") if len(values) else 0.0
    inside = values <= at if low else values >= at
    if not inside.any() or inside.all():
        return None
    return f"{name}{'<=' if low else '>='}{at:g}"
