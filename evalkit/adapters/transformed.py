"""An encoder with transforms behind it: ``st:PATH | truncate:128 | quantize:int8``.

The vectors of the encoder itself are cached, and the transforms are applied to them each time: ten transforms of one
encoder encode each text once.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from evalkit.adapters.named import NamedEncoder
from evalkit.adapters.transforms.fitting import Fit
from evalkit.errors import CellError, EncoderError
from evalkit.fingerprint import context_digest, digest_json
from evalkit.protocols import Encoder, Ranker, Transform, form_of
from evalkit.types import Form, Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalkit.protocols import Applied, FitSource, Scorer, TaskInfo
    from evalkit.types import Embeddings


_FOLDERS = re.compile(r"(fit=)[^,&|]*[/\\\\]")
"""Where a file lies is nobody's business but the spec's: names are shown and published."""


@dataclass(frozen=True)
class Step:
    """A transform, and how it is written in the spec, but for the folder of a file."""

    transform: Transform
    label: str

    def record(self) -> dict[str, Any]:
        """Itself as JSON."""
        return {"transform": self.transform.name, "parameters": dict(self.transform.parameters)}


def behind(scorer: Scorer, transform: Any, label: str) -> Scorer:
    """An encoder with one more transform behind it.

    Args:
        scorer: The encoder, with transforms or without.
        transform: A `evalkit.protocols.Transform`, or what has `rebase` or `rescored` instead.
        label: How it is written in the spec.

    Raises:
        EncoderError: The encoder has no vectors, or not the form that the transform takes, or a transform that
            changes the encoder itself stands behind one that changes vectors.
    """
    if not isinstance(scorer, Encoder):
        raise EncoderError(f"{scorer.name} has no vectors, so {label} cannot follow it.", hint="Transform an encoder.")
    if isinstance(scorer, Ranker):
        raise EncoderError(f"Nothing can follow rescore, so {label} cannot.", hint="Put it before rescore.")
    label = _FOLDERS.sub(r"\1", label)
    if hasattr(transform, "rebase"):
        return _rebased(scorer, transform.rebase, label)
    if hasattr(transform, "rescored"):
        rescored: Scorer = transform.rescored(scorer, label)
        return rescored
    step = Step(transform, label)
    if isinstance(scorer, TransformedEncoder):
        return TransformedEncoder(scorer.base, (*scorer.steps, step))
    return TransformedEncoder(scorer, (step,))


def _rebased(encoder: Encoder, rebase: Callable[[Encoder], Encoder], label: str) -> Encoder:
    if isinstance(encoder, TransformedEncoder):
        raise EncoderError(
            f"{label} changes the encoder itself, and {encoder.steps[-1].label} its vectors.",
            hint=f"Put {label} first.",
        )
    return cast("Encoder", NamedEncoder(rebase(encoder), f"{encoder.name} | {label}"))


class TransformedEncoder:
    """A `evalkit.protocols.Encoder` and `evalkit.protocols.Derived`: another one's vectors, transformed.

    Args:
        base: The other one.
        steps: The transforms, in order; at least one.

    Raises:
        EncoderError: A transform does not take the form of the embeddings before it.
    """

    def __init__(self, base: Encoder, steps: Sequence[Step]) -> None:
        self.base = base
        self.steps = tuple(steps)
        self.name = " | ".join([base.name, *(step.label for step in steps)])
        self.form = _form(base, self.steps)
        self.similarity = compared(base, self.steps)
        # What it rests on says nothing new about an encoder that cannot say who it is.
        said = base.fingerprint
        recorded = [step.record() for step in steps]
        self.fingerprint: str | None = said and digest_json(["transformed", 1, said, recorded])

    @property
    def parts(self) -> dict[str, Any]:
        """The encoder beneath and the transforms."""
        return {"base": part_record(self.base), "steps": [step.record() for step in self.steps]}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the encoder beneath has to say."""
        return tuple(getattr(self.base, "notes", ()))

    @property
    def device(self) -> str:
        """Where the encoder beneath computes."""
        return str(getattr(self.base, "device", "cpu"))

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """Encode and transform.

        Raises:
            CellError: A transform is to be fitted on the texts of a task; only a run knows them.
        """
        prepared = self.prepare(_Direct(self.base, task, batch_size))
        return prepared(self.base.encode(texts, role=role, task=task, batch_size=batch_size), role=role)

    def variant(self, role: Role, task: TaskInfo) -> str:
        """What the encoder beneath says; the role too, which some transforms look at."""
        variant = getattr(self.base, "variant", None)
        told = variant(role, task) if callable(variant) else context_digest(role, task)
        return f"{role}|{told}"

    def untrained(self, seed: int) -> Encoder | None:
        """The same transforms behind the encoder with fresh weights; None where there is no such."""
        make = getattr(self.base, "untrained", None)
        base = make(seed) if callable(make) else None
        return TransformedEncoder(base, self.steps) if base is not None else None

    def prepare(self, source: FitSource) -> Chain:
        """Fit what is to be fitted, each on vectors that the transforms before it have changed.

        Raises:
            EvalkitError: A transform cannot be fitted, or the task does not say its texts.
        """
        return fitted(self.steps, source)


