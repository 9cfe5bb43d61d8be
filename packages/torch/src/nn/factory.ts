import { empty } from '../creation.js';
import type { Device, DType } from '../dtype.js';
import { ops } from '../operator.js';
import { tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from './parameter.js';

/** Where and in which dtype a layer's parameters are made. */
export interface FactoryOptions {
  readonly device?: Device;
  readonly dtype?: DType;
}

/** @internal A parameter filled by `init`. */
export function parameter(
  shape: readonly number[],
  options: FactoryOptions,
  init: (t: Tensor) => void,
): Parameter {
  return tidy(() => {
    const data = empty(shape, { dtype: options.dtype, device: options.device });
    init(data);
    return new Parameter(data);
  });
}

/** @internal An operator called with its schema's arguments in order, resolved at the first call. */
export function lazy<R = Tensor>(name: string, overload = ''): (...values: unknown[]) => R {
  let op: ReturnType<typeof ops.get> | undefined;
  return (...values) => {
    op ??= ops.get(name, overload);
    return op.call(values) as R;
  };
}
