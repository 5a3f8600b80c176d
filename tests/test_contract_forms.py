"""Rules of forms, abilities and encoders behind transforms: a violation of each is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest

from evalkit.adapters.random import RandomEncoder
from evalkit.errors import CellError, EncoderError
from evalkit.fingerprint import digest_json
from evalkit.protocols import Derived, Encoder
from evalkit.testing import TEXTS, MemoryBench, check_encoder
from evalkit.testing.rules import INFO
from evalkit.testing.samples import Adjustable, Tokens, Words, small
from evalkit.types import Form, Role, Similarity, TokenVectors

COUNTER = count()


# -- forms -------------------------------------------------------------------------------------------------------


def broken(kind: type, change: Callable[..., Any]) -> Any:
    """A small encoder, with something done to what it returns."""

    class Broken(kind):  # type: ignore[misc]
        def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
            return change(super().encode(texts, role=role, task=task, batch_size=batch_size), texts)

    return Broken()


def not_finite(matrix: Any, texts: Any) -> Any:
    matrix.data[:1] = np.nan
    return matrix


def without_empty(tokens: Any, texts: Any) -> Any:
    counts = np.where([bool(text) for text in texts], tokens.counts, 0)
    kept = np.repeat(counts > 0, tokens.counts)
    return TokenVectors(np.concatenate([[0], np.cumsum(counts)]), tokens.vectors[kept])


def turned(tokens: Any, texts: Any) -> Any:
    """The vectors of a single text backwards."""
    return TokenVectors(tokens.offsets, tokens.vectors[::-1].copy()) if len(texts) == 1 else tokens


@pytest.mark.parametrize(
    ("kind", "change", "rule"),
    [
        (Words, lambda m, t: m.toarray(), "encode must return a CSR array where the form is sparse, not ndarray"),
        (Words, lambda m, t: m.tocoo(), "encode must return a CSR array where the form is sparse, not coo_array"),
        (Words, lambda m, t: m.astype(np.float64), "must return float32, not float64"),
        (Words, lambda m, t: m[:1], r"one row for each text, \(7, d\), not \(1, 512\)"),
        (Words, not_finite, "finite numbers"),
        (Words, lambda m, t: m * np.float32(1 / len(t)), "must not depend on the texts beside them"),
        (Words, lambda m, t: m if len(t) else m[:, :3], r"shape \(0, 512\), not \(0, 3\)"),
        (Tokens, lambda v, t: v.vectors, "must return TokenVectors where the form is multi, not ndarray"),
        (Tokens, lambda v, t: [v.vectors], "must return TokenVectors where the form is multi, not list"),
        (
            Tokens,
            lambda v, t: TokenVectors(v.offsets, v.vectors.astype(np.float64)),
            "must return float32, not float64",
        ),
        (Tokens, lambda v, t: v.take([0]), "vectors for each of 7 texts, not of 1"),
        (Tokens, without_empty, "at least one vector a text, also for an empty text"),
        (Tokens, lambda v, t: TokenVectors(v.offsets, v.vectors[:-1]), "the offsets .* end with the number of vectors"),
        (Tokens, lambda v, t: TokenVectors(v.offsets, v.vectors[:, :0]), "vectors of length d"),
        (Tokens, lambda v, t: TokenVectors(v.offsets, v.vectors * np.float32(np.inf)), "finite numbers"),
        (Tokens, turned, "must not depend on the texts beside them"),
    ],
)
def test_each_broken_rule_of_a_form_is_named(kind: type, change: Any, rule: str) -> None:
    check_encoder(kind())
    with pytest.raises(AssertionError, match=f"Broken rule: .*({rule})"), np.errstate(invalid="ignore"):
        check_encoder(broken(kind, lambda made, texts: change(made, texts) if len(texts) or kind is Words else made))


def test_a_csr_array_need_not_be_canonical() -> None:
    def doubled(matrix: Any, texts: Any) -> Any:
        """Every value as two halves, and a zero beside them."""
        from scipy.sparse import csr_array

        parts = [np.concatenate([row / 2, row / 2, [0]]) for row in np.split(matrix.data, matrix.indptr[1:-1])]
        places = [np.concatenate([row, row, [5]]) for row in np.split(matrix.indices, matrix.indptr[1:-1])]
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in parts])])
        flat = np.concatenate(parts).astype(np.float32)
        made = csr_array((flat, np.concatenate(places), offsets), shape=matrix.shape)
        assert not matrix.nnz or not made.has_canonical_format
        return made

    check_encoder(broken(Words, lambda matrix, texts: doubled(matrix, texts) if len(texts) else matrix))


@pytest.mark.parametrize(
    ("kind", "form", "similarity", "rule"),
    [
        (RandomEncoder, "ragged", "cosine", "form must be one of dense, sparse, multi"),
        (RandomEncoder, 3, "cosine", "form must be one of dense, sparse, multi"),
        (RandomEncoder, Form.DENSE, "maxsim", "similarity must be one of cosine, dot where the form is dense"),
        (Words, Form.SPARSE, "maxsim", "similarity must be one of cosine, dot where the form is sparse"),
        (Tokens, Form.MULTI, "euclid", "similarity must be one of cosine, dot, maxsim where the form is multi"),
        (RandomEncoder, Form.MULTI, "maxsim", "must return TokenVectors where the form is multi, not ndarray"),
        (Words, Form.DENSE, "dot", "must return a NumPy array, not csr_array"),
    ],
)
def test_form_and_similarity_must_fit(kind: type, form: Any, similarity: Any, rule: str) -> None:
    encoder = kind()
    encoder.form, encoder.similarity = form, similarity
    with pytest.raises(AssertionError, match=rule):
        check_encoder(encoder)


@pytest.mark.parametrize("similarity", Similarity)
def test_several_vectors_can_be_compared_in_every_way(similarity: Similarity) -> None:
    encoder: Any = Tokens()
    encoder.similarity = similarity
    check_encoder(encoder)


def test_all_roles_have_vectors_of_one_length() -> None:
    class Uneven(RandomEncoder):
        def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
            vectors = super().encode(texts, role=role, task=task, batch_size=batch_size)
            return vectors[:, :2] if role is Role.QUERY else vectors

    with pytest.raises(AssertionError, match=r"one length for every role, not \[2, 4\]"):
        check_encoder(Uneven(dim=4))


# -- abilities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("notes", "Slow.", "notes must be sentences, each a string of its own"),
        ("notes", [""], "notes must be sentences, each a string of its own"),
        ("notes", 3, "notes must be sentences, each a string of its own"),
        ("parts", {"scale": float("nan")}, "parts must be a mapping of JSON"),
        ("parts", ["base"], "parts must be a mapping of JSON"),
        ("texts_per_call", 0, "texts_per_call must be a number of texts, 1 or more"),
        ("texts_per_call", True, "texts_per_call must be a number of texts, 1 or more"),
        ("texts_per_call", 2.5, "texts_per_call must be a number of texts, 1 or more"),
        ("with_prompts", "query: ", "with_prompts must be a method"),
        ("with_prompts", lambda prompts: None, "with_prompts.* must return an encoder, not NoneType"),
        ("with_layer", 3, "with_layer must be a method"),
        ("with_layer", lambda layer: layer, r"with_layer\(1\) must return an encoder, not int"),
        ("untrained", 3, "untrained must be a method"),
        ("untrained", lambda seed: 1 / 0, r"untrained must return .* \(ZeroDivisionError"),
        ("untrained", lambda seed: RandomEncoder(dim=4, seed=next(COUNTER)), "the same weights under the same seed"),
    ],
)
def test_each_broken_ability_is_named(name: str, value: Any, rule: str) -> None:
    encoder = RandomEncoder(dim=4)
    setattr(encoder, name, value)
    with pytest.raises(AssertionError, match=rule):
        check_encoder(encoder)


def test_abilities_that_are_kept() -> None:
    check_encoder(Adjustable({"query": "query: "}))
    encoder: Any = RandomEncoder(dim=4)
    encoder.notes, encoder.parts, encoder.texts_per_call = ["Slow."], {"base": "none"}, 2
    encoder.untrained = lambda seed: None
    check_encoder(encoder)


def same_name(encoder: Any) -> Any:
    """Another encoder's vectors under the fingerprint of `Adjustable`."""
    other = RandomEncoder(dim=32, seed=99)
    other.fingerprint = encoder.fingerprint
    return other


