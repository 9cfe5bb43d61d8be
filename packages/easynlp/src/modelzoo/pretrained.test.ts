import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { files, inferenceMode, manualSeed, type Tensor, tensor, zeros } from '@easynlp/torch';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { EasyNlpError } from '../errors/index.js';
import { AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification } from './auto.js';
import { AutoConfig } from './auto-config.js';
import { bertPreset } from './bert/config.js';
import { readFixture, relativeError } from './bert/parity.fixture.js';
import type { Encoder, SequenceClassifier } from './interfaces.js';
import { labelNames, numLabels } from './model-config.js';
import { savePretrained } from './save-pretrained.js';
import { textCnnConfig } from './text-cnn/config.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-pretrained-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const tiny = (fields = {}) =>
  bertPreset('tiny', {
    vocabSize: 60,
    fields: {
      hidden_size: 16,
      intermediate_size: 24,
      max_position_embeddings: 12,
      initializer_range: 0.3,
      ...fields,
    },
  });

const inputIds = tensor(
  [
    [1, 7, 9, 3],
    [5, 8, 2, 11],
  ],
  { dtype: 'int64' },
);
const run = (model: SequenceClassifier) => inferenceMode(() => model.forward({ inputIds }).logits.toArray());

let folder: string;
let model: SequenceClassifier;
let logits: unknown;
let count = 0;

beforeEach(async () => {
  folder = join(root, `model-${count++}`);
  manualSeed(3);
  model = AutoModelForSequenceClassification.fromConfig(tiny(), { id2label: ['差', '中', '好'] });
  model.eval();
  logits = run(model);
  await savePretrained(folder, model);
});

/** Replaces the stored weights by others. */
function rewrite(change: (weights: Map<string, Tensor>) => Map<string, Tensor>, target = folder): void {
  const path = join(target, 'model.safetensors');
  files.saveSafetensors(path, change(files.loadSafetensors(path, { copy: true })));
}

const renamed = (rename: (name: string) => string) => (weights: Map<string, Tensor>) =>
  new Map([...weights].map(([name, weight]) => [rename(name), weight]));

async function failure(promise: Promise<unknown>): Promise<EasyNlpError> {
  const error = await promise.then(
    () => new Error('nothing was thrown'),
    (e: unknown) => e,
  );
  if (!EasyNlpError.isInstance(error)) throw error;
  return error;
}

const load = (options = {}) => AutoModelForSequenceClassification.fromPretrained(folder, options);
const editConfig = (edit: (config: Record<string, unknown>) => unknown) => {
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify(edit(JSON.parse(readFileSync(path, 'utf8')))));
};

