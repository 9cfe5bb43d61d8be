import { gradCheck, manualSeed, nn, noGrad, randn, type Tensor, tensor, tidy } from '@easynlp/torch';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LinearChainCrf } from './crf.js';
import { TagLattice } from './lattice.js';
import { parseTag, spansOfTags, TAG_SCHEMES, type TagScheme, tagSet } from './schemes.js';

const LENGTHS = [4, 1, 0, 3];
const TAGS = 3;

function* sequences(length: number, tags: number): Generator<number[]> {
  if (length === 0) yield [];
  else
    for (const rest of sequences(length - 1, tags)) for (let tag = 0; tag < tags; tag++) yield [...rest, tag];
}

const logSumExp = (values: readonly number[]) => {
  const max = Math.max(...values);
  return max + Math.log(values.reduce((sum, value) => sum + Math.exp(value - max), 0));
};

interface Numbers {
  readonly scores: readonly (readonly number[])[];
  readonly between: readonly (readonly number[])[];
  readonly start: readonly number[];
  readonly end: readonly number[];
}

const scoreOf = (tags: readonly number[], { scores, between, start, end }: Numbers) =>
  tags.length === 0
    ? 0
    : start[tags[0]!]! +
      end[tags.at(-1)!]! +
      tags.reduce((sum, tag, t) => sum + scores[t]![tag]! + (t > 0 ? between[tags[t - 1]!]![tag]! : 0), 0);

describe('the loss of a linear-chain CRF', () => {
  let crf: LinearChainCrf;
  let scores: Tensor;
  const labels = () =>
    tensor(
      LENGTHS.map((length, b) => Array.from({ length: 4 }, (_, t) => (t < length ? (b + t) % TAGS : -100))),
      { dtype: 'int64' },
    );
  beforeAll(() => {
    manualSeed(3);
    crf = new LinearChainCrf(TAGS);
    for (const parameter of crf.parameters()) nn.init.normal_(parameter, 0, 1);
    crf.to({ dtype: 'float64' });
    scores = randn([4, 4, TAGS], { dtype: 'float64' });
    scores.requiresGrad = true;
  });

  it('is that of all sequences enumerated', () => {
    const loss = tidy(() => crf.negativeLogLikelihood(scores, labels()).toArray() as number[]);
    const gold = tidy(() => labels().toArray() as number[][]);
    for (const [b, length] of LENGTHS.entries()) {
      const numbers: Numbers = {
        scores: (scores.toArray() as number[][][])[b]!,
        between: crf.transitions.toArray() as number[][],
        start: crf.start.toArray() as number[],
        end: crf.end.toArray() as number[],
      };
      const all = [...sequences(length, TAGS)].map((tags) => scoreOf(tags, numbers));
      const expected = logSumExp(all) - scoreOf(gold[b]!.slice(0, length).map(Number), numbers);
      expect(loss[b]!).toBeCloseTo(expected, 10);
    }
    expect(loss[2]).toBe(0);
  });

  it('has the gradients of finite differences', () => {
    // The parameters' own values move with what is checked: fn reads them from its inputs.
    const moved = (values: Tensor, transitions: Tensor, start: Tensor, end: Tensor) => {
      const own = Object.assign(Object.create(LinearChainCrf.prototype) as LinearChainCrf, {
        transitions,
        start,
        end,
      });
      return own.negativeLogLikelihood(values, labels());
    };
    tidy(() =>
      gradCheck(
        (...given) => moved(given[0]!, given[1]!, given[2]!, given[3]!),
        [scores, crf.transitions, crf.start, crf.end],
      ),
    );
  });

  it('does not overflow', () => {
    tidy(() => {
      const huge = noGrad(() => scores.detach().mul(1e4));
      expect(crf.negativeLogLikelihood(huge, labels()).isfinite().all().item()).toBe(true);
    });
  });
});

/** By the definition of the schemes alone. */
function isValid(tags: readonly string[], scheme: TagScheme): boolean {
  const text = tags.map((tag) => tag.replace(/^M/, 'I')).join(' ');
  const entity = (type: string) =>
    scheme === 'bio' ? `B-${type}( I-${type})*` : `(S-${type}|B-${type}( I-${type})* E-${type})`;
  return new RegExp(`^((O|${entity('X')}|${entity('Y')})( |$))*$`).test(text) && !text.endsWith(' ');
}

describe('decoding', () => {
  const numbers = fc.float({ min: -4, max: 4, noNaN: true });
  it.each(TAG_SCHEMES)(
    'gives the best of all valid %s sequences, and the probabilities of entities',
    (scheme) => {
      const labels = tagSet(scheme, ['X', 'Y']);
      const size = labels.length;
      const valid = new Map<number, number[][]>();
      for (let n = 1; n <= (scheme === 'bio' ? 4 : 3); n++) {
        valid.set(
          n,
          [...sequences(n, size)].filter((tags) =>
            isValid(
              tags.map((t) => labels[t]!),
              scheme,
            ),
          ),
        );
      }
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: valid.size }),
          fc.array(numbers, {
            minLength: 4 * size + size * size + 2 * size,
            maxLength: 4 * size + size * size + 2 * size,
          }),
          fc.boolean(),
          (n, values, crf) => {
            const rows = (from: number, count: number) =>
              Array.from({ length: count }, (_, i) => values.slice(from + i * size, from + (i + 1) * size));
            const at = 4 * size;
            const zeros = Array(size).fill(0) as number[];
            const all: Numbers = {
              scores: rows(0, n),
              between: crf ? rows(at, size) : zeros.map(() => zeros),
              start: crf ? rows(at + size * size, 1)[0]! : zeros,
              end: crf ? rows(at + size * size + size, 1)[0]! : zeros,
            };
            const lattice = new TagLattice(
              labels,
              scheme,
              crf ? { between: all.between.flat(), start: all.start, end: all.end } : null,
            );
            const best = lattice.best(all.scores.flat());
            const scored = valid.get(n)!.map((tags) => ({ tags, score: scoreOf(tags, all) }));
            const top = Math.max(...scored.map(({ score }) => score));
            expect(scoreOf([...best.tags], all)).toBeCloseTo(top, 8);
            const names = (tags: Iterable<number>) => Array.from(tags, (t) => parseTag(labels[t]!)!);
            expect(
              isValid(
                Array.from(best.tags, (t) => labels[t]!),
                scheme,
              ),
            ).toBe(true);
            const logZ = logSumExp(scored.map(({ score }) => score));
            for (const span of spansOfTags(names(best.tags))) {
              const having = scored.filter(({ tags }) =>
                spansOfTags(names(tags)).some(
                  ({ type, from, to }) => type === span.type && from === span.from && to === span.to,
                ),
              );
              const expected = having.reduce((sum, { score }) => sum + Math.exp(score - logZ), 0);
              expect(best.probability(span)).toBeCloseTo(expected, 8);
            }
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it('stays finite when one tag outweighs all', () => {
    const labels = tagSet('bio', ['X']);
    const scores = Float64Array.from({ length: 300 }, (_, i) => (i % 3 === 2 ? 2000 : -2000));
    const best = new TagLattice(labels, 'bio').best(scores);
    expect(labels[best.tags[0]!]).toBe('B-X');
    expect(labels[best.tags[99]!]).toBe('I-X');
    expect(best.probability({ type: 'X', from: 0, to: 100 })).toBeGreaterThan(0);
    expect(new TagLattice(labels, 'bio').best([]).tags).toHaveLength(0);
  });
});
