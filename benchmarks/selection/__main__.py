"""Which unlabelled images to label: HiBug's Table 4 on the planted problems, every method on the same budget.

    python -m benchmarks.selection                                     # development problems
    python -m benchmarks.selection --encoder FOLDER                    # with attributes that an encoder assigns, too
    python -m benchmarks.selection --purpose final --correlation 16 --rare 14 --seeds 3 --encoder FOLDER --out final.jsonl
    python -m benchmarks.selection --quick                             # a few problems, for `make bench`

A problem's small network fails by a planted bug. Each method chooses images without labels by the product's tool
``select_data``; they get their true labels; the network is trained again from scratch, by the same recipe and with the
same seed, on the old training images and these; 1,500 pictures that no method saw judge it. Development problems are for
tuning, final ones for the figures; no problem is both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.planted.pool import COUNT, default_cache, open_pool
from benchmarks.planted.problems import Kind
from benchmarks.planted.words import WordMethods, open_words
from benchmarks.selection.methods import BASELINES, WORDS
from benchmarks.selection.run import problems_of, run
from benchmarks.selection.table import markdown
from benchmarks.selection.trials import BUDGET


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, choose, train, print."""
    given = _arguments(argv)
    cache: Path = given.cache
    if given.quick:
        given.correlation, given.rare, given.seeds = 3, 3, 1
    pool = open_pool(cache, COUNT, lambda done, total: _line(f"drawing pictures: {done} of {total}"))
    wanted: dict[Kind, int] = {"correlation": given.correlation, "rare": given.rare}
    problems = problems_of(given.purpose, wanted, pool, cache)
    words, ways = None, dict(BASELINES)
    if given.encoder is not None:
        words = WordMethods(
            open_words(given.encoder, pool, cache, lambda done, total: _line(f"embedding: {done} of {total}"))
        )
        ways |= WORDS
    results = run(
        problems,
        range(given.seeds),
        ways,
        pool,
        words,
        given.out,
        lambda done, total, left: _line(f"trials: {done} of {total}, about {left / 60:.1f} min left"),
        given.budget,
    )
    lines = markdown(results)
    print("\n".join(lines))
    if given.markdown:
        given.markdown.write_text("\n".join([*_head(given, argv), *lines]) + "\n", encoding="utf-8")
    return 0


def _head(given: argparse.Namespace, argv: Sequence[str] | None) -> list[str]:
    words = [str(w) for w in (sys.argv[1:] if argv is None else argv)]
    return [
        "# Which unlabelled images to label",
        "",
        f"Measured on {date.today():%d %B %Y} by `python -m benchmarks.selection {' '.join(words)}` ({given.purpose} problems, "
        f"{given.budget} images added; how: `benchmarks/selection/__main__.py` and `trials.py`). Means over problems, each the "
        "mean of its seeds, with 95 % intervals over problems (Student's t, for shares on the logit scale); q: sign-flip test over problems, Benjamini–Hochberg.",
        "",
    ]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.selection", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--purpose", choices=("development", "final"), default="development")
    parser.add_argument("--correlation", type=int, default=8, help="correlation problems")
    parser.add_argument("--rare", type=int, default=8, help="rare-case problems")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of each problem")
    parser.add_argument("--budget", type=int, default=BUDGET, help="images to label")
    parser.add_argument("--encoder", type=Path, help="folder of a CLIP model with its vocabulary")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder for what is kept")
    parser.add_argument("--out", type=Path, help="file for all results, one JSON object a line; resumes")
    parser.add_argument(
        "--markdown", type=Path, help="file for the tables, with a head that says what was run"
    )
    parser.add_argument("--quick", action="store_true", help="a few problems, one seed")
    return parser.parse_args(argv)


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
