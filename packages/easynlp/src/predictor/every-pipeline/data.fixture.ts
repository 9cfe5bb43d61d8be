import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualSeed } from '@easynlp/torch';
import {
  matches,
  sentences,
  writeCluener,
  writeEvents,
} from '../../appzoo/information-extraction/people.fixture.js';
import { fixtureQuestions } from '../../appzoo/machine-reading-comprehension/questions.fixture.js';
import { AutoModelForMaskedLM, savePretrained } from '../../modelzoo/index.js';
import { buildVocab, Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';
import { questionPairs, reviews } from '../models.fixture.js';
import { ODD_TEXTS } from './odd-texts.fixture.js';

/** Data of all tasks, and an untrained language model that knows their characters and the odd ones. */
export interface Files {
  readonly folder: string;
  readonly base: string;
  readonly reviews: string;
  readonly tags: string;
  readonly pairs: string;
  readonly scored: string;
  readonly people: string;
  readonly events: string;
  readonly questions: string;
  readonly domains: string;
  readonly choices: string;
  /** Facts for K-BERT. */
  readonly facts: string;
}

const jsonl = (path: string, rows: readonly object[]): string => {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
};

/** Characters of questions about entities and events, which come from no data. */
const PROMPTS = '找到文章中所有【人物】类型的实体？文章：【】总之很好评差评它是赛';

export async function makeFiles(folder: string): Promise<Files> {
  const at = (name: string) => join(folder, name);
  const rows = reviews(48);
  const pairs = questionPairs(48);
  const people = sentences(60);
  const events = matches(40);
  const questions = fixtureQuestions(48, { unanswerable: true });
  const odd = Object.values(ODD_TEXTS);
  const texts = [
    ...rows.map(({ text }) => text),
    ...pairs.flatMap(({ sentence1, sentence2 }) => [sentence1, sentence2]),
    ...[...people, ...events].map(({ text }) => text),
    ...questions.flatMap(({ question_text, context_text }) => [question_text, context_text]),
    // Every second one, so that others are unknown to the vocabulary.
    ...odd.filter((_, i) => i % 2 === 0),
    PROMPTS,
  ];
  const tokenizer = Tokenizer.fromVocab(await buildVocab(texts, { size: 2000, minFrequency: 1 }));
  manualSeed(5);
  const model = AutoModelForMaskedLM.fromConfig({
    ...{ model_type: 'bert', vocab_size: tokenizer.vocabSize, max_position_embeddings: 64 },
    ...{ hidden_size: 32, num_hidden_layers: 3, num_attention_heads: 2, intermediate_size: 64 },
    // Far from zero: what the model says then differs from text to text.
    initializer_range: 0.15,
  });
  const facts = at('facts.spo');
  writeFileSync(facts, '房间\t属于\t酒店\n北京\t是\t首都\n王小明\t住在\t北京\n很好\t是\t好评\n');
  await savePretrained(at('base'), model);
  await tokenizer.save(at('base'));
  model.dispose();
  return {
    folder,
    base: at('base'),
    reviews: jsonl(at('reviews.jsonl'), rows),
    tags: jsonl(
      at('tags.jsonl'),
      rows.map(({ text, label }, i) => ({ text, labels: i % 3 === 0 ? [label, '短'] : [label] })),
    ),
    pairs: jsonl(at('pairs.jsonl'), pairs),
    scored: jsonl(
      at('scored.jsonl'),
      pairs.map((row, i) => ({ ...row, label: (i % 6) / 2 })),
    ),
    people: writeCluener(at('people.json'), people),
    events: writeEvents(at('events.jsonl'), events),
    questions: jsonl(at('questions.jsonl'), questions),
    choices: jsonl(
      at('choices.jsonl'),
      people.map(({ text, entities }, i) => ({
        ...{ context: text, question: '谁？', choices: ['王小明', '李雷', '红队'].slice(i % 2) },
        answer: text.slice(entities[0]!.start, entities[0]!.end) === '王小明' ? i % 2 : 1 - (i % 2),
      })),
    ),
    facts,
    domains: jsonl(
      at('domains.jsonl'),
      rows.map((row, i) => ({ ...row, domain: i % 4 < 2 ? '餐饮' : '酒店' })),
    ),
  };
}

/** Trains an application for a few steps; what it says need not be right. */
export async function trainBriefly(
  { folder, base }: Files,
  name: string,
  options: Readonly<Record<string, unknown>>,
): Promise<string> {
  const output = join(folder, name);
  await train({
    ...{ model: base, sequenceLength: 48, batchSize: 16, learningRate: 2e-3, maxSteps: 12, epochs: 40 },
    ...{ seed: 3, device: 'cpu', numThreads: 1, saveStrategy: 'none', ...options, output },
  } as unknown as Parameters<typeof train>[0]);
  return output;
}
