"""The best documents of every query: exact, streaming over the corpus, with ties decided by the documents' ids.

A candidate is one unsigned 64-bit integer, its float32 score (as an integer of the same order) above the rank of its
document's id, so that partitioning and sorting plain integers settles ties too. Every query keeps a small buffer of
keys and the score that a document has to reach; after the first few thousand documents hardly any does.

The last bit of an inner product depends on the place of the row in the matrix product, so equal documents could come
out unequal. Rows are therefore recognised by a 64-bit hash, and all copies of a document get one score at the end.
"""

from evalkit.search.flops import Flops
from evalkit.search.maxsim import MaxSimSearch
from evalkit.search.opening import open_search
from evalkit.search.pairs import pair_scores
from evalkit.search.sparse import SparseSearch
from evalkit.search.streaming import CorpusSearch
from evalkit.search.topk import TopKSearch, document_tie_keys, score_top_k

__all__ = [
    "CorpusSearch",
    "Flops",
    "MaxSimSearch",
    "SparseSearch",
    "TopKSearch",
    "document_tie_keys",
    "open_search",
    "pair_scores",
    "score_top_k",
]
