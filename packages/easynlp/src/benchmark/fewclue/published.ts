import type { PublishedTable } from '../types.js';

/** Figures of a line: mean, or mean and standard deviation, in the order of TASKS. */
type Figure = number | readonly [number, number];

const TASKS = ['eprstmt', 'csldcp', 'tnews', 'iflytek', 'ocnli', 'bustm', 'csl', 'chid', 'cluewsc'];

// biome-ignore format: a table
const LINES: readonly (readonly [string, number, readonly Figure[]])[] = [
  ['majority', 29.04, [50, 1.5, 6.7, 0.8, 38.1, 50, 50, 14.3, 50]],
  ['human', 82.5, [90, 68, 71, 66, 90.3, 88, 84, 87.1, 98]],
  ['fine-tuning (RoBERTa)', 44.1, [[65.4, 7.7], [35.5, 2.5], [49, 1.6], [32.8, 1.7], [33, 0.34], [60.7, 9.1], [50, 0.1], [14.9, 0.4], [55.6, 14]]],
  ['zero-shot (RoBERTa)', 44.6, [85.2, 12.6, 25.3, 27.7, 40.3, 50.6, 52.2, 57.6, 50]],
  ['zero-shot (GPT)', 43.4, [57.5, 26.2, 37, 19, 34.4, 50, 50.1, 65.6, 50.3]],
  ['PET (RoBERTa)', 57.44, [[86.7, 1], [51.7, 1], [54.5, 1.2], [46, 1.1], [44, 0.4], [56, 5], [59.4, 1.3], [61.2, 1.1], [57.5, 2.7]]],
  ['LM-BFF (RoBERTa)', 56.32, [[85.6, 0.9], [54.4, 3.1], [53, 2.1], [47.1, 2.6], [41.6, 4], [57.6, 3.4], [51.7, 2.4], [61.2, 1.1], [54.7, 6.7]]],
  ['P-tuning (RoBERTa)', 59.91, [[88.3, 0.7], [56, 1.1], [54.2, 1], [57.6, 0.9], [41.9, 1.9], [60.9, 2.9], [62.9, 2.3], [59.3, 1.4], [58.1, 2.2]]],
  ['EFL (RoBERTa)', 55.91, [[84.9, 0.4], [45, 2.3], [52.1, 0.8], [42.7, 1.1], [66.2, 1.4], [71.8, 0.8], [56.6, 1.8], [30.9, 1.9], [53, 3.1]]],
  ['fine-tuning (ERNIE 1.0)', 48.34, [[66.5, 6.3], [57, 3.4], [51.6, 3.3], [42.1, 3.7], [32, 1.6], [60.4, 5.7], [60.1, 3.5], [15, 0.4], [50.3, 1.4]]],
  ['PET (ERNIE 1.0)', 56.39, [[84, 4.8], [59.9, 3], [56.4, 0.8], [50.3, 2.8], [38.1, 0.3], [58.4, 3.4], [61.1, 4.4], [40.6, 2.5], [58.7, 1.4]]],
  ['P-tuning (ERNIE 1.0)', 54.37, [[80.6, 5.3], [56.6, 6.6], [55.9, 1.3], [52.6, 5], [35.7, 0.8], [60.8, 5.3], [51.8, 3.5], [39.6, 1.7], [55.7, 2]]],
  ['EFL (ERNIE 1.0)', 52.27, [[76.7, 6.3], [47.9, 2.3], [56.3, 0.6], [52.1, 2.2], [48.7, 2.5], [54.6, 8.1], [52.8, 3.2], [30.3, 4.3], [52.3, 3.7]]],
];

/** Table 3 of the FewCLUE paper: accuracy on test_public with training sets of 32 rows or 16 a class. */
export const FEWCLUE_PUBLISHED: PublishedTable = {
  title: 'published',
  source:
    'FewCLUE, arXiv 2107.07498, Table 3: accuracy on test_public; RoBERTa = chinese_roberta_wwm_ext, 12 layers',
  rows: LINES.map(([method, score, values]) => ({
    method,
    score,
    figures: Object.fromEntries(
      values.map((value, i) => {
        const [mean, std] = typeof value === 'number' ? [value, undefined] : value;
        return [TASKS[i]!, { mean, ...(std === undefined ? {} : { std }) }];
      }),
    ),
  })),
};
