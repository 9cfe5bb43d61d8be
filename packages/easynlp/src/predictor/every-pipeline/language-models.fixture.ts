import { expect } from 'vitest';
import type { FillMaskResult } from '../../appzoo/language-modeling/index.js';
import { type Entry, isShare, trained } from './answers.fixture.js';

function checkFilled(text: string, given: unknown): void {
  const { masks, text: filled } = given as FillMaskResult;
  expect(masks.length).toBeGreaterThanOrEqual(1);
  for (const mask of masks) {
    expect(mask).toHaveLength(10);
    for (const { token, probability } of mask) {
      expect(token).not.toBe('');
      isShare(probability);
    }
  }
  const [first] = masks;
  expect(filled).toBe(first![0]!.token.replace(/^##/, '') + text);
}

/** Masks that are filled in. */
export const LANGUAGE_MODELS: readonly Entry[] = [
  {
    name: 'language_modeling',
    app: 'language_modeling',
    open: trained('mlm', 'language_modeling', null),
    input: (text) => `[MASK]${text}`,
    check: checkFilled,
  },
  {
    name: 'data_augmentation',
    app: 'data_augmentation',
    open: trained('augmentation', 'data_augmentation', null),
    check(_text, given) {
      expect(Object.keys(given as object)).toEqual(['text']);
      expect(typeof (given as { text: unknown }).text).toBe('string');
    },
  },
  {
    name: 'data_augmentation, drawn from some',
    app: 'data_augmentation',
    open: trained('drawn', 'data_augmentation', null, { fillTemperature: 1, topK: 5, removeBlanks: true }),
    check: (_text, given) => expect(typeof (given as { text: unknown }).text).toBe('string'),
  },
];
