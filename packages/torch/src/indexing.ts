import { tensor } from './creation.js';
import type { Scalar } from './dtype.js';
import { TorchError } from './errors.js';
import { ops } from './operator.js';
import { tidy } from './scope.js';
import { Tensor } from './tensor.js';

/** Python's `start:stop:step`. */
export class Slice {
  constructor(
    readonly start: number | null = null,
    readonly stop: number | null = null,
    readonly step: number = 1,
  ) {
    if (!Number.isInteger(step) || step < 1) {
      throw new TorchError('ARGUMENT_INVALID', `slice: the step must be a positive integer, got ${step}`);
    }
  }
}

export function slice(start?: number | null, stop?: number | null, step?: number): Slice {
  return new Slice(start ?? null, stop ?? null, step ?? 1);
}

/**
 * One entry of an index: a number (drops the dimension), a `slice()`, ':' (all), '...' (all dimensions not named),
 * null (a new dimension of size 1), an array of integers or a tensor of integers or booleans.
 */
export type Index = number | Slice | ':' | '...' | null | readonly number[] | Tensor;

function consumed(index: Index): number {
  if (index === null || index === '...') return 0;
  return index instanceof Tensor && index.dtype === 'bool' ? index.ndim : 1;
}

/** Applies the view-making entries and collects those that gather, as Python's indexing does. */
function resolve(source: Tensor, indices: readonly Index[]): { view: Tensor; gather: (Tensor | null)[] } {
  const dots = indices.filter((i) => i === '...').length;
  const used = indices.reduce<number>((n, i) => n + consumed(i), 0);
  const { ndim } = source;
  if (dots > 1) throw new TorchError('ARGUMENT_INVALID', "index: only one '...' is possible");
  if (used > ndim)
    throw new TorchError('ARGUMENT_INVALID', `index: ${used} indices for a tensor with ${ndim} dimensions`);
  const full: Index[] = indices.flatMap((i): Index[] =>
    i === '...' ? new Array<Index>(ndim - used).fill(':') : [i],
  );
  let view = source.alias();
  let dim = 0;
  const gather: (Tensor | null)[] = [];
  for (const index of full) {
    if (typeof index === 'number') {
      view = view.select(dim, index);
    } else if (index === null) {
      view = view.unsqueeze(dim++);
      gather.push(null);
    } else if (index === ':') {
      dim++;
      gather.push(null);
    } else if (index instanceof Slice) {
      view = view.slice({
        dim,
        start: index.start ?? undefined,
        end: index.stop ?? undefined,
        step: index.step,
      });
      dim++;
      gather.push(null);
    } else {
      const at =
        index instanceof Tensor
          ? index
          : tensor(index as number[], { dtype: 'int64', device: source.device });
      gather.push(at);
      dim += at.dtype === 'bool' ? at.ndim : 1;
    }
  }
  return { view, gather };
}

export function indexTensor(source: Tensor, indices: readonly Index[]): Tensor {
  return tidy(() => {
    const { view, gather } = resolve(source, indices);
    return gather.some((g) => g !== null)
      ? (ops.call('aten::index', 'Tensor', view, gather) as Tensor)
      : view;
  });
}

export function writeIndex(target: Tensor, indices: readonly Index[], value: Tensor | Scalar): void {
  tidy(() => {
    const { view, gather } = resolve(target, indices);
    const source =
      value instanceof Tensor
        ? value
        : (ops.call('aten::scalar_tensor', '', value, {
            dtype: target.dtype,
            device: target.device,
          }) as Tensor);
    if (gather.some((g) => g !== null)) ops.call('aten::index_put_', '', view, gather, source);
    else ops.call('aten::copy_', '', view, source);
  });
}
