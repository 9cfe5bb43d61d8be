#!/usr/bin/env python3
"""The fixtures of bert_parity.py from the formulas alone: BERT in plain PyTorch, for machines without transformers.

    python3 bert_reference.py OUT
    python3 bert_reference.py --check-saved DIR

Runs with PyTorch 1.13 and later. Fixtures made by transformers replace these; the two agree to rounding.
"""

import json
import math
import pathlib
import sys

import torch
from torch.nn import functional as F

sys.dont_write_bytecode = True
from bert_parity import array, main, read_safetensors  # noqa: E402

ACTIVATIONS = {
    "gelu": F.gelu,
    "gelu_new": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": F.relu,
}


class Reference:
    def __init__(self, config, weights):
        self.config, self.w = config, weights

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def norm(self, name, x):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        y = (x - mean) / torch.sqrt(variance + self.config["layer_norm_eps"])
        return y * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def attend(self, layer, x, mask):
        batch, length, hidden = x.shape
        heads = self.config["num_attention_heads"]
        size = hidden // heads
        q, k, v = (
            self.linear(f"{layer}.attention.self.{part}", x).view(batch, length, heads, size).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(size)
        scores = scores.masked_fill(mask[:, None, None, :] == 0, float("-inf"))
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, hidden)

    def encode(self, input_ids, attention_mask=None, token_type_ids=None):
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        table = lambda name: self.w[f"bert.embeddings.{name}_embeddings.weight"]  # noqa: E731
        # padding_idx: the row takes part in the forward pass and gets no gradient
        x = F.embedding(input_ids, table("word"), padding_idx=self.config["pad_token_id"])
        x = x + table("position")[: input_ids.shape[1]] + table("token_type")[token_type_ids]
        x = self.norm("bert.embeddings.LayerNorm", x)
        states = [x]
        for i in range(self.config["num_hidden_layers"]):
            layer = f"bert.encoder.layer.{i}"
            attended = self.linear(f"{layer}.attention.output.dense", self.attend(layer, x, attention_mask))
            x = self.norm(f"{layer}.attention.output.LayerNorm", attended + x)
            inner = ACTIVATIONS[self.config["hidden_act"]](self.linear(f"{layer}.intermediate.dense", x))
            x = self.norm(f"{layer}.output.LayerNorm", self.linear(f"{layer}.output.dense", inner) + x)
            states.append(x)
        return states

    def pooled(self, states):
        return torch.tanh(self.linear("bert.pooler.dense", states[-1][:, 0]))

    def logits(self, states):
        return self.linear("classifier", self.pooled(states))

    def language(self, states):
        x = ACTIVATIONS[self.config["hidden_act"]](self.linear("cls.predictions.transform.dense", states[-1]))
        x = self.norm("cls.predictions.transform.LayerNorm", x)
        return F.linear(x, self.w["bert.embeddings.word_embeddings.weight"], self.w["cls.predictions.bias"])


def compute(config, weights, inputs):
    tensors = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in weights.items()}
    model = Reference(config, tensors)
    given = {key: torch.from_numpy(inputs[key]) for key in ("input_ids", "attention_mask", "token_type_ids")}
    states = model.encode(**given)
    logits = model.logits(states)
    loss = F.cross_entropy(logits, torch.from_numpy(inputs["labels"]))
    loss.backward()
    expected = {f"hidden.{i}": array(state) for i, state in enumerate(states)}
    expected.update(last=array(states[-1]), pooled=array(model.pooled(states)), logits=array(logits), loss=array(loss))
    for name, tensor in tensors.items():
        if not name.startswith("cls."):
            expected[f"grad.{name}"] = array(tensor.grad)
    expected["mlm_logits"] = array(model.language(states))
    return expected


def saved(folder, inputs):
    config = json.loads((pathlib.Path(folder) / "config.json").read_text())
    stored = read_safetensors(pathlib.Path(folder) / "model.safetensors")
    model = Reference(config, {name: torch.from_numpy(value) for name, value in stored.items()})
    with torch.no_grad():
        return model.logits(model.encode(**inputs))


if __name__ == "__main__":
    main(compute, saved, dict(maker="bert_reference.py", torch=torch.__version__))
