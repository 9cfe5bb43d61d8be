#!/usr/bin/env python3
"""Compares the fixtures of entity scores and of answers with the programs that they are meant to equal.

    pip install seqeval nltk
    python3 scripts/oracle/check_metrics.py --cmrc cmrc2018_evaluate.py

The fixtures come from the published definitions, written anew (seqeval_fixtures.py, reading_scores.py). This reads them,
runs seqeval and, where it is given, the evaluation script of CMRC 2018 (github.com/ymcui/cmrc2018, baseline/) on the same
input, and ends with status 1 if any figure differs. Nothing is written.
"""

import argparse
import importlib.util
import json
import pathlib
import sys
import types
import warnings

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "packages/easynlp/src/appzoo"


def read(path):
    return json.loads((SOURCE / path).read_text(encoding="utf8"))


def differs(ours, theirs):
    return abs(ours - theirs) > 1e-12


def entities():
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2, IOBES

    warnings.filterwarnings("ignore")  # it warns of divisions by zero, which are asked for
    schemes = {"bio": IOB2, "bioes": IOBES}
    wrong = []
    cases = read("sequence-labeling/fixtures/seqeval.json")
    for case in cases:
        for mode, options in (("default", {}), ("strict", {"mode": "strict", "scheme": schemes[case["scheme"]]})):
            theirs = classification_report(
                case["gold"], case["predicted"], output_dict=True, zero_division=0, **options
            )
            ours = case[mode]
            for name, score in {"micro avg": ours["micro"], "macro avg": ours["macro"], **ours["types"]}.items():
                for own, other in (("precision",) * 2, ("recall",) * 2, ("f1", "f1-score"), ("support",) * 2):
                    if differs(score[own], theirs[name][other]):
                        wrong.append(f"{case['name']}, {mode}, {name}: {own} {score[own]}, not {theirs[name][other]}")
    print(f"seqeval: {len(cases)} cases in two modes")
    return wrong


def answers(path):
    import nltk

    sys.modules.setdefault("pdb", types.ModuleType("pdb"))  # it imports a debugger that it does not use
    spec = importlib.util.spec_from_file_location("official", path)
    official = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(official)
    # One sentence an answer: dividing it would need a trained model.
    words = nltk.word_tokenize
    official.nltk = types.SimpleNamespace(word_tokenize=lambda text: words(text, preserve_line=True))
    wrong = []
    cases = read("machine-reading-comprehension/fixtures/scores.json")["zh"]
    for case in cases:
        em = official.calc_em_score(case["gold"], case["predicted"])
        f1 = official.calc_f1_score(case["gold"], case["predicted"])
        if em != case["em"] or differs(f1, case["f1"]):
            wrong.append(f"{case['gold']}, {case['predicted']}: {case['em']}, {case['f1']}, not {em}, {f1}")
    print(f"CMRC 2018: {len(cases)} answers")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cmrc", help="the evaluation script of CMRC 2018")
    options = parser.parse_args()
    wrong = entities() + (answers(options.cmrc) if options.cmrc else [])
    print("\n".join(wrong) or "all equal")
    sys.exit(1 if wrong else 0)


main()
