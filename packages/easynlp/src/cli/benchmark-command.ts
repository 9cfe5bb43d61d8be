import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { BenchmarkEngine, BenchmarkRequest, BenchmarkSuite, EvaluateOn } from '../benchmark/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import type { Tokenizer as TokenizerClass } from '../text/index.js';
import { nearest } from '../util/index.js';
import { watchInterrupt } from './interrupt.js';
import type { CliIo } from './io.js';
import type { Library } from './library.js';

interface Options {
  readonly data?: string;
  readonly model?: string;
  readonly output?: string;
  readonly methods: string;
  readonly tasks?: string;
  readonly splits?: string;
  readonly seeds: string;
  readonly evaluateOn: string;
  readonly settings?: string;
  readonly profile?: string;
  readonly device: string;
  readonly precision: string;
  readonly numThreads?: string;
  readonly keepModels?: boolean;
  readonly printSettings?: boolean;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly quiet?: boolean;
}

/** The suites' names, known before their code is loaded. */
const SUITE_NAMES = {
  fewclue: 'FewCLUE: nine Chinese few-shot tasks',
  clue: 'CLUE: eleven Chinese tasks, whole training sets',
  glue16: 'English tasks, 16 rows a class',
};

const list = (value: string | undefined): string[] =>
  (value ?? '').split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));

/** Adds `easynlp benchmark SUITE` to the command line; `settle` is applied to every command made here. */
export function addBenchmarkCommand(
  program: Command,
  io: CliIo,
  settle: (command: Command) => Command,
  done: (exitCode: number) => void,
): void {
  const names = Object.keys(SUITE_NAMES);
  const benchmark: Command = settle(program.command('benchmark'))
    .description(
      'train and measure methods on the tasks of a benchmark, with a table beside the published one',
    )
    .usage(`${names.join('|')} [options]`)
    .argument('[suite]', names.join(' or '))
    .action((name?: string) => {
      if (name === undefined) return void benchmark.outputHelp();
      throw new EasyNlpError('CLI_UNKNOWN_COMMAND', {
        command: `benchmark ${name}`,
        suggestion: nearest(name, names) ?? undefined,
        commands: names.join(', '),
      });
    });
  for (const [name, description] of Object.entries(SUITE_NAMES)) {
    settle(benchmark.command(name))
      .description(description)
      .option('--data <folder>', 'the benchmark’s files, a folder a task')
      .option('--model <name|folder>', 'pretrained model that every run begins with')
      .option('--output <folder>', 'folder for results; a run that is there is not done again')
      .option('--methods <a,b,…>', 'training methods, or variations of the settings', 'finetune')
      .option('--tasks <a,b,…>', 'tasks (default: all)')
      .option('--splits <a,b,…>', 'splits of the training data (default: all of them)')
      .option('--seeds <a,b,…>', 'seeds; each split is trained once with each', '42')
      .option(
        '--evaluate-on <rows>',
        'auto = the public test rows where they are there, else dev; dev, dev-all, test',
        'auto',
      )
      .option(
        '--settings <file>',
        'YAML file over the default settings, of the form that --print-settings shows',
      )
      .option(
        '--profile <name>',
        'default settings for models of a size: small, base (default: by the model)',
      )
      .addOption(new Option('--device <device>', 'auto, cpu, cuda or cuda:N').default('auto'))
      .addOption(new Option('--precision <type>', 'fp32, bf16 or fp16').default('fp32'))
      .option('--num-threads <n>', 'CPU threads of a run')
      .option('--keep-models', 'keep the trained models under OUTPUT/models')
      .option('--print-settings', 'print the settings as YAML and end')
      .option('--json', 'print the results as JSON')
      .option('--markdown', 'print the table as Markdown')
      .option('--quiet', 'print the table only')
      .addHelpText('after', `\nExample:\n  ${example(name)}`)
      .action(async (options: Options) => done(await runBenchmark(name, options, io)));
  }
}

const example = (name: string) =>
  `easynlp benchmark ${name} --data ${name} --model ${name === 'glue16' ? 'roberta-base' : 'bert-small-zh'} \\\n    --methods ${name === 'clue' ? 'finetune' : 'finetune,pet,ptuning,cptuning'} --output out/${name}`;

