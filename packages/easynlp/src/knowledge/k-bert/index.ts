import type { App, AppModel } from '../../appzoo/app.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Method, MethodContext } from '../../trainer/method.js';
import { fineTuneObjective } from '../../trainer/objective.js';
import { encodeTreeWindows } from './encode-labels.js';
import { encodeTrees, type KnowledgeSpec } from './encode-texts.js';
import { KnowledgeGraph } from './knowledge-graph.js';
import { K_BERT_APPS, type KBertConfig, kBertOptions } from './options.js';
import { collateTrees, type TreeRow } from './tree-rows.js';

export { type FoundEntity, KnowledgeGraph } from './knowledge-graph.js';
export {
  type Branch,
  buildSentenceTree,
  type Mention,
  type SentenceTree,
  visibleMatrix,
} from './sentence-tree.js';

/** Architectures whose positions are a table or rotations, so that two tokens can have the same one. */
const SOFT_POSITIONS: ReadonlySet<string> = new Set([
  'bert',
  'albert',
  'electra',
  'ernie',
  'distilbert',
  'megatron-bert',
  'roformer',
]);

/** The app with texts as sentence trees; head, loss, results and figures stay the app's own. */
function variant(app: App): App {
  const own: Partial<App<never, TreeRow>> = {
    async prepare(config, source) {
      const { kgFile, kgMaxEntities } = config as KBertConfig;
      if (kgFile === undefined) {
        throw new EasyNlpError('CONFIG_MISSING_VALUE', {
          key: 'kgFile',
          expected: 'a .spo file with the facts that method kbert puts into texts',
        });
      }
      const knowledge = await KnowledgeGraph.read(kgFile, kgMaxEntities);
      return { ...(await app.prepare(config, source)), knowledge } as never;
    },
    encode: (rows, context, options) =>
      app.name === 'sequence_labeling'
        ? encodeTreeWindows(app, rows, context, options)
        : encodeTrees(rows, context, options),
    collate: (rows, context, options = {}) =>
      collateTrees(app.collate(rows, context, options), rows, options),
    async head(spec, source, options) {
      const model = await app.head(spec, source, options);
      checkArchitecture(model);
      return model;
    },
    saveFiles: ({ knowledge }: KnowledgeSpec, folder) => knowledge.save(folder),
    async loadFiles(spec: KnowledgeSpec, folder) {
      return { ...spec, knowledge: await KnowledgeGraph.load(folder, spec.knowledge) } as never;
    },
  };
  return { ...app, ...(own as unknown as Partial<App>) };
}

function checkArchitecture(model: AppModel): void {
  const type = (model as { config?: { model_type?: string } }).config?.model_type ?? 'this';
  if (SOFT_POSITIONS.has(type)) return;
  model.dispose();
  throw new EasyNlpError('CONFIG_CONFLICT', {
    problem: `method kbert does not work with a ${type} model, whose positions cannot be soft`,
    hint: `Choose a model of ${[...SOFT_POSITIONS].join(', ')}.`,
  });
}

/** Training rows that are looked at to say how much the graph has to do with the texts. */
const LOOKED_AT = 256;

/** Fine-tuning as it is; a graph that has nothing to say about the texts would not show anywhere else. */
async function objective({ app, context, tables, log }: MethodContext) {
  const { knowledge } = context.spec as unknown as KnowledgeSpec;
  const rows = [];
  for await (const row of tables!.train.rows()) {
    if (rows.push(row) === LOOKED_AT) break;
  }
  const encoded = await app.encode(rows, context, { labels: false });
  const enriched = encoded.filter((row) =>
    (app.parts?.(row) ?? [row]).some((part) => (part as TreeRow).tree.branches.length > 0),
  );
  const count = (n: number) => n.toLocaleString('en-US');
  log(
    `knowledge: ${count(knowledge.subjects)} entities, ${count(knowledge.triples)} facts; ${enriched.length} of the first ${rows.length} texts have some of them`,
  );
  return fineTuneObjective(app);
}

/** K-BERT, Liu et al. 2020: "K-BERT: Enabling Language Representation with Knowledge Graph" (arXiv 1909.07606). */
export const kBert: Method = {
  name: 'kbert',
  description: 'texts with facts of a knowledge graph beside their entities (K-BERT)',
  apps: K_BERT_APPS,
  options: kBertOptions,
  dataFiles: (config) => {
    const { kgFile } = config as KBertConfig;
    return kgFile === undefined ? [] : [kgFile];
  },
  variant,
  objective,
};
