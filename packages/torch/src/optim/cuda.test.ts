import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { amp, clipGradNorm, cuda, nn, ops, optim, randn, type Scope, scope, tensor } from '../index.js';

const device = 'cuda';
const hasFused = ops.has('aten::_fused_adamw_');

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

test.runIf(!hasFused)('a fused kernel that libtorch lacks is named', () => {
  const p = new nn.Parameter(tensor([1]));
  expect(() => new optim.AdamW([p], { fused: true })).toThrow(/no operator 'aten::_fused_adamw_'/);
  const optimizer = new optim.AdamW([p]);
  expect(optimizer.capturable).toBe(false);
  expect(() => optimizer.prepareCapture('cuda')).toThrow(/AdamW has no fused kernel here/);
});

describe.runIf(cuda.isAvailable())('on CUDA', () => {
  const shapes = [[64, 32], [32], [7]];
  const start = () => shapes.map((shape) => randn(shape));

  function train(
    values: ReturnType<typeof start>,
    grads: ReturnType<typeof start>[],
    settings: Partial<optim.AdamWOptions> & optim.AdamSettings,
    ratesOnDevice = false,
  ) {
    const params = values.map((t) => new nn.Parameter(t.to({ device }).clone()));
    const optimizer = new optim.AdamW(params, { lr: 0.01, weightDecay: 0.1, ...settings });
    if (ratesOnDevice) optimizer.prepareCapture(device);
    for (const step of grads) {
      for (const [j, p] of params.entries()) p.grad = step[j]!.to({ device }).clone();
      optimizer.step();
    }
    return { params, optimizer };
  }

  test.each([
    ['pytorch', false],
    ['pytorch', true],
    ['transformers', false],
  ] as const)(
    'fused, foreach and single steps agree: %s, rates on the device: %s',
    (variant, ratesOnDevice) => {
      const values = start();
      const grads = Array.from({ length: 5 }, start);
      const single = train(values, grads, { variant, foreach: false });
      const foreach = train(values, grads, { variant, fused: false });
      const fused = train(values, grads, { variant, fused: true }, ratesOnDevice);
      for (const [j, p] of single.params.entries()) {
        expect(foreach.params[j]!.allclose(p, { rtol: 1e-5, atol: 1e-6 })).toBe(true);
        expect(fused.params[j]!.allclose(p, { rtol: 1e-5, atol: 1e-6 })).toBe(true);
      }
      expect(fused.optimizer.stateDict().steps).toEqual([5, 5, 5]);
    },
  );

  test('a restored fused optimizer goes on bitwise', () => {
    const values = start();
    const grads = Array.from({ length: 4 }, start);
    const straight = train(values, grads, { fused: true });
    const first = train(values, grads.slice(0, 2), { fused: true });
    const second = new optim.AdamW(first.params, { lr: 0.01, fused: true });
    second.loadStateDict(first.optimizer.stateDict());
    for (const step of grads.slice(2)) {
      for (const [j, p] of first.params.entries()) p.grad = step[j]!.to({ device }).clone();
      second.step();
    }
    for (const [j, p] of straight.params.entries()) expect(p.equal(first.params[j]!)).toBe(true);
  });

  test('a divisor of the gradients inside the fused kernel clips as clipGradNorm does', () => {
    const values = start();
    const grads = start();
    const make = () =>
      values.map((v, j) => {
        const p = new nn.Parameter(v.to({ device }).clone());
        p.grad = grads[j]!.to({ device }).mul(7);
        return p;
      });
    const [before, inside] = [make(), make()];
    const norm = clipGradNorm(before, 0.5);
    const settings = { lr: 0.01, eps: 1e-3, fused: true };
    new optim.AdamW(before, settings).step();
    const again = optim.gradNorm(inside);
    expect(again.item()).toBe(norm.item());
    new optim.AdamW(inside, settings).step({ gradScale: again.add(1e-6).div(0.5).clampMin(1) });
    for (const [j, p] of before.entries())
      expect(inside[j]!.allclose(p, { rtol: 1e-5, atol: 1e-6 })).toBe(true);
  });

  test('the scaler skips infinite gradients on the device', () => {
    const p = new nn.Parameter(tensor([1, 2], { device }));
    const optimizer = new optim.AdamW([p], { fused: true });
    const scaler = new amp.GradScaler({ device, initScale: 8 });
    expect(optimizer.skipsOnDevice).toBe(true);
    for (const factor of [1, Number.POSITIVE_INFINITY]) {
      const before = p.toArray();
      optimizer.zeroGrad();
      scaler.scale(p.mul(factor).sum()).backward();
      scaler.unscale_(optimizer);
      clipGradNorm([p], 1);
      scaler.step(optimizer);
      scaler.update();
      if (factor !== 1) expect(p.toArray()).toEqual(before);
      else expect(p.toArray()).not.toEqual(before);
    }
    expect(scaler.getScale()).toBe(4);
    expect(optimizer.stateDict().steps).toEqual([1]);
  });
});
