import { files, noGrad, Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';

/** A found vector. */
export interface SearchHit {
  /** Its number in the index, from 0. */
  readonly index: number;
  /** Cosine similarity, −1 … 1. */
  readonly score: number;
}

/** Documents whose similarities are computed together: 64 MiB of similarities for 256 queries. */
const DOCUMENTS_AT_ONCE = 65_536;
const QUERIES_AT_ONCE = 256;
/** Candidates beyond k: rounding of the fast products may exchange neighbours that are nearer than this. */
const SLACK = 16;
const ROUNDING = 1e-5;

/**
 * Exact nearest neighbours by cosine similarity, over vectors kept as float32 of length 1 in memory
 * (4 · dimension bytes each).
 *
 * Candidates are found with matrix products and then ranked by float64 products, so that a query's result does not
 * depend on what else is asked or stored; of equal vectors the earlier comes first.
 *
 * @example
 * const index = new ExactIndex(3);
 * index.add([1, 0, 0]);
 * index.add([0, 2, 0]);
 * index.search([0.1, 1, 0], 1); // [{ index: 1, score: 0.995… }]
 */
export class ExactIndex {
  /** Vectors one behind the other; the buffer has room for more. */
  #data: Float32Array;
  #size = 0;

  constructor(readonly dimension: number) {
    if (!Number.isSafeInteger(dimension) || dimension < 1) {
      throw new RangeError(`A vector has at least one number, not ${dimension}.`);
    }
    this.#data = new Float32Array(dimension * 64);
  }

  /** Number of vectors. */
  get size(): number {
    return this.#size;
  }

  /** Stores a vector, brought to length 1, and returns its number. Throws RangeError as `search` does. */
  add(vector: ArrayLike<number>): number {
    const unit = this.#unit(vector);
    if ((this.#size + 1) * this.dimension > this.#data.length) {
      const grown = new Float32Array(this.#data.length * 2);
      grown.set(this.#data);
      this.#data = grown;
    }
    this.#data.set(unit, this.#size * this.dimension);
    return this.#size++;
  }

  addAll(vectors: Iterable<ArrayLike<number>>): void {
    for (const vector of vectors) this.add(vector);
  }

  /** A copy of a stored vector. */
  vector(index: number): Float32Array {
    if (!Number.isInteger(index) || index < 0 || index >= this.#size) {
      throw new RangeError(`There is no vector ${index}; the index has ${this.#size}.`);
    }
    return this.#data.slice(index * this.dimension, (index + 1) * this.dimension);
  }

  /**
   * The `k` most similar vectors, the best first; all of them when there are fewer.
   *
   * @throws RangeError for a vector of another dimension, of length 0, or with numbers that are not finite
   */
  search(query: ArrayLike<number>, k = 10): SearchHit[] {
    return this.searchAll([query], k)[0]!;
  }

  /** The same for many queries at once, which is faster. */
  searchAll(queries: readonly ArrayLike<number>[], k = 10): SearchHit[][] {
    if (!Number.isSafeInteger(k) || k < 1) throw new RangeError(`k must be a whole number from 1, got ${k}.`);
    const units = queries.map((query) => this.#unit(query));
    const out: SearchHit[][] = [];
    for (let from = 0; from < units.length; from += QUERIES_AT_ONCE) {
      const block = units.slice(from, from + QUERIES_AT_ONCE);
      const candidates = block.map((): number[] => []);
      for (let first = 0; first < this.#size; first += DOCUMENTS_AT_ONCE) {
        this.#collect(block, first, Math.min(this.#size, first + DOCUMENTS_AT_ONCE), k, candidates);
      }
      for (const [q, unit] of block.entries()) out.push(this.#rank(unit, candidates[q]!, k));
    }
    return out;
  }

  /** Adds the best candidates of a block of documents for each query. */
  #collect(
    queries: readonly Float32Array[],
    first: number,
    last: number,
    k: number,
    into: readonly number[][],
  ): void {
    const { dimension } = this;
    const flat = new Float32Array(queries.length * dimension);
    for (const [q, unit] of queries.entries()) flat.set(unit, q * dimension);
    const count = Math.min(k + SLACK, last - first);
    noGrad(() =>
      tidy(() => {
        const documents = Tensor.fromTypedArray(this.#data.subarray(first * dimension, last * dimension), [
          last - first,
          dimension,
        ]);
        const [values, places] = Tensor.fromTypedArray(flat, [queries.length, dimension])
          .matmul(documents.t())
          .topk(count, { dim: 1 });
        const found = places.to({ dtype: 'int32' }).toTypedArray() as Int32Array;
        const scores = values.toFloat32Array();
        for (const [q, list] of into.entries()) {
          const at = q * count;
          // So many alike that the slack does not reach beyond them: all documents are candidates.
          const crowded = count > k && scores[at + count - 1]! > scores[at + k - 1]! - ROUNDING;
          if (crowded) for (let i = first; i < last; i++) list.push(i);
          else for (let i = 0; i < count; i++) list.push(first + found[at + i]!);
        }
      }),
    );
  }

  #rank(query: Float32Array, candidates: readonly number[], k: number): SearchHit[] {
    const { dimension } = this;
    const hits = candidates.map((index) => {
      let score = 0;
      const at = index * dimension;
      for (let d = 0; d < dimension; d++) score += query[d]! * this.#data[at + d]!;
      return { index, score: Math.min(1, Math.max(-1, score)) };
    });
    return hits.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, k);
  }

  #unit(vector: ArrayLike<number>): Float32Array {
    if (vector.length !== this.dimension) {
      throw new RangeError(`The vector has ${vector.length} numbers; the index is for ${this.dimension}.`);
    }
    // Scaled by the largest number first: squares of tiny and huge ones would leave float64.
    let largest = 0;
    for (let i = 0; i < vector.length; i++) largest = Math.max(largest, Math.abs(vector[i]!));
    if (!(largest > 0) || !Number.isFinite(largest)) {
      throw new RangeError('The vector has no direction: its length is 0, or a number in it is not finite.');
    }
    let sum = 0;
    for (let i = 0; i < vector.length; i++) sum += (vector[i]! / largest) ** 2;
    const length = Math.sqrt(sum);
    return Float32Array.from(vector, (v) => v / largest / length);
  }

  /** Writes the vectors as a safetensors file, `vectors` [size, dimension]; it appears complete or not at all. */
  save(path: string): void {
    tidy(() => {
      const used = this.#data.subarray(0, this.#size * this.dimension);
      files.saveSafetensors(
        path,
        new Map([['vectors', Tensor.fromTypedArray(used, [this.#size, this.dimension])]]),
      );
    });
  }

  /** @throws EasyNlpError DATA_FORMAT when the file holds no vectors */
  static load(path: string): ExactIndex {
    return tidy(() => {
      const stored = files.loadSafetensors(path).get('vectors');
      if (stored?.ndim !== 2 || stored.dtype !== 'float32') {
        throw new EasyNlpError('DATA_FORMAT', {
          file: path,
          reason: 'it has no tensor "vectors" of shape [size, dimension] in float32',
        });
      }
      const [size, dimension] = stored.shape as [number, number];
      const index = new ExactIndex(dimension);
      index.#data = new Float32Array(Math.max(64, size) * dimension);
      index.#data.set(stored.toFloat32Array());
      index.#size = size;
      return index;
    });
  }
}
