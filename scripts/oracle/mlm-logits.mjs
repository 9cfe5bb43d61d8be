#!/usr/bin/env node
/*
 * Writes the masked-language-model logits that this project computes, for `check_mlm.py FOLDER OUT.json` on a machine
 * with Python's transformers. MODEL is a folder or a name (bert-small-zh). Build first: npx tsc -b packages/easynlp
 *
 *     node scripts/oracle/mlm-logits.mjs MODEL OUT.json [TEXT …]
 */
import { writeFileSync } from 'node:fs';
import { inferenceMode, tensor, tidy } from '@easynlp/torch';
import { AutoModelForMaskedLM, resolveModelFolder } from '../../packages/easynlp/dist/modelzoo/index.js';
import { Tokenizer } from '../../packages/easynlp/dist/text/index.js';

const TEXTS = [
  '今天天气很[MASK]。',
  '中国的首都是[MASK][MASK]。',
  '房间很[MASK]净，服务也周到。',
  '这家店的菜很好[MASK]，下次还会再来。',
  '他在2024年买了一台[MASK]脑，用Python写程序。',
  '没有空位的句子也要比较：OpenAI、ＡＢＣ、１２３，以及生僻字𠮷。',
];

const [name, out, ...given] = process.argv.slice(2);
if (!name || !out) {
  console.error('usage: node scripts/oracle/mlm-logits.mjs MODEL OUT.json [TEXT …]');
  process.exit(2);
}
const folder = await resolveModelFolder(name);
const tokenizer = await Tokenizer.fromFolder(folder);
const model = await AutoModelForMaskedLM.fromPretrained(folder);
const texts = [];
for (const text of given.length > 0 ? given : TEXTS) {
  const ids = Array.from((await tokenizer.encode(text)).ids);
  const { shape, logits } = tidy(() =>
    inferenceMode(() => {
      const result = model.forward({ inputIds: tensor([ids], { dtype: 'int64' }) }).logits; // [1, T, V]
      return { shape: result.shape.slice(1), logits: result.toTypedArray() };
    }),
  );
  const best = (at) => {
    const row = logits.subarray(at * shape[1], (at + 1) * shape[1]);
    return row.indexOf(row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY));
  };
  const filled = ids.flatMap((id, at) => (id === tokenizer.maskId ? [tokenizer.idToToken(best(at))] : []));
  const data = Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength).toString('base64');
  texts.push({ text, ids, filled, shape, logits: data }); // float32, little-endian, [T, V]
  console.log(`${text}  ${filled.join(' ')}`);
}
model.dispose();
writeFileSync(out, `${JSON.stringify({ folder, texts })}\n`);
console.log(`${out}: logits of ${texts.length} texts`);
