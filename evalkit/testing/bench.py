"""A workbench for tests: no cache, no progress, but it watches what a task does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import CellError
from evalkit.protocols import Derived, Encoder, LexicalScorer, Ranker
from evalkit.testing.rules import rule
from evalkit.testing.vectors import held
from evalkit.types import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Prepared, Scorer, TaskInfo
    from evalkit.types import Embeddings, Vectors


@dataclass
class MemoryBench:
    """A `evalkit.protocols.Workbench` without cache or progress, for tests.

    Attributes:
        scorer: The encoder, lexical scorer or ranker.
        task: What the encoder is told of the task.
        workers: Independent repeats that may run side by side.
        given: The arrays of the vectors that were handed out, each with a copy of what it held then.
        texts: The texts of the cell by role, for an encoder that is fitted on them; None where nobody can say.
        embedded: The texts that were asked for of the scorer itself, by role.
    """

    scorer: Scorer
    task: TaskInfo
    workers: int = 1
    given: list[tuple[Any, Any]] = field(default_factory=list)
    texts: Mapping[Role, Sequence[str]] | None = None
    embedded: dict[Role, set[str]] = field(default_factory=dict)
    _prepared: Prepared | None = field(default=None, init=False, repr=False)

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), d) float32."""
        vectors = self.embed_any(texts, role=role)
        if not isinstance(vectors, np.ndarray):
            raise AssertionError("Broken rule: a task of dense vectors only must not say that it takes other forms.")
        return vectors

    def embed_any(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """Embeddings in the encoder's form."""
        rule(isinstance(role, Role), "embed must be given a Role")
        rule(len(texts) and all(isinstance(text, str) for text in texts), "embed must be given texts")
        if not isinstance(self.scorer, Encoder):
            raise AssertionError("Broken rule: a task that calls itself lexical must not ask a scorer for vectors.")
        self.embedded.setdefault(role, set()).update(texts)
        embeddings = self._encoded(self.scorer, list(texts), role)
        self.given += [(array, array.copy()) for array in held(embeddings)]
        return embeddings

    def expect(self, n_texts: int) -> None:
        """Check what the progress display is told."""
        rule(isinstance(n_texts, int) and n_texts >= 0, "expect must be given a number of texts")

    def beside(self, scorer: Scorer) -> MemoryBench:
        """Another encoder, or a part; its vectors are watched too."""
        rule(isinstance(scorer, Encoder | LexicalScorer | Ranker), "beside must be given an encoder or a part of one")
        return replace(self, scorer=scorer, embedded={})

    def untouched(self) -> bool:
        """Whether all vectors that were handed out are as they were."""
        return all(np.array_equal(array, copy) for array, copy in self.given)

    def _encoded(self, encoder: Encoder, texts: list[str], role: Role) -> Embeddings:
        if not isinstance(encoder, Derived):
            return encoder.encode(texts, role=role, task=self.task, batch_size=32)
        base = self.beside(encoder.base)
        if self._prepared is None:
            self._prepared = encoder.prepare(MemorySource(base, self.texts))
        return self._prepared(base.embed_any(texts, role=role), role=role)


@dataclass(frozen=True)
class MemorySource:
    """A `evalkit.protocols.FitSource` for tests.

    Attributes:
        bench: That of the encoder beneath.
        texts: What a cell embeds, by role; None where nobody can say.
    """

    bench: MemoryBench
    texts: Mapping[Role, Sequence[str]] | None

    @property
    def evaluated(self) -> Mapping[Role, Sequence[str]]:
        """The texts that the cell is going to embed, by role."""
        if self.texts is None:
            raise CellError("No task is there that could say its texts.", hint="Give them to MemoryBench as texts.")
        return self.texts

    def embed(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """Vectors of the base encoder."""
        return self.bench.embed_any(texts, role=role)
