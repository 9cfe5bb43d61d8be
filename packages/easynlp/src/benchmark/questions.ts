import { EasyNlpError } from '../errors/index.js';
import type { BenchmarkPipeline, BenchmarkRow, Question } from './types.js';

interface Scored {
  readonly scores: readonly {
    readonly label: string;
    readonly probability: number;
    readonly logit?: number;
  }[];
}

/**
 * Share of the questions whose right candidate is the most probable one. A tie counts as wrong: a model that says the
 * same of everything knows nothing.
 */
export async function answerQuestions(
  model: BenchmarkPipeline,
  rows: readonly BenchmarkRow[],
  questions: readonly Question[],
): Promise<number> {
  // Without the label: predicting must not need it.
  const results = (await model(rows.map(({ label: _, ...texts }) => texts))) as readonly Scored[];
  let right = 0;
  for (const { candidates, answer } of questions) {
    const scores = candidates.map(({ row, label }) => scoreOf(results[row]!, label));
    const best = scores.every((score, i) => i === answer || score < scores[answer]!);
    if (best) right++;
  }
  return right / questions.length;
}

function scoreOf({ scores }: Scored, label: string): number {
  const found = scores.find((s) => s.label === label);
  if (found) return found.probability;
  throw new EasyNlpError('DATA_LABELS', { reason: `the model does not know the label "${label}"` });
}
