"""A task that runs through mteb's own evaluator: its scores, without observations."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.mteb.library import mteb, mteb_version, quiet
from evalkit.errors import CellError, EvalkitError, in_words
from evalkit.fingerprint import digest_json
from evalkit.protocols import CellScores
from evalkit_tasks.mteb.catalogue import cells_of, info_of
from evalkit_tasks.mteb.chance import untouched_generators
from evalkit_tasks.mteb.export import recorded
from evalkit_tasks.mteb.loading import load
from evalkit_tasks.mteb.model import BenchModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Cell, Workbench

_TOLD = ("main_score", "hf_subset", "languages")
_EXPERIMENTS = "scores_per_experiment"
_BATCH = 32


class EvaluatedTask:
    """A `evalkit.protocols.Task` around a task of mteb that evalkit cannot run by its own protocols.

    Args:
        task: mteb's task, restricted to the cells that are scored.
        reason: Why it is not evalkit's, in half a sentence.
    """

    lexical = False

    def __init__(self, task: Any, reason: str) -> None:
        self.info = info_of(task)
        self.main_score = str(task.metadata.main_score)
        self.images = "image" in task.metadata.modalities
        self._task = task
        self._reason = reason

    @property
    def protocol(self) -> dict[str, Any]:
        """Whose evaluator it was, on which data."""
        said = recorded(self._task)
        kept = ("dataset", "revision", "subsets", "splits")
        return {"evaluator": f"mteb {mteb_version()}", "main_score": self.main_score, **{k: said[k] for k in kept}}

    @property
    def fingerprint(self) -> str:
        """Digest of the protocol and of the class's source; the data are known by their revision."""
        return digest_json({"protocol": self.protocol, "class": _source(type(self._task))})

    def cells(self) -> Sequence[Cell]:
        """Those of mteb."""
        return cells_of(self._task)

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell, with generators of its own: nothing depends on what ran before.

        Raises:
            DataError: The data cannot be had.
            CellError: mteb's evaluator fails.
        """
        load(self._task)
        with quiet(), untouched_generators():
            scores = self._scores(cell, BenchModel(bench))
        said = f"Scored by mteb {mteb_version()} itself, as {self._reason}: nothing is known of its uncertainty."
        return CellScores(None, extra=_numbers(scores), repeats=_repeats(scores), warnings=(said,))

    def _scores(self, cell: Cell, model: BenchModel) -> Mapping[str, Any]:
        task = copy.copy(self._task)
        task.hf_subsets = [cell.subset]
        task.rng_state, task.np_rng = mteb("_set_seed")._set_seed(task.seed)
        told = {"batch_size": _BATCH, "show_progress_bar": False}
        try:
            found = task.evaluate(model, cell.split, subsets_to_run=[cell.subset], encode_kwargs=told)
            scores: Mapping[str, Any] = found[cell.subset]
        except EvalkitError:
            raise
        except Exception as error:
            raise CellError(
                f"mteb's evaluator failed on {self.info.name}: {in_words(error)}.", hint="Try another version of mteb."
            ) from error
        return scores


def _numbers(scores: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float("nan") if value is None else float(value)
        for name, value in scores.items()
        if name not in _TOLD and (value is None or _is_number(value))
    }


def _repeats(scores: Mapping[str, Any]) -> dict[str, list[float]]:
    """Values of each experiment, where mteb tells them."""
    experiments = scores.get(_EXPERIMENTS)
    if not isinstance(experiments, list) or not experiments:
        return {}
    found = {name: [each.get(name) for each in experiments] for name in experiments[0]}
    return {name: list(map(float, values)) for name, values in found.items() if all(map(_is_number, values))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return kind.__qualname__
