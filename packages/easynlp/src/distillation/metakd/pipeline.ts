import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type TrainOptions, trainConfigSchema } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { resolveModelFolder } from '../../modelzoo/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { Tokenizer } from '../../text/index.js';
import type { Method } from '../../trainer/method.js';
import type { TrainResult, TrainRunOptions } from '../../trainer/train.js';
import { DOMAIN } from './domain-data.js';
import { pipelineOptions } from './options.js';
import {
  DomainFiles,
  dataKey,
  type MetakdConfig,
  type Part,
  specOf,
  writeDomainData,
} from './prepare-data.js';
import { averageOf, type Baseline, type DomainReport, type MetakdReport, renderReport } from './report.js';
import { keyOf, Stages, writeWhole } from './stages.js';

/*
 * MetaKD from labelled rows of several domains to one small model a domain: data → prototype scores → meta-teacher →
 * students (and what to compare them with) → report. Every stage leaves files that can be used alone:
 *
 *   data/{train,dev,test}.jsonl, data/<domain>/…    rows with `domain`, training rows with `weight` too
 *   teacher/                                        a model of the method metakd_teacher
 *   students/<domain>/, kd/<domain>/, finetune/<domain>/   plain models of the app
 *   report.json, report.txt
 */

type Train = (options: TrainOptions, run?: TrainRunOptions) => Promise<TrainResult>;

/** Common options of all trainings; what differs from stage to stage is given there. */
const OWN_TO_STAGES = new Set([
  ...['app', 'method', 'train', 'dev', 'format', 'schema', 'skipFirstLine', 'labels', 'model', 'output'],
  ...['overwrite', 'resume', 'allowChanged', 'epochs', 'learningRate'],
]);

/** Options that change how fast a training is or what is kept of it on the way, not what comes out of it. */
const HARMLESS = new Set([
  'numThreads',
  'loggingSteps',
  'tensorboard',
  'saveStrategy',
  'saveSteps',
  'keepLast',
]);

function commonOptions(config: MetakdConfig): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(trainConfigSchema.shape)
      .filter((key) => !OWN_TO_STAGES.has(key))
      .map((key) => [key, (config as Record<string, unknown>)[key]])
      .filter(([, value]) => value !== undefined),
  );
}

/** Both models must cut texts into the same tokens; found out before anything is trained. */
async function checkModels(config: MetakdConfig): Promise<{ teacher: string; student: string }> {
  const needed = { model: config.model, teacherModel: config.teacherModel };
  for (const [key, value] of Object.entries(needed)) {
    if (value !== undefined) continue;
    const role = key === 'model' ? 'student' : 'teacher';
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key,
      expected: `the pretrained model that becomes the ${role}`,
    });
  }
  const [student, teacher] = await Promise.all([
    resolveModelFolder(needed.model!),
    resolveModelFolder(needed.teacherModel!),
  ]);
  const [one, other] = await Promise.all([Tokenizer.fromFolder(student), Tokenizer.fromFolder(teacher)]);
  // Each look at a vocabulary makes a list of it.
  const [tokens, others] = [one.vocabulary, other.vocabulary];
  const same = tokens.length === others.length && tokens.every((token, i) => token === others[i]);
  if (same) return { student, teacher };
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: 'teacherModel',
    expected: 'a model with the vocabulary of the student, so that they see the same tokens',
    got: `${basename(teacher)}, whose vocabulary differs from that of ${basename(student)}`,
  });
}

async function prepareOutput({ output, resume, overwrite }: MetakdConfig): Promise<void> {
  const stages = join(output, 'stages');
  if (existsSync(stages) && resume === undefined) {
    if (!overwrite) throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output, what: 'a run of MetaKD' });
    await rm(stages, { recursive: true, force: true });
  }
  await mkdir(stages, { recursive: true });
}

class Pipeline {
  private readonly stages: Stages;
  data!: DomainFiles;
  private steps = 0;

  constructor(
    private readonly config: MetakdConfig,
    private readonly run: TrainRunOptions,
    private readonly train: Train,
  ) {
    this.stages = new Stages(join(config.output, 'stages'), (line) => run.log?.(`metakd: ${line}`));
  }

  /** Reads, samples, splits and weighs the rows. */
  async prepareData(): Promise<string> {
    const key = await dataKey(this.config);
    const { result } = await this.stages.run('data', key, async () => ({
      done: true,
      result: await writeDomainData(this.config, this.run),
    }));
    this.data = new DomainFiles(this.config.output, result);
    return key;
  }

