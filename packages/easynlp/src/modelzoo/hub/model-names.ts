/*
 * Names of EasyNLP's model zoo and what they are called on the public hubs. EasyNLP kept its own archive under its own
 * names; the hubs have most of the models under their authors' names. Names that are equal on both sides are listed
 * with an empty entry: they serve the suggestions for misspelled names.
 */

export interface ModelName {
  /** Name on huggingface.co, where it differs. */
  readonly huggingface?: string;
  /** Name on modelscope.cn, where it differs from the Hugging Face name. */
  readonly modelscope?: string;
  /** Why there is nothing to fetch: such names give HUB_NAME_UNPUBLISHED at once. */
  readonly unpublished?: string;
  /** What to use instead of an unpublished model. */
  readonly instead?: string;
}

const NEVER_RELEASED = 'EasyNLP announced it but never released it';
const ARCHIVE_ONLY = "it existed only in EasyNLP's own archive";

export const MODEL_NAMES: Readonly<Record<string, ModelName>> = {
  // Come with the toolkit (bundled-models.ts); listed for the suggestions.
  'bert-tiny-zh': {},
  'bert-small-zh': {},
  // Google's BERT. The owner-less names redirect on the hub; ModelScope knows only names with an owner.
  'bert-base-chinese': { modelscope: 'google-bert/bert-base-chinese' },
  'bert-base-uncased': { modelscope: 'google-bert/bert-base-uncased' },
  'bert-large-uncased': { modelscope: 'google-bert/bert-large-uncased' },
  'bert-base-cased': { modelscope: 'google-bert/bert-base-cased' },
  'bert-base-multilingual-cased': { modelscope: 'google-bert/bert-base-multilingual-cased' },
  'bert-small-uncased': { huggingface: 'google/bert_uncased_L-6_H-768_A-12' },
  'bert-tiny-uncased': { huggingface: 'google/bert_uncased_L-2_H-128_A-2' },
  'roberta-base-en': { huggingface: 'FacebookAI/roberta-base' },
  'roberta-large-en': { huggingface: 'FacebookAI/roberta-large' },
  'roberta-base': { modelscope: 'FacebookAI/roberta-base' },
  'roberta-large': { modelscope: 'FacebookAI/roberta-large' },
  // PAI
  'alibaba-pai/pai-bert-base-zh': {},
  'alibaba-pai/pai-bert-small-zh': {},
  'alibaba-pai/pai-bert-tiny-zh': {},
  'alibaba-pai/pai-dkplm-medical-small-zh': {},
  'alibaba-pai/pai-dkplm-medical-base-zh': {},
  'alibaba-pai/pai-dkplm-financial-base-zh': {},
  'alibaba-pai/pai-ckbert-base-zh': {},
  'alibaba-pai/pai-ckbert-large-zh': {},
  'alibaba-pai/pai-ckbert-huge-zh': {},
  'alibaba-pai/gpt2-chitchat-zh': {},
  'alibaba-pai/mt5-title-generation-zh': {},
  'alibaba-pai/randeng-title-generation-base-zh': {},
  'alibaba-pai/randeng-title-generation-large-zh': {},
  'alibaba-pai/randeng-advertise-generation-base-zh': {},
  'alibaba-pai/pegasus-summary-generation-en': {},
  'pai-bert-base-zh': { huggingface: 'alibaba-pai/pai-bert-base-zh' },
  'pai-bert-small-zh': { huggingface: 'alibaba-pai/pai-bert-small-zh' },
  'pai-bert-tiny-zh': { huggingface: 'alibaba-pai/pai-bert-tiny-zh' },
  'pai-dkplm-medical-large-zh': {
    unpublished: NEVER_RELEASED,
    instead: 'alibaba-pai/pai-dkplm-medical-base-zh',
  },
  'pai-dkplm-small-zh': { unpublished: NEVER_RELEASED, instead: 'alibaba-pai/pai-dkplm-medical-small-zh' },
  'pai-dkplm-base-zh': { unpublished: NEVER_RELEASED, instead: 'alibaba-pai/pai-dkplm-medical-base-zh' },
  'pai-dkplm-large-zh': { unpublished: NEVER_RELEASED, instead: 'alibaba-pai/pai-dkplm-medical-base-zh' },
  'pai-dkplm-1.3b-zh': { unpublished: NEVER_RELEASED },
  'pai-dkplm-13b-zh': { unpublished: NEVER_RELEASED },
  'alibaba-pai/textcnn-en': { unpublished: `${ARCHIVE_ONLY}; a TextCNN is trained from scratch in minutes` },
  'alibaba-pai/textcnn-zh': { unpublished: `${ARCHIVE_ONLY}; a TextCNN is trained from scratch in minutes` },
  'alibaba-pai/geep-bert-base-zh': { unpublished: ARCHIVE_ONLY, instead: 'bert-base-chinese' },
  'alibaba-pai/geep-bert-large-zh': {
    unpublished: ARCHIVE_ONLY,
    instead: 'hfl/chinese-roberta-wwm-ext-large',
  },
  'geep-base-uncased': { unpublished: ARCHIVE_ONLY, instead: 'bert-base-uncased' },
  'bert-small-chinese': { unpublished: ARCHIVE_ONLY, instead: 'alibaba-pai/pai-bert-small-zh' },
  'kbert-base-chinese': { unpublished: ARCHIVE_ONLY, instead: 'bert-base-chinese' },
  'pai-kangaroo-base-chinese': { unpublished: ARCHIVE_ONLY, instead: 'bert-base-chinese' },
  'pai-kangaroo-fin-base-chinese': { unpublished: ARCHIVE_ONLY, instead: 'Langboat/mengzi-bert-base-fin' },
  // Langboat: the hub's names are case-sensitive in the cache
  'langboat/mengzi-bert-base': { huggingface: 'Langboat/mengzi-bert-base' },
  'langboat/mengzi-bert-base-fin': { huggingface: 'Langboat/mengzi-bert-base-fin' },
  'Langboat/mengzi-bert-base': {},
  'Langboat/mengzi-bert-base-fin': {},
  // HFL (Harbin/iFLYTEK): EasyNLP dropped "chinese-" from MacBERT's names
  'hfl/chinese-roberta-wwm-ext': {},
  'hfl/chinese-roberta-wwm-ext-large': {},
  'hfl/chinese-bert-wwm': {},
  'hfl/chinese-bert-wwm-ext': {},
  'hfl/chinese-macbert-base': {},
  'hfl/chinese-macbert-large': {},
  'hfl/rbt3': {},
  'hfl/rbt6': {},
  'hfl/macbert-base-zh': { huggingface: 'hfl/chinese-macbert-base' },
  'hfl/macbert-large-zh': { huggingface: 'hfl/chinese-macbert-large' },
  // Models of words (Zhuiyi Technology), as Jun Yu converted them: EasyNLP names WoBERT without publishing one
  'junnyu/wobert_chinese_base': {},
  'junnyu/wobert_chinese_plus_base': {},
  'junnyu/roformer_chinese_small': {},
  'junnyu/roformer_chinese_base': {},
  'junnyu/roformer_chinese_char_base': {},
  // Generation: EasyNLP re-uploaded other groups' models below "hfl/"
  'hfl/randeng-238M-Summary-Chinese': { huggingface: 'IDEA-CCNL/Randeng-Pegasus-238M-Summary-Chinese' },
  'hfl/randeng-523M-Summary-Chinese': { huggingface: 'IDEA-CCNL/Randeng-Pegasus-523M-Summary-Chinese' },
  'hfl/randeng-summary-generation-base-zh': { huggingface: 'IDEA-CCNL/Randeng-Pegasus-238M-Summary-Chinese' },
  'hfl/randeng-summary-generation-large-zh': {
    huggingface: 'IDEA-CCNL/Randeng-Pegasus-523M-Summary-Chinese',
  },
  'hfl/bart-generation-base-zh': { huggingface: 'fnlp/bart-base-chinese' },
  'hfl/bart-generation-large-zh': { huggingface: 'fnlp/bart-large-chinese' },
  'hfl/bloom-350m': { huggingface: 'bigscience/bloom-560m' },
  'hfl/brio-summary-generation-large-en': { huggingface: 'Yale-LILY/brio-cnndm-uncased' },
  'hfl/brio-large-en': { huggingface: 'Yale-LILY/brio-cnndm-uncased' },
  'mg/glm-large-chinese': { huggingface: 'THUDM/glm-large-chinese' },
  'mg/glm-generation-large-zh': { huggingface: 'THUDM/glm-large-chinese' },
  'mg/glm-generation-10b-zh': { huggingface: 'THUDM/glm-10b-chinese' },
  'IDEA-CCNL/Erlangshen-MegatronBert-1.3B': {},
  'IDEA-CCNL/Erlangshen-Roberta-110M-Sentiment': {},
  'blender-dialog-90M-en': { huggingface: 'facebook/blenderbot-90M' },
};

