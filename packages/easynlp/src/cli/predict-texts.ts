import { createInterface } from 'node:readline';
import { resolveConfig } from '../config/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { table } from '../util/table.js';
import { findApp } from './apps.js';
import { watchInterrupt } from './interrupt.js';
import type { CliIo } from './io.js';
import type { TextResult } from './library.js';
import type { CommandRequest } from './run-command.js';

/** Texts given on the command line, or lines of the standard input. */
export interface TextRequest extends Pick<CommandRequest, 'flags' | 'file' | 'nameOf' | 'json'> {
  readonly texts: readonly string[];
  readonly secondTexts: readonly string[];
  /** Read lines of the standard input instead; a pair is two texts separated by TAB. */
  readonly stdin: boolean;
}

/** Options that say something about data files; printed results have none. */
const ABOUT_FILES = [
  ...['output', 'format', 'schema', 'skipFirstLine', 'firstSequence', 'secondSequence', 'sequenceLength'],
  ...['outputSchema', 'appendCols', 'header', 'overwrite'],
];

type Input = string | readonly [string, string];

function check({ flags, nameOf, texts, secondTexts, stdin }: TextRequest): void {
  const source = stdin ? `${nameOf('input')} -` : '--text';
  const idle = ABOUT_FILES.filter((key) => flags[key] !== undefined);
  if (!stdin && flags.input !== undefined) idle.unshift('input');
  if (idle.length > 0) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: `${idle.map(nameOf).join(', ')} cannot be used with ${source}`,
      hint: 'The results of single texts are printed; for files give --input and --output.',
    });
  }
  if (secondTexts.length > 0 && (stdin || secondTexts.length !== texts.length)) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: stdin
        ? '--second-text cannot be used with --input -'
        : `${texts.length} times --text, but ${secondTexts.length} times --second-text`,
      hint: stdin ? 'Write the two texts of a pair on one line, separated by TAB.' : 'Each pair needs both.',
    });
  }
}

const oneLine = (input: Input): string =>
  (typeof input === 'string' ? input : input.join(' | ')).replace(/\s+/g, ' ');

/** Candidates for a place that a language model filled; --json has more. */
const SHOWN = 5;

/**
 * What is printed of a result: the label and its probability, a similarity or score, or the text that a language model filled in and the
 * candidates for each place.
 */
function cells(result: TextResult): string[] {
  if (result.label !== undefined) return [result.label, (result.probability ?? Number.NaN).toFixed(4)];
  if (result.choice !== undefined) return [result.choice, (result.probability ?? Number.NaN).toFixed(4)];
  if (result.labels !== undefined) return [labelSet(result)];
  if (result.answer !== undefined)
    return [result.answer ?? '–', (result.probability ?? Number.NaN).toFixed(4)];
  if (result.entities !== undefined) {
    const found = result.entities.map(
      ({ type, text, start, end, score, arguments: taking = [] }) =>
        `${`${type} ${oneLine(text)}`.trim()} ${start}–${end} ${score.toFixed(4)}${argumentList(taking)}`,
    );
    return [found.join('  ') || '–'];
  }
  const number = result.similarity ?? result.score;
  if (number !== undefined) return [number.toFixed(4)];
  if (result.text === undefined) return [JSON.stringify(result)];
  const places = (result.masks ?? []).map((tokens) =>
    tokens
      .slice(0, SHOWN)
      .map(({ token, probability }) => `${token} ${probability.toFixed(4)}`)
      .join('  '),
  );
  return [result.text, ...(places.length > 0 ? [places.join(' | ')] : [])];
}

/** ` (胜者 红队, 败者 蓝队)`: what takes part in an event. */
const argumentList = (taking: readonly { readonly role: string; readonly text: string }[]): string =>
  taking.length === 0 ? '' : ` (${taking.map(({ role, text }) => `${role} ${oneLine(text)}`).join(', ')})`;

