import { createRequire } from 'node:module';
import { Command, CommanderError, Option } from 'commander';
import {
  buildSchema,
  COMMAND_SCHEMAS,
  type CommandName,
  DEFAULT_APP,
  loadConfigFile,
} from '../config/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import { table } from '../util/table.js';
import { joinOptions, optionsOf, withVariant } from './apps.js';
import { addBenchmarkCommand } from './benchmark-command.js';
import { doctor } from './doctor.js';
import { EASYNLP_FLAGS } from './easynlp-flag-table.js';
import { easynlpHelp, isEasynlpStyle, mapEasynlpFlags } from './easynlp-flags.js';
import { type CliIo, processIo } from './io.js';
import { addLandCommand } from './land-command.js';
import { addModelsCommand } from './models-command.js';
import { predictTexts } from './predict-texts.js';
import { printError } from './print.js';
import { runCommand, tryLibrary } from './run-command.js';
import { addFlags, flagName, schemaToFlags } from './schema-to-flags.js';
import { addSearchCommand } from './search-command.js';
import { addTaggingCommands } from './tagging-command.js';
import { addTokenizerCommand } from './tokenizer-command.js';

export const VERSION = (createRequire(import.meta.url)('../../package.json') as { version: string }).version;

const SUMMARIES: Record<CommandName, { readonly summary: string; readonly examples: readonly string[] }> = {
  train: {
    summary: 'train a model',
    examples: [
      'easynlp train text_classify --train train.tsv --dev dev.tsv --architecture text-cnn --output out/cnn',
      'easynlp train --config train.yaml --learning-rate 3e-5',
    ],
  },
  evaluate: {
    summary: 'measure a trained model on labelled data, a language model on documents',
    examples: [
      'easynlp evaluate --model out/cnn --data dev.tsv',
      'easynlp evaluate language_modeling --model bert-tiny-zh --data corpus/ --layout line',
    ],
  },
  predict: {
    summary: 'apply a trained model to texts or files',
    examples: [
      "easynlp predict --model out/cnn --text '房间干净，服务周到' --text '太差了'",
      'cat texts.txt | easynlp predict --model out/cnn --input -',
      'easynlp predict --model out/cnn --input texts.tsv --output predictions.tsv',
    ],
  },
};

/** Runs one command line (without `node` and the script's name) and returns the exit code; never throws. */
export async function main(argv: readonly string[], io: CliIo = processIo()): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    return printError(error, io);
  }
}

async function dispatch(given: readonly string[], io: CliIo): Promise<number> {
  const argv = withVariant(given);
  if (isEasynlpStyle(argv)) {
    if (argv.includes('--help') || argv.includes('-h')) {
      io.stdout.write(`${easynlpHelp()}\n`);
      return EXIT.ok;
    }
    const { command, values, warnings, nameOf } = mapEasynlpFlags(
      argv.filter((arg) => arg !== '--print-config'),
    );
    const printConfig = argv.includes('--print-config');
    return runCommand({ command, flags: values, warnings, nameOf, printConfig }, io);
  }
  let exitCode: number = EXIT.ok;
  const program = await buildProgram(io, argv, (code) => {
    exitCode = code;
  });
  if (argv.length === 0) {
    program.outputHelp();
    return EXIT.ok;
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return handleCommanderError(error, program, argv);
    throw error;
  }
  return exitCode;
}