/** A name as the hub knows it, or the entry that says why there is none. */
export function lookUpModelName(
  name: string,
  source: 'huggingface' | 'modelscope',
): { id: string; entry: ModelName } {
  // Own properties only: "constructor" is a possible, if odd, model name.
  const entry: ModelName = Object.hasOwn(MODEL_NAMES, name) ? (MODEL_NAMES[name] ?? {}) : {};
  const id = (source === 'modelscope' ? entry.modelscope : undefined) ?? entry.huggingface ?? name;
  return { id, entry };
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swapped neighbours cost 1. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(row[j - 1]! + 1, last[j]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** Known names that look like `name`, the nearest first; also finds a right name under a wrong or missing owner. */
export function suggestModelNames(name: string, extra: readonly string[] = [], most = 3): string[] {
  const wanted = name.slice(0, 120).toLowerCase();
  const tail = (s: string): string => s.slice(s.lastIndexOf('/') + 1);
  const published = Object.keys(MODEL_NAMES).filter((known) => MODEL_NAMES[known]?.unpublished === undefined);
  return [...new Set([...extra, ...published])]
    .filter((known) => known !== name)
    .map((known) => {
      const lower = known.toLowerCase();
      const whole = distance(wanted, lower);
      const short = distance(tail(wanted), tail(lower)) + (wanted.includes('/') ? 1 : 0.5);
      return { known, score: Math.min(whole, short) };
    })
    .filter(({ score }) => score <= Math.max(2, Math.floor(tail(wanted).length / 4)))
    .sort((x, y) => x.score - y.score || (x.known < y.known ? -1 : 1))
    .slice(0, most)
    .map(({ known }) => known);
}
