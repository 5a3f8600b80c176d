"""``OddOneOut``: which of several texts does not belong? Data: ``<split>.jsonl`` {"texts": [...], "odd": 2}."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.observations import Mean, Observations
from evalkit.protocols import Cell, CellScores, TaskInfo
from evalkit.types import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Workbench
    from evalkit.types import Vectors


class OddOneOut:
    """A `evalkit.protocols.Task`.

    The text that is least similar to the others on average is taken for the odd one.

    Args:
        data: The folder: its `path`, and its `task.toml` as `spec`.
    """

    main_score = "accuracy"
    lexical = False

    def __init__(self, data: Any) -> None:
        self.path = data.path
        self.spec = data.spec
        self.info = TaskInfo(self.path.name, self.spec.type, self.spec.languages_of("default"))
        self.protocol = {"version": 1, "similarity": "cosine"}

    @property
    def fingerprint(self) -> str:
        """Digest of the data and the protocol."""
        parts = [self._file(cell.split).read_bytes() for cell in self.cells()]
        return sha256(b"\0".join([json.dumps(self.protocol).encode(), *parts])).hexdigest()

    def cells(self) -> Sequence[Cell]:
        """One cell a split."""
        return [Cell(split, languages=self.info.languages) for split in self.spec.eval_splits]

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one split."""
        rows = [json.loads(line) for line in self._file(cell.split).read_text(encoding="utf-8").splitlines()]
        texts = [text for row in rows for text in row["texts"]]
        bench.expect(len(texts))
        groups = np.split(bench.embed(texts, role=Role.TEXT), np.cumsum([len(row["texts"]) for row in rows])[:-1])
        correct = [odd_one(vectors) == row["odd"] for vectors, row in zip(groups, rows, strict=True)]
        return CellScores(
            Observations(
                unit="group",
                columns={"correct": np.array(correct, dtype=np.float64)},
                statistics={self.main_score: Mean("correct")},
            )
        )

    def _file(self, split: str) -> Any:
        return self.path / f"{split}.jsonl"


def odd_one(vectors: Vectors) -> int:
    """Row of the vector that is least similar to the others."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return int((unit @ unit.T).sum(axis=1).argmin())
