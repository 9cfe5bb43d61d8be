import type { z } from 'zod';
import { EasyNlpError, type ErrorDetails } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import { buildSchema, COMMAND_SCHEMAS, type CommandConfigs, type CommandName } from './build-schema.js';
import type { ConfigFile } from './config-file.js';
import { type Field, fieldsOf } from './introspect.js';
import { trainConfigSchema } from './train-config.js';

export interface ResolveSources {
  /** Values given on the command line or by a caller; they win over the file. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly file?: ConfigFile;
  /** The app's own options (see buildSchema). */
  readonly appOptions?: z.ZodObject;
  /** How messages write an option: `--learning-rate` on the command line; the key itself by default. */
  readonly nameOf?: (key: string) => string;
}

const isNumeric = (kind: Field['kind'] | undefined): boolean => kind === 'integer' || kind === 'number';

/** Numbers in a YAML file where a string is wanted (labels: [0, 1]) are taken as they were typed. */
function adapt(
  field: Field,
  value: unknown,
  source: (path: readonly (string | number)[]) => string | undefined,
) {
  const asText = (v: unknown, path: readonly (string | number)[]) =>
    typeof v === 'number' || typeof v === 'boolean' ? (source(path) ?? String(v)) : v;
  if (field.kind === 'string' || field.kind === 'enum') return asText(value, [field.key]);
  if (field.kind !== 'list' && field.kind !== 'list-or-path') return value;
  if (Array.isArray(value)) {
    return isNumeric(field.item) ? value : value.map((v, i) => asText(v, [field.key, i]));
  }
  // A single value where a list is wanted: input: a.tsv.
  if (field.kind === 'list' && value !== null && typeof value !== 'object') {
    return [isNumeric(field.item) ? value : asText(value, [field.key])];
  }
  return value;
}

const show = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

/** What a field accepts, in words. */
export function expectation(field: Field): string {
  switch (field.kind) {
    case 'enum':
      return `one of ${field.choices?.join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'integer':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'list':
      return isNumeric(field.item) ? 'a list of numbers' : 'a list';
    case 'list-or-path':
      return 'a list or a file name';
    default:
      return 'a text';
  }
}

/** Words for a bound that a number broke ("a whole number > 0"). */
function bounded(field: Field, issue: z.core.$ZodIssue): string {
  const base = expectation(field);
  if (issue.code === 'too_small') {
    if (issue.origin === 'string' || issue.origin === 'array') return 'a value, not an empty one';
    return `${base} ${issue.inclusive ? '≥' : '>'} ${issue.minimum}`;
  }
  if (issue.code === 'too_big') return `${base} ${issue.inclusive ? '≤' : '<'} ${issue.maximum}`;
  if (issue.code === 'invalid_format') return issue.message.replace(/^expected /, '');
  return base;
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
  const { flags = {}, file, appOptions, nameOf = (key: string) => key } = sources;
  const schema = buildSchema(command, appOptions);
  const fields = new Map(fieldsOf(schema).map((field) => [field.key, field]));
  const merged: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(file?.values ?? {})) {
    // `key:` with nothing behind it means "not set".
    if (value === null) continue;
    const field = fields.get(key);
    merged[key] = field ? adapt(field, value, (path) => file?.source(path)) : value;
  }
  const fromFlags = new Set<string>();
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const field = fields.get(key);
    merged[key] = field ? adapt(field, value, () => undefined) : value;
    fromFlags.add(key);
  }

  const problems: EasyNlpError[] = [];
  const origin = (
    key: string,
    at: 'key' | 'value',
    path: readonly (string | number)[] = [key],
  ): ErrorDetails =>
    fromFlags.has(key) ? {} : { ...(file?.position(path, at) ?? file?.position([key], at)) };
  // A file's key is written as it stands there, a flag as it was typed.
  const written = (key: string): string => (fromFlags.has(key) || file === undefined ? nameOf(key) : key);

  const result = schema.safeParse(merged);
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const others = (Object.keys(COMMAND_SCHEMAS) as CommandName[]).filter((name) =>
          Object.hasOwn(COMMAND_SCHEMAS[name].shape, key),
        );
        problems.push(
          new EasyNlpError('CONFIG_UNKNOWN_KEY', {
            key,
            ...(others.length > 0
              ? { hint: `It is an option of ${others.join(' and ')}, not of ${command}.` }
              : { suggestion: nearest(key, fields.keys()) ?? undefined }),
            ...origin(key, 'key'),
          }),
        );
      }
      continue;
    }
    const key = String(issue.path[0] ?? '');
    const field = fields.get(key);
    if (!field) {
      problems.push(new EasyNlpError('CONFIG_CONFLICT', { problem: issue.message }));
    } else if (!(key in merged)) {
      problems.push(
        new EasyNlpError('CONFIG_MISSING_VALUE', {
          key: nameOf(key),
          expected: field.meta.description ?? expectation(field),
          ...(field.meta.example === undefined
            ? {}
            : { hint: `For example ${nameOf(key)} ${field.meta.example}` }),
        }),
      );
    } else {
      const path = issue.path.filter((p) => typeof p !== 'symbol');
      const got = path.reduce<unknown>((v, p) => (v as Record<string | number, unknown>)?.[p], merged);
      const suggestion =
        field.choices && typeof got === 'string' ? (nearest(got, field.choices) ?? undefined) : undefined;
      const item = field.item === undefined || path.length === 1 ? field : { ...field, kind: field.item };
      problems.push(
        new EasyNlpError('CONFIG_INVALID_VALUE', {
          key: written(key),
          expected: bounded(item, issue),
          got: show(got),
          suggestion,
          ...origin(key, 'value', path),
        }),
      );
    }
  }
  if (result.success) {
    const config = result.data as CommandConfigs[C];
    problems.push(
      ...crossChecks(command, config as Record<string, unknown>, new Set(Object.keys(merged)), nameOf),
    );
    if (problems.length === 0) return config;
  }
  if (problems.length === 1) throw problems[0];
  throw new EasyNlpError('CONFIG_SEVERAL_PROBLEMS', {
    problems: problems.map((p) => (p.hint ? `${p.message}. ${p.hint}` : p.message)),
    codes: problems.map((p) => p.code),
  });
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
