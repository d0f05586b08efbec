"""docs/tools.md, from the registry: ``python docs/tools_page.py``. A test holds the page to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from failsight.tools.registry import registry

PAGE = Path(__file__).with_name("tools.md")
HEAD = """\
# What can be measured

Made by `python docs/tools_page.py` from what the tools say of themselves; do not edit. `failsight tools NAME` prints the same, and
`failsight call CASE NAME ARGUMENT=VALUE …` runs one. The cost is `instant` (reads what is there), `pass` (one run of the model over the images,
shared and kept), or `heavy` (waits for a yes). Tools that *make something new* wait for one, too.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, spec in sorted(registry().items()):
        needs = f" · needs {', '.join(spec.needs)}" if spec.needs else ""
        writes = " · makes something new" if spec.writes else ""
        parts.append(f"\n## {name}\n\n{_line(spec.description)}\n\n*{spec.cost}{needs}{writes}*\n")
        arguments: dict[str, Any] = spec.arguments.model_json_schema().get("properties", {})
        if arguments:
            parts.append("\n| argument | | unless you say otherwise |\n|---|---|---|\n")
            for key, entry in arguments.items():
                text = _line(entry.get("description", "")).replace("|", "\\|")
                parts.append(f"| `{key}` | {text} | {_default(entry)} |\n")
    return "".join(parts)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;")


def _default(entry: dict[str, Any]) -> str:
    if "default" not in entry:
        return "must be given"
    value = entry["default"]
    return "" if value is None or value == "" or value == [] else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
