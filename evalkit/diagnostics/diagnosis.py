"""All diagnostics of the vectors that a stream has seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalkit.diagnostics.dimension import inverse_dimension, inverses, mle_dimension, ratios_dimension, two_nn
from evalkit.diagnostics.neighbours import (
    SPARE,
    K,
    cosine_dot_disagreement,
    distances,
    equal_norms,
    hubness,
    nearest,
    nearest_by_distance,
    occurrences,
    rescaling_disagreement,
)
from evalkit.diagnostics.pairs import alignment, mean_cosine, pair_means
from evalkit.diagnostics.spectra import spectra
from evalkit.diagnostics.spectrum import (
    alpha_req,
    effective_rank,
    isoscore,
    nesum,
    participation_ratio,
    rankme,
    stable_rank,
)
from evalkit.diagnostics.stream import VectorStream
from evalkit.errors import EvalkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evalkit.diagnostics.spectra import Spectra
    from evalkit.types import AnyArray, FloatArray, Vectors

NAMES = (
    "rankme",
    "effective_rank",
    "stable_rank",
    "participation_ratio",
    "isoscore",
    "alpha_req",
    "nesum",
    "anisotropy",
    "mean_angle",
    "uniformity",
    "alignment",
    "two_nn",
    "mle_dimension",
    "hubness",
    "cosine_dot_disagreement",
    "rescaling_disagreement",
    "n",
    "dimension",
)
"""The diagnostics, in the order in which they are told; `alignment` is there only where pairs were given."""
FEWEST = 30
"""Texts that diagnostics need."""
PAIRED_ROWS = 10_000
"""Sampled rows of which all pairs are looked at."""
QUERIES = 2_000
"""Sampled rows whose neighbours are compared, for the two disagreements."""
_RESAMPLES = 200

Measured = dict[str, tuple[float, float]]
"""Value and standard error of each; NaN where there is none."""
_EXACT = float("nan")


@dataclass(frozen=True)
class Diagnosis:
    """What the diagnostics say of some vectors.

    Attributes:
        values: Value of each, by its name, in the order of `NAMES`; None where it is undefined.
        errors: Standard error of those that were estimated from a sample, by name.
        spectrum: (min(n, d),) share of each principal direction in the variance, descending.
        zeros: Zero vectors; they are in the spectrum, and in nothing that needs a direction.
        spectrum_of: Vectors that the spectrum is of: all, or a sample.
        neighbours_of: Vectors that the neighbours were looked for among: all, or a sample.
    """

    values: dict[str, float | None]
    errors: dict[str, float]
    spectrum: FloatArray = field(repr=False)
    zeros: int
    spectrum_of: int
    neighbours_of: int

    @property
    def n(self) -> int:
        """Different texts."""
        return int(self.values["n"] or 0)

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.values["dimension"] or 0)


def diagnose_vectors(
    vectors: Vectors,
    texts: Sequence[str] | None = None,
    *,
    pairs: tuple[Vectors, Vectors] | None = None,
    seed: int = 0,
    workers: int = 1,
) -> Diagnosis:
    """All diagnostics of vectors that are there at once; see `diagnose`.

    Args:
        vectors: (n, d) float32.
        texts: (n,) what they are the vectors of, repeated ones counted once; None for n different ones.
        pairs: See `diagnose`.
        seed: See `diagnose`.
        workers: See `diagnose`.

    Raises:
        EvalkitError: See `diagnose`.
    """
    stream = VectorStream()
    stream.add(texts if texts is not None else [str(row) for row in range(len(vectors))], vectors)
    return diagnose(stream, pairs=pairs, seed=seed, workers=workers)


def diagnose(
    stream: VectorStream, *, pairs: tuple[Vectors, Vectors] | None = None, seed: int = 0, workers: int = 1
) -> Diagnosis:
    """All diagnostics of what a stream has seen.

    Args:
        stream: The vectors.
        pairs: Twice (m, d): vectors of texts that mean the same, for `alignment`.
        seed: Of the scales in `rescaling_disagreement`, and of the standard errors.
        workers: Threads that look for neighbours.

    Raises:
        EvalkitError: Fewer than 30 texts, vectors of one dimension, fewer than 30 that are not zero, or all equal.
    """
    _check(stream)
    found = spectra(stream)
    if found.constant:
        raise EvalkitError(
            f"All {stream.n:,} vectors are equal: there is nothing to diagnose.",
            hint="Check that the encoder's weights are loaded and that it knows the language.",
        )
    rows = stream.rows()
    measured = {**_spectral(found, stream.dimension), **_paired(stream, rows, pairs)}
    measured |= _neighbourly(rows, stream.complete, seed, workers)
    measured |= {"n": (stream.n, _EXACT), "dimension": (stream.dimension, _EXACT)}
    return Diagnosis(
        values={name: _or_none(measured[name][0]) for name in NAMES if name in measured},
        errors={name: measured[name][1] for name in NAMES if name in measured and np.isfinite(measured[name][1])},
        spectrum=found.centred / found.centred.sum(),
        zeros=stream.zeros,
        spectrum_of=found.n,
        neighbours_of=len(rows),
    )


def _check(stream: VectorStream) -> None:
    usable = stream.n - stream.zeros
    if usable < FEWEST:
        what = "different texts" if stream.n < FEWEST else "vectors that are not zero"
        raise EvalkitError(
            f"Diagnostics need at least {FEWEST} {what}; there are {min(stream.n, usable)}.",
            hint="Give more texts; a few hundred make most diagnostics steady.",
        )
    if stream.dimension < 2:
        raise EvalkitError(
            "Vectors of one dimension have no directions to diagnose.", hint="Give an encoder of two or more."
        )


def _spectral(found: Spectra, dimension: int) -> Measured:
    raw, centred = np.sqrt(found.raw), np.sqrt(found.centred)
    values = {
        "rankme": rankme(raw),
        "effective_rank": effective_rank(centred),
        "stable_rank": stable_rank(raw),
        "participation_ratio": participation_ratio(found.centred),
        "isoscore": isoscore(found.centred, dimension),
        "alpha_req": alpha_req(found.above_rounding),
        "nesum": nesum(found.centred),
    }
    return {name: (value, _EXACT) for name, value in values.items()}


def _paired(stream: VectorStream, rows: Vectors, pairs: tuple[Vectors, Vectors] | None) -> Measured:
    means = pair_means(rows[:PAIRED_ROWS])
    exact = stream.n - stream.zeros <= PAIRED_ROWS
    found: Measured = {
        "anisotropy": (mean_cosine(stream.unit_total, stream.n - stream.zeros), _EXACT),
        "mean_angle": (means.mean_angle, _EXACT if exact else means.mean_angle_error),
        "uniformity": (means.uniformity, _EXACT if exact else means.uniformity_error),
    }
    return found | ({"alignment": (alignment(*pairs), _EXACT)} if pairs is not None else {})


def _neighbourly(rows: Vectors, complete: bool, seed: int, workers: int) -> Measured:
    k = min(K + SPARE, len(rows) - 1)
    by_cosine = nearest(rows, rows, k, workers=workers)
    apart = distances(rows, by_cosine if equal_norms(rows) else nearest_by_distance(rows, k, workers=workers), K)
    counts = occurrences(by_cosine[:, :K])
    there = apart[apart[:, 0] > 0]
    log_ratios = np.log(there[:, 1] / there[:, 0])
    values = {"two_nn": two_nn(apart), "mle_dimension": mle_dimension(apart), "hubness": hubness(counts)}
    errors = dict.fromkeys(values, _EXACT)
    if not complete:
        errors["two_nn"] = _bootstrap(log_ratios, ratios_dimension, seed)
        errors["mle_dimension"] = _bootstrap(inverses(apart), inverse_dimension, seed)
        errors["hubness"] = _bootstrap(counts, hubness, seed)
    found = {name: (value, errors[name]) for name, value in values.items()}
    return found | dict(_disagreements(rows, complete, seed, workers))


def _disagreements(rows: Vectors, complete: bool, seed: int, workers: int) -> Iterator[tuple[str, tuple[float, float]]]:
    n = min(QUERIES, len(rows))
    shares = {
        "cosine_dot_disagreement": cosine_dot_disagreement(rows, n, workers=workers),
        "rescaling_disagreement": rescaling_disagreement(rows, n, seed=seed, workers=workers),
    }
    for name, each in shares.items():
        exact = complete and n == len(rows)
        yield name, (float(each.mean()), _EXACT if exact else float(each.std(ddof=1) / np.sqrt(n)))


def _bootstrap(units: AnyArray, statistic: Callable[[AnyArray], float], seed: int) -> float:
    """Standard error of a statistic of points, drawn again with replacement; their neighbours stay what they are."""
    if not len(units):
        return _EXACT
    generator = np.random.default_rng(seed)
    draws = [statistic(units[generator.integers(0, len(units), len(units))]) for _ in range(_RESAMPLES)]
    return float(np.std(draws, ddof=1))


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
