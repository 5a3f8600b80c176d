"""A sheet as Markdown, CSV or LaTeX."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalkit_leaderboard.sheet import Sheet

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "▲": r"$\blacktriangle$",
    "▼": r"$\blacktriangledown$",
    "±": r"$\pm$",
    "—": "---",
    "–": "--",
}


def markdown(board: Sheet) -> str:
    """A GitHub table, and the one below it."""
    rule = ["---", *["---:"] * (len(board.headers) - 1)]
    lines = [_markdown_row(row) for row in (board.headers, rule, *board.rows)]
    below = [f"\n{board.below.title}\n\n{markdown(board.below)}"] if board.below is not None else []
    return "\n".join([*lines, *(f"\n{note}" for note in board.notes), *below])


def comma_separated(board: Sheet) -> str:
    """CSV with a header line; one table only, as programs expect it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([board.headers, *board.rows])
    return out.getvalue().rstrip("\n")


def latex(board: Sheet) -> str:
    """A tabular for the packages booktabs and amssymb, the notes as comments; another for what is below it."""
    rows = [_latex_row(row) for row in board.rows]
    columns = "l" + "r" * (len(board.headers) - 1)
    below = [f"\n% {board.below.title}\n{latex(board.below)}"] if board.below is not None else []
    return "\n".join(
        [
            r"% \usepackage{booktabs,amssymb}",
            *(f"% {note}" for note in board.notes),
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            _latex_row(board.headers),
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *below,
        ]
    )


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _latex_row(cells: Sequence[str]) -> str:
    # A bracket at the start of a row would be read as the option of the line break before it.
    texts = ["".join(_LATEX.get(letter, letter) for letter in cell) for cell in cells]
    return " & ".join(f"{{{text}}}" if text.startswith("[") else text for text in texts) + r" \\"


RENDERERS: dict[str, Callable[[Sheet], str]] = {"markdown": markdown, "csv": comma_separated, "latex": latex}
"""Formats that are text made from a sheet."""
