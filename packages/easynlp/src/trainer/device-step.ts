import { amp, CudaGraph, empty, enterCaptureStream, keep, noGrad, optim, Tensor, tidy } from '@easynlp/torch';
import type { AppModel, ModelInputs } from '../appzoo/app.js';
import { type Runtime, uploadBatch, withPrecision } from '../appzoo/runtime.js';
import { canUnpad, type DeviceBatch, modelInputs, unpadBatch } from '../appzoo/unpad-batch.js';
import type { HostBatch } from '../datahub/index.js';
import type { Objective, ObjectiveLoss } from './objective.js';

export interface DeviceStepParts {
  readonly model: AppModel;
  readonly objective: Objective;
  readonly optimizer: optim.Optimizer;
  readonly scaler: amp.GradScaler | null;
  readonly runtime: Runtime;
  /** 0 = no clipping. */
  readonly maxGradNorm: number;
  /** Capture steps as CUDA graphs where that is possible. */
  readonly graphs: boolean;
  /** Sum of the losses since the last log line, float64 on the device. */
  readonly lossSum: Tensor;
  /** Adds an objective's further scalars, which it says are worth a log, to those since the last log line. */
  readonly addLogs: (logs: Readonly<Record<string, Tensor>>, weight: number) => void;
  /** Called on the CPU, where looking costs nothing, before a bad value could reach the weights. */
  readonly check: (value: number, what: 'loss' | 'norm of the gradients') => void;
}

/** A batch and its share of the step's rows. */
export interface WeightedBatch {
  readonly batch: HostBatch;
  readonly weight: number;
}

/** Steps that run as they are before any shape is captured: kernels are chosen and state is made in them. */
const WARM_UP = 3;

/** Steps of one shape that run as they are before it is captured. */
const SHAPE_WARM_UP = 1;

/** Shapes that are captured; recording takes as long as a few steps, and rare shapes are not worth it. */
const MOST_GRAPHS = 64;

interface Captured {
  readonly inputs: Record<string, Tensor>;
  readonly graph: CudaGraph;
  readonly loss: Tensor;
  readonly gradNorm: Tensor | null;
}

/**
 * What one optimizer step does on the device: forward, backward, clipping, update. Nothing in it waits for the device.
 *
 * On CUDA a small model's step is bound by the launches of its few thousand kernels. A step whose shapes were seen
 * before is therefore captured as a CUDA graph and replayed with a single launch; it computes what the eager step
 * computes, with the same kernels. Gradient accumulation, loss scaling and optimizers without a fused kernel stay eager.
 *
 * In bf16 on CUDA the forward pass computes with working copies of the weights, with autocast only for what has none,
 * and models that can do so leave padding out.
 */
export class DeviceStep {
  /** Norm of the last step's gradients before clipping. */
  gradNorm: Tensor | null = null;
  private readonly parts: DeviceStepParts;
  private readonly parameters: Tensor[];
  private readonly copies: amp.WorkingCopies | null;
  private readonly unpads: boolean;
  private readonly seen = new Map<string, number>();
  private steps = 0;
  private readonly captured = new Map<string, Captured>();
  private readonly leaveStream: (() => void) | null;

  constructor(parts: DeviceStepParts) {
    this.parts = parts;
    const { runtime, graphs, scaler, optimizer, objective } = parts;
    this.parameters = optimizer.groups.flatMap((group) => group.params);
    const lowPrecision = runtime.device !== 'cpu' && runtime.precision === 'bf16' && scaler === null;
    this.copies = lowPrecision ? new amp.WorkingCopies(parts.model) : null;
    this.unpads = lowPrecision && canUnpad(parts.model);
    const usable =
      graphs &&
      runtime.device !== 'cpu' &&
      scaler === null &&
      optimizer.capturable &&
      objective.capturable === true;
    if (usable) optimizer.prepareCapture(runtime.device);
    this.leaveStream = usable ? enterCaptureStream() : null;
  }

  /** Numbers of captured shapes, for logs and tests. */
  get graphCount(): number {
    return this.captured.size;
  }

  /** @returns the step's loss, float64 on the device: valid until the next step. */
  run(batches: readonly WeightedBatch[], learningRate: number): Tensor {
    this.parts.optimizer.setLearningRate(learningRate);
    const prepared = batches.map(({ batch, weight }) => ({
      batch: this.unpads ? unpadBatch(batch) : { tensors: batch.tensors, longest: null },
      weight,
    }));
    this.steps++;
    const [first] = prepared;
    if (this.leaveStream === null || prepared.length !== 1) return this.eager(prepared);
    return this.graphed(first!.batch) ?? this.eager(prepared);
  }

  private eager(batches: readonly { batch: DeviceBatch; weight: number }[]): Tensor {
    const { device } = this.parts.runtime;
    const { loss, gradNorm } = this.update(
      batches.map(({ batch, weight }) => ({
        inputs: () => modelInputs(uploadBatch(batch, device), batch.longest),
        weight,
      })),
    );
    if (gradNorm) this.holdNorm(keep(gradNorm));
    return loss;
  }

  private forward(inputs: () => ModelInputs): ObjectiveLoss {
    const { model, objective, runtime } = this.parts;
    const run = () => withPrecision(runtime, () => objective.loss(model, inputs()));
    return this.copies ? this.copies.run(run) : run();
  }

