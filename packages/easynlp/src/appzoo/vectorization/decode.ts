import type { HostOutputs } from '../app.js';
import type { EncodedVectorText } from './encode.js';
import { vectorText } from './number-text.js';
import type { Pooling } from './options.js';
import { POOLED_COLUMNS, type VectorizationSpec } from './spec.js';

/** A token of the text and where it stands: `text.slice(start, end)`. */
export interface VectorToken {
  readonly token: string;
  readonly start: number;
  readonly end: number;
}

/** The vector of a text; with `pooling: 'tokens'` one for each token. */
export type TextVectors =
  | { readonly vector: readonly number[] }
  | { readonly tokens: readonly VectorToken[]; readonly vectors: readonly (readonly number[])[] };

/** All that was computed for a row. */
export type PooledVectors = { readonly [P in Exclude<Pooling, 'tokens'>]?: Float32Array } & {
  readonly tokens?: readonly Float32Array[];
};

const pooled = new WeakMap<TextVectors, PooledVectors>();

/** The vectors behind a result, for tables: a result shows one of them. */
export function vectorsOf(result: TextVectors): PooledVectors {
  return pooled.get(result)!;
}

/** Vectors of tokens are those of the text: special tokens and padding have none. */
export function decodeVectors(
  outputs: HostOutputs,
  { spec }: { readonly spec: VectorizationSpec },
  rows: readonly EncodedVectorText[],
): TextVectors[] {
  return rows.map((row, r) => {
    const own: Record<string, Float32Array | Float32Array[]> = {};
    for (const pooling of spec.poolings) {
      const { data, shape } = outputs[pooling]!;
      const size = shape.at(-1)!;
      if (pooling === 'tokens') {
        const first = r * shape[1]!;
        own.tokens = row.tokens!.map(({ at }) => data.slice((first + at) * size, (first + at + 1) * size));
      } else own[pooling] = data.slice(r * size, (r + 1) * size);
    }
    const vectors = own as PooledVectors;
    const result: TextVectors =
      spec.pooling === 'tokens'
        ? {
            tokens: row.tokens!.map(({ token, start, end }) => ({ token, start, end })),
            vectors: vectors.tokens!.map((vector) => Array.from(vector)),
          }
        : { vector: Array.from(vectors[spec.pooling]!) };
    pooled.set(result, vectors);
    return result;
  });
}

type Column = (result: TextVectors, context: { readonly spec: VectorizationSpec }) => string;

const columnOf =
  (pooling: Pooling): Column =>
  (result) => {
    const vectors = vectorsOf(result);
    return pooling === 'tokens' ? vectors.tokens!.map(vectorText).join(';') : vectorText(vectors[pooling]!);
  };

const chosen: Column = (result, context) => columnOf(context.spec.pooling)(result, context);

/** `,` between numbers and `;` between tokens, as EasyNLP writes them. */
export const vectorColumns: Readonly<Record<string, Column>> = {
  predictions: chosen,
  vector: chosen,
  ...Object.fromEntries(Object.entries(POOLED_COLUMNS).map(([name, pooling]) => [name, columnOf(pooling)])),
};
