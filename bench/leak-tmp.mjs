import { readFileSync } from 'node:fs';
import { amp, clipGradNorm, manualSeed, nn, optim, randint, tidy, memory } from '@easynlp/torch';
import { loadClassifier } from '/work/main/bench/lib/bert.mjs';
const kb = (f) => Math.round(Number(new RegExp(`^${f}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024);
console.log('import', kb('VmRSS'));
const { model, logits } = await loadClassifier('tiny', {});
console.log('model', kb('VmRSS'), kb('VmHWM'), model.parameterCount().bytes / 2 ** 20);
model.train();
const ps = model.parameters();
const opt = new optim.AdamW(ps, { lr: 1e-4 });
const ids = randint(1, 21128, [8, 64], { dtype: 'int64' }), y = randint(0, 2, [8], { dtype: 'int64' });
for (let i = 0; i <= 100; i++) {
  tidy(() => {
    const loss = nn.functional.crossEntropy(logits(ids), y);
    loss.backward();
    if (i < 2) console.log(' bwd', kb('VmRSS'), kb('VmHWM'));
    clipGradNorm(ps, 1);
    opt.step();
    if (i < 2) console.log(' opt', kb('VmRSS'), kb('VmHWM'));
    opt.zeroGrad();
  });
  if (i < 3 || i % 20 === 0) console.log(i, kb('VmRSS'), kb('VmHWM'), process.memoryUsage().heapUsed >> 20, process.memoryUsage().heapTotal >> 20, memory().tensors);
}
