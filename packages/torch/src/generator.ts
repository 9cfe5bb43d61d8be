import type { Device } from './dtype.js';
import { native } from './native.js';
import { type Tensor, wrap } from './tensor.js';

/** A random number generator of its own on the CPU, independent of the default one. */
export class Generator {
  /** @internal */ readonly id: number;

  constructor(seed: number | bigint = 0) {
    this.id = native.newGenerator(signed(seed));
  }

  manualSeed(seed: number | bigint): this {
    native.manualSeed(signed(seed), this.id);
    return this;
  }

  /** The complete state, a uint8 vector. */
  getState(): Tensor {
    return wrap(native.rngGet(this.id));
  }

  setState(state: Tensor): void {
    native.rngSet(this.id, state.handle);
  }
}

/** Seeds the default generator of every device, as `torch.manual_seed`: any 64-bit integer, signed or not. */
export function manualSeed(seed: number | bigint): void {
  native.manualSeed(signed(seed));
}

/** State of a device's default generator, a uint8 vector. */
export function getRngState(device: Device = 'cpu'): Tensor {
  return wrap(native.rngGet(device));
}

export function setRngState(state: Tensor, device: Device = 'cpu'): void {
  native.rngSet(device, state.handle);
}

/** The upper half of the unsigned 64-bit integers names the same seeds as the negative ones. */
function signed(seed: number | bigint): number | bigint {
  return typeof seed === 'bigint' && seed >= 2n ** 63n && seed < 2n ** 64n ? BigInt.asIntN(64, seed) : seed;
}
