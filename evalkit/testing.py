"""Does my plugin keep the contract? For the tests of whoever writes an encoder or a task.

    >>> from evalkit.adapters.random import RandomEncoder
    >>> from evalkit.testing import check_encoder
    >>> check_encoder(RandomEncoder())

Each check raises `AssertionError` with the rule that is broken, and returns nothing where all are kept.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from evalkit.embedding.checks import as_embeddings
from evalkit.errors import EncoderError
from evalkit.fingerprint import SHORT, context_digest
from evalkit.observations import Observations
from evalkit.protocols import Cell, CellScores, Encoder, LexicalScorer, Ranker, Scorer, TaskInfo
from evalkit.types import Form, Role, Similarity, TokenVectors, Vectors

if TYPE_CHECKING:
    from evalkit.protocols import Task
    from evalkit.types import Embeddings

TEXTS = (
    "A cat sits on the mat.",
    "Two dogs run along the beach.",
    "",
    "Grüße aus Köln, 你好, здравствуйте!",
    "A cat sits on the mat.",
    "short",
    "The committee met on 12 March 2019 and adjourned without a vote. " * 8,
)
"""What encoders are tried on: an empty text, a repeated one, other scripts, short and long."""

TOLERANCE = 1e-5
"""How far two vectors of one text may differ, where the largest value of all vectors is at most 1."""

_INFO = TaskInfo("ContractCheck", "STS", ("eng-Latn",))
_INFOS = (
    _INFO,
    replace(_INFO, name="ContractCheckAgain"),
    replace(_INFO, type="Retrieval"),
    replace(_INFO, languages=("deu-Latn", "zho-Hans")),
    replace(_INFO, prompts={"text": "Represent: ", "query": "Question: ", "document": "Passage: "}),
)
"""Tasks that each differ from the first in one thing."""
Scored: TypeAlias = dict[tuple[str, str], CellScores]


def check_encoder(encoder: Any, texts: Sequence[str] = TEXTS) -> None:
    """Check that an encoder, or a lexical scorer, keeps its contract.

    Args:
        encoder: What to check. What is neither, such as a function, is checked as a run would use it: wrapped by
            `evalkit.adapters.wrapping.wrap`.
        texts: What to try it on: at least two, some of them different, one of them twice.

    Raises:
        AssertionError: It does not; the message names the rule.
        ValueError: The texts are unfit.
    """
    if len(set(texts)) < 2 or len(set(texts)) == len(texts):
        raise ValueError("Give at least two different texts, and one of them twice.")
    encoder = _as_scorer(encoder)
    _rule(isinstance(encoder.name, str) and encoder.name.strip(), "name must be a string that is not empty")
    before = encoder.fingerprint
    _rule(before is None or _is_digest(before), f"fingerprint must be None or {SHORT} hex digits or more")
    if isinstance(encoder, Encoder):
        _check_vectors(encoder, list(texts))
    else:
        _check_lexical(encoder, list(texts))
    _rule(encoder.fingerprint == before, "fingerprint must not change when texts are encoded")


def check_task(task: Task, scorer: Scorer | None = None) -> None:
    """Check that a task keeps its contract; it is scored twice with a small encoder.

    Args:
        task: What to check.
        scorer: What to score it with; a hashing encoder where None is given.

    Raises:
        AssertionError: It does not; the message names the rule.
    """
    _check_declarations(task)
    cells = list(task.cells())
    first = _score(task, cells, scorer)
    second = _score(task, cells[::-1], scorer)
    for key, scores in first.items():
        _check_scores(task, key, scores)
        same = _shown(scores) == _shown(second[key])
        _rule(same, f"cell {key} must score the same each time, whatever was scored before it")
    if task.lexical:
        _check_lexical_task(task, cells)


def _is_digest(value: object) -> bool:
    # The first digits name a folder: "vowels-v1" and "vowels-v2" might share theirs.
    return isinstance(value, str) and len(value) >= SHORT and not set(value) - set("0123456789abcdef")


def _rule(kept: object, rule: str) -> None:
    # Not an assert statement: `python -O` would skip the check.
    if not kept:
        raise AssertionError(f"Broken rule: {rule}.")


# -- encoders ----------------------------------------------------------------------------------------------------


def _as_scorer(given: Any) -> Scorer:
    from evalkit.adapters.wrapping import wrap

    if isinstance(given, Encoder | LexicalScorer) and not inspect.isclass(given):
        return given
    try:
        return wrap(given)
    except EncoderError as error:
        rule = f"an encoder needs encode, or index where it has no vectors ({error})"
        raise AssertionError(f"Broken rule: {rule}") from error


def _check_vectors(encoder: Encoder, texts: list[str]) -> None:
    _rule(encoder.similarity in set(Similarity), f"similarity must be one of {', '.join(Similarity)}")
    for role in Role:
        vectors = _encode(encoder, texts, role=role)
        _check_shape(vectors, texts)
        _check_rows(encoder, texts, vectors, role)
        _check_variant(encoder, role)
    _check_contexts(encoder, texts)
    _check_no_texts(encoder, vectors.shape[1])


def _encode(
    encoder: Encoder, texts: Sequence[str], *, role: Role = Role.TEXT, task: TaskInfo = _INFO, batch_size: int = 32
) -> Vectors:
    given = list(texts)
    embeddings = encoder.encode(given, role=role, task=task, batch_size=batch_size)
    _rule(given == list(texts), "encode must not change the list of texts that it is given")
    return _in_rows(encoder, embeddings, given)


def _in_rows(encoder: Encoder, embeddings: Any, texts: list[str]) -> Vectors:
    """Embeddings of any form as one row a text, so that all can be compared alike."""
    form = Form(getattr(encoder, "form", Form.DENSE))
    if form is Form.DENSE or not texts:
        vectors: Vectors = embeddings
        return vectors
    try:
        checked: Any = as_embeddings(embeddings, texts, encoder=encoder.name, dimension=None, form=form)
    except EncoderError as error:
        raise AssertionError(f"Broken rule: {error}") from error
    return _summed(checked) if isinstance(checked, TokenVectors) else np.asarray(checked.toarray(), dtype=np.float32)


def _summed(tokens: TokenVectors) -> Vectors:
    """(n, 2 d + 1): of several vectors a text their number, their sum and that of their squares."""
    starts, vectors = tokens.offsets[:-1], tokens.vectors
    sums = [np.add.reduceat(values, starts, axis=0) for values in (vectors, vectors**2)]
    return np.hstack([tokens.counts[:, None], *sums]).astype(np.float32)


def _check_shape(vectors: Vectors, texts: list[str]) -> None:
    _rule(isinstance(vectors, np.ndarray), f"encode must return a NumPy array, not {type(vectors).__name__}")
    _rule(vectors.dtype == np.float32, f"encode must return float32, not {vectors.dtype}")
    expected = f"encode must return one row for each text, ({len(texts)}, d), not {vectors.shape}"
    _rule(vectors.ndim == 2 and len(vectors) == len(texts) and vectors.shape[1] > 0, expected)
    _rule(np.isfinite(vectors).all(), "encode must return finite numbers, also for an empty text")


def _check_rows(encoder: Encoder, texts: list[str], vectors: Vectors, role: Role) -> None:
    """Every way of asking for the same texts must give the same rows."""
    backwards = _encode(encoder, texts[::-1], role=role)
    variations = {
        "encode must give the same vectors on a second call": _encode(encoder, texts, role=role),
        "rows must be in the order of the texts": backwards[::-1],
        "vectors must not depend on the batch size": _encode(encoder, texts, role=role, batch_size=2),
        "vectors must not depend on the texts beside them": _one_by_one(encoder, texts, role),
        "encode must take any sequence, also a tuple": _in_rows(
            encoder, encoder.encode(tuple(texts), role=role, task=_INFO, batch_size=32), texts
        ),
        "equal texts must have equal vectors": vectors[[texts.index(text) for text in texts]],
    }
    for rule, other in variations.items():
        _rule(_close(vectors, other), rule)


def _one_by_one(encoder: Encoder, texts: list[str], role: Role) -> Vectors:
    return np.concatenate([_encode(encoder, [text], role=role) for text in texts])


def _close(vectors: Vectors, other: Vectors) -> bool:
    scale = max(1.0, float(np.abs(vectors).max()))
    return vectors.shape == other.shape and bool(np.abs(vectors - other).max() <= TOLERANCE * scale)


def _check_variant(encoder: Encoder, role: Role) -> None:
    variant = getattr(encoder, "variant", None)
    if variant is None:
        return
    _rule(callable(variant), "variant must be a method (role, task) -> str")
    said = variant(role, _INFO)
    _rule(isinstance(said, str), f"variant must return a string, not {type(said).__name__}")
    _rule(variant(role, _INFO) == said, "variant must say the same each time")


def _check_contexts(encoder: Encoder, texts: list[str]) -> None:
    """What shares cache entries must have the same vectors, whichever role or task asked first."""
    contexts = [(role, info) for role in Role for info in _INFOS]
    variant = getattr(encoder, "variant", None)
    seen: dict[str, tuple[str, Vectors]] = {}
    for role, info in [*contexts, *reversed(contexts)]:
        said = variant(role, info) if variant else context_digest(role, info)
        vectors = _encode(encoder, texts, role=role, task=info)
        asked, first = seen.setdefault(said, (f"{role} of {info}", vectors))
        because = f"variant says {said!r} of both" if variant else "role and task are equal"
        rule = f"vectors must be equal for {asked} and {role} of {info}, since {because}"
        _rule(_close(first, vectors), rule)


def _check_no_texts(encoder: Encoder, dimension: int) -> None:
    """No texts are answered with no rows, or refused with an error that says so."""
    try:
        vectors = _encode(encoder, [])
    except Exception as error:
        _rule(str(error), "encode([]) must return an array of shape (0, d) or say why not")
        return
    # Some libraries cannot know d without a text.
    fits = np.shape(vectors) in {(0, dimension), (0,)}
    _rule(fits, f"encode([]) must return an array of shape (0, {dimension}), not {np.shape(vectors)}")


def _check_lexical(scorer: LexicalScorer, texts: list[str]) -> None:
    scores = scorer.index(texts).scores(texts)
    shape = (len(texts), len(texts))
    _rule(isinstance(scores, np.ndarray) and scores.dtype == np.float32, "scores must return a float32 NumPy array")
    _rule(scores.shape == shape, f"scores must be (queries, documents), {shape}, not {scores.shape}")
    _rule(np.isfinite(scores).all(), "scores must be finite, also for an empty query or document")
    again = scorer.index(texts).scores(texts)
    _rule(np.array_equal(scores, again), "an index made again must give the same scores")
    backwards = scorer.index(texts).scores(texts[::-1])[::-1]
    _rule(np.array_equal(scores, backwards), "a query's scores must not depend on the queries beside it")
    twin = [texts.index(text) for text in texts]
    _rule(np.array_equal(scores, scores[:, twin]), "equal documents must have equal scores")


# -- tasks -------------------------------------------------------------------------------------------------------


@dataclass
class MemoryBench:
    """A `evalkit.protocols.Workbench` without cache or progress, for tests.

    Attributes:
        scorer: The encoder or lexical scorer.
        task: What the encoder is told of the task.
        workers: Independent repeats that may run side by side.
        given: The vectors that were handed out, each with a copy of what it held then.
    """

    scorer: Scorer
    task: TaskInfo
    workers: int = 1
    given: list[tuple[Any, Any]] = field(default_factory=list)

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), d) float32."""
        vectors = self.embed_any(texts, role=role)
        if not isinstance(vectors, np.ndarray):
            raise AssertionError("Broken rule: a task of dense vectors only must not say that it takes other forms.")
        return vectors

    def embed_any(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """Embeddings in the encoder's form."""
        _rule(isinstance(role, Role), "embed must be given a Role")
        _rule(len(texts) and all(isinstance(text, str) for text in texts), "embed must be given texts")
        if not isinstance(self.scorer, Encoder):
            raise AssertionError("Broken rule: a task that calls itself lexical must not ask a scorer for vectors.")
        embeddings = self.scorer.encode(list(texts), role=role, task=self.task, batch_size=32)
        values: Any = embeddings.vectors if isinstance(embeddings, TokenVectors) else embeddings
        held = values if isinstance(values, np.ndarray) else values.data
        self.given.append((held, held.copy()))
        return embeddings

    def expect(self, n_texts: int) -> None:
        """Check what the progress display is told."""
        _rule(isinstance(n_texts, int) and n_texts >= 0, "expect must be given a number of texts")

    def beside(self, scorer: Scorer) -> MemoryBench:
        """Another encoder, or a part; its vectors are watched too."""
        _rule(isinstance(scorer, Encoder | LexicalScorer | Ranker), "beside must be given an encoder or a part of one")
        return replace(self, scorer=scorer)


def _check_declarations(task: Task) -> None:
    info = task.info
    _rule(isinstance(info, TaskInfo) and info.name and info.type, "info must be a TaskInfo with a name and a type")
    fingerprint = task.fingerprint
    _rule(_is_digest(fingerprint), f"fingerprint must be {SHORT} hex digits or more")
    _rule(task.fingerprint == fingerprint, "fingerprint must be the same each time")
    _rule(isinstance(task.main_score, str) and task.main_score, "main_score must be the name of a metric")
    _rule(isinstance(task.lexical, bool), "lexical must be True or False")
    _rule(isinstance(task.protocol, Mapping) and _is_json(dict(task.protocol)), "protocol must be a mapping of JSON")
    _check_cells(list(task.cells()))


def _check_cells(cells: list[Cell]) -> None:
    _rule(cells, "a task must have at least one cell")
    _rule(all(isinstance(cell, Cell) for cell in cells), "cells must return Cell objects")
    keys = [(cell.split, cell.subset) for cell in cells]
    _rule(len(set(keys)) == len(keys), "no two cells may have the same split and subset")


def _score(task: Task, cells: Sequence[Cell], scorer: Scorer | None) -> Scored:
    from evalkit.adapters.hashing import HashingEncoder, Parameters

    scorer = scorer or HashingEncoder("contract-check", Parameters(dim=64))
    scored: Scored = {}
    for cell in cells:
        bench = MemoryBench(scorer, task.info)
        scored[cell.split, cell.subset] = task.evaluate(cell, bench)
        untouched = all(np.array_equal(vectors, copy) for vectors, copy in bench.given)
        _rule(untouched, "evaluate must not change the vectors that it is given")
    return scored


def _check_scores(task: Task, key: tuple[str, str], scores: CellScores) -> None:
    _rule(isinstance(scores, CellScores), f"evaluate must return CellScores, not {type(scores).__name__}")
    if scores.observations is None:
        _rule(task.main_score in scores.extra, "without observations the main score must be among extra")
        return
    observations = scores.observations
    _rule(isinstance(observations, Observations), f"the observations of cell {key} must be Observations")
    _rule(len(observations), f"the observations of cell {key} must have at least one unit")
    _rule(
        task.main_score in observations.statistics,
        f"the main score {task.main_score!r} must be a statistic of the observations of cell {key}, "
        f"which have {', '.join(observations.statistics) or 'none'}",
    )
    for metric, value in {**observations.scores(), **scores.extra}.items():
        _rule(not math.isinf(value), f"{metric} must be a finite number, or nan where it is undefined, not {value}")
    _rule(all(isinstance(note, str) and note for note in scores.warnings), "warnings must be sentences")
    _check_round_trip(key, observations)


def _check_round_trip(key: tuple[str, str], observations: Observations) -> None:
    record = observations.to_json()
    _rule(_is_json(record), f"the observations of cell {key} must be strict JSON")
    read = Observations.from_json(json.loads(json.dumps(record)))
    same = repr(read.scores()) == repr(observations.scores())
    _rule(same, f"the scores of cell {key} must follow bit for bit from its observations as they are stored")


def _check_lexical_task(task: Task, cells: list[Cell]) -> None:
    from evalkit.adapters.bm25 import BM25

    for key, scores in _score(task, cells, BM25()).items():
        _check_scores(task, key, scores)


def _shown(scores: CellScores) -> str:
    """Everything that must be equal between two evaluations; nan equals nan."""
    observed = scores.observations
    shown = (observed.to_json(), observed.scores()) if observed is not None else None
    return repr((shown, dict(scores.extra), scores.warnings))


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
