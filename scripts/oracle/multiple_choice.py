#!/usr/bin/env python3
"""What transformers' BertForMultipleChoice computes, as fixtures for packages/easynlp/src/appzoo/multiple-choice.

    python3 multiple_choice.py OUT     writes OUT/<name>/{config.json,model.safetensors,vocab.txt,rows.json,expected.safetensors}

Needs torch and transformers (written with 2.13 and 5.17), no network, CPU only. Two cases: `equal`, four choices for every
question, just as BertForMultipleChoice takes them; `uneven`, two to four choices: what is missing is filled up with the
first choice, and its score is taken out (−∞) before the softmax. transformers' own tokenizer makes the inputs.
To renew the committed fixtures, copy OUT over packages/easynlp/src/appzoo/multiple-choice/fixtures.
"""

import json
import pathlib
import sys

import numpy as np
import torch

from bert_parity import array, make_vocab, make_weights, plain_config, write_safetensors

FIELDS = dict(vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
              hidden_act="gelu", max_position_embeddings=40, type_vocab_size=2, layer_norm_eps=1e-12)
CASES = {
    "equal": dict(seed=41, labels=1, counts=[4, 4, 4], fields=FIELDS),
    "uneven": dict(seed=42, labels=1, counts=[2, 4, 3, 2], fields=FIELDS),
}


def make_rows(case):
    random = np.random.RandomState(case["seed"] + 2000)
    characters = make_vocab(case["fields"]["vocab_size"])[5:]

    def text(least, most):
        return "".join(random.choice(characters, random.randint(least, most + 1)))

    rows = []
    for count in case["counts"]:
        choices = [text(2, 6) for _ in range(count)]
        rows.append(dict(context=text(5, 20), choices=choices, label=int(random.randint(count))))
    return rows


def compute(folder, config, weights, rows):
    from transformers import BertConfig, BertForMultipleChoice, BertTokenizer

    hf = BertConfig(**{key: value for key, value in config.items()
                       if key not in ("architectures", "model_type", "id2label", "label2id")})
    model = BertForMultipleChoice(hf)
    tensors = {name: torch.from_numpy(value.copy()) for name, value in weights.items() if not name.startswith("cls.")}
    problems = model.load_state_dict(tensors, strict=False)
    assert not problems.unexpected_keys and all("position_ids" in k for k in problems.missing_keys), problems
    model.eval()  # no dropout; gradients flow all the same
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    most = max(len(row["choices"]) for row in rows)
    full = [row["choices"] + row["choices"][:1] * (most - len(row["choices"])) for row in rows]
    encoded = tokenizer([row["context"] for row in rows for _ in range(most)], [c for row in full for c in row],
                        padding=True, return_tensors="pt")
    inputs = {name: value.view(len(rows), most, -1) for name, value in encoded.items()}
    labels = torch.tensor([row["label"] for row in rows])
    mask = torch.tensor([[c < len(row["choices"]) for c in range(most)] for row in rows])
    outputs = model(**inputs, labels=labels)
    scores = outputs.logits.masked_fill(~mask, float("-inf"))
    loss = torch.nn.functional.cross_entropy(scores, labels)
    if bool(mask.all()):
        assert torch.equal(loss, outputs.loss)
    loss.backward()
    present = mask.reshape(-1)
    return dict(
        input_ids=array(encoded["input_ids"][present]), token_type_ids=array(encoded["token_type_ids"][present]),
        attention_mask=array(encoded["attention_mask"][present]),
        logits=array(outputs.logits.reshape(-1)[present]), loss=array(loss).reshape(1),
        **{f"grad.{name}": array(parameter.grad) for name, parameter in model.named_parameters()},
    )


def main(out):
    import transformers

    for name, case in CASES.items():
        folder = pathlib.Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        config = {**plain_config(case), "architectures": ["BertForMultipleChoice"]}
        weights = {key: value for key, value in make_weights(case).items() if not key.startswith("cls.")}
        vocabulary = "\n".join(make_vocab(case["fields"]["vocab_size"])) + "\n"
        (folder / "vocab.txt").write_text(vocabulary, encoding="utf-8")
        rows = make_rows(case)
        expected = compute(folder, config, weights, rows)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        (folder / "rows.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        write_safetensors(folder / "model.safetensors", weights)
        write_safetensors(folder / "expected.safetensors", expected)
        maker = {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__}
        (folder / "made-by.json").write_text(json.dumps(maker) + "\n")
        print(f"{name}: loss {float(expected['loss'][0]):.6f}, {len(expected)} arrays")


if __name__ == "__main__":
    main(sys.argv[1])
