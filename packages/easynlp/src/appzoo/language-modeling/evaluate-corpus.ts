import { setImmediate as turn } from 'node:timers/promises';
import { nn, noGrad, tidy } from '@easynlp/torch';
import type { TokenCache } from '../../datahub/corpus/index.js';
import { table } from '../../util/index.js';
import type { Evaluation } from '../evaluate.js';
import type { LoadedApp } from '../inference.js';
import { uploadBatch, withPrecision } from '../runtime.js';
import { hostBatch } from './corpus-data.js';
import { evaluationBatches, type MlmDataOptions } from './mlm-batch.js';

/** Batches of a source that are looked at; enough for a standard error well below a percent. */
const MOST_BATCHES = 50;

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

/** Accuracy and perplexity of masked tokens on held-out documents, over all of them and per source. */
export async function evaluateCorpus(
  { model, runtime }: LoadedApp,
  cache: TokenCache,
  data: MlmDataOptions,
): Promise<Evaluation> {
  const wasTraining = model.training;
  model.eval();
  const bySource: Record<string, Counts> = {};
  let rows = 0;
  try {
    for (const { name } of cache.header.sources) {
      const counts = { masked: 0, correct: 0, loss: 0 };
      let batches = 0;
      for (const batch of evaluationBatches(cache, name, data)) {
        if (batches++ >= MOST_BATCHES) break;
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
