import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { App, AppModel, ModelSource, TaskSpec } from '../appzoo/app.js';
import type { TrainConfig } from '../config/index.js';
import { readUserDictionary } from '../datahub/corpus/index.js';
import type { DataSource } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import { bertPreset, resolveModelFolder, textCnnConfig } from '../modelzoo/index.js';
import { buildVocab, isOfWords, type LoadTokenizerOptions, Tokenizer } from '../text/index.js';

export interface BuiltModel {
  readonly model: AppModel;
  readonly tokenizer: Tokenizer;
}

const DEFAULT_VOCAB_SIZE = 8000;

/** Texts of the columns that the app reads, for a vocabulary. */
async function* textsOf(app: App, spec: TaskSpec, source: DataSource): AsyncGenerator<string> {
  const columns = app.inputs.columns(spec, { labels: false });
  for await (const row of source.rows()) {
    if (app.texts) {
      yield* app.texts(row, spec);
      continue;
    }
    for (const column of columns) {
      const value = row.values[column];
      if (value !== undefined && value !== null) yield String(value);
    }
  }
}

async function tokenizerFrom(path: string, words: LoadTokenizerOptions): Promise<Tokenizer> {
  if (!existsSync(path)) {
    throw new EasyNlpError('DATA_TOKENIZER', { file: path, reason: 'there is no such file or folder' });
  }
  if (statSync(path).isDirectory()) return Tokenizer.fromFolder(path, words);
  const text = await readFile(path, 'utf8');
  const vocabulary = text.replace(/\r/g, '').replace(/\n+$/, '').split('\n');
  return Tokenizer.fromVocab(vocabulary, isOfWords(vocabulary) ? { wordSegmenter: 'jieba', ...words } : {});
}

/** The tokenizer that a training begins with, with the words that the user gives it. */
async function openTokenizer(
  config: TrainConfig,
  app: App,
  open: (options: LoadTokenizerOptions) => Promise<Tokenizer>,
): Promise<Tokenizer> {
  const { userDictionary: path } = config;
  if (path === undefined) return await open({});
  const tokenizer = await open({ userDictionary: await readUserDictionary(path) });
  // Apps that have words of their own to find take the dictionary with any tokenizer.
  if (tokenizer.wordSegmenter === null && app.options?.shape.userDictionary === undefined) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem:
        'userDictionary is for models whose tokenizer cuts words (WoBERT, RoFormer), and this one does not',
      hint: 'Leave it out.',
    });
  }
  return tokenizer;
}

/** The options that change an architecture, by the names of Hugging Face's config.json. */
function overrides(config: TrainConfig): Record<string, unknown> {
  const bert = {
    num_hidden_layers: config.layers,
    hidden_size: config.hiddenSize,
    num_attention_heads: config.heads,
    intermediate_size:
      config.intermediateSize ?? (config.hiddenSize === undefined ? undefined : 4 * config.hiddenSize),
    initializer_range: config.initializerRange,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout ?? config.dropout,
  };
  const textCnn = {
    embed_size: config.embeddingSize,
    conv_dim: config.convDim,
    kernel_sizes: config.kernelSizes,
    hidden_size: config.linearHiddenSize,
    hidden_dropout_prob: config.dropout,
  };
  const chosen = config.architecture === 'text-cnn' ? textCnn : bert;
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
}

async function changedConfig(folder: string, changes: object): Promise<Record<string, unknown>> {
  return { ...(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object), ...changes };
}

/**
 * Calls `load` with a folder like `folder` that has another configuration: pretrained weights with another dropout, for
 * every architecture and head alike.
 */
async function withChangedConfig<T>(
  folder: string,
  changes: object,
  load: (folder: string) => Promise<T>,
): Promise<T> {
  const changed = await mkdtemp(join(tmpdir(), 'easynlp-config-'));
  try {
    for (const name of await readdir(folder)) {
      if (name !== 'config.json') await symlink(resolve(folder, name), join(changed, name));
    }
    await writeFile(join(changed, 'config.json'), JSON.stringify(await changedConfig(folder, changes)));
    return await load(changed);
  } finally {
    await rm(changed, { recursive: true, force: true });
  }
}

/** Tokenizer and model of a training: a pretrained folder, or an architecture with random weights. */
export async function buildModel(
  config: TrainConfig,
  app: App,
  spec: TaskSpec,
  source: DataSource | null,
  options: { log: (line: string) => void; signal?: AbortSignal | undefined },
): Promise<BuiltModel> {
  if (config.model !== undefined) {
    const folder = await resolveModelFolder(config.model, options.signal ? { signal: options.signal } : {});
    const tokenizer = await openTokenizer(config, app, (words) => Tokenizer.fromFolder(folder, words));
    const changes = overrides(config);
    const head = (from: ModelSource) => app.head(spec, from, { onInfo: options.log });
    options.log(`model ${basename(folder)}${config.fromScratch ? ' (configuration only)' : ''}`);
    if (config.fromScratch) {
      return {
        tokenizer,
        model: await head({ kind: 'config', config: await changedConfig(folder, changes) }),
      };
    }
    if (Object.keys(changes).length === 0) {
      return { tokenizer, model: await head({ kind: 'pretrained', folder }) };
    }
    return {
      tokenizer,
      model: await withChangedConfig(folder, changes, (changed) =>
        head({ kind: 'pretrained', folder: changed }),
      ),
    };
  }
  if (config.architecture === undefined) {
    throw new EasyNlpError('MODEL_CHOICE', { reason: 'No model was chosen' });
  }
  if (config.tokenizer === undefined && source === null) {
    throw new EasyNlpError('MODEL_CHOICE', {
      reason: `${app.name} from scratch needs --tokenizer, a folder or vocab.txt`,
    });
  }
  const tokenizer = await openTokenizer(config, app, async (words) =>
    config.tokenizer === undefined && source !== null
      ? Tokenizer.fromVocab(
          await buildVocab(textsOf(app, spec, source), { size: config.vocabSize ?? DEFAULT_VOCAB_SIZE }),
        )
      : await tokenizerFrom(config.tokenizer!, words),
  );
  const base =
    config.architecture === 'text-cnn'
      ? textCnnConfig({ vocab_size: tokenizer.vocabSize, pad_token_id: tokenizer.padId })
      : {
          ...bertPreset(config.modelSize ?? 'tiny', { vocabSize: tokenizer.vocabSize }),
          pad_token_id: tokenizer.padId,
          max_position_embeddings: Math.max(512, spec.sequenceLength),
        };
  options.log(
    `${config.architecture} from scratch, vocabulary of ${tokenizer.vocabSize.toLocaleString('en-US')} tokens`,
  );
  return {
    tokenizer,
    model: await app.head(spec, { kind: 'config', config: { ...base, ...overrides(config) } }),
  };
}
