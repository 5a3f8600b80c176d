"""Whatever an encoder does wrong ends in one sentence that names it; other tasks go on and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

import evalkit
from evalkit.embedding.bench import BATCHES_PER_CALL
from evalkit.errors import CellError, EvalkitError
from evalkit.reporter import Reporter

Fault = Callable[[list[str], np.ndarray, int], Any]


def poisoned(value: float) -> Fault:
    def fault(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
        vectors[2, 3] = value
        return vectors

    return fault


def raising(error: Exception) -> Fault:
    def fault(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
        raise error

    return fault


def float16(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        return (vectors * 1e5).astype(np.float16)


FAULTS: dict[str, tuple[Fault, list[str]]] = {
    "too_few": (lambda t, v, n: v[:-1], ["returned 18 vectors for 19 texts", "empty and repeated"]),
    "too_many": (lambda t, v, n: np.vstack([v, v[:1]]), ["returned 20 vectors for 19 texts"]),
    "none_at_all": (lambda t, v, n: v[:0], ["returned 0 vectors for 19 texts"]),
    "flat": (lambda t, v, n: v.ravel(), ["shape (304,) for 19 texts", "expected (19, d)", "one vector for each text"]),
    "one_number_each": (lambda t, v, n: v[:, 0], ["shape (19,)"]),
    "three_dimensions": (lambda t, v, n: v[:, None, :], ["shape (19, 1, 16)", "pool token vectors"]),
    "no_columns": (lambda t, v, n: v[:, :0], ["shape (19, 0)"]),
    "nothing": (lambda t, v, n: None, ["shape ()"]),
    "strings": (lambda t, v, n: [["a", "b"] for _ in t], ["no array of numbers", "row of numbers"]),
    "numbers_as_strings": (lambda t, v, n: [["1", "2"] for _ in t], ["no array of numbers"]),
    "the_texts": (lambda t, v, n: t, ["no array of numbers"]),
    "dictionaries": (lambda t, v, n: [{} for _ in t], ["no array of numbers"]),
    "complex": (lambda t, v, n: v + 1j, ["no array of numbers"]),
    "ragged": (lambda t, v, n: [row[: 2 + i % 3] for i, row in enumerate(v)], ["no array of numbers"]),
    "nan": (poisoned(np.nan), ["returned NaN values, first for the text", "Check its weights"]),
    "inf": (poisoned(np.inf), ["returned infinite values, first for the text"]),
    "minus_inf": (poisoned(-np.inf), ["returned infinite values"]),
    "float16_overflow": (float16, ["infinite values", "float16 overflows"]),
    "float64_overflow": (lambda t, v, n: v.astype(np.float64) * 1e300, ["infinite values"]),
    "zeros": (lambda t, v, n: v * 0, ["zero vectors for all 19 texts", "weights are loaded"]),
    "raises": (raising(ValueError("bad luck")), ["failed while it encoded 19 texts: ValueError: bad luck", "Mend"]),
    "raises_several_lines": (raising(ValueError("bad\n  luck")), ["ValueError: bad luck"]),
    "raises_nothing_said": (raising(RuntimeError()), ["RuntimeError"]),
    "raises_our_own": (raising(EvalkitError("No network.", hint="Plug it in.")), ["No network. Plug it in."]),
    "out_of_memory": (raising(MemoryError("20 GiB")), ["MemoryError: 20 GiB"]),
}


class Ears(Reporter):
    """Keeps what went wrong."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, EvalkitError]] = []

    def task_failed(self, encoder: str, task: str, error: EvalkitError) -> None:
        self.errors.append((task, error))


class OnlyIn(helpers.Counting):
    """Misbehaves in one task, as told by its texts."""

    def __init__(self, word: str, fault: Fault, **more: Any) -> None:
        super().__init__(fault=lambda t, v, n: fault(t, v, n) if any(word in text for text in t) else v, **more)


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_no_embedding_fails_its_task_and_no_other(case: str, tmp_path: Path) -> None:
    fault, expected = FAULTS[case]
    for name, salt in (("A", "fine"), ("B", "evil"), ("C", "good")):
        helpers.sts(tmp_path / "data" / name, salt=salt)
    ears = Ears()
    results = evalkit.evaluate(OnlyIn("evil", fault), data=[tmp_path / "data"], output=tmp_path / "out", reporter=ears)
    assert [result.task.name for result in results] == ["A", "C"]
    [(task, error)] = ears.errors
    assert task == "B"
    assert isinstance(error, CellError)
    assert error.exit_code == 1
    for part in expected:
        assert part in str(error), str(error)
    assert "counting" in str(error) or case == "raises_our_own"
    assert helpers.is_a_sentence(error.message)
    assert helpers.is_a_sentence(error.hint)
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/A.json", f"{helpers.HOME}/C.json"]


