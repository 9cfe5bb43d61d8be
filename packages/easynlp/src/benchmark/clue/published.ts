import type { PublishedTable } from '../types.js';

type Figures = Readonly<Record<string, number | readonly [mean: number, std: number]>>;

const DEV = ['afqmc', 'tnews', 'iflytek', 'cmnli', 'cluewsc2020', 'csl', 'cmrc2018'];
const EASYNLP = ['afqmc', 'cmnli', 'csl', 'iflytek', 'tnews', 'cluewsc2020'];
const TEST = ['afqmc', 'tnews', 'iflytek', 'cmnli', 'cluewsc2020', 'csl', 'cmrc2018', 'chid', 'c3'];

const line = (names: readonly string[], values: readonly number[], more: Figures = {}): Figures => ({
  ...Object.fromEntries(values.map((value, i) => [names[i]!, value])),
  ...more,
});

// biome-ignore format: a table
const LINES: readonly (readonly [string, Figures])[] = [
  ['ALBERT-tiny (dev)', line(DEV, [69.13, 53.55, 48.76, 70.26, 57.7, 74.36, 48.31])],
  ['BERT-base (dev)', line(DEV, [74.16, 56.09, 60.37, 79.47, 59.6, 79.63, 64.77])],
  ['BERT (dev, OCNLI)', { ocnli: [74.5, 0.3] }],
  ['RoBERTa-wwm-ext (dev)', line(DEV, [74.3, 57.51, 60.8, 80.7, 67.2, 80.67, 67.89])],
  ['RoBERTa (dev, OCNLI)', { ocnli: [78.8, 1] }],
  // The OCNLI figures of the latter two equal their CMNLI figures, by mistake as it seems: they are left out.
  ['EasyNLP bert-base-chinese (dev)', line(EASYNLP, [72.17, 75.74, 80.93, 60.22, 57.52, 75.33], { ocnli: 78.31 })],
  ['EasyNLP macbert-base-zh (dev)', line(EASYNLP, [74.23, 80.65, 81.7, 61.14, 57.65, 80.26])],
  ['EasyNLP roberta-wwm-ext (dev)', line(EASYNLP, [73.1, 80.75, 80.07, 60.98, 57.93, 86.84])],
  ['ALBERT-tiny (test)', line(TEST, [69.92, 53.35, 48.71, 70.61, 58.5, 74.56, 53.35, 43.53, 50.26], { drcd: 70.08 })],
  ['BERT-base (test)', line(TEST, [73.7, 56.58, 60.29, 79.69, 62, 80.36, 71.6, 82.04, 64.5], { drcd: 85.49 })],
  ['BERT-wwm-ext (test)', line(TEST, [74.07, 56.84, 59.43, 80.42, 61.1, 80.63, 73.95, 82.9, 68.5])],
  ['ERNIE-base (test)', line(TEST, [73.83, 58.33, 58.96, 80.29, 60.8, 79.1, 74.7, 82.28, 64.1])],
  ['RoBERTa-wwm-ext (test)', line(TEST, [74.04, 56.94, 60.31, 80.51, 67.8, 81, 75.2, 83.62, 66.5], { drcd: 88.12 })],
  ['RoBERTa-wwm-large (test)', line(TEST, [76.55, 58.61, 62.98, 82.12, 74.6, 82.13, 77.95, 85.37, 73.82])],
  ['BERT (test, OCNLI)', { ocnli: [72.2, 0.7] }],
  ['RoBERTa (test, OCNLI)', { ocnli: [78.2, 0.7] }],
];

/** What CLUE, OCNLI and EasyNLP have published; the rows that were measured on are named with each model. */
export const CLUE_PUBLISHED: PublishedTable = {
  title: 'published',
  source:
    'READMEs of CLUEbenchmark/CLUE, OCNLI (50k) and EasyNLP’s benchmarks/clue; accuracy, cmrc2018 and drcd: EM; test rows are not ours, but for drcd',
  rows: LINES.map(([method, values]) => ({
    method,
    figures: Object.fromEntries(
      Object.entries(values).map(([task, value]) => {
        if (typeof value === 'number') return [task, { mean: value }];
        const [mean, std] = value;
        return [task, { mean, std }];
      }),
    ),
  })),
};
