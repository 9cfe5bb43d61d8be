import { stringify } from 'yaml';
import type { z } from 'zod';
import {
  type CommandName,
  type ConfigFile,
  DEFAULT_APP,
  type EvaluateConfig,
  type PredictConfig,
  resolveConfig,
  type TrainConfig,
} from '../config/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { findApp, joinOptions, optionsOf } from './apps.js';
import { type Interrupt, watchInterrupt } from './interrupt.js';
import type { CliIo } from './io.js';
import type { AppInfo, Library } from './library.js';
import { renderEvaluateOutcome, renderPredictOutcome, renderTrainOutcome } from './print.js';

/** What a command line asks for, whichever style it was written in. */
export interface CommandRequest {
  readonly command: CommandName;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly file?: ConfigFile | undefined;
  readonly nameOf: (key: string) => string;
  readonly warnings?: readonly string[];
  /** Print the complete configuration as YAML instead of running. */
  readonly printConfig?: boolean;
  /** Print the result as JSON. */
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The toolkit, or undefined where it cannot be loaded (not built yet). */
export async function tryLibrary(io: CliIo): Promise<Library | undefined> {
  try {
    return await io.library();
  } catch {
    return undefined;
  }
}

function resolve(request: CommandRequest, appOptions: z.ZodObject | undefined) {
  return resolveConfig(request.command, {
    flags: request.flags,
    nameOf: request.nameOf,
    ...(request.file ? { file: request.file } : {}),
    ...(appOptions ? { appOptions } : {}),
  });
}

function appName({ flags, file }: CommandRequest): string {
  const app = flags.app ?? file?.values.app;
  return typeof app === 'string' ? app : DEFAULT_APP;
}

/** The app's own options with those of the method that the request names; of another method they are unknown. */
function trainOptions({ flags, file }: CommandRequest, app: AppInfo, library: Library) {
  const name = flags.method ?? file?.values.method;
  const method = library.listMethods(app.name).find((m) => m.name === name);
  return [app.options, method?.options].reduce(joinOptions, undefined);
}

/** Resolves the configuration, runs the command and prints its result. Returns the exit code. */
export async function runCommand(request: CommandRequest, io: CliIo): Promise<number> {
  const { command } = request;
  const warn = (line: string) => io.stderr.write(`note: ${line}\n`);
  for (const warning of request.warnings ?? []) warn(warning);

  let library: Library;
  try {
    library = await io.library();
  } catch (error) {
    // Mistakes of the command line can be told without the toolkit, and are worth more than "not built".
    resolve(request, undefined);
    if (request.printConfig) return printConfig(resolve(request, undefined), io);
    throw error;
  }
  const app = findApp(appName(request), library.listApps());
  const options = command === 'train' ? trainOptions(request, app, library) : optionsOf(command, app);
  const config = resolve(request, options);
  if (request.printConfig) return printConfig(config, io);

  const saving = { train: 'saving the state', evaluate: 'ending', predict: 'ending' }[command];
  const interrupt = watchInterrupt(io, saving);
  try {
    const log = request.quiet ? () => {} : (line: string) => void io.stderr.write(`${line}\n`);
    return await execute(library, command, config, { request, io, interrupt, log });
  } catch (error) {
    if (
      interrupt.interrupted() &&
      !EasyNlpError.isInstance(error) &&
      (error as Error)?.name === 'AbortError'
    ) {
      throw new EasyNlpError('INTERRUPTED', { what: command }, { cause: error });
    }
    throw withFlagName(error, request);
  } finally {
    interrupt.release();
  }
}

/** The library speaks of options by their keys; people typed flags. */
function withFlagName(error: unknown, { flags, nameOf }: CommandRequest): unknown {
  if (!EasyNlpError.isInstance(error) || error.code !== 'CONFIG_INVALID_VALUE') return error;
  const { key } = error.details;
  if (typeof key !== 'string' || flags[key] === undefined) return error;
  return new EasyNlpError(error.code, { ...error.details, key: nameOf(key) }, { cause: error });
}

interface Execution {
  readonly request: CommandRequest;
  readonly io: CliIo;
  readonly interrupt: Interrupt;
  readonly log: (line: string) => void;
}

async function execute(
  library: Library,
  command: CommandName,
  config: TrainConfig | EvaluateConfig | PredictConfig,
  { request, io, interrupt, log }: Execution,
): Promise<number> {
  const run = { signal: interrupt.signal, log, ...(request.quiet ? {} : { progress: io.stderr }) };
  const print = <T>(result: T, render: (result: T) => string) =>
    io.stdout.write(request.json ? `${JSON.stringify(result, null, 2)}\n` : render(result));
  if (command === 'train') {
    const result = await library.train(config as TrainConfig, run);
    const { dev, schema, secondSequence } = config as TrainConfig;
    print(result, (r) =>
      renderTrainOutcome(r, {
        app: config.app,
        dev,
        schema,
        pair: secondSequence !== undefined || /^(text_match|machine_reading)/.test(config.app ?? ''),
      }),
    );
    return result.stopped === 'interrupted' ? EXIT.interrupted : EXIT.ok;
  }
  if (command === 'evaluate') {
    print(await library.evaluate(config as EvaluateConfig, run), renderEvaluateOutcome);
  } else {
    print(await library.predict(config as PredictConfig, run), renderPredictOutcome);
  }
  return interrupt.interrupted() ? EXIT.interrupted : EXIT.ok;
}

function printConfig(config: object, io: CliIo): number {
  io.stdout.write(stringify(config));
  return EXIT.ok;
}
