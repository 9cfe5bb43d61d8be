import {
  type EncodedRow,
  type HostBatch,
  type HostTensor,
  padSequences,
  type Row,
} from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import type { AppContext, CollateOptions } from '../app.js';
import { collateTexts } from '../sequence/index.js';
import { goldOf } from './gold.js';
import { type TokenSpan, tagsOfSpans } from './schemes.js';
import type { LabelingSpec } from './spec.js';
import { type Units, unitsOfRow } from './units.js';
import { borderAfter, planWindows } from './windows.js';

/** A text with its units, and the windows that it is cut into. */
export interface EncodedSentence {
  /** Only units that have tokens. */
  readonly units: Units;
  /** Gold entities over the units; null when none were asked for. */
  readonly gold: readonly TokenSpan[] | null;
  readonly windows: readonly EncodedWindow[];
}

/** A window of a text; most texts have one. */
export interface EncodedWindow extends EncodedRow {
  readonly ids: Int32Array;
  readonly typeIds: null;
  readonly sentence: EncodedSentence;
  /** Its units in the text: `from` … `to` − 1. */
  readonly from: number;
  readonly to: number;
  /** Place of each unit's first token among `ids`. */
  readonly positions: Int32Array;
  /** Tag of each unit; null when none were asked for. */
  readonly tags: Int32Array | null;
}

type Pieces = ReadonlyMap<string, Int32Array>;

const caches = new WeakMap<Tokenizer, Map<string, Int32Array>>();
const CACHED = 200_000;

/** The tokens of each unit by itself, so that no unit can shift another; texts repeat their characters. */
async function piecesOf(tokenizer: Tokenizer, surfaces: Iterable<string>, longest: number): Promise<Pieces> {
  let cache = caches.get(tokenizer);
  if (!cache || cache.size > CACHED) {
    cache = new Map();
    caches.set(tokenizer, cache);
  }
  const wanted = new Set<string>();
  for (const surface of surfaces) if (!cache.has(surface)) wanted.add(surface);
  const list = [...wanted];
  if (list.length > 0) {
    // A text that looks like a special token is no special token.
    const special = new Set(
      (['pad', 'cls', 'sep', 'mask'] as const).map((role) => {
        const token = tokenizer.specialToken(role);
        return token === null ? null : tokenizer.tokenToId(token);
      }),
    );
    const encodings = await tokenizer.encodeBatch(list, { addSpecialTokens: false });
    for (const [i, surface] of list.entries()) {
      cache.set(
        surface,
        encodings[i]!.ids.map((id) => (special.has(id) ? tokenizer.unkId : id)),
      );
    }
  }
  return { get: (surface: string) => cache.get(surface)?.subarray(0, longest) } as unknown as Pieces;
}

/**
 * One encoded text a row: the first of its windows, which knows the others. Each unit is tokenized by itself, and its
 * first token stands for it. Given tokens that the tokenizer makes nothing of become [UNK]; such characters of a plain
 * text (control characters) are left out, and entities may go across them.
 */
