import type { BenchmarkSuite } from '../types.js';
import { FEWCLUE_SETTINGS } from './default-settings.js';
import { FEWCLUE_PUBLISHED } from './published.js';
import { FEWCLUE_SPLITS, FEWCLUE_TASKS } from './tasks.js';

/** FewCLUE: nine Chinese tasks, 32 rows or 16 a class to learn from, five splits (arXiv 2107.07498). */
export const fewclue: BenchmarkSuite = {
  name: 'fewclue',
  title: 'FewCLUE',
  tasks: FEWCLUE_TASKS,
  splits: FEWCLUE_SPLITS,
  settings: FEWCLUE_SETTINGS,
  published: FEWCLUE_PUBLISHED,
};
