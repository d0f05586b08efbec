"""A tiny, randomly initialised chat model with a byte-level tokenizer of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_tokenizer(texts: list[str], *, template: str | None = CHATML, size: int = 420) -> Any:
    """A byte-level BPE trained on ``texts``: all 256 bytes and some merges."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>")
    tokenizer.chat_template = template
    return tokenizer


def tiny_model(vocabulary: int, *, seed: int = 0, window: int = 4096) -> Any:
    """A Llama of two layers with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=window,
        tie_word_embeddings=False,
        initializer_range=0.6,
    )
    return LlamaForCausalLM(config).eval()


def tiny_folder(folder: Path, texts: list[str], *, window: int = 4096) -> Path:
    """The two saved as a transformers folder."""
    tokenizer = tiny_tokenizer(texts)
    tiny_model(len(tokenizer), window=window).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
