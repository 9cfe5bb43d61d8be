import { z } from 'zod';
import { architectureFields, dataFields, labelFields, machineFields } from './fields.js';
import { option } from './option.js';

/** Default app of every command, as in EasyNLP. */
export const DEFAULT_APP = 'text_classify';

/** Training all weights with the task's own loss. */
export const DEFAULT_METHOD = 'finetune';

/** Options of `easynlp train` and of the library's `train()`. */
export const trainConfigSchema = z.strictObject({
  app: option(z.string().min(1).default(DEFAULT_APP), {
    description: 'task to train',
    group: 'Training',
    easynlp: 'app_name',
  }),

  method: option(z.string().min(1).default(DEFAULT_METHOD), {
    description:
      'way of training: finetune, kbert, or a few-shot or distillation method; easynlp methods lists them',
    group: 'Training',
    easynlp: 'enable_fewshot, enable_distillation and type, kg_file (user_defined_parameters)',
  }),

  train: option(z.string().min(1), {
    description: 'training data file',
    group: 'Data',
    value: 'file',
    easynlp: 'tables (first)',
    example: 'train.tsv',
  }),
  dev: option(z.string().min(1).optional(), {
    description: 'validation data file; the best checkpoint is chosen on it',
    group: 'Data',
    value: 'file',
    easynlp: 'tables (last)',
    example: 'dev.tsv',
  }),
  ...dataFields,
  ...labelFields,
  sequenceLength: option(z.int().min(2).default(128), {
    description: 'longest input in tokens, special tokens included; longer texts are cut',
    group: 'Data',
    easynlp: 'sequence_length',
  }),

  model: option(z.string().min(1).optional(), {
    description: 'pretrained model: a folder or a hub name',
    group: 'Model',
    value: 'name|folder',
    easynlp: 'pretrain_model_name_or_path (user_defined_parameters)',
    example: 'hfl/chinese-roberta-wwm-ext',
  }),
  fromScratch: option(z.boolean().default(false), {
    description: 'take only configuration and tokenizer of model, start from random weights',
    group: 'Model',
  }),
  ...architectureFields,

  output: option(z.string().min(1), {
    description: 'folder to write the trained model and its checkpoints to',
    group: 'Output',
    value: 'folder',
    easynlp: 'checkpoint_dir',
    example: 'out/my-model',
  }),
  overwrite: option(z.boolean().default(false), {
    description: 'replace a model that output already holds',
    group: 'Output',
  }),

  epochs: option(z.int().positive().default(3), {
    description: 'passes over the training data',
    group: 'Training',
    easynlp: 'epoch_num',
  }),
  maxSteps: option(z.int().positive().optional(), {
    description: 'stop after this many optimizer steps, whatever epochs says',
    group: 'Training',
  }),
  batchSize: option(z.int().positive().default(32), {
    description: 'rows of a batch',
    group: 'Training',
    easynlp: 'micro_batch_size',
  }),
  tokenBudget: option(z.int().positive().optional(), {
    description:
      'tokens of a batch, padding included: short texts then form larger batches (instead of batchSize)',
    group: 'Training',
  }),
  bucketing: option(z.boolean().default(true), {
    description: 'group texts of like length, so that little is padded',
    group: 'Training',
  }),
  padding: option(z.enum(['longest', 'max_length']).default('longest'), {
    description: 'pad to the longest text of the batch, or every text to sequenceLength as EasyNLP does',
    group: 'Training',
  }),
  cudaGraphs: option(z.boolean().default(true), {
    description:
      'on CUDA, record steps and start each with a single launch; lengths are padded in steps of 16',
    group: 'Training',
  }),
  gradientAccumulationSteps: option(z.int().positive().default(1), {
    description: 'batches per optimizer step',
    group: 'Training',
    easynlp: 'gradient_accumulation_steps',
  }),
  seed: option(z.int().nonnegative().default(42), {
    description: 'seed of weights, dropout and the order of the data',
    group: 'Training',
    easynlp: 'random_seed',
  }),
  resume: option(z.string().min(1).optional(), {
    description: 'continue from this checkpoint folder, or auto = the newest one under output, if any',
    group: 'Training',
    value: 'folder|auto',
    easynlp: 'resume_from_checkpoint',
  }),
  allowChanged: option(z.array(z.string().min(1)).default([]), {
    description: 'options that may differ from those of the checkpoint that resume continues',
    group: 'Training',
    value: 'option,…',
  }),

  optimizer: option(z.enum(['adamw', 'adam', 'sgd', 'bertadam']).default('adamw'), {
    description: 'optimizer',
    group: 'Optimization',
    easynlp: 'optimizer_type',
  }),
  learningRate: option(z.number().positive().default(5e-5), {
    description: 'highest learning rate, reached at the end of the warm-up',
    group: 'Optimization',
    easynlp: 'learning_rate',
  }),
  schedule: option(z.enum(['linear', 'cosine', 'constant', 'polynomial']).default('linear'), {
    description: 'learning rate after the warm-up',
    group: 'Optimization',
  }),
  warmupRatio: option(z.number().min(0).max(1).default(0.1), {
    description: 'share of all steps spent raising the learning rate',
    group: 'Optimization',
    easynlp: 'warmup_proportion',
  }),
  warmupSteps: option(z.int().nonnegative().optional(), {
    description: 'the same as a number of steps (instead of warmupRatio)',
    group: 'Optimization',
  }),
  weightDecay: option(z.number().nonnegative().default(0.01), {
    description: 'weight decay of matrices; biases and layer norms have none',
    group: 'Optimization',
    easynlp: 'weight_decay',
  }),
  maxGradNorm: option(z.number().nonnegative().default(1), {
    description: 'largest norm of all gradients together; 0 = no clipping',
    group: 'Optimization',
    easynlp: 'max_grad_norm',
  }),

  evalStrategy: option(z.enum(['epoch', 'steps', 'none']).default('epoch'), {
    description: 'when to evaluate on dev: after each epoch, every evalSteps steps, or never',
    group: 'Evaluation and checkpoints',
  }),
  evalSteps: option(z.int().positive().optional(), {
    description: 'evaluate every so many optimizer steps (implies evalStrategy: steps)',
    group: 'Evaluation and checkpoints',
    easynlp: 'save_checkpoint_steps',
  }),
  evalBatchSize: option(z.int().positive().optional(), {
    description: 'rows of an evaluation batch; unset = batchSize',
    group: 'Evaluation and checkpoints',
  }),
  bestMetric: option(z.string().min(1).optional(), {
    description: "metric that chooses the best checkpoint; unset = the app's own, accuracy for text_classify",
    group: 'Evaluation and checkpoints',
    value: 'metric',
  }),
  earlyStopPatience: option(z.int().positive().optional(), {
    description: 'stop after this many evaluations without a better value; unset = never',
    group: 'Evaluation and checkpoints',
  }),
  saveStrategy: option(z.enum(['epoch', 'steps', 'none']).default('epoch'), {
    description:
      'when to write a checkpoint to resume from: after each epoch, every saveSteps steps, or only when interrupted',
    group: 'Evaluation and checkpoints',
  }),
  saveSteps: option(z.int().positive().optional(), {
    description: 'write a checkpoint every so many optimizer steps (implies saveStrategy: steps)',
    group: 'Evaluation and checkpoints',
    easynlp: 'save_checkpoint_steps',
  }),
  keepLast: option(z.int().nonnegative().default(1), {
    description: 'checkpoints to keep; 0 = all of them',
    group: 'Evaluation and checkpoints',
    easynlp: 'save_all_checkpoints',
  }),

  loggingSteps: option(z.int().positive().default(50), {
    description: 'write the loss and the speed every so many optimizer steps',
    group: 'Output',
    easynlp: 'logging_steps',
  }),
  tensorboard: option(z.boolean().default(false), {
    description: 'write TensorBoard event files next to metrics.jsonl',
    group: 'Output',
  }),
  ...machineFields,
});

/** A complete training configuration: every default filled in. */
export type TrainConfig = z.output<typeof trainConfigSchema>;
/** What a person writes: defaults may be left out. */
export type TrainOptions = z.input<typeof trainConfigSchema>;
