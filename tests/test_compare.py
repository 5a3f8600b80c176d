"""Comparing two encoders: numbers worked out by hand, a planted difference, imported results, texts of units."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

import evalkit
from evalkit.observations import Observations, parse_statistic
from evalkit.schema import CellRecord, EncoderRecord, Environment, MainScore, Result, TaskRecord, mean_of_cells
from evalkit.store import ResultStore
from evalkit_leaderboard.compare_page import as_json, heading, notes, settling, task_table, unit_tables
from evalkit_leaderboard.compare_sides import Sides, find_sides
from evalkit_leaderboard.comparison import LIKE, THESE, Comparison, Line, Verdict, compare_sides
from evalkit_leaderboard.hardest import Texts, paired_cells
from evalkit_leaderboard.outlook import outlook
from evalkit_leaderboard.units import task_units

A = [0.9, 0.8, 0.7, 0.9]
B = [0.5, 0.6, 0.6, 0.6]


def cell(
    values: Sequence[float] | None,
    *,
    subset: str = "default",
    repeats: Sequence[float] = (),
    score: float | None = None,
) -> CellRecord:
    """A cell whose score is the mean of one value a query; None for published scores without units."""
    observations = None
    if values is not None:
        observations = Observations(
            unit="query",
            columns={"value": np.array(values, dtype=np.float64)},
            statistics={"m": parse_statistic("mean(value)")},
        )
    value = observations.value("m") if observations is not None else score
    return CellRecord(
        split="test",
        subset=subset,
        languages=(),
        scores={"m": value if value is not None and math.isfinite(value) else None},
        repeats={"m": tuple(repeats)} if repeats else {},
        observations=None if observations is None else observations.to_json(),
    )


def result(
    encoder: str,
    task: str,
    *cells: CellRecord,
    kind: str = "Retrieval",
    fingerprint: str | None = None,
    data: str = "d",
) -> Result:
    return Result(
        task=TaskRecord(name=task, type=kind, fingerprint=data, protocol={}),
        encoder=EncoderRecord(
            name=encoder,
            fingerprint=fingerprint if fingerprint is not None else f"{ord(encoder[0]):012x}",
            spec=encoder,
            similarity="cosine",
        ),
        main_score=MainScore(metric="m", value=mean_of_cells("m", cells)),
        cells=cells,
        environment=Environment(evalkit="0", python="3", platform="p", packages={}),
        timing=None,
    )


def stored(folder: Path, *results: Result) -> Path:
    for each in results:
        ResultStore(folder).write(each)
    return folder


def sides(folder: Path, *results: Result, a: str = "a", b: str = "b", tasks: str | None = None) -> Sides:
    return find_sides(a, b, stored(folder, *results), tasks=tasks)


def compared(folder: Path, *results: Result, units: int = 10) -> Comparison:
    return compare_sides(sides(folder, *results), units=units)


def by_name(comparison: Comparison) -> dict[str, Line]:
    return {line.name: line for line in (*comparison.tasks, *comparison.overall)}


def page(comparison: Comparison) -> str:
    """Everything that people see, without the layout."""
    tables = [task_table(comparison), *unit_tables(comparison)]
    rows = [" ".join(row) for table in tables for row in (table.headers, *table.rows)]
    return "\n".join([*heading(comparison), *notes(comparison), *settling(comparison), *rows])


# -- numbers -----------------------------------------------------------------------------------------------------


def test_four_queries_by_hand(tmp_path: Path) -> None:
    """d = .4 .2 .1 .3: mean .25, sd sqrt(.05 / 3) = .129099, t(3) at .975 = 3.182446; flips 2 of 2^4."""
    line = by_name(compared(tmp_path, result("a", "T", cell(A)), result("b", "T", cell(B))))["T"]
    se = math.sqrt(0.05 / 3 / 4)
    assert (line.basis, line.unit, line.n, line.method) == ("units", "query", 4, "sign flips")
    assert line.difference == pytest.approx(0.25)
    assert line.se == pytest.approx(se)
    assert (line.low, line.high) == pytest.approx((0.25 - 3.182446 * se, 0.25 + 3.182446 * se), abs=1e-6)
    assert line.d_z == pytest.approx(0.25 / math.sqrt(0.05 / 3))
    assert line.p == line.p_adjusted == pytest.approx(2 / 16)
    assert line.counts is not None
    assert (line.counts.wins, line.counts.ties, line.counts.losses) == (4, 0, 0)
    assert line.verdict is Verdict.OPEN
    assert line.outlook is not None
    # t(3) at .975 and at .8: (3.182446 + .978472) .129099 / sqrt 4; a p of .05 by flips takes 6 units.
    assert line.outlook.detectable == pytest.approx(4.160918 * math.sqrt(0.05 / 3) / 2, abs=1e-6)
    assert line.outlook.needed == 6


def test_the_outlook_is_the_power_function_s_for_many_units_and_wider_for_few() -> None:
    """sd .15, 300 units: z gives .0243 and 7,064 units for .005; 4 tasks with one degree of freedom are far from z."""
    many = outlook(0.005, 0.15 / math.sqrt(300), 300, 299, alpha=0.05)
    assert many.detectable == pytest.approx(2.801585 * 0.15 / math.sqrt(300), rel=0.005)
    assert many.needed == pytest.approx(7064, abs=3)
    few = outlook(0.0664, 0.0258, 4, 1, alpha=0.05)
    # (12.7062 + 1.3764) .0258
    assert few.detectable == pytest.approx(0.3633, abs=1e-4)
    assert few.needed is not None
    # n units have 1 + n - 4 degrees of freedom: 8 suffice (t(5): 2.571 + .920), 7 do not (t(4): 2.776 + .941).
    assert few.needed == 8
    assert 3.491 * 0.0516 / math.sqrt(8) < 0.0664 < 3.717 * 0.0516 / math.sqrt(7)
    assert outlook(0.0, 0.1, 9, 8, alpha=0.05).needed is None


def test_a_planted_difference_is_found_and_none_is_not_made_up(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    base = generator.uniform(0.2, 0.8, 400)
    better, same = (base + shift + generator.normal(0, 0.1, 400) for shift in (0.05, 0.0))
    lines = by_name(
        compared(
            tmp_path,
            result("a", "Planted", cell(better)),
            result("b", "Planted", cell(base)),
            result("a", "Worse", cell(base)),
            result("b", "Worse", cell(better)),
            result("a", "Same", cell(same), kind="STS"),
            result("b", "Same", cell(base), kind="STS"),
        )
    )
    assert lines["Planted"].verdict is Verdict.A
    assert lines["Worse"].verdict is Verdict.B
    assert lines["Same"].verdict is Verdict.OPEN
    needed = lines["Same"].outlook
    assert needed is not None
    assert needed.needed is not None
    assert needed.needed > 400
    # Two tasks cancel, so that the mean over tasks is a third of the third's difference.
    assert lines[THESE].difference == pytest.approx(lines["Same"].difference / 3)


def test_p_values_are_corrected_over_the_tasks_that_have_one(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    base = generator.uniform(0, 1, 60)
    made = []
    for task, shift in (("X", 0.02), ("Y", 0.05), ("Z", 0.0)):
        made += [result("a", task, cell(base + shift + generator.normal(0, 0.1, 60))), result("b", task, cell(base))]
    made += [result("a", "Import", cell(None, score=0.5)), result("b", "Import", cell(None, score=0.4))]
    found = compared(tmp_path, *made)
    lines = by_name(found)
    p = sorted((line.p, line.name) for line in found.tasks if line.p is not None)
    expected, running = {}, 0.0
    for rank, (value, name) in enumerate(p):
        running = max(running, min(1.0, (3 - rank) * value))
        expected[name] = running
    assert found.family == 3
    assert {name: lines[name].p_adjusted for name in "XYZ"} == pytest.approx(expected)
    assert lines["Import"].p is None
    assert lines["Import"].verdict is Verdict.UNKNOWN


def test_the_mean_of_these_tasks_adds_the_variances(tmp_path: Path) -> None:
    """se^2 of the mean of two tasks = (se_1^2 + se_2^2) / 4."""
    lines = by_name(
        compared(
            tmp_path,
            *(result("a", "S", cell(A)), result("b", "S", cell(B))),
            *(result("a", "T", cell([*A, 0.1])), result("b", "T", cell([*B, 0.7]))),
        )
    )
    first, second = (lines[name].se for name in "ST")
    assert first is not None
    assert second is not None
    assert lines[THESE].se == pytest.approx(math.hypot(first, second) / 2)
    assert lines[THESE].n == 9
    # Tasks like these: two differences d1, d2 have a standard error of |d1 - d2| / 2.
    assert lines[LIKE].se == pytest.approx(abs(lines["S"].difference - lines["T"].difference) / 2)
    assert lines[LIKE].unit == "task"


def test_units_of_several_cells_are_counted_as_they_are(tmp_path: Path) -> None:
    """Means differ between the subsets; a query still counts as won by its own two values."""
    found = compared(
        tmp_path,
        result("a", "T", cell([0.5, 0.5, 0.9], subset="x"), cell([0.1, 0.2], subset="y")),
        result("b", "T", cell([0.5, 0.4, 0.9], subset="x"), cell([0.3, 0.2], subset="y")),
    )
    [line] = found.tasks
    assert line.counts is not None
    assert (line.counts.wins, line.counts.ties, line.counts.losses) == (1, 3, 1)
    # x: +.1 / 3, y: -.1; their mean.
    assert line.difference == pytest.approx((0.1 / 3 - 0.1) / 2)
    assert [(unit.subset, unit.id) for unit in found.units["T"]] == [("y", "0"), ("x", "1")]


def test_the_units_that_differ_most_come_first_and_equal_ones_not_at_all(tmp_path: Path) -> None:
    found = compared(
        tmp_path, result("a", "T", cell([0.1, 0.9, 0.5, 0.5])), result("b", "T", cell([0.2, 0.1, 0.5, 0.7]))
    )
    units = found.units["T"]
    assert [unit.id for unit in units] == ["1", "3", "0"]
    assert [unit.difference for unit in units] == pytest.approx([0.8, -0.2, -0.1])
    assert not compared(tmp_path, units=0).units


def test_no_difference_and_one_unit_are_sentences(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        *(result("a", "Same", cell(A)), result("b", "Same", cell(A))),
        *(result("a", "One", cell([0.4])), result("b", "One", cell([0.3]))),
        *(result("a", "Shift", cell([0.5, 0.6, 0.7])), result("b", "Shift", cell([0.4, 0.5, 0.6]))),
    )
    lines = by_name(found)
    assert lines["Same"].verdict is Verdict.OPEN
    assert lines["Same"].p is None
    assert "do not differ on any of 4" in lines["Same"].note
    assert lines["One"].verdict is Verdict.UNKNOWN
    assert "one unit" in lines["One"].note
    assert lines["Shift"].p == pytest.approx(2 / 8)
    assert "same amount" in lines["Shift"].note
    assert lines[THESE].p is None
    assert all(helpers.is_a_sentence(line.note) for line in lines.values() if line.note)


# -- imported results --------------------------------------------------------------------------------------------


def test_imported_results_rest_on_experiments_or_on_two_scores(tmp_path: Path) -> None:
    runs = [[0.70, 0.72, 0.71, 0.74], [0.60, 0.61, 0.63, 0.60]]
    made = [
        result(name, "Experiments", cell(None, score=float(np.mean(run)), repeats=run), kind="Classification")
        for name, run in zip("ab", runs, strict=True)
    ]
    for number, scores in enumerate([(0.5, 0.4), (0.6, 0.55), (0.7, 0.4)]):
        made += [result(name, f"R{number}", cell(None, score=each)) for name, each in zip("ab", scores, strict=True)]
    found = compared(tmp_path, *made)
    lines = by_name(found)
    assert (lines["Experiments"].basis, lines["Experiments"].unit, lines["Experiments"].n) == (
        "experiments",
        "experiment",
        4,
    )
    assert lines["Experiments"].p == pytest.approx(2 / 16)
    assert lines["R0"].difference == pytest.approx(0.1)
    assert lines["R0"].verdict is Verdict.UNKNOWN
    assert lines[THESE].p is None
    assert lines[LIKE].p is not None
    assert not found.units
    text = page(found)
    assert "imported results have no units" in text
    assert "3 have no units of both" in text or "2 more have no units of both" in text
    assert "4 experiments, sign flips" in text
    json.loads(json.dumps(as_json(found), allow_nan=False))


def test_an_imported_encoder_against_one_with_units(tmp_path: Path) -> None:
    found = compared(tmp_path, result("a", "T", cell(A)), result("b", "T", cell(None, score=0.5)))
    assert found.tasks[0].verdict is Verdict.UNKNOWN
    assert "B: imported results have no units" in found.tasks[0].note


def test_the_published_board(shared_data: Path, tmp_path: Path) -> None:
    from evalkit_leaderboard.interchange.importing import import_tree, write_results

    found = import_tree(shared_data / "mteb_results")
    kept = [each for each in found.results if each.encoder.name in {"intfloat/e5-base-v2", "BAAI/bge-base-en-v1.5"}]
    write_results(kept, tmp_path, found.oddities)
    comparison = compare_sides(find_sides("intfloat/e5-base-v2", "baai/bge-base*", tmp_path))
    like = by_name(comparison)[LIKE]
    assert like.n == 41
    assert like.verdict is Verdict.B
    # The published means: e5 .6267, bge .6514.
    assert (like.a, like.b) == pytest.approx((0.6267, 0.6514), abs=5e-5)
    assert "Wilcoxon" in page(comparison)


# -- texts -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two encoders on one task of every kind, in `results`; the tasks are in `data`."""
    folder = tmp_path_factory.mktemp("run")
    for make in (helpers.sts, helpers.classification, helpers.clustering, helpers.retrieval):
        make(folder / "data" / f"My{make.__name__.title()}")
    sets = helpers.toml(folder / "data" / "MySets", "Clustering")
    rows = [
        {"texts": [helpers.sentence(i, salt) for i in range(12)], "labels": [i % 3 for i in range(12)]} for salt in "uv"
    ]
    helpers.jsonl(sets / "test.jsonl", rows)
    evalkit.evaluate(["hashing", "random"], data=folder / "data", output=folder / "results", cache=False)
    return folder


