import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  clipGradNorm,
  manualSeed,
  memory,
  nn,
  numThreads,
  optim,
  randn,
  type Scope,
  scope,
  type Tensor,
  tensor,
  tidy,
} from '../index.js';
import { collect } from '../testing/collect.fixture.js';
import { type Dump, fixture, load, relativeError } from '../testing/load.fixture.js';

const data = fixture<{
  start: Dump[];
  grads: Dump[][];
  withGap: Record<string, Dump[][]>;
  everyStep: Record<string, Dump[][]>;
  clip: Record<string, { limit: number; total: number; grads: Dump[] }>;
}>(import.meta.url, 'fixtures/optimizers.json');

type Settings = { foreach?: boolean };
type Make = (params: nn.Parameter[], settings: Settings) => optim.Optimizer;

const adamw = { lr: 0.01, betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.1 } as const;
const bert = { lr: 0.01, weightDecay: 0.1, warmup: 0.4, totalSteps: 5 };
const MAKE: Record<string, Make> = {
  AdamW: (p, s) => new optim.AdamW(p, { ...adamw, ...s }),
  Adam: (p, s) => new optim.Adam(p, { lr: 0.01, weightDecay: 0.1, ...s }),
  SGD: (p, s) => new optim.SGD(p, { lr: 0.1, weightDecay: 0.1, ...s }),
  SGDMomentum: (p, s) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.1, ...s }),
  SGDNesterov: (p, s) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, ...s }),
  AdamWTransformers: (p, s) =>
    new optim.AdamW(p, { variant: 'transformers', lr: 0.01, weightDecay: 0.1, ...s }),
  AdamWTransformersUncorrected: (p, s) =>
    new optim.AdamW(p, { variant: 'transformers', lr: 0.01, weightDecay: 0.1, correctBias: false, ...s }),
  BertAdamLinear: (p, s) => new optim.BertAdam(p, { ...bert, schedule: 'warmup_linear', ...s }),
  BertAdamConstant: (p, s) => new optim.BertAdam(p, { ...bert, schedule: 'warmup_constant', ...s }),
  BertAdamCosine: (p, s) => new optim.BertAdam(p, { ...bert, schedule: 'warmup_cosine', ...s }),
};

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

const parameters = () => data.start.map((d) => new nn.Parameter(load(d)));

function setGrads(params: readonly nn.Parameter[], step: number, gap: boolean): void {
  for (const [j, p] of params.entries()) {
    p.grad = gap && step === 1 && j === 2 ? null : load(data.grads[step]![j]!);
  }
}

const expected = { ...data.withGap, ...data.everyStep };
describe.each(Object.keys(MAKE))('%s', (name) => {
  const gap = name in data.withGap;

  test.each([true, false])('five steps as in PyTorch (foreach: %s)', (foreach) => {
    const params = parameters();
    const optimizer = MAKE[name]!(params, { foreach });
    for (let step = 0; step < 5; step++) {
      setGrads(params, step, gap);
      optimizer.step();
      for (const [j, p] of params.entries())
        expect(relativeError(p, expected[name]![step]![j]!), `step ${step}, parameter ${j}`).toBeLessThan(
          1e-6,
        );
    }
    optimizer.zeroGrad();
    expect(params.map((p) => p.grad)).toEqual([null, null, null]);
  });

  test('saved and restored in the middle it goes on bitwise', () => {
    const straight = parameters();
    const first = MAKE[name]!(straight, {});
    for (let step = 0; step < 5; step++) {
      setGrads(straight, step, gap);
      first.step();
    }
    const params = parameters();
    const before = MAKE[name]!(params, {});
    for (let step = 0; step < 3; step++) {
      setGrads(params, step, gap);
      before.step();
    }
    const state = before.stateDict();
    const saved = {
      ...(JSON.parse(JSON.stringify({ kind: state.kind, groups: state.groups, steps: state.steps })) as Pick<
        optim.OptimizerState,
        'kind' | 'groups' | 'steps'
      >),
      state: new Map([...state.state].map(([key, t]) => [key, t.clone()])),
    };
    const resumed = params.map((p) => new nn.Parameter(p.detach().clone()));
    const after = MAKE[name]!(resumed, {});
    setGrads(resumed, 0, false);
    after.step(); // state of its own, to be replaced
    for (const [i, p] of resumed.entries()) p.setData(params[i]!.detach().clone());
    after.loadStateDict(saved);
    for (let step = 3; step < 5; step++) {
      setGrads(resumed, step, gap);
      after.step();
    }
    expect(resumed.map((p) => p.toTypedArray())).toEqual(straight.map((p) => p.toTypedArray()));
  });
});

test('groups have options of their own and follow changes', () => {
  const [a, b] = [new nn.Parameter(tensor([1])), new nn.Parameter(tensor([1]))];
  const optimizer = new optim.SGD([{ params: [a], lr: 1 }, { params: [b] }], { lr: 0.5 });
  for (const p of [a, b]) p.grad = tensor([1]);
  optimizer.step();
  expect([a.item(), b.item()]).toEqual([0, 0.5]);
  optimizer.groups[1]!.lr = 0.25;
  optimizer.step();
  expect([a.item(), b.item()]).toEqual([-1, 0.25]);
});

