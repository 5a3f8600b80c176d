"""``bm25``: lexical scores by bm25s, with stop words and a Snowball stemmer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.extras import require
from evalkit.adapters.options import Options
from evalkit.fingerprint import digest_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.types import AnyArray, IntArray, Vectors

SCHEME = "bm25"
METHODS = ("lucene", "robertson", "atire", "bm25l", "bm25+")
OFF = "off"


@dataclass(frozen=True)
class Parameters:
    """Everything that decides the scores.

    Attributes:
        k1: How slowly repeated terms stop counting.
        b: How much document length counts, from 0 to 1.
        stopwords: Language code of bm25s's list, or ``off``.
        stemmer: Name of a Snowball stemmer, or ``off``.
        method: The variant of the formula.
    """

    k1: float = 1.2
    b: float = 0.75
    stopwords: str = "en"
    stemmer: str = "english"
    method: str = "lucene"


def load(argument: str, options: Mapping[str, str]) -> BM25:
    """``bm25``, ``bm25:k1=0.9,b=0.4`` or ``bm25?stemmer=off``.

    Raises:
        EncoderError: An option is unknown or malformed.
    """
    chosen = Options.of_pairs(SCHEME, argument, options, ("k1", "b", "stopwords", "stemmer", "method"))
    default = Parameters()
    parameters = Parameters(
        k1=chosen.number("k1", default.k1),
        b=chosen.number("b", default.b, most=1.0),
        stopwords=_stopwords(chosen, default.stopwords),
        stemmer=_stemmer(chosen, default.stemmer),
        method=chosen.choice("method", default.method, METHODS),
    )
    return BM25(chosen.name(), parameters)


class BM25:
    """A `evalkit.protocols.LexicalScorer`.

    Args:
        name: What results call it.
        parameters: What decides its scores.
    """

    def __init__(self, name: str = SCHEME, parameters: Parameters | None = None) -> None:
        self.name = name
        self.parameters = parameters or Parameters()
        self.fingerprint: str | None = digest_json([SCHEME, 1, asdict(self.parameters)])

    def index(self, corpus: Sequence[str]) -> BM25Index:
        """Index a corpus; one without a single term scores zero throughout."""
        tokens = self._tokenize(corpus)
        if not any(tokens.ids):
            return BM25Index(self, None, len(corpus))
        model = require("bm25s", extra="", scheme=SCHEME).BM25(
            k1=self.parameters.k1, b=self.parameters.b, method=self.parameters.method
        )
        model.index(tokens, show_progress=False)
        return BM25Index(self, model, len(corpus))

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """The terms of every text, in order and repeated as they stand in it."""
        tokenized = self._tokenize(texts)
        terms = {row: term for term, row in tokenized.vocab.items()}
        return [[terms[row] for row in rows] for rows in tokenized.ids]

    def _tokenize(self, texts: Sequence[str]) -> Any:
        stopwords = [] if self.parameters.stopwords == OFF else self.parameters.stopwords
        return require("bm25s", extra="", scheme=SCHEME).tokenize(
            list(texts), stopwords=stopwords, stemmer=self._make_stemmer(), show_progress=False
        )

    def _make_stemmer(self) -> Any:
        if self.parameters.stemmer == OFF:
            return None
        return require("Stemmer", extra="", scheme=SCHEME).Stemmer(self.parameters.stemmer)


class BM25Index:
    """A corpus as a column-compressed matrix of term scores.

    Args:
        scorer: Tokenizes the queries as it did the corpus.
        model: The bm25s index; None where the corpus holds no terms.
        n_documents: Size of the corpus.
    """

    def __init__(self, scorer: BM25, model: Any, n_documents: int) -> None:
        self._scorer = scorer
        self._n_documents = n_documents
        self._model = model

    def scores(self, queries: Sequence[str]) -> Vectors:
        """(len(queries), n_documents) float32, to the bit what `bm25s.BM25.get_scores` gives."""
        out = np.zeros((len(queries), self._n_documents), dtype=np.float32)
        if self._model is None:
            return out
        vocabulary = self._model.vocab_dict
        for row, terms in zip(out, self._scorer.tokens(queries), strict=True):
            self._add(row, np.array([vocabulary[term] for term in terms if term in vocabulary], dtype=np.int64))
        return out

    def _add(self, row: AnyArray, terms: IntArray) -> None:
        """Add the scores of a query's terms, in its own order: that is what makes the sums bm25s's to the bit."""
        index = self._model.scores
        data, documents, starts = index["data"], index["indices"], index["indptr"]
        for term in terms:
            span = slice(starts[term], starts[term + 1])
            # A document stands once in a term's column, so plain indexing adds all of it.
            row[documents[span]] += data[span]
        if self._model.nonoccurrence_array is not None and len(terms):
            row += self._model.nonoccurrence_array[terms].sum()


def _stopwords(options: Options, default: str) -> str:
    value = options.text("stopwords", default)
    if value == OFF:
        return value
    try:
        require("bm25s", extra="", scheme=SCHEME).tokenize([""], stopwords=value, show_progress=False)
    except ValueError:
        raise options.refuse("stopwords", f"{OFF} or a language of bm25s, such as en, en_plus, de or fr") from None
    return value


def _stemmer(options: Options, default: str) -> str:
    known = require("Stemmer", extra="", scheme=SCHEME).algorithms()
    return options.choice("stemmer", default, (OFF, *known))
