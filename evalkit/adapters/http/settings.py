"""What an endpoint is asked, and how: the first is part of who the encoder is, the second is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.fingerprint import digest_json
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import Role

SCHEME = "http"
CONCURRENCY = 4
RETRIES = 5
TIMEOUT = 60.0
"""Seconds for one answer, from the request to its last byte."""


@dataclass(frozen=True)
class Settings:
    """Everything that a spec says about an endpoint, but its key.

    Attributes:
        url: Where texts are posted.
        model: What the server calls the model.
        dimensions: Length of the vectors that the server is asked for; None asks for none.
        prompts: Text in front of texts, by task name, task type or role, as `st:` has it.
        fields: More fields of the request by name, by role; those under ``""`` go with every role.
        empty: What is sent instead of an empty text.
        revision: The user's word for the weights that the server has.
        similarity: How the vectors are compared.
        encoding: ``float`` or ``base64``; empty leaves it to the server.
        batch: Most texts in a request; None takes the run's batch size.
        concurrency: Most requests under way at a time.
        retries: How often a request is repeated before it fails.
        timeout: Seconds for one answer.
    """

    url: str
    model: str
    dimensions: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    empty: str = ""
    revision: str = ""
    similarity: Similarity = Similarity.COSINE
    encoding: str = ""
    batch: int | None = None
    concurrency: int = CONCURRENCY
    retries: int = RETRIES
    timeout: float = TIMEOUT

    @property
    def fingerprint(self) -> str:
        """Digest of all that is known to decide the vectors; the weights behind an endpoint are not."""
        asked = [self.url, self.model, self.dimensions, dict(self.prompts), _plain(self.fields), self.empty]
        return digest_json([SCHEME, 1, *asked, self.revision, self.similarity])

    def fields_of(self, role: Role) -> dict[str, Any]:
        """The further fields of a request for texts of this role; its own win over those of every role."""
        return {**self.fields.get("", {}), **self.fields.get(role, {})}

    def payload(self, texts: list[str], fields: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a request."""
        own = {"dimensions": self.dimensions, "encoding_format": self.encoding or None}
        said = {name: value for name, value in own.items() if value is not None}
        return {"model": self.model, "input": texts, **said, **fields}


def _plain(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {role: dict(named) for role, named in fields.items()}
