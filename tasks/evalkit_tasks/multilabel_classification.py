"""Multilabel classification: do the neighbours of a text among a few examples have its labels?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from evalkit.data.jsonl import is_label, is_text
from evalkit.errors import CellError, DataError, in_words
from evalkit.observations import Observations, parse_statistic
from evalkit.observations.multilabel import label_bits
from evalkit.protocols import CellScores
from evalkit.repeats import run_repeats
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters, label_codes
from evalkit_tasks.label_ranking import label_ranking_precision
from evalkit_tasks.stratify import stratified_by_labels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalkit.protocols import Cell, Workbench
    from evalkit.types import AnyArray, FloatArray, IntArray, Vectors

_STATISTICS = {
    "accuracy": "subset_accuracy(label, predicted)",
    "f1": "label_f1(label, predicted)",
    "lrap": "mean(lrap)",
    "hamming": "jaccard(label, predicted)",
    "f1_micro": "label_f1_micro(label, predicted)",
    "label_accuracy": "label_accuracy(label, predicted)",
}
_OF_NEIGHBOURS = {"lrap_votes": "mean(lrap_votes)"}


class MultilabelParameters(Parameters):
    """mteb's parameters.

    Attributes:
        samples_per_label: Examples of each label that an experiment learns from, at least, where there are so many.
        n_experiments: Experiments; each draws its own training examples.
        train_split: Where they are drawn from.
        max_eval_samples: Evaluated texts; of more, about so many are drawn. None or 0 takes all.
        classifier: The nearest neighbours, or a logistic regression for each label.
        n_neighbors: Neighbours that vote.
        max_iter: Iterations of the logistic regression.
    """

    samples_per_label: int = Field(default=8, ge=1)
    n_experiments: int = Field(default=10, ge=1)
    train_split: str = "train"
    max_eval_samples: int | None = Field(default=3000, ge=1)
    classifier: Literal["KNeighborsClassifier", "MultiOutputClassifier"] = "KNeighborsClassifier"
    n_neighbors: int = Field(default=5, ge=1)
    max_iter: int = Field(default=100, ge=1)

    @field_validator("max_eval_samples", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        """TOML has no null: false, 0 and "none" stand for it."""
        return None if value in (False, 0, "none", "None", "") else value


@dataclass(frozen=True)
class _Data:
    """What a cell learns from and is tested on.

    Attributes:
        texts: Texts of the training examples that some experiment learns from.
        members: (m, L) which labels they have.
        experiments: Rows of these that each experiment learns from, in the order in which they are drawn.
        rows: Rows of the evaluated split.
        test_texts: Their texts.
        test_members: (n, L) which labels they have; each of the L labels is some text's.
        names: The L labels.
    """

    texts: list[str]
    members: AnyArray
    experiments: list[IntArray]
    rows: Sequence[int]
    test_texts: list[str]
    test_members: AnyArray
    names: tuple[str, ...]

    def unseen(self) -> tuple[str, ...]:
        """A warning of the labels that no training example has."""
        absent = [self.names[label] for label in np.flatnonzero(~self.members.any(axis=0))]
        if not absent:
            return ()
        named = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
        return (f"No training example that was drawn has the label {named}: it cannot be predicted.",)


@dataclass(frozen=True)
class _Outcome:
    """What one experiment says of the n evaluated texts.

    Attributes:
        bits: (n, W) predicted sets.
        lrap: (n,) label ranking average precision, of the hard predictions where the classifier gives no scores.
        lrap_votes: (n,) that of the neighbours' votes, or None where none vote.
    """

    bits: IntArray
    lrap: FloatArray
    lrap_votes: FloatArray | None = None


class MultilabelTask(FolderTask[MultilabelParameters]):
    """Accuracy of whole label sets, F1 over labels, label ranking average precision, over examples and experiments.

    Source: mteb 2.26.24, `AbsTaskMultilabelClassification`. Labels that no evaluated text has are no labels. mteb's
    ``hamming`` is the Jaccard index of two label sets and its ``lrap`` ranks the *hard* predictions of the neighbours;
    `label_accuracy` (one less the Hamming loss), `lrap_votes` and `f1_micro` are ours. mteb lets one generator run on
    from subset to subset and from split to split; here each cell has its own, which equals mteb's when it runs alone.
    """

    parameters_type: ClassVar[type[Parameters]] = MultilabelParameters
    default_main_score: ClassVar[str] = "accuracy"

    def metrics(self) -> tuple[str, ...]:
        """Those of mteb, and ours."""
        return tuple(self._statistics())

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
        run = partial(_experiment, data, vectors, parameters=self.parameters)
        outcomes = run_repeats(run, data.experiments, workers=bench.workers)
        observations = self._observations(data, outcomes)
        return CellScores(observations, repeats=observations.repeats(), warnings=(*self.notes(cell), *data.unseen()))

    def _statistics(self) -> dict[str, str]:
        votes = self.parameters.classifier == "KNeighborsClassifier"
        return {**_STATISTICS, **(_OF_NEIGHBOURS if votes else {})}

    def _read(self, cell: Cell) -> _Data:
        parameters = self.parameters
        train_path, test_path = (
            self.folder.base(cell.subset) / f"{split}.jsonl" for split in (parameters.train_split, cell.split)
        )
        test = self.folder.table(cell.subset, cell.split, _CHECKS)
        train = self.folder.table(cell.subset, parameters.train_split, _CHECKS)
        rows = _evaluated(test["labels"], parameters, str(test_path))
        test_labels = [test["labels"][row] for row in rows]
        experiments = _draws(train["labels"], parameters, str(train_path))
        used = np.unique(np.concatenate(experiments))
        names = _distinct(test_labels, str(test_path))
        return _Data(
            texts=[train["text"][row] for row in used],
            members=_members([train["labels"][row] for row in used], names),
            experiments=[np.searchsorted(used, drawn) for drawn in experiments],
            rows=rows,
            test_texts=[test["text"][row] for row in rows],
            test_members=_members(test_labels, names),
            names=tuple(map(str, names)),
        )

    def _observations(self, data: _Data, outcomes: list[_Outcome]) -> Observations:
        columns = {
            "label": label_bits(data.test_members),
            "predicted": np.hstack([outcome.bits for outcome in outcomes]),
            "lrap": np.stack([outcome.lrap for outcome in outcomes], axis=1),
        }
        votes = [outcome.lrap_votes for outcome in outcomes if outcome.lrap_votes is not None]
        if votes:
            columns["lrap_votes"] = np.stack(votes, axis=1)
        return Observations(
            unit="example",
            ids=tuple(map(str, data.rows)),
            columns=columns,
            statistics={metric: parse_statistic(text) for metric, text in self._statistics().items()},
        )


def _is_labels(value: Any) -> bool:
    """A list of classes; it may be empty."""
    return isinstance(value, list) and all(map(is_label, value))


_CHECKS = {"text": is_text, "labels": _is_labels}


def _evaluated(labels: list[list[int | str]], parameters: MultilabelParameters, where: str) -> Sequence[int]:
    """Rows of the evaluated split: all, or a sample in which labels are as frequent."""
    most = parameters.max_eval_samples
    if most is None or len(labels) <= most:
        return range(len(labels))
    codes = {name: code for code, name in enumerate(_distinct(labels, where))}
    coded = [sorted({codes[label] for label in each}) for each in labels]
    return stratified_by_labels(coded, most, parameters.seed)


def _distinct(labels: list[list[int | str]], where: str) -> list[int | str]:
    """The labels that occur, sorted.

    Raises:
        DataError: Fewer than two, or numbers and strings are mixed.
    """
    flat = [label for each in labels for label in each]
    label_codes(flat, where)
    names = sorted(set(flat))
    if len(names) < 2:
        raise DataError(f"{where}: the texts have {len(names)} different labels.", hint="The type needs at least two.")
    return names


def _members(labels: list[list[int | str]], names: list[int | str]) -> AnyArray:
    """(n, L) which of the named labels each text has."""
    codes = {name: code for code, name in enumerate(names)}
    members = np.zeros((len(labels), len(names)), dtype=np.bool_)
    for row, each in enumerate(labels):
        members[row, [codes[label] for label in each if label in codes]] = True
    return members


def _draws(labels: list[list[int | str]], parameters: MultilabelParameters, where: str) -> list[IntArray]:
    """Training rows of every experiment.

    Raises:
        DataError: No text has a label, or there are fewer examples than neighbours that are to vote.
    """
    label_codes([label for each in labels for label in each], where)
    draws = draw_examples(labels, parameters.samples_per_label, parameters.n_experiments, parameters.seed)
    needed = parameters.n_neighbors if parameters.classifier == "KNeighborsClassifier" else 1
    fewest = min(map(len, draws))
    if fewest < needed:
        raise DataError(
            f"{where}: an experiment draws {fewest} labelled examples and needs {needed}.",
            hint="Add examples, or change samples_per_label or n_neighbors in task.toml.",
        )
    return draws


def draw_examples(labels: list[list[Any]], samples_per_label: int, n_experiments: int, seed: int) -> list[IntArray]:
    """Rows of the training examples of every experiment, in the order in which they are drawn.

    Rows come in shuffled order; one is taken while any of its labels has too few examples, so that frequent labels get
    more than they need. One generator serves all experiments.

    Args:
        labels: Labels of every row.
        samples_per_label: Rows of each label, where there are so many.
        n_experiments: How often.
        seed: Of the generator.
    """
    generator = np.random.default_rng(seed)
    draws = []
    for _ in range(n_experiments):
        order = np.arange(len(labels))
        generator.shuffle(order)
        draws.append(np.array(_enough_of_each(order.tolist(), labels, samples_per_label), dtype=np.int64))
    return draws


def _enough_of_each(order: list[int], labels: list[list[Any]], wanted: int) -> list[int]:
    counts: Counter[Any] = Counter()
    taken = []
    for row in order:
        if any(counts[label] < wanted for label in labels[row]):
            taken.append(row)
            counts.update(labels[row])
    return taken


def _experiment(data: _Data, vectors: Vectors, rows: IntArray, *, parameters: MultilabelParameters) -> _Outcome:
    x, y, test = vectors[rows], data.members[rows], vectors[len(data.texts) :]
    truth = data.test_members
    if parameters.classifier == "MultiOutputClassifier":
        predicted, scores = _regressions(x, y, test, parameters)
        return _Outcome(label_bits(predicted), label_ranking_precision(truth, scores))
    votes = _votes(x, y, test, parameters)
    predicted = 2 * votes > parameters.n_neighbors
    return _Outcome(
        label_bits(predicted), label_ranking_precision(truth, predicted), label_ranking_precision(truth, votes)
    )


def _votes(x: Vectors, y: AnyArray, test: Vectors, parameters: MultilabelParameters) -> IntArray:
    """(n, L) how many of the nearest training examples have each label: what `KNeighborsClassifier` decides by."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=parameters.n_neighbors).fit(x).kneighbors(test, return_distance=False)
    votes = np.zeros((len(test), y.shape[1]), dtype=np.int64)
    for neighbours in found.T:
        votes += y[neighbours]
    return votes


def _regressions(
    x: Vectors, y: AnyArray, test: Vectors, parameters: MultilabelParameters
) -> tuple[AnyArray, FloatArray]:
    """(n, L) predictions and probabilities of a logistic regression for each label."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multioutput import MultiOutputClassifier

    try:
        model = MultiOutputClassifier(LogisticRegression(max_iter=parameters.max_iter)).fit(x, y.astype(np.int64))
    except ValueError as error:
        raise CellError(
            f"A label's classifier cannot be fitted: {in_words(error)}.",
            hint="Each label needs training examples with it and without it; raise samples_per_label.",
        ) from error
    scores = np.stack([each[:, 1] for each in model.predict_proba(test)], axis=1)
    return np.asarray(model.predict(test)) > 0, scores
