import type { EncodedRow } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import { tokenRange } from '../machine-reading-comprehension/encode.js';
import { pairTemplate } from '../machine-reading-comprehension/windows.js';
import { borderAfter, ownParts, planWindows } from '../sequence-labeling/windows.js';
import type { Place } from './gold.js';
import type { Prompt } from './scheme.js';

/** Something to look for in a text. */
export interface Question extends Prompt {
  /** What its answers are called. */
  readonly label: string;
  /** What its answers count as in the figures. */
  readonly scoredAs: string;
  /** Roles to ask for when it is answered. */
  readonly roles: readonly string[];
  /** Asked only in windows that have one of these places, or stand next to one that has; unset = in all. */
  readonly near?: readonly Place[];
  /** The right answers; null when none were asked for. */
  readonly gold: readonly Place[] | null;
}

/** A text and what to look for in it, before it is tokenized. */
export interface AskedText {
  readonly id: string;
  /** What results show as the text: offsets count from its beginning. */
  readonly text: string;
  readonly questions: readonly Question[];
  /** Whether all questions are answered in one pass, by a head each. */
  readonly together: boolean;
  /** For choosing questions without an answer. */
  readonly seed: number;
}

/** The same with its tokens. */
export interface EncodedText extends AskedText {
  /** Places of the tokens in the text, in UTF-16 code units. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly units: readonly ExtractionUnit[];
}

/** A window of the text with a question around it, or with none where all are answered together. */
export interface ExtractionUnit extends EncodedRow {
  readonly text: EncodedText;
  readonly ids: Int32Array;
  readonly typeIds: null;
  /** Numbers of the questions that it answers. */
  readonly asked: readonly number[];
  /** Where the window begins among the ids, how many tokens it has, and which of the text's is its first. */
  readonly at: number;
  readonly count: number;
  readonly first: number;
  /** It answers for spans whose middle is among the text's tokens `ownFrom` … `ownTo` − 1. */
  readonly ownFrom: number;
  readonly ownTo: number;
  /** Of each question that it answers, first and last ids of the right spans; null when none were asked for. */
  readonly gold: readonly (readonly (readonly [number, number])[])[] | null;
}

interface Tokens {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Texts that are tokenized together: tokens with their places take 150 bytes each meanwhile. */
const CHUNK = 256;

/** Tokens that a window must have room for. */
const LEAST_ROOM = 8;

/** Tokens of texts without special ones; equal texts are tokenized once. */
async function tokensOf(texts: Iterable<string>, tokenizer: Tokenizer): Promise<Map<string, Tokens>> {
  const different = [...new Set(texts)];
  const out = new Map<string, Tokens>();
  for (let from = 0; from < different.length; from += CHUNK) {
    const chunk = different.slice(from, from + CHUNK);
    for (const [i, { ids, offsets }] of (
      await tokenizer.encodeBatch(chunk, { addSpecialTokens: false })
    ).entries()) {
      out.set(chunk[i]!, {
        ids,
        starts: Int32Array.from(offsets, ([start]) => start),
        ends: Int32Array.from(offsets, ([, end]) => end),
      });
    }
  }
  return out;
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const ids = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    ids.set(part, at);
    at += part.length;
  }
  return ids;
}

/** Tokens of a question that are not text, special ones included. */
export async function promptLength({ before, after }: Prompt, tokenizer: Tokenizer): Promise<number> {
  const template = await pairTemplate(tokenizer);
  const tokens = await tokensOf([before, after], tokenizer);
  return (
    template.before.length +
    template.behind.length +
    tokens.get(before)!.ids.length +
    tokens.get(after)!.ids.length
  );
}

/**
 * Tokenizes texts once, whatever the number of questions, and cuts them into windows with the questions around.
 *
 * @throws EasyNlpError CONFIG_INVALID_VALUE where a question leaves no room for text
 */
export async function encodeAsked(
  rows: readonly AskedText[],
  sequenceLength: number,
  tokenizer: Tokenizer,
): Promise<EncodedText[]> {
  const template = await pairTemplate(tokenizer);
  const texts = await tokensOf(
    rows.map(({ text }) => text),
    tokenizer,
  );
  const around = await tokensOf(
    rows.flatMap(({ questions }) => questions.flatMap(({ before, after }) => [before, after])),
    tokenizer,
  );
  return rows.map((row) => {
    const { text, questions, together } = row;
    const tokens = texts.get(text)!;
    const sides = questions.map(({ before, after }) => [
      together ? template.before : joined([template.before, around.get(before)!.ids]),
      together ? template.behind : joined([around.get(after)!.ids, template.behind]),
    ]) as [Int32Array, Int32Array][];
    const overhead = sides.reduce((most, [before, after]) => Math.max(most, before.length + after.length), 0);
    // The same windows for all questions: their answers can be compared.
    const room = sequenceLength - overhead;
    if (room < LEAST_ROOM) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'sequenceLength',
        expected: `at least ${overhead + LEAST_ROOM}: the longest question has ${overhead} tokens`,
        got: String(sequenceLength),
      });
    }
    const windows = planWindows(new Uint8Array(tokens.ids.length).fill(1), room, (i) =>
      borderAfter(text.slice(tokens.starts[i]!, tokens.ends[i]!)),
    );
    const own = ownParts(windows);
    const units: ExtractionUnit[] = [];
    const shared: EncodedText = { ...row, starts: tokens.starts, ends: tokens.ends, units };
    const ranges = questions.map(({ gold }) =>
      gold === null ? null : gold.map((place) => tokenRange(tokens, place)).filter((range) => range !== null),
    );
    const passes = together ? [questions.map((_, q) => q)] : questions.map((_, q) => [q]);
    for (const asked of passes) {
      const [before, after] = sides[asked[0]!]!;
      const near = nearWindows(questions[asked[0]!]!, windows, tokens);
      for (const [w, { from, to }] of windows.entries()) {
        if (near !== null && !near.has(w)) continue;
        const at = before.length;
        const ids = joined([before, tokens.ids.subarray(from, to), after]);
        const gold = asked.map(
          (q) =>
            ranges[q]
              ?.filter(({ first, last }) => first >= from && last < to)
              .map(({ first, last }) => [at + first - from, at + last - from] as const) ?? [],
        );
        units.push({
          length: ids.length,
          text: shared,
          ids,
          typeIds: null,
          asked,
          at,
          count: to - from,
          first: from,
          ownFrom: own[w]!,
          ownTo: own[w + 1] ?? Number.POSITIVE_INFINITY,
          gold: questions.every((question) => question.gold !== null) ? gold : null,
        });
      }
    }
    return shared;
  });
}

