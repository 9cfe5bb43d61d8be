import type { UserWord } from './user-word.js';
import type { WordSegmenter } from './word-settings.js';

/** Options of BERT's tokenization, named as in Hugging Face's `tokenizer_config.json`, in camelCase. */
export interface BertTokenizerOptions {
  /** Lower-case the text, and strip accents unless `stripAccents` says otherwise. Default true. */
  readonly doLowerCase?: boolean;
  /** Put blanks around CJK characters so that each becomes a token. Default true. */
  readonly tokenizeChineseChars?: boolean;
  /** null (default): as `doLowerCase`. */
  readonly stripAccents?: boolean | null;
  readonly unkToken?: string;
  readonly sepToken?: string;
  readonly padToken?: string;
  readonly clsToken?: string;
  readonly maskToken?: string;
  /** Further tokens that are never split; those without an entry in the vocabulary are appended to it. */
  readonly additionalSpecialTokens?: readonly string[];
  /** Written to `tokenizer_config.json`; encodings are cut only when `maxLength` is given. */
  readonly modelMaxLength?: number;
  /** Cut words first, as WoBERT and RoFormer do: words of the vocabulary stay whole. Default: no. */
  readonly wordSegmenter?: WordSegmenter;
  /** Words for the segmenter beside its own. */
  readonly userDictionary?: readonly UserWord[];
}

/** Role of a special token. */
export type SpecialRole = 'unk' | 'sep' | 'pad' | 'cls' | 'mask';
export const SPECIAL_ROLES: readonly SpecialRole[] = ['unk', 'sep', 'pad', 'cls', 'mask'];

export type SpecialTokens = Partial<Record<SpecialRole, string>>;

const DEFAULTS: Record<SpecialRole, string> = {
  unk: '[UNK]',
  sep: '[SEP]',
  pad: '[PAD]',
  cls: '[CLS]',
  mask: '[MASK]',
};

export function bertSpecialTokens(options: BertTokenizerOptions): Record<SpecialRole, string> {
  return {
    unk: options.unkToken ?? DEFAULTS.unk,
    sep: options.sepToken ?? DEFAULTS.sep,
    pad: options.padToken ?? DEFAULTS.pad,
    cls: options.clsToken ?? DEFAULTS.cls,
    mask: options.maskToken ?? DEFAULTS.mask,
  };
}

/**
 * The content of a `tokenizer.json` for BERT: the same normalizer, pre-tokenizer, WordPiece model, template
 * and decoder that `transformers`' BertTokenizer builds from a `vocab.txt`.
 * `vocabulary` maps a token to its id; `added` are tokens outside of it with their ids.
 */
export function bertSpec(
  vocabulary: ReadonlyMap<string, number>,
  added: ReadonlyMap<string, number>,
  options: BertTokenizerOptions,
): Record<string, unknown> {
  const special = bertSpecialTokens(options);
  const id = (token: string) => vocabulary.get(token) ?? added.get(token);
  const whole = [...Object.values(special), ...(options.additionalSpecialTokens ?? [])];
  const addedTokens = [...new Set([...whole, ...added.keys()])]
    .flatMap((content) => {
      const number = id(content);
      return number === undefined ? [] : [{ id: number, content, special: whole.includes(content) }];
    })
    .sort((a, b) => a.id - b.id)
    .map((token) => ({
      id: token.id,
      content: token.content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: !token.special,
      special: token.special,
    }));
  const template = (token: string, type: number) => ({ SpecialToken: { id: token, type_id: type } });
  const sequence = (name: 'A' | 'B', type: number) => ({ Sequence: { id: name, type_id: type } });
  const used = (token: string) => [token, { id: token, ids: [id(token)], tokens: [token] }] as const;
  const single = [template(special.cls, 0), sequence('A', 0), template(special.sep, 0)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: options.tokenizeChineseChars ?? true,
      strip_accents: options.stripAccents ?? null,
      lowercase: options.doLowerCase ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, sequence('B', 1), template(special.sep, 1)],
      special_tokens: Object.fromEntries([used(special.cls), used(special.sep)]),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: special.unk,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      // fromEntries defines own properties, so that even a token "__proto__" survives.
      vocab: Object.fromEntries(vocabulary),
    },
  };
}
