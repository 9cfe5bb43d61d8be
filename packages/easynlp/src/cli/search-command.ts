import { type Command, Option } from 'commander';
import { type SearchOptions, searchConfigSchema } from '../config/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { table } from '../util/table.js';
import { watchInterrupt } from './interrupt.js';
import type { CliIo } from './io.js';
import type { SearchOutcome } from './library.js';
import { addFlags, flagName, schemaToFlags } from './schema-to-flags.js';

/** Adds `easynlp search` to the command line; `settle` is applied to every command made here. */
export function addSearchCommand(
  program: Command,
  io: CliIo,
  settle: (command: Command) => Command,
  done: (exitCode: number) => void,
): void {
  const command = settle(program.command('search'))
    .description('find the texts of a file that are nearest to a query, with a two-tower model')
    .addHelpText(
      'after',
      "\nExamples:\n  easynlp search --model out/towers --corpus faq.txt --text '花呗怎么还款'\n" +
        '  easynlp search --model out/towers --corpus faq.tsv --column question --queries queries.txt --output found.tsv',
    );
  // Texts may hold commas, so that flag is no list.
  addFlags(
    command,
    schemaToFlags(searchConfigSchema).filter(({ key }) => key !== 'text'),
  );
  command
    .addOption(
      new Option('--text <text>', 'query; may be repeated (instead of --queries)')
        .helpGroup('Data:')
        .argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]),
    )
    .option('--json', 'print the result as JSON')
    .action(async (options: Record<string, unknown>) => done(await runSearch(options, io)));
}

async function runSearch({ json, ...given }: Record<string, unknown>, io: CliIo): Promise<number> {
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  for (const key of ['model', 'corpus'] as const) {
    if (options[key] !== undefined) continue;
    const { description, example } = searchConfigSchema.shape[key].meta() as Record<string, string>;
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: flagName(key),
      expected: description,
      hint: `For example ${flagName(key)} ${example}`,
    });
  }
  const library = await io.library();
  const interrupt = watchInterrupt(io, 'ending');
  try {
    const log = (line: string) => void io.stderr.write(`${line}\n`);
    const outcome = await library.search(options as unknown as SearchOptions, {
      signal: interrupt.signal,
      log,
    });
    io.stdout.write(
      json === true ? `${JSON.stringify(outcome, null, 2)}\n` : render(outcome, options.output as string),
    );
    return EXIT.ok;
  } catch (error) {
    const aborted = !EasyNlpError.isInstance(error) && (error as Error)?.name === 'AbortError';
    if (interrupt.interrupted() && aborted) {
      throw new EasyNlpError('INTERRUPTED', { what: 'search' }, { cause: error });
    }
    throw error;
  } finally {
    interrupt.release();
  }
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

function render({ documents, results }: SearchOutcome, output: string | undefined): string {
  const count = (n: number, unit: string) => `${n.toLocaleString('en-US')} ${unit}`;
  if (output !== undefined) {
    return `${count(results.length, results.length === 1 ? 'query' : 'queries')} in ${count(documents, 'texts')}, written to ${output}\n`;
  }
  return results
    .map(({ query, hits }) => {
      const rows = hits.map(({ score, line, text }) => [score.toFixed(4), `line ${line}`, oneLine(text)]);
      return `${oneLine(query)}\n${table(rows, { align: ['right', 'right', 'left'], indent: '  ' })}\n`;
    })
    .join('\n');
}
