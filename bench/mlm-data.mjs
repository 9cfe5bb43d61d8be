// Speed of the pre-training data: packing and masking in one thread, and batches prepared ahead by a thread.
//   node bench/mlm-data.mjs TOKEN_CACHE [--batch 256] [--length 128] [--seconds 3] [--json]
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '256' },
    length: { type: 'string', default: '128' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const [cache] = positionals;
if (cache === undefined) {
  console.error('Give the folder of a token cache.');
  process.exit(2);
}
const dist =
  process.env.EASYNLP_DIST ?? join(fileURLToPath(new URL('..', import.meta.url)), 'packages/easynlp/dist');
const { MlmBatcher } = await import(join(dist, 'appzoo/language-modeling/mlm-batcher.js'));

const rows = [];
for (const masking of ['whole-word', 'ngram', 'token']) {
  for (const ahead of [0, 8]) {
    const options = {
      cache,
      batchSize: Number(values.batch),
      sequenceLength: Number(values.length),
      seed: 1,
    };
    const batcher = new MlmBatcher({ ...options, masking, ahead });
    const tokens = options.batchSize * options.sequenceLength;
    for (let i = 0; i < 20; i++) batcher.next();
    const begin = performance.now();
    const processor = process.cpuUsage();
    let batches = 0;
    let masked = 0;
    while (performance.now() - begin < Number(values.seconds) * 1000) {
      masked += batcher.next().masked;
      batches++;
    }
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(processor);
    rows.push({
      masking,
      thread: batcher.threaded,
      tokensPerSecond: Math.round((batches * tokens) / seconds),
      tokensPerCpuSecond: Math.round((batches * tokens) / ((user + system) / 1e6)),
      maskedShare: Number((masked / (batches * tokens)).toFixed(4)),
      placesUsed: Number((masked / (batches * batcher.shape.positions)).toFixed(4)),
    });
    await batcher.close();
  }
}
if (values.json) console.log(JSON.stringify({ node: process.version, ...values, rows }, null, 2));
else console.table(rows);
