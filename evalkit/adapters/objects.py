"""Encoders around what a user brings: a function, or an object with sentence-transformers' or mteb's `encode`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.adapters.convert import as_form
from evalkit.fingerprint import digest_parts
from evalkit.types import Form, Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Embeddings

_QUIET = {"show_progress_bar": False, "show_progress": False, "progress_bar": False}
"""How encoders call the switch of their progress bar."""

_USUAL = {Form.DENSE: Similarity.COSINE, Form.SPARSE: Similarity.DOT, Form.MULTI: Similarity.MAXSIM}


class FunctionEncoder:
    """A function `list[str] -> array` as a `evalkit.protocols.Encoder`.

    Args:
        function: The function.
        name: What results call it.
        fingerprint: Who it is, where it can say.
        similarity: How its vectors are compared.
        form: What it makes of a text.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        fingerprint: str | None = None,
        similarity: Similarity = Similarity.COSINE,
        form: Form = Form.DENSE,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.similarity = similarity
        self.form = form
        self._function = function

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:  # noqa: ARG002
        """Those of the texts, in its form; the function gets a list of its own, which it may change."""
        return as_form(self._function(list(texts)), self.form, encoder=self.name)

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""


class _Wrapped:
    """What is kept of an object that is not an encoder of evalkit's own."""

    def __init__(
        self,
        target: Any,
        name: str,
        fingerprint: str | None,
        similarity: Similarity,
        form: Form = Form.DENSE,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.similarity = similarity
        self.form = form
        self._target = target


class ObjectEncoder(_Wrapped):
    """An object with ``encode(sentences, ...)`` as sentence-transformers has it.

    Where it has `encode_query` and `encode_document` too, they encode queries and documents.

    Args:
        target: The object.
        name: What results call it.
        fingerprint: Who it is, where it can say.
        similarity: How its vectors are compared.
        form: What it makes of a text.
    """

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:  # noqa: ARG002
        """Those of the texts, in its form."""
        method = getattr(self._target, self._method(role))
        extras = accepted(method, {"batch_size": batch_size, **_QUIET})
        return as_form(method(list(texts), **extras), self.form, encoder=self.name)

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """The method that encodes texts of this role."""
        return self._method(role)

    def _method(self, role: Role) -> str:
        special = f"encode_{role.value}"
        return special if role is not Role.TEXT and callable(getattr(self._target, special, None)) else "encode"


class MtebEncoder(_Wrapped):
    """An object with mteb's ``encode(inputs, *, task_metadata, hf_split, hf_subset, prompt_type, **kwargs)``.

    It may do as it likes with task and role, so it has no `variant`: its cache entries are kept apart by both.

    Args:
        target: The object.
        name: What results call it.
        fingerprint: Who it is, where it can say.
        similarity: How its vectors are compared.
        form: What it makes of a text.
    """

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """Those of the texts, in its form."""
        raw = self._target.encode(
            Batches(texts, batch_size),
            task_metadata=TaskMetadata.of(task),
            hf_split="test",
            hf_subset="default",
            prompt_type=None if role is Role.TEXT else role,
            **accepted(self._target.encode, {"batch_size": batch_size, "show_progress_bar": False}, rest=True),
        )
        return as_form(raw, self.form, encoder=self.name)


@dataclass(frozen=True)
class TaskMetadata:
    """What of mteb's task metadata an encoder looks at.

    Attributes:
        name: Name of the task.
        type: Type of the task.
        languages: Codes such as ``eng-Latn``.
        prompt: The task's instruction, one for all texts or by prompt type.
    """

    name: str
    type: str
    languages: tuple[str, ...]
    prompt: str | Mapping[str, str] | None

    @classmethod
    def of(cls, task: TaskInfo) -> TaskMetadata:
        """The metadata of a task."""
        by_role = {role: prompt for role, prompt in task.prompts.items() if role != Role.TEXT}
        return cls(task.name, task.type, task.languages, by_role or task.prompts.get(Role.TEXT))


class Batches:
    """Texts as mteb's data loader gives them: batches ``{"text": [...]}``, all of them under `dataset`.

    Args:
        texts: The texts.
        batch_size: Texts a batch.
    """

    def __init__(self, texts: Sequence[str], batch_size: int) -> None:
        self.dataset = Rows(list(texts))
        self.batch_size = batch_size

    def __len__(self) -> int:
        return (len(self.dataset) + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator[dict[str, list[str]]]:
        for start in range(0, len(self.dataset), self.batch_size):
            yield {"text": self.dataset["text"][start : start + self.batch_size]}


class Rows:
    """Texts as a data set of one column: ``rows["text"]``, ``rows[3]["text"]``, ``rows.features``.

    Args:
        texts: The texts.
    """

    column_names = ("text",)

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self.features = {"text": "string"}

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            return {"text": self._texts[key]}
        if key != "text":
            raise KeyError(key)
        return self._texts


def accepted(function: Any, arguments: Mapping[str, Any], *, rest: bool = False) -> dict[str, Any]:
    """Those keyword arguments that a function names; with `rest` all of them where it takes ``**kwargs``."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin without signature
        return {}
    if rest and any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return dict(arguments)
    named = {parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY}
    return {key: value for key, value in arguments.items() if key in named}


def own_fingerprint(target: Any) -> str | None:
    """Digest of what an object says in `fingerprint` and of its class; None where it says nothing."""
    said = getattr(target, "fingerprint", None)
    if not isinstance(said, str) or not said:
        return None
    kind = target if inspect.isroutine(target) else type(target)
    # Two classes that both call themselves "v1" are two encoders.
    return digest_parts("object", kind.__module__, kind.__qualname__, said)


def own_form(target: Any) -> Form:
    """What an object says in `form`, or dense."""
    said = getattr(target, "form", None)
    return Form(said) if isinstance(said, str) and said in set(Form) else Form.DENSE


def own_similarity(target: Any, form: Form = Form.DENSE) -> Similarity:
    """What an object says in `similarity`, or in `similarity_fn_name` as others have it, or what its form is meant for.

    That is MaxSim for several vectors a text, the inner product for sparse ones, and else cosine.
    """
    meta = getattr(target, "mteb_model_meta", None)
    for said in (
        getattr(target, "similarity", None),
        getattr(target, "similarity_fn_name", None),
        getattr(meta, "similarity_fn_name", None),
    ):
        if isinstance(said, str) and said in set(Similarity):
            return Similarity(said)
    return _USUAL[form]
