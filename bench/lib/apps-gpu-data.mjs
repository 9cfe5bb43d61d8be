// Small tables for every task, and random models of every architecture over one vocabulary; all in one folder.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualSeed } from '@easynlp/torch';

const tsv = (rows) => {
  const columns = Object.keys(rows[0]);
  return [columns, ...rows.map((row) => columns.map((name) => row[name]))]
    .map((cells) => `${cells.join('\t')}\n`)
    .join('');
};
const jsonl = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const range = (count, make) => Array.from({ length: count }, (_, i) => make(i));

const PLACES = ['北京', '上海', '杭州', '西安'];
const PEOPLE = ['王小明', '李雷', '韩梅梅', '赵云'];

function sentences(count) {
  return range(count, (i) => {
    const [person, place] = [PEOPLE[i % 4], PLACES[(i * 3 + (i >> 2)) % 4]];
    const lead = i % 3 === 0 ? '昨天，' : '';
    const text = `${lead}${person}${i % 2 ? '在' : '去了'}${place}。`;
    return { text, person: [text.indexOf(person), person], place: [text.indexOf(place), place] };
  });
}

function conll(rows) {
  return rows
    .map(({ text, person, place }) => {
      const tags = [...text].map(() => 'O');
      for (const [type, [start, name]] of [
        ['PER', person],
        ['LOC', place],
      ])
        for (let i = 0; i < name.length; i++) tags[start + i] = `${i ? 'I' : 'B'}-${type}`;
      return [...text].map((c, i) => `${c}\t${tags[i]}\n`).join('');
    })
    .join('\n');
}

const cluener = (rows) =>
  jsonl(
    rows.map(({ text, person, place }) => ({
      text,
      label: {
        人物: { [person[1]]: [[person[0], person[0] + person[1].length - 1]] },
        地点: { [place[1]]: [[place[0], place[0] + place[1].length - 1]] },
      },
    })),
  );

function squad(count) {
  const names = ['青山', '碧海', '白云', '红叶', '明月'];
  const data = range(count, (i) => {
    const sign = '人地物'[i % 3];
    const context = `人${names[(i * 2) % 5]}，地${names[(i * 3 + 1) % 5]}，物${names[(i * 4 + 2) % 5]}。`;
    const start = context.indexOf(sign) + 1;
    const answers = [{ text: context.slice(start, start + 2), answer_start: start }];
    const qas = [{ id: `q${i}`, question: `${'谁哪何'[i % 3]}？`, is_impossible: false, answers }];
    return { title: '', paragraphs: [{ context, qas }] };
  });
  return JSON.stringify({ version: 'v2.0', data });
}

function pairs(count) {
  const things = ['花呗', '借呗', '余额宝', '信用卡', '银行卡'];
  const acts = ['怎么还款', '如何开通', '为什么不能用', '额度怎么提升'];
  return range(count, (i) => {
    const [thing, act] = [things[i % 5], acts[i % 4]];
    const other = i % 2 ? acts[(i + 1) % 4] : act;
    return { label: i % 2 ? '0' : '1', sentence1: `${thing}${act}`, sentence2: `请问${thing}${other}` };
  });
}

/** Out of two to four people always the same one, which a dozen steps can learn. */
const choices = (count) =>
  sentences(count).map(({ text, person }, i) => {
    const [answer, ...others] = PEOPLE;
    const wrong = others.slice(0, 1 + (i % 3));
    const all = [...wrong.slice(0, i % 2), answer, ...wrong.slice(i % 2)];
    return { context: text.replace(person[1], answer), question: '谁？', choices: all, answer };
  });

