import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  arange,
  cat,
  empty,
  ops,
  randn,
  type Scope,
  scope,
  split,
  type Tensor,
  TorchError,
  tensor,
  zeros,
} from './index.js';

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

function caught(fn: () => unknown): TorchError {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(TorchError);
    return error as TorchError;
  }
  throw new Error('nothing was thrown');
}

describe('the untyped door', () => {
  test('calls any operator of the schema list', () => {
    expect(ops.list().length).toBeGreaterThan(2500);
    expect((ops.call('aten::hypot', '', tensor([3]), tensor([4])) as Tensor).item()).toBe(5);
    expect((ops.call('aten::add', 'Tensor', tensor([1]), tensor([2]), 10) as Tensor).item()).toBe(21);
    expect((ops.call('aten::add', 'Tensor', tensor([1]), tensor([2]), { alpha: 10 }) as Tensor).item()).toBe(
      21,
    );
  });

  test('a missing operator is named with the version and near names', () => {
    const error = caught(() => ops.call('aten::sofmax', 'int', tensor([1]), 0));
    expect(error.code).toBe('OPERATOR_MISSING');
    expect(error.message).toMatch(
      /libtorch \d+\.\d+.* has no operator 'aten::sofmax.int'.*aten::softmax.int/,
    );
    expect(caught(() => ops.get('aten::add', 'Tenser')).message).toMatch(
      /its overloads are: .*aten::add.Tensor/,
    );
    expect(ops.has('aten::add', 'Tensor')).toBe(true);
    expect(ops.has('aten::add', 'Tenser')).toBe(false);
  });
});

describe('results', () => {
  test('in place: the same object comes back', () => {
    const t = tensor([1, 2]);
    expect(ops.call('aten::mul_', 'Scalar', t, 3)).toBe(t);
    expect(t.toArray()).toEqual([3, 6]);
  });

  test('out variants: the given object is filled and comes back', () => {
    const out = empty([2]);
    expect(ops.call('aten::add', 'out', tensor([1, 2]), tensor([1, 1]), { out })).toBe(out);
    expect(out.toArray()).toEqual([2, 3]);
    const [values, indices] = [empty([1]), zeros([1], { dtype: 'int64' })];
    const result = ops.call('aten::max', 'dim_max', tensor([[1, 5, 2]]), 1, {
      max: values,
      maxValues: indices,
    }) as Tensor[];
    expect(result[0]).toBe(values);
    expect(result[1]).toBe(indices);
    expect([values.item(), indices.item()]).toEqual([5, 1]);
  });

  test('several results and lists of tensors', () => {
    const pair = ops.call('aten::sort', '', tensor([3, 1, 2])) as Tensor[];
    expect(pair.map((t) => t.toArray())).toEqual([
      [1, 2, 3],
      [1, 2, 0],
    ]);
    expect(split(arange(5), 2).map((t) => t.toArray())).toEqual([[0, 1], [2, 3], [4]]);
    expect(ops.call('aten::_foreach_add', 'Scalar', [tensor([1]), tensor([2])], 1)).toHaveLength(2);
    expect(ops.call('aten::_foreach_add_', 'Scalar', [tensor([1])], 1)).toBeUndefined();
    expect(ops.call('aten::equal', '', tensor([1]), tensor([1]))).toBe(true);
    expect(ops.call('aten::size', 'int', zeros([4, 5]), 1)).toBe(5);
  });

  test('optional tensors in lists', () => {
    const x = arange(6).reshape([2, 3]);
    const at = tensor([0, 2], { dtype: 'int64' });
    expect((ops.call('aten::index', 'Tensor', x, [null, at]) as Tensor).toArray()).toEqual([
      [0, 2],
      [3, 5],
    ]);
  });
});

describe('errors', () => {
  test('of libtorch carry operator, shapes and dtypes', () => {
    const error = caught(() => randn([2, 3]).matmul(zeros([2, 3], { dtype: 'float64' })));
    expect(error.code).toBe('OPERATOR_FAILED');
    expect(error.message).toContain('aten::matmul(float32[2, 3], float64[2, 3])');
    expect(caught(() => cat([zeros([2]), zeros([2, 2])])).message).toContain('aten::cat(2 tensors');
    expect(caught(() => zeros([2]).reshape([3])).message).toContain('[3]');
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'a string for a tensor',
      () => cat(['x' as never]),
      /argument 1 \('tensors'\) of aten::cat: expected .*Tensor/,
    ],
    ['null for a tensor', () => ops.call('aten::relu', '', null), /argument 1 \('self'.*aten::relu/],
    ['an array for a tensor', () => ops.call('aten::relu', '', [1]), /expected Tensor, got an array/],
    [
      'a tensor for a number',
      () => zeros([2]).softmax(zeros([1]) as never),
      /argument 2 \('dim'\).*got a tensor/,
    ],
    ['a fraction for an integer', () => zeros([2]).softmax(0.5), /'dim'/],
    ['NaN for an integer', () => zeros([2]).softmax(Number.NaN), /'dim'/],
    ['a string for a number', () => zeros([2]).softmax('0' as never), /'dim'/],
    ['a number for a boolean', () => zeros([2]).sum({ dim: [0], keepdim: 1 as never }), /boolean/],
    [
      'too many arguments',
      () => ops.call('aten::relu', '', zeros([1]), 1, 2),
      /takes at most 1 arguments, got 3/,
    ],
    ['too few', () => ops.call('aten::matmul', '', zeros([1])), /'other'/],
    ['an unknown option', () => zeros([2]).sum({ dims: [0] } as never), /no option 'dims'; options: .*dim/],
    [
      'an option given twice',
      () => ops.call('aten::softmax', 'int', zeros([1]), 0, { dim: 0 }),
      /by position already/,
    ],
    ['a symbol', () => zeros([2]).add(Symbol('x') as never), /./],
    ['an enormous BigInt', () => zeros([2]).add(2n ** 70n), /./],
  ])('%s', (_, fn, message) => {
    const error = caught(fn);
    expect(error.code).toBe('ARGUMENT_INVALID');
    expect(error.message).toMatch(message);
  });

  test('running out of memory is one of them', () => {
    expect(caught(() => zeros([2 ** 40])).message).toMatch(/aten::zeros/);
  });
});

test('recurrent layers refuse lists of weights that libtorch would read beyond', () => {
  const input = zeros([2, 1, 3]);
  const state = zeros([2, 1, 4]);
  const lstm = (params: Tensor[]) =>
    ops.call('aten::lstm', 'input', input, [state, state], params, false, 1, 0, false, true, false);
  expect(caught(() => lstm([])).message).toMatch(/0 weights for 2 cells of 2/);
  expect(caught(() => lstm([zeros([16, 3])])).code).toBe('ARGUMENT_INVALID');
  const [out] = lstm([zeros([16, 3]), zeros([16, 4]), zeros([16, 3]), zeros([16, 4])]) as Tensor[];
  expect(out!.shape).toEqual([2, 1, 8]);
});
