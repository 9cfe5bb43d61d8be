import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TorchError } from '../errors.js';
import { atomicFolder, recoverFolder, writeFileAtomic } from './atomic.js';
import { writeSafetensors } from './safetensors-writer.js';
import { retiredPath, temporaryPath } from './temporary.js';

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'easynlp-atomic-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
});

function caught(action: () => unknown): TorchError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TorchError);
    return error as TorchError;
  }
  throw new Error('no error was thrown');
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code, syscall: 'write', errno: -1 });
}

describe('writeFileAtomic', () => {
  test('writes text, bytes and chunks, and replaces what was there', () => {
    const path = join(folder, 'file');
    writeFileAtomic(path, '中文');
    expect(fs.readFileSync(path, 'utf8')).toBe('中文');
    writeFileAtomic(path, [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
    expect([...fs.readFileSync(path)]).toEqual([1, 2, 3]);
    expect(fs.readdirSync(folder)).toEqual(['file']);
  });

  test('a link is replaced, its target stays as it is', () => {
    fs.writeFileSync(join(folder, 'blob'), 'old');
    fs.symlinkSync('blob', join(folder, 'file'));
    writeFileAtomic(join(folder, 'file'), 'new');
    expect(fs.readFileSync(join(folder, 'blob'), 'utf8')).toBe('old');
    expect(fs.readFileSync(join(folder, 'file'), 'utf8')).toBe('new');
  });

  test('the file is synced before it gets its name, and the folder after', () => {
    const events: string[] = [];
    const { fsyncSync, renameSync } = fs;
    vi.spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
      events.push(fs.fstatSync(descriptor).isDirectory() ? 'sync folder' : 'sync file');
      fsyncSync(descriptor);
    });
    vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      events.push('rename');
      renameSync(from, to);
    });
    writeFileAtomic(join(folder, 'file'), 'x');
    expect(events).toEqual(['sync file', 'rename', 'sync folder']);
  });

  test.each(['ENOSPC', 'EDQUOT', 'EIO'])(
    '%s in the middle: path and bytes are named, the old file stays',
    (code) => {
      const path = join(folder, 'model.safetensors');
      fs.writeFileSync(path, 'old');
      const { writeSync } = fs;
      let calls = 0;
      vi.spyOn(fs, 'writeSync').mockImplementation(((...args: Parameters<typeof writeSync>) => {
        if (++calls > 1) throw systemError(code);
        return writeSync(...args);
      }) as typeof writeSync);
      const error = caught(() =>
        writeSafetensors(
          path,
          new Map([['w', { dtype: 'uint8', shape: [100], bytes: new Uint8Array(100) }]]),
        ),
      );
      expect(error.code).toBe('IO_ERROR');
      expect(error.details.errno).toBe(code);
      expect(error.message).toContain(path);
      expect(error.message).toMatch(/\(72 of 172 bytes done\)/);
      expect(fs.readFileSync(path, 'utf8')).toBe('old');
      expect(fs.readdirSync(folder)).toEqual(['model.safetensors']);
    },
  );

  test.each(['fsyncSync', 'renameSync', 'closeSync'] as const)(
    'an error of %s leaves nothing behind',
    (call) => {
      const path = join(folder, 'file');
      fs.writeFileSync(path, 'old');
      vi.spyOn(fs, call).mockImplementationOnce(() => {
        throw systemError('EIO');
      });
      expect(caught(() => writeFileAtomic(path, 'new')).details.errno).toBe('EIO');
      expect(fs.readFileSync(path, 'utf8')).toBe('old');
      expect(fs.readdirSync(folder)).toEqual(['file']);
    },
  );

  test('errors of the producer come out unchanged, and nothing is left behind', () => {
    const error = new Error('mine');
    function* chunks() {
      yield Uint8Array.of(1);
      throw error;
    }
    expect(() => writeFileAtomic(join(folder, 'file'), chunks())).toThrow(error);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test('a missing folder, a folder as target, a read-only folder', () => {
    expect(caught(() => writeFileAtomic(join(folder, 'no/file'), 'x')).message).toMatch(/no\/file.*ENOENT/);
    fs.mkdirSync(join(folder, 'taken'));
    expect(caught(() => writeFileAtomic(join(folder, 'taken'), 'x')).message).toMatch(/taken.*\[EISDIR\]/);
    const closed = join(folder, 'closed');
    fs.mkdirSync(closed, { mode: 0o555 });
    // Root may write anywhere: there the system's answer is injected.
    if (process.getuid?.() === 0) {
      vi.spyOn(fs, 'openSync').mockImplementationOnce(() => {
        throw systemError('EACCES');
      });
    }
    expect(caught(() => writeFileAtomic(join(closed, 'file'), 'x')).message).toMatch(
      /closed\/file.*permission denied/,
    );
    expect(fs.readdirSync(folder).sort()).toEqual(['closed', 'taken']);
    expect(fs.readdirSync(closed)).toEqual([]);
  });

  test('names of 255 bytes work', () => {
    const path = join(folder, 'x'.repeat(255));
    writeFileAtomic(path, 'x');
    expect(fs.readdirSync(folder)).toEqual(['x'.repeat(255)]);
  });

  test('what dead processes left is removed, what live ones write is not', () => {
    const path = join(folder, 'file');
    const dead = execFileSync(process.execPath, ['-p', 'process.pid']).toString().trim();
    const mine = temporaryPath(path);
    const stale = mine.replace(`-${process.pid}-`, `-${dead}-`);
    const otherHost = mine.replace(/tmp-[0-9a-f]{8}/, 'tmp-00000000');
    const otherTarget = temporaryPath(join(folder, 'file2')).replace(`-${process.pid}-`, `-${dead}-`);
    for (const name of [mine, stale, otherHost, otherTarget]) fs.writeFileSync(name, 'x');
    writeFileAtomic(path, 'x');
    const left = () => new Set(fs.readdirSync(folder).map((name) => join(folder, name)));
    expect(left()).toEqual(new Set([path, mine, otherHost, otherTarget]));
    fs.utimesSync(otherHost, 0, Date.now() / 1000 - 90_000);
    writeFileAtomic(path, 'x');
    expect(left()).toEqual(new Set([path, mine, otherTarget]));
  });
});

