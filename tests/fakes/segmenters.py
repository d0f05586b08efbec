"""Tiny models that say where something is, in real folders: some trained for seconds, some with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LABELS = ("room", "red square", "green square")
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "photo",
    "of",
    "red",
    "green",
    "blue",
    "square",
    "cat",
    ".",
]


def processor(name: str, **settings: Any) -> Any:
    """An image processor that needs no torchvision."""
    import transformers

    return (getattr(transformers, f"{name}Pil", None) or getattr(transformers, name))(**settings)


def labels() -> dict[str, Any]:
    return {"id2label": dict(enumerate(LABELS)), "label2id": {name: i for i, name in enumerate(LABELS)}}


def segformer(
    folder: Path, pictures: np.ndarray, truth: np.ndarray, *, steps: int = 60, size: int = 32
) -> Path:
    """A SegFormer of two blocks that learns, in seconds, which pixels are which.

    Args:
        pictures: (n, h, w, 3) uint8. truth: (n, h, w) positions in :data:`LABELS`.
    """
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[16, 32], patch_sizes=[3, 3],
        strides=[2, 2], num_attention_heads=[1, 2], mlp_ratios=[2, 2], decoder_hidden_size=32, hidden_dropout_prob=0.0,
        classifier_dropout_prob=0.0, drop_path_rate=0.0, **labels(),
    )  # fmt: skip
    model = transformers.SegformerForSemanticSegmentation(config).train()
    prepare = processor("SegformerImageProcessor", size={"height": size, "width": size})
    x = prepare(images=[Image.fromarray(p) for p in pictures], return_tensors="pt")["pixel_values"]
    y = torch.from_numpy(truth.astype(np.int64))
    weights = torch.tensor([0.2, *[1.0] * (len(LABELS) - 1)])  # most pixels are of the room
    adam = torch.optim.Adam(model.parameters(), 8e-3)
    for _ in range(steps):
        part = torch.randperm(len(x))[:6]
        adam.zero_grad()
        small = model(pixel_values=x[part]).logits
        whole = torch.nn.functional.interpolate(small, size=y.shape[1:], mode="bilinear")
        torch.nn.functional.cross_entropy(whole, y[part], weight=weights).backward()
        adam.step()
    model.eval().save_pretrained(folder)
    prepare.save_pretrained(folder)
    return folder


def mask2former(folder: Path) -> Path:
    """A Mask2Former with random weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    backbone = transformers.SwinConfig(
        image_size=64, embed_dim=12, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone, feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=16,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, num_queries=6, init_std=0.6,
        **labels(),
    )  # fmt: skip
    transformers.Mask2FormerForUniversalSegmentation(config).eval().save_pretrained(folder)
    processor("Mask2FormerImageProcessor", size={"height": 64, "width": 64}, num_labels=3).save_pretrained(
        folder
    )
    return folder


