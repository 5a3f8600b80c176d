"""A cell's scores depend on encoder, data and protocol, and on nothing that ran before or beside it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import helpers
import pytest

import evalkit
from evalkit.plugins import Plugins
from evalkit.protocols import Cell, Task

CLUSTERED = ("alpha", "beta", "gamma")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    helpers.clustering(root / "Clusters", subsets=CLUSTERED)
    levels = helpers.clustering(root / "Levels", subsets=("one", "two"))
    for subset in ("one", "two"):
        rows = [{"text": helpers.sentence(i, subset), "label": [f"a{i % 2}", f"b{i % 5}"]} for i in range(40)]
        helpers.jsonl(levels / subset / "test.jsonl", rows)
    sets = helpers.toml(root / "Sets", "Clustering", ("test", "dev"), kind="legacy")
    for split, n in (("test", 30), ("dev", 24)):
        rows = [
            {"texts": [helpers.sentence(i, f"{split}{s}") for i in range(n)], "labels": [i % 3 for i in range(n)]}
            for s in range(2)
        ]
        helpers.jsonl(sets / f"{split}.jsonl", rows)
    helpers.sts(root / "Pairs", n=40, splits=("validation", "test"), subsets=("en", "de"))
    helpers.classification(root / "Colours", n=60)
    folds = helpers.classification(root / "Folds", n=60)
    toml = (folds / "task.toml").read_text().replace('["test"]', '["train"]')
    (folds / "task.toml").write_text(toml + "is_cross_validation = true\n")
    helpers.retrieval(root / "Search", n=60, n_queries=20)
    return root


@pytest.fixture(scope="module")
def alone(data: Path) -> dict[Any, Any]:
    """Every cell scored in a task of its own, with nothing before it."""
    found: dict[Any, Any] = {}
    for task in tasks(data):
        for cell in task.cells():
            found |= run([OneCell(task, cell)])
    return found


class OneCell:
    """A task of one of its cells; `evaluate` and all else are the task's."""

    def __init__(self, task: Task, *cells: Cell) -> None:
        self._task = task
        self._cells = cells

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def cells(self) -> tuple[Cell, ...]:
        return self._cells


def tasks(data: Path) -> list[Task]:
    plugins = Plugins.installed()
    return [plugins.open_task(path.parent) for path in sorted(data.glob("*/task.toml"))]


def run(given: Any, **more: Any) -> dict[Any, Any]:
    return helpers.cells(evalkit.evaluate(helpers.Counting(), given, **{"cache": False, "workers": 1, **more}))


def test_there_is_something_to_disturb(alone: dict[Any, Any]) -> None:
    assert len(alone) == 3 + 2 + 2 + 4 + 1 + 1 + 1
    same = [alone["counting", "Clusters", "test", subset]["scores"]["v_measure"] for subset in CLUSTERED]
    assert len(set(same)) == 3


def test_all_tasks_in_one_run(data: Path, alone: dict[Any, Any]) -> None:
    assert run((), data=[data]) == alone


@pytest.mark.parametrize("seed", [1, 2])
def test_tasks_and_cells_in_any_order(seed: int, data: Path, alone: dict[Any, Any]) -> None:
    generator = random.Random(seed)
    shuffled = [
        OneCell(task, *generator.sample(list(task.cells()), k=len(task.cells())))
        for task in generator.sample(tasks(data), k=len(tasks(data)))
    ]
    random.seed(seed)  # nor on anybody's global generator
    assert run(shuffled) == alone


@pytest.mark.parametrize("workers", [2, 3])
def test_on_several_workers(workers: int, data: Path, alone: dict[Any, Any]) -> None:
    assert run((), data=[data], workers=workers) == alone


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_with_any_batch_size(batch_size: int, data: Path, alone: dict[Any, Any]) -> None:
    assert run((), data=[data], batch_size=batch_size) == alone


def test_with_a_cache_that_is_empty_half_full_or_full(data: Path, alone: dict[Any, Any]) -> None:
    run(tasks(data)[::2], cache=True)
    for _ in range(2):
        assert run((), data=[data], cache=True, batch_size=7) == alone


def test_in_two_halves_with_a_stop_between(data: Path, alone: dict[Any, Any], tmp_path: Path) -> None:
    def stop(texts: list[str], vectors: Any, call: int) -> Any:
        if any(text.startswith(("beta", "dev1", "enval")) for text in texts):
            raise RuntimeError("stop")
        return vectors

    first = evalkit.evaluate(helpers.Counting(fault=stop), data=[data], output=tmp_path, workers=1)
    assert len(first.failures) == 3
    assert run((), data=[data], output=tmp_path) == alone


def test_after_another_encoder(data: Path, alone: dict[Any, Any]) -> None:
    pair = [helpers.Counting(name="other", fingerprint="f" * 64, dimension=5), helpers.Counting()]
    both = helpers.cells(evalkit.evaluate(pair, data=[data], workers=1))
    assert {key: value for key, value in both.items() if key[0] == "counting"} == alone
