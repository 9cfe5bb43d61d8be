import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manualSeed } from '@easynlp/torch';
import type { App } from '../../../appzoo/app.js';
import { MANIFEST } from '../../../appzoo/artefact.js';
import { getApp } from '../../../appzoo/registry.js';
import { openRuntime } from '../../../appzoo/runtime.js';
import { argmax } from '../../../appzoo/sequence/index.js';
import { openTable, type Row } from '../../../datahub/index.js';
import { EasyNlpError } from '../../../errors/index.js';
import { resolveModelFolder } from '../../../modelzoo/index.js';
import { loadModel } from '../../../predictor/open-model.js';
import { Tokenizer } from '../../../text/index.js';
import { buildModel } from '../../../trainer/build-model.js';
import { dataFacts } from '../../../trainer/data-facts.js';
import { openTables } from '../../../trainer/labelled-rows.js';
import type { TrainResult, TrainRunOptions } from '../../../trainer/train.js';
import { Rng } from '../../../util/index.js';
import { type PromptSpec, promptOf } from '../../prompt/index.js';
import { pet } from '../pet.js';
import { scoreRows, weightedMean } from './ensemble-scores.js';
import { chooseRows, chooseTeachers } from './generations.js';
import { classifierOptions, type PetEnsembleConfig, patternModelOptions } from './options.js';
import { readPatterns } from './patterns.js';
import {
  labelledStageRows,
  type StageRow,
  unlabelledStageRows,
  writeRows,
  writeStageData,
} from './stage-data.js';
import { keyOf, Stages } from './stages.js';

export type Train = (options: Record<string, unknown>, run?: TrainRunOptions) => Promise<TrainResult>;

interface Member {
  readonly pattern: string;
  /** Number of the pattern, from 1. */
  readonly number: number;
  readonly seed: number;
}

/** One training of `pet_ensemble`: which stages there are and what each reads and leaves. */
export class Ensemble {
  private readonly app: App;
  private readonly log: (line: string) => void;
  private stages!: Stages;
  private specs: PromptSpec[] = [];
  private members: Member[] = [];
  private weights: number[] = [];
  private labelled: StageRow[] = [];
  private unlabelled: StageRow[] = [];
  private hasDev = false;

  constructor(
    private readonly config: PetEnsembleConfig,
    private readonly run: TrainRunOptions,
    private readonly trainStage: Train,
  ) {
    this.app = pet.variant!(getApp(config.app));
    const log = run.log ?? (() => {});
    this.log = (line) => log(`pet_ensemble: ${line}`);
  }

  async train(): Promise<TrainResult> {
    const { config } = this;
    let key = await this.prepare();
    const stopped = () => ({
      ...{ output: config.output, bestStep: null, metrics: {}, steps: 0, epochs: 0 },
      stopped: 'interrupted' as const,
    });
    let models = await this.generation(0, key, []);
    if (models === null) return stopped();
    for (let generation = 1; generation <= config.generations; generation++) {
      key = keyOf([key, generation]);
      models = await this.generation(generation, key, models);
      if (models === null) return stopped();
    }
    const soft = await this.softLabels(keyOf([key, 'soft']), models);
    return this.classifier(soft);
  }

