"""Planted bugs in dcbench's form: are they found, under their name, as what they are, and what is said where none is?

    python -m benchmarks.planted                              # development problems, true attributes
    python -m benchmarks.planted --encoder FOLDER             # with an encoder and no metadata beside it
    python -m benchmarks.planted --purpose final --correlation 100 --rare 60 --null 60 --encoder FOLDER --out results.json
    python -m benchmarks.planted --quick                      # a few problems

Draws one pool of pictures (once), trains a small network for every problem (once, resumable), keeps the problems that the
networks took up, runs every method on them, and prints Markdown. Development problems are for looking at and tuning,
final ones for the figures; no problem is both. What is kept lies under ``--cache``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.planted.compare import Entry, compare, failures, markdown
from benchmarks.planted.methods import failsight, hibug, true_attributes, true_methods
from benchmarks.planted.pool import COUNT, Pool, default_cache, open_pool
from benchmarks.planted.problems import Kind
from benchmarks.planted.run import compared, drawn_problems
from benchmarks.planted.training import answers_of


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, train, compare, print."""
    given = _arguments(argv)
    cache: Path = given.cache
    if given.quick:
        given.correlation, given.rare, given.null = 6, 4, 4
    pool = open_pool(cache, COUNT, lambda done, total: _line(f"drawing pictures: {done} of {total}"))
    wanted: dict[Kind, int] = {"correlation": given.correlation, "rare": given.rare, "null": given.null}
    drawn = drawn_problems(given.purpose, wanted, pool, cache)
    if given.train_only:
        return 0
    entries = _entries(pool, given.encoder, cache)
    results = compare(
        list(compared(drawn)),
        pool,
        lambda problem: answers_of(problem, pool, cache),
        entries,
        lambda done, total, left: _line(f"compared: {done} of {total}, about {left / 60:.1f} min left"),
        given.out,
    )
    lines = markdown(results, drawn)
    print("\n".join(lines))
    if given.markdown:
        given.markdown.write_text("\n".join([*_head(given, argv), *lines]) + "\n", encoding="utf-8")
    if given.failures:
        for name in entries:
            if name.startswith("Failsight"):
                print(f"\n### Not found: {name}\n")
                print("\n".join(f"- {line}" for line in failures(results, name)))
    return 0


def _head(given: argparse.Namespace, argv: Sequence[str] | None) -> list[str]:
    """What was run, and when."""
    words = [str(w) for w in (sys.argv[1:] if argv is None else argv)]
    return [
        "# Planted bugs: what is found",
        "",
        f"Measured on {date.today():%d %B %Y} by `python -m benchmarks.planted {' '.join(words)}` ({given.purpose} problems; "
        "what every column means: `benchmarks/planted/metrics.py`). Shares with Wilson 95 % intervals.",
        "",
    ]


def _entries(pool: Pool, encoder: Path | None, cache: Path) -> dict[str, Entry]:
    made = {name: Entry(method, true_attributes) for name, method in true_methods().items()}
    if encoder is None:
        return made
    from benchmarks.planted.words import WordMethods, computed_numbers, open_words

    words = WordMethods(
        open_words(encoder, pool, cache, lambda done, total: _line(f"embedding pictures: {done} of {total}")),
        computed_numbers(pool, cache),
    )
    methods = {
        "Failsight, encoder, no metadata": words.with_words(failsight),
        "HiBug as released, encoder": words.with_words(hibug),
        "HiBug as in the paper, encoder": words.with_words(hibug, rules="paper"),
        "Domino, encoder": words.domino,
    }
    made |= {name: Entry(one, lambda problem, _: words.attributes(problem)) for name, one in methods.items()}
    made["Failsight, encoder and computed attributes"] = Entry(
        words.failsight_with_all, lambda problem, _: words.everything(problem)
    )
    return made


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planted", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--purpose", choices=("development", "final"), default="development")
    parser.add_argument("--correlation", type=int, default=20, help="correlation problems that count")
    parser.add_argument("--rare", type=int, default=12, help="rare-case problems that count")
    parser.add_argument("--null", type=int, default=12, help="problems with nothing planted")
    parser.add_argument(
        "--encoder", type=Path, help="folder of a CLIP model with its vocabulary (attributes.json)"
    )
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="folder for pictures, answers, embeddings"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="file for all results, one JSON object a line; what it holds is not run again (give another after a change)",
    )
    parser.add_argument(
        "--markdown", type=Path, help="file for the tables, with a head that says what was run"
    )
    parser.add_argument("--train-only", action="store_true", help="draw and train, compare nothing")
    parser.add_argument("--failures", action="store_true", help="list what Failsight did not find")
    parser.add_argument("--quick", action="store_true", help="a few problems of each kind")
    return parser.parse_args(argv)


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