  /** One training; null where it was interrupted. */
  async trainStage(name: string, upstream: string, options: Record<string, unknown>): Promise<string | null> {
    const output = join(this.config.output, name);
    const given = { ...commonOptions(this.config), app: this.config.app, ...options, output };
    const key = keyOf([upstream, Object.entries(given).filter(([option]) => !HARMLESS.has(option))]);
    const { done, result } = await this.stages.run(name.replaceAll('/', '-'), key, async (continued) => {
      const trained = await this.train(
        { ...given, ...(continued ? { resume: 'auto' } : { overwrite: true }) } as unknown as TrainOptions,
        this.run,
      );
      return { done: trained.stopped !== 'interrupted', result: trained.steps };
    });
    this.steps += result;
    return done ? key : null;
  }

  private domainData(domain: string): Record<string, unknown> {
    return {
      train: this.data.file('train', domain),
      ...(this.data.counts[domain]!.dev > 0
        ? { dev: this.data.file('dev', domain) }
        : { evalStrategy: 'none' }),
    };
  }

  async teacher(upstream: string, labels: readonly string[]): Promise<string | null> {
    const { config } = this;
    const anyDev = Object.values(this.data.counts).some((count) => count.dev > 0);
    return this.trainStage('teacher', upstream, {
      method: 'metakd_teacher',
      model: config.teacherModel,
      epochs: config.teacherEpochs,
      learningRate: config.teacherLearningRate,
      train: this.data.file('train'),
      ...(anyDev ? { dev: this.data.file('dev') } : { evalStrategy: 'none' }),
      labels,
      ...this.domainOptions(),
    });
  }

  /** Rows without labels, the same for every student that has a teacher. */
  private unlabelledData(domain: string): Record<string, unknown> {
    const { labelledRepeat } = this.config;
    if (this.data.counts[domain]!.unlabelled === 0) return { labelledRepeat };
    return { labelledRepeat, unlabelled: [this.data.file('unlabelled', domain)] };
  }

  private get hasStages(): boolean {
    const { distillSchedule, distillParts } = this.config;
    const inside = distillParts.filter((part) => part !== 'output').length;
    return distillSchedule === 'two-stage' && inside > 0 && inside < distillParts.length;
  }

  /** Passes of a student over its rows in all: those that are compared with it get as many. */
  private get allEpochs(): number {
    const { epochs, layerEpochs = epochs } = this.config;
    return this.hasStages ? layerEpochs + epochs : epochs;
  }

  private domainOptions(): Record<string, unknown> {
    const { domainLossWeight, transferWeights, weightColumn } = this.config;
    return {
      domainColumn: DOMAIN,
      domainLossWeight,
      transferWeights,
      ...(weightColumn === undefined ? {} : { weightColumn }),
    };
  }

  /** The student of one domain, in one distillation or in two. */
  async student(domain: string, upstream: string, labels: readonly string[]): Promise<string | null> {
    const { config } = this;
    const { distillParts, expertiseWeights, temperature, labelLossWeight, epochs, learningRate } = config;
    const shared = {
      ...{ method: 'metakd_student', labels, epochs, learningRate, temperature },
      ...{ expertiseWeights, teacher: [join(config.output, 'teacher')] },
      ...this.domainOptions(),
      ...this.domainData(domain),
      ...this.unlabelledData(domain),
    };
    const name = `students/${this.data.names.get(domain)}`;
    const inside = distillParts.filter((part) => part !== 'output');
    if (!this.hasStages) {
      return this.trainStage(name, upstream, {
        ...shared,
        ...{ model: config.model, distillStage: 'joint', distillParts, labelLossWeight },
      });
    }
    const first = `${name}-first`;
    const key = await this.trainStage(first, upstream, {
      ...shared,
      ...{ model: config.model, distillStage: 'first', distillParts: inside },
      epochs: config.layerEpochs ?? epochs,
      // Its classifier has learned nothing yet: there is nothing to choose by.
      ...{ evalStrategy: 'none', dev: undefined },
    });
    if (key === null) return null;
    return this.trainStage(name, key, {
      ...shared,
      ...{ model: join(config.output, first), distillStage: 'second', distillParts: ['output'] },
      labelLossWeight,
    });
  }

