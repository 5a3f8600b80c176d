"""Steps behind an encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from evalkit.types import Embeddings, Form, Role, Similarity


class Applied(Protocol):
    """A transform that is ready: nothing is left to be fitted."""

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:
        """Transformed vectors, never written over those given; each text's depends on its own alone."""
        ...

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes that an index would keep for a text, on average over vectors that `__call__` returned."""
        ...


@runtime_checkable
class Transform(Protocol):
    """One step behind an encoder: ``truncate:128``.

    Attributes:
        name: Its name in specs.
        parameters: Everything that decides what it does, as JSON: goes into fingerprint and result.
        takes: The forms that it can be given.
        fitted: Whether it learns something from vectors before it can be applied.
        decodes: Whether its vectors live in the space of those it is given, only less exactly, so that one side of a
            comparison may stay as it was (quantisation), or not.

    A fitted one may have ``fit``, an `evalkit.adapters.transforms.fitting.Fit` that says which texts it is fitted on;
    without it, it is fitted on those that the task evaluates.

    Instead of `apply`, a transform may have ``rebase(encoder) -> Encoder``: it then changes the encoder itself, as a
    prompt or a layer does, and must stand before all that transform vectors. Or it may have
    ``rescored(encoder, label) -> Encoder``, which makes an encoder that ranks in a way of its own; nothing can follow.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def parameters(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def takes(self) -> frozenset[Form]: ...  # noqa: D102
    @property
    def fitted(self) -> bool: ...  # noqa: D102
    @property
    def decodes(self) -> bool: ...  # noqa: D102

    def gives(self, form: Form) -> Form:
        """The form that it makes of a form."""
        ...

    def compared(self, similarity: Similarity) -> Similarity:
        """How its vectors are to be compared where those it is given are compared so."""
        ...

    def apply(self, sample: Embeddings | None) -> Applied:
        """Get ready.

        Args:
            sample: Vectors of different texts to fit it on; None where it is not `fitted`.

        Raises:
            EvalkitError: It cannot be fitted on them: too few, or of too few dimensions.
        """
        ...


TransformFactory: TypeAlias = Callable[[str, Mapping[str, str]], Transform]
"""An entry point of group ``evalkit.transforms``: (argument, options) of a step to the transform."""
