import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  amp,
  manualSeed,
  memory,
  nn,
  noGrad,
  optim,
  randint,
  randn,
  type Scope,
  scope,
  type Tensor,
  tensor,
  tidy,
} from '../index.js';

let inner: Scope;
beforeEach(() => {
  manualSeed(1);
  inner = scope();
});
afterEach(() => inner.close());

/** Two projections in one product, a tied decoder, a parameter used directly. */
class Net extends nn.Module {
  table = new nn.Embedding(11, 8, { paddingIdx: 0 });
  left = new nn.Linear(8, 6);
  right = new nn.Linear(8, 6);
  norm = new nn.LayerNorm(12);
  out = new nn.Linear(12, 8);
  direct = new nn.Parameter(randn([8]));
  packed: Tensor | null = null;
  packedBias: Tensor | null = null;
  seen: string[] = [];

  override lowPrecisionFields() {
    const { left, right } = this;
    return [
      { field: 'packed', of: [left.weight, right.weight] },
      { field: 'packedBias', of: [left.bias!, right.bias!] },
      { field: 'decoder', of: [this.decoder] },
    ];
  }

  decoder: nn.Parameter = this.table.weight;

  forward(ids: Tensor): Tensor {
    const x = this.table.forward(ids);
    const both = this.packed
      ? nn.functional.linear(x, this.packed, this.packedBias)
      : nn.functional
          .linear(x, this.left.weight, this.left.bias)
          .unsqueeze(0)
          .reshape([-1, 6])
          .mul(1)
          .view([...ids.shape, 6]);
    const wide = this.packed ? both : catLast(both, this.right.forward(x));
    this.seen = [both.dtype, this.norm.weight!.dtype, this.left.weight.dtype];
    const h = this.out.forward(nn.functional.gelu(this.norm.forward(wide))).add(this.direct);
    return nn.functional.linear(h, this.decoder);
  }
}

function catLast(a: Tensor, b: Tensor): Tensor {
  return a.constantPadNd([0, b.size(-1)]).add(b.constantPadNd([a.size(-1), 0]));
}

const ids = () => randint(1, 11, [5, 3], { dtype: 'int64' });
const lossOf = (model: Net, input: Tensor) =>
  nn.functional.crossEntropy(model.forward(input).view([-1, 11]).to({ dtype: 'float32' }), input.view([-1]));

function relative(a: Tensor, b: Tensor): number {
  const norm = (t: Tensor) => Math.sqrt(t.square().sum().item());
  return norm(a.sub(b)) / Math.max(1e-12, norm(b));
}

describe('WorkingCopies', () => {
  test('gradients are those of float32 within bfloat16, arrive in float32, and once for a tied weight', () => {
    const model = new Net();
    const input = ids();
    lossOf(model, input).backward();
    const exact = new Map([...model.namedParameters()].map(([name, p]) => [name, p.grad!.clone()]));
    model.zeroGrad();

    const copies = new amp.WorkingCopies(model);
    expect(copies.size).toBe(9); // two packs of two, the norm, `out`, the decoder; not `direct`
    const loss = copies.run(() => amp.autocast({}, () => lossOf(model, input)));
    expect(model.seen).toEqual(['bfloat16', 'bfloat16', 'float32']);
    loss.backward();
    copies.collectGradients();
    for (const [name, p] of model.namedParameters()) {
      expect(p.grad!.dtype, name).toBe('float32');
      expect(p.grad!.shape, name).toEqual(p.shape);
      expect(relative(p.grad!, exact.get(name)!), name).toBeLessThan(0.03);
    }
    copies.dispose();
  });

  test('gradients of several passes add up in float32', () => {
    const model = new Net();
    const copies = new amp.WorkingCopies(model);
    const [a, b] = [ids(), ids()];
    const pass = (input: Tensor) => {
      copies.run(() => amp.autocast({}, () => lossOf(model, input))).backward();
      copies.collectGradients();
    };
    const gradients = () => model.parameters().map((p) => p.grad!.clone());
    pass(a);
    const first = gradients();
    model.zeroGrad();
    pass(b);
    const second = gradients();
    model.zeroGrad();
    pass(a);
    pass(b);
    for (const [i, sum] of gradients().entries()) {
      expect(sum.allclose(first[i]!.add(second[i]!), { rtol: 1e-5, atol: 1e-7 })).toBe(true);
    }
    copies.dispose();
  });

  test('changes too small for bfloat16 add up in the parameters and reach the copies', () => {
    const layer = new nn.Linear(1, 1, { bias: false });
    noGrad(() => layer.weight.fill_(1));
    const copies = new amp.WorkingCopies(layer);
    const optimizer = new optim.SGD([layer.weight], { lr: 1 });
    const forward = () => copies.run(() => layer.forward(tensor([[1]]).to({ dtype: 'bfloat16' })));
    expect(forward().item()).toBe(1);
    // bfloat16 has 2⁻⁷ between numbers from 1 to 2: a step of 2⁻¹⁰ would be lost, eight of them are one number.
    for (let i = 0; i < 8; i++) {
      tidy(() => {
        optimizer.zeroGrad();
        forward()
          .mul(-(2 ** -10))
          .sum()
          .backward();
        copies.collectGradients();
        optimizer.step();
        copies.refresh();
      });
      expect(layer.weight.item()).toBe(1 + (i + 1) * 2 ** -10);
    }
    expect(forward().item()).toBe(1 + 2 ** -7);
    copies.dispose();
  });

  test('the modules hold their parameters again, after errors too', () => {
    const model = new Net();
    const { weight } = model.left;
    const out = model.out.weight;
    const before = [...model.stateDict().keys()];
    const copies = new amp.WorkingCopies(model);
    expect(() =>
      copies.run(() => {
        expect(model.out.weight).not.toBe(out);
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(model.out.weight).toBe(out);
    expect(model.left.weight).toBe(weight);
    expect(model.packed).toBeNull();
    expect([...model.stateDict().keys()]).toEqual(before);
    expect(() => copies.run(async () => 1)).toThrow(/async/);
    copies.dispose();
  });

  test('frozen parameters get no gradient', () => {
    const model = new Net();
    model.left.weight.requiresGrad = false;
    model.out.weight.requiresGrad = false;
    const copies = new amp.WorkingCopies(model);
    copies.run(() => amp.autocast({}, () => lossOf(model, ids()))).backward();
    copies.collectGradients();
    expect([model.left.weight.grad, model.out.weight.grad]).toEqual([null, null]);
    expect(model.right.weight.grad).not.toBeNull();
    copies.dispose();
  });

  test('refuses other dtypes and overlapping packs, and releases all it holds', () => {
    const model = new Net();
    expect(() => new amp.WorkingCopies(model, { dtype: 'int8' })).toThrow(/bfloat16 or float16/);
    class Overlap extends nn.Module {
      a = new nn.Linear(2, 2);
      b = new nn.Linear(2, 2);
      c = new nn.Linear(2, 2);
      override lowPrecisionFields() {
        return [
          { field: 'x', of: [this.a.weight, this.b.weight] },
          { field: 'y', of: [this.b.weight, this.c.weight] },
        ];
      }
    }
    const overlap = new Overlap();
    const live = memory().tensors;
    expect(() => new amp.WorkingCopies(overlap)).toThrow(/another pack/);
    const copies = new amp.WorkingCopies(model);
    tidy(() => {
      copies.run(() => amp.autocast({}, () => lossOf(model, ids()))).backward();
      copies.collectGradients();
    });
    model.zeroGrad();
    copies.dispose();
    expect(memory().tensors).toBe(live);
  });
});