describe('a saved folder', () => {
  it('gives the same logits and labels back', async () => {
    const remarks: string[] = [];
    const again = await load({ onInfo: (line: string) => remarks.push(line) });
    expect(run(again)).toEqual(logits);
    expect(again.training).toBe(false);
    expect(labelNames(again.config)).toEqual(['差', '中', '好']);
    expect(remarks).toEqual([]);
  });

  it('is what transformers expects', () => {
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      model_type: 'bert',
      architectures: ['BertForSequenceClassification'],
      id2label: { 0: '差', 1: '中', 2: '好' },
      label2id: { 差: 0, 中: 1, 好: 2 },
      torch_dtype: 'float32',
    });
    const { metadata } = files.readSafetensorsHeader(join(folder, 'model.safetensors'));
    expect(metadata.get('format')).toBe('pt');
  });

  it('keeps fields of config.json that we do not know', async () => {
    editConfig((config) => ({ ...config, directionality: 'bidi', pooler_fc_size: 768, nested: { a: [1] } }));
    const again = join(root, `again-${count}`);
    await savePretrained(again, await load());
    const config = JSON.parse(readFileSync(join(again, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ directionality: 'bidi', pooler_fc_size: 768, nested: { a: [1] } });
  });

  it('holds tied weights once, and a loaded language model ties them again', async () => {
    const lm = AutoModelForMaskedLM.fromConfig(tiny());
    const target = join(root, 'lm');
    await savePretrained(target, lm);
    const names = [...files.readSafetensorsHeader(join(target, 'model.safetensors')).entries.keys()];
    expect(names).toContain('cls.predictions.bias');
    expect(names.filter((name) => name.includes('decoder'))).toEqual([]);
    const again = await AutoModelForMaskedLM.fromPretrained(target);
    const state = again.stateDict();
    expect(state.get('cls.predictions.decoder.weight')).toBe(
      state.get('bert.embeddings.word_embeddings.weight'),
    );
    expect(state.get('cls.predictions.decoder.bias')).toBe(state.get('cls.predictions.bias'));
  });

  it('begins a language model’s head anew where the weights have none', async () => {
    const lm = await AutoModelForMaskedLM.fromPretrained(folder);
    expect(lm.stateDict().get('cls.predictions.bias')!.abs().max().item()).toBe(0);
    editConfig((config) => ({ ...config, tie_word_embeddings: false }));
    const untied = (await AutoModelForMaskedLM.fromPretrained(folder)).stateDict();
    expect(Math.abs(untied.get('cls.predictions.decoder.weight')!.std().item() - 0.3)).toBeLessThan(0.05);
    expect(untied.get('cls.predictions.decoder.weight')).not.toBe(
      untied.get('bert.embeddings.word_embeddings.weight'),
    );
  });

  it('keeps untied decoders apart', async () => {
    const lm = AutoModelForMaskedLM.fromConfig(tiny({ tie_word_embeddings: false })).eval();
    const target = join(root, 'untied');
    await savePretrained(target, lm);
    const again = await AutoModelForMaskedLM.fromPretrained(target);
    expect(again.forward({ inputIds }).logits.toArray()).toEqual(lm.forward({ inputIds }).logits.toArray());
  });

  it('copies tokenizer files, and leaves other files of an existing folder alone', async () => {
    const vocabulary = join(root, 'vocab.txt');
    writeFileSync(vocabulary, '[PAD]\n');
    writeFileSync(join(folder, 'notes.md'), 'mine');
    await savePretrained(folder, model, { tokenizerFiles: [vocabulary] });
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors', 'notes.md', 'vocab.txt']);
  });

  it('cannot appear where a file is in the way, and nothing is left behind', async () => {
    writeFileSync(join(root, 'file'), '');
    const error = await failure(savePretrained(join(root, 'file', 'model'), model));
    expect(error.code).toBe('MODEL_SAVE_FAILED');
    expect(error.exitCode).toBe(7);
  });

  it('does not appear at all when a file cannot be copied', async () => {
    const before = readdirSync(root).sort();
    await expect(
      savePretrained(join(root, 'half'), model, { tokenizerFiles: [join(root, 'missing.txt')] }),
    ).rejects.toThrow();
    expect(readdirSync(root).sort()).toEqual(before);
  });

  it('loads as bfloat16 and float64 too', async () => {
    expect(new Set((await load({ dtype: 'float64' })).parameters().map((p) => p.dtype))).toEqual(
      new Set(['float64']),
    );
    const half = await load({ dtype: 'bfloat16' });
    const target = join(root, 'half-precision');
    await savePretrained(target, half);
    expect(JSON.parse(readFileSync(join(target, 'config.json'), 'utf8')).torch_dtype).toBe('bfloat16');
    const back = await AutoModelForSequenceClassification.fromPretrained(target);
    expect(back.parameters()[0]!.dtype).toBe('float32');
    expect(run(back).flat().length).toBe((logits as number[][]).flat().length);
  });

  it('does not read its file through a mapping once loaded', async () => {
    const again = await load();
    truncateSync(join(folder, 'model.safetensors'), 0);
    expect(run(again)).toEqual(logits);
  });
});

describe('text-cnn', () => {
  it('comes back as it was', async () => {
    const cnn = AutoModelForSequenceClassification.fromConfig(
      textCnnConfig({ vocab_size: 60, linear_hidden_size: 7 }),
    );
    cnn.eval();
    const target = join(root, 'cnn');
    await savePretrained(target, cnn);
    const again = await AutoModelForSequenceClassification.fromPretrained(target);
    expect(run(again)).toEqual(run(cnn));
  });

  it('has no encoder', async () => {
    const cnn = textCnnConfig({ vocab_size: 60 });
    expect(() => AutoModel.fromConfig(cnn)).toThrow(/no model for encoding/);
  });
});

