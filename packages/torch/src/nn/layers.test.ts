import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manualSeed, memory, nn, noGrad, randn, type Scope, scope, type Tensor, tensor } from '../index.js';
import { type Dump, fixture, load, relativeError } from '../testing/load.fixture.js';

interface Case {
  input: Dump;
  parameters: Record<string, Dump>;
  output: Dump;
  weights: Dump;
  inputGrad: Dump | null;
  grads: Record<string, Dump>;
}

const { init, cases } = fixture<{
  init: Record<string, Record<string, Dump>>;
  cases: Record<string, Case>;
}>(import.meta.url, 'fixtures/layers.json');

const LAYERS: Record<string, () => nn.Module & { forward(x: Tensor): Tensor }> = {
  linear: () => new nn.Linear(5, 3),
  linearWithoutBias: () => new nn.Linear(5, 3, { bias: false }),
  embedding: () => new nn.Embedding(6, 4, { paddingIdx: 2 }),
  layerNorm: () => new nn.LayerNorm([3, 4], { eps: 1e-12 }),
  conv1d: () => new nn.Conv1d(4, 6, 3, { stride: 2, padding: 2, dilation: 2, groups: 2 }),
};

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

describe.each(Object.keys(LAYERS))('%s', (name) => {
  test('forward and gradients are those of PyTorch', () => {
    const expected = cases[name]!;
    const layer = LAYERS[name]!();
    layer.loadStateDict(new Map(Object.entries(expected.parameters).map(([n, d]) => [n, load(d)])));
    const integers = expected.inputGrad === null;
    const x = load(expected.input, integers ? 'int64' : 'float32');
    if (!integers) x.requiresGrad = true;
    const y = layer.forward(x);
    expect(relativeError(y, expected.output)).toBeLessThan(1e-6);
    y.mul(load(expected.weights)).sum().backward();
    for (const [n, p] of layer.namedParameters()) {
      expect(relativeError(p.grad!, expected.grads[n]!), n).toBeLessThan(1e-5);
    }
    if (!integers) expect(relativeError(x.grad!, expected.inputGrad!)).toBeLessThan(1e-5);
  });
});

test.each(['linear', 'embedding', 'conv1d'])('a fresh %s draws the numbers PyTorch draws', (name) => {
  manualSeed(7);
  const make = { ...LAYERS, conv1d: () => new nn.Conv1d(4, 6, 3, { groups: 2 }) }[name]!;
  for (const [n, p] of make().namedParameters())
    expect(relativeError(p, init[name]![n]!), n).toBeLessThan(1e-6);
});

test('dropout is the identity in evaluation and keeps the mean in training', () => {
  manualSeed(3);
  const dropout = new nn.Dropout(0.25);
  const x = tensor([1]).expand([100_000]).contiguous();
  const y = dropout.forward(x).toFloat32Array();
  const kept = y.filter((v) => v !== 0);
  expect(kept.length / y.length).toBeCloseTo(0.75, 2);
  expect(kept[0]).toBeCloseTo(1 / 0.75, 6);
  expect(dropout.eval().forward(x)).toBe(x);
  expect(new nn.Dropout(0).forward(x)).toBe(x);
  expect(() => new nn.Dropout(1.5)).toThrow(/probability/);
});

test('wrong sizes are told at construction', () => {
  expect(() => new nn.Embedding(3, 2, { paddingIdx: 3 })).toThrow(/paddingIdx 3/);
  expect(new nn.Embedding(3, 2, { paddingIdx: -1 }).paddingIdx).toBe(2);
  expect(() => new nn.Conv1d(3, 4, 2, { groups: 2 })).toThrow(/groups/);
});

test('layers can be made in another dtype', () => {
  const layer = new nn.Linear(3, 2, { dtype: 'float64' });
  expect(layer.weight.dtype).toBe('float64');
  expect(layer.forward(randn([1, 3], { dtype: 'float64' })).dtype).toBe('float64');
});

test('Sequential names its modules by position and leaves nothing behind', () => {
  const model = new nn.Sequential(new nn.Linear(4, 8), nn.functional.relu, new nn.Linear(8, 2));
  expect([...model.namedParameters()].map(([n]) => n)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
  const x = randn([3, 4]);
  const before = memory().tensors;
  const y = noGrad(() => model.forward(x));
  expect(y.shape).toEqual([3, 2]);
  expect(memory().tensors).toBe(before + 1);
});

describe('Module', () => {
  class Block extends nn.Module {
    readonly first = new nn.Linear(2, 2);
    readonly layers = [new nn.Linear(2, 2), new nn.LayerNorm(2)];
    readonly tied: nn.Parameter;
    constructor() {
      super();
      this.tied = this.first.weight;
      this.registerBuffer('positions', tensor([0, 1]));
      this.registerBuffer('scratch', tensor([0]), { persistent: false });
    }
  }

  test('finds parameters, buffers and children by their fields', () => {
    const block = new Block();
    // `tied` comes first, as in PyTorch: a module's own parameters precede its children's
    expect([...block.namedParameters()].map(([n]) => n)).toEqual([
      'tied',
      'first.bias',
      'layers.0.weight',
      'layers.0.bias',
      'layers.1.weight',
      'layers.1.bias',
    ]);
    expect([...block.stateDict().keys()]).toContain('first.weight');
    expect([...block.stateDict().keys()]).toContain('positions');
    expect([...block.stateDict().keys()]).not.toContain('scratch');
    expect(block.eval().layers[0]!.training).toBe(false);
    expect(block.parameterCount()).toEqual({ count: 16, bytes: 64 });
  });

  test('loadStateDict reports what is missing, unexpected or misshapen and changes nothing then', () => {
    const block = new Block();
    const before = block.first.bias!.toArray();
    const state = new Map([
      ['first.bias', tensor([5, 6])],
      ['surplus', tensor([1])],
    ]);
    expect(() => block.loadStateDict(state)).toThrow(/missing: .*layers\.0\.weight.*unexpected: surplus/s);
    expect(block.first.bias!.toArray()).toEqual(before);
    expect(() =>
      block.loadStateDict(new Map([['first.bias', tensor([1, 2, 3])]]), { strict: false }),
    ).toThrow(/first\.bias: the model has \[2\], the weights \[3\]/);
    const report = block.loadStateDict(state, { strict: false });
    expect(report.unexpected).toEqual(['surplus']);
    expect(report.missing).toContain('tied');
    expect(block.first.bias!.toArray()).toEqual([5, 6]);
  });

  test('to() keeps the identity of parameters and converts floating-point ones', () => {
    const block = new Block();
    const { weight } = block.first;
    block.to({ dtype: 'float64' });
    expect(block.first.weight).toBe(weight);
    expect(weight.dtype).toBe('float64');
    expect(weight.requiresGrad).toBe(true);
    expect(block.buffer('positions').dtype).toBe('float64');
    expect(() => block.buffer('nothing')).toThrow(/no buffer 'nothing' in Block/);
  });

  test('zeroGrad drops gradients and dispose releases everything', () => {
    const live = memory().tensors;
    const block = new Block();
    block.first
      .forward(randn([1, 2]))
      .sum()
      .backward();
    expect(block.first.weight.grad).not.toBeNull();
    block.zeroGrad();
    expect(block.first.weight.grad).toBeNull();
    block.dispose();
    inner.close();
    inner = scope();
    expect(memory().tensors).toBeLessThanOrEqual(live);
    expect(() => block.first.weight.shape).toThrow(/disposed/);
  });
});
