import { trimmedRange } from '../../text/index.js';
import type { AppContext, HostOutputs } from '../app.js';
import type { EncodedQuestion, EncodedWindow } from './encode.js';
import type { ReadingSpec } from './spec.js';

/** A part of the text that may be the answer: `context.slice(start, end)`. */
export interface AnswerCandidate {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Among the candidates that are given, and no answer where that is allowed. */
  readonly probability: number;
  /** Sum of the logits of its first and its last token. */
  readonly logit: number;
}

/** The answer to a question. */
export interface ReadingResult {
  /** null for none. */
  readonly answer: string | null;
  /** Where it is: `context.slice(start, end)`; null without an answer. */
  readonly start: number | null;
  readonly end: number | null;
  readonly probability: number;
  /** The best candidates, best first, also where none of them is good enough. */
  readonly candidates: readonly AnswerCandidate[];
  /** What "no answer" scores; its lead over the best candidate is compared with the threshold. */
  readonly noAnswerLogit: number;
}

interface Span {
  readonly first: number;
  readonly last: number;
  readonly logit: number;
}

/** The n best spans of the window, best first; of equal ones the earlier and shorter. All spans are looked at. */
function bestSpans(
  logits: Float32Array,
  { at, count, first }: EncodedWindow,
  { maxAnswerLength, nBestSize }: ReadingSpec,
): Span[] {
  const best: Span[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const start = logits[2 * (at + i)]!;
    const end = Math.min(count, i + maxAnswerLength);
    for (let j = i; j < end; j++) {
      const logit = start + logits[2 * (at + j) + 1]!;
      if (!(logit > least)) continue;
      let place = best.length;
      while (place > 0 && best[place - 1]!.logit < logit) place--;
      best.splice(place, 0, { first: first + i, last: first + j, logit });
      if (best.length > nBestSize) best.pop();
      if (best.length === nBestSize) least = best.at(-1)!.logit;
    }
  }
  return best;
}

const questions = new WeakMap<ReadingResult, EncodedQuestion>();

/** The question that a result answers, for tables: as fields, question and text would fill every printed result. */
export function questionOf(result: ReadingResult): EncodedQuestion {
  return questions.get(result)!;
}

type Scored = Omit<AnswerCandidate, 'probability'>;

function resultOf(
  scored: readonly Scored[],
  noAnswerLogit: number,
  question: EncodedQuestion,
  spec: ReadingSpec,
): ReadingResult {
  const order = [...scored].sort((a, b) => b.logit - a.logit || a.start - b.start || a.end - b.end);
  const seen = new Set<string>();
  const kept: Scored[] = [];
  for (const candidate of order) {
    const key = `${candidate.start}-${candidate.end}`;
    if (kept.length === spec.nBestSize || seen.has(key)) continue;
    seen.add(key);
    kept.push(candidate);
  }
  const logits = [...kept.map(({ logit }) => logit), ...(spec.unanswerable ? [noAnswerLogit] : [])];
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const shares = logits.map((logit) => Math.exp(logit - most));
  const sum = shares.reduce((a, b) => a + b, 0);
  const candidates = kept.map((candidate, i) => ({ ...candidate, probability: shares[i]! / sum }));
  const [best] = candidates;
  const none =
    best === undefined ||
    (spec.unanswerable && noAnswerLogit - best.logit > (spec.unanswerableThreshold ?? 0));
  const probability = best === undefined ? 1 : none ? shares.at(-1)! / sum : best.probability;
  const result: ReadingResult = none
    ? { answer: null, start: null, end: null, probability, candidates, noAnswerLogit }
    : { answer: best.text, start: best.start, end: best.end, probability, candidates, noAnswerLogit };
  questions.set(result, question);
  return result;
}

/** logits [B, T, 2] → the answers that each window knows of. */
export function decodeReading(
  outputs: HostOutputs,
  { spec }: Pick<AppContext<ReadingSpec>, 'spec'>,
  rows: readonly EncodedWindow[],
): ReadingResult[] {
  const { data, shape } = outputs.logits!;
  const width = 2 * shape[1]!;
  return rows.map((row, r) => {
    const logits = data.subarray(r * width, (r + 1) * width);
    const { context, starts, ends } = row.question;
    const scored = bestSpans(logits, row, spec).map(({ first, last, logit }): Scored => {
      const { start, end } = trimmedRange(context, starts[first]!, ends[last]!);
      return { text: context.slice(start, end), start, end, logit };
    });
    return resultOf(
      scored.filter(({ text }) => text !== ''),
      logits[0]! + logits[1]!,
      row.question,
      spec,
    );
  });
}

/** The best answers of all windows; "no answer" scores what the window that is surest of an answer gives it. */
export function joinReading(
  results: readonly ReadingResult[],
  { question }: EncodedWindow,
  { spec }: Pick<AppContext<ReadingSpec>, 'spec'>,
): ReadingResult {
  const scored = results.flatMap(({ candidates }) =>
    candidates.map(({ text, start, end, logit }): Scored => ({ text, start, end, logit })),
  );
  const noAnswerLogit = results.reduce((least, r) => Math.min(least, r.noAnswerLogit), Infinity);
  return resultOf(scored, noAnswerLogit, question, spec);
}

type Column = (result: ReadingResult) => string;

const answer: Column = (result) => result.answer ?? '';

/** Columns of results; those that EasyNLP has are named as there. */
export const readingColumns: Readonly<Record<string, Column>> = {
  predictions: answer,
  probabilities: ({ probability }) => String(Math.fround(probability)),
  unique_id: (result) => questionOf(result).id,
  best_answer: answer,
  gold_answer: (result) => questionOf(result).goldCell,
  query: (result) => questionOf(result).question,
  context: (result) => questionOf(result).context,
  start: ({ start }) => String(start ?? -1),
  end: ({ end }) => String(end ?? -1),
  n_best: ({ candidates }) => JSON.stringify(candidates),
  output: (result) => JSON.stringify(result),
};
