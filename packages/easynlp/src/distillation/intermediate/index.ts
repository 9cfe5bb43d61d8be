import type { TrainConfig } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Method } from '../../trainer/method.js';
import type { DistillationConfig } from '../shared/options.js';
import { learnsFromTable, taughtRows } from '../shared/taught-rows.js';
import { intermediateObjective } from './objective.js';
import { type IntermediateConfig, intermediateOptions } from './options.js';

function check(config: IntermediateConfig): void {
  const conflict = (problem: string, hint: string) => new EasyNlpError('CONFIG_CONFLICT', { problem, hint });
  if (config.teacher.length !== 1) {
    throw conflict(
      `kd_intermediate needs one teacher, not ${config.teacher.length}`,
      'Give --teacher with the folder of one trained model; method kd takes several.',
    );
  }
  const { hiddenWeight, attentionWeight, embeddingWeight, logitsWeight } = config;
  if (hiddenWeight + attentionWeight + embeddingWeight + logitsWeight === 0) {
    throw conflict('all weights are 0: there is nothing to learn', 'Leave one of the weights out.');
  }
}

/**
 * Distillation of layers as well as of logits: TinyBERT (Jiao et al. 2020, arXiv 1909.10351) and what TextBrewer calls
 * intermediate matches. The teacher runs beside the student, once a batch, and must have its tokenizer.
 *
 * @example
 * await train({ method: 'kd_intermediate', teacher: ['out/teacher'], layerMap: ['1:2', '2:4'], model: 'bert-tiny-zh',
 *   train: 'train.tsv', dev: 'dev.tsv', output: 'out/student' });
 */
export const intermediate: Method = {
  name: 'kd_intermediate',
  description: "a small model learns a large one's layers, attention and distributions (TinyBERT)",
  apps: ['text_classify', 'text_match'],
  options: intermediateOptions,
  learnsFromTable,
  rows(context) {
    const config = context.config as TrainConfig as IntermediateConfig;
    check(config);
    return taughtRows(
      { ...context, config: { ...config, teacherWeights: [] } as DistillationConfig },
      { ask: false },
    );
  },
  objective: intermediateObjective,
};
