#!/usr/bin/env python3
"""Expected figures of label sets (appzoo/metrics/multi-label-report.ts), computed by scikit-learn.

    python scripts/oracle/multi_label_fixtures.py

writes packages/easynlp/src/appzoo/metrics/fixtures/multi-label.json. Deterministic: a second run writes the same bytes.
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import metrics

TARGET = pathlib.Path(__file__).resolve().parents[2] / "packages/easynlp/src/appzoo/metrics/fixtures/multi-label.json"
FIELDS = ["precision", "recall", "f1"]


def average(gold, predicted, kind, zero=0):
    values = metrics.precision_recall_fscore_support(gold, predicted, average=kind, zero_division=zero)
    return dict(zip(FIELDS, [float(v) for v in values[:3]]))


def case(name, gold, scores, threshold=0.5):
    gold, scores = np.asarray(gold, dtype=int), np.asarray(scores, dtype=np.float64)
    predicted = (scores >= threshold).astype(int)
    every = metrics.precision_recall_fscore_support(gold, predicted, average=None, zero_division=0)
    present = gold.sum(axis=0) > 0
    per_label = [
        float(metrics.average_precision_score(gold[:, l], scores[:, l])) if present[l] else None
        for l in range(gold.shape[1])
    ]
    return {
        "name": name,
        "labels": gold.shape[1],
        "gold": gold.reshape(-1).tolist(),
        "scores": scores.reshape(-1).tolist(),
        "predicted": predicted.reshape(-1).tolist(),
        "perClass": [
            {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)} for p, r, f, s in zip(*every)
        ],
        "averages": {kind: average(gold, predicted, kind) for kind in ["macro", "micro", "weighted", "samples"]},
        # A row without labels that gets none is a right answer: scikit-learn's zero_division=1.
        "samplesEmptyIsRight": float(metrics.f1_score(gold, predicted, average="samples", zero_division=1)),
        "subsetAccuracy": float(metrics.accuracy_score(gold, predicted)),
        "hammingLoss": float(metrics.hamming_loss(gold, predicted)),
        "averagePrecision": per_label,
        "map": float(metrics.average_precision_score(gold[:, present], scores[:, present], average="macro"))
        if present.any()
        else None,
    }


def random_case(name, seed, rows, labels, rate, decimals=3, skill=0.4):
    rng = np.random.RandomState(seed)
    gold = (rng.uniform(size=(rows, labels)) < rate).astype(int)
    scores = np.clip(rng.uniform(size=(rows, labels)) * (1 - skill) + gold * skill, 0, 1)
    return case(name, gold, np.round(scores, decimals))


def main():
    warnings.simplefilter("ignore")
    cases = [
        random_case("ten labels", 1, 40, 10, 0.2),
        random_case("rare labels, some of them missing", 2, 30, 8, 0.04),
        random_case("tied scores", 3, 40, 4, 0.3, decimals=1),
        random_case("no skill", 4, 30, 5, 0.5, skill=0.0),
        random_case("two labels", 5, 25, 2, 0.4),
        case("empty sets on both sides", [[0, 0], [1, 0], [0, 0]], [[0.1, 0.2], [0.9, 0.1], [0.7, 0.1]]),
        case("nothing predicted", [[1, 0, 1], [0, 1, 0]], [[0.1, 0.2, 0.3], [0.0, 0.4, 0.1]]),
        case("no labels at all", [[0, 0], [0, 0]], [[0.1, 0.9], [0.2, 0.3]]),
        case("all right", [[1, 0], [1, 1]], [[0.9, 0.1], [0.8, 0.6]]),
    ]
    document = {"scikit-learn": sklearn.__version__, "cases": cases}
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).replace('{"name"', '\n{"name"')
    TARGET.write_text(text + "\n")
    print(f"{TARGET.name}: {len(cases)} cases, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