export async function encodeLabeling(
  rows: readonly Row[],
  { spec, tokenizer }: AppContext<LabelingSpec>,
  { labels }: { labels: boolean },
): Promise<EncodedWindow[]> {
  const capacity = spec.sequenceLength - 2;
  if (capacity < 1) {
    throw new EasyNlpError('DATA_MAX_LENGTH', { got: spec.sequenceLength, special: 2, kind: 'a text' });
  }
  const ids = new Map(spec.labels.map((label, i) => [label, i]));
  const read = rows.map((row) => {
    if (!labels) return { units: unitsOfRow(row, spec), spans: null };
    const { units, spans, tags } = goldOf(row, spec);
    const unknown = spans.find(({ type }) => !spec.types.includes(type));
    if (unknown === undefined) return { units, spans };
    throw new EasyNlpError('DATA_LABEL_UNKNOWN', {
      file: row.file,
      line: row.line + (row.itemLines ? unknown.from : 0),
      column: spec.labelName,
      got: tags?.[unknown.from] ?? unknown.type,
      known: tags ? spec.labels : spec.types,
    });
  });
  const pieces = await piecesOf(
    tokenizer,
    (function* () {
      for (const { units } of read) yield* units.surfaces;
    })(),
    capacity,
  );
  return read.map(({ units: all, spans: given }) => {
    const { units, spans } = all.given ? { units: all, spans: given } : known(all, given, pieces);
    const own = units.surfaces.map((surface) => {
      const found = pieces.get(surface)!;
      return found.length > 0 ? found : Int32Array.of(tokenizer.unkId);
    });
    const tags =
      spans === null
        ? null
        : Int32Array.from(tagsOfSpans(spans, units.surfaces.length, spec.scheme).map((tag) => ids.get(tag)!));
    const windows: EncodedWindow[] = [];
    const sentence: EncodedSentence = { units, gold: spans, windows };
    const lengths = own.map((piece) => piece.length);
    for (const { from, to } of planWindows(lengths, capacity, (i) => borderAfter(units.surfaces[i]!))) {
      const positions = new Int32Array(to - from);
      let length = 1;
      for (let i = from; i < to; i++) {
        positions[i - from] = length;
        length += lengths[i]!;
      }
      const tokens = new Int32Array(length + 1);
      tokens[0] = tokenizer.clsId;
      for (let i = from; i < to; i++) tokens.set(own[i]!, positions[i - from]!);
      tokens[length] = tokenizer.sepId;
      windows.push({
        length: tokens.length,
        ids: tokens,
        typeIds: null,
        sentence,
        from,
        to,
        positions,
        tags: tags?.subarray(from, to) ?? null,
      });
    }
    return windows[0]!;
  });
}

/** A plain text's units without those that have no tokens. */
function known(units: Units, spans: readonly TokenSpan[] | null, pieces: Pieces) {
  const kept: number[] = [];
  for (const [i, surface] of units.surfaces.entries()) if (pieces.get(surface)!.length > 0) kept.push(i);
  if (kept.length === units.surfaces.length) return { units, spans };
  // Where each unit would stand among those that are kept.
  const place = new Int32Array(units.surfaces.length + 1);
  let before = 0;
  for (let i = 0; i <= units.surfaces.length; i++) {
    place[i] = before;
    if (kept[before] === i) before++;
  }
  return {
    units: {
      ...units,
      surfaces: kept.map((i) => units.surfaces[i]!),
      starts: Int32Array.from(kept, (i) => units.starts[i]!),
      ends: Int32Array.from(kept, (i) => units.ends[i]!),
    },
    spans:
      spans
        ?.map(({ type, from, to }) => ({ type, from: place[from]!, to: place[to]! }))
        .filter(({ from, to }) => from < to) ?? null,
  };
}

/**
 * `inputIds` [B, T] and `attentionMask` as for other tasks; `positions` [B, T − 2], the places of the units' first
 * tokens; `labels` of that shape, −100 where there is no unit.
 */
export function collateLabeling(
  rows: readonly EncodedWindow[],
  context: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  // A batch of empty texts needs room for one unit, too.
  const longest = rows.reduce((most, { length }) => Math.max(most, length), 0);
  const batch = collateTexts(
    rows,
    context,
    longest < 3 && !options.padTo ? { ...options, padTo: 3 } : options,
  );
  const length = Math.max(1, batch.tensors.inputIds!.shape[1]! - 2);
  const tensors: Record<string, HostTensor> = {
    ...batch.tensors,
    positions: padSequences(
      rows.map(({ positions }) => positions),
      { length },
    ),
  };
  if (rows.every(({ tags }) => tags !== null)) {
    tensors.labels = padSequences(
      rows.map(({ tags }) => tags!),
      { length, padValue: -100 },
    );
  }
  return { ...batch, tensors };
}
