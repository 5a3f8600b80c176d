"""What the judgements of a retrieval task ask for, whatever the encoder.

How its relevant sets overlap, and between which bounds the dimension lies that it takes to rank them.
Only relevant judgements count (a grade of at least 1). Two queries are *joined* where a document is relevant to both,
two documents where both are relevant to one query.

Source: Weller, Boratko, Naim, Lee, "On the Theoretical Limitations of Embedding-Based Retrieval" (arXiv 2508.21038),
the section on sign rank and the appendix on the density of the judgements. The appendix defines the density with
documents as nodes, but its table (LIMIT .085481 and 28.4653, SciFact .001449 and .4222) holds that of the graph of
*queries*; both are given here, each under a name of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.types import AnyArray, IntArray, Qrels

LARGEST_GRAPH = 100_000_000
"""Products of two judgements that are formed at most to count a graph (a few seconds); larger ones are left out."""
LARGEST_MATRIX = 4_000_000
"""Distinct queries times distinct documents up to which the sign rank is bounded."""
_BLOCK = 4_000_000  # products held at a time, under 200 MB
_CANDIDATES = 64
_EFFORT = 10_000_000  # rows looked at by the search for shattered columns, about a tenth of a second
_CALL = 2_000  # rows that cost as much as the calls around them


@dataclass(frozen=True)
class QrelStructure:
    """What `qrel_structure` finds.

    Attributes:
        values: Each quantity by its name.
        left_out: One sentence for each quantity that is too large to be computed.
    """

    values: dict[str, float]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignRank:
    """Between which bounds the sign rank of judgements lies, and the dimension of embeddings that rank them.

    Attributes:
        lower: The sign rank is at least this.
        upper: It is at most this.
        dimension_lower: Embeddings that rank every query's relevant documents first, by inner product, have at least
            this many dimensions.
        dimension_upper: Some of this many dimensions do, in exact arithmetic.
    """

    lower: int
    upper: int
    dimension_lower: int
    dimension_upper: int


def qrel_structure(qrels: Qrels, n_documents: int) -> QrelStructure:
    """How combinatorial a retrieval task is.

    Args:
        qrels: The judgements, no document judged twice for one query.
        n_documents: Size of the corpus.

    Returns:
        ``queries``, ``documents``, ``judged_documents`` (whatever the grade), ``relevant_documents`` (relevant to some
        query), ``relevant_per_query`` (mean), and of the two graphs: ``query_density``, the share of all pairs of
        queries that are joined; ``query_strength``, the mean over queries of the summed Jaccard similarity of its
        relevant set with that of every other query; ``document_density``, the share of all pairs of relevant
        documents that are joined (documents that no query asks for are no nodes: a larger corpus does not change it).
        A graph of fewer than two nodes has density 0. With `sign_rank`'s bounds as ``sign_rank_lower``,
        ``sign_rank_upper``, ``dimension_lower``, ``dimension_upper`` where the matrix is small enough.
    """
    relevant = _Relevant.of(qrels)
    values: dict[str, float] = {
        "queries": len(qrels),
        "documents": n_documents,
        "judged_documents": len(np.unique(qrels.documents)),
        "relevant_documents": int(relevant.copies_of_document.sum()),
        "relevant_per_query": relevant.judgements / max(len(qrels), 1),
    }
    graphs, left_out = _graphs(relevant)
    rank = sign_rank(qrels, n_documents)
    return QrelStructure({**values, **graphs, **(_rank_values(rank) if rank is not None else {})}, left_out)


def sign_rank(qrels: Qrels, n_documents: int) -> SignRank | None:
    """Bounds of the sign rank of the judgements A (queries by documents, 1 relevant, 0 not).

    The sign rank of 2A - 1 is the least rank of a real matrix with these signs. By the paper,
    rank±(2A - 1) - 1 <= rank_rop A = rank_rt A <= rank_gt A <= rank±(2A - 1), where rank_rop is the least dimension of
    queries and documents whose inner products rank every query's relevant documents above all others, which bounds
    the dimension of embeddings. Equal rows, and equal columns, change none of these and are taken once.

    Lower bounds, the larger of two:
        *Shattering.* If on r documents every pattern of signs or its negative is that of some query, the sign rank is
        at least r: a matrix of rank below r has, on these r columns, a combination c of columns that is zero; the
        query whose signs there are those of c, or their negatives, gives a sum without cancellation, which is not
        zero. The same for r queries. (k-subsets of 2k + 1 documents with all smaller ones do it: 5 for LIMIT.)
        *Forster's*, sqrt(m n) / ||2A - 1||_2 (J. Forster, "A linear lower bound on the unbounded error probabilistic
        communication complexity", 2002), for A on its distinct rows and columns.

    Upper bounds, the least of three: the numbers of distinct rows and of distinct columns, and 2 k + 1, where k is the
    largest number of documents relevant to one query, or not relevant to it where these are fewer. Place document j at
    (1, t_j, ..., t_j^2k) with distinct t_j; the polynomial e - prod (t - t_i)^2 over a query's k documents is e > 0 at
    those and, for small e, below 0 at all others (the moment curve, whose hull is the cyclic polytope). The constant
    coordinate shifts a query's scores alike, so 2k dimensions rank. The same with queries and documents exchanged,
    except that there the constant is needed.

    Returns:
        The bounds, or None where distinct rows times distinct columns exceed `LARGEST_MATRIX`.
    """
    relevant = _Relevant.of(qrels)
    matrix = _with_rest(relevant.matrix, n_documents > int(relevant.copies_of_document.sum()))
    m, n = matrix.shape
    if not 0 < m * n <= LARGEST_MATRIX:
        return None
    k_query, k_document = _rarer_side(matrix), _rarer_side(matrix.T.tocsr())
    upper = min(m, n, 2 * k_query + 1, 2 * k_document + 1)
    lower = min(_lower(matrix, upper), upper)
    enough = min(m, n - 1, 2 * k_query, 2 * k_document + 1)
    return SignRank(lower, upper, max(lower - 1, 1), max(enough, 1))


def forster(signs: AnyArray) -> int:
    """Forster's lower bound of the sign rank of an (m, n) matrix of 1 and -1: sqrt(m n) / spectral norm, rounded up."""
    from scipy.linalg import eigvalsh

    m, n = signs.shape
    shorter = (signs if m <= n else signs.T).astype(np.float64)
    last = len(shorter) - 1
    [square] = eigvalsh(shorter @ shorter.T, subset_by_index=[last, last])
    # Rounding must not lift a bound that is a whole number to the next.
    return math.ceil(math.sqrt(m * n / square) * (1 - 1e-9))