def shown(run: Path, data: Sequence[Path]) -> Comparison:
    return compare_sides(find_sides("hashing", "random", run / "results"), units=5, texts=Texts(data))


def test_every_unit_has_its_text(run: Path) -> None:
    found = shown(run, [run / "data"])
    assert set(found.units) == {"MySts", "MyClassification", "MyClustering", "MyRetrieval", "MySets"}
    assert found.notes == ()

    def lines(task: str, file: str = "test.jsonl") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (run / "data" / task / file).read_text().splitlines()]

    queries = {row["_id"]: row["text"] for row in lines("MyRetrieval", "queries.jsonl")}
    for unit in found.units["MyRetrieval"]:
        assert unit.text == queries[unit.id]
    pairs = lines("MySts")
    for unit in found.units["MySts"]:
        row = pairs[int(unit.id)]
        assert unit.text == f"{row['sentence1']} / {row['sentence2']}"
        assert float(unit.shared["gold"]) == row["score"]
        assert set(unit.seen_a) == {"cosine"}
    for unit in found.units["MyClassification"]:
        row = lines("MyClassification")[int(unit.id)]
        assert (unit.text, unit.shared["label"]) == (row["text"], row["label"])
        assert sum(int(part.split()[-1]) for part in unit.seen_a["predicted"].split(", ")) == 3
    # The protocol embeds a sample of the documents; ids are the rows of the file.
    documents = lines("MyClustering")
    for unit in found.units["MyClustering"]:
        assert (unit.text, unit.shared["label_0"]) == (
            documents[int(unit.id)]["text"],
            documents[int(unit.id)]["label"],
        )
    texts = [text for row in lines("MySets") for text in row["texts"]]
    for unit in found.units["MySets"]:
        assert unit.text == texts[int(unit.id)]


