import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { files, inferenceMode, type Tensor, tensor } from '@easynlp/torch';
import { afterAll, describe, expect, it } from 'vitest';
import { AutoModelForMaskedLM } from '../packages/easynlp/src/modelzoo/index.js';
import { root } from './repository.js';

const script = join(root, 'packages/models-zh/scripts/grow-model.mjs');
const tiny = join(root, 'packages/models-zh/bert-tiny-zh');
const work = mkdtempSync(join(tmpdir(), 'grow-model-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Runs the script as its users do. */
function grow(name: string, ...options: string[]): string {
  const target = join(work, name);
  execFileSync(process.execPath, [script, tiny, target, ...options], { stdio: 'pipe' });
  return target;
}

/** Scores of every token at every place of two texts, one of them padded. */
async function logits(folder: string): Promise<Tensor> {
  const model = await AutoModelForMaskedLM.fromPretrained(folder);
  const long = (rows: number[][]) => tensor(rows, { dtype: 'int64' });
  const inputIds = long([
    [2, 345, 678, 910, 4, 1234, 3, 0],
    [2, 45, 78, 90, 11, 134, 33, 3],
  ]);
  const attentionMask = long([
    [1, 1, 1, 1, 1, 1, 1, 0],
    [1, 1, 1, 1, 1, 1, 1, 1],
  ]);
  const { logits } = inferenceMode(() => model.forward({ inputIds, attentionMask }));
  model.dispose();
  return logits!; // [2, 8, V]
}

describe('grow-model', () => {
  it('doubles the width without changing what the model computes', async () => {
    const before = await logits(tiny);
    const after = await logits(grow('wide', '--width', '2', '--spread', '1'));
    expect(before.std().item()).toBeGreaterThan(1);
    expect(after.sub(before).abs().max().item()).toBeLessThan(1e-3); // rounding; D itself moves a logit by 1 and more;
  });

  it('sets the two copies of a unit apart, so that training can tell them apart', () => {
    const name = 'bert.encoder.layer.1.intermediate.dense.weight';
    const matrix = files.loadSafetensors(join(grow('apart', '--width', '2'), 'model.safetensors')).get(name)!;
    expect(matrix.shape).toEqual([1024, 256]);
    const [left, right] = matrix.chunk(2, { dim: 1 }) as [Tensor, Tensor];
    const [upper, lower] = left.chunk(2, { dim: 0 }) as [Tensor, Tensor];
    for (const difference of [left.sub(right), upper.sub(lower)]) {
      expect(difference.std().item()).toBeGreaterThan(0.1 * matrix.std().item());
    }
  });

  it('repeats the layers from below', () => {
    const old = files.loadSafetensors(join(tiny, 'model.safetensors'));
    const deep = files.loadSafetensors(join(grow('deep', '--layers', '5'), 'model.safetensors'));
    const layer = (weights: Map<string, Tensor>, index: number) =>
      weights.get(`bert.encoder.layer.${index}.attention.self.key.weight`)?.to({ dtype: 'float32' });
    for (const [index, source] of [0, 1, 0, 1, 0].entries()) {
      expect(layer(deep, index)!.equal(layer(old, source)!)).toBe(true);
    }
    expect(layer(deep, 5)).toBeUndefined();
  });

  it('takes no fewer layers than there are', () => {
    const { status, stderr } = spawnSync(process.execPath, [
      script,
      tiny,
      join(work, 'less'),
      '--layers',
      '1',
    ]);
    expect(status).toBe(2);
    expect(String(stderr)).toContain('at most --layers layers');
  });
});
