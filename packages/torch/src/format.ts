import { isFloating } from './dtype.js';
import { elementReader } from './nested.js';
import type { Tensor } from './tensor.js';

const EDGE = 3;
const SUMMARIZE_ABOVE = 1000;
const LINE_WIDTH = 80;

/** Formats numbers of one tensor alike, as PyTorch does: four decimals, scientific when the range is wide. */
function numberFormatter(values: readonly number[], floating: boolean): (value: number) => string {
  if (!floating) {
    const width = Math.max(0, ...values.map((v) => String(v).length));
    return (v) => String(v).padStart(width);
  }
  const finite = values
    .filter(Number.isFinite)
    .map(Math.abs)
    .filter((v) => v !== 0);
  const max = Math.max(0, ...finite);
  const min = finite.length ? Math.min(...finite) : 0;
  const integral = finite.every(Number.isInteger);
  let text: (v: number) => string;
  if (integral && max < 1e8) text = (v) => `${v}.`;
  else if (max / (min || 1) > 1000 || max > 1e8 || min < 1e-4) {
    text = (v) => {
      const [mantissa, exponent = '+0'] = v.toExponential(4).split('e');
      return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
    };
  } else text = (v) => v.toFixed(4);
  const show = (v: number) =>
    Number.isFinite(v) ? text(v) : Number.isNaN(v) ? 'nan' : v > 0 ? 'inf' : '-inf';
  const width = Math.max(0, ...values.map((v) => show(v).length));
  return (v) => show(v).padStart(width);
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
  const format =
    dtype === 'bool'
      ? (v: number | bigint | boolean) => (v ? 'true' : 'false').padStart(5)
      : typeof values[0] === 'bigint'
        ? padded(values.map(String))
        : (numberFormatter(values as number[], isFloating(dtype)) as (
            v: number | bigint | boolean,
          ) => string);

  const render = (dim: number, offset: number, indent: number): string => {
    if (dim === shape.length) return format(read(offset));
    const parts = shown(shape[dim]!).map((i) =>
      i === null ? '...' : render(dim + 1, offset + i * strides[dim]!, indent + 1),
    );
    const pad = ' '.repeat(indent + 1);
    if (dim === shape.length - 1) {
      const lines: string[] = [];
      let line = '';
      for (const part of parts) {
        if (line && indent + 1 + line.length + part.length + 2 > LINE_WIDTH) {
          lines.push(line);
          line = '';
        }
        line += line ? `, ${part}` : part;
      }
      lines.push(line);
      return `[${lines.join(`,\n${pad}`)}]`;
    }
    return `[${parts.join(`,${'\n'.repeat(shape.length - dim - 1)}${pad}`)}]`;
  };
  const body = render(0, 0, 'tensor('.length);
  return `tensor(${shape.length === 0 ? body.trim() : body}${tail})`;
}

function padded(texts: readonly string[]): (v: number | bigint | boolean) => string {
  const width = Math.max(...texts.map((t) => t.length));
  return (v) => String(v).padStart(width);
}

function range(start: number, stop: number): number[] {
  return Array.from({ length: stop - start }, (_, i) => start + i);
}