  /** Reads and checks everything before any training, and writes what the stages read. Returns a digest of it all. */
  private async prepare(): Promise<string> {
    const { config } = this;
    const patterns = readPatterns(config.patterns, config.pattern);
    const tables = await openTables(config);
    for (const pattern of patterns) {
      this.specs.push((await this.app.prepare({ ...config, pattern } as never, tables.train)) as PromptSpec);
    }
    if (config.model !== undefined) {
      // Words that the tokenizer does not know, too, before anything is written.
      const tokenizer = await Tokenizer.fromFolder(await resolveModelFolder(config.model));
      for (const spec of this.specs) await promptOf({ spec, tokenizer });
    }
    this.members = patterns.flatMap((pattern, i) =>
      Array.from({ length: config.patternSeeds }, (_, s) => ({
        pattern,
        number: i + 1,
        seed: config.seed + s,
      })),
    );
    if (config.generations > 0 && this.members.length < 2) {
      throw new EasyNlpError('CONFIG_CONFLICT', {
        problem:
          'iPET needs at least two models, which label rows for one another; there is one pattern with one seed',
        hint: 'Give several --patterns, or --pattern-seeds 3.',
      });
    }
    this.labelled = await labelledStageRows(tables.train, this.specs);
    const dev = tables.dev === null ? null : await labelledStageRows(tables.dev, this.specs);
    this.hasDev = dev !== null;
    this.unlabelled = await unlabelledStageRows(config, this.specs, config.unlabelledLimit);
    this.refuseOccupied();
    this.stages = await Stages.open(config.output, config, this.log);
    const { output: _, resume: __, overwrite: ___, ...rest } = config;
    const key = keyOf([rest, await dataFacts(config), this.unlabelled]);
    await this.stages.run('data', key, async () => {
      const files = { train: this.labelled, unlabelled: this.unlabelled, ...(dev === null ? {} : { dev }) };
      await writeStageData(this.stages.path('data'), files);
      return true;
    });
    this.weights = await this.patternWeights(key);
    return key;
  }

