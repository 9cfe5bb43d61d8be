import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tensor, tensor } from '@easynlp/torch';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../predictor/evaluate.js';
import { tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { type Pipeline, pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';
import type { EncodedQuestion } from './encode.js';
import { type ChoiceTokens, fit } from './fit.js';
import { multipleChoice, uniqueChoices } from './index.js';
import { multipleChoiceLoss } from './loss.js';
import type { MultipleChoiceTrainOptions } from './options.js';
import type { MultipleChoiceSpec } from './spec.js';

const folder = workFolder('multiple-choice');
const at = (name: string) => join(folder, name);

const THINGS = ['苹果', '香蕉', '西瓜', '葡萄', '橙子'];
/** What someone bought, among two to four things. */
const questions = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const bought = THINGS[i % THINGS.length]!;
    const others = THINGS.filter((thing) => thing !== bought).slice(i % 2, (i % 2) + 1 + (i % 3));
    const choices = [...others];
    choices.splice(i % (others.length + 1), 0, bought);
    return { context: `小明在商店买了${bought}。`, question: '他买了什么？', choices, answer: bought };
  });
const jsonl = (name: string, rows: readonly object[]): string => {
  writeFileSync(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return at(name);
};
const options = (more: Partial<MultipleChoiceTrainOptions>) =>
  ({
    ...tiny(more.architecture === 'text-cnn' ? 'text-cnn' : 'bert'),
    app: 'multiple_choice',
    ...more,
  }) as MultipleChoiceTrainOptions;
const taskOf = (model: string) => JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')).task;

describe('a trained model', () => {
  const model = at('model');
  let data = '';
  let choose: Pipeline<'multiple_choice'>;
  beforeAll(async () => {
    data = jsonl('bought.jsonl', questions(40));
    const learn = { maxSteps: 150, epochs: 100, learningRate: 3e-3, initializerRange: 0.1, dropout: 0 };
    await train(options({ train: data, dev: data, output: model, ...learn, evalStrategy: 'none' }));
    choose = await pipeline('multiple_choice', model);
  });

  it('finds columns and how answers are written, and learns', async () => {
    expect(choose.spec).toMatchObject({
      ...{ app: 'multiple_choice', firstSequence: 'context', secondSequence: 'question', gap: null },
      ...{ choicesName: ['choices'], labelName: 'answer', gold: 'text', groupName: null },
    });
    const { metrics, rows } = await evaluate({ model, data });
    expect(rows).toBe(40);
    // By chance about 0.36.
    expect(metrics.accuracy).toBeGreaterThan(0.9);
    expect(Object.keys(metrics).sort()).toEqual(['accuracy', 'loss']);
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
    expect(Object.keys(config.id2label)).toEqual(['0']);
  });

  it('answers a batch as it answers each question, whatever it is', async () => {
    const inputs = [
      { context: '小明在商店买了苹果。', question: '他买了什么？', choices: ['香蕉', '苹果'] },
      { context: '', question: '', choices: ['甲', '乙', '丙', '丁', '戊', '己', '庚', '辛', '壬', '癸'] },
      { context: '很长的文章'.repeat(200), question: '问'.repeat(300), choices: ['苹果', '西瓜'.repeat(50)] },
      { context: '😀👩‍👩‍👧‍👦𠮷', question: '\u0000\u0007', choices: ['\u200b\ufeffx', 'a\tb\nc', 'A B C'] },
    ];
    const together = await choose(inputs);
    for (const [i, input] of inputs.entries()) {
      const alone = await choose(input);
      expect(alone.choice).toBe(input.choices[alone.index]);
      expect(alone.scores).toHaveLength(input.choices.length);
      // By their places: choices that read alike, such as unknown characters, have no order.
      for (const { index, probability } of alone.scores) {
        const same = together[i]!.scores.find((score) => score.index === index)!;
        expect(probability).toBeCloseTo(same.probability, 5);
      }
    }
    // Width of the padding and the other choices of the batch change no score; their order moves it along.
    const [first] = inputs as [(typeof inputs)[0]];
    const turned = await choose({ ...first, choices: [...first.choices].reverse() });
    expect(turned.choice).toBe(together[0]!.choice);
    expect(turned.index).toBe(1 - together[0]!.index);
    expect(await choose([])).toEqual([]);
  });

  it('says what it takes', async () => {
    for (const input of [
      '一段',
      ['一段', '问'],
      null,
      { context: '一段', question: '问' },
      { choices: ['甲', '乙'] },
    ]) {
      await expect(choose([input as never])).rejects.toMatchObject({ code: 'APP_INPUT' });
    }
    await expect(choose({ context: '文', question: '问', choices: ['甲'] })).rejects.toThrow(
      /input, line 1.*the single choice "甲"; a question has at least two/,
    );
    await expect(choose({ context: '文', question: '问', choices: ['甲', ' '] })).rejects.toThrow(
      /is not a list of texts, none of them empty/,
    );
    const schema = multipleChoice.inputs.schema(choose.spec as unknown as MultipleChoiceSpec);
    expect(schema.safeParse({ context: '文', question: '问', choices: ['甲'] }).success).toBe(false);
    expect(schema.safeParse({ context: '文', question: '问', choices: ['甲', '乙'] }).success).toBe(true);
  });

  it('takes choices for texts that come without', async () => {
    const fixed = await pipeline('multiple_choice', model, { options: { choices: ['苹果', '葡萄'] } });
    const own = await choose({ context: '他买了葡萄。', question: '什么？', choices: ['苹果', '葡萄'] });
    const [result] = await fixed([['他买了葡萄。', '什么？'] as never]);
    expect(result).toEqual(own);
    fixed.dispose();
  });

  it('writes files of predictions', async () => {
    const output = at('predictions.tsv');
    await predict({
      ...{ model, input: [data], output, appendCols: ['answer'] },
      outputSchema: ['predictions', 'index', 'probabilities'],
    });
    const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(40);
    for (const [i, line] of lines.entries()) {
      const [choice, index, probabilities, answer] = line.split('\t') as [string, string, string, string];
      const { choices } = questions(40)[i]!;
      expect(choices[Number(index)]).toBe(choice);
      expect(probabilities.split(',')).toHaveLength(choices.length);
      expect(THINGS).toContain(answer);
    }
  });
});

describe('rows', () => {
  const prepared = async (rows: readonly object[], more: Partial<MultipleChoiceTrainOptions> = {}) => {
    const output = at(`out-${Math.random()}`);
    await train(
      options({ architecture: 'text-cnn', maxSteps: 1, train: jsonl('rows.jsonl', rows), output, ...more }),
    );
    return taskOf(output);
  };
  const row = (label: unknown, choices: unknown = ['甲', '乙', '丙']) => ({ text: '文', choices, label });

  it('of TSV: a column for each choice, the last ones empty', async () => {
    const path = writeTsv(at('swag.tsv'), [
      { sent1: '他', ending0: '走', ending1: '坐', ending2: '跑', label: '2' },
      { sent1: '她', ending0: '走', ending1: '坐', ending2: '', label: '1' },
    ]);
    const output = at('swag');
    await train(options({ architecture: 'text-cnn', maxSteps: 1, train: path, output }));
    expect(taskOf(output)).toMatchObject({
      ...{ firstSequence: 'sent1', secondSequence: null, choicesName: ['ending0', 'ending1', 'ending2'] },
      ...{ gold: 'index' },
    });
    expect((await evaluate({ model: output, data: path })).rows).toBe(2);
    writeFileSync(at('hole.tsv'), 'sent1\tending0\tending1\tending2\tlabel\n他\t走\t\t跑\t0\n');
    await expect(train(options({ train: at('hole.tsv'), output: at('no') }))).rejects.toThrow(
      /hole\.tsv, line 2, column "ending1".*since column "ending2" behind it has one/,
    );
  });

  it('of CSV: the list as JSON text', async () => {
    writeFileSync(at('list.csv'), 'text,options,answer\n文,"[""甲"", ""乙""]",B\n字,"[""丙"", ""丁""]",A\n');
    const output = at('csv');
    await train(options({ architecture: 'text-cnn', maxSteps: 1, train: at('list.csv'), output }));
    expect(taskOf(output)).toMatchObject({ choicesName: ['options'], gold: 'letter', labelName: 'answer' });
  });

  it('with numbers, letters or texts as labels', async () => {
    expect(await prepared([row(2), row(0)])).toMatchObject({ gold: 'index' });
    expect(await prepared([row('乙'), row('甲')])).toMatchObject({ gold: 'text' });
    expect(await prepared([row('c'), row('A')])).toMatchObject({ gold: 'letter' });
    // Numbers among numbers: a typed number is a position; for texts one has to say it.
    expect(await prepared([row(1, ['1', '2'])])).toMatchObject({ gold: 'index' });
    await expect(prepared([row('1', ['1', '2'])])).rejects.toMatchObject({ code: 'DATA_LABELS' });
    expect(await prepared([row('1', ['1', '2'])], { gold: 'text' } as never)).toMatchObject({ gold: 'text' });
    // One row that fits only one way settles it.
    expect(await prepared([row('1', ['1', '2']), row('2', ['1', '2'])])).toMatchObject({ gold: 'text' });
  });

  it.each([
    [row('丁'), /rows\.jsonl, line 2, column "label": "丁" is not the number of a choice, from 0 to 2/],
    [row(3), /line 2, column "label": 3 is not the number of a choice, from 0 to 2/],
    [row(0, ['甲']), /line 2.*the single choice "甲"/],
    [row(0, []), /line 2.*there is no choice/],
    [row(0, '甲'), /line 2, column "choices": "甲" is not a list of texts/],
    [row(0, ['甲', '']), /line 2, column "choices".* none of them empty/],
    [{ text: '文', label: 0 }, /line 2, column "choices"|line 2.*"choices"/],
    [{ ...row(0), label: null }, /line 2, column "label": null is not/],
  ])('that are wrong are refused before anything is written: %j', async (wrong, message) => {
    const run = prepared([row(1), wrong, row(2)]);
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toMatchObject({ exitCode: 3 });
  });

  it('have no labels of their own kind', async () => {
    await expect(prepared([row(0)], { labels: ['0', '1'] })).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
    });
  });
});

