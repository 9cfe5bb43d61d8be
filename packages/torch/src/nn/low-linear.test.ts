import { expect, test } from 'vitest';
import { nn, ops, randn, type Tensor, tidy } from '../index.js';

test('the native linear layer has the result and the gradients of aten::linear', () => {
  tidy(() => {
    const given = [randn([2, 5, 4]), randn([3, 4]), randn([3])];
    const weights = randn([2, 5, 3]);
    const run = (op: (x: Tensor, w: Tensor, b: Tensor) => Tensor) => {
      const [x, w, b] = given.map((t) => {
        const leaf = t.clone();
        leaf.requiresGrad = true;
        return leaf;
      }) as [Tensor, Tensor, Tensor];
      const y = op(x, w, b);
      y.mul(weights).sum().backward();
      return [y.detach(), x.grad!, w.grad!, b.grad!];
    };
    const expected = run((x, w, b) => nn.functional.linear(x, w, b));
    const got = run((x, w, b) => ops.call('easynlp::linear', '', x, w, b) as Tensor);
    for (const [i, tensor] of got.entries()) {
      expect(tensor.shape).toEqual(expected[i]!.shape);
      expect(tensor.allclose(expected[i]!, { rtol: 1e-5, atol: 1e-6 })).toBe(true);
    }
  });
});
