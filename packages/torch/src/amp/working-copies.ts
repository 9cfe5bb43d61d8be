import { noGrad } from '../autograd.js';
import { empty } from '../creation.js';
import type { DType } from '../dtype.js';
import { TorchError } from '../errors.js';
import { native } from '../native.js';
import type { Module } from '../nn/module.js';
import type { Parameter } from '../nn/parameter.js';
import { ops } from '../operator.js';
import { keep, tidy } from '../scope.js';
import { type Tensor, wrap } from '../tensor.js';

/** One copy: the parameters that it holds, one below the other, and the fields of modules that it stands in for. */
interface Copy {
  readonly masters: readonly Parameter[];
  readonly places: { readonly module: Module; readonly field: string }[];
  /** What the modules compute with: a leaf of its own in low precision. */
  readonly leaf: Tensor;
  /** The part of every master, outside autograd. */
  readonly parts: readonly Tensor[];
}

/** Gradients start at multiples of this many elements of their common memory, so that kernels can read vectors. */
const ALIGNMENT = 64;

/**
 * Low-precision copies of a model's weights for mixed-precision training (Micikevicius et al. 2018, §3.1): the
 * parameters stay float32 and are what the optimizer updates, so that updates below the copies' resolution add up; the
 * modules compute with the copies, which are refreshed once a step. Against autocast this saves a cast of every weight
 * and of every normalized activation, forwards and backwards, and lets parameters that are used together lie in one
 * tensor.
 *
 * Modules say with `lowPrecisionFields()` which of their fields may hold a copy. Parameters that no module names
 * (embedding tables, convolutions, parameters used directly) take part in float32, so keep autocast on around `run`:
 * it casts where the two meet.
 *
 * @example
 * const copies = new amp.WorkingCopies(model);
 * copies.refresh();
 * const loss = copies.run(() => amp.autocast({ device }, () => lossOf(model)));
 * loss.backward();
 * copies.collectGradients();
 * optimizer.step();
 */
export class WorkingCopies {
  readonly dtype: DType;
  readonly #copies: Copy[] = [];
  #running = false;