describe('names of other days', () => {
  it.each([
    [
      'gamma and beta',
      (n: string) => n.replace('Norm.weight', 'Norm.gamma').replace('Norm.bias', 'Norm.beta'),
    ],
    ['a wrapper', (n: string) => `module.${n}`],
    ['torch.compile', (n: string) => `_orig_mod.${n}`],
    ['no prefix', (n: string) => n.replace(/^bert\./, '')],
    ['EasyNLP', (n: string) => n.replace(/^bert\./, 'backbone.')],
  ])('%s', async (_, rename) => {
    rewrite(renamed(rename));
    expect(run(await load())).toEqual(logits);
  });

  it('an encoder reads a classifier’s weights, and the other way round', async () => {
    const remarks: string[] = [];
    const onInfo = (line: string) => remarks.push(line);
    const encoder: Encoder = await AutoModel.fromPretrained(folder, { onInfo });
    expect(remarks).toEqual([expect.stringContaining('classifier.weight')]);
    const bare = join(root, 'bare');
    await savePretrained(bare, encoder);
    expect([...files.readSafetensorsHeader(join(bare, 'model.safetensors')).entries.keys()]).toContain(
      'embeddings.word_embeddings.weight',
    );
    remarks.length = 0;
    const start = async () => {
      manualSeed(5);
      return AutoModelForSequenceClassification.fromPretrained(bare, { numLabels: 4, onInfo });
    };
    const [a, b] = [await start(), await start()];
    expect(remarks[0]).toMatch(/Begun anew.*classifier\.weight, classifier\.bias/);
    expect(run(a)).toEqual(run(b));
    expect((run(a) as number[][])[0]!.length).toBe(4);
    const head = a.stateDict().get('classifier.weight')!;
    expect(head.std().item()).toBeGreaterThan(0.2); // N(0, 0.3)
    expect(head.std().item()).toBeLessThan(0.4);
    expect(a.stateDict().get('classifier.bias')!.toArray()).toEqual([0, 0, 0, 0]);
    const inputs = { inputIds };
    const pooled = (m: Encoder) => m.forward(inputs).poolerOutput!.toArray();
    expect(pooled(await AutoModel.fromPretrained(bare))).toEqual(pooled(encoder));
  });

  it('a pickled checkpoint of 2019: prefix, gamma, buffers, no model_type', async () => {
    const fixture = readFixture('gelu');
    const old = join(fixture.folder, 'old');
    const remarks: string[] = [];
    const lm = await AutoModelForMaskedLM.fromPretrained(old, { onInfo: (line) => remarks.push(line) });
    const output = lm.forward({
      inputIds: fixture.get('input_ids'),
      tokenTypeIds: fixture.get('token_type_ids'),
    });
    expect(relativeError(output.logits, fixture.get('mlm_logits'))).toBeLessThanOrEqual(1e-5);
    expect(remarks).toEqual([expect.stringMatching(/Not used.*seq_relationship/)]);
    expect(remarks[0]).not.toContain('position_ids');
  });

  it('weights in several files', async () => {
    const path = join(folder, 'model.safetensors');
    const weights = [...files.loadSafetensors(path, { copy: true })];
    const half = weights.length >> 1;
    const parts = {
      'model-00001-of-00002.safetensors': weights.slice(0, half),
      'model-00002-of-00002.safetensors': weights.slice(half),
    };
    const index: Record<string, string> = {};
    for (const [part, list] of Object.entries(parts)) {
      files.saveSafetensors(join(folder, part), new Map(list));
      for (const [name] of list) index[name] = part;
    }
    rmSync(path);
    const write = (weight_map: unknown) =>
      writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
    write(index);
    expect(run(await load())).toEqual(logits);
    write({ ...index, extra: '../../secret.safetensors' });
    expect((await failure(load())).message).toContain('"../../secret.safetensors"');
    write({ ...index, 'bert.extra.weight': 'model-00001-of-00002.safetensors' });
    expect((await failure(load())).message).toContain('lacks "bert.extra.weight"');
    write(index);
    rmSync(join(folder, 'model-00002-of-00002.safetensors'));
    const error = await failure(load());
    expect(error.code).toBe('MODEL_WEIGHTS_SHARD');
    expect(error.message).toContain('model-00002-of-00002.safetensors');
  });
});

