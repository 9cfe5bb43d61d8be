import { relative } from './process.mjs';

/** Counts of vitest's JSON report. A file that could not even be loaded has no tests in it: it counts as one failure. */
export function summarize(report) {
  if (!report) return { passed: 0, failed: 1, skipped: 0, broken: ['vitest itself (it wrote no report)'] };
  const broken = report.testResults
    .filter(
      (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
    )
    .map((file) => relative(file.name));
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
    broken,
  };
}
