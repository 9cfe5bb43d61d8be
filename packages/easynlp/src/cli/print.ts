import { EasyNlpError, EXIT } from '../errors/index.js';
import { table } from '../util/table.js';
import type { CliIo } from './io.js';
import type { EvaluateOutcome, Metrics, PredictOutcome, TrainOutcome } from './library.js';

/** Writes an error for people and returns the exit code that goes with it. */
export function printError(error: unknown, io: CliIo, debug = process.env.EASYNLP_DEBUG === '1'): number {
  const write = (line: string) => io.stderr.write(`${line}\n`);
  if (EasyNlpError.isInstance(error)) {
    // The code stands on the first line of the message, where people look for it.
    write(`error: ${error.message.replace(/(?=\n|$)/, ` [${error.code}]`)}`);
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

const counted = (count: number, unit: string): string =>
  `${count.toLocaleString('en-US')} ${unit}${count === 1 ? '' : 's'}`;

/** How the training was called, for the commands that are proposed next. */
export interface TrainedWith {
  readonly app?: string | undefined;
  readonly dev?: string | undefined;
  readonly schema?: string | undefined;
  readonly pair?: boolean;
}

export function renderTrainOutcome(result: TrainOutcome, trained: TrainedWith = {}): string {
  const lines = [
    `training ${ENDINGS[result.stopped]} after ${counted(result.steps, 'step')} (${counted(Number(result.epochs.toFixed(2)), 'epoch')})`,
  ];
  if (Object.keys(result.metrics).length > 0) {
    const where =
      typeof result.bestStep === 'number' ? `best checkpoint (step ${result.bestStep})` : 'last checkpoint';
    lines.push(`${where}:`, metricsTable(result.metrics));
  }
  lines.push(`model: ${result.output}`);
  const model = quoted(result.output);
  if (result.stopped === 'interrupted') lines.push('to go on: the same command with --resume auto');
  else if (trained.app === 'language_modeling') {
    lines.push(
      `next:  easynlp predict --model ${model} --text '今天天气很[MASK]。'`,
      `       easynlp evaluate --model ${model} --data documents.txt`,
      `       easynlp train text_classify --model ${model} --train train.tsv --dev dev.tsv --output out/classifier`,
    );
  } else {
    const schema = trained.schema === undefined ? '' : ` --schema ${quoted(trained.schema)}`;
    const texts = trained.pair ? "--text '第一句' --second-text '第二句'" : "--text '房间干净，服务周到'";
    lines.push(
      `next:  easynlp evaluate --model ${model} --data ${quoted(trained.dev ?? 'dev.tsv')}${schema}`,
      `       easynlp predict --model ${model} ${texts}`,
      `       easynlp predict --model ${model} --input texts.tsv${schema} --output predictions.tsv`,
    );
  }
  return `${lines.join('\n')}\n`;
}

export function renderEvaluateOutcome(result: EvaluateOutcome): string {
  const lines = [counted(result.rows, 'row'), metricsTable(result.metrics)];
  if (typeof result.report === 'string') lines.push('', result.report.trimEnd());
  return `${lines.join('\n')}\n`;
}

export function renderPredictOutcome(result: PredictOutcome): string {
  return `${counted(result.rows, 'row')} written to ${result.output}\n`;
}
