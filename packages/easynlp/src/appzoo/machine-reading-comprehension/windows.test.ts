import { nn, tensor, zeros } from '@easynlp/torch';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Row } from '../../datahub/index.js';
import { Tokenizer } from '../../text/index.js';
import type { AppModel } from '../app.js';
import { inferResults } from '../inference.js';
import { type EncodedWindow, encodeReading } from './encode.js';
import { findAnswer } from './gold.js';
import { machineReadingComprehension as app, type ReadingResult, type ReadingSpec } from './index.js';
import { readingLoss } from './loss.js';
import { assemble, pairTemplate, planWindows } from './windows.js';

const spec: ReadingSpec = {
  app: 'machine_reading_comprehension',
  sequenceLength: 24,
  firstSequence: 'question',
  secondSequence: 'context',
  idName: null,
  answerName: 'answer',
  startName: 'start',
  language: 'zh',
  maxQueryLength: 8,
  docStride: 5,
  maxAnswerLength: 6,
  nBestSize: 4,
  unanswerable: false,
  unanswerableThreshold: null,
};
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const tokenizer = Tokenizer.fromVocab([...SPECIAL, ...'甲乙丙丁戊己庚辛谁答案始终，', 'abc']);

const row = (question: string, context: string, answer?: string, start?: number): Row => ({
  values: {
    question,
    context,
    ...(answer === undefined ? {} : { answer }),
    ...(start === undefined ? {} : { start }),
  },
  file: 'x.tsv',
  line: 2,
});

/** Marks 始 as the beginning of the answer and 终 as its end, wherever it sees them; [CLS] a little. */
class Marking extends nn.Module implements AppModel {
  constructor(
    private readonly begin: number,
    private readonly end: number,
  ) {
    super();
  }
  forward(inputs: Record<string, import('@easynlp/torch').Tensor>) {
    const ids = inputs.inputIds!.toArray() as number[][];
    return {
      logits: tensor(
        ids.map((line) =>
          line.map((id) => [Number(id) === this.begin ? 5 : 0, Number(id) === this.end ? 5 : 0]),
        ),
      ),
    };
  }
}
const answerOf = async (rows: readonly Row[], own: ReadingSpec = spec, batchSize = 3) => {
  const context = { spec: own, tokenizer };
  const model = new Marking(tokenizer.tokenToId('始')!, tokenizer.tokenToId('终')!);
  const loaded = {
    app: app as never,
    context,
    model,
    runtime: { device: 'cpu', precision: 'fp32' as const },
  };
  const encoded = await encodeReading(rows, context, { labels: false });
  return (await inferResults(loaded, encoded, { batchSize })) as ReadingResult[];
};

describe('windows', () => {
  it('cover every token, and every run of half a window lies whole in one', () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), size, size, (length, capacity, stride) => {
        const windows = planWindows(length, capacity, stride);
        expect(windows[0]!.first).toBe(0);
        expect(windows.at(-1)!.first + windows.at(-1)!.count).toBe(length);
        for (const { count } of windows) expect(count).toBeLessThanOrEqual(capacity);
        const run = Math.max(1, Math.floor(capacity / 2));
        for (let at = 0; at + run <= length; at++) {
          expect(windows.some(({ first, count }) => at >= first && at + run <= first + count)).toBe(true);
        }
      }),
    );
  });

  it('are put together as the tokenizer itself would', async () => {
    const template = await pairTemplate(tokenizer);
    const whole = await tokenizer.encode('谁答', '甲乙丙');
    const ids = async (text: string) => (await tokenizer.encode(text, null, { addSpecialTokens: false })).ids;
    const made = assemble(template, await ids('谁答'), await ids('甲乙丙'));
    expect(made.ids).toEqual(whole.ids);
    expect(made.typeIds).toEqual(whole.typeIds);
    expect(whole.sequenceIds[made.at]).toBe(1);
  });

  it('an answer at every place of a long text is found', async () => {
    const length = 70;
    const rows = Array.from({ length: length - 3 }, (_, at) => {
      const text = [...'甲乙丙丁戊己庚'.repeat(10)];
      text.splice(at, 4, ...'始答案终');
      return row('谁', text.join(''));
    });
    for (const [at, { answer, start, end }] of (await answerOf(rows)).entries()) {
      expect({ answer, start, end }).toEqual({ answer: '始答案终', start: at, end: at + 4 });
    }
  });

  it('and so it is among emoji, rare characters, blanks and control characters', async () => {
    const filler = fc.array(
      fc.constantFrom('😀', '👨‍👩‍👧', '𠮷', 'é', '\u0007', ' ', '\n', '甲', 'abc', '\u200b', '，'),
      {
        maxLength: 30,
      },
    );
    await fc.assert(
      fc.asyncProperty(filler, filler, async (before, after) => {
        const text = `${before.join('')}始答终${after.join('')}`;
        const [result] = await answerOf([row('谁', text)]);
        expect(result!.answer).toBe('始答终');
        for (const { text: part, start, end } of result!.candidates)
          expect(text.slice(start, end)).toBe(part);
      }),
      { numRuns: 60 },
    );
  });

  it('the same answers come alone, together and under a token budget', async () => {
    const rows = ['甲始终乙', '始乙丙终'.repeat(12), '', '丁'.repeat(50)].map((text) => row('谁答案', text));
    const together = await answerOf(rows, spec, 50);
    for (const [i, one] of rows.entries()) expect((await answerOf([one], spec, 1))[0]).toEqual(together[i]);
  });

  it('answers are no longer than maxAnswerLength, and as many as nBestSize', async () => {
    const [result] = await answerOf([row('谁', '甲始乙丙丁戊己庚终')]);
    expect(result!.candidates).toHaveLength(4);
    for (const { text } of result!.candidates) expect(text.length).toBeLessThanOrEqual(6);
    expect(result!.candidates.map((c) => c.logit)).toEqual(
      [...result!.candidates.map((c) => c.logit)].sort((a, b) => b - a),
    );
    const [longer] = await answerOf([row('谁', '甲始乙丙丁戊己庚终')], { ...spec, maxAnswerLength: 9 });
    expect(longer!.answer).toBe('始乙丙丁戊己庚终');
  });

  it('long questions are cut, and room must be left for the text', async () => {
    const context = { spec, tokenizer };
    const [first] = await encodeReading([row('谁'.repeat(30), '甲'.repeat(30))], context, { labels: false });
    expect(first!.at).toBe(1 + 8 + 1);
    const short = { spec: { ...spec, sequenceLength: 4 }, tokenizer };
    await expect(encodeReading([row('谁', '甲')], short, { labels: false })).rejects.toMatchObject({
      code: 'CONFIG_INVALID_VALUE',
      message: expect.stringContaining('at least 5'),
    });
  });
});

