import { z } from 'zod';
import { option } from '../../config/index.js';
import { distillationFields } from '../shared/options.js';

/** Options that the stages of MetaKD share; each constant is one block of a schema's shape. */

export const domainFields = {
  domainColumn: option(z.string().min(1).optional(), {
    description: 'MetaKD: column of the domain; unset = the column named domain, genre or cat',
    group: 'Data',
    value: 'column',
  }),
  weightColumn: option(z.string().min(1).optional(), {
    description:
      'MetaKD: column of the prototype scores; unset = weight where there is such a column, else all 1',
    group: 'Data',
    value: 'column',
  }),
};

export const teacherFields = {
  domainLossWeight: option(z.number().nonnegative().default(0.5), {
    description:
      'MetaKD: weight of the domain corruption loss and of the domain representations (γ); 0 = without',
    group: 'Training',
    easynlp: 'domain_loss_weight (user_defined_parameters)',
  }),
  transferWeights: option(z.boolean().default(true), {
    description: 'MetaKD: weight each row by its prototype score t, in distillation by 1 + t',
    group: 'Training',
    easynlp: 'use_sample_weights (user_defined_parameters)',
  }),
};

/** What a student can imitate. */
export const DISTILL_PARTS = ['attention', 'hidden', 'embedding', 'domain', 'output'] as const;
export type DistillPart = (typeof DISTILL_PARTS)[number];

export const studentFields = {
  teacher: distillationFields.teacher,
  domain: option(z.string().min(1).optional(), {
    description: 'MetaKD: domain whose rows train and validate the student; unset = all of the table',
    group: 'Data',
    easynlp: 'genre (user_defined_parameters)',
  }),
  temperature: distillationFields.temperature,
  distillStage: option(z.enum(['joint', 'first', 'second']).default('joint'), {
    description:
      'MetaKD: everything at once as in the paper, or as EasyNLP: first = all but the output, second = the output alone',
    group: 'Training',
    easynlp: 'distill_stage (user_defined_parameters)',
  }),
  distillParts: option(
    z
      .array(z.enum(DISTILL_PARTS))
      .min(1)
      .default([...DISTILL_PARTS]),
    {
      description: 'MetaKD: what the student imitates; leave some out to see what they are worth',
      group: 'Training',
      value: 'part,…',
      example: 'hidden,output',
    },
  ),
  expertiseWeights: option(z.boolean().default(true), {
    description: 'MetaKD: weight each row by how well the teacher knows it (domain expertise)',
    group: 'Training',
  }),
  labelLossWeight: option(z.number().nonnegative().default(0), {
    description:
      'MetaKD: weight of the cross entropy with the gold labels beside what is imitated, for students by vanilla KD too',
    group: 'Training',
  }),
  unlabelled: distillationFields.unlabelled,
  unlabelledSchema: distillationFields.unlabelledSchema,
  labelledRepeat: distillationFields.labelledRepeat,
};

const splitFraction = () => z.number().min(0).max(0.4).default(0.1);

export const pipelineFields = {
  teacherModel: option(z.string().min(1).optional(), {
    description:
      'MetaKD: pretrained model that becomes the teacher: a folder or a hub name (model is the student)',
    group: 'Model',
    value: 'name|folder',
  }),
  teacherEpochs: option(z.int().positive().default(3), {
    description: 'MetaKD: passes over all domains for the teacher',
    group: 'Training',
  }),
  teacherLearningRate: option(z.number().positive().default(5e-5), {
    description: 'MetaKD: highest learning rate of the teacher',
    group: 'Optimization',
  }),
  embeddingModel: option(z.string().min(1).optional(), {
    description: 'MetaKD: encoder of the prototypes; unset = teacherModel',
    group: 'Model',
    value: 'name|folder',
  }),
  prototypes: option(z.enum(['class', 'domain']).default('class'), {
    description: 'MetaKD: prototypes per class and domain as in the paper, or per domain as in EasyNLP',
    group: 'Training',
  }),
  prototypeAlpha: option(z.number().min(0).max(1).default(0.5), {
    description: 'MetaKD: share of the own domain in the prototype score (α)',
    group: 'Training',
  }),
  distillSchedule: option(z.enum(['two-stage', 'joint']).default('two-stage'), {
    description:
      'MetaKD: intermediate layers first and then the output (TinyBERT, EasyNLP), or one distillation with all losses',
    group: 'Training',
  }),
  layerEpochs: option(z.int().positive().optional(), {
    description: 'MetaKD: passes of the first of two stages; unset = epochs',
    group: 'Training',
  }),
  domains: option(z.array(z.string().min(1)).min(2).optional(), {
    description: 'MetaKD: domains to use; unset = all of the data',
    group: 'Data',
    value: 'domain,…',
  }),
  rowsPerDomain: option(z.int().positive().optional(), {
    description: 'MetaKD: rows to draw from each domain, with its own share of labels; unset = all',
    group: 'Data',
  }),
  unlabelledPerDomain: option(z.int().nonnegative().default(0), {
    description:
      'MetaKD: rows of each domain beyond rowsPerDomain whose labels are struck out: the teacher labels them for all distilled students',
    group: 'Data',
  }),
  ignoredLabels: option(z.array(z.string()).default(['-']), {
    description: 'MetaKD: rows with these labels are left out (OCNLI writes - where people disagreed)',
    group: 'Data',
  }),
  test: option(z.string().min(1).optional(), {
    description: 'MetaKD: labelled rows for the report; unset = split off, or dev where that was given',
    group: 'Data',
    value: 'file',
  }),
  devFraction: option(splitFraction(), {
    description: 'MetaKD: share of rows split off for validation where dev is not given',
    group: 'Data',
  }),
  testFraction: option(splitFraction(), {
    description: 'MetaKD: share of rows split off for the report where dev and test are not given',
    group: 'Data',
  }),
  splitSeed: option(z.int().nonnegative().default(11111), {
    description: 'MetaKD: seed of the split and of rowsPerDomain, whatever seed says',
    group: 'Data',
  }),
  baselines: option(z.array(z.enum(['finetune', 'kd', 'kd-single', 'none'])).default(['finetune', 'kd']), {
    description:
      'MetaKD: students to compare with: finetune = fine-tuned, kd = distilled from the same teacher by its outputs alone, kd-single = from a teacher of the domain alone, none',
    group: 'Training',
    value: 'name,…',
  }),
};

const shapeOf = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape);

export const teacherOptions = shapeOf({ ...domainFields, ...teacherFields });
export const studentOptions = shapeOf({ ...domainFields, ...teacherFields, ...studentFields });
const { teacher: _, distillStage: __, domain: ___, ...pipelineStudentFields } = studentFields;
export const pipelineOptions = shapeOf({
  ...domainFields,
  ...teacherFields,
  ...pipelineStudentFields,
  ...pipelineFields,
});

export type TeacherOptions = z.output<typeof teacherOptions>;
export type StudentOptions = z.output<typeof studentOptions>;
export type PipelineOptions = z.output<typeof pipelineOptions>;
