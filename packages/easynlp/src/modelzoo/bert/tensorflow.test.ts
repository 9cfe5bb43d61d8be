import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { files, inferenceMode, tensor } from '@easynlp/torch';
import { afterAll, describe, expect, it } from 'vitest';
import { AutoModel, AutoModelForMaskedLM } from '../auto.js';
import { torchName } from './tensorflow.js';

const data =
  process.env.EASYNLP_TEST_DATA ?? fileURLToPath(new URL('../../../../../../shared/data', import.meta.url));
const folder = join(data, 'checkpoints/keras_bert/tests/test_checkpoint');
const root = mkdtempSync(join(tmpdir(), 'easynlp-tensorflow-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

it.each([
  ['bert/embeddings/word_embeddings', 'bert.embeddings.word_embeddings.weight'],
  ['bert/embeddings/LayerNorm/gamma', 'bert.embeddings.LayerNorm.weight'],
  ['bert/encoder/layer_11/attention/self/query/kernel', 'bert.encoder.layer.11.attention.self.query.weight'],
  ['bert/encoder/layer_0/output/dense/bias', 'bert.encoder.layer.0.output.dense.bias'],
  ['cls/predictions/output_bias', 'cls.predictions.bias'],
  ['cls/predictions/transform/LayerNorm/beta', 'cls.predictions.transform.LayerNorm.bias'],
])('%s is %s', (stored, own) => expect(torchName(stored)).toBe(own));

describe.skipIf(!existsSync(folder))('a real TensorFlow checkpoint (needs EASYNLP_TEST_DATA)', () => {
  it('fills encoder and language model, kernels transposed', async () => {
    const remarks: string[] = [];
    const model = await AutoModelForMaskedLM.fromPretrained(folder, { onInfo: (line) => remarks.push(line) });
    expect(remarks.filter((line) => line.startsWith('Begun anew'))).toEqual([]);
    const stored = files.loadTensorBundle(join(folder, 'bert_model.ckpt'));
    const kernel = stored.get('bert/encoder/layer_1/intermediate/dense/kernel')!;
    const state = model.stateDict();
    expect(kernel.shape).toEqual([4, 16]);
    expect(state.get('bert.encoder.layer.1.intermediate.dense.weight')!.toArray()).toEqual(
      kernel.transpose(0, 1).toArray(),
    );
    const inputIds = tensor([[2, 5, 6, 3]], { dtype: 'int64' });
    expect(inferenceMode(() => model.forward({ inputIds }).logits).shape).toEqual([1, 4, 15]);
    const encoder = await AutoModel.fromPretrained(folder);
    expect(encoder.stateDict().get('pooler.dense.weight')!.toArray()).toEqual(
      stored.get('bert/pooler/dense/kernel')!.transpose(0, 1).toArray(),
    );
  });

  it('holds the numbers that lie in its data file', () => {
    const stored = files.loadTensorBundle(join(folder, 'bert_model.ckpt'));
    const name = 'bert_model.ckpt.data-00000-of-00001';
    const bytes = readFileSync(join(folder, name));
    const first = new Float32Array(new Uint8Array(bytes.subarray(0, 16)).buffer);
    expect(stored.get('bert/embeddings/LayerNorm/beta')!.toArray()).toEqual([...first]);
  });

  it.each([
    ['bert_model.ckpt.index', 100, /checksum of a block differs/],
    ['bert_model.ckpt.data-00000-of-00001', 3, /LayerNorm\/beta is damaged/],
    ['bert_model.ckpt.index', -3, /last bytes/],
  ])('%s with a wrong byte at %i is refused', (name, place, message) => {
    const copy = mkdtempSync(join(root, 'damaged-'));
    for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(copy, file));
    rmSync(join(copy, name));
    const bytes = Buffer.from(readFileSync(join(folder, name)));
    const at = place < 0 ? bytes.length + place : place;
    bytes[at] = bytes[at]! ^ 1;
    writeFileSync(join(copy, name), bytes);
    expect(() => files.loadTensorBundle(join(copy, 'bert_model.ckpt'))).toThrow(message);
  });

  it('any byte of the index changed, or any end cut off, gives an error and nothing else', () => {
    const name = 'bert_model.ckpt.index';
    const copy = mkdtempSync(join(root, 'fuzz-'));
    copyFileSync(
      join(folder, 'bert_model.ckpt.data-00000-of-00001'),
      join(copy, 'bert_model.ckpt.data-00000-of-00001'),
    );
    const whole = readFileSync(join(folder, name));
    for (let i = 0; i < whole.length; i += 97) {
      writeFileSync(join(copy, name), whole.subarray(0, i));
      expect(() => files.loadTensorBundle(join(copy, 'bert_model.ckpt'))).toThrow(
        /is not a TensorFlow checkpoint/,
      );
    }
  });
});
