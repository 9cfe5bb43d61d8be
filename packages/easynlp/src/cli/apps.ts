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
