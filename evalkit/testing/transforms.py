"""Rules of transforms: the steps behind an encoder."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from evalkit.protocols import Encoder, Transform
from evalkit.testing.abilities import check_changed
from evalkit.testing.derived import check_derived
from evalkit.testing.encoders import encoded
from evalkit.testing.rules import TEXTS, check_texts, is_json, rule, works
from evalkit.testing.samples import FIT_TEXTS, changeable, small
from evalkit.testing.scorers import check_encoder
from evalkit.testing.vectors import LEGAL, close, form_of
from evalkit.types import Form, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def check_transform(
    transform: Any,
    argument: str = "",
    options: Mapping[str, str] | None = None,
    *,
    encoder: Encoder | None = None,
    texts: Sequence[str] = TEXTS,
    fit_texts: Sequence[str] = FIT_TEXTS,
) -> None:
    """Check that a transform keeps its contract, behind a small encoder of every form that it takes.

    Args:
        transform: What to check: the transform, or the factory that an entry point names.
        argument: Of the factory.
        options: Of the factory.
        encoder: What to put it behind in place of the small ones; needed where it changes the encoder itself in
            another way than by prompts or layers.
        texts: What to try it on: at least two, some of them different, one of them twice.
        fit_texts: What to fit it on, where it is fitted on the texts of a task.

    Raises:
        AssertionError: It does not; the message names the rule.
        ValueError: The texts are unfit.
    """
    check_texts(texts)
    made = _made(transform, argument, options or {})
    _check_declarations(made)
    if hasattr(made, "rebase"):
        _check_rebase(made, encoder or changeable(), list(texts))
        return
    forms = [form_of(encoder)] if encoder is not None else [form for form in Form if form in made.takes]
    for form in forms:
        _check_form(made, form)
        _check_behind(made, encoder or small(form), list(texts), fit_texts)


def _made(transform: Any, argument: str, options: Mapping[str, str]) -> Any:
    if callable(transform) and (inspect.isclass(transform) or not isinstance(transform, Transform)):
        transform = works("a factory must take (argument, options)", lambda: transform(argument, options))
    missing = [name for name in _ATTRIBUTES if not hasattr(transform, name)]
    rule(
        not missing,
        f"a transform must have {', '.join(_ATTRIBUTES)}; {type(transform).__name__} lacks {', '.join(missing)}",
    )
    return transform


_ATTRIBUTES = ("name", "parameters", "takes", "fitted", "decodes", "gives", "compared", "apply")


def _check_declarations(transform: Any) -> None:
    name = transform.name
    rule(isinstance(name, str) and name and not set(name) & set(" |:?,[]"), "name must be a word that a spec can hold")
    parameters = transform.parameters
    rule(
        is_json(parameters if isinstance(parameters, dict) else dict(parameters)),
        "parameters must be a mapping of JSON",
    )
    rule(dict(transform.parameters) == dict(parameters), "parameters must be the same each time")
    takes = transform.takes
    legal = isinstance(takes, frozenset | set) and takes and takes <= set(Form)
    rule(legal, f"takes must be a set of forms, of {', '.join(Form)}")
    rule(isinstance(transform.fitted, bool), "fitted must be True or False")
    rule(isinstance(transform.decodes, bool), "decodes must be True or False")
    fit = getattr(transform, "fit", None)
    if fit is not None:
        chooses = all(hasattr(fit, name) for name in ("path", "sample", "record"))
        rule(chooses, "an attribute fit must choose the texts, as Fit() does")


def _check_form(transform: Any, form: Form) -> None:
    rule(form in transform.takes, f"takes must have {form}, the form of the encoder that it is put behind")
    given = transform.gives(form)
    rule(given in set(Form), f"gives must return a form, not {given!r}")
    for similarity in LEGAL[form]:
        made = transform.compared(similarity)
        legal = LEGAL[Form(given)]
        rule(
            made in legal,
            f"compared must make one of {', '.join(legal)} of {similarity}, as it gives {given}, not {made!r}",
        )
    rule(not transform.decodes or given == form, "decodes must not be True of a transform that gives another form")


def _check_behind(transform: Any, encoder: Encoder, texts: list[str], fit_texts: Sequence[str]) -> None:
    from evalkit.adapters.transformed import behind

    chain = works(
        "a transform must stand behind any encoder of a form that it takes",
        lambda: behind(encoder, transform, transform.name),
    )
    check_derived(chain, texts, fit_texts, what=f"the transform {transform.name}")


def _check_rebase(transform: Any, encoder: Encoder, texts: list[str]) -> None:
    before = {role: encoded(encoder, texts, role=role) for role in Role}
    other = works("rebase must take an encoder that has what it changes", lambda: transform.rebase(encoder))
    same = all(close(vectors, encoded(encoder, texts, role=role)) for role, vectors in before.items())
    rule(same, "rebase must leave the encoder itself as it was")
    check_changed(encoder, other, "rebase", texts)
    check_encoder(other, texts)
