import type { DType, Scalar } from './dtype.js';
import { TorchError } from './errors.js';
import { Generator } from './generator.js';
import { GUARDS } from './guards.js';
import { type NativeArgument, type NativeOperator, native } from './native.js';
import { Tensor, wrap } from './tensor.js';

/** One operator of the dispatcher, resolved once and then called by its index. */
export class Operator {
  readonly name: string;
  readonly schema: string;
  readonly args: readonly NativeArgument[];
  /** Arguments that callers give by position: those without a default that are not keyword-only. */
  readonly positional: number;
  private readonly index: number;
  private readonly returns: NativeOperator['returns'];
  private readonly singleTensor: boolean;
  private readonly keys: readonly string[];
  private readonly guard: ((values: readonly unknown[]) => string | null) | undefined;

  constructor(name: string, info: NativeOperator) {
    this.name = name;
    this.guard = GUARDS[name];
    this.schema = info.schema;
    this.args = info.args;
    this.index = info.index;
    this.returns = info.returns;
    const first = info.returns[0];
    this.singleTensor =
      info.returns.length === 1 && first?.kind === 'Tensor' && !first.list && first.alias < 0;
    let positional = 0;
    while (positional < info.args.length && !info.args[positional]!.kwargOnly) positional++;
    this.positional = positional;
    this.keys = info.args.map((arg) => camelCase(arg.name));
  }

  /** Calls with the schema's arguments in order; missing trailing ones take their defaults. */
  call(values: readonly unknown[]): unknown {
    const { args } = this;
    const count = values.length;
    if (count > args.length) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `${this.name} takes at most ${args.length} arguments, got ${count}: ${this.schema}`,
      );
    }
    const wrong = this.guard?.(values);
    if (wrong) throw new TorchError('ARGUMENT_INVALID', `${this.name}: ${wrong}`);
    let result: unknown;
    if (count === 1) result = native.call(this.index, this.lower(values[0], 0));
    else if (count === 2)
      result = native.call(this.index, this.lower(values[0], 0), this.lower(values[1], 1));
    else {
      const lowered: unknown[] = new Array(count);
      for (let i = 0; i < count; i++) lowered[i] = this.lower(values[i], i);
      result = native.call(this.index, ...lowered);
    }
    return this.singleTensor && typeof result === 'number' ? wrap(result) : this.lift(result, values);
  }

  /** Calls as the typed functions do: positional arguments, then an options object with the others by name. */
  apply(values: readonly unknown[]): unknown {
    const last = values[values.length - 1];
    if (!isOptions(last)) return this.call(values);
    const full: unknown[] = new Array(this.args.length);
    for (let i = 0; i < values.length - 1; i++) full[i] = values[i];
    for (const key in last) {
      const at = this.keys.indexOf(key);
      if (at < 0 || at < values.length - 1) {
        const rest = this.keys.slice(values.length - 1);
        throw new TorchError(
          'ARGUMENT_INVALID',
          at < 0
            ? `${this.name} has no option '${key}'; options: ${rest.join(', ') || 'none'}`
            : `${this.name}: '${key}' was given by position already`,
        );
      }
      full[at] = (last as Record<string, unknown>)[key];
    }
    return this.call(full);
  }

  private lower(value: unknown, at: number): unknown {
    if (value instanceof Tensor) {
      const arg = this.args[at]!;
      if (arg.kind === 'Tensor' && !arg.list) return value.handle;
      throw this.wrong(at, value);
    }
    const arg = this.args[at]!;
    if (arg.kind === 'Tensor') {
      if (value === undefined || value === null) return value;
      if (arg.list && Array.isArray(value)) {
        return arg.elementOptional
          ? value.map((item) =>
              item instanceof Tensor ? item.handle : item == null ? null : this.fail(at, item),
            )
          : this.handles(value, at);
      }
      throw this.wrong(at, value);
    }
    if (arg.kind === 'Generator' && value instanceof Generator) return value.id;
    return value;
  }

  private handles(list: readonly unknown[], at: number): Float64Array {
    const out = new Float64Array(list.length);
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      out[i] = item instanceof Tensor ? item.handle : this.fail(at, item);
    }
    return out;
  }

  private fail(at: number, value: unknown): never {
    throw this.wrong(at, value);
  }

  private wrong(at: number, value: unknown): TorchError {
    const arg = this.args[at]!;
    return new TorchError(
      'ARGUMENT_INVALID',
      `argument ${at + 1} ('${arg.name}') of ${this.name}: expected ${arg.type}, got ${nameOf(value)}`,
    );
  }

  private lift(result: unknown, values: readonly unknown[]): unknown {
    const { returns } = this;
    if (returns.length === 0) return undefined;
    if (returns.length === 1) return this.liftOne(result, 0, values);
    return (result as unknown[]).map((item, i) => this.liftOne(item, i, values));
  }

  private liftOne(item: unknown, i: number, values: readonly unknown[]): unknown {
    const { alias, kind, list } = this.returns[i]!;
    if (alias >= 0) return values[alias]; // in-place and out variants: the same object comes back
    if (kind !== 'Tensor') return item;
    if (list) return (item as (number | null)[]).map((handle) => (handle === null ? null : wrap(handle)));
    return item === null ? null : wrap(item as number);
  }
}

