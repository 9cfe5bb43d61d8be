import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSentenceTree, type Mention, type SentenceTree, visibleMatrix } from './sentence-tree.js';

const matrixOf = (tree: SentenceTree, width = tree.ids.length): number[][] => {
  const out = new Uint8Array(width * width);
  visibleMatrix(tree, width, out);
  return Array.from({ length: width }, (_, i) => [...out.subarray(i * width, (i + 1) * width)]);
};

describe('the example of the paper (figures 2 to 4)', () => {
  const words = '[CLS] Tim Cook is visiting Beijing now CEO Apple capital China is_a City'.split(' ');
  const id = (word: string) => words.indexOf(word);
  const branch = (text: string) => Int32Array.from(text.split(' '), id);
  const tree = buildSentenceTree(
    branch('[CLS] Tim Cook is visiting Beijing now'),
    [
      { from: 1, to: 3, branches: [branch('CEO Apple')] },
      { from: 5, to: 6, branches: [branch('capital China'), branch('is_a City')] },
    ],
    128,
  );
  const sequence = '[CLS] Tim Cook CEO Apple is visiting Beijing capital China is_a City now'.split(' ');

  it('is flattened with each fact behind its entity', () => {
    expect(Array.from(tree.ids, (i) => words[i])).toEqual(sequence);
    expect([...tree.trunk]).toEqual([0, 1, 2, 5, 6, 7, 12]);
    expect(tree.branches).toEqual([
      { from: 3, to: 5, entityFrom: 1, entityTo: 3 },
      { from: 8, to: 10, entityFrom: 7, entityTo: 8 },
      { from: 10, to: 12, entityFrom: 7, entityTo: 8 },
    ]);
  });

  it('has soft positions that branches share with the text and with one another', () => {
    expect([...tree.softPositions]).toEqual([0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6, 7, 6]);
  });

  it('has a visible matrix in which branches see themselves and their entity', () => {
    const matrix = matrixOf(tree);
    const seenBy = (word: string) => sequence.filter((_, j) => matrix[sequence.indexOf(word)]![j] === 1);
    const text = '[CLS] Tim Cook is visiting Beijing now'.split(' ');
    for (const word of ['[CLS]', 'is', 'visiting', 'now']) expect(seenBy(word)).toEqual(text);
    expect(seenBy('Apple')).toEqual(['Tim', 'Cook', 'CEO', 'Apple']);
    expect(seenBy('Cook')).toEqual('[CLS] Tim Cook CEO Apple is visiting Beijing now'.split(' '));
    expect(seenBy('China')).toEqual(['Beijing', 'capital', 'China']);
    expect(seenBy('City')).toEqual(['Beijing', 'is_a', 'City']);
    expect(seenBy('Beijing')).toEqual(
      '[CLS] Tim Cook is visiting Beijing capital China is_a City now'.split(' '),
    );
  });
});

/** A text of tokens 0, 1, 2 …, with branches of tokens from 1000 on. */
const cases = fc
  .array(
    fc.record({
      before: fc.nat({ max: 2 }),
      length: fc.integer({ min: 1, max: 3 }),
      branches: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    }),
    { maxLength: 5 },
  )
  .chain((entities) => fc.record({ entities: fc.constant(entities), room: fc.nat({ max: 20 }) }))
  .map(({ entities, room }) => {
    let at = 1;
    let next = 1000;
    const mentions = entities.map(({ before, length, branches }): Mention => {
      const from = at + before;
      at = from + length;
      return {
        from,
        to: at,
        branches: branches.map((count) => Int32Array.from({ length: count }, () => next++)),
      };
    });
    return { text: Int32Array.from({ length: at + 1 }, (_, i) => i), mentions, room };
  });

describe('any sentence tree', () => {
  it('keeps the text, and every branch whole or not at all', () => {
    fc.assert(
      fc.property(cases, ({ text, mentions, room }) => {
        const tree = buildSentenceTree(text, mentions, text.length + room);
        expect(Array.from(tree.trunk, (place) => tree.ids[place])).toEqual([...text]);
        expect(Array.from(tree.trunk, (place) => tree.softPositions[place])).toEqual([...text]);
        expect(tree.ids.length).toBeLessThanOrEqual(text.length + room);
        const all = mentions.flatMap(({ branches }) => branches.map((branch) => branch.join()));
        for (const { from, to, entityFrom, entityTo } of tree.branches) {
          expect(all).toContain(tree.ids.subarray(from, to).join());
          const last = tree.softPositions[entityTo - 1]!;
          expect(entityTo).toBeGreaterThan(entityFrom);
          expect([...tree.softPositions.subarray(from, to)]).toEqual(
            Array.from({ length: to - from }, (_, k) => last + 1 + k),
          );
          expect(tree.sources.subarray(from, to).every((token) => token === last)).toBe(true);
        }
        // What was left out did not fit.
        const given = all.filter((branch) => branch !== '');
        const kept = tree.branches.map(({ from, to }) => tree.ids.subarray(from, to).join());
        const left = text.length + room - tree.ids.length;
        for (const branch of given) {
          if (!kept.includes(branch)) expect(branch.split(',').length).toBeGreaterThan(left);
        }
      }),
    );
  });

  it('has a symmetric visible matrix: what shares a line of the tree sees one another', () => {
    fc.assert(
      fc.property(cases, fc.nat({ max: 3 }), ({ text, mentions, room }, padding) => {
        const tree = buildSentenceTree(text, mentions, text.length + room);
        const length = tree.ids.length;
        const matrix = matrixOf(tree, length + padding);
        const lines = [
          new Set(tree.trunk),
          ...tree.branches.map(({ from, to, entityFrom, entityTo }) => {
            const range = (a: number, b: number) => Array.from({ length: b - a }, (_, k) => a + k);
            return new Set([...range(entityFrom, entityTo), ...range(from, to)]);
          }),
        ];
        for (let i = 0; i < length + padding; i++) {
          for (let j = 0; j < length + padding; j++) {
            const real = i < length && j < length;
            const seen = real ? lines.some((line) => line.has(i) && line.has(j)) : i === j;
            expect(matrix[i]![j], `${i}, ${j}`).toBe(seen ? 1 : 0);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('gives first branches the room before second ones', () => {
    const branch = (...ids: number[]) => Int32Array.from(ids);
    const mentions = [
      { from: 1, to: 2, branches: [branch(10), branch(11, 12)] },
      { from: 2, to: 3, branches: [branch(20, 21), branch(22)] },
    ];
    const kept = (room: number) => {
      const { ids } = buildSentenceTree(branch(0, 1, 2, 3), mentions, 4 + room);
      return [...ids].filter((id) => id >= 10);
    };
    expect(kept(0)).toEqual([]);
    expect(kept(-2)).toEqual([]);
    expect(kept(3)).toEqual([10, 20, 21]);
    expect(kept(4)).toEqual([10, 20, 21, 22]);
    expect(kept(5)).toEqual([10, 11, 12, 20, 21]);
    expect(kept(6)).toEqual([10, 11, 12, 20, 21, 22]);
  });
});
