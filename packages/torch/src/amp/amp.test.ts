import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  amp,
  clipGradNorm,
  memory,
  nn,
  noGrad,
  optim,
  randn,
  type Scope,
  scope,
  tensor,
  tidy,
} from '../index.js';

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

describe('autocast', () => {
  test('computes products in bfloat16 and leaves the weights alone', () => {
    const layer = new nn.Linear(4, 3);
    const y = amp.autocast({}, () => layer.forward(randn([2, 4])));
    expect(y.dtype).toBe('bfloat16');
    y.to({ dtype: 'float32' }).sum().backward();
    expect(layer.weight.dtype).toBe('float32');
    expect(layer.weight.grad!.dtype).toBe('float32');
  });

  test('nests, and restores after errors', () => {
    const dtype = () => randn([2, 2]).matmul(randn([2, 2])).dtype;
    const seen = amp.autocast({}, () => [
      dtype(),
      amp.autocast({ enabled: false }, dtype),
      dtype(),
      amp.autocastState().enabled,
    ]);
    expect(seen).toEqual(['bfloat16', 'float32', 'bfloat16', true]);
    expect(() =>
      amp.autocast({}, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(amp.autocastState().enabled).toBe(false);
    expect(dtype()).toBe('float32');
  });

  test('sees weights changed between two uses', () => {
    const layer = new nn.Linear(1, 1, { bias: false });
    const run = () => amp.autocast({}, () => layer.forward(tensor([[1]]))).item();
    noGrad(() => layer.weight.fill_(2));
    expect(run()).toBe(2);
    noGrad(() => layer.weight.fill_(3));
    expect(run()).toBe(3);
  });

  test('refuses async functions and other dtypes', () => {
    expect(() => amp.autocast({}, async () => 1)).toThrow(/async/);
    expect(() => amp.autocast({ dtype: 'int8' }, () => 1)).toThrow(/bfloat16 or float16/);
    expect(amp.autocastState().enabled).toBe(false);
  });
});

describe('GradScaler', () => {
  const make = (options: Partial<amp.GradScalerOptions> = {}) => {
    const p = new nn.Parameter(tensor([1, 2]));
    const optimizer = new optim.SGD([p], { lr: 1 });
    const scaler = new amp.GradScaler({ device: 'cpu', initScale: 8, growthInterval: 2, ...options });
    const step = (gradient: number[]) =>
      tidy(() => {
        optimizer.zeroGrad();
        scaler.scale(p.mul(tensor(gradient)).sum()).backward();
        scaler.unscale_(optimizer);
        const norm = clipGradNorm([p], 100).item();
        scaler.step(optimizer);
        scaler.update();
        return norm;
      });
    return { p, optimizer, scaler, step };
  };

  test('steps with the unscaled gradient and grows', () => {
    const { p, scaler, step } = make();
    expect(step([0.5, 0])).toBe(0.5);
    expect(p.toArray()).toEqual([0.5, 2]);
    expect(scaler.getScale()).toBe(8);
    step([0.5, 0]);
    expect(scaler.getScale()).toBe(16);
  });

  test.each([Number.POSITIVE_INFINITY, Number.NaN])('skips a step with %s and backs off', (bad) => {
    const { p, scaler, step } = make();
    step([0.5, 0]);
    step([bad, 1]);
    expect(p.toArray()).toEqual([0.5, 2]);
    expect(scaler.getScale()).toBe(4);
    expect(scaler.stateDict()).toEqual({ scale: 4, growthTracker: 0 });
  });

  test('saves and restores', () => {
    const one = make();
    one.step([1, 1]);
    const two = make({ initScale: 1 });
    two.scaler.loadStateDict(one.scaler.stateDict());
    two.step([1, 1]);
    expect(two.scaler.getScale()).toBe(16);
  });

  test('disabled it is not there', () => {
    const { p, scaler, step } = make({ enabled: false });
    expect(step([0.5, 0])).toBe(0.5);
    expect(p.toArray()).toEqual([0.5, 2]);
    expect(scaler.getScale()).toBe(1);
  });

  test('refuses calls out of order', () => {
    const { p, optimizer, scaler } = make();
    expect(() => scaler.update()).toThrow(/without a step/);
    p.grad = tensor([1, 1]);
    scaler.unscale_(optimizer);
    expect(() => scaler.unscale_(optimizer)).toThrow(/already/);
    scaler.step(optimizer);
    expect(() => scaler.step(optimizer)).toThrow(/already/);
    scaler.update();
    expect(() => new amp.GradScaler({ device: 'cpu', growthFactor: 0.5 })).toThrow(/growthFactor/);
  });

  test('holds two tensors of its own', () => {
    const live = memory().tensors;
    const scaler = new amp.GradScaler({ device: 'cpu' });
    expect(memory().tensors).toBe(live + 2);
    scaler.dispose();
    expect(memory().tensors).toBe(live);
  });
});
