import { noGrad } from '../autograd.js';
import { full, zerosLike } from '../creation.js';
import type { Device } from '../dtype.js';
import { TorchError } from '../errors.js';
import { native } from '../native.js';
import type { Parameter } from '../nn/parameter.js';
import { keep, tidy } from '../scope.js';
import { type Tensor, wrap } from '../tensor.js';
import { foreachOps, type ListOps, singleOps } from './list-ops.js';

/** Options every optimizer's parameter groups have. They may be changed between steps. */
export interface GroupOptions {
  lr: number;
  weightDecay: number;
  /** Factor of the rate that `setLearningRate` sets, 1 by default. */
  lrFactor?: number;
}

export type ParamGroup<O extends GroupOptions> = O & { readonly params: readonly Parameter[] };

/** What callers give: all parameters alike, or groups with options of their own. */
export type ParamsInput<O extends GroupOptions> =
  | Iterable<Parameter>
  | readonly (Partial<O> & { readonly params: Iterable<Parameter> })[];

/** Everything an optimizer needs to go on bitwise as if it had not been interrupted. */
export interface OptimizerState {
  /** Class of the optimizer. */
  readonly kind: string;
  /** Options of every group; `params` numbers the parameters through all groups. Plain JSON. */
  readonly groups: readonly (Readonly<Record<string, unknown>> & { readonly params: readonly number[] })[];
  /** Updates that every parameter, by its number, has had. */
  readonly steps: readonly number[];
  /** Tensors named `<what>.<number>`, such as `exp_avg.12`. The live ones, not copies. */
  readonly state: ReadonlyMap<string, Tensor>;
}

/** @internal */
export interface Slot {
  readonly param: Parameter;
  readonly index: number;
  readonly bytes: number;
  state: Tensor[];
  /** Whether it has joined a cohort, which it does with its first gradient. */
  enrolled: boolean;
}

/** @internal Parameters of one group, device and dtype that have had the same number of updates. */
export interface Cohort {
  readonly key: string;
  slots: Slot[];
  step: number;
  /** The count on the device, where a fused kernel reads it. It is the true one then: a step may have been skipped. */
  deviceStep: Tensor | null;
}

/** @internal What one update works on, as parallel lists. */
export interface Batch {
  readonly params: readonly Tensor[];
  readonly grads: readonly Tensor[];
  readonly state: readonly (readonly Tensor[])[];
}

export interface StepOptions {
  /** 1 on the device when gradients hold infinities or NaNs: the fused kernels then leave everything as it is. */
  readonly foundInf?: Tensor;
  /**
   * A scalar on the device by which the gradients are divided first, within the fused kernels: clipping without a pass
   * of its own. Only where `skipsOnDevice` says that all updates are fused.
   */
  readonly gradScale?: Tensor;
}

// Temporary tensors of an update are as large as the parameters worked on at once. On the CPU, where a foreach
// operator is a loop anyway, small batches also stay in the cache.
const CHUNK_BYTES = { cpu: 4 << 20, cuda: 256 << 20 };

/**
 * Base of all optimizers: parameter groups, lazily made state, saving and restoring.
 *
 * State belongs to no scope; `dispose()` releases it. Parameters without a gradient are skipped and their count of
 * steps stands still, as in PyTorch.
 */
export abstract class Optimizer<O extends GroupOptions = GroupOptions> {
  readonly groups: readonly ParamGroup<O>[];
  protected readonly listOps: ListOps;
  /** Names of the state tensors of a parameter, each of the parameter's shape and starting as zeros. */
  protected abstract readonly stateNames: readonly string[];
  readonly #slots: Slot[][] = [];
  readonly #cohorts: Cohort[][] = [];

