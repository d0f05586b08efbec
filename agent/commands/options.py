"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from failsight.agent.given import CHOICES


def inputs(parser: argparse.ArgumentParser) -> None:
    """Which case: a folder, or what a new one is made of."""
    parser.add_argument("case", nargs="?", type=Path, metavar="CASE", help="the folder of an existing case")
    what = parser.add_argument_group("a new case, or where an existing one's model and data lie now")
    what.add_argument(
        "--model",
        help="transformers folder, hub:owner/name, .onnx, TorchScript .pt, .pt2, .safetensors or .pth (with --arch), "
        "file.py:function (with --trust-code); see docs/models.md",
    )
    what.add_argument(
        "--arch", help="module:function or file.py:function that builds the network for bare weights"
    )
    what.add_argument(
        "--predictions",
        help="a CSV, Parquet or JSON table of predictions instead of a model: path, label (or --data has them), and prediction or a column a class",
    )
    what.add_argument(
        "--data",
        help="labelled test images: a folder a class, a manifest (CSV, Parquet, JSON), a Hugging Face data set",
    )
    what.add_argument("--train", help="the training images, in the same forms")
    what.add_argument("--pool", help="unlabelled images that could be labelled")
    what.add_argument("--deploy", help="images as they come in deployment, labelled or not")
    what.add_argument("--history", help="the training record: CSV, trainer_state.json or TensorBoard events")
    what.add_argument(
        "--metadata", help="a table (CSV, Parquet, JSON) of attributes for the images of --data"
    )
    what.add_argument(
        "--metadata-key", help="its column that names the image: path, file name, or that without suffix"
    )
    what.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="DATA=MODEL",
        help="this class of the data is that class of the model (once for each); DATA= leaves it out on purpose",
    )
    threshold(what)
    belonging(what)
    what.add_argument("--task", help="what the model is for, in a sentence")
    what.add_argument("--name", help="what to call the case")
    what.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="NAME>=VALUE",
        help="what the model must do, e.g. 'accuracy>=0.9', 'recall.kitchen>=0.8' (once for each); see docs/readiness.md",
    )
    what.add_argument(
        "--trust-code", action="store_true", default=None, help="let Python code that you name be run"
    )


def belonging(parser: Any) -> None:
    """Which images belong together."""
    parser.add_argument(
        "--groups",
        metavar="COLUMN",
        help="images with the same value of this metadata column belong together (patient, video, house) and count together in slices, "
        "tests and readiness; also for an existing case; none: each image stands alone",
    )


def threshold(parser: Any) -> None:
    """From which score on a class is answered."""
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="CLASS=SCORE",
        help="answer this class from this score on, e.g. 'kitchen=0.2' (once for each); without any the largest score decides",
    )


def models(parser: Any) -> None:
    """Models besides the one that is looked at, and where heavy passes run."""
    parser.add_argument(
        "--encoder",
        metavar="FOLDER",
        help="a CLIP or SigLIP model (folder or hub id) for attributes in words; rooms: the small one for practice rooms",
    )
    parser.add_argument(
        "--vqa",
        metavar="FOLDER",
        help="a model that answers questions about images: folder or hub id, or openai:MODEL for vision_model",
    )
    parser.add_argument(
        "--segmenter",
        metavar="FOLDER",
        help="a model that finds regions in images, by its classes or by words (docs/regions.md): folder or hub id",
    )
    parser.add_argument(
        "--engine",
        choices=CHOICES["engine"],
        help="where heavy passes run (ray: pip install 'failsight[ray]')",
    )


def common(parser: argparse.ArgumentParser) -> None:
    """How to go about it."""
    how = parser.add_argument_group("how")
    how.add_argument(
        "--planner",
        help="guided (default; needs no language model), openai:MODEL or local:FOLDER (a transformers chat model)",
    )
    how.add_argument(
        "--workflow",
        metavar="NAME",
        help="order of steps: reactive (default), proactive, bug_elimination, deployment_audit, fairness_review",
    )
    how.add_argument(
        "--budget",
        metavar="NAME=CAP,…",
        help="caps for a language model: calls, tokens, usd, minutes, tool_minutes (default calls=200,tokens=2500000,usd=5,…)",
    )
    how.add_argument(
        "--policy",
        metavar="NAME",
        help="what may run where nobody is asked: measure (default: all that measures), cheap (nothing that takes long), "
        "all (also what makes something new), or a file NAME.toml with allow, deny, seconds",
    )
    how.add_argument(
        "--trace",
        metavar="WHERE",
        help="spans of tools and model calls (no words, no pictures): otlp, or a file NAME.jsonl; off by default",
    )
    how.add_argument(
        "--repair",
        nargs="?",
        const="first",
        metavar="WHICH",
        help="also repair confirmed findings and verify that: first (alone: the one that costs most errors), all, or F3,F5",
    )
    how.add_argument("--level", choices=CHOICES["level"], help="how much is explained")
    how.add_argument("--out", type=Path, help="the case folder (default failsight-cases/NAME)")
    how.add_argument("--seed", type=int, help="seed of every random choice (default 0)")
    how.add_argument("--device", help="cpu (default), cuda, mps")
    how.add_argument(
        "--method",
        choices=CHOICES["method"],
        help="how slices are found: failsight (default), or HiBug's rules, untested, for comparison",
    )
    models(how)
    how.add_argument(
        "--plain", action="store_true", help="line by line: for pipes, screen readers, plain terminals"
    )