  /** A model of the student's size to compare with. */
  async baseline(
    kind: Baseline,
    domain: string,
    upstream: { readonly data: string; readonly teacher: string },
    labels: readonly string[],
  ): Promise<string | null> {
    const { model, learningRate, temperature, output, labelLossWeight } = this.config;
    const { teacherModel, teacherEpochs, teacherLearningRate } = this.config;
    const folder = this.data.names.get(domain)!;
    const data = { labels, ...this.domainData(domain) };
    const options = { ...data, model, epochs: this.allEpochs, learningRate };
    const name = `${kind}/${folder}`;
    if (kind === 'finetune') return this.trainStage(name, upstream.data, options);
    const kd = (teacher: string, key: string) =>
      this.trainStage(name, key, {
        ...{ ...options, ...this.unlabelledData(domain) },
        ...{ method: 'kd', teacher: [join(output, teacher)], temperature },
        // Gold labels weigh as much as in the student's own loss, so that only what is imitated differs.
        alpha: 1 / (1 + labelLossWeight),
      });
    if (kind === 'kd') return kd('teacher', upstream.teacher);
    // The usual way without MetaKD: a teacher of its own for each domain.
    const own = `teachers/${folder}`;
    const key = await this.trainStage(own, upstream.data, {
      ...data,
      ...{ model: teacherModel, epochs: teacherEpochs, learningRate: teacherLearningRate },
    });
    return key === null ? null : kd(own, key);
  }

  private async accuracy(name: string, domain: string, part: Part): Promise<number> {
    const { device, precision, numThreads, evalBatchSize, batchSize, output } = this.config;
    const { metrics } = await evaluate(
      {
        ...{ model: join(output, name), data: this.data.file(part, domain), device, precision },
        batchSize: evalBatchSize ?? batchSize,
        ...(numThreads === undefined ? {} : { numThreads }),
      },
      this.run.signal ? { signal: this.run.signal } : {},
    );
    return metrics.accuracy!;
  }

  async report(models: MetakdReport['models'], baselines: readonly Baseline[]): Promise<MetakdReport> {
    const hasTest = Object.values(this.data.counts).every((count) => count.test > 0);
    const part = hasTest ? 'test' : 'dev';
    const domains: DomainReport[] = [];
    for (const [domain, folder] of this.data.names) {
      if (this.data.counts[domain]![part] === 0) continue;
      const own: Record<string, number> = {};
      for (const kind of baselines) own[kind] = await this.accuracy(`${kind}/${folder}`, domain, part);
      domains.push({
        domain,
        rows: this.data.counts[domain]!,
        teacher: await this.accuracy('teacher', domain, part),
        student: await this.accuracy(`students/${folder}`, domain, part),
        ...own,
      });
    }
    if (domains.length === 0) throw new EasyNlpError('DATA_EMPTY', { file: this.data.file(part) });
    return { evaluatedOn: part, models, domains, average: averageOf(domains) };
  }

  result(stopped: TrainResult['stopped'], report: MetakdReport | null): TrainResult {
    const last = [...this.data.names.values()].at(-1);
    return {
      // What can be used: one of the students, all of which lie side by side.
      output: report ? join(this.config.output, 'students', last!) : this.config.output,
      bestStep: null,
      metrics: report ? { ...report.average } : {},
      steps: this.steps,
      epochs: this.config.epochs,
      stopped,
    };
  }
}

async function runPipeline(config: MetakdConfig, run: TrainRunOptions, train: Train): Promise<TrainResult> {
  const models = await checkModels(config);
  await prepareOutput(config);
  const pipeline = new Pipeline(config, run, train);
  const key = await pipeline.prepareData();
  const { labels } = await specOf(config, pipeline.data.file('train'));
  const teacher = await pipeline.teacher(key, labels);
  if (teacher === null) return pipeline.result('interrupted', null);
  const baselines = config.baselines.filter((name) => name !== 'none');
  for (const domain of pipeline.data.names.keys()) {
    if ((await pipeline.student(domain, teacher, labels)) === null)
      return pipeline.result('interrupted', null);
    for (const kind of baselines) {
      if ((await pipeline.baseline(kind, domain, { data: key, teacher }, labels)) === null)
        return pipeline.result('interrupted', null);
    }
  }
  const report = await pipeline.report(
    { teacher: basename(models.teacher), student: basename(models.student) },
    baselines,
  );
  const text = renderReport(report);
  await writeWhole(join(config.output, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeWhole(join(config.output, 'report.txt'), `${text}\n`);
  run.log?.(text);
  return pipeline.result('finished', report);
}

export const metakd: Method = {
  name: 'metakd',
  description:
    'MetaKD in one command: prototype scores, a teacher for all domains, a small student for each, a report',
  apps: ['text_classify', 'text_match'],
  options: pipelineOptions,
  run: (config, run, train) => runPipeline(config as MetakdConfig, run, train),
};
