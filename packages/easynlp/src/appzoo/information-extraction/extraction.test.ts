import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainOptions } from '../../config/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { workFolder } from '../../predictor/models.fixture.js';
import { type Pipeline, pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';
import { askForArguments } from './answers.js';
import { encodeExtraction } from './ask.js';
import { trainedUnits } from './encode.js';
import type { ExtractionResult } from './index.js';
import { matches, sentences, writeCluener, writeEvents } from './people.fixture.js';
import type { ExtractionSpec } from './spec.js';

const folder = workFolder('extraction');
const at = (name: string) => join(folder, name);
const APP = 'information_extraction';
const options = (extra: Record<string, unknown>) =>
  ({
    app: APP,
    architecture: 'bert',
    layers: 2,
    hiddenSize: 32,
    heads: 2,
    intermediateSize: 64,
    dropout: 0,
    initializerRange: 0.1,
    sequenceLength: 48,
    batchSize: 16,
    learningRate: 5e-3,
    seed: 3,
    epochs: 100,
    device: 'cpu',
    numThreads: 1,
    ...extra,
  }) as unknown as TrainOptions;

const train60 = sentences(60);
let data = '';
let events = '';
const open: { dispose(): void }[] = [];
afterAll(() => {
  for (const p of open) p.dispose();
});
async function opened(model: string, extra: Record<string, unknown> = {}): Promise<Pipeline<typeof APP>> {
  const found = await pipeline(APP, model, { device: 'cpu', numThreads: 1, options: extra });
  open.push(found);
  return found;
}

beforeAll(async () => {
  data = writeCluener(at('people.json'), train60);
  events = writeEvents(at('matches.jsonl'), matches(40));
  await train(
    options({ train: data, dev: data, output: at('prompt'), maxSteps: 120, evalStrategy: 'epoch' }),
  );
  await train(options({ train: data, output: at('types'), mode: 'types', maxSteps: 120 }));
  await train(options({ train: events, output: at('events'), maxSteps: 160 }));
}, 60_000);

/** Everything that a result must be, whatever the text. */
function check(text: string, { entities }: ExtractionResult): void {
  for (const span of entities.flatMap((e) => [e, ...(e.arguments ?? [])])) {
    expect(text.slice(span.start, span.end)).toBe(span.text);
    expect(span.text.trim()).toBe(span.text);
    expect(span.text).not.toBe('');
    expect(span.score).toBeGreaterThan(0);
    expect(span.score).toBeLessThanOrEqual(1);
  }
  const keys = entities.map(({ type, start, end }) => `${type} ${start} ${end}`);
  expect(new Set(keys).size).toBe(keys.length);
}

describe.each(['prompt', 'types'])('entities, mode %s', (mode) => {
  it('are learned, and evaluated strictly', async () => {
    const { metrics, details } = await evaluate({ model: at(mode), data, device: 'cpu', numThreads: 1 });
    expect(metrics.micro_f1).toBeGreaterThan(0.9);
    expect(metrics.macro_f1).toBeGreaterThan(0.9);
    const { types, micro } = details as {
      types: Record<string, { support: number }>;
      micro: { support: number };
    };
    expect(Object.keys(types)).toEqual(['人物', '地点']);
    expect(micro.support).toBe(train60.reduce((sum, { entities }) => sum + entities.length, 0));
  });

  it('have a batch of their own or not, all the same; texts without anything among them', async () => {
    const extract = await opened(at(mode), { threshold: 0.02 });
    const texts = [
      ...sentences(9).map(({ text }) => text),
      '',
      ' \n\u0000\u200b ',
      '😀🀄𠮷李雷😀去了\u0007北京🇨🇳',
      '王小明 在 北京，'.repeat(30),
      'Café naïve ① ㍿ ﬁ',
    ];
    const many = await extract(texts);
    expect(many).toHaveLength(texts.length);
    for (const [i, text] of texts.entries()) {
      const single = await extract(text);
      check(text, single);
      check(text, many[i]!);
      const plain = ({ entities }: ExtractionResult) =>
        entities.map(({ score, ...rest }) => ({
          ...rest,
          score: expect.closeTo(score, 4),
        }));
      expect(many[i]!.entities).toEqual(plain(single));
    }
    expect(many.some(({ entities }) => entities.length > 0)).toBe(true);
    expect(many[9]!.entities).toEqual([]);
    expect(await extract([])).toEqual([]);
  });

  it('lie in the text, whatever it is', async () => {
    const extract = await opened(at(mode), { threshold: 0.001, maxSpans: 20 });
    const piece = fc.oneof(
      fc.constantFrom(
        '李雷',
        '北京',
        ' ',
        '\n',
        '😀',
        '𠮷',
        '\u0000',
        '\u202e',
        'Ａ',
        '。',
        'ﬁ',
        'e\u0301',
        '👩‍👩‍👧',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    let spans = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const text = pieces.join('');
        const result = await extract(text);
        check(text, result);
        spans += result.entities.length;
      }),
      { numRuns: 25, seed: 5 },
    );
    expect(spans).toBeGreaterThan(20);
  });

  it('are found in every window of a long text', async () => {
    const extract = await opened(at(mode));
    const parts = sentences(24).filter(({ text }) => !/^\d/.test(text));
    const long = parts.map(({ text }) => text).join('');
    const { entities } = await extract(long);
    check(long, entities.length > 0 ? { entities } : { entities: [] });
    const last = entities.at(-1)!;
    expect(last.end).toBeGreaterThan(long.length - 12);
    const wanted = parts.reduce((sum, p) => sum + p.entities.length, 0);
    expect(entities.length).toBeGreaterThan(0.7 * wanted);
  });
});

