import { EasyNlpError, EXIT } from '../errors/index.js';
import { table } from '../util/table.js';
import type { CliIo } from './io.js';
import type { EvaluateOutcome, Metrics, PredictOutcome, TrainOutcome } from './library.js';

/** Writes an error for people and returns the exit code that goes with it. */
export function printError(error: unknown, io: CliIo, debug = process.env.EASYNLP_DEBUG === '1'): number {
  const write = (line: string) => io.stderr.write(`${line}\n`);
  if (EasyNlpError.isInstance(error)) {
    write(`error: ${error.message} [${error.code}]`);
    if (error.hint) write(`  ${error.hint}`);
    if (debug && error.stack) write(error.stack);
    return error.exitCode;
  }
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = (cause as NodeJS.ErrnoException).code;
  const isIo = typeof code === 'string' && /^(ENOSPC|EACCES|EPERM|EROFS|EDQUOT|EMFILE|EIO|EFBIG)$/.test(code);
  write(`error: ${cause.message}`);
  if (isIo) return EXIT.io;
  // Not one of the registry's: this is a mistake of the program, and the stack is what a report needs.
  write(cause.stack?.split('\n').slice(1).join('\n') ?? '');
  write(
    '  This is a bug in easynlp. Please report it with the lines above and the output of easynlp doctor.',
  );
  return EXIT.unexpected;
}

const figure = (value: number | null): string =>
  value === null
    ? 'undefined'
    : Number.isInteger(value) && Math.abs(value) > 1
      ? String(value)
      : value.toFixed(4);

function metricsTable(metrics: Metrics): string {
  return table(
    Object.entries(metrics).map(([name, value]) => [name, figure(value)]),
    { indent: '  ' },
  );
}

const quoted = (path: string): string =>
  /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

const ENDINGS: Record<TrainOutcome['stopped'], string> = {
  finished: 'finished',
  early: 'stopped early',
  interrupted: 'interrupted; the state is saved',
};

export function renderTrainOutcome(result: TrainOutcome, options: { readonly pair?: boolean } = {}): string {
  const lines = [
    `training ${ENDINGS[result.stopped]} after ${result.steps.toLocaleString('en-US')} steps (${Number(result.epochs.toFixed(2))} epochs)`,
  ];
  if (Object.keys(result.metrics).length > 0) {
    const where =
      typeof result.bestStep === 'number' ? `best checkpoint (step ${result.bestStep})` : 'last checkpoint';
    lines.push(`${where}:`, metricsTable(result.metrics));
  }
  lines.push(`model: ${result.output}`);
  const model = quoted(result.output);
  if (result.stopped === 'interrupted') lines.push('to go on: the same command with --resume auto');
  else {
    const second = options.pair ? ' --second-sequence text2' : '';
    lines.push(
      `next:  easynlp evaluate --model ${model} --data dev.tsv`,
      `       easynlp predict --model ${model} --input texts.tsv${second} --output predictions.tsv`,
    );
  }
  return `${lines.join('\n')}\n`;
}

export function renderEvaluateOutcome(result: EvaluateOutcome): string {
  const lines = [`${result.rows.toLocaleString('en-US')} rows`, metricsTable(result.metrics)];
  if (typeof result.report === 'string') lines.push('', result.report.trimEnd());
  return `${lines.join('\n')}\n`;
}

export function renderPredictOutcome(result: PredictOutcome): string {
  return `${result.rows.toLocaleString('en-US')} rows written to ${result.output}\n`;
}
