import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import { memory, ops, type Tensor, TorchError, tensor, tidy } from '../index.js';
import { dict, legacyCheckpoint, rebuild, text, zipCheckpoint } from './checkpoint.fixture.js';
import { SafetensorsFile } from './safetensors.js';
import { encodeSafetensors, type SafetensorsInput } from './safetensors-writer.js';
import { loadSafetensors, loadTorchBin, saveSafetensors } from './tensor-files.js';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'easynlp-tensor-files-'));
const path = join(folder, 'model.safetensors');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hex = (value: Tensor) => Buffer.from(value.toBytes()).toString('hex');

function errorOf(action: () => unknown): TorchError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TorchError);
    return error as TorchError;
  }
  throw new Error('no error was thrown');
}

test('every dtype, views, empty and scalar tensors survive a round trip', () => {
  tidy(() => {
    const base = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const tensors: Record<string, Tensor> = {
      base,
      transposed: base.transpose(0, 1),
      scalar: tensor(2.5),
      empty: tensor([]),
      bool: tensor([true, false, true]),
      int64: tensor([2n ** 62n + 1n, -1n]),
    };
    for (const dtype of ['float64', 'float16', 'bfloat16', 'int32', 'int16', 'int8', 'uint8'] as const) {
      tensors[dtype] = tensor([1, 2, 3], { dtype });
    }
    tensors.parameter = tensor([1], { requiresGrad: true });
    saveSafetensors(path, tensors, { note: '备注' });
    for (const copy of [false, true]) {
      const loaded = loadSafetensors(path, { copy });
      expect(new Set(loaded.keys())).toEqual(new Set(Object.keys(tensors)));
      for (const [name, original] of Object.entries(tensors)) {
        const found = loaded.get(name)!;
        expect([name, found.dtype, found.shape, hex(found)]).toEqual([
          name,
          original.dtype,
          original.shape,
          hex(original),
        ]);
        expect(found.requiresGrad).toBe(false);
      }
    }
    using file = SafetensorsFile.open(path);
    expect(new Map(file.metadata)).toEqual(
      new Map([
        ['format', 'pt'],
        ['note', '备注'],
      ]),
    );
  });
});

test('tensors are views of one mapping, which outlives the file and its name, and writes never reach the file', () => {
  tidy(() => {
    saveSafetensors(path, { a: tensor([1, 2]), b: tensor([3, 4]) });
    const before = readFileSync(path);
    const loaded = loadSafetensors(path);
    const [a, b] = [loaded.get('a')!, loaded.get('b')!];
    expect(a.storageId).toBe(b.storageId);
    const copies = loadSafetensors(path, { copy: true });
    expect(copies.get('a')!.storageId).not.toBe(copies.get('b')!.storageId);
    a.set_([0], 9);
    expect(readFileSync(path).equals(before)).toBe(true);
    saveSafetensors(path, { a: tensor([7, 7]), b: tensor([8, 8]) });
    expect(a.toArray()).toEqual([9, 2]);
    rmSync(path);
    expect(b.toArray()).toEqual([3, 4]);
  });
});

test('loading leaves no tensors but its result', () => {
  tidy(() => saveSafetensors(path, { a: tensor([1, 2]), b: tensor([true]) }));
  const before = memory().tensors;
  tidy(() => {
    expect(loadSafetensors(path).size).toBe(2);
    expect(memory().tensors - before).toBe(2);
    loadTorchBin(fixture('views.zip.bin'));
    expect(memory().tensors - before).toBe(2 + 13);
  });
  expect(memory().tensors).toBe(before);
});

test('unaligned files, files without data, and bool bytes that are neither 0 nor 1', () => {
  tidy(() => {
    const input: SafetensorsInput = {
      dtype: 'float32',
      shape: [2],
      bytes: new Uint8Array(Float32Array.of(1.5, -2).buffer),
    };
    const aligned = Buffer.from(encodeSafetensors(new Map([['x', input]])));
    const json = aligned.toString('utf8', 8, 8 + Number(aligned.readBigUInt64LE(0))).trimEnd();
    // One to eight spaces: a header of any length is valid, though the reference writer always pads to 8.
    for (let extra = 0; extra < 8; extra++) {
      const header = Buffer.from(json + ' '.repeat(extra));
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(header.length));
      writeFileSync(path, Buffer.concat([prefix, header, aligned.subarray(-8)]));
      expect(loadSafetensors(path).get('x')!.toArray()).toEqual([1.5, -2]);
    }
    writeFileSync(path, encodeSafetensors(new Map()));
    expect(loadSafetensors(path).size).toBe(0);
    const flags: SafetensorsInput = { dtype: 'bool', shape: [4], bytes: Uint8Array.of(0, 1, 2, 255) };
    writeFileSync(path, encodeSafetensors(new Map([['flags', flags]])));
    expect([...loadSafetensors(path).get('flags')!.toBytes()]).toEqual([0, 1, 1, 1]);
  });
});