def test_nothing_bad_is_ever_cached(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S")
    for fault, _ in FAULTS.values():
        encoder = helpers.Counting(fault=fault)
        if fault is not FAULTS["zeros"][0]:
            with pytest.raises(CellError):
                evalkit.evaluate(encoder, folder)
    well = helpers.Counting()
    evalkit.evaluate(well, folder)
    assert len(well.texts) == 19


def test_some_zero_vectors_are_a_warning_in_the_result(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("de", "en"))

    def fault(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
        return np.where([[text.startswith("de river")] for text in texts], 0, vectors)

    [result] = evalkit.evaluate(helpers.Counting(fault=fault), folder, output=tmp_path / "out")
    [warning] = result.warnings
    assert warning.startswith("test/de: 2 of 19 vectors are zero, first for 'de river")
    assert evalkit.load_results(tmp_path / "out")[0].warnings == result.warnings


def test_the_length_of_vectors_may_not_change_between_calls(tmp_path: Path) -> None:
    n = BATCHES_PER_CALL * 2 + 5
    folder = helpers.sts(tmp_path / "S", n=n)
    encoder = helpers.Counting(fault=lambda t, v, n: v[:, : 16 - n + 1])
    with pytest.raises(CellError, match=r"vectors of length 15 after vectors of length 16"):
        evalkit.evaluate(encoder, folder, batch_size=2)


def test_nor_between_runs_under_one_fingerprint(tmp_path: Path) -> None:
    first, second = helpers.sts(tmp_path / "A", n=20), helpers.sts(tmp_path / "B", n=40)
    evalkit.evaluate(helpers.Counting(dimension=16), first)
    with pytest.raises(CellError, match=r"length 8 after vectors of length 16"):
        evalkit.evaluate(helpers.Counting(dimension=8), second)


def test_nor_between_two_parts_of_the_cache(tmp_path: Path) -> None:
    one, two = helpers.sts(tmp_path / "A", salt="a"), helpers.sts(tmp_path / "B", salt="b")
    evalkit.evaluate(helpers.Counting(dimension=8), one)
    evalkit.evaluate(helpers.Counting(dimension=24), two)
    both = helpers.toml(tmp_path / "C", "STS")
    (both / "test.jsonl").write_text((one / "test.jsonl").read_text() + (two / "test.jsonl").read_text())
    with pytest.raises(CellError, match=r"vectors of lengths 8, 24 under one fingerprint.*cache clear"):
        evalkit.evaluate(helpers.Counting(), both)


def test_what_was_encoded_before_it_raised_is_not_encoded_again(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", n=BATCHES_PER_CALL * 3)
    calls_that_work = 2

    def fault(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
        if call > calls_that_work:
            raise RuntimeError("out of luck")
        return vectors

    broken = helpers.Counting(fault=fault)
    with pytest.raises(CellError, match="out of luck"):
        evalkit.evaluate(broken, folder, output=tmp_path / "out", batch_size=1)
    assert len(broken.texts) == calls_that_work * BATCHES_PER_CALL
    assert helpers.files(tmp_path / "out") == []

    mended = helpers.Counting()
    resumed = evalkit.evaluate(mended, folder, output=tmp_path / "out", batch_size=1)
    assert not set(mended.texts) & set(broken.texts)
    fresh = evalkit.evaluate(helpers.Counting(), folder, cache=False)
    assert helpers.cells(resumed) == helpers.cells(fresh)


def test_after_a_failure_in_one_subset_only_that_is_scored_again(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("de", "en", "fr"))
    with pytest.raises(CellError, match=r"test/en: counting failed .* out of luck"):
        evalkit.evaluate(
            OnlyIn("en ", raising(RuntimeError("out of luck"))), folder, output=tmp_path / "out", cache=False
        )
    mended = helpers.Counting()
    results = evalkit.evaluate(mended, folder, output=tmp_path / "out", cache=False)
    assert {text.split()[0] for text in mended.texts} == {"en"}
    assert helpers.cells(results) == helpers.cells(evalkit.evaluate(helpers.Counting(), folder, cache=False))
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/S.json"]


def test_a_run_that_is_stopped_keeps_what_it_and_the_run_before_finished(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("a", "b", "c", "d"))

    def run(encoder: helpers.Counting) -> list[str]:
        evalkit.evaluate(encoder, folder, output=tmp_path / "out", cache=False)
        return sorted({text.split()[0] for text in encoder.texts})

    def fault(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
        if texts[0].startswith(("a ", "d ")):
            raise RuntimeError("out of luck")
        return vectors

    def stop(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
        if texts[0].startswith("d "):
            raise KeyboardInterrupt
        return vectors

    with pytest.raises(CellError, match=r"test/a.*One more cell failed too"):
        run(helpers.Counting(fault=fault))
    with pytest.raises(KeyboardInterrupt):
        run(helpers.Counting(fault=stop))
    assert run(helpers.Counting()) == ["d"]


def test_warnings_of_cells_that_an_earlier_run_finished_are_kept(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("de", "en"))
    constant = [{"sentence1": f"de {i}", "sentence2": f"de {i + 1}", "score": 1} for i in range(5)]
    helpers.jsonl(folder / "de" / "test.jsonl", constant)
    with pytest.raises(CellError):
        evalkit.evaluate(OnlyIn("en ", raising(RuntimeError())), folder, output=tmp_path / "out")
    resumed = evalkit.evaluate(helpers.Counting(), folder, output=tmp_path / "out")[0]
    undisturbed = evalkit.evaluate(helpers.Counting(), folder)[0]
    assert resumed.warnings == undisturbed.warnings
    assert "test/de: undefined" in resumed.warnings[0]


def test_a_lexical_scorer_that_raises_fails_its_task_only(tmp_path: Path) -> None:
    class Lexical:
        name, fingerprint = "lexical", "lexical-1"

        def index(self, corpus: Any) -> Any:
            raise KeyError("stemmer")

    helpers.retrieval(tmp_path / "R")
    helpers.sts(tmp_path / "S")
    with pytest.raises(CellError, match=r"R failed with lexical: KeyError: 'stemmer'") as caught:
        evalkit.evaluate(Lexical(), data=[tmp_path])
    assert caught.value.exit_code == 1


def test_a_task_plugin_that_raises_fails_its_task_only(tmp_path: Path) -> None:
    from evalkit.plugins import Plugins

    helpers.sts(tmp_path / "S")
    broken = Plugins.installed().open_task(helpers.sts(tmp_path / "B"))

    def evaluate(cell: Any, bench: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    broken.evaluate = evaluate  # type: ignore[method-assign]
    results = evalkit.evaluate(helpers.Counting(), [broken, tmp_path / "S"])
    assert [result.task.name for result in results] == ["S"]
    assert "B failed with counting: ZeroDivisionError: division by zero." in results.failures[0]


def test_an_encoder_that_cannot_be_loaded_does_not_stop_the_next(tmp_path: Path) -> None:
    class Unloadable:
        def __init__(self) -> None:
            raise OSError("no weights")

    results = evalkit.evaluate(["st:/nowhere", Unloadable, helpers.Counting()], helpers.sts(tmp_path / "S"))
    assert [result.encoder.name for result in results] == ["counting"]
    assert len(results.failures) == 2
    assert all(map(helpers.is_a_sentence, results.failures))


@pytest.mark.parametrize("thing", [3, None, object(), {"encode": 1}])
def test_what_is_no_encoder_at_all(thing: Any, tmp_path: Path) -> None:
    with pytest.raises(EvalkitError, match="is no encoder"):
        evalkit.evaluate(thing, helpers.sts(tmp_path / "S"))


# -- encoders that cannot say who they are -----------------------------------------------------------------------


def test_an_anonymous_function_is_never_cached_and_always_run_anew(tmp_path: Path) -> None:
    seen: list[str] = []

    def embed(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return np.stack([helpers.vector(text) for text in texts])

    folder = helpers.sts(tmp_path / "S", subsets=("de", "en"))
    for runs in (1, 2, 3):
        [result] = evalkit.evaluate(embed, folder, output=tmp_path / "out")
        assert len(seen) == runs * 38
    assert result.encoder.fingerprint is None
    assert "cannot say who it is" in result.warnings[0]
    assert result.timing.texts_cached == 0
    assert helpers.files(tmp_path / "out") == ["embed/unidentified/S.json"]


def test_two_anonymous_functions_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S")
    pair: list[Any] = [
        lambda texts: np.stack([helpers.vector(text) for text in texts]),
        lambda texts: np.stack([helpers.vector(text, 8) for text in texts]),
    ]
    results = evalkit.evaluate(pair, folder, output=tmp_path / "out")
    assert len(results) == 1
    assert "Two encoders without fingerprint are called 'lambda'" in results.failures[0]
    assert "name of its own" in results.failures[0]


def test_a_failing_anonymous_function_leaves_no_half_finished_task(tmp_path: Path) -> None:
    def embed(texts: list[str]) -> np.ndarray:
        if any("en " in text for text in texts):
            raise RuntimeError("out of luck")
        return np.stack([helpers.vector(text) for text in texts])

    with pytest.raises(CellError):
        evalkit.evaluate(embed, helpers.sts(tmp_path / "S", subsets=("de", "en")), output=tmp_path / "out")
    assert helpers.files(tmp_path / "out") == []


# -- the command line --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_exits_with_1_and_keeps_the_other_results(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "A", salt="fine")
    helpers.sts(tmp_path / "data" / "B", salt="evil")
    helpers.sts(tmp_path / "data" / "C", salt="good")
    arguments = ("run", "-m", helpers.spec("Explosive"), "--data", tmp_path / "data", "-o", tmp_path / "out")
    done = helpers.run_cli(*arguments, TEST_BOMB="evil")
    assert done.returncode == 1
    assert "RuntimeError: out of luck" in done.stderr
    assert "Traceback" not in done.stderr
    assert [Path(name).name for name in helpers.files(tmp_path / "out")] == ["A.json", "C.json"]
    again = helpers.run_cli(*arguments, TEST_BOMB="nothing", TEST_LOG=tmp_path / "log")
    assert again.returncode == 0
    assert "2 results were finished already" in again.stdout
    assert all("evil" in line for line in (tmp_path / "log").read_text().splitlines())
