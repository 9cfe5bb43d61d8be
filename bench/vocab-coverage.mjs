// How well a vocabulary covers the Chinese task sets: share of unknown tokens, characters a token.
//   node bench/vocab-coverage.mjs [TOKENIZER_FOLDER] [--data FOLDER] [--json] [--show N]
// The data folder is EASYNLP_TEST_DATA or ../shared/data beside the repository. Needs the built package.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string', default: process.env.EASYNLP_TEST_DATA ?? join(root, '../shared/data') },
    json: { type: 'boolean', default: false },
    show: { type: 'string', default: '0' },
  },
});
const folder = positionals[0] ?? join(root, 'packages/models-zh/vocab');
const dist = process.env.EASYNLP_DIST ?? join(root, 'packages/easynlp/dist');
if (!existsSync(values.data)) {
  console.error(`There is no data folder ${values.data}; give --data or EASYNLP_TEST_DATA.`);
  process.exit(2);
}
const { Tokenizer } = await import(join(dist, 'text/index.js'));

const read = (path) => {
  const bytes = readFileSync(join(values.data, path));
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
};
const lines = (path) => read(path).split(/\r?\n/).filter(Boolean);
const json = (path) => lines(path).map((line) => JSON.parse(line));
const exists = (path) => existsSync(join(values.data, path));
const strings = (value, skip = /^(id|label|.*_id|level|genre)$/) => {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap((v) => strings(v, skip));
  if (value && typeof value === 'object')
    return Object.entries(value).flatMap(([k, v]) => (skip.test(k) ? [] : strings(v, skip)));
  return [];
};
const fewclue = (task) =>
  readdirSync(join(values.data, 'fewclue', task))
    .filter((name) => /^(train_few_all|dev_few_all|unlabeled).*\.json(\.gz)?$/.test(name))
    .flatMap((name) => json(`fewclue/${task}/${name}`).flatMap((row) => strings(row)));

const SETS = {
  chnsenticorp: () =>
    ['train', 'dev'].flatMap((s) =>
      lines(`chnsenticorp/${s}.tsv`)
        .slice(1)
        .map((l) => l.slice(2)),
    ),
  tnews: () => json('tnews/train.json.gz').map((row) => row.sentence),
  afqmc: () =>
    ['train', 'dev'].flatMap((s) => lines(`afqmc/${s}.txt`).flatMap((l) => l.split('\t').slice(0, 2))),
  ocnli: () => json('ocnli/train.50k.json.gz').flatMap((row) => [row.sentence1, row.sentence2]),
  cmrc2018: () => strings(JSON.parse(read('cmrc2018/train.json.gz'))),
  msra_ner: () =>
    ['train.bio.gz', 'dev.bio'].flatMap((f) =>
      read(`msra_ner/${f}`)
        .split(/\r?\n\r?\n/)
        .map((block) =>
          block
            .split(/\r?\n/)
            .map((l) => l.split(/[\t ]/)[0])
            .join(''),
        ),
    ),
  cluener: () => ['train', 'dev'].flatMap((s) => json(`cluener/${s}.json`).map((row) => row.text)),
  waimai: () =>
    lines('waimai/waimai_10k.csv')
      .slice(1)
      .map((l) => l.slice(2)),
};
if (exists('fewclue')) {
  for (const task of readdirSync(join(values.data, 'fewclue')))
    if (readdirSync(join(values.data, 'fewclue', task)).length > 0)
      SETS[`fewclue/${task}`] = () => fewclue(task);
}

const tokenizer = await Tokenizer.fromFolder(folder);
const rows = [];
const missed = new Map();
for (const [name, load] of Object.entries(SETS)) {
  if (!exists(name)) continue;
  const texts = load().filter((text) => typeof text === 'string' && text !== '');
  const row = { set: name, texts: texts.length, characters: 0, tokens: 0, unknown: 0 };
  for (let from = 0; from < texts.length; from += 1000) {
    const chunk = texts.slice(from, from + 1000);
    const encodings = await tokenizer.encodeBatch(chunk, { addSpecialTokens: false });
    for (const [i, encoding] of encodings.entries()) {
      row.characters += chunk[i].length;
      row.tokens += encoding.length;
      if (!encoding.ids.includes(tokenizer.unkId)) continue;
      for (const [at, id] of encoding.ids.entries()) {
        if (id !== tokenizer.unkId) continue;
        row.unknown++;
        const text = chunk[i].slice(...encoding.offsets[at]);
        missed.set(text, (missed.get(text) ?? 0) + 1);
      }
    }
  }
  row.unknownPercent = Number(((100 * row.unknown) / row.tokens).toFixed(4));
  row.charactersPerToken = Number((row.characters / row.tokens).toFixed(3));
  rows.push(row);
}
if (values.json) console.log(JSON.stringify({ vocabulary: tokenizer.vocabSize, rows }, null, 2));
else {
  console.table(rows);
  const most = [...missed].sort((a, b) => b[1] - a[1]).slice(0, Number(values.show));
  for (const [text, n] of most) console.log(n, JSON.stringify(text));
}
process.exitCode = rows.every((row) => row.unknownPercent < 0.05) ? 0 : 1;
