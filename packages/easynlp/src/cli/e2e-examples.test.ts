import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { workFolder } from '../predictor/models.fixture.js';
import { compileTree } from '../trainer/runs.fixture.js';

/** Every example runs, with few steps, in a copy of the checkout. */
const root = fileURLToPath(new URL('../../../..', import.meta.url));
const checkout = workFolder('examples');
const examples = join(checkout, 'examples');
const run = async (command: string, argv: readonly string[], env: Record<string, string> = {}) => {
  const { stdout } = await promisify(execFile)(command, argv, {
    cwd: checkout,
    env: { ...process.env, OMP_NUM_THREADS: '1', ...env },
  });
  return stdout;
};
const node = (...argv: string[]) => run(process.execPath, argv);
let cli = '';

beforeAll(() => {
  ({ cli } = compileTree(checkout));
  cpSync(join(root, 'examples'), examples, { recursive: true });
  cpSync(join(root, 'packages/easynlp/samples'), join(checkout, 'easynlp/samples'), { recursive: true });
  mkdirSync(join(checkout, 'packages'));
  symlinkSync('../easynlp', join(checkout, 'packages/easynlp'));
  symlinkSync('../easynlp', join(checkout, 'node_modules/easynlp'));
});

const TESTED: Readonly<Record<string, () => Promise<void>>> = {
  'text-classify/train.ts': async () => {
    const source = readFileSync(join(examples, 'text-classify/train.ts'), 'utf8');
    const short = source.replace(/epochs: \d+/, 'maxSteps: 2').replace('step % 50', 'step % 1');
    expect(short).not.toBe(source);
    const { outputText } = ts.transpileModule(short, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    const compiled = join(examples, 'text-classify/train.mjs');
    writeFileSync(compiled, outputText);
    const lines = (await node(compiled)).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^step 1 of 2: loss \d/);
    expect(lines[2]).toMatch(/^finished after 2 steps: accuracy [01]/);
    expect(lines[3]).toMatch(/^120 rows: macro F1 0\.\d{4}$/);
    expect(lines.slice(4)).toEqual([
      expect.stringMatching(/^[好差]评 0\.\d+$/),
      expect.stringMatching(/^[好差]评 0\.\d+$/),
    ]);
  },
  'text-classify/config.yaml': async () => {
    const config = join(examples, 'text-classify/config.yaml');
    const model = join(checkout, 'from-config');
    const out = await node(
      cli,
      'train',
      '--config',
      config,
      '--max-steps',
      '2',
      '--output',
      model,
      '--quiet',
    );
    expect(out).toMatch(/training finished after 2 steps/);
    expect(readdirSync(model)).toContain('easynlp.json');
  },
  'text-classify/run-easynlp-flags.sh': async () => {
    const script = join(examples, 'text-classify/run-easynlp-flags.sh');
    const out = await run('bash', [script], { OUT: join(checkout, 'flags'), EPOCHS: '1' });
    expect(out).toMatch(/training finished after 15 steps \(1 epoch\)/);
    expect(out).toContain('120 rows written to');
    const written = readFileSync(join(checkout, 'flags/dev.pred.tsv'), 'utf8').trimEnd().split('\n');
    expect(written).toHaveLength(120);
    expect(written[0]!.split('\t')).toHaveLength(6);
  },
};

describe('examples', () => {
  it.each(Object.entries(TESTED))('%s runs', (_, test) => test());

  it('are all tested and all in the list', () => {
    const files = readdirSync(join(root, 'examples'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs|ya?ml|sh)$/.test(entry.name))
      .map((entry) => relative(join(root, 'examples'), join(entry.parentPath ?? entry.path, entry.name)));
    expect(files.sort()).toEqual(Object.keys(TESTED).sort());
    const page = readFileSync(join(root, 'examples/README.md'), 'utf8');
    for (const file of files) expect(page).toContain(`\`${file}\``);
  });
});

describe('the installed command', () => {
  it('helps, and tells mistakes, without loading libtorch or the tokenizers', async () => {
    const program = join(checkout, 'easynlp/dist/cli/main.js');
    const script = `
      const { main } = await import(${JSON.stringify(program)});
      const codes = [];
      for (const argv of [['--help'], ['predict', '--help'], ['--mode=train', '--help'], ['--version'], ['trian']])
        codes.push(await main(argv));
      const native = process.report.getReport().sharedObjects.filter((path) => /torch|tokenizers/.test(path));
      console.log('\\n' + JSON.stringify({ codes, native }));`;
    const out = await node('--input-type=module', '-e', script);
    expect(JSON.parse(out.trimEnd().split('\n').at(-1)!)).toEqual({ codes: [0, 0, 0, 0, 2], native: [] });
  });

  it.skipIf(process.platform === 'win32')('ends at Ctrl-C with code 130, leaving no output', async () => {
    const model = join(checkout, 'interrupted');
    const config = join(examples, 'text-classify/config.yaml');
    await node(cli, 'train', '--config', config, '--max-steps', '1', '--output', model, '--quiet');
    const input = join(checkout, 'long.tsv');
    writeFileSync(input, `text\n${'房间干净，服务周到，还会再来\n'.repeat(60_000)}`);
    const output = join(checkout, 'long.out.tsv');
    const child = spawn(process.execPath, [
      cli,
      'predict',
      '--model',
      model,
      '--input',
      input,
      '--output',
      output,
      '--batch-size',
      '1',
    ]);
    const ended = new Promise<number | null>((done) => child.on('exit', done));
    const begun = () => readdirSync(checkout).some((name) => name.startsWith('long.out.tsv.'));
    while (!begun() && child.exitCode === null) await new Promise((turn) => setTimeout(turn, 20));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(readdirSync(checkout).filter((name) => name.startsWith('long.out'))).toEqual([]);
  });
});
