import { expect, test } from 'vitest';
import { cuda, nn, randn, tensor, tidy } from '../index.js';

const lengths = [5, 1, 9, 3];
const starts = [0, 5, 6, 15, 18];
const { raggedAttention, composedAttention } = nn.functional;

/** Every text by itself. */
function reference(q: ReturnType<typeof randn>, k: typeof q, v: typeof q) {
  return lengths.map((n, i) => {
    const [a, b, c] = [q, k, v].map((t) => t.narrow(0, starts[i]!, n).transpose(0, 1).unsqueeze(0));
    return composedAttention(a!, b!, c!).squeeze(0).transpose(0, 1);
  });
}

test('ragged attention is attention within every text, forwards and backwards', () => {
  tidy(() => {
    const inputs = [0, 1, 2].map(() => randn([18, 2, 4]));
    const [q, k, v] = inputs.map((t) => t.clone()) as [
      (typeof inputs)[0],
      (typeof inputs)[0],
      (typeof inputs)[0],
    ];
    for (const t of [q, k, v]) t.requiresGrad = true;
    const weights = randn([18, 2, 4]);
    const got = raggedAttention(q, k, v, tensor(starts, { dtype: 'int32' }), 9);
    got.mul(weights).sum().backward();
    const [q2, k2, v2] = inputs as [typeof q, typeof q, typeof q];
    for (const t of inputs) t.requiresGrad = true;
    for (const [i, expected] of reference(q2, k2, v2).entries()) {
      expect(got.narrow(0, starts[i]!, lengths[i]!).allclose(expected, { atol: 1e-6 })).toBe(true);
      expected
        .mul(weights.narrow(0, starts[i]!, lengths[i]!))
        .sum()
        .backward();
    }
    for (const [i, t] of [q, k, v].entries()) {
      expect(t.grad!.allclose(inputs[i]!.grad!, { rtol: 1e-4, atol: 1e-5 })).toBe(true);
    }
  });
});

test.skipIf(!cuda.isAvailable()).each([4, 64, 26])('flash attention agrees on CUDA, head size %i', (size) => {
  tidy(() => {
    const device = 'cuda';
    const given = [0, 1, 2].map(() => randn([18, 2, size], { device }));
    const offsets = tensor(starts, { dtype: 'int32', device });
    const weights = randn([18, 2, size], { device });
    const run = (dtype: 'float32' | 'bfloat16') => {
      const [q, k, v] = given.map((t) => t.detach().to({ dtype, copy: true })) as [
        (typeof given)[0],
        (typeof given)[0],
        (typeof given)[0],
      ];
      for (const t of [q, k, v]) t.requiresGrad = true;
      const out = raggedAttention(q, k, v, offsets, 32);
      out.mul(weights).sum().backward();
      return [out, q.grad!, k.grad!, v.grad!].map((t) => t.detach().to({ dtype: 'float32' }));
    };
    const exact = run('float32');
    for (const [i, got] of run('bfloat16').entries()) {
      const square = (t: typeof got) => t.square().sum().item();
      const error = Math.sqrt(square(got.sub(exact[i]!)) / square(exact[i]!));
      expect(error).toBeLessThan(0.02);
    }
  });
});
