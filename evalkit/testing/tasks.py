"""Rules of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from evalkit.fingerprint import SHORT
from evalkit.protocols import Cell, CellScores, TaskInfo
from evalkit.testing.bench import MemoryBench
from evalkit.testing.rules import is_digest, is_json, rule
from evalkit.testing.samples import SmallRanker, small
from evalkit.testing.scores import check_scores, shown
from evalkit.types import Form, Role

if TYPE_CHECKING:
    from evalkit.protocols import Scorer, Task

Scored: TypeAlias = dict[tuple[str, str], CellScores]


def check_task(task: Task, scorer: Scorer | None = None) -> None:
    """Check that a task keeps its contract.

    It is scored twice with a small encoder, and once with a small one of every other form that it takes, with a lexical
    scorer and a ranker where it says that it ranks.

    Args:
        task: What to check.
        scorer: What to score it with first; without it a hashing encoder, or one of pixels where it needs pictures.

    Raises:
        AssertionError: It does not; the message names the rule.
    """
    _check_declarations(task)
    cells = list(task.cells())
    first = scorer or _usual(task)
    once = _score(task, cells, first)
    twice = _score(task, cells[::-1], first)
    for key, scores in once.items():
        check_scores(task, key, scores)
        same = shown(scores) == shown(twice[key])
        rule(same, f"cell {key} must score the same each time, whatever was scored before it")
    for other in _others(task, first):
        for key, scores in _score(task, cells, other).items():
            check_scores(task, key, scores)


def _forms(task: Task) -> list[Form]:
    taken = getattr(task, "forms", (Form.DENSE,))
    return [form for form in Form if form in taken]


def _usual(task: Task) -> Scorer:
    if not getattr(task, "images", False):
        return small(_forms(task)[0])
    from evalkit.adapters.pixels import PixelEncoder

    return PixelEncoder(side=2)


def _others(task: Task, first: Scorer) -> list[Scorer]:
    from evalkit.adapters.bm25 import BM25

    images = getattr(task, "images", False)
    forms = [] if images else _forms(task)
    encoders: list[Scorer] = [small(form) for form in forms if form != getattr(first, "form", Form.DENSE)]
    if not task.lexical:
        return encoders
    return [*encoders, BM25(), SmallRanker(needs_candidates=getattr(task, "candidates", False))]


def _check_declarations(task: Task) -> None:
    info = task.info
    rule(isinstance(info, TaskInfo) and info.name and info.type, "info must be a TaskInfo with a name and a type")
    fingerprint = task.fingerprint
    rule(is_digest(fingerprint), f"fingerprint must be {SHORT} hex digits or more")
    rule(task.fingerprint == fingerprint, "fingerprint must be the same each time")
    rule(isinstance(task.main_score, str) and task.main_score, "main_score must be the name of a metric")
    rule(isinstance(task.lexical, bool), "lexical must be True or False")
    rule(isinstance(task.protocol, Mapping) and is_json(dict(task.protocol)), "protocol must be a mapping of JSON")
    _check_abilities(task)
    _check_cells(list(task.cells()))


def _check_abilities(task: Any) -> None:
    forms = getattr(task, "forms", (Form.DENSE,))
    some = not isinstance(forms, str) and len(tuple(forms)) and all(form in set(Form) for form in forms)
    rule(some, f"forms must be some of {', '.join(Form)}")
    rule(isinstance(getattr(task, "candidates", False), bool), "candidates must be True or False")
    rule(callable(getattr(task, "texts", dict)), "texts must be a method (cell) -> mapping of texts by role")


def _check_cells(cells: list[Cell]) -> None:
    rule(cells, "a task must have at least one cell")
    rule(all(isinstance(cell, Cell) for cell in cells), "cells must return Cell objects")
    keys = [(cell.split, cell.subset) for cell in cells]
    rule(len(set(keys)) == len(keys), "no two cells may have the same split and subset")


def _score(task: Task, cells: Sequence[Cell], scorer: Scorer) -> Scored:
    scored: Scored = {}
    for cell in cells:
        texts = _texts(task, cell)
        bench = MemoryBench(scorer, task.info, texts=texts)
        scored[cell.split, cell.subset] = task.evaluate(cell, bench)
        rule(bench.untouched(), "evaluate must not change the vectors that it is given")
        # What a lexical scorer or a ranker looks at is its own affair; pictures go by digests, and by themselves.
        if texts is not None and bench.embedded and not getattr(task, "images", False):
            _check_texts(cell, texts, bench)
    return scored


def _texts(task: Task, cell: Cell) -> Mapping[Role, Sequence[str]] | None:
    say = getattr(task, "texts", None)
    if say is None:
        return None
    texts: Mapping[Role, Sequence[str]] = say(cell)
    named = isinstance(texts, Mapping) and all(isinstance(role, Role) for role in texts)
    rule(named, "texts must return a mapping of each Role to texts")
    listed = (not isinstance(each, str) and all(isinstance(text, str) for text in each) for each in texts.values())
    rule(all(listed), "texts must return the texts of each role as strings, each by itself")
    rule(
        {role: list(each) for role, each in say(cell).items()} == {role: list(each) for role, each in texts.items()},
        "texts must be the same each time",
    )
    return texts


def _check_texts(cell: Cell, texts: Mapping[Role, Sequence[str]], bench: MemoryBench) -> None:
    for role in Role:
        told, seen = set(texts.get(role, ())), bench.embedded.get(role, set())
        where = f"of role {role} that cell {(cell.split, cell.subset)} embeds"
        rule(not seen - told, f"texts must return all texts {where}; {_first(seen - told)} is missing")
        rule(not told - seen, f"texts must return only texts {where}; {_first(told - seen)} is not embedded")


def _first(texts: set[str]) -> str:
    return repr(min(texts, default=""))
