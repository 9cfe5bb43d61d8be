import { expect, it } from 'vitest';
import { SpeedMeter } from './speed-meter.js';

function clock() {
  let milliseconds = 5000;
  return {
    now: () => milliseconds,
    pass: (seconds: number) => {
      milliseconds += seconds * 1000;
    },
  };
}

it('knows nothing before the first step', () => {
  const meter = new SpeedMeter({ totalSteps: 10, now: clock().now });
  expect(meter.read()).toEqual({
    samplesPerSecond: 0,
    tokensPerSecond: 0,
    stepsPerSecond: 0,
    etaSeconds: null,
    trainSeconds: 0,
  });
});

it('gives rates and the time left, counting from the resumed step', () => {
  const { now, pass } = clock();
  const meter = new SpeedMeter({ totalSteps: 104, startStep: 100, now });
  for (let i = 0; i < 2; i++) {
    pass(0.5);
    meter.step({ samples: 32, tokens: 1000 });
  }
  expect(meter.read()).toEqual({
    samplesPerSecond: 64,
    tokensPerSecond: 2000,
    stepsPerSecond: 2,
    etaSeconds: 1,
    trainSeconds: 1,
  });
  meter.step({ samples: 32, tokens: 1000 });
  meter.step({ samples: 32, tokens: 1000 });
  expect(meter.read().etaSeconds).toBe(0);
  expect(new SpeedMeter({ totalSteps: null, now }).read().etaSeconds).toBeNull();
});

it('does not count evaluation, also nested, running or failed', async () => {
  const { now, pass } = clock();
  const meter = new SpeedMeter({ totalSteps: 10, now });
  pass(1);
  meter.step({ samples: 10, tokens: 0 });
  await expect(
    meter.exclude(async () => {
      pass(100);
      await meter.exclude(() => pass(100));
      expect(meter.read().trainSeconds).toBe(1);
      throw new Error('evaluation failed');
    }),
  ).rejects.toThrow('evaluation failed');
  meter.resume(); // one too many is harmless
  pass(1);
  meter.step({ samples: 10, tokens: 0 });
  expect(meter.read()).toMatchObject({ samplesPerSecond: 10, trainSeconds: 2, etaSeconds: 8 });
});

it('forgets what is older than the window, but never below its steps', () => {
  const { now, pass } = clock();
  const meter = new SpeedMeter({ totalSteps: null, now, windowSeconds: 10, windowSteps: 4 });
  const go = (steps: number, seconds: number) => {
    for (let i = 0; i < steps; i++) {
      pass(seconds);
      meter.step({ samples: 1, tokens: 1 });
    }
  };
  go(20, 1);
  go(4, 100);
  expect(meter.read().samplesPerSecond).toBeCloseTo(0.01, 12);
  go(20_000, 0.001);
  expect(meter.read().samplesPerSecond).toBeCloseTo(1000, 6);
});
