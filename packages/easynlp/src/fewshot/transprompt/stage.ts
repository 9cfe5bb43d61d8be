import { keep, nn, noGrad, type Tensor, tensor, tidy } from '@easynlp/torch';
import type { App, AppContext } from '../../appzoo/app.js';
import { encodeSource } from '../../appzoo/evaluate.js';
import { uploadBatch, withPrecision } from '../../appzoo/runtime.js';
import {
  type ClassificationResult,
  classificationColumns,
  classificationMetrics,
  decodeClasses,
} from '../../appzoo/sequence/index.js';
import type { Method, MethodContext } from '../../trainer/method.js';
import type { Objective, TrainedGroup } from '../../trainer/objective.js';
import { debiasedLoss, type PrototypeRow, prototypeScores, rowWeights } from './debias.js';
import { type TransPromptModel, transPromptModel } from './model.js';
import { type StageConfig, stageOptions } from './options.js';
import { collateTasks, encodeTasks, type TaskRow, taskInputs } from './rows.js';
import { prepareStage, type TransPromptSpec } from './spec.js';

export type TransPromptApp = App<TransPromptSpec, TaskRow, ClassificationResult>;

/** The app with prompts whose trainable tokens come from the encoders of a group of tasks. */
export function transPromptApp(base: App): TransPromptApp {
  return {
    name: base.name,
    title: base.title,
    description: base.description,
    ...(base.options ? { options: base.options } : {}),
    prepare: (config) => prepareStage(config as StageConfig),
    inputs: taskInputs,
    encode: encodeTasks,
    collate: collateTasks as TransPromptApp['collate'],
    head: transPromptModel,
    loss: (outputs, inputs) => nn.functional.crossEntropy(outputs.logits!, inputs.labels!),
    decode: decodeClasses,
    columns: classificationColumns,
    metrics: classificationMetrics as unknown as TransPromptApp['metrics'],
  };
}

/** The language model at the learning rate, the prompt encoders at a multiple of it, both by the same schedule. */
export function groupsOf(model: TransPromptModel, factor: number): readonly TrainedGroup[] {
  const prompts = new Set(model.encoders.flatMap((encoder) => encoder.parameters()));
  return [
    { params: model.parameters().filter((p) => !prompts.has(p)) },
    { params: [...prompts], lrFactor: factor },
  ];
}

async function objective(context: MethodContext): Promise<Objective> {
  const config = context.config as StageConfig;
  const { prototypeForm, entropyWeight } = config;
  const { spec } = context.context as AppContext<TransPromptSpec>;
  const shared = {
    groups: (model: unknown) => groupsOf(model as TransPromptModel, config.promptLrFactor ?? 10),
    beforeEvaluation: (model: unknown) => (model as TransPromptModel).refresh(),
  };
  if (spec.tasks === null) {
    return {
      name: 'transprompt',
      ...shared,
      loss: (model, inputs) => ({
        loss: nn.functional.crossEntropy(model.forward(inputs).logits!, inputs.labels!),
      }),
    };
  }
  // The model is as it was pre-trained: what is typical does not depend on what it will learn from these rows.
  const scores = prototypeForm === 'none' ? null : await scoreRows(context, config);
  const mean = scores === null ? 1 : scores.reduce((sum, s) => sum + s, 0) / scores.length;
  const known: Tensor | null =
    scores && keep(tensor([...scores], { dtype: 'float32', device: context.runtime.device }));
  return {
    name: 'transprompt-meta',
    ...shared,
    loss(model, inputs) {
      const { logits } = model.forward(inputs);
      const rows = nn.functional.crossEntropy(logits!, inputs.labels!, { reduction: 'none' });
      const weights =
        known && prototypeForm !== 'none'
          ? rowWeights(known.indexSelect(0, inputs.rowNumbers!), prototypeForm, mean)
          : null;
      const { loss, entropy } = debiasedLoss(rows, weights, logits!, entropyWeight);
      return { loss, logs: { ce: rows.mean(), entropy } };
    },
    dispose: () => known?.dispose(),
  };
}

/** Prototype score of each row of the joint table. */
async function scoreRows(
  { app, context, model, runtime, tables, signal }: MethodContext,
  config: StageConfig,
): Promise<Float64Array> {
  const { spec } = context as AppContext<TransPromptSpec>;
  const own = model as TransPromptModel;
  const rows: PrototypeRow[] = [];
  own.eval();
  try {
    for await (const { encoded } of encodeSource({ app, context, model, runtime }, tables!.train, {
      labels: true,
      signal,
    })) {
      for (let from = 0; from < encoded.length; from += config.batchSize) {
        const part = encoded.slice(from, from + config.batchSize) as unknown as TaskRow[];
        const features = noGrad(() =>
          tidy(() => {
            const inputs = uploadBatch(collateTasks(part, { ...context, spec }), runtime.device);
            return withPrecision(runtime, () => own.represent(inputs)).toArray() as number[][];
          }),
        );
        for (const [i, { task, label }] of part.entries()) {
          // Labels are named task:label in a group; across tasks it is the label that counts.
          const name = spec.labels[label]!.slice(spec.tasks![task]!.name.length + 1);
          rows.push({ feature: features[i]!, task, label: name });
        }
      }
    }
  } finally {
    own.train();
  }
  const form = config.prototypeForm === 'distance' ? 'distance' : 'ratio';
  return prototypeScores(rows, { zeta: config.prototypeZeta, form });
}

/** One training of TransPrompt: the meta-learner on all tasks, or its adaptation to one. */
export const transPromptStage: Method = {
  name: 'transprompt_stage',
  description: 'one training of transprompt, which calls it: the meta-learner, or its adaptation to a task',
  apps: ['text_classify', 'text_match'],
  options: stageOptions,
  variant: (app) => transPromptApp(app) as never,
  objective,
};