def test_pseudo_values_are_where_the_score_is_no_mean_and_are_those_of_the_leaderboard(run: Path) -> None:
    found = shown(run, [])
    assert set(found.pseudo) == {"MySts", "MyClustering", "MySets"}
    frame = found.sides.frame
    for column, name in enumerate(frame.tasks):
        [cell] = paired_cells(frame, column)
        assert cell.is_mean == (name not in found.pseudo)
        assert cell.values.mean(axis=1) == pytest.approx(frame.main[:, column], abs=1e-9)
        np.testing.assert_array_equal(cell.values, task_units(frame, column).values)


def test_without_the_data_there_are_ids_and_a_sentence(run: Path) -> None:
    found = shown(run, [])
    assert all(unit.text is None for units in found.units.values() for unit in units)
    assert "The texts of MySts are not at hand: --data DIR says where its folder is." in found.notes


def test_texts_of_other_data_are_not_shown(run: Path, tmp_path: Path) -> None:
    helpers.sts(tmp_path / "MySts", salt="other")
    found = shown(run, [tmp_path])
    assert any("are not those that were scored" in note for note in found.notes)
    assert all(unit.text is None for unit in found.units["MySts"])


def test_texts_of_built_in_tasks_need_no_data(tmp_path: Path) -> None:
    evalkit.evaluate(["hashing", "random"], "QuickRetrieval", output=tmp_path, cache=False)
    found = compare_sides(find_sides("hashing", "random", tmp_path), texts=Texts())
    assert all(unit.text for unit in found.units["QuickRetrieval"])
    assert str(found.units["QuickRetrieval"][0].text) in page(found)
