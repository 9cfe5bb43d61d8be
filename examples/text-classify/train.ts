// Trains a classifier of Chinese reviews, measures it and uses it: what the command line does, as a library.
//   Node 22.18 or later:  node examples/text-classify/train.ts
//   Node 20:              npx tsc -p examples && node out/examples/text-classify/train.js
import { evaluate, pipeline, train } from 'easynlp';

const data = 'packages/easynlp/samples/reviews';
const output = 'out/examples/reviews';
const stop = new AbortController();
process.once('SIGINT', () => stop.abort()); // Ctrl-C saves a checkpoint and ends; `resume: 'auto'` goes on from it

const result = await train(
  {
    train: `${data}/train.tsv`,
    dev: `${data}/dev.tsv`,
    architecture: 'text-cnn',
    learningRate: 2e-3,
    epochs: 10,
    output,
    overwrite: true,
  },
  {
    signal: stop.signal,
    onStep: ({ step, totalSteps, loss }) => {
      if (step % 50 === 0) console.log(`step ${step} of ${totalSteps}: loss ${loss().toFixed(3)}`);
    },
  },
);
console.log(`${result.stopped} after ${result.steps} steps: accuracy ${result.metrics.accuracy}`);

if (result.stopped !== 'interrupted') {
  const { metrics, rows } = await evaluate({ model: output, data: `${data}/dev.tsv` });
  console.log(`${rows} rows: macro F1 ${metrics.macro_f1?.toFixed(4)}`);
  const classify = await pipeline('text_classify', output);
  for (const { label, probability } of await classify(['房间干净，服务周到', '等了两个小时，菜还是凉的'])) {
    console.log(label, probability.toFixed(3));
  }
  classify.dispose();
}
