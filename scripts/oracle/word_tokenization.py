"""Expected tokenization into words (WoBERT, RoFormer) of 10,000 real lines and of some sentences.

    PYTHONPATH=FOLDER_OF_JIEBA python word_tokenization.py VOCAB DATA OUT.json

VOCAB  wobert_vocab_33586.txt
DATA   as for tokenization_digest.py, which chooses the same rows and says what a digest is
OUT    packages/easynlp/src/text/fixtures/word-tokenization.json

Two references, on Python's jieba 0.42.1:
  wobert    as the checkpoints were trained (Su 2020, github.com/ZhuiyiTechnology/WoBERT, with bert4keras): lower case
            without accents, jieba.cut(HMM=False); a word in the vocabulary is a token, another one is tokenized as
            BERT does: CJK characters and punctuation alone, the rest by WordPiece. Written below.
  roformer  RoFormerTokenizer of transformers. It wants rjieba, jieba in Rust; a module of that name made from
            Python's jieba takes its place.
They differ where jieba's dictionary has a word with punctuation (C++, C#, AT&T in five spellings) that the vocabulary
lacks: transformers leaves it whole and so unknown. The number of such rows is printed.
"""

import hashlib
import json
import logging
import os
import struct
import sys
import types
import unicodedata

import jieba
import tokenizers
import transformers

jieba.setLogLevel(logging.ERROR)
rjieba = types.ModuleType("rjieba")
rjieba.__spec__ = types.SimpleNamespace()
rjieba.tokenize = lambda text, hmm=True: list(jieba.tokenize(text, HMM=hmm))
rjieba.cut = lambda text, hmm=True: list(jieba.cut(text, HMM=hmm))
sys.modules["rjieba"] = rjieba

from transformers import RoFormerTokenizer  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tokenization_digest import select  # noqa: E402

SENTENCES = [
    "今天天气非常好，我们去公园玩。",
    "今天[MASK]很好，我[MASK]去公园玩。",
    "北京大学的学生在图书馆学习人工智能",
    "I love C and e-mail 3.14 iPhone6s don't",
    "卡拉OK、T恤、Café、NAÏVE、ＡＢＣ１２３",
    "naïve привет 한국어 かなカナ 𠮷野家 葛\U000e0100城",
    "😀今天👨‍👩‍👧天气🙂",
    "\u3000 空 白\t\r\n字\u200d符\u0000\ufffd ",
    "研究生命起源；乒乓球拍卖完了……",
    "[SEP]明天[CLS]见[PAD]",
    "２０２０年１２月 2020年12月 12:30 50%",
    "",
    " ",
]


class Reference:
    """WoBERT's tokenizer."""

    def __init__(self, vocabulary):
        self.vocabulary = vocabulary
        self.special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    def tokens(self, text):
        """Tokens with the place of each in `text`, in code points."""
        found, plain, at = [], 0, 0
        while at < len(text):
            special = next((s for s in self.special if text.startswith(s, at)), None)
            if special is None:
                at += 1
                continue
            found += self._plain(text, plain, at) + [(special, at, at + len(special))]
            plain = at = at + len(special)
        return found + self._plain(text, plain, len(text))

    def _plain(self, text, start, end):
        characters = []
        for at in range(start, end):
            for c in self._normal(text[at]):
                characters.append((c, at))
        found, first = [], 0
        for word in jieba.cut("".join(c for c, _ in characters), HMM=False):
            part = characters[first : first + len(word)]
            first += len(word)
            if word in self.vocabulary:
                found.append((word, part[0][1], part[-1][1] + 1))
                continue
            for piece in self._split(part):
                found += self._wordpiece(piece)
        return found

    @staticmethod
    def _normal(c):
        kind = unicodedata.category(c)
        if c in "\t\n\r" or kind == "Zs":
            return " "
        if ord(c) in (0, 0xFFFD) or kind in ("Cc", "Cf", "Co"):
            return ""
        plain = [x for x in unicodedata.normalize("NFD", c) if unicodedata.category(x) != "Mn"]
        return "".join(plain).lower()

    @staticmethod
    def _split(part):
        pieces, run = [], []
        for c, at in part:
            code = ord(c)
            cjk = (
                0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x2A6DF
                or 0x2A700 <= code <= 0x2B73F or 0x2B740 <= code <= 0x2B81F or 0x2B820 <= code <= 0x2CEAF
                or 0xF900 <= code <= 0xFAFF or 0x2F800 <= code <= 0x2FA1F
            )
            ascii_punctuation = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
            if c == " " or cjk or ascii_punctuation or unicodedata.category(c).startswith("P"):
                pieces += [run, [(c, at)]] if c != " " else [run]
                run = []
            else:
                run.append((c, at))
        return [piece for piece in pieces + [run] if piece]

    def _wordpiece(self, piece):
        text = "".join(c for c, _ in piece)
        found, start = [], 0
        while start < len(text) and len(text) <= 100:
            end = len(text)
            while end > start and ("##" if start else "") + text[start:end] not in self.vocabulary:
                end -= 1
            if end == start:
                break
            found.append((("##" if start else "") + text[start:end], piece[start][1], piece[end - 1][1] + 1))
            start = end
        return found if start == len(text) else [("[UNK]", piece[0][1], piece[-1][1] + 1)]


