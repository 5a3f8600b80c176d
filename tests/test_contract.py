"""The contract checks themselves: each broken rule is named; and a real third-party package passes them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evalkit.adapters.bm25 import BM25
from evalkit.adapters.random import RandomEncoder
from evalkit.testing import check_encoder

ANY = SimpleNamespace
COUNTER = count()


class Broken(RandomEncoder):
    """A good encoder, for breaking one rule at a time."""

    fault: Any = None

    def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
        vectors = super().encode(texts, role=role, task=task, batch_size=batch_size)
        return vectors if self.fault is None else self.fault(vectors, texts, batch_size)


def _grow(vectors: Any, texts: Any, batch_size: int) -> Any:
    Broken.calls = getattr(Broken, "calls", 0) + 1
    return vectors + np.float32(Broken.calls)


def _sort(vectors: Any, texts: Any, batch_size: int) -> Any:
    return vectors[np.argsort(vectors[:, 0])]


def _mutate(vectors: Any, texts: Any, batch_size: int) -> Any:
    if isinstance(texts, list):
        texts.append("more")
    return vectors


def _list_only(vectors: Any, texts: Any, batch_size: int) -> Any:
    return vectors if isinstance(texts, list) else vectors[:0]


def _nan_when_empty(vectors: Any, texts: Any, batch_size: int) -> Any:
    vectors[[text == "" for text in texts]] = np.nan
    return vectors


def _no_rows(vectors: Any, texts: Any, batch_size: int) -> Any:
    return vectors if len(texts) else np.zeros((1, vectors.shape[1]), dtype=np.float32)


def _refuse_none(vectors: Any, texts: Any, batch_size: int) -> Any:
    if not len(texts):
        raise ValueError("no texts")
    return vectors


def _by_position(vectors: Any, texts: Any, batch_size: int) -> Any:
    return vectors + np.arange(len(texts), dtype=np.float32)[:, None] * (len(texts) > 1)


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (lambda v, t, b: v.tolist(), "must return a NumPy array, not list"),
        (lambda v, t, b: v.astype(np.float64), "must return float32, not float64"),
        (lambda v, t, b: v[:1], r"one row for each text, \(7, d\), not \(1, 4\)"),
        (lambda v, t, b: v[:, 0], r"one row for each text, \(7, d\), not \(7,\)"),
        (_nan_when_empty, "finite numbers, also for an empty text"),
        (_mutate, "must not change the list of texts"),
        (_grow, "same vectors on a second call"),
        (_sort, "rows must be in the order of the texts"),
        (lambda v, t, b: v + np.float32(1 / b), "must not depend on the batch size"),
        (_list_only, "any sequence, also a tuple"),
        (lambda v, t, b: v + np.float32(len(t)), "must not depend on the texts beside them"),
        (_by_position, "rows must be in the order of the texts|must not depend on"),
        (_no_rows, r"encode\(\[\]\) must return an array of shape \(0, 4\), not \(1, 4\)"),
    ],
)
def test_each_broken_rule_is_named(fault: Any, rule: str) -> None:
    encoder = Broken(dim=4)
    encoder.fault = fault
    with pytest.raises(AssertionError, match=f"Broken rule: .*({rule})"):
        check_encoder(encoder)


def test_refusing_no_texts_is_allowed() -> None:
    encoder = Broken(dim=4)
    encoder.fault = _refuse_none
    check_encoder(encoder)


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ({"name": ""}, "name must be a string that is not empty"),
        ({"fingerprint": 3}, "fingerprint must be None or 12 hex digits or more"),
        ({"fingerprint": "vowels-version-1"}, "fingerprint must be None or 12 hex digits or more"),
        ({"similarity": "euclid"}, "similarity must be one of cosine, dot"),
        ({"variant": "text"}, "variant must be a method"),
        ({"variant": lambda role, task: 3}, "variant must return a string, not int"),
        ({"variant": lambda role, task: str(next(COUNTER))}, "variant must say the same each time"),
    ],
)
def test_each_broken_attribute_is_named(attributes: dict[str, Any], rule: str) -> None:
    encoder = RandomEncoder(dim=4)
    for name, value in attributes.items():
        setattr(encoder, name, value)
    with pytest.raises(AssertionError, match=rule):
        check_encoder(encoder)


def test_a_fingerprint_that_moves() -> None:
    class Moving(RandomEncoder):
        fingerprint = property(lambda self: f"{len(self.seen):064x}", lambda self, value: None)  # type: ignore[assignment]
        seen: tuple[str, ...] = ()

        def encode(self, texts: Any, **kwargs: Any) -> Any:
            self.seen = (*self.seen, *texts)
            return super().encode(texts, **kwargs)

    with pytest.raises(AssertionError, match="fingerprint must not change"):
        check_encoder(Moving(dim=4))


class _Prompted(RandomEncoder):
    """An encoder whose vectors depend on what `heeds` says of role and task."""

    heeds: Any = None

    def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
        prompt = str(type(self).heeds(role, task))
        return super().encode([prompt + text for text in texts], role=role, task=task, batch_size=batch_size)


@pytest.mark.parametrize(
    "heeds",
    [
        lambda role, task: role,
        lambda role, task: task.name,
        lambda role, task: task.type,
        lambda role, task: task.languages,
        lambda role, task: sorted(task.prompts.items()),
    ],
)
def test_a_variant_that_keeps_something_back(heeds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Prompted, "heeds", staticmethod(heeds))
    encoder: Any = _Prompted(dim=4)
    encoder.variant = lambda role, task: "same"
    with pytest.raises(AssertionError, match=r"vectors must be equal for .* since variant says 'same' of both"):
        check_encoder(encoder)
    encoder.variant = lambda role, task: str(heeds(role, task))
    check_encoder(encoder)
    encoder.variant = None
    check_encoder(encoder)


def test_what_a_run_would_wrap_is_wrapped() -> None:
    def lengths(texts: list[str]) -> Any:
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)

    check_encoder(lengths)
    check_encoder(ANY(encode=lengths))
    check_encoder(RandomEncoder)
    with pytest.raises(AssertionError, match="same vectors on a second call"):
        check_encoder(lambda texts: lengths(texts) + np.float32(next(COUNTER)))


def test_things_that_are_no_encoders() -> None:
    with pytest.raises(AssertionError, match="an encoder needs encode, or index"):
        check_encoder(3)
    with pytest.raises(AssertionError, match="an encoder needs encode, or index"):
        check_encoder(ANY(name="x", fingerprint=None))
    with pytest.raises(ValueError, match="at least two different texts"):
        check_encoder(RandomEncoder(), ["a", "b"])


def test_lexical_scorers_are_checked_too() -> None:
    check_encoder(BM25())

    class Wide(BM25):
        def index(self, corpus: Any) -> Any:
            return ANY(scores=lambda queries: np.zeros((len(queries), 1), dtype=np.float32))

    with pytest.raises(AssertionError, match=r"\(queries, documents\), \(7, 7\), not \(7, 1\)"):
        check_encoder(Wide())


class _Scored(BM25):
    """A good lexical scorer, for breaking one rule at a time."""

    def __init__(self, fault: Any) -> None:
        super().__init__()
        self.fault = fault

    def index(self, corpus: Any) -> Any:
        whole = super().index(corpus)
        return ANY(scores=lambda queries: self.fault(whole.scores(queries)))


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (lambda scores: scores.tolist(), "scores must return a float32 NumPy array"),
        (lambda scores: scores.astype(np.float64), "scores must return a float32 NumPy array"),
        (lambda scores: scores + np.float32(np.inf), "scores must be finite, also for an empty query or document"),
        (lambda scores: scores + np.float32(next(COUNTER)), "an index made again must give the same scores"),
        (lambda scores: scores + np.arange(7, dtype=np.float32)[:, None], "must not depend on the queries beside it"),
        (lambda scores: scores + np.arange(7, dtype=np.float32), "equal documents must have equal scores"),
    ],
)
def test_each_broken_rule_of_a_lexical_scorer_is_named(fault: Any, rule: str) -> None:
    with pytest.raises(AssertionError, match=f"Broken rule: .*{rule}"):
        check_encoder(_Scored(fault))


def test_no_texts_are_refused_with_words() -> None:
    class Silent(RandomEncoder):
        def encode(self, texts: Any, **told: Any) -> Any:
            if not len(texts):
                raise ValueError
            return super().encode(texts, **told)

    with pytest.raises(AssertionError, match=r"encode\(\[\]\) must return an array of shape \(0, d\) or say why not"):
        check_encoder(Silent(dim=4))


def test_a_fingerprint_that_is_never_the_same() -> None:
    moving = property(lambda self: f"{next(COUNTER):064x}", lambda self, value: None)
    with pytest.raises(AssertionError, match="fingerprint must be the same each time"):
        check_encoder(type("Moving", (RandomEncoder,), {"fingerprint": moving})(dim=4))


# -- a third party's package -----------------------------------------------------------------------------------------

PLUGIN = Path(__file__).parent / "example_plugin"
CHECK = """
from importlib.metadata import distribution
from evalkit.plugins import Plugins
from evalkit.testing import check_encoder, check_task, check_transform