# -- judgements as a matrix --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Relevant:
    """Relevant judgements, every distinct row and every distinct column once.

    Attributes:
        matrix: CSR (distinct queries, distinct documents), 1 where relevant. No column is empty.
        copies_of_query: (distinct queries,) how many queries have this row.
        copies_of_document: (distinct documents,) how many documents have this column.
        judgements: How many judgements are relevant.
    """

    matrix: Any
    copies_of_query: IntArray
    copies_of_document: IntArray
    judgements: int

    @classmethod
    def of(cls, qrels: Qrels) -> _Relevant:
        from scipy.sparse import csr_matrix

        kept = qrels.relevance > 0
        names, columns = np.unique(qrels.documents[kept], return_inverse=True)
        cells = (np.ones(len(columns), dtype=np.int64), (qrels.query_of[kept], columns))
        by_query, copies_of_query = _distinct_rows(csr_matrix(cells, shape=(len(qrels), len(names))))
        by_document, copies_of_document = _distinct_rows(by_query.T.tocsr())
        return cls(by_document.T.tocsr(), copies_of_query, copies_of_document, len(columns))


def _distinct_rows(matrix: Any) -> tuple[Any, IntArray]:
    """Each distinct row of a CSR matrix of ones, and how often it is there."""
    matrix.sort_indices()
    groups: dict[bytes, int] = {}
    places = pairwise(matrix.indptr.tolist())
    group_of = [groups.setdefault(matrix.indices[start:stop].tobytes(), len(groups)) for start, stop in places]
    _, first, copies = np.unique(np.array(group_of, dtype=np.int64), return_index=True, return_counts=True)
    return matrix[first], copies


def _with_rest(matrix: Any, rest: bool) -> Any:
    """The matrix, with one empty column for all documents that are relevant to no query, if there are any."""
    from scipy.sparse import csr_matrix, hstack

    return hstack([matrix, csr_matrix((matrix.shape[0], 1), dtype=matrix.dtype)]).tocsr() if rest else matrix


# -- graphs ------------------------------------------------------------------------------------------------------


def _graphs(relevant: _Relevant) -> tuple[dict[str, float], tuple[str, ...]]:
    rows, queries, documents = relevant.matrix, relevant.copies_of_query, relevant.copies_of_document
    sides = (
        ("query", ("query_density", "query_strength"), _graph(rows, queries, documents)),
        ("document", ("document_density",), _graph(rows.T.tocsr(), documents, queries)),
    )
    values: dict[str, float] = {}
    left_out = []
    for side, names, graph in sides:
        if graph is None:
            left_out.append(
                f"The {side} graph of the judgements is too large to be counted (over {LARGEST_GRAPH:,} products of "
                f"judgements): {' and '.join(names)} {'is' if len(names) == 1 else 'are'} left out."
            )
        else:
            values |= dict(zip(names, graph, strict=False))
    return values, tuple(left_out)


