import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ARCHITECTURES, listModels } from './index.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

it.each(['en', 'zh'])('docs/models (%s) holds the tables that the code says', async (language) => {
  const script = `${root}scripts/generate-model-docs.mjs`;
  const { fill, tablesOf } = (await import(script)) as {
    fill(text: string, tables: Record<string, string>): string;
    tablesOf(language: string, zoo: unknown): Record<string, string>;
  };
  const file = `${root}docs/models${language === 'en' ? '' : '.zh'}.md`;
  const text = readFileSync(file, 'utf8');
  const filled = fill(text, tablesOf(language, { ARCHITECTURES, listModels }));
  if (process.env.EASYNLP_UPDATE_DOCS === '1') writeFileSync(file, filled);
  expect(filled, 'run node scripts/generate-model-docs.mjs').toBe(
    process.env.EASYNLP_UPDATE_DOCS === '1' ? filled : text,
  );
});