  /** Norm of the gradients, and clipping: in place, or left to the optimizer's kernels, which then get a divisor. */
  private clip(): { gradNorm: Tensor | null; gradScale: Tensor | null } {
    const { optimizer, scaler, maxGradNorm } = this.parts;
    if (maxGradNorm === 0) return { gradNorm: null, gradScale: null };
    if (scaler !== null || !optimizer.skipsOnDevice) {
      return { gradNorm: optim.clipGradNorm(this.parameters, maxGradNorm), gradScale: null };
    }
    const gradNorm = optim.gradNorm(this.parameters);
    return {
      gradNorm,
      gradScale: noGrad(() =>
        gradNorm
          .add(1e-6)
          .mul_(1 / maxGradNorm)
          .clampMin(1),
      ),
    };
  }

  private update(batches: readonly { inputs: () => ModelInputs; weight: number }[]): {
    loss: Tensor;
    gradNorm: Tensor | null;
  } {
    const { optimizer, scaler, runtime, lossSum, check } = this.parts;
    const onCpu = runtime.device === 'cpu';
    return tidy(() => {
      let sum: Tensor | null = null;
      this.copies?.refresh();
      for (const { inputs, weight } of batches) {
        const part = tidy(() => {
          const { loss, logs } = this.forward(inputs);
          if (logs) this.parts.addLogs(logs, weight);
          return weight === 1 ? loss : loss.mul(weight);
        });
        (scaler ? scaler.scale(part) : part).backward();
        this.copies?.collectGradients();
        const detached = part.detach();
        sum = sum === null ? detached : sum.add(detached);
      }
      const loss = sum!.to({ dtype: 'float64', copy: true });
      if (onCpu) check(loss.item(), 'loss');
      scaler?.unscale_(optimizer);
      const { gradNorm, gradScale } = this.clip();
      // A finite loss can have infinite gradients; found now, they never reach the weights.
      if (onCpu && gradNorm) check(gradNorm.item(), 'norm of the gradients');
      if (scaler) {
        scaler.step(optimizer);
        scaler.update();
      } else optimizer.step(gradScale ? { gradScale } : {});
      optimizer.zeroGrad();
      noGrad(() => lossSum.add_(loss));
      return { loss, gradNorm };
    });
  }

  /** Replays the graph of this shape, or captures it when it is due; null when the step has to run eagerly. */
  private graphed(batch: DeviceBatch): Tensor | null {
    const key = Object.entries(batch.tensors)
      .map(([name, { shape, dtype }]) => `${name}:${dtype}[${shape.join()}]`)
      .join(' ')
      .concat(` longest:${batch.longest}`);
    let entry = this.captured.get(key);
    if (!entry) {
      const times = (this.seen.get(key) ?? 0) + 1;
      this.seen.set(key, times);
      if (this.steps <= WARM_UP || times <= SHAPE_WARM_UP || this.captured.size >= MOST_GRAPHS) return null;
      entry = this.capture(batch);
      this.captured.set(key, entry);
    }
    const { inputs, graph, loss, gradNorm } = entry;
    tidy(() => {
      for (const [name, { data, shape, dtype }] of Object.entries(batch.tensors)) {
        inputs[name]!.copy_(Tensor.fromTypedArray(data, shape, { dtype, pinned: true }), {
          nonBlocking: true,
        });
      }
    });
    graph.replay();
    this.holdNorm(gradNorm);
    return loss;
  }

  private capture(batch: DeviceBatch): Captured {
    const { device } = this.parts.runtime;
    const inputs = Object.fromEntries(
      Object.entries(batch.tensors).map(([name, { shape, dtype }]) => [
        name,
        keep(empty(shape, { dtype, device })),
      ]),
    );
    // Index tensors must be valid even while nothing runs: some operators look at them when they are recorded.
    for (const tensor of Object.values(inputs)) noGrad(() => tensor.zero_());
    // One step runs at a time, so that all can work in the same memory.
    const [other] = this.captured.values();
    let loss: Tensor | null = null;
    let gradNorm: Tensor | null = null;
    const graph = CudaGraph.capture(
      () => {
        const result = this.update([{ inputs: () => modelInputs(inputs, batch.longest), weight: 1 }]);
        loss = keep(result.loss);
        gradNorm = result.gradNorm && keep(result.gradNorm);
      },
      { shareWith: other?.graph },
    );
    return { inputs, graph, loss: loss!, gradNorm };
  }

  /** The norm of an eager step is its own and goes when the next one comes; that of a graph stays with its graph. */
  private holdNorm(norm: Tensor | null): void {
    const old = this.gradNorm;
    this.gradNorm = norm;
    if (old && old !== norm && ![...this.captured.values()].some((c) => c.gradNorm === old)) old.dispose();
  }

  dispose(): void {
    if (this.gradNorm && !this.gradNorm.isDisposed) this.gradNorm.dispose();
    for (const { inputs, graph, loss, gradNorm } of this.captured.values()) {
      graph.dispose();
      for (const tensor of Object.values(inputs)) tensor.dispose();
      loss.dispose();
      if (gradNorm && !gradNorm.isDisposed) gradNorm.dispose();
    }
    this.captured.clear();
    this.copies?.dispose();
    this.leaveStream?.();
  }
}
