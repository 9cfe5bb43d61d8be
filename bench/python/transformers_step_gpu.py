#!/usr/bin/env python3
"""transformers' side of bench/gpu/train-step-gpu.mjs: one JSON line."""
import argparse
import json
import statistics
import time

import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification

SIZES = {
    "tiny": (2, 128, 2, 512), "small312": (4, 312, 12, 1200), "small": (4, 512, 8, 2048),
    "base": (12, 768, 12, 3072), "large": (24, 1024, 16, 4096),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="base")
    parser.add_argument("--batches", default="32,128")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()

    torch.backends.cuda.matmul.allow_tf32 = True
    rows = []
    for size in args.sizes.split(","):
        layers, hidden, heads, intermediate = SIZES[size]
        config = BertConfig(
            vocab_size=21128, num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads,
            intermediate_size=intermediate, num_labels=2,
        )
        for batch in map(int, args.batches.split(",")):
            torch.manual_seed(0)
            model = BertForSequenceClassification(config).cuda().train()
            torch._dynamo.reset()
            run = torch.compile(model) if args.compile else model
            optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5, fused=True)
            ids = torch.randint(0, 21128, (batch, 128), device="cuda")
            mask = torch.ones_like(ids)
            labels = torch.randint(0, 2, (batch,), device="cuda")

            def step():
                with torch.autocast("cuda", torch.bfloat16):
                    loss = run(input_ids=ids, attention_mask=mask, labels=labels).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

            for _ in range(5):
                step()
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            times = []
            for _ in range(5):
                start = time.perf_counter()
                for _ in range(10):
                    step()
                torch.cuda.synchronize()
                times.append((time.perf_counter() - start) * 100)
            rows.append({
                "size": size, "batch": batch, "ms": statistics.median(times),
                "peakGiB": torch.cuda.max_memory_allocated() / 2**30,
                "attention": model.config._attn_implementation,
            })
            del model, optimizer
            torch.cuda.empty_cache()
    print(json.dumps({
        "torch": torch.__version__, "transformers": transformers.__version__,
        "gpu": torch.cuda.get_device_name(0), "rows": rows,
    }))


if __name__ == "__main__":
    main()