  private refuseOccupied(): void {
    const { output, resume, overwrite } = this.config;
    if (resume !== undefined || overwrite || !existsSync(join(output, MANIFEST))) return;
    throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output, what: 'a trained model' });
  }

  /** w(p) of §3.3: what each pattern gets right of the training rows before any training; 1 where they count alike. */
  private async patternWeights(key: string): Promise<number[]> {
    const { config } = this;
    if (config.patternWeights === 'uniform') return this.members.map(() => 1);
    const path = this.stages.path('pattern-accuracy.txt');
    await this.stages.run('weights', key, async () => {
      const lines: string[] = [];
      for (const [i, spec] of this.specs.entries()) {
        const accuracy = await this.zeroShot(spec);
        this.log(
          `pattern ${i + 1} finds ${(100 * accuracy).toFixed(1)} % without training: ${spec.prompt.pattern.source}`,
        );
        lines.push(`${accuracy}\t${spec.prompt.pattern.source}`);
      }
      await writeFile(path, `${lines.join('\n')}\n`);
      return true;
    });
    const found = readFileSync(path, 'utf8').trimEnd().split('\n').map(Number.parseFloat);
    return this.members.map(({ number }) => found[number - 1]!);
  }

  private async zeroShot(spec: PromptSpec): Promise<number> {
    const { config, app } = this;
    const runtime = openRuntime(config);
    manualSeed(config.seed);
    const source = await openTable(this.data('train'), { format: 'jsonl' });
    const { model, tokenizer } = await buildModel(config, app, spec, source, { log: () => {} });
    try {
      model.to({ device: runtime.device });
      const context = { spec, tokenizer };
      const scores = await scoreRows(
        { app, context, model, runtime },
        asRows(this.labelled),
        this.inference(),
      );
      const right = scores.filter((s, i) => spec.labels[argmax(s)] === this.labelled[i]![spec.labelName]);
      return right.length / scores.length;
    } finally {
      model.dispose();
    }
  }

  /** Trains each model of a generation; null where it was interrupted. Returns their folders. */
  private async generation(number: number, key: string, before: readonly string[]): Promise<string[] | null> {
    const { config, stages } = this;
    // Scoring all unlabelled rows takes time: only where a model has still to be trained.
    let scores: Promise<number[][][]> | undefined;
    const folders: string[] = [];
    for (const [m, member] of this.members.entries()) {
      const name = `${number === 0 ? '' : `generation-${number}-`}pattern-${member.number}-seed-${member.seed}`;
      const output = stages.path(name);
      const done = await stages.run(name, keyOf([key, member]), async (continued) => {
        if (number > 0) scores ??= this.scoresOf(before);
        const train = scores ? await this.generationData(number, m, await scores) : this.data('train');
        const options = {
          ...patternModelOptions(config),
          ...this.stageData(this.specs[member.number - 1]!),
          ...{ method: 'pet', pattern: member.pattern, seed: member.seed, train, output },
          ...{ unlabelled: [this.data('unlabelled')], unlabelledSchema: undefined },
          ...{ overwrite: !continued, resume: continued ? 'auto' : undefined },
        };
        return (await this.trainStage(options, this.run)).stopped !== 'interrupted';
      });
      if (!done) return null;
      folders.push(output);
    }
    return folders;
  }

  /** Training rows of one model of a later generation: the labelled ones, and some that others labelled. */
  private async generationData(
    generation: number,
    own: number,
    scores: readonly number[][][],
  ): Promise<string> {
    const { config, weights } = this;
    const { labels, labelName } = this.specs[0]!;
    const rng = Rng.derive(config.seed, 'ipet', generation, own);
    const teachers = chooseTeachers(this.members.length, own, config.generationShare, rng);
    const counts = labels.map((label) => this.labelled.filter((row) => row[labelName] === label).length);
    const chosen = chooseRows(
      weightedMean(
        teachers.map((t) => scores[t]!),
        teachers.map((t) => weights[t]!),
      ),
      counts,
      config.generationFactor ** generation,
      rng,
    );
    const added = chosen.map(({ row, label }) => ({ ...this.unlabelled[row]!, [labelName]: labels[label]! }));
    const path = this.stages.path(join('data', `generation-${generation}-model-${own + 1}.jsonl`));
    return writeRows(path, [...this.labelled, ...added]);
  }

  private async scoresOf(folders: readonly string[]): Promise<number[][][]> {
    const scores: number[][][] = [];
    for (const folder of folders) {
      const { app, device, precision, numThreads } = this.config;
      const loaded = await loadModel({ app, model: folder, device, precision, numThreads } as never);
      try {
        scores.push(await scoreRows(loaded, asRows(this.unlabelled), this.inference()));
      } finally {
        loaded.model.dispose();
      }
    }
    return scores;
  }

  /** The unlabelled rows with s_M(l | x), and the best label. */
  private async softLabels(key: string, models: readonly string[]): Promise<string> {
    const path = this.stages.path('soft-labels.jsonl');
    await this.stages.run('soft-labels', key, async () => {
      const { labels, labelName } = this.specs[0]!;
      const mean = weightedMean(await this.scoresOf(models), this.weights);
      const rows = mean.map((scores, i) => ({
        ...this.unlabelled[i]!,
        ...{ [labelName]: labels[argmax(scores)]!, scores },
      }));
      await writeRows(path, rows);
      return true;
    });
    return path;
  }

  private async classifier(train: string): Promise<TrainResult> {
    const { config } = this;
    const { maxSteps: _, ...options } = classifierOptions(config);
    this.log(`classifier from ${this.unlabelled.length.toLocaleString('en-US')} soft labels`);
    return this.trainStage(
      {
        ...options,
        ...this.stageData(this.specs[0]!),
        ...{ method: 'soft_labels', train, temperature: config.temperature, epochs: config.finalEpochs },
        ...(config.finalModel === undefined ? {} : { model: config.finalModel }),
        learningRate: config.finalLearningRate ?? config.learningRate,
      },
      this.run,
    );
  }

  private data(name: string): string {
    return this.stages.path(join('data', `${name}.jsonl`));
  }

  /** How the stages' files are read. */
  private stageData({
    labels,
    labelName,
    firstSequence,
    secondSequence,
  }: PromptSpec): Record<string, unknown> {
    return {
      ...{ format: 'jsonl', schema: undefined, skipFirstLine: false },
      ...{
        labels,
        labelName,
        firstSequence,
        secondSequence: secondSequence ?? undefined,
      },
      ...(this.hasDev ? { dev: this.data('dev') } : {}),
    };
  }

  private inference() {
    const { evalBatchSize, batchSize } = this.config;
    return { batchSize: evalBatchSize ?? batchSize, signal: this.run.signal };
  }
}

function asRows(rows: readonly StageRow[]): Row[] {
  return rows.map((values, i) => ({ values, file: 'rows of the ensemble', line: i + 1 }));
}
