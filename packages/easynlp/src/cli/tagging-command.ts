import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { moderationConfigSchema, taggingConfigSchema } from '../config/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { watchInterrupt } from './interrupt.js';
import type { CliIo } from './io.js';
import type { Library, ModeratedText, TaggedText } from './library.js';
import { addFlags, flagName, schemaToFlags } from './schema-to-flags.js';

type Given = Readonly<Record<string, unknown>>;

/** Texts that are answered together. */
const CHUNK = 256;

/** Adds `easynlp tag` and `easynlp moderate`; `settle` is applied to every command made here. */
export function addTaggingCommands(
  program: Command,
  io: CliIo,
  settle: (command: Command) => Command,
  done: (exitCode: number) => void,
): void {
  const add = (
    name: string,
    description: string,
    schema: z.ZodObject,
    examples: readonly string[],
    run: (options: Given, json: boolean, io: CliIo) => Promise<number>,
  ) => {
    const command = settle(program.command(name))
      .description(description)
      .addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
    // Texts may hold commas, so that flag is no list.
    addFlags(
      command,
      schemaToFlags(schema).filter(({ key }) => key !== 'text'),
    );
    command
      .addOption(
        new Option('--text <text>', 'text; may be repeated (instead of --input)')
          .helpGroup('Data:')
          .argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]),
      )
      .option('--json', 'print the results as JSON')
      .action(async ({ json, ...given }: Record<string, unknown>) => {
        const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
        done(await run(options, json === true, io));
      });
  };
  add(
    'tag',
    'tags, keywords and entity words of texts',
    taggingConfigSchema,
    [
      "easynlp tag --text '华为发布新款手机，摄像头升级明显'",
      'easynlp tag --tag-model out/tags --entity-model out/ner --input news.txt --output tags.jsonl',
    ],
    tag,
  );
  add(
    'moderate',
    'decide about texts with a model of risks, thresholds chosen for a precision, and a dictionary',
    moderationConfigSchema,
    [
      'easynlp moderate --model out/risks --report dev.tsv --precision-floor 0.95 --output thresholds.json',
      "easynlp moderate --model out/risks --thresholds thresholds.json --dictionary words.tsv --text '加微信领红包'",
    ],
    moderate,
  );
}

/** Runs `answer` over the texts that were given and writes or prints what it says. */
async function answerTexts<R>(
  options: Given,
  io: CliIo,
  library: Library,
  answer: (texts: readonly string[]) => Promise<R[]>,
  line: (result: R, text: string) => readonly string[],
  json: boolean,
): Promise<number> {
  const texts = (options.text ?? []) as readonly string[];
  if (texts.length > 0 === (options.input !== undefined)) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: texts.length > 0 ? '--text and --input exclude each other' : 'there is no text',
      hint: 'Give --text once or more, or --input with a file.',
    });
  }
  const interrupt = watchInterrupt(io, 'ending');
  try {
    const source = texts.length > 0 ? texts : library.textsOfFile(String(options.input), options);
    const results = async function* (): AsyncGenerator<{ text: string; result: R }> {
      let chunk: string[] = [];
      const flush = async () => {
        const found = await answer(chunk);
        const pairs = chunk.map((text, i) => ({ text, result: found[i]! }));
        chunk = [];
        return pairs;
      };
      for await (const text of source) {
        chunk.push(text);
        if (chunk.length >= CHUNK) yield* await flush();
        if (interrupt.interrupted()) throw new EasyNlpError('INTERRUPTED', { what: 'the command' });
      }
      if (chunk.length > 0) yield* await flush();
    };
    if (options.output !== undefined) {
      const rows = await library.writeJsonLines(String(options.output), results());
      io.stdout.write(`${rows} ${rows === 1 ? 'text' : 'texts'} written to ${String(options.output)}\n`);
      return EXIT.ok;
    }
    for await (const { text, result } of results()) {
      io.stdout.write(
        `${json ? JSON.stringify({ text, ...result }) : [...line(result, text), text].map((cell) => cell.replace(/\s+/g, ' ')).join('\t')}\n`,
      );
    }
    return EXIT.ok;
  } finally {
    interrupt.release();
  }
}

const scored = (name: string, score: number | null) =>
  score === null ? name : `${name} ${score.toFixed(4)}`;
const joined = (items: readonly string[]) => items.join(', ') || '–';

async function tag(options: Given, json: boolean, io: CliIo): Promise<number> {
  const library = await io.library();
  const run = await library.tagger(options);
  const line = ({ tags, keywords, entities }: TaggedText) => [
    joined(tags.map(({ label, probability }) => scored(label, probability))),
    joined(keywords.map(({ word, score }) => scored(word, score))),
    joined(entities.map((entity) => `${entity.text}/${entity.label}`)),
  ];
  try {
    return await answerTexts(options, io, library, (texts) => run(texts), line, json);
  } finally {
    run.dispose();
  }
}

async function moderate(options: Given, json: boolean, io: CliIo): Promise<number> {
  if (options.model === undefined) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: flagName('model'),
      expected: 'a text_classify_multi_label model',
      hint: 'For example --model out/risks',
    });
  }
  const library = await io.library();
  if (options.report !== undefined) {
    const { text, ...report } = await library.decisionReport(options);
    io.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${text}\n`);
    return EXIT.ok;
  }
  const run = await library.moderator(options);
  const line = ({ decision, labels, scores, hits }: ModeratedText, text: string) => {
    const probability = new Map(scores.map((score) => [score.label, score.probability]));
    return [
      decision,
      joined(labels.map((label) => scored(label, probability.get(label) ?? null))),
      joined(hits.map(({ start, end }) => text.slice(start, end))),
    ];
  };
  try {
    return await answerTexts(options, io, library, (texts) => run(texts), line, json);
  } finally {
    run.dispose();
  }
}
