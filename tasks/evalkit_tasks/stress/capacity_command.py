"""`evalkit stress capacity` and `evalkit stress polytope`. Cheap to import."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  Typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit.cli.guard import Interrupted
from evalkit.cli.options import Json, Quiet  # noqa: TC001  Typer reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit_tasks.stress.capacity.measure import Attempts, Capacity, Setup

BACKENDS = "auto|numpy|torch"


def capacity(
    dims: Annotated[str, typer.Option(metavar="A..B|D,D", help="Dimensions, such as 2..8 or 4,8,16.")] = "2..16",
    relevant: Annotated[int, typer.Option(metavar="K", help="Documents that answer each query.")] = 2,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Random starts of each.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The first start.")] = 42,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.json", help="Keep every attempt here, and go on from it."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw it, beside the paper's.")] = None,
    backend: Annotated[
        str, typer.Option(metavar=BACKENDS, help="What optimises; auto is numpy, the faster one on a CPU.")
    ] = "auto",
    budget: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Begin no attempt after so long; go on another time.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """For how many documents can d dimensions answer every top-k query? No encoder: free vectors are optimised.

    The same command goes on where it stopped, with -o.
    """
    from evalkit_tasks.stress.capacity.dimensions import parsed
    from evalkit_tasks.stress.capacity.measure import check
    from evalkit_tasks.stress.capacity.record import document, kept

    dimensions, setup = parsed(dims), _setup(relevant, backend)
    check(dimensions, setup)
    _check_plot(plot)
    attempts = kept(output, setup)
    found = _measured(dimensions, range(seed, seed + seeds), setup, attempts, output, budget=budget, quiet=quiet)
    if plot is not None and found:
        _draw(found, setup, plot)
    if json:
        console.json_data(document(attempts, setup))
    else:
        _print(found, setup)
    if len(found) < len(dimensions):
        again = f"run it again with -o {output} to go on" if output else "with -o it could go on another time"
        console.warning(f"The budget ran out after {len(found)} of {len(dimensions)} dimensions; {again}.")


def polytope(
    docs: Annotated[int, typer.Option(metavar="N", help="Documents.")] = 46,
    relevant: Annotated[int, typer.Option(metavar="K", help="Documents that answer each query.")] = 2,
    json: Json = False,
) -> None:
    """The control: a cyclic polytope in 2K dimensions answers every top-K query, until numbers are rounded too far."""
    from evalkit_tasks.stress.capacity.polytope import SCANNED, Precision, answered, breaks_at

    checked = {each: answered(docs, relevant, each) for each in Precision}
    breaks = {str(each): breaks_at(relevant, each) for each in (Precision.FLOAT32, Precision.FLOAT16)}
    if json:
        lines = {each: {**vars(found), "breaks_at": breaks.get(each)} for each, found in checked.items()}
        console.json_data({"documents": docs, "relevant": relevant, "dimensions": 2 * relevant, "precisions": lines})
        return
    rows = [
        (each, f"{found.answered:,} of {found.queries:,}", f"{found.gap:.2e}", _first(breaks, each, SCANNED))
        for each, found in checked.items()
    ]
    console.table(("numbers", "queries answered", "smallest gap", "first n that fails"), rows)
    console.line()
    console.line(f"{docs:,} documents in {2 * relevant} dimensions, every {relevant}-subset a query; unit vectors.")
    console.line("Vectors are rounded, scores compared in float64 or float32; a tie counts as not answered.")


def _first(breaks: dict[str, int | None], precision: str, scanned: int) -> str:
    if precision not in breaks:
        return console.MISSING
    first = breaks[precision]
    return f"over {scanned:,}" if first is None else f"{first:,}"


def _setup(relevant: int, backend: str) -> Setup:
    from evalkit.errors import unknown
    from evalkit_tasks.stress.capacity.backends import Backend, resolved
    from evalkit_tasks.stress.capacity.measure import Setup

    if backend not in list(Backend):
        raise unknown("backend", backend, list(Backend), where="evalkit stress capacity --help")
    return Setup(relevant=relevant, backend=resolved(Backend(backend)))


def _measured(
    dimensions: Sequence[int],
    seeds: Sequence[int],
    setup: Setup,
    attempts: Attempts,
    output: Path | None,
    *,
    budget: float | None,
    quiet: bool,
) -> list[Capacity]:
    """Measure behind a progress display, and keep every attempt whatever ends it."""
    from evalkit_tasks.stress.capacity.display import display
    from evalkit_tasks.stress.capacity.measure import measure
    from evalkit_tasks.stress.capacity.record import Log

    log = Log(output, setup, attempts)
    # Before anything is measured: a file that cannot be written is known now.
    log.write()
    try:
        with display(log, searches=len(dimensions) * len(seeds), quiet=quiet) as shown:
            return measure(dimensions, seeds, setup, attempts, shown, budget=budget)
    except KeyboardInterrupt:
        made = console.counted(len(attempts), "attempt")
        where = "nothing is kept without -o" if output is None else f"{made} in {output}: run it again to go on"
        raise Interrupted(f"Interrupted; {where}.") from None


def _check_plot(plot: Path | None) -> None:
    """Refuse a picture that cannot be drawn before an hour of measuring, not after it."""
    if plot is not None:
        from evalkit.plots import style

        with style():
            pass


def _draw(found: Sequence[Capacity], setup: Setup, plot: Path) -> None:
    from evalkit_tasks.stress.capacity.plot import draw

    draw(found, setup.relevant, plot)
    console.note(f"Drawn: {plot}.")


def _print(found: Sequence[Capacity], setup: Setup) -> None:
    from evalkit_tasks.stress.capacity import page, published

    if not found:
        return
    console.table(*page.capacities(found, setup), left=0)
    console.line()
    for sentence in (*page.meaning(found, setup), *page.control(setup.relevant)):
        console.line(sentence)
    if setup.relevant == published.RELEVANT:
        _print_fits(found, setup.relevant)


def _print_fits(found: Sequence[Capacity], k: int) -> None:
    """The paper's cubic and ours, where the paper's would lead, and why not to follow."""
    from evalkit_tasks.stress.capacity import page
    from evalkit_tasks.stress.capacity.fit import fit_measured

    papers = page.paper_fits()
    own = fit_measured({each.dimension: each.largest for each in found}, k)
    ours = [] if own is None else [("measured here", own)]
    for table in (page.coefficients([*papers, *ours]), page.extrapolations(papers)):
        console.line()
        console.table(*table)
    console.line()
    console.line(page.warning(k))
