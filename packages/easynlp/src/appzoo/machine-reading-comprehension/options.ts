import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';

const count = () => z.int().positive().optional();
const column = () => z.string().min(1).optional();
const easynlp = (key: string) => `${key} (user_defined_parameters)`;

/** What training, evaluating and predicting have in common. */
const reading = {
  qasId: option(column(), {
    description: 'column of the question’s identifier; unset = qas_id or id where there is one',
    group: 'App',
    value: 'column',
    easynlp: easynlp('qas_id'),
  }),
  answerName: option(column(), {
    description: 'column of the answer’s text; unset = answer_text or answers.text',
    group: 'App',
    value: 'column',
    easynlp: easynlp('answer_name'),
  }),
  startPositionName: option(column(), {
    description:
      'column of the place where the answer begins, in characters; unset = start_position_character or answers.answer_start; without one the first such text counts',
    group: 'App',
    value: 'column',
    easynlp: easynlp('start_position_name'),
  }),
  language: option(z.enum(['zh', 'en']).optional(), {
    description:
      'how answers are compared: zh as the script of CMRC 2018, en as that of SQuAD; unset = by the training data',
    group: 'App',
    easynlp: easynlp('language'),
  }),
  maxQueryLength: option(count(), {
    description: 'tokens of a question, longer ones are cut; unset = 64, and at most half of sequenceLength',
    group: 'App',
    easynlp: easynlp('max_query_length'),
  }),
  docStride: option(count(), {
    description:
      'tokens from the beginning of a window to that of the next one; unset = 128, and at most half a window',
    group: 'App',
    easynlp: easynlp('doc_stride'),
  }),
  maxAnswerLength: option(count(), {
    description: 'tokens of the longest answer; unset = 100 for zh, 30 for en',
    group: 'App',
    easynlp: easynlp('max_answer_length'),
  }),
  nBestSize: option(count(), {
    description: 'answers that are given for each question; unset = 10',
    group: 'App',
    easynlp: easynlp('n_best_size'),
  }),
};

/** Options of training machine_reading_comprehension beside the common ones. */
export const readingTrainOptions = z.strictObject({
  sequenceLength: option(z.int().min(2).default(384), {
    description: 'tokens of a window: the question and a part of the text, special tokens included',
    group: 'Data',
    easynlp: 'sequence_length',
  }),
  ...reading,
  unanswerable: option(z.boolean().optional(), {
    description:
      'questions may have no answer (SQuAD 2); the threshold is found on dev; unset = when training data have such questions',
    group: 'App',
  }),
});

const useOptions = {
  ...reading,
  unanswerable: option(z.boolean().optional(), {
    description: 'questions may have no answer; unset = as trained',
    group: 'App',
  }),
  unanswerableThreshold: option(z.number().optional(), {
    description:
      'no answer is given when its score (the sum of two logits) exceeds the best answer’s by more; unset = as found in training',
    group: 'App',
  }),
};

/** The same for evaluating it. */
export const readingEvaluateOptions = z.strictObject(useOptions);

/** The same for predicting. */
export const readingPredictOptions = z.strictObject({
  ...useOptions,
  outputAnswerFile: option(z.string().min(1).optional(), {
    description: 'JSON file with the answers by identifier, as the scripts of SQuAD and CMRC 2018 read it',
    group: 'App',
    value: 'file',
    easynlp: easynlp('output_answer_file'),
  }),
});

export type ReadingTrainConfig = z.output<typeof readingTrainOptions>;
export type ReadingUseConfig = z.output<typeof readingPredictOptions>;
/** What `train()` takes for this task. */
export type ReadingTrainOptions = TrainOptions & z.input<typeof readingTrainOptions>;
