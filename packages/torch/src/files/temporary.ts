import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * Names of temporary files: `.<target>.tmp-<host>-<pid>-<random>`. Host and process tell, after a crash, that nobody
 * is writing the file any more, so that the next writer of the same target can remove it.
 */
const TEMPORARY = /^([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/;
const DAY_MS = 86_400_000;
// File systems allow 255 bytes in a name; the marks around the target's name take up to 40.
const MAX_NAME_BYTES = 200;

let hostTag: string | undefined;

/** Process ids only mean something within one host and one pid namespace (containers). */
function host(): string {
  if (hostTag === undefined) {
    let namespace = '';
    try {
      namespace = fs.readlinkSync('/proc/self/ns/pid');
    } catch {
      // Not Linux.
    }
    hostTag = createHash('sha256').update(`${hostname()} ${namespace}`).digest('hex').slice(0, 8);
  }
  return hostTag;
}

function stem(path: string): { folder: string; name: string } {
  const absolute = resolve(path);
  const name = basename(absolute);
  const short =
    Buffer.byteLength(name) <= MAX_NAME_BYTES
      ? name
      : createHash('sha256').update(name).digest('hex').slice(0, 32);
  return { folder: dirname(absolute), name: short };
}

/** A fresh name in the target's folder. */
export function temporaryPath(path: string): string {
  const { folder, name } = stem(path);
  return join(folder, `.${name}.tmp-${host()}-${process.pid}-${randomBytes(4).toString('hex')}`);
}

/** Where a folder that is being replaced waits. */
export function retiredPath(path: string): string {
  const { folder, name } = stem(path);
  return join(folder, `.${name}.old-${randomBytes(4).toString('hex')}`);
}

/** Set-aside predecessors of `path`, newest first. */
export function retiredFolders(path: string): string[] {
  const { folder, name } = stem(path);
  const prefix = `.${name}.old-`;
  return list(folder)
    .filter((entry) => entry.startsWith(prefix) && /^[0-9a-f]{8}$/.test(entry.slice(prefix.length)))
    .map((entry) => join(folder, entry))
    .sort((a, b) => modified(b) - modified(a));
}

/** Removes what killed writers of `path` left: temporaries of dead processes here, or a day old of other hosts. */
export function removeStaleTemporaries(path: string): void {
  const { folder, name } = stem(path);
  const prefix = `.${name}.tmp-`;
  for (const entry of list(folder)) {
    const match = entry.startsWith(prefix) ? TEMPORARY.exec(entry.slice(prefix.length)) : null;
    if (match === null) continue;
    const full = join(folder, entry);
    const stale = match[1] === host() ? !alive(Number(match[2])) : Date.now() - modified(full) > DAY_MS;
    if (!stale) continue;
    try {
      fs.rmSync(full, { recursive: true, force: true });
    } catch {
      // Someone else's file, or a read-only folder: the write that follows reports what matters.
    }
  }
}

function list(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function modified(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
