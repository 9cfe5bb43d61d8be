import type { Command } from 'commander';
import { loadConfigFile, resolveOptions } from '../config/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { landOptions } from '../landing/options.js';
import { renderText } from '../landing/report.js';
import { watchInterrupt } from './interrupt.js';
import type { CliIo } from './io.js';
import { addFlags, flagName, schemaToFlags } from './schema-to-flags.js';

/** Adds `easynlp land` to the command line; `settle` is applied to every command made here. */
export function addLandCommand(
  program: Command,
  io: CliIo,
  settle: (command: Command) => Command,
  done: (exitCode: number) => void,
): void {
  const command = settle(program.command('land'))
    .description('a large model learns from few rows, teaches a small one, and a table compares them')
    .addHelpText(
      'after',
      `\nExample:\n  easynlp land --train few.tsv --dev dev.tsv --unlabelled more.tsv --large bert-small-zh --small bert-tiny-zh \\\n    --pattern '质量很,label,。,text' --label-words '差,好' --output out/landing`,
    );
  addFlags(command, schemaToFlags(landOptions));
  command
    .option('--config <file>', 'YAML or JSON file with options by name; flags win')
    .option('--json', 'print the report as JSON')
    .option('--quiet', 'print the table only')
    .action(async (options: Record<string, unknown>) => done(await runLand(options, io)));
}

async function runLand(
  { config: file, json, quiet, ...given }: Record<string, unknown>,
  io: CliIo,
): Promise<number> {
  const flags = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const config = resolveOptions(landOptions, 'land', {
    flags,
    nameOf: flagName,
    ...(typeof file === 'string' ? { file: loadConfigFile(file) } : {}),
  });
  const library = await io.library();
  const interrupt = watchInterrupt(io, 'saving the state');
  try {
    const report = await library.land(config, {
      signal: interrupt.signal,
      log: quiet === true ? () => {} : (line: string) => void io.stderr.write(`${line}\n`),
      ...(quiet === true ? {} : { progress: io.stderr }),
    });
    io.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : renderText(report));
    if (quiet !== true) io.stderr.write(`report: ${report.files.html}\n`);
    return EXIT.ok;
  } catch (error) {
    if (interrupt.interrupted() && !EasyNlpError.isInstance(error)) {
      const hint = 'The same command goes on where it was.';
      throw new EasyNlpError('INTERRUPTED', { what: 'land', hint }, { cause: error });
    }
    throw error;
  } finally {
    interrupt.release();
  }
}
