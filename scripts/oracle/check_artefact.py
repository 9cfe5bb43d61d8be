#!/usr/bin/env python3
"""Loads a trained model's folder with Python transformers and compares its logits with ours.

    python3 check_artefact.py FOLDER PREDICTIONS.tsv MAX_LENGTH

PREDICTIONS.tsv is what `easynlp predict --output-schema logits --append-cols TEXT` wrote: logits, TAB, text. Tokenizer,
configuration and weights are all read from the folder. Prints one JSON line; exit status 1 when a logit differs by
more than 1e-4.
"""
import json
import sys

import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, predictions, max_length = sys.argv[1], sys.argv[2], int(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
worst, rows = 0.0, 0
with open(predictions, encoding="utf-8") as file, torch.no_grad():
    for line in file:
        ours, text = line.rstrip("\n").split("\t", 1)
        inputs = tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")
        theirs = model(**inputs).logits[0]
        worst = max(worst, (theirs - torch.tensor([float(v) for v in ours.split(",")])).abs().max().item())
        rows += 1
print(json.dumps(dict(rows=rows, max_abs_difference=worst, labels=model.config.id2label,
                      transformers=transformers.__version__, torch=torch.__version__)))
sys.exit(0 if rows and worst <= 1e-4 else 1)