describe('atomicFolder', () => {
  const fill = (text: string) => async (into: string) => {
    fs.mkdirSync(join(into, 'sub'));
    fs.writeFileSync(join(into, 'sub/a'), text);
    await null;
    fs.writeFileSync(join(into, 'b'), text);
    return text.length;
  };
  const read = (target: string) =>
    fs.readFileSync(join(target, 'sub/a'), 'utf8') + fs.readFileSync(join(target, 'b'), 'utf8');

  test('appears with all of its files, synced', async () => {
    const target = join(folder, 'checkpoint');
    const sync = vi.spyOn(fs, 'fsyncSync');
    expect(await atomicFolder(target, fill('xyz'))).toBe(3);
    expect(read(target)).toBe('xyzxyz');
    expect(sync).toHaveBeenCalledTimes(5);
    expect(fs.readdirSync(folder)).toEqual(['checkpoint']);
  });

  test('an existing folder is an error, or replaced when asked', async () => {
    const target = join(folder, 'checkpoint');
    await atomicFolder(target, fill('1'));
    await expect(atomicFolder(target, fill('2'))).rejects.toThrow(/checkpoint: it exists already/);
    expect(read(target)).toBe('11');
    await atomicFolder(target, fill('3'), { replace: true });
    expect(read(target)).toBe('33');
    expect(fs.readdirSync(folder)).toEqual(['checkpoint']);
  });

  test('an error in the middle leaves nothing behind', async () => {
    const target = join(folder, 'checkpoint');
    const mine = new Error('mine');
    const broken = async (into: string) => {
      fs.writeFileSync(join(into, 'a'), 'x');
      throw mine;
    };
    await expect(atomicFolder(target, broken)).rejects.toBe(mine);
    const full = () => {
      throw systemError('ENOSPC');
    };
    await expect(atomicFolder(target, full)).rejects.toThrow(/checkpoint: no space left/);
    await atomicFolder(target, fill('1'));
    const { renameSync } = fs;
    vi.spyOn(fs, 'renameSync')
      .mockImplementationOnce(renameSync)
      .mockImplementationOnce(() => {
        throw systemError('EIO');
      });
    await expect(atomicFolder(target, fill('2'), { replace: true })).rejects.toThrow(/EIO/);
    expect(read(target)).toBe('11');
    expect(fs.readdirSync(folder)).toEqual(['checkpoint']);
  });

  test('a death between the two renames of a replacement is undone', async () => {
    const target = join(folder, 'checkpoint');
    expect(recoverFolder(target)).toBe(false);
    await atomicFolder(target, fill('1'));
    fs.renameSync(target, retiredPath(target));
    expect(recoverFolder(target)).toBe(true);
    expect(recoverFolder(target)).toBe(false);
    expect(read(target)).toBe('11');
    fs.renameSync(target, retiredPath(target));
    await expect(atomicFolder(target, fill('2'))).rejects.toThrow(/exists already/);
    expect(read(target)).toBe('11');
    expect(fs.readdirSync(folder)).toEqual(['checkpoint']);
  });
});

describe('a file system of 256 KiB', () => {
  let mounted = '';
  const mount = (options: string) => {
    mounted = join(folder, 'mount');
    fs.mkdirSync(mounted, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mounted], { stdio: 'ignore' });
      return true;
    } catch {
      mounted = '';
      return false;
    }
  };
  afterEach(() => {
    if (mounted !== '') execFileSync('umount', [mounted]);
    mounted = '';
  });
  const big = new Map([['w', { dtype: 'uint8', shape: [200_000], bytes: new Uint8Array(200_000) } as const]]);

  test('full: the old file stays, the error names path and bytes', ({ skip }) => {
    if (!mount('size=256k')) return skip('tmpfs cannot be mounted here; the injected ENOSPC above covers it');
    const path = join(mounted, 'model.safetensors');
    writeSafetensors(path, big);
    const before = fs.readFileSync(path);
    const error = caught(() => writeSafetensors(path, big));
    expect(error.details).toMatchObject({ errno: 'ENOSPC', path, bytes: before.length });
    expect(error.message).toMatch(/no space left/);
    expect(fs.readdirSync(mounted)).toEqual(['model.safetensors']);
    expect(fs.readFileSync(path).equals(before)).toBe(true);
  });

  test('read-only', ({ skip }) => {
    if (!mount('size=256k,ro')) return skip('tmpfs cannot be mounted here');
    const error = caught(() => writeSafetensors(join(mounted, 'model.safetensors'), big));
    expect(error.details.errno).toBe('EROFS');
    expect(error.message).toMatch(/read-only/);
  });
});
