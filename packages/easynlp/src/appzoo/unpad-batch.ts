import type { nn, Tensor } from '@easynlp/torch';
import type { HostBatch, HostTensor } from '../datahub/index.js';
import { describeMask, findTokens, type UnpadsInputs } from '../modelzoo/unpadding.js';
import type { ModelInputs } from './app.js';

/** What goes to the device for one batch. */
export interface DeviceBatch {
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** Set when the tensors beginning with `unpadding.` describe where the tokens are. */
  readonly longest: number | null;
}

const PREFIX = 'unpadding.';
const names = {
  rows: `${PREFIX}rows`,
  positions: `${PREFIX}positions`,
  places: `${PREFIX}places`,
  starts: `${PREFIX}starts`,
} as const;

/** Inputs [B, T] in which nothing but zeros may follow a text. */
const WIDENED = new Set(['inputIds', 'tokenTypeIds', 'attentionMask']);

/** Whether some part of the model computes without padding where it knows the tokens. */
export function canUnpad(model: nn.Module): boolean {
  return [...model.namedModules()].some(([, module]) => (module as Partial<UnpadsInputs>).unpads === true);
}

/**
 * Adds where the tokens are, when leaving the padding out saves something. The width is rounded up to a power of two
 * then, which costs next to nothing and makes few shapes of many.
 */
export function unpadBatch(batch: HostBatch): DeviceBatch {
  const plain = { tensors: batch.tensors, longest: null };
  const mask = batch.tensors.attentionMask;
  if (!mask || !(mask.data instanceof Uint8Array) || mask.shape.length !== 2) return plain;
  const [rows, length] = mask.shape as [number, number];
  const matrices = Object.entries(batch.tensors).filter(
    ([, { shape }]) => shape[0] === rows && shape[1] === length,
  );
  if (!matrices.every(([name]) => WIDENED.has(name))) return plain;
  let width = 32;
  while (width < length) width *= 2;
  const tensors: Record<string, HostTensor> = { ...batch.tensors };
  for (const [name, tensor] of matrices) tensors[name] = widened(tensor, width);
  const found = findTokens(tensors.attentionMask!.data as Uint8Array, [rows, width], stepFor(batch.tokens));
  if (found === null || found.rows.length > 0.95 * rows * length) return plain;
  const vector = (data: BigInt64Array | Int32Array, dtype: 'int64' | 'int32'): HostTensor => ({
    data,
    shape: [data.length],
    dtype,
  });
  tensors[names.rows] = vector(found.rows, 'int64');
  tensors[names.positions] = vector(found.positions, 'int64');
  tensors[names.places] = vector(found.places, 'int64');
  tensors[names.starts] = vector(found.starts, 'int32');
  return { tensors, longest: found.longest };
}

/** Between an eighth and a sixteenth of the tokens: few different totals, and little filling. */
function stepFor(tokens: number): number {
  let step = 32;
  while (step * 16 <= tokens) step *= 2;
  return step;
}

function widened(tensor: HostTensor, width: number): HostTensor {
  const [rows, length] = tensor.shape as [number, number];
  if (length === width) return tensor;
  const Data = tensor.data.constructor as new (size: number) => Int32Array;
  const data = new Data(rows * width);
  for (let r = 0; r < rows; r++) {
    data.set((tensor.data as Int32Array).subarray(r * length, (r + 1) * length), r * width);
  }
  return { ...tensor, data, shape: [rows, width] };
}

/** The model's inputs among a device batch's tensors; its mask is described to models that leave padding out. */
export function modelInputs(tensors: Readonly<Record<string, Tensor>>, longest: number | null): ModelInputs {
  if (longest === null) return tensors;
  describeMask(tensors.attentionMask!, {
    rows: tensors[names.rows]!,
    positions: tensors[names.positions]!,
    places: tensors[names.places]!,
    starts: tensors[names.starts]!,
    longest,
  });
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith(PREFIX)));
}