@pytest.mark.parametrize("ability", ["with_prompts", "with_layer", "untrained"])
def test_other_vectors_need_another_fingerprint(ability: str) -> None:
    encoder: Any = Adjustable({})
    setattr(encoder, ability, lambda given: same_name(encoder))
    with pytest.raises(
        AssertionError, match=rf"{ability}\(.*\) must have another fingerprint, as it has other vectors"
    ):
        check_encoder(encoder)


@pytest.mark.parametrize("ability", ["with_prompts", "with_layer"])
def test_an_encoder_is_not_changed_by_what_is_made_of_it(ability: str) -> None:
    class Careless(Adjustable):
        def with_prompts(self, prompts: Any) -> Any:
            self._prompts = dict.fromkeys(Role, "changed") if ability == "with_prompts" else {}
            return Adjustable(prompts)

        def with_layer(self, layer: int) -> Any:
            self._encoder = RandomEncoder(dim=32, seed=77)
            return Adjustable({}, layer)

    with pytest.raises(AssertionError, match=rf"{ability}\(.*\) must leave the encoder itself as it was"):
        check_encoder(Careless({}))


def test_an_encoder_may_say_that_it_has_no_such_layer() -> None:
    class Shallow(Adjustable):
        def with_layer(self, layer: int) -> Any:
            raise EncoderError("It has no layers.", hint="Leave layer out.")

    check_encoder(Shallow({}))


# -- encoders behind others ----------------------------------------------------------------------------------------


