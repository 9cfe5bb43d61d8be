#!/usr/bin/env node
// The largest model that a given time on a GPU allows: grows a trained model (see grow-model.mjs), measures the speed of
// a step, pre-trains it for as many steps as the time holds, and packs it like the models that come with the toolkit.
//   node bench/gpu/pretrain-larger.mjs --corpus FOLDER_OR_TOKEN_CACHE --output FOLDER [--seconds 600]
//     [--from packages/models-zh/bert-small-zh] [--width 2] [--layers 8] [--batch-size 256] [--learning-rate 4e-4]
//     [--sequence-length 256] [--calibration 8 (seconds)] [--evaluations 6] [--work FOLDER] [--device cuda] [--name pretrain-larger]
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machine, option, root, save } from '../lib/report.mjs';

const { train } = await import('../../packages/easynlp/dist/index.js');
const begin = performance.now();
const elapsed = () => (performance.now() - begin) / 1000;
const output = option('output');
const corpus = option('corpus');
if (output === undefined || corpus === undefined) {
  console.error('usage: pretrain-larger.mjs --corpus FOLDER --output FOLDER [--seconds 600] …');
  process.exit(2);
}
const work = option('work') ?? mkdtempSync(join(tmpdir(), 'pretrain-larger-'));
mkdirSync(work, { recursive: true });
const seconds = Number(option('seconds', '600'));
const calibration = Number(option('calibration', '8'));
const script = (name, ...args) =>
  execFileSync(process.execPath, [join(root, 'packages/models-zh/scripts', name), ...args], {
    stdio: 'inherit',
  });

const from = option('from', join(root, 'packages/models-zh/bert-small-zh'));
const growth = { width: Number(option('width', '2')), layers: Number(option('layers', '8')) };
const start = join(work, 'start');
script('grow-model.mjs', from, start, '--width', String(growth.width), '--layers', String(growth.layers));

const device = option('device', 'cuda');
const settings = {
  app: 'language_modeling',
  train: corpus,
  sourceWeights: join(root, 'packages/models-zh/recipes/corpus-weights.yaml'),
  model: start,
  sequenceLength: Number(option('sequence-length', '256')),
  batchSize: Number(option('batch-size', '256')),
  learningRate: Number(option('learning-rate', '4e-4')),
  warmupRatio: 0.02,
  weightDecay: 0.01,
  epochs: 1000,
  device,
  precision: device === 'cpu' ? 'fp32' : 'bf16',
  saveStrategy: 'none',
  loggingSteps: 100,
  seed: 43,
  overwrite: true,
};

/** Optimizer steps a second, after the first that record the CUDA graph. */
async function speed() {
  const stop = new AbortController();
  let [first, from, last, until] = [0, 0, 0, 0];
  const onStep = ({ step }) => {
    const now = performance.now();
    if (first === 0 && step > 20) [first, from] = [step, now];
    [last, until] = [step, now];
    if (first > 0 && now - from > calibration * 1000) stop.abort();
  };
  const once = { ...settings, output: join(work, 'calibration'), evalStrategy: 'none', maxSteps: 1e7 };
  await train(once, { signal: stop.signal, onStep }).catch((error) => {
    if (!stop.signal.aborted) throw error;
  });
  return ((last - first) / (until - from)) * 1000;
}

const stepsPerSecond = await speed();
const perStep = settings.batchSize * settings.sequenceLength;
const evaluations = Number(option('evaluations', '6'));
const maxSteps = Math.floor(stepsPerSecond * (seconds - elapsed()) * 0.96);
console.log(
  `${stepsPerSecond.toFixed(2)} steps/s, ${Math.round((stepsPerSecond * perStep) / 1e3)} thousand tokens/s: ${maxSteps} steps`,
);

const curve = [];
const trained = join(work, 'trained');
// Slower than measured: better a model of a schedule cut short than none.
const late = new AbortController();
const timer = setTimeout(() => late.abort(), (seconds * 1.25 - elapsed()) * 1000);
const trainingBegin = performance.now();
const result = await train(
  { ...settings, output: trained, maxSteps, evalSteps: Math.max(1, Math.ceil(maxSteps / evaluations)) },
  {
    signal: late.signal,
    onLog: ({ step, loss, tokensPerSecond }) => {
      if (step % 500 === 0)
        console.log(
          `step ${step} of ${maxSteps}: loss ${loss?.toFixed(4)}, ${Math.round(tokensPerSecond / 1e3)} k tokens/s`,
        );
    },
    onEvaluate: ({ step, evaluation }) => {
      curve.push({ step, ...evaluation.values });
      console.log(`step ${step}, held-out: ${JSON.stringify(evaluation.values)}`);
    },
  },
);
clearTimeout(timer);
const trainingSeconds = (performance.now() - trainingBegin) / 1000;
script('pack-model.mjs', trained, output);

const { hidden_size: hidden, num_hidden_layers: layers } = JSON.parse(
  readFileSync(join(output, 'config.json'), 'utf8'),
);
const { training } = JSON.parse(readFileSync(join(trained, 'easynlp.json'), 'utf8'));
save(option('name', 'pretrain-larger'), {
  title: `Pre-training of a model grown to ${layers} layers of width ${hidden}: masked tokens of held-out documents`,
  machine: machine(),
  rows: [
    {
      model: `${layers} × ${hidden}`,
      parameters: training.parameters,
      steps: training.step,
      tokens: training.step * perStep,
      trainingSeconds,
      tokensPerSecond: stepsPerSecond * perStep,
      accuracy: curve.at(-1)?.accuracy ?? null,
      perplexity: curve.at(-1)?.perplexity ?? null,
    },
  ],
  growth: { ...growth, method: 'Net2Net width, stacked layers' },
  settings: { ...settings, train: undefined, model: undefined, sourceWeights: undefined, maxSteps },
  curve,
});
console.log(`${output}: done after ${elapsed().toFixed(0)} s`, JSON.stringify(result?.metrics ?? {}));
