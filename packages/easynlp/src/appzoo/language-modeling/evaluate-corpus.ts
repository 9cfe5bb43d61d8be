import { setImmediate as turn } from 'node:timers/promises';
import { nn, noGrad, tidy } from '@easynlp/torch';
import type { Split, TokenCache } from '../../datahub/corpus/index.js';
import { table } from '../../util/index.js';
import type { Evaluation } from '../evaluate.js';
import type { LoadedApp } from '../inference.js';
import { uploadBatch, withPrecision } from '../runtime.js';
import { hostBatch } from './corpus-data.js';
import { evaluationBatches, type MlmDataOptions } from './mlm-batch.js';

export interface CorpusPart {
  /** Default: the held-out documents. */
  readonly split?: Split;
  /** Batches of a source that are looked at. Default: all. */
  readonly mostBatches?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a split fills at least one sequence; what does not has no figures. */
export function hasSequences(cache: TokenCache, split: Split, sequenceLength: number): boolean {
  return Object.values(cache.sizes(split)).some((tokens) => tokens >= sequenceLength - 2);
}

interface Counts {
  masked: number;
  correct: number;
  /** Sum of −log p of the masked tokens. */
  loss: number;
}

const figures = ({ masked, correct, loss }: Counts) => ({
  accuracy: correct / masked,
  loss: loss / masked,
  perplexity: Math.exp(loss / masked),
});

/**
 * Accuracy and perplexity of masked tokens on documents, over all of them and per source. The masks depend on the
 * seed, the source's name and the sequence's number alone, so that models and batch sizes can be compared.
 */
export async function evaluateCorpus(
  { model, runtime }: LoadedApp,
  cache: TokenCache,
  data: MlmDataOptions,
  { split = 'heldOut', mostBatches = Number.POSITIVE_INFINITY, signal }: CorpusPart = {},
): Promise<Evaluation> {
  const wasTraining = model.training;
  model.eval();
  const bySource: Record<string, Counts> = {};
  let rows = 0;
  try {
    for (const { name } of cache.header.sources) {
      const counts = { masked: 0, correct: 0, loss: 0 };
      let batches = 0;
      for (const batch of evaluationBatches(cache, name, data, split)) {
        if (batches++ >= mostBatches) break;
        signal?.throwIfAborted();
        rows += batch.rows;
        counts.masked += batch.masked;
        const shape = {
          batchSize: data.batchSize,
          sequenceLength: data.sequenceLength,
          positions: batch.labels.length,
        };
        tidy(() => {
          noGrad(() => {
            const inputs = uploadBatch(hostBatch(batch, shape), runtime.device);
            const { logits } = withPrecision(runtime, () => model.forward(inputs)); // [N, V]
            const labels = inputs.labels!;
            const loss = nn.functional.crossEntropy(logits!.to({ dtype: 'float32' }), labels, {
              reduction: 'sum',
            });
            counts.loss += loss.item();
            counts.correct += logits!.argmax({ dim: -1 }).eq(labels).sum().item();
          });
        });
        await turn();
      }
      if (counts.masked > 0) bySource[name] = counts;
    }
  } finally {
    model.train(wasTraining);
  }
  const all = Object.values(bySource).reduce(
    (sum, c) => ({
      masked: sum.masked + c.masked,
      correct: sum.correct + c.correct,
      loss: sum.loss + c.loss,
    }),
    { masked: 0, correct: 0, loss: 0 },
  );
  const details = Object.fromEntries(
    Object.entries(bySource).map(([name, counts]) => [name, figures(counts)]),
  );
  return {
    values: figures(all),
    details,
    text: table(
      [
        ['source', 'accuracy', 'perplexity'],
        ...Object.entries(details).map(([name, f]) => [name, f.accuracy.toFixed(4), f.perplexity.toFixed(2)]),
      ],
      { header: true },
    ),
    rows,
  };
}