class Doubled:
    """Twice the vectors of another encoder, moved by those that it was fitted on; for breaking one rule at a time."""

    similarity = Similarity.COSINE
    form = Form.DENSE
    fault = ""

    def __init__(self, fault: str = "", fitted: bool = True) -> None:
        self.name = "doubled"
        self.base: Encoder = RandomEncoder(dim=4)
        self.fingerprint = digest_json(["doubled", 1, self.base.fingerprint])
        self.fault, self.fitted = fault, fitted

    def prepare(self, source: Any) -> Any:
        if self.fault == "prepare":
            raise ZeroDivisionError("nothing to divide by")
        texts: Sequence[str] = source.evaluated[Role.TEXT] if self.fitted else []
        first = "order" if self.fault == "order" else "sorted"
        chosen = {"order": list(texts), "sorted": sorted(set(texts))}[first][:2]
        moved = source.embed(chosen, role=Role.TEXT)[0] if chosen else np.zeros(4, dtype=np.float32)
        return Ready(self.fault, moved)

    def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
        if self.fitted and self.fault != "guess":
            raise CellError("Only a run knows the texts.", hint="Run it.")
        vectors = self.base.encode(texts, role=role, task=task, batch_size=batch_size)
        return vectors * np.float32(3 if self.fault == "other" else 2)


class Ready:
    def __init__(self, fault: str, moved: Any) -> None:
        self.fault, self.moved = fault, moved
        self.fits: Any = [{"n": float("nan")}] if fault == "fits" else [{"n": 2}]

    def __call__(self, vectors: Any, *, role: Any) -> Any:
        made = 2 * vectors - self.moved
        if self.fault == "inputs":
            vectors *= 2
        if self.fault == "roles" and role is Role.DOCUMENT:
            raise KeyError("document")
        faults: dict[str, Callable[[], Any]] = {
            "rows": lambda: made - made.mean(axis=0),
            "type": lambda: made.astype(np.float64),
            "count": lambda: made[:1],
            "lengths": lambda: made[:, :2] if role is Role.QUERY else made,
            "call": lambda: made + np.float32(next(COUNTER)),
        }
        return faults.get(self.fault, lambda: made)()

    def bytes_of(self, vectors: Any) -> Any:
        return 0 if self.fault == "bytes" else 16.0


@pytest.mark.parametrize(
    ("fault", "fitted", "rule"),
    [
        ("prepare", True, r"prepare must fit the encoder on the texts of a task \(ZeroDivisionError"),
        ("fits", True, "fits must be mappings of JSON"),
        ("rows", True, "rows must be in the order|must not depend on the texts beside them"),
        ("type", True, "prepare must return float32, not float64"),
        ("count", True, "prepare must return one row for each text"),
        ("call", True, "prepare must give the same vectors on a second call"),
        ("order", True, "the same, in whatever order the texts are that it is fitted on"),
        ("inputs", True, "second call|must not change the vectors that it is given"),
        ("roles", True, r"prepare must take vectors of every role \(KeyError"),
        ("lengths", True, "one length for every role"),
        ("bytes", True, "bytes_of must be a number above 0, not 0"),
        ("guess", True, "encode must raise an EvalkitError where something is fitted on a task's texts"),
        ("other", False, "encode must give what prepare makes of the vectors of base"),
    ],
)
def test_each_broken_rule_of_a_derived_encoder_is_named(fault: str, fitted: bool, rule: str) -> None:
    with pytest.raises(AssertionError, match=f"Broken rule: .*({rule})"):
        check_encoder(Doubled(fault, fitted))


@pytest.mark.parametrize("fitted", [True, False])
def test_a_derived_encoder_that_keeps_the_contract(fitted: bool) -> None:
    assert isinstance(Doubled(), Derived)
    check_encoder(Doubled(fitted=fitted))


def test_the_encoder_beneath_is_checked_too() -> None:
    encoder: Any = Doubled()
    encoder.base = broken(RandomEncoder, lambda vectors, texts: vectors + np.float32(next(COUNTER)))
    with pytest.raises(AssertionError, match="encode must give the same vectors on a second call"):
        check_encoder(encoder)
    encoder.base = 3
    with pytest.raises(AssertionError, match="base must be an encoder"):
        check_encoder(encoder)


def test_memory_bench_fits_on_the_texts_that_it_was_given() -> None:
    bench = MemoryBench(Doubled(), INFO, texts={Role.TEXT: TEXTS})
    base = RandomEncoder(dim=4)

    def plain(text: str) -> Any:
        return base.encode([text], role=Role.TEXT, task=INFO, batch_size=1)

    # The first two of the sorted texts are the empty one and the cat's; the first is what moves.
    np.testing.assert_allclose(bench.embed(["a"], role=Role.TEXT), 2 * plain("a") - plain(""))
    with pytest.raises(CellError, match="No task is there"):
        MemoryBench(Doubled(), INFO).embed(["a"], role=Role.TEXT)


def test_small_encoders_keep_the_contract_themselves() -> None:
    for form in Form:
        check_encoder(small(form))