const spec: MultipleChoiceSpec = {
  ...{ app: 'multiple_choice', sequenceLength: 16, firstSequence: 'text', secondSequence: null },
  ...{
    choicesName: ['choices'],
    labelName: 'label',
    gold: 'index',
    gap: null,
    groupName: null,
    choices: null,
  },
};
const CHARACTERS = '一二三四五六七八九十甲乙丙丁戊己庚辛壬癸问';
const tokenizer = Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...CHARACTERS]);
const read = async (values: object, more: Partial<MultipleChoiceSpec> = {}) => {
  const rows = [{ values: values as never, file: 'f', line: 1 }];
  const [question] = await multipleChoice.encode(
    rows,
    { spec: { ...spec, ...more }, tokenizer },
    { labels: false },
  );
  return question!.sequences.map(({ ids }) =>
    Array.from(ids, (id) => tokenizer.idToToken(id))
      .join('')
      .replaceAll('[CLS]', '^')
      .replaceAll('[SEP]', '|'),
  );
};

describe('sequences', () => {
  it('are text and choice, the question before the choice', async () => {
    expect(await read({ text: '一二三', choices: ['甲乙', '丙'] })).toEqual(['^一二三|甲乙|', '^一二三|丙|']);
    expect(await read({ text: '一', q: '问', choices: ['甲', '乙'] }, { secondSequence: 'q' })).toEqual([
      '^一|问|甲|',
      '^一|问|乙|',
    ]);
  });

  it('that are too long keep the choice, and lose the longer one of text and question', async () => {
    const text = '一二三四五六七八九十'.repeat(3);
    expect(await read({ text, choices: ['甲乙丙', '丁'] })).toEqual([
      '^一二三四五六七八九十|甲乙丙|',
      '^一二三四五六七八九十一二|丁|',
    ]);
    const second = { secondSequence: 'q' };
    expect(await read({ text, q: '问', choices: ['甲乙丙', '丁'] }, second)).toEqual([
      '^一二三四五六七八|问|甲乙丙|',
      '^一二三四五六七八九十|问|丁|',
    ]);
    // The end of a long question is kept.
    expect(
      (await read({ text: '一二', q: `${'问'.repeat(20)}戊己`, choices: ['甲', '乙'] }, second))[0],
    ).toBe(`^一二|${'问'.repeat(7)}戊己|甲|`);
    expect((await read({ text, q: '问'.repeat(20), choices: ['甲', '乙'] }, second))[0]).toBe(
      `^一二三四五|${'问'.repeat(6)}|甲|`,
    );
    // Nothing else has room beside a choice that is too long itself.
    expect((await read({ text, choices: ['甲'.repeat(30), '乙'] }))[0]).toBe(`^|${'甲'.repeat(13)}|`);
  });

  it('have the choice in the gap, wherever it stands', async () => {
    const gap = { gap: '#x#' };
    expect(await read({ text: '一#x#二', choices: ['甲乙', '丙'] }, gap)).toEqual([
      '^一甲乙二|甲乙|',
      '^一丙二|丙|',
    ]);
    const long = '三四五六七八九十';
    for (const [text, wanted] of [
      [`${long}${long}#x#`, '七八九十三四五六七八九十甲'],
      [`#x#${long}${long}`, '甲三四五六七八九十三四五六'.slice(0, 12)],
      [`${long}#x#${long}`, '五六七八九十甲三四五六七'],
    ] as const) {
      const [sequence] = await read({ text, choices: ['甲', '乙'] }, gap);
      expect(sequence).toBe(`^${wanted.slice(-12)}|甲|`);
    }
    for (const text of ['一二', '一#x#二#x#']) {
      await expect(read({ text, choices: ['甲', '乙'] }, gap)).rejects.toThrow(
        /f, line 1.*the gap "#x#" stands (nowhere|more than once) in column "text"/,
      );
    }
  });

  it('always fit, and always hold the choice and the gap that there is room for', () => {
    const size = fc.integer({ min: 0, max: 60 });
    fc.assert(
      fc.property(size, size, fc.option(size), size, size, (text, from, question, choice, room) => {
        const first = Math.min(from, text);
        const end = Math.min(text, first + choice);
        const given: ChoiceTokens = {
          text: Int32Array.from({ length: text }, (_, i) => i),
          kept: [first, end],
          question: question === null ? null : Int32Array.from({ length: question }, (_, i) => i),
          choice: Int32Array.from({ length: choice }, (_, i) => i),
        };
        const cut = fit(given, room);
        const total = cut.text.length + (cut.question?.length ?? 0) + cut.choice.length;
        expect(total).toBe(Math.min(room, text + (question ?? 0) + choice));
        expect(cut.choice.length).toBe(Math.min(choice, room));
        if (cut.text.length >= end - first && end > first) {
          expect(Array.from(cut.text)).toEqual(expect.arrayContaining([first, end - 1]));
        }
      }),
    );
  });
});

