#!/usr/bin/env python3
"""transformers' side of bench/gpu/lengths-gpu.mjs: dynamic padding, eager, one JSON line."""
import argparse
import json
import time

import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification

from transformers_step_gpu import SIZES

BATCH = 32
parser = argparse.ArgumentParser()
parser.add_argument("--lengths", required=True)
parser.add_argument("--size", default="base")
parser.add_argument("--batches", type=int, default=60)
args = parser.parse_args()

torch.backends.cuda.matmul.allow_tf32 = True
layers, hidden, heads, intermediate = SIZES[args.size]
config = BertConfig(
    vocab_size=21128, num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads,
    intermediate_size=intermediate, num_labels=2,
)
rows = []
with open(args.lengths) as file:
    lists = json.load(file)
for name, lengths in lists.items():
    torch.manual_seed(0)
    model = BertForSequenceClassification(config).cuda().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5, fused=True)
    batches = []
    for i in range(min(args.batches, len(lengths) // BATCH)):
        part = torch.tensor(lengths[i * BATCH:(i + 1) * BATCH])
        mask = (torch.arange(int(part.max()))[None, :] < part[:, None]).long()
        ids = torch.randint(100, 21128, mask.shape) * mask
        labels = torch.randint(0, 2, (BATCH,))
        batches.append(tuple(t.pin_memory() for t in (ids, mask, labels)))

    def step(batch):
        ids, mask, labels = (t.cuda(non_blocking=True) for t in batch)
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def run():
        start = time.perf_counter()
        for batch in batches:
            step(batch)
        torch.cuda.synchronize()
        return time.perf_counter() - start

    run()
    seconds = run()
    tokens = sum(int(mask.sum()) for _, mask, _ in batches)
    rows.append({
        "data": name, "ms": seconds / len(batches) * 1000, "tokensPerSecond": tokens / seconds,
        "attention": model.config._attn_implementation,
    })
    del model, optimizer
    torch.cuda.empty_cache()
print(json.dumps({
    "torch": torch.__version__, "transformers": transformers.__version__,
    "gpu": torch.cuda.get_device_name(0), "rows": rows,
}))
