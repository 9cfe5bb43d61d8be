import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, link, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EasyNlpError } from '../errors/index.js';
import { savePretrained } from '../modelzoo/index.js';
import { Tokenizer } from '../text/index.js';
import { VERSION } from '../version.js';
import type { App, AppModel, TaskSpec } from './app.js';
import { modelCard } from './model-card.js';
import { openPretrained } from './pretrained-task.js';
import { appOf } from './registry.js';

/** `easynlp.json`: what turns a Hugging Face folder into a model that this toolkit can use by name. */
export interface Manifest {
  readonly format: 1;
  readonly app: string;
  readonly task: TaskSpec;
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly training: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, string>>;
  /** SHA-256 of the other files: a folder whose files do not belong together is refused. */
  readonly files: Readonly<Record<string, string>>;
}

export const MANIFEST = 'easynlp.json';

export interface ArtefactParts {
  readonly spec: TaskSpec;
  readonly model: AppModel;
  readonly tokenizer: Tokenizer;
  readonly metrics: Readonly<Record<string, number | null>>;
  /** What the validation said besides figures, for `App.calibrate`. */
  readonly details?: unknown;
  readonly training: Readonly<Record<string, unknown>>;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Writes a complete artefact into an existing empty folder; use it inside `atomicFolder`. */
export async function writeArtefact(folder: string, parts: ArtefactParts): Promise<void> {
  await savePretrained(folder, parts.model);
  await parts.tokenizer.save(folder);
  const app = appOf(parts.spec);
  await app.saveFiles?.(parts.spec, folder);
  await writeFile(join(folder, 'README.md'), modelCard(app, parts));
  const files: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) files[name] = await sha256(join(folder, name));
  const manifest: Manifest = {
    format: 1,
    app: parts.spec.app,
    task: app.calibrate?.(parts.spec, parts.metrics, parts.details) ?? parts.spec,
    metrics: parts.metrics,
    training: parts.training,
    versions: { easynlp: VERSION },
    files,
  };
  await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * Puts an artefact's files into `target`, the manifest last: until it is there, and whenever its sums do not agree,
 * the folder does not count as a model. `from` stays as it is (hard links cost no space), so that a training which is
 * continued after its end, or was killed right here, still has its best model. Repeating it changes nothing.
 */
export async function publishArtefact(from: string, target: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => name !== MANIFEST);
  await rm(join(target, MANIFEST), { force: true });
  for (const name of [...names, MANIFEST]) {
    const temporary = join(target, `.${name}.publishing`);
    await rm(temporary, { force: true });
    // Only weights are worth a link; what people may edit in place (the card, the vocabulary) is copied.
    if (name.endsWith('.safetensors')) {
      await link(join(from, name), temporary).catch(() => copyFile(join(from, name), temporary));
    } else await copyFile(join(from, name), temporary);
    await sync(temporary);
    await rename(temporary, join(target, name));
    // Renaming one link of a file over another of the same file does nothing at all.
    await rm(temporary, { force: true });
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

export interface OpenedArtefact {
  readonly folder: string;
  /** Missing for a pretrained model that needed no training here. */
  readonly manifest?: Manifest;
  readonly app: App;
  readonly spec: TaskSpec;
  readonly tokenizer: Tokenizer;
  readonly model: AppModel;
}

/** Reads and checks the manifest of a trained model. Throws ARTEFACT_INVALID. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST);
  const invalid = (reason: string, hint?: string) =>
    new EasyNlpError('ARTEFACT_INVALID', { folder, reason, hint });
  if (!existsSync(folder)) throw invalid('there is no such folder', 'Check the path.');
  if (!existsSync(path)) {
    if (existsSync(join(folder, 'training'))) {
      throw invalid(
        'its training has not finished',
        'Continue it with the same train command and --resume auto, or use the best model so far in its folder training/best.',
      );
    }
    throw invalid(
      `it has no ${MANIFEST}`,
      'A pretrained model has no task yet: fine-tune it first, with "easynlp train … --model".',
    );
  }
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  } catch (cause) {
    throw new EasyNlpError(
      'ARTEFACT_INVALID',
      { folder, reason: `${MANIFEST} is not valid JSON` },
      { cause },
    );
  }
  if (manifest.format !== 1 || typeof manifest.app !== 'string' || !manifest.task || !manifest.files) {
    throw invalid(
      `${MANIFEST} has format ${String(manifest.format)}; this version reads format 1`,
      'Update easynlp.',
    );
  }
  for (const [name, sum] of Object.entries(manifest.files)) {
    if (name === 'README.md') continue; // people may edit the card
    const file = join(folder, name);
    if (!existsSync(file))
      throw invalid(`${name} is missing`, 'Copy the whole folder again, or train again.');
    if ((await sha256(file)) !== sum) {
      throw invalid(
        `${name} is damaged or was changed after training`,
        'Copy the whole folder again, or train again.',
      );
    }
  }
  return manifest;
}

/**
 * Loads a trained model: app, task, tokenizer and weights, in evaluation mode on the CPU. A pretrained one will do for a
 * task whose head it has (`App.pretrainedSpec`).
 *
 * @param options values of the app's own options of evaluation and prediction, for `App.adjust`
 */
export async function openArtefact(
  folder: string,
  wanted?: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<OpenedArtefact> {
  if (existsSync(folder) && !existsSync(join(folder, MANIFEST)) && !existsSync(join(folder, 'training'))) {
    const opened = await openPretrained(folder, wanted, options);
    if (opened !== null) return opened;
  }
  const manifest = await readManifest(folder);
  if (wanted !== undefined && wanted !== manifest.app) {
    // A language model that was trained here will do for other tasks that need its head and nothing else.
    const opened = await openPretrained(folder, wanted, options);
    if (opened !== null) return opened;
    throw new EasyNlpError('APP_MISMATCH', { folder, trained: manifest.app, wanted });
  }
  const app = appOf(manifest.task);
  const task = (await app.loadFiles?.(manifest.task, folder)) ?? manifest.task;
  const spec = app.adjust?.(task, options) ?? task;
  const tokenizer = await Tokenizer.fromFolder(folder);
  const model = await app.head(spec, { kind: 'pretrained', folder });
  model.eval();
  return { folder, manifest, app, spec, tokenizer, model };
}
