import type { TrainConfig } from '../../config/index.js';
import type { Method, MethodContext } from '../../trainer/method.js';
import type { Objective } from '../../trainer/objective.js';
import { KdLoss } from '../shared/kd-loss.js';
import type { DistillationConfig, FewRowsConfig } from '../shared/options.js';
import { SameTeacher } from '../shared/same-teacher.js';
import { checkTeachers, learnsFromTable, taughtRows } from '../shared/taught-rows.js';
import type { TaughtTable } from '../shared/taught-table.js';
import { vanillaKdOptions } from './options.js';

function objective({ config, runtime, tables }: MethodContext): Objective {
  const { temperature, temperatureEnd, alpha, alphaEnd, smoothWeight, smoothProbability, ...rest } =
    config as TrainConfig as DistillationConfig & FewRowsConfig;
  const field = rest.teacher.length > 0 ? 'teacher' : 'teacherLogits';
  const same = new SameTeacher((tables!.train as TaughtTable).sample(), field, rest.allowChanged);
  const kd = new KdLoss({
    temperature: { start: temperature, end: temperatureEnd },
    alpha: { start: alpha, end: alphaEnd },
    device: runtime.device,
    smooth: { weight: smoothWeight, probability: smoothProbability },
  });
  return {
    name: 'kd',
    capturable: true,
    loss(model, inputs) {
      const { logits } = model.forward(inputs);
      const { loss, soft, hard } = kd.forward(
        logits!,
        inputs.teacherLogits!,
        inputs.labels!,
        inputs.labelled!,
        inputs.rowWeights ?? null,
      );
      return { loss, logs: { hard, soft } };
    },
    beforeStep: (position) => kd.beforeStep(position),
    stateDict: () => same.stateDict(),
    loadStateDict: (state) => same.loadStateDict(state),
    dispose() {
      kd.dispose();
      same.dispose();
    },
  };
}

/**
 * Knowledge distillation from a teacher's logits: Hinton et al. 2015 (arXiv 1503.02531), EasyNLP's `vanilla_kd`.
 *
 * @example
 * await train({ method: 'kd', teacher: ['out/teacher'], temperature: 2, alpha: 0.7, model: 'bert-tiny-zh',
 *   train: 'train.tsv', dev: 'dev.tsv', output: 'out/student', unlabelled: ['more.tsv'] });
 */
export const vanillaKd: Method = {
  name: 'kd',
  description: "a small model learns a large one's distributions (vanilla knowledge distillation)",
  apps: ['text_classify', 'text_match', 'text_classify_multi_label', 'text_match_regression'],
  options: vanillaKdOptions,
  learnsFromTable,
  async rows(context) {
    checkTeachers(context.config as TrainConfig as DistillationConfig);
    return taughtRows(context);
  },
  objective,
};
