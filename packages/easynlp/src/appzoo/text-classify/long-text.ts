import type { Row } from '../../datahub/index.js';
import type { AppContext, HostOutputs, MetricAccumulator, MetricReport } from '../app.js';
import {
  type ClassificationResult,
  decodeClasses,
  type EncodedText,
  encodeLabelled,
  textOf,
} from '../sequence/index.js';
import { borderAfter, planWindows } from '../sequence-labeling/windows.js';
import type { LongTextSpec, TextClassifySpec } from './spec.js';

/** A text that may be longer than the model: its first window, and all of them where there are several. */
export interface EncodedLongText extends EncodedText {
  readonly windows?: readonly EncodedWindow[];
}

export interface EncodedWindow extends EncodedText {
  /** The text that the window is of. */
  readonly whole: object;
}

/** [CLS] and [SEP]. */
const SPECIAL = 2;

/**
 * Texts in windows of at most `sequenceLength` tokens, each with [CLS] and [SEP]. A text that fits is encoded as without
 * windows.
 */
export async function encodeWindows(
  rows: readonly Row[],
  context: AppContext<TextClassifySpec>,
  options: { labels: boolean },
): Promise<EncodedLongText[]> {
  const { spec, tokenizer } = context;
  const cut: readonly EncodedText[] = await encodeLabelled(rows, context, options);
  const long = [...cut.keys()].filter((i) => cut[i]!.length >= spec.sequenceLength);
  const texts = long.map((i) => textOf(rows[i]!, spec.firstSequence));
  const encodings = await tokenizer.encodeBatch(texts);
  const out: EncodedLongText[] = [...cut];
  for (const [at, i] of long.entries()) {
    const { ids, offsets, length } = encodings[at]!;
    if (length <= spec.sequenceLength) continue;
    const text = texts[at]!;
    const count = length - SPECIAL;
    const plan = planWindows(new Uint8Array(count).fill(1), spec.sequenceLength - SPECIAL, (unit) =>
      borderAfter(text.slice(offsets[unit + 1]![1] - 1, offsets[unit + 1]![1])),
    );
    const whole = {};
    const windows = plan.map(({ from, to }): EncodedWindow => {
      const own = new Int32Array(to - from + SPECIAL);
      own[0] = ids[0]!;
      own.set(ids.subarray(from + 1, to + 1), 1);
      own[own.length - 1] = ids[length - 1]!;
      return { length: own.length, ids: own, typeIds: null, label: cut[i]!.label, whole };
    });
    out[i] = { ...windows[0]!, windows };
  }
  return out;
}

/** One distribution from those of the windows, in the order of the labels. */
export function mergeProbabilities(
  windows: readonly (readonly number[])[],
  merge: LongTextSpec['merge'],
): number[] {
  const merged = windows[0]!.map((_, c) => {
    const values = windows.map((p) => p[c]!);
    return merge === 'max'
      ? values.reduce((a, b) => Math.max(a, b))
      : values.reduce((a, b) => a + b) / values.length;
  });
  const sum = merged.reduce((a, b) => a + b, 0);
  return merged.map((p) => p / sum);
}

/** Of a text that was read in windows, `logit` is the logarithm of the merged probability. */
export function joinWindows(
  results: readonly ClassificationResult[],
  _row: EncodedText,
  { spec }: AppContext<TextClassifySpec>,
): ClassificationResult {
  if (results.length === 1) return results[0]!;
  const inOrder = results.map(({ scores }) => {
    const byLabel = new Map(scores.map((s) => [s.label, s.probability]));
    return spec.labels.map((label) => byLabel.get(label)!);
  });
  const merged = mergeProbabilities(inOrder, spec.longText?.merge ?? 'mean');
  const scores = spec.labels
    .map((label, l) => ({ label, probability: merged[l]!, logit: Math.log(merged[l]!) }))
    .sort((a, b) => b.probability - a.probability);
  return { ...scores[0]!, scores };
}

/** Figures of texts: what the windows of a text say is merged before it is counted. */
export class WindowMetrics implements MetricAccumulator<EncodedText> {
  private readonly found = new Map<object, { row: EncodedText; results: ClassificationResult[] }>();

  constructor(
    private readonly spec: TextClassifySpec,
    private readonly plain: MetricAccumulator<EncodedText>,
  ) {}

  add(outputs: HostOutputs, rows: readonly EncodedText[]): void {
    const context = { spec: this.spec } as AppContext<TextClassifySpec>;
    const results = decodeClasses(outputs, context);
    for (const [i, row] of rows.entries()) {
      const key = (row as Partial<EncodedWindow>).whole ?? row;
      const known = this.found.get(key);
      if (known) known.results.push(results[i]!);
      else this.found.set(key, { row, results: [results[i]!] });
    }
  }

  report(): MetricReport {
    const { spec } = this;
    const context = { spec } as AppContext<TextClassifySpec>;
    const rows = [...this.found.values()];
    const data = new Float32Array(rows.length * spec.labels.length);
    for (const [r, { row, results }] of rows.entries()) {
      const { scores } = joinWindows(results, row, context);
      const byLabel = new Map(scores.map((s) => [s.label, s.logit]));
      for (const [l, label] of spec.labels.entries()) data[r * spec.labels.length + l] = byLabel.get(label)!;
    }
    const shape = [rows.length, spec.labels.length];
    this.plain.add(
      { logits: { data, shape } },
      rows.map(({ row }) => row),
    );
    return this.plain.report();
  }
}
