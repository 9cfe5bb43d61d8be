import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';

/** Special tokens around a question and a text, as the tokenizer's model wants them. */
export interface PairTemplate {
  /** Before the question, between the two, and behind the text. */
  readonly before: Int32Array;
  readonly between: Int32Array;
  readonly behind: Int32Array;
  /** Segments of the five parts, in their order; null where all are 0. */
  readonly types: readonly [number, number, number, number, number] | null;
}

const templates = new WeakMap<Tokenizer, Promise<PairTemplate>>();

/** What the tokenizer puts around pairs; seen from one that it encodes. */
export function pairTemplate(tokenizer: Tokenizer): Promise<PairTemplate> {
  const known = templates.get(tokenizer);
  if (known) return known;
  const found = findTemplate(tokenizer);
  templates.set(tokenizer, found);
  return found;
}

async function findTemplate(tokenizer: Tokenizer): Promise<PairTemplate> {
  const { ids, sequenceIds, typeIds } = await tokenizer.encode('a', 'a');
  const first = sequenceIds.indexOf(0);
  const second = sequenceIds.indexOf(1);
  const afterFirst = sequenceIds.lastIndexOf(0) + 1;
  const afterSecond = sequenceIds.lastIndexOf(1) + 1;
  if (first < 0 || second < afterFirst) {
    throw new EasyNlpError('DATA_TOKENIZER', {
      file: 'tokenizer',
      reason: 'it does not encode pairs of texts in their order',
    });
  }
  const segment = (at: number, fallback: number) => typeIds[at] ?? fallback;
  const types = [
    segment(0, 0),
    segment(first, 0),
    segment(afterFirst, 0),
    segment(second, 0),
    segment(afterSecond, 0),
  ] as const;
  return {
    before: ids.slice(0, first),
    between: ids.slice(afterFirst, second),
    behind: ids.slice(afterSecond),
    types: types.every((type) => type === 0) ? null : types,
  };
}

/** Tokens of a pair that are not text. */
export function addedTokens({ before, between, behind }: PairTemplate): number {
  return before.length + between.length + behind.length;
}

/** A window on a text: its tokens from `first` on. */
export interface Window {
  readonly first: number;
  readonly count: number;
}

/**
 * Windows of at most `capacity` tokens that begin `stride` tokens apart, and at most half a window: an answer of up to
 * half a window then lies whole in one of them. The last one ends where the text does; a text without tokens has a
 * single empty one.
 */
export function planWindows(length: number, capacity: number, stride: number): Window[] {
  const step = Math.max(1, Math.min(stride, Math.floor(capacity / 2)));
  const windows: Window[] = [];
  for (let first = 0; ; first += step) {
    const count = Math.min(capacity, length - first);
    windows.push({ first, count });
    if (first + count >= length) return windows;
  }
}

/** The tokens of question and window with the special ones, and their segments. */
export function assemble(
  template: PairTemplate,
  question: Int32Array,
  context: Int32Array,
): { ids: Int32Array; typeIds: Int32Array | null; at: number } {
  const parts = [template.before, question, template.between, context, template.behind];
  const ids = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  const typeIds = template.types === null ? null : new Int32Array(ids.length);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    ids.set(part, at);
    typeIds?.fill(template.types![i]!, at, at + part.length);
    at += part.length;
  }
  return { ids, typeIds, at: template.before.length + question.length + template.between.length };
}
