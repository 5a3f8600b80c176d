"""The published English board, imported: mteb's own table to 1e-9, its oddities, and the time that it takes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import helpers
import numpy as np
import pytest
from mteb_files import scores

from evalkit.store import load
from evalkit_leaderboard.aggregate import means
from evalkit_leaderboard.borda import borda_mteb
from evalkit_leaderboard.frame import Frame, align
from evalkit_leaderboard.interchange.catalogue import catalogue, read_tasks
from evalkit_leaderboard.interchange.exporting import export_results
from evalkit_leaderboard.interchange.importing import Import, import_tree, write_results
from evalkit_leaderboard.interchange.oddities import Oddity


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    """The published files."""
    return shared_data / "mteb_results"


@pytest.fixture(scope="module")
def board(published: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Import, Path]:
    """The published files, imported and written."""
    found, folder = import_tree(published), tmp_path_factory.mktemp("board")
    write_results(found.results, folder, found.oddities)
    return found, folder


@pytest.fixture(scope="module")
def frame(board: tuple[Import, Path]) -> Frame:
    """The written files, read again by the leaderboard's own reader."""
    loaded = load(board[1])
    assert not loaded.unreadable
    return align(loaded.results)


@pytest.fixture(scope="module")
def reference(published: Path) -> dict[str, dict[str, str]]:
    """mteb's own table over the same files: source in ../shared/data/mteb_results/SOURCE.txt."""
    with (published / "reference.csv").open(encoding="utf-8") as stream:
        return {row["model"]: row for row in csv.DictReader(stream)}


def column(reference: Mapping[str, Mapping[str, str]], frame: Frame, name: str) -> np.ndarray:
    """A column of the reference in the frame's order; nan where it is empty."""
    return np.array([float(reference[encoder][name] or "nan") for encoder in frame.encoders])


def test_the_board_has_mteb_s_models_and_tasks(frame: Frame, reference: dict[str, dict[str, str]]) -> None:
    assert set(frame.encoders) == set(reference)
    assert set(frame.tasks) <= set(next(iter(reference.values())))
    assert len(frame.tasks) == 41
    n_tasks = (~np.isnan(frame.main)).sum(axis=1)
    np.testing.assert_array_equal(n_tasks, column(reference, frame, "n_tasks"))


def test_every_score_is_mteb_s(frame: Frame, reference: dict[str, dict[str, str]]) -> None:
    for at, task in enumerate(frame.tasks):
        np.testing.assert_allclose(frame.main[:, at], column(reference, frame, task), rtol=0, atol=1e-9)


def test_the_means_are_mteb_s(frame: Frame, reference: dict[str, dict[str, str]]) -> None:
    found = means(frame)
    for values, name in ((found.over_tasks, "mean_task"), (found.over_types, "mean_task_type")):
        np.testing.assert_allclose(values, column(reference, frame, name), rtol=0, atol=1e-9)
    for values, kind in zip(found.by_type.T, found.types, strict=True):
        np.testing.assert_allclose(values, column(reference, frame, kind), rtol=0, atol=1e-9)


def test_borda_is_mteb_s(frame: Frame, reference: dict[str, dict[str, str]]) -> None:
    found = borda_mteb(frame.main)
    np.testing.assert_array_equal(found.points, column(reference, frame, "borda_points"))
    np.testing.assert_array_equal(found.ranks, column(reference, frame, "rank_borda"))


def test_borda_over_the_complete_models_is_mteb_s(frame: Frame, reference: dict[str, dict[str, str]]) -> None:
    complete = ~np.isnan(frame.main).any(axis=1)
    found = borda_mteb(frame.main[complete])
    points, ranks = (column(reference, frame, f"{name}_complete") for name in ("borda_points", "rank_borda"))
    np.testing.assert_array_equal(np.isnan(points), ~complete)
    np.testing.assert_array_equal(found.points, points[complete])
    np.testing.assert_array_equal(found.ranks, ranks[complete])


