#!/usr/bin/env node
// Checks that @easynlp/torch works with the libtorch it was built for, on the CPU and, where there is one, on a GPU.
// Every check stands alone; prints PASS/FAIL lines, writes smoke.json with --output, exit status 1 when one fails.
import { writeFileSync } from 'node:fs';
import * as torch from '@easynlp/torch';
import { option } from '../lib/report.mjs';

const { amp, cuda, nn, noGrad, ops, optim, tensor, tidy } = torch;
const results = [];
async function check(name, fn) {
  const start = performance.now();
  try {
    const note = await fn();
    results.push({ name, ok: true, ms: performance.now() - start, note: note ?? null });
    console.log(`PASS ${name}${note === undefined ? '' : `: ${JSON.stringify(note)}`}`);
  } catch (error) {
    results.push({ name, ok: false, ms: performance.now() - start, note: String(error?.message ?? error) });
    console.log(`FAIL ${name}: ${error?.stack ?? error}`);
  }
}
function near(a, b, tolerance, what) {
  const [x, y] = [a, b].map((t) => t.detach().to({ dtype: 'float64', device: 'cpu' }).toTypedArray());
  let worst = 0;
  let scale = 1e-12;
  for (let i = 0; i < x.length; i++) {
    worst = Math.max(worst, Math.abs(x[i] - y[i]));
    scale = Math.max(scale, Math.abs(y[i]));
    if (Number.isNaN(x[i]) !== Number.isNaN(y[i])) throw new Error(`${what}: NaN at ${i}`);
  }
  if (!(worst / scale <= tolerance))
    throw new Error(`${what}: relative difference ${worst / scale} > ${tolerance}`);
  return Number((worst / scale).toExponential(2));
}
const assert = (ok, message) => {
  if (!ok) throw new Error(message);
};

await check('versions', () => torch.libtorchInfo().version);
await check('operators', () => {
  const missing = [
    'add.Tensor',
    'softmax.int',
    'layer_norm',
    'embedding',
    'cross_entropy_loss',
    'dropout',
    'linear',
  ]
    .map((full) => full.split('.'))
    .filter(([name, overload = '']) => !ops.has(`aten::${name}`, overload));
  assert(missing.length === 0, `missing: ${missing}`);
});
await check('missing operator gives an error', () => {
  try {
    ops.call('aten::no_such_operator', '');
  } catch (error) {
    return error.message.slice(0, 90);
  }
  throw new Error('no error');
});
await check('wrong shapes give an error', () => {
  try {
    tidy(() => torch.zeros([2, 3]).matmul(torch.zeros([2, 3])));
  } catch (error) {
    return error.message.slice(0, 120);
  }
  throw new Error('no error');
});

