import type { TrainConfig } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { type CheckpointContent, type CheckpointStore, readCheckpoint } from './checkpoint.js';

/** Options that may change between a checkpoint and its continuation without changing the training. */
const HARMLESS: ReadonlySet<string> = new Set([
  'resume',
  'allowChanged',
  'overwrite',
  'output',
  'keepLast',
  'saveStrategy',
  'saveSteps',
  'tensorboard',
  'numThreads',
]);

/**
 * Options that decide which rows form which batch: where one of them changed, a place within an epoch means nothing
 * any more.
 */
const ORDER: ReadonlySet<string> = new Set([
  'train',
  'trainBytes',
  'trainSha256',
  'format',
  'schema',
  'skipFirstLine',
  'firstSequence',
  'secondSequence',
  'sequenceLength',
  'tokenizer',
  'batchSize',
  'tokenBudget',
  'bucketing',
  'seed',
]);

export interface Resumed {
  readonly folder: string;
  readonly content: CheckpointContent;
  /** Options that differ from the checkpoint's, as the configuration allows. */
  readonly changed: readonly string[];
  /** Whether the order of the data is another one now. */
  readonly reordered: boolean;
}

/**
 * The checkpoint to continue from, or null to start anew: `auto` takes the newest whole one, if any.
 * Throws RESUME_NOT_FOUND, CHECKPOINT_DAMAGED, RESUME_CHANGED.
 */
export async function findResume(
  config: TrainConfig,
  data: Readonly<Record<string, unknown>>,
  store: CheckpointStore,
  log: (line: string) => void,
): Promise<Resumed | null> {
  if (config.resume === undefined) return null;
  let folder: string | null = config.resume;
  if (config.resume === 'auto') {
    const { folder: latest, skipped } = await store.latest();
    for (const { folder: damaged, reason } of skipped) log(`checkpoint ${damaged} is left out: ${reason}`);
    folder = latest;
  }
  if (folder === null) return null;
  const content = await readCheckpoint(folder);
  const allowed = new Set(config.allowChanged);
  const different: string[] = [];
  const changed = (field: string, before: unknown, now: unknown) => {
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    different.push(field);
    if (allowed.has(field)) return;
    for (const group of Object.values(content.tensors)) for (const tensor of group.values()) tensor.dispose();
    throw new EasyNlpError('RESUME_CHANGED', { checkpoint: folder, field, before, now });
  };
  const current: Record<string, unknown> = config;
  for (const field of new Set([...Object.keys(content.config), ...Object.keys(current)])) {
    if (!HARMLESS.has(field)) changed(field, content.config[field], current[field]);
  }
  for (const [field, before] of Object.entries(content.data)) changed(field, before, data[field]);
  return { folder, content, changed: different, reordered: different.some((field) => ORDER.has(field)) };
}
