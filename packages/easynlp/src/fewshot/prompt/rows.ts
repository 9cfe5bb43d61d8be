import type { AppContext, CollateOptions } from '../../appzoo/app.js';
import {
  attentionMask,
  type EncodedRow,
  type HostBatch,
  type HostTensor,
  intVector,
  LabelSet,
  padSequences,
  type Row,
} from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import { PromptEncoder, type PromptSequence } from './encoder.js';
import { tokenizeWords, type WordTokens } from './label-words.js';
import { type PromptSpec, promptColumns, promptText } from './task.js';

/** A spec's prompt together with a tokenizer: what rows are encoded with. */
export interface PreparedPrompt {
  readonly encoder: PromptEncoder;
  /** Empty for methods without label words. */
  readonly words: readonly WordTokens[];
  readonly labels: readonly string[];
}

/** A row in the prompt. */
export interface PromptedRow extends EncodedRow {
  /** One for each length of the [MASK] block. */
  readonly sequences: readonly PromptSequence[];
  /** Gold label, −1 when none was asked for. */
  readonly label: number;
  readonly prompt: PreparedPrompt;
}

const prepared = new WeakMap<PromptSpec, WeakMap<Tokenizer, Promise<PreparedPrompt>>>();

/**
 * The prompt of a task for a tokenizer, made once.
 *
 * @throws EasyNlpError PROMPT_LABEL_WORDS, PROMPT_TOO_LONG
 */
export function promptOf({ spec, tokenizer }: AppContext<PromptSpec>): Promise<PreparedPrompt> {
  const known = prepared.get(spec) ?? new WeakMap<Tokenizer, Promise<PreparedPrompt>>();
  prepared.set(spec, known);
  const made = known.get(tokenizer) ?? makePrompt(spec, tokenizer);
  known.set(tokenizer, made);
  return made;
}

async function makePrompt(spec: PromptSpec, tokenizer: Tokenizer): Promise<PreparedPrompt> {
  const { pattern, labelWords, maskBlocks, sep } = spec.prompt;
  const words = labelWords === null ? [] : await tokenizeWords(labelWords, spec.labels, tokenizer);
  const lengths = [...new Set(words.map(({ ids }) => ids.length))].sort((a, b) => a - b);
  const longest = lengths.at(-1) ?? 1;
  if (maskBlocks === 'longest') checkPrefixes(words, spec.labels);
  const encoder = await PromptEncoder.create({
    pattern,
    tokenizer,
    sequenceLength: spec.sequenceLength,
    blocks: maskBlocks === 'own' && lengths.length > 0 ? lengths : [longest],
    sep,
  });
  return { encoder, words, labels: spec.labels };
}

/** In a common block a word that begins with another is never the more probable one. */
function checkPrefixes(words: readonly WordTokens[], labels: readonly string[]): void {
  for (const short of words) {
    const long = words.find(
      ({ label, ids }) =>
        label !== short.label && ids.length > short.ids.length && short.ids.every((id, i) => id === ids[i]),
    );
    if (!long) continue;
    throw new EasyNlpError('PROMPT_LABEL_WORDS', {
      problem: `${JSON.stringify(long.word)} of the label ${labels[long.label]} begins with ${JSON.stringify(short.word)} of the label ${labels[short.label]}, so that it could never be the more probable one`,
      hint: 'Choose another word, or compare each word in a block of its own length: --mask-blocks own.',
    });
  }
}

/** Rows in the prompt, with their labels where `labels` asks for them. @throws EasyNlpError DATA_LABEL_UNKNOWN */
export async function encodePrompted(
  rows: readonly Row[],
  context: AppContext<PromptSpec>,
  { labels }: { labels: boolean },
): Promise<PromptedRow[]> {
  const { spec } = context;
  const prompt = await promptOf(context);
  const set = new LabelSet(spec.labels);
  const gold = labels ? rows.map((row) => set.idIn(row, spec.labelName)) : null;
  const columns = promptColumns(spec);
  const encoded = await prompt.encoder.encode(
    rows.map((row) => columns.map((column) => promptText(row, column))),
  );
  return encoded.map((sequences, i) => ({
    length: Math.max(...sequences.map(({ ids }) => ids.length)),
    sequences,
    label: gold?.[i] ?? -1,
    prompt,
  }));
}

