#!/usr/bin/env python3
"""K-BERT from its paper (Liu et al. 2020, arXiv 1909.07606) and transformers' BERT, as fixtures for
packages/easynlp/src/knowledge/k-bert.

    python3 kbert_parity.py OUT      writes OUT/<case>/{config.json,model.safetensors,trees.json,expected.safetensors}

Needs torch and transformers (written with 2.13 and 5.17), no network, CPU only. Weights and trees come from numpy's legacy
generator, whose numbers never change. To renew the committed fixtures give
packages/easynlp/src/knowledge/k-bert/fixtures as OUT.

transformers has no K-BERT. What K-BERT adds to BERT is made here from the paper's words, unlike in the toolkit:

- a sentence tree (§3.3) is a list of *lines*: the text itself, and for each fact the entity's tokens followed by those of
  the fact. Facts stand behind their entity's last token in the sequence;
- the soft position (§3.4) of a token is its depth in the tree: its parent's plus 1. The text's first token is the root,
  and a fact's first token is a child of its entity's last one;
- the visible matrix (§3.5, eq. 3): M_ij = 0 where some line has both i and j, and −∞ elsewhere, compared pair by pair;
- the Mask-Transformer (§3.6, eq. 4–6) is BERT's attention with M added to its scores.

expected.safetensors: `input_ids`, `position_ids`, `token_type_ids` [B, T], `visible` [B, T, T] (1 where M is 0),
`hidden.<i>`, `pooled`, `logits`, `loss` and `grad.<name>` of the sequence classifier, `token_logits`. Padding sees itself.
"""

import json
import pathlib
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True
from bert_parity import array  # noqa: E402
from encoder_parity import SMALL, WIDER, make_weights, write_case  # noqa: E402

CASES = {
    "small": dict(seed=71, fields=dict(SMALL), segments=False),
    "pairs": dict(seed=72, fields=dict(WIDER, hidden_act="relu"), segments=True),
}
LABELS = 3
PADDING = 0


def make_trees(case):
    """Texts of several lengths: two facts, one, none; entities side by side, of one token and of several, at both ends."""
    random = np.random.RandomState(case["seed"] + 1000)
    vocabulary = case["fields"]["vocab_size"]

    def ids(count):
        return [int(i) for i in random.randint(1, vocabulary, count)]

    def entity(first, last, *lengths):
        return {"from": first, "to": last, "branches": [ids(n) for n in lengths]}

    trees = [
        dict(text=ids(9), entities=[entity(1, 3, 2), entity(7, 8, 2, 2)]),
        dict(text=ids(6), entities=[entity(1, 2, 3), entity(2, 5, 1, 4)]),
        dict(text=ids(7), entities=[]),
        dict(text=ids(4), entities=[entity(0, 1, 2), entity(3, 4, 1)]),
    ]
    for tree in trees:
        count = len(tree["text"])
        # Two texts: the second one begins in the middle.
        tree["segments"] = [int(case["segments"] and i >= count // 2) for i in range(count)]
    return trees


def flatten(tree):
    """Tokens in order as (id, segment, depth), and the lines as sets of places."""
    tokens, text_line, lines = [], [], []
    for place, token in enumerate(tree["text"]):
        parent = tokens[text_line[-1]] if text_line else None
        text_line.append(len(tokens))
        tokens.append((token, tree["segments"][place], 0 if parent is None else parent[2] + 1))
        for entity in tree["entities"]:
            if entity["to"] - 1 != place:
                continue
            own = text_line[entity["from"]:entity["to"]]
            for branch in entity["branches"]:
                line = list(own)
                for item in branch:
                    parent = tokens[line[-1]]
                    line.append(len(tokens))
                    tokens.append((item, parent[1], parent[2] + 1))
                lines.append(set(line))
    return tokens, [set(text_line), *lines]


def make_inputs(case, trees):
    flat = [flatten(tree) for tree in trees]
    shape = (len(trees), max(len(tokens) for tokens, _ in flat))
    out = {name: np.zeros(shape, np.int64) for name in ("input_ids", "token_type_ids", "position_ids")}
    out["visible"] = np.zeros((*shape, shape[1]), np.int64)
    for row, (tokens, lines) in enumerate(flat):
        for i in range(shape[1]):
            if i >= len(tokens):
                out["visible"][row, i, i] = 1
                continue
            out["input_ids"][row, i], out["token_type_ids"][row, i], out["position_ids"][row, i] = tokens[i]
            for j in range(len(tokens)):
                out["visible"][row, i, j] = any(i in line and j in line for line in lines)
    out["labels"] = np.random.RandomState(case["seed"] + 2000).randint(0, LABELS, len(trees)).astype(np.int64)
    return out


def compute(config, weights, inputs):
    import transformers

    hf = transformers.BertConfig(**{k: v for k, v in config.items() if k not in ("model_type", "architectures")})
    hf._attn_implementation = "eager"
    mask = torch.where(torch.from_numpy(inputs["visible"])[:, None] == 1, 0.0, torch.finfo(torch.float32).min)
    given = {k: torch.from_numpy(inputs[k]) for k in ("input_ids", "token_type_ids", "position_ids")}
    expected = {}
    for kind in ("Sequence", "Token"):
        model = getattr(transformers, f"BertFor{kind}Classification")(hf)
        own = model.state_dict()
        tensors = {k: torch.from_numpy(v.copy()) for k, v in weights.items() if k in own}
        problems = model.load_state_dict(tensors, strict=False)
        assert not problems.unexpected_keys and not problems.missing_keys, problems
        model.eval()
        if kind == "Token":
            with torch.no_grad():
                expected["token_logits"] = array(model(**given, attention_mask=mask).logits)
            continue
        output = model(**given, attention_mask=mask, labels=torch.from_numpy(inputs["labels"]), output_hidden_states=True)
        output.loss.backward()
        expected.update({f"hidden.{i}": array(state) for i, state in enumerate(output.hidden_states)})
        expected.update(logits=array(output.logits), loss=array(output.loss))
        expected["pooled"] = array(model.bert(**given, attention_mask=mask).pooler_output)
        for name, parameter in model.named_parameters():
            expected[f"grad.{name}"] = array(parameter.grad)
    return expected


def names_of(fields):
    import transformers

    model = transformers.BertForSequenceClassification(transformers.BertConfig(**fields, num_labels=LABELS))
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for name, case in CASES.items():
        folder = pathlib.Path(sys.argv[1]) / name
        labels = {str(i): f"LABEL_{i}" for i in range(LABELS)}
        config = dict(model_type="kbert", architectures=["BertForSequenceClassification"], **case["fields"],
                      id2label=labels, label2id={label: int(i) for i, label in labels.items()})
        trees = make_trees(case)
        inputs = make_inputs(case, trees)
        weights = make_weights(names_of(case["fields"]), case["seed"], PADDING)
        write_case(folder, config, weights, inputs, compute(config, weights, inputs))
        (folder / "trees.json").write_text("[\n" + ",\n".join(map(json.dumps, trees)) + "\n]\n")


if __name__ == "__main__":
    main()
