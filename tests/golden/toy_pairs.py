"""More small made-up data beside `toy.py`: pairs with labels, translations, summaries; the same here and under mteb."""

from __future__ import annotations

from typing import Any

from toy import TOPICS, texts


def pairs(kind: str = "mixed") -> dict[str, Any]:
    """Pairs with labels 0 and 1 (mixed), all of one class (positive, negative), or only two of them (two).

    Some stand twice, with labels that differ. Equal sentences are always labelled 1, and are not among the negative:
    mteb's own similarity, in 32-bit numbers, is 1 for them only up to the last bit, by which it then orders them.
    """
    first = texts(140, "left")
    same = [row % 9 == 0 for row in range(140)]
    other = [f"{first[(row * 7) % 140].split()[0]} right {row}" for row in range(140)]
    second = [first[row] if same[row] else other[row] for row in range(140)]
    alike = [a.split()[0] == b.split()[0] for a, b in zip(first, second, strict=True)]
    label = [int(same[row] or alike[row] != (row % 5 == 0)) for row in range(140)]
    again = [label[row] if same[row] or row < 20 else 1 - label[row] for row in range(40)]
    columns = {"sentence1": first + first[:40], "sentence2": second + second[:40], "label": label + again}
    if kind == "mixed":
        return columns
    rows = range(2) if kind == "two" else [row for row in range(140) if kind == "positive" or not same[row]]
    fixed = {"positive": 1, "negative": 0}
    picked = {name: [values[row] for row in rows] for name, values in columns.items()}
    return {**picked, "label": [fixed.get(kind, each) for each in picked["label"]]}


def translations() -> dict[str, Any]:
    """Sentences and their translations, some of which stand twice, so that two are equally near."""
    first = texts(150, "here")
    second = [text if row % 3 == 0 else f"{text.split()[0]} there {row}" for row, text in enumerate(first)]
    second[100:110] = second[0:10]
    return {"sentence1": first, "sentence2": second}


def summaries() -> dict[str, Any]:
    """Texts with two to four human and one to seven machine summaries; some texts have nothing to correlate."""
    sizes = (1, 3, 4, 5, 6, 7)  # with two, mteb's legacy number is not defined
    rows: list[dict[str, Any]] = []
    for row in range(25):
        human = [f"{TOPICS[(row + place) % 5]} human {row} {place}" for place in range(2 + row % 3)]
        machine = [f"{TOPICS[(row + 2 * place) % 5]} machine {row} {place}" for place in range(sizes[row % 6])]
        machine[-1] = human[0] if row % 4 == 0 else machine[-1]
        ratings = [1 + ((row + 1) * (place + 3)) % 9 / 2 for place in range(len(machine))]
        rows.append({"human_summaries": human, "machine_summaries": machine, "relevance": ratings})
    rows[3]["relevance"] = [2.0] * len(rows[3]["machine_summaries"])
    rows[4]["machine_summaries"] = [rows[4]["machine_summaries"][0]] * len(rows[4]["machine_summaries"])
    names = ("human_summaries", "machine_summaries", "relevance")
    return {"text": texts(25, "article"), **{name: [row[name] for row in rows] for name in names}}
