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
