import { describe, expect, it } from 'vitest';
import { outdated } from './node-packages.mjs';
import { parsePredictions, scoresOf } from './quickstart-files.mjs';
import { summarize } from './summarize.mjs';
import { installCommands, isDebian, missingPackages } from './system-packages.mjs';

const everything = ['libtorch-dev', 'libopenblas0-openmp', 'libgloo-dev'];
const machine = (origin: string | null, packages: string[], programs: string[]) => ({
  origin,
  installed: (name: string) => packages.includes(name),
  runs: (name: string) => programs.includes(name),
});

describe('system packages', () => {
  it('wants everything on a fresh machine', () => {
    expect(missingPackages(machine(null, [], []))).toEqual([...everything, 'g++', 'make']);
  });
  it('wants nothing twice', () => {
    expect(missingPackages(machine('system', everything, ['g++', 'make']))).toEqual([]);
  });
  it('is content with another fast BLAS', () => {
    const packages = ['libtorch-dev', 'libgloo-dev', 'libopenblas0-pthread'];
    expect(missingPackages(machine('system', packages, ['g++', 'make']))).toEqual([]);
  });
  it('leaves the system’s libtorch alone when another one was found', () => {
    expect(missingPackages(machine('EASYNLP_LIBTORCH', [], ['make']))).toEqual(['g++']);
  });
  it('asks apt-get, through sudo where needed', () => {
    const [update, install] = installCommands(['g++'], true).map((command) => command.join(' '));
    expect(update).toMatch(/^sudo apt-get .*update$/);
    expect(install).toMatch(/^sudo env DEBIAN_FRONTEND=noninteractive apt-get .*install -y .*g\+\+$/);
    expect(installCommands(['g++'], false)[1]?.join(' ')).toMatch(/^apt-get /);
  });
  it('knows Debian and its like', () => {
    expect(isDebian('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n')).toBe(true);
    expect(isDebian('ID=ubuntu\nID_LIKE=debian\n')).toBe(true);
    expect(isDebian('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(true);
    expect(isDebian('ID=fedora\nHOME_URL="https://example.org/not-debian"\n')).toBe(false);
    expect(isDebian('')).toBe(false);
  });
});

describe('npm packages', () => {
  const lock = {
    packages: {
      '': { name: 'x' },
      'packages/a': { version: '0.1.0' },
      'node_modules/a': { link: true, resolved: 'packages/a' },
      'node_modules/b': { version: '1.0.0' },
      'node_modules/b-win32': { version: '1.0.0', optional: true },
    },
  };
  const good = { 'node_modules/a': { link: true }, 'node_modules/b': { version: '1.0.0' } };
  it('are right when what is installed is what the lock file says', () => {
    expect(outdated(lock, { packages: good })).toBeNull();
  });
  it('are not when missing or of another version', () => {
    expect(outdated(lock, null)).toMatch(/node_modules is missing/);
    expect(outdated(lock, { packages: { 'node_modules/b': good['node_modules/b'] } })).toMatch(
      /a is missing/,
    );
    const old = { ...good, 'node_modules/b': { version: '0.9.0' } };
    expect(outdated(lock, { packages: old })).toMatch(/b is 0\.9\.0, the lock file says 1\.0\.0/);
  });
});

describe('the closing line of npm test', () => {
  const counts = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
  it('adds up vitest’s report', () => {
    const file = { name: 'a.test.ts', status: 'failed', assertionResults: [{ status: 'failed' }] };
    expect(summarize({ ...counts, testResults: [file] })).toEqual({
      passed: 3,
      failed: 1,
      skipped: 3,
      broken: [],
    });
  });
  it('counts a file that cannot be loaded as a failure', () => {
    const file = { name: '/x/broken.test.ts', status: 'failed', assertionResults: [] };
    const summary = summarize({ ...counts, numFailedTests: 0, testResults: [file] });
    expect(summary).toMatchObject({ failed: 1, broken: ['/x/broken.test.ts'] });
  });
  it('does not take a missing report for success', () => {
    expect(summarize(null).failed).toBe(1);
  });
});

describe('what the quick start reads', () => {
  it('finds label, probability and text', () => {
    const tsv = 'predictions\tprobabilities\ttext\n好评\t0.9,0.1\t好吃\n差评\t[0.25 7.5e-1]\t难吃\n';
    expect(parsePredictions(tsv)).toEqual([
      { label: '好评', probability: 0.9, text: '好吃' },
      { label: '差评', probability: 0.75, text: '难吃' },
    ]);
    expect(() => parsePredictions('label\ttext\n')).toThrow(/no column 'predictions', but label, text/);
  });
  it('finds the scores', () => {
    expect(scoresOf({ metrics: { accuracy: 0.8, macroF1: 0.7 } })).toEqual({ accuracy: 0.8, macroF1: 0.7 });
    expect(scoresOf({ accuracy: 0.5 }).macroF1).toBeNaN();
  });
});
