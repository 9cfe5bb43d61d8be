import type { AppContext } from '../../appzoo/app.js';
import {
  type ClassificationSpec,
  type EncodedSequence,
  textsOf,
  withLabels,
} from '../../appzoo/sequence/index.js';
import type { Row } from '../../datahub/index.js';
import type { KnowledgeGraph } from './knowledge-graph.js';
import { buildSentenceTree } from './sentence-tree.js';
import { mentionsOf, queryOf, type TreeRow } from './tree-rows.js';

/** A task whose texts are read with a knowledge graph. */
export interface KnowledgeSpec {
  readonly knowledge: KnowledgeGraph;
}

type TextSpec = ClassificationSpec & KnowledgeSpec;

/** Texts or pairs as sentence trees, with their labels where `labels` asks for them. */
export function encodeTrees(
  rows: readonly Row[],
  context: AppContext<TextSpec>,
  options: { labels: boolean },
) {
  return withLabels(rows, context, options, encodeTexts);
}

/** The text is cut to the model's length as without knowledge; branches then get what is left. */
async function encodeTexts(
  rows: readonly Row[],
  { spec, tokenizer }: AppContext<TextSpec>,
): Promise<(EncodedSequence & TreeRow)[]> {
  const { sequenceLength } = spec;
  const inputs = textsOf(rows, spec).map((input): readonly string[] =>
    typeof input === 'string' ? [input] : input,
  );
  const query = queryOf(spec.knowledge, tokenizer);
  const found = await query.find(inputs.flat());
  const encodings = await tokenizer.encodeBatch(
    inputs.map((input) => (input.length === 1 ? input[0]! : (input as unknown as [string, string]))),
    { maxLength: sequenceLength },
  );
  return encodings.map((encoding, r) => {
    const { ids, offsets, sequenceIds } = encoding;
    const { length: texts } = inputs[r]!;
    const mentions = found.slice(r * texts, (r + 1) * texts).flatMap((entities, s) => {
      const first = sequenceIds.indexOf(s as 0 | 1);
      if (entities.length === 0 || first < 0) return [];
      const tokens = offsets.slice(first, sequenceIds.lastIndexOf(s as 0 | 1) + 1);
      return mentionsOf(entities, tokens, first, query);
    });
    const tree = buildSentenceTree(ids, mentions, sequenceLength);
    const segments = spec.secondSequence === null ? null : encoding.typeIds;
    return {
      length: tree.ids.length,
      ids: tree.ids,
      // A branch belongs to the text that its entity is in.
      typeIds: segments === null ? null : tree.sources.map((token) => segments[token]!),
      tree,
    };
  });
}
