#!/usr/bin/env python3
"""Expected entity scores of appzoo/sequence-labeling, from the definitions of conlleval and of seqeval's strict mode.

    python3 scripts/oracle/seqeval_fixtures.py

writes packages/easynlp/src/appzoo/sequence-labeling/fixtures/seqeval.json. Deterministic. Standard library only: the
chunk rules are conlleval's two tables (Tjong Kim Sang & Buchholz 2000), written out case by case as there, and the strict
rules are patterns over the tags; nothing is shared with the TypeScript code, which has neither.
"""

import json
import pathlib
import random
import re

TARGET = (
    pathlib.Path(__file__).resolve().parents[2]
    / "packages/easynlp/src/appzoo/sequence-labeling/fixtures/seqeval.json"
)


def split(tag):
    return (tag[0], tag[2:] if len(tag) > 1 else "")


def ends(previous, tag, previous_type, kind):
    """conlleval's endOfChunk."""
    if (previous, tag) in {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("B", "S"), ("I", "S")}:
        return True
    if previous in "ES":
        return True
    return previous != "O" and previous_type != kind


def starts(previous, tag, previous_type, kind):
    """conlleval's startOfChunk."""
    if tag in "BS":
        return True
    if (previous, tag) in {("O", "I"), ("O", "E"), ("E", "I"), ("E", "E"), ("S", "I"), ("S", "E")}:
        return True
    return tag != "O" and previous_type != kind


def default_chunks(tags):
    chunks, begin = set(), None
    previous, previous_type = "O", ""
    for i, tag in enumerate(tags + ["O"]):
        letter, kind = split(tag)
        if ends(previous, letter, previous_type, kind) and begin is not None:
            chunks.add((previous_type, begin, i))
            begin = None
        if starts(previous, letter, previous_type, kind):
            begin = i
        previous, previous_type = letter, kind
    return chunks


def strict_chunks(tags, scheme):
    """Patterns over one type at a time; every other tag is a dot."""
    chunks = set()
    pattern = {"bio": r"BI*", "bioes": r"S|BI*E"}[scheme]
    for kind in sorted({split(tag)[1] for tag in tags if tag != "O"}):
        letters = "".join(split(tag)[0] if split(tag)[1] == kind and tag != "O" else "." for tag in tags)
        chunks |= {(kind, m.start(), m.end()) for m in re.finditer(pattern, letters)}
    return chunks


def score(right, predicted, gold):
    precision = right / predicted if predicted else 0.0
    recall = right / gold if gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "support": gold}


def report(gold, predicted, chunks):
    counts = {}
    for g, p in zip(gold, predicted):
        g, p = chunks(g), chunks(p)
        for group, position in ((g & p, 0), (p, 1), (g, 2)):
            for kind, _, _ in group:
                counts.setdefault(kind, [0, 0, 0])[position] += 1
    types = {kind: score(*counts[kind]) for kind in sorted(counts)}
    macro = {
        field: sum(s[field] for s in types.values()) / len(types) if types else 0.0
        for field in ("precision", "recall", "f1")
    }
    total = [sum(c[i] for c in counts.values()) for i in range(3)]
    return {"types": types, "micro": score(*total), "macro": {**macro, "support": total[2]}}


def case(name, gold, predicted, scheme):
    return {
        "name": name,
        "scheme": scheme,
        "gold": gold,
        "predicted": predicted,
        "chunks": [sorted(default_chunks(tags)) for tags in predicted],
        "default": report(gold, predicted, default_chunks),
        "strict": report(gold, predicted, lambda tags: strict_chunks(tags, scheme)),
    }


def main():
    random.seed(11)
    cases = []
    for scheme, letters in (("bio", "BI"), ("bioes", "BIES")):
        tags = ["O", "O"] + [f"{letter}-{kind}" for letter in letters for kind in ("PER", "LOC", "GPE-X")]
        for number in range(12):
            lengths = [random.randint(0, 12) for _ in range(random.randint(1, 8))]
            gold = [[random.choice(tags) for _ in range(n)] for n in lengths]
            # Mostly as in the gold data, so that something is right.
            predicted = [[t if random.random() < 0.8 else random.choice(tags) for t in s] for s in gold]
            cases.append(case(f"{scheme} {number}", gold, predicted, scheme))
    cases.append(case("none predicted", [["B-PER", "I-PER"]], [["O", "O"]], "bio"))
    cases.append(case("none at all", [["O"]], [["O"]], "bio"))
    cases.append(case("a type that is not in the gold data", [["B-PER", "O"]], [["B-PER", "B-LOC"]], "bio"))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf8")


main()
