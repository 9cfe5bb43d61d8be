import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../util/index.js';
import { formatProgress, type Progress, ProgressLine } from './progress-line.js';

const full: Progress = {
  step: 120,
  totalSteps: 600,
  epoch: 1.2,
  loss: 0.431,
  learningRate: 2.1e-5,
  samplesPerSecond: 812,
  tokensPerSecond: 21_300,
  etaSeconds: 83,
};

function screen(columns?: number) {
  const writes: string[] = [];
  return {
    writes,
    stream: { isTTY: columns !== undefined, columns, write: (text: string) => writes.push(text) },
  };
}

describe('formatProgress', () => {
  it('shows everything in one line', () => {
    expect(formatProgress(full)).toBe(
      'step 120/600 · epoch 1.2 · loss 0.431 · lr 2.1e-5 · 812 samples/s · 21.3k tokens/s · eta 1:23',
    );
  });

  it('leaves out what is unknown and survives odd numbers', () => {
    expect(formatProgress({ step: 3, totalSteps: null, etaSeconds: null })).toBe('step 3');
    expect(
      formatProgress({
        label: '训练',
        step: 3,
        loss: Number.NaN,
        learningRate: 0,
        extra: { best: 0.91, at: 'step 2' },
      }),
    ).toBe('训练 · step 3 · loss NaN · lr 0 · best 0.910 · at step 2');
    expect(formatProgress({ step: 1, loss: 123_456 })).toBe('step 1 · loss 1.23e+5');
    expect(formatProgress({ step: 1, loss: 0 })).toBe('step 1 · loss 0.000');
  });
});

describe('on a terminal', () => {
  it('redraws in place, not more often than the interval, and ends with the newest progress', () => {
    const { writes, stream } = screen(120);
    let now = 0;
    const line = new ProgressLine({ stream, interval: 100, now: () => now });
    for (let step = 1; step <= 5; step++) {
      line.update({ step });
      now += 60;
    }
    line.done();
    line.done();
    expect(writes).toEqual(['\rstep 1\u001b[K', '\rstep 3\u001b[K', '\rstep 5\u001b[K', '\n']);
  });

  it('shows a skipped step when done', () => {
    const { writes, stream } = screen(120);
    const line = new ProgressLine({ stream, now: () => 0 });
    line.update({ step: 1 });
    line.update({ step: 2 });
    line.done();
    expect(writes).toEqual(['\rstep 1\u001b[K', '\rstep 2\u001b[K', '\n']);
  });

  it('puts notes above the line', () => {
    const { writes, stream } = screen(120);
    const line = new ProgressLine({ stream });
    line.note('开始');
    line.update({ step: 1 });
    line.note('evaluate: accuracy 0.91');
    expect(writes.join('')).toBe('开始\n\rstep 1\u001b[K\r\u001b[Kevaluate: accuracy 0.91\n\rstep 1\u001b[K');
  });

  it('never passes the last but one column', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), fc.string({ unit: 'grapheme' }), (columns, label) => {
        const { writes, stream } = screen(columns);
        new ProgressLine({ stream }).update({ ...full, label: `训练${label.replace(/\p{C}/gu, '')}` });
        expect(displayWidth(writes[0]!)).toBeLessThanOrEqual(columns - 1);
      }),
    );
  });
});

describe('without a terminal', () => {
  it('prints a plain line every N steps and the last one', () => {
    const { writes, stream } = screen();
    const line = new ProgressLine({ stream, every: 2 });
    for (let step = 1; step <= 5; step++) line.update({ step });
    line.note('saved');
    line.done();
    expect(writes).toEqual(['step 2\n', 'step 4\n', 'saved\n', 'step 5\n']);
  });

  it('does not repeat a line that was printed, and prints nothing when nothing happened', () => {
    const { writes, stream } = screen();
    const line = new ProgressLine({ stream, every: 2 });
    line.done();
    line.update({ step: 2 });
    line.done();
    expect(writes).toEqual(['step 2\n']);
  });
});
