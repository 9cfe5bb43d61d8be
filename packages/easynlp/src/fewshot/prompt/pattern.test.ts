import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EasyNlpError } from '../../errors/index.js';
import { parsePattern } from './pattern.js';

const columns = ['id', 'sent1', 'sent2', 'label'];
const parse = (source: string, required: string[] = []) =>
  parsePattern(source, { columns, label: 'label', required });

function failure(source: string, required: string[] = []): EasyNlpError {
  try {
    parse(source, required);
  } catch (error) {
    if (EasyNlpError.isInstance(error)) return error;
  }
  throw new Error(`${source} is accepted`);
}

describe('patterns', () => {
  it('are those of EasyNLP', () => {
    expect(parse('sent1,label,用,sent2,概括。')).toEqual({
      source: 'sent1,label,用,sent2,概括。',
      pieces: [
        { kind: 'column', column: 'sent1' },
        { kind: 'label' },
        { kind: 'text', text: '用' },
        { kind: 'column', column: 'sent2' },
        { kind: 'text', text: '概括。' },
      ],
      columns: ['sent1', 'sent2'],
      pseudoTokens: 0,
    });
    const { pieces, pseudoTokens } = parse('sent1,<pseudo>,label,<pseudo>,sent2');
    expect(pseudoTokens).toBe(2);
    expect(pieces.filter((piece) => piece.kind === 'pseudo').map((piece) => piece.index)).toEqual([0, 1]);
  });

  it('in quotes hold any character, and names of columns as text', () => {
    const { pieces } = parse('"It was ", label ,". sent1 \\"so\\" = \\\\ ", sent1 ,"label"');
    expect(pieces).toEqual([
      { kind: 'text', text: 'It was ' },
      { kind: 'label' },
      { kind: 'text', text: '. sent1 "so" = \\ ' },
      { kind: 'column', column: 'sent1' },
      { kind: 'text', text: 'label' },
    ]);
  });

  it('have several pseudo tokens at once, a separator, and the label by another name', () => {
    const { pieces, pseudoTokens, columns: used } = parse('sent2,<sep>,<pseudo:3>,<label>,sent1');
    expect(pieces.map((piece) => piece.kind)).toEqual([
      'column',
      'sep',
      'pseudo',
      'pseudo',
      'pseudo',
      'label',
      'column',
    ]);
    expect(pseudoTokens).toBe(3);
    expect(used).toEqual(['sent1', 'sent2']);
  });

  it.each([
    ['', 1, 'empty'],
    ['sent1,用', undefined, 'the label is missing'],
    ['sent1,label,用,label', 15, 'a second time'],
    ['label,概括', undefined, 'reads no column'],
    ['sent1,,label', 7, 'between two commas'],
    ['sent1,label,', 13, 'between two commas'],
    ['sent1,sent3,label', 7, 'no column "sent3"'],
    ['sent1,<psuedo>,label', 7, '<psuedo> is unknown'],
    ['sent1,<pseudo:0>,label', 7, 'between 1 and 512'],
    ['sent1,"so,label', 7, 'never closed'],
    ['sent1,"a" b,label', 11, 'a comma after'],
    ['sent1,"\\n",label', 8, 'a backslash'],
  ])('%s is refused with the place', (source, at, problem) => {
    const error = failure(source);
    expect(error.code).toBe('PROMPT_PATTERN');
    expect(error.details.column).toBe(at);
    expect(error.message).toContain(problem);
    expect(error.message).toContain(JSON.stringify(source));
    expect(error.exitCode).toBe(2);
  });

  it('say what was probably meant', () => {
    expect(failure('sent1,sent3,label').hint).toMatch(/Did you mean sent[12]\? Columns: id, sent1/);
    expect(() => parsePattern('text,label', { columns: ['text', 'polarity'], label: 'polarity' })).toThrow(
      expect.objectContaining({ hint: "The label's column is polarity: write polarity, or <label>." }),
    );
    expect(failure('sent1,<psuedo>,label').hint).toContain('Did you mean <pseudo>?');
    expect(failure('sent1,label', ['sent2']).message).toContain('"sent2" is not in it');
  });

  it('of any texts in quotes come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { maxLength: 5 }), (texts) => {
        const quoted = texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
        const { pieces } = parse([...quoted, 'label', 'sent1'].join(','));
        const found = pieces.flatMap((piece) => (piece.kind === 'text' ? [piece.text] : []));
        expect(found).toEqual(texts.filter((text) => text.trim() !== ''));
      }),
    );
  });

  it('are read or refused, whatever is written', () => {
    const parts = fc.constantFrom('sent1', 'label', '"', ',', '\\', '<pseudo>', '用', ' ', '<sep>', 'x');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (list) => {
        try {
          const { pieces } = parse(list.join(''));
          expect(pieces.filter((piece) => piece.kind === 'label')).toHaveLength(1);
        } catch (error) {
          expect(EasyNlpError.isInstance(error) && error.code).toBe('PROMPT_PATTERN');
        }
      }),
      { numRuns: 500 },
    );
  });
});
