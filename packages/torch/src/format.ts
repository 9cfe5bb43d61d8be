import { isFloating } from './dtype.js';
import { elementReader } from './nested.js';
import type { Tensor } from './tensor.js';

const EDGE = 3;
const SUMMARIZE_ABOVE = 1000;
const LINE_WIDTH = 80;

interface Formatter {
  /** Columns that every finite value takes. */
  readonly width: number;
  show(value: number | bigint | boolean): string;
}

function formatterOf(
  texts: readonly string[],
  show: (value: number | bigint | boolean) => string,
): Formatter {
  const width = texts.reduce((w, text) => Math.max(w, text.length), 0);
  return { width, show: (value) => show(value).padStart(width) };
}

/**
 * Formats floating-point numbers of one tensor alike, as PyTorch does: whole ones with a point, others with four
 * decimals, scientific when the range is wide. Zeros, infinities and NaNs have no say in the width.
 */
function floatFormatter(values: readonly number[]): Formatter {
  const finite = values.filter((v) => Number.isFinite(v) && v !== 0);
  let max = 0;
  let min = Number.POSITIVE_INFINITY;
  for (const v of finite) {
    max = Math.max(max, Math.abs(v));
    min = Math.min(min, Math.abs(v));
  }
  const integral = values.every((v) => Number.isInteger(v) || !Number.isFinite(v));
  const wide = finite.length > 0 && (max / min > 1000 || max > 1e8);
  let text: (v: number) => string;
  if (wide || (!integral && min < 1e-4)) text = scientific;
  else if (integral) text = (v) => `${v}.`;
  else text = (v) => v.toFixed(4);
  return formatterOf(finite.map(text), (value) => {
    const v = value as number;
    return Number.isFinite(v) ? text(v) : Number.isNaN(v) ? 'nan' : v > 0 ? 'inf' : '-inf';
  });
}

function scientific(v: number): string {
  const [mantissa, exponent = '+0'] = v.toExponential(4).split('e');
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

/** Text of a tensor, as PyTorch prints it: values, then what differs from a float32 CPU tensor. */
export function formatTensor(tensor: Tensor): string {
  const { shape, dtype, device } = tensor;
  const suffix: string[] = [];
  if (!device.startsWith('cpu')) suffix.push(`device='${device}'`);
  if (tensor.numel === 0 && shape.length !== 1) suffix.push(`size=[${shape.join(', ')}]`);
  if (dtype !== 'float32' && dtype !== 'int64' && dtype !== 'bool') suffix.push(`dtype=${dtype}`);
  if (tensor.requiresGrad) suffix.push(tensor.isLeaf ? 'requiresGrad' : 'gradFn');
  const tail = suffix.length ? `, ${suffix.join(', ')}` : '';
  if (tensor.numel === 0) return `tensor([]${tail})`;

  const data = tensor.toTypedArray();
  const read = elementReader(data, dtype);
  const summarize = tensor.numel > SUMMARIZE_ABOVE;
  const shown = (length: number): (number | null)[] =>
    summarize && length > 2 * EDGE
      ? [...range(0, EDGE), null, ...range(length - EDGE, length)]
      : range(0, length);
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const visible: number[] = [];
  const collect = (dim: number, offset: number): void => {
    if (dim === shape.length) visible.push(offset);
    else for (const i of shown(shape[dim]!)) if (i !== null) collect(dim + 1, offset + i * strides[dim]!);
  };
  collect(0, 0);
  const values = visible.map(read);
  const format = isFloating(dtype)
    ? floatFormatter(values as number[])
    : formatterOf(values.map(String), String);

  const render = (dim: number, offset: number, indent: number): string => {
    if (dim === shape.length) return format.show(read(offset));
    const last = dim === shape.length - 1;
    const parts = shown(shape[dim]!).map((i) =>
      i === null ? (last ? ' ...' : '...') : render(dim + 1, offset + i * strides[dim]!, indent + 1),
    );
    const pad = ' '.repeat(indent + 1);
    if (last) {
      const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / (format.width + 2)));
      const lines: string[] = [];
      for (let i = 0; i < parts.length; i += perLine) lines.push(parts.slice(i, i + perLine).join(', '));
      return `[${lines.join(`,\n${pad}`)}]`;
    }
    return `[${parts.join(`,${'\n'.repeat(shape.length - dim - 1)}${pad}`)}]`;
  };
  const body = render(0, 0, 'tensor('.length);
  return `tensor(${shape.length === 0 ? body.trim() : body}${tail})`;
}

function range(start: number, stop: number): number[] {
  return Array.from({ length: stop - start }, (_, i) => start + i);
}
