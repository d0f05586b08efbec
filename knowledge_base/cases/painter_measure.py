"""How well the shipped painter does what it is told: judged by the shipped encoder and the demo's classifier.

Both judges err too: how often they see class and attribute in pictures of the renderer, reduced to the painter's size, is
measured beside it and is the most that could be reached.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from failsight.knowledge_base.cases.captions import PHRASES
from failsight.knowledge_base.cases.painter_lessons import SEED, SIZE, draw
from failsight.knowledge_base.cases.render import SIZE as RENDERED
from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, STYLES
from failsight.tools.repair.prompts import Wanted, prompt

ASKED: tuple[Mapping[str, str], ...] = (
    *({cue: "yes"} for cue in CUES),
    {"lighting": "dark"},
    {"lighting": "bright"},
    {"floor": "wood"},
    {"floor": "tile"},
    {"framing": "close"},
    {"tilt": "tilted"},
    {"clutter": "cluttered"},
)


def orders(each: int) -> list[Wanted]:
    """``each`` pictures of every class with every value that is asked for, then of every sub-style."""
    made = [Wanted(c, v) for v in ASKED for c in CLASSES for _ in range(each)]
    return made + [Wanted(c, {STYLE_COLUMNS[c]: s}) for c in CLASSES for s in STYLES[c] for _ in range(each)]


def paint(folder: Path, wanted: Sequence[Wanted], steps: int, guidance: float) -> list[Image.Image]:
    """Pictures as the tool would have them painted."""
    from failsight.tools.repair.pipelines import Request, open_painter

    painter = open_painter(str(folder), "text_to_image", steps=steps, guidance=guidance, batch=16)
    requests = [Request(prompt(w, PHRASES if k % 2 else {}), k) for k, w in enumerate(wanted)]
    return [image for image in painter.paint(requests) if image is not None]


class Judges:
    """The shipped encoder and the demo's classifier."""

    def __init__(self) -> None:
        from safetensors.torch import load_file

        from failsight.knowledge_base.cases.model import build
        from failsight.tools.attributes.clip import open_encoder

        home = Path(str(resources.files("failsight.knowledge_base.cases")))
        self.encoder = open_encoder(str(home / "rooms_clip"))
        self.model = build()
        self.model.load_state_dict(load_file(home / "rooms_model" / "weights.safetensors"))
        side = json.loads((home / "rooms_model" / "model.json").read_text())
        self.mean, self.std = (torch.tensor(side[k]).view(1, 3, 1, 1) for k in ("mean", "std"))

    def called(self, images: Sequence[Image.Image]) -> list[str]:
        """What the classifier says."""
        made: list[str] = []
        for start in range(0, len(images), 64):
            part = [
                i.resize((RENDERED, RENDERED), Image.Resampling.BILINEAR) for i in images[start : start + 64]
            ]
            x = torch.from_numpy(np.stack([np.asarray(i) for i in part])).permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                made += [CLASSES[k] for k in self.model((x - self.mean) / self.std).argmax(1).tolist()]
        return made

    def seen(self, images: Sequence[Image.Image]) -> list[dict[str, str]]:
        """What the encoder finds: class and attributes."""
        from failsight.tools.attributes.zero_shot import embed_values, probabilities
        from failsight.tools.repair.sieve import class_definition

        definitions = [*self.encoder.vocabulary, class_definition(CLASSES)]
        bank = embed_values(self.encoder, definitions)
        shown = np.concatenate(
            [self.encoder.embed_images(images[i : i + 64]) for i in range(0, len(images), 64)]
        )
        chosen = [probabilities(shown, bank, k).argmax(1) for k in range(len(definitions))]
        return [
            {d.name: d.values[int(chosen[k][i])] for k, d in enumerate(definitions)}
            for i in range(len(images))
        ]


def judge(judges: Judges, images: Sequence[Image.Image], wanted: Sequence[Wanted]) -> dict[str, Any]:
    """Shares in which class and attribute are seen; the class in whole rooms, for an almost empty one hardly shows it."""
    called, seen = judges.called(images), judges.seen(images)
    whole = [w.values.get("framing") != "close" for w in wanted]
    right = [c == w.class_name for c, w, there in zip(called, wanted, whole, strict=True) if there]
    classes = [w.class_name for w, there in zip(wanted, whole, strict=True) if there]
    named = [s["class"] == w.class_name for s, w, there in zip(seen, wanted, whole, strict=True) if there]
    table: dict[str, list[bool]] = {}
    for s, w in zip(seen, wanted, strict=True):
        for name, value in w.values.items():
            if name in s:
                table.setdefault(f"{name}={value}", []).append(s[name] == value)
    hits = [h for many in table.values() for h in many]
    return {
        "pictures": len(images),
        "class_by_classifier": round(float(np.mean(right)), 3),
        "class_by_encoder": round(float(np.mean(named)), 3),
        "attribute_by_encoder": round(float(np.mean(hits)), 3),
        "by_attribute": {k: round(float(np.mean(v)), 3) for k, v in table.items()},
        "by_class": {
            c: round(float(np.mean([n for n, name in zip(named, classes, strict=True) if name == c])), 3)
            for c in CLASSES
        },
    }


def rendered(judges: Judges, count: int = 300) -> dict[str, Any]:
    """The same judges on pictures of the renderer, reduced to the painter's size: one value of each is asked for."""
    data = draw(count, SEED + 5_000)
    rng = random.Random(0)
    names = [*CUES, "floor", "lighting"]
    wanted = []
    whole = [k for k, values in enumerate(data.values) if values["framing"] == "whole"]
    for label, values in ((data.labels[k], data.values[k]) for k in whole):
        name = rng.choice([n for n in names if n not in CUES or values[n] == "yes"])
        wanted.append(Wanted(label, {name: values[name]}))
    return judge(judges, [Image.fromarray(data.images[k]) for k in whole], wanted)


def measure(folder: Path, each: int = 6, steps: int = 25, guidance: float = 4.0) -> dict[str, Any]:
    """Paint, judge, and write the figures into ``card.json``."""
    judges = Judges()
    wanted = orders(each)
    images = paint(folder, wanted, steps, guidance)
    path = folder / "card.json"
    card = json.loads(path.read_text()) if path.is_file() else {}
    card = {
        "what": f"Paints procedural rooms of {SIZE} × {SIZE} pixels from prompts; knows nothing else.",
        "made_by": "python -m failsight.knowledge_base.cases.train_painter",
        **card,
        "measured": {"steps": steps, "guidance": guidance, **judge(judges, images, wanted)},
        "renderer": rendered(judges),
    }
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for key in ("measured", "renderer"):
        print(key, json.dumps(card[key]))
    return card
