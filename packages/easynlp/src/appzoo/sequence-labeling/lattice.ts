import { parseTag, type Tag, type TagScheme, type TokenSpan } from './schemes.js';

/** A CRF's parameters, natural logarithms. */
export interface Transitions {
  /** [C, C], from tag to tag. */
  readonly between: ArrayLike<number>;
  /** [C] */
  readonly start: ArrayLike<number>;
  /** [C] */
  readonly end: ArrayLike<number>;
}

export interface BestTags {
  /** Number of the tag of each token. */
  readonly tags: Int32Array;
  /** Probability that the entity over tokens `from` … `to` − 1 of the best tags is one, with exactly these borders. */
  probability(span: TokenSpan): number;
}

/** Keeps probabilities above 0 when one tag outweighs the others beyond a double's range. */
const LEAST = 1e-200;

/**
 * The sequences of tags that a scheme allows, and the distribution over them that scores of tokens (and a CRF's
 * transitions) define: p(y) ∝ exp(Σ s(y_t) + Σ a(y_t, y_{t+1})). Without transitions this is the product of the tokens'
 * softmax, limited to valid sequences.
 */
export class TagLattice {
  readonly #size: number;
  /** Tags that may stand before each tag. */
  readonly #before: readonly Int32Array[];
  readonly #mayStart: readonly boolean[];
  readonly #mayEnd: readonly boolean[];
  readonly #between: Float64Array;
  readonly #start: Float64Array;
  readonly #end: Float64Array;
  readonly #tags: readonly Tag[];

  constructor(labels: readonly string[], scheme: TagScheme, transitions: Transitions | null = null) {
    const size = labels.length;
    this.#size = size;
    this.#tags = labels.map((label) => parseTag(label) ?? { prefix: 'O', type: '' });
    const tags = this.#tags;
    const begins = ({ prefix }: Tag) => prefix === 'O' || prefix === 'B' || prefix === 'S';
    const ends = ({ prefix }: Tag) => scheme === 'bio' || prefix === 'O' || prefix === 'E' || prefix === 'S';
    const follows = (a: Tag, b: Tag) =>
      begins(b) ? ends(a) : (a.prefix === 'B' || a.prefix === 'I') && a.type === b.type;
    this.#mayStart = tags.map(begins);
    this.#mayEnd = tags.map(ends);
    this.#before = tags.map((b) => Int32Array.from(tags.flatMap((a, i) => (follows(a, b) ? [i] : []))));
    this.#between = Float64Array.from(transitions?.between ?? new Float64Array(size * size));
    this.#start = Float64Array.from(transitions?.start ?? new Float64Array(size));
    this.#end = Float64Array.from(transitions?.end ?? new Float64Array(size));
  }

