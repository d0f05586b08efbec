"""Tiny models that answer questions about pictures: random weights in real folders, and one whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[DEC]",
    "what",
    "is",
    "the",
    "color",
    "of",
    "room",
    "in",
    "image",
    "?",
    "there",
    "a",
    "an",
    "with",
    "without",
    "picture",
    "floor",
    "red",
    "blue",
    "green",
    "wood",
    "tiles",
    "yes",
    "no",
    "light",
    "dark",
    "television",
    "question",
    "answer",
    ":",
    "one",
    "these",
    ",",
    ".",
    "words",
    "two",
    "or",
]


def tiny_processor(folder: Path, size: int = 32) -> Any:
    """A word-level tokenizer and BLIP's image processor, saved in ``folder``."""
    from transformers import BertTokenizer, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    made = BlipProcessor(BlipImageProcessorPil(size={"height": size, "width": size}), tokenizer)
    made.save_pretrained(folder)
    return made


def tiny_blip(
    folder: Path, kind: str = "BlipForQuestionAnswering", *, seed: int = 0, spoil: bool = False
) -> Path:
    """A BLIP of one layer with random weights as a transformers folder; ``spoil`` makes its answers NaN."""
    import torch
    import transformers

    processor = tiny_processor(folder)
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {
        **sizes, "vocab_size": len(processor.tokenizer), "encoder_hidden_size": 16, "max_position_embeddings": 64,
        "bos_token_id": 5, "pad_token_id": 0, "sep_token_id": 3, "eos_token_id": 3,
    }  # fmt: skip
    vision = {**sizes, "image_size": 32, "patch_size": 8}
    config = transformers.BlipConfig(
        text_config=text, vision_config=vision, projection_dim=16, initializer_range=0.6
    )
    model = getattr(transformers, kind)(config).eval()
    if spoil:
        with torch.no_grad():
            model.vision_model.post_layernorm.weight.fill_(float("nan"))
    model.save_pretrained(folder)
    return folder


class KnownAnswers:
    """An answerer whose rule is given: ``rule(pixels (h, w, 3), question) -> answer``."""

    name, fingerprint = "known", "known-answers"

    def __init__(self, rule: Callable[[np.ndarray, str], str], sure: float = 6.0) -> None:
        self.rule, self.sure = rule, sure
        self.looked = 0
        self.asked: list[str] = []

    def look(self, images: Sequence[Any]) -> Any:
        self.looked += len(images)
        return [np.asarray(i.convert("RGB")) for i in images]

    def answers(self, seen: Any, asked: Any) -> list[str]:
        self.asked.append(asked.question)
        return [self.rule(pixels, asked.question) for pixels in seen]

    def choose(self, seen: Any, asked: Any) -> np.ndarray:
        made = np.zeros((len(seen), len(asked.values)), np.float32)
        for i, pixels in enumerate(seen):
            answer = self.rule(pixels, asked.question).lower()
            made[i] = [self.sure if v in answer else 0.0 for v in asked.values]
        return made

    def features(self, seen: Any) -> None:
        return None


def tiny_llava(folder: Path, template: str | None = None) -> Path:
    """A LLaVA of one layer with random weights, as models that chat are built."""
    import torch
    import transformers
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join([*WORDS, "user", "assistant"]), "utf-8")
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = transformers.CLIPVisionConfig(**sizes, image_size=32, patch_size=16)
    text = transformers.LlamaConfig(
        **sizes,
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.6,
    )
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = transformers.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=image, vision_feature_layer=-1
    )
    torch.manual_seed(0)
    transformers.LlavaForConditionalGeneration(config).eval().save_pretrained(folder)
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    transformers.LlavaProcessor(
        pictures, tokenizer, patch_size=16, vision_feature_select_strategy="default", chat_template=template,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def tiny_vilt(folder: Path, labels: Sequence[str]) -> Path:
    """A ViLT of one layer with random weights and a fixed list of answers."""
    import torch
    import transformers
    from transformers.models.vilt.image_processing_pil_vilt import ViltImageProcessorPil

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    config = transformers.ViltConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        image_size=32, patch_size=16, max_position_embeddings=40, initializer_range=0.5,
        id2label=dict(enumerate(labels)), label2id={v: i for i, v in enumerate(labels)},
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.ViltForQuestionAnswering(config).eval().save_pretrained(folder)
    transformers.ViltProcessor(ViltImageProcessorPil(size={"shortest_edge": 32}), tokenizer).save_pretrained(
        folder
    )
    return folder
