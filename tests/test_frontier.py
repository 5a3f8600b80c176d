"""`evalkit sweep`: lists and files of transforms, one load of the encoder, the frontier, tables, JSON and picture."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_imports import HELP, HELP_CODE, imported_by

import evalkit
from evalkit.config import DEFAULT_BATCH_SIZE
from evalkit.plugins import Plugins
from evalkit.schema import CellRecord
from evalkit_leaderboard.frontier import command
from evalkit_leaderboard.frontier.chains import joined
from evalkit_leaderboard.frontier.measured import not_dominated
from evalkit_leaderboard.plots.cost import beside

LIST = "truncate:128; truncate:64 | quantize:int8; quantize:binary | rescore; pca:8"
CHAINS = ["none", "truncate:128", "truncate:64 | quantize:int8", "quantize:binary | rescore", "pca:8"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with an STS task A and a retrieval task R."""
    helpers.retrieval(tmp_path / "data" / "R")
    return helpers.sts(tmp_path / "data" / "A", n=40).parent


def swept(data: Path, *more: Any, transforms: str = LIST, encoder: str = "hashing:dim=256") -> Any:
    """The record that the command prints, of a run in this process."""
    done = helpers.call_cli(
        "sweep", "-m", encoder, "--transforms", transforms, "--data", data, "-o", data.parent / "results", "-q",
        "--json", *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, parse_constant=pytest.fail)


def refused(*more: Any) -> str:
    done = helpers.call_cli("sweep", "-q", *more)
    assert done.returncode == 2, done.stdout
    return done.stderr


def point(record: Any, task: str, chain: str) -> Any:
    part = record["mean"] if task == "mean" else next(each for each in record["tasks"] if each["name"] == task)
    [found] = [each for each in part["points"] if each["chain"] == chain]
    return found


# -- running -----------------------------------------------------------------------------------------------------


class Layered(helpers.Counting):
    """Has as many dimensions as layers, so that its vectors say where it was cut."""

    def with_layer(self, layer: int) -> Layered:
        cut = Layered(self.name, f"{layer:064x}", dimension=layer)
        cut.texts = self.texts
        return cut


def registered(monkeypatch: pytest.MonkeyPatch, encoder: Any) -> list[str]:
    """Let `counting:...` name an encoder; the arguments that it was loaded with."""
    loads: list[str] = []
    original = Plugins.installed

    def load(argument: str, options: Any) -> Any:
        loads.append(argument)
        return encoder

    def installed(cls: type[Plugins], files: Sequence[Path] = ()) -> Plugins:
        plugins = original(files)
        plugins.add_encoder("counting", load)
        return plugins

    monkeypatch.setattr(Plugins, "installed", classmethod(installed))
    return loads


def test_the_encoder_is_loaded_once_and_each_text_encoded_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = helpers.Counting()
    loads = registered(monkeypatch, encoder)
    record = swept(
        data,
        encoder="counting:it",
        transforms="truncate:8; truncate:4; pca:4; quantize:int8; quantize:binary | rescore",
    )
    assert loads == ["it"]
    assert len(encoder.texts) == len(set(encoder.texts)) == record["encoded"]
    assert len(record["tasks"][0]["points"]) == 6


