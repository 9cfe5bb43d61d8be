import {
  type EncodedRow,
  type HostBatch,
  type HostTensor,
  intVector,
  type Row,
} from '../../datahub/index.js';
import type { AppContext, CollateOptions } from '../app.js';
import { addedTokens, assemble, pairTemplate } from '../machine-reading-comprehension/windows.js';
import { collateTexts, type EncodedSequence, textOf } from '../sequence/index.js';
import { choicesOf, goldOf } from './choices.js';
import { type ChoiceTokens, fit } from './fit.js';
import { filled } from './gap.js';
import type { MultipleChoiceSpec } from './spec.js';

/** A question: each choice with the text and the question is a sequence of its own. */
export interface EncodedQuestion extends EncodedRow {
  readonly sequences: readonly EncodedSequence[];
  readonly choices: readonly string[];
  /** Position of the right choice, −1 when none was asked for. */
  readonly label: number;
  /** What it shares its choices with; null when nothing. */
  readonly group: string | null;
}

type Context = AppContext<MultipleChoiceSpec>;
const NOTHING: readonly [number, number] = [0, 0];

/** Tokens of texts without the template's, each text once. */
async function tokensOf(texts: readonly string[], { tokenizer }: Pick<AppContext, 'tokenizer'>) {
  const own = [...new Set(texts)];
  const encodings = await tokenizer.encodeBatch(own, { addSpecialTokens: false });
  const found = new Map(own.map((text, i) => [text, encodings[i]!]));
  return (text: string) => found.get(text)!;
}

/** Tokens of each choice of each row, uncut. */
async function uncut(
  rows: readonly Row[],
  choices: readonly (readonly string[])[],
  context: Context,
): Promise<ChoiceTokens[][]> {
  const { spec } = context;
  const contexts = rows.map((row, i) =>
    spec.gap === null
      ? [{ text: textOf(row, spec.firstSequence), start: 0, end: 0 }]
      : choices[i]!.map((choice) => filled(row, spec, choice)),
  );
  const questions =
    spec.secondSequence === null ? null : rows.map((row) => textOf(row, spec.secondSequence!));
  const tokens = await tokensOf(
    [...contexts.flat().map(({ text }) => text), ...(questions ?? []), ...choices.flat()],
    context,
  );
  return rows.map((_, i) =>
    choices[i]!.map((choice, c): ChoiceTokens => {
      const { text, start, end } = contexts[i]![spec.gap === null ? 0 : c]!;
      const encoding = tokens(text);
      return {
        text: encoding.ids,
        kept: spec.gap === null ? NOTHING : tokensIn(encoding.starts, start, end),
        question: questions === null ? null : tokens(questions[i]!).ids,
        choice: tokens(choice).ids,
      };
    }),
  );
}

/** Tokens that begin within [start, end). */
function tokensIn(starts: Int32Array, start: number, end: number): readonly [number, number] {
  let first = 0;
  while (first < starts.length && starts[first]! < start) first++;
  let last = first;
  while (last < starts.length && starts[last]! < end) last++;
  return [first, last];
}

/**
 * Text and choice of each row as pairs, `[CLS] text [SEP] choice [SEP]`; a question stands before the choice,
 * `… [SEP] question [SEP] choice [SEP]`.
 */
export async function encodeQuestions(
  rows: readonly Row[],
  context: Context,
  { labels }: { labels: boolean },
): Promise<EncodedQuestion[]> {
  const { spec, tokenizer } = context;
  // Choices and labels first: a wrong one is found before any time is spent on the texts.
  const choices = rows.map((row) => choicesOf(row, spec));
  const gold = rows.map((row, i) => (labels ? goldOf(row, choices[i]!, spec) : -1));
  const groups = rows.map((row) => (labels && spec.groupName !== null ? textOf(row, spec.groupName) : null));
  const template = await pairTemplate(tokenizer);
  const between = spec.secondSequence === null ? new Int32Array(0) : Int32Array.of(tokenizer.sepId);
  const room = spec.sequenceLength - addedTokens(template) - between.length;
  const all = await uncut(rows, choices, context);
  return all.map((own, i) => {
    const sequences = own.map((tokens): EncodedSequence => {
      const { text, question, choice } = fit(tokens, Math.max(1, room));
      const second = question === null ? choice : joined([question, between, choice]);
      const { ids, typeIds } = assemble(template, text, second);
      return { length: ids.length, ids, typeIds };
    });
    return {
      // A row costs as much as all of its sequences.
      length: sequences.length * Math.max(...sequences.map((s) => s.length)),
      sequences,
      choices: choices[i]!,
      label: gold[i]!,
      group: groups[i]!,
    };
  });
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const out = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * The sequences of all questions one below the other: `inputIds` [N, T] and so on. With labels also `labels` [B], and where
 * the choices of each question are among the N: `choicePlaces` and `choiceMask` [B, C], C being the most choices of a
 * question.
 */
export function collateQuestions(
  rows: readonly EncodedQuestion[],
  context: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  const batch = {
    ...collateTexts(
      rows.flatMap((row) => row.sequences),
      context,
      options,
    ),
    size: rows.length,
  };
  if (!rows.every((row) => row.label >= 0)) return batch;
  const most = Math.max(...rows.map((row) => row.sequences.length));
  const places = new Int32Array(rows.length * most);
  const mask = new Uint8Array(rows.length * most);
  let next = 0;
  for (const [r, { sequences }] of rows.entries()) {
    for (let c = 0; c < sequences.length; c++) {
      places[r * most + c] = next++;
      mask[r * most + c] = 1;
    }
  }
  const shape = [rows.length, most];
  const tensors: Record<string, HostTensor> = {
    ...batch.tensors,
    choicePlaces: { data: places, shape, dtype: 'int32' },
    choiceMask: { data: mask, shape, dtype: 'bool' },
    labels: intVector(rows.map((row) => row.label)),
  };
  return { ...batch, tensors };
}
