import type { z } from 'zod';
import { EasyNlpError } from '../errors/index.js';
import { buildSchema, type CommandConfigs, type CommandName } from './build-schema.js';
import { type OptionSources, resolveOptions } from './resolve-options.js';
import { trainConfigSchema } from './train-config.js';

export interface ResolveSources extends OptionSources {
  /** The app's own options (see buildSchema). */
  readonly appOptions?: z.ZodObject;
}

/**
 * One complete configuration from flags, file and defaults, in that order of precedence.
 *
 * @throws EasyNlpError CONFIG_UNKNOWN_KEY, CONFIG_INVALID_VALUE, CONFIG_MISSING_VALUE, CONFIG_CONFLICT, or
 * CONFIG_SEVERAL_PROBLEMS when there is more than one.
 */
export function resolveConfig<C extends CommandName>(
  command: C,
  sources: ResolveSources = {},
): CommandConfigs[C] {
  return resolveOptions(buildSchema(command, sources.appOptions), command, sources, (config, given, nameOf) =>
    crossChecks(command, config, given, nameOf),
  ) as CommandConfigs[C];
}

/** The same for a caller of the library who gives one object. */
export function parseConfig<C extends CommandName>(
  command: C,
  options: Readonly<Record<string, unknown>>,
  appOptions?: z.ZodObject,
): CommandConfigs[C] {
  return resolveConfig(command, { flags: options, ...(appOptions === undefined ? {} : { appOptions }) });
}

const BERT_OPTIONS: readonly string[] = ['modelSize', 'layers', 'hiddenSize', 'heads', 'intermediateSize'];
const TEXT_CNN_OPTIONS: readonly string[] = ['embeddingSize', 'convDim', 'kernelSizes', 'linearHiddenSize'];

/** Rules between options. May complete the configuration (evalSteps alone implies evalStrategy steps). */
function crossChecks(
  command: CommandName,
  config: Record<string, unknown>,
  given: ReadonlySet<string>,
  nameOf: (key: string) => string,
): EasyNlpError[] {
  const problems: EasyNlpError[] = [];
  const conflict = (problem: string, hint?: string) =>
    problems.push(new EasyNlpError('CONFIG_CONFLICT', { problem, hint }));

  if (config.skipFirstLine === true && config.schema === undefined) {
    conflict(
      `${nameOf('skipFirstLine')} needs ${nameOf('schema')}`,
      'Files with a header need neither: their first line names the columns.',
    );
  }
  if (config.format === 'easynlp' && config.schema === undefined) {
    conflict(`${nameOf('format')} easynlp needs ${nameOf('schema')}`, 'For example label:str:1,text:str:1.');
  }
  if (config.precision === 'fp16' && config.device === 'cpu') {
    conflict(`${nameOf('precision')} fp16 needs a CUDA device`, 'Use bf16 on the CPU.');
  }
  if (command !== 'train') return problems;

  for (const [steps, strategy] of [
    ['evalSteps', 'evalStrategy'],
    ['saveSteps', 'saveStrategy'],
  ] as const) {
    if (config[steps] !== undefined && !given.has(strategy)) config[strategy] = 'steps';
    if (config[steps] !== undefined && config[strategy] !== 'steps') {
      conflict(
        `${nameOf(steps)} contradicts ${nameOf(strategy)} ${String(config[strategy])}`,
        'Leave one of them out.',
      );
    }
    if (config[steps] === undefined && config[strategy] === 'steps') {
      conflict(`${nameOf(strategy)} steps needs ${nameOf(steps)}`);
    }
  }
  if (config.model === undefined && config.architecture === undefined) {
    conflict(
      `which model? give ${nameOf('model')} or ${nameOf('architecture')}`,
      `${nameOf('model')} names pretrained weights (a folder or a hub name); ${nameOf('architecture')} text-cnn or bert trains from scratch.`,
    );
  }
  if (config.model !== undefined && config.architecture !== undefined) {
    conflict(
      `${nameOf('model')} and ${nameOf('architecture')} exclude each other`,
      `For the configuration of a model with random weights use ${nameOf('model')} with ${nameOf('fromScratch')}.`,
    );
  }
  const sized = [...BERT_OPTIONS, ...TEXT_CNN_OPTIONS, 'vocabSize'].filter(
    (key) => config[key] !== undefined,
  );
  if (config.model !== undefined && config.fromScratch !== true && sized.length > 0) {
    conflict(
      `${sized.map(nameOf).join(', ')}: pretrained weights have their sizes already`,
      `Add ${nameOf('fromScratch')} to start from random weights, or leave the sizes out.`,
    );
  }
  const foreign = { bert: TEXT_CNN_OPTIONS, 'text-cnn': BERT_OPTIONS }[String(config.architecture)] ?? [];
  const misplaced = foreign.filter((key) => config[key] !== undefined);
  if (misplaced.length > 0) {
    conflict(
      `${misplaced.map(nameOf).join(', ')}: not an option of ${nameOf('architecture')} ${String(config.architecture)}`,
    );
  }
  if (config.fromScratch === true && config.model === undefined) {
    conflict(
      `${nameOf('fromScratch')} needs ${nameOf('model')}`,
      'With an architecture, weights are random anyway.',
    );
  }
  const { hiddenSize, heads } = config as { hiddenSize?: number; heads?: number };
  if (hiddenSize !== undefined && heads !== undefined && hiddenSize % heads !== 0) {
    conflict(`${nameOf('heads')} (${heads}) must divide ${nameOf('hiddenSize')} (${hiddenSize})`);
  }
  // A value that equals the default may also be one that was filled in: a resolved configuration stays valid.
  for (const [one, other, fallback] of [
    ['warmupRatio', 'warmupSteps', trainConfigSchema.shape.warmupRatio.def.defaultValue],
    ['batchSize', 'tokenBudget', trainConfigSchema.shape.batchSize.def.defaultValue],
  ] as const) {
    if (given.has(one) && config[one] !== fallback && config[other] !== undefined) {
      conflict(`${nameOf(one)} and ${nameOf(other)} exclude each other`);
    }
  }
  for (const key of ['evalSteps', 'bestMetric', 'earlyStopPatience'] as const) {
    // A corpus brings documents of its own to evaluate on (heldOut), every other task needs a table.
    if (config[key] !== undefined && config.dev === undefined && !config.heldOut) {
      conflict(`${nameOf(key)} needs ${nameOf('dev')}`, 'There is nothing to evaluate on.');
    }
  }
  return problems;
}
