#!/usr/bin/env python3
"""Loads a masked language model's folder with Python transformers and compares its logits with ours.

    python3 check_mlm.py FOLDER LOGITS.json

LOGITS.json is what `node scripts/oracle/mlm-logits.mjs MODEL LOGITS.json` wrote. Tokenizer, configuration and weights
are all read from the folder; both sides compute in float32 on the CPU. Prints a line for each text and one JSON line;
exit status 1 when token ids differ, a logit differs by more than 1e-3, or another token is the most probable one.
"""
import base64
import json
import sys

import torch
import transformers
from transformers import AutoModelForMaskedLM, AutoTokenizer

folder, path = sys.argv[1], sys.argv[2]
with open(path, encoding="utf-8") as file:
    ours = json.load(file)["texts"]
tokenizer = AutoTokenizer.from_pretrained(folder)
model, report = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
model = model.float().eval()  # stored as float16, perhaps; we compute in float32
worst, largest, wrong = 0.0, 0.0, []
with torch.no_grad():
    for entry in ours:
        ids = tokenizer(entry["text"])["input_ids"]
        if ids != entry["ids"]:
            wrong.append("%s: token ids %s here, %s in the file" % (entry["text"], ids, entry["ids"]))
            continue
        theirs = model(input_ids=torch.tensor([ids])).logits[0]  # [T, V]
        buffer = bytearray(base64.b64decode(entry["logits"]))
        expected = torch.frombuffer(buffer, dtype=torch.float32).reshape(entry["shape"])
        if theirs.shape != expected.shape:
            wrong.append("%s: shape %s here, %s in the file" % (entry["text"], list(theirs.shape), entry["shape"]))
            continue
        difference = (theirs - expected).abs().max().item()
        worst = max(worst, difference)
        largest = max(largest, theirs.abs().max().item())
        places = [at for at, token in enumerate(ids) if token == tokenizer.mask_token_id]
        filled = [tokenizer.convert_ids_to_tokens(theirs[at].argmax().item()) for at in places]
        print("%s  %s  max difference %.2e" % (entry["text"], " ".join(filled), difference))
        if filled != entry["filled"]:
            wrong.append("%s: filled with %s here, %s in the file" % (entry["text"], filled, entry["filled"]))
for line in wrong:
    print(line)
missing = sorted(report.get("missing_keys", []))
print(json.dumps(dict(texts=len(ours), max_abs_difference=worst, largest_logit=largest, missing=missing,
                      transformers=transformers.__version__, torch=torch.__version__)))
sys.exit(0 if ours and not wrong and worst <= 1e-3 else 1)
