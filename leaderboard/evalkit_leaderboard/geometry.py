"""How alike two encoders see the texts of the tasks that both have, from their vectors: `evalkit compare --geometry`.

The only part of a comparison that needs more than result files: both encoders, which are loaded by the specs in their
results, and the tasks' data. Vectors come from the cache where they are in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.config import DEFAULT_BATCH_SIZE
from evalkit.diagnostics.agreement import FEWEST, Agreement, agreement, sample
from evalkit.embedding import EmbeddingCache, EncoderBench
from evalkit.errors import EncoderError, EvalkitError, StoreError, foreign
from evalkit.fingerprint import short
from evalkit.plan import probed, task_path
from evalkit.plugins import Plugins
from evalkit.protocols import Encoder
from evalkit_leaderboard.geometry_texts import embedded_texts
from evalkit_leaderboard.phrases import counted
from evalkit_leaderboard.significance import generator_of, seed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from evalkit.protocols import Collection, Task
    from evalkit.schema import EncoderRecord, Result
    from evalkit.types import Role, Vectors
    from evalkit_leaderboard.compare_sides import Sides


@dataclass(frozen=True)
class TaskGeometry:
    """Two encoders on the texts of one task.

    Attributes:
        task: Name of the task.
        agreement: How alike they see its distinct texts; None where that cannot be said.
        note: Why there is none, or what to know about it, as a sentence.
    """

    task: str
    agreement: Agreement | None
    note: str = ""


@dataclass(frozen=True)
class Geometry:
    """Two encoders on the texts of every task that both have.

    Attributes:
        tasks: One entry a task; none where an encoder is not at hand.
        notes: What is the matter with an encoder or with the cache, in sentences.
    """

    tasks: tuple[TaskGeometry, ...]
    notes: tuple[str, ...] = ()


def measure(sides: Sides, data: Sequence[Path] = (), *, tell: Callable[[str], None] = lambda _: None) -> Geometry:
    """The agreement of the two encoders of a comparison.

    An encoder or a task that is not at hand, or is not what was scored, gives a sentence instead of numbers.

    Args:
        sides: Two encoders on the tasks that both have.
        data: Folders of task folders, beside the tasks that are installed.
        tell: Given one sentence before the vectors of a task are fetched.

    Raises:
        DataError: One of the folders holds no task.
    """
    plugins = Plugins.installed()
    known = plugins.task_folders(data)
    frame, encoders, notes = sides.frame, [], []
    for row in (0, 1):
        encoder, said = _encoder(plugins, frame.encoder(row), frame.encoders[row])
        encoders += [encoder] if encoder is not None else []
        notes += [said] if said else []
    if len(encoders) < 2:
        return Geometry((), tuple(notes))
    cache, said = _cache()
    tables = _Tables(plugins, known, encoders, cache, tell)
    tasks = tuple(tables.of(frame.task(column)) for column in range(len(frame.tasks)))
    return Geometry(tasks, (*notes, *([said] if said else [])))


def _encoder(plugins: Plugins, record: EncoderRecord, label: str) -> tuple[Encoder | None, str]:
    """The encoder of some results as it is today, and what to know about it."""
    try:
        with foreign(f"{record.spec} cannot be loaded", hint="", kind=EncoderError):
            scorer = plugins.load_encoder(record.spec)
            fingerprint = scorer.fingerprint
    except EvalkitError as error:
        return None, f"No vectors of {label}: {error.message}"
    if not isinstance(scorer, Encoder):
        return None, f"{label} has no vectors."
    if record.fingerprint is None:
        return scorer, f"Nothing shows that {record.spec} is still what was scored as {label}: it has no fingerprint."
    if fingerprint != record.fingerprint:
        today = f"it is {short(fingerprint)}" if fingerprint else "it has none"
        return None, (
            f"No vectors of {label}: {record.spec} is no longer what was scored, whose fingerprint is "
            f"{short(record.fingerprint)}; today {today}."
        )
    return scorer, ""


def _too_few(name: str, n: int) -> str:
    if not n:
        return f"{name} embeds no texts."
    return f"{name} embeds {counted(n, 'distinct text')}; their agreement needs {FEWEST}."


def _cache() -> tuple[EmbeddingCache | None, str]:
    """The cache; without one the same vectors are encoded anew."""
    try:
        return EmbeddingCache(), ""
    except StoreError as error:
        return None, f"{error.message} Every text was encoded anew."


@dataclass(frozen=True)
class _Tables:
    """What the agreement on a task is made of.

    Attributes:
        plugins: Everything that is registered.
        known: Every task by name, and where it lies.
        encoders: The two.
        cache: Where vectors are kept.
        tell: Given one sentence before the vectors of a task are fetched.
    """

    plugins: Plugins
    known: Mapping[str, Path | Collection]
    encoders: Sequence[Encoder]
    cache: EmbeddingCache | None
    tell: Callable[[str], None]

    def of(self, result: Result) -> TaskGeometry:
        """The two encoders on the task of a result."""
        name = result.task.name
        if name not in self.known:
            return TaskGeometry(
                name, None, f"The texts of {name} are not at hand: --data DIR says where its folder is."
            )
        try:
            with foreign(f"The vectors of {name} cannot be had", hint=""):
                return self._measured(result)
        except EvalkitError as error:
            return TaskGeometry(name, None, error.message)

    def _measured(self, result: Result) -> TaskGeometry:
        name = result.task.name
        path = task_path(self.known, name)
        task = probed(name, lambda: self.plugins.open_task(path))
        if task.fingerprint != result.task.fingerprint:
            return TaskGeometry(name, None, f"The data of {name} in {path} are not those that were scored.")
        texts, note = embedded_texts(task, self.encoders[0].similarity)
        if len(texts) < FEWEST:
            return TaskGeometry(name, None, _too_few(name, len(texts)))
        return TaskGeometry(name, self._agreement(task, texts), note and f"{name}: {note}")

    def _agreement(self, task: Task, texts: Mapping[str, Role]) -> Agreement:
        name, all_ = task.info.name, list(texts)
        chosen = {all_[row]: texts[all_[row]] for row in sample(len(all_), generator_of(name, "texts"))}
        self.tell(f"{name}: the vectors of {len(chosen):,} texts")
        x, y = (self._vectors(encoder, task, chosen) for encoder in self.encoders)
        return replace(agreement(x, y, seed=seed_of(name, "anchors")), of=len(all_))

    def _vectors(self, encoder: Encoder, task: Task, texts: Mapping[str, Role]) -> Vectors:
        """(n, d) vector of each text in its role."""
        bench = EncoderBench(encoder, task.info, cache=self.cache, batch_size=DEFAULT_BATCH_SIZE)
        rows: list[int] = []
        parts: list[Vectors] = []
        roles = list(texts.values())
        bench.start_cell(lambda: {role: [text for text, its in texts.items() if its == role] for role in set(roles)})
        for role in dict.fromkeys(roles):
            rows += [row for row, its in enumerate(roles) if its == role]
            parts.append(bench.embed([text for text, its in texts.items() if its == role], role=role))
        return np.concatenate(parts)[np.argsort(rows)]