  constructor(params: ParamsInput<O>, defaults: O, options: { readonly foreach?: boolean } = {}) {
    this.listOps = (options.foreach ?? true) ? foreachOps : singleOps;
    this.groups = normalize(params, defaults);
    const seen = new Map<Parameter, number>();
    for (const [g, group] of this.groups.entries()) {
      checkGroup(group, g);
      const slots: Slot[] = [];
      for (const param of group.params) {
        if (seen.has(param)) {
          throw new TorchError(
            'ARGUMENT_INVALID',
            `optimizer: parameter ${slots.length} of group ${g} was given before, in group ${seen.get(param)}`,
          );
        }
        seen.set(param, g);
        slots.push({ param, index: seen.size - 1, bytes: param.nbytes, state: [], enrolled: false });
      }
      this.#slots.push(slots);
      this.#cohorts.push([]);
    }
    if (seen.size === 0) throw new TorchError('ARGUMENT_INVALID', 'optimizer: there are no parameters');
  }

  /** Learning rates of the groups in device memory, for steps that are captured in a graph. */
  protected deviceRates: readonly Tensor[] | null = null;

  /** Whether `step()` can be captured in a CUDA graph: a fused kernel that keeps its counts on the device. */
  get capturable(): boolean {
    return false;
  }

  /**
   * Keeps the learning rates in device memory from now on, where a captured step reads the current ones.
   * @throws TorchError ARGUMENT_INVALID when this optimizer cannot be captured.
   */
  prepareCapture(device: Device): void {
    if (!this.capturable) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `${this.constructor.name} has no fused kernel here and cannot be captured`,
      );
    }
    this.deviceRates ??= this.groups.map((group) => keep(full([], group.lr, { device })));
  }

  /** Sets the learning rate of every group, times the group's own factor. */
  setLearningRate(lr: number): void {
    for (const group of this.groups) group.lr = lr * (group.lrFactor ?? 1);
    this.syncLearningRates();
  }

  /** Brings the groups' learning rates to the device, where captured steps read them; for those who set `group.lr`. */
  syncLearningRates(): void {
    if (this.deviceRates === null) return;
    for (const [g, group] of this.groups.entries()) this.deviceRates[g]!.fill_({ float: group.lr });
  }

  /** Whether every update is one fused kernel: `step({ foundInf, gradScale })` then work without waiting for the device. */
  get skipsOnDevice(): boolean {
    return false;
  }

  /** One update from the gradients. Leaves the gradients in place; `zeroGrad` drops them. */
  step(options: StepOptions = {}): void {
    if (options.gradScale && !this.skipsOnDevice) {
      throw new TorchError('ARGUMENT_INVALID', `${this.constructor.name}: gradScale needs fused kernels`);
    }
    noGrad(() => {
      for (let g = 0; g < this.groups.length; g++) tidy(() => this.#stepGroup(g, options));
    });
  }

  /** Drops all gradients. */
  zeroGrad(): void {
    for (const slots of this.#slots) native.clearGrads(Float64Array.from(slots, (s) => s.param.handle));
  }

  /** Applies the update number `cohort.step` (counted from 1) to `batch`. */
  protected abstract update(group: ParamGroup<O>, cohort: Cohort, batch: Batch): void;

  /** Called once per cohort before its updates; returns a step count on the device for fused kernels. */
  protected beginCohort(_cohort: Cohort, _options: StepOptions): void {}

  /** Bytes of parameters to update at once; infinite where an update needs no temporary memory. */
  protected chunkBytes(cohort: Cohort): number {
    return cohort.key.startsWith('cpu') ? CHUNK_BYTES.cpu : CHUNK_BYTES.cuda;
  }

  #stepGroup(g: number, options: StepOptions): void {
    const slots = this.#slots[g]!;
    const handles = native.getGrads(Float64Array.from(slots, (s) => s.param.handle));
    const grads = new Map<Slot, Tensor>();
    const fresh: Slot[] = [];
    for (const [i, slot] of slots.entries()) {
      const handle = handles[i]!;
      if (handle === null) continue;
      grads.set(slot, wrap(handle));
      if (!slot.enrolled) fresh.push(slot);
    }
    for (const slot of fresh) this.#begin(slot);
    if (fresh.length) this.#enroll(g, fresh, 0);
    for (const cohort of [...this.#cohorts[g]!]) {
      const active = cohort.slots.filter((slot) => grads.has(slot));
      if (active.length === 0) continue;
      this.#stepCohort(
        g,
        active.length < cohort.slots.length ? this.#split(g, cohort, active) : cohort,
        grads,
        options,
      );
    }
  }

  #stepCohort(g: number, cohort: Cohort, grads: ReadonlyMap<Slot, Tensor>, options: StepOptions): void {
    cohort.step++;
    this.beginCohort(cohort, options);
    const limit = this.chunkBytes(cohort);
    const { slots } = cohort;
    for (let from = 0; from < slots.length; ) {
      let to = from;
      let bytes = 0;
      while (to < slots.length && (to === from || bytes + slots[to]!.bytes <= limit))
        bytes += slots[to++]!.bytes;
      const part = slots.slice(from, to);
      tidy(() => {
        this.update(this.groups[g]!, cohort, {
          params: part.map((s) => s.param),
          grads: part.map((s) => grads.get(s)!),
          state: this.stateNames.map((_, k) => part.map((s) => s.state[k]!)),
        });
      });
      from = to;
    }
  }

  #begin(slot: Slot): void {
    slot.state = this.stateNames.map(() => keep(zerosLike(slot.param)));
  }

  #enroll(g: number, slots: readonly Slot[], step: number): void {
    const byKey = new Map<string, Slot[]>();
    for (const slot of slots) {
      slot.enrolled = true;
      const key = `${slot.param.device} ${slot.param.dtype}`;
      const list = byKey.get(key);
      if (list) list.push(slot);
      else byKey.set(key, [slot]);
    }
    for (const [key, list] of byKey) {
      this.#cohorts[g]!.push({ key, slots: list, step, deviceStep: null });
    }
  }

  /** Parameters without a gradient stay behind in the old cohort. */
  #split(g: number, cohort: Cohort, active: Slot[]): Cohort {
    const moving = new Set(active);
    cohort.slots = cohort.slots.filter((slot) => !moving.has(slot));
    const { deviceStep } = cohort;
    const ahead: Cohort = {
      ...cohort,
      slots: active,
      deviceStep: deviceStep === null ? null : keep(deviceStep.clone()),
    };
    this.#cohorts[g]!.push(ahead);
    return ahead;
  }

  stateDict(): OptimizerState {
    const steps: number[] = new Array(this.#slots.reduce((n, slots) => n + slots.length, 0)).fill(0);
    const state = new Map<string, Tensor>();
    const groups = this.groups.map((group, g) => {
      for (const cohort of this.#cohorts[g]!) {
        const step = cohort.deviceStep === null ? cohort.step : cohort.deviceStep.item();
        for (const slot of cohort.slots) {
          steps[slot.index] = step;
          for (const [k, name] of this.stateNames.entries())
            state.set(`${name}.${slot.index}`, slot.state[k]!);
        }
      }
      return { ...jsonOptions(group), params: this.#slots[g]!.map((s) => s.index) };
    });
    return { kind: this.constructor.name, groups, steps, state };
  }

  /**
   * Takes over options, counts and copies of the tensors.
   * @throws TorchError STATE_DICT_MISMATCH when the state is another optimizer's or of other parameters; nothing is
   * changed then.
   */
  loadStateDict(saved: OptimizerState): void {
    this.#checkState(saved);
    noGrad(() =>
      tidy(() => {
        for (const [g, slots] of this.#slots.entries()) {
          const { params: _, ...options } = saved.groups[g]!;
          Object.assign(this.groups[g]!, options);
          for (const cohort of this.#cohorts[g]!) cohort.deviceStep?.dispose();
          this.#cohorts[g]!.length = 0;
          const bySteps = new Map<number, Slot[]>();
          for (const slot of slots) {
            const step = saved.steps[slot.index]!;
            const own = slot.state;
            slot.state = [];
            slot.enrolled = false;
            if (step > 0 || this.#hasState(saved, slot)) {
              slot.state = own.length ? own : this.stateNames.map(() => keep(zerosLike(slot.param)));
              for (const [k, name] of this.stateNames.entries())
                slot.state[k]!.copy_(saved.state.get(`${name}.${slot.index}`)!);
              const list = bySteps.get(step);
              if (list) list.push(slot);
              else bySteps.set(step, [slot]);
            } else for (const t of own) t.dispose();
          }
          for (const [step, list] of bySteps) this.#enroll(g, list, step);
        }
      }),
    );
  }

  #hasState(saved: OptimizerState, slot: Slot): boolean {
    return this.stateNames.some((name) => saved.state.has(`${name}.${slot.index}`));
  }

  #checkState(saved: OptimizerState): void {
    const fail = (why: string): never => {
      throw new TorchError('STATE_DICT_MISMATCH', `The optimizer state does not fit: ${why}`);
    };
    const kind = this.constructor.name;
    if (saved.kind !== kind) fail(`it is of ${saved.kind}, this is ${kind}`);
    if (saved.groups.length !== this.groups.length)
      fail(`it has ${saved.groups.length} parameter groups, this has ${this.groups.length}`);
    for (const [g, slots] of this.#slots.entries()) {
      const there = saved.groups[g]!.params;
      if (there.length !== slots.length)
        fail(`group ${g} has ${there.length} parameters there and ${slots.length} here`);
      for (const slot of slots) {
        const step = saved.steps[slot.index];
        if (!Number.isInteger(step) || step! < 0) fail(`parameter ${slot.index} has no count of steps`);
        if (step === 0 && !this.#hasState(saved, slot)) continue;
        for (const name of this.stateNames) {
          const key = `${name}.${slot.index}`;
          const tensor = saved.state.get(key);
          if (!tensor) fail(`'${key}' is missing`);
          else if (tensor.shape.join() !== slot.param.shape.join())
            fail(
              `'${key}' has shape [${tensor.shape.join(', ')}], the parameter [${slot.param.shape.join(', ')}]`,
            );
        }
      }
    }
  }

  /** Releases the state. The optimizer cannot be used afterwards. */
  dispose(): void {
    for (const rate of this.deviceRates ?? []) rate.dispose();
    this.deviceRates = null;
    for (const [g, slots] of this.#slots.entries()) {
      for (const slot of slots) for (const t of slot.state) t.dispose();
      for (const cohort of this.#cohorts[g]!) cohort.deviceStep?.dispose();
      this.#cohorts[g]!.length = 0;
      slots.length = 0;
    }
  }
}

function normalize<O extends GroupOptions>(params: ParamsInput<O>, defaults: O): ParamGroup<O>[] {
  const list = [...(params as Iterable<unknown>)];
  const grouped = list.length > 0 && isGroup(list[0]);
  if (!grouped) return [{ ...defaults, params: list as Parameter[] }];
  return (list as (Partial<O> & { params: Iterable<Parameter> })[]).map((group) => {
    const known = Object.fromEntries(Object.entries(group).filter(([, value]) => value !== undefined));
    return { ...defaults, ...known, params: [...group.params] } as ParamGroup<O>;
  });
}

function isGroup(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'params' in value;
}

function checkGroup(group: GroupOptions, g: number): void {
  for (const name of ['lr', 'weightDecay'] as const) {
    const value = group[name];
    if (!(typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `optimizer: ${name} of group ${g} must be a number ≥ 0, got ${String(value)}`,
      );
    }
  }
}

function jsonOptions(group: object): Record<string, unknown> {
  const { params: _, ...options } = group as Record<string, unknown>;
  return JSON.parse(JSON.stringify(options)) as Record<string, unknown>;
}
