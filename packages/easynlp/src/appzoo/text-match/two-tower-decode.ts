import { EasyNlpError } from '../../errors/index.js';
import type { AppContext, HostOutputs } from '../app.js';
import type { EncodedTowers } from './two-tower-encode.js';
import type { TwoTowerSpec } from './two-tower-spec.js';

/** What a pair gives. */
export interface TextSimilarity {
  /** Cosine of the two vectors, −1 … 1. */
  readonly similarity: number;
  /** Whether it reaches the threshold that validation found; null where there was none. */
  readonly match: boolean | null;
}

/** What a single text gives. */
export interface TextVector {
  /** Of length 1. */
  readonly vector: readonly number[];
}

export type TwoTowerResult = TextSimilarity | TextVector;

/** Vectors of the first text of a pair, for the column `vector`; as a field they would fill every printed result. */
const vectors = new WeakMap<TwoTowerResult, Float32Array>();

export function dotProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** `first` and `second` hold a vector of each row that has such a text, in the order of the rows. */
export function decodeTowers(
  outputs: HostOutputs,
  { spec }: AppContext<TwoTowerSpec>,
  rows: readonly EncodedTowers[],
): TwoTowerResult[] {
  const next = { first: 0, second: 0 };
  const take = (tower: 'first' | 'second', row: EncodedTowers): Float32Array | null => {
    if (row[tower] === null) return null;
    const { data, shape } = outputs[tower]!;
    const size = shape[1]!;
    return data.subarray(next[tower] * size, ++next[tower] * size);
  };
  return rows.map((row) => {
    const first = take('first', row);
    const second = take('second', row);
    const vector = (first ?? second)!;
    const similarity = first && second ? Math.min(1, Math.max(-1, dotProduct(first, second))) : null;
    const result: TwoTowerResult =
      similarity === null
        ? { vector: Array.from(vector) }
        : { similarity, match: spec.threshold === null ? null : similarity >= spec.threshold };
    vectors.set(result, vector);
    return result;
  });
}

function pairOf(result: TwoTowerResult, spec: TwoTowerSpec): TextSimilarity {
  if ('similarity' in result) return result;
  throw new EasyNlpError('CONFIG_CONFLICT', {
    problem: 'the data have one text a row, and similarities need two',
    hint:
      spec.secondSequence === null
        ? 'For vectors of single texts use the output column "vector".'
        : `Give both columns, ${spec.firstSequence} and ${spec.secondSequence}; for vectors of single texts use the output column "vector".`,
  });
}

type Column = (result: TwoTowerResult, context: AppContext<TwoTowerSpec>) => string;

const vectorColumn: Column = (result) => Array.from(vectors.get(result)!, String).join(',');

/** `emb_output` is EasyNLP's name of `vector`. */
export const twoTowerColumns: Readonly<Record<string, Column>> = {
  predictions(result, { spec }) {
    const { similarity, match } = pairOf(result, spec);
    if (match === null) return String(Math.fround(similarity));
    return (spec.siamese ? ['0', '1'] : spec.labels)[match ? 1 : 0]!;
  },
  similarity: (result, { spec }) => String(Math.fround(pairOf(result, spec).similarity)),
  vector: vectorColumn,
  emb_output: vectorColumn,
  output: (result) => JSON.stringify(result),
};
