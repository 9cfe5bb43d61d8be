import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { keep, memory, nn, noGrad, ones, randn, scope, type Tensor, tidy, zeros } from './index.js';
import { collect } from './testing/collect.fixture.js';
import { compiled } from './testing/compiled.fixture.js';

beforeEach(collect);

describe('tidy', () => {
  test('releases what is not returned', () => {
    const live = memory().tensors;
    const y = tidy(() => randn([4]).add(1).mul(2).sum());
    expect(memory().tensors).toBe(live + 1);
    expect(Number.isFinite(y.item())).toBe(true);
    y.dispose();
    expect(memory().tensors).toBe(live);
  });

  test('hands over tensors found in arrays, objects, maps and sets', () => {
    const result = tidy(() => {
      const [a, b, c, d] = [ones([1]), ones([1]), ones([1]), ones([1])];
      return {
        a,
        list: [b, [c]],
        map: new Map([['d', d]]),
        set: new Set([ones([1])]),
        other: 'text',
        none: null,
      };
    });
    expect(result.a.isDisposed).toBe(false);
    expect((result.list[0] as Tensor).isDisposed).toBe(false);
    expect((result.list[1] as Tensor[])[0]!.isDisposed).toBe(false);
    expect(result.map.get('d')!.isDisposed).toBe(false);
    expect([...result.set][0]!.isDisposed).toBe(false);
  });

  test('nests: the enclosing one owns what the inner returns', () => {
    let inner: Tensor | undefined;
    let outer: Tensor | undefined;
    tidy(() => {
      outer = ones([1]);
      inner = tidy(() => ones([1]).add(1));
      expect(inner.isDisposed).toBe(false);
    });
    expect([inner!.isDisposed, outer!.isDisposed]).toEqual([true, true]);
  });

  test('releases after an error too', () => {
    const live = memory().tensors;
    expect(() =>
      tidy(() => {
        ones([1]);
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(memory().tensors).toBe(live);
    expect(tidy(() => 1)).toBe(1);
  });

  test('refuses async functions and leaves the scopes in order', () => {
    const live = memory().tensors;
    expect(() =>
      tidy(async () => {
        ones([1]);
      }),
    ).toThrow(/async/);
    expect(memory().tensors).toBe(live);
    expect(tidy(() => ones([1]).item())).toBe(1);
  });

  test('in-place results and tensors from outside stay with their owner', () => {
    const t = ones([1]);
    const same = tidy(() => t.add_(1));
    expect(same).toBe(t);
    expect(t.item()).toBe(2);
  });

  test('keep takes a tensor out of every scope', () => {
    const kept = tidy(() => tidy(() => void 0) ?? keep(ones([1])));
    const hidden: Tensor[] = [];
    tidy(() => {
      hidden.push(keep(ones([1])));
    });
    expect([kept.isDisposed, hidden[0]!.isDisposed]).toEqual([false, false]);
    hidden[0]!.dispose();
  });
});

describe('scope', () => {
  test('works across awaits and must close in order', async () => {
    const live = memory().tensors;
    const outer = scope();
    ones([1]);
    await Promise.resolve();
    ones([1]);
    const inner = scope();
    expect(() => outer.close()).toThrow(/inner one is open/);
    inner.close();
    outer.close();
    outer.close();
    expect(memory().tensors).toBe(live);
  });

  test('release hands over to the enclosing scope', () => {
    const outer = scope();
    const inner = scope();
    const t = inner.release(ones([1]));
    const u = ones([1]);
    inner.close();
    expect([t.isDisposed, u.isDisposed]).toEqual([false, true]);
    outer.close();
    expect(t.isDisposed).toBe(true);
  });

  test('a tensor disposed by hand inside is not released twice', () => {
    const live = memory().tensors;
    tidy(() => {
      const t = ones([1]);
      t.dispose();
      ones([1]); // may take the free slot
    });
    expect(memory().tensors).toBe(live);
  });
});

test('parameters belong to no scope', () => {
  const p = tidy(() => new nn.Parameter(zeros([2])));
  let hidden: nn.Parameter | undefined;
  tidy(() => {
    hidden = new nn.Parameter(zeros([2]));
  });
  expect([p.isDisposed, hidden!.isDisposed]).toEqual([false, false]);
});

test('live tensors and bytes are constant over training steps', () => {
  const w = new nn.Parameter(randn([64, 64]));
  let first: { tensors: number; bytes: number } | undefined;
  for (let i = 0; i < 50; i++) {
    tidy(() => {
      const loss = randn([8, 64]).matmul(w).softmax(-1).square().sum();
      loss.backward();
      noGrad(() => w.sub_(w.grad!, { alpha: 0.01 }));
      w.grad = null;
    });
    const { tensors, bytes } = memory();
    first ??= { tensors, bytes: bytes.cpu! };
    expect({ tensors, bytes: bytes.cpu }).toEqual(first);
  }
  w.dispose();
});

test('memory counts a storage once', () => {
  const before = memory().bytes.cpu ?? 0;
  const t = zeros([1000]);
  const view = t.reshape([10, 100]);
  expect((memory().bytes.cpu ?? 0) - before).toBe(4000);
  t.dispose();
  expect((memory().bytes.cpu ?? 0) - before).toBe(4000);
  view.dispose();
  expect((memory().bytes.cpu ?? 0) - before).toBe(0);
});

test('without scopes, garbage collection bounds a synchronous loop', () => {
  const build = compiled();
  try {
    // 2,000 tensors of 4 MB are 8 GB: far more than the loop may hold at once
    const script = `
      const { empty, memory } = await import(${JSON.stringify(pathToFileURL(join(build.folder, 'src', 'index.js')).href)});
      let most = 0;
      for (let i = 0; i < 2000; i++) {
        empty([1 << 20]);
        if (i % 10 === 0) most = Math.max(most, memory().bytes.cpu ?? 0);
      }
      console.log(most);`;
    const most = Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(1e9);
  } finally {
    build.dispose();
  }
});
