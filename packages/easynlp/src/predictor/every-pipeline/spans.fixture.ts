import { expect } from 'vitest';
import type { ExtractionResult } from '../../appzoo/information-extraction/index.js';
import type { ReadingResult } from '../../appzoo/machine-reading-comprehension/index.js';
import type { LabelingResult } from '../../appzoo/sequence-labeling/index.js';
import { checkPlace, type Entry, isShare, trained } from './answers.fixture.js';

export function checkEntities(text: string, given: unknown): void {
  const result = given as LabelingResult;
  expect(result.text).toBe(text);
  expect(result.tags).toHaveLength(result.tokens.length);
  for (const entity of result.entities) {
    expect(['人物', '地点']).toContain(entity.type);
    checkPlace(text, entity);
    isShare(entity.score);
    // Characters without a token, such as control characters, may stand inside; white space, too.
    const surface = result.tokens.slice(entity.tokenStart, entity.tokenEnd).join('');
    expect(surface).not.toBe('');
    let at = 0;
    for (const character of entity.text) if (surface.startsWith(character, at)) at += character.length;
    expect(at).toBe(surface.length);
  }
}

function checkAnswer(text: string, given: unknown): void {
  const result = given as ReadingResult;
  isShare(result.probability);
  expect(result.candidates.length).toBeLessThanOrEqual(10);
  for (const candidate of result.candidates) {
    checkPlace(text, candidate);
    isShare(candidate.probability);
  }
  const { answer, start, end } = result;
  if (answer === null) expect([start, end]).toEqual([null, null]);
  else checkPlace(text, { text: answer, start: start!, end: end! });
}

function checkExtraction(text: string, given: unknown): void {
  const { entities } = given as ExtractionResult;
  const spans = entities.flatMap((entity) => [entity, ...(entity.arguments ?? [])]);
  for (const span of spans) {
    checkPlace(text, span);
    expect(span.text.trim()).toBe(span.text);
    isShare(span.score);
  }
  const starts = entities.map(({ start }) => start);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
}

/** Parts of a text: entities, answers, events. */
export const SPANS: readonly Entry[] = [
  ...[false, true].map(
    (crf): Entry => ({
      name: `sequence_labeling, ${crf ? 'CRF' : 'softmax'}`,
      app: 'sequence_labeling',
      open: trained(`labeling-${crf}`, 'sequence_labeling', ({ people }) => ({
        ...{ train: people, crf, maxSteps: 30, learningRate: 5e-3 },
      })),
      check: checkEntities,
      found: (result) => (result as LabelingResult).entities.length,
    }),
  ),
  {
    name: 'machine_reading_comprehension, the text',
    app: 'machine_reading_comprehension',
    open: trained('reading', 'machine_reading_comprehension', ({ questions }) => ({ train: questions })),
    input: (text) => ({ question: '谁？', context: text }),
    check: checkAnswer,
    found: (result) => (result as ReadingResult).candidates.length,
  },
  {
    name: 'machine_reading_comprehension, the question',
    app: 'machine_reading_comprehension',
    open: trained('asking', 'machine_reading_comprehension', ({ questions }) => ({
      ...{ train: questions, unanswerable: false },
    })),
    input: (text) => ({ question: text, context: '人青山，地白云😀，物红叶。' }),
    check: (_text, result) => checkAnswer('人青山，地白云😀，物红叶。', result),
  },
  ...(['prompt', 'types'] as const).map(
    (mode): Entry => ({
      name: `information_extraction, entities by ${mode}`,
      app: 'information_extraction',
      open: trained(`extraction-${mode}`, 'information_extraction', ({ people }) => ({
        ...{ train: people, mode, maxSteps: 60, learningRate: 5e-3 },
      })),
      check: checkExtraction,
      found: (result) => (result as ExtractionResult).entities.length,
    }),
  ),
  {
    name: 'information_extraction, events',
    app: 'information_extraction',
    open: trained(
      'events',
      'information_extraction',
      ({ events }) => ({
        ...{ train: events, maxSteps: 120, learningRate: 5e-3 },
      }),
      { threshold: 0.1 },
    ),
    check: checkExtraction,
    found: (result) => (result as ExtractionResult).entities.reduce((sum, e) => sum + e.arguments!.length, 0),
  },
];
