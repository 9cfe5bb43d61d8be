import { noGrad, tidy } from '@easynlp/torch';
import type { AppContext } from '../../appzoo/app.js';
import { type Runtime, uploadBatch, withPrecision } from '../../appzoo/runtime.js';
import type { DataSource, Row } from '../../datahub/index.js';
import { encodePrompted, type PromptedRow } from '../prompt/index.js';
import { collateCpTuning } from './batch.js';
import type { CpTuningModel } from './model.js';
import type { CpTuningSpec } from './spec.js';

/**
 * Which training rows become anchors: all, or `most` of them, taken from the labels in turn in the order of the file.
 *
 * @param labels label of each row
 * @returns row numbers, ascending
 */
export function anchorRows(labels: readonly number[], most: number): number[] {
  if (labels.length <= most) return labels.map((_, row) => row);
  const queues = new Map<number, number[]>();
  for (const [row, label] of labels.entries()) {
    const queue = queues.get(label) ?? [];
    queues.set(label, queue);
    queue.push(row);
  }
  const chosen: number[] = [];
  for (let turn = 0; chosen.length < most; turn++) {
    for (const queue of queues.values()) {
      const row = queue[turn];
      if (row !== undefined && chosen.length < most) chosen.push(row);
    }
  }
  return chosen.sort((a, b) => a - b);
}

/** Reads and encodes the rows with these numbers. */
export async function readAnchors(
  source: DataSource,
  numbers: readonly number[],
  context: AppContext<CpTuningSpec>,
): Promise<PromptedRow[]> {
  const wanted = new Set(numbers);
  const rows: Row[] = [];
  let number = 0;
  for await (const row of source.rows()) if (wanted.has(number++)) rows.push(row);
  return encodePrompted(rows, context, { labels: true });
}

/** Computes the features of the anchors anew, without dropout and without hidden tokens, and puts them into the model. */
export function refreshAnchors(
  model: CpTuningModel,
  rows: readonly PromptedRow[],
  context: AppContext<CpTuningSpec>,
  { runtime, batchSize }: { readonly runtime: Runtime; readonly batchSize: number },
): void {
  const wasTraining = model.training;
  model.eval();
  try {
    noGrad(() => {
      for (let from = 0; from < rows.length; from += batchSize) {
        const part = rows.slice(from, from + batchSize);
        tidy(() => {
          const inputs = uploadBatch(collateCpTuning(part, context), runtime.device);
          const features = withPrecision(runtime, () => model.features(model.encode(inputs), inputs));
          model.buffer('anchors').narrow(0, from, part.length).copy_(features);
          model.buffer('anchorLabels').narrow(0, from, part.length).copy_(inputs.labels!);
        });
      }
    });
  } finally {
    model.train(wasTraining);
  }
}
