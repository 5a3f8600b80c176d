"""Attributes with a known order, as tasks of type `Rankability`: generated sentences and tables of public figures."""
