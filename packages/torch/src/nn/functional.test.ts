import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manualSeed, nn, randn, type Scope, scope, Tensor as T, type Tensor, tensor } from '../index.js';
import { gradCheck } from '../testing/grad-check.js';
import { type Dump, fixture, load, relativeError } from '../testing/load.fixture.js';

const F = nn.functional;
const losses = fixture<{
  logits: Dump;
  target: number[];
  weight: Dump;
  binary: Dump;
  posWeight: Dump;
  soft: Dump;
  other: Dump;
  cases: Record<string, { value: Dump; grad: Dump }>;
}>(import.meta.url, 'fixtures/losses.json');
const attention = fixture<{
  q: Dump;
  k: Dump;
  v: Dump;
  allowed: { shape: number[]; data: boolean[] };
  added: Dump;
  cases: Record<string, { output: Dump; grads: Dump[] }>;
}>(import.meta.url, 'fixtures/attention.json');

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

const target = () => tensor(losses.target, { dtype: 'int64' });
const FUNCTIONS: Record<string, (x: Tensor) => Tensor> = {
  crossEntropy: (x) => F.crossEntropy(x, target()),
  crossEntropySum: (x) => F.crossEntropy(x, target(), { reduction: 'sum' }),
  crossEntropyNone: (x) => F.crossEntropy(x, target(), { reduction: 'none' }),
  crossEntropyWeighted: (x) =>
    F.crossEntropy(x, target(), { weight: load(losses.weight), labelSmoothing: 0.1 }),
  crossEntropyIgnore: (x) => F.crossEntropy(x, target().clamp({ min: 0 }), { ignoreIndex: 3 }),
  crossEntropySoft: (x) => F.crossEntropy(x, load(losses.soft)),
  bce: (x) => F.binaryCrossEntropyWithLogits(x, load(losses.binary)),
  bceWeighted: (x) =>
    F.binaryCrossEntropyWithLogits(x, load(losses.binary), { posWeight: load(losses.posWeight) }),
  mse: (x) => F.mseLoss(x, load(losses.other)),
  klDiv: (x) => F.klDiv(x.logSoftmax(-1), load(losses.soft), { reduction: 'batchmean' }),
  cosine: (x) => F.cosineSimilarity(x, load(losses.other), { dim: -1 }),
};

test.each(Object.keys(losses.cases))('%s: value and gradient are those of PyTorch', (name) => {
  const { value, grad } = losses.cases[name]!;
  const x = load(losses.logits);
  x.requiresGrad = true;
  const y = (FUNCTIONS[name] ?? F.activation(name))(x);
  expect(relativeError(y, value)).toBeLessThan(1e-6);
  y.sum().backward();
  expect(relativeError(x.grad!, grad)).toBeLessThan(1e-5);
});

test('unknown names are errors that list the known ones', () => {
  expect(() => F.activation('gelo')).toThrow(/unknown activation 'gelo'; known: gelu, /);
  expect(() => F.activation('toString')).toThrow(/unknown activation/);
  expect(() => F.mseLoss(tensor([1]), tensor([1]), { reduction: 'avg' as 'mean' })).toThrow(
    /'avg'.*mean, sum, none/,
  );
});

const PATHS: [string, typeof F.composedAttention][] = [['composed', F.composedAttention]];
if (F.hasFusedAttention()) PATHS.push(['fused', F.fusedAttention]);

describe.each(PATHS)('%s attention', (_, attend) => {
  const allowed = () =>
    T.fromTypedArray(Uint8Array.from(attention.allowed.data, Number), attention.allowed.shape, {
      dtype: 'bool',
    });
  const runs: [string, string, () => nn.functional.AttentionOptions][] = [
    ['plain', 'plain', () => ({})],
    ['an added mask', 'masked', () => ({ mask: load(attention.added) })],
    ['a mask of visible keys', 'masked', () => ({ mask: allowed() })],
    ['a scale', 'scaled', () => ({ scale: 0.3 })],
    ['a causal mask', 'causal', () => ({ isCausal: true })],
  ];
  test.each(runs)('equals the formula with %s', (_, name, options) => {
    const leaves = [attention.q, attention.k, attention.v].map((d) => {
      const t = load(d);
      t.requiresGrad = true;
      return t;
    });
    const y = attend(leaves[0]!, leaves[1]!, leaves[2]!, options());
    const { output, grads } = attention.cases[name]!;
    expect(relativeError(y, output)).toBeLessThan(1e-5);
    const weights = Float32Array.from({ length: y.numel }, (_, i) => i / y.numel);
    y.mul(T.fromTypedArray(weights, y.shape)).sum().backward();
    for (const [i, t] of leaves.entries()) expect(relativeError(t.grad!, grads[i]!)).toBeLessThan(1e-5);
  });

  test('drops probabilities in training', () => {
    manualSeed(5);
    const [q, k, v] = [attention.q, attention.k, attention.v].map((d) => load(d)) as [Tensor, Tensor, Tensor];
    const plain = attend(q, k, v);
    const dropped = attend(q, k, v, { dropoutP: 0.5 });
    expect(dropped.shape).toEqual(plain.shape);
    expect(dropped.toArray()).not.toEqual(plain.toArray());
  });
});

test('the composed attention leaves its caller’s tensors alone', () => {
  const q = randn([1, 1, 2, 3]);
  const mask = tensor([[[[0, -1]]]]);
  const before = [q.toArray(), mask.toArray()];
  F.composedAttention(q, q, q, { mask });
  expect([q.toArray(), mask.toArray()]).toEqual(before);
});

test('mask and isCausal exclude one another', () => {
  const q = randn([1, 1, 2, 3]);
  expect(() => F.scaledDotProductAttention(q, q, q, { mask: tensor([[1]]), isCausal: true })).toThrow(
    /either/,
  );
});

test.runIf(!F.hasFusedAttention())('a fused operator that libtorch lacks is named', () => {
  const q = randn([1, 1, 2, 3]);
  expect(() => F.fusedAttention(q, q, q)).toThrow(/scaled_dot_product_attention/);
});

test('gradCheck accepts right gradients and refuses wrong ones', () => {
  manualSeed(1);
  const f64 = { dtype: 'float64', requiresGrad: true } as const;
  const [q, k, v] = [randn([1, 2, 3, 4], f64), randn([1, 2, 3, 4], f64), randn([1, 2, 3, 4], f64)];
  expect(gradCheck((a, b, c) => F.composedAttention(a!, b!, c!), [q, k, v])).toBeLessThan(1e-5);
  // the value depends on x twice, the gradient on one of them only
  expect(() => gradCheck((x) => x!.mul(x!.detach()), [randn([3], f64)])).toThrow(/element 0: backward gives/);
  expect(() => gradCheck((x) => x!.sum(), [randn([3], { requiresGrad: true })])).toThrow(/float64/);
});
