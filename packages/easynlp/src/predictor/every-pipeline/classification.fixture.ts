import { expect } from 'vitest';
import type { GeepResult } from '../../appzoo/geep-classify/index.js';
import { checkLabelSet, classified, type Entry, LABELS, PAIR, trained } from './answers.fixture.js';

/** Labels for a text or a pair. */
export const CLASSIFICATION: readonly Entry[] = [
  {
    name: 'text_classify',
    app: 'text_classify',
    open: trained('text_classify', 'text_classify', ({ reviews }) => ({ train: reviews })),
    check: classified(LABELS),
  },
  {
    name: 'text_classify, long texts in windows',
    app: 'text_classify',
    open: trained('windows', 'text_classify', ({ reviews }) => ({ train: reviews, longText: 'windows' })),
    check: classified(LABELS),
  },
  {
    name: 'text_classify, TextCNN',
    app: 'text_classify',
    open: trained('cnn', 'text_classify', ({ reviews }) => ({
      ...{ train: reviews, model: undefined, architecture: 'text-cnn', embeddingSize: 16, convDim: 8 },
      linearHiddenSize: 16,
    })),
    check: classified(LABELS),
  },
  {
    name: 'text_classify, pairs',
    app: 'text_classify',
    open: trained('pairs', 'text_classify', ({ pairs }) => ({
      ...{ train: pairs, firstSequence: 'sentence1', secondSequence: 'sentence2' },
    })),
    input: PAIR,
    check: classified(['0', '1']),
  },
  {
    name: 'text_classify_multi_label',
    app: 'text_classify_multi_label',
    open: trained('tags', 'text_classify_multi_label', ({ tags }) => ({ train: tags, labelName: 'labels' })),
    check: checkLabelSet,
  },
  {
    name: 'geep_classify',
    app: 'geep_classify',
    open: trained('geep', 'geep_classify', ({ reviews }) => ({ train: reviews, exitThreshold: 0.9 })),
    check(text, given) {
      classified(LABELS)(text, given);
      expect([1, 2, 3]).toContain((given as GeepResult).layers);
    },
  },
];
