import { EasyNlpError } from '../../errors/index.js';
import { unsafeFileNameReason } from './safe-names.js';

/** Small files that a model may need beside its weights. */
const COMPANIONS = [
  'config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'spiece.model',
  'spm.model',
  'sentencepiece.bpe.model',
  'tokenizer.model',
  'user_dict.txt',
  'label_mapping.json',
  'easynlp.json',
];

/** Best first: the first that exists is used, so that nothing is fetched twice in two formats. */
const WEIGHTS = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

const OTHER_WEIGHTS =
  /(^|\/)(tf_model\.h5|flax_model\.msgpack|rust_model\.ot|.*\.(onnx|gguf|ckpt|mlmodel|tflite))$/;

export interface Selection {
  /** Files to fetch first: everything but the weights, the index of sharded weights included. */
  readonly small: readonly string[];
  /** Files to fetch last; their presence in a snapshot means that it is complete. */
  readonly weights: readonly string[];
  /** The index whose shards must be added with {@link shardFiles}. */
  readonly index: string | undefined;
  /** What a usable model has and this one lacks, for messages. */
  readonly missing: readonly string[];
  /** Weights in formats that we do not read. */
  readonly otherWeights: readonly string[];
}

/** Turns a pattern with `*`, `?` and `**` into a test of '/'-separated paths. */
export function matchPattern(pattern: string): (path: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(
      /\*\*\/|\*\*|\*|\?/g,
      (wild) => ({ '**/': '(?:[^]*/)?', '**': '[^]*', '*': '[^/]*', '?': '[^/]' })[wild]!,
    );
  const expression = new RegExp(`^${source}$`);
  return (path) => expression.test(path);
}

const hasWildcard = (pattern: string): boolean => /[*?]/.test(pattern);

/** Chooses the files of a repository (or of a cached snapshot) that are needed. */
export function selectFiles(paths: readonly string[], patterns?: readonly string[]): Selection {
  const present = new Set(paths);
  if (patterns !== undefined) {
    const tests = patterns.map((pattern) => ({ pattern, test: matchPattern(pattern) }));
    return {
      small: paths.filter((path) => tests.some(({ test }) => test(path))),
      weights: [],
      index: undefined,
      missing: tests
        .filter(({ pattern, test }) => (hasWildcard(pattern) ? !paths.some(test) : !present.has(pattern)))
        .map(({ pattern }) => pattern),
      otherWeights: [],
    };
  }
  const weights = WEIGHTS.find((name) => present.has(name));
  const index = weights?.endsWith('.index.json') ? weights : undefined;
  const small = COMPANIONS.filter((name) => present.has(name));
  const missing: string[] = [];
  if (!present.has('config.json')) missing.push('config.json');
  if (weights === undefined) missing.push('model.safetensors or pytorch_model.bin');
  return {
    small: index === undefined ? small : [...small, index],
    weights: weights === undefined || index !== undefined ? [] : [weights],
    index,
    missing,
    otherWeights: weights === undefined ? paths.filter((path) => OTHER_WEIGHTS.test(path)) : [],
  };
}

/**
 * The shards that an index file names (`weight_map`: parameter name → file).
 * @throws EasyNlpError HUB_BAD_RESPONSE, HUB_UNSAFE_FILE_NAME
 */
export function shardFiles(
  indexText: string,
  index: string,
  context: { name: string; endpoint: string },
): string[] {
  let map: unknown;
  try {
    map = (JSON.parse(indexText) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw new EasyNlpError('HUB_BAD_RESPONSE', { ...context, reason: `${index} is not JSON` }, { cause });
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map) || Object.keys(map).length === 0) {
    throw new EasyNlpError('HUB_BAD_RESPONSE', {
      ...context,
      reason: `${index} has no "weight_map" of parameters`,
    });
  }
  const shards = [...new Set(Object.values(map as Record<string, unknown>))];
  for (const file of shards) {
    const reason = unsafeFileNameReason(file);
    if (reason !== undefined) throw new EasyNlpError('HUB_UNSAFE_FILE_NAME', { ...context, file, reason });
  }
  return (shards as string[]).sort();
}
