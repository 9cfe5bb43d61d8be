"""A folder as EasyNLP (Python) leaves it behind a training of text_classify, with what its model answers.

    python easynlp_folder.py OUT

OUT    packages/easynlp/src/appzoo/fixtures/easynlp-folder

The files are those of EasyNLP's trainer and exporter (reference: its repository, alibaba/EasyNLP, Apache-2.0): weights
`pytorch_model.bin` of a module with the fields `backbone` and `classifier`, `config.json` of the backbone,
`train_config.json` with all arguments, `label_mapping.json`, `vocab.txt`. Weights are random. `expected.json` holds the
probabilities of each label in the order of their numbers.
"""

import json
import os
import sys
import tempfile

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

LABELS = ["差评", "好评", "中评"]  # in no order that a toolkit would choose by itself
TEXTS = ["房间很好", "很差，不好", "还行 😀", ""]


class SequenceClassification(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.backbone = BertModel(config)
        self.classifier = torch.nn.Linear(config.hidden_size, len(LABELS))
        self.dropout = torch.nn.Dropout(config.hidden_dropout_prob)

    def forward(self, inputs):
        return self.classifier(self.dropout(self.backbone(**inputs).pooler_output))


def main(out):
    os.makedirs(out, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"房间很好差，不还行"]
    with open(os.path.join(out, "vocab.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(vocabulary) + "\n")
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=24, initializer_range=1.0, architectures=["BertForMaskedLM"], num_labels=len(LABELS),
    )
    torch.manual_seed(7)
    model = SequenceClassification(config).eval()
    torch.nn.init.normal_(model.classifier.weight)
    torch.save(model.state_dict(), os.path.join(out, "pytorch_model.bin"))
    with open(os.path.join(out, "config.json"), "w", encoding="utf-8") as file:
        file.write(config.to_json_string())
    arguments = {
        "mode": "train",
        "app_name": "text_classify",
        "tables": "train.tsv,dev.tsv",
        "input_schema": "label:str:1,content:str:1",
        "first_sequence": "content",
        "second_sequence": None,
        "label_name": "label",
        "sequence_length": 16,
        "user_defined_parameters": "pretrain_model_name_or_path=bert-tiny-uncased",
        "checkpoint_dir": "./classification_model",
        "label_enumerate_values": ",".join(LABELS),
    }
    with open(os.path.join(out, "train_config.json"), "w", encoding="utf-8") as file:
        json.dump(arguments, file, ensure_ascii=False, indent=4)
    with open(os.path.join(out, "label_mapping.json"), "w") as file:
        json.dump({label: i for i, label in enumerate(LABELS)}, file)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vocab.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(vocabulary) + "\n")
        tokenizer = BertTokenizerFast.from_pretrained(folder)
    rows = []
    with torch.no_grad():
        for text in TEXTS:
            inputs = tokenizer(text, padding="max_length", truncation=True, max_length=16, return_tensors="pt")
            rows.append({"text": text, "probabilities": torch.softmax(model(inputs), -1)[0].tolist()})
    with open(os.path.join(out, "expected.json"), "w", encoding="utf-8") as file:
        json.dump({"labels": LABELS, "rows": rows}, file, ensure_ascii=False, indent=1)
        file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