def cut(first, second, most):
    """transformers' longest_first for a text or a pair."""
    room = most - (2 if second is None else 3)
    first, second = list(first[:most]), None if second is None else list(second[:most])
    if second is None:
        return first[:room], None
    if len(first) + len(second) > room:
        swap = len(first) > len(second)
        short, long = (second, first) if swap else (first, second)
        kept = min(len(short), max(room // 2, room - len(long)))
        short, long = short[:kept], long[: room - kept]
        first, second = (long, short) if swap else (short, long)
    return first, second


def main(path, data, out):
    with open(path, encoding="utf-8") as file:
        words = file.read().split("\n")
    vocabulary = {word: i for i, word in enumerate(words[:-1] if words[-1] == "" else words)}
    reference = Reference(vocabulary)
    roformer = RoFormerTokenizer(vocab=vocabulary)

    def ours(first, second):
        one = [vocabulary[token] for token, _, _ in reference.tokens(first)]
        two = None if second is None else [vocabulary[token] for token, _, _ in reference.tokens(second)]
        one, two = cut(one, two, 128)
        ids = [vocabulary["[CLS]"], *one, vocabulary["[SEP]"]]
        types = [0] * len(ids)
        if two is not None:
            ids += [*two, vocabulary["[SEP]"]]
            types += [1] * (len(two) + 1)
        return ids, types

    differing = []

    def digests(rows):
        hashes, tokens = (hashlib.sha256(), hashlib.sha256()), 0
        for row in rows:
            first, second = (row, None) if isinstance(row, str) else row
            found = ours(first, second)
            for digest, values in zip(hashes, found):
                digest.update(struct.pack("<i", len(values)))
                digest.update(struct.pack("<%di" % len(values), *values))
            tokens += len(found[0])
            encoded = roformer(first, second, truncation="longest_first", max_length=128, return_token_type_ids=True)
            if (encoded["input_ids"], encoded["token_type_ids"]) != found:
                differing.append(row)
        return {"rows": len(rows), "tokens": tokens, "ids": hashes[0].hexdigest(), "typeIds": hashes[1].hexdigest()}

    single, pairs, long_pairs = select(data)
    result = {
        "jieba": jieba.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "maxLength": 128,
        "single": digests(single),
        "pairs": digests(pairs),
        "longPairs": digests(long_pairs),
        "sentences": [{"text": text, "tokens": reference.tokens(text)} for text in SENTENCES],
    }
    print(f"{len(differing)} of {len(single) + len(pairs) + len(long_pairs)} rows differ in transformers")
    for row in differing[:10]:
        print(" ", row)
    for text in SENTENCES:
        encoded = roformer(text, add_special_tokens=False, return_offsets_mapping=True)
        theirs = list(zip(roformer.convert_ids_to_tokens(encoded["input_ids"]), *zip(*encoded["offset_mapping"])))
        if theirs != reference.tokens(text):
            print("differs:", text, theirs, reference.tokens(text))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1, ensure_ascii=True)
        file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
