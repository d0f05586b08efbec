"""The shipped encoder before it has learned anything: a small ``CLIPModel``, and a tokenizer made of the rooms' words."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from failsight.knowledge_base.cases.captions import TEMPLATES
from failsight.knowledge_base.cases.encoder_lessons import GRID, LEARNED, PATCH, SIZE, Bytes, phrases_of

MEAN = (0.52, 0.5, 0.49)
STD = (0.26, 0.26, 0.26)


@dataclass(frozen=True)
class EncoderConfig:
    """How the encoder is built and trained.

    Attributes:
        pictures: to learn from; a third of them are drawn at 64 pixels and enlarged.
        held: pictures for calibration, and as many to measure on.
        steps, batch: gradient steps, and pictures in each.
        rate: peak learning rate (AdamW), see :func:`rate_at`.
        width, layers, text_layers, heads, joint: sizes of the two towers and of the space they share.
        seed: of weights, order, phrases and captions.
    """

    pictures: int = 32_000
    held: int = 2_000
    steps: int = 8_000
    batch: int = 32
    rate: float = 1.2e-3
    width: int = 128
    layers: int = 4
    text_layers: int = 3
    heads: int = 4
    joint: int = 128
    seed: int = 0


def build_tokenizer(seed: int = 0) -> Any:
    """A CLIP tokenizer whose merges were learned from the phrases and captions."""
    from tokenizers import Tokenizer, models, trainers
    from transformers import CLIPTokenizer

    rng = random.Random(seed)
    texts = [
        t.format(p) for name in LEARNED for many in phrases_of(name).values() for p in many for t in TEMPLATES
    ]
    plain = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1}, merges=[]).backend_tokenizer
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer, learner.pre_tokenizer = plain.normalizer, plain.pre_tokenizer
    rng.shuffle(texts)
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = sorted(ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=1400, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(m) if not isinstance(m, str) else tuple(m.split(" ")) for m in model["merges"]]
    tokens = [*alphabet, *(f"{c}</w>" for c in alphabet), *("".join(m) for m in merges)]
    vocab = {token: i for i, token in enumerate(dict.fromkeys([*tokens, "<|startoftext|>", "<|endoftext|>"]))}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=64)


def build_model(config: EncoderConfig, tokenizer: Any) -> Any:
    """A fresh ``CLIPModel``; its position embeddings start as sines, which tell neighbours apart from the first step."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(config.seed)
    end = tokenizer.eos_token_id
    shared = {
        "hidden_size": config.width,
        "num_attention_heads": config.heads,
        "hidden_act": "relu",
        "projection_dim": config.joint,
    }
    model = CLIPModel(
        CLIPConfig(
            vision_config={
                **shared,
                "intermediate_size": 3 * config.width,
                "num_hidden_layers": config.layers,
                "image_size": SIZE,
                "patch_size": PATCH,
            },
            text_config={
                **shared,
                "intermediate_size": 2 * config.width,
                "num_hidden_layers": config.text_layers,
                "vocab_size": len(tokenizer),
                "max_position_embeddings": 64,
                "bos_token_id": tokenizer.bos_token_id,
                "eos_token_id": end,
                "pad_token_id": end,
            },
            projection_dim=config.joint,
            logit_scale_init_value=math.log(10.0),
        )
    )
    model.set_attn_implementation(
        "eager"
    )  # twice as fast as the fused kernel in bfloat16, 65 tokens on one thread
    with torch.no_grad():
        model.vision_model.embeddings.position_embedding.weight[1:] = _sines(config.width)
        std = (3 * PATCH * PATCH) ** -0.5
        nn.init.normal_(model.vision_model.embeddings.patch_embedding.weight, std=std)
        nn.init.normal_(model.text_model.embeddings.token_embedding.weight, std=0.3)
    return model


def _sines(width: int) -> torch.Tensor:
    """(GRID * GRID, width) sines and cosines of row and column."""
    axis = torch.arange(GRID).float()
    waves = torch.exp(torch.linspace(0, 1, width // 4) * -math.log(100.0))
    angles = axis[:, None] * waves * math.pi / 2
    one = torch.cat([angles.sin(), angles.cos()], 1)
    both = torch.cat([one[:, None].expand(-1, GRID, -1), one[None].expand(GRID, -1, -1)], 2)
    return 0.5 * both.reshape(GRID * GRID, width)


def pixels(images: Bytes) -> torch.Tensor:
    """(n, 3, SIZE, SIZE) as the image processor would make it."""
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return (tensor - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def embed_words(model: Any, tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """(m, joint) unit vectors."""
    tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=64, return_tensors="pt")
    read = model.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
    return nn.functional.normalize(model.text_projection(read.pooler_output).float(), dim=-1)
