import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../methods.js';
import { evaluate } from '../../predictor/evaluate.js';
import { pipeline } from '../../predictor/pipeline.js';
import { remains, runTrain, sampleFile, tiny, workFolder } from '../../trainer/runs.fixture.js';
import { train } from '../../trainer/train.js';
import { GRAPH_FILE } from './knowledge-graph.js';

const folder = workFolder('kbert');
const rows = sampleFile(join(folder, 'train.tsv'), 24);
const dev = sampleFile(join(folder, 'dev.tsv'), 16, 0, 'dev.tsv');
const FACTS =
  '物流\t属于\t服务\n质量\t是\t性质\n房间\t属于\t酒店\n屏幕\t属于\t手机\n服务\t是\t行为\n的\t是\t助词\n';
const graph = (name: string, facts = FACTS): string => {
  writeFileSync(join(folder, name), facts);
  return join(folder, name);
};
const options = (name: string) =>
  ({
    ...tiny('bert', { train: rows, dev, epochs: 2, sequenceLength: 48 } as never),
    ...{ method: 'kbert', kgFile: graph('graph.spo'), output: join(folder, name) },
  }) as never;

describe('K-BERT', () => {
  it('trains, and its folder is all that evaluation and pipelines need', async () => {
    const before = memory().tensors;
    const lines: string[] = [];
    const output = join(folder, 'model');
    const { result } = await runTrain(options('model'), null, { log: (line) => void lines.push(line) });
    expect(lines.join('\n')).toMatch(/knowledge: 6 entities, 6 facts; [1-9]\d* of the first 24 texts/);
    rmSync(join(folder, 'graph.spo'));
    const { metrics } = await evaluate({ model: output, data: dev });
    for (const [name, value] of Object.entries(metrics)) expect(value).toBeCloseTo(result.metrics[name]!, 5);
    const classify = await pipeline('text_classify', output, { device: 'cpu' });
    const texts = ['物流很快，质量也不错', '', '👍🏽', '房间的隔音差'.repeat(40)];
    const together = await classify(texts);
    for (const [i, text] of texts.entries()) {
      const { scores } = await classify(text);
      for (const [k, score] of scores.entries()) {
        expect(score.probability).toBeCloseTo(together[i]!.scores[k]!.probability, 5);
      }
    }
    classify.dispose();
    expect(memory().tensors).toBe(before);

    // The facts are a part of the model: changed ones are damage.
    const path = join(output, GRAPH_FILE);
    const stored = readFileSync(path);
    writeFileSync(path, stored.subarray(0, -1));
    await expect(pipeline('text_classify', output)).rejects.toMatchObject({
      code: 'ARTEFACT_INVALID',
      message: expect.stringContaining(GRAPH_FILE),
    });
    rmSync(path);
    await expect(pipeline('text_classify', output)).rejects.toMatchObject({ code: 'ARTEFACT_INVALID' });
  });

  it('resumes bitwise, and not with other facts', async () => {
    const saving = { saveStrategy: 'steps', saveSteps: 2 };
    await runTrain({ ...(options('whole') as object), ...saving } as never);
    const parts = { ...(options('parts') as object), ...saving };
    await runTrain(parts as never, 2);
    graph('graph.spo', `${FACTS}北京\t首都\t中国\n`);
    await expect(train({ ...parts, resume: 'auto' } as never)).rejects.toMatchObject({
      code: 'RESUME_CHANGED',
      message: expect.stringContaining('graph.spo'),
    });
    graph('graph.spo');
    await runTrain({ ...parts, resume: 'auto' } as never);
    expect(remains(join(folder, 'parts'))).toEqual(remains(join(folder, 'whole')));
  });

  it('says when a graph has nothing to do with the texts', async () => {
    const lines: string[] = [];
    const given = { ...(options('unrelated') as object), kgFile: graph('other.spo', '广州\t简称\t穗\n') };
    await runTrain({ ...given, maxSteps: 1 } as never, null, { log: (line) => void lines.push(line) });
    expect(lines.join('\n')).toContain('0 of the first 24 texts have some of them');
    expect(existsSync(join(folder, 'unrelated', GRAPH_FILE))).toBe(true);
  });
});
