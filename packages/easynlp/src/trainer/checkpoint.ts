import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { files, type Tensor, TorchError } from '@easynlp/torch';
import { EasyNlpError } from '../errors/index.js';
import type { TrainingState } from './training-state.js';

/** A checkpoint's content: tensors in groups (one safetensors file each) and the JSON state. */
export interface CheckpointContent {
  readonly state: TrainingState;
  readonly config: Readonly<Record<string, unknown>>;
  /** Facts about the data that must not change: file sizes, number of rows. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, ReadonlyMap<string, Tensor>>>;
}

interface Stored {
  readonly format: 1;
  readonly state: TrainingState;
  readonly config: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, unknown>>;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly groups: readonly string[];
}

type Sums = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;

const NAME = /^step-(\d{8})$/;
/** A checkpoint set aside while another one takes its name. */
const RETIRED = /^\.(step-\d{8})\.old-[0-9a-f]{8}$/;
/** What a killed process was writing: the trainer's own folder has no other writers. */
const TEMPORARY = /^\.step-\d{8}\.tmp-/;
const SUMS = 'manifest.json';
const STATE = 'state.json';

/** SHA-256 of a file, in hexadecimal. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Why a checkpoint cannot be used, or null when every file is as it was written. */
export async function checkpointProblem(folder: string): Promise<string | null> {
  let sums: Sums;
  try {
    sums = JSON.parse(await readFile(join(folder, SUMS), 'utf8')) as Sums;
  } catch {
    return `${SUMS} is missing or unreadable`;
  }
  const names = typeof sums === 'object' && sums !== null ? Object.keys(sums) : [];
  const entries = names.every(
    (name) => name === basename(name) && typeof sums[name] === 'object' && sums[name],
  );
  if (!entries || !names.includes(STATE)) return `${SUMS} does not list the checkpoint's files`;
  for (const [name, { bytes, sha256: sum }] of Object.entries(sums)) {
    const path = join(folder, name);
    const size = await stat(path).then(
      (s) => s.size,
      () => null,
    );
    if (size === null) return `${name} is missing`;
    if (size !== bytes) return `${name} has ${size} bytes instead of ${bytes}`;
    if ((await sha256(path)) !== sum) return `${name} does not match its checksum`;
  }
  return null;
}

/** The checkpoints of one training: written whole or not at all, checked when read, pruned to the newest few. */
export class CheckpointStore {
  /** @param keepLast number to keep; 0 = all */
  constructor(
    readonly folder: string,
    private readonly keepLast: number,
  ) {}

  /** Folders of all checkpoints, the newest first. */
  async list(): Promise<string[]> {
    if (!existsSync(this.folder)) return [];
    for (const name of await readdir(this.folder)) {
      const target = RETIRED.exec(name)?.[1];
      if (target === undefined) continue;
      try {
        files.recoverFolder(join(this.folder, target));
      } catch {
        // A read-only folder: the checkpoints that are in place can still be read.
      }
    }
    return (await readdir(this.folder))
      .filter((name) => NAME.test(name))
      .sort()
      .reverse()
      .map((name) => join(this.folder, name));
  }

  /** The newest checkpoint that is whole, with what was wrong with newer ones. */
  async latest(): Promise<{ folder: string | null; skipped: { folder: string; reason: string }[] }> {
    const skipped: { folder: string; reason: string }[] = [];
    for (const folder of await this.list()) {
      const reason = await checkpointProblem(folder);
      if (reason === null) return { folder, skipped };
      skipped.push({ folder, reason });
    }
    return { folder: null, skipped };
  }

  /**
   * Writes into a temporary folder, syncs, renames, and only then removes older checkpoints. Checkpoints of later
   * steps go too: they are of a course that was left when training resumed from an earlier one (or they are damaged),
   * and would be taken for the newest next time.
   */
  async save(content: CheckpointContent): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    const target = join(this.folder, `step-${String(content.state.step).padStart(8, '0')}`);
    await files.atomicFolder(
      target,
      async (folder) => {
        const stored: Stored = {
          format: 1,
          state: content.state,
          config: content.config,
          data: content.data,
          extra: content.extra,
          groups: Object.keys(content.tensors),
        };
        for (const [group, tensors] of Object.entries(content.tensors)) {
          files.saveSafetensors(join(folder, `${group}.safetensors`), tensors);
        }
        await writeFile(join(folder, STATE), `${JSON.stringify(stored, null, 2)}\n`);
        const sums: Record<string, { bytes: number; sha256: string }> = {};
        for (const name of (await readdir(folder)).sort()) {
          const path = join(folder, name);
          sums[name] = { bytes: (await stat(path)).size, sha256: await sha256(path) };
        }
        await writeFile(join(folder, SUMS), `${JSON.stringify(sums, null, 2)}\n`);
      },
      { replace: true },
    );
    const all = await this.list();
    const current = all.indexOf(target);
    const doomed = [
      ...all.slice(0, current),
      ...(this.keepLast > 0 ? all.slice(current + this.keepLast) : []),
    ];
    for (const name of await readdir(this.folder)) {
      if (TEMPORARY.test(name) || RETIRED.test(name)) doomed.push(join(this.folder, name));
    }
    for (const old of doomed) await rm(old, { recursive: true, force: true });
    return target;
  }
}

/** Reads a checkpoint that is whole; tensors belong to the caller's scope. Throws CHECKPOINT_DAMAGED. */
export async function readCheckpoint(folder: string): Promise<CheckpointContent> {
  if (!existsSync(folder))
    throw new EasyNlpError('RESUME_NOT_FOUND', { folder, reason: 'there is no such folder' });
  if (!existsSync(join(folder, SUMS)) && !NAME.test(basename(folder))) {
    throw new EasyNlpError('RESUME_NOT_FOUND', { folder, reason: `it has no ${SUMS}` });
  }
  const problem = await checkpointProblem(folder);
  if (problem !== null) throw new EasyNlpError('CHECKPOINT_DAMAGED', { folder, reason: problem });
  try {
    const stored = JSON.parse(await readFile(join(folder, STATE), 'utf8')) as Stored;
    if (stored.format !== 1) {
      const reason = `it has format ${String(stored.format)}; this version reads format 1`;
      throw new EasyNlpError('CHECKPOINT_DAMAGED', { folder, reason });
    }
    const tensors = Object.fromEntries(
      stored.groups.map((group) => [group, files.loadSafetensors(join(folder, `${group}.safetensors`))]),
    );
    return { state: stored.state, config: stored.config, data: stored.data, extra: stored.extra, tensors };
  } catch (cause) {
    if (!(cause instanceof TorchError) && !(cause instanceof SyntaxError)) throw cause;
    throw new EasyNlpError('CHECKPOINT_DAMAGED', { folder, reason: cause.message }, { cause });
  }
}
