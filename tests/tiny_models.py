"""Models of sentence-transformers with random weights and a handful of words, made in a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] [Q] [D] a cat dog sat on the mat red blue runs query : . , ! ?".split()  # noqa: SIM905
PUNCTUATION = [".", ",", "!", "?"]


def bert_folder(folder: Path, *, head: bool, seed: int = 0, size: int = 16) -> str:
    """A BERT of two layers as transformers saves it, with a masked language model's head or without."""
    pytest.importorskip("sentence_transformers")
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", WORDS.index("[CLS]")), ("[SEP]", WORDS.index("[SEP]"))]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, additional_special_tokens=["[Q]", "[D]"], model_max_length=32, **special
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=size,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * size,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    model = BertForMaskedLM(config) if head else BertModel(config)
    model.save_pretrained(str(folder))
    fast.save_pretrained(str(folder))
    return str(folder)


def sparse_model(folder: Path, **more: Any) -> Any:
    """A SPLADE model: `SparseEncoder` over a masked language model."""
    from sentence_transformers import SparseEncoder

    return SparseEncoder(bert_folder(folder, head=True), device="cpu", **more)


def multi_vector_model(folder: Path, *, seed: int = 0) -> Any:
    """A ColBERT: markers, queries filled up to six tokens, documents cut off after twelve and without punctuation."""
    path = bert_folder(folder, head=False, seed=seed)
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    modules = [
        Transformer(path, document_length=12, query_expansion={"strategy": "fixed", "attend": False, "length": 6}),
        Dense(16, 8, bias=False, module_input_name="token_embeddings"),
        MultiVectorMask(skiplist_words=PUNCTUATION),
        Normalize(module_input_name="token_embeddings"),
    ]
    return MultiVectorEncoder(modules=modules, device="cpu", prompts={"query": "[Q] ", "document": "[D] "})
