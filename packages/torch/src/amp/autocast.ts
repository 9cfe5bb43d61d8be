import type { Device, DType } from '../dtype.js';
import { TorchError } from '../errors.js';
import { native } from '../native.js';

export interface AutocastOptions {
  /** Operators on this kind of device are affected. Default 'cpu'. */
  readonly device?: Device;
  /** 'bfloat16' (the default), or 'float16', which on training needs a `GradScaler`. */
  readonly dtype?: DType;
  /** `false` switches autocast off inside another. Default true. */
  readonly enabled?: boolean;
}

let depth = 0;

/**
 * Runs `fn` with matrix products and convolutions in `dtype` and numerically delicate operators in float32, as
 * `torch.autocast`. Weights are cast once: the casts are kept until the outermost `autocast` ends, which is where the
 * forward pass should end too. Backward passes belong outside.
 *
 * @throws TorchError ARGUMENT_INVALID for a dtype without autocast; SCOPE_ASYNC when `fn` returns a promise, because
 * the mode would end before the rest of it runs.
 */
export function autocast<T>(options: AutocastOptions, fn: () => T): T {
  const { dtype = 'bfloat16', enabled = true } = options;
  const device = (options.device ?? 'cpu').split(':')[0]!;
  if (dtype !== 'bfloat16' && dtype !== 'float16') {
    throw new TorchError('ARGUMENT_INVALID', `autocast: dtype must be bfloat16 or float16, got ${dtype}`);
  }
  const before = native.getAutocast(device);
  native.setAutocast(device, enabled, dtype);
  depth++;
  try {
    const result = fn();
    if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
      throw new TorchError('SCOPE_ASYNC', 'autocast() cannot run an async function');
    }
    return result;
  } finally {
    depth--;
    if (depth === 0) native.autocastClear();
    native.setAutocast(device, before.enabled, before.dtype);
  }
}

/** Whether autocast is on for a device, and to which dtype. */
export function autocastState(device: Device = 'cpu'): { readonly enabled: boolean; readonly dtype: DType } {
  const { enabled, dtype } = native.getAutocast(device.split(':')[0]!);
  return { enabled, dtype: dtype as DType };
}
