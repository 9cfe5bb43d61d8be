import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandName } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import {
  EASYNLP_APPS,
  EASYNLP_FLAGS,
  EASYNLP_MODES,
  type EasynlpFlag,
  type EasynlpMode,
  MEGATRON_EQUIVALENTS,
  MEGATRON_FLAGS,
} from './easynlp-flag-table.js';
import { applyUserDefinedParameters } from './easynlp-parameters.js';
import { flagName, parseBoolean, parseNumber } from './schema-to-flags.js';

/** What a command line of EasyNLP asks of this toolkit. */
export interface EasynlpInvocation {
  readonly command: CommandName;
  /** Options of the command's configuration, by their keys. */
  readonly values: Record<string, unknown>;
  /** One line each: defaults that surprise, flags without effect. */
  readonly warnings: readonly string[];
  /** How messages write an option of the configuration: as the flag that was typed. */
  readonly nameOf: (key: string) => string;
}

export interface EasynlpFlagOptions {
  /** Whether a path exists (modelzoo_base_dir looks for a model in a folder). */
  readonly exists?: (path: string) => boolean;
}

type FlagValue = string | number | boolean;

const BY_NAME = new Map(EASYNLP_FLAGS.flatMap((flag) => flag.names.map((name) => [name, flag] as const)));
const MEGATRON = new Map(
  Object.entries(MEGATRON_FLAGS).flatMap(([group, names]) => names.map((name) => [name, group] as const)),
);

/** True when the arguments are EasyNLP's: no sub-command, but flags with the names of its own. */
export function isEasynlpStyle(argv: readonly string[]): boolean {
  return (
    argv[0]?.startsWith('-') === true && argv.some((arg) => BY_NAME.has(/^--([^=]+)/.exec(arg)?.[1] ?? ''))
  );
}

/** Reads EasyNLP's flags, with or without `=`, into values by canonical name. Like EasyNLP, the last of two wins. */
export function readEasynlpFlags(
  argv: readonly string[],
): Map<EasynlpFlag, { typed: string; value: FlagValue }> {
  const found = new Map<EasynlpFlag, { typed: string; value: FlagValue }>();
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at]!;
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(argument);
    if (!match) {
      const hint =
        at > 0 && /=/.test(argument) ? 'Quote the whole value of --user_defined_parameters.' : undefined;
      throw new EasyNlpError('CLI_UNEXPECTED_ARGUMENT', { argument, hint });
    }
    const [, name, attached] = match as unknown as [string, string, string | undefined];
    const flag = BY_NAME.get(name);
    if (!flag) throw unknownFlag(name);
    let text = attached;
    if (text === undefined && flag.type !== 'switch') {
      const next = argv[at + 1];
      if (next === undefined || (next.startsWith('--') && next.length > 2)) {
        throw new EasyNlpError('CLI_BAD_FLAG', { flag: `--${name}`, problem: 'a value is missing' });
      }
      text = next;
      at++;
    }
    const value = readValue(flag, `--${name}`, text);
    if (value === undefined) found.delete(flag);
    else found.set(flag, { typed: `--${name}`, value });
  }
  return found;
}

function unknownFlag(name: string): EasyNlpError {
  const underscored = name.replaceAll('-', '_');
  const group = MEGATRON.get(name);
  if (group !== undefined && !BY_NAME.has(underscored)) {
    const equivalent = MEGATRON_EQUIVALENTS[name];
    return new EasyNlpError('FEATURE_NOT_SUPPORTED', {
      flag: `--${name}`,
      reason: `it belongs to EasyNLP's Megatron/GLM training (group '${group}'), which needs deepspeed and Python`,
      hint: equivalent ? `For other models the same is said with ${equivalent}.` : undefined,
    });
  }
  const near = BY_NAME.has(underscored) ? underscored : nearest(name, BY_NAME.keys());
  return new EasyNlpError('CLI_UNKNOWN_FLAG', {
    flag: `--${name}`,
    suggestion: near === null ? undefined : `--${near}`,
    hint: `With EasyNLP's flags, other options go into --user_defined_parameters, as '${underscored}=…'.`,
  });
}

/** Undefined means "as if not given": an empty text, or the None that EasyNLP's launcher writes. */
function readValue(flag: EasynlpFlag, typed: string, text: string | undefined): FlagValue | undefined {
  if (flag.type === 'switch') {
    const value = text === undefined ? true : parseBoolean(text);
    if (value === undefined) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: typed,
        expected: 'nothing, True or False',
        got: text,
      });
    }
    return value || undefined;
  }
  if (text === undefined || text === '' || text === 'None') return undefined;
  if (flag.type === 'text') {
    const value = text.trim();
    if (flag.choices && !flag.choices.includes(value)) {
      const choice = nearest(value, flag.choices);
      if (choice !== null && choice.toLowerCase() === value.toLowerCase()) return choice;
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: typed,
        expected: `one of ${flag.choices.join(', ')}`,
        got: JSON.stringify(value),
        suggestion: choice ?? undefined,
      });
    }
    return flag.names[0] === 'user_defined_parameters' ? text : value || undefined;
  }
  const value = parseNumber(text);
  if (value === undefined || (flag.type === 'integer' && !Number.isInteger(value))) {
    const expected = flag.type === 'integer' ? 'a whole number' : 'a number';
    throw new EasyNlpError('CONFIG_INVALID_VALUE', { key: typed, expected, got: JSON.stringify(text) });
  }
  return value;
}