/** `外观 0.9731  声音 0.8120`; a dash where no label is given. */
function labelSet({ labels = [], scores = [] }: TextResult): string {
  const probability = new Map(scores.map((score) => [score.label, score.probability]));
  return (
    labels.map((label) => `${label} ${probability.get(label)?.toFixed(4) ?? ''}`.trim()).join('  ') || '–'
  );
}

const shown = (input: Input): object =>
  typeof input === 'string' ? { text: input } : { text: input[0], secondText: input[1] };

/** `easynlp predict --text …` and `--input -`: results are printed, not written. Returns the exit code. */
export async function predictTexts(request: TextRequest, io: CliIo): Promise<number> {
  check(request);
  const { flags, file, nameOf } = request;
  const library = await io.library();
  const named = flags.app ?? file?.values.app;
  const info = typeof named === 'string' ? findApp(named, library.listApps()) : undefined;
  const appOptions = info?.predictOptions;
  const config = resolveConfig('predict', {
    flags: { ...flags, input: ['-'], output: '-' },
    nameOf,
    ...(file ? { file } : {}),
    ...(appOptions ? { appOptions } : {}),
  });
  const app = info?.name;
  const own = Object.keys(appOptions?.shape ?? {}).map((key) => [
    key,
    (config as Record<string, unknown>)[key],
  ]);
  const { device, precision, batchSize, tokenBudget, numThreads } = config;
  const pipeline = await library.pipeline(app, config.model, {
    device,
    precision,
    batchSize,
    ...(tokenBudget === undefined ? {} : { tokenBudget }),
    ...(numThreads === undefined ? {} : { numThreads }),
    ...(own.length === 0 ? {} : { options: Object.fromEntries(own) }),
  });
  const interrupt = watchInterrupt(io, 'ending');
  const { spec } = pipeline;
  const alone = spec.app === 'text_match_two_tower';
  const pair = typeof spec.secondSequence === 'string' || alone;
  try {
    if (request.stdin) {
      const given: Input[] = [];
      const results = pipeline(lines(io, { pair, alone }, given)) as AsyncIterable<TextResult>;
      let at = 0;
      for await (const result of results) {
        if (interrupt.interrupted()) break;
        const input = given[at]!;
        delete given[at++];
        const line = request.json
          ? JSON.stringify({ ...shown(input), ...result })
          : [...cells(result), oneLine(input)].join('\t');
        io.stdout.write(`${line}\n`);
      }
    } else {
      const { texts, secondTexts } = request;
      const inputs = texts.map((text, i): Input => (secondTexts.length > 0 ? [text, secondTexts[i]!] : text));
      const results = (await pipeline(inputs)) as TextResult[];
      const text = request.json
        ? JSON.stringify(
            results.map((result, i) => ({ ...shown(inputs[i]!), ...result })),
            null,
            2,
          )
        : table(
            results.map((r, i) => [...cells(r), oneLine(inputs[i]!)]),
            { align: ['left', results[0]?.label === undefined ? 'left' : 'right', 'left'] },
          );
      io.stdout.write(`${text}\n`);
    }
  } finally {
    pipeline.dispose();
    interrupt.release();
  }
  return interrupt.interrupted() ? EXIT.interrupted : EXIT.ok;
}

/** `pair`: lines may be two texts; `alone`: one is an input as well. */
async function* lines(
  io: CliIo,
  { pair, alone }: { pair: boolean; alone: boolean },
  given: Input[],
): AsyncGenerator<Input> {
  let number = 0;
  for await (const line of createInterface({ input: io.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    const text = number++ === 0 ? line.replace(/^\uFEFF/, '') : line;
    const parts = text.split('\t');
    if (pair && parts.length !== 2 && !(alone && parts.length === 1)) {
      throw new EasyNlpError('DATA_ROW_MALFORMED', {
        file: 'standard input',
        line: number,
        reason: `${parts.length} texts; the model takes pairs`,
        hint: 'Write two texts a line, separated by TAB.',
      });
    }
    const input: Input = pair && parts.length === 2 ? [parts[0]!, parts[1]!] : text;
    given.push(input);
    yield input;
  }
}
