"""``prompt:off``, ``prompt:query=Question:%20``: other instructions in front of the texts."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms.rebasing import Rebasing, ability
from evalkit.types import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.protocols import Encoder

NAME = "prompt"
OFF = "off"
_BARE = "mode"


def load(argument: str, options: Mapping[str, str]) -> Prompt:
    """``prompt:off`` or ``prompt:query=Question:%20,document=Answer:%20,text=Sentence:%20``.

    A space at the very end of a spec is none of the argument, so that spaces, and commas, can be written as in options.

    Raises:
        EncoderError: No prompt is given, an option is unknown, or prompts are given and switched off.
    """
    roles = tuple(str(role) for role in Role)
    chosen = Options.of_step(NAME, argument, options, (*roles, _BARE), main=_BARE)
    # Options are decoded already.
    decoded = {key: value if key in options else unquote(value) for key, value in chosen.given.items()}
    prompts = {key: value for key, value in decoded.items() if key in roles and value}
    if not chosen.given:
        raise no_argument(NAME, "prompt:off or prompt:query=Question:%20", kind=TRANSFORM)
    if _BARE in chosen.given and (chosen.given[_BARE] != OFF or prompts):
        raise chosen.refuse(_BARE, "off by itself, or prompts by role, such as query=Question:%20")
    return Prompt(MappingProxyType(prompts))


@dataclass(frozen=True)
class Prompt(Rebasing):
    """The given prompts in place of all that the encoder has; texts of other roles are left bare.

    Attributes:
        prompts: Text in front, by role (``query``, ``document``, ``text``).
    """

    prompts: Mapping[str, str]
    name: ClassVar[str] = NAME

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The prompts."""
        return {"version": 1, "prompts": dict(self.prompts)}

    def rebase(self, encoder: Encoder) -> Encoder:
        """The encoder's own `with_prompts`.

        Raises:
            EncoderError: It has none.
        """
        return ability(encoder, "with_prompts", NAME, "prompts")(dict(self.prompts))
