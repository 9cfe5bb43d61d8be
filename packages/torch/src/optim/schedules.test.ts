import { describe, expect, test } from 'vitest';
import { nn, optim, tensor } from '../index.js';

const { constantSchedule, cosineSchedule, linearSchedule, polynomialSchedule } = optim;

describe('schedules', () => {
  test('linear with warm-up has the rates of EasyNLP', () => {
    const schedule = linearSchedule({ totalSteps: 100, warmupSteps: 10 });
    const rate = (step: number) => 5e-5 * schedule(step);
    const vectors: [number, number][] = [
      [0, 0],
      [1, 5e-6],
      [5, 2.5e-5],
      [10, 5e-5],
      [11, 4.944e-5],
      [50, 2.778e-5],
      [99, 5.56e-7],
      [100, 0],
    ];
    for (const [step, expected] of vectors) expect(rate(step), `step ${step}`).toBeCloseTo(expected, 8);
    expect(schedule(150)).toBe(0);
  });

  test('constant, cosine and polynomial', () => {
    const constant = constantSchedule({ warmupSteps: 4 });
    expect([0, 1, 4, 99].map(constant)).toEqual([0, 0.25, 1, 1]);
    expect(constantSchedule()(0)).toBe(1);
    const cosine = cosineSchedule({ totalSteps: 110, warmupSteps: 10 });
    expect(cosine(5)).toBe(0.5);
    expect(cosine(10)).toBe(1);
    expect(cosine(60)).toBeCloseTo(0.5, 12);
    expect(cosine(110)).toBeCloseTo(0, 12);
    const polynomial = polynomialSchedule({ totalSteps: 20, power: 2, end: 0.1 });
    expect(polynomial(0)).toBe(1);
    expect(polynomial(10)).toBeCloseTo(0.9 * 0.25 + 0.1, 12);
    expect([20, 30].map(polynomial)).toEqual([0.1, 0.1]);
  });

  test('no steps at all, or all of them warm-up', () => {
    expect(linearSchedule({ totalSteps: 0 })(0)).toBe(1);
    const warmup = linearSchedule({ totalSteps: 4, warmupSteps: 4 });
    expect([0, 2, 3, 4, 5].map(warmup)).toEqual([0, 0.5, 0.75, 1, 0]);
    expect(() => linearSchedule({ totalSteps: Number.NaN })).toThrow(/totalSteps/);
  });
});

describe('LRScheduler', () => {
  const make = () => {
    const groups = [0.5, 0.25].map((lr) => ({ params: [new nn.Parameter(tensor([1]))], lr }));
    return new optim.SGD(groups);
  };
  const schedule = linearSchedule({ totalSteps: 4, warmupSteps: 2 });

  test('scales the rate of every group, the first one being 0', () => {
    const scheduler = new optim.LRScheduler(make(), schedule);
    const seen = [scheduler.lrs];
    for (let i = 0; i < 4; i++) {
      scheduler.step();
      seen.push(scheduler.lrs);
    }
    expect(seen).toEqual([
      [0, 0],
      [0.25, 0.125],
      [0.5, 0.25],
      [0.25, 0.125],
      [0, 0],
    ]);
  });

  test('its state is the step', () => {
    const first = new optim.LRScheduler(make(), schedule);
    for (let i = 0; i < 3; i++) first.step();
    const optimizer = make();
    const second = new optim.LRScheduler(optimizer, schedule);
    second.loadStateDict(first.stateDict());
    expect(second.lrs).toEqual(first.lrs);
    expect(optimizer.groups.map((g) => g.lr)).toEqual([0.25, 0.125]);
  });
});
