import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfigFile } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { resolveModelFolder } from '../modelzoo/index.js';
import { nearest } from '../util/index.js';
import type { LandConfig } from './options.js';

/** The four rows of the landing table, in the order in which they are trained. */
export const STAGES = ['large-finetune', 'large-fewshot', 'small-finetune', 'small-distilled'] as const;
export type StageName = (typeof STAGES)[number];

export interface Stage {
  readonly name: StageName;
  /** As the table says it. */
  readonly title: string;
  /** The pretrained model that it starts from. */
  readonly model: string;
  /** Where its trained model lies, usable alone. */
  readonly folder: string;
  /** Everything for `train()` besides `output` and how to resume. */
  readonly options: Readonly<Record<string, unknown>>;
}

const METHOD_TITLES = { pet: 'PET', ptuning: 'P-Tuning', cptuning: 'CP-Tuning' } as const;

const defined = (options: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/**
 * Learning rates that suit a model: narrow ones, which also had little pre-training, learn with larger steps. The wide
 * models' are those of EasyNLP's examples, the narrow ones' were found with the bundled models on FewCLUE's eprstmt.
 */
async function learningRates(model: string): Promise<{ finetune: number; fewshot: number; distil: number }> {
  const file = join(await resolveModelFolder(model), 'config.json');
  const { hidden_size: width } = JSON.parse(await readFile(file, 'utf8')) as { hidden_size?: number };
  return width !== undefined && width <= 512
    ? { finetune: 1e-4, fewshot: 1e-4, distil: 2e-4 }
    : { finetune: 2e-5, fewshot: 1e-5, distil: 5e-5 };
}

/** What every stage is trained with. */
async function planned(config: LandConfig): Promise<Stage[]> {
  const { large, small, output } = config;
  const [largeRates, smallRates] = [await learningRates(large), await learningRates(small)];
  const folder = (name: StageName) => join(output, name);
  const common = defined({
    app: config.app,
    train: config.train,
    dev: config.dev,
    format: config.format,
    schema: config.schema,
    skipFirstLine: config.skipFirstLine,
    firstSequence: config.firstSequence,
    secondSequence: config.secondSequence,
    labelName: config.labelName,
    labels: config.labels,
    sequenceLength: config.sequenceLength,
    batchSize: config.batchSize,
    seed: config.seed,
    device: config.device,
    precision: config.precision,
    numThreads: config.numThreads,
  });
  const finetune = (rates: typeof largeRates) => ({
    epochs: config.finetuneEpochs,
    learningRate: config.finetuneLearningRate ?? rates.finetune,
  });
  const wordless = config.fewshot === 'cptuning';
  const prompt = defined({
    pattern: config.pattern,
    promptSep: config.promptSep,
    ...(wordless ? {} : { labelWords: config.labelWords, maskBlocks: config.maskBlocks }),
  });
  const method = METHOD_TITLES[config.fewshot];
  return [
    {
      name: 'large-finetune',
      title: 'large, fine-tuned',
      model: large,
      folder: folder('large-finetune'),
      options: { ...common, ...finetune(largeRates), model: large },
    },
    {
      name: 'large-fewshot',
      title: `large, few-shot (${method})`,
      model: large,
      folder: folder('large-fewshot'),
      options: {
        ...common,
        ...prompt,
        model: large,
        method: config.fewshot,
        epochs: config.fewshotEpochs,
        learningRate: config.fewshotLearningRate ?? largeRates.fewshot,
      },
    },
    {
      name: 'small-finetune',
      title: 'small, fine-tuned',
      model: small,
      folder: folder('small-finetune'),
      options: { ...common, ...finetune(smallRates), model: small },
    },
    {
      name: 'small-distilled',
      title: 'small, distilled',
      model: small,
      folder: folder('small-distilled'),
      options: {
        ...common,
        model: small,
        method: 'kd',
        teacher: [folder('large-fewshot')],
        ...defined({
          unlabelled: config.unlabelled,
          unlabelledSchema: config.unlabelledSchema,
          augment: config.augment ?? (config.unlabelled.length === 0 ? 10 : 0),
          augmentModel: large,
        }),
        temperature: config.temperature,
        alpha: config.alpha,
        epochs: config.distilEpochs,
        learningRate: config.distilLearningRate ?? smallRates.distil,
      },
    },
  ];
}

/** Options that the stages share or that tie them together: a settings file must not untie them. */
const FIXED = new Set(['app', 'train', 'dev', 'output', 'resume', 'overwrite', 'teacher', 'model', 'method']);

/**
 * The four trainings, with what a settings file says about single ones.
 * @throws EasyNlpError CONFIG_* with the line of the file
 */
export async function planStages(config: LandConfig): Promise<Stage[]> {
  const stages = await planned(config);
  if (config.settings === undefined) return stages;
  const file = loadConfigFile(config.settings);
  const extra = new Map<string, Record<string, unknown>>();
  for (const [name, options] of Object.entries(file.values)) {
    const at = file.position([name], 'key') ?? {};
    if (!(STAGES as readonly string[]).includes(name)) {
      const suggestion = nearest(name, STAGES) ?? undefined;
      throw new EasyNlpError('CONFIG_UNKNOWN_KEY', {
        key: name,
        suggestion,
        hint: `The stages are ${STAGES.join(', ')}.`,
        ...at,
      });
    }
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: name,
        expected: 'training options by name, such as learningRate: 1e-4',
        got: JSON.stringify(options),
        ...at,
      });
    }
    const fixed = Object.keys(options).find((key) => FIXED.has(key));
    if (fixed !== undefined) {
      throw new EasyNlpError('CONFIG_CONFLICT', {
        problem: `${name}.${fixed} is the same for every stage, or follows from the stage`,
        hint: 'Give it as an option of land.',
        ...(file.position([name, fixed], 'key') ?? at),
      });
    }
    extra.set(name, options as Record<string, unknown>);
  }
  return stages.map((stage) => ({ ...stage, options: { ...stage.options, ...extra.get(stage.name) } }));
}
