"""What a sceptical reader found wrong with specs, transforms, hybrids and rerankers; each must stay mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

import evalkit
from evalkit.embedding import EncoderBench
from evalkit.errors import CellError, EncoderError, EvalkitError
from evalkit.plugins import Plugins
from evalkit.protocols import TaskInfo
from evalkit.ranking import rank
from evalkit.search import document_tie_keys
from evalkit.spec import parse_spec, without_secrets
from evalkit.types import Ranking, Role

DOCUMENTS = ["a cat", "a dog", "a cat and a dog", "nothing of it", "birds", "cat"]


def ranked(spec: str, query: str) -> list[int]:
    scorer = Plugins.installed().load_encoder(spec)
    problem = Ranking([query], DOCUMENTS, document_tie_keys([f"{i}" for i in range(len(DOCUMENTS))]), 6)
    top = rank(problem, EncoderBench(scorer, TaskInfo("T", "Retrieval")))
    return [int(row) for row in top.documents[0] if row >= 0]


def test_a_small_depth_is_the_depth() -> None:
    both = set(ranked("hybrid:[bm25 + bm25]?depth=1", "cat dog"))
    assert len(both) == 1
    assert len(ranked("hybrid:[bm25 + hashing]?depth=2", "cat dog")) <= 4


@pytest.mark.parametrize("spec", ["hybrid:[bm25 + bm25]?fusion=rrf", "hybrid:[bm25 + bm25]", "rerank:bm25 > hashing"])
def test_what_a_lexical_scorer_has_not_found_is_not_gone_on_with(spec: str) -> None:
    assert set(ranked(spec, "cat")) == {0, 2, 5}
    assert ranked(spec, "zebra") == []


def test_a_query_without_any_result_is_scored_as_such(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "data" / "R")
    helpers.edit(folder / "queries.jsonl", 1, '{"_id": "q0", "text": "zebra"}')
    [result] = evalkit.evaluate("hybrid:[bm25 + bm25]?fusion=rrf", data=folder.parent)
    observed = evalkit.Results.observations(result).columns["ndcg_at_10"]
    assert observed[0] == 0


def test_nested_hybrids_rank_each_part_once() -> None:
    encoder = helpers.Counting()
    plugins = Plugins.installed()
    plugins.add_encoder("counting", lambda *_: encoder)
    spec = "hashing"
    for _ in range(8):
        spec = f"hybrid:[{spec} + counting]"
    scorer: Any = plugins.load_encoder(spec)
    problem = Ranking(["cat"], DOCUMENTS, document_tie_keys(DOCUMENTS), 6)
    rank(problem, EncoderBench(scorer, TaskInfo("T", "Retrieval")))
    assert encoder.calls == 8 * 4  # no cache here: queries and documents, to find and to score


def test_nesting_has_an_end() -> None:
    with pytest.raises(EncoderError, match="nested"):
        parse_spec("hybrid:[" * 2000)


@pytest.mark.parametrize("weights", [("1e308", "1e308"), ("0", "0"), ("-2e6", "1")])
def test_weights_that_mean_nothing_are_refused(weights: tuple[str, str]) -> None:
    with pytest.raises(EncoderError, match="weights of a hybrid"):
        Plugins.installed().load_encoder(f"hybrid:[bm25 * {weights[0]} + hashing * {weights[1]}]")


def test_hybrids_that_differ_have_names_that_differ() -> None:
    plugins = Plugins.installed()
    specs = [
        f"hybrid:[bm25 + hashing]{end}" for end in ("", "?normalise=z", "?depth=5", "?fusion=rrf", "?fusion=rrf&k=5")
    ]
    assert len({plugins.load_encoder(spec).name for spec in specs}) == len(specs)


class Roles(helpers.Prompted):
    """Has a prompt for documents only."""

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        return helpers.vector(f"document: {text}" if role is Role.DOCUMENT else text)

    def variant(self, role: Any, task: Any) -> str:
        return "document: " if role is Role.DOCUMENT else ""


def test_a_file_is_embedded_in_the_role_that_the_task_s_texts_have(tmp_path: Path) -> None:
    from evalkit.adapters.transformed import behind

    file = tmp_path / "texts" / "a.txt"
    file.parent.mkdir()
    file.write_text("\n".join(helpers.sentence(i) for i in range(40)))
    helpers.sts(tmp_path / "data" / "S")
    helpers.retrieval(tmp_path / "data" / "R")
    transform = Plugins.installed().transforms.get("pca")(f"4,fit={file}", {})
    encoder: Any = behind(Roles(), transform, f"pca:4,fit={file}")
    assert encoder.name == "counting | pca:4,fit=a.txt"  # where the file lies is nobody's business
    results = evalkit.evaluate(encoder, data=tmp_path / "data")
    assert {r.task.name: r.cells[0].fits[0]["role"] for r in results} == {"R": "document", "S": "text"}


def test_one_part_of_a_task_is_not_written_over_another(tmp_path: Path) -> None:
    data = helpers.sts(tmp_path / "data" / "S", subsets=("de", "fr", "it")).parent
    out = tmp_path / "out"
    evalkit.evaluate("hashing", data=data, output=out, subsets="de")
    evalkit.evaluate("hashing", data=data, output=out, subsets="de")
    with pytest.raises(EvalkitError, match="scored on another part of S"):
        evalkit.evaluate("hashing", data=data, output=out, subsets="fr")
    evalkit.evaluate("hashing", data=data, output=out, subsets="fr", force=True)
    evalkit.evaluate("hashing", data=data, output=out)  # the whole replaces a part


def test_signs_of_zeros_are_as_dead_as_zeros(tmp_path: Path) -> None:
    from evalkit.adapters.transformed import behind

    data = helpers.sts(tmp_path / "data" / "S").parent
    plugins = Plugins.installed()
    zeros = helpers.Counting(fault=lambda texts, vectors, call: vectors * 0)
    constant = helpers.Counting(fingerprint="ab" * 32, fault=lambda texts, vectors, call: vectors * 0 + 1)
    for base, step, said in ((zeros, "quantize:binary", "weights"), (constant, "center", "the same")):
        name, _, argument = step.partition(":")
        with pytest.raises(CellError, match="returned zero vectors for all") as caught:
            evalkit.evaluate(behind(base, plugins.transforms.get(name)(argument, {}), step), data=data, cache=False)
        assert said in caught.value.hint


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("http:http://h?model=sk-proj-Zx9", "Zx9"),
        ("http:http://h?model=x&key_env=sk-proj-Zx9", "Zx9"),
        ("http:http://h?model=x&key_env=plain", "plain"),
        ("http:http://h?model=x&field.authorization=Zx9", "Zx9"),
        ("hybrid:[bm25 + http://h?model=x&api_key=Zx9 | truncate:8]", "Zx9"),
    ],
)
def test_whatever_looks_like_a_key_is_masked(text: str, hidden: str) -> None:
    assert hidden not in without_secrets(text)
    assert "model=" in without_secrets(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rerank:bm25 >", "the name of an encoder family"),
        ("rerank:bm25 > hashing > wordllama", "brackets"),
        ("rerank:bm25>hashing", "a space on either side"),
        ("hybrid:[bm25+hashing]", "a space on either side"),
        ("./model", "st:./model"),
        ("/abs/model", "st:/abs/model"),
    ],
)
def test_an_error_says_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(EncoderError) as caught:
        parse_spec(text)
    assert said in str(caught.value)


def summaries(folder: Path) -> Path:
    helpers.toml(folder, "Summarization")
    rows = [
        {
            "text": helpers.sentence(i),
            "human_summaries": [f"human {i}"],
            "machine_summaries": [f"machine {i} {j if i != 3 else 0}" for j in range(4)],
            "relevance": [1, 2, 3.5, 4] if i != 5 else [2, 2, 2, 2],
        }
        for i in range(8)
    ]
    helpers.jsonl(folder / "test.jsonl", rows)
    return folder


def test_encoders_that_cannot_order_other_texts_still_compare(tmp_path: Path) -> None:
    """Text 3 has four equal summaries; the second encoder sees every text of number 4 as one."""
    data = summaries(tmp_path / "data" / "Summ").parent

    class Blind(helpers.Counting):
        def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
            return helpers.vector("four" if "machine 4" in text else text)

    out = tmp_path / "out"
    seeing, blind = evalkit.evaluate(
        [helpers.Counting(), Blind("blind", "cd" * 32)], data=data, output=out, cache=False
    )
    observed = [evalkit.Results.observations(each) for each in (seeing, blind)]
    assert observed[0].ids == observed[1].ids == tuple("0123467")
    undefined = [np.isnan(each.columns["cosine_spearman"]) for each in observed]
    assert [list(np.flatnonzero(each)) for each in undefined] == [[3], [3, 4]]
    values = observed[1].columns["cosine_spearman"]
    assert blind.main_score.value == pytest.approx(values[~undefined[1]].mean())
    pseudo = observed[1].pseudo_values("cosine_spearman")
    assert pseudo[undefined[1]] == pytest.approx([blind.main_score.value] * 2)
    assert any("1 of the texts are left out: people" in text for text in blind.warnings)
    assert any("2 of the texts have no correlation" in text for text in blind.warnings)
    ran = helpers.call_cli("leaderboard", out)
    assert ran.returncode == 0, ran.stderr
    assert helpers.call_cli("compare", "counting", "blind", out).returncode == 0


@pytest.mark.parametrize("scheme", ["splade", "colbert", "cross"])
def test_a_model_that_is_not_there_is_not_called_dense(scheme: str) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(EncoderError, match="no such folder, and the Hugging Face Hub"):
        Plugins.installed().load_encoder(f"{scheme}:nobody/nothing")


def test_a_hint_names_a_step_that_helps() -> None:
    from evalkit.adapters.transformed import behind
    from evalkit.types import Form

    class Sparse(helpers.Counting):
        form = Form.SPARSE

    pool = Plugins.installed().transforms.get("pool")("4", {})
    with pytest.raises(EncoderError, match="pool:4 takes multi") as caught:
        behind(Sparse(), pool, "pool:4")
    assert "project" not in caught.value.hint


def test_values_of_two_bytes_are_counted_so() -> None:
    encoder = helpers.Counting()
    encoder.value_bytes = 2  # type: ignore[attr-defined]
    bench = EncoderBench(encoder, TaskInfo("T", "STS"))
    bench.embed(["a", "b"], role=Role.TEXT)
    assert bench.cost() == {"bytes_per_text": 32}


def test_scores_of_many_pairs_are_those_of_few() -> None:
    from evalkit.search import pair_scores
    from evalkit.types import Similarity, TokenVectors

    rng = np.random.default_rng(0)
    queries, documents = (
        TokenVectors.of([rng.normal(size=(rng.integers(1, 5), 6)).astype(np.float32) for _ in range(n)])
        for n in (9, 11)
    )
    rows = np.repeat(np.arange(9), 11), np.tile(np.arange(11), 9)
    for similarity in Similarity:
        many = pair_scores(queries, documents, *rows, similarity)
        few = [pair_scores(queries, documents, rows[0][[i]], rows[1][[i]], similarity)[0] for i in range(99)]
        assert many == pytest.approx(few, abs=1e-5)
