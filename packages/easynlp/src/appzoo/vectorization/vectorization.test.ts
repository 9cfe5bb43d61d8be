import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noGrad, tensor, tidy } from '@easynlp/torch';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AutoModel } from '../../modelzoo/index.js';
import { reviews, tiny, trainTiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';
import { npyHeader } from './npy.js';
import { floatText } from './number-text.js';

const folder = workFolder('vectorization');
const at = (name: string) => join(folder, name);
const app = 'vectorization' as const;
const MACHINE = { device: 'cpu', numThreads: 1 } as const;
const TEXTS = ['房间干净，服务周到', '好吃', '', '😀很好吃，𠮷野家', '很'.repeat(200), '\u0000\u0007a\tb'];
const rows = TEXTS.map((text, i) => ({ id: String(i), sentence: text.replace(/\t/g, ' ') }));
let model: string;

beforeAll(async () => {
  model = await trainTiny(folder, 'bert');
  writeTsv(at('texts.tsv'), rows);
});
const close = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(a[i]!).toBeCloseTo(b[i]!, 4);
};
const vectors = async (options: Record<string, unknown> = {}, texts: readonly string[] = TEXTS) => {
  const run = await pipeline(app, model, { ...MACHINE, options, batchSize: 4 });
  const results = (await run(texts)) as unknown as { vector: number[] }[];
  run.dispose();
  return results.map(({ vector }) => vector);
};

/** The same from the encoder itself, one text at a time. */
async function expected(
  text: string,
): Promise<{ mean: number[]; first: number[]; pooler: number[]; tokens: number[][] }> {
  const tokenizer = await Tokenizer.fromFolder(model);
  const encoder = await AutoModel.fromPretrained(model);
  const { ids } = await tokenizer.encode(text, null, { maxLength: 512 });
  const out = noGrad(() =>
    tidy(() => {
      const { lastHiddenState, poolerOutput } = encoder.forward({
        inputIds: tensor([Array.from(ids)], { dtype: 'int64' }),
      });
      const states = (lastHiddenState.toArray() as number[][][])[0]!;
      return { states, pooler: (poolerOutput!.toArray() as number[][])[0]! };
    }),
  );
  encoder.dispose();
  const width = out.pooler.length;
  const mean = Array.from(
    { length: width },
    (_, d) => out.states.reduce((sum, s) => sum + s[d]!, 0) / out.states.length,
  );
  return { mean, first: out.states[0]!, pooler: out.pooler, tokens: out.states.slice(1, -1) };
}

