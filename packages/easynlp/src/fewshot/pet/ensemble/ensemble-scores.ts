import type { LoadedApp } from '../../../appzoo/inference.js';
import { inferBatches } from '../../../appzoo/inference.js';
import type { Row } from '../../../datahub/index.js';

/** Rows that are encoded at once. */
const CHUNK = 2048;

/** s_p(l | x) of each row: one list of scores in the order of the labels. */
export async function scoreRows(
  loaded: LoadedApp,
  rows: readonly Row[],
  options: { batchSize: number; signal?: AbortSignal | undefined },
): Promise<number[][]> {
  const scores: number[][] = new Array(rows.length);
  for (let from = 0; from < rows.length; from += CHUNK) {
    const encoded = await loaded.app.encode(rows.slice(from, from + CHUNK), loaded.context, {
      labels: false,
    });
    for await (const { outputs, indices } of inferBatches(loaded, encoded, options)) {
      const { data, shape } = outputs.logits!;
      const labels = shape[1]!;
      for (const [i, index] of indices.entries()) {
        scores[from + index] = Array.from(data.subarray(i * labels, (i + 1) * labels));
      }
    }
  }
  return scores;
}

/** s_M(l | x) = 1/Z Σ_p w(p) s_p(l | x), Z = Σ_p w(p): PET §3.3, eq. (6). */
export function weightedMean(
  scores: readonly (readonly number[][])[],
  weights: readonly number[],
): number[][] {
  const total = weights.reduce((sum, w) => sum + w, 0);
  // Patterns that get nothing right without training: all count alike then.
  const share = total > 0 ? weights.map((w) => w / total) : weights.map(() => 1 / weights.length);
  return scores[0]!.map((first, row) =>
    first.map((_, label) => scores.reduce((sum, model, m) => sum + share[m]! * model[row]![label]!, 0)),
  );
}
