#!/usr/bin/env python3
"""Does Python's transformers answer as a model does that was trained here?

    easynlp predict --model MODEL --input QUESTIONS.json --output-schema n_best,start,end --output ANSWERS.tsv
    python3 scripts/oracle/check_reading.py MODEL QUESTIONS.json ANSWERS.tsv

The texts must fit into one window. Compares the logit of the best candidate of every question (and so the weights, the
layout of the head, and the tokens): the largest difference is printed.
"""

import json
import sys

import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

folder, questions, answers = sys.argv[1:]
model, info = AutoModelForQuestionAnswering.from_pretrained(folder, output_loading_info=True)
model.eval()
assert not info["missing_keys"] and not info["unexpected_keys"], info
tokenizer = AutoTokenizer.from_pretrained(folder)
rows = [line.rstrip("\n").split("\t") for line in open(answers, encoding="utf-8")]
asked = [
    (qa["question"], paragraph["context"])
    for article in json.load(open(questions, encoding="utf-8"))["data"]
    for paragraph in article["paragraphs"]
    for qa in paragraph["qas"]
]
assert len(rows) == len(asked), (len(rows), len(asked))
worst = 0.0
for (question, context), (n_best, start, end) in zip(asked, rows):
    encoded = tokenizer(question, context, return_tensors="pt", return_offsets_mapping=True)
    offsets = encoded.pop("offset_mapping")[0].tolist()
    sequences = encoded.sequence_ids(0)
    with torch.no_grad():
        out = model(**encoded)
    places = [i for i, sequence in enumerate(sequences) if sequence == 1]
    score, s, e = max(
        ((out.start_logits[0, s] + out.end_logits[0, e]).item(), s, e) for s in places for e in places if e >= s
    )
    best = json.loads(n_best)[0]
    worst = max(worst, abs(best["logit"] - score))
    # Places here are UTF-16 code units.
    expected = context[offsets[s][0] : offsets[e][1]]
    assert best["text"] == expected, (best, expected)
print(f"{len(rows)} answers agree; logits differ by at most {worst:.2e}")
