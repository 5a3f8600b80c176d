"""What a run was asked to do, frozen before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_OUTPUT = Path("results")
DEFAULT_BATCH_SIZE = 32


@dataclass(frozen=True)
class RunConfig:
    """One call of `evalkit run` or `evalkit.evaluate`.

    Attributes:
        encoders: Encoder specs, in order.
        tasks: Names or globs of tasks; with `suite`, both together. Empty without a suite: every task in `data`.
        suite: Name of a suite, if one was asked for.
        data: Folders of task folders; they win over built-in tasks of the same name.
        splits: Splits to score; empty for all.
        subsets: Subsets to score; empty for all.
        output: Where results are written; None writes none.
        force: Score again what is finished already.
        cache: Keep and use embeddings.
        batch_size: Texts in one forward pass.
        workers: Independent repeats side by side; 0 takes every core.
        diagnose: Attach label-free diagnostics of the vectors to results, also to finished ones that have none.
    """

    encoders: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    suite: str | None = None
    data: tuple[Path, ...] = ()
    splits: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()
    output: Path | None = DEFAULT_OUTPUT
    force: bool = False
    cache: bool = True
    batch_size: int = DEFAULT_BATCH_SIZE
    workers: int = 0
    diagnose: bool = False
