#!/usr/bin/env python3
"""Expected scores of answers, written from the published definitions: EM and F1 of CMRC 2018 (Cui et al. 2019, arXiv
1810.07366: mixed segmentation, no punctuation, longest common run) and of SQuAD 1.1 and 2 (Rajpurkar et al., arXiv
1606.05250 and 1806.03822: words without articles and punctuation, as a bag). English words are NLTK's (3.9 or newer,
which sets dashes apart), of one sentence: the script of CMRC 2018 has NLTK divide an answer into sentences first, which
needs a trained model and sets apart the full stops inside of an answer too.

    pip install nltk && python3 scripts/oracle/reading_scores.py

writes packages/easynlp/src/appzoo/machine-reading-comprehension/fixtures/scores.json. Deterministic.
"""

import collections
import json
import pathlib
import string

from nltk.tokenize import word_tokenize

TARGET = (
    pathlib.Path(__file__).resolve().parents[2]
    / "packages/easynlp/src/appzoo/machine-reading-comprehension/fixtures/scores.json"
)
PUNCTUATION = set("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")

CMRC = [
    (["踢爆"], "踢爆"),
    (["踢爆"], "算为踢爆。"),
    (["1963年被任为主教"], "1963年"),
    (["《狂人日记》"], "狂人日记"),
    (["俗名龙尖", "龙尖"], "龙尖，"),
    (["北京、上海"], "北京上海"),
    (["跑跑卡丁车"], "泡泡堂"),
    (["2.5公里"], "2.5 公里"),
    (["1,000人"], "1,000人左右"),
    (["1,000人"], "1000人"),
    (["韩国Nexon开发"], "nexon开发与发行"),
    (["Don't Stop（单曲）"], "don't stop"),
    (["the U.S. Army"], "U.S. Army."),
    (["\"Hello World\""], "Hello World"),
    (["AT&T公司"], "AT&T"),
    (["50%以上"], "50%"),
    (["Windows 10"], "windows10"),
    (["等等……"], "等等"),
    (["等等…"], "等等"),
    (["(英语：Apple Inc.)"], "Apple Inc."),
    (["it's mine"], "it's"),
    (["can't, won't"], "won't"),
    (["a, b; c"], "b"),
    (["3:2战胜"], "3:2"),
    (["？"], "！"),
    (["？"], "问"),
    (["𠮷野家"], "吉野家"),
    (["𠮷野家的牛肉饭"], "𠮷野家"),
    (["😀开心"], "😀 开心"),
    ([" 空格 "], "空格"),
    (["日本の東京"], "東京"),
    (["ABC甲ABC乙"], "abc乙"),
    (["x.y.z公司..."], "x.y.z公司"),
    (["(a) [b] {c}"], "[b]"),
    (["“引号”"], "引号"),
    (["李白（701年—762年）"], "701年—762年"),
    (["《I Don't Wanna Say Goodbye》"], "Don't Wanna"),
    (["I cannot, gonna gimme more'n that"], "gonna"),
    (["I gotta go, lemme wanna"], "Gotta go"),
    (["D'ye know"], "ye know"),
]
SQUAD = [
    (["Denver Broncos"], "the Denver Broncos"),
    (["Denver Broncos", "Broncos"], "Denver's Broncos!"),
    (["an apple a day"], "apple day"),
    (["the the cat"], "cat cat"),
    (["1,000"], "1000"),
    (["New York, New York"], "new york"),
    (["a"], "the"),
    (["a"], "cat"),
    (["U.S."], "us"),
    (["12 March 1989"], "March 12, 1989"),
    (["Beyoncé’s"], "Beyoncé's"),
    ([], ""),
    ([], "something"),
    (["something"], ""),
]


def bare(text):
    return "".join(c for c in text.lower().strip() if c not in PUNCTUATION)


def segments(text):
    out, other = [], ""
    for c in bare(text):
        if "\u4e00" <= c <= "\u9fa5":
            out += word_tokenize(other, preserve_line=True) + [c]
            other = ""
        else:
            other += c
    return out + word_tokenize(other, preserve_line=True)


def longest_run(a, b):
    return max(
        [0] + [n for i in range(len(a)) for n in range(1, len(a) - i + 1) if any(a[i : i + n] == b[j : j + n] for j in range(len(b)))]
    )


def f1(common, predicted, gold):
    if common == 0:
        return 0.0
    precision, recall = common / predicted, common / gold
    return 2 * precision * recall / (precision + recall)


def cmrc(golds, predicted):
    em = max(int(bare(g) == bare(predicted)) for g in golds)
    p = segments(predicted)
    return {"em": em, "f1": max(f1(longest_run(segments(g), p), len(p), len(segments(g))) for g in golds)}


def words(text):
    kept = "".join(c for c in text.lower() if c not in string.punctuation)
    # Articles are whole words: a letter, digit or underscore on either side makes them part of another.
    return [w for w in kept.split() if w not in ("a", "an", "the")]


def squad(golds, predicted):
    p = words(predicted)
    best = {"em": 0, "f1": 0.0}
    for gold in golds or [""]:
        g = words(gold)
        em = int(g == p)
        common = sum((collections.Counter(g) & collections.Counter(p)).values())
        score = float(em) if not g or not p else f1(common, len(p), len(g))
        best = {"em": max(best["em"], em), "f1": max(best["f1"], score)}
    return best


def rows(cases, score):
    return [{"gold": g, "predicted": p, **score(g, p)} for g, p in cases]


TARGET.parent.mkdir(parents=True, exist_ok=True)
fixture = {
    "zh": [{**row, "segments": segments(row["predicted"])} for row in rows(CMRC, cmrc)],
    "en": rows(SQUAD, squad),
}
TARGET.write_text(json.dumps(fixture, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
