"""``cross:``: cross-encoders of the sentence-transformers library, which read query and document together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_float32
from evalkit.adapters.extras import calm_tokenizers
from evalkit.adapters.hub import check_path, model_name
from evalkit.adapters.options import Options, no_argument
from evalkit.adapters.st_loading import LOADING, Family, load_model
from evalkit.errors import CellError, EncoderError
from evalkit.ranking import best_of_candidates
from evalkit.types import Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Encoder, TaskInfo, Workbench
    from evalkit.types import Candidates, IntArray, Ranking, TopK, Vectors

SCHEME = "cross"
CROSS = "CrossEncoder"
KNOWN = (*(name for name in LOADING if name != "prompt."), "prompt.query", "prompt.document")
CHUNK = 16_384
"""Pairs that are written out and scored at a time: memory follows it, not the number of candidates."""


def load(argument: str, options: Mapping[str, str]) -> CrossEncoderRanker:
    """``cross:NAME_OR_PATH?max_length=512&device=cpu&dtype=float32&prompt.query=query: ``.

    Raises:
        EncoderError: The library is missing, the model cannot be loaded or is no cross-encoder with one label, or an
            option is unknown or malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "cross:cross-encoder/ms-marco-MiniLM-L6-v2")
    check_path(SCHEME, argument)
    chosen = Options(SCHEME, options, KNOWN)
    # Every option is read before the model, which may take minutes, is loaded.
    name, prompts = chosen.name(model_name(argument)), chosen.family("prompt.")
    return CrossEncoderRanker(load_model(Family(CROSS, _kind), argument, chosen), name, prompts=prompts)


class PairEncoder:
    """The scores of pairs as an `evalkit.protocols.Encoder`, so that cache, batches and checks serve them too.

    A "text" is `written` of a query and a document, its vector the one score.

    Args:
        model: A `CrossEncoder` with one label.
        name: What results call it.
        prompts: Texts in front of every ``query`` and every ``document``, as mteb's `query_prefix` and
            `passage_prefix`; a default prompt of the model's own is the library's business.
    """

    similarity = Similarity.DOT

    def __init__(self, model: Any, name: str, prompts: Mapping[str, str]) -> None:
        self.name = name
        self._model = model
        self._prompts = dict(prompts)
        self._fingerprint: str | None = None

    @property
    def fingerprint(self) -> str | None:
        """Digest of weights, tokenizer, modules, activation, prompts and settings; computed when first asked for."""
        if self._fingerprint is None:
            from evalkit.adapters.cross_identity import fingerprint

            self._fingerprint = fingerprint(self._model, self._prompts)
        return self._fingerprint

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), 1) float32 scores. The library sorts the pairs by length, so that batches pad little."""
        if not texts:
            return np.zeros((0, 1), dtype=np.float32)
        pairs = [self._prompted(text) for text in texts]
        scores = self._model.predict(pairs, batch_size=batch_size, show_progress_bar=False, convert_to_numpy=True)
        return as_float32(np.reshape(scores, (len(pairs), -1)), encoder=self.name)

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """The same for all: neither role nor task changes a score."""
        return ""

    def _prompted(self, text: str) -> tuple[str, str]:
        query, document = json.loads(text)
        return self._prompts.get("query", "") + query, self._prompts.get("document", "") + document


class CrossEncoderRanker:
    """A `evalkit.protocols.Ranker` around a `CrossEncoder`: it scores each query with each of its candidates.

    Args:
        model: The model.
        name: What results call it.
        prompts: As of `PairEncoder`.

    Raises:
        EncoderError: The model gives several numbers for a pair.
    """

    needs_candidates = True

    def __init__(self, model: Any, name: str, *, prompts: Mapping[str, str] | None = None) -> None:
        calm_tokenizers()
        if model.num_labels != 1:
            raise EncoderError(
                f"{name} gives {model.num_labels} numbers for a pair; ranking needs one score.",
                hint="Give it a cross-encoder with one label, trained to say how relevant a document is.",
            )
        self.name = name
        self._model = model
        self._pairs = PairEncoder(model, name, prompts or {})

    @property
    def fingerprint(self) -> str | None:
        """That of its scores of pairs."""
        return self._pairs.fingerprint

    @property
    def device(self) -> str:
        """Where the model computes, such as ``cpu`` or ``cuda:0``."""
        return str(self._model.device)

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """The best candidates of every query.

        Raises:
            CellError: The queries come without candidates.
        """
        if problem.candidates is None:
            raise CellError(
                f"{self.name} scores pairs, and these queries come without candidates.",
                hint=f"Put a first stage before it: rerank:bm25 > {SCHEME}:PATH.",
            )
        scores = candidate_scores(self._pairs, problem, problem.candidates, bench)
        return best_of_candidates(problem.candidates, scores, problem.ties, problem.top_k)


def candidate_scores(pairs: Encoder, problem: Ranking, candidates: Candidates, bench: Workbench) -> Vectors:
    """Scores of every query with each of its candidates; equal pairs of texts are scored once.

    Args:
        pairs: Makes one number of each text that `written` gives.
        problem: The texts.
        candidates: The documents of each query.
        bench: The workbench of the ranker that scores pairs so.

    Returns:
        (n_candidates,) float32.
    """
    queries, documents = _numbered(problem.queries), _numbered(problem.documents)
    keys = queries[candidates.query_of] * len(documents) + documents[candidates.documents]
    distinct, place = np.unique(keys, return_inverse=True)
    beside = bench.beside(pairs)
    beside.expect(len(distinct))
    scores = np.empty(len(distinct), dtype=np.float32)
    for start in range(0, len(distinct), CHUNK):
        rows = zip(*np.divmod(distinct[start : start + CHUNK], len(documents)), strict=True)
        texts = [written(problem.queries[query], problem.documents[document]) for query, document in rows]
        # As queries, for an index would keep nothing of a pair.
        scores[start : start + CHUNK] = beside.embed(texts, role=Role.QUERY)[:, 0]
    return scores[place]


def written(query: str, document: str) -> str:
    """A pair as one text, from which both can be read again."""
    return json.dumps([query, document], ensure_ascii=False)


def _numbered(texts: Sequence[str]) -> IntArray:
    """(n,) row of the first text that is equal to each."""
    first: dict[str, int] = {}
    return np.fromiter((first.setdefault(text, row) for row, text in enumerate(texts)), np.int64, len(texts))


def _kind(path: str, revision: str | None, offline: bool) -> str:
    """The class of a model; one with a classifier's or a language model's head that says nothing is a cross-encoder.

    So were cross-encoders published before the library wrote its own config beside them. Any other would get a head
    with random weights.
    """
    from evalkit.adapters.st_identity import model_type, saved_config

    if not saved_config(path, "config_sentence_transformers.json", revision, offline):
        heads: Any = saved_config(path, "config.json", revision, offline).get("architectures") or ()
        if any(str(head).endswith(("ForSequenceClassification", "ForCausalLM")) for head in heads):
            return CROSS
    return model_type(path, revision, offline)
