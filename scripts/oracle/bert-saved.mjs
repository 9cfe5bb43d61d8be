#!/usr/bin/env node
/*
 * Saves a classifier with savePretrained, together with an input and the logits computed here, for
 * `bert_parity.py --check-saved DIR` on a machine with transformers. Build first: npx tsc -b packages/easynlp
 *
 *     node scripts/oracle/bert-saved.mjs DIR
 */
import { files, inferenceMode, manualSeed, randint } from '@easynlp/torch';
import {
  AutoModelForSequenceClassification,
  bertPreset,
  savePretrained,
} from '../../packages/easynlp/dist/modelzoo/index.js';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node scripts/oracle/bert-saved.mjs DIR (which must not exist yet)');
  process.exit(2);
}

manualSeed(2026);
const config = bertPreset('mini', { vocabSize: 2000, fields: { initializer_range: 0.1 } });
const model = AutoModelForSequenceClassification.fromConfig(config, { id2label: ['差评', '中评', '好评'] });
model.eval();
const inputIds = randint(1, 2000, [4, 24]);
const attentionMask = randint(0, 2, [4, 24]);
attentionMask.narrow(1, 0, 6).fill_(1); // holes are legal, rows without any token are not
const tokenTypeIds = randint(0, 2, [4, 24]);
const { logits } = inferenceMode(() => model.forward({ inputIds, attentionMask, tokenTypeIds }));
await savePretrained(folder, model);
files.saveSafetensors(`${folder}/inputs.safetensors`, {
  input_ids: inputIds,
  attention_mask: attentionMask,
  token_type_ids: tokenTypeIds,
  logits,
});
console.log(`saved ${folder}: ${model.parameterCount().count} parameters`);
