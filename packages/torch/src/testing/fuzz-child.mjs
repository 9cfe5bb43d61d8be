// Calls operators with senseless arguments, one reproducible case after the other. Run by fuzz.test.ts, which reads
// from the progress file what the last case was when this process dies.
//   node fuzz-child.mjs <folder of the compiled package> <progress file> <job file>
import { openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, progress, jobFile] = process.argv.slice(2);
const job = JSON.parse(readFileSync(jobFile, 'utf8')); // { operators, denied, from, count, seed }
const denied = new Set(job.denied);
const load = (path) => import(pathToFileURL(join(folder, 'src', path)).href);
const torch = await load('index.js');
const { native } = await load('native.js');
torch.numThreads(1);

/** mulberry32 */
function generator(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const DTYPES = [
  'float32',
  'float32',
  'float32',
  'float64',
  'int64',
  'int64',
  'bool',
  'bfloat16',
  'float16',
  'uint8',
  'int32',
];
const SHAPES = [
  [],
  [1],
  [3],
  [2, 3],
  [3, 3],
  [0],
  [2, 0],
  [0, 3],
  [1, 1, 1],
  [2, 3, 4],
  [4, 1, 3],
  [1, 2, 3, 4],
  [5, 1, 2, 1, 2],
];
const NUMBERS = [
  0,
  1,
  -1,
  2,
  3,
  -2,
  0.5,
  -0,
  1e-30,
  7,
  100,
  -100,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  2 ** 40,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const STRINGS = [
  '',
  'none',
  'tanh',
  'sum',
  'cpu',
  'cuda',
  'float32',
  'nonsense',
  'ij,jk->ik',
  '...',
  'reflect',
  'trunc',
  '\u0000',
  '模型',
];

function makeCase(random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const size = () => pick([0, 1, 1, 2, 3, 4]);
  const tensor = () => {
    const shape = pick(SHAPES);
    const dtype = pick(DTYPES);
    let t;
    const whole = dtype === 'int64' || dtype === 'int32' || dtype === 'uint8' || dtype === 'bool';
    const base = whole ? torch.randint(0, 4, shape) : torch.randn(shape);
    t = base.to({ dtype });
    const kind = random();
    if (kind < 0.1 && t.ndim >= 2) t = t.transpose(0, -1);
    else if (kind < 0.15 && t.ndim >= 1) t = t.expand([2, ...t.shape]);
    else if (kind < 0.25 && !whole) t.requiresGrad = true;
    else if (kind < 0.28) {
      t = t.alias();
      t.dispose();
    }
    return t;
  };
  const junk = () =>
    pick([
      () => tensor(),
      () => pick(NUMBERS),
      () => pick(STRINGS),
      () => null,
      () => undefined,
      () => true,
      () => 2n ** 70n,
      () => [],
      () => [1, 2],
      () => [tensor(), null],
      () => [[1]],
      () => ({}),
      () => ({ float: 2 }),
      () => ({ dim: 0 }),
      () => Symbol('x'),
      () => () => 1,
      () => new Float64Array([1, -1, Number.NaN]),
      () => new Proxy([], {}),
      () => {
        const cyclic = [];
        cyclic.push(cyclic);
        return cyclic;
      },
    ])();
  const element = (kind) => {
    switch (kind) {
      case 'Tensor':
        return tensor();
      case 'int':
        return random() < 0.85 ? pick([-2, -1, 0, 1, 2, 3]) : pick(NUMBERS);
      case 'float':
      case 'Scalar':
        return pick(NUMBERS);
      case 'bool':
        return random() < 0.5;
      case 'str':
        return pick(STRINGS);
      case 'dtype':
        return pick(DTYPES);
      case 'device':
        return pick(['cpu', 'cpu', 'cuda', 'nonsense']);
      case 'layout':
        return pick(['strided', 'nonsense']);
      case 'memory_format':
        return pick(['contiguous_format', 'preserve_format', 'channels_last']);
      case 'Generator':
        return random() < 0.5 ? new torch.Generator(1) : null;
      default:
        return null;
    }
  };
  const wanted = (arg) => {
    if (random() < 0.08) return junk();
    if (arg.optional && random() < 0.4) return null;
    if (!arg.list) return element(arg.kind);
    if (arg.fixed > 0 && random() < 0.5) return element(arg.kind);
    return Array.from({ length: size() }, () => element(arg.kind));
  };
  return { wanted, junk, pick };
}

const text = (value, depth = 0) => {
  if (value instanceof torch.Tensor) {
    if (value.isDisposed) return 'disposed';
    return `${value.dtype}[${value.shape}]${value.requiresGrad ? ' grad' : ''}`;
  }
  if (Array.isArray(value) && depth < 3) return `[${value.map((v) => text(v, depth + 1)).join(', ')}]`;
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'object' && value !== null ? 'object' : String(value);
};

const file = openSync(progress, 'w');
const note = (line) => {
  const bytes = Buffer.from(`${line.slice(0, 900).padEnd(1000)}\n`);
  writeSync(file, bytes, 0, bytes.length, 0);
};

const counts = { returned: 0, threw: 0, unexpected: [] };
const exported = Object.keys(native).filter(
  (name) => !/^(cuda|setErrorClass|manualSeed|threads|flag)/.test(name),
);
for (let i = job.from; i < job.from + job.count; i++) {
  const random = generator(job.seed + i * 7919);
  torch.manualSeed(i);
  torch.tidy(() => {
    const { wanted, junk, pick } = makeCase(random);
    try {
      if (random() < 0.06) {
        // functions of the addon itself, which only the wrapper calls
        const name = pick(exported);
        const values = Array.from({ length: Math.floor(random() * 5) }, () => {
          const v = junk();
          return v instanceof torch.Tensor && random() < 0.7 ? v.handle : v;
        });
        note(JSON.stringify([i, `native.${name}`, values.map((v) => text(v)).join('; ')]));
        const before = native.gradMode();
        const result = native[name](...values);
        if (name === 'enterInference') native.exitInference();
        if (name === 'setAutocast') native.setAutocast('cpu', false, 'bfloat16');
        native.gradMode(before);
        void result;
      } else {
        const full = job.operators[Math.floor(random() * job.operators.length)];
        // drawn before it is refused, so that the other cases stay the same when the list of exceptions changes
        if (denied.has(full)) return;
        const at = full.indexOf('.', full.indexOf('::'));
        const op = at < 0 ? torch.ops.get(full) : torch.ops.get(full.slice(0, at), full.slice(at + 1));
        const values = op.args.map(wanted);
        if (random() < 0.1) values.pop();
        if (random() < 0.03) values.push(junk());
        note(JSON.stringify([i, full, values.map((v) => text(v)).join('; ')]));
        const out = random() < 0.3 ? op.apply(values) : op.call(values);
        if (out instanceof torch.Tensor && out.numel < 1e6) {
          if (out.requiresGrad && random() < 0.7) out.sum().backward();
          String(out);
        }
      }
      counts.returned++;
    } catch (error) {
      counts.threw++;
      if (!(error instanceof torch.TorchError) && counts.unexpected.length < 20) {
        counts.unexpected.push(`case ${i}: ${error?.stack ?? error}`);
      }
    }
  });
}
note('[-1]');
writeFileSync(`${progress}.done`, JSON.stringify(counts));
