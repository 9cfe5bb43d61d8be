#!/usr/bin/env python3
"""What Hugging Face's transformers computes with BERT, as fixtures for packages/easynlp/src/modelzoo/bert.

    python3 bert_parity.py OUT                  writes OUT/<name>/{config.json,model.safetensors,vocab.txt,expected.safetensors}
    python3 bert_parity.py --check-saved DIR    loads a folder that our savePretrained wrote and compares its logits

Needs torch and transformers (written with 2.11 and 5.17), no network, CPU only. Weights and inputs come from numpy's
legacy generator, whose numbers never change, so a second run writes the same inputs and, up to rounding, the same
results. To renew the committed fixtures, copy OUT over packages/easynlp/src/modelzoo/bert/fixtures. bert_reference.py makes the same files without transformers, from the formulas alone.

DIR holds, besides the saved model, inputs.safetensors with input_ids, optionally attention_mask and token_type_ids,
and the logits that we computed.
"""

import json
import pathlib
import struct
import sys

import numpy as np
import torch

TOLERANCE = 1e-5

# Three shapes that differ in everything a mistake could hide behind: activation, eps, heads, segments, padding.
CONFIGS = {
    "gelu": dict(
        seed=11, batch=3, length=9, lengths=[9, 9, 9], segments=False, labels=2,
        fields=dict(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                    hidden_act="gelu", max_position_embeddings=24, type_vocab_size=2, layer_norm_eps=1e-12),
    ),
    "padded-pairs": dict(
        seed=12, batch=4, length=13, lengths=[13, 5, 2, 8], segments=True, labels=5,
        fields=dict(vocab_size=96, hidden_size=48, num_hidden_layers=3, num_attention_heads=3, intermediate_size=64,
                    hidden_act="gelu_new", max_position_embeddings=16, type_vocab_size=3, layer_norm_eps=1e-5),
    ),
    "relu": dict(
        seed=13, batch=2, length=20, lengths=[20, 11], segments=True, labels=3,
        fields=dict(vocab_size=80, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                    hidden_act="relu", max_position_embeddings=20, type_vocab_size=2, layer_norm_eps=1e-3),
    ),
}

DTYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "I32": np.int32}


