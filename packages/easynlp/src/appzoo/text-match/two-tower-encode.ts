import {
  type EncodedRow,
  type HostBatch,
  type HostTensor,
  intVector,
  LabelSet,
  type Row,
} from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { AppContext, CollateOptions } from '../app.js';
import { collateTexts, type EncodedSequence, encodeTexts } from '../sequence/index.js';
import { scoreOf } from './scores.js';
import { secondColumn, type TwoTowerSpec } from './two-tower-spec.js';

/** A pair of texts, or one of them. */
export interface EncodedTowers extends EncodedRow {
  readonly first: EncodedSequence | null;
  readonly second: EncodedSequence | null;
  readonly negative: EncodedSequence | null;
  /** 0 or 1, a class of a siamese text, or a score; NaN when none was asked for. */
  readonly gold: number;
}

const labelSets = new WeakMap<TwoTowerSpec, LabelSet>();

function goldOf(row: Row, spec: TwoTowerSpec): number {
  if (spec.gold === 'none') return 1;
  if (spec.gold === 'scores') return scoreOf(row, spec.labelName!);
  const labels = labelSets.get(spec) ?? new LabelSet(spec.labels);
  labelSets.set(spec, labels);
  return labels.idIn(row, spec.labelName!);
}

/** Tokenizes each text by itself. Without labels rows may hold either text or both; with them, all. */
export async function encodeTowers(
  rows: readonly Row[],
  context: AppContext<TwoTowerSpec>,
  { labels }: { labels: boolean },
): Promise<EncodedTowers[]> {
  const { spec } = context;
  const gold = rows.map((row) => (labels ? goldOf(row, spec) : Number.NaN));
  const column = async (name: string | null, wanted: (row: Row) => boolean) => {
    const out = new Array<EncodedSequence | null>(rows.length).fill(null);
    if (name === null) return out;
    const places = [...rows.keys()].filter((i) => wanted(rows[i]!));
    const single = {
      ...context,
      spec: { ...spec, firstSequence: name, secondSequence: null, labelName: '' },
    };
    const encoded = await encodeTexts(
      places.map((i) => rows[i]!),
      single,
    );
    for (const [at, i] of places.entries()) out[i] = encoded[at]!;
    return out;
  };
  const given = (name: string | null) => (row: Row) => row.values[name!] !== undefined;
  const wanted = (name: string) => (labels ? () => true : given(name));
  const secondName = labels ? spec.secondSequence : secondColumn(spec);
  const first = await column(spec.firstSequence, wanted(spec.firstSequence));
  const second = await column(secondName, wanted(secondColumn(spec)));
  // Rows of JSON Lines may lack a hard negative; validation data need none at all.
  const negative = labels ? await column(spec.negativeSequence, given(spec.negativeSequence)) : [];
  return rows.map((row, i) => {
    const texts = [first[i] ?? null, second[i] ?? null, negative[i] ?? null] as const;
    if (texts[0] === null && texts[1] === null) {
      throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
        file: row.file,
        line: row.line,
        column: spec.firstSequence,
        known: Object.keys(row.values),
      });
    }
    return {
      length: Math.max(...texts.map((t) => t?.length ?? 0)),
      first: texts[0],
      second: texts[1],
      negative: texts[2],
      gold: gold[i]!,
    };
  });
}

/** Equal texts get equal numbers. */
export function numberTexts(texts: readonly EncodedSequence[]): number[] {
  const numbers = new Map<string, number>();
  return texts.map((text) => {
    const key = text.ids.join();
    const known = numbers.get(key) ?? numbers.size;
    numbers.set(key, known);
    return known;
  });
}

const floats = (values: readonly number[]): HostTensor => ({
  data: Float32Array.from(values),
  shape: [values.length],
  dtype: 'float32',
});

/**
 * `firstIds` and `firstMask` [B₁, T₁], the same for `second` and `negative`, of those rows that have such a text; with
 * labels also `labels` [N] and what the loss needs to know about pairs: `firstGroups`, `groups` (numbers of equal
 * texts), or, for siamese texts, `classes` [B] and all pairs of the batch (`pairFirst`, `pairSecond` [N]).
 *
 * The names are not those of single texts: two texts of different lengths are no one batch to be unpadded.
 */
export function collateTowers(
  rows: readonly EncodedTowers[],
  { spec, tokenizer }: AppContext<TwoTowerSpec>,
  options: CollateOptions = {},
): HostBatch {
  const tensors: Record<string, HostTensor> = {};
  let tokens = 0;
  let paddedTokens = 0;
  const of = (tower: 'first' | 'second' | 'negative') =>
    rows.map((row) => row[tower]).filter((text) => text !== null);
  for (const tower of ['first', 'second', 'negative'] as const) {
    const texts = of(tower);
    if (texts.length === 0) continue;
    const batch = collateTexts(texts, { tokenizer }, options);
    tensors[`${tower}Ids`] = batch.tensors.inputIds!;
    if (batch.tensors.attentionMask) tensors[`${tower}Mask`] = batch.tensors.attentionMask;
    tokens += batch.tokens;
    paddedTokens += batch.paddedTokens;
  }
  if (rows.every((row) => !Number.isNaN(row.gold))) Object.assign(tensors, goldTensors(rows, spec));
  return { tensors, size: rows.length, tokens, paddedTokens };
}

function goldTensors(rows: readonly EncodedTowers[], spec: TwoTowerSpec): Record<string, HostTensor> {
  const gold = rows.map((row) => row.gold);
  if (spec.siamese) {
    if (spec.loss.name === 'infonce') return { classes: intVector(gold) };
    const pairs = gold.flatMap((_, i) => gold.slice(0, i).map((_, j) => [j, i] as const));
    return {
      pairFirst: intVector(pairs.map(([i]) => i)),
      pairSecond: intVector(pairs.map(([, j]) => j)),
      labels: floats(pairs.map(([i, j]) => (gold[i] === gold[j] ? 1 : 0))),
    };
  }
  const [least, most] = spec.scoreRange ?? [0, 1];
  const labels = floats(spec.loss.name === 'mse' ? gold.map((g) => (g - least) / (most - least)) : gold);
  if (spec.loss.name !== 'infonce') return { labels };
  const texts = (tower: 'first' | 'second' | 'negative') =>
    rows.map((row) => row[tower]).filter((text) => text !== null);
  return {
    labels,
    firstGroups: intVector(numberTexts(texts('first'))),
    groups: intVector(numberTexts([...texts('second'), ...texts('negative')])),
  };
}
