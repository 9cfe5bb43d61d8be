import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const written = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY }));

// A disk with `room` bytes left: a write stores what fits, and the next one fails, as write(2) does.
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    writeSync: (descriptor: number, bytes: Uint8Array, offset: number) => {
      const length = Math.min(bytes.length - offset, written.room);
      if (length === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      written.room -= length;
      return fs.writeSync(descriptor, bytes, offset, length);
    },
  };
});

const { AppendFile } = await import('./append-file.js');
const { TensorBoardWriter } = await import('./tensorboard-writer.js');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-append-'));
  written.room = Number.POSITIVE_INFINITY;
});
afterEach(() => rmSync(folder, { recursive: true }));

it('leaves whole records when the disk fills up half way through one, and goes on later', () => {
  const path = join(folder, 'log');
  const file = new AppendFile(path);
  file.append(Buffer.from('first\n'));
  written.room = 3;
  expect(() => file.append(Buffer.from('second\n'))).toThrow(/ENOSPC/);
  expect(readFileSync(path, 'utf8')).toBe('first\n');
  written.room = Number.POSITIVE_INFINITY;
  file.append(Buffer.from('third\n'));
  file.sync();
  file.close();
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('first\nthird\n');
  expect(() => file.append(Buffer.from('x'))).toThrow(/closed/);
});

it('appends to what is there, or refuses it when asked to', () => {
  const path = join(folder, 'log');
  for (const line of ['a\n', 'b\n']) {
    const file = new AppendFile(path);
    file.append(Buffer.from(line));
    file.close();
  }
  expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
  expect(() => new AppendFile(path, { exclusive: true })).toThrow(/EEXIST/);
  expect(() => new AppendFile(join(folder, 'missing', 'log'))).toThrow(/ENOENT/);
  expect(existsSync(join(folder, 'missing'))).toBe(false);
});

it('an event file keeps its records through a full disk and writes the late ones when there is room', () => {
  const board = new TensorBoardWriter(folder);
  const before = readFileSync(board.path);
  board.scalar('loss', 1, 1);
  written.room = 5;
  expect(() => board.flush()).toThrow(/ENOSPC/);
  expect(readFileSync(board.path)).toEqual(before);
  written.room = Number.POSITIVE_INFINITY;
  board.close();
  expect(readFileSync(board.path).length).toBeGreaterThan(before.length);
});
