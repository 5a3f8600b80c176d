"""Rules of tasks: a violation of each is named."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from evalkit.adapters.random import RandomEncoder
from evalkit.observations import Mean, Observations
from evalkit.protocols import Cell, CellScores, TaskInfo
from evalkit.ranking import rank
from evalkit.search import document_tie_keys
from evalkit.testing import TEXTS, MemoryBench, check_task
from evalkit.testing.samples import Tokens
from evalkit.types import Candidates, Form, Ranking, Role

COUNTER = count()


class GoodTask:
    """How long is a text? For breaking one rule at a time."""

    info = TaskInfo("Good", "Length")
    fingerprint: Any = "0123456789abcdef"
    protocol: Any = {"version": 1}  # noqa: RUF012
    main_score: Any = "score"
    lexical: Any = False

    def cells(self) -> Any:
        return [Cell("test"), Cell("dev")]

    def evaluate(self, cell: Cell, bench: Any) -> Any:
        bench.expect(len(TEXTS))
        vectors = bench.embed(list(TEXTS), role=Role.TEXT)
        columns = {"norm": np.abs(vectors).sum(axis=1).astype(np.float64)}
        return CellScores(Observations(unit="text", columns=columns, statistics={"score": Mean("norm")}))


def test_a_good_task() -> None:
    check_task(GoodTask())
    check_task(GoodTask(), RandomEncoder())


def test_nan_is_an_honest_score() -> None:
    class Undefined(GoodTask):
        def evaluate(self, cell: Cell, bench: Any) -> Any:
            return replace(super().evaluate(cell, bench), extra={"other": float("nan")})

    check_task(Undefined())


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ({"info": TaskInfo("", "x")}, "info must be a TaskInfo with a name"),
        ({"fingerprint": "data-v1"}, "fingerprint must be 12 hex digits or more"),
        ({"main_score": ""}, "main_score must be the name of a metric"),
        ({"main_score": "other"}, "the main score 'other' must be a statistic .* which have score"),
        ({"lexical": 1}, "lexical must be True or False"),
        ({"protocol": {"x": float("nan")}}, "protocol must be a mapping of JSON"),
        ({"cells": list}, "at least one cell"),
        ({"cells": lambda: ["test"]}, "cells must return Cell objects"),
        ({"cells": lambda: [Cell("a"), Cell("a")]}, "no two cells may have the same split and subset"),
        ({"evaluate": lambda cell, bench: {}}, "evaluate must return CellScores, not dict"),
        ({"evaluate": lambda cell, bench: bench.embed([], role=Role.TEXT)}, "embed must be given texts"),
        ({"evaluate": lambda cell, bench: bench.embed(["a"], role="text")}, "embed must be given a Role"),
        ({"lexical": True}, "a task that calls itself lexical must not ask a scorer for vectors"),
    ],
)
def test_each_rule_a_task_breaks_is_named(attributes: dict[str, Any], rule: str) -> None:
    task: Any = GoodTask()
    for name, value in attributes.items():
        setattr(task, name, value)
    with pytest.raises(AssertionError, match=rule):
        check_task(task)


def _units(n: int, kind: type[Observations] = Observations) -> Observations:
    return kind(unit="text", columns={"norm": np.arange(n, dtype=np.float64)}, statistics={"score": Mean("norm")})


class _Unlike(Observations):
    """Stored otherwise than scored."""

    def to_json(self) -> Any:
        return {**super().to_json(), **_units(2).to_json()}


class _Strange(Observations):
    def to_json(self) -> Any:
        return {"columns": {1, 2}}


@pytest.mark.parametrize(
    ("observations", "rule"),
    [
        ({"norm": [1.0]}, "the observations of cell .* must be Observations"),
        (_units(0), "the observations of cell .* must have at least one unit"),
        (_units(3, _Strange), "the observations of cell .* must be strict JSON"),
        (_units(3, _Unlike), "must follow bit for bit from its observations as they are stored"),
    ],
)
def test_each_broken_rule_of_observations_is_named(observations: Any, rule: str) -> None:
    task: Any = GoodTask()
    task.evaluate = lambda cell, bench: CellScores(observations)
    with pytest.raises(AssertionError, match=rule):
        check_task(task)


def test_a_generator_that_outlives_the_call() -> None:
    class Shared(GoodTask):
        generator = np.random.default_rng(0)

        def evaluate(self, cell: Cell, bench: Any) -> Any:
            columns = {"x": self.generator.normal(size=3)}
            return CellScores(Observations(unit="text", columns=columns, statistics={"score": Mean("x")}))

    with pytest.raises(AssertionError, match="must score the same each time, whatever was scored before it"):
        check_task(Shared())


def test_a_task_that_changes_the_vectors() -> None:
    class Normalising(GoodTask):
        def evaluate(self, cell: Cell, bench: Any) -> Any:
            vectors = bench.embed(list(TEXTS), role=Role.TEXT)
            vectors *= 2
            return super().evaluate(cell, bench)

    with pytest.raises(AssertionError, match="must not change the vectors"):
        check_task(Normalising())


def test_an_infinite_score() -> None:
    class Infinite(GoodTask):
        def evaluate(self, cell: Cell, bench: Any) -> Any:
            return replace(super().evaluate(cell, bench), extra={"ratio": float("inf")})

    with pytest.raises(AssertionError, match="ratio must be a finite number"):
        check_task(Infinite())


def test_memory_bench_checks_what_it_is_told() -> None:
    bench = MemoryBench(RandomEncoder(dim=3), GoodTask.info)
    bench.expect(3)
    assert bench.embed(["a"], role=Role.QUERY).shape == (1, 3)
    with pytest.raises(AssertionError, match="a number of texts"):
        bench.expect(-1)
    with pytest.raises(AssertionError, match="beside must be given an encoder or a part of one"):
        bench.beside(3)  # type: ignore[arg-type]
    assert bench.beside(RandomEncoder(dim=2)).embed(["b"], role=Role.TEXT).shape == (1, 2)
    assert (bench.embedded, len(bench.given), bench.untouched()) == ({Role.QUERY: {"a"}}, 2, True)


def test_a_fingerprint_that_is_never_the_same() -> None:
    moving = property(lambda self: f"{next(COUNTER):064x}")
    with pytest.raises(AssertionError, match="fingerprint must be the same each time"):
        check_task(type("Moving", (GoodTask,), {"fingerprint": moving})())


# -- forms, candidates, texts, costs -----------------------------------------------------------------------------


class Ranked:
    """Which text is nearest? For breaking one rule at a time."""

    info = TaskInfo("Ranked", "Nearest")
    fingerprint: Any = "0123456789abcdef"
    protocol: Any = {"version": 1}  # noqa: RUF012
    main_score: Any = "found"
    lexical: Any = True
    candidates: Any = True
    forms: Any = tuple(Form)
    more: Any = {}  # noqa: RUF012

    def cells(self) -> Any:
        return [Cell("test")]

    def texts(self, cell: Any) -> Any:
        return {Role.QUERY: TEXTS, Role.DOCUMENT: TEXTS}

    def evaluate(self, cell: Any, bench: Any) -> Any:
        n = len(TEXTS)
        given = Candidates.of([range(n)] * n) if self.candidates else None
        keys = document_tie_keys([str(row) for row in range(n)])
        top = rank(Ranking(TEXTS, TEXTS, keys, 1, given), bench)
        found = (top.documents[:, 0] >= 0).astype(np.float64)
        observations = Observations(unit="text", columns={"found": found}, statistics={"found": Mean("found")})
        return replace(CellScores(observations), **self.more)


def without_candidates(bench: Any) -> Any:
    task: Any = Ranked()
    task.candidates = False
    return task.evaluate(Cell("test"), bench)


def dense_only(cell: Any, bench: Any) -> Any:
    task: Any = Ranked()
    bench.embed(list(TEXTS), role=Role.TEXT)
    return task.evaluate(cell, bench)


def writing(cell: Any, bench: Any) -> Any:
    scores = Ranked().evaluate(cell, bench)
    if getattr(bench.scorer, "form", None) is Form.SPARSE:
        bench.embed_any(TEXTS, role=Role.QUERY).data[:] = 3
    return scores


def test_a_task_that_ranks_and_keeps_the_contract() -> None:
    check_task(Ranked())
    check_task(Ranked(), Tokens())
    task: Any = Ranked()
    task.more = {
        "cost": {"flops": 3},
        "data": {"texts": 7.0},
        "ties": {"found": (0.0, 1.0)},
        "repeats": {"found": [1.0]},
    }
    check_task(task)
    task.texts = lambda cell: {Role.QUERY: TEXTS[::-1], Role.DOCUMENT: set(TEXTS), Role.TEXT: []}
    check_task(task)
    task.forms = (Form.MULTI,)
    check_task(task)


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ({"forms": ()}, "forms must be some of dense, sparse, multi"),
        ({"forms": "dense"}, "forms must be some of dense, sparse, multi"),
        ({"forms": ("dense", "ragged")}, "forms must be some of dense, sparse, multi"),
        ({"candidates": "yes"}, "candidates must be True or False"),
        ({"texts": TEXTS}, r"texts must be a method \(cell\)"),
        ({"texts": lambda cell: TEXTS}, "texts must return a mapping of each Role to texts"),
        ({"texts": lambda cell: {"query": TEXTS}}, "texts must return a mapping of each Role to texts"),
        ({"texts": lambda cell: {Role.QUERY: "abc"}}, "texts must return the texts of each role as strings"),
        ({"texts": lambda cell: {Role.QUERY: [3]}}, "texts must return the texts of each role as strings"),
        ({"texts": lambda cell: {Role.QUERY: [str(next(COUNTER))]}}, "texts must be the same each time"),
        (
            {"texts": lambda cell: {Role.QUERY: TEXTS}},
            r"texts must return all texts of role document that cell \('test', 'default'\) embeds; '' is missing",
        ),
        (
            {"texts": lambda cell: {Role.QUERY: [*TEXTS, "other"], Role.DOCUMENT: TEXTS}},
            "texts must return only texts of role query that cell .* embeds; 'other' is not embedded",
        ),
        (
            {"texts": lambda cell: {Role.QUERY: TEXTS, Role.DOCUMENT: TEXTS, Role.TEXT: ["more"]}},
            "texts must return only texts of role text that cell .* embeds; 'more' is not embedded",
        ),
        ({"more": {"cost": {"flops": float("nan")}}}, "cost must be finite numbers by name, not 'flops': nan"),
        ({"more": {"cost": [3]}}, "cost must be a mapping of numbers by name"),
        ({"more": {"data": {"texts": "7"}}}, "data must be finite numbers by name, not 'texts': '7'"),
        ({"more": {"data": {"large": True}}}, "data must be finite numbers by name, not 'large': True"),
        ({"more": {"ties": []}}, "ties must be a mapping of metrics to their lowest and highest value"),
        ({"more": {"repeats": [1.0]}}, "repeats must be a mapping of metrics to a value for each repeat"),
        ({"more": {"ties": {"ndcg": (0.0, 1.0)}}}, "ties must be of metrics that the cell has, not of 'ndcg'"),
        ({"more": {"ties": {"found": (1.0, 0.0)}}}, "ties of found must be its lowest and highest value"),
        ({"more": {"ties": {"found": (0.0, float("nan"))}}}, "ties of found must be its lowest and highest value"),
        ({"more": {"repeats": {"found": [float("inf")]}}}, "repeats of found must be numbers"),
        ({"more": {"warnings": "Careful."}}, "warnings must be sentences"),
        ({"evaluate": lambda cell, bench: without_candidates(bench)}, "must give them to a ranker"),
        (
            {"evaluate": dense_only, "texts": None},
            "a task of dense vectors only must not say that it takes other forms",
        ),
        ({"evaluate": writing}, "evaluate must not change the vectors that it is given"),
    ],
)
def test_each_rule_that_a_task_breaks_is_named(attributes: dict[str, Any], rule: str) -> None:
    task: Any = Ranked()
    for name, value in attributes.items():
        setattr(task, name, value)
    if task.texts is None:
        task.texts = lambda cell: dict.fromkeys(Role, TEXTS)
    with pytest.raises(AssertionError, match=f"Broken rule: .*({rule})"):
        check_task(task)


@pytest.mark.parametrize("name", ["cost", "data", "ties", "repeats"])
def test_all_that_a_cell_says_is_the_same_each_time(name: str) -> None:
    class Moving(Ranked):
        def evaluate(self, cell: Any, bench: Any) -> Any:
            value = float(next(COUNTER))
            said = {"found": (value, value)} if name in {"ties", "repeats"} else {"found": value}
            return replace(super().evaluate(cell, bench), **{name: said})

    with pytest.raises(AssertionError, match="must score the same each time"):
        check_task(Moving())


def test_scores_without_observations() -> None:
    class Bare(Ranked):
        extra: Any = {"found": 1.0}  # noqa: RUF012

        def evaluate(self, cell: Any, bench: Any) -> Any:
            return replace(super().evaluate(cell, bench), observations=None, extra=self.extra)

    check_task(Bare())
    task: Any = Bare()
    task.extra = {"other": 1.0}
    with pytest.raises(AssertionError, match="without observations the main score must be among extra"):
        check_task(task)


def test_each_form_that_a_task_takes_is_tried() -> None:
    seen = set()

    class Watching(Ranked):
        def evaluate(self, cell: Any, bench: Any) -> Any:
            seen.add(getattr(bench.scorer, "form", type(bench.scorer).__name__))
            return super().evaluate(cell, bench)

    check_task(Watching())
    assert seen == {"HashingEncoder", Form.SPARSE, Form.MULTI, "BM25", "SmallRanker"}
