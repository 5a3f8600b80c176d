"""What a tokenizer is, without what it was last asked to do."""

from __future__ import annotations

import json
from typing import Any


def tokenizer_state(tokenizer: Any) -> str:
    """The JSON of a Hugging Face tokenizer (`tokenizers.Tokenizer`), without truncation and padding.

    Those two are set by every call that encodes, so that they would make a fingerprint depend on what was
    encoded before; the maximum length is part of the encoder's own settings.
    """
    state = json.loads(tokenizer.to_str())
    state.pop("truncation", None)
    state.pop("padding", None)
    return json.dumps(state, sort_keys=True)