describe('what to look for', () => {
  it('may differ from text to text', async () => {
    const extract = await opened(at('prompt'));
    const { text } = sentences(1)[0]!;
    const [both, one, none] = await extract([
      { text },
      { text, scheme: '地点' },
      { content: text, scheme: ' ' },
    ]);
    expect(new Set(both!.entities.map(({ type }) => type))).toEqual(new Set(['人物', '地点']));
    expect(one!.entities.map(({ type }) => type)).toEqual(['地点']);
    expect(none!.entities).toEqual(both!.entities);
    await expect(extract({ text, scheme: ':a' })).rejects.toThrow(/line 1, column "scheme"/);
    await expect(extract(7 as never)).rejects.toThrow(/expected a text, or an object/);
    await expect(extract({ scheme: 'a' })).rejects.toThrow(/an object with scheme/);
  });

  it('is fixed with heads for types', async () => {
    await expect(opened(at('types'), { scheme: '动物' })).rejects.toThrow(/trained with mode types/);
    const bad = options({ train: events, output: at('no'), mode: 'types' });
    await expect(train(bad)).rejects.toThrow(/mode types needs texts with entities/);
  });

  it('thresholds and the number of answers count', async () => {
    const { text } = train60[1]!;
    const loose = await opened(at('prompt'), { threshold: 0.0001, maxSpans: 3 });
    const { entities } = await loose(text);
    for (const type of ['人物', '地点'])
      expect(entities.filter((e) => e.type === type).length).toBeLessThanOrEqual(3);
    const strict = await opened(at('prompt'), { threshold: 0.9999999 });
    expect((await strict(text)).entities.length).toBeLessThan(entities.length);
  });
});

describe('events', () => {
  it('are found in two steps, trigger and arguments', async () => {
    const extract = await opened(at('events'));
    const rows = matches(40).slice(4, 12);
    const results = await extract(rows.map(({ text }) => text));
    let right = 0;
    for (const [i, { text, events: gold }] of rows.entries()) {
      check(text, results[i]!);
      const event = results[i]!.entities.find((e) => e.start === gold[0]!.start && e.end === gold[0]!.end);
      const places = event?.arguments?.map(({ role, start, end }) => ({ role, start, end }));
      if (JSON.stringify(places) === JSON.stringify(gold[0]!.arguments)) right++;
    }
    expect(right).toBeGreaterThanOrEqual(6);
    const [alone] = await extract([rows[0]!.text]);
    expect(alone!.entities.map(({ text, arguments: a }) => [text, a?.length])).toEqual(
      results[0]!.entities.map(({ text, arguments: a }) => [text, a?.length]),
    );
  });

  it('leave no tensors behind', async () => {
    const extract = await opened(at('events'));
    const texts = matches(12).map(({ text }) => text);
    await extract(texts);
    const before = memory().tensors;
    for (let i = 0; i < 3; i++) await extract(texts);
    expect(memory().tensors).toBe(before);
  });

  it('EE needs roles, NER leaves them out', async () => {
    const ner = await opened(at('events'), { task: 'NER' });
    const { entities } = await ner(matches(5)[4]!.text);
    expect(entities[0]!.arguments).toBeUndefined();
    const ee = await opened(at('events'), { task: 'EE', scheme: '比赛' });
    await expect(ee('红队夺冠')).rejects.toThrow(/has no roles/);
  });

  it('a trigger as long as the text leaves room for it', async () => {
    const extract = await opened(at('events'), { threshold: 1e-6, maxSpans: 5 });
    const text = '红队战胜蓝队'.repeat(40);
    check(text, await extract(text));
  });

  it('are evaluated question by question', async () => {
    const { metrics, details } = await evaluate({
      model: at('events'),
      data: events,
      device: 'cpu',
      numThreads: 1,
    });
    expect(Object.keys((details as { types: object }).types).sort()).toEqual(
      ['比赛', '比赛-胜者', '比赛-败者'].sort(),
    );
    expect(metrics.micro_f1).toBeGreaterThan(0.8);
  });
});

