"""``-t mteb:NAME`` and ``--suite 'MTEB(eng, v2)'``: any task and benchmark of mteb's catalogue.

A task is written once as a folder into the cache and opened like any other; one that a folder cannot hold, or whose
class evaluates in a way of its own, runs through mteb's own evaluator.
"""

from evalkit_tasks.mteb.source import SOURCE

__all__ = ["SOURCE"]
