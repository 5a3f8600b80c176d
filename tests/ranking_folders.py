"""Tiny folder tasks in which queries are given documents, and tiny cross-encoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import helpers

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def lists(folder: Path, n: int = 8, salt: str = "") -> Path:
    """Queries with one to three positives and three negatives; some documents are many queries'."""
    helpers.toml(folder, "Reranking", k_values=[1, 3, 10], top_k=20)
    (folder / "task.toml").write_text(
        (folder / "task.toml").read_text().replace("[protocol]", 'main_score = "map_at_10"\n[protocol]')
    )
    rows = [
        {
            "query": helpers.sentence(i, salt),
            "positive": [helpers.sentence(i * 3 + shift, salt) for shift in range(1 + i % 3)],
            "negative": [helpers.sentence(shift, salt) for shift in (40, 41 + i, 50 + 2 * i)],
        }
        for i in range(n)
    ]
    helpers.jsonl(folder / "test.jsonl", rows)
    return folder


def beir(folder: Path, kind: str = "Reranking", main: str = "map_at_10", n_queries: int = 6, given: int = 5) -> Path:
    """The corpus of `helpers.retrieval`, each query with some neighbours of its relevant documents."""
    helpers.retrieval(folder, n_queries=n_queries)
    text = (folder / "task.toml").read_text().replace('"Retrieval"', f'"{kind}"\nmain_score = "{main}"')
    (folder / "task.toml").write_text(text)
    pairs = [(f"q{i}", f"d{(i * 3 + shift) % 30}") for i in range(n_queries) for shift in range(given)]
    return candidates(folder, pairs)


def candidates(folder: Path, pairs: Any, header: bool = True, name: str = "top_ranked") -> Path:
    path = folder / name / "test.tsv"
    path.parent.mkdir(exist_ok=True)
    lines = [*(["query-id\tcorpus-id"] if header else []), *("\t".join(pair) for pair in pairs)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return folder


def follow(folder: Path, n: int = 5) -> Path:
    """Queries in two forms over `beir`'s documents; the first two of each query's candidates become irrelevant."""
    beir(folder, "InstructionReranking", "p-MRR", n)
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    forms = (("og", "about anything"), ("changed", "but never about rivers"))
    helpers.jsonl(
        folder / "queries.jsonl",
        [{**row, "_id": f"{row['_id']}-{form}", "instruction": told} for row in rows for form, told in forms],
    )
    pairs = [(i, f"q{i}-{form}", shift) for i in range(n) for form, _ in forms for shift in range(5)]
    candidates(folder, [(query, f"d{(i * 3 + shift) % 30}") for i, query, shift in pairs])
    helpers.qrels(
        folder,
        [(query, f"d{(i * 3 + shift) % 30}", int(shift > 1 or query.endswith("og"))) for i, query, shift in pairs],
    )
    changes = [(f"q{i}", f"d{(i * 3 + shift) % 30}") for i in range(n) for shift in range(2)]
    return candidates(folder, changes, name="qrels_diff")


def cross_encoder(folder: Path, seed: int = 0, labels: int = 1) -> Path:
    """A BERT of two layers that reads letters, with weights drawn under the seed, as transformers saves it."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    tokenizer = BertTokenizerFast(vocab={word: number for number, word in enumerate(words)})
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    config = BertConfig(
        vocab_size=len(words), max_position_embeddings=128, initializer_range=0.4, num_labels=labels, **sizes
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForSequenceClassification(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