export function camelCase(name: string): string {
  return name.replace(/(?<=[a-zA-Z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** What a wrong value is, for messages. */
export function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Tensor) return 'a tensor';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object')
    return `an object (${(value as object).constructor?.name ?? 'no prototype'})`;
  return value === undefined ? 'undefined' : `${typeof value} ${String(value)}`;
}

function isOptions(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !('float' in value);
}

const cache = new Map<string, Operator>();

/** Levenshtein distance with an early bound; operator names are short. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function missing(name: string, overload: string): TorchError {
  const full = overload ? `${name}.${overload}` : name;
  const version = native.versions().compiled;
  const all = native.listOps();
  const overloads = all.filter((op) => op === name || op.startsWith(`${name}.`));
  const near = overloads.length
    ? overloads
    : all
        .map((op) => ({ op, d: distance(op, full) }))
        .sort((x, y) => x.d - y.d || (x.op < y.op ? -1 : 1))
        .slice(0, 5)
        .map(({ op }) => op);
  return new TorchError(
    'OPERATOR_MISSING',
    `libtorch ${version} has no operator '${full}'; ${overloads.length ? 'its overloads are' : 'near names'}: ${near.slice(0, 12).join(', ')}`,
    { operator: full, version, near },
  );
}

function find(name: string, overload: string): Operator | null {
  const key = `${name}.${overload}`;
  const known = cache.get(key);
  if (known) return known;
  const info = native.resolve(name, overload);
  if (!info) return null;
  const op = new Operator(overload ? key : name, info);
  cache.set(key, op);
  return op;
}

/** An operator's value argument, in any form its schema may ask for. */
export type OpValue = Tensor | Scalar | string | null | undefined | Generator | DType | readonly OpValue[];

/** The untyped door to every operator of the linked libtorch. */
export const ops = {
  /**
   * Calls any operator: `ops.call('aten::add', 'Tensor', x, y)`; `overload` is '' where the schema has none.
   * Arguments follow the schema's order; the last may be an object of named ones.
   *
   * @throws TorchError OPERATOR_MISSING names the operator, the libtorch version and near names.
   */
  call(name: string, overload: string, ...values: unknown[]): unknown {
    return ops.get(name, overload).apply(values);
  },
  /** The resolved operator, for repeated calls. */
  get(name: string, overload = ''): Operator {
    const op = find(name, overload);
    if (!op) throw missing(name, overload);
    return op;
  },
  /** Whether the linked libtorch has the operator. */
  has(name: string, overload = ''): boolean {
    return find(name, overload) !== null;
  },
  /** Names of all operators, with their overloads. */
  list(): string[] {
    return native.listOps();
  },
};

/**
 * @internal Makes the function behind a generated one. With two overloads (Tensor, Scalar) the kind of the argument
 * at `at` decides, the only choice ever made by a value.
 */
export function define<F>(name: string, overload: string, scalar?: { overload: string; at: number }): F {
  let op: Operator | undefined;
  let scalarOp: Operator | undefined;
  if (!scalar) {
    return ((...values: unknown[]) => {
      op ??= ops.get(name, overload);
      return op.apply(values);
    }) as F;
  }
  const { overload: scalarOverload, at } = scalar;
  return ((...values: unknown[]) => {
    if (values[at] instanceof Tensor) {
      op ??= ops.get(name, overload);
      return op.apply(values);
    }
    scalarOp ??= ops.get(name, scalarOverload);
    return scalarOp.apply(values);
  }) as F;
}