describe('answers of training data', () => {
  const windowsOf = async (
    text: string,
    answer: string,
    start?: number,
  ): Promise<readonly EncodedWindow[]> => {
    const [first] = await encodeReading(
      [row('谁', text, answer, start)],
      { spec, tokenizer },
      { labels: true },
    );
    return first!.question.windows;
  };

  it('stand in the windows that hold them whole; the others point to [CLS]', async () => {
    const text = `${'甲'.repeat(20)}答案${'乙'.repeat(20)}`;
    const windows = await windowsOf(text, '答案', 20);
    expect(windows.length).toBeGreaterThan(3);
    let inside = 0;
    for (const { startPosition, endPosition, at, first, count, question } of windows) {
      const whole = first <= 20 && first + count >= 22;
      if (whole) inside++;
      expect(endPosition - startPosition).toBe(whole ? 1 : 0);
      if (!whole) expect(startPosition).toBe(0);
      else expect(question.starts[startPosition - at + first]).toBe(20);
    }
    expect(inside).toBeGreaterThan(1);
  });

  it('count characters as Python does, and are looked for nearby when the place is off', () => {
    const found = (text: string, answer: string, start: number | null) => {
      const place = findAnswer(text, { texts: [answer], starts: [start] });
      return place && text.slice(0, place.start).length === place.start ? place.start : null;
    };
    expect(found('😀😀甲乙甲乙', '甲乙', 4)).toBe(6);
    expect(found('😀😀甲乙甲乙', '甲乙', 2)).toBe(4);
    expect(found('甲乙丙甲乙', '甲乙', 4)).toBe(3);
    expect(found('甲乙丙甲乙', '甲乙', null)).toBe(0);
    expect(found('甲乙', '甲乙', 99)).toBe(0);
    expect(found('甲乙', ' 乙 ', 0)).toBe(1);
    expect(found('甲乙', '丙', 0)).toBe(null);
  });

  it('any part of any text is found again', () => {
    const text = fc.array(fc.constantFrom('甲', '乙', '😀', '𠮷', 'a', ' '), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, fc.nat(), fc.nat(), (characters, a, b) => {
        const from = a % characters.length;
        const to = from + 1 + (b % (characters.length - from));
        const part = characters.slice(from, to).join('');
        const whole = characters.join('');
        const place = findAnswer(whole, { texts: [part], starts: [from] })!;
        expect(whole.slice(place.start, place.end)).toBe(part);
        expect(place.start).toBe(characters.slice(0, from).join('').length);
      }),
    );
  });

  it('the loss looks at the text and [CLS] only', () => {
    const one = (value: number) => tensor([value], { dtype: 'int64' });
    const inputs = {
      startPositions: one(3),
      endPositions: one(4),
      contextStarts: one(3),
      contextEnds: one(5),
    };
    // Three candidates, all alike: log 3; what stands elsewhere does not count.
    const logits = zeros([1, 8, 2]);
    for (const at of [1, 2, 5, 6, 7]) logits.narrow(1, at, 1).fill_(50);
    expect(readingLoss({ logits }, inputs).item()).toBeCloseTo(Math.log(3), 5);
    expect(readingLoss({ logits: logits.narrow(1, 0, 5) }, inputs).item()).toBeCloseTo(Math.log(3), 5);
  });
});
