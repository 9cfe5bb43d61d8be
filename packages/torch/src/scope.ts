import { TorchError } from './errors.js';
import { native } from './native.js';
import type { Tensor } from './tensor.js';

let scratch = new Float64Array(1024);

/**
 * Owns every tensor created while it is the innermost scope, and releases them when it closes.
 *
 * Scopes nest and close in the reverse order of their opening. A tensor created outside any scope lives until
 * `dispose()` or until JavaScript's garbage collector finds that nothing refers to it.
 */
export class Scope {
  /** @internal */ readonly tensors: Tensor[] = [];
  /** @internal */ readonly parent: Scope | null;
  private open = true;

  /** Use `scope()` or `tidy()`. */
  constructor() {
    this.parent = current;
    current = this;
  }

  /** Hands a tensor to the enclosing scope (or to the garbage collector), so that it outlives this one. */
  release<T extends Tensor>(tensor: T): T {
    if (tensor.scope === this) adoptInto(this.parent, tensor);
    return tensor;
  }

  close(): void {
    if (!this.open) return;
    if (current !== this) {
      throw new TorchError(
        'SCOPE_ORDER',
        'A scope was closed while an inner one is open. A scope belongs to one asynchronous task: do not await other tasks that open scopes while it is open.',
      );
    }
    this.open = false;
    current = this.parent;
    const { tensors } = this;
    if (scratch.length < tensors.length) scratch = new Float64Array(tensors.length * 2);
    let count = 0;
    for (const tensor of tensors) {
      if (tensor.scope !== this) continue;
      scratch[count++] = tensor.handle;
      tensor.handle = 0;
      tensor.scope = null;
    }
    tensors.length = 0;
    if (count > 0) native.disposeMany(scratch, count);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

let current: Scope | null = null;

/** @internal Called for every new tensor. */
export function adopt(tensor: Tensor): void {
  if (current !== null) {
    tensor.scope = current;
    current.tensors.push(tensor);
  } else {
    native.attach(tensor, tensor.handle);
  }
}

function adoptInto(scope: Scope | null, tensor: Tensor): void {
  tensor.scope = scope;
  if (scope !== null) scope.tensors.push(tensor);
  else native.attach(tensor, tensor.handle);
}

/** Opens a scope: `using s = scope();` releases its tensors at the end of the block, also across awaits. */
export function scope(): Scope {
  return new Scope();
}

/**
 * Takes a tensor out of its scope: it now lives until `dispose()` or garbage collection.
 * Parameters, buffers and optimizer state are kept this way.
 */
export function keep<T extends Tensor>(tensor: T): T {
  if (tensor.scope !== null) adoptInto(null, tensor);
  return tensor;
}

/** Anything that may hold tensors: what `tidy` returns is searched for tensors to hand over. */
function handOver(value: unknown, from: Scope, depth: number): void {
  if (value === null || typeof value !== 'object' || depth > 8) return;
  if (isTensor(value)) {
    from.release(value);
    return;
  }
  if (ArrayBuffer.isView(value)) return;
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) {
    for (const item of value.values()) handOver(item, from, depth + 1);
    return;
  }
  for (const item of Object.values(value)) handOver(item, from, depth + 1);
}

let isTensor: (value: object) => value is Tensor = (_value): _value is Tensor => false;
/** @internal Breaks the import cycle between scopes and tensors. */
export function setTensorTest(test: (value: object) => value is Tensor): void {
  isTensor = test;
}

/**
 * Runs `fn` and releases every tensor created in it, except those in its result (searched through arrays, maps
 * and objects), which pass to the enclosing scope.
 *
 * @throws TorchError SCOPE_ASYNC when `fn` returns a promise: tensors created after its first `await` would
 * belong to somebody else. Use `using s = scope()` in asynchronous code.
 */
export function tidy<T>(fn: () => T): T {
  const inner = new Scope();
  try {
    const result = fn();
    if (result !== null && typeof result === 'object') {
      if (typeof (result as { then?: unknown }).then === 'function') {
        throw new TorchError(
          'SCOPE_ASYNC',
          'tidy() cannot run an async function; use "using s = scope()" inside it instead',
        );
      }
      handOver(result, inner, 0);
    }
    return result;
  } finally {
    inner.close();
  }
}