/** The whole command line as commander sees it; exported for the test that freezes its surface. */
export async function buildProgram(
  io: CliIo,
  argv: readonly string[] = [],
  done: (exitCode: number) => void = () => {},
): Promise<Command> {
  const program = new Command('easynlp')
    .description('EasyNLP: Chinese natural language processing on Node.js')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .addHelpText(
      'after',
      "\nEasyNLP's own flags work as well: easynlp --mode=train --app_name=text_classify …\n(easynlp --mode=train --help lists them)",
    );
  const settle = (command: Command): Command =>
    command
      .exitOverride()
      .showHelpAfterError(false)
      .configureOutput({
        writeOut: (text) => void io.stdout.write(text),
        // Errors are printed once, by printError, with suggestion and exit code.
        writeErr: () => {},
        getOutHelpWidth: () => io.stdout.columns ?? 110,
      });
  settle(program);

  // An app's own options join the flags; loading the apps takes time, so only for the command that needs them.
  const wanted = appArgument(argv);
  const library = wanted === undefined ? undefined : await tryLibrary(io);
  const app = library?.listApps().find(({ name }) => name === wanted);
  // Which method it is stands in a flag or a file: its options are among those of all methods of the app.
  const trainOptions = (library?.listMethods(wanted) ?? [])
    .map((method) => method.options)
    .reduce(joinOptions, optionsOf('train', app));

  for (const name of Object.keys(COMMAND_SCHEMAS) as CommandName[]) {
    const { summary, examples } = SUMMARIES[name];
    const command = settle(program.command(name))
      .description(summary)
      .argument(
        '[app]',
        `task${name === 'train' ? ` (default ${DEFAULT_APP})` : ''}; easynlp apps lists them`,
      )
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`);
    const specs = schemaToFlags(
      buildSchema(name, name === 'train' ? trainOptions : optionsOf(name, app)),
    ).filter(({ key }) => key !== 'app');
    addFlags(command, specs);
    if (name === 'predict') addTextFlags(command);
    command
      .option('--config <file>', 'YAML or JSON file with options by name (learningRate: 3e-5); flags win')
      .option('--print-config', 'print the complete configuration and end')
      .option('--json', 'print the result as JSON')
      .option('--quiet', 'print the result only')
      .action(async (app: string | undefined, options: Record<string, unknown>) => {
        const { config, printConfig, json, quiet, text, secondText, ...given } = options;
        const flags = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
        const file = typeof config === 'string' ? loadConfigFile(config) : undefined;
        const texts = (text ?? []) as string[];
        const stdin = name === 'predict' && String(flags.input) === '-';
        if (texts.length > 0 || secondText !== undefined || stdin) {
          done(
            await predictTexts(
              {
                flags: app === undefined ? flags : { ...flags, app },
                file,
                nameOf: flagName,
                json: json === true,
                texts,
                secondTexts: (secondText ?? []) as string[],
                stdin,
              },
              io,
            ),
          );
          return;
        }
        done(
          await runCommand(
            {
              command: name,
              flags: app === undefined ? flags : { ...flags, app },
              file,
              nameOf: flagName,
              printConfig: printConfig === true,
              json: json === true,
              quiet: quiet === true,
            },
            io,
          ),
        );
      });
  }

  settle(program.command('apps'))
    .description('list the tasks')
    .option('--json', 'print as JSON')
    .action(async (options: { json?: boolean }) => {
      const list = (await io.library())
        .listApps()
        .map(({ name, description = '' }) => ({ name, description }));
      io.stdout.write(
        options.json
          ? `${JSON.stringify(list, null, 2)}\n`
          : `${table(
              list.map((a) => [a.name, a.description]),
              { align: ['left', 'left'] },
            )}\n`,
      );
    });

  settle(program.command('methods'))
    .description('list the ways of training: fine-tuning, few-shot learning, distillation')
    .option('--json', 'print as JSON')
    .action(async (options: { json?: boolean }) => {
      const list = (await io.library())
        .listMethods()
        .map(({ name, description, apps }) => ({ name, description, apps }));
      io.stdout.write(
        options.json
          ? `${JSON.stringify(list, null, 2)}\n`
          : `${table(
              list.map((m) => [m.name, m.apps.join(', ') || 'all tasks', m.description]),
              { align: ['left', 'left', 'left'] },
            )}\n`,
      );
    });

  settle(program.command('doctor'))
    .description('show what this machine has, what is missing, and the command that mends it')
    .option('--json', 'print as JSON')
    .action(async (options: { json?: boolean }) => done(await doctor(io, { json: options.json === true })));

  addSearchCommand(program, io, settle, done);
  addModelsCommand(program, io, settle, done);
  addTokenizerCommand(program, io, settle, done);
  addBenchmarkCommand(program, io, settle, done);
  addLandCommand(program, io, settle, done);
  addTaggingCommands(program, io, settle, done);
  return program;
}

/** Texts are no part of a configuration: they may hold commas, and they are printed, not written. */
function addTextFlags(command: Command): void {
  const collect = (text: string, before: string[] | undefined) => [...(before ?? []), text];
  const add = (flags: string, description: string) =>
    command.addOption(new Option(flags, description).helpGroup('Data:').argParser(collect));
  add(
    '--text <text>',
    'text to predict; the result is printed; may be repeated (instead of --input and --output)',
  );
  add('--second-text <text>', 'second text of the pair that --text begins');
}

/** The app whose own flags the command line may use: the one it names, or the default one that train falls back to. */
function appArgument(argv: readonly string[]): string | undefined {
  const [command, app] = argv;
  if (command === undefined || !Object.hasOwn(COMMAND_SCHEMAS, command)) return undefined;
  if (app !== undefined && !app.startsWith('-')) return app;
  // Help without an app shows the common flags, at once.
  return command === 'train' && argv.length > 1 && !argv.includes('--help') && !argv.includes('-h')
    ? DEFAULT_APP
    : undefined;
}

function handleCommanderError(error: CommanderError, program: Command, argv: readonly string[]): number {
  // --help and --version end this way, having printed what was asked for.
  if (error.exitCode === 0 || error.code === 'commander.help') return EXIT.ok;
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const first = program.commands.find((c) => c.name() === argv[0]);
  // `easynlp tokenizer train`: the mistake is in the inner command's flags.
  const command = first?.commands.find((c) => c.name() === argv[1]) ?? first;
  switch (error.code) {
    case 'commander.unknownOption':
      throw unknownFlag(quoted, command ?? program);
    case 'commander.unknownCommand': {
      const names = program.commands.map((c) => c.name());
      throw new EasyNlpError('CLI_UNKNOWN_COMMAND', {
        command: quoted,
        suggestion: nearest(quoted, names) ?? undefined,
        commands: names.join(', '),
      });
    }
    case 'commander.optionMissingArgument':
      throw new EasyNlpError('CLI_BAD_FLAG', { flag: quoted.split(' ')[0], problem: 'a value is missing' });
    case 'commander.excessArguments':
      throw new EasyNlpError('CLI_UNEXPECTED_ARGUMENT', {
        argument: command?.args[command.registeredArguments.length] ?? argv.at(-1),
        hint:
          command && Object.hasOwn(SUMMARIES, command.name())
            ? `Values belong to a flag, for example ${SUMMARIES[command.name() as CommandName].examples.at(-1)}`
            : undefined,
      });
    default:
      throw new EasyNlpError('CLI_BAD_FLAG', {
        flag: 'command line',
        problem: error.message.replace(/^error: /, ''),
      });
  }
}

/** Words that people bring along from other programs, and what they mean here. */
const OTHER_WORDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  evaluate: { '--input': '--data', '--dev': '--data', '--test': '--data', '--file': '--data' },
  predict: { '--data': '--input', '--test': '--input', '--file': '--input', '--texts': '--text' },
  all: {
    '--lr': '--learning-rate',
    '--output-dir': '--output',
    '--max-length': '--sequence-length',
    '--max-seq-length': '--sequence-length',
    '--num-train-epochs': '--epochs',
    '--threads': '--num-threads',
    '--gpu': '--device cuda',
    '--cuda': '--device cuda',
    '--cpu': '--device cpu',
    '--fp16': '--precision fp16',
    '--bf16': '--precision bf16',
  },
};

function unknownFlag(typed: string, command: Command): EasyNlpError {
  const [flag = typed, value] = typed.split('=', 2);
  const known = command.options.map((o) => o.long).filter((long) => long !== undefined && long !== null);
  if (known.includes(flag) && value !== undefined) {
    return new EasyNlpError('CLI_BAD_FLAG', {
      flag,
      problem: 'takes no value',
      hint: `Write ${flag} or ${flag.replace(/^--(no-)?/, (_, no) => (no ? '--' : '--no-'))}.`,
    });
  }
  // A flag of EasyNLP typed after a sub-command: say what it is called here.
  const name = flag.replace(/^--/, '').replaceAll('-', '_');
  const own = EASYNLP_FLAGS.find((f) => f.names.includes(name));
  const translated = own && translate(own.names[0], command);
  if (translated !== undefined) return new EasyNlpError('CLI_UNKNOWN_FLAG', { flag, suggestion: translated });
  const others = { ...(OTHER_WORDS[command.name()] ?? {}), ...OTHER_WORDS.all };
  const suggestion = Object.hasOwn(others, flag) ? others[flag] : (nearest(flag, known) ?? undefined);
  const elsewhere = (Object.keys(COMMAND_SCHEMAS) as CommandName[]).filter((name) =>
    schemaToFlags(COMMAND_SCHEMAS[name]).some((spec) => spec.flag === flag),
  );
  return new EasyNlpError('CLI_UNKNOWN_FLAG', {
    flag,
    suggestion,
    hint: elsewhere.length > 0 ? `It is a flag of easynlp ${elsewhere.join(' and ')}.` : undefined,
  });
}

/** This toolkit's flag for one of EasyNLP's, as the options' descriptions say. */
function translate(easynlp: string, command: Command): string | undefined {
  const schema = COMMAND_SCHEMAS[command.name() as CommandName];
  if (!schema) return undefined;
  return schemaToFlags(schema).find(({ field }) => field.meta.easynlp?.split(' ')[0] === easynlp)?.flag;
}
