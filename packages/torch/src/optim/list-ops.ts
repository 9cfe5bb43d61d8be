import type { Operator } from '../operator.js';
import { ops } from '../operator.js';
import type { Tensor } from '../tensor.js';

type Tensors = readonly Tensor[];

/** Elementwise arithmetic on lists of tensors, all in place unless it says otherwise. */
export interface ListOps {
  mul(xs: Tensors, factor: number): void;
  addScalar(xs: Tensors, value: number): void;
  /** x += alpha · y */
  add(xs: Tensors, ys: Tensors, alpha: number): void;
  /** x + alpha · y as new tensors */
  sum(xs: Tensors, ys: Tensors, alpha: number): Tensor[];
  /** x += value · a · b */
  addcmul(xs: Tensors, as: Tensors, bs: Tensors, value: number): void;
  /** x += value · a / b */
  addcdiv(xs: Tensors, as: Tensors, bs: Tensors, value: number): void;
  /** √x as new tensors */
  sqrt(xs: Tensors): Tensor[];
  /** Euclidean norm of every tensor, as new tensors without dimensions */
  norms(xs: Tensors): Tensor[];
}

const resolved = new Map<string, Operator>();
function op(name: string, overload: string): Operator {
  const key = `${name}.${overload}`;
  let found = resolved.get(key);
  if (!found) {
    found = ops.get(name, overload);
    resolved.set(key, found);
  }
  return found;
}

/** One native call for the whole list; on CUDA one kernel launch for many tensors. */
export const foreachOps: ListOps = {
  mul: (xs, factor) => void op('aten::_foreach_mul_', 'Scalar').call([xs, factor]),
  addScalar: (xs, value) => void op('aten::_foreach_add_', 'Scalar').call([xs, value]),
  add: (xs, ys, alpha) => void op('aten::_foreach_add_', 'List').call([xs, ys, alpha]),
  sum: (xs, ys, alpha) => op('aten::_foreach_add', 'List').call([xs, ys, alpha]) as Tensor[],
  addcmul: (xs, as, bs, value) => void op('aten::_foreach_addcmul_', 'Scalar').call([xs, as, bs, value]),
  addcdiv: (xs, as, bs, value) => void op('aten::_foreach_addcdiv_', 'Scalar').call([xs, as, bs, value]),
  sqrt: (xs) => op('aten::_foreach_sqrt', '').call([xs]) as Tensor[],
  norms: (xs) => op('aten::_foreach_norm', 'Scalar').call([xs, 2]) as Tensor[],
};

/** The same, tensor by tensor: the reference that the foreach path is tested against. */
export const singleOps: ListOps = {
  mul: (xs, factor) => each(xs, (x) => x.mul_(factor)),
  addScalar: (xs, value) => each(xs, (x) => x.add_(value)),
  add: (xs, ys, alpha) => each(xs, (x, i) => x.add_(ys[i]!, { alpha })),
  sum: (xs, ys, alpha) => xs.map((x, i) => x.add(ys[i]!, { alpha })),
  addcmul: (xs, as, bs, value) => each(xs, (x, i) => x.addcmul_(as[i]!, bs[i]!, { value })),
  addcdiv: (xs, as, bs, value) => each(xs, (x, i) => x.addcdiv_(as[i]!, bs[i]!, { value })),
  sqrt: (xs) => xs.map((x) => x.sqrt()),
  norms: (xs) => xs.map((x) => ops.call('aten::linalg_vector_norm', '', x, 2) as Tensor),
};

function each(xs: Tensors, fn: (x: Tensor, i: number) => void): void {
  for (let i = 0; i < xs.length; i++) fn(xs[i]!, i);
}
