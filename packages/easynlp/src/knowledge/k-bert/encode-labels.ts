import type { App, AppContext } from '../../appzoo/app.js';
import type { EncodedSentence, EncodedWindow } from '../../appzoo/sequence-labeling/encode.js';
import type { LabelingSpec } from '../../appzoo/sequence-labeling/index.js';
import type { Units } from '../../appzoo/sequence-labeling/units.js';
import type { Row } from '../../datahub/index.js';
import type { Offset } from '../../text/index.js';
import type { KnowledgeSpec } from './encode-texts.js';
import { gapBetween } from './join-words.js';
import { buildSentenceTree, type Mention } from './sentence-tree.js';
import { mentionsOf, queryOf, type TreeRow } from './tree-rows.js';

type TreeWindow = EncodedWindow & TreeRow;

/**
 * Windows of texts as sentence trees. Only the text's own units have places among the tokens, so that branches get no
 * tags, neither in the loss nor in results; the windows are those without knowledge, and branches take the room in them.
 */
export async function encodeTreeWindows(
  base: App,
  rows: readonly Row[],
  context: AppContext<LabelingSpec & KnowledgeSpec>,
  options: { labels: boolean },
): Promise<TreeWindow[]> {
  const encoded = (await base.encode(rows, context, options)) as EncodedWindow[];
  const { spec, tokenizer } = context;
  const query = queryOf(spec.knowledge, tokenizer);
  const texts = encoded.map(({ sentence }) => textOfUnits(sentence.units));
  const found = await query.find(texts.map(({ text }) => text));
  return encoded.map(({ sentence }, r) => {
    const mentions = mentionsOf(found[r]!, texts[r]!.offsets, 0, query);
    const windows: TreeWindow[] = [];
    const whole: EncodedSentence = { ...sentence, windows };
    for (const window of sentence.windows) {
      const tree = buildSentenceTree(window.ids, inWindow(mentions, window), spec.sequenceLength);
      windows.push({
        ...window,
        length: tree.ids.length,
        ids: tree.ids,
        sentence: whole,
        positions: window.positions.map((token) => tree.trunk[token]!),
        tree,
      });
    }
    return windows[0]!;
  });
}

/** The text that entities are looked for in, and where its units are: tokens that were given stand side by side. */
function textOfUnits({ text, surfaces, starts, ends, given }: Units): {
  text: string;
  offsets: readonly Offset[];
} {
  if (!given) return { text, offsets: surfaces.map((_, i): Offset => [starts[i]!, ends[i]!]) };
  let joined = '';
  const offsets = surfaces.map((surface, i): Offset => {
    joined += (i === 0 ? '' : gapBetween(surfaces[i - 1]!, surface)) + surface;
    return [joined.length - surface.length, joined.length];
  });
  return { text: joined, offsets };
}

/** Entities over units as entities over the tokens of a window that has them whole. */
function inWindow(mentions: readonly Mention[], { from, to, positions, length }: EncodedWindow): Mention[] {
  return mentions
    .filter((mention) => mention.from >= from && mention.to <= to)
    .map((mention) => ({
      from: positions[mention.from - from]!,
      to: mention.to === to ? length - 1 : positions[mention.to - from]!,
      branches: mention.branches,
    }));
}
