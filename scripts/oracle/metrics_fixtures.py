#!/usr/bin/env python3
"""Expected values of appzoo/metrics, computed by scikit-learn (written with 1.2.1, Debian's python3-sklearn).

    python3 scripts/oracle/metrics_fixtures.py

writes packages/easynlp/src/appzoo/metrics/fixtures/metrics.json. Deterministic: a second run writes the same bytes.
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import metrics

TARGET = pathlib.Path(__file__).resolve().parents[2] / "packages/easynlp/src/appzoo/metrics/fixtures/metrics.json"
AVERAGES = ["macro", "micro", "weighted"]


def plain(value):
    """numpy to JSON; null for what scikit-learn leaves undefined (NaN)."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value != value:
        return None
    return value


def auc(call):
    try:
        return call()
    except ValueError as error:  # one class only
        assert "class" in str(error), error
        return None


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def case(name, gold, predicted, classes, logits=None):
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    labels = list(range(classes))
    every = metrics.precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
    out = {
        "name": name,
        "classes": classes,
        "gold": gold,
        "predicted": predicted,
        "accuracy": metrics.accuracy_score(gold, predicted),
        "confusion": metrics.confusion_matrix(gold, predicted, labels=labels),
        "perClass": [dict(zip(["precision", "recall", "f1", "support"], row)) for row in zip(*every)],
        "averages": {
            average: dict(
                zip(
                    ["precision", "recall", "f1"],
                    metrics.precision_recall_fscore_support(
                        gold, predicted, labels=labels, average=average, zero_division=0
                    ),
                )
            )
            for average in AVERAGES
        },
        # Without `labels`, the averages are over the classes that occur in gold or predicted.
        "f1Present": {
            average: metrics.f1_score(gold, predicted, average=average, zero_division=0) for average in AVERAGES
        },
        "mcc": metrics.matthews_corrcoef(gold, predicted),
    }
    if classes == 2:
        out["f1Binary"] = [
            metrics.f1_score(gold, predicted, labels=labels, average="binary", pos_label=p, zero_division=0)
            if p in set(gold) | set(predicted)
            else 0.0
            for p in labels
        ]
    if logits is not None:
        logits = np.asarray(logits, dtype=np.float64)
        probabilities = softmax(logits)
        out["logits"] = logits.reshape(-1)
        out["probabilities"] = probabilities.reshape(-1)
        out["crossEntropy"] = metrics.log_loss(gold, probabilities, labels=labels)
        if classes == 2:
            out["auc"] = auc(lambda: metrics.roc_auc_score(gold, probabilities[:, 1]))
        elif len(set(gold)) < classes:
            out["auc"] = {"macro": None, "weighted": None}
        else:
            out["auc"] = {
                average: metrics.roc_auc_score(
                    gold, probabilities, labels=labels, multi_class="ovr", average=average
                )
                for average in ["macro", "weighted"]
            }
    return out


def random_case(name, seed, rows, classes, skew=1.0, decimals=3, skill=1.0):
    rng = np.random.RandomState(seed)
    weights = np.arange(1, classes + 1, dtype=np.float64) ** skew
    gold = rng.choice(classes, size=rows, p=weights / weights.sum())
    logits = rng.normal(size=(rows, classes))
    logits[np.arange(rows), gold] += skill
    logits = np.round(logits, decimals)
    return case(name, gold, logits.argmax(axis=1), classes, logits)


def main():
    warnings.simplefilter("ignore")
    cases = [
        random_case("binary", 1, 120, 2),
        random_case("binary, rare positives", 2, 150, 2, skew=-4),
        random_case("binary, tied scores", 3, 100, 2, decimals=0),
        random_case("binary, worse than chance", 4, 80, 2, skill=-1.5),
        random_case("three classes", 5, 90, 3),
        random_case("three classes, tied scores", 6, 80, 3, decimals=0),
        random_case("fifteen classes, skewed", 7, 150, 15, skew=1.2, skill=2),
        random_case("six classes, some of them missing", 8, 12, 6, skew=3),
        case("all right", [0, 1, 2, 1], [0, 1, 2, 1], 3),
        case("all wrong", [0, 1, 0, 1], [1, 0, 1, 0], 2),
        case("one class predicted", [0, 1, 2, 1, 0], [1, 1, 1, 1, 1], 3),
        case("one class in gold", [1, 1, 1, 1], [0, 1, 1, 1], 2, [[1, 0], [0, 1], [0.5, 0.75], [-1, 1]]),
        case("one class in both", [0, 0, 0], [0, 0, 0], 2, [[1, 0], [2, 0], [3, 1]]),
        case("a class that occurs nowhere", [0, 2, 2, 0], [2, 2, 0, 0], 4),
        case("a single row", [1], [0], 2),
        case("certain and wrong", [0, 1], [1, 1], 2, [[-900, 900], [0, 1]]),
    ]
    scores = []
    for name, gold, score in [
        ("perfect", [0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]),
        ("inverted", [1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4]),
        ("constant", [0, 1, 0, 1, 1], [0.5] * 5),
        ("half tied", [0, 1, 0, 1, 1, 0], [0.5, 0.5, 0.2, 0.9, 0.2, 0.5]),
        ("negative zero", [0, 1, 1], [0.0, -0.0, 1.0]),
        ("only negatives", [0, 0], [0.1, 0.2]),
    ]:
        scores.append(
            {"name": name, "gold": gold, "scores": score, "auc": auc(lambda: metrics.roc_auc_score(gold, score))}
        )
    document = {"scikit-learn": sklearn.__version__, "cases": plain(cases), "binaryScores": plain(scores)}
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(document, allow_nan=False, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
    print(f"{TARGET.name}: {len(cases)} cases, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
