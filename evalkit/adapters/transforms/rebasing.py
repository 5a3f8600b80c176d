"""What `layer` and `prompt` have in common: they change the encoder itself, not its vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from evalkit.errors import EncoderError, EvalkitError
from evalkit.types import Form, Similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalkit.protocols import Applied, Encoder
    from evalkit.types import Embeddings


class Rebasing(ABC):
    """A `evalkit.protocols.Transform` with ``rebase``."""

    name: ClassVar[str]
    takes: ClassVar[frozenset[Form]] = frozenset(Form)
    fitted: ClassVar[bool] = False
    decodes: ClassVar[bool] = False

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, Any]:
        """Everything that decides what it does."""

    @abstractmethod
    def rebase(self, encoder: Encoder) -> Encoder:
        """The encoder, changed.

        Raises:
            EncoderError: It cannot be.
        """

    def gives(self, form: Form) -> Form:
        """The same form."""
        return form

    def compared(self, similarity: Similarity) -> Similarity:
        """The same similarity."""
        return similarity

    def apply(self, sample: Embeddings | None) -> Applied:  # noqa: ARG002
        """There are no vectors that it could change.

        Raises:
            EvalkitError: Always.
        """
        raise EvalkitError(
            f"{self.name} changes the encoder itself, not its vectors.",
            hint=f"Put {self.name} in front of all steps that change vectors.",
        )


def ability(encoder: Encoder, method: str, step: str, what: str) -> Callable[[Any], Encoder]:
    """A method that an encoder may have or not.

    Args:
        encoder: The encoder.
        method: Name of the method.
        step: The transform that needs it.
        what: What it changes, for the error.

    Raises:
        EncoderError: The encoder has no such method.
    """
    found = getattr(encoder, method, None)
    if not callable(found):
        raise EncoderError(
            f"{encoder.name} has no {what} that {step} could change: it has no method {method}.",
            hint=f"Leave {step} out, or give it an st: encoder.",
        )
    able: Callable[[Any], Encoder] = found
    return able