  /** The most probable valid tags (Viterbi) of scores [n, C]; of equal ones, those with the first tags. */
  best(scores: ArrayLike<number>): BestTags {
    const size = this.#size;
    const length = scores.length / size;
    const tags = new Int32Array(length);
    if (length === 0) return { tags, probability: () => Number.NaN };
    const from = new Int32Array(length * size).fill(-1);
    let alpha = new Float64Array(size);
    for (let j = 0; j < size; j++) {
      alpha[j] = this.#mayStart[j] ? scores[j]! + this.#start[j]! : Number.NEGATIVE_INFINITY;
    }
    for (let t = 1; t < length; t++) {
      const next = new Float64Array(size);
      for (let j = 0; j < size; j++) {
        const before = this.#before[j]!;
        let best = Number.NEGATIVE_INFINITY;
        let chosen = before[0] ?? 0;
        for (const i of before) {
          const score = alpha[i]! + this.#between[i * size + j]!;
          if (score > best) {
            best = score;
            chosen = i;
          }
        }
        next[j] = best + scores[t * size + j]!;
        from[t * size + j] = chosen;
      }
      alpha = next;
    }
    let last = this.#mayEnd.indexOf(true);
    let best = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < size; j++) {
      const score = alpha[j]! + this.#end[j]!;
      if (this.#mayEnd[j] && score > best) {
        best = score;
        last = j;
      }
    }
    for (let t = length - 1; t >= 0; t--) {
      tags[t] = last;
      last = from[t * size + last]!;
    }
    let chances: Chances | null = null;
    const probability = (span: TokenSpan) => {
      chances ??= this.#forwardBackward(scores, length);
      return this.#segment(chances, tags, span);
    };
    return { tags, probability };
  }

  /** Forward and backward probabilities, scaled to sum to 1 at each token. */
  #forwardBackward(scores: ArrayLike<number>, length: number): Chances {
    const size = this.#size;
    const between = scaled(this.#between);
    const start = scaled(this.#start);
    const end = scaled(this.#end);
    const token = new Float64Array(length * size);
    for (let t = 0; t < length; t++) {
      const row = Array.from({ length: size }, (_, j) => scores[t * size + j]!);
      token.set(scaled(row), t * size);
    }
    const alpha = new Float64Array(length * size);
    const scale = new Float64Array(length + 1);
    for (let t = 0; t < length; t++) {
      let sum = 0;
      for (let j = 0; j < size; j++) {
        let mass = t === 0 ? (this.#mayStart[j] ? start[j]! : 0) : 0;
        if (t > 0)
          for (const i of this.#before[j]!) mass += alpha[(t - 1) * size + i]! * between[i * size + j]!;
        mass *= token[t * size + j]!;
        alpha[t * size + j] = mass;
        sum += mass;
      }
      scale[t] = sum;
      for (let j = 0; j < size; j++) alpha[t * size + j]! /= sum;
    }
    const beta = new Float64Array(length * size);
    let total = 0;
    const lastRow = (length - 1) * size;
    for (let j = 0; j < size; j++) if (this.#mayEnd[j]) total += alpha[lastRow + j]! * end[j]!;
    for (let j = 0; j < size; j++) if (this.#mayEnd[j]) beta[lastRow + j] = end[j]! / total;
    for (let t = length - 1; t > 0; t--) {
      for (let j = 0; j < size; j++) {
        const mass = (token[t * size + j]! * beta[t * size + j]!) / scale[t]!;
        if (mass === 0) continue;
        for (const i of this.#before[j]!) beta[(t - 1) * size + i]! += between[i * size + j]! * mass;
      }
    }
    return { length, token, between, alpha, beta, scale };
  }

  #segment(chances: Chances, tags: Int32Array, { from, to, type }: TokenSpan): number {
    const { length, token, between, alpha, beta, scale } = chances;
    const size = this.#size;
    let mass = alpha[from * size + tags[from]!]!;
    for (let t = from + 1; t < to; t++) {
      mass *= (between[tags[t - 1]! * size + tags[t]!]! * token[t * size + tags[t]!]!) / scale[t]!;
    }
    const last = tags[to - 1]!;
    if (to === length) return clamp(mass * beta[(to - 1) * size + last]!);
    // What follows must not make the entity longer.
    let rest = 0;
    for (let j = 0; j < size; j++) {
      const { prefix, type: other } = this.#tags[j]!;
      const longer = (prefix === 'I' || prefix === 'E') && other === type;
      if (longer || !this.#before[j]!.includes(last)) continue;
      rest += (between[last * size + j]! * token[to * size + j]! * beta[to * size + j]!) / scale[to]!;
    }
    return clamp(mass * rest);
  }
}

interface Chances {
  readonly length: number;
  readonly token: Float64Array;
  readonly between: Float64Array;
  readonly alpha: Float64Array;
  readonly beta: Float64Array;
  readonly scale: Float64Array;
}

/** exp(x − max), never quite 0. */
function scaled(values: ArrayLike<number>): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) max = Math.max(max, values[i]!);
  return Float64Array.from(values, (value) => Math.max(Math.exp(value - max), LEAST));
}

/** Rounding may go beyond 1 by a few units. */
const clamp = (value: number) => (value > 1 ? 1 : value);
