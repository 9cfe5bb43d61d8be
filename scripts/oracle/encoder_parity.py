#!/usr/bin/env python3
"""What Hugging Face's transformers computes with BERT's relatives, as fixtures for packages/easynlp/src/modelzoo.

    python3 encoder_parity.py OUT [ARCHITECTURE…]     writes OUT/<architecture>/fixtures/<case>/…
    python3 encoder_parity.py --check-saved DIR       loads a folder that our savePretrained wrote, compares its logits

Needs torch and transformers (written with 2.13 and 5.17), no network, CPU only. Weights and inputs come from numpy's
legacy generator, whose numbers never change. To renew the committed fixtures give packages/easynlp/src/modelzoo as OUT.

A case holds config.json and model.safetensors, with the weights of all heads, and expected.safetensors: the inputs,
`hidden.<i>` and `last` of the encoder, `logits`, `loss` and `grad.<name>` of the sequence classifier, `token_logits`
and `mlm_logits`.
"""

import json
import pathlib
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True
from bert_parity import array, compare_saved, read_safetensors, saved_with_transformers, write_safetensors  # noqa: E402

SMALL = dict(vocab_size=48, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
             max_position_embeddings=20, type_vocab_size=2)
WIDER = dict(vocab_size=40, hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=20,
             max_position_embeddings=24, type_vocab_size=3, layer_norm_eps=1e-5)


#: model_type -> (prefix of transformers' classes, cases)
ARCHITECTURES = {
    "roberta": ("Roberta", {
        "small": dict(seed=31, fields=dict(SMALL, type_vocab_size=1, pad_token_id=1)),
        "wider": dict(seed=32, fields=dict(WIDER, type_vocab_size=1, pad_token_id=1, hidden_act="gelu_new")),
    }),
    "albert": ("Albert", {
        "small": dict(seed=33, fields=dict(SMALL, embedding_size=8, num_hidden_layers=3)),
        "groups": dict(seed=34, fields=dict(WIDER, embedding_size=10, num_hidden_layers=2, num_hidden_groups=2,
                                            inner_group_num=2, hidden_act="relu")),
    }),
    "electra": ("Electra", {
        "small": dict(seed=35, fields=dict(SMALL, embedding_size=16)),
        "projected": dict(seed=36, fields=dict(WIDER, embedding_size=10, hidden_act="relu")),
    }),
    "ernie": ("Ernie", {
        "small": dict(seed=37, fields=dict(SMALL)),
        "tasks": dict(seed=38, fields=dict(WIDER, use_task_id=True, task_type_vocab_size=4, hidden_act="relu")),
    }),
    "distilbert": ("DistilBert", {
        "small": dict(seed=39, fields=dict(vocab_size=48, dim=16, n_layers=2, n_heads=2, hidden_dim=24,
                                           max_position_embeddings=20)),
        "wider": dict(seed=40, fields=dict(vocab_size=40, dim=24, n_layers=3, n_heads=3, hidden_dim=20,
                                           max_position_embeddings=24, activation="relu")),
    }),
    "megatron-bert": ("MegatronBert", {
        "small": dict(seed=41, fields=dict(SMALL)),
        "wider": dict(seed=42, fields=dict(WIDER, hidden_act="gelu_new")),
    }),
    "roformer": ("RoFormer", {
        "small": dict(seed=43, fields=dict(SMALL)),
        "projected": dict(seed=44, fields=dict(WIDER, embedding_size=10, rotary_value=True, hidden_act="relu")),
    }),
    "deberta-v2": ("DebertaV2", {
        "small": dict(seed=45, fields=dict(SMALL, type_vocab_size=0, relative_attention=True, position_buckets=4,
                                           max_relative_positions=-1, norm_rel_ebd="layer_norm", share_att_key=True,
                                           pos_att_type=["p2c", "c2p"], position_biased_input=False)),
        "convolution": dict(seed=46, fields=dict(WIDER, relative_attention=True, position_biased_input=True,
                                                 max_relative_positions=6, pos_att_type="p2c|c2p", conv_kernel_size=3,
                                                 conv_act="gelu", embedding_size=10, hidden_act="gelu")),
    }),
}


def make_weights(names, seed, padding):
    """Nothing is 0 or 1, and scores are large enough that softmax, GELU and tanh leave their linear range."""
    random = np.random.RandomState(seed)
    out = {}
    for name, shape in names.items():
        values = random.standard_normal(shape)
        if "norm.weight" in name.lower() or name.endswith(".ln.weight"):
            values = 1 + 0.2 * values
        elif name.endswith("bias"):
            values = 0.2 * values
        elif "embeddings" in name:
            values = 0.5 * values
        else:
            values = values * 1.2 / np.sqrt(np.prod(shape[1:]))
        out[name] = values.astype(np.float32)
        if name.endswith("word_embeddings.weight"):
            out[name][padding] = 0
    return out


