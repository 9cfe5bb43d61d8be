import { formatCount, formatDuration, truncateToWidth } from '../../util/index.js';

/** What the line shows; fields that are left out or null are not shown. */
export interface Progress {
  /** Put first, e.g. `train`. */
  readonly label?: string;
  readonly step: number;
  readonly totalSteps?: number | null;
  /** With its fraction: 1.2 is a fifth into the second epoch. */
  readonly epoch?: number;
  readonly loss?: number;
  readonly learningRate?: number;
  readonly samplesPerSecond?: number;
  readonly tokensPerSecond?: number;
  readonly etaSeconds?: number | null;
  /** Shown at the end in this order, e.g. the best metric so far. */
  readonly extra?: Readonly<Record<string, string | number>>;
}

/** A stream to draw on; process.stderr is one. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressLineOptions {
  readonly stream?: ProgressStream;
  /** Without a terminal: print one line every this many steps (default 50), and the last step. */
  readonly every?: number;
  /** On a terminal: redraw at most this often, in milliseconds (default 100). */
  readonly interval?: number;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

const CLEAR_TO_END = '\u001b[K';

function number(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '-∞';
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 10_000) ? value.toExponential(2) : value.toFixed(3);
}

/** `step 120/600 · epoch 1.2 · loss 0.431 · lr 2.1e-5 · 812 samples/s · 21.3k tokens/s · eta 1:23` */
export function formatProgress(progress: Progress): string {
  const {
    label,
    step,
    totalSteps,
    epoch,
    loss,
    learningRate,
    samplesPerSecond,
    tokensPerSecond,
    etaSeconds,
    extra,
  } = progress;
  const parts = [`step ${step}${totalSteps == null ? '' : `/${totalSteps}`}`];
  if (label !== undefined) parts.unshift(label);
  if (epoch !== undefined) parts.push(`epoch ${epoch.toFixed(1)}`);
  if (loss !== undefined) parts.push(`loss ${number(loss)}`);
  if (learningRate !== undefined)
    parts.push(`lr ${learningRate === 0 ? '0' : learningRate.toExponential(1)}`);
  if (samplesPerSecond !== undefined) parts.push(`${formatCount(samplesPerSecond)} samples/s`);
  if (tokensPerSecond !== undefined) parts.push(`${formatCount(tokensPerSecond)} tokens/s`);
  if (etaSeconds != null) parts.push(`eta ${formatDuration(etaSeconds)}`);
  for (const [name, value] of Object.entries(extra ?? {})) {
    parts.push(`${name} ${typeof value === 'number' ? number(value) : value}`);
  }
  return parts.join(' · ');
}

/**
 * Progress of a run on one line that is redrawn in place, cut to the terminal's width; where the stream is no
 * terminal (a log file, CI), a plain line every N steps instead.
 */
export class ProgressLine {
  private readonly stream: ProgressStream;
  private readonly every: number;
  private readonly interval: number;
  private readonly now: () => number;
  private last: Progress | null = null;
  /** The newest progress is on the screen or in the log already. */
  private shown = true;
  private drawn = false;
  private drawnAt = Number.NEGATIVE_INFINITY;

  constructor({
    stream = process.stderr,
    every = 50,
    interval = 100,
    now = () => performance.now(),
  }: ProgressLineOptions = {}) {
    this.stream = stream;
    this.every = Math.max(1, every);
    this.interval = interval;
    this.now = now;
  }

  update(progress: Progress): void {
    this.last = progress;
    this.shown = false;
    if (this.stream.isTTY) {
      if (this.now() - this.drawnAt >= this.interval) this.show();
    } else if (progress.step % this.every === 0) {
      this.show();
    }
  }

  /** Prints a line of its own above the progress, e.g. the result of an evaluation; may contain line breaks. */
  note(text: string): void {
    this.stream.write(this.drawn ? `\r${CLEAR_TO_END}${text}\n` : `${text}\n`);
    if (!this.drawn) return;
    this.drawn = false;
    this.show();
  }

  /** Shows the newest progress and ends the line; call it also when the run fails. Later calls do nothing. */
  done(): void {
    if (!this.shown) this.show();
    if (this.drawn) this.stream.write('\n');
    this.drawn = false;
    this.last = null;
  }

  private show(): void {
    if (this.last === null) return;
    const text = formatProgress(this.last);
    if (this.stream.isTTY) {
      // The last column stays free: many terminals wrap as soon as it is written.
      this.stream.write(`\r${truncateToWidth(text, (this.stream.columns || 80) - 1)}${CLEAR_TO_END}`);
      this.drawn = true;
      this.drawnAt = this.now();
    } else {
      this.stream.write(`${text}\n`);
    }
    this.shown = true;
  }
}
