import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import type { App, TaskSpec } from './app.js';
import { dataAugmentation } from './data-augmentation/index.js';
import { geepClassify } from './geep-classify/index.js';
import { informationExtraction } from './information-extraction/index.js';
import { languageModeling } from './language-modeling/index.js';
import { machineReadingComprehension } from './machine-reading-comprehension/index.js';
import { multipleChoice } from './multiple-choice/index.js';
import { sequenceLabeling } from './sequence-labeling/index.js';
import { textClassify } from './text-classify/index.js';
import { textClassifyMultiLabel } from './text-classify-multi-label/index.js';
import { textMatch, textMatchRegression, textMatchTwoTower } from './text-match/index.js';
import { vectorization } from './vectorization/index.js';

// Apps differ in their types; whoever takes one from here uses it through the common interface.
const APPS = new Map<string, App>(
  (
    [
      textClassify,
      textClassifyMultiLabel,
      geepClassify,
      textMatch,
      textMatchRegression,
      textMatchTwoTower,
      multipleChoice,
      sequenceLabeling,
      machineReadingComprehension,
      informationExtraction,
      vectorization,
      languageModeling,
      dataAugmentation,
    ] as unknown as App[]
  ).map((app) => [app.name, app]),
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

const VARIANTS = new Map<string, (app: App) => App>();
const made = new WeakMap<App, Map<string, App>>();

/** Makes a variant of apps known by the name of the method that trains it. */
export function registerVariant(method: string, variant: (app: App) => App): void {
  VARIANTS.set(method, variant);
}

/**
 * The app that reads and answers a trained task: the one it is named after, or the variant of it that the method
 * made. @throws EasyNlpError APP_UNKNOWN, METHOD_UNKNOWN
 */
export function appOf({ app: name, method }: Pick<TaskSpec, 'app' | 'method'>): App {
  const app = getApp(name);
  if (method === undefined) return app;
  const variant = VARIANTS.get(method);
  if (!variant)
    throw new EasyNlpError('METHOD_UNKNOWN', { name: method, app: name, known: [...VARIANTS.keys()] });
  const known = made.get(app) ?? new Map<string, App>();
  made.set(app, known);
  const same = known.get(method) ?? variant(app);
  known.set(method, same);
  return same;
}