def _graph(matrix: Any, copies: IntArray, weights: IntArray) -> tuple[float, float] | None:
    """Density of the graph of rows that share a column, and mean strength by Jaccard similarity.

    Args:
        matrix: CSR of ones, distinct rows.
        copies: How often each row is there.
        weights: How often each column is there.

    Returns:
        Density and strength, or None where more than `LARGEST_GRAPH` products would be formed.
    """
    columns = matrix.T.tocsr()
    work = matrix @ np.diff(columns.indptr).astype(np.int64)
    n = int(copies.sum())
    if work.sum() > LARGEST_GRAPH:
        return None
    if n < 2:
        return 0.0, 0.0
    edges, strength = _pair_sums(matrix, columns, copies, weights, work)
    return edges / (n * (n - 1)), strength / n


def _pair_sums(matrix: Any, columns: Any, copies: IntArray, weights: IntArray, work: IntArray) -> tuple[int, float]:
    """Of all ordered pairs of two rows that share a column: their number, and their Jaccard similarities' sum."""
    weighted = matrix.multiply(weights).tocsr()
    sizes = matrix @ weights
    edges, strength = 0, 0.0
    for rows in _blocks(work):
        shared = (weighted[rows] @ columns).tocoo()
        one, other = shared.row + rows.start, shared.col
        pairs = copies[one] * (copies[other] - (one == other))  # no row is beside itself, but beside its copies
        edges += int(pairs.sum())
        strength += float((pairs * (shared.data / (sizes[one] + sizes[other] - shared.data))).sum())
    return edges, strength


def _blocks(work: IntArray) -> Iterator[slice]:
    """Runs of rows that form about `_BLOCK` products each."""
    done = np.cumsum(work)
    edges = np.searchsorted(done, np.arange(_BLOCK, int(work.sum()), _BLOCK))
    for start, stop in pairwise(np.unique(np.r_[0, edges, len(work)]).tolist()):
        yield slice(start, stop)


# -- sign rank ---------------------------------------------------------------------------------------------------


def _rank_values(rank: SignRank) -> dict[str, float]:
    return {
        "sign_rank_lower": rank.lower,
        "sign_rank_upper": rank.upper,
        "dimension_lower": rank.dimension_lower,
        "dimension_upper": rank.dimension_upper,
    }


def _rarer_side(matrix: Any) -> int:
    """The largest number of ones, or of zeros where these are fewer, in a row."""
    ones = np.diff(matrix.indptr)
    return int(np.minimum(ones, matrix.shape[1] - ones).max(initial=0))


def _lower(matrix: Any, upper: int) -> int:
    """A lower bound of the sign rank; nothing dearer is tried than what can still improve it."""
    dense = matrix.toarray().astype(bool)
    lower = _shattered(dense, upper)
    lower = max(lower, _shattered(dense.T, upper)) if lower < upper else lower
    # The spectral norm is at least |sum of all entries| / sqrt(m n).
    balance = abs(2 * float(dense.mean()) - 1)
    if lower < upper and (balance == 0 or math.ceil(1 / balance) > lower):
        lower = max(lower, forster(np.where(dense, 1.0, -1.0)))
    return lower


def _shattered(dense: AnyArray, enough: int) -> int:
    """The largest number of columns found on which every pattern, or its complement, is that of a row.

    A greedy search with backtracking, over the columns nearest to one half and with bounded effort: what it finds is
    there, but it may miss more.
    """
    m = len(dense)
    most = min(enough, 1 + int(math.log2(m)))
    near_half = np.argsort(np.abs(2 * dense.sum(axis=0, dtype=np.int64) - m), kind="stable")[:_CANDIDATES]
    columns = np.ascontiguousarray(dense[:, near_half].T).astype(np.int64)
    # A set of columns: how many they are, the pattern of each row as a number, the next column to try.
    stack = [(0, np.zeros(m, dtype=np.int64), 0)]
    best, effort = 1, _EFFORT
    while stack and best < most and effort > 0:
        size, codes, start = stack.pop()
        for column in range(start, len(columns)):
            effort -= m + _CALL
            longer = 2 * codes + columns[column]
            if _has_all(longer, size + 1):
                best = max(best, size + 1)
                stack.append((size, codes, column + 1))
                stack.append((size + 1, longer, column + 1))
                break
    return best


def _has_all(codes: IntArray, size: int) -> bool:
    """Whether every number of `size` bits, or its complement, is among the codes."""
    found = np.zeros(1 << size, dtype=bool)
    found[codes] = True
    return bool((found | found[::-1]).all())