def test_the_revisions_behind_a_row_are_mteb_s(frame: Frame, reference: dict[str, dict[str, str]]) -> None:
    for row, encoder in enumerate(frame.encoders):
        imported = [frame.results[at].imported for at in frame.results if at[0] == row]
        revisions = {each.encoder_revision for each in imported if each is not None}
        assert revisions == set(reference[encoder]["revisions"].split("|"))


def test_the_oddities_of_the_published_files(board: tuple[Import, Path]) -> None:
    found = board[0]
    assert (found.files_read, len(found.results), found.models) == (1330, 1330, 35)
    assert (found.selection.benchmark, found.selection.guessed) == ("MTEB(eng, v2)", True)
    counts = {
        Oddity.REVISIONS: 19,
        Oddity.EXTERNAL: 156,
        Oddity.NO_META: 1,
        Oddity.TRAINING_DICT: 16,
        Oddity.OLD_LAYOUT: 71,
        Oddity.NAN: 31,
        Oddity.NO_VERSION: 200,
        Oddity.VERSION_RANGE: 1,
        Oddity.NO_DATA_REVISION: 44,
        Oddity.DATA_REVISIONS: 25,
        Oddity.NO_MAIN: 12,
        Oddity.MISSING_CELL: 8,
        Oddity.EXTRA_CELL: 210,
        Oddity.NO_NUMBER: 288,
        Oddity.OTHER_MAIN: 1,
    }
    assert {oddity: found.oddities.count(oddity) for oddity in found.oddities.seen} == counts


def test_the_catalogue_agrees_with_the_published_metadata(published: Path) -> None:
    tasks = read_tasks(published / "eng_v2_tasks.json")
    assert catalogue().choose("MTEB(eng, v2)", ()).tasks == tasks
    registry = json.loads((published / "model_registry.json").read_text(encoding="utf-8"))
    differing = {name for name, meta in registry.items() if catalogue().revisions.get(name) != meta["revision"]}
    assert len(differing) <= len(registry) // 10, differing  # the two were read out of different versions of mteb


def test_the_leaderboard_of_the_published_files_takes_less_than_three_seconds(board: tuple[Import, Path]) -> None:
    code = (
        "import resource, runpy, sys; sys.argv = ['evalkit', 'leaderboard', sys.argv[1]]\n"
        "try: runpy.run_module('evalkit', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "used = resource.getrusage(resource.RUSAGE_SELF); print(used.ru_utime + used.ru_stime, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, str(board[1])]
    done = subprocess.run(command, env=helpers.environment(), capture_output=True, text=True, check=True)
    assert "Qwen3-Embedding-8B" in done.stdout
    assert float(done.stderr.split()[-1]) < 3


def test_the_import_takes_a_few_seconds(published: Path, tmp_path: Path) -> None:
    start = time.process_time()
    found = import_tree(published)
    write_results(found.results, tmp_path, found.oddities)
    assert time.process_time() - start < 8


def test_mteb_makes_the_same_board_of_the_export(
    board: tuple[Import, Path], reference: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    mteb = pytest.importorskip("mteb")
    export_results(board[0].results, tmp_path)
    loaded = mteb.ResultCache(tmp_path).load_results(tasks="MTEB(eng, v2)", include_remote=False)
    table = loaded.get_benchmark_result()
    assert len(table) == len(reference)
    means_by_rank: dict[int, set[str]] = {}
    for row in reference.values():
        means_by_rank.setdefault(int(row["rank_borda"]), set()).add(row["mean_task"])
    for rank, mean in zip(table["Rank (Borda)"], table["Mean (Task)"], strict=True):
        known = [float(each or "nan") for each in means_by_rank[rank]]
        assert any(np.isclose(mean, each, rtol=0, atol=1e-9, equal_nan=True) for each in known)


def test_the_published_results_come_back(board: tuple[Import, Path], tmp_path: Path) -> None:
    export_results(board[0].results, tmp_path)
    assert scores(import_tree(tmp_path).results) == scores(board[0].results)
