import { z } from 'zod';
import { option, type TrainConfig } from '../../config/index.js';
import { distillationFields } from '../shared/options.js';

const { teacherWeights: _, ...fields } = distillationFields;
const weight = (description: string, value = 1) =>
  option(z.number().nonnegative().default(value), { description, group: 'Training' });

export const intermediateOptions = z.strictObject({
  ...fields,
  layerMap: option(z.array(z.string().min(1)).optional(), {
    description:
      "pairs of layers, student:teacher, counted from 1, e.g. 1:2,2:4; unset = the teacher's layers evenly spread",
    group: 'Training',
    value: 'pairs',
  }),
  hiddenWeight: weight('weight of the hidden states of the paired layers; 0 = leave out'),
  attentionWeight: weight('weight of the attention of the paired layers; 0 = leave out'),
  embeddingWeight: weight("weight of the embeddings' output; 0 = leave out"),
  logitsWeight: weight(
    "weight of the loss of method kd on the logits; 0 = intermediate layers only, TinyBERT's first stage",
  ),
  intermediateWeightEnd: option(z.number().nonnegative().optional(), {
    description:
      'factor of the three weights of layers at the last step, reached linearly from 1; unset = constant',
    group: 'Training',
  }),
});

export type IntermediateConfig = TrainConfig & z.output<typeof intermediateOptions>;