def make_inputs(case, fields, padding):
    random = np.random.RandomState(case["seed"] + 1000)
    lengths = case.get("lengths", [9, 4, 6])
    shape = (len(lengths), max(lengths))
    mask = (np.arange(shape[1])[None, :] < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.where(mask, random.randint(padding + 1, fields["vocab_size"], shape), padding)
    kinds = max(1, fields.get("type_vocab_size", 1))
    out = dict(input_ids=ids.astype(np.int64), attention_mask=mask,
               labels=random.randint(0, case.get("labels", 3), (shape[0],)).astype(np.int64))
    if kinds > 1:
        out["token_type_ids"] = (random.randint(0, kinds, shape) * mask).astype(np.int64)
    return out


def expected_of(models, inputs):
    """`models`: encoder, sequence, token, mlm; called as transformers' are."""
    given = {k: torch.from_numpy(v) for k, v in inputs.items() if k != "labels"}
    output = models["sequence"](**given, labels=torch.from_numpy(inputs["labels"]), output_hidden_states=True)
    output.loss.backward()
    expected = {f"hidden.{i}": array(state) for i, state in enumerate(output.hidden_states)}
    expected.update(logits=array(output.logits), loss=array(output.loss))
    for name, parameter in models["sequence"].named_parameters():
        if parameter.grad is not None:
            expected[f"grad.{name}"] = array(parameter.grad)
    with torch.no_grad():
        plain = models["encoder"](**given)
        expected["last"] = array(plain.last_hidden_state)
        if getattr(plain, "pooler_output", None) is not None:
            expected["pooled"] = array(plain.pooler_output)
        expected["token_logits"] = array(models["token"](**given).logits)
        expected["mlm_logits"] = array(models["mlm"](**given).logits)
    return expected


def write_case(folder, config, weights, inputs, expected):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_safetensors(folder / "model.safetensors", weights)
    write_safetensors(folder / "expected.safetensors", {**inputs, **expected})
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: loss {float(expected['loss']):.6f}, {len(expected)} arrays, {size} bytes")


def with_transformers(out, model_type):
    import transformers

    prefix, cases = ARCHITECTURES[model_type]
    for name, case in cases.items():
        fields, labels = case["fields"], range(case.get("labels", 3))
        config = dict(model_type=model_type, architectures=[f"{prefix}ForSequenceClassification"], **fields,
                      id2label={str(i): f"LABEL_{i}" for i in labels}, label2id={f"LABEL_{i}": i for i in labels})
        hf = getattr(transformers, f"{prefix}Config")(**fields)
        hf.id2label = {int(key): value for key, value in config["id2label"].items()}
        if model_type != "deberta-v2":
            hf._attn_implementation = "eager"
        models = {kind: getattr(transformers, prefix + suffix)(hf) for kind, suffix in dict(
            sequence="ForSequenceClassification", token="ForTokenClassification", mlm="ForMaskedLM").items()}
        names = {}
        for model in models.values():
            tied = set(getattr(model, "_tied_weights_keys", None) or {})
            fixed = {n for n, p in model.named_parameters() if not p.requires_grad}
            for key, value in model.state_dict().items():
                if key not in tied and key not in fixed:
                    names.setdefault(key, tuple(value.shape))
        padding = hf.pad_token_id
        weights = make_weights(names, case["seed"], padding)
        # Both kinds of classifier are named alike in some architectures, with other shapes in others.
        for model in models.values():
            own = model.state_dict()
            tensors = {k: torch.from_numpy(v.copy()) for k, v in weights.items() if k in own}
            problems = model.load_state_dict(tensors, strict=False)
            assert not problems.unexpected_keys, problems
            model.tie_weights()
            model.eval()
        models["encoder"] = models["sequence"].base_model
        inputs = make_inputs(case, fields, padding)
        write_case(pathlib.Path(out) / model_type / "fixtures" / name, config, weights, inputs,
                   expected_of(models, inputs))


def main():
    arguments = sys.argv[1:]
    if len(arguments) == 2 and arguments[0] == "--check-saved":
        sys.exit(compare_saved(arguments[1], saved_with_transformers))
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for model_type in arguments[1:] or ARCHITECTURES:
        with_transformers(arguments[0], model_type)


if __name__ == "__main__":
    main()
