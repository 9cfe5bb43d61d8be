#!/usr/bin/env python3
"""Python's side of bench/small-op.mjs: microseconds per call, one JSON line."""
import json
import time

import torch
import torch.nn.functional as F

torch.manual_seed(0)
a, b = torch.rand(8), torch.rand(8)
ag, bg = torch.rand(8, requires_grad=True), torch.rand(8, requires_grad=True)
x, w, bias = torch.rand(8, 768), torch.ones(768), torch.zeros(768)
m, n = torch.rand(64, 64), torch.rand(64, 64)


def measure(fn, count):
    for _ in range(count // 5):
        fn()
    best = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            fn()
        best.append((time.perf_counter() - start) / count * 1e6)
    return sorted(best)[2]


def no_grad(fn, count):
    with torch.no_grad():
        return measure(fn, count)


print(json.dumps({
    "add, 8 elements, no grad": no_grad(lambda: a + b, 20000),
    "add, 8 elements, grad": measure(lambda: ag + bg, 20000),
    "layer_norm 8×768": no_grad(lambda: F.layer_norm(x, (768,), w, bias), 10000),
    "matmul 64×64": no_grad(lambda: torch.matmul(m, n), 10000),
}))
