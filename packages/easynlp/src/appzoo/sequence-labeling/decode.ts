import type { AppContext, HostOutputs } from '../app.js';
import type { EncodedSentence, EncodedWindow } from './encode.js';
import { TagLattice } from './lattice.js';
import { parseTag, spansOfTags, type TokenSpan } from './schemes.js';
import type { LabelingSpec } from './spec.js';
import type { Units } from './units.js';
import { ownParts } from './windows.js';

/** An entity: `text.slice(start, end)` of the original text, in UTF-16 code units. */
export interface Entity {
  readonly type: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Probability of exactly these borders and this type. */
  readonly score: number;
  /** The same in units: characters or words, the end excluded. */
  readonly tokenStart: number;
  readonly tokenEnd: number;
}

/** What was found in one text. */
export interface LabelingResult {
  /** The text that places refer to. */
  readonly text: string;
  readonly entities: readonly Entity[];
  /** Units of the text: characters or words. */
  readonly tokens: readonly string[];
  /** Tag of each unit. */
  readonly tags: readonly string[];
}

type SpecContext = Pick<AppContext<LabelingSpec>, 'spec'>;

/** Scores of one window [U, C], which results of several windows are made from. */
interface WindowScores {
  readonly window: EncodedWindow;
  readonly scores: Float32Array;
  readonly lattice: TagLattice;
}

const scoresOf = new WeakMap<LabelingResult, WindowScores>();

/** The lattice of a batch: with the CRF's parameters where the model has them. */
function latticeOf({ transitions, start, end }: HostOutputs, { labels, scheme }: LabelingSpec): TagLattice {
  if (!transitions || !start || !end) return new TagLattice(labels, scheme);
  return new TagLattice(labels, scheme, { between: transitions.data, start: start.data, end: end.data });
}

/** One result a window. That of a text in several windows is empty until `joinLabeling` has them all. */
export function decodeLabeling(
  outputs: HostOutputs,
  { spec }: SpecContext,
  rows: readonly EncodedWindow[],
): LabelingResult[] {
  const { data, shape } = outputs.logits!;
  const [, width, size] = shape as [number, number, number];
  const lattice = latticeOf(outputs, spec);
  return rows.map((window, r) => {
    const units = window.to - window.from;
    const scores = data.subarray(r * width * size, (r * width + units) * size);
    const { sentence } = window;
    if (sentence.windows.length === 1) return resultOf(sentence, scores, lattice, spec);
    const part: LabelingResult = { text: sentence.units.text, entities: [], tokens: [], tags: [] };
    scoresOf.set(part, { window, scores: scores.slice(), lattice });
    return part;
  });
}

/**
 * The result of a text in several windows: each unit's scores come from the window that has seen more text around it, and
 * the best tags are found for the whole text at once. An entity across a border is whole.
 */
export function joinLabeling(
  results: readonly LabelingResult[],
  { sentence }: EncodedWindow,
  { spec }: SpecContext,
): LabelingResult {
  if (results.length === 1) return results[0]!;
  const parts = results
    .map((result) => scoresOf.get(result)!)
    .sort((a, b) => a.window.from - b.window.from || a.window.to - b.window.to);
  const size = spec.labels.length;
  const count = sentence.units.surfaces.length;
  const scores = new Float32Array(count * size);
  const begins = ownParts(parts.map(({ window }) => window));
  for (const [i, { window, scores: own }] of parts.entries()) {
    const end = begins[i + 1] ?? count;
    scores.set(
      own.subarray((begins[i]! - window.from) * size, (end - window.from) * size),
      begins[i]! * size,
    );
  }
  return resultOf(sentence, scores, parts[0]!.lattice, spec);
}

function resultOf(
  { units }: EncodedSentence,
  scores: Float32Array,
  lattice: TagLattice,
  { labels }: LabelingSpec,
): LabelingResult {
  const best = lattice.best(scores);
  const tags = Array.from(best.tags, (tag) => labels[tag]!);
  return {
    text: units.text,
    entities: spansOfResult(tags).map((span) => entityOf(span, units, best.probability(span))),
    tokens: units.surfaces,
    tags,
  };
}

/** Entities of tags that a model gave. */
export const spansOfResult = (tags: readonly string[]): TokenSpan[] =>
  spansOfTags(tags.map((tag) => parseTag(tag) ?? { prefix: 'O', type: '' }));

function entityOf({ type, from, to }: TokenSpan, { text, starts, ends }: Units, score: number): Entity {
  const start = starts[from]!;
  const end = ends[to - 1]!;
  return { type, text: text.slice(start, end), start, end, score, tokenStart: from, tokenEnd: to };
}

/** EasyNLP's `output`: places count tokens. */
function easynlpOutput({ entities, tokens }: LabelingResult, { unit }: LabelingSpec): string {
  const gap = unit === 'word' ? ' ' : '';
  return JSON.stringify(
    entities.map(({ type, tokenStart, tokenEnd }) => ({
      word: tokens.slice(tokenStart, tokenEnd).join(gap),
      tag: type,
      start: tokenStart,
      end: tokenEnd,
    })),
  );
}

/** Entities as other programs want them. */
export const plainEntities = ({ entities }: LabelingResult) =>
  entities.map(({ type, text, start, end, score }) => ({ type, text, start, end, score: rounded(score) }));

export const labelingColumns: Readonly<
  Record<string, (result: LabelingResult, context: AppContext<LabelingSpec>) => string>
> = {
  predictions: ({ tags }) => tags.join(' '),
  output: (result, { spec }) => easynlpOutput(result, spec),
  entities: (result) => JSON.stringify(plainEntities(result)),
  tokens: ({ tokens }) => tokens.join(' '),
};

const rounded = (value: number) => Number(value.toPrecision(6));
