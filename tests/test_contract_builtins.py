"""Everything that is built in keeps the contract; what is new here and has no case fails, so that none is forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
import ranking_folders
import tiny_models
from helpers import jsonl, sentence, toml

from evalkit.adapters.named import named
from evalkit.adapters.precomputed import digests
from evalkit.adapters.transformed import behind
from evalkit.plugins import Plugins
from evalkit.protocols import Ranker, TaskChoice
from evalkit.testing import TEXTS, check_encoder, check_task, check_transform
from evalkit.testing.samples import small
from evalkit.types import Form

PLUGINS = Plugins.installed()
pytestmark = pytest.mark.filterwarnings("ignore")


def built_in(registry: Any) -> list[str]:
    """Names of what this distribution registers; other packages test their own."""
    return [entry.name for entry in registry.entries() if entry.origin.startswith("evalkit-embeddings")]


def case(cases: dict[str, Any], name: str, kind: str) -> Any:
    assert name in cases, f"The {kind} {name} has no case here: add one."
    found = cases[name]
    if isinstance(found, str) and found.startswith("skip: "):
        pytest.skip(found.removeprefix("skip: "))
    return found


# -- encoders ----------------------------------------------------------------------------------------------------


def st(folder: Path) -> str:
    path = tiny_models.bert_folder(folder / "bert", head=False)
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    transformer = Transformer(path)
    pooling = Pooling(transformer.get_word_embedding_dimension())
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu", prompts={"query": "query : "})
    model.save(str(folder / "st"))
    return f"st:{folder / 'st'}"


def splade(folder: Path) -> str:
    tiny_models.sparse_model(folder / "bert").save_pretrained(str(folder / "splade"))
    return f"splade:{folder / 'splade'}"


def colbert(folder: Path) -> str:
    tiny_models.multi_vector_model(folder / "bert").save_pretrained(str(folder / "colbert"))
    return f"colbert:{folder / 'colbert'}"


def cross(folder: Path) -> str:
    pytest.importorskip("sentence_transformers")
    return f"cross:{ranking_folders.cross_encoder(folder / 'cross')}"


def model2vec(folder: Path) -> str:
    library = pytest.importorskip("model2vec")
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: place for place, word in enumerate(["[UNK]", "[PAD]", "A", "cat", "the", "short"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = np.random.default_rng(0).normal(size=(len(words), 8)).astype(np.float32)
    library.StaticModel(vectors, tokenizer, normalize=True).save_pretrained(folder / "tiny")
    return f"model2vec:{folder / 'tiny'}"


def precomputed(folder: Path) -> str:
    texts = sorted(set(TEXTS))
    vectors = np.stack([helpers.vector(text) for text in texts])
    keys = digests(texts).view(np.uint8).reshape(-1, 32)
    np.savez(folder / "vectors.npz", sha256=keys, vectors=vectors)
    return f"precomputed:{folder / 'vectors.npz'}"


def wordllama(folder: Path) -> str:
    pytest.importorskip("wordllama", reason="the weights are not installed (extra demo)")
    return "wordllama"


def mteb(folder: Path) -> str:
    pytest.importorskip("mteb", reason="mteb is not installed (extra mteb)")
    return "mteb:mteb/baseline-random-encoder"


HTTP = "an embedding server is needed: test_http.py checks the encoder against a real one"
ENCODERS: dict[str, Any] = {
    "bm25": lambda folder: "bm25",
    "hashing": lambda folder: "hashing:dim=64",
    "random": lambda folder: "random:dim=8",
    "python": lambda folder: helpers.spec(),
    "precomputed": precomputed,
    "wordllama": wordllama,
    "model2vec": model2vec,
    "st": st,
    "splade": splade,
    "colbert": colbert,
    "cross": cross,
    "mteb": mteb,
    "pixels": "skip: it takes pictures, and no texts",
    "http": f"skip: {HTTP}",
    "https": f"skip: {HTTP}",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in(PLUGINS.encoders))
def test_every_encoder(name: str, tmp_path: Path) -> None:
    check_encoder(PLUGINS.load_encoder(case(ENCODERS, name, "encoder")(tmp_path)))


# -- transforms --------------------------------------------------------------------------------------------------

TRANSFORMS: dict[str, Any] = {
    "truncate": ["8"],
    "pca": ["8"],
    "whiten": ["", "8"],
    "center": [""],
    "normalize": [""],
    "project": ["8"],
    "quantize": ["int8", "int8,compare=codes", "binary", "ubinary"],
    "pq": ["8", "8,bits=2"],
    "topk": ["4"],
    "pool": ["2", "2,method=ward", "mean"],
    "muvera": ["k_sim=2,repetitions=2,projection=4", "k_sim=2,repetitions=2,final=32,fill=off"],
    "layer": ["2"],
    "prompt": ["off", "query=Question:%20"],
    "rescore": "skip: it is no transform of vectors: the encoder that it makes is checked among the rankers",
}


@pytest.mark.parametrize("name", built_in(PLUGINS.transforms))
def test_every_transform(name: str) -> None:
    for argument in case(TRANSFORMS, name, "transform"):
        check_transform(PLUGINS.transforms.get(name), argument)


@pytest.mark.parametrize(
    ("form", "steps"),
    [
        (Form.DENSE, "center | pca:4 | quantize:binary"),
        (Form.DENSE, "truncate:32 | quantize:int8,compare=codes"),
        (Form.SPARSE, "topk:4 | project:8 | truncate:4"),
        (Form.MULTI, "pool:2 | normalize"),
        (Form.MULTI, "muvera:k_sim=2,repetitions=2,projection=4 | whiten:4"),
        (Form.MULTI, "pool:mean"),
    ],
)
def test_several_transforms_behind_an_encoder_of_each_form(form: Form, steps: str) -> None:
    encoder: Any = small(form)
    for step in steps.split(" | "):
        name, _, argument = step.partition(":")
        encoder = behind(encoder, PLUGINS.transforms.get(name)(argument, {}), step)
    check_encoder(encoder)


# -- rankers -----------------------------------------------------------------------------------------------------

COMBINERS: dict[str, Any] = {
    "hybrid": [
        "hybrid:[bm25 * .4 + hashing:dim=64 * .6]",
        "hybrid:[bm25 + hashing:dim=64 + random:dim=8]?normalise=z",
        "hybrid:[bm25 * .4 + hashing:dim=64]?normalise=none&depth=2",
        "hybrid:[bm25 + hashing:dim=64]?fusion=rrf",
        "hybrid:[bm25 + hashing:dim=64 | pca:4]?fusion=rrf&depth=3",
    ],
    "rerank": [
        "rerank:bm25 > hashing:dim=64",
        "rerank:[hashing:dim=64 | quantize:binary > bm25]?top_k=2",
        "rerank:hybrid:[bm25 + hashing:dim=64] > random:dim=8",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", built_in(PLUGINS.combiners))
def test_every_combiner(name: str) -> None:
    for spec in case(COMBINERS, name, "combiner"):
        check_encoder(PLUGINS.load_encoder(spec))


@pytest.mark.parametrize(
    "steps",
    ["quantize:binary | rescore", "pca:4 | rescore:1", "truncate:16 | rescore:with=full", "quantize:int8 | rescore:3"],
)
def test_searches_in_two_stages(steps: str) -> None:
    encoder = PLUGINS.load_encoder(f"hashing:dim=64 | {steps}")
    assert isinstance(encoder, Ranker)
    check_encoder(encoder)


def test_whatever_goes_by_another_name_keeps_the_contract() -> None:
    for spec in (
        "hashing:dim=64 | truncate:8",
        "hashing:dim=64 | quantize:binary | rescore",
        "bm25",
        "hybrid:[bm25 + random:dim=8]",
    ):
        check_encoder(named(PLUGINS.load_encoder(spec), "another"))


@pytest.mark.slow
def test_a_cross_encoder_behind_a_first_stage(tmp_path: Path) -> None:
    check_encoder(PLUGINS.load_encoder(f"rerank:[bm25 > {cross(tmp_path)}]?top_k=3"))


# -- task types --------------------------------------------------------------------------------------------------


def rankability(folder: Path) -> Path:
    toml(folder, "Rankability", few_repeats=1)
    with (folder / "task.toml").open("a") as stream:
        stream.write('[protocol.zero_shot]\nhigh = "much"\nlow = "little"\n')
    jsonl(folder / "test.jsonl", [{"text": sentence(i), "value": i} for i in range(30)])
    return folder


def pictures(folder: Path) -> Path:
    pytest.importorskip("PIL", reason="pillow is not installed (extra images)")
    from evalkit_tasks.pictures.folder import PictureSet, write_pictures

    write_pictures(PictureSet("PictureCount", 30), folder, folder.name)
    return folder


def labelled(kind: str, field: str, value: Callable[[int], Any]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        toml(folder, kind, n_experiments=2)
        for split, size in (("train", 40), ("test", 20)):
            jsonl(folder / f"{split}.jsonl", [{"text": sentence(i, split), field: value(i)} for i in range(size)])
        return folder

    return make


def paired(kind: str, row: Callable[[int], dict[str, Any]]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        jsonl(toml(folder, kind) / "test.jsonl", [row(i) for i in range(12)])
        return folder

    return make


def sets(folder: Path) -> Path:
    toml(folder, "Clustering", kind="legacy", spread_seeds=0)
    jsonl(folder / "test.jsonl", [{"texts": [sentence(i) for i in range(8)], "labels": [i % 2 for i in range(8)]}])
    return folder


def asked(folder: Path) -> Path:
    """Queries with instructions over a whole corpus."""
    helpers.retrieval(folder)
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    jsonl(folder / "queries.jsonl", [{**row, "instruction": "about rivers only"} for row in rows])
    said = (folder / "task.toml").read_text().replace('"Retrieval"', '"InstructionRetrieval"')
    (folder / "task.toml").write_text(said)
    return folder


def twins(i: int) -> dict[str, Any]:
    return {"sentence1": sentence(i), "sentence2": sentence(i + i % 2)}


def summaries(i: int) -> dict[str, Any]:
    people = [sentence(i, "mine"), sentence(i, "yours")]
    machines = [sentence(i, f"machine {place}") for place in range(4)]
    rated = [1, 2.5, 4, i % 3 + 1]
    return {"text": sentence(i), "human_summaries": people, "machine_summaries": machines, "relevance": rated}


TASKS: dict[str, Any] = {
    "STS": [helpers.sts],
    "PairClassification": [paired("PairClassification", lambda i: {**twins(i), "label": i % 2})],
    "BitextMining": [paired("BitextMining", twins)],
    "Summarization": [paired("Summarization", summaries)],
    "Classification": [helpers.classification],
    "MultilabelClassification": [
        labelled("MultilabelClassification", "labels", lambda i: [["a"], ["a", "b"], []][i % 3])
    ],
    "Regression": [labelled("Regression", "value", lambda i: (i * 37 % 101) / 7)],
    "Clustering": [helpers.clustering, sets],
    "Retrieval": [helpers.retrieval],
    "Reranking": [ranking_folders.lists, ranking_folders.beir],
    "InstructionRetrieval": [asked],
    "InstructionReranking": [ranking_folders.follow],
    "Rankability": [rankability],
    "ImageRankability": [pictures],
}


@pytest.mark.parametrize("name", built_in(PLUGINS.task_types))
def test_every_task_type(name: str, tmp_path: Path) -> None:
    for number, make in enumerate(case(TASKS, name, "task type")):
        task = PLUGINS.open_task(make(tmp_path / f"T{number}"))
        assert callable(task.texts), "nothing can be fitted on a task that cannot say its texts"
        check_task(task)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["MockRetrievalTask", "MockMultilingualBitextMiningTask", "MockTextZeroShotClassification"]
)
def test_tasks_of_mtebs_catalogue(name: str) -> None:
    """One that our protocol runs, one of several parts, and one that mteb's own evaluator scores."""
    pytest.importorskip("mteb", reason="mteb is not installed (extra mteb)")
    import mteb_mocks

    with mteb_mocks.catalogued(mteb_mocks.TEXTS[name]):
        check_task(PLUGINS.sources.get("mteb").task(TaskChoice(name), PLUGINS))


def test_every_case_is_of_something_that_is_there() -> None:
    """A case whose entry point has gone is dead."""
    for cases, registry in (
        (ENCODERS, PLUGINS.encoders),
        (TRANSFORMS, PLUGINS.transforms),
        (COMBINERS, PLUGINS.combiners),
        (TASKS, PLUGINS.task_types),
    ):
        assert sorted(cases) == built_in(registry)
