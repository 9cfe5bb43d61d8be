import { amp, cuda, libtorchInfo, noGrad, numThreads, Tensor, tidy } from '@easynlp/torch';
import type { HostBatch } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import type { AppModel, HostOutput, HostOutputs } from './app.js';

export type Precision = 'fp32' | 'bf16' | 'fp16';

/** Where and how a model runs. */
export interface Runtime {
  readonly device: string;
  readonly precision: Precision;
}

/** Resolves `auto`, checks that the device and the precision exist, and sets the number of CPU threads. */
export function openRuntime(options: {
  device: string;
  precision: Precision;
  numThreads?: number | undefined;
}): Runtime {
  const count = cuda.deviceCount();
  const device =
    options.device === 'auto'
      ? count > 0
        ? 'cuda:0'
        : 'cpu'
      : options.device === 'cuda'
        ? 'cuda:0'
        : options.device;
  if (device.startsWith('cuda')) {
    const index = Number(device.slice('cuda:'.length));
    if (count === 0) {
      const { version, cuda: withCuda } = libtorchInfo();
      throw new EasyNlpError('DEVICE_UNAVAILABLE', {
        device: options.device,
        reason: withCuda ? 'no CUDA device is visible' : `libtorch ${version} here was built without CUDA`,
      });
    }
    if (index >= count) {
      throw new EasyNlpError('DEVICE_UNAVAILABLE', {
        device: options.device,
        reason: `there are ${count} CUDA devices`,
      });
    }
  } else if (options.precision === 'fp16') {
    throw new EasyNlpError('PRECISION_UNAVAILABLE', { precision: 'fp16', needs: 'a CUDA device' });
  }
  if (options.numThreads !== undefined) numThreads(options.numThreads);
  return { device, precision: options.precision };
}

/** Copies a batch to the device. The tensors belong to the caller's scope. */
export function uploadBatch(batch: Pick<HostBatch, 'tensors'>, device: string): Record<string, Tensor> {
  const onCuda = device !== 'cpu';
  return Object.fromEntries(
    Object.entries(batch.tensors).map(([name, { data, shape, dtype }]) => {
      const host = Tensor.fromTypedArray(data, shape, { dtype, pinned: onCuda });
      return [name, onCuda ? host.to({ device, nonBlocking: true }) : host];
    }),
  );
}

/** Runs `fn` in the runtime's precision. */
export function withPrecision<T>({ device, precision }: Runtime, fn: () => T): T {
  if (precision === 'fp32') return fn();
  return amp.autocast(
    { device: device === 'cpu' ? 'cpu' : 'cuda', dtype: precision === 'bf16' ? 'bfloat16' : 'float16' },
    fn,
  );
}

/** One forward pass without gradients; outputs in host memory. The model must be in evaluation mode. */
export function forwardBatch(model: AppModel, batch: HostBatch, runtime: Runtime): HostOutputs {
  return noGrad(() =>
    tidy(() => {
      const outputs = withPrecision(runtime, () => model.forward(uploadBatch(batch, runtime.device)));
      return Object.fromEntries(
        Object.entries(outputs).map(([name, tensor]): [string, HostOutput] => [
          name,
          { data: tensor.toFloat32Array(), shape: tensor.shape },
        ]),
      );
    }),
  );
}
