import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { TorchError } from '../errors.js';
import { loadTorchCheckpoint, TorchCheckpoint } from './torch-checkpoint.js';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const slow = process.env.EASYNLP_SLOW_TESTS === '1';
const folder = mkdtempSync(join(tmpdir(), 'easynlp-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Expected {
  files: Record<string, { files: string[]; skipped?: string[]; tensors: Record<string, ExpectedTensor> }>;
}
interface ExpectedTensor {
  dtype: string;
  shape: number[];
  strides: number[];
  requiresGrad: boolean;
  hex: string;
}
const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as Expected;

function errorOf(action: () => unknown): TorchError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TorchError);
    return error as TorchError;
  }
  throw new Error('no error was thrown');
}

function load(bytes: Uint8Array) {
  using checkpoint = TorchCheckpoint.fromBytes(bytes);
  return new Map([...checkpoint.tensors.keys()].map((name) => [name, checkpoint.read(name)]));
}

describe('checkpoints written by PyTorch', () => {
  for (const { files, tensors, skipped } of Object.values(expected.files)) {
    test.each(files)('%s holds what Python saved', (file) => {
      const loaded = loadTorchCheckpoint(fixture(file));
      expect([...loaded.keys()]).toEqual(Object.keys(tensors));
      for (const [name, { hex, ...rest }] of Object.entries(tensors)) {
        const { bytes, storage, ...found } = loaded.get(name)!;
        expect(found, name).toEqual(rest);
        expect(Buffer.from(bytes).toString('hex'), name).toBe(hex);
        expect(storage).not.toBe('');
      }
      if (skipped !== undefined) {
        using checkpoint = TorchCheckpoint.open(fixture(file));
        expect(checkpoint.skipped).toEqual(skipped);
      }
    });
  }

  test.each(['views.zip.bin', 'views.old.bin'])('%s: views of one storage share it', (file) => {
    const loaded = loadTorchCheckpoint(fixture(file));
    expect(loaded.get('tied')!.storage).toBe(loaded.get('base')!.storage);
    expect(loaded.get('tied')!.bytes.buffer).toBe(loaded.get('base')!.bytes.buffer);
    expect(loaded.get('scalar')!.storage).not.toBe(loaded.get('base')!.storage);
  });

  test('the key option selects an entry, and a wrong one lists what is there', () => {
    const path = fixture('training.zip.bin');
    const states = loadTorchCheckpoint(path, { key: 'state_dict' });
    expect(states.get('out.weight')!.shape).toEqual([2, 3]);
    expect([...loadTorchCheckpoint(path, { key: [] }).keys()]).toContain('state_dict.out.weight');
    const error = errorOf(() => loadTorchCheckpoint(path, { key: 'weights' }));
    expect(error.code).toBe('CHECKPOINT_INVALID');
    expect(error.message).toMatch(/no entry 'weights'.*epoch, state_dict/);
  });

  const data =
    process.env.EASYNLP_TEST_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
  const misc = join(data, 'checkpoints/misc');
  test.skipIf(!existsSync(misc))('real files of other projects (skipped without the test data)', () => {
    const only = (file: string) => {
      const loaded = loadTorchCheckpoint(join(misc, file));
      return [...loaded].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`);
    };
    expect(only('candle_test.pt')).toEqual(['test int64 2,4']);
    expect(only('candle_test_with_key.pt')).toEqual(['test int64 2,4']);
    expect(only('candle_fortran_tensor_3d.pth')).toEqual(['tensor_fortran int64 2,3,4']);
    expect(only('torchtune_tiny_fair_checkpoint.pt').length).toBeGreaterThan(20);
    for (const file of ['tchrs_foo1.pt', 'tchrs_foo4.pt', 'tchrs_foo7.pt']) {
      const error = errorOf(() => loadTorchCheckpoint(join(misc, file)));
      expect(error.code).toBe('CHECKPOINT_REFUSED');
      expect(error.message).toMatch(/TorchScript/);
    }
    expect(errorOf(() => loadTorchCheckpoint(join(misc, 'candle_test.npz'))).message).toMatch(
      /no data\.pkl|compressed/,
    );
    expect(errorOf(() => loadTorchCheckpoint(join(misc, 'candle_jfk-codes.safetensors'))).message).toMatch(
      /safetensors/,
    );
  });
});

describe('malicious files are refused by the name of what they ask for', () => {
  const cases = JSON.parse(readFileSync(fixture('malicious.json'), 'utf8')) as {
    name: string;
    refused: string;
    base64: string;
  }[];

  test.each(cases)('$name', ({ refused, base64 }) => {
    const path = join(folder, 'malicious.bin');
    writeFileSync(path, Buffer.from(base64, 'base64'));
    const error = errorOf(() => loadTorchCheckpoint(path));
    expect(error.code).toBe('CHECKPOINT_REFUSED');
    expect(error.details.global).toBe(refused);
    expect(error.message).toContain(path);
    expect(error.message).toContain(refused);
  });

  test.each([
    ['malicious.zip.bin', 'posix.system'],
    ['malicious.old.bin', 'posix.system'],
    ['torchscript.bin', 'TorchScript'],
    ['tar-layout.bin', 'before 0.1.10'],
    ['traversal.zip.bin', '../../etc/evil'],
  ])('%s: %s', (file, words) => {
    const error = errorOf(() => loadTorchCheckpoint(fixture(file)));
    expect(error.code).toBe('CHECKPOINT_REFUSED');
    expect(error.message).toContain(words);
  });
});

describe('damaged files', () => {
  const files = ['views.zip.bin', 'views.old.bin', 'training.zip.bin', 'training.old.bin', 'dtypes.old.bin'];
  const originals = files.map((file) => readFileSync(fixture(file)));
  const total = (tensors: ReturnType<typeof load>) =>
    [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);

  function check(bytes: Uint8Array): 'loaded' | 'refused' {
    try {
      for (const { shape, bytes: content } of load(bytes).values()) {
        expect(
          content.length %
            Math.max(
              1,
              shape.reduce((a, b) => a * b, 1),
            ),
        ).toBe(0);
      }
      return 'loaded';
    } catch (error) {
      if (!(error instanceof TorchError)) throw error;
      expect(error.code).toMatch(/^CHECKPOINT_(INVALID|REFUSED)$/);
      expect(error.message).not.toMatch(/too large to read/);
      return 'refused';
    }
  }

  test.each(files)('%s: every truncation is an error', (file) => {
    const original = readFileSync(fixture(file));
    for (let length = 0; length < original.length; length++) {
      expect(check(original.subarray(0, length)), `${length} bytes`).toBe('refused');
    }
  });

  test('a changed weight in a zip file is found by its checksum', () => {
    const original = readFileSync(fixture('protocol4.zip.bin'));
    using checkpoint = TorchCheckpoint.fromBytes(original);
    const { begin } = checkpoint.location(checkpoint.tensors.get('w')!);
    const changed = Buffer.from(original);
    changed[begin + 5]! ^= 1;
    expect(errorOf(() => load(changed)).message).toMatch(/checksum/);
    using unverified = TorchCheckpoint.fromBytes(changed, { verify: false });
    expect(unverified.read('w').bytes[5]).toBe(checkpoint.read('w').bytes[5]! ^ 1);
  });

  test('random changes give an error or tensors, never anything else', () => {
    const outcomes = { loaded: 0, refused: 0 };
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: fc.integer({ min: 0, max: 255 }),
      kind: fc.constantFrom('set', 'flip', 'insert', 'remove', 'repeat'),
    });
    const property = fc.property(
      fc.nat(files.length - 1),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (which, changes) => {
        let bytes = Buffer.from(originals[which]!);
        for (const { at, byte, kind } of changes) {
          const index = Math.floor(at * bytes.length);
          const rest = bytes.subarray(index);
          if (kind === 'set') bytes[index] = byte;
          else if (kind === 'flip') bytes[index]! ^= 1 << (byte & 7);
          else if (kind === 'insert')
            bytes = Buffer.concat([bytes.subarray(0, index), Buffer.from([byte]), rest]);
          else if (kind === 'remove') bytes = Buffer.concat([bytes.subarray(0, index), rest.subarray(1)]);
          else bytes = Buffer.concat([bytes.subarray(0, index + byte), rest]);
        }
        outcomes[check(bytes)]++;
      },
    );
    fc.assert(property, { numRuns: slow ? 100_000 : 5_000, seed: 20 });
    expect(outcomes.loaded).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  test('empty files, folders, missing files, other formats say what they are', () => {
    const write = (content: string) => {
      const path = join(folder, 'other.bin');
      writeFileSync(path, content, 'latin1');
      return errorOf(() => loadTorchCheckpoint(path));
    };
    expect(write('').message).toMatch(/empty/);
    expect(write('version https://git-lfs.github.com/spec/v1\n').message).toMatch(/git lfs pull/);
    expect(write('<!DOCTYPE html><html></html>').message).toMatch(/web page/);
    expect(write('\x89HDF\r\n\x1a\n').message).toMatch(/HDF5/);
    expect(write('hello world, this is text').code).toBe('CHECKPOINT_INVALID');
    expect(errorOf(() => loadTorchCheckpoint(folder)).code).toBe('IO_ERROR');
    expect(errorOf(() => loadTorchCheckpoint(join(folder, 'none.bin'))).message).toMatch(
      /none\.bin.*no such file/,
    );
  });

  test('the tensors of the originals load, so that the tests above start from valid files', () => {
    for (const original of originals) expect(total(load(original))).toBeGreaterThan(0);
  });
});
