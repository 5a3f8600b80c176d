"""Scores that the authors of LIMIT have published, to stand beside ours.

Source: Weller et al. 2025, "On the Theoretical Limitations of Embedding-Based Retrieval" (arXiv 2508.21038), with the
models' whole vectors. Lengths of the vectors are those of mteb 2.26.24's model cards: intfloat/e5-mistral-7b-instruct,
GritLM/GritLM-7B, samaya-ai/promptriever-llama3.1-8b-instruct-v1, Qwen/Qwen3-Embedding-8B,
google/gemini-embedding-001, and Snowflake/snowflake-arctic-embed-l (of both versions). GTE-ModernColBERT has one vector
a token and BM25 has none, so neither has a place on an axis of dimensions.
"""

from __future__ import annotations

from evalkit_tasks.stress.sweep.record import PublishedScore

_LENGTHS: dict[str, int | None] = {
    "E5-Mistral": 4096,
    "GritLM": 4096,
    "Promptriever": 4096,
    "Qwen3": 4096,
    "Gemini": 3072,
    "Snowflake": 1024,
    "GTE-ModernColBERT": None,
    "BM25": None,
}
_SMALL = {
    "E5-Mistral": (29.5, 68.1, 85.2),
    "GritLM": (38.4, 75.4, 90.5),
    "Promptriever": (54.3, 90.0, 97.7),
    "Qwen3": (19.0, 52.3, 73.8),
    "Gemini": (33.7, 72.4, 87.9),
    "Snowflake": (19.4, 54.9, 76.0),
    "GTE-ModernColBERT": (83.5, 97.6, 99.1),
    "BM25": (97.8, 100.0, 100.0),
}
_FULL = {
    "E5-Mistral": (1.3, 2.2, 8.3),
    "GritLM": (2.4, 4.1, 12.9),
    "Promptriever": (3.0, 6.8, 18.9),
    "Qwen3": (0.8, 1.8, 4.8),
    "Gemini": (1.6, 3.5, 10.0),
    "Snowflake": (0.4, 0.8, 3.3),
    "GTE-ModernColBERT": (23.1, 34.6, 54.8),
    "BM25": (85.7, 90.4, 93.6),
}
_TABLES = {"small": (_SMALL, (2, 10, 20)), "full": (_FULL, (2, 10, 100))}
# The paper's tables are of the dense pattern: tasks of the other patterns are another problem.
_OF_LAW = {
    "LimitSmall": "small",
    "LIMITSmallRetrieval": "small",
    "LimitDense": "full",
    "LIMITRetrieval": "full",
}
_RELEASED = ("LIMITSmallRetrieval", "LIMITRetrieval")
_UNREPRODUCED = (
    "Two of the paper's rows do not reproduce. E5-Mistral's is one: others found recall@2/10/20 of .2145/.5650/.7750 "
    "where the paper has .295/.681/.852 (issue 10 of google-deepmind/limit)."
)


def published(task: str) -> tuple[PublishedScore, ...]:
    """The paper's rows for a task of its law; none for any other.

    Args:
        task: Name of the task, with or without a prefix such as ``mteb:``.
    """
    table = _OF_LAW.get(_plain(task))
    if table is None:
        return ()
    rows, cutoffs = _TABLES[table]
    return tuple(
        PublishedScore(
            model=model,
            dimension=_LENGTHS[model],
            scores={f"recall_at_{k}": round(value / 100, 4) for k, value in zip(cutoffs, values, strict=True)},
        )
        for model, values in rows.items()
    )


def published_notes(task: str) -> tuple[str, ...]:
    """How to read the rows beside the scores of a task; nothing where there are none."""
    table = _OF_LAW.get(_plain(task))
    if table is None:
        return ()
    texts = "on the same texts" if _plain(task) in _RELEASED else "on other texts of the same law"
    said = f"The paper's rows (Weller et al. 2025, LIMIT {table}) are {texts}, without intervals."
    return (said, _UNREPRODUCED) if table == "small" else (said,)


def _plain(task: str) -> str:
    return task.rpartition(":")[2]
