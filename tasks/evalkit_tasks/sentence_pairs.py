"""What tasks over pairs of sentences share: the similarity of either, beside a gold value."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from evalkit.data.jsonl import is_text
from evalkit.observations import Observations, Statistic
from evalkit.protocols import CellScores
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, P
from evalkit_tasks.similarity import own_measure, similarities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.data.jsonl import Check
    from evalkit.protocols import Cell, Workbench
    from evalkit.types import AnyArray


class SentencePairTask(FolderTask[P]):
    """A task whose rows are two sentences and a gold value. A task type sets the class attributes and two methods.

    Attributes:
        gold_field: The field of a row that holds the gold value.
        is_gold: What it must be.
        gold_column: The observations' name of it.
    """

    gold_field: ClassVar[str]
    is_gold: ClassVar[Check]
    gold_column: ClassVar[str]

    @abstractmethod
    def gold(self, values: Sequence[Any]) -> AnyArray:
        """(n,) the gold values as a column."""

    @abstractmethod
    def statistics(self, own: str) -> Mapping[str, Statistic]:
        """The statistic of every metric.

        Args:
            own: The measure by which the encoder means its vectors to be compared.
        """

    def metrics(self) -> tuple[str, ...]:
        """Every metric, by every similarity."""
        return tuple(self.statistics("cosine"))

    def texts(self, cell: Cell) -> Mapping[Role, Sequence[str]]:
        """The sentences that a cell embeds."""
        table = self._table(cell)
        return {Role.TEXT: table["sentence1"] + table["sentence2"]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        table = self._table(cell)
        n = len(table["sentence1"])
        bench.expect(2 * n)
        vectors = bench.embed(table["sentence1"] + table["sentence2"], role=Role.TEXT)
        columns = {self.gold_column: self.gold(table[self.gold_field]), **similarities(vectors[:n], vectors[n:])}
        observations = Observations(
            unit="pair", columns=columns, statistics=dict(self.statistics(own_measure(bench.scorer)))
        )
        return CellScores(observations, warnings=self.notes(cell))

    def _table(self, cell: Cell) -> dict[str, list[Any]]:
        checks = {"sentence1": is_text, "sentence2": is_text, self.gold_field: type(self).is_gold}
        return self.folder.table(cell.subset, cell.split, checks)
