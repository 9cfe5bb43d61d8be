import { SPECIAL_ROLES, type SpecialTokens } from './bert-spec.js';

/**
 * The content of a `tokenizer.json` for RoBERTa's byte-level BPE (Radford et al. 2019 §2.2), the same as
 * `transformers` builds from `vocab.json` and `merges.txt`.
 *
 * @param merges lines of merges.txt, best first
 */
export function robertaSpec(
  vocabulary: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  special: Required<SpecialTokens>,
  options: { readonly addPrefixSpace?: boolean } = {},
): Record<string, unknown> {
  const id = (token: string): number => vocabulary.get(token)!;
  const prefix = options.addPrefixSpace ?? false;
  const added = SPECIAL_ROLES.map((role) => ({ role, content: special[role] }))
    .filter(({ content }, i, all) => all.findIndex((other) => other.content === content) === i)
    .map(({ role, content }) => ({
      id: id(content),
      content,
      single_word: false,
      // The mask stands for a word with the blank before it.
      lstrip: role === 'mask',
      rstrip: false,
      normalized: false,
      special: true,
    }))
    .sort((a, b) => a.id - b.id);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true, use_regex: true },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [special.sep, id(special.sep)],
      cls: [special.cls, id(special.cls)],
      trim_offsets: true,
      add_prefix_space: prefix,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      // fromEntries defines own properties, so that even a token "__proto__" survives.
      vocab: Object.fromEntries(vocabulary),
      merges,
    },
  };
}

/** Pairs of a merges.txt, without its version line; the number of a wrong line instead when there is one. */
export function readMerges(text: string): (readonly [string, string])[] | number {
  const pairs: (readonly [string, string])[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#version')) continue;
    const parts = line.split(' ');
    if (parts.length !== 2 || parts.includes('')) return i + 1;
    pairs.push([parts[0]!, parts[1]!]);
  }
  return pairs;
}
