import { expect } from 'vitest';
import { type ModerationResult, moderator } from '../risk-control.js';
import { type TaggingResult, tagger } from '../tagging.js';
import {
  type Answering,
  checkLabelSet,
  checkPlace,
  type Entry,
  isShare,
  MACHINE,
} from './answers.fixture.js';
import { trainBriefly } from './data.fixture.js';

/** Ready-made solutions of several models: tagging and moderation. */
export const SOLUTIONS: readonly Entry[] = [
  {
    name: 'tagger',
    async open(files) {
      const options = { train: files.tags, labelName: 'labels' };
      const tagModel = await trainBriefly(files, 'tagger-tags', {
        ...{ app: 'text_classify_multi_label', ...options },
      });
      const entityModel = await trainBriefly(files, 'tagger-entities', {
        ...{ app: 'sequence_labeling', train: files.people, maxSteps: 30, learningRate: 5e-3 },
      });
      return (await tagger({ ...MACHINE, tagModel, entityModel })) as unknown as Answering;
    },
    check(text, given) {
      const { tags, keywords, entities } = given as TaggingResult;
      for (const { probability } of tags) isShare(probability!);
      for (const { word, score } of keywords) {
        expect(text).toContain(word);
        isShare(score);
      }
      for (const entity of entities) checkPlace(text, entity);
    },
    found: (result) => (result as TaggingResult).entities.length,
  },
  ...(['tfidf', 'embedding'] as const).map(
    (keywords): Entry => ({
      name: `tagger, keywords by ${keywords}`,
      async open({ base }) {
        const model = keywords === 'embedding' ? { vectorModel: base } : {};
        return (await tagger({ ...MACHINE, ...model, keywords })) as unknown as Answering;
      },
      check(text, given) {
        const { tags, keywords: found, entities } = given as TaggingResult;
        expect([tags, entities]).toEqual([[], []]);
        for (const { word } of found) expect(text).toContain(word);
      },
      found: (result) => (result as TaggingResult).keywords.length,
    }),
  ),
  {
    name: 'moderator',
    async open(files) {
      const model = await trainBriefly(files, 'risks', {
        ...{ app: 'text_classify_multi_label', train: files.tags, labelName: 'labels' },
      });
      return (await moderator({ ...MACHINE, model, harmless: ['好评'] })) as unknown as Answering;
    },
    check(text, given) {
      const { decision, labels, scores, hits } = given as ModerationResult;
      checkLabelSet(text, { labels, scores });
      expect(decision).toBe(labels.some((label) => label !== '好评') ? 'reject' : 'pass');
      expect(hits).toEqual([]);
    },
  },
];
