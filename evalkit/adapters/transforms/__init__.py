"""Transforms: steps behind an encoder, one file each, every one with ``load(argument, options)``.

Those that change vectors (`rows`) do so for each vector alone; those that learn something from vectors first have an
attribute `fit` that says from which texts (`fitting`). `layer` and `prompt` change the encoder itself (`rebasing`).
"""
