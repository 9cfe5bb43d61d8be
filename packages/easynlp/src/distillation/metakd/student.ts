import { nn, noGrad, type Tensor, where } from '@easynlp/torch';
import type { AppModel, ModelInputs } from '../../appzoo/app.js';
import { readManifest } from '../../appzoo/artefact.js';
import type { Objective } from '../../appzoo/objective.js';
import type { DataSource } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { BertForSequenceClassification } from '../../modelzoo/index.js';
import type { Method, MethodContext, MethodRows } from '../../trainer/method.js';
import { nearest } from '../../util/index.js';
import type { DistillationConfig } from '../shared/options.js';
import { taughtRows } from '../shared/taught-rows.js';
import { Bridge } from './bridge.js';
import { rowsOfDomain } from './domain-table.js';
import { domainsOfTeacher, type LoadedTeacher, loadTeacher, teacherFolder } from './loaded-teacher.js';
import { expertiseWeight, goldProbability, softCrossEntropy } from './losses.js';
import { type DistillPart, type StudentOptions, studentOptions } from './options.js';
import { weightedMean } from './teacher.js';
import { domainColumns, withDomains } from './variant.js';

/*
 * Meta-distillation (Pan et al., ACL 2021, §3.3): a student of one domain (or of several) imitates the meta-teacher,
 * each row as much as its knowledge transfers and as the teacher knows it:
 *
 *   L = 1/N Σ_x λ(x)·( L_attn + L_hidn + L_embd + T²·L_out + γ₂·L_TKD )
 */

/** The parts of a stage: EasyNLP's first trains the layers, its second the output. */
export function partsOf({
  distillStage,
  distillParts,
}: Pick<StudentOptions, 'distillStage' | 'distillParts'>): ReadonlySet<DistillPart> {
  const inStage = (part: DistillPart) =>
    distillStage === 'joint' || (part === 'output') === (distillStage === 'second');
  const parts = new Set(distillParts.filter(inStage));
  if (parts.size > 0) return parts;
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: 'distillParts',
    expected:
      distillStage === 'first'
        ? 'something beside output for the first stage'
        : 'output for the second stage',
    got: distillParts.join(','),
  });
}

export type StudentSettings = Pick<
  StudentOptions,
  'temperature' | 'domainLossWeight' | 'labelLossWeight' | 'transferWeights' | 'expertiseWeights'
>;

/**
 * The class whose probability says how well the teacher knows a row: the gold one, or where nobody has labelled the row
 * the one that the teacher takes it for. int64 [B].
 */
export function classesToKnow(labels: Tensor, labelled: Tensor | undefined, taughtLogits: Tensor): Tensor {
  return labelled ? where(labelled.gt(0.5), labels, taughtLogits.argmax({ dim: -1 })) : labels;
}

