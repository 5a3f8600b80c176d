"""`evalkit compare --geometry`: planted agreement through every task type, and what is not at hand as a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from test_compare import A, B, cell, result, stored

import evalkit
from evalkit.diagnostics import agreement as module
from evalkit.plugins import Plugins
from evalkit.protocols import TaskInfo
from evalkit.types import Role, Similarity
from evalkit_leaderboard import compare_page, geometry_page
from evalkit_leaderboard.compare_sides import Sides, find_sides
from evalkit_leaderboard.comparison import compare_sides
from evalkit_leaderboard.geometry import Geometry, TaskGeometry, measure
from evalkit_leaderboard.geometry_texts import Recorder, StandIn, embedded_texts

# `Turned` is `Plain` times an orthogonal matrix; `Other` shares nothing with them.
SOURCE = """
import hashlib, os
import numpy as np

TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0]

def vectors(texts, salt=""):
    raw = b"".join(hashlib.shake_256((salt + text).encode()).digest(64) for text in texts)
    return np.frombuffer(raw, dtype="<u4").reshape(len(texts), 16) / 2**31 - 1

class Plain:
    name, fingerprint, salt, turn = "plain", "{mark}1" * 8, "", None

    def encode(self, sentences, batch_size=32):
        if os.environ.get("TEST_LOG"):
            with open(os.environ["TEST_LOG"], "a") as log:
                log.writelines(f"{{self.name}}\\n" for _ in sentences)
        out = vectors(sentences, self.salt)
        return (out if self.turn is None else 3 * out @ self.turn).astype(np.float32)

class Turned(Plain):
    name, fingerprint, turn = "turned", "{mark}2" * 8, TURN

class Other(Plain):
    name, fingerprint, salt = "other", "{mark}3" * 8, "salt"

class Level(Plain):
    name, fingerprint = "level", "{mark}4" * 8

    def encode(self, sentences, batch_size=32):
        return np.ones((len(sentences), 4), dtype=np.float32)

class Secretive(Other):
    name, fingerprint = "secretive", None
