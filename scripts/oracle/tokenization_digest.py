"""Expected tokenization of 10,000 real lines, by Python's transformers.

    python tokenization_digest.py VOCAB DATA OUT.json

VOCAB  bert_base_chinese_vocab_21128.txt
DATA   the folder with chnsenticorp/train.tsv, tnews/train.json.gz and afqmc/train.txt
OUT    packages/easynlp/src/text/fixtures/tokenization-digest.json

The rows, in this order (see tokenization-digest.fixture.ts, which must select the same):
  single  texts of the first 3,000 rows of chnsenticorp (after the header), then the first 2,000 TNEWS titles
  pairs   the first 4,000 AFQMC pairs, then 1,000 pairs of successive chnsenticorp texts: rows (3000, 3001),
          (3002, 3003) and so on, which are long enough to be cut
Each row is cut to 128 tokens, longest first. A digest is the SHA-256 of, row after row, the number of ids and
the ids themselves as little-endian int32.
"""

import gzip
import hashlib
import json
import os
import struct
import sys
import tempfile

import tokenizers
import transformers
from transformers import BertTokenizerFast


def lines(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        rows = file.read().decode("utf-8").split("\n")
    rows = [row[:-1] if row.endswith("\r") else row for row in rows]
    return [row for row in rows if row != ""]


def select(data):
    reviews = [row.split("\t")[1] for row in lines(os.path.join(data, "chnsenticorp", "train.tsv"))[1:]]
    titles = [json.loads(row)["sentence"] for row in lines(os.path.join(data, "tnews", "train.json.gz"))[:2000]]
    questions = [tuple(row.split("\t")[:2]) for row in lines(os.path.join(data, "afqmc", "train.txt"))[:4000]]
    single = reviews[:3000] + titles
    long_pairs = [(reviews[3000 + 2 * i], reviews[3001 + 2 * i]) for i in range(1000)]
    return single, questions, long_pairs


def main(vocab, data, out):
    with tempfile.TemporaryDirectory() as folder:
        with open(vocab, "rb") as source, open(os.path.join(folder, "vocab.txt"), "wb") as target:
            target.write(source.read())
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as target:
            json.dump({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}, target)
        tokenizer = BertTokenizerFast.from_pretrained(folder)

    def digests(rows):
        ids, types, tokens = hashlib.sha256(), hashlib.sha256(), 0
        for row in rows:
            first, second = (row, None) if isinstance(row, str) else row
            encoded = tokenizer(first, second, truncation="longest_first", max_length=128, return_token_type_ids=True)
            for digest, values in ((ids, encoded["input_ids"]), (types, encoded["token_type_ids"])):
                digest.update(struct.pack("<i", len(values)))
                digest.update(struct.pack("<%di" % len(values), *values))
            tokens += len(encoded["input_ids"])
        return {"rows": len(rows), "tokens": tokens, "ids": ids.hexdigest(), "typeIds": types.hexdigest()}

    single, pairs, long_pairs = select(data)
    result = {
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "maxLength": 128,
        "single": digests(single),
        "pairs": digests(pairs),
        "longPairs": digests(long_pairs),
        "all": digests(single + pairs + long_pairs),
    }
    with open(out, "w") as file:
        json.dump(result, file, indent=2)
        file.write("\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