def detr(folder: Path, *, boxes: bool = False) -> Path:
    """A DETR for panoptic segmentation, or for ``boxes``, with random weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.DetrConfig(
        use_timm_backbone=False, backbone=None, backbone_config=backbone, use_pretrained_backbone=False, num_queries=6,
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=8, decoder_attention_heads=8,
        encoder_ffn_dim=32, decoder_ffn_dim=32, init_std=0.6, **labels(),
    )  # fmt: skip
    made = transformers.DetrForObjectDetection if boxes else transformers.DetrForSegmentation
    made(config).eval().save_pretrained(folder)
    processor("DetrImageProcessor", size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def words_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    return folder / "vocab.txt"


def clip_tokenizer(folder: Path) -> Any:
    """A CLIP tokenizer that knows whole words."""
    import json

    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    pieces = [*(chr(c) for c in range(97, 123)), *(f"{chr(c)}</w>" for c in range(97, 123)), ".</w>"]
    words = [w for w in WORDS if w.isalpha() and len(w) > 1]
    merges, known = [], list(pieces)
    for word in words:
        left = word[0]
        for i, letter in enumerate(word[1:], 1):
            right = letter + ("</w>" if i == len(word) - 1 else "")
            if f"{left} {right}" not in merges:
                merges.append(f"{left} {right}")
                known.append(left + right)
            left += right
    vocab = {p: i for i, p in enumerate(dict.fromkeys([*known, "<|startoftext|>", "<|endoftext|>"]))}
    (folder / "vocab.json").write_text(json.dumps(vocab), "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]), "utf-8")
    return transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def clipseg(
    folder: Path, examples: Sequence[tuple[np.ndarray, str, np.ndarray]] = (), *, steps: int = 60
) -> Path:
    """A CLIPSeg of one layer, trained for seconds on (picture, words, mask) where there are any.

    An all-empty mask teaches it to find nothing for words that are not in the picture."""
    import torch
    import transformers

    torch.manual_seed(0)
    tokenizer = clip_tokenizer(folder)
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 16, **ends,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 4,
    }  # fmt: skip
    config = transformers.CLIPSegConfig(
        text_config=text, vision_config=vision, projection_dim=16, extract_layers=[0, 1], reduce_dim=16,
        decoder_num_attention_heads=2, decoder_intermediate_size=32, conditional_layer=0,
    )  # fmt: skip
    model = transformers.CLIPSegForImageSegmentation(config)
    prepare = transformers.CLIPSegProcessor(
        processor("ViTImageProcessor", size={"height": 32, "width": 32}), tokenizer
    )
    if examples:
        from failsight.tools.experiments.segmenters import PROMPT

        pictures, words, masks = zip(*examples, strict=True)
        given = prepare(
            text=[PROMPT.format(w) for w in words], images=[Image.fromarray(p) for p in pictures], padding=True,
            return_tensors="pt",
        )  # fmt: skip
        y = torch.from_numpy(np.stack(masks).astype(np.float32))
        adam = torch.optim.Adam(model.parameters(), 4e-3)
        model.train()
        for _ in range(steps):
            part = torch.randperm(len(y))[:24]
            adam.zero_grad()
            logits = model(**{k: v[part] for k, v in given.items()}).logits
            torch.nn.functional.binary_cross_entropy_with_logits(
                logits, y[part], pos_weight=torch.tensor(4.0)
            ).backward()
            adam.step()
    else:  # random numbers are as sure as can be; these are not sure of anything
        with torch.no_grad():
            for weight in model.decoder.transposed_convolution.parameters():
                weight.mul_(0.01)
    model.eval().save_pretrained(folder)
    prepare.save_pretrained(folder)
    return folder


def owlvit(folder: Path) -> Path:
    """An OWL-ViT with random weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    tokenizer = clip_tokenizer(folder)
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 16,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 8,
    }  # fmt: skip
    config = transformers.OwlViTConfig(text_config=text, vision_config=vision, projection_dim=16)
    transformers.OwlViTForObjectDetection(config).eval().save_pretrained(folder)
    pictures = processor("OwlViTImageProcessor", size={"height": 32, "width": 32}, do_center_crop=False)
    transformers.OwlViTProcessor(pictures, tokenizer).save_pretrained(folder)
    return folder


def grounding_dino(folder: Path) -> Path:
    """A Grounding DINO with random weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    tokenizer = transformers.BertTokenizer(str(words_file(folder)))
    text = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64,
    )  # fmt: skip
    backbone = transformers.SwinConfig(
        image_size=64, embed_dim=12, depths=[1, 1, 1], num_heads=[1, 1, 2], window_size=2,
        out_features=["stage1", "stage2", "stage3"],
    )  # fmt: skip
    config = transformers.GroundingDinoConfig(
        text_config=text, backbone_config=backbone, use_timm_backbone=False, backbone=None, num_queries=6, d_model=32,
        encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, num_feature_levels=3, max_text_len=32, init_std=0.3,
    )  # fmt: skip
    transformers.GroundingDinoForObjectDetection(config).eval().save_pretrained(folder)
    pictures = processor("GroundingDinoImageProcessor", size={"height": 64, "width": 64})
    transformers.GroundingDinoProcessor(pictures, tokenizer).save_pretrained(folder)
    return folder
