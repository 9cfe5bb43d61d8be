import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';

/** Without another wish: where the loss draws the line. */
export const DEFAULT_THRESHOLD = 0.5;
export const DEFAULT_MAX_SPANS = 100;

const threshold = option(z.number().gt(0).lt(1).optional(), {
  description: `probability from which on a part of the text is an answer; unset = ${DEFAULT_THRESHOLD}, or as trained (EasyNLP: 0.6)`,
  group: 'App',
});
const maxSpans = option(z.int().positive().optional(), {
  description: `most answers to one question in one window of the text; unset = ${DEFAULT_MAX_SPANS}, or as trained (EasyNLP: 50)`,
  group: 'App',
});
const scheme = option(z.string().min(1).optional(), {
  description:
    'what to look for: types of entities, "人物;地点", or events with roles, "比赛:冠军,亚军;会议:地点"; unset = the types of the training data',
  group: 'App',
  value: 'types',
});
const typeNames = option(z.string().min(1).optional(), {
  description: 'words for types in questions, where the data name them otherwise: "address=地址;name=姓名"',
  group: 'App',
  value: 'type=words;…',
});

/** Options of training information_extraction beside the common ones. */
export const extractionTrainOptions = z.strictObject({
  mode: option(z.enum(['prompt', 'types']).default('prompt'), {
    description:
      'prompt: a question for each type, so that events and types unknown to training may be asked for; types: a head for each type, all in one pass',
    group: 'App',
  }),
  scheme,
  typeNames,
  negatives: option(z.int().min(0).optional(), {
    description: 'prompt: questions without an answer that each text is trained on; unset = all there are',
    group: 'App',
  }),
  threshold,
  maxSpans,
});

/** The same for evaluating it. */
export const extractionEvaluateOptions = z.strictObject({ threshold, maxSpans });

/** The same for predicting. */
export const extractionPredictOptions = z.strictObject({
  scheme,
  schemeName: option(z.string().min(1).optional(), {
    description:
      'column of what to look for in each row, where rows differ; unset = scheme, where there is one',
    group: 'App',
    value: 'column',
  }),
  typeNames,
  task: option(z.enum(['auto', 'NER', 'EE']).default('auto'), {
    description:
      'NER: entities; EE: events in two steps, first triggers, then arguments; auto = EE where the scheme has roles',
    group: 'App',
    easynlp: 'task (user_defined_parameters)',
  }),
  threshold,
  maxSpans,
});

export type ExtractionTrainConfig = z.output<typeof extractionTrainOptions>;
export type ExtractionUseConfig = z.output<typeof extractionPredictOptions>;
/** What `train()` takes for this task. */
export type ExtractionTrainOptions = TrainOptions & z.input<typeof extractionTrainOptions>;
