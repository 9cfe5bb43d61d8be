#!/usr/bin/env python3
"""What transformers' RobertaTokenizer makes of a few texts, as a fixture for packages/easynlp/src/text.

    python3 bpe_fixture.py packages/easynlp/src/text/fixtures/byte-level-bpe.json

The vocabulary: special tokens, the characters that stand for the 256 bytes in code point order, the merges, the mask.
"""

import json
import pathlib
import sys
import tempfile

from tokenizers.pre_tokenizers import ByteLevel
from transformers import AddedToken, RobertaTokenizer

MERGES = ["Ġ t", "h e", "Ġt he", "i n", "Ġ a", "l l", "Ġ w", "o r", "Ġw or", "Ġwor d", "e ll", "H ell", "Hell o"]
TEXTS = ["Hello the world", " Hello  in a  word", "the 世界 🙂 <mask> x", "Hello<mask>the\n\tword's é"]


def main(out):
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet()), *(m.replace(" ", "") for m in MERGES), "<mask>"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n")
        # The mask takes the blank before it, as in the published roberta-base.
        mask = AddedToken("<mask>", lstrip=True, special=True)
        tokenizer = RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), mask_token=mask)
    cases = []
    for text in TEXTS:
        encoded = tokenizer(text, return_offsets_mapping=True)
        cases.append(dict(text=text, ids=encoded["input_ids"], offsets=encoded["offset_mapping"]))
    cases.append(dict(text="Hello the", pair="a word", ids=tokenizer("Hello the", "a word")["input_ids"]))
    pathlib.Path(out).write_text(json.dumps(dict(merges=MERGES, cases=cases), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
