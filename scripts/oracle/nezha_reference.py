#!/usr/bin/env python3
"""NEZHA in plain PyTorch, from the paper (Wei et al. 2019, arXiv 1909.00204): transformers has dropped it.

    python3 nezha_reference.py OUT      writes OUT/nezha/fixtures/<case>/…, the files of encoder_parity.py

Self-attention is eq. 2 and 3 of the paper, with the encoding of relative positions of eq. 4 and 5; everything else is
BERT without absolute positions. Encodings are looked up pair by pair here, in loops, unlike in the toolkit.
"""

import math
import pathlib
import sys
import types

import torch
from torch.nn import functional as F

sys.dont_write_bytecode = True
from encoder_parity import SMALL, WIDER, expected_of, make_inputs, make_weights, write_case  # noqa: E402

CASES = {
    "small": dict(seed=51, fields=dict(SMALL, max_relative_position=3)),
    "wider": dict(seed=52, fields=dict(WIDER, max_relative_position=5, hidden_act="relu")),
}
ACTIVATIONS = {"gelu": F.gelu, "relu": F.relu}


def shapes(fields, labels):
    vocab, hidden, inner = fields["vocab_size"], fields["hidden_size"], fields["intermediate_size"]
    out = {
        "nezha.embeddings.word_embeddings.weight": (vocab, hidden),
        "nezha.embeddings.token_type_embeddings.weight": (fields["type_vocab_size"], hidden),
    }

    def linear(name, inputs, outputs):
        out[f"{name}.weight"], out[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def norm(name):
        out[f"{name}.weight"], out[f"{name}.bias"] = (hidden,), (hidden,)

    norm("nezha.embeddings.LayerNorm")
    for i in range(fields["num_hidden_layers"]):
        layer = f"nezha.encoder.layer.{i}"
        for part in ("query", "key", "value"):
            linear(f"{layer}.attention.self.{part}", hidden, hidden)
        linear(f"{layer}.attention.output.dense", hidden, hidden)
        norm(f"{layer}.attention.output.LayerNorm")
        linear(f"{layer}.intermediate.dense", hidden, inner)
        linear(f"{layer}.output.dense", inner, hidden)
        norm(f"{layer}.output.LayerNorm")
    linear("nezha.pooler.dense", hidden, hidden)
    linear("classifier", hidden, labels)
    linear("cls.predictions.transform.dense", hidden, hidden)
    norm("cls.predictions.transform.LayerNorm")
    out["cls.predictions.bias"] = (vocab,)
    return out


class Nezha:
    def __init__(self, config, weights):
        self.config = config
        self.w = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in weights.items()}

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def norm(self, name, x):
        eps = self.config.get("layer_norm_eps", 1e-12)
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], eps)

    def relative(self, length, size):
        """a_ij, eq. 4 and 5, with distances clipped to the farthest one that is told apart."""
        farthest = self.config["max_relative_position"]
        out = torch.zeros(length, length, size)
        for i in range(length):
            for j in range(length):
                row = max(-farthest, min(farthest, j - i)) + farthest
                for k in range(size):
                    angle = row / 10000 ** (2 * (k // 2) / size)
                    out[i, j, k] = math.sin(angle) if k % 2 == 0 else math.cos(angle)
        return out

    def attend(self, name, x, mask):
        batch, length, hidden = x.shape
        heads = self.config["num_attention_heads"]
        size = hidden // heads
        q, k, v = (self.linear(f"{name}.{part}", x).view(batch, length, heads, size).transpose(1, 2)
                   for part in ("query", "key", "value"))
        a = self.relative(length, size)
        scores = torch.einsum("bhid,bhjd->bhij", q, k) + torch.einsum("bhid,ijd->bhij", q, a)
        scores = (scores / math.sqrt(size)).masked_fill(mask[:, None, None, :] == 0, float("-inf"))
        p = scores.softmax(-1)
        z = torch.einsum("bhij,bhjd->bhid", p, v) + torch.einsum("bhij,ijd->bhid", p, a)
        return z.transpose(1, 2).reshape(batch, length, hidden)

    def encode(self, input_ids, attention_mask, token_type_ids):
        words = F.embedding(input_ids, self.w["nezha.embeddings.word_embeddings.weight"], padding_idx=0)
        segments = F.embedding(token_type_ids, self.w["nezha.embeddings.token_type_embeddings.weight"])
        x = self.norm("nezha.embeddings.LayerNorm", words + segments)
        states = [x]
        act = ACTIVATIONS[self.config.get("hidden_act", "gelu")]
        for i in range(self.config["num_hidden_layers"]):
            layer = f"nezha.encoder.layer.{i}"
            y = self.linear(f"{layer}.attention.output.dense", self.attend(f"{layer}.attention.self", x, attention_mask))
            x = self.norm(f"{layer}.attention.output.LayerNorm", x + y)
            y = self.linear(f"{layer}.output.dense", act(self.linear(f"{layer}.intermediate.dense", x)))
            x = self.norm(f"{layer}.output.LayerNorm", x + y)
            states.append(x)
        return states

    # Called as transformers' models are.
    def encoder(self, **given):
        last = self.encode(**given)[-1]
        return types.SimpleNamespace(last_hidden_state=last, pooler_output=self.pool(last))

    def pool(self, last):
        return torch.tanh(self.linear("nezha.pooler.dense", last[:, 0]))

    def sequence(self, labels, output_hidden_states, **given):
        states = self.encode(**given)
        logits = self.linear("classifier", self.pool(states[-1]))
        return types.SimpleNamespace(hidden_states=states, logits=logits, loss=F.cross_entropy(logits, labels))

    def token(self, **given):
        return types.SimpleNamespace(logits=self.linear("classifier", self.encode(**given)[-1]))

    def mlm(self, **given):
        act = ACTIVATIONS[self.config.get("hidden_act", "gelu")]
        x = act(self.linear("cls.predictions.transform.dense", self.encode(**given)[-1]))
        x = self.norm("cls.predictions.transform.LayerNorm", x)
        words = self.w["nezha.embeddings.word_embeddings.weight"]
        return types.SimpleNamespace(logits=F.linear(x, words, self.w["cls.predictions.bias"]))


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    torch.set_num_threads(1)
    for name, case in CASES.items():
        fields, labels = case["fields"], range(3)
        config = dict(model_type="nezha", architectures=["NezhaForSequenceClassification"], pad_token_id=0, **fields,
                      id2label={str(i): f"LABEL_{i}" for i in labels}, label2id={f"LABEL_{i}": i for i in labels})
        weights = make_weights(shapes(fields, len(labels)), case["seed"], 0)
        inputs = make_inputs(case, fields, 0)
        model = Nezha(config, weights)

        class Sequence:
            def __call__(self, **given):
                return model.sequence(**given)

            def named_parameters(self):
                return model.w.items()

        models = dict(encoder=model.encoder, sequence=Sequence(), token=model.token, mlm=model.mlm)
        write_case(pathlib.Path(sys.argv[1]) / "nezha" / "fixtures" / name, config, weights, inputs,
                   expected_of(models, inputs))


if __name__ == "__main__":
    main()
