"""Regression: can a linear function of the vectors tell a number?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.data.jsonl import is_number, is_text
from evalkit.errors import CellError, DataError, in_words
from evalkit.observations import Observations, Statistic, parse_statistic
from evalkit.protocols import CellScores
from evalkit.repeats import run_repeats
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters
from evalkit_tasks.stratify import stratified_by_value

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.protocols import Cell, Workbench
    from evalkit.types import AnyArray, FloatArray, IntArray, Vectors

_CHECKS = {"text": is_text, "value": is_number}
_STATISTICS = {"kendalltau": "kendall_mean", **{name: name for name in ("mae", "mse", "rmse", "r2")}}


class RegressionParameters(Parameters):
    """mteb's parameters.

    Attributes:
        n_samples: Training examples of an experiment, from every decile of the values; all, where there are no more.
        n_experiments: Experiments; each draws its own training examples.
        train_split: Where they are drawn from.
        regressor: What learns the values; mteb's default is the only one so far.
    """

    n_samples: int = Field(default=2048, ge=1)
    n_experiments: int = Field(default=10, ge=1)
    train_split: str = "train"
    regressor: Literal["LinearRegression"] = "LinearRegression"


@dataclass(frozen=True)
class _Data:
    """What a cell learns from and is tested on.

    Attributes:
        texts: Texts of the training examples that some experiment learns from.
        values: (m,) their values.
        experiments: Rows of these that each experiment learns from.
        test_texts: The evaluated texts.
        gold: (n,) their values.
    """

    texts: list[str]
    values: FloatArray
    experiments: list[IntArray]
    test_texts: list[str]
    gold: FloatArray


class RegressionTask(FolderTask[RegressionParameters]):
    """Kendall's tau-b, errors and R2 of a linear regression, over test examples and experiments.

    Source: mteb 2.26.24, `AbsTaskRegression`. Where every experiment would learn from all training examples they are
    all the same, and only one is made.
    """

    parameters_type: ClassVar[type[Parameters]] = RegressionParameters
    default_main_score: ClassVar[str] = "kendalltau"

    def metrics(self) -> tuple[str, ...]:
        """Those of mteb."""
        return tuple(_STATISTICS)

    def files(self, cell: Cell) -> list[Path]:
        """The evaluated split and the training split."""
        return self.files_of(cell, cell.split, self.parameters.train_split)

    def texts(self, cell: Cell) -> dict[Role, list[str]]:
        """The training examples that are drawn, and the evaluated texts."""
        data = self._read(cell)
        return {Role.TEXT: [*data.texts, *data.test_texts]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        data = self._read(cell)
        bench.expect(len(data.texts) + len(data.test_texts))
        vectors = bench.embed([*data.texts, *data.test_texts], role=Role.TEXT)
        train, test = vectors[: len(data.texts)], vectors[len(data.texts) :]
        predicted = run_repeats(
            lambda rows: _fit_predict(train[rows], data.values[rows], test), data.experiments, workers=bench.workers
        )
        observations = _observations(data.gold, np.stack(predicted, axis=1))
        return CellScores(observations, repeats=observations.repeats(), warnings=self.notes(cell))

    def _read(self, cell: Cell) -> _Data:
        test = self.folder.table(cell.subset, cell.split, _CHECKS)
        train = self.folder.table(cell.subset, self.parameters.train_split, _CHECKS)
        values = np.array(train["value"], dtype=np.float64)
        experiments = self._experiments(values, self.folder.base(cell.subset))
        used = np.unique(np.concatenate(experiments))
        return _Data(
            texts=[train["text"][row] for row in used],
            values=values[used],
            experiments=[np.searchsorted(used, rows) for rows in experiments],
            test_texts=test["text"],
            gold=np.array(test["value"], dtype=np.float64),
        )

    def _experiments(self, values: FloatArray, base: Path) -> list[IntArray]:
        """Training rows of every experiment."""
        parameters = self.parameters
        if parameters.n_samples >= len(values):
            return [np.arange(len(values))]
        seeds = range(parameters.seed, parameters.seed + parameters.n_experiments)
        try:
            return [stratified_by_value(values, parameters.n_samples, seed) for seed in seeds]
        except ValueError as error:
            path = base / f"{parameters.train_split}.jsonl"
            raise DataError(
                f"{path}: no {parameters.n_samples} of {len(values)} examples can be drawn: {error}.",
                hint="Set n_samples in task.toml to the number of training examples, or well below it.",
            ) from None


def _fit_predict(x: Vectors, y: FloatArray, test: Vectors) -> AnyArray:
    from sklearn.linear_model import LinearRegression

    try:
        predicted: AnyArray = np.asarray(LinearRegression().fit(x, y).predict(test))
    except ValueError as error:
        raise CellError(
            f"The regression cannot be fitted: {in_words(error)}.", hint="Check the training split."
        ) from error
    return predicted


def _observations(gold: FloatArray, predicted: AnyArray) -> Observations:
    statistics: dict[str, Statistic] = {
        metric: parse_statistic(f"{name}(gold, predicted)") for metric, name in _STATISTICS.items()
    }
    return Observations(unit="example", columns={"gold": gold, "predicted": predicted}, statistics=statistics)
