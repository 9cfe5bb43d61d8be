import { noGrad } from '../autograd.js';
import type { Device, DType } from '../dtype.js';
import { isFloating } from '../dtype.js';
import { TorchError } from '../errors.js';
import { native } from '../native.js';
import { keep, tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from './parameter.js';

/** What `loadStateDict` found: names the model has and the weights lack, and the other way round. */
export interface LoadReport {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** A field of a module that may hold a low-precision copy of parameters: of one, or of several one below the other. */
export interface LowPrecisionField {
  readonly field: string;
  readonly of: readonly Parameter[];
}

/**
 * Base of all layers and models.
 *
 * Fields that hold a `Parameter`, a `Module` or an array of modules are found by their names, as in PyTorch, so that
 * `encoder.layer.0.attention.self.query.weight` is the path through the fields. Buffers are declared with
 * `registerBuffer`. Subclasses give `forward`; composite ones run it in `tidy()` so that intermediate tensors are
 * released as early as Python's reference counting would.
 */
export abstract class Module {
  training = true;
  readonly #buffers = new Map<string, { tensor: Tensor; persistent: boolean }>();

  /** Children by field name; arrays of modules count by index. */
  *namedChildren(): Generator<[string, Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value)) {
        for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${name}.${i}`, item];
      }
    }
  }

  *namedModules(prefix = ''): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(join(prefix, name));
  }

  /** Every parameter once, by its first path; tied weights are the same `Parameter` object in two places. */
  *namedParameters(prefix = ''): Generator<[string, Parameter]> {
    const seen = new Set<Parameter>();
    for (const [path, module] of this.namedModules(prefix)) {
      for (const [name, value] of Object.entries(module)) {
        if (value instanceof Parameter && !seen.has(value)) {
          seen.add(value);
          yield [join(path, name), value];
        }
      }
    }
  }

  /**
   * Fields in which `amp.WorkingCopies` may put low-precision copies during a forward pass. `forward` must then be able
   * to compute with them: inputs may be of that dtype or float32. Not called on children. Default: none.
   */
  lowPrecisionFields(): readonly LowPrecisionField[] {
    return [];
  }

  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, p]) => p);
  }

  *namedBuffers(prefix = '', persistentOnly = false): Generator<[string, Tensor]> {
    for (const [path, module] of this.namedModules(prefix)) {
      for (const [name, { tensor, persistent }] of module.#buffers) {
        if (persistent || !persistentOnly) yield [join(path, name), tensor];
      }
    }
  }

  /** Declares a tensor that moves with the module but is not trained. */
  registerBuffer(name: string, tensor: Tensor, options: { persistent?: boolean } = {}): void {
    this.#buffers.set(name, { tensor: keep(tensor), persistent: options.persistent ?? true });
  }

  buffer(name: string): Tensor {
    const found = this.#buffers.get(name);
    if (!found) throw new TorchError('ARGUMENT_INVALID', `no buffer '${name}' in ${this.constructor.name}`);
    return found.tensor;
  }

  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  requiresGrad_(value = true): this {
    for (const p of this.parameters()) p.requiresGrad = value;
    return this;
  }

  /** Drops all gradients. */
  zeroGrad(): void {
    native.clearGrads(Float64Array.from(this.parameters(), (p) => p.handle));
  }

  /** Moves parameters and buffers in place; a dtype applies to floating-point ones only. */
  to(options: { device?: Device; dtype?: DType }): this {
    noGrad(() => {
      for (const [, p] of this.namedParameters()) {
        tidy(() => {
          const moved = p.to(castOptions(p, options));
          if (moved !== p) p.setData(moved);
        });
      }
      for (const [, module] of this.namedModules()) {
        for (const [name, entry] of module.#buffers) {
          const moved = entry.tensor.to(castOptions(entry.tensor, options));
          if (moved === entry.tensor) continue;
          entry.tensor.dispose();
          module.#buffers.set(name, { ...entry, tensor: keep(moved) });
        }
      }
    });
    return this;
  }

  /** Calls `fn` for this module and every one below it, children first. */
  apply(fn: (module: Module) => void): this {
    for (const [, child] of this.namedChildren()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Parameters and persistent buffers by name; the tensors are the live ones, not copies. Tied weights appear under every name. */
  stateDict(prefix = ''): Map<string, Tensor> {
    const out = new Map<string, Tensor>();
    for (const [path, module] of this.namedModules(prefix)) {
      for (const [name, value] of Object.entries(module))
        if (value instanceof Parameter) out.set(join(path, name), value);
      for (const [name, { tensor, persistent }] of module.#buffers)
        if (persistent) out.set(join(path, name), tensor);
    }
    return out;
  }

  /**
   * Copies weights in. Shapes must agree; dtype and device are converted.
   *
   * @throws TorchError STATE_DICT_MISMATCH for wrong shapes, and, when `strict` (the default), for missing or
   * unexpected names. Nothing is changed then.
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options: { strict?: boolean } = {}): LoadReport {
    const own = this.stateDict();
    const missing = [...own.keys()].filter((name) => !state.has(name));
    const unexpected = [...state.keys()].filter((name) => !own.has(name));
    const wrong: string[] = [];
    for (const [name, target] of own) {
      const source = state.get(name);
      if (source && source.shape.join() !== target.shape.join()) {
        wrong.push(
          `${name}: the model has [${target.shape.join(', ')}], the weights [${source.shape.join(', ')}]`,
        );
      }
    }
    const strict = options.strict ?? true;
    if (wrong.length || (strict && (missing.length || unexpected.length))) {
      const parts = [
        ...(wrong.length ? [`shapes differ: ${wrong.join('; ')}`] : []),
        ...(strict && missing.length ? [`missing: ${missing.join(', ')}`] : []),
        ...(strict && unexpected.length ? [`unexpected: ${unexpected.join(', ')}`] : []),
      ];
      throw new TorchError(
        'STATE_DICT_MISMATCH',
        `The weights do not fit ${this.constructor.name}; ${parts.join('. ')}`,
        {
          missing,
          unexpected,
          wrong,
        },
      );
    }
    noGrad(() =>
      tidy(() => {
        for (const [name, target] of own) {
          const source = state.get(name);
          if (source) target.copy_(source);
        }
      }),
    );
    return { missing, unexpected };
  }

  /** Bytes and numbers of all parameters. */
  parameterCount(): { count: number; bytes: number } {
    let count = 0;
    let bytes = 0;
    for (const p of this.parameters()) {
      count += p.numel;
      bytes += p.nbytes;
    }
    return { count, bytes };
  }

  /** Releases parameters and buffers. The module cannot be used afterwards. */
  dispose(): void {
    for (const p of this.parameters()) p.dispose();
    for (const [, tensor] of this.namedBuffers()) tensor.dispose();
  }
}

function castOptions(
  tensor: Tensor,
  options: { device?: Device; dtype?: DType },
): { device?: Device; dtype?: DType } {
  return isFloating(tensor.dtype) ? options : { device: options.device };
}

function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}
