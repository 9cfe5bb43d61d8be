import { noGrad, Tensor, tidy } from '@easynlp/torch';
import { Rng } from '../../util/index.js';
import type { HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import {
  accuracy,
  bestThreshold,
  f1Score,
  pearson,
  rankingScores,
  rankOfRelevant,
  rocAuc,
  spearman,
} from '../metrics/index.js';
import { dotProduct } from './two-tower-decode.js';
import type { EncodedTowers } from './two-tower-encode.js';
import type { TwoTowerSpec } from './two-tower-spec.js';

const KS = [1, 5, 10];
/** Retrieval looks at no more queries than this. */
const MOST_QUERIES = 20_000;
const QUERIES_AT_ONCE = 256;

/** Vectors one behind the other; equal texts only once where `key` says so. */
class Vectors {
  private readonly blocks: Float32Array[] = [];
  private readonly numbers = new Map<string, number>();
  size = 0;

  constructor(private readonly width: () => number) {}

  /** @returns the number of the text's vector */
  add(vector: Float32Array, key: string): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.numbers.set(key, this.size);
    this.blocks.push(vector);
    return this.size++;
  }

  matrix(from = 0, to = this.size): { data: Float32Array; shape: number[] } {
    const width = this.width();
    const data = new Float32Array((to - from) * width);
    for (let i = from; i < to; i++) data.set(this.blocks[i]!, (i - from) * width);
    return { data, shape: [to - from, width] };
  }

  at(i: number): Float32Array {
    return this.blocks[i]!;
  }
}

/** Ranks of the best relevant document of every query that has one. */
function ranksOf(
  queries: Vectors,
  documents: Vectors,
  isRelevant: (query: number, document: number) => boolean,
  ignored: (query: number) => number,
): number[] {
  const all = documents.matrix();
  const out: number[] = [];
  const count = Math.min(queries.size, MOST_QUERIES);
  for (let from = 0; from < count; from += QUERIES_AT_ONCE) {
    const to = Math.min(count, from + QUERIES_AT_ONCE);
    const block = queries.matrix(from, to);
    const scores = noGrad(() =>
      tidy(() =>
        Tensor.fromTypedArray(block.data, block.shape)
          .matmul(Tensor.fromTypedArray(all.data, all.shape).t())
          .toFloat32Array(),
      ),
    );
    for (let q = from; q < to; q++) {
      const row = scores.subarray((q - from) * documents.size, (q - from + 1) * documents.size);
      const rank = rankOfRelevant(row, (d) => isRelevant(q, d), ignored(q));
      if (rank !== null) out.push(rank);
    }
  }
  return out;
}

const key = (ids: Int32Array): string => ids.join();

class TwoTowerMetrics implements MetricAccumulator<EncodedTowers> {
  private width = 0;
  private readonly first = new Vectors(() => this.width);
  private readonly second = new Vectors(() => this.width);
  private readonly similarities: number[] = [];
  private readonly gold: number[] = [];
  private readonly relevant = new Map<number, Set<number>>();

  constructor(private readonly spec: TwoTowerSpec) {}

  add(outputs: HostOutputs, rows: readonly EncodedTowers[]): void {
    const width = outputs.first!.shape[1]!;
    this.width = width;
    const vector = (tower: 'first' | 'second', r: number) =>
      outputs[tower]!.data.slice(r * width, (r + 1) * width);
    for (const [r, row] of rows.entries()) {
      this.gold.push(row.gold);
      const a = vector('first', r);
      if (this.spec.siamese) {
        // Rows keep their places: each is a text with its class.
        this.first.add(a, String(this.first.size));
        continue;
      }
      const b = vector('second', r);
      this.similarities.push(dotProduct(a, b));
      const query = this.first.add(a, key(row.first!.ids));
      const document = this.second.add(b, key(row.second!.ids));
      if (this.spec.gold === 'scores' || row.gold !== 1) continue;
      const found = this.relevant.get(query) ?? new Set();
      this.relevant.set(query, found.add(document));
    }
  }