"""


def encoders(folder: Path, mark: str = "a") -> Path:
    path = folder / "mine.py"
    path.write_text(SOURCE.format(mark=mark), encoding="utf-8")
    return path


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    helpers.sts(data / "MySts", 40, splits=("validation", "test"))
    helpers.classification(data / "MyClassification")
    helpers.clustering(data / "MyClustering")
    helpers.retrieval(data / "MyRetrieval")
    return data


def run(tmp_path: Path, data: Path, *names: str) -> None:
    file = encoders(tmp_path)
    evalkit.evaluate([f"python:{file}:{name}" for name in names], data=data, output=tmp_path / "results")


def compared(tmp_path: Path, data: Path, a: str, b: str) -> Geometry:
    return measure(find_sides(a, b, tmp_path / "results"), (data,))


def words(geometry: Geometry) -> str:
    return "\n".join(geometry_page.notes(geometry))


# -- numbers -----------------------------------------------------------------------------------------------------


def test_a_rotated_encoder_agrees_on_every_task_type_and_an_unrelated_one_does_not(tmp_path: Path, tasks: Path) -> None:
    run(tmp_path, tasks, "Plain", "Turned", "Other")
    turned, other = (compared(tmp_path, tasks, "plain", name) for name in ("turned", "other"))
    assert {each.task for each in turned.tasks} == {"MySts", "MyClassification", "MyClustering", "MyRetrieval"}
    assert turned.notes == ()
    for same, unrelated in zip(turned.tasks, other.tasks, strict=True):
        assert (same.note, unrelated.note) == ("", "")
        assert same.agreement is not None
        assert unrelated.agreement is not None
        assert (same.agreement.cka, same.agreement.cka_debiased) == pytest.approx((1, 1), abs=1e-6)
        assert (same.agreement.mutual_neighbours, same.agreement.relative_correlation) == pytest.approx(
            (1, 1), abs=1e-3
        )
        assert abs(unrelated.agreement.cka_debiased) < 0.15
        assert unrelated.agreement.mutual_neighbours == pytest.approx(unrelated.agreement.mutual_chance, abs=0.15)


def test_the_texts_are_those_that_the_task_gave_to_the_encoder(tmp_path: Path, tasks: Path) -> None:
    plugins = Plugins.installed()
    for name in ("MySts", "MyClassification", "MyClustering", "MyRetrieval"):
        encoder = helpers.Counting()
        evalkit.evaluate(encoder, tasks / name, cache=False)
        found, note = embedded_texts(plugins.open_task(tasks / name), Similarity.COSINE)
        assert note == ""
        assert set(found) == set(encoder.texts), name
    roles = embedded_texts(plugins.open_task(tasks / "MyRetrieval"), Similarity.COSINE)[0]
    assert set(roles.values()) == {Role.QUERY, Role.DOCUMENT}


def test_rows_are_put_back_in_the_order_of_the_texts_whatever_their_roles(tmp_path: Path, tasks: Path) -> None:
    """With rows out of order one side would still agree with itself, so the vectors are checked against the texts."""
    from evalkit_leaderboard import geometry as place

    encoder = helpers.Prompted()
    task = Plugins.installed().open_task(tasks / "MyRetrieval")
    texts = {f"text {i}": (Role.QUERY, Role.DOCUMENT)[i % 3 == 0] for i in range(30)}
    tables = place._Tables(Plugins.installed(), {}, [encoder, encoder], None, lambda _: None)
    expected = [helpers.vector(f"{role}: {text}") for text, role in texts.items()]
    assert np.array_equal(tables._vectors(encoder, task, texts), expected)


def test_vectors_come_from_the_cache(tmp_path: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("TEST_LOG", str(log))
    run(tmp_path, tasks, "Plain", "Turned")
    encoded = len(log.read_text().splitlines())
    assert encoded > 100
    compared(tmp_path, tasks, "plain", "turned")
    assert len(log.read_text().splitlines()) == encoded
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "empty"))
    compared(tmp_path, tasks, "plain", "turned")
    assert len(log.read_text().splitlines()) == 2 * encoded


def test_large_tasks_are_sampled_before_they_are_encoded(
    tmp_path: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, tasks, "Plain", "Turned")
    monkeypatch.setattr(module, "MOST", 30)
    monkeypatch.setenv("TEST_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "empty"))
    found = compared(tmp_path, tasks, "plain", "turned")
    sizes = {each.task: (each.agreement.n, each.agreement.of) for each in found.tasks if each.agreement}
    # 40 pairs and 7 more sentences in each of two splits; 30 documents, three queries beyond them.
    assert sizes["MySts"] == (30, 94)
    assert len((tmp_path / "log").read_text().splitlines()) <= 2 * 30 * len(sizes)
    assert "a seeded sample" in words(found)
    assert found.tasks == compared(tmp_path, tasks, "plain", "turned").tasks


@pytest.mark.slow
def test_real_encoders_are_more_alike_than_one_of_them_and_hashed_words(tmp_path: Path, shared_data: Path) -> None:
    """all-MiniLM-L6-v2 and wordllama, both trained, against the hashing encoder, which only counts words."""
    pytest.importorskip("wordllama")
    data = shared_data / "tasks"
    specs = [f"precomputed:{shared_data / 'minilm_vectors.npz'}?name=minilm", "wordllama", "hashing"]
    evalkit.evaluate(specs, "STSBenchmark", data=data, output=tmp_path / "results")
    [trained], [hashed] = (compared(tmp_path, data, "minilm", other).tasks for other in ("wordllama", "hashing"))
    assert trained.agreement is not None
    assert hashed.agreement is not None
    assert trained.agreement.n == 2552  # distinct sentences of the 1,379 pairs of the test split
    # Written down on 2026-11-21, from evalkit itself: .561 and .485 against .361 and .323.
    assert trained.agreement.cka_debiased == pytest.approx(0.561, abs=0.002)
    assert trained.agreement.mutual_neighbours == pytest.approx(0.485, abs=0.002)
    assert hashed.agreement.cka_debiased == pytest.approx(0.361, abs=0.002)
    assert hashed.agreement.mutual_neighbours == pytest.approx(0.323, abs=0.002)


# -- what is not at hand -----------------------------------------------------------------------------------------


def test_an_encoder_that_is_gone_or_another_today_or_has_no_vectors_gives_a_sentence(
    tmp_path: Path, tasks: Path
) -> None:
    run(tmp_path, tasks, "Plain", "Turned")
    evalkit.evaluate("bm25", tasks / "MyRetrieval", output=tmp_path / "results")
    lexical = compared(tmp_path, tasks, "plain", "bm25")
    assert (lexical.tasks, lexical.notes) == ((), ("bm25 has no vectors.",))
    encoders(tmp_path, mark="b")
    changed = compared(tmp_path, tasks, "plain", "turned")
    assert changed.tasks == ()
    assert len(changed.notes) == 2
    assert "is no longer what was scored, whose fingerprint is" in changed.notes[0]
    (tmp_path / "mine.py").unlink()
    gone = compared(tmp_path, tasks, "plain", "turned")
    assert gone.tasks == ()
    assert gone.notes[1].startswith("No vectors of turned: ")
    assert all(helpers.is_a_sentence(note) for note in (*lexical.notes, *changed.notes, *gone.notes))


def test_an_encoder_without_fingerprint_is_measured_and_said_to_be_unproven(tmp_path: Path, tasks: Path) -> None:
    run(tmp_path, tasks, "Plain", "Secretive")
    found = compared(tmp_path, tasks, "plain", "secretive")
    assert all(each.agreement is not None for each in found.tasks)
    assert "Nothing shows that" in found.notes[0]


def test_data_that_are_gone_or_changed_or_few_give_a_sentence(tmp_path: Path, tasks: Path) -> None:
    helpers.sts(tasks / "Tiny", 5)
    run(tmp_path, tasks, "Plain", "Turned")
    helpers.sts(tasks / "MySts", 40, splits=("validation", "test"), salt="changed")
    found = {each.task: each for each in compared(tmp_path, tasks, "plain", "turned").tasks}
    assert found["MySts"].agreement is None
    assert "are not those that were scored" in found["MySts"].note
    assert found["Tiny"].note == "Tiny embeds 10 distinct texts; their agreement needs 24."
    assert found["MyRetrieval"].agreement is not None
    without = measure(find_sides("plain", "turned", tmp_path / "results"))
    assert all("--data DIR says where" in each.note for each in without.tasks)


def test_tasks_that_embed_no_texts_give_a_sentence(
    tmp_path: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evalkit_leaderboard import geometry as place

    run(tmp_path, tasks, "Plain", "Turned")
    monkeypatch.setattr(place, "embedded_texts", lambda *_: ({}, "Some texts may be missing."))
    found = compared(tmp_path, tasks, "plain", "turned")
    assert [each.note for each in found.tasks] == [f"{each.task} embeds no texts." for each in found.tasks]
    assert geometry_page.table(found).rows == ()


def test_vectors_that_are_all_equal_are_undefined(tmp_path: Path, tasks: Path) -> None:
    evalkit.evaluate(
        [f"python:{encoders(tmp_path)}:{name}" for name in ("Plain", "Level")],
        tasks / "MyClassification",
        output=tmp_path / "results",
    )
    found = compared(tmp_path, tasks, "plain", "level")
    assert "MyClassification: undefined, as the vectors of an encoder are all equal." in words(found)
    record = geometry_page.as_json(found)
    assert record["tasks"][0]["agreement"]["cka"] is None
    assert record["tasks"][0]["agreement"]["n"] == 48
    json.dumps(record, allow_nan=False)


def test_imported_encoders_without_a_spec_to_load_give_a_sentence(tmp_path: Path) -> None:
    stored(tmp_path, result("a", "T", cell(A)), result("b", "T", cell(B)))
    found: Sides = find_sides("a", "b", tmp_path)
    assert [note.partition(":")[0] for note in measure(found).notes] == ["No vectors of a", "No vectors of b"]


def test_a_task_that_fails_on_stand_ins_says_that_texts_may_be_missing() -> None:
    class Failing:
        info = TaskInfo("Failing", "Mine")

        def cells(self) -> list[Any]:
            from evalkit.protocols import Cell

            return [Cell("test")]

        def evaluate(self, cell: Any, bench: Any) -> Any:
            bench.embed(["one", "two", "one"], role=Role.TEXT)
            raise RuntimeError("no such thing")

    texts, note = embedded_texts(Failing(), Similarity.DOT)  # type: ignore[arg-type]
    assert texts == {"one": Role.TEXT, "two": Role.TEXT}
    assert note.startswith("Some texts may be missing, for test/default stopped early")
    assert "no such thing" in note


def test_what_stands_beside_the_encoder_is_not_among_its_texts() -> None:
    bench = Recorder(StandIn(Similarity.COSINE), TaskInfo("T", "Mine"))
    bench.beside(StandIn(Similarity.DOT)).embed(["untrained"], role=Role.TEXT)
    bench.embed(["mine"], role=Role.TEXT)
    assert list(bench.texts) == ["mine"]


# -- the command -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_command_prints_the_table_and_json_has_it(tmp_path: Path, tasks: Path) -> None:
    run(tmp_path, tasks, "Plain", "Turned")
    arguments = ("compare", "plain", "turned", tmp_path / "results", "--data", tasks)
    done = helpers.run_cli(*arguments, "--geometry")
    assert done.returncode == 0, done.stderr
    assert "How alike their vectors are" in done.stdout
    [row] = [line for line in done.stdout.splitlines() if line.startswith("MyRetrieval") and "1.000" in line]
    assert row.split()[2] == "1.000"
    assert "MyRetrieval: the vectors of" in done.stderr
    record = json.loads(helpers.call_cli(*arguments, "--geometry", "--json").stdout)["geometry"]
    assert record["tasks"][0]["agreement"]["cka_debiased"] == pytest.approx(1, abs=1e-6)


def test_nothing_is_loaded_or_printed_unless_it_is_asked_for(tmp_path: Path) -> None:
    folder = stored(tmp_path, result("a", "T", cell(A)), result("b", "T", cell(B)))
    assert compare_page.as_json(compare_sides(find_sides("a", "b", folder)))["geometry"] is None
    done = helpers.run_cli("compare", "a", "b", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "alike" not in done.stdout


def test_table_shows_samples_and_leaves_out_tasks_without_numbers() -> None:
    numbers = module.agreement(np.eye(30, dtype=np.float32), np.eye(30, dtype=np.float32))
    found = Geometry((TaskGeometry("One", numbers), TaskGeometry("Two", None, "Two is not at hand.")))
    table = geometry_page.table(found)
    assert [row[0] for row in table.rows] == ["One"]
    assert len(table.headers) == len(table.rows[0])
    assert "Two is not at hand." in words(found)
