"""Encoder families: one file each, every one with ``load(argument, options)``. Heavy libraries load on demand."""

from evalkit.adapters.wrapping import wrap

__all__ = ["wrap"]