describe('files', () => {
  it('no row is lost, in a TSV or as JSON Lines', async () => {
    const input = at('texts.tsv');
    const texts = ['李雷去了北京', '', '休息。', '韩梅梅在上海', '😀'];
    writeFileSync(
      input,
      `id\tscheme\tcontent\n${texts.map((t, i) => `x${i}\t人物;地点\t${t}`).join('\n')}\n`,
    );
    for (const batchSize of [1, 2, 32]) {
      const shared = { model: at('prompt'), input: [input], batchSize, device: 'cpu', numThreads: 1 };
      await predict({ ...shared, output: at('out.tsv'), outputSchema: ['id', 'content', 'q_and_a'] });
      const lines = readFileSync(at('out.tsv'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'));
      expect(lines.map(([id, content]) => [id, content])).toEqual(texts.map((text, i) => [`x${i}`, text]));
      for (const [i, line] of lines.entries()) {
        for (const [question, answer, p, start, end] of JSON.parse(line[2]!)) {
          expect(['人物', '地点']).toContain(question);
          expect(texts[i]!.slice(start, end)).toBe(answer);
          expect(p).toBeGreaterThan(0.5);
        }
      }
      await predict({ ...shared, output: at('out.jsonl'), appendCols: ['scheme'] });
      const objects = readFileSync(at('out.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(objects.map(({ id, text, scheme }) => [id, text, scheme])).toEqual(
        texts.map((text, i) => [`x${i}`, text, '人物;地点']),
      );
      expect(objects[0].entities.length).toBe(JSON.parse(lines[0]![2]!).length);
    }
  });

  it('a table without a text, and types unknown to training, are told', async () => {
    const input = at('other.tsv');
    writeFileSync(input, 'a\tb\n1\t2\n');
    await expect(predict({ model: at('prompt'), input: [input], output: at('x.tsv') })).rejects.toThrow(
      /no such column/,
    );
    const other = writeCluener(at('other.json'), [
      { text: '一只猫', entities: [{ type: '动物', start: 2, end: 3 }] },
    ]);
    await expect(evaluate({ model: at('prompt'), data: other })).rejects.toThrow(/line 1.*动物/s);
  });
});

describe('encoding', () => {
  const base: ExtractionSpec = {
    app: APP,
    sequenceLength: 40,
    input: 'entities',
    firstSequence: 'text',
    instructionName: 'instruction',
    labelName: 'entities',
    schemeName: 'scheme',
    scheme: [
      { type: '人物', roles: [] },
      { type: '地点', roles: [] },
      { type: '时间', roles: [] },
    ],
    typeNames: {},
    mode: 'prompt',
    negatives: null,
    task: 'auto',
    threshold: 0.5,
    maxSpans: 10,
  };
  const tokenizer = () => Tokenizer.fromFolder(at('prompt'));
  const row = (text: string, entities: object[] = []) => ({
    values: { text, entities: JSON.stringify(entities) },
    file: 'f',
    line: 1,
  });

  it('is the question with the text in it, as EasyNLP writes it', async () => {
    const own = await tokenizer();
    const text = '李雷去了北京。';
    const [unit] = await encodeExtraction([row(text)], { spec: base, tokenizer: own }, { labels: true });
    const whole = await own.encode(`找到文章中所有【人物】类型的实体？文章：【${text}】`);
    expect(unit!.ids).toEqual(whole.ids);
  });

  it('every place of a long text is answered for once', async () => {
    const context = { spec: base, tokenizer: await tokenizer() };
    const text = '王小明在北京'.repeat(20);
    const [unit] = await encodeExtraction([row(text)], context, { labels: false });
    const { units, starts } = unit!.text;
    for (let q = 0; q < 3; q++) {
      const own = units.filter(({ asked }) => asked[0] === q);
      expect(own.length).toBeGreaterThan(3);
      for (let token = 0; token < starts.length; token++) {
        const answering = own.filter(({ ownFrom, ownTo }) => token >= ownFrom && token < ownTo);
        expect(answering).toHaveLength(1);
        const [{ first, count }] = answering as [(typeof own)[0]];
        expect(token >= first && token < first + count).toBe(true);
      }
      for (const { length } of own) expect(length).toBeLessThanOrEqual(40);
    }
  });

  it('trains on all questions with answers and on some of the others, the same ones each time', async () => {
    const context = { spec: base, tokenizer: await tokenizer() };
    const rows = [row('李雷去了北京。', [{ type: '人物', start: 0, end: 2 }])];
    const [unit] = await encodeExtraction(rows, context, { labels: true });
    const asked = (negatives: number) => trainedUnits(unit!.text, negatives).map((u) => u.asked[0]);
    expect(asked(0)).toEqual([0]);
    expect(asked(1)).toHaveLength(2);
    expect(asked(1)).toEqual(asked(1));
    expect(asked(9)).toEqual([0, 1, 2]);
    const [empty] = await encodeExtraction([row('休息')], context, { labels: true });
    expect(trainedUnits(empty!.text, 0)).toHaveLength(1);
  });

  it('arguments of very many triggers are asked for around them, and of the most probable ones', async () => {
    const scheme = [{ type: '比赛', roles: ['胜者', '败者'] }];
    const spec: ExtractionSpec = { ...base, sequenceLength: 48, input: 'events', scheme };
    const context = { spec, tokenizer: await tokenizer() };
    const [few, many] = [8, 4_000].map((count) => '王小明在北京'.repeat(count));
    const ask = async (text: string, step: number) => {
      const [unit] = await encodeExtraction([row(text)], context, { labels: false });
      const entities = Array.from({ length: Math.floor((text.length - 4) / step) }, (_, i) => {
        const [start, end] = [i * step, i * step + 1 + (i % 4)];
        return { type: '比赛', start, end, text: text.slice(start, end), score: 1 / (2 + i) };
      });
      // Every trigger is one of its own: a model that is sure of everything.
      const own = entities.map((entity, i) => ({ ...entity, text: `${entity.text}${i}` }));
      const found = await askForArguments({ entities: own }, unit!, context);
      return { text: found!.row.text, own, found: found!, windows: unit!.text.units.length };
    };
    const short = await ask(few!, 6);
    expect(short.text.questions).toHaveLength(2 * short.own.length);
    expect(short.text.units.length % short.text.questions.length).toBe(0);
    const long = await ask(many!, 6);
    const { questions, units } = long.text;
    expect(long.own.length).toBeGreaterThan(3_900);
    expect(questions.length).toBeLessThan(2 * 4.1 * long.windows);
    expect(units.length).toBeLessThanOrEqual(5 * questions.length);
    // Each question stands where its trigger does.
    for (const q of [0, 1, questions.length - 1]) {
      const [place] = questions[q]!.near!;
      const windows = units.filter(({ asked }) => asked[0] === q);
      const { starts, ends } = long.text;
      expect(
        windows.some(
          ({ first, count }) => starts[first]! <= place!.start && ends[first + count - 1]! >= place!.end,
        ),
      ).toBe(true);
    }
    expect(questions[0]!.near![0]).toMatchObject({ start: 0 });
    const [best, worst] = [long.own[0]!, long.own.at(-1)!];
    const answer = { type: questions[0]!.label, text: '北京', start: 4, end: 6, score: 0.9 };
    const { entities } = long.found.complete({ entities: [answer] });
    expect(entities[0]).toMatchObject({ text: best.text, arguments: [{ role: '胜者', text: '北京' }] });
    expect(entities.at(-1)).toMatchObject({ text: worst.text, arguments: [] });
  });

  it('a question that leaves no room is told', async () => {
    const spec = { ...base, sequenceLength: 20 };
    await expect(
      encodeExtraction([row('甲')], { spec, tokenizer: await tokenizer() }, { labels: false }),
    ).rejects.toThrow(/at least \d+: the longest question has/);
  });
});
