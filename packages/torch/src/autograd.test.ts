import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  backward,
  enableGrad,
  grad,
  gradCheck,
  inferenceMode,
  isGradEnabled,
  noGrad,
  ones,
  randn,
  type Scope,
  scope,
  tensor,
} from './index.js';

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

const leaf = (values: number[]) => tensor(values, { requiresGrad: true });

describe('backward', () => {
  test('accumulates into leaves until they are cleared', () => {
    const x = leaf([1, 2, 3]);
    expect(x.grad).toBeNull();
    x.square().sum().backward();
    x.square().sum().backward();
    expect(x.grad!.toArray()).toEqual([4, 8, 12]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });

  test('takes a gradient for results with several elements, and says so when it lacks one', () => {
    const x = leaf([1, 2]);
    x.mul(3).backward({ gradient: tensor([1, 10]) });
    expect(x.grad!.toArray()).toEqual([3, 30]);
    expect(() => x.mul(3).backward()).toThrow(/scalar/);
    expect(() => x.mul(3).backward({ gradient: tensor([1, 2, 3]) })).toThrow();
  });

  test('frees the graph unless it is retained', () => {
    const x = leaf([2]);
    const y = x.square();
    y.backward({ retainGraph: true });
    y.backward();
    expect(x.grad!.toArray()).toEqual([8]);
    expect(() => y.backward()).toThrow(/second time/);
  });

  test('may be limited to some inputs', () => {
    const [a, b] = [leaf([2]), leaf([3])];
    a.mul(b).backward({ inputs: [a] });
    expect(a.grad!.item()).toBe(3);
    expect(b.grad).toBeNull();
  });

  test('of several outputs at once', () => {
    const x = leaf([2]);
    backward([x.mul(3), x.square()], [tensor([1]), tensor([10])]);
    expect(x.grad!.item()).toBe(3 + 40);
  });

  test('of something without a graph is an error', () => {
    expect(() => ones([1]).backward()).toThrow(/does not require grad/);
  });
});

describe('grad', () => {
  test('gives gradients and touches no leaf', () => {
    const x = leaf([3]);
    const [g] = grad([x.square()], [x]);
    expect(g!.item()).toBe(6);
    expect(x.grad).toBeNull();
  });

  test('of higher order', () => {
    const x = leaf([2]);
    const [first] = grad([x.mul(x).mul(x)], [x], { createGraph: true });
    const [second] = grad([first!], [x], { createGraph: true });
    const [third] = grad([second!], [x]);
    expect([first!.item(), second!.item(), third!.item()]).toEqual([12, 12, 6]);
  });

  test('unused inputs are an error or null', () => {
    const [x, y] = [leaf([1]), leaf([1])];
    expect(() => grad([x.mul(2)], [x, y])).toThrow();
    expect(grad([x.mul(2)], [x, y], { allowUnused: true })[1]).toBeNull();
    expect(grad([x.mul(2)], [x], { gradients: [tensor([5])] })[0]!.item()).toBe(10);
  });
});

describe('modes', () => {
  test('noGrad and enableGrad nest and restore after errors', () => {
    const x = leaf([1]);
    expect(noGrad(() => x.mul(2).requiresGrad)).toBe(false);
    expect(noGrad(() => enableGrad(() => x.mul(2).requiresGrad))).toBe(true);
    expect(() =>
      noGrad(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(isGradEnabled()).toBe(true);
    expect(x.mul(2).requiresGrad).toBe(true);
  });

  test('inferenceMode', () => {
    const x = leaf([1]);
    const y = inferenceMode(() => x.mul(2));
    expect(y.requiresGrad).toBe(false);
    expect(() =>
      inferenceMode(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(isGradEnabled()).toBe(true);
    expect(() => x.mul(y)).toThrow(/[Ii]nference/);
  });

  test('leaves, detach, retainGrad', () => {
    const x = leaf([1]);
    const y = x.mul(2);
    expect([x.isLeaf, y.isLeaf, y.detach().isLeaf, y.detach().requiresGrad]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    y.retainGrad();
    y.mul(3).backward();
    expect(y.grad!.item()).toBe(3);
    expect(() => {
      y.requiresGrad = false;
    }).toThrow(/leaves only/);
    expect(() => tensor([1n], { requiresGrad: true })).toThrow(/floating point/);
  });

  test('a gradient must fit its tensor', () => {
    const x = leaf([1, 2]);
    expect(() => {
      x.grad = tensor([1]);
    }).toThrow(/float32\[1\] cannot be the gradient of float32\[2\]/);
  });

  test('in-place changes that spoil the graph are errors', () => {
    const x = leaf([1]);
    const y = x.exp();
    y.add_(1);
    expect(() => y.backward()).toThrow(/modified by an inplace operation/);
    expect(() => x.add_(1)).toThrow(/leaf/);
  });
});

test.each([
  ['matmul', (a: ReturnType<typeof randn>, b: ReturnType<typeof randn>) => a.matmul(b)],
  ['softmax', (a: ReturnType<typeof randn>, b: ReturnType<typeof randn>) => a.softmax(-1).mul(b.tanh())],
  ['division', (a: ReturnType<typeof randn>, b: ReturnType<typeof randn>) => a.div(b.square().add(1))],
  [
    'indexing',
    (a: ReturnType<typeof randn>, b: ReturnType<typeof randn>) => a.index([0, 2, 0]).mul(b.index(':', 1)),
  ],
] as const)('%s agrees with finite differences', (_, fn) => {
  const f64 = { dtype: 'float64', requiresGrad: true } as const;
  const [a, b] = [randn([3, 3], f64), randn([3, 3], f64)];
  expect(gradCheck((x, y) => fn(x!, y!), [a, b])).toBeLessThan(1e-5);
});
