import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { files } from '@easynlp/torch';
import type { Speed } from './measure.js';
import type { LandConfig } from './options.js';
import type { Stage, StageName } from './stages.js';

/** What is kept of a stage besides its model. */
export interface StageRecord {
  readonly name: StageName;
  /** Of everything that its result depends on. */
  readonly fingerprint: string;
  /** Null while it is being trained. */
  readonly result: {
    readonly metrics: Readonly<Record<string, number | null>>;
    readonly steps: number;
    readonly trainingSeconds: number;
    readonly speed: Speed;
  } | null;
}

const path = (output: string, name: StageName) => join(output, 'stages', `${name}.json`);

/** The stage's record; null when there is none or it cannot be read. */
export function readStage(output: string, name: StageName): StageRecord | null {
  try {
    return JSON.parse(readFileSync(path(output, name), 'utf8')) as StageRecord;
  } catch {
    return null;
  }
}

/** Whole or not at all. */
export function writeStage(output: string, record: StageRecord): void {
  mkdirSync(join(output, 'stages'), { recursive: true });
  files.writeFileAtomic(path(output, record.name), `${JSON.stringify(record, null, 2)}\n`);
}

/** A file by its content; of a model folder, its weights by size and time. */
function facts(name: string): unknown {
  if (!existsSync(name)) return name;
  if (!statSync(name).isDirectory()) return createHash('sha256').update(readFileSync(name)).digest('hex');
  const weights = ['model.safetensors', 'pytorch_model.bin'].map((w) => join(name, w)).find(existsSync);
  if (weights === undefined) return name;
  const { size, mtimeMs } = statSync(weights);
  return [name, size, mtimeMs];
}

/** Changes with the stage's options, its data and models, how it is measured, and the stages before it. */
export function fingerprint(stage: Stage, config: LandConfig, previous: string): string {
  const { train, dev, test, unlabelled, settings: _, ...rest } = config;
  const data = [train, dev, test ?? null, ...unlabelled].map((name) => name && facts(name));
  const measured = [rest.timingBatchSize, rest.device, rest.precision, rest.numThreads ?? null];
  return createHash('sha256')
    .update(JSON.stringify([stage.options, data, facts(stage.model), measured, previous]))
    .digest('hex')
    .slice(0, 16);
}