/** What is minimized; the teacher and the bridge belong to the objective from here on. */
export function studentObjective(
  teacher: LoadedTeacher,
  bridge: Bridge,
  settings: StudentSettings,
): Objective {
  const { parts } = bridge;
  const inside = [...parts].some((part) => part !== 'output');
  // T² as in Hinton et al. 2015: what the outputs weigh beside the layers then does not depend on T.
  const factors: Partial<Record<DistillPart, number>> = {
    domain: settings.domainLossWeight,
    output: settings.temperature ** 2,
  };
  return {
    name: 'metakd_student',
    capturable: true,
    groups: (model) => [
      { params: [...model.parameters(), ...bridge.parameters()].filter((p) => p.requiresGrad) },
    ],
    loss(model: AppModel, inputs: ModelInputs) {
      const student = model as BertForSequenceClassification;
      const { labels, labelled, domains, attentionMask, instanceWeights } = inputs;
      const taught = noGrad(() => (inside ? teacher.traces(inputs) : teacher.forward(inputs)));
      const options = { outputHiddenStates: true, outputAttentions: true };
      const own = inside ? student.forward(inputs, options) : student.forward(inputs);
      const rows: Partial<Record<DistillPart | 'label', Tensor>> = inside
        ? bridge.losses(own, taught, attentionMask, { ids: domains!, teacher: teacher.model })
        : {};
      if (parts.has('output'))
        rows.output = softCrossEntropy(own.logits, taught.logits, settings.temperature);
      let total = Object.entries(rows)
        .map(([part, loss]) => loss.mul(factors[part as DistillPart] ?? 1))
        .reduce((sum, loss) => sum.add(loss));
      if (settings.labelLossWeight > 0) {
        const hard = nn.functional.crossEntropy(own.logits, labels!, { reduction: 'none' });
        rows.label = labelled ? hard.mul(labelled) : hard;
        total = total.add(rows.label.mul(settings.labelLossWeight));
      }
      const weights = noGrad(() =>
        expertiseWeight(
          instanceWeights!.to({ dtype: total.dtype }),
          goldProbability(
            taught.logits.to({ dtype: total.dtype }),
            classesToKnow(labels!, labelled, taught.logits),
          ),
          { transfer: settings.transferWeights, expertise: settings.expertiseWeights },
        ),
      );
      return {
        loss: weightedMean(total, weights),
        logs: {
          ...Object.fromEntries(Object.entries(rows).map(([part, loss]) => [part, loss.detach().mean()])),
          weight: weights.mean(),
        },
      };
    },
    stateDict: () => bridge.stateDict(),
    loadStateDict: (state) =>
      noGrad(() => {
        for (const [name, tensor] of bridge.stateDict()) tensor.copy_(state.get(name)!);
      }),
    dispose() {
      bridge.dispose();
      teacher.dispose();
    },
  };
}

type StudentContext = MethodContext & { readonly config: MethodContext['config'] & StudentOptions };

async function makeStudentObjective(context: MethodContext): Promise<Objective> {
  const { model, runtime } = context;
  const { config } = context as StudentContext;
  if (!(model instanceof BertForSequenceClassification)) {
    throw new EasyNlpError('MODEL_TASK_UNSUPPORTED', {
      modelType: (model as { config?: { model_type?: string } }).config?.model_type ?? model.constructor.name,
      task: 'MetaKD, which compares hidden states and attention',
      known: ['bert'],
    });
  }
  const teacher = await loadTeacher(context);
  const bridge = new Bridge(model.config, teacher.model.config, teacher.domains.length, partsOf(config));
  bridge.to({ device: runtime.device });
  return studentObjective(teacher, bridge, config);
}

/**
 * The training rows with their domains and weights, unlabelled ones among them; the stored model is the app's own.
 */
async function studentRows(context: MethodContext): Promise<MethodRows> {
  const { config } = context as StudentContext;
  partsOf(config);
  const folder = teacherFolder(config);
  const { task } = await readManifest(folder);
  const mixed = config.unlabelled.length > 0 || config.labelledRepeat > 1;
  // The teacher is asked during training, as its layers are.
  const { tables, app } = mixed
    ? await taughtRows(
        { ...context, config: { ...config, augment: 0 } as unknown as DistillationConfig },
        { ask: false },
      )
    : { tables: context.tables!, app: context.app };
  const columns = await domainColumns(config, tables.train, domainsOfTeacher(task, folder));
  const { domain } = config;
  if (domain === undefined) return { tables, app: withDomains(app, () => columns) };
  if (!columns.domains.includes(domain)) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'domain',
      expected: `one of the teacher's: ${columns.domains.join(', ')}`,
      got: domain,
      suggestion: nearest(domain, columns.domains) ?? undefined,
    });
  }
  const only = (source: DataSource) => rowsOfDomain(source, columns.domainColumn, domain);
  return {
    // Validation too: EasyNLP validates on all domains, by a misspelt argument.
    tables: { train: await only(tables.train), dev: tables.dev && (await only(tables.dev)) },
    app: withDomains(app, () => columns),
  };
}

export const metakdStudent: Method = {
  name: 'metakd_student',
  description: 'MetaKD: a small model imitates the meta-teacher’s layers, domain representation and outputs',
  apps: ['text_classify', 'text_match'],
  options: studentOptions,
  rows: studentRows,
  objective: makeStudentObjective,
};
