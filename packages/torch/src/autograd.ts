import { native } from './native.js';
import { liveHandle, type Tensor, wrap } from './tensor.js';

function withGradMode<T>(enabled: boolean, fn: () => T): T {
  const before = native.gradMode(enabled);
  try {
    return fn();
  } finally {
    native.gradMode(before);
  }
}

/** Runs `fn` without recording operations for gradients. Synchronous: the mode ends when `fn` returns. */
export function noGrad<T>(fn: () => T): T {
  return withGradMode(false, fn);
}

/** Runs `fn` with recording on, inside a `noGrad`. */
export function enableGrad<T>(fn: () => T): T {
  return withGradMode(true, fn);
}

export function isGradEnabled(): boolean {
  return native.gradMode();
}

/** As `noGrad`, and faster: tensors made inside can never take part in autograd. */
export function inferenceMode<T>(fn: () => T): T {
  native.enterInference();
  try {
    return fn();
  } finally {
    native.exitInference();
  }
}

export interface GradOptions {
  /** Weights of the outputs (the vector of the vector-Jacobian product); ones for scalars. */
  readonly gradients?: readonly (Tensor | null)[];
  readonly retainGraph?: boolean;
  /** Records the gradient computation itself, for higher derivatives. */
  readonly createGraph?: boolean;
  /** Gives null for inputs that the outputs do not depend on, instead of an error. */
  readonly allowUnused?: boolean;
}

/** Gradients of `outputs` with respect to `inputs`, without touching any `.grad`. */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const gradients = options.gradients ?? outputs.map(() => null);
  return native
    .autogradGrad(
      outputs.map(liveHandle),
      inputs.map(liveHandle),
      gradients.map((t) => (t ? liveHandle(t) : 0)),
      options.retainGraph ?? false,
      options.createGraph ?? false,
      options.allowUnused ?? false,
    )
    .map((handle) => (handle === null ? null : wrap(handle)));
}

/** Accumulates gradients of several outputs at once. */
export function backward(
  outputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[] = outputs.map(() => null),
  options: { retainGraph?: boolean; createGraph?: boolean } = {},
): void {
  native.backward(
    outputs.map(liveHandle),
    gradients.map((t) => (t ? liveHandle(t) : 0)),
    options.retainGraph ?? false,
    options.createGraph ?? false,
    [],
  );
}
