"""Peak memory of one call, honestly: in a process of its own, as the kernel counts it."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path


def peak_growth(call: Callable[[], object]) -> float:
    """MiB by which the peak resident memory of this process rises above what it holds before the call.

    On Linux the kernel's peak is reset first, so that memory which was used and given back before the call
    does not hide what the call needs; elsewhere the peak so far is the baseline.
    """
    reset = Path("/proc/self/clear_refs")
    try:
        reset.write_text("5")
        before = _status("VmRSS")
        call()
        return (_status("VmHWM") - before) / 1024
    except OSError:
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        call()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / unit


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise OSError(f"no {field} in /proc/self/status")
