import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvaluateConfig } from '../../config/index.js';
import { buildTokenCache, type Split } from '../../datahub/corpus/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { TrainingDataOptions } from '../app.js';
import type { Evaluation } from '../evaluate.js';
import type { LoadedApp } from '../inference.js';
import { corpusFiles, openTokens } from './corpus-data.js';
import { evaluateCorpus, hasSequences } from './evaluate-corpus.js';
import { type LanguageModelingEvaluateConfig, languageModelingEvaluateOptions } from './options.js';
import type { LanguageModelingSpec } from './spec.js';

/** Options about tables; documents have no columns. */
const ABOUT_TABLES = ['schema', 'labelName', 'firstSequence', 'secondSequence', 'tokenBudget'] as const;

/**
 * A language model on documents: accuracy, loss and perplexity of masked tokens, per source. `data` is a corpus (all of
 * its documents, or those that `heldOut` keeps from training) or a token cache (its held-out documents). With the
 * training's documents, seed and batch size the figures are the training's, except that training stops looking after 50
 * batches of a source. Documents are tokenized into a temporary folder.
 */
export async function evaluateDocuments(
  loaded: LoadedApp,
  given: EvaluateConfig,
  { log, signal }: TrainingDataOptions,
): Promise<Evaluation> {
  const config = complete(given);
  const tokenizer = loaded.context.tokenizer;
  if (existsSync(join(config.data, 'header.json'))) {
    if (config.heldOut !== undefined) {
      throw new EasyNlpError('CONFIG_CONFLICT', {
        problem: `heldOut and a token cache (${config.data}) exclude each other`,
        hint: 'Which documents a token cache holds out was decided when it was made.',
      });
    }
    return await measure(loaded, config, config.data, 'heldOut', signal);
  }
  const sources = await corpusFiles(config.data, config.layout);
  const scratch = await mkdtemp(join(tmpdir(), 'easynlp-evaluate-'));
  try {
    const out = join(scratch, 'tokens');
    log(`tokenizing ${sources.length} ${sources.length === 1 ? 'source' : 'sources'}`);
    await buildTokenCache({
      sources,
      tokenizer,
      out,
      heldOut: config.heldOut ?? 0,
      ...(signal ? { signal } : {}),
    });
    return await measure(loaded, config, out, config.heldOut === undefined ? 'train' : 'heldOut', signal);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The defaults of this task's own options, which are missing where nobody named the task. */
function complete(given: EvaluateConfig): LanguageModelingEvaluateConfig {
  const about = [
    ...ABOUT_TABLES.filter((key) => given[key] !== undefined),
    ...(given.format === 'auto' ? [] : ['format']),
  ];
  if (about.length > 0) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: `${about.join(', ')}: language_modeling is evaluated on documents, not on a table`,
      hint: 'How files hold documents is said with layout.',
    });
  }
  const { shape } = languageModelingEvaluateOptions;
  const defaults = { layout: shape.layout.parse(undefined), seed: shape.seed.parse(undefined) };
  return { ...defaults, ...given };
}

async function measure(
  loaded: LoadedApp,
  config: LanguageModelingEvaluateConfig,
  folder: string,
  split: Split,
  signal: AbortSignal | undefined,
): Promise<Evaluation> {
  const { sequenceLength, masking, maskingRate } = loaded.context.spec as LanguageModelingSpec;
  const cache = await openTokens(folder, loaded.context.tokenizer);
  try {
    if (!hasSequences(cache, split, sequenceLength)) {
      throw new EasyNlpError('DATA_EMPTY', {
        file: config.data,
        reason: `${split === 'heldOut' ? 'its held-out documents do' : 'it does'} not fill one sequence of ${sequenceLength} tokens`,
      });
    }
    const data = {
      cache: folder,
      batchSize: config.batchSize,
      sequenceLength,
      seed: config.seed,
      masking: config.masking ?? masking,
      maskingRate: config.maskingRate ?? maskingRate,
    };
    return await evaluateCorpus(loaded, cache, data, { split, signal });
  } finally {
    cache.close();
  }
}
