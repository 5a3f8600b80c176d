"""``mteb:``: any model of mteb's registry, through its own loader and prompts."""

from evalkit.adapters.mteb.load import load

__all__ = ["load"]