/** Numbers of the windows that a question is asked in; null for all. */
function nearWindows(
  { near }: Question,
  windows: readonly { readonly from: number; readonly to: number }[],
  tokens: Tokens,
): ReadonlySet<number> | null {
  if (near === undefined) return null;
  const found = new Set<number>();
  for (const place of near) {
    const range = tokenRange(tokens, place);
    for (const [w, { from, to }] of windows.entries()) {
      if (range === null || range.last < from || range.first >= to) continue;
      for (const neighbour of [w - 1, w, w + 1]) if (windows[neighbour]) found.add(neighbour);
    }
  }
  return found.size > 0 ? found : null;
}

/** Numbers that look random and depend on nothing but the seed. */
function* numbers(seed: number): Generator<number> {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  for (;;) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    yield ((state ^ (state >>> 12)) >>> 0) / 2 ** 32;
  }
}

/** What training sees of a text: all questions with an answer, and some of those without. */
export function trainedUnits({ questions, units, seed }: EncodedText, negatives: number): ExtractionUnit[] {
  const random = numbers(seed);
  const without = [...questions.keys()]
    .filter((q) => questions[q]!.gold?.length === 0)
    .map((q) => ({ q, order: random.next().value as number }))
    .sort((a, b) => a.order - b.order)
    .slice(negatives)
    .map(({ q }) => q);
  const left = new Set(without);
  const kept = units.filter(({ asked }) => asked.length > 1 || !left.has(asked[0]!));
  // A text goes through the model at least once: training counts on a part of every row.
  return kept.length > 0 ? kept : units.slice(0, 1);
}