/** Options of the configuration and the flag that messages should blame for them. */
const FLAG_OF_KEY: Readonly<Record<string, string>> = {
  app: 'app_name',
  train: 'tables',
  dev: 'tables',
  data: 'tables',
  input: 'tables',
  schema: 'input_schema',
  skipFirstLine: 'skip_first_line',
  firstSequence: 'first_sequence',
  secondSequence: 'second_sequence',
  labelName: 'label_name',
  labels: 'label_enumerate_values',
  sequenceLength: 'sequence_length',
  batchSize: 'micro_batch_size',
  epochs: 'epoch_num',
  learningRate: 'learning_rate',
  weightDecay: 'weight_decay',
  maxGradNorm: 'max_grad_norm',
  optimizer: 'optimizer_type',
  warmupRatio: 'warmup_proportion',
  gradientAccumulationSteps: 'gradient_accumulation_steps',
  seed: 'random_seed',
  evalSteps: 'save_checkpoint_steps',
  saveSteps: 'save_checkpoint_steps',
  resume: 'resume_from_checkpoint',
  loggingSteps: 'logging_steps',
  outputSchema: 'output_schema',
  appendCols: 'append_cols',
};

function nameInMode(command: CommandName): (key: string) => string {
  return (key) => {
    if (key === 'model' && command === 'train')
      return 'pretrain_model_name_or_path (user_defined_parameters)';
    if (key === 'model' || (key === 'output' && command === 'train')) return '--checkpoint_dir';
    if (key === 'output') return '--outputs';
    const flag = FLAG_OF_KEY[key];
    return flag === undefined
      ? `${flagName(key).slice(2).replaceAll('-', '_')} (user_defined_parameters)`
      : `--${flag}`;
  };
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/**
 * Maps a command line of EasyNLP onto this toolkit's configuration.
 *
 * Defaults are EasyNLP's. Where EasyNLP documents a flag but drops it on the way (optimizer_type, warmup_proportion,
 * max_grad_norm, use_amp, logging_steps, save_all_checkpoints, resume_from_checkpoint), it works here.
 */
export function mapEasynlpFlags(
  argv: readonly string[],
  options: EasynlpFlagOptions = {},
): EasynlpInvocation {
  const exists = options.exists ?? existsSync;
  const given = readEasynlpFlags(argv);
  const warnings: string[] = [];
  const values: Record<string, unknown> = {};

  const flagged = (name: string) => given.get(BY_NAME.get(name)!);
  const text = (name: string) => flagged(name)?.value as string | undefined;
  const number = (name: string) => flagged(name)?.value as number | undefined;
  const isOn = (name: string) => flagged(name)?.value === true;
  const orDefault = (name: string) => flagged(name)?.value ?? BY_NAME.get(name)!.default;
  const set = (key: string, value: unknown) => {
    if (value !== undefined) values[key] = value;
  };

  const mode = (text('mode') ?? 'train') as EasynlpMode;
  const app = text('app_name') ?? 'text_classify';
  if (!EASYNLP_APPS.includes(app)) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: '--app_name',
      expected: 'the name of a task',
      got: JSON.stringify(app),
      suggestion: nearest(app, EASYNLP_APPS) ?? undefined,
      ...(nearest(app, EASYNLP_APPS) ? {} : { hint: `Tasks: ${EASYNLP_APPS.join(', ')}.` }),
    });
  }
  noteFlagsWithoutEffect(given, mode, warnings);

  const tables = list(text('tables') ?? '');
  for (const table of tables) {
    const scheme = /^(odps|oss):\/\//.exec(table)?.[1];
    if (scheme === undefined) continue;
    throw new EasyNlpError('FEATURE_NOT_SUPPORTED', {
      flag: `--tables ${table}`,
      reason: `${scheme === 'odps' ? 'MaxCompute tables' : 'OSS objects'} are not read`,
      hint: 'Copy the data to a local file first.',
    });
  }
  if (tables.length === 0) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: '--tables',
      expected:
        mode === 'train' ? 'the training and the validation file, train.csv,dev.csv' : 'the data file',
    });
  }

  set('app', app);
  set('schema', text('input_schema'));
  // EasyNLP's tables are TAB-separated whatever their name says (most end in .csv).
  if (values.schema !== undefined) set('format', 'easynlp');
  if (isOn('skip_first_line')) set('skipFirstLine', true);
  set('firstSequence', text('first_sequence'));
  set('secondSequence', text('second_sequence'));
  if (isOn('use_amp')) set('precision', 'bf16');
  const gpus = number('worker_gpu') ?? -1;
  if (gpus === 0) set('device', 'cpu');
  if (gpus > 1)
    warnings.push(`--worker_gpu ${gpus}: training on several GPUs is not available yet; one is used`);

  if (mode === 'train') {
    set('train', tables[0]);
    if (tables.length > 1) set('dev', tables.at(-1));
    else warnings.push('--tables names no second file: no validation, the last weights are saved');
    if (tables.length > 2) {
      warnings.push(
        `--tables: ${tables.slice(1, -1).join(', ')} not used; the first file trains, the last validates`,
      );
    }
    set('output', text('checkpoint_dir'));
    set('overwrite', true);
    set('labelName', text('label_name'));
    const labels = text('label_enumerate_values');
    set('labels', labels?.includes(',') ? list(labels) : labels);
    if (flagged('sequence_length') === undefined) {
      warnings.push(
        "--sequence_length is not given: EasyNLP's default of 16 tokens cuts most texts; 128 is usual",
      );
    }
    set('sequenceLength', orDefault('sequence_length'));
    set('batchSize', orDefault('micro_batch_size'));
    set('epochs', orDefault('epoch_num'));
    set('learningRate', orDefault('learning_rate'));
    set('weightDecay', orDefault('weight_decay'));
    set('maxGradNorm', orDefault('max_grad_norm'));
    set('optimizer', String(orDefault('optimizer_type')).toLowerCase());
    set('warmupRatio', orDefault('warmup_proportion'));
    set('gradientAccumulationSteps', orDefault('gradient_accumulation_steps'));
    set('seed', orDefault('random_seed'));
    set('loggingSteps', orDefault('logging_steps'));
    set('resume', text('resume_from_checkpoint'));
    const steps = number('save_checkpoint_steps');
    set('saveSteps', steps);
    set('saveStrategy', steps === undefined ? 'none' : 'steps');
    if (values.dev === undefined) set('evalStrategy', 'none');
    else if (steps !== undefined) set('evalSteps', steps);
    if (isOn('save_all_checkpoints')) {
      set('keepLast', 0);
      if (steps === undefined)
        warnings.push('--save_all_checkpoints has no effect without --save_checkpoint_steps');
    }
  } else {
    set('model', text('checkpoint_dir'));
    // Not given, the model's own length is right; EasyNLP would cut to 16 tokens.
    set('sequenceLength', number('sequence_length'));
    set('batchSize', number('micro_batch_size'));
    if (mode === 'evaluate') {
      set('data', tables.at(-1));
      set('labelName', text('label_name'));
    } else {
      set('input', [tables.at(-1)]);
      set('output', text('outputs'));
      const columns = list(text('output_schema') ?? '');
      if (columns.length > 0) set('outputSchema', columns);
      set('appendCols', list(text('append_cols') ?? ''));
    }
  }

  applyUserDefinedParameters(text('user_defined_parameters') ?? '', { command: mode, values, warnings });

  const base = text('modelzoo_base_dir');
  if (mode === 'train' && base !== undefined && typeof values.model === 'string') {
    const path = join(base, values.model);
    if (exists(path)) values.model = path;
    else
      warnings.push(`--modelzoo_base_dir: ${path} does not exist; ${values.model} is looked for elsewhere`);
  }
  return { command: mode, values, warnings, nameOf: nameInMode(mode) };
}

