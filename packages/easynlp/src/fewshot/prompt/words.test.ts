import { expect, it } from 'vitest';
import { Tokenizer } from '../../text/index.js';
import { PromptEncoder, TOKEN_KIND } from './encoder.js';
import { tokenizeWords } from './label-words.js';
import { parsePattern } from './pattern.js';

const vocabulary = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...'总之，。很好吃差',
  '好吃',
  '总之',
  '非常',
];
const tokenizer = Tokenizer.fromVocab(vocabulary, { wordSegmenter: 'jieba' });
const tokens = (ids: ArrayLike<number>) => Array.from(ids, (id) => tokenizer.idToToken(id));

it('a prompt of a tokenizer of words: its masks stay, and a label word may be a single token', async () => {
  const words = await tokenizeWords([['好吃'], ['很差']], ['1', '0'], tokenizer);
  expect(words.map(({ ids }) => tokens(ids))).toEqual([['好吃'], ['很', '差']]);
  const pattern = parsePattern('text,"，总之",label,"。"', { columns: ['text', 'label'], label: 'label' });
  const encoder = await PromptEncoder.create({ pattern, tokenizer, sequenceLength: 16, blocks: [1, 2] });
  const [one, two] = (await encoder.encode([['非常好吃']]))[0]!;
  expect(tokens(one!.ids)).toEqual(['[CLS]', '非常', '好吃', '，', '总之', '[MASK]', '。', '[SEP]']);
  expect(tokens(two!.ids).filter((token) => token === '[MASK]')).toHaveLength(2);
  expect(Array.from(one!.masks)).toEqual([5]);
  expect(one!.kinds[1]).toBe(TOKEN_KIND.text);
});
