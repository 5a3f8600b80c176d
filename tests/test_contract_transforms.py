"""Rules of transforms: a violation of each is named."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evalkit.adapters.random import RandomEncoder
from evalkit.adapters.transforms.fitting import Fit
from evalkit.protocols import Transform
from evalkit.testing import check_transform
from evalkit.testing.samples import Adjustable, Words, changeable
from evalkit.types import Form, Role

ANY = SimpleNamespace
COUNTER = count()


class Moved:
    """Vectors minus a fitted one; for breaking one rule at a time."""

    name: Any = "moved"
    parameters: Any = {"version": 1}  # noqa: RUF012
    takes: Any = frozenset({Form.DENSE})
    fitted: Any = True
    decodes: Any = False
    fit: Any = Fit()
    change: Any = None
    size: Any = 4.0

    def gives(self, form: Any) -> Any:
        return form

    def compared(self, similarity: Any) -> Any:
        return similarity

    def apply(self, sample: Any) -> Any:
        mean = sample[:5].mean(axis=0) if self.fitted else np.float32(1)
        return Applied(self, mean)


class Applied:
    def __init__(self, transform: Any, mean: Any) -> None:
        self.transform, self.mean = transform, mean

    def __call__(self, vectors: Any, *, role: Any) -> Any:
        made = vectors - self.mean
        return made if self.transform.change is None else self.transform.change(made, vectors, role)

    def bytes_of(self, vectors: Any) -> Any:
        return self.transform.size


def write_over(made: Any, given: Any, role: Any) -> Any:
    given[:, 0] = 7
    return made


def only_text(made: Any, given: Any, role: Any) -> Any:
    return {Role.TEXT: made}[role]


def refuse_none(sample: Any) -> Any:
    return Applied(Moved(), sample.mean(axis=0))


def first_texts(texts: Any) -> list[str]:
    return list(texts)[:20]


UNSORTED = ANY(path=None, record=dict, sample=first_texts)


def test_a_transform_that_keeps_the_contract() -> None:
    assert isinstance(Moved(), Transform)
    check_transform(Moved())
    check_transform(lambda argument, options: Moved())
    check_transform(Moved(), encoder=RandomEncoder(dim=4))


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ({"name": ""}, "name must be a word that a spec can hold"),
        ({"name": "two words"}, "name must be a word that a spec can hold"),
        ({"parameters": {"scale": float("inf")}}, "parameters must be a mapping of JSON"),
        ({"takes": frozenset()}, "takes must be a set of forms"),
        ({"takes": {"ragged"}}, "takes must be a set of forms"),
        ({"takes": "dense"}, "takes must be a set of forms"),
        ({"fitted": 1}, "fitted must be True or False"),
        ({"decodes": "no"}, "decodes must be True or False"),
        ({"gives": lambda form: "ragged"}, "gives must return a form, not 'ragged'"),
        (
            {"compared": lambda similarity: "maxsim"},
            "compared must make one of cosine, dot of cosine, as it gives dense",
        ),
        (
            {"decodes": True, "gives": lambda form: Form.SPARSE},
            "decodes must not be True of a transform that gives another",
        ),
        ({"gives": lambda form: Form.SPARSE}, "the transform moved must return a CSR array where the form is sparse"),
        ({"change": lambda m, v, r: m.astype(np.float64)}, "the transform moved must return float32, not float64"),
        ({"change": lambda m, v, r: m[:1]}, "the transform moved must return one row for each text"),
        ({"change": lambda m, v, r: m / np.float32(0)}, "the transform moved must return finite numbers"),
        ({"change": lambda m, v, r: m - m.mean(axis=0)}, "must not depend on the texts beside them"),
        ({"change": lambda m, v, r: m + np.float32(next(COUNTER))}, "the same vectors on a second call"),
        ({"change": lambda m, v, r: m[:, : 2 + (r is Role.QUERY)]}, "one length for every role"),
        ({"change": write_over}, "the transform moved must not change the vectors that it is given"),
        ({"change": only_text}, r"the transform moved must take vectors of every role \(KeyError"),
        ({"size": 0}, "bytes_of must be a number above 0, not 0"),
        ({"size": float("inf")}, "bytes_of must be a number above 0, not inf"),
        ({"fit": 3}, "an attribute fit must choose the texts"),
        ({"fit": UNSORTED}, "the same, in whatever order the texts are that it is fitted on"),
        ({"fitted": False, "apply": refuse_none}, r"prepare must fit .* \(.*NoneType"),
    ],
)
def test_each_rule_that_a_transform_breaks_is_named(attributes: dict[str, Any], rule: str) -> None:
    transform: Any = Moved()
    for name, value in attributes.items():
        setattr(transform, name, value)
    with pytest.raises(AssertionError, match=f"Broken rule: .*({rule})"), np.errstate(all="ignore"):
        check_transform(transform)


def test_parameters_that_move() -> None:
    class Moving(Moved):
        parameters = property(lambda self: {"version": next(COUNTER)})

    with pytest.raises(AssertionError, match="parameters must be the same each time"):
        check_transform(Moving())


def test_things_that_are_no_transforms() -> None:
    with pytest.raises(AssertionError, match=r"a transform must have name, .* int lacks name"):
        check_transform(3)
    with pytest.raises(AssertionError, match=r"a factory must take \(argument, options\)"):
        check_transform(Moved)
    with pytest.raises(AssertionError, match="takes must have sparse, the form of the encoder"):
        check_transform(Moved(), encoder=Words())
    with pytest.raises(ValueError, match="at least two different texts"):
        check_transform(Moved(), texts=["a", "b"])


class Rebased(Moved):
    """Changes the encoder itself."""

    fitted = False

    def __init__(self, rebase: Callable[[Any], Any]) -> None:
        self.rebase = rebase


def _careless(encoder: Any) -> Any:
    encoder._prompts = dict.fromkeys(Role, "changed")
    return RandomEncoder(dim=32)


def _same_fingerprint(encoder: Any) -> Any:
    other = RandomEncoder(dim=32)
    other.fingerprint = encoder.fingerprint
    return other


@pytest.mark.parametrize(
    ("rebase", "rule"),
    [
        (lambda encoder: None, "rebase must return an encoder, not NoneType"),
        (lambda encoder: encoder.no_such_thing(), r"rebase must take an encoder .* \(AttributeError"),
        (_same_fingerprint, "rebase must have another fingerprint, as it has other vectors"),
        (_careless, "rebase must leave the encoder itself as it was"),
    ],
)
def test_each_rule_that_rebase_breaks_is_named(rebase: Any, rule: str) -> None:
    check_transform(Rebased(lambda encoder: encoder.with_layer(2)))
    with pytest.raises(AssertionError, match=rule):
        check_transform(Rebased(rebase))


def test_rebase_may_need_an_encoder_of_its_own() -> None:
    class Own(Adjustable):
        colour = "red"

    def rebase(encoder: Any) -> Any:
        return Adjustable({"text": f"{encoder.colour}: "})

    check_transform(Rebased(rebase), encoder=Own({}))
    with pytest.raises(AssertionError, match="rebase must take an encoder that has what it changes"):
        check_transform(Rebased(rebase), encoder=changeable())
