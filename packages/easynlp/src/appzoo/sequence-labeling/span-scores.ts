import { table } from '../../util/index.js';
import { parseTag, spansOfTags, strictSpansOfTags, type TagScheme, type TokenSpan } from './schemes.js';

/** Precision, recall and F1; 0 where seqeval would divide by zero. */
export interface SpanScore {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Entities in the gold data. */
  readonly support: number;
}

export interface SpanScores {
  /** Over all entities together. */
  readonly micro: SpanScore;
  /** Mean over the types. */
  readonly macro: SpanScore;
  /** Types that are in the gold data or were predicted, in order of their names. */
  readonly types: Readonly<Record<string, SpanScore>>;
}

interface Counts {
  gold: number;
  predicted: number;
  right: number;
}

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);

function scoreOf({ gold, predicted, right }: Counts): SpanScore {
  const precision = ratio(right, predicted);
  const recall = ratio(right, gold);
  return { precision, recall, f1: ratio(2 * precision * recall, precision + recall), support: gold };
}

/** Counts entities; one is right when type and both borders are. Tjong Kim Sang & De Meulder 2003. */
export class SpanCounter {
  readonly #counts = new Map<string, Counts>();

  add(gold: readonly TokenSpan[], predicted: readonly TokenSpan[]): void {
    const key = ({ type, from, to }: TokenSpan) => `${from} ${to} ${type}`;
    const wanted = new Set(gold.map(key));
    for (const span of gold) this.#of(span.type).gold++;
    for (const span of predicted) {
      const counts = this.#of(span.type);
      counts.predicted++;
      if (wanted.has(key(span))) counts.right++;
    }
  }

  scores(): SpanScores {
    const types = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    const sum: Counts = { gold: 0, predicted: 0, right: 0 };
    for (const [, counts] of types) {
      sum.gold += counts.gold;
      sum.predicted += counts.predicted;
      sum.right += counts.right;
    }
    const scores = types.map(([type, counts]) => [type, scoreOf(counts)] as const);
    const mean = (field: 'precision' | 'recall' | 'f1') =>
      ratio(
        scores.reduce((total, [, score]) => total + score[field], 0),
        scores.length,
      );
    return {
      micro: scoreOf(sum),
      macro: { precision: mean('precision'), recall: mean('recall'), f1: mean('f1'), support: sum.gold },
      types: Object.fromEntries(scores),
    };
  }

  #of(type: string): Counts {
    const known = this.#counts.get(type);
    if (known) return known;
    const made = { gold: 0, predicted: 0, right: 0 };
    this.#counts.set(type, made);
    return made;
  }
}

export interface SpanScoreOptions {
  /** Count only entities whose tags are valid in this scheme (seqeval's `mode='strict'`). Default: conlleval's rule. */
  readonly strict?: TagScheme;
}

/**
 * Entity scores of tagged sentences, equal to seqeval's `classification_report`. @throws RangeError for what is no tag
 * and for sentences of different lengths
 */
export function spanScores(
  gold: readonly (readonly string[])[],
  predicted: readonly (readonly string[])[],
  options: SpanScoreOptions = {},
): SpanScores {
  if (gold.length !== predicted.length) throw new RangeError('As many sentences as predictions are needed.');
  const { strict } = options;
  const spansOf = (tags: readonly string[]) => {
    const parsed = tags.map((tag) => {
      const found = parseTag(tag);
      if (found === null) throw new RangeError(`"${tag}" is not a tag.`);
      return found;
    });
    return strict === undefined ? spansOfTags(parsed) : strictSpansOfTags(parsed, strict);
  };
  const counter = new SpanCounter();
  for (const [i, tags] of gold.entries()) {
    if (tags.length !== predicted[i]!.length) {
      throw new RangeError(`Sentence ${i} has ${tags.length} tags, but ${predicted[i]!.length} predicted.`);
    }
    counter.add(spansOf(tags), spansOf(predicted[i]!));
  }
  return counter.scores();
}

/** A table for people: a line a type, then the averages. */
export function renderSpanScores({ types, micro, macro }: SpanScores): string {
  const line = (name: string, { precision, recall, f1, support }: SpanScore) => [
    name,
    ...[precision, recall, f1].map((value) => value.toFixed(4)),
    String(support),
  ];
  return table(
    [
      ['type', 'precision', 'recall', 'F1', 'support'],
      ...Object.entries(types).map(([type, score]) => line(type === '' ? '(no type)' : type, score)),
      line('micro average', micro),
      line('macro average', macro),
    ],
    { header: true },
  );
}
