import { METHODS } from './generated/ops.js';
import { Tensor } from './tensor.js';

// Methods are the generated functions with `this` as first argument.
for (const [name, fn] of Object.entries(METHODS)) {
  const call = fn as unknown as (...args: unknown[]) => unknown;
  Object.defineProperty(Tensor.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Tensor, ...args: unknown[]): unknown {
      return call(this, ...args);
    },
  });
}
