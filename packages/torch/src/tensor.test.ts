import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  arange,
  type DType,
  empty,
  eye,
  full,
  grad,
  linspace,
  ones,
  randint,
  randn,
  randperm,
  range,
  type Scope,
  scope,
  Tensor,
  type TypedArray,
  tensor,
  zeros,
  zerosLike,
} from './index.js';
import { fixture } from './testing/load.fixture.js';

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

describe('creation', () => {
  test('from numbers, nested arrays, booleans and BigInts', () => {
    expect(tensor(3).shape).toEqual([]);
    expect(
      tensor([
        [1, 2],
        [3, 4],
      ]).toArray(),
    ).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor([1, 2]).dtype).toBe('float32');
    expect(tensor([true, false]).dtype).toBe('bool');
    expect(tensor([true, false]).toArray()).toEqual([true, false]);
    expect(tensor([1n]).dtype).toBe('int64');
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
  });

  test('what an integer dtype cannot hold is refused, never rounded', () => {
    expect(() => tensor([300], { dtype: 'uint8' })).toThrow(/300 does not fit into uint8/);
    expect(() => tensor([-129], { dtype: 'int8' })).toThrow(/int8/);
    expect(() => tensor([1.5], { dtype: 'int64' })).toThrow(/no exact integer/);
    expect(() => tensor([2 ** 53], { dtype: 'int64' })).toThrow(/give a BigInt/);
    expect(() => tensor([2n ** 63n])).toThrow(/does not fit into int64/);
    expect(() => tensor([[1, 2], [3]])).toThrow();
  });

  test('int64 goes through BigInt beyond 2⁵³', () => {
    const big = 2n ** 62n + 1n;
    const t = tensor([big, -big]);
    expect(t.toTypedArray()).toEqual(BigInt64Array.of(big, -big));
    expect(t.index(0).item()).toBe(big);
    expect(() => t.toArray()).toThrow(/PRECISION_LOST|no exact JavaScript number/);
    expect(tensor([7n]).item()).toBe(7);
  });

  test.each<[TypedArray, DType]>([
    [Float32Array.of(1.5, -2), 'float32'],
    [Float64Array.of(0.1, 1e300), 'float64'],
    [BigInt64Array.of(1n, -5n), 'int64'],
    [Int32Array.of(-7, 8), 'int32'],
    [Int16Array.of(-7, 8), 'int16'],
    [Int8Array.of(-7, 8), 'int8'],
    [Uint8Array.of(0, 255), 'uint8'],
  ])('typed arrays go in and out unchanged: %s', (data, dtype) => {
    const t = Tensor.fromTypedArray(data);
    expect(t.dtype).toBe(dtype);
    expect(t.toTypedArray()).toEqual(data);
    expect(t.nbytes).toBe(data.byteLength);
  });

  test('raw half-precision bits', () => {
    const half = Tensor.fromTypedArray(Uint16Array.of(0x3c00, 0xc000), [2], { dtype: 'float16' });
    expect(half.toArray()).toEqual([1, -2]);
    const brain = Tensor.fromTypedArray(Uint16Array.of(0x3f80, 0xc049), [2], { dtype: 'bfloat16' });
    expect(brain.to({ dtype: 'float32' }).toArray()).toEqual([1, -3.140625]);
    expect(brain.toTypedArray()).toEqual(Uint16Array.of(0x3f80, 0xc049));
    expect(() => Tensor.fromTypedArray(Uint16Array.of(1))).toThrow(/Uint16Array/);
  });

  test('a shape that does not fit the data is refused', () => {
    expect(() => Tensor.fromTypedArray(Float32Array.of(1, 2, 3), [2, 2])).toThrow(/12 bytes.*16/);
    expect(() => Tensor.fromTypedArray(Float32Array.of(1), [-1])).toThrow(/sizes/);
  });

  test('factories', () => {
    expect(zeros([2, 2]).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(ones([2], { dtype: 'int64' }).toArray()).toEqual([1, 1]);
    expect(full([2], 2.5).toArray()).toEqual([2.5, 2.5]);
    expect(full([1], true).dtype).toBe('bool');
    expect(eye(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(arange(3).toArray()).toEqual([0, 1, 2]);
    expect(arange(3).dtype).toBe('int64');
    expect(arange(0, 1, 0.25).toArray()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(linspace(0, 1, 3).toArray()).toEqual([0, 0.5, 1]);
    expect(empty([2, 3]).shape).toEqual([2, 3]);
    expect(zerosLike(tensor([1n])).dtype).toBe('int64');
    expect((randperm(5).toArray() as number[]).sort()).toEqual([0, 1, 2, 3, 4]);
    expect((randint(3, 5, [50]).toArray() as number[]).every((v) => v === 3 || v === 4)).toBe(true);
    expect(zeros([1], { requiresGrad: true }).requiresGrad).toBe(true);
  });
});

describe('dtypes', () => {
  const DTYPES: DType[] = [
    'float32',
    'float64',
    'float16',
    'bfloat16',
    'int64',
    'int32',
    'int16',
    'int8',
    'uint8',
    'bool',
  ];
  test.each(DTYPES)('%s is made, converted and read', (dtype) => {
    const t = tensor([0, 1, 1], { dtype });
    expect(t.dtype).toBe(dtype);
    expect(t.toArray()).toEqual(dtype === 'bool' ? [false, true, true] : [0, 1, 1]);
    expect(t.to({ dtype: 'float64' }).toArray()).toEqual([0, 1, 1]);
    expect(t.to({ dtype })).toBe(t);
    expect(t.to({ dtype, copy: true })).not.toBe(t);
    expect(inspect(t)).toMatch(/^tensor\(/);
  });

  test('float32 survives bfloat16 with its upper 16 bits', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -3e38, max: 3e38 }), (v) => {
        const inner = scope();
        const back = tensor([v]).to({ dtype: 'bfloat16' }).toFloat32Array()[0]!;
        inner.close();
        expect(Math.abs(back - v)).toBeLessThanOrEqual(Math.max(Math.abs(v) * 2 ** -7.99, 1e-40));
      }),
      { numRuns: 200 },
    );
  });

  test('an unknown dtype or device is named', () => {
    expect(() => tensor([1], { dtype: 'float23' as DType })).toThrow(/float23/);
    expect(() => tensor([1], { device: 'gpu' })).toThrow(/gpu/);
  });
});

