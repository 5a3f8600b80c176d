"""``http:``: embedding servers that speak OpenAI's protocol, hosted or local."""

from evalkit.adapters.http.encoder import HttpEncoder
from evalkit.adapters.http.spec import load, load_https

__all__ = ["HttpEncoder", "load", "load_https"]
