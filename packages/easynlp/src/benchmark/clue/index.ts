import type { BenchmarkSuite } from '../types.js';
import { CLUE_SETTINGS } from './default-settings.js';
import { CLUE_PUBLISHED } from './published.js';
import { CLUE_SPLITS, CLUE_TASKS } from './tasks.js';

/** CLUE: eleven Chinese tasks with their whole training sets (arXiv 2004.05986). */
export const clue: BenchmarkSuite = {
  name: 'clue',
  title: 'CLUE',
  tasks: CLUE_TASKS,
  splits: CLUE_SPLITS,
  settings: CLUE_SETTINGS,
  published: CLUE_PUBLISHED,
};
