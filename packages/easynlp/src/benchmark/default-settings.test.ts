import { describe, expect, it } from 'vitest';
import { parsePattern } from '../fewshot/prompt/index.js';
import { SUITES } from './index.js';
import { settingsOf } from './settings.js';

/** Text columns of each task's rows. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  ocnli: ['sentence1', 'sentence2'],
  bustm: ['sentence1', 'sentence2'],
  mrpc: ['sentence1', 'sentence2'],
  qnli: ['sentence1', 'sentence2'],
  rte: ['sentence1', 'sentence2'],
  csl: ['keywords', 'abstract'],
  cluewsc: ['marked', 'pronoun', 'noun', 'text'],
  chid: ['idiom', 'text', 'before', 'after'],
};

const cases = SUITES.flatMap((suite) =>
  suite.tasks.flatMap((task) =>
    // A suite for fine-tuning alone has no prompts.
    ['pet', 'ptuning', 'cptuning']
      .filter((method) => method in suite.settings.methods)
      .map((method) => ({ suite: suite.name, task: task.name, method })),
  ),
);

describe('default settings', () => {
  it.each(cases)('$suite $task $method: the pattern reads columns that exist', ({ suite, task, method }) => {
    const { settings } = SUITES.find((s) => s.name === suite)!;
    const { options } = settingsOf(settings, { task, method, profile: 'base' });
    const { pattern, pseudoWords, firstSequence, secondSequence } = options as Record<
      string,
      string | undefined
    >;
    if (pattern === undefined) {
      expect(method).toBe('cptuning');
      return;
    }
    const columns = [...(COLUMNS[task] ?? ['text']), 'label'];
    const required = [firstSequence, secondSequence].filter((name) => name !== undefined);
    const { pseudoTokens, pieces } = parsePattern(pattern, { columns, label: 'label', required });
    expect(pieces.some((piece) => piece.kind === 'label')).toBe(true);
    expect(pseudoTokens > 0).toBe(method === 'ptuning');
    // A word for each trainable token.
    if (pseudoWords !== undefined) expect(Array.from(pseudoWords)).toHaveLength(pseudoTokens);
    if (method !== 'cptuning') expect(options.labelWords).toBe('$words');
  });

  it.each(SUITES.map((s) => s.name))(
    '%s: every task and method has a learning rate for each profile',
    (name) => {
      const { settings, tasks } = SUITES.find((s) => s.name === name)!;
      for (const task of tasks) {
        for (const profile of Object.keys(settings.profiles)) {
          for (const method of Object.keys(settings.methods)) {
            const { options } = settingsOf(settings, { task: task.name, method, profile });
            expect(options.learningRate).toBeGreaterThan(0);
          }
        }
      }
    },
  );
});