describe('vectorization', () => {
  it('gives means over the tokens, first tokens and poolers, whatever else is in the batch', async () => {
    const [mean, first, pooler] = [
      await vectors(),
      await vectors({ pooling: 'first' }),
      await vectors({ pooling: 'pooler' }),
    ];
    for (const [i, text] of TEXTS.entries()) {
      const wanted = await expected(text);
      close(mean[i]!, wanted.mean);
      close(first[i]!, wanted.first);
      close(pooler[i]!, wanted.pooler);
    }
  });

  it('cuts vectors, and then brings them to length 1', async () => {
    const whole = await vectors();
    const cut = await vectors({ vectorSize: 8, normalize: true });
    for (const [i, vector] of cut.entries()) {
      expect(vector).toHaveLength(8);
      const length = Math.hypot(...whole[i]!.slice(0, 8));
      close(
        vector,
        whole[i]!.slice(0, 8).map((v) => v / length),
      );
    }
    await expect(vectors({ vectorSize: 33 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID_VALUE',
      message: expect.stringContaining('at most 32'),
    });
  });

  it('gives a vector for each token, with its place in the text', async () => {
    const run = await pipeline(app, model, { ...MACHINE, options: { pooling: 'tokens' } });
    const results = await run(TEXTS);
    for (const [i, text] of TEXTS.slice(0, 4).entries()) {
      const result = results[i]!;
      if (!('tokens' in result)) throw new Error('no tokens');
      const wanted = await expected(text);
      expect(result.vectors).toHaveLength(wanted.tokens.length);
      for (const [t, vector] of result.vectors.entries()) close(vector, wanted.tokens[t]!);
      for (const { token, start, end } of result.tokens) {
        if (token !== '[UNK]') expect(text.slice(start, end)).toBe(token);
      }
    }
    run.dispose();
  });

  it("writes EasyNLP's columns for every row", async () => {
    const { rows: count } = await predict({
      ...MACHINE,
      app,
      model,
      input: [at('texts.tsv')],
      output: at('out.tsv'),
      outputSchema: ['pooler_output', 'first_token_output', 'all_hidden_outputs'],
      appendCols: ['id'],
      batchSize: 4,
    });
    expect(count).toBe(6);
    const lines = readFileSync(at('out.tsv'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(lines.map((cells) => cells[3])).toEqual(['0', '1', '2', '3', '4', '5']);
    const wanted = await expected(TEXTS[0]!);
    close(lines[0]![0]!.split(',').map(Number), wanted.pooler);
    close(lines[0]![1]!.split(',').map(Number), wanted.first);
    expect(lines[0]![2]!.split(';')).toHaveLength(wanted.tokens.length);
    expect(lines[2]![2]).toBe('');
  });

  it('writes JSON Lines and matrices, which say the same', async () => {
    const base = {
      ...MACHINE,
      app,
      model,
      input: [at('texts.tsv'), at('texts.tsv')],
      normalize: true,
      batchSize: 4,
    };
    await predict({ ...base, output: at('out.jsonl'), appendCols: ['id'] });
    await predict({ ...base, output: at('out.npy') });
    const lines = readFileSync(at('out.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(12);
    expect(Object.keys(lines[0])).toEqual(['id', 'vector']);
    const bytes = readFileSync(at('out.npy'));
    expect(bytes.subarray(0, 128).equals(npyHeader(12, 32))).toBe(true);
    expect(bytes).toHaveLength(128 + 4 * 12 * 32);
    const matrix = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + 128, bytes.byteOffset + bytes.length),
    );
    for (const [i, { vector }] of lines.entries()) {
      expect(Array.from(matrix.subarray(i * 32, (i + 1) * 32))).toEqual(vector.map(Math.fround));
    }
  });

  it('is asked for by name only; models without a pooler say so', async () => {
    const mlm = await pipeline(app, 'bert-tiny-zh', MACHINE);
    expect(((await mlm('你好')) as { vector: number[] }).vector.every(Number.isFinite)).toBe(true);
    mlm.dispose();
    await expect(
      pipeline(app, 'bert-tiny-zh', { ...MACHINE, options: { pooling: 'pooler' } }),
    ).rejects.toThrow(/have no pooler/);
    const usual = await pipeline(undefined, 'bert-tiny-zh', MACHINE);
    expect(usual.spec.app).toBe('language_modeling');
    usual.dispose();
    const options = { ...tiny('bert'), app, train: writeTsv(at('t.tsv'), reviews(4)), output: at('x') };
    await expect(train(options)).rejects.toThrow(/vectorization is not trained/);
  });

  it('leaves nothing behind when a matrix cannot hold what is asked', async () => {
    const base = { ...MACHINE, app, model, input: [at('texts.tsv')], output: at('no.npy') };
    await expect(predict({ ...base, appendCols: ['id'] })).rejects.toMatchObject({ code: 'CONFIG_CONFLICT' });
    await expect(predict({ ...base, pooling: 'tokens' })).rejects.toMatchObject({ code: 'CONFIG_CONFLICT' });
    await expect(predict({ ...base, firstSequence: 'sentense' })).rejects.toThrow(/Did you mean "sentence"/);
    expect(existsSync(at('no.npy'))).toBe(false);
  });
});

describe('numbers and headers', () => {
  it('a float32 comes back from its text, which is as short as it can be', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Math.fround(Number(floatText(value)))).toBe(value + 0 === 0 ? 0 : value);
      }),
    );
    expect([0.1, 1 / 3, 1e-9, 16777216].map((v) => floatText(Math.fround(v)))).toEqual([
      '0.1',
      '0.33333334',
      '1e-9',
      '16777216',
    ]);
  });

  it('a header has the same length for any number of rows', () => {
    for (const rowCount of [0, 1, 10 ** 15]) {
      const header = Buffer.from(npyHeader(rowCount, 1024));
      expect(header).toHaveLength(128);
      expect(header.at(-1)).toBe(10);
      expect(header.toString('latin1')).toContain(`'shape': (${rowCount}, 1024), }`);
    }
  });

  const python = process.env.PYTHON ?? 'python3';
  const hasNumpy = (() => {
    try {
      execFileSync(python, ['-c', 'import numpy'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();
  it.skipIf(!hasNumpy)('numpy reads the matrix', () => {
    const code =
      'import numpy, sys; a = numpy.load(sys.argv[1]); print(a.shape, a.dtype, a.flags.c_contiguous, numpy.allclose((a * a).sum(1), 1, atol=1e-5))';
    const said = execFileSync(python, ['-c', code, at('out.npy')], { encoding: 'utf8' });
    expect(said.trim()).toBe('(12, 32) float32 True True');
  });
});
