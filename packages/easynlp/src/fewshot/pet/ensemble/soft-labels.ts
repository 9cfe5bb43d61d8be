import { type Tensor, tidy } from '@easynlp/torch';
import { z } from 'zod';
import type { App, AppContext, ModelInputs } from '../../../appzoo/app.js';
import type { EncodedText } from '../../../appzoo/sequence/index.js';
import { option, type TrainConfig } from '../../../config/index.js';
import { floatMatrix, type Row } from '../../../datahub/index.js';
import { EasyNlpError } from '../../../errors/index.js';
import type { Method } from '../../../trainer/method.js';

interface SoftRow extends EncodedText {
  readonly soft: readonly number[] | null;
}

function scoresOf(row: Row, column: string, labels: number): readonly number[] | null {
  const value = row.values[column];
  if (value === undefined) return null;
  if (Array.isArray(value) && value.length === labels && value.every((x) => Number.isFinite(x))) {
    return value as readonly number[];
  }
  throw new EasyNlpError('DATA_CELL', {
    ...{ file: row.file, line: row.line, column },
    got: value,
    expected: `a list of ${labels} numbers, the scores of the labels`,
  });
}

/** The app whose rows have scores of their labels beside them; rows without them (of the validation file) stay as they are. */
function withScores(app: App, column: string): App {
  return {
    ...app,
    async encode(rows, context: AppContext, options) {
      const labels = (context.spec as unknown as { labels: readonly string[] }).labels.length;
      const encoded = await app.encode(rows, context, options);
      return encoded.map((row, i) => ({ ...row, soft: scoresOf(rows[i]!, column, labels) }));
    },
    collate(rows, context, options) {
      const batch = app.collate(rows, context, options);
      const soft = (rows as readonly unknown[] as readonly SoftRow[]).map((row) => row.soft);
      if (soft.some((scores) => scores === null)) return batch;
      return { ...batch, tensors: { ...batch.tensors, softScores: floatMatrix(soft as number[][]) } };
    },
  };
}

/** −mean Σ_l q_l log p_l with q = softmax(scores / T), as in PET §3.3 (T = 2), and p the classifier's distribution. */
export function softLabelLoss(logits: Tensor, scores: Tensor, temperature: number): Tensor {
  return tidy(() => {
    const targets = scores.div(temperature).softmax(-1);
    return targets
      .mul(logits.to({ dtype: 'float32' }).logSoftmax(-1))
      .sum({ dim: [-1] })
      .mean()
      .neg();
  });
}

/** A classifier from scores that stand in a column of the training file. The last stage of `pet_ensemble`. */
export const softLabels: Method = {
  name: 'soft_labels',
  description: 'a classifier from scores of the labels that stand in a column of the training file',
  apps: ['text_classify', 'text_match'],
  options: z.strictObject({
    softColumn: option(z.string().min(1).default('scores'), {
      description: 'column of the scores: a list of numbers, in the order of the labels',
      group: 'Data',
      value: 'column',
    }),
    temperature: option(z.number().positive().default(2), {
      description: 'softens the distributions of the scores',
      group: 'Training',
    }),
  }),
  async rows({ config, app, tables }) {
    const { softColumn } = config as TrainConfig & { softColumn: string };
    for await (const row of tables!.train.rows()) {
      if (softColumn in row.values) break;
      throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
        ...{ file: row.file, line: row.line, column: softColumn },
        known: Object.keys(row.values),
      });
    }
    return { tables: tables!, app: withScores(app, softColumn) };
  },
  objective({ config }) {
    const { temperature } = config as TrainConfig & { temperature: number };
    return {
      name: 'soft-labels',
      capturable: true,
      loss: (model, inputs: ModelInputs) => ({
        loss: softLabelLoss(model.forward(inputs).logits!, inputs.softScores!, temperature),
      }),
    };
  },
};