async function runBenchmark(name: string, options: Options, io: CliIo): Promise<number> {
  const bench = await import('../benchmark/index.js');
  const suite = bench.SUITES.find((s) => s.name === name)!;
  const tasks = suite.tasks.map((t) => t.name);
  const over = options.settings === undefined ? {} : bench.loadSettings(options.settings, tasks);
  const settings = bench.mergeSettings(suite.settings, over);
  if (options.printSettings) {
    io.stdout.write(stringify(settings));
    return EXIT.ok;
  }
  const request = requestOf(suite, settings, options, bench.EVALUATE_ON);
  const library = await io.library();
  const plan = bench.planRuns(suite, request, (app) => library.listMethods(app));
  const log = options.quiet ? () => {} : (line: string) => void io.stderr.write(`${line}\n`);
  const interrupt = watchInterrupt(io, 'ending after this step');
  try {
    const results = await bench.runSuite(suite, request, plan, {
      engine: engineOf(library),
      signal: interrupt.signal,
      log,
    });
    const report = bench.makeReport(suite, request.model, request.output, results);
    const markdown = bench.renderMarkdown(report);
    const text = bench.renderText(report);
    await bench.writeJson(join(request.output, 'results.json'), report);
    await bench.writeWhole(join(request.output, 'results.md'), markdown);
    await bench.writeWhole(join(request.output, 'results.txt'), text);
    io.stdout.write(
      options.json ? `${JSON.stringify(report, null, 2)}\n` : options.markdown ? markdown : text,
    );
    log(`written to ${join(request.output, 'results.json')}, results.md and results.txt`);
    return EXIT.ok;
  } catch (error) {
    if (interrupt.interrupted() && !EasyNlpError.isInstance(error)) {
      const hint = 'The same command goes on where it was.';
      throw new EasyNlpError('INTERRUPTED', { what: 'the benchmark', hint }, { cause: error });
    }
    throw error;
  } finally {
    interrupt.release();
  }
}

/** The toolkit as a benchmark sees it. */
function engineOf(library: Library): BenchmarkEngine {
  const { train, evaluate, pipeline, Tokenizer, modelzoo } = library as unknown as BenchmarkEngine & {
    Tokenizer: typeof TokenizerClass;
    modelzoo: { resolveModelFolder(model: string): Promise<string> };
  };
  return {
    train,
    evaluate,
    pipeline,
    modelFolder: (model) => modelzoo.resolveModelFolder(model),
    async unknownCharacters(model, characters) {
      const tokenizer = await Tokenizer.fromFolder(await modelzoo.resolveModelFolder(model));
      const encoded = await tokenizer.encodeBatch([...characters], { addSpecialTokens: false });
      return characters.filter((_, i) => encoded[i]!.ids.includes(tokenizer.unkId));
    },
  };
}

function requestOf(
  suite: BenchmarkSuite,
  settings: BenchmarkSuite['settings'],
  options: Options,
  evaluateOn: readonly string[],
): BenchmarkRequest {
  const required = (flag: 'data' | 'model' | 'output', expected: string): string => {
    const value = options[flag];
    if (value !== undefined) return value;
    throw new EasyNlpError('CONFIG_MISSING_VALUE', { key: `--${flag}`, expected });
  };
  const among = (flag: string, value: string, known: readonly string[]): string => {
    if (known.includes(value)) return value;
    throw new EasyNlpError('CLI_BAD_FLAG', {
      flag,
      problem: `"${value}" is not one of ${known.join(', ')}`,
      suggestion: nearest(value, known) ?? undefined,
    });
  };
  const model = required('model', 'a folder or a name, such as bert-small-zh');
  const whole = (flag: string, value: string, least: number): number => {
    if (/^\d+$/.test(value) && Number(value) >= least) return Number(value);
    throw new EasyNlpError('CLI_BAD_FLAG', {
      flag,
      problem: `"${value}" is not a whole number from ${least}`,
    });
  };
  // FewCLUE's sixth training set, all five together, is asked for by name.
  const splits = suite.name === 'fewclue' ? [...suite.splits, 'few_all'] : suite.splits;
  const methods = list(options.methods);
  if (methods.length === 0) {
    throw new EasyNlpError('CLI_BAD_FLAG', { flag: '--methods', problem: 'names no method' });
  }
  return {
    data: required('data', 'the folder with the benchmark’s files'),
    model,
    output: required('output', 'a folder for the results'),
    methods,
    tasks: list(options.tasks),
    splits: list(options.splits).map((split) => among('--splits', split, splits)),
    seeds: list(options.seeds).map((seed) => whole('--seeds', seed, 0)),
    evaluateOn: among('--evaluate-on', options.evaluateOn, evaluateOn) as EvaluateOn,
    profile:
      options.profile === undefined
        ? defaultProfile(model)
        : among('--profile', options.profile, Object.keys(settings.profiles)),
    settings,
    precision: among('--precision', options.precision, ['fp32', 'bf16', 'fp16']),
    machine: {
      device: options.device,
      ...(options.numThreads === undefined
        ? {}
        : { numThreads: whole('--num-threads', options.numThreads, 1) }),
    },
    keepModels: options.keepModels === true,
  };
}

/** The bundled models and others that call themselves so learn with larger steps than those of base size. */
const defaultProfile = (model: string): string => (/tiny|mini|small/i.test(model) ? 'small' : 'base');
