"""``pq:48``: product quantisation, one code for each of so many pieces of a vector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms import fitting
from evalkit.adapters.transforms.fitting import Fit
from evalkit.adapters.transforms.rows import AppliedRows, RowTransform, each_product
from evalkit.errors import CellError
from evalkit.repeats import available_workers, run_repeats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import FloatArray, Vectors

NAME = "pq"
ITERATIONS = 25
"""Of k-means, as in Faiss, from a random start as there."""
PER_CENTROID = 256
"""Most vectors for each centroid that k-means sees, as in Faiss."""
_MOST_BITS = 12


def load(argument: str, options: Mapping[str, str]) -> ProductQuantization:
    """``pq:48``, ``pq:m=48,bits=8`` or ``pq:48,fit=texts.jsonl,fit_size=10000,seed=1``.

    Raises:
        EvalkitError: An option is missing, unknown or malformed, or the file is not there.
    """
    chosen = Options.of_step(NAME, argument, options, ("m", "bits", *fitting.OPTIONS), main="m")
    if "m" not in chosen.given:
        raise no_argument(NAME, "pq:48", kind=TRANSFORM)
    return ProductQuantization(chosen.integer("m", 1), chosen.integer("bits", 8, most=_MOST_BITS), Fit.of(chosen))


@dataclass(frozen=True)
class ProductQuantization(RowTransform):
    """Each of `m` equal pieces of a vector becomes the nearest of 2^bits centroids of the fit sample's pieces.

    The vectors are the centroids put together; an index keeps their numbers, m * bits / 8 bytes.

    Attributes:
        m: Pieces.
        bits: Of each piece's code.
        fit: The sample; its seed is that of k-means too.

    Source: Jegou, Douze and Schmid 2011, "Product quantization for nearest neighbor search".
    """

    m: int
    bits: int = 8
    fit: Fit = Fit()  # noqa: RUF009
    name: ClassVar[str] = NAME
    fitted: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Pieces, bits, and what the centroids are of."""
        kmeans = {"iterations": ITERATIONS, "per_centroid": PER_CENTROID}
        return {"version": 1, "m": self.m, "bits": self.bits, "kmeans": kmeans, "fit": self.fit.record()}

    @property
    def decodes(self) -> bool:
        """Centroids live in the space of the vectors."""
        return True

    def ready(self, sample: Vectors) -> AppliedRows:
        """With the centroids of the sample.

        Raises:
            CellError: m does not divide the length of the vectors, or there are fewer vectors than centroids.
        """
        self._check(*sample.shape)
        books = self._books(self._thinned(sample))
        size = float(-(-self.m * self.bits // 8))
        return AppliedRows(partial(_reconstructed, books=books), size=lambda _: size)

    def _check(self, n: int, dimension: int) -> None:
        if dimension % self.m:
            divisors = ", ".join(str(m) for m in range(1, dimension + 1) if dimension % m == 0)
            raise CellError(
                f"{NAME}:{self.m} cannot cut vectors of {dimension} dimensions into {self.m} equal pieces.",
                hint=f"Choose one of {divisors}.",
            )
        if n < 2**self.bits:
            raise CellError(
                f"{NAME} with {self.bits} bits must be fitted on at least {2**self.bits} vectors, and there are {n}.",
                hint=f"Take bits={max(n.bit_length() - 1, 1)}, or fit it on more texts with fit=FILE.",
            )

    def _thinned(self, sample: Vectors) -> Vectors:
        most = PER_CENTROID << self.bits
        if len(sample) <= most:
            return sample
        chosen = np.random.default_rng(self.fit.seed).choice(len(sample), most, replace=False)
        return sample[np.sort(chosen)]

    def _books(self, sample: Vectors) -> list[FloatArray]:
        pieces = np.split(sample, self.m, axis=1)
        seeds = np.random.default_rng([self.fit.seed, self.m, self.bits]).integers(2**31, size=self.m)
        fit = partial(_centroids, n=2**self.bits)
        return run_repeats(fit, list(zip(pieces, seeds.tolist(), strict=True)), workers=available_workers())


def _centroids(piece: tuple[Vectors, int], *, n: int) -> FloatArray:
    """(n, d / m)."""
    from sklearn.cluster import KMeans

    vectors, seed = piece
    kmeans = KMeans(n, init="random", n_init=1, max_iter=ITERATIONS, random_state=seed)
    centroids: FloatArray = kmeans.fit(vectors.astype(np.float64)).cluster_centers_
    return centroids


def _reconstructed(rows: Vectors, *, books: list[FloatArray]) -> Vectors:
    pieces = np.split(rows, len(books), axis=1)
    return np.hstack([_nearest(piece, book) for piece, book in zip(pieces, books, strict=True)])


def _nearest(piece: Vectors, book: FloatArray) -> Vectors:
    """The nearest centroid of each (d / m) piece; of two equally near ones the first."""
    # |x - c|^2 is 2 (|c|^2 / 2 - x c) and something that all centroids have.
    half = (book**2).sum(axis=1) / 2
    return each_product(piece, book.T, book.shape[1], lambda product: book[(half - product).argmin(axis=1)])
