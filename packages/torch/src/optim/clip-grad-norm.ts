import { noGrad } from '../autograd.js';
import { zeros } from '../creation.js';
import { TorchError } from '../errors.js';
import { native } from '../native.js';
import { ops } from '../operator.js';
import { tidy } from '../scope.js';
import { type Tensor, wrap } from '../tensor.js';
import { foreachOps } from './list-ops.js';

/**
 * Scales all gradients, in place, so that their joint Euclidean norm is at most `maxNorm` (Pascanu et al. 2013), and
 * returns the norm before: a tensor on the device, read without waiting for it. A NaN or infinite norm makes the
 * gradients NaN or zero, as in PyTorch; check the returned norm.
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  if (!(maxNorm >= 0)) {
    throw new TorchError('ARGUMENT_INVALID', `clipGradNorm: maxNorm must be ≥ 0, got ${maxNorm}`);
  }
  return noGrad(() =>
    tidy(() => {
      const byDevice = gradientsOf(parameters);
      const total = totalNorm(byDevice);
      const home = total.device;
      const factor = total.add(1e-6).reciprocal().mul(maxNorm).clampMax(1);
      // On the CPU the factor is known already, and a product with 1 need not be computed.
      if (byDevice.size === 1 && home === 'cpu' && factor.item() === 1) return total;
      for (const [device, list] of byDevice) scale(list, factor.to({ device }));
      return total;
    }),
  );
}

/** The joint Euclidean norm of all gradients, on the device; 0 without any. */
export function gradNorm(parameters: Iterable<Tensor>): Tensor {
  return noGrad(() => tidy(() => totalNorm(gradientsOf(parameters))));
}

function gradientsOf(parameters: Iterable<Tensor>): Map<string, Tensor[]> {
  const byDevice = new Map<string, Tensor[]>();
  for (const handle of native.getGrads(Float64Array.from(parameters, (p) => p.handle))) {
    if (handle === null) continue;
    const grad = wrap(handle);
    const { device } = grad;
    const list = byDevice.get(device);
    if (list) list.push(grad);
    else byDevice.set(device, [grad]);
  }
  return byDevice;
}

function totalNorm(byDevice: ReadonlyMap<string, readonly Tensor[]>): Tensor {
  const [home] = byDevice.keys();
  if (home === undefined) return zeros([]);
  const norms = [...byDevice.values()].map((list) => {
    const stacked = ops.call('aten::stack', '', foreachOps.norms(list), 0) as Tensor;
    return norm(stacked).to({ device: home });
  });
  return norms.length === 1 ? norms[0]! : norm(ops.call('aten::stack', '', norms, 0) as Tensor);
}

function norm(vector: Tensor): Tensor {
  return ops.call('aten::linalg_vector_norm', '', vector, 2) as Tensor;
}

function scale(grads: readonly Tensor[], factor: Tensor): void {
  if (ops.has('aten::_foreach_mul_', 'Tensor')) ops.call('aten::_foreach_mul_', 'Tensor', grads, factor);
  else for (const grad of grads) grad.mul_(factor);
}