/**
 * Pads prompted rows. B rows of K sequences (K = 1 unless words have blocks of their own) and M masks a row give
 *
 * - `inputIds` [B·K, T], `attentionMask` [B·K, T] where there is padding, `tokenTypeIds` where there are two segments
 * - `maskRows`, `maskColumns` [B, M]: sequence and position of each [MASK], block after block
 * - `pseudoIds` [B·K, T] where the pattern has pseudo tokens: 0 for ordinary tokens, else the number of the pseudo
 *   token plus 1
 * - `wordSlots`, `wordTokens` [J], `wordWeights` [J, C], `wordTargets` [C, M]: the label words, see `WordScores`
 * - `labels` [B] where every row has one
 */
export function collatePrompted(
  rows: readonly PromptedRow[],
  { tokenizer }: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  const { encoder, words, labels } = rows[0]!.prompt;
  const all = rows.flatMap((row) => row.sequences);
  const inputIds = padSequences(
    all.map((s) => s.ids),
    {
      multipleOf: options.padToMultipleOf ?? 1,
      ...(options.padTo ? { length: options.padTo } : {}),
      padValue: tokenizer.padId,
      dtype: 'int32',
    },
  );
  const width = inputIds.shape[1]!;
  const tensors: Record<string, HostTensor> = { inputIds };
  const lengths = all.map((s) => s.ids.length);
  if (options.alwaysMask || lengths.some((length) => length < width)) {
    tensors.attentionMask = attentionMask(lengths, width, 'bool');
  }
  if (all.some((s) => s.typeIds !== null)) {
    tensors.tokenTypeIds = padSequences(
      all.map((s) => s.typeIds ?? new Int32Array(s.ids.length)),
      { length: width, dtype: 'int32' },
    );
  }
  Object.assign(tensors, maskTensors(rows), wordTensors(words, encoder.blocks, labels.length));
  if (encoder.pattern.pseudoTokens > 0) {
    const data = new Int32Array(all.length * width);
    for (const [r, { pseudo }] of all.entries()) {
      for (const [number, position] of pseudo.entries()) data[r * width + position] = number + 1;
    }
    tensors.pseudoIds = { data, shape: [all.length, width], dtype: 'int32' };
  }
  if (rows.every((row) => row.label >= 0)) tensors.labels = intVector(rows.map((row) => row.label));
  return {
    tensors,
    size: rows.length,
    tokens: lengths.reduce((sum, n) => sum + n, 0),
    paddedTokens: all.length * width,
  };
}

/** Not flat positions: on CUDA a batch may be widened on its way to the device. */
function maskTensors(rows: readonly PromptedRow[]): Record<string, HostTensor> {
  const columns: number[] = [];
  const sequences: number[] = [];
  let sequence = 0;
  for (const row of rows) {
    for (const { masks } of row.sequences) {
      for (const position of masks) {
        columns.push(position);
        sequences.push(sequence);
      }
      sequence++;
    }
  }
  const shape = [rows.length, columns.length / rows.length];
  return {
    maskRows: { ...intVector(sequences), shape },
    maskColumns: { ...intVector(columns), shape },
  };
}

function wordTensors(
  words: readonly WordTokens[],
  blocks: readonly number[],
  labels: number,
): Record<string, HostTensor> {
  if (words.length === 0) return {};
  const offsets = new Map<number, number>();
  let masks = 0;
  for (const block of blocks) {
    offsets.set(block, masks);
    masks += block;
  }
  const perLabel = new Array<number>(labels).fill(0);
  for (const { label } of words) perLabel[label]!++;
  const slots: number[] = [];
  const tokens: number[] = [];
  const owners: { label: number; weight: number }[] = [];
  const targets = new Array<number>(labels * masks).fill(-100);
  const begun = new Set<number>();
  for (const { label, ids } of words) {
    const offset = offsets.get(ids.length) ?? 0;
    for (const [i, id] of ids.entries()) {
      slots.push(offset + i);
      tokens.push(id);
      owners.push({ label, weight: 1 / perLabel[label]! });
      if (!begun.has(label)) targets[label * masks + offset + i] = id;
    }
    begun.add(label);
  }
  const weights = new Float32Array(owners.length * labels);
  for (const [j, { label, weight }] of owners.entries()) weights[j * labels + label] = weight;
  return {
    wordSlots: intVector(slots),
    wordTokens: intVector(tokens),
    wordWeights: { data: weights, shape: [owners.length, labels], dtype: 'float32' },
    wordTargets: { ...intVector(targets), shape: [labels, masks] },
  };
}