describe('weights that do not fit', () => {
  it('names what the backbone lacks', async () => {
    rewrite((weights) => {
      weights.delete('bert.encoder.layer.1.output.dense.weight');
      return weights;
    });
    const error = await failure(load());
    expect(error.code).toBe('MODEL_WEIGHTS_MISSING');
    expect(error.exitCode).toBe(4);
    expect(error.message).toContain('bert.encoder.layer.1.output.dense.weight');
  });

  it('refuses other sizes than config.json says', async () => {
    editConfig((config) => ({ ...config, vocab_size: 61 }));
    const error = await failure(load());
    expect(error.code).toBe('MODEL_WEIGHTS_SHAPE');
    expect(error.message).toContain('bert.embeddings.word_embeddings.weight is [60, 16], expected [61, 16]');
  });

  it('refuses a classifier for other labels, and begins a new one on request', async () => {
    const error = await failure(load({ numLabels: 5 }));
    expect(error.code).toBe('MODEL_WEIGHTS_SHAPE');
    expect(error.hint).toContain('newHead');
    const fresh = await load({ numLabels: 5, newHead: true });
    expect(numLabels(fresh.config)).toBe(5);
    expect((run(fresh) as number[][])[0]!.length).toBe(5);
  });

  it('refuses integers in the place of weights', async () => {
    rewrite((weights) => weights.set('bert.pooler.dense.bias', zeros([16], { dtype: 'int64' })));
    expect((await failure(load())).message).toContain('bert.pooler.dense.bias has dtype int64');
  });

  it.each([0, 5, 100, 5000])('refuses a file cut to %i bytes', async (bytes) => {
    const path = join(folder, 'model.safetensors');
    expect(statSync(path).size).toBeGreaterThan(5000);
    truncateSync(path, bytes);
    const error = await failure(load());
    expect(error.code).toBe('MODEL_WEIGHTS_UNREADABLE');
    expect(error.message).toContain(path);
  });

  it('refuses a page of text in the place of pytorch_model.bin', async () => {
    rmSync(join(folder, 'model.safetensors'));
    writeFileSync(join(folder, 'pytorch_model.bin'), '<!doctype html><title>404</title>');
    const error = await failure(load());
    expect(error.code).toBe('MODEL_WEIGHTS_UNREADABLE');
    expect(error.message).toContain('web page');
  });

  it('says what lies in a folder without weights', async () => {
    rmSync(join(folder, 'model.safetensors'));
    writeFileSync(join(folder, 'tf_model.h5'), '');
    const error = await failure(load());
    expect(error.code).toBe('MODEL_WEIGHTS_NOT_FOUND');
    expect(error.message).toContain('tf_model.h5');
  });
});

describe('config.json that cannot be used', () => {
  const broken: [string, unknown, string, string][] = [
    ['no object', [], 'MODEL_CONFIG_UNREADABLE', 'JSON object'],
    ['no model_type', { hidden_size: 16 }, 'MODEL_TYPE_MISSING', 'model_type'],
    ['another architecture', { model_type: 'brt' }, 'MODEL_TYPE_UNKNOWN', '"brt"'],
    [
      'a text for a number',
      { model_type: 'bert', hidden_size: '768' },
      'MODEL_CONFIG_INVALID',
      'hidden_size',
    ],
    [
      'heads that do not divide',
      { model_type: 'bert', hidden_size: 100, num_attention_heads: 3 },
      'MODEL_CONFIG_INVALID',
      'num_attention_heads (3)',
    ],
    ['a decoder', { model_type: 'bert', is_decoder: true }, 'MODEL_CONFIG_INVALID', 'is_decoder'],
    [
      'relative positions',
      { model_type: 'bert', position_embedding_type: 'relative_key' },
      'MODEL_CONFIG_INVALID',
      'relative_key',
    ],
    ['an unknown activation', { model_type: 'bert', hidden_act: 'geluu' }, 'MODEL_CONFIG_INVALID', 'geluu'],
    [
      'labels with gaps',
      { model_type: 'bert', id2label: { 0: 'a', 2: 'b' } },
      'MODEL_CONFIG_INVALID',
      'id2label',
    ],
    ['kernels of size 0', { model_type: 'cnn', kernel_sizes: [0] }, 'MODEL_CONFIG_INVALID', 'kernel_sizes'],
  ];
  it.each(broken)('%s', async (_, config, code, words) => {
    editConfig(() => config);
    const error = await failure(load());
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toContain(join(folder, 'config.json'));
  });

  it('bytes that are no JSON', async () => {
    writeFileSync(join(folder, 'config.json'), '{"model_type": "bert", "hidd');
    expect((await failure(load())).code).toBe('MODEL_CONFIG_UNREADABLE');
  });

  it('suggests the nearest architecture', () => {
    expect(() => AutoConfig.fromObject({ model_type: 'brt' })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('Did you mean "bert"?') }),
    );
  });

  it('takes the default of every field that a file leaves out', async () => {
    const bare = join(root, 'bare-config');
    mkdirSync(bare, { recursive: true });
    writeFileSync(join(bare, 'config.json'), '\uFEFF{"model_type": "bert"}');
    const config = await AutoConfig.fromPretrained(bare);
    expect(config).toMatchObject({
      vocab_size: 30522,
      hidden_size: 768,
      layer_norm_eps: 1e-12,
      num_hidden_layers: 12,
    });
    expect(numLabels(config)).toBe(2);
  });
});

it('a copied folder is the same model', async () => {
  const copy = `${folder}-copy`;
  cpSync(folder, copy, { recursive: true });
  expect(run(await AutoModelForSequenceClassification.fromPretrained(copy))).toEqual(logits);
});
