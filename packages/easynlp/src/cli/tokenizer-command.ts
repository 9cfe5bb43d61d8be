import { existsSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import {
  DOCUMENT_LAYOUTS,
  type DocumentLayout,
  findSources,
  parseWeightRecipe,
  readDocuments,
  sourceWeights,
} from '../datahub/corpus/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { formatCount, nearest } from '../util/index.js';
import type { CliIo } from './io.js';

interface Options {
  readonly input: readonly string[];
  readonly output: string;
  readonly vocabSize: string;
  readonly minCharacter: string;
  readonly minPiece: string;
  readonly layout: string;
  readonly weights?: string;
  readonly lowerCase: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** Adds `easynlp tokenizer train` to the command line; `settle` is applied to every command made here. */
export function addTokenizerCommand(
  program: Command,
  io: CliIo,
  settle: (command: Command) => Command,
  done: (exitCode: number) => void,
): void {
  const tokenizer: Command = settle(program.command('tokenizer'))
    .description('make a vocabulary from a corpus')
    .usage('train [options]')
    .argument('[command]', 'train')
    .action((name?: string) => {
      if (name === undefined) return void tokenizer.outputHelp();
      throw new EasyNlpError('CLI_UNKNOWN_COMMAND', {
        command: `tokenizer ${name}`,
        suggestion: nearest(name, ['train']) ?? undefined,
        commands: 'train',
      });
    });
  settle(tokenizer.command('train'))
    .description('train a WordPiece vocabulary for Chinese')
    .requiredOption('--input <paths...>', 'files, folders or patterns of text or JSON Lines (.gz, .xz too)')
    .requiredOption('--output <folder>', 'folder for vocab.txt and tokenizer.json')
    .option('--vocab-size <n>', 'tokens, special ones included', '14000')
    .option('--min-character <n>', 'keep a character beyond GB 2312 when seen this often', '5')
    .option('--min-piece <n>', 'weighted count that a piece of a Latin word needs', '5')
    .option('--layout <name>', `documents in the files (${DOCUMENT_LAYOUTS.join(' | ')})`, 'auto')
    .option('--weights <file>', 'YAML file: exponent, multipliers by source, maxRate')
    .option('--no-lower-case', 'keep capital letters and accents')
    .option('--overwrite', 'replace a tokenizer in the output folder')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  easynlp tokenizer train --input corpus --vocab-size 14000 --output vocab\n' +
        '  easynlp tokenizer train --input "corpus/*.txt.xz" --weights weights.yaml --output vocab',
    )
    .action(async (options: Options) => done(await trainTokenizer(options, io)));
}

async function trainTokenizer(options: Options, io: CliIo): Promise<number> {
  const size = whole('--vocab-size', options.vocabSize, 100, 65_536);
  const minCharacter = whole('--min-character', options.minCharacter, 1, 1e9);
  const minPiece = whole('--min-piece', options.minPiece, 1, 1e9);
  if (!DOCUMENT_LAYOUTS.includes(options.layout as DocumentLayout)) {
    throw new EasyNlpError('CLI_BAD_FLAG', {
      flag: '--layout',
      problem: `"${options.layout}" is not one of ${DOCUMENT_LAYOUTS.join(', ')}`,
      suggestion: nearest(options.layout, DOCUMENT_LAYOUTS) ?? undefined,
    });
  }
  for (const name of ['tokenizer.json', 'vocab.txt']) {
    if (options.overwrite !== true && existsSync(join(options.output, name))) {
      throw new EasyNlpError('CLI_BAD_FLAG', {
        flag: '--output',
        problem: `${options.output} already holds ${name}`,
        hint: 'Choose another folder or replace it with --overwrite.',
      });
    }
  }
  const sources = await findSources(options.input, { layout: options.layout as DocumentLayout });
  const weights = await weightsOf(sources, options.weights);
  const log = (line: string) => void io.stderr.write(`${line}\n`);
  // Here and not above: help and mistakes must not wait for the native tokenizers.
  const { Tokenizer } = await import('../text/index.js');
  const { trainWordPiece } = await import('../text/train-wordpiece.js');
  const vocabulary = await trainWordPiece(
    sources.map((source) => ({ name: source.name, texts: texts(source), weight: weights[source.name]! })),
    {
      size,
      minCharacter,
      minPiece,
      doLowerCase: options.lowerCase,
      onSource: (s) =>
        log(
          `${s.name}: ${formatCount(s.characters)} characters, ${formatCount(s.words)} Latin words and numbers, rate ${weights[s.name]!.toFixed(2)}`,
        ),
    },
  );
  const tokenizer = Tokenizer.fromVocab(vocabulary.tokens, {
    doLowerCase: options.lowerCase,
    modelMaxLength: 512,
  });
  await tokenizer.save(options.output);
  const { special, ideographs, characters, pieces, tokens } = vocabulary;
  const report = { output: options.output, tokens: tokens.length, special, ideographs, characters, pieces };
  io.stdout.write(
    options.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : `${options.output}: ${tokens.length} tokens (${special} special, ${ideographs} ideographs, ${characters} other characters, ${pieces} pieces)\n`,
  );
  return EXIT.ok;
}

async function* texts(source: Parameters<typeof readDocuments>[0]): AsyncGenerator<string> {
  for await (const document of readDocuments(source)) yield document.text;
}

/** Factor by which each source's counts are multiplied: its rate against sampling in proportion. */
async function weightsOf(
  sources: readonly { readonly name: string; readonly path: string }[],
  file: string | undefined,
): Promise<Record<string, number>> {
  if (file === undefined) return Object.fromEntries(sources.map(({ name }) => [name, 1]));
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new EasyNlpError('CONFIG_FILE_UNREADABLE', { file, reason: (error as Error).message });
  }
  const recipe = parseWeightRecipe(content, file);
  // Sizes on disk are near enough for weights, and known before anything is read.
  const sizes: Record<string, number> = {};
  for (const { name, path } of sources) sizes[name] = (await stat(path)).size;
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  const shares = sourceWeights(sizes, recipe);
  return Object.fromEntries(sources.map(({ name }) => [name, (shares[name]! * total) / sizes[name]!]));
}

function whole(flag: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least || number > most) {
    throw new EasyNlpError('CLI_BAD_FLAG', {
      flag,
      problem: `"${value}" is not a whole number from ${least} to ${most}`,
    });
  }
  return number;
}
