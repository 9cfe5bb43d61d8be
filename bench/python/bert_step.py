#!/usr/bin/env python3
"""Python's side of bench/train-step.mjs: the same BERT classifier, operator by operator, in plain PyTorch.

Composed attention (PyTorch 1.13 has no fused operator). Makes a step for every line of standard input.
"""
import argparse
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def memory_kb(field):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])


BASELINE = memory_kb("VmRSS")
SIZES = {
    "micro": (1, 32, 2, 64),
    "tiny": (2, 128, 2, 512),
    "small312": (4, 312, 12, 1200),
    "small": (4, 512, 8, 2048),
    "base": (12, 768, 12, 3072),
}


class Layer(nn.Module):
    def __init__(self, hidden, heads, intermediate, dropout=0.1):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(hidden, hidden) for _ in range(4))
        self.up, self.down = nn.Linear(hidden, intermediate), nn.Linear(intermediate, hidden)
        self.norm1, self.norm2 = nn.LayerNorm(hidden, eps=1e-12), nn.LayerNorm(hidden, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def attention(self, x):
        batch, length, hidden = x.shape

        def split(t):
            return t.view(batch, length, self.heads, hidden // self.heads).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = torch.matmul(q * (1 / math.sqrt(hidden // self.heads)), k.transpose(-2, -1))
        heads = torch.matmul(self.dropout(scores.softmax(-1)), v)
        return heads.transpose(1, 2).reshape(batch, length, hidden)

    def forward(self, x):
        x = self.norm1(self.dropout(self.output(self.attention(x))) + x)
        return self.norm2(self.dropout(self.down(F.gelu(self.up(x)))) + x)


class Classifier(nn.Module):
    def __init__(self, layers, hidden, heads, intermediate, vocab=21128, labels=2):
        super().__init__()
        self.words = nn.Embedding(vocab, hidden, padding_idx=0)
        self.positions, self.types = nn.Embedding(512, hidden), nn.Embedding(2, hidden)
        self.norm, self.dropout = nn.LayerNorm(hidden, eps=1e-12), nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer(hidden, heads, intermediate) for _ in range(layers))
        self.pooler, self.classifier = nn.Linear(hidden, hidden), nn.Linear(hidden, labels)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, 0, 0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, ids):
        x = self.words(ids) + (self.positions.weight[: ids.shape[1]] + self.types.weight[0])
        x = self.dropout(self.norm(x))
        for layer in self.layers:
            x = layer(x)
        return self.classifier(self.dropout(torch.tanh(self.pooler(x[:, 0]))))


parser = argparse.ArgumentParser()
parser.add_argument("--size", default="small")
parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--length", type=int, default=128)
args = parser.parse_args()

torch.manual_seed(0)
model = Classifier(*SIZES[args.size]).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, foreach=True)
ids = torch.randint(1, 21128, (args.batch, args.length))
labels = torch.randint(0, 2, (args.batch,))


def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
        loss = F.cross_entropy(model(ids), labels)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss


# One step for every line read, so that the two sides can alternate; the last line of output sums up.
for line in sys.stdin:
    start, cpu = time.perf_counter(), time.process_time()
    step()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds}), flush=True)
print(json.dumps({
    "baselineKb": BASELINE,
    "peakKb": memory_kb("VmHWM"),
    "parameters": sum(p.numel() for p in model.parameters()),
}))