def fitted(steps: Sequence[Step], source: FitSource) -> Chain:
    """Transforms, ready one after the other.

    Args:
        steps: The transforms.
        source: Where the vectors to fit them on come from.
    """
    chain = Chain()
    for step in steps:
        sample, record = _sample(step, chain, source)
        applied = step.transform.apply(sample)
        chain.applied.append(applied)
        if record is not None:
            chain.fits.append({**record, **getattr(applied, "learned", {})})
    return chain


@dataclass
class Chain:
    """A `evalkit.protocols.Prepared`: transforms that are ready, in order.

    Attributes:
        applied: The transforms.
        fits: What was fitted, one record each.
    """

    applied: list[Applied] = field(default_factory=list)
    fits: list[Mapping[str, Any]] = field(default_factory=list)

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:
        """Transformed vectors."""
        for applied in self.applied:
            vectors = applied(vectors, role=role)
        return vectors

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes that the last transform's vectors take."""
        return self.applied[-1].bytes_of(vectors)


def compared(base: Encoder, steps: Sequence[Step]) -> Similarity:
    """How vectors are to be compared behind some steps."""
    similarity = base.similarity
    for step in steps:
        similarity = step.transform.compared(similarity)
    return similarity


def part_record(scorer: Scorer) -> dict[str, Any]:
    """What a result says of an encoder that another one is made of."""
    record: dict[str, Any] = {"name": scorer.name, "fingerprint": scorer.fingerprint}
    if isinstance(scorer, Encoder):
        record |= {"similarity": str(scorer.similarity), "form": str(form_of(scorer))}
    parts = getattr(scorer, "parts", {})
    return {**record, **({"parts": dict(parts)} if parts else {})}


def _form(base: Encoder, steps: Sequence[Step]) -> Form:
    form = form_of(base)
    for step in steps:
        if form not in step.transform.takes:
            taken = " or ".join(sorted(step.transform.takes))
            raise EncoderError(
                f"{step.label} takes {taken} embeddings, and those before it are {form}.",
                hint=_other_way(form, step.transform.takes),
            )
        form = step.transform.gives(form)
    return form


def _other_way(form: Form, taken: frozenset[Form]) -> str:
    ways = {Form.SPARSE: "project:256 makes them dense", Form.MULTI: "muvera, or pool:mean, makes them dense"}
    return f"{ways[form]}." if form in ways and Form.DENSE in taken else "Choose another transform."


def _sample(step: Step, chain: Chain, source: FitSource) -> tuple[Embeddings | None, dict[str, Any] | None]:
    """The vectors that a transform is fitted on, and the record of it; nothing where it is not fitted."""
    if not step.transform.fitted:
        return None, None
    fit: Fit = getattr(step.transform, "fit", None) or Fit()
    role, there = _texts(fit, source)
    texts = fit.sample(there)
    record = {
        "transform": step.label,
        **fit.record(),
        "role": str(role),
        "n": len(texts),
        "evaluated": fit.path is None,
    }
    return chain(source.embed(texts, role=role), role=role), record


def _texts(fit: Fit, source: FitSource) -> tuple[Role, Sequence[str]]:
    """The texts to choose from, a file's or the task's, and the role in which the task's index would hold them."""
    if fit.path is not None:
        with suppress(CellError):
            return _stored_role(source.evaluated), fit.texts()
        return Role.DOCUMENT, fit.texts()  # the task does not say its texts
    role = _stored_role(source.evaluated)
    return role, source.evaluated[role]


def _stored_role(evaluated: Mapping[Role, Sequence[str]]) -> Role:
    for role in (Role.DOCUMENT, Role.TEXT, Role.QUERY):
        if evaluated.get(role):
            return role
    raise CellError("The task has no texts to fit a transform on.", hint="Fit it on a file, with fit=FILE.")


@dataclass(frozen=True)
class _Direct:
    """A `evalkit.protocols.FitSource` outside a run: it knows no task's texts."""

    base: Encoder
    task: TaskInfo
    batch_size: int

    @property
    def evaluated(self) -> Mapping[Role, Sequence[str]]:
        """Not known here."""
        raise CellError(
            "A transform is to be fitted on the evaluated texts, which only a run knows.",
            hint="Fit it on a file, with fit=FILE.",
        )

    def embed(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """Vectors of the encoder."""
        return self.base.encode(texts, role=role, task=self.task, batch_size=self.batch_size)
