import { grad, noGrad } from '../autograd.js';
import { TorchError } from '../errors.js';
import { tidy } from '../scope.js';
import { Tensor } from '../tensor.js';

export interface GradCheckOptions {
  /** Step of the differences. Default 1e-6. */
  readonly eps?: number;
  /** Default 1e-5. */
  readonly atol?: number;
  /** Default 1e-3. */
  readonly rtol?: number;
}

/**
 * Compares the gradients of `fn` with central differences (f(x + ε) − f(x − ε)) / 2ε for every element of every
 * input that requires a gradient. `fn` must be deterministic; inputs must be float64, since float32 leaves too few
 * digits. A result with several elements is reduced by fixed weights, so that no two errors cancel.
 *
 * @returns the largest absolute difference
 * @throws TorchError GRAD_CHECK_FAILED naming input, element and both values; ARGUMENT_INVALID for unfit inputs
 */
export function gradCheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradCheckOptions = {},
): number {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3 } = options;
  const checked = inputs.filter((t) => t.requiresGrad);
  if (checked.length === 0) {
    throw new TorchError('ARGUMENT_INVALID', 'gradCheck: no input requires a gradient');
  }
  for (const [i, t] of inputs.entries()) {
    if (t.requiresGrad && t.dtype !== 'float64') {
      throw new TorchError('ARGUMENT_INVALID', `gradCheck: input ${i} is ${t.dtype}; give float64`);
    }
  }
  return tidy(() => {
    const analytic = tidy(() => {
      const out = weighted(fn(...inputs));
      return grad([out], checked, { allowUnused: true }).map((g, k) =>
        g === null ? new Float64Array(checked[k]!.numel) : (g.contiguous().toTypedArray() as Float64Array),
      );
    });
    let worst = 0;
    for (const [k, input] of checked.entries()) {
      const at = inputs.indexOf(input);
      const values = Float64Array.from(input.detach().contiguous().toTypedArray() as Float64Array);
      const { shape } = input;
      const evaluate = (i: number, value: number): number =>
        tidy(() => {
          const moved = values.slice();
          moved[i] = value;
          const given = [...inputs];
          given[at] = Tensor.fromTypedArray(moved, shape);
          return noGrad(() => weighted(fn(...given)).item());
        });
      for (let i = 0; i < values.length; i++) {
        const numeric = (evaluate(i, values[i]! + eps) - evaluate(i, values[i]! - eps)) / (2 * eps);
        const own = analytic[k]![i]!;
        const difference = Math.abs(own - numeric);
        if (!(difference <= atol + rtol * Math.abs(numeric))) {
          throw new TorchError(
            'GRAD_CHECK_FAILED',
            `gradCheck: input ${at}, element ${i}: backward gives ${own}, differences give ${numeric}`,
            { input: at, element: i, backward: own, numeric },
          );
        }
        worst = Math.max(worst, difference);
      }
    }
    return worst;
  });
}

function weighted(out: Tensor): Tensor {
  const { numel } = out;
  if (numel === 1) return out.reshape([]);
  const weights = Float64Array.from({ length: numel }, (_, i) => 0.5 + ((i * 0.618034) % 1));
  return out.reshape([numel]).mul(Tensor.fromTypedArray(weights)).sum();
}
