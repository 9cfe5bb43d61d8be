import type { CollateOptions } from '../../appzoo/app.js';
import { type EncodedRow, type HostBatch, padSequences } from '../../datahub/index.js';
import type { Offset, Tokenizer } from '../../text/index.js';
import type { FoundEntity, KnowledgeGraph } from './knowledge-graph.js';
import { type Mention, type SentenceTree, visibleMatrix } from './sentence-tree.js';

/** An encoded row that knows its sentence tree. */
export interface TreeRow extends EncodedRow {
  readonly tree: SentenceTree;
}

/** Finds entities in texts, with their branches as tokens. */
export class KnowledgeQuery {
  readonly #tokens = new Map<string, Int32Array>();

  constructor(
    private readonly graph: KnowledgeGraph,
    private readonly tokenizer: Tokenizer,
  ) {}

  /** Entities of each text. Their branches can be asked for by `tokensOf` from then on. */
  async find(texts: readonly string[]): Promise<FoundEntity[][]> {
    const found = texts.map((text) => this.graph.find(text));
    const wanted = new Set(found.flat().flatMap(({ branches }) => branches));
    const missing = [...wanted].filter((branch) => !this.#tokens.has(branch));
    if (missing.length > 0) {
      const encodings = await this.tokenizer.encodeBatch(missing, { addSpecialTokens: false });
      for (const [i, branch] of missing.entries()) this.#tokens.set(branch, encodings[i]!.ids);
    }
    return found;
  }

  tokensOf(branch: string): Int32Array {
    return this.#tokens.get(branch)!;
  }
}

const queries = new WeakMap<KnowledgeGraph, WeakMap<Tokenizer, KnowledgeQuery>>();

/** The query of a graph and a tokenizer, made once: graphs repeat their facts from text to text. */
export function queryOf(graph: KnowledgeGraph, tokenizer: Tokenizer): KnowledgeQuery {
  const own = queries.get(graph) ?? new WeakMap<Tokenizer, KnowledgeQuery>();
  queries.set(graph, own);
  const query = own.get(tokenizer) ?? new KnowledgeQuery(graph, tokenizer);
  own.set(tokenizer, query);
  return query;
}

/**
 * Entities as tokens. One counts only where it begins and ends with tokens: not where the text was cut inside of it, nor
 * as a part of a longer word.
 *
 * @param tokenOffsets of the text's tokens, in order
 * @param first number of the first of them in the whole sequence
 */
export function mentionsOf(
  entities: readonly FoundEntity[],
  tokenOffsets: readonly Offset[],
  first: number,
  query: KnowledgeQuery,
): Mention[] {
  const mentions: Mention[] = [];
  let token = 0;
  for (const { start, end, branches } of entities) {
    while (token < tokenOffsets.length && tokenOffsets[token]![1] <= start) token++;
    let to = token;
    while (to < tokenOffsets.length && tokenOffsets[to]![0] < end) to++;
    if (to === token || tokenOffsets[token]![0] !== start || tokenOffsets[to - 1]![1] !== end) continue;
    mentions.push({
      from: first + token,
      to: first + to,
      branches: branches.map((branch) => query.tokensOf(branch)),
    });
  }
  return mentions;
}

/**
 * Adds `positionIds` [B, T], the soft positions, and makes `attentionMask` [B, T, T] of the visible matrices. A batch
 * without any branch stays as it is, where masks need not look alike: plain BERT computes the same, faster.
 */
export function collateTrees(
  batch: HostBatch,
  rows: readonly TreeRow[],
  { alwaysMask }: CollateOptions,
): HostBatch {
  if (!alwaysMask && rows.every(({ tree }) => tree.branches.length === 0)) return batch;
  const width = batch.tensors.inputIds!.shape[1]!;
  const square = width * width;
  const data = new Uint8Array(rows.length * square);
  for (const [r, { tree }] of rows.entries()) {
    visibleMatrix(tree, width, data.subarray(r * square, (r + 1) * square));
  }
  const positionIds = padSequences(
    rows.map(({ tree }) => tree.softPositions),
    { length: width, dtype: 'int32' },
  );
  const attentionMask = { data, shape: [rows.length, width, width], dtype: 'bool' } as const;
  return { ...batch, tensors: { ...batch.tensors, positionIds, attentionMask } };
}