test('nonsense is refused with the place it is in', () => {
  const p = new nn.Parameter(tensor([1]));
  expect(() => new optim.AdamW([])).toThrow(/no parameters/);
  expect(() => new optim.AdamW([p, p])).toThrow(/given before/);
  expect(() => new optim.AdamW([p], { lr: -1 })).toThrow(/lr of group 0 must be a number ≥ 0, got -1/);
  expect(() => new optim.AdamW([p], { lr: Number.NaN })).toThrow(/NaN/);
  expect(() => new optim.Adam([p], { betas: [0.9, 1] })).toThrow(/betas in \[0, 1\)/);
  expect(() => new optim.SGD([p], { nesterov: true })).toThrow(/nesterov/);
  expect(() => new optim.BertAdam([p], { schedule: 'linear' as 'none' })).toThrow(/known: warmup_linear/);
});

test('a state that does not fit changes nothing', () => {
  const make = (shape: number[]) => {
    const p = new nn.Parameter(randn(shape));
    p.grad = randn(shape);
    const optimizer = new optim.AdamW([p], { lr: 0.125 });
    optimizer.step();
    return optimizer;
  };
  const target = make([2]);
  const before = target.stateDict().state.get('exp_avg.0')!.toArray();
  const good = make([2]).stateDict();
  const refused: [optim.OptimizerState, RegExp][] = [
    [make([3]).stateDict(), /'exp_avg.0' has shape \[3\], the parameter \[2\]/],
    [{ ...good, kind: 'SGD' }, /it is of SGD, this is AdamW/],
    [{ ...good, groups: [] }, /0 parameter groups/],
    [{ ...good, state: new Map() }, /'exp_avg.0' is missing/],
    [{ ...good, steps: [] }, /no count of steps/],
  ];
  for (const [state, message] of refused) expect(() => target.loadStateDict(state)).toThrow(message);
  expect(target.stateDict().state.get('exp_avg.0')!.toArray()).toEqual(before);
});

test('big parameters are updated in chunks, with the same result', () => {
  manualSeed(2);
  const shapes = [[700, 1000], [10], [900, 1000], [3], [800, 700]];
  const start = shapes.map((shape) => randn(shape));
  const grads = shapes.map((shape) => randn(shape));
  const run = (foreach: boolean) => {
    const params = start.map((t) => new nn.Parameter(t.clone()));
    const optimizer = new optim.AdamW(params, { foreach });
    for (let i = 0; i < 2; i++) {
      for (const [j, p] of params.entries()) p.grad = grads[j]!.clone();
      optimizer.step();
    }
    return params;
  };
  const [many, single] = [run(true), run(false)];
  for (const [i, p] of many.entries()) expect(p.equal(single[i]!)).toBe(true);
});

test('state lives outside scopes and goes with dispose', () => {
  const live = memory().tensors;
  const p = tidy(() => new nn.Parameter(randn([4])));
  const optimizer = new optim.AdamW([p]);
  tidy(() => {
    p.grad = randn([4]);
    optimizer.step();
  });
  expect(memory().tensors).toBe(live + 3);
  optimizer.dispose();
  p.dispose();
  expect(memory().tensors).toBe(live);
});

test.each(Object.keys(data.clip))('clipGradNorm as in PyTorch: %s', (name) => {
  const { limit, total, grads } = data.clip[name]!;
  const params = parameters();
  setGrads(params, 0, false);
  const bare = new nn.Parameter(tensor([1])); // has no gradient
  const norm = clipGradNorm([...params, bare], limit);
  expect(norm.item()).toBeCloseTo(total, 4);
  for (const [j, p] of params.entries()) expect(relativeError(p.grad!, grads[j]!)).toBeLessThan(1e-6);
});

test('clipGradNorm of nothing is 0, of NaN is NaN', () => {
  const p = new nn.Parameter(tensor([1]));
  expect(clipGradNorm([p], 1).item()).toBe(0);
  p.grad = tensor([Number.NaN]);
  expect(clipGradNorm([p], 1).item()).toBeNaN();
  expect((p.grad as Tensor).item()).toBeNaN();
  expect(() => clipGradNorm([p], -1)).toThrow(/maxNorm/);
});

test('training steps of every optimizer leave no tensors behind', async () => {
  await collect();
  numThreads(1);
  const kept: unknown[] = [];
  for (const make of Object.values(MAKE)) {
    const model = new nn.Sequential(new nn.Linear(4, 8), nn.functional.gelu, new nn.Linear(8, 2));
    const optimizer = make(model.parameters(), {});
    kept.push(model, optimizer);
    let live = 0;
    for (let i = 0; i < 20; i++) {
      tidy(() => {
        const loss = nn.functional.crossEntropy(
          model.forward(randn([3, 4])),
          tensor([0, 1, 1], { dtype: 'int64' }),
        );
        optimizer.zeroGrad();
        loss.backward();
        clipGradNorm(model.parameters(), 1);
        optimizer.step();
      });
      if (i === 2) live = memory().tensors;
    }
    expect(memory().tensors).toBe(live);
  }
});

test('gradNorm is the norm that clipGradNorm gives; dividing within kernels needs fused ones', () => {
  const p = new nn.Parameter(tensor([1, 2]));
  expect(optim.gradNorm([p]).item()).toBe(0);
  p.grad = tensor([3, 4]);
  expect(optim.gradNorm([p]).item()).toBe(5);
  expect(() => new optim.AdamW([p]).step({ gradScale: tensor(2) })).toThrow(/fused/);
  expect(p.toArray()).toEqual([1, 2]);
});
