import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';

/** Words of each label, in the order of the labels; the first of a label's words is its main one. */
export type LabelWords = readonly (readonly string[])[];

const fail = (problem: string, hint?: string, file?: string): never => {
  throw new EasyNlpError('PROMPT_LABEL_WORDS', { problem, hint, file });
};

const FORM =
  'Give the words in the order of the labels, several of one label with | between them: 好|棒,差|糟.';

/**
 * The words of each label from an option's value: a list in the order of the labels (`好|棒|不错` each), or a JSON or
 * YAML file that maps labels to a word or a list of words.
 *
 * @throws EasyNlpError PROMPT_LABEL_WORDS
 */
export async function readLabelWords(
  given: string | readonly string[],
  labels: readonly string[],
): Promise<LabelWords> {
  if (typeof given !== 'string') return listedWords(given, labels);
  if (!existsSync(given)) {
    // One entry without a comma is a path, as with --labels.
    return fail(`${JSON.stringify(given)} is one entry for ${labels.length} labels, and no file`, FORM);
  }
  const text = await readFile(given, 'utf8');
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    return fail(`neither JSON nor YAML: ${(error as Error).message}`, undefined, given);
  }
  return mappedWords(content, labels, given);
}

function listedWords(given: readonly string[], labels: readonly string[]): LabelWords {
  if (given.length !== labels.length) {
    fail(`${given.length} entries for the ${labels.length} labels ${labels.join(', ')}`, FORM);
  }
  return given.map((entry, i) => checked(entry.split('|'), labels[i]!));
}

/** Label words from a mapping of labels to a word or a list of words. @throws EasyNlpError PROMPT_LABEL_WORDS */
export function mappedWords(content: unknown, labels: readonly string[], file?: string): LabelWords {
  const form =
    'Expected a mapping of each label to a word or a list of words, e.g. {"1": ["好", "棒"], "0": "差"}.';
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    fail('not a mapping', form, file);
  const map = new Map(Object.entries(content as Record<string, unknown>));
  const missing = labels.filter((label) => !map.has(label));
  if (missing.length > 0) fail(`none for ${missing.join(', ')}`, form, file);
  const extra = [...map.keys()].filter((label) => !labels.includes(label));
  if (extra.length > 0) {
    fail(`there is no label ${extra.join(', ')}`, `Labels: ${labels.join(', ')}.`, file);
  }
  return labels.map((label) => {
    const value = map.get(label);
    const words = Array.isArray(value) ? value : [value];
    if (!words.every((w) => typeof w === 'string' || typeof w === 'number')) {
      fail(`those of ${label} are not texts`, form, file);
    }
    return checked(words.map(String), label, file);
  });
}

function checked(words: readonly string[], label: string, file?: string): string[] {
  const trimmed = words.map((word) => word.trim());
  if (trimmed.some((word) => word === '')) fail(`an empty word for the label ${label}`, FORM, file);
  return trimmed;
}

/** A label word as the model sees it. */
export interface WordTokens {
  readonly word: string;
  /** Index of its label. */
  readonly label: number;
  readonly ids: readonly number[];
}

/**
 * Tokens of all label words, label by label.
 *
 * @throws EasyNlpError PROMPT_LABEL_WORDS for words that the tokenizer does not know, and for labels that share a word
 */
export async function tokenizeWords(
  words: LabelWords,
  labels: readonly string[],
  tokenizer: Tokenizer,
): Promise<WordTokens[]> {
  const flat = words.flatMap((list, label) => list.map((word) => ({ word, label })));
  const encoded = await tokenizer.encodeBatch(
    flat.map(({ word }) => word),
    { addSpecialTokens: false },
  );
  const owner = new Map<string, { word: string; label: number }>();
  return flat.map(({ word, label }, i) => {
    const ids = Array.from(encoded[i]!.ids);
    if (ids.length === 0 || ids.includes(tokenizer.unkId)) {
      fail(
        `the tokenizer does not know ${JSON.stringify(word)} of the label ${labels[label]}`,
        'Choose a word whose characters are in the vocabulary of the model.',
      );
    }
    const key = ids.join(' ');
    const other = owner.get(key);
    if (other) {
      fail(
        other.label === label
          ? `${JSON.stringify(word)} stands twice at the label ${labels[label]}`
          : `${JSON.stringify(other.word)} of the label ${labels[other.label]} and ${JSON.stringify(word)} of the label ${labels[label]} are the same tokens`,
        'Each word may belong to one label only.',
      );
    }
    owner.set(key, { word, label });
    return { word, label, ids };
  });
}
