import { type ConfigFile, loadConfigFile } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';

export type OptionValues = Readonly<Record<string, unknown>>;

/**
 * Settings of one task. Besides options of `easynlp train` a method may have `view` (how the data becomes rows),
 * `extends` (another method that it varies) and `select` (`last` epoch, or the best on `dev`).
 * Values `$words`, `$unlabeled` stand for the label words in the order of the labels and for the unlabelled file.
 */
export interface TaskSettings {
  readonly all?: OptionValues;
  readonly methods?: Readonly<Record<string, OptionValues>>;
  /** Label → word in prompts, instead of those that come with the data. */
  readonly words?: Readonly<Record<string, string>>;
}

/** Settings of a suite; a later part wins: all, profile, method, task, method in task. */
export interface SuiteSettings {
  readonly all: OptionValues;
  readonly methods: Readonly<Record<string, OptionValues>>;
  readonly tasks: Readonly<Record<string, TaskSettings>>;
  /** For models of a size: `small`, `base`. */
  readonly profiles: Readonly<Record<string, Pick<TaskSettings, 'all' | 'methods'>>>;
}

/** What one run is trained with. */
export interface RunSettings {
  /** Name of the training method: `cptuning` for a variation of it. */
  readonly method: string;
  readonly view: string | undefined;
  /** Whether the epoch that is reported is the last one, or the best on rows kept apart for choosing. */
  readonly select: 'auto' | 'last' | 'dev';
  readonly words: Readonly<Record<string, string>> | undefined;
  readonly options: OptionValues;
}

const PARTS = ['all', 'methods', 'tasks', 'profiles'] as const;
const SELECT = ['auto', 'last', 'dev'] as const;

const isMapping = (value: unknown): value is OptionValues =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Two levels of names, each with a mapping of options, joined name by name. */
function joined<T>(
  a: Readonly<Record<string, T>> = {},
  b: Readonly<Record<string, T>> = {},
  join: (a: T | undefined, b: T) => T,
): Record<string, T> {
  return {
    ...a,
    ...Object.fromEntries(Object.entries(b).map(([name, value]) => [name, join(a[name], value)])),
  };
}

const joinOptions = (a: OptionValues | undefined, b: OptionValues): OptionValues => ({ ...a, ...b });
const joinTask = (a: TaskSettings | undefined, b: TaskSettings): TaskSettings => ({
  all: { ...a?.all, ...b.all },
  methods: joined(a?.methods, b.methods, joinOptions),
  ...(a?.words || b.words ? { words: { ...a?.words, ...b.words } } : {}),
});

/** Settings with another file's on top of them. */
export function mergeSettings(base: SuiteSettings, over: Partial<SuiteSettings>): SuiteSettings {
  return {
    all: { ...base.all, ...over.all },
    methods: joined(base.methods, over.methods, joinOptions),
    tasks: joined(base.tasks, over.tasks, joinTask),
    profiles: joined(base.profiles, over.profiles, joinTask),
  };
}

/** Reads a settings file (YAML or JSON). @throws EasyNlpError CONFIG_* naming file, line and column */
export function loadSettings(path: string, tasks: readonly string[]): Partial<SuiteSettings> {
  const file = loadConfigFile(path);
  known(file, [], PARTS);
  for (const part of PARTS) {
    const value = file.values[part];
    if (value === undefined) continue;
    mapping(file, [part]);
    if (part === 'all') continue;
    if (part === 'tasks') known(file, [part], tasks);
    for (const name of Object.keys(value as object)) {
      mapping(file, [part, name]);
      if (part === 'methods') continue;
      known(file, [part, name], part === 'tasks' ? ['all', 'methods', 'words'] : ['all', 'methods']);
      for (const key of Object.keys((value as Record<string, object>)[name]!)) {
        mapping(file, [part, name, key]);
        if (key !== 'methods') continue;
        for (const method of Object.keys(at(file, [part, name, key]) as object)) {
          mapping(file, [part, name, key, method]);
        }
      }
    }
  }
  return file.values as Partial<SuiteSettings>;
}

function at(file: ConfigFile, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as OptionValues)[key], file.values);
}

function mapping(file: ConfigFile, path: readonly string[]): void {
  const value = at(file, path);
  if (isMapping(value)) return;
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    ...file.position(path),
    file: file.file,
    key: path.join('.'),
    expected: 'a mapping of names to values',
    got: JSON.stringify(value),
  });
}

function known(file: ConfigFile, path: readonly string[], names: readonly string[]): void {
  for (const key of Object.keys(at(file, path) as object)) {
    if (names.includes(key)) continue;
    throw new EasyNlpError('CONFIG_UNKNOWN_KEY', {
      file: file.file,
      ...file.position([...path, key], 'key'),
      key: [...path, key].join('.'),
      suggestion: nearest(key, names) ?? undefined,
      hint: `Expected one of ${names.join(', ')}.`,
    });
  }
}

/** The chain of methods from the one that is varied to the variation. */
function lineage(settings: SuiteSettings, name: string): string[] {
  const chain: string[] = [];
  for (let next: unknown = name; typeof next === 'string'; next = settings.methods[next]?.extends) {
    if (chain.includes(next)) {
      throw new EasyNlpError('CONFIG_CONFLICT', {
        problem: `the settings of the method ${name} extend themselves (${[...chain, next].join(' → ')})`,
      });
    }
    chain.push(next);
  }
  return chain.reverse();
}

/** All settings of a method on a task, put together. */
export function settingsOf(
  settings: SuiteSettings,
  { task, method, profile }: { task: string; method: string; profile: string },
): RunSettings {
  const chain = lineage(settings, method);
  const ofTask = settings.tasks[task];
  const ofProfile = settings.profiles[profile];
  const parts = [
    settings.all,
    ofProfile?.all,
    ...chain.flatMap((name) => [settings.methods[name], ofProfile?.methods?.[name]]),
    ofTask?.all,
    ...chain.map((name) => ofTask?.methods?.[name]),
  ];
  const {
    extends: _,
    view,
    select = 'auto',
    ...options
  } = Object.assign({}, ...parts) as Record<string, unknown>;
  if (!SELECT.includes(select as 'auto')) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: `select (${method})`,
      expected: `one of ${SELECT.join(', ')}`,
      got: JSON.stringify(select),
    });
  }
  return {
    method: chain[0]!,
    view: view === undefined ? undefined : String(view),
    select: select as RunSettings['select'],
    words: ofTask?.words,
    options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null)),
  };
}
