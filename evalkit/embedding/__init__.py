"""From texts to checked vectors: each distinct text once, through the cache."""

from evalkit.embedding.bench import EncoderBench, Tally
from evalkit.embedding.cache import EmbeddingCache, cache_folder, clear_cache

__all__ = ["EmbeddingCache", "EncoderBench", "Tally", "cache_folder", "clear_cache"]
