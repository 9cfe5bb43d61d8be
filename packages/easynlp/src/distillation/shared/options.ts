import { z } from 'zod';
import { option, type TrainConfig } from '../../config/index.js';

/** Options that distillation methods share; each method takes those that it can use. */
export const distillationFields = {
  teacher: option(z.array(z.string().min(1)).default([]), {
    description: 'trained models that teach: folders; of several, the weighted mean of their logits counts',
    group: 'Training',
    value: 'folder,…',
  }),
  teacherWeights: option(z.array(z.number().positive()).default([]), {
    description: 'weights of several teachers or files of logits, in their order; unset = all alike',
    group: 'Training',
  }),
  temperature: option(z.number().positive().default(2), {
    description: 'softens the distributions of teacher and student alike (Hinton et al. 2015)',
    group: 'Training',
    easynlp: 'temperature (user_defined_parameters)',
  }),
  temperatureEnd: option(z.number().positive().optional(), {
    description: 'temperature at the last step, reached linearly; unset = constant',
    group: 'Training',
  }),
  alpha: option(z.number().min(0).max(1).default(0.7), {
    description: "weight of the teacher's distribution; 1 − alpha is the weight of the gold labels",
    group: 'Training',
    easynlp: 'alpha (user_defined_parameters)',
  }),
  alphaEnd: option(z.number().min(0).max(1).optional(), {
    description: 'alpha at the last step, reached linearly; unset = constant',
    group: 'Training',
  }),
  unlabelled: option(z.array(z.string().min(1)).default([]), {
    description: 'data files whose rows need no label: only the teacher counts for them (alpha 1)',
    group: 'Data',
    value: 'file,…',
  }),
  unlabelledSchema: option(z.string().min(1).optional(), {
    description: 'columns of unlabelled files without a header; unset = schema',
    group: 'Data',
    value: 'columns',
  }),
  labelledRepeat: option(z.int().positive().default(1), {
    description: 'how often an epoch gives each labelled row, to balance few of them against many unlabelled',
    group: 'Training',
  }),
  augment: option(z.int().nonnegative().default(0), {
    description:
      'further texts made from each training row by a masked language model; the teacher labels them. 0 = none',
    group: 'Data',
    easynlp: 'expansion_rate (user_defined_parameters)',
  }),
  augmentModel: option(z.string().min(1).optional(), {
    description: 'masked language model that makes them: a folder or a hub name; unset = model',
    group: 'Data',
    value: 'name|folder',
  }),
  augmentMaskProportion: option(z.number().gt(0).max(1).default(0.25), {
    description: 'share of the words that are replaced',
    group: 'Data',
    easynlp: 'mask_proportion (user_defined_parameters)',
  }),
  augmentTemperature: option(z.number().nonnegative().default(1), {
    description: 'randomness of the replacements; 0 = the most probable token',
    group: 'Data',
  }),
} as const;

/** Distillation from few labelled rows: whom to believe where, and a second, made-up teacher. */
export const fewRowsFields = {
  crossTeacher: option(z.array(z.string().min(1)).default([]), {
    description:
      'trained models of a like task in another domain: a row on which they disagree with the teacher counts for less',
    group: 'Training',
    value: 'folder,…',
  }),
  smoothWeight: option(z.number().min(0).max(1).default(0), {
    description:
      'weight γ of a made-up teacher that gives the gold label smoothProbability; 1 − alpha − γ is left for the gold labels',
    group: 'Training',
  }),
  smoothProbability: option(z.number().gt(0).lt(1).default(0.9), {
    description: 'what the made-up teacher gives the gold label, the others share the rest',
    group: 'Training',
  }),
} as const;

/** The same with logits that a teacher has written down before. */
export const writtenLogitsFields = {
  teacherLogits: option(z.array(z.string().min(1)).default([]), {
    description:
      "files with a teacher's logits, one comma-separated line for each row of train (instead of teacher)",
    group: 'Training',
    value: 'file,…',
    easynlp: 'logits_saved_path (user_defined_parameters)',
  }),
  teacherLogitsColumn: option(z.string().min(1).optional(), {
    description: "column of train with a teacher's comma-separated logits (instead of teacher)",
    group: 'Training',
    value: 'column',
    easynlp: 'logits_name (user_defined_parameters)',
  }),
} as const;

const shared = z.object(distillationFields);
export type DistillationConfig = TrainConfig & z.output<typeof shared>;

const fewRows = z.object(fewRowsFields);
export type FewRowsConfig = z.output<typeof fewRows>;
