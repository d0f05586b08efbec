"""Examples that ``--help`` shows under a command; ``tests/test_docs.py`` sees that each of them parses."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": (
        "failsight demo",
        "failsight demo --auto --repair",
        "failsight demo --bug wrong_channels --seed 3",
    ),
    "chat": (
        "failsight chat --model model/ --data photos/",
        "failsight chat failsight-cases/model-photos-1a2b3c",
        "failsight chat CASE --plain",
    ),
    "run": (
        "failsight run --model model/ --data photos/ --expect 'accuracy>=0.9'",
        "failsight run --model weights.safetensors --arch nets.py:build --trust-code --data photos.csv --train train.csv",
        "failsight run --predictions answers.csv",
    ),
    "learn": ("failsight learn", "failsight learn shortcut --level novice"),
    "call": (
        "failsight call CASE find_slices within_class=kitchen depth=2",
        "failsight call CASE test_by_masking region=box:television class_name=living_room",
    ),
    "report": ("failsight report CASE", "failsight report CASE --audience requester --redact-images"),
    "verify": ("failsight verify CASE", "failsight verify report.html --case CASE"),
    "compare": ("failsight compare OLD NEW", "failsight compare CASE --versions R1.1"),
    "ask": ('failsight ask "does it make errors with high confidence?"',),
    "knowledge": (
        "failsight knowledge add notes.md",
        "failsight knowledge list",
        "failsight knowledge remove own.notes",
    ),
    "forms": (
        "failsight forms list",
        "failsight forms export expectations form.md --case CASE",
        "failsight forms import CASE form.md",
    ),
    "attributes": (
        "failsight attributes propose CASE --encoder clip-folder/",
        "failsight attributes add CASE weather sunny rainy foggy",
        "failsight attributes rename CASE tv television",
        "failsight attributes check CASE weather --out sheet.html",
    ),
    "labels": ("failsight labels export CASE suspects.csv", "failsight labels import CASE suspects.csv"),
    "versions": ("failsight versions CASE", "failsight versions CASE --take R1.1 --out new_model/"),
    "fork": ("failsight fork CASE --list", "failsight fork CASE --at 40 --out other/"),
    "replay": ("failsight replay CASE --planner openai:MODEL",),
    "select": ("failsight select CASE to_label.csv --budget 150",),
    "expect": (
        "failsight expect CASE",
        "failsight expect CASE 'accuracy[lighting=dark]>=0.8' 'cost.bathroom>kitchen=5' --by Ann",
    ),
    "reviews": (
        "failsight reviews export CASE errors.html",
        'failsight reviews import CASE reviews.csv --by "Ann (requester)"',
    ),
    "signoff": ("failsight signoff CASE", 'failsight signoff CASE --by "Bob (product)" --decision not-ready'),
    "tools": ("failsight tools", "failsight tools test_by_masking"),
}
"""Command → command lines."""


def epilog(command: str) -> str | None:
    """The examples of a command, as ``--help`` shows them."""
    lines = EXAMPLES.get(command)
    return "examples:\n" + "\n".join(f"  {line}" for line in lines) if lines else None