assert distribution("evalkit-example-plugin").version == "0.1.0"
plugins = Plugins.installed()
check_encoder(plugins.load_encoder("vowels"))
check_transform(plugins.transforms.get("clip"), "2")
check_encoder(plugins.load_encoder("vowels | clip:2 | normalize"))
collection = plugins.collections.get("example")
assert plugins.suite("odd") == ("OddAnimals",)
folders = plugins.task_folders()
assert folders["OddAnimals"] is collection
task = plugins.open_task(collection.folder("OddAnimals"))
assert type(task).__module__ == "evalkit_example_plugin.task", type(task)
check_task(task)
print("kept")
"""


@pytest.fixture(scope="module")
def installed_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example plugin, built and installed by pip into a folder of its own."""
    pytest.importorskip("hatchling", reason="building the example plugin needs hatchling")
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(folder / "site"), str(folder / "source")]
    subprocess.run([*command, *options], check=True, timeout=120)
    return folder / "site"


@pytest.mark.slow
def test_a_third_partys_package_is_found_and_keeps_the_contract(installed_plugin: Path, root: Path) -> None:
    paths = [str(installed_plugin), *(str(root / part) for part in ("", "tasks", "leaderboard"))]
    code = f"import sys\nsys.path[:0] = {paths!r}\n{CHECK}"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "kept\n"
