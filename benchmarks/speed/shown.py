"""What was promised of speed, and the figures as a table, a page and a picture."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

WORSE = 1.5  # times: what the guard calls a regression
PACKAGES = (
    "failsight",
    "numpy",
    "scipy",
    "torch",
    "transformers",
    "captum",
    "pysubgroup",
    "sliceline",
    "textual",
    "langchain",
)
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
WALL = "clock"


@dataclass(frozen=True)
class Promise:
    """``name`` of a figure; the most or least that was promised (None: told only); whether the guard watches it."""

    name: str
    title: str
    side: Literal["≤", "≥", "="] = "≤"
    bound: float | None = None
    unit: str = "×"
    guarded: bool = False


PROMISES = (
    Promise("slices_over_counting", "slice search, 100,000 × 12, depth 3, over plain counting of rows", "≤", 3, guarded=True),
    Promise("pysubgroup_dfs_over_slices", "pysubgroup (DFS) over the slice search, same table", "≥", 7, guarded=True),
    Promise("pysubgroup_apriori_over_slices", "pysubgroup (Apriori) over the slice search, same table", "≥", 7, guarded=True),
    Promise("sliceline_over_slices", "sliceline at 2 % support over the slice search, same table", "≥", 50),
    Promise("slices_memory_mib", "memory of the slice search above the table", "≤", 100, "MiB"),
    Promise("slices_planted_found", "planted slices found, of five", "=", 5, ""),
    Promise("slices_reported", "slices reported in all", "≤", 10, ""),
    Promise("slices_20k_x_8_s", "slice search, 20,000 × 8 (4,536 combinations of three)", "≤", 0.1, "s"),
    Promise("slices_one_attribute_more", "one attribute more with the others' counts at hand, over the whole search", "≤", None, guarded=True),
    Promise("slices_1m_over_counting", "slice search, 1,000,000 × 15, over plain counting of rows", "≤", 3, guarded=True),
    Promise("pysubgroup_1m_over_slices", "pysubgroup (faster of two, scaled from 200,000 rows) over it", "≥", 10, guarded=True),
    Promise("slices_1m_memory_mib", "its memory above the table", "≤", 100, "MiB"),
    Promise("slices_1m_planted_found", "planted slices found there, of five", "=", 5, ""),
    Promise("assignment_over_encoding", "assigning 20 attributes × 5 values, over one encoding of the images", "≤", 1.1, guarded=True),
    Promise("hibug_pattern_over_encoding", "encoding again for each of 8 attributes, over one encoding", "≥", 7),
    Promise("relabel_20k_ms", "labelling 20,000 cached embeddings again", "≤", 50, "ms"),
    Promise("cam", "CAM over one forward pass", "≤", 1.2, guarded=True),
    Promise("cam_difference", "largest difference from captum's map", "≤", 1e-5, ""),
    Promise("grad_cam", "Grad-CAM over forward and backward", "≤", 1.3, guarded=True),
    Promise("integrated_gradients", "captum over integrated gradients (32 steps)", "≥", 1.25, guarded=True),
    Promise("integrated_gradients_best_batch", "captum at its best batch over the same", "≥", None, guarded=True),
    Promise("occlusion", "captum over occlusion", "≥", 1.25, guarded=True),
    Promise("occlusion_best_batch", "captum at its best batch over the same", "≥", None, guarded=True),
    Promise("masking_over_passes", "masking test, 8 control draws, over its bare passes", "≤", 1.2, guarded=True),
    Promise("duplicates_growth", "near duplicates: time at twice as many hashes", "≤", None, guarded=True),
    Promise("duplicates_recall", "planted near duplicates found", "≥", None, "share"),
    Promise("turn_10_ms", "a turn beside the model at 10 messages", "≤", 60, f"ms {WALL}"),
    Promise("turn_500_ms", "a turn beside the model at 500 messages", "≤", 150, f"ms {WALL}"),
    Promise("turn_growth", "a turn at the most messages over one at 10", "≤", None, guarded=True),
    Promise("ask_warm_p95_ms", "a question to the knowledge base, warm, p95", "≤", 60, f"ms {WALL}"),
    Promise("ask_cold_s", "`failsight ask` from a cold start", "≤", 2.5, f"s {WALL}"),
    Promise("index_embedded_at_start", "shipped texts embedded at the start", "=", 0, ""),
    Promise("help_s", "`failsight --help`", "≤", 0.3, f"s {WALL}"),
    Promise("first_paint_s", "first paint of the app", "≤", 0.8, f"s {WALL}"),
    Promise("first_paint_over_bare", "first paint over that of a bare Textual app", "≤", None, guarded=True),
    Promise("heavy_before_first_paint", "heavy libraries loaded before it", "=", 0, ""),
    Promise("keystroke_p95_ms", "keystroke to paint, 1,000 cards, a model pass running, p95", "≤", 50, f"ms {WALL}"),
    Promise("gallery_page_p95_ms", "a page of a gallery of 5,000 pictures, p95", "≤", 100, f"ms {WALL}"),
    Promise("mb_per_100_turns", "memory that 100 turns leave", "≤", 1, "MB"),
)  # fmt: skip


def judged(promise: Promise, figures: Mapping[str, Any]) -> Literal["kept", "missed", "told", "absent"]:
    if promise.name not in figures:
        return "absent"
    if promise.bound is None:
        return "told"
    value = figures[promise.name]
    kept = {"≤": value <= promise.bound, "≥": value >= promise.bound, "=": value == promise.bound}[
        promise.side
    ]
    return "kept" if kept else "missed"


def number(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1000:
        return str(int(value))
    return f"{value:.1e}" if abs(value) < 1e-3 else f"{value:.3g}"


def lines(figures: Mapping[str, Any]) -> list[list[str]]:
    made = []
    for p in PROMISES:
        state = judged(p, figures)
        if state != "absent":
            wanted = "" if p.bound is None else f"{p.side} {p.bound:g} {p.unit}".strip()
            made.append(
                [
                    p.title,
                    f"{number(figures[p.name])} {p.unit}".strip(),
                    wanted,
                    state,
                    "yes" if p.guarded else "",
                ]
            )
    return made


def shown(figures: Mapping[str, Any], about: Mapping[str, str]) -> str:
    """The table for a terminal."""
    rows = lines(figures)
    wide = max((len(r[0]) for r in rows), default=0)
    made = ["; ".join(f"{k} {v}" for k, v in about.items()), ""]
    made += [f"{title:<{wide}}  {value:>14}  {wanted:>14}  {state.upper() if state == 'missed' else state}" for title, value, wanted, state, _ in rows]  # fmt: skip
    made += [
        f"{k.removeprefix('failed:')}: FAILED: {v}" for k, v in figures.items() if k.startswith("failed:")
    ]
    for name, curve in figures.items():
        if name.startswith("curve:"):
            made.append(
                f"growth with {name[6:]}: {', '.join(f'{x:,}: {y:.3g}' for x, y in curve)}{exponent(curve)}"
            )
    return "\n".join(made)


def exponent(curve: Sequence[Sequence[float]]) -> str:
    """How the last step grows: y with x to this power."""
    (x0, y0), (x1, y1) = curve[-2:] if len(curve) > 1 else ((1, 1), (1, 1))
    return (
        f" (last step: power {math.log(y1 / y0) / math.log(x1 / x0):.2f})"
        if x1 != x0 and y0 > 0 and y1 > 0
        else ""
    )


def regressions(figures: Mapping[str, Any], stored: Mapping[str, float]) -> list[str]:
    """Sentences about guarded ratios that are WORSE times worse than they were."""
    made = []
    for p in PROMISES:
        if p.guarded and p.name in stored:
            before, now = stored[p.name], figures.get(p.name)
            if now is None:
                made.append(f"{p.title}: not measured (stored: {number(before)}).")
            elif (now / before if p.side == "≤" else before / now) > WORSE:
                made.append(f"{p.title}: {number(now)}, it was {number(before)}.")
    return made


def machine() -> dict[str, str]:
    """What it ran on."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")),
        platform.processor(),
    )
    import os

    made = {
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "system": platform.system(),
    }
    for name in PACKAGES:
        try:
            made[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            made[name] = "absent"
    return made


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def page(path: Path, figures: Mapping[str, Any], about: Mapping[str, str]) -> None:
    """The table into the page, between its marks."""
    text = path.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    rows = [f"| {' | '.join(r)} |" for r in lines(figures)]
    table = "\n".join(["| what | measured | promised | | guarded |", "|---|---|---|---|---|", *rows])
    growth = "\n".join(
        f"- with {name[6:]}: {', '.join(f'{x:,} → {y:.3g} {unit(name)}' for x, y in curve)}{exponent(curve)}"
        for name, curve in figures.items()
        if name.startswith("curve:")
    )
    told = "; ".join(f"{k} {v}" for k, v in about.items())
    path.write_text(
        f"{text[:start]}\n\n{told}\n\n{table}\n\nGrowth:\n\n{growth}\n\n{text[end:]}", encoding="utf-8"
    )


def unit(name: str) -> str:
    return "ms" if name == "curve:messages" else "s"


def picture(figures: Mapping[str, Any]) -> str:
    """Growth curves side by side, both axes logarithmic; readable in light and dark."""
    curves = [(k[6:], v) for k, v in figures.items() if k.startswith("curve:") and len(v) > 1]
    wide, high, pad = 210, 170, 46
    total = wide * max(len(curves), 1)
    made = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {high + 34}" font-family="sans-serif" font-size="10" role="img">',
        "<title>How processor time grows</title>",
        "<style>text{fill:#444}path,line{stroke:#2266aa;fill:none}circle{fill:#2266aa}line{stroke:#999}@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>",
    ]
    for i, (name, curve) in enumerate(curves):
        xs, ys = [math.log(max(x, 1e-9)) for x, _ in curve], [math.log(max(y, 1e-9)) for _, y in curve]
        left, right, top, bottom = i * wide + pad, (i + 1) * wide - 14, 24, high - 24
        bottom_y, top_y = min(ys), max(max(ys), min(ys) + 1)

        def place(
            x: float,
            y: float,
            at: tuple[float, ...] = (left, right, top, bottom, min(xs), max(xs), bottom_y, top_y),
        ) -> tuple[float, float]:
            west, east, north, south, x0, x1, y0, y1 = at
            return west + (x - x0) / max(x1 - x0, 1e-9) * (east - west), south - (y - y0) / (y1 - y0) * (
                south - north
            )

        points = [place(x, y) for x, y in zip(xs, ys, strict=True)]
        made.append(f'<text x="{left}" y="14" font-weight="bold">with {name}</text>')
        made.append(
            f'<line x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/><line x1="{left}" y1="{top}" x2="{left}" y2="{bottom}"/>'
        )
        made.append('<path d="M' + " L".join(f"{x:.1f},{y:.1f}" for x, y in points) + '" stroke-width="2"/>')
        for (x, y), (a, b) in zip(points, curve, strict=True):
            made.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/><text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{_short(a)}</text>'
            )
            made.append(f'<text x="{x - 5:.1f}" y="{y - 6:.1f}" text-anchor="middle">{b:.2g}</text>')
        made.append(f'<text x="{left}" y="{bottom + 30}">{unit("curve:" + name)} against {name}</text>')
    return "\n".join([*made, "</svg>", ""])


def _short(value: float) -> str:
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"
