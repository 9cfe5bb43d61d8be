import { clue } from './clue/index.js';
import { fewclue } from './fewclue/index.js';
import { glue16 } from './glue16/index.js';
import type { BenchmarkSuite } from './types.js';

/** Every benchmark of the toolkit. */
export const SUITES: readonly BenchmarkSuite[] = [fewclue, clue, glue16];

export { type BenchmarkRequest, type PlannedRun, planRuns, unknown } from './plan.js';
export { renderMarkdown, renderText } from './render.js';
export { type BenchmarkReport, type MethodFigures, makeReport } from './report.js';
export { type RunResult, writeJson, writeWhole } from './run-files.js';
export { runSuite } from './run-suite.js';
export { loadSettings, mergeSettings, type SuiteSettings } from './settings.js';
export {
  type BenchmarkEngine,
  type BenchmarkSuite,
  type BenchmarkTask,
  EVALUATE_ON,
  type EvaluateOn,
  type PublishedTable,
} from './types.js';
