import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualSeed } from '@easynlp/torch';
import { AutoModelForMaskedLM, savePretrained } from '../../modelzoo/index.js';
import { buildVocab, Tokenizer } from '../../text/index.js';

const GOOD = ['很好', '喜欢', '值得', '满意', '推荐'];
const BAD = ['很差', '讨厌', '失望', '后悔', '别买'];
const THINGS: Readonly<Record<string, readonly string[]>> = {
  书籍: ['这本书', '作者', '封面', '情节'],
  水果: ['苹果', '香蕉', '橙子', '果肉'],
};

/** Reviews of two domains that say good or bad in the same words. */
export function domainReviews(count: number): { domain: string; label: string; text: string }[] {
  const domains = Object.keys(THINGS);
  return Array.from({ length: count }, (_, i) => {
    const domain = domains[i % domains.length]!;
    const good = (i >> 1) % 2 === 0;
    const words = good ? GOOD : BAD;
    const thing = THINGS[domain]![(i >> 2) % THINGS[domain]!.length]!;
    const text = `${thing}${words[(i * 7 + (i >> 3)) % words.length]!}${i % 3 === 0 ? `，${thing}` : ''}`;
    return { domain, label: good ? '好' : '坏', text };
  });
}

export function writeRows(path: string, rows: readonly object[]): string {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

/** Two untrained masked language models of different sizes with one vocabulary, as if they had been pretrained. */
export async function tinyModels(folder: string): Promise<{ teacher: string; student: string }> {
  async function* texts() {
    for (const { text } of domainReviews(64)) yield text;
  }
  const tokenizer = Tokenizer.fromVocab(await buildVocab(texts(), { size: 200 }));
  const make = async (name: string, sizes: Record<string, number>) => {
    manualSeed(1);
    const model = AutoModelForMaskedLM.fromConfig({
      ...{ model_type: 'bert', vocab_size: tokenizer.vocabSize, max_position_embeddings: 32 },
      ...{ initializer_range: 0.1, ...sizes },
    });
    await savePretrained(join(folder, name), model);
    await tokenizer.save(join(folder, name));
    model.dispose();
    return join(folder, name);
  };
  return {
    teacher: await make('large', {
      ...{ hidden_size: 32, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 64 },
    }),
    student: await make('little', {
      ...{ hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 32 },
    }),
  };
}