const devices = ['cpu', ...(cuda.isAvailable() ? ['cuda'] : [])];
if (devices.length === 1) console.log('no GPU: only the CPU is checked');
for (const device of devices) {
  const on = (name, fn) => check(`${device}: ${name}`, () => tidy(fn));
  await on('arithmetic', () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'float32', device },
    );
    assert(JSON.stringify(x.matmul(x).toArray()) === '[[7,10],[15,22]]', 'matmul');
    assert(JSON.stringify(x.sum({ dim: [1], keepdim: true }).toArray()) === '[[3],[7]]', 'sum');
    assert(x.mean().item() === 2.5 && x.add(1).mul(2).max().item() === 10, 'mean, add, mul, max');
  });
  await on('dtypes', () => {
    for (const dtype of [
      'float32',
      'float64',
      'float16',
      'bfloat16',
      'int64',
      'int32',
      'int16',
      'int8',
      'uint8',
    ]) {
      const t = tensor([1, 2, 3], { dtype, device });
      assert(t.dtype === dtype && t.sum().item() === 6, dtype);
    }
    assert(tensor([true, false], { dtype: 'bool', device }).any().item() === true, 'bool');
  });
  await on('indexing, views, in place, out', () => {
    const x = torch.arange(12, { dtype: 'float32', device }).reshape([3, 4]);
    assert(x.index(1, 2).item() === 6 && x.transpose(0, 1).index(3, 0).item() === 3, 'index');
    x.index(0).fill_(9);
    assert(
      x.sum().item() === 36 + 60 - 6 + 6 - 0 || x.index(0).sum().item() === 36,
      'in place through a view',
    );
  });
  await on('autograd', () => {
    const w = tensor(
      [
        [0.5, -1],
        [2, 0.25],
      ],
      { dtype: 'float32', device, requiresGrad: true },
    );
    const x = tensor([[1, 2]], { dtype: 'float32', device });
    x.matmul(w).tanh().sum().backward();
    const expected = tensor([4.5, -0.5].map((z) => 1 - Math.tanh(z) ** 2));
    return near(w.grad.index(0), expected, 1e-5, 'gradient');
  });
  await on('layers forward and backward against the CPU', () => {
    torch.manualSeed(1);
    const reference = new nn.Sequential(new nn.Linear(16, 32), new nn.LayerNorm(32), new nn.Linear(32, 4));
    const x = torch.randn([8, 16]);
    const target = torch.randint(0, 4, [8], { dtype: 'int64' });
    const grads = (model, d) => {
      const loss = nn.functional.crossEntropy(model.forward(x.to({ device: d })), target.to({ device: d }));
      loss.backward();
      const out = [loss.cpu(), ...model.parameters().map((p) => p.grad.cpu().alias())];
      model.zeroGrad();
      return out;
    };
    const expected = grads(reference, 'cpu');
    const actual = grads(reference.to({ device }), device);
    return Math.max(...actual.map((t, i) => near(t, expected[i], 1e-4, `tensor ${i}`)));
  });
  await on('autocast bf16', () => {
    const a = torch.randn([64, 64], { device });
    const full = a.matmul(a);
    const half = amp.autocast({ device, dtype: 'bfloat16' }, () => a.matmul(a));
    assert(half.dtype === 'bfloat16' && a.matmul(a).dtype === 'float32', `dtype ${half.dtype}`);
    assert(amp.autocastState(device).enabled === false, 'still on');
    return near(half, full, 0.05, 'bf16');
  });
  await on('fused attention equals composed', () => {
    if (!nn.functional.hasFusedAttention()) return 'no fused operator here';
    const out = {};
    for (const [dtype, tolerance] of [
      ['float32', 1e-4],
      ...(device === 'cuda'
        ? [
            ['bfloat16', 0.03],
            ['float16', 0.005],
          ]
        : []),
    ]) {
      for (const masked of [false, true]) {
        torch.manualSeed(2);
        const make = () => {
          const t = torch.randn([2, 4, 33, 32], { device }).to({ dtype });
          t.requiresGrad = true;
          return t;
        };
        const [q, k, v] = [make(), make(), make()];
        const mask = masked
          ? torch
              .arange(33, { device })
              .lt(tensor([20, 33], { device }).reshape([2, 1, 1, 1]))
              .expand([2, 1, 33, 33])
          : null;
        const runs = [nn.functional.fusedAttention, nn.functional.composedAttention].map((fn) => {
          const y = fn(q, k, v, { mask });
          y.to({ dtype: 'float32' }).square().sum().backward();
          const got = [y.detach(), ...[q, k, v].map((t) => t.grad.alias().clone())];
          for (const t of [q, k, v]) t.grad = null;
          return got;
        });
        out[`${dtype}${masked ? ' masked' : ''}`] = Math.max(
          ...runs[0].map((t, i) =>
            near(t, runs[1][i], i ? tolerance * 4 : tolerance, `${dtype} output ${i}`),
          ),
        );
      }
    }
    return out;
  });
  await on('optimizers: fused and foreach agree with single', () => {
    const out = {};
    for (const Optimizer of [optim.AdamW, optim.Adam]) {
      const settings = [{ foreach: false }, { foreach: true }];
      const name = Optimizer === optim.AdamW ? 'aten::_fused_adamw_' : 'aten::_fused_adam_';
      if (device === 'cuda' && ops.has(name)) settings.push({ fused: true });
      const final = settings.map((setting) => {
        torch.manualSeed(3);
        const model = new nn.Linear(8, 8, { device });
        const optimizer = new Optimizer(model.parameters(), { lr: 0.01, weightDecay: 0.1, ...setting });
        for (let i = 0; i < 5; i++) {
          const x = torch.ones([4, 8], { device });
          model.forward(x).square().mean().backward();
          torch.clipGradNorm(model.parameters(), 1);
          optimizer.step();
          optimizer.zeroGrad();
        }
        return model.weight.detach().cpu();
      });
      for (let i = 1; i < final.length; i++)
        out[`${Optimizer.name} ${Object.keys(settings[i])[0]}`] = near(
          final[i],
          final[0],
          1e-5,
          JSON.stringify(settings[i]),
        );
    }
    return out;
  });
  await on('random numbers: seed, save, restore', () => {
    torch.manualSeed(7);
    const a = torch.rand([5], { device }).cpu().toArray();
    torch.manualSeed(7);
    assert(JSON.stringify(torch.rand([5], { device }).cpu().toArray()) === JSON.stringify(a), 'seed');
    const state = torch.getRngState(device);
    const b = torch.rand([5], { device }).cpu().toArray();
    torch.setRngState(state, device);
    assert(JSON.stringify(torch.rand([5], { device }).cpu().toArray()) === JSON.stringify(b), 'state');
  });
  await on('a classifier learns', () => {
    torch.manualSeed(11);
    const model = new nn.Sequential(
      new nn.Linear(4, 16, { device }),
      (x) => x.tanh(),
      new nn.Linear(16, 2, { device }),
    );
    const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 });
    const x = torch.randn([64, 4], { device });
    const y = x.index(':', 0).gt(0).to({ dtype: 'int64' });
    let first = 0;
    let last = 0;
    for (let i = 0; i < 40; i++) {
      tidy(() => {
        const loss = nn.functional.crossEntropy(model.forward(x), y);
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        last = loss.item();
        if (i === 0) first = last;
      });
    }
    assert(last < first / 3, `loss ${first} → ${last}`);
    return { first, last };
  });
  await on('live tensors stay constant', () => {
    const model = new nn.Linear(8, 8, { device });
    const optimizer = new optim.AdamW(model.parameters(), { lr: 0.01 });
    const step = () =>
      tidy(() => {
        model
          .forward(torch.ones([4, 8], { device }))
          .sum()
          .backward();
        optimizer.step();
        optimizer.zeroGrad();
      });
    for (let i = 0; i < 3; i++) step();
    const before = torch.memory().tensors;
    for (let i = 0; i < 100; i++) step();
    // fewer is possible: garbage collection may find leftovers of earlier checks
    assert(torch.memory().tensors <= before, `${before} → ${torch.memory().tensors}`);
    return before;
  });
}
if (devices.includes('cuda')) {
  await check('cuda: memory statistics', () => {
    const before = cuda.memory().allocated;
    const t = torch.zeros([1024, 1024], { device: 'cuda' });
    const grown = cuda.memory().allocated - before;
    t.dispose();
    cuda.synchronize();
    assert(grown === 4 << 20, `grew by ${grown}`);
    assert(cuda.memory().allocated === before, 'not released');
    cuda.emptyCache();
    cuda.resetPeakMemory();
    return cuda.memory();
  });
  await check('cuda: fp16 gradient scaler', () =>
    tidy(() => {
      const model = new nn.Linear(8, 1, { device: 'cuda' });
      const optimizer = new optim.AdamW(model.parameters(), { lr: 0.01 });
      const scaler = new amp.GradScaler({ initScale: 2 ** 10 }) /* 2^16 itself is beyond float16 */;
      const x = torch.ones([4, 8], { device: 'cuda' });
      const run = (factor) => {
        const before = model.weight.detach().clone();
        const loss = amp.autocast({ device: 'cuda', dtype: 'float16' }, () =>
          model.forward(x).to({ dtype: 'float32' }).mul(factor).sum(),
        );
        scaler.scale(loss).backward();
        scaler.step(optimizer);
        scaler.update();
        optimizer.zeroGrad();
        return noGrad(() => model.weight.sub(before).abs().max().item());
      };
      const good = run(1);
      assert(good > 0, 'a good step did not move the weights');
      const scale = scaler.state?.().scale ?? scaler.stateDict?.().scale ?? null;
      const bad = run(Number.POSITIVE_INFINITY);
      assert(bad === 0, `a step with infinities moved the weights by ${bad}`);
      return { scale, after: scaler.state?.().scale ?? scaler.stateDict?.().scale ?? null };
    }),
  );
  await check('cuda: out of memory is an error', () => {
    try {
      tidy(() => torch.empty([2 ** 30, 1024], { device: 'cuda' }));
    } catch (error) {
      assert(error.code === 'OUT_OF_MEMORY', `code ${error.code}: ${error.message.slice(0, 200)}`);
      return error.message.slice(0, 80);
    }
    throw new Error('no error');
  });
}
const failed = results.filter((r) => !r.ok).length;
const output = option('output', null);
if (output)
  writeFileSync(output, `${JSON.stringify({ libtorch: torch.libtorchInfo(), results }, null, 2)}\n`);
console.log(`${results.length - failed} of ${results.length} checks passed`);
process.exitCode = failed ? 1 : 0;
