#!/usr/bin/env node
// node scripts/generate-model-docs.mjs [--check]: fills the tables of docs/models.md and docs/models.zh.md from the
// table of architectures and the list of models. The text around the tables is written by hand. Needs a build.
// With --check it writes nothing and fails when a table is not what the code says.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const row = (...cells) => `| ${cells.join(' | ')} |`;
const PAGES = {
  en: {
    file: 'docs/models.md',
    architectures: ['architecture', '`model_type`', 'texts', 'tokens', 'masked tokens', 'note', 'paper'],
    models: ['name', 'architecture', 'size', 'origin', 'licence', 'hub id'],
    unknown: 'unknown',
    bundled: 'comes with the toolkit',
    unpublished: 'not published',
    unverified: ' (not verified)',
    unsupported: ' (not supported)',
  },
  zh: {
    file: 'docs/models.zh.md',
    architectures: ['结构', '`model_type`', '文本分类', '序列标注', '掩码预测', '说明', '论文'],
    models: ['名称', '结构', '规模', '来源', '许可', '仓库名'],
    unknown: '未知',
    bundled: '随工具包提供',
    unpublished: '未发布',
    unverified: '（未核实）',
    unsupported: '（不支持）',
  },
};

export function tablesOf(language, { ARCHITECTURES, listModels }) {
  const words = PAGES[language];
  const head = (cells) => [row(...cells), row(...cells.map(() => '---'))];
  const yes = (value) => (value ? '✓' : '');
  return {
    architectures: [
      ...head(words.architectures),
      ...ARCHITECTURES.map(({ title, modelType, aliases, build, about, paper }) =>
        row(
          title,
          [modelType, ...aliases].map((name) => `\`${name}\``).join(', '),
          yes(build.sequenceClassification),
          yes(build.tokenClassification),
          yes(build.maskedLm),
          about[language],
          paper,
        ),
      ),
    ].join('\n'),
    models: [
      ...head(words.models),
      ...listModels().map((m) =>
        row(
          `\`${m.name}\``,
          `${m.architecture ?? words.unknown}${m.supported ? '' : words.unsupported}`,
          m.size ?? '',
          m.origin ?? words.unknown,
          m.licence ?? words.unknown,
          m.bundled
            ? words.bundled
            : m.unpublished !== null
              ? words.unpublished
              : `\`${m.huggingface}\`${m.verified ? '' : words.unverified}`,
        ),
      ),
    ].join('\n'),
  };
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
export function fill(text, tables) {
  return Object.entries(tables).reduce((page, [name, table]) => {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(\n?<!-- /${name} -->)`);
    if (!place.test(page)) throw new Error(`no place for the table "${name}"`);
    return page.replace(place, (_, open, close) => `${open}${table}\n${close.trimStart()}`);
  }, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const zoo = await import(pathToFileURL(join(root, 'packages/easynlp/dist/modelzoo/index.js')).href);
  for (const [language, { file }] of Object.entries(PAGES)) {
    const path = join(root, file);
    const before = readFileSync(path, 'utf8');
    const after = fill(before, tablesOf(language, zoo));
    if (before === after) continue;
    if (process.argv.includes('--check')) {
      console.error(`${file} is not what the code says; run node scripts/generate-model-docs.mjs`);
      process.exitCode = 1;
    } else writeFileSync(path, after);
  }
}