  /** @throws TorchError ARGUMENT_INVALID for another dtype, and when modules want a parameter in two packs. */
  constructor(model: Module, options: { readonly dtype?: DType } = {}) {
    this.dtype = options.dtype ?? 'bfloat16';
    if (this.dtype !== 'bfloat16' && this.dtype !== 'float16') {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `WorkingCopies: dtype must be bfloat16 or float16, got ${this.dtype}`,
      );
    }
    const wanted = [...model.namedModules()].flatMap(([, module]) =>
      module.lowPrecisionFields().map(({ field, of }) => ({ module, field, of })),
    );
    // Packs first: who is in a pack needs no copy of its own.
    const holder = new Map<Parameter, Copy>();
    for (const { module, field, of } of wanted.sort((a, b) => b.of.length - a.of.length)) {
      if (of.length === 0) continue;
      const known = holder.get(of[0]!);
      if (known && known.masters.length === of.length && known.masters.every((p, i) => p === of[i])) {
        known.places.push({ module, field });
        continue;
      }
      if (of.length === 1 && known) continue;
      if (of.some((p) => holder.has(p))) {
        this.dispose();
        throw new TorchError(
          'ARGUMENT_INVALID',
          `WorkingCopies: ${module.constructor.name}.${field} wants parameters that are in another pack`,
        );
      }
      const copy = this.#copyOf(of, { module, field });
      this.#copies.push(copy);
      for (const parameter of of) holder.set(parameter, copy);
    }
    this.refresh();
  }

  /** Number of parameters that have a copy. */
  get size(): number {
    return this.#copies.reduce((n, { masters }) => n + masters.length, 0);
  }

  #copyOf(masters: readonly Parameter[], place: { module: Module; field: string }): Copy {
    return noGrad(() =>
      tidy(() => {
        const [first] = masters;
        const rest = first!.shape.slice(1);
        const rows = masters.map((p) => p.shape[0] ?? 1);
        const leaf = keep(
          empty([rows.reduce((a, b) => a + b, 0), ...rest], { dtype: this.dtype, device: first!.device }),
        );
        let from = 0;
        const plain = leaf.detach();
        const parts = rows.map((count) => {
          const part = keep(plain.narrow(0, from, count));
          from += count;
          return part;
        });
        leaf.requiresGrad = masters.some((p) => p.requiresGrad);
        return { masters, places: [place], leaf, parts };
      }),
    );
  }

  /** Brings the copies up to date with the parameters: once before every step, in one pass. */
  refresh(): void {
    noGrad(() =>
      copyAll(
        this.#copies.flatMap(({ parts }) => parts),
        this.#copies.flatMap(({ masters }) => masters),
      ),
    );
  }

  /**
   * Runs `fn`, a forward pass, with the copies in the modules' fields; afterwards, also after an error, they hold the
   * parameters again.
   * @throws TorchError SCOPE_ASYNC when `fn` returns a promise.
   */
  run<T>(fn: () => T): T {
    if (this.#running) return fn();
    this.#running = true;
    const before: [object, string, unknown][] = [];
    try {
      for (const { places, leaf } of this.#copies) {
        for (const { module, field } of places) {
          before.push([module, field, Reflect.get(module, field)]);
          Reflect.set(module, field, leaf);
        }
      }
      const result = fn();
      if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
        throw new TorchError('SCOPE_ASYNC', 'WorkingCopies.run() cannot run an async function');
      }
      return result;
    } finally {
      for (const [module, field, value] of before) Reflect.set(module, field, value);
      this.#running = false;
    }
  }

  /**
   * Moves the copies' gradients to the parameters, in float32: they become the gradients of parameters that have none,
   * and are added to those of the others (a tied weight that is also used in float32, gradient accumulation).
   */
  collectGradients(): void {
    noGrad(() =>
      tidy(() => {
        const leaves = Float64Array.from(this.#copies, ({ leaf }) => leaf.handle);
        const found = native.getGrads(leaves);
        const fresh: { master: Parameter; part: Tensor }[] = [];
        for (const [i, { masters }] of this.#copies.entries()) {
          const handle = found[i]!;
          if (handle === null) continue;
          const gradient = wrap(handle);
          let from = 0;
          for (const master of masters) {
            const rows = master.shape[0] ?? 1;
            const part = masters.length === 1 ? gradient : gradient.narrow(0, from, rows);
            from += rows;
            if (!master.requiresGrad) continue;
            const { grad } = master;
            if (grad === null) fresh.push({ master, part });
            else grad.add_(part);
          }
        }
        if (fresh.length > 0) assign(fresh);
        native.clearGrads(leaves);
      }),
    );
  }

  dispose(): void {
    for (const { leaf, parts } of this.#copies) {
      for (const part of parts) part.dispose();
      leaf.dispose();
    }
    this.#copies.length = 0;
  }
}

/** New float32 gradients, views of one memory, filled by one operator. */
function assign(fresh: readonly { master: Parameter; part: Tensor }[]): void {
  const groups = new Map<string, { master: Parameter; part: Tensor }[]>();
  for (const item of fresh) {
    const key = `${item.master.device} ${item.master.dtype}`;
    const list = groups.get(key);
    if (list) list.push(item);
    else groups.set(key, [item]);
  }
  for (const group of groups.values()) {
    const sizes = group.map(({ master }) => Math.ceil(master.numel / ALIGNMENT) * ALIGNMENT);
    const { dtype, device } = group[0]!.master;
    const memory = empty([sizes.reduce((a, b) => a + b, 0)], { dtype, device });
    let from = 0;
    const gradients = group.map(({ master }, i) => {
      const { shape, numel } = master;
      const gradient = memory.narrow(0, from, numel).view(shape);
      from += sizes[i]!;
      return gradient;
    });
    copyAll(
      gradients,
      group.map(({ part }) => part),
    );
    for (const [i, { master }] of group.entries()) master.grad = gradients[i]!;
  }
}

function copyAll(targets: readonly Tensor[], sources: readonly Tensor[]): void {
  if (targets.length === 0) return;
  if (ops.has('aten::_foreach_copy_')) ops.call('aten::_foreach_copy_', '', targets, sources);
  else for (const [i, target] of targets.entries()) target.copy_(sources[i]!);
}
