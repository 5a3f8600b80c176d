"""What a run can evaluate, under another name; whatever it has and need not have, it has under that name too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.fingerprint import context_digest
from evalkit.protocols import Encoder, LexicalScorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import LexicalIndex, Ranker, Scorer, TaskInfo, Workbench
    from evalkit.types import Embeddings, Form, Ranking, Role, TopK

_OF_ALL = ("parts", "needs_candidates", "rank")
_OF_ENCODERS = (
    *_OF_ALL,
    "base",
    "encode_images",
    "form",
    "images_only",
    "prepare",
    "texts_per_call",
    "untrained",
    "value_bytes",
)


def named(scorer: Scorer, name: str) -> Scorer:
    """A scorer of any kind under another name."""
    if isinstance(scorer, Encoder):
        return NamedEncoder(scorer, name)
    return NamedScorer(scorer, name) if isinstance(scorer, LexicalScorer) else NamedRanker(scorer, name)


class _Named:
    """A scorer that goes by another name.

    Args:
        scorer: The scorer.
        name: The name.
    """

    def __init__(self, scorer: Any, name: str, optional: Sequence[str] = _OF_ALL) -> None:
        self.name = name
        self.fingerprint = scorer.fingerprint
        self._scorer = scorer
        # Attributes of its own: a protocol that is checked at run time does not see what `__getattr__` would give.
        for ability in optional:
            if hasattr(scorer, ability):
                setattr(self, ability, getattr(scorer, ability))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the scorer says by now."""
        return tuple(getattr(self._scorer, "notes", ()))


class NamedEncoder(_Named):
    """An encoder under another name.

    Args:
        encoder: The encoder.
        name: The name.
        form: The form of its embeddings, where it does not say so itself.
    """

    def __init__(self, encoder: Encoder, name: str, form: Form | None = None) -> None:
        super().__init__(encoder, name, _OF_ENCODERS)
        self.similarity = encoder.similarity
        self._encoder = encoder
        if form is not None:
            self.form = form
        if hasattr(encoder, "with_prompts"):
            self.with_prompts = self._with_prompts
        if hasattr(encoder, "with_layer"):
            self.with_layer = self._with_layer

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """What the encoder gives."""
        return self._encoder.encode(texts, role=role, task=task, batch_size=batch_size)

    def variant(self, role: Role, task: TaskInfo) -> str:
        """What the encoder says, or role and task where it says nothing."""
        variant = getattr(self._encoder, "variant", None)
        return str(variant(role, task)) if callable(variant) else context_digest(role, task)

    @property
    def device(self) -> str:
        """Where the encoder runs."""
        return str(getattr(self._encoder, "device", "cpu"))

    def _with_prompts(self, prompts: Mapping[str, str]) -> NamedEncoder:
        return NamedEncoder(self._scorer.with_prompts(prompts), self.name)

    def _with_layer(self, layer: int) -> NamedEncoder:
        return NamedEncoder(self._scorer.with_layer(layer), self.name)


class NamedScorer(_Named):
    """A lexical scorer under another name.

    Args:
        scorer: The scorer.
        name: The name.
    """

    def __init__(self, scorer: LexicalScorer, name: str) -> None:
        super().__init__(scorer, name)

    def index(self, corpus: Sequence[str]) -> LexicalIndex:
        """What the scorer gives."""
        found: LexicalIndex = self._scorer.index(corpus)
        return found


class NamedRanker(_Named):
    """A ranker that is no encoder, under another name.

    Args:
        ranker: The ranker.
        name: The name.
    """

    def __init__(self, ranker: Ranker, name: str) -> None:
        super().__init__(ranker, name, ("parts", "needs_candidates"))

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """What the ranker gives."""
        best: TopK = self._scorer.rank(problem, bench)
        return best