describe('indexing', () => {
  const x = () => arange(24).reshape([2, 3, 4]);

  test('numbers, slices, dots, new axes', () => {
    expect(x().index(1).shape).toEqual([3, 4]);
    expect(x().index(0, -1, 2).item()).toBe(10);
    expect(x().index(':', range(1, 3)).shape).toEqual([2, 2, 4]);
    expect(x().index('...', range(null, null, 2)).shape).toEqual([2, 3, 2]);
    expect(x().index(null, '...', null).shape).toEqual([1, 2, 3, 4, 1]);
    expect(x().index(0, 0).toArray()).toEqual([0, 1, 2, 3]);
  });

  test('lists, integer tensors and masks gather', () => {
    expect(x().index(0, [0, 2], 1).toArray()).toEqual([1, 9]);
    expect(x().index(tensor([1, 1], { dtype: 'int64' })).shape).toEqual([2, 3, 4]);
    const t = x();
    expect(t.index(t.gt(21)).toArray()).toEqual([22, 23]);
  });

  test('assignment', () => {
    const t = zeros([2, 3]);
    expect(t.set_([0, 1], 5)).toBe(t);
    t.set_([1], tensor([1, 2, 3]));
    t.set_([t.gt(4)], -1);
    expect(t.toArray()).toEqual([
      [0, -1, 0],
      [1, 2, 3],
    ]);
  });

  test('what cannot be is said', () => {
    expect(() => x().index(2)).toThrow(/out of (range|bounds)/);
    expect(() => x().index(0, 0, 0, 0)).toThrow();
    expect(() => x().index('...', '...')).toThrow();
    expect(() => range(0, 1, -1)).toThrow(/step/);
    expect(() => x().size(3)).toThrow(/dimension 3 of a tensor with 3 dimensions/);
  });
});

