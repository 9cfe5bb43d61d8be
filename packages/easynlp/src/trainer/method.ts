import type { z } from 'zod';
import type { App, AppContext, AppModel } from '../appzoo/app.js';
import { registerVariant } from '../appzoo/registry.js';
import type { Runtime } from '../appzoo/runtime.js';
import type { TrainConfig, TrainOptions } from '../config/index.js';
import { DEFAULT_METHOD } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import type { LabelledTables } from './labelled-rows.js';
import type { Objective } from './objective.js';
import type { TrainResult, TrainRunOptions } from './train.js';

/** What an objective is made from. The model is on its device already, in training mode. */
export interface MethodContext<Config extends TrainConfig = TrainConfig> {
  readonly config: Config;
  /** The app as the method trains it. */
  readonly app: App;
  readonly context: AppContext;
  readonly model: AppModel;
  readonly runtime: Runtime;
  /** The training and validation tables; null for apps that open their own data. */
  readonly tables: LabelledTables | null;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What a method trains on: tables, and the app that turns their rows into batches. */
export interface MethodRows {
  readonly tables: LabelledTables;
  readonly app: App;
}

/**
 * A way of training a task: fine-tuning, PET, distillation … It can change two things, each by a contract that exists
 * anyway: how rows become batches and results (`variant`, an App made from the app), and what is minimized
 * (`objective`). The loop, the optimizer, checkpoints and evaluation are everybody's.
 */
export interface Method {
  /** As in `--method`. */
  readonly name: string;
  readonly description: string;
  /** Names of the apps it works for. */
  readonly apps: readonly string[];
  /** Options beside those of the command and of the app. Methods that share an option share its schema. */
  readonly options?: z.ZodObject;
  /**
   * The app as this method trains and predicts it, such as prompts and label words instead of a classifier's head.
   * A model trained with a variant needs it for prediction too: its task carries the method's name.
   */
  readonly variant?: (app: App) => App;
  /** Data files beside the tables: a training that resumes wants them unchanged, too. */
  readonly dataFiles?: (config: TrainConfig) => readonly string[];
  /**
   * What is trained on, where that is not simply the tables as they are: a teacher's logits beside each row, weights,
   * rows without labels. The app given here reads the validation table too; what is stored is the app's own task.
   * `objective` gets these tables and this app in its context.
   */
  readonly rows?: (context: MethodContext) => Promise<MethodRows>;
  /**
   * Whether the labels of the table are all that there is to learn from: `App.checkTable` looks at it then. Methods with
   * a variant look at it themselves, where they prepare the task.
   */
  readonly learnsFromTable?: (config: TrainConfig) => boolean;
  /** What is minimized; the app's own loss by default. */
  readonly objective?: (context: MethodContext) => Promise<Objective> | Objective;
  /**
   * For methods of several stages: trains them one after another with `train` (other methods, other data) and leaves
   * the last model in `config.output`. Each stage resumes by itself.
   */
  readonly run?: (
    config: TrainConfig,
    run: TrainRunOptions,
    train: (options: TrainOptions, run?: TrainRunOptions) => Promise<TrainResult>,
  ) => Promise<TrainResult>;
}

const FINE_TUNING: Method = {
  name: DEFAULT_METHOD,
  description: 'train all weights on labelled rows with the task’s own loss',
  apps: [],
  learnsFromTable: () => true,
};

const METHODS = new Map<string, Method>([[FINE_TUNING.name, FINE_TUNING]]);

/** Makes a method known to `train()`, the command line and, if it has a variant, to prediction. */
export function registerMethod(method: Method): void {
  METHODS.set(method.name, method);
  if (method.variant) registerVariant(method.name, method.variant);
}

/** All methods, or those for one app. */
export function listMethods(app?: string): Method[] {
  return [...METHODS.values()].filter((m) => app === undefined || m === FINE_TUNING || m.apps.includes(app));
}

/** @throws EasyNlpError METHOD_UNKNOWN, also where the app has no such method. */
export function getMethod(name: string, app: string): Method {
  const methods = listMethods(app);
  const method = methods.find((m) => m.name === name);
  if (method) return method;
  const known = methods.map((m) => m.name);
  throw new EasyNlpError('METHOD_UNKNOWN', {
    name,
    app,
    known,
    suggestion: METHODS.has(name) ? null : nearest(name, known),
  });
}

/** An app's own options together with a method's. */
export function trainOptionsOf(app: App, method: Method): z.ZodObject | undefined {
  if (!app.options || !method.options) return app.options ?? method.options;
  return app.options.extend(method.options.shape);
}
