import { Readable } from 'node:stream';
import { z } from 'zod';
import type { EvaluateConfig, PredictConfig, TrainConfig } from '../config/index.js';
import { option } from '../config/index.js';
import type { CliIo } from './io.js';
import type { Library, RunOptions, TrainOutcome } from './library.js';

const threshold = option(z.number().min(0).max(1).optional(), { description: 'cut', group: 'App' });

const notHere = (): never => {
  throw new Error('not here');
};

const answerer = <R>(result: R) =>
  Object.assign(async (texts: readonly string[]) => texts.map(() => result), { dispose() {} });

/** A terminal and a toolkit made of memory; `press()` is Ctrl-C. */
export class FakeIo implements CliIo {
  out = '';
  err = '';
  killed: number | undefined;
  calls: { command: string; config: TrainConfig | EvaluateConfig | PredictConfig }[] = [];
  /** What the standard input holds. */
  input = '';
  get stdin(): NodeJS.ReadableStream {
    return Readable.from([Buffer.from(this.input)]);
  }
  private handlers = new Set<() => void>();
  constructor(private readonly overrides: Partial<Library> | Error = {}) {}

  readonly stdout = {
    write: (text: string) => {
      this.out += text;
    },
    columns: 110,
  };
  readonly stderr = {
    write: (text: string) => {
      this.err += text;
    },
  };
  onInterrupt = (handler: () => void) => {
    this.handlers.add(handler);
    return () => void this.handlers.delete(handler);
  };
  kill = (exitCode: number) => {
    this.killed = exitCode;
  };
  press() {
    for (const handler of this.handlers) handler();
  }
  get watching(): boolean {
    return this.handlers.size > 0;
  }

  library = async (): Promise<Library> => {
    if (this.overrides instanceof Error) throw this.overrides;
    const record = (command: string, config: TrainConfig | EvaluateConfig | PredictConfig) =>
      void this.calls.push({ command, config });
    return {
      train: async (config: TrainConfig, _run: RunOptions): Promise<TrainOutcome> => {
        record('train', config);
        return {
          output: config.output,
          bestStep: 10,
          metrics: { accuracy: 0.875 },
          steps: 1200,
          epochs: 3,
          stopped: 'finished',
        };
      },
      evaluate: async (config) => {
        record('evaluate', config);
        return { metrics: { accuracy: 0.5, macroF1: 0.25 }, rows: 1234, report: 'label  F1\n好评  0.5\n' };
      },
      predict: async (config) => {
        record('predict', config);
        return { rows: 3, output: config.output };
      },
      pipeline: async () => {
        const answer = (input: unknown) => ({ label: '好评', probability: 0.75, input });
        const call = (inputs: readonly unknown[] | AsyncIterable<unknown>): unknown => {
          if (Array.isArray(inputs)) return Promise.resolve(inputs.map(answer));
          return (async function* () {
            for await (const input of inputs as AsyncIterable<unknown>) yield answer(input);
          })();
        };
        return Object.assign(call, { spec: {}, dispose() {} });
      },
      listApps: () => [
        {
          name: 'text_classify',
          description: 'one label per text',
          options: z.object({ threshold }),
          evaluateOptions: z.object({ threshold }),
        },
      ],
      search: async () => ({ documents: 0, results: [] }),
      listModels: () => [],
      describeModel: async () => notHere(),
      land: async () => {
        throw new Error('not here');
      },
      tagger: async () => answerer({ tags: [], keywords: [], entities: [] }),
      moderator: async () => answerer({ decision: 'pass', labels: [], scores: [], hits: [] }),
      decisionReport: async () => ({ text: 'none' }),
      textsOfFile: () => notHere(),
      writeJsonLines: async () => notHere(),
      listMethods: () => [{ name: 'finetune', description: 'all weights', apps: [] }],
      ...this.overrides,
    };
  };
}