  report(): MetricReport {
    const { spec, gold } = this;
    if (spec.siamese) {
      const pairs = siamesePairs(gold);
      const similarities = pairs.map(([i, j]) => dotProduct(this.first.at(i), this.first.at(j)));
      const labels = pairs.map(([i, j]) => (gold[i] === gold[j] ? 1 : 0));
      const ranks = ranksOf(
        this.first,
        this.first,
        (q, d) => gold[q] === gold[d],
        (q) => q,
      );
      return this.compose(this.ofClasses(similarities, labels), ranks);
    }
    if (spec.gold === 'scores') {
      const { similarities } = this;
      const [least, most] = spec.scoreRange!;
      const errors = gold.map((g, i) => ((g - least) / (most - least) - similarities[i]!) ** 2);
      return {
        values: {
          spearman: spearman(similarities, gold),
          pearson: pearson(similarities, gold),
          mse: errors.reduce((a, b) => a + b, 0) / errors.length,
        },
      };
    }
    const ranks = ranksOf(
      this.first,
      this.second,
      (q, d) => this.relevant.get(q)?.has(d) ?? false,
      () => -1,
    );
    return this.compose(spec.gold === 'none' ? {} : this.ofClasses(this.similarities, gold), ranks);
  }

  private compose(values: Record<string, number | null>, ranks: readonly number[]): MetricReport {
    const retrieval = rankingScores(ranks, KS);
    return {
      values: {
        ...values,
        mrr: retrieval?.mrr ?? null,
        ...Object.fromEntries(KS.map((k) => [`recall_at_${k}`, retrieval?.recall[k] ?? null])),
      },
    };
  }

  private ofClasses(similarities: readonly number[], gold: readonly number[]): Record<string, number | null> {
    if (!similarities.every(Number.isFinite)) {
      return { accuracy: null, f1: null, threshold: null, auc: null, spearman: null };
    }
    const threshold = this.spec.threshold ?? bestThreshold(similarities, gold)?.threshold ?? null;
    const predicted = similarities.map((s) => (threshold !== null && s >= threshold ? 1 : 0));
    return {
      accuracy: gold.length > 0 ? accuracy(gold, predicted) : null,
      f1: gold.length > 0 ? f1Score(gold, predicted, { average: 'binary' }) : null,
      threshold,
      auc: gold.length > 0 ? rocAuc(gold, similarities) : null,
      spearman: spearman(similarities, gold),
    };
  }
}

/**
 * For every text a partner of its class and one of another, chosen by a fixed seed: half of the pairs match, no text is
 * paired with itself, and texts without such a partner are left out.
 */
export function siamesePairs(classes: readonly number[]): [number, number][] {
  const rng = Rng.derive(29, 'siamese pairs');
  const members = new Map<number, number[]>();
  for (const [i, c] of classes.entries()) {
    const found = members.get(c);
    if (found) found.push(i);
    else members.set(c, [i]);
  }
  const pairs: [number, number][] = [];
  for (const [i, c] of classes.entries()) {
    const own = members.get(c)!;
    const others = classes.length - own.length;
    // Drawn for every text, used or not, so that one text more does not change all pairs behind it.
    const same = rng.int(Math.max(1, own.length - 1));
    const apart = rng.int(Math.max(1, others));
    if (own.length < 2 || others === 0) continue;
    const place = own.indexOf(i);
    pairs.push([i, own[same < place ? same : same + 1]!]);
    pairs.push([i, nthOutside(classes, c, apart)]);
  }
  return pairs;
}

/** The n-th text that is of another class. */
function nthOutside(classes: readonly number[], own: number, n: number): number {
  let left = n;
  for (const [i, c] of classes.entries()) if (c !== own && left-- === 0) return i;
  throw new RangeError(`no text ${n} outside of class ${own}`);
}

const better = (description: string) => ({ higherIsBetter: true, description });
const of = 'share of texts with a matching one among the';

export const twoTowerMetrics: MetricSet<TwoTowerSpec, EncodedTowers> = {
  primary: 'spearman',
  // Without labels there is nothing to correlate with.
  primaryOf: ({ gold }) => (gold === 'none' ? 'mrr' : 'spearman'),
  names: {
    accuracy: better('share of pairs on the right side of the threshold'),
    f1: better('F1 of the matching pairs at the threshold'),
    threshold: better('similarity from which on pairs match, tuned on the validation data'),
    auc: better('area under the ROC curve of the similarities'),
    spearman: better('rank correlation of similarity and label or score'),
    pearson: better('correlation of similarity and score'),
    mse: { higherIsBetter: false, description: 'squared error of the similarity against the score in 0 … 1' },
    mrr: better('mean of 1 / rank of the first matching text among all second texts'),
    recall_at_1: better(`${of} nearest`),
    recall_at_5: better(`${of} 5 nearest`),
    recall_at_10: better(`${of} 10 nearest`),
  },
  create: (spec) => new TwoTowerMetrics(spec),
};
