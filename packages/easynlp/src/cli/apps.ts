import type { z } from 'zod';
import type { CommandName } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import { EASYNLP_APPS } from './easynlp-flag-table.js';
import type { AppInfo } from './library.js';

/**
 * The registered app of that name.
 *
 * @throws EasyNlpError FEATURE_NOT_AVAILABLE for a task of EasyNLP that does not exist here yet, CONFIG_INVALID_VALUE
 * for anything else.
 */
export function findApp(name: string, apps: readonly AppInfo[]): AppInfo {
  const found = apps.find((app) => app.name === name);
  if (found) return found;
  const available = `Available: ${apps.map((app) => app.name).join(', ')}.`;
  if (EASYNLP_APPS.includes(name)) {
    throw new EasyNlpError('FEATURE_NOT_AVAILABLE', {
      feature: `the task ${name}`,
      flag: 'the app name',
      hint: available,
    });
  }
  const suggestion = nearest(name, [...apps.map((app) => app.name), ...EASYNLP_APPS]);
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: 'app',
    expected: 'the name of a task',
    got: JSON.stringify(name),
    hint: suggestion === null ? available : `Did you mean ${suggestion}? ${available}`,
  });
}

/** Switches that choose among the tasks that a name stands for. */
const APP_VARIANTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  text_classify: { '--multi-label': 'text_classify_multi_label' },
  text_match: { '--two-tower': 'text_match_two_tower', '--regression': 'text_match_regression' },
};

/**
 * `train text_match --two-tower …` is `train text_match_two_tower …`: the switch is taken out, and the task's own options
 * are those of the one that is meant.
 */
export function withVariant(argv: readonly string[]): readonly string[] {
  const [command, name, ...rest] = argv;
  const variants = name !== undefined && Object.hasOwn(APP_VARIANTS, name) ? APP_VARIANTS[name]! : {};
  const given = [...new Set(rest)].filter((arg) => Object.hasOwn(variants, arg));
  if (command === undefined || given.length === 0) return argv;
  if (given.length > 1) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: `${given.join(' and ')} exclude each other`,
      hint: 'Two towers learn scores with --two-tower --gold scores.',
    });
  }
  return [command, variants[given[0]!]!, ...rest.filter((arg) => arg !== given[0])];
}

/** Options of two origins as one set. */
export function joinOptions(
  one: z.ZodObject | undefined,
  other: z.ZodObject | undefined,
): z.ZodObject | undefined {
  return one && other ? one.extend(other.shape) : (one ?? other);
}

/** The app's own options of a command. */
export function optionsOf(command: CommandName, app: AppInfo | undefined): z.ZodObject | undefined {
  return { train: app?.options, evaluate: app?.evaluateOptions, predict: app?.predictOptions }[command];
}
