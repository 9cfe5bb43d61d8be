import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { TrainConfig } from '../../config/index.js';
import {
  buildTokenCache,
  cacheOutdated,
  type DocumentLayout,
  findSources,
  jiebaSegmenter,
  parseWeightRecipe,
  readUserDictionary,
  TokenCache,
  vocabularyHash,
  type WeightRecipe,
} from '../../datahub/corpus/index.js';
import type { BatchPosition, HostBatch, ProvidedBatch } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { joinUserWords, type Tokenizer } from '../../text/index.js';
import type { TrainingData, TrainingDataOptions } from '../app.js';
import type { LoadedApp } from '../inference.js';
import { evaluateCorpus, hasSequences } from './evaluate-corpus.js';
import type { MlmBatch, MlmDataOptions, MlmShape } from './mlm-batch.js';
import { MlmBatcher } from './mlm-batcher.js';
import type { LanguageModelingConfig } from './options.js';

/** Batches of a source that training evaluates on; enough for a standard error well below a percent. */
const MOST_BATCHES = 50;

/** A token cache that goes with the model's vocabulary; throws DATA_TOKENIZER. */
export async function openTokens(folder: string, tokenizer: Tokenizer): Promise<TokenCache> {
  const cache = await TokenCache.open(folder);
  if (cache.header.vocabulary === vocabularyHash(tokenizer)) return cache;
  cache.close();
  throw new EasyNlpError('DATA_TOKENIZER', {
    file: folder,
    reason: 'its tokens were made with another vocabulary than the model has',
  });
}

/** Corpus files of a comma-separated list. */
export const corpusFiles = (paths: string, layout: string) =>
  findSources(
    paths.split(',').map((path) => path.trim()),
    { layout: layout as DocumentLayout },
  );

/** The token cache of a corpus: `train` itself, one made before for the same vocabulary and sources, or a new one. */
async function tokenCacheOf(
  config: LanguageModelingConfig,
  { context: { tokenizer } }: LoadedApp,
  { log, signal }: TrainingDataOptions,
): Promise<string> {
  if (existsSync(join(config.train, 'header.json'))) return config.train;
  const sources = await corpusFiles(config.train, config.layout);
  const folder = config.tokenCache ?? `${config.output}-tokens`;
  const { userDictionary: words } = config;
  const given = words === undefined ? [] : await readUserDictionary(words);
  // What a tokenizer of words keeps whole is masked whole.
  const segmenter = jiebaSegmenter({ userDictionary: joinUserWords(tokenizer.userDictionary, given) });
  if (existsSync(join(folder, 'header.json'))) {
    const cache = await TokenCache.open(folder);
    const outdated = await cacheOutdated(cache, {
      sources,
      tokenizer,
      heldOut: config.heldOut,
      segmenter: segmenter.name,
    });
    cache.close();
    if (outdated === null) {
      log(`using the tokens in ${folder}`);
      return folder;
    }
    log(`the tokens in ${folder} are made anew: ${outdated}`);
  }
  log(`tokenizing ${sources.length} sources into ${folder}`);
  await buildTokenCache({
    sources,
    tokenizer,
    segmenter,
    out: folder,
    heldOut: config.heldOut,
    overwrite: true,
    ...(signal ? { signal } : {}),
    onProgress: ({ source, tokens }) => log(`  ${source}: ${tokens.toLocaleString('en-US')} tokens`),
  });
  return folder;
}

async function weightsOf(path: string | undefined): Promise<WeightRecipe | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new EasyNlpError(
      'CONFIG_FILE_UNREADABLE',
      { file: path, reason: (cause as Error).message },
      { cause },
    );
  });
  return parseWeightRecipe(parse(text), path);
}

/** A batch as the model takes it: static shapes, no attention mask since sequences are full. */
export function hostBatch(batch: MlmBatch, { batchSize, sequenceLength }: MlmShape): HostBatch {
  const n = batch.positions.length;
  return {
    tensors: {
      inputIds: { data: batch.inputIds, shape: [batchSize, sequenceLength], dtype: 'int32' },
      maskedPositions: { data: batch.positions, shape: [n], dtype: 'int64' },
      labels: { data: batch.labels, shape: [n], dtype: 'int64' },
    },
    size: batchSize,
    tokens: batchSize * sequenceLength,
    paddedTokens: batchSize * sequenceLength,
  };
}

/** Batches from a corpus, prepared ahead by a thread, and the evaluation on its held-out documents. */
export async function corpusData(
  loaded: LoadedApp,
  given: TrainConfig,
  options: TrainingDataOptions,
): Promise<TrainingData> {
  const config = given as LanguageModelingConfig;
  const { context } = loaded;
  if (config.dev !== undefined) {
    options.log(`${config.dev} is not read: language_modeling evaluates on held-out documents of its corpus`);
  }
  const folder = await tokenCacheOf(config, loaded, options);
  const cache = await openTokens(folder, context.tokenizer);
  const weights = await weightsOf(config.sourceWeights);
  const data: MlmDataOptions = {
    cache: folder,
    batchSize: config.batchSize,
    sequenceLength: config.sequenceLength,
    seed: config.seed,
    masking: config.masking,
    maskingRate: config.maskingRate,
    ...(weights ? { weights } : {}),
  };
  const probe = new MlmBatcher({ ...data, ahead: 0 });
  const { stepsPerEpoch, shape } = probe;
  await probe.close();
  let open: MlmBatcher | null = null;

  async function* epoch(number: number, resume?: BatchPosition): AsyncGenerator<ProvidedBatch> {
    const from = resume?.batch ?? 0;
    const batcher = new MlmBatcher({ ...data, step: number * stepsPerEpoch + from });
    open = batcher;
    try {
      for (let i = from; i < stepsPerEpoch; i++) {
        const batch = hostBatch(batcher.next(), shape);
        yield { batch, position: { epoch: number, window: 0, batch: i + 1 } };
      }
    } finally {
      open = null;
      await batcher.close();
    }
  }

  const { train } = cache.header.splits;
  return {
    batches: { epoch, batchesPerEpoch: async () => stepsPerEpoch },
    name: config.train,
    size: `${train.tokens.toLocaleString('en-US')} tokens of ${cache.header.sources.length} sources`,
    evaluate: hasSequences(cache, 'heldOut', config.sequenceLength)
      ? () => evaluateCorpus(loaded, cache, data, { mostBatches: MOST_BATCHES })
      : null,
    dispose() {
      void open?.close();
      cache.close();
    },
  };
}
