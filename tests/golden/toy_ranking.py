"""Small made-up data for ranking given documents and by instructions, beside `toy.py`; the same here and under mteb."""

from __future__ import annotations

from typing import Any

from toy import TOPICS, _generator, texts


def lists() -> list[dict[str, Any]]:
    """Queries with positives and negatives: some texts stand twice, some on both sides, some queries lack a side."""
    rows = []
    for row, query in enumerate(texts(40, "query")):
        topic = TOPICS[row % len(TOPICS)]
        positive = [f"{topic} answer {row} {place}" for place in range(1 + row % 3)]
        negative = [f"{TOPICS[(row + place) % 5]} other {row} {place}" for place in range(2 + row % 7)]
        if row % 4 == 0:
            negative.append(positive[0])  # as near as a positive: the order of ids decides
        if row % 6 == 0:
            positive.append(positive[0])
        rows.append({"query": query, "positive": positive, "negative": negative})
    rows[5]["positive"] = []
    rows[11]["negative"] = []
    return rows


def reranking() -> dict[str, Any]:
    """A corpus with titles and copies, graded judgements, and candidates that miss some of what is relevant.

    One query has no candidates, some repeat one, one has nothing but irrelevant judgements, one is not judged, and
    some ids of documents are ids of queries.
    """
    documents = {f"d{row:03d}": {"title": "", "text": text} for row, text in enumerate(texts(150, "doc"))}
    documents |= {f"e{row:03d}": {"title": TOPICS[row % 5], "text": f"doc {row}"} for row in range(60)}  # copies
    queries = {f"q{row:02d}": text for row, text in enumerate(texts(30, "query"))}
    documents |= {name: {"title": "", "text": f"{text} itself"} for name, text in list(queries.items())[:8]}
    names = list(documents)
    qrels: dict[str, dict[str, int]] = {}
    candidates: dict[str, list[str]] = {}
    for row, name in enumerate(queries):
        pick = _generator(name).choice(len(names), size=30 + row, replace=False)
        candidates[name] = [names[column] for column in pick]
        judged = [names[column] for column in pick[:: 5 + row % 3]]
        qrels[name] = {document: (row + place) % 3 for place, document in enumerate(judged)}
        qrels[name] |= {f"d{row:03d}": 2, f"e{row:03d}": 1}
        if row % 2:
            candidates[name] += [f"d{row:03d}", f"e{row:03d}", name] if row < 8 else [f"e{row:03d}", f"d{row:03d}"]
        if row % 5 == 0:
            candidates[name] += candidates[name][:3]
    del candidates["q07"]
    qrels["q08"] = dict.fromkeys(qrels["q08"], 0)
    del qrels["q09"]
    return {"documents": documents, "queries": queries, "qrels": qrels, "candidates": candidates}


def instructions() -> dict[str, Any]:
    """As `reranking`, and every query has an instruction, some of them an empty one."""
    raw = reranking()
    told = {name: f"by way of {TOPICS[row % 4]}" if row % 4 else "" for row, name in enumerate(raw["queries"])}
    return {**raw, "instructions": told}


def follow(complete: bool = True) -> dict[str, Any]:
    """Queries in two forms, with the documents that the change makes irrelevant.

    Some of these are not among the candidates of either form. Unless it is complete, one query has no original form,
    one no changed documents, and one stands among the changed but was never asked.
    """
    raw = reranking()
    del raw["queries"]["q07"], raw["queries"]["q09"]
    queries: dict[str, str] = {}
    told: dict[str, str] = {}
    out: dict[str, Any] = {"documents": raw["documents"], "qrels": {}, "candidates": {}, "changes": {}}
    for row, (name, text) in enumerate(raw["queries"].items()):
        judged, given = raw["qrels"][name], raw["candidates"][name]
        changed = [*list(judged)[:: 1 + row % 3], f"d{140 + row % 10}"]
        out["changes"][name] = list(dict.fromkeys(changed))
        for form, manner in (("og", "plainly"), ("changed", f"but never of {TOPICS[(row + 1) % 5]}")):
            queries[f"{name}-{form}"], told[f"{name}-{form}"] = text, manner
            out["candidates"][f"{name}-{form}"] = given
        out["qrels"][f"{name}-og"] = judged
        out["qrels"][f"{name}-changed"] = {document: 0 if document in changed else 1 for document in judged}
    if not complete:
        del (
            queries["q03-og"],
            told["q03-og"],
            out["qrels"]["q03-og"],
            out["candidates"]["q03-og"],
            out["changes"]["q05"],
        )
        out["changes"]["never"] = ["d001"]
    return {**out, "queries": queries, "instructions": told}


def grouped(kind: str) -> dict[str, Any]:
    """Queries that belong together: two of the same two documents (paired), or one to three ways to ask.

    Those of a group that is merged (subqueries) have the same judgements but not the same candidates.
    """
    raw = reranking()
    del raw["queries"]["q07"], raw["queries"]["q09"]
    names = list(raw["documents"])
    out: dict[str, Any] = {"documents": raw["documents"], "queries": {}, "qrels": {}, "candidates": {}}
    for row, (name, text) in enumerate(raw["queries"].items()):
        given = raw["candidates"][name]
        for place in range(2 if kind == "paired" else 1 + row % 3):
            identifier = f"{name}_q{place + 1}" if kind != "subqueries" else f"part_{name}_{place}"
            out["queries"][identifier] = f"{text} asked {place}"
            out["qrels"][identifier] = raw["qrels"][name] if kind != "paired" else {given[place]: 1}
            more = [names[(row * 7 + place * 5 + each) % len(names)] for each in range(6)]
            out["candidates"][identifier] = given[:2] if kind == "paired" else [*given, *more]
    return out
