// What the quick start trains: a pretrained model that comes with the toolkit and a small one from random weights, each in
// well under a minute on two cores.
import { join } from 'node:path';
import { root } from './process.mjs';

export const sample = join(root, 'packages', 'easynlp', 'samples', 'reviews');
export const trainFile = join(sample, 'train.tsv');
export const devFile = join(sample, 'dev.tsv');
export const outputRoot = join(root, 'out', 'quickstart');

const columns = ['--label-name', 'label', '--first-sequence', 'text'];

/** `args` is what stands behind `easynlp train text_classify`, but for the files. */
export const recipes = [
  {
    name: 'bert-tiny-zh',
    title: 'bert-tiny-zh, fine-tuned',
    args: ['--model', 'bert-tiny-zh', '--epochs', '8', '--learning-rate', '1e-3', '--sequence-length', '128'],
  },
  {
    name: 'text-cnn',
    title: 'TextCNN, from scratch',
    args: [
      '--architecture',
      'text-cnn',
      '--epochs',
      '20',
      '--learning-rate',
      '1e-3',
      '--sequence-length',
      '128',
    ],
  },
];

export const modelFolder = (recipe) => join(outputRoot, recipe.name);

export function trainArgs(recipe) {
  const files = ['--train', trainFile, '--dev', devFile, ...columns, '--output', modelFolder(recipe)];
  return ['train', 'text_classify', ...files, ...recipe.args, '--batch-size', '16', '--overwrite'];
}

export function evaluateArgs(recipe, metricsFile) {
  return ['evaluate', '--model', modelFolder(recipe), '--data', devFile, ...columns, '--output', metricsFile];
}

export function predictArgs(recipe, input, output) {
  return [
    ...['predict', '--model', modelFolder(recipe), '--input', input, '--first-sequence', 'text'],
    ...['--append-cols', 'text', '--header', '--output', output],
  ];
}

/** Three reviews that are in neither file; the last one is of two minds. */
export const sentences = [
  '房间又大又干净，前台小姐姐特别热情，下次还住这家',
  '等了两个小时才送到，饭都凉了，打电话还没人接',
  '外观挺好看，就是用了三天充电口就坏了，客服也不理人',
];