test('errors name the file and the tensor, and write nothing', () => {
  tidy(() => {
    const exotic: SafetensorsInput = { dtype: 'uint64', shape: [1], bytes: new Uint8Array(8) };
    writeFileSync(path, encodeSafetensors(new Map([['odd', exotic]])));
    const error = errorOf(() => loadSafetensors(path));
    expect(error.code).toBe('DTYPE_UNSUPPORTED');
    expect(error.message).toMatch(/model\.safetensors: tensor 'odd' has dtype uint64/);
    expect(errorOf(() => loadSafetensors(join(folder, 'none'))).code).toBe('IO_ERROR');
    const gone = tensor([1]);
    gone.dispose();
    const target = join(folder, 'never.safetensors');
    expect(errorOf(() => saveSafetensors(target, { fine: tensor([1]), gone })).code).toBe('TENSOR_DISPOSED');
    expect(errorOf(() => saveSafetensors(target, { bad: 5 as unknown as Tensor })).message).toMatch(/'bad'/);
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
  });
});

interface Expected {
  files: Record<
    string,
    { files: string[]; tensors: Record<string, { dtype: string; shape: number[]; hex: string }> }
  >;
}
const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as Expected;

for (const [group, { files, tensors }] of Object.entries(expected.files)) {
  test.each(files)('%s loads as tensors', (file) => {
    tidy(() => {
      if (group === 'dtypes') {
        expect(errorOf(() => loadTorchBin(fixture(file))).message).toMatch(/'complex64' has dtype complex64/);
        return;
      }
      for (const copy of [false, true]) {
        const loaded = loadTorchBin(fixture(file), { copy });
        expect([...loaded.keys()]).toEqual(Object.keys(tensors));
        for (const [name, { dtype, shape, hex: content }] of Object.entries(tensors)) {
          const found = loaded.get(name)!;
          expect([name, found.dtype, found.shape, hex(found)]).toEqual([name, dtype, shape, content]);
        }
      }
    });
  });
}

test.each(['views.zip.bin', 'views.old.bin'])('%s: shared storages stay shared', (file) => {
  tidy(() => {
    const loaded = loadTorchBin(fixture(file));
    const [base, tied, column] = ['base', 'tied', 'column'].map((name) => loaded.get(name)!);
    expect(tied!.storageId).toBe(base!.storageId);
    ops.call('aten::fill_', 'Scalar', base, 5);
    expect(tied!.index(0, 0).item()).toBe(5);
    expect(column!.toArray()).toEqual([5, 5, 5, 5]);
  });
});

test('a file that is replaced between the reading of its header and the mapping is an error', () => {
  tidy(() => {
    const other = join(folder, 'other.safetensors');
    saveSafetensors(path, { a: tensor([1, 2]) });
    saveSafetensors(other, { b: tensor([3]), c: tensor([4]) });
    const { call } = ops;
    const spy = vi.spyOn(ops, 'call').mockImplementation((name, ...rest) => {
      if (name === 'aten::from_file') renameSync(other, path);
      return call(name, ...rest);
    });
    expect(errorOf(() => loadSafetensors(path)).message).toMatch(/was replaced/);
    spy.mockRestore();
    expect([...loadSafetensors(path).keys()]).toEqual(['b', 'c']);
  });
});

test('views of storages, and tensors that only look large', () => {
  tidy(() => {
    const target = join(folder, 'made.bin');
    writeFileSync(
      target,
      legacyCheckpoint(dict(text('w'), rebuild({ view: [1, 3], offset: 1, shape: [2] }))),
    );
    expect(loadTorchBin(target).get('w')!.toArray()).toEqual([2, 3]);
    writeFileSync(target, zipCheckpoint(dict(text('w'), rebuild({ shape: [2 ** 36], strides: [0] }))));
    expect(errorOf(() => loadTorchBin(target)).message).toMatch(/repeats a smaller storage/);
  });
});

test('damaged and malicious files are refused here too', () => {
  const bytes = readFileSync(fixture('views.zip.bin'));
  const target = join(folder, 'damaged.bin');
  writeFileSync(target, bytes.subarray(0, bytes.length - 100));
  expect(errorOf(() => loadTorchBin(target)).code).toBe('CHECKPOINT_INVALID');
  expect(errorOf(() => loadTorchBin(fixture('malicious.zip.bin'))).message).toMatch(/posix\.system/);
  const at = bytes.indexOf(Buffer.from(Float32Array.of(17).buffer));
  bytes[at]! ^= 0xff;
  writeFileSync(target, bytes);
  expect(errorOf(() => loadTorchBin(target)).message).toMatch(/checksum/);
});
