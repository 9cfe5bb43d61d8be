import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import type { App } from './app.js';
import { languageModeling } from './language-modeling/index.js';
import { textClassify } from './text-classify/index.js';
import { textMatch } from './text-match/index.js';

// Apps differ in their types; whoever takes one from here uses it through the common interface.
const APPS = new Map<string, App>(
  ([textClassify, textMatch, languageModeling] as unknown as App[]).map((app) => [app.name, app]),
);

/** All tasks, in the order in which they are shown. */
export function listApps(): App[] {
  return [...APPS.values()];
}

/** @throws EasyNlpError APP_UNKNOWN with the nearest name. */
export function getApp(name: string): App {
  const app = APPS.get(name);
  if (app) return app;
  throw new EasyNlpError('APP_UNKNOWN', {
    name,
    known: [...APPS.keys()],
    suggestion: nearest(name, [...APPS.keys()]),
  });
}
