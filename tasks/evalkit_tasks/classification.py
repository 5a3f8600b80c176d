"""Classification: what does a small linear classifier on the vectors learn from a few examples a class?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.data.jsonl import is_label, is_text
from evalkit.errors import CellError, DataError, in_words
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores
from evalkit.repeats import run_repeats
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters, label_codes

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.protocols import Cell, Workbench
    from evalkit.types import IntArray, Vectors

_CHECKS = {"text": is_text, "label": is_label}
_METRICS = ("accuracy", "f1", "f1_weighted", "precision", "precision_weighted", "recall", "recall_weighted")
_BINARY = ("ap", "ap_weighted")


class ClassificationParameters(Parameters):
    """mteb's parameters.

    Attributes:
        samples_per_label: Training examples of each class in an experiment.
        n_experiments: Experiments; each draws its own training examples.
        train_split: Where they are drawn from.
        is_cross_validation: Instead: folds of the evaluated split, which must be the training split.
        n_splits: Number of folds.
        classifier: The classifier; mteb's default is the only one so far.
        max_iter: Its iterations.
    """

    samples_per_label: int = Field(default=8, ge=1)
    n_experiments: int = Field(default=10, ge=1)
    train_split: str = "train"
    is_cross_validation: bool = False
    n_splits: int = Field(default=5, ge=2)
    classifier: Literal["LogisticRegression"] = "LogisticRegression"
    max_iter: int = Field(default=100, ge=1)


@dataclass(frozen=True)
class Experiment:
    """Rows of the training split that are learnt and rows of the evaluated split that are predicted."""

    train: IntArray
    test: IntArray


@dataclass(frozen=True)
class _Data:
    """What a cell learns from and is tested on.

    Attributes:
        train_texts: The training split.
        test_texts: The evaluated split.
        labels: Class codes of both, one after the other.
        names: Of the codes.
        experiments: What each experiment takes of them.
    """

    train_texts: list[str]
    test_texts: list[str]
    labels: IntArray
    names: tuple[str, ...]
    experiments: list[Experiment]


class ClassificationTask(FolderTask[ClassificationParameters]):
    """Accuracy, F1, precision and recall of a logistic regression, over test examples and experiments.

    Source: mteb 2.26.24, `AbsTaskClassification`. Average precision, for two classes, is that of the *hard*
    predictions, as there.
    """

    parameters_type: ClassVar[type[Parameters]] = ClassificationParameters
    default_main_score: ClassVar[str] = "accuracy"

    def metrics(self) -> tuple[str, ...]:
        """Those of any classes, and average precision, which is of two classes only."""
        return (*_METRICS, *_BINARY)

    def files(self, cell: Cell) -> list[Path]:
        """The evaluated split and the training split."""
        return self.files_of(cell, cell.split, self.parameters.train_split)

    def texts(self, cell: Cell) -> dict[Role, list[str]]:
        """The training examples that are drawn, and the evaluated texts."""
        data = self._read(cell)
        return {Role.TEXT: [*(data.train_texts[row] for row in _used(data.experiments)), *data.test_texts]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        data = self._read(cell)
        n_train = len(data.train_texts)
        train = data.labels[:n_train]
        predicted = _predict(data.train_texts, data.test_texts, train, data.experiments, bench, self.parameters)
        return self._scores(data.labels[n_train:], predicted, data.names, self.notes(cell))

    def _read(self, cell: Cell) -> _Data:
        parameters = self.parameters
        test = self.folder.table(cell.subset, cell.split, _CHECKS)
        train = test if cell.split == parameters.train_split else self._train(cell)
        where = str(self.folder.base(cell.subset))
        codes, names = label_codes([*train["label"], *test["label"]], where)
        n_train = len(train["label"])
        labels = np.array(codes, dtype=np.int64)
        if len(set(codes[:n_train])) < 2:
            raise DataError(f"{where}: the training split has one class only.", hint="Classification needs two.")
        experiments = _experiments(labels[:n_train], len(test["label"]), parameters, cell)
        return _Data(train["text"], test["text"], labels, names, experiments)

    def _train(self, cell: Cell) -> dict[str, list[Any]]:
        return self.folder.table(cell.subset, self.parameters.train_split, _CHECKS)

    def _scores(
        self, labels: IntArray, predicted: IntArray, names: tuple[str, ...], notes: tuple[str, ...]
    ) -> CellScores:
        binary = len(names) == 2 and len(np.unique(labels)) == 2
        metrics = (*_METRICS, *_BINARY) if binary else _METRICS
        folds = {"accuracy": "fold_accuracy"} if self.parameters.is_cross_validation else {}
        statistics = {name: parse_statistic(f"{folds.get(name, name)}(label, predicted)") for name in metrics}
        observations = Observations(
            unit="example",
            columns={"label": labels, "predicted": predicted},
            labels={"label": names},
            statistics=statistics,
        )
        return CellScores(observations, repeats=observations.repeats(), warnings=notes)


def _experiments(labels: IntArray, n_test: int, parameters: ClassificationParameters, cell: Cell) -> list[Experiment]:
    if not parameters.is_cross_validation:
        test = np.arange(n_test)
        draws = undersample([labels] * parameters.n_experiments, parameters.samples_per_label, parameters.seed)
        return [Experiment(train, test) for train in draws]
    if cell.split != parameters.train_split:
        raise DataError(
            f"Cross-validation needs the evaluated split {cell.split!r} to be the train_split "
            f"{parameters.train_split!r}.",
            hint="Set is_cross_validation = false, or eval_splits to the train_split.",
        )
    if n_test < parameters.n_splits:
        raise DataError(
            f"{n_test} examples cannot be cut into {parameters.n_splits} folds.", hint="Lower n_splits in task.toml."
        )
    from sklearn.model_selection import KFold

    folds = list(KFold(parameters.n_splits, shuffle=True, random_state=parameters.seed).split(np.arange(n_test)))
    draws = undersample([labels[train] for train, _ in folds], parameters.samples_per_label, parameters.seed)
    return [Experiment(train[drawn], test) for (train, test), drawn in zip(folds, draws, strict=True)]


def undersample(labels: list[IntArray], samples_per_label: int, seed: int) -> list[IntArray]:
    """Rows of the training examples of every experiment, in the order in which they are drawn.

    mteb makes a fresh generator for each experiment but shuffles the *already shuffled* rows again, so the draws
    differ although the seed does not.

    Args:
        labels: Class codes of the rows that each experiment draws from.
        samples_per_label: Rows of each class.
        seed: Of every experiment's generator.
    """
    rows = np.arange(len(labels[0]))
    drawn = []
    for codes in labels:
        np.random.RandomState(seed).shuffle(rows)
        drawn.append(rows[_first_of_each(codes[rows], samples_per_label)])
    return drawn


def _first_of_each(codes: IntArray, count: int) -> IntArray:
    """Positions of the first `count` of every class, in order."""
    order = np.argsort(codes, kind="stable")
    grouped = codes[order]
    starts = np.searchsorted(grouped, grouped, side="left")
    kept = order[np.arange(len(codes)) - starts < count]
    return np.sort(kept)


def _predict(
    train_texts: list[str],
    test_texts: list[str],
    labels: IntArray,
    experiments: list[Experiment],
    bench: Workbench,
    parameters: ClassificationParameters,
) -> IntArray:
    """(n_test, n_experiments) predicted class codes, -1 where an experiment does not test the example."""
    used = _used(experiments)
    bench.expect(len(used) + len(test_texts))
    vectors = bench.embed([*(train_texts[row] for row in used), *test_texts], role=Role.TEXT)
    train, test = vectors[: len(used)], vectors[len(used) :]

    def run(experiment: Experiment) -> IntArray:
        rows = np.searchsorted(used, experiment.train)
        out = np.full(len(test_texts), -1, dtype=np.int64)
        out[experiment.test] = _fit_predict(train[rows], labels[experiment.train], test[experiment.test], parameters)
        return out

    return np.stack(run_repeats(run, experiments, workers=bench.workers), axis=1)


def _used(experiments: list[Experiment]) -> IntArray:
    """Rows of the training split that some experiment learns from, sorted."""
    return np.unique(np.concatenate([experiment.train for experiment in experiments]))


def _fit_predict(x: Vectors, y: IntArray, test: Vectors, parameters: ClassificationParameters) -> IntArray:
    from sklearn.linear_model import LogisticRegression

    try:
        model = LogisticRegression(max_iter=parameters.max_iter, random_state=parameters.seed).fit(x, y)
    except ValueError as error:
        raise CellError(
            f"The classifier cannot be fitted: {in_words(error)}.", hint="Check the training split."
        ) from error
    predicted: IntArray = np.asarray(model.predict(test), dtype=np.int64)
    return predicted