def write_safetensors(path, tensors):
    """The format by hand, so that this file needs no package for it."""
    header, chunks, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        kind = next(key for key, dtype in DTYPES.items() if array.dtype == dtype)
        header[name] = dict(dtype=kind, shape=list(array.shape), data_offsets=[offset, offset + array.nbytes])
        chunks.append(array.tobytes())
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        out[name] = np.frombuffer(body[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return out


def shapes(fields, labels):
    """Names and shapes of a BERT with pooler, classifier and language-model head; the tied decoder is left out."""
    vocab, hidden, inner = fields["vocab_size"], fields["hidden_size"], fields["intermediate_size"]
    out = {
        "bert.embeddings.word_embeddings.weight": (vocab, hidden),
        "bert.embeddings.position_embeddings.weight": (fields["max_position_embeddings"], hidden),
        "bert.embeddings.token_type_embeddings.weight": (fields["type_vocab_size"], hidden),
    }

    def linear(name, inputs, outputs):
        out[f"{name}.weight"], out[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def norm(name):
        out[f"{name}.weight"], out[f"{name}.bias"] = (hidden,), (hidden,)

    norm("bert.embeddings.LayerNorm")
    for i in range(fields["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{i}"
        for part in ("query", "key", "value"):
            linear(f"{layer}.attention.self.{part}", hidden, hidden)
        linear(f"{layer}.attention.output.dense", hidden, hidden)
        norm(f"{layer}.attention.output.LayerNorm")
        linear(f"{layer}.intermediate.dense", hidden, inner)
        linear(f"{layer}.output.dense", inner, hidden)
        norm(f"{layer}.output.LayerNorm")
    linear("bert.pooler.dense", hidden, hidden)
    linear("classifier", hidden, labels)
    linear("cls.predictions.transform.dense", hidden, hidden)
    norm("cls.predictions.transform.LayerNorm")
    out["cls.predictions.bias"] = (vocab,)
    return out


def make_weights(case):
    """Nothing is 0 or 1, and scores are large enough that softmax, GELU and tanh leave their linear range."""
    random = np.random.RandomState(case["seed"])
    out = {}
    for name, shape in shapes(case["fields"], case["labels"]).items():
        values = random.standard_normal(shape)
        if "LayerNorm.weight" in name:
            values = 1 + 0.2 * values
        elif name.endswith("bias"):
            values = 0.2 * values
        elif "embeddings" in name:
            values = 0.5 * values
        else:
            values = values * 1.5 / np.sqrt(shape[-1])
        out[name] = values.astype(np.float32)
    out["bert.embeddings.word_embeddings.weight"][0] = 0  # the padding row
    return out


def make_inputs(case):
    random = np.random.RandomState(case["seed"] + 1000)
    shape = (case["batch"], case["length"])
    mask = (np.arange(case["length"])[None, :] < np.array(case["lengths"])[:, None]).astype(np.int64)
    ids = random.randint(1, case["fields"]["vocab_size"], shape) * mask
    types = np.zeros(shape, np.int64)
    if case["segments"]:
        types = random.randint(0, case["fields"]["type_vocab_size"], shape) * mask
    return dict(
        input_ids=ids.astype(np.int64),
        attention_mask=mask,
        token_type_ids=types.astype(np.int64),
        labels=random.randint(0, case["labels"], (case["batch"],)).astype(np.int64),
    )


def make_vocab(size):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return special + [chr(0x4E00 + i) for i in range(size - len(special))]


def plain_config(case):
    labels = range(case["labels"])
    return dict(
        architectures=["BertForSequenceClassification"], model_type="bert", pad_token_id=0, initializer_range=0.02,
        hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
        id2label={str(i): f"LABEL_{i}" for i in labels}, label2id={f"LABEL_{i}": i for i in labels}, **case["fields"],
    )


def write_case(out, name, case, compute, maker):
    """`compute(config, weights, inputs)` gives the expected arrays by name."""
    folder = pathlib.Path(out) / name
    folder.mkdir(parents=True, exist_ok=True)
    config, weights, inputs = plain_config(case), make_weights(case), make_inputs(case)
    expected = compute(config, weights, inputs)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "vocab.txt").write_text("\n".join(make_vocab(case["fields"]["vocab_size"])) + "\n", encoding="utf-8")
    write_safetensors(folder / "model.safetensors", weights)
    write_safetensors(folder / "expected.safetensors", {**inputs, **expected})
    if name == "gelu":
        write_old(folder / "old", config, weights)
    (folder / "made-by.json").write_text(json.dumps(maker) + "\n")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{name}: loss {float(expected['loss']):.6f}, {len(expected)} arrays, {size} bytes")


def write_old(folder, config, weights):
    """The same weights as conversions of 2019 left them: pickled, TensorFlow's names, a wrapper, buffers, no model_type."""
    folder.mkdir(exist_ok=True)
    old = {"module.bert.embeddings.position_ids": torch.arange(config["max_position_embeddings"])[None]}
    for name, value in weights.items():
        if not name.startswith("classifier."):
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            old[f"module.{name}"] = torch.from_numpy(value.copy())
    old["module.cls.seq_relationship.weight"] = torch.ones(2, config["hidden_size"])
    torch.save(old, folder / "pytorch_model.bin")
    bare = {key: value for key, value in config.items() if key not in ("model_type", "id2label", "label2id")}
    (folder / "config.json").write_text(json.dumps({**bare, "architectures": ["BertForPreTraining"]}, indent=2) + "\n")


def array(tensor):
    return tensor.detach().to("cpu").numpy()


def with_transformers(config, weights, inputs):
    from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

    hf = BertConfig(**{key: value for key, value in config.items() if key not in ("architectures", "model_type")})
    hf.id2label = {int(key): value for key, value in config["id2label"].items()}
    tensors = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
    model = BertForSequenceClassification(hf)
    problems = model.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("cls.")}, strict=False)
    assert not problems.unexpected_keys and all("position_ids" in k for k in problems.missing_keys), problems
    model.eval()  # no dropout; gradients flow all the same
    given = {k: torch.from_numpy(inputs[k]) for k in ("input_ids", "attention_mask", "token_type_ids")}
    output = model(**given, labels=torch.from_numpy(inputs["labels"]), output_hidden_states=True)
    output.loss.backward()
    expected = {f"hidden.{i}": array(state) for i, state in enumerate(output.hidden_states)}
    expected.update(logits=array(output.logits), loss=array(output.loss))
    for name, parameter in model.named_parameters():
        expected[f"grad.{name}"] = array(parameter.grad)
    with torch.no_grad():
        plain = model.bert(**given)
        expected.update(pooled=array(plain.pooler_output), last=array(plain.last_hidden_state))
        lm = BertForMaskedLM(hf)
        lm.load_state_dict(
            {k: v for k, v in tensors.items() if not k.startswith(("classifier.", "bert.pooler."))}, strict=False
        )
        lm.tie_weights()
        lm.eval()
        expected["mlm_logits"] = array(lm(**given).logits)
    return expected


def compare_saved(folder, logits_of):
    """Exit status for --check-saved; `logits_of(folder, inputs)` computes what we shall have computed."""
    stored = read_safetensors(pathlib.Path(folder) / "inputs.safetensors")
    ours = stored.pop("logits")
    theirs = array(logits_of(folder, {name: torch.from_numpy(value) for name, value in stored.items()}))
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max()) if ours.shape == theirs.shape else float("inf")
    print(json.dumps(dict(folder=str(folder), shape=list(theirs.shape), relative_error=error, passed=error <= TOLERANCE)))
    return 0 if error <= TOLERANCE else 1


def saved_with_transformers(folder, inputs):
    from transformers import AutoModelForSequenceClassification

    model, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    report = report if isinstance(report, dict) else vars(report)
    bad = {key: sorted(map(str, report[key])) for key in report if key.endswith("_keys") and report[key]}
    assert not bad, f"transformers did not take all weights: {bad}"
    with torch.no_grad():
        return model.eval()(**inputs).logits


def main(compute, saved, maker):
    torch.manual_seed(0)
    arguments = sys.argv[1:]
    if len(arguments) == 2 and arguments[0] == "--check-saved":
        sys.exit(compare_saved(arguments[1], saved))
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit(__doc__)
    for name, case in CONFIGS.items():
        write_case(arguments[0], name, case, compute, maker)


if __name__ == "__main__":
    import transformers

    main(
        with_transformers,
        saved_with_transformers,
        dict(maker="transformers", transformers=transformers.__version__, torch=torch.__version__),
    )
