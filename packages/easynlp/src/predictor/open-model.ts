import { existsSync } from 'node:fs';
import { openArtefact } from '../appzoo/artefact.js';
import type { LoadedApp } from '../appzoo/inference.js';
import { openRuntime } from '../appzoo/runtime.js';
import type { PredictConfig } from '../config/index.js';
import { type DataSource, openTable } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import { resolveModelFolder } from '../modelzoo/index.js';
import { nearest } from '../util/index.js';

type Shared = Pick<
  PredictConfig,
  | 'app'
  | 'model'
  | 'device'
  | 'precision'
  | 'numThreads'
  | 'sequenceLength'
  | 'firstSequence'
  | 'secondSequence'
> & { labelName?: string | undefined };

/**
 * The folder of a trained model. A mistyped path looks like a name on the hub, so a failure there also says that
 * there is no such folder here.
 */
export async function trainedModelFolder(model: string): Promise<string> {
  try {
    return await resolveModelFolder(model);
  } catch (cause) {
    const mistyped =
      EasyNlpError.isInstance(cause) &&
      /^HUB_(NETWORK|MODEL_NOT_FOUND|OFFLINE|UNAUTHORIZED|SERVER_ERROR)$/.test(cause.code) &&
      !existsSync(model);
    if (!mistyped) throw cause;
    throw new EasyNlpError(
      'ARTEFACT_INVALID',
      {
        folder: model,
        reason: `there is no such folder, and as a name on the hub: ${cause.message.replace(/\.$/, '')}`,
        hint: `Give the folder that "easynlp train" wrote, as --output said. ${cause.hint ?? ''}`.trim(),
      },
      { cause },
    );
  }
}

/** Opens a trained model where and how the configuration says. */
export async function loadModel(config: Shared): Promise<LoadedApp> {
  const runtime = openRuntime(config);
  const { app, spec, tokenizer, model } = await openArtefact(
    await trainedModelFolder(config.model),
    config.app,
    config,
  );
  model.to({ device: runtime.device });
  const changes = {
    sequenceLength: config.sequenceLength,
    firstSequence: config.firstSequence,
    secondSequence: config.secondSequence,
    labelName: config.labelName,
  };
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return { app, context: { spec: { ...spec, ...given }, tokenizer }, model, runtime };
}

export function openData(
  config: Pick<PredictConfig, 'format' | 'schema' | 'skipFirstLine'>,
  path: string,
): Promise<DataSource> {
  return openTable(path, {
    format: config.format,
    skipFirstLine: config.skipFirstLine,
    ...(config.schema === undefined ? {} : { schema: config.schema }),
  });
}

/** Refuses a file without the columns that are needed, before anything is computed. */
export function checkColumns(source: DataSource, needed: readonly string[]): void {
  const columns = source.columns?.map((c) => c.name);
  const missing = needed.find((name) => columns && !columns.includes(name));
  if (missing === undefined) return;
  throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
    file: source.name,
    column: missing,
    known: columns,
    suggestion: nearest(missing, columns!),
  });
}
