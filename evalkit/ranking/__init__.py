"""Which documents come first for each query, by whatever an encoder, a lexical scorer or a ranker has to say."""

from evalkit.ranking.candidates import best_of_candidates, candidates_of, scores_in
from evalkit.ranking.rank import found_by, rank, score_candidates

__all__ = ["best_of_candidates", "candidates_of", "found_by", "rank", "score_candidates", "scores_in"]
