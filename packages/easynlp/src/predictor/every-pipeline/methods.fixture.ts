import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabelingResult } from '../../appzoo/sequence-labeling/index.js';
import { pipeline } from '../pipeline.js';
import {
  type Answering,
  classified,
  type Entry,
  LABELS,
  MACHINE,
  SECOND,
  trained,
} from './answers.fixture.js';
import { trainBriefly } from './data.fixture.js';
import { checkEntities } from './spans.fixture.js';

const classifier = (name: string, method: string, options: Record<string, unknown> = {}): Entry => ({
  name,
  app: 'text_classify',
  method,
  open: trained(name, 'text_classify', ({ reviews }) => ({
    ...{ method, train: reviews, maxSteps: 4, ...options },
  })),
  check: classified(LABELS),
});

/** Models that few-shot methods and distillation leave, which have another form than a classifier. */
export const METHODS: readonly Entry[] = [
  classifier('PET', 'pet', { pattern: 'text,"，总之很",label,。', labelWords: ['差', '好'] }),
  classifier('PET, words of their own lengths', 'pet', {
    ...{ pattern: 'label,"：",text', labelWords: ['差评|差', '好'], maskBlocks: 'own' },
  }),
  classifier('P-Tuning', 'ptuning', { pattern: '<pseudo:3>,label,text', labelWords: ['差', '好'] }),
  classifier('CP-Tuning', 'cptuning'),
  {
    ...classifier('MetaKD teacher', 'metakd_teacher'),
    open: trained('metakd', 'text_classify', ({ domains }) => ({
      ...{ method: 'metakd_teacher', train: domains, maxSteps: 4, transferWeights: false },
    })),
  },
  {
    ...classifier('K-BERT', 'kbert'),
    open: trained('kbert', 'text_classify', ({ reviews, facts: kgFile }) => ({
      ...{ method: 'kbert', train: reviews, kgFile, maxSteps: 4 },
    })),
  },
  {
    name: 'K-BERT, entities',
    app: 'sequence_labeling',
    method: 'kbert',
    open: trained('kbert-entities', 'sequence_labeling', ({ people, facts: kgFile }) => ({
      ...{ method: 'kbert', train: people, kgFile, maxSteps: 30, learningRate: 5e-3 },
    })),
    check: checkEntities,
    found: (result) => (result as LabelingResult).entities.length,
  },
  {
    ...classifier('distillation into a prompt', 'kd_prompt'),
    async open(files) {
      const task = { app: 'text_classify', train: files.reviews, maxSteps: 4 };
      const teacher = await trainBriefly(files, 'kd-teacher', task);
      const model = await trainBriefly(files, 'kd-prompt', {
        ...{ ...task, method: 'kd_prompt', teacher: [teacher] },
        ...{ pattern: 'text,"，总之很",label', labelWords: ['好', '差'] },
      });
      return (await pipeline('text_classify', model, MACHINE)) as unknown as Answering;
    },
  },
  {
    ...classifier('TransPrompt', 'transprompt_stage'),
    async open(files) {
      const { reviews: train } = files;
      const task = (name: string) => ({
        ...{ name, train, labelWords: ['差', '好'] },
        pattern: '<pseudo>,text,label',
      });
      const group = join(files.folder, 'group.json');
      writeFileSync(group, JSON.stringify({ tasks: [task('甲'), task('乙')] }));
      const output = await trainBriefly(files, 'transprompt', {
        ...{ app: 'text_classify', method: 'transprompt', train: group, maxSteps: 2 },
      });
      return (await pipeline('text_classify', join(output, 'tasks/甲'), MACHINE)) as unknown as Answering;
    },
  },
  {
    name: 'PET, pairs',
    app: 'text_match',
    method: 'pet',
    open: trained('pet-pairs', 'text_match', ({ pairs }) => ({
      ...{ method: 'pet', train: pairs, maxSteps: 4, labelWords: ['坏', '好'] },
      pattern: 'sentence1,label,sentence2',
    })),
    input: SECOND,
    check: classified(['0', '1']),
  },
];
