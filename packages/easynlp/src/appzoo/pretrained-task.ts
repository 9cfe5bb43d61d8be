import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EasyNlpError } from '../errors/index.js';
import { Tokenizer } from '../text/index.js';
import type { OpenedArtefact } from './artefact.js';
import { readEasyNlpTraining } from './easynlp-training.js';
import { getApp, listApps } from './registry.js';

/**
 * A model that was pretrained elsewhere, ready for the first task (or the wanted one) whose head its `config.json`
 * names, or for the task that EasyNLP (Python) trained it for; null when there is none. Throws ARTEFACT_INVALID when the
 * weights lack that head after all, and APP_MISMATCH.
 */
export async function openPretrained(
  folder: string,
  wanted?: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<OpenedArtefact | null> {
  const config = await readFile(join(folder, 'config.json'), 'utf8')
    .then((text) => JSON.parse(text) as Readonly<Record<string, unknown>>)
    .catch(() => null);
  if (config === null || typeof config !== 'object') return null;
  const trained = await readEasyNlpTraining(folder);
  const name = wanted ?? trained?.app ?? null;
  for (const app of name === null ? listApps() : [getApp(name)]) {
    // Where the folder does not say its task, it is the one that was asked for.
    const easynlp = trained !== null && (trained.app ?? wanted) === app.name ? { easynlp: trained } : {};
    const found = app.pretrainedSpec?.(config, { named: wanted !== undefined, ...easynlp });
    if (!found) continue;
    const spec = app.adjust?.(found, options) ?? found;
    const remarks: string[] = [];
    const tokenizer = await Tokenizer.fromFolder(folder);
    const model = await app.head(
      spec,
      { kind: 'pretrained', folder },
      { onInfo: (line) => remarks.push(line) },
    );
    const anew = remarks.find((line) => line.startsWith('Begun anew'));
    if (anew !== undefined) {
      model.dispose();
      throw new EasyNlpError('ARTEFACT_INVALID', {
        folder,
        reason: `its weights lack a part that ${app.name} needs (${anew})`,
        hint: 'Train it first, with "easynlp train … --model".',
      });
    }
    model.eval();
    return { folder, app, spec, tokenizer, model };
  }
  if (trained !== null && trained.app !== null && wanted !== undefined) {
    throw new EasyNlpError('APP_MISMATCH', { folder, trained: trained.app, wanted });
  }
  return null;
}