describe('the loss', () => {
  const encoded = (counts: readonly number[], labels: readonly number[]): EncodedQuestion[] =>
    counts.map((count, i) => ({
      length: 3 * count,
      sequences: Array.from({ length: count }, () => ({
        length: 3,
        ids: Int32Array.of(2, 5, 3),
        typeIds: null,
      })),
      choices: Array.from({ length: count }, (_, c) => String(c)),
      label: labels[i]!,
      group: null,
    }));
  const lossOf = (counts: readonly number[], labels: readonly number[], scores: readonly number[]) => {
    const { tensors } = multipleChoice.collate(encoded(counts, labels), { spec, tokenizer });
    const inputs = Object.fromEntries(
      Object.entries(tensors).map(([name, { data, shape, dtype }]) => [
        name,
        Tensor.fromTypedArray(data as never, shape, { dtype: dtype as never }),
      ]),
    );
    const logits = tensor(
      scores.map((score) => [score]),
      { requiresGrad: true },
    );
    const loss = multipleChoiceLoss({ logits }, inputs);
    loss.backward();
    return { loss: loss.item(), gradient: Array.from(logits.grad!.toFloat32Array()) };
  };
  const softmax = (scores: readonly number[]) => {
    const sum = scores.reduce((total, s) => total + Math.exp(s), 0);
    return scores.map((s) => Math.exp(s) / sum);
  };

  it('is the mean over questions, with as many choices as each has', () => {
    const scores = [0.3, -1, 2, 0.5, 0, -0.7, 1.1, 3, -2];
    const { loss, gradient } = lossOf([2, 4, 3], [1, 0, 2], scores);
    const parts = [scores.slice(0, 2), scores.slice(2, 6), scores.slice(6)].map(softmax);
    const wanted = -(Math.log(parts[0]![1]!) + Math.log(parts[1]![0]!) + Math.log(parts[2]![2]!)) / 3;
    expect(loss).toBeCloseTo(wanted, 6);
    const right = [1, 2, 8];
    parts.flat().forEach((p, i) => {
      expect(gradient[i]!).toBeCloseTo((p - (right.includes(i) ? 1 : 0)) / 3, 6);
    });
  });

  it('is finite where scores are far apart', () => {
    const { loss, gradient } = lossOf([3, 2], [0, 1], [-1e4, 1e4, 0, 0, 0]);
    expect(loss).toBeCloseTo((2e4 + Math.log(2)) / 2, 0);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });
});

