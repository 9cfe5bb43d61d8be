import { nn, randperm, type Tensor, tidy } from '@easynlp/torch';
import type { App, AppModel, ModelInputs } from '../../appzoo/app.js';
import type { Objective } from '../../appzoo/objective.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Method } from '../../trainer/method.js';
import { loadDomainBranch, type MetaTeacher, metaTeacher } from './meta-teacher.js';
import { type TeacherOptions, teacherOptions } from './options.js';
import { type DomainSpec, domainColumns, withDomains } from './variant.js';

/*
 * The meta-teacher (Pan et al., ACL 2021, §3.2): one model for all domains that is to learn what they share.
 */

/**
 * The teacher's loss of each row [B], before its weight:
 *
 *   L(x) = CE(y, ŷ) + γ₁·CE(z, d̂)
 *
 * where z are the batch's domains in a random order ("domain corruption"): a representation from which the true
 * domain could be read would only lose.
 */
export function teacherLoss(
  { logits, domainLogits }: { logits: Tensor; domainLogits: Tensor },
  { labels, corrupted }: { labels: Tensor; corrupted: Tensor },
  domainLossWeight: number,
): { classes: Tensor; domains: Tensor; rows: Tensor } {
  const classes = nn.functional.crossEntropy(logits, labels, { reduction: 'none' });
  const domains = nn.functional.crossEntropy(domainLogits, corrupted, { reduction: 'none' });
  return { classes, domains, rows: classes.add(domains.mul(domainLossWeight)) };
}

/** Σ t(x)·L(x) / N over the rows of the batch: each row's own weight. */
export function weightedMean(rows: Tensor, weights: Tensor | null): Tensor {
  return tidy(() => (weights ? rows.mul(weights) : rows.mul(1)).mean());
}

export function teacherObjective({
  domainLossWeight,
  transferWeights,
}: Pick<TeacherOptions, 'domainLossWeight' | 'transferWeights'>): Objective {
  return {
    name: 'metakd_teacher',
    loss(model: AppModel, inputs: ModelInputs) {
      const teacher = model as MetaTeacher;
      const { labels, domains, instanceWeights } = inputs;
      const weights = transferWeights ? instanceWeights! : null;
      const heads = teacher.heads(inputs);
      const order = randperm(domains!.size(0), { device: domains!.device });
      const corrupted = domains!.indexSelect(0, order);
      const parts = teacherLoss(heads, { labels: labels!, corrupted }, domainLossWeight);
      return {
        loss: weightedMean(parts.rows, weights),
        logs: {
          classLoss: parts.classes.detach().mean(),
          domainLoss: parts.domains.detach().mean(),
        },
      };
    },
  };
}

function teacherVariant(app: App): App {
  return {
    ...withDomains(app, ({ spec }) => spec as DomainSpec),
    async prepare(config, source) {
      const spec = await app.prepare(config, source);
      const columns = await domainColumns(config as typeof config & TeacherOptions, source!, null);
      if (columns.domains.length >= 2) return { ...spec, ...columns };
      throw new EasyNlpError('DATA_LABELS', {
        reason: `the only domain in column "${columns.domainColumn}" is "${columns.domains[0]}"; MetaKD needs at least two`,
      });
    },
    async head(spec, source, options) {
      const plain = await app.head(spec, source, {
        // The domain branch is read below, so its weights are not unused.
        onInfo: (line) => {
          if (!/^Not used of .*: domain\./.test(line)) options?.onInfo?.(line);
        },
      });
      try {
        const teacher = metaTeacher(plain, (spec as DomainSpec).domains.length);
        if (source.kind === 'pretrained') loadDomainBranch(teacher.domain, source.folder);
        return teacher;
      } catch (error) {
        plain.dispose();
        throw error;
      }
    },
  };
}

export const metakdTeacher: Method = {
  name: 'metakd_teacher',
  description: 'MetaKD: a teacher for several domains, weighted by prototype scores, with corrupted domains',
  apps: ['text_classify', 'text_match'],
  options: teacherOptions,
  variant: teacherVariant,
  objective: ({ config }) => teacherObjective(config as typeof config & TeacherOptions),
};
