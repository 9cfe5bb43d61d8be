import { z } from 'zod';
import { option, type TrainConfig } from '../../config/index.js';
import { ptuningFields } from '../p-tuning/index.js';

/** Options of the meta-learner and of the adaptation to a task. */
export const stageFields = {
  promptEncoder: ptuningFields.promptEncoder,
  promptLrFactor: ptuningFields.promptLrFactor,
  universalShare: option(z.number().min(0).max(1).default(0.5), {
    description:
      'transprompt: share of the universal prompt encoder in the vectors of <pseudo>, the rest is the task’s own; EasyNLP: 0.2',
    group: 'Training',
  }),
  prototypeZeta: option(z.number().min(0).max(1).default(0.5), {
    description: 'transprompt: share ζ of a row’s own task in its prototype score; EasyNLP’s α',
    group: 'Training',
  }),
  prototypeForm: option(z.enum(['ratio', 'distance', 'none']).default('ratio'), {
    description:
      'transprompt: weights of rows by how typical they are: share of the similarity (paper), negative distance with a softmax over the batch (EasyNLP), or equal weights',
    group: 'Training',
  }),
  entropyWeight: option(z.number().default(0.01), {
    description:
      'transprompt: λ of the entropy that the meta-learner is rewarded for; 0 = none, −0.01 = EasyNLP without its switch',
    group: 'Training',
  }),
};

export const transPromptOptions = z.strictObject({
  ...stageFields,
  adaptEpochs: option(z.int().positive().optional(), {
    description:
      'transprompt: passes over a task’s own rows when the meta-learner adapts to it; unset = epochs',
    group: 'Training',
  }),
  adaptLearningRate: option(z.number().positive().optional(), {
    description: 'transprompt: learning rate of the adaptation; unset = learningRate',
    group: 'Optimization',
  }),
});

export const stageOptions = z.strictObject({
  ...stageFields,
  groupFile: option(z.string().min(1).optional(), {
    description: 'transprompt_stage: the checked group that transprompt wrote',
    group: 'Data',
    value: 'file',
  }),
  groupTask: option(z.string().min(1).optional(), {
    description: 'transprompt_stage: task of the group to adapt to; unset = learn from all of them',
    group: 'Data',
  }),
});

export type TransPromptConfig = TrainConfig & z.output<typeof transPromptOptions>;
export type StageConfig = TrainConfig & z.output<typeof stageOptions>;