describe('choices that fit once', () => {
  const scored = (rows: readonly (readonly number[])[]) =>
    rows.map((logits) => logits.map((logit, i) => ({ choice: 'ABCDEF'[i]!, logit })));

  it('go to the question that wants them most', () => {
    // Both want A; the second wants it more.
    expect(
      uniqueChoices(
        scored([
          [3, 2, 1],
          [5, 1, 0],
        ]),
      ),
    ).toEqual([1, 0]);
    expect(uniqueChoices(scored([[3, 2, 1]]))).toEqual([0]);
    // More questions than choices: the last one keeps its best.
    expect(
      uniqueChoices(
        scored([
          [3, 2],
          [5, 1],
          [1, 0],
        ]),
      ),
    ).toEqual([1, 0, 0]);
    expect(uniqueChoices([])).toEqual([]);
  });

  it('are never given twice while there are enough', () => {
    const logits = fc.array(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 6, maxLength: 6 }),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(logits, (rows) => {
        const chosen = uniqueChoices(scored(rows));
        expect(new Set(chosen).size).toBe(rows.length);
      }),
    );
  });

  it('are measured in groups', () => {
    const accumulator = multipleChoice.metrics.create({ ...spec, groupName: 'passage' });
    const rows = (labels: readonly number[], group: string) =>
      labels.map((label) => ({ length: 1, sequences: [], choices: ['甲', '乙'], label, group }));
    const logits = (data: readonly number[]) => ({
      logits: { data: Float32Array.from(data), shape: [data.length, 1] },
    });
    accumulator.add(logits([1, 0, 3, 0]), rows([1, 0], 'p'));
    // The same choices in another passage are other ones.
    accumulator.add(logits([2, 0]), rows([0], 'q'));
    const { values } = accumulator.report();
    expect(values).toMatchObject({ accuracy: 2 / 3, unique_accuracy: 1 });
    expect(values.loss).toBeCloseTo(
      (Math.log(1 + Math.E) + Math.log(1 + Math.exp(-3)) + Math.log(1 + Math.exp(-2))) / 3,
      6,
    );
  });
});