describe('methods', () => {
  test('views share memory, in-place methods return the very object', () => {
    const t = zeros([2, 2]);
    const view = t.transpose(0, 1);
    expect(view.storageId).toBe(t.storageId);
    expect(t.clone().storageId).not.toBe(t.storageId);
    expect(view.add_(1)).toBe(view);
    expect(t.toArray()).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(
      t.copy_(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toBe(t);
    expect(t.zero_().fill_(3).mul_(2).index(0, 0).item()).toBe(6);
  });

  test('options come by name or by position', () => {
    const t = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(t.sum({ dim: [1], keepdim: true }).toArray()).toEqual([[3], [7]]);
    expect(t.sum({ dim: [0] }).toArray()).toEqual([4, 6]);
    expect(t.softmax({ dim: -1 }).shape).toEqual([2, 2]);
    expect(t.softmax(-1).equal(t.softmax({ dim: -1 }))).toBe(true);
    expect(t.maxDim(1)[1]!.toArray()).toEqual([1, 1]);
    expect(t.topk(1).map((v) => v.shape)).toEqual([
      [2, 1],
      [2, 1],
    ]);
  });

  test('a scalar keeps the dtype as in PyTorch', () => {
    const whole = tensor([1, 2], { dtype: 'int64' });
    expect(whole.add(1).dtype).toBe('int64');
    expect(whole.mul(1.5).dtype).toBe('float32');
    expect(whole.mul({ float: 2 }).dtype).toBe('float32');
    expect(tensor([1]).add(1n).dtype).toBe('float32');
  });

  test('item wants exactly one element', () => {
    expect(tensor([[2.5]]).item()).toBe(2.5);
    expect(tensor(true).item()).toBe(true);
    expect(() => tensor([1, 2]).item()).toThrow(/one element.*float32\[2\]/);
  });

  test('strides, numel, bytes, contents of non-contiguous tensors', () => {
    const t = arange(6).reshape([2, 3]).transpose(0, 1);
    expect(t.strides).toEqual([1, 3]);
    expect([t.numel, t.nbytes, t.ndim]).toEqual([6, 48, 2]);
    expect(t.toArray()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(t.toBytes().length).toBe(48);
    expect(t.toFloat32Array()).toEqual(Float32Array.of(0, 3, 1, 4, 2, 5));
  });
});

describe('a disposed tensor', () => {
  const gone = () => {
    const t = randn([2]);
    t.dispose();
    return t;
  };
  const USES: Record<string, (t: Tensor) => unknown> = {
    shape: (t) => t.shape,
    strides: (t) => t.strides,
    dtype: (t) => t.dtype,
    device: (t) => t.device,
    numel: (t) => t.numel,
    nbytes: (t) => t.nbytes,
    ndim: (t) => t.ndim,
    size: (t) => t.size(0),
    item: (t) => t.item(),
    toArray: (t) => t.toArray(),
    toTypedArray: (t) => t.toTypedArray(),
    toBytes: (t) => t.toBytes(),
    to: (t) => t.to({ dtype: 'float64' }),
    index: (t) => t.index(0),
    assignment: (t) => t.set_([0], 1),
    'an operator’s first argument': (t) => t.add(1),
    'an operator’s second argument': (t) => ones([2]).add(t),
    'an element of a list': (t) => ones([1]).index(t),
    'in place': (t) => t.mul_(2),
    requiresGrad: (t) => t.requiresGrad,
    'setting requiresGrad': (t) => {
      t.requiresGrad = true;
    },
    isLeaf: (t) => t.isLeaf,
    grad: (t) => t.grad,
    'being a gradient': (t) => {
      const x = ones([2], { requiresGrad: true });
      x.grad = t;
    },
    backward: (t) => t.backward(),
    'the gradient of backward': (t) => ones([2], { requiresGrad: true }).mul(2).backward({ gradient: t }),
    'an input of grad': (t) => grad([ones([1], { requiresGrad: true }).mul(2)], [t]),
    retainGrad: (t) => t.retainGrad(),
    storageId: (t) => t.storageId,
    alias: (t) => t.alias(),
    toString: (t: Tensor) => String(t),
  };
  test.each(Object.keys(USES))('is a clear error: %s', (name) => {
    expect(() => USES[name]!(gone())).toThrow(/disposed/);
  });

  test('may be disposed again and printed', () => {
    const t = gone();
    expect(() => t.dispose()).not.toThrow();
    expect(t.isDisposed).toBe(true);
    expect(inspect(t)).toBe('tensor(<disposed>)');
  });

  test('its slot is not mistaken for a new tensor', () => {
    const old = randn([2]);
    const handle = old.handle;
    old.dispose();
    const fresh = Array.from({ length: 8 }, () => randn([3]));
    const impostor = new Tensor(handle);
    expect(() => impostor.shape).toThrow(/disposed/);
    expect(fresh.every((t) => t.shape[0] === 3)).toBe(true);
  });

  test('views outlive what they were taken from', () => {
    const t = ones([2, 2]);
    const row = t.index(0);
    t.dispose();
    expect(row.toArray()).toEqual([1, 1]);
  });
});

interface Sample {
  shape: number[];
  dtype: DType;
  text: string;
  data: (number | string)[];
}

describe('inspect', () => {
  const { samples } = fixture<{ samples: Sample[] }>(import.meta.url, 'fixtures/print.json');
  test.each(samples.map((s, i) => [i, s] as const))(
    'prints as PyTorch does: sample %i',
    (_, { shape, dtype, text, data }) => {
      const values = Float64Array.from(data, (v) =>
        typeof v === 'number'
          ? v
          : v === 'nan'
            ? Number.NaN
            : v === 'inf'
              ? Number.POSITIVE_INFINITY
              : Number.NEGATIVE_INFINITY,
      );
      expect(inspect(Tensor.fromTypedArray(values, shape, { dtype }))).toBe(text);
    },
  );

  test('tells dtype, shape of empty tensors and gradients', () => {
    expect(inspect(zeros([0, 3]))).toBe('tensor([], size=[0, 3])');
    expect(inspect(tensor([1], { dtype: 'float64' }))).toBe('tensor([1.], dtype=float64)');
    expect(inspect(tensor([1], { requiresGrad: true }))).toBe('tensor([1.], requiresGrad)');
    expect(inspect(tensor([1], { requiresGrad: true }).mul(2))).toBe('tensor([2.], gradFn)');
    expect(String(tensor(1))).toBe('tensor(1.)');
  });
});
