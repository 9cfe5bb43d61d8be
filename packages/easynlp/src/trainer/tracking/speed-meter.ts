export interface SpeedMeterOptions {
  /** Optimizer steps of the whole run, or null when unknown (no ETA then). */
  readonly totalSteps: number | null;
  /** Steps already done when resuming. */
  readonly startStep?: number;
  /** Rates are taken over about this many seconds (default 10)… */
  readonly windowSeconds?: number;
  /** …but over at least this many steps (default 10). */
  readonly windowSteps?: number;
  /** A monotonic clock in milliseconds; for tests. */
  readonly now?: () => number;
}

export interface Speed {
  readonly samplesPerSecond: number;
  /** Real tokens, without padding. */
  readonly tokensPerSecond: number;
  readonly stepsPerSecond: number;
  /** Training time that is left, without evaluation; null while unknown. */
  readonly etaSeconds: number | null;
  /** Time spent training, without the excluded time. */
  readonly trainSeconds: number;
}

interface Mark {
  readonly seconds: number;
  readonly step: number;
  readonly samples: number;
  readonly tokens: number;
}

/** Samples and tokens per second over a sliding window; evaluation and saving do not count. */
export class SpeedMeter {
  private readonly now: () => number;
  private readonly totalSteps: number | null;
  private readonly windowSeconds: number;
  private readonly windowSteps: number;
  /** Cumulative totals after each step, oldest first; the first is where the window begins. */
  private marks: Mark[];
  private first = 0;
  private readonly started: number;
  private excluded = 0;
  private depth = 0;
  private pausedAt = 0;

  constructor({
    totalSteps,
    startStep = 0,
    windowSeconds = 10,
    windowSteps = 10,
    now = () => performance.now(),
  }: SpeedMeterOptions) {
    this.now = now;
    this.totalSteps = totalSteps;
    this.windowSeconds = windowSeconds;
    this.windowSteps = windowSteps;
    this.started = now();
    this.marks = [{ seconds: 0, step: startStep, samples: 0, tokens: 0 }];
  }

  /** One optimizer step is done, with all samples of its accumulated batches. */
  step({ samples, tokens }: { samples: number; tokens: number }): void {
    const last = this.marks.at(-1)!;
    const mark = {
      seconds: this.seconds(),
      step: last.step + 1,
      samples: last.samples + samples,
      tokens: last.tokens + tokens,
    };
    this.marks.push(mark);
    while (
      this.marks.length - 1 - this.first > this.windowSteps &&
      mark.seconds - this.marks[this.first]!.seconds > this.windowSeconds
    ) {
      this.first++;
    }
    // Removing from the front one by one would copy the list at each step.
    if (this.first > 1024 && this.first * 2 > this.marks.length) {
      this.marks = this.marks.slice(this.first);
      this.first = 0;
    }
  }

  /** Stops the clock, e.g. for an evaluation; calls nest. */
  pause(): void {
    if (this.depth++ === 0) this.pausedAt = this.now();
  }

  resume(): void {
    if (this.depth === 0) return;
    if (--this.depth === 0) this.excluded += this.now() - this.pausedAt;
  }

  /** Runs `work` with the clock stopped, also when it fails. */
  async exclude<T>(work: () => T | Promise<T>): Promise<T> {
    this.pause();
    try {
      return await work();
    } finally {
      this.resume();
    }
  }

  read(): Speed {
    const from = this.marks[this.first]!;
    const to = this.marks.at(-1)!;
    const seconds = to.seconds - from.seconds;
    const rate = (count: number) => (seconds > 0 ? count / seconds : 0);
    const stepsPerSecond = rate(to.step - from.step);
    const left = this.totalSteps === null ? null : Math.max(0, this.totalSteps - to.step);
    let etaSeconds: number | null = null;
    if (left === 0) etaSeconds = 0;
    else if (left !== null && stepsPerSecond > 0) etaSeconds = left / stepsPerSecond;
    return {
      samplesPerSecond: rate(to.samples - from.samples),
      tokensPerSecond: rate(to.tokens - from.tokens),
      stepsPerSecond,
      etaSeconds,
      trainSeconds: this.seconds(),
    };
  }

  private seconds(): number {
    const until = this.depth > 0 ? this.pausedAt : this.now();
    return (until - this.started - this.excluded) / 1000;
  }
}
