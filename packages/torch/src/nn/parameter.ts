import { native } from '../native.js';
import { Tensor } from '../tensor.js';

/**
 * A tensor that an optimizer trains. It belongs to no scope, and its identity stays the same when its data is
 * replaced (another device, another dtype, loaded weights), so optimizers may hold on to it.
 */
export class Parameter extends Tensor {
  /** Takes over `source`'s data: a leaf with `requiresGrad` unless told otherwise. */
  constructor(source: Tensor, requiresGrad = true) {
    super(detachedHandle(source));
    native.attach(this, this.handle);
    if (requiresGrad) this.requiresGrad = true;
  }

  /** Replaces the data, keeping identity and `requiresGrad`; a gradient, if any, is dropped. */
  setData(source: Tensor): void {
    const { requiresGrad } = this;
    const handle = detachedHandle(source);
    native.dispose(this.handle);
    this.handle = handle;
    native.attach(this, handle);
    if (requiresGrad) this.requiresGrad = true;
  }
}

/** A handle of its own on the detached tensor, owned by no scope. */
function detachedHandle(source: Tensor): number {
  const detached = source.detach();
  const handle = native.alias(detached.handle);
  detached.dispose();
  return handle;
}
