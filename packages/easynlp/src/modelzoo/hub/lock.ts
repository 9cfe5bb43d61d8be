import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 5000;
/** A lock whose owner has not been heard of for so long is taken over (also across machines that share the cache). */
const STALE_MS = 30_000;
const POLL_MS = 100;

export function processAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Runs `action` while holding a lock file, so that processes do not fetch the same file twice. Node has no flock(2);
 * the lock therefore only saves work, it does not protect data: the download is correct without it (own temporary
 * file, atomic rename), and so taking over the lock of a dead owner needs no perfect protocol.
 */
export async function withFileLock<T>(
  path: string,
  action: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; onWait?: () => void; done?: () => Promise<boolean> } = {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), id: randomBytes(8).toString('hex') });
  for (let waited = false; !(await take(path, mine)); waited = true) {
    options.signal?.throwIfAborted();
    if ((await isStale(path)) && (await breakLock(path))) continue;
    if (!waited) options.onWait?.();
    // Nobody needs the lock any more once the result is there.
    if (await options.done?.()) return action();
    await sleep(POLL_MS, undefined, { signal: options.signal }).catch(() => options.signal?.throwIfAborted());
  }
  const beat = setInterval(
    () => void utimes(path, new Date(), new Date()).catch(() => undefined),
    HEARTBEAT_MS,
  );
  beat.unref();
  try {
    return await action();
  } finally {
    clearInterval(beat);
    // Only our own: it may have been taken over while this process was suspended.
    if ((await readFile(path, 'utf8').catch(() => '')) === mine)
      await rm(path, { force: true }).catch(() => undefined);
  }
}

async function take(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of an owner that died; any other stays. */
export async function clearStaleLock(path: string): Promise<void> {
  if (await isStale(path)) await breakLock(path);
}

/** Two that wait may break it at once and both fetch the file: double work, nothing worse. */
async function breakLock(path: string): Promise<boolean> {
  return rm(path, { force: true }).then(
    () => true,
    () => false,
  );
}

async function isStale(path: string): Promise<boolean> {
  try {
    const age = Date.now() - (await stat(path)).mtimeMs;
    if (age > STALE_MS) return true;
    const owner = JSON.parse(await readFile(path, 'utf8')) as { pid?: unknown; host?: unknown };
    return owner.host === hostname() && typeof owner.pid === 'number' && !processAlive(owner.pid);
  } catch {
    // Gone, or its owner is just writing it: look again.
    return false;
  }
}