def test_steps_that_change_the_encoder_itself_encode_its_texts_once_more(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Layered()
    loads = registered(monkeypatch, encoder)
    record = swept(data, encoder="counting:it", transforms="layer:8; layer:8 | truncate:4; layer:8 | quantize:binary")
    assert loads == ["it"]
    assert len(encoder.texts) == 2 * len(set(encoder.texts))
    sizes = {each["chain"]: each["bytes"] for each in record["mean"]["points"]}
    assert sizes == {"none": 64, "layer:8": 32, "layer:8 | truncate:4": 16, "layer:8 | quantize:binary": 1}


def test_scores_are_those_of_a_run_and_finished_results_are_kept(data: Path) -> None:
    specs = [joined("hashing:dim=256", chain) for chain in CHAINS]
    results = evalkit.evaluate(specs, data=data, output=data.parent / "results")
    record = swept(data)
    assert record["finished_before"] == len(results) == 10
    assert record["encoded"] == record["cached"] == 0
    for result, (spec, chain) in zip(
        results, [(s, c) for s, c in zip(specs, CHAINS, strict=True) for _ in "AR"], strict=True
    ):
        found = point(record, result.task.name, chain)
        assert (found["spec"], found["score"]) == (spec, result.main_score.value)
        assert found["bytes"] == result.cells[0].cost["bytes_per_text"]
    again = swept(data, "--force")
    assert again["finished_before"] == 0
    assert again["tasks"] == record["tasks"]


def test_results_of_a_sweep_are_found_by_a_run(data: Path) -> None:
    swept(data)
    done = helpers.call_cli(
        "run", "-m", "hashing:dim=256 | truncate:64 | quantize:int8", "--data", data, "-o", data.parent / "results",
        "--json", "-q",
    )  # fmt: skip
    assert [each["skipped"] for each in json.loads(done.stdout)["results"]] == [True, True]


@pytest.mark.parametrize("encoder", ["bm25", "rerank:bm25 > hashing", "hybrid:[bm25 + hashing]"])
def test_an_encoder_without_vectors_is_refused_in_one_sentence(data: Path, encoder: str) -> None:
    message = refused("-m", encoder, "--transforms", "truncate:8", "--data", data, "-o", data.parent / "results")
    error = message.strip().split("\n")[0]
    assert "has no vectors that could be transformed" in error
    assert helpers.is_a_sentence(error)
    assert not (data.parent / "results").exists() or helpers.files(data.parent / "results") == []


def test_a_chain_that_cannot_stand_there_fails_and_the_others_go_on(data: Path) -> None:
    done = helpers.call_cli(
        "sweep", "-m", "hashing", "--transforms", "layer:2; truncate:8", "-t", "A", "--data", data, "-o",
        data.parent / "results", "--json", "-q",
    )  # fmt: skip
    record = json.loads(done.stdout)
    assert done.returncode == 2
    assert [each["chain"] for each in record["tasks"][0]["points"]] == ["none", "truncate:8"]
    [failure] = record["failures"]
    assert failure["encoder"] == "hashing | layer:2"
    assert "no layers" in failure["message"]


# -- what was measured -------------------------------------------------------------------------------------------


def test_every_number_of_a_point_is_consistent(data: Path) -> None:
    record = swept(data)
    for part in ("A", "R", "mean"):
        itself = point(record, part, "none")
        assert itself["verdict"] == "the encoder itself"
        assert itself["difference"] is None
        assert (itself["bytes"], itself["factor"]) == (1024, 1)
        for chain in CHAINS[1:]:
            found = point(record, part, chain)
            assert found["difference"] == pytest.approx(found["score"] - itself["score"], abs=1e-12)
            assert found["factor"] == pytest.approx(1024 / found["bytes"])
            if found["difference_low"] is None:  # no unit differs
                assert (found["difference"], found["verdict"]) == (0, "not told apart")
                continue
            assert found["difference_low"] <= found["difference"] <= found["difference_high"]
            assert found["low"] <= found["score"] <= found["high"]
            assert found["p"] <= found["p_adjusted"]
    for chain, size in zip(CHAINS[1:], (512, 64, 32, 32), strict=True):
        assert point(record, "mean", chain)["bytes"] == size
    assert point(record, "A", "pca:8")["fitted"] == ["pca:8"]
    assert point(record, "mean", "truncate:128")["fitted"] == []


def test_differences_are_those_of_compare(data: Path) -> None:
    """One comparison by itself is Student's t on the paired units; so it is in `evalkit compare` from 50 units."""
    helpers.sts(data / "A", n=80)
    record = swept(data, "-t", "A", transforms="truncate:32")
    found = point(record, "A", "truncate:32")
    name = record["encoders"][0]["name"]
    done = helpers.call_cli("compare", f"{name} | truncate:32", name, data.parent / "results", "--json")
    [line] = json.loads(done.stdout)["tasks"]
    assert found["difference"] == pytest.approx(line["difference"])
    assert (found["difference_low"], found["difference_high"]) == pytest.approx((line["low"], line["high"]))
    assert found["p"] == pytest.approx(line["p"])


def test_verdicts_are_in_words(data: Path) -> None:
    helpers.retrieval(data / "R", n=300, n_queries=90)
    record = swept(data, "-t", "R", transforms="truncate:2; truncate:256")
    assert point(record, "R", "truncate:2")["verdict"] == "proven loss"
    whole = point(record, "R", "truncate:256")
    assert (whole["verdict"], whole["difference"]) == ("not told apart", 0)
    assert record["mean"] is None


def test_a_chain_that_lacks_a_task_has_no_mean(data: Path) -> None:
    helpers.retrieval(data / "R", n=6, n_queries=8)
    done = helpers.call_cli(
        "sweep", "-m", "hashing", "--transforms", "pca:16", "--data", data, "-o", data.parent / "r", "--json", "-q"
    )
    record = json.loads(done.stdout)
    assert done.returncode == 1
    assert point(record, "A", "pca:16")["score"] is not None
    missing = point(record, "mean", "pca:16")
    assert (missing["score"], missing["bytes"], missing["verdict"]) == (None, None, "nothing known")
    assert any("lacks a task" in note for note in record["notes"])


def test_a_result_that_says_no_bytes_is_on_no_frontier(data: Path) -> None:
    swept(data, "-t", "A")
    for path in (data.parent / "results").rglob("A.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        record["cells"][0].pop("cost")
        path.write_text(json.dumps(record), encoding="utf-8")
    assert not CellRecord.model_fields["cost"].is_required()
    record = swept(data, "-t", "A")
    assert not any(each["best"] for each in record["tasks"][0]["points"])
    assert any("--force" in note for note in record["notes"])


def test_several_encoders_are_each_compared_with_themselves_and_share_a_frontier(data: Path) -> None:
    record = swept(data, "-m", "hashing:dim=64", "-t", "R", transforms="truncate:32; quantize:int8")
    assert len(record["encoders"]) == 2
    points = record["tasks"][0]["points"]
    assert len(points) == 6
    itself = {each["encoder"]: each for each in points if each["chain"] == "none"}
    assert {each["bytes"] for each in itself.values()} == {1024, 256}
    for each in points:
        assert each["factor"] == itself[each["encoder"]]["bytes"] / each["bytes"]
    assert [each["best"] for each in points] == brute([e["bytes"] for e in points], [e["score"] for e in points])


# -- the frontier ------------------------------------------------------------------------------------------------


def brute(cost: Sequence[float | None], score: Sequence[float | None]) -> list[bool]:
    """The definition, point by point."""

    def known(at: int) -> bool:
        return cost[at] is not None and score[at] is not None and math.isfinite(score[at])  # type: ignore[arg-type]

    def beats(a: int, b: int) -> bool:
        as_good = cost[a] <= cost[b] and score[a] >= score[b]  # type: ignore[operator]
        return as_good and (cost[a] < cost[b] or score[a] > score[b])  # type: ignore[operator]

    there = [at for at in range(len(cost)) if known(at)]
    return [at in there and not any(beats(other, at) for other in there) for at in range(len(cost))]


NUMBERS = st.one_of(st.none(), st.integers(1, 5).map(float), st.floats(0.1, 1e6))
POINTS = st.lists(
    st.tuples(NUMBERS, st.one_of(st.none(), st.integers(-3, 3).map(float), st.floats(-1, 1))), max_size=12
)


@given(POINTS)
def test_the_frontier_is_what_no_point_dominates(points: list[tuple[float | None, float | None]]) -> None:
    cost, score = [x for x, _ in points], [y for _, y in points]
    assert not_dominated(cost, score) == brute(cost, score)


@given(POINTS.filter(bool), st.randoms(use_true_random=False))
def test_the_order_of_points_decides_nothing(points: list[tuple[float | None, float | None]], random: Any) -> None:
    shuffled = random.sample(range(len(points)), len(points))
    marks = not_dominated([x for x, _ in points], [y for _, y in points])
    assert not_dominated([points[at][0] for at in shuffled], [points[at][1] for at in shuffled]) == [
        marks[at] for at in shuffled
    ]


# -- what is shown -----------------------------------------------------------------------------------------------


def test_the_tables_say_it_all(data: Path) -> None:
    done = helpers.call_cli(
        "sweep", "-m", "hashing:dim=256", "--transforms", LIST, "--data", data, "-o", data.parent / "results"
    )
    assert done.returncode == 0, done.stderr
    tables = done.stdout.split("\n\n")
    assert [table.split("\n")[0] for table in tables[:3]] == [
        "R (ndcg_at_10, 8 queries)", "A (cosine_spearman, 40 pairs)", "Mean over 2 tasks"
    ]  # fmt: skip
    for table in tables[:3]:
        rows = table.split("\n")[3:]
        assert sorted(row[:27].removesuffix(" ").rstrip(" ●*").strip() for row in rows) == sorted(CHAINS)
        assert any("●" in row for row in rows)
    assert "pca:8 *" in tables[0]
    assert "Fitted on the evaluated texts" not in done.stderr
    assert "corrected (Holm over 8 comparisons; of the mean" in done.stdout
    assert "[10/10]" in done.stderr


def test_the_picture_has_every_chain_and_is_the_same_twice(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.svg"):
        swept(data, "--plot", tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    for chain in CHAINS:
        assert f"<!-- {chain}{' *' if 'int8' in chain or 'pca' in chain else ''} -->" in text
    assert "<!-- bytes per vector -->" in text


def test_many_chains_get_numbers_and_a_list_without_losing_one(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    chains = [f"truncate:{size} | quantize:binary | rescore:{size}" for size in range(8, 88, 8)]
    swept(data, "--plot", tmp_path / "many.svg", "-t", "R", transforms=";".join(chains))
    text = (tmp_path / "many.svg").read_text(encoding="utf-8")
    for chain in chains:
        assert f"  {chain} -->" in text


def test_points_of_one_cost_are_drawn_apart_and_others_where_they_are() -> None:
    cost = np.array([64.0, 128.0, 64.0, 2048.0, 64.0])
    drawn = beside(cost)
    assert drawn[[1, 3]].tolist() == [128, 2048]
    assert len(set(drawn.tolist())) == 5
    assert np.exp(np.log(drawn[cost == 64]).mean()) == pytest.approx(64)
    assert np.abs(np.log(drawn / cost)).max() < 0.1


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_encoded(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = refused("-m", "hashing", "--transforms", "truncate:8", "--data", data, "--plot", data / "p.svg")
    assert "evalkit-embeddings[plots]" in message


def test_alpha_is_checked_first(data: Path) -> None:
    message = refused("-m", "hashing", "--transforms", "truncate:8", "--data", data, "--alpha", "2")
    assert "--alpha must be between 0 and 1" in message


def test_the_batch_size_is_that_of_a_run() -> None:
    assert inspect.signature(command.sweep).parameters["batch_size"].default == DEFAULT_BATCH_SIZE


def test_its_help_imports_nothing_heavy() -> None:
    # Typer checks numbers with Pydantic where that is installed.
    assert not imported_by(HELP_CODE.format(arguments=["sweep", "--help"])) & (HELP - {"pydantic"})


def test_a_real_process_prints_json_alone(data: Path) -> None:
    done = helpers.run_cli(
        "sweep", "-m", helpers.spec(), "--transforms", "truncate:8; quantize:binary", "--data", data, "-o",
        data.parent / "results", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["encoded"] > 0
    assert "[6/6] steady | quantize:binary on " in done.stderr
    assert {each["chain"] for each in record["mean"]["points"]} == {"none", "truncate:8", "quantize:binary"}