function noteFlagsWithoutEffect(
  given: ReadonlyMap<EasynlpFlag, { typed: string }>,
  mode: EasynlpMode,
  warnings: string[],
): void {
  const elsewhere: string[] = [];
  for (const [flag, { typed }] of given) {
    if (flag.refused !== undefined) {
      throw new EasyNlpError('FEATURE_NOT_SUPPORTED', { flag: typed, reason: flag.refused });
    }
    if (flag.noEffect !== undefined) warnings.push(`${typed} has no effect: ${flag.noEffect}`);
    else if (flag.modes !== undefined && !flag.modes.includes(mode)) elsewhere.push(typed);
  }
  if (elsewhere.length > 0) warnings.push(`without effect in mode ${mode}: ${elsewhere.join(', ')}`);
}

/** The help page of EasyNLP's own flags. */
export function easynlpHelp(): string {
  const rows = EASYNLP_FLAGS.map((flag) => {
    const names = flag.names.map((name) => `--${name}`).join(', ');
    const notes = [
      flag.choices?.join(' | '),
      flag.default === undefined || flag.default === '' ? undefined : `default ${flag.default}`,
      flag.modes && flag.modes.length < EASYNLP_MODES.length ? flag.modes.join(' and ') : undefined,
    ].filter((note) => note !== undefined);
    const effect = flag.noEffect ?? flag.refused;
    return `  ${names.padEnd(44)}${flag.help}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}${
      effect === undefined ? '' : `\n${' '.repeat(48)}${flag.refused ? 'refused' : 'no effect'}: ${effect}`
    }`;
  });
  return [
    "EasyNLP's own flags: easynlp --mode=train --app_name=text_classify --tables=train.csv,dev.csv …",
    '',
    ...rows,
  ].join('\n');
}
