import { expect } from 'vitest';
import type { MultipleChoiceResult } from '../../appzoo/multiple-choice/index.js';
import type { TextMatchScore, TwoTowerResult } from '../../appzoo/text-match/index.js';
import type { TextVectors } from '../../appzoo/vectorization/index.js';
import { pipeline } from '../pipeline.js';
import {
  type Answering,
  checkWhole,
  classified,
  type Entry,
  MACHINE,
  PAIR,
  SECOND,
  trained,
} from './answers.fixture.js';
import { trainBriefly } from './data.fixture.js';

const checkVector =
  (width: number) =>
  (_text: string, given: unknown): void => {
    const { vector } = given as Extract<TextVectors, { vector: unknown }>;
    expect(vector).toHaveLength(width);
  };

/** What BERT's normalizer makes of a part of a text. */
const normalized = (text: string) =>
  text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\ufffd]/gu, '');

function checkTokens(text: string, given: unknown): void {
  const { tokens, vectors } = given as Extract<TextVectors, { tokens: unknown }>;
  expect(vectors).toHaveLength(tokens.length);
  let last = 0;
  for (const { token, start, end } of tokens) {
    // A character that becomes several tokens gives all of them its place.
    expect(start).toBeGreaterThanOrEqual(last > 0 ? last - 2 : 0);
    expect(end).toBeGreaterThan(start);
    expect(end).toBeLessThanOrEqual(text.length);
    checkWhole(text, start, end);
    last = end;
    if (/^\[.+\]$/.test(token)) continue;
    const own = normalized(token.replace(/^##/, ''));
    expect(normalized(text.slice(start, end)), JSON.stringify([token, start, end])).toContain(own);
  }
  for (const vector of vectors) expect(vector).toHaveLength(32);
}

const checkChoice =
  (choicesOf: (text: string) => string[]) =>
  (text: string, given: unknown): void => {
    const { scores, ...best } = given as MultipleChoiceResult;
    expect(best).toEqual(scores[0]);
    const choices = choicesOf(text);
    expect([...scores].sort((a, b) => a.index - b.index).map(({ choice }) => choice)).toEqual(choices);
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
  };
const CHOICES = ['王小明', '李雷', '韩梅梅和𠮷😀'];
const WITH_CHOICE = (text: string) => [`甲${text}`, '李雷'];

/** Pairs of texts, and vectors. */
export const MATCHING: readonly Entry[] = [
  ...([PAIR, SECOND] as const).map(
    (input, i): Entry => ({
      name: `text_match, ${i === 0 ? 'first' : 'second'} text`,
      app: 'text_match',
      open: trained(`match${i}`, 'text_match', ({ pairs }) => ({ train: pairs })),
      input,
      check: classified(['0', '1']),
    }),
  ),
  {
    name: 'multiple_choice, the text',
    app: 'multiple_choice',
    open: trained('choices', 'multiple_choice', ({ choices }) => ({ train: choices })),
    input: (text) => ({ context: text, question: '谁？', choices: CHOICES }),
    check: checkChoice(() => CHOICES),
  },
  {
    name: 'multiple_choice, question and choice',
    app: 'multiple_choice',
    open: trained('choosing', 'multiple_choice', ({ choices }) => ({ train: choices })),
    input: (text) => ({ context: '王小明在北京。', question: text, choices: WITH_CHOICE(text) }),
    check: checkChoice(WITH_CHOICE),
  },
  {
    name: 'text_match_regression',
    app: 'text_match_regression',
    open: trained('regression', 'text_match_regression', ({ scored }) => ({ train: scored })),
    input: PAIR,
    check: (_text, given) => expect(typeof (given as TextMatchScore).score).toBe('number'),
  },
  {
    name: 'text_match_two_tower, pairs',
    app: 'text_match_two_tower',
    open: trained('towers', 'text_match_two_tower', ({ pairs }) => ({ train: pairs, dev: pairs })),
    input: SECOND,
    check(_text, given) {
      const { similarity, match } = given as Extract<TwoTowerResult, { similarity: unknown }>;
      expect(Math.abs(similarity)).toBeLessThanOrEqual(1);
      expect(typeof match).toBe('boolean');
    },
  },
  {
    name: 'text_match_two_tower, single texts',
    app: 'text_match_two_tower',
    open: trained('siamese', 'text_match_two_tower', ({ reviews }) => ({
      ...{ train: reviews, siamese: true, vectorSize: 16 },
    })),
    check(_text, given) {
      const { vector } = given as Extract<TwoTowerResult, { vector: unknown }>;
      expect(vector).toHaveLength(16);
      expect(vector.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1, 4);
    },
  },
  ...(['mean', 'first', 'tokens'] as const).map(
    (pooling): Entry => ({
      name: `vectorization, ${pooling}`,
      app: 'vectorization',
      open: trained(`vectors-${pooling}`, 'vectorization', null, { pooling }),
      check: pooling === 'tokens' ? checkTokens : checkVector(32),
    }),
  ),
  {
    name: 'vectorization, pooler of a trained model',
    app: 'vectorization',
    async open(files) {
      const model = await trainBriefly(files, 'pooler', { app: 'text_classify', train: files.reviews });
      const options = { pooling: 'pooler', normalize: true, vectorSize: 8 };
      return (await pipeline('vectorization', model, { ...MACHINE, options })) as unknown as Answering;
    },
    check: checkVector(8),
  },
];
