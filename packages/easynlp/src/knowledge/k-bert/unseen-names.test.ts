import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import '../../methods.js';
import { runTrain, workFolder } from '../../trainer/runs.fixture.js';

const folder = workFolder('kbert-names');
const model = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));

/** Made-up names: nothing but the graph says whether one is a town or a fruit, and no name is trained and asked for. */
const FIRST = [...'芙澜榕樟瑶璞琅珂'];
const SECOND = [...'屿峪坞圩枳桷柰槿'];
const names = FIRST.flatMap((a, i) =>
  SECOND.map((b, k) => ({ name: a + b, type: (i * 3 + k * 5 + ((i * k) >> 1)) % 2 ? 'LOC' : 'FRUIT' })),
);
const FRAMES = ['我很喜欢', '昨天他说起', '关于', '这里没有'];

function rows(file: string, part: readonly (typeof names)[number][]): string {
  const lines = part.map(({ name, type }, i) => {
    const before = [...FRAMES[i % FRAMES.length]!];
    const tags = [...before.map(() => 'O'), `B-${type}`, `I-${type}`];
    return `${[...before, ...name].join(' ')}\t${tags.join(' ')}`;
  });
  writeFileSync(join(folder, file), `tokens\ttags\n${lines.join('\n')}\n`);
  return join(folder, file);
}

it('K-BERT knows names that it was not trained with by their facts, plain BERT does not', async () => {
  const kgFile = join(folder, 'names.spo');
  const facts = names.map(({ name, type }) => `${name}\t是\t${type === 'LOC' ? '城市' : '水果'}\n`);
  writeFileSync(kgFile, facts.join(''));
  const given = {
    ...{ app: 'sequence_labeling', model, sequenceLength: 24, batchSize: 8, epochs: 6, learningRate: 1.5e-3 },
    train: rows(
      'train.tsv',
      names.filter((_, i) => i % 3 > 0),
    ),
    dev: rows(
      'dev.tsv',
      names.filter((_, i) => i % 3 === 0),
    ),
    ...{
      evalStrategy: 'epoch',
      saveStrategy: 'none',
      device: 'cpu',
      numThreads: 1,
      labels: ['LOC', 'FRUIT'],
    },
  };
  const plain = await runTrain({ ...given, output: join(folder, 'plain') } as never);
  const knowing = await runTrain({
    ...given,
    method: 'kbert',
    kgFile,
    output: join(folder, 'kbert'),
  } as never);
  expect(knowing.result.metrics.f1).toBeGreaterThan(0.9);
  expect(plain.result.metrics.f1).toBeLessThan(0.8);
});