/** Writes everything that the cases read. @returns paths by name */
export async function writeData(folder, samples) {
  mkdirSync(folder, { recursive: true });
  const paths = {};
  const write = (name, text) => {
    paths[name] = join(folder, name);
    writeFileSync(paths[name], text);
  };
  const reviews = ['train', 'dev'].map((part) => {
    const [head, ...lines] = readFileSync(join(samples, `${part}.tsv`), 'utf8')
      .trimEnd()
      .split('\n');
    const columns = head.split('\t');
    return lines.map((line) => Object.fromEntries(line.split('\t').map((cell, i) => [columns[i], cell])));
  });
  const few = reviews[0].slice(0, 64);
  const labels = [...new Set(reviews[0].map(({ label }) => label))].sort();
  write('reviews.tsv', tsv(few));
  write('reviews-dev.tsv', tsv(reviews[1].slice(0, 16)));
  write('unlabelled.jsonl', jsonl(reviews[0].slice(100, 148).map(({ text }) => ({ text }))));
  write('long.tsv', tsv(few.map((row) => ({ label: row.label, text: `${row.text}。`.repeat(6) }))));
  write('long-dev.tsv', tsv(few.slice(0, 8).map((row) => ({ ...row, text: `${row.text}。`.repeat(6) }))));
  const column = Object.keys(few[0]).find((name) => name !== 'label' && name !== 'text');
  const domains = [...new Set(reviews[0].map((row) => row[column]))].slice(0, 2);
  const ofDomain = (part, name, label) =>
    reviews[part].filter((row) => row[column] === name && row.label === label);
  for (const [d, name] of domains.entries()) {
    for (const [part, count] of [12, 4].entries())
      write(
        `domain-${d}-${part ? 'dev' : 'train'}.tsv`,
        tsv(labels.flatMap((label) => ofDomain(part, name, label).slice(0, count))),
      );
  }
  const mixed = range(96, (i) => ofDomain(0, domains[i % 2], labels[(i >> 1) % 2])[i >> 2]).filter(Boolean);
  write(
    'domains.jsonl',
    jsonl(mixed.map((row) => ({ domain: row[column], label: row.label, text: row.text }))),
  );
  write(
    'group.json',
    JSON.stringify({
      tasks: [0, 1].map((d) => ({
        name: `task${d}`,
        train: `domain-${d}-train.tsv`,
        dev: `domain-${d}-dev.tsv`,
        pattern: 'text,<pseudo:2>,label,评',
        labelWords: labels.map((label) => label[0]),
      })),
    }),
  );
  const signs = { 外观: '很漂亮', 声音: '噪音大', 物流: '送货快' };
  write(
    'multi.tsv',
    tsv(
      range(64, (i) => {
        const own = Object.keys(signs).filter((_, l) => (i >> l) & 1);
        return { text: `第${i % 5}台${own.map((l) => signs[l]).join('')}`, label: own.join(',') };
      }),
    ),
  );
  write('pairs.tsv', tsv(pairs(64)));
  write('pairs-dev.tsv', tsv(pairs(80).slice(64)));
  write('scores.tsv', tsv(pairs(64).map((row, i) => ({ ...row, label: ((i % 6) / 5).toFixed(1) }))));
  write('triples.tsv', tsv(pairs(64).map((row) => ({ ...row, label: '1' }))));
  write('choices.jsonl', jsonl(choices(64)));
  const gap = ({ question, context, answer, ...row }, i) => ({
    ...{ ...row, context: context.replace(answer, '#x#'), answer, group: i >> 1 },
    choices: PEOPLE,
  });
  write('gaps.jsonl', jsonl(choices(64).map(gap)));
  write('people.conll', conll(sentences(64)));
  write('people.json', cluener(sentences(64)));
  write('squad.json', squad(64));
  write('corpus.txt', `${reviews[0].map(({ text }) => text).join('\n\n')}\n`);
  const characters = new Set(Object.values(paths).flatMap((path) => [...readFileSync(path, 'utf8')]));
  const vocabulary = [...characters].filter((c) => /\S/u.test(c)).map((c) => c.toLowerCase());
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  const words = [...special, ...[...new Set(vocabulary)].sort()];
  return { paths, labels, domains, words };
}

/** A masked language model of random weights as if it had been pretrained: `<folder>/<name>`. */
export async function randomModel(modelzoo, folder, { modelType, words, more = {} }) {
  manualSeed(1);
  const model = modelzoo.AutoModelForMaskedLM.fromConfig({
    ...{ model_type: modelType, vocab_size: words.length, max_position_embeddings: 160, pad_token_id: 0 },
    ...{ hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 64 },
    ...{ dim: 32, n_layers: 2, n_heads: 2, hidden_dim: 64, embedding_size: 16, initializer_range: 0.1 },
    ...{ hidden_dropout_prob: 0, attention_probs_dropout_prob: 0, dropout: 0, attention_dropout: 0 },
    ...{ classifier_dropout: 0, seq_classif_dropout: 0, qa_dropout: 0, classifier_dropout_prob: 0 },
    ...{ relative_attention: true, pos_att_type: ['c2p', 'p2c'], ...more },
  });
  await modelzoo.savePretrained(folder, model);
  writeFileSync(join(folder, 'vocab.txt'), `${words.join('\n')}\n`);
  model.dispose();
}
