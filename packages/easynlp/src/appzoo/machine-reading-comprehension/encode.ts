import { type Cell, type EncodedRow, type HostBatch, intVector, type Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import type { AppContext, CollateOptions } from '../app.js';
import { collateTexts, textOf } from '../sequence/index.js';
import { answersOf, findAnswer, type TextRange } from './gold.js';
import { ANSWER_COLUMNS, columnIn, ID_COLUMNS, type ReadingSpec } from './spec.js';
import { addedTokens, assemble, pairTemplate, planWindows } from './windows.js';

/** A question with the text that it is about, cut into windows. */
export interface EncodedQuestion {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  /** Places of the text's tokens in it, in UTF-16 code units. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Texts of the right answers, none for a question without one; null when none were asked for. */
  readonly gold: readonly string[] | null;
  /** What the row says of the answer, for tables. */
  readonly goldCell: string;
  readonly windows: readonly EncodedWindow[];
}

/** The question and a window on its text. A row is encoded as its first window. */
export interface EncodedWindow extends EncodedRow {
  readonly question: EncodedQuestion;
  readonly ids: Int32Array;
  readonly typeIds: Int32Array | null;
  /** Where the text begins among the ids, and how many of its tokens there are. */
  readonly at: number;
  readonly count: number;
  /** The first of them among all tokens of the text. */
  readonly first: number;
  /** Where the answer is among the ids: 0 ([CLS]) when it is not in this window; −1 when none was asked for. */
  readonly startPosition: number;
  readonly endPosition: number;
}

/** Texts that are tokenized together: tokens with their places take 150 bytes each meanwhile. */
const CHUNK = 64;

interface Tokens {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Tokens of texts without special ones; equal texts are tokenized once. */
async function tokensOf(texts: readonly string[], tokenizer: Tokenizer): Promise<Map<string, Tokens>> {
  const different = [...new Set(texts)];
  const out = new Map<string, Tokens>();
  for (let from = 0; from < different.length; from += CHUNK) {
    const chunk = different.slice(from, from + CHUNK);
    const encodings = await tokenizer.encodeBatch(chunk, { addSpecialTokens: false });
    for (const [i, { ids, offsets }] of encodings.entries()) {
      out.set(chunk[i]!, {
        ids,
        starts: Int32Array.from(offsets, ([start]) => start),
        ends: Int32Array.from(offsets, ([, end]) => end),
      });
    }
  }
  return out;
}

/** First and last token of a part of the text; null where no token stands for it (blanks, control characters). */
export function tokenRange({ starts, ends }: Pick<Tokens, 'starts' | 'ends'>, { start, end }: TextRange) {
  let first = 0;
  while (first < ends.length && ends[first]! <= start) first++;
  let last = starts.length - 1;
  while (last >= 0 && starts[last]! >= end) last--;
  return first <= last ? { first, last } : null;
}

const cellText = (cell: Cell | undefined): string =>
  Array.isArray(cell) ? String(cell[0] ?? '') : String(cell ?? '');

/** @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL; CONFIG_INVALID_VALUE where windows have no room for text */
export async function encodeReading(
  rows: readonly Row[],
  { spec, tokenizer }: AppContext<ReadingSpec>,
  { labels }: { labels: boolean },
): Promise<EncodedWindow[]> {
  const template = await pairTemplate(tokenizer);
  const room = spec.sequenceLength - addedTokens(template);
  if (room < 2) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'sequenceLength',
      expected: `at least ${addedTokens(template) + 2}: a window has ${addedTokens(template)} special tokens, the question and a part of the text`,
      got: String(spec.sequenceLength),
    });
  }
  const longest = Math.min(spec.maxQueryLength, Math.floor(room / 2));
  const texts = rows.map((row) => ({
    question: textOf(row, spec.firstSequence),
    context: textOf(row, spec.secondSequence),
    answers: labels ? answersOf(row, spec) : null,
  }));
  const questions = await tokensOf(
    texts.map(({ question }) => question),
    tokenizer,
  );
  const contexts = await tokensOf(
    texts.map(({ context }) => context),
    tokenizer,
  );
  return texts.map(({ question, context, answers }, i) => {
    const row = rows[i]!;
    const asked = questions.get(question)!.ids.subarray(0, longest);
    const tokens = contexts.get(context)!;
    const place = answers === null ? null : findAnswer(context, answers);
    const answer = place === null ? null : tokenRange(tokens, place);
    const windows: EncodedWindow[] = [];
    const idName = columnIn(row, spec.idName, ID_COLUMNS);
    const answerName = columnIn(row, spec.answerName, ANSWER_COLUMNS);
    const shared: EncodedQuestion = {
      id: idName === null ? String(row.line) : cellText(row.values[idName]),
      question,
      context,
      starts: tokens.starts,
      ends: tokens.ends,
      gold: answers === null ? null : answers.texts,
      goldCell: answerName === null ? '' : cellText(row.values[answerName]),
      windows,
    };
    for (const { first, count } of planWindows(tokens.ids.length, room - asked.length, spec.docStride)) {
      const { ids, typeIds, at } = assemble(template, asked, tokens.ids.subarray(first, first + count));
      const inside = answer !== null && answer.first >= first && answer.last < first + count;
      const position = (token: number) => (answers === null ? -1 : inside ? at + token - first : 0);
      windows.push({
        length: ids.length,
        question: shared,
        ids,
        typeIds,
        at,
        first,
        count,
        startPosition: position(answer?.first ?? 0),
        endPosition: position(answer?.last ?? 0),
      });
    }
    return windows[0]!;
  });
}

/**
 * `inputIds`, `tokenTypeIds`, `attentionMask` as for pairs; with labels also `startPositions` and `endPositions` [B],
 * and `contextStarts`, `contextEnds` [B]: where answers may be.
 */
export function collateReading(
  rows: readonly EncodedWindow[],
  context: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  const batch = collateTexts(rows, context, options);
  if (rows.some((row) => row.startPosition < 0)) return batch;
  return {
    ...batch,
    tensors: {
      ...batch.tensors,
      startPositions: intVector(rows.map((row) => row.startPosition)),
      endPositions: intVector(rows.map((row) => row.endPosition)),
      contextStarts: intVector(rows.map((row) => row.at)),
      contextEnds: intVector(rows.map((row) => row.at + row.count)),
    },
  };
}
