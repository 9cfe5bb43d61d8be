import { nn, type Tensor } from '@easynlp/torch';
import type { BertConfig, ClassifierOutput } from '../../modelzoo/index.js';
import { layerMap } from '../intermediate/layer-map.js';
import { DomainBranch } from './domain-branch.js';
import { attentionMse, hiddenMse, tokenMask, vectorMse } from './losses.js';
import type { MetaTeacher } from './meta-teacher.js';
import type { DistillPart } from './options.js';

const { Linear, Module } = nn;

/**
 * What lies between student and teacher while one imitates the other: learned projections of the student's vectors
 * into the teacher's space, and the student's own domain branch. None of it stays in the student.
 */
export class Bridge extends Module {
  /** W_e and W_h of TinyBERT's equations (8) and (9). */
  readonly embedding: nn.Linear | null;
  readonly hidden: nn.Linear | null;
  readonly branch: DomainBranch | null;
  /** From the student's h_d to the teacher's: were the teacher's projected, zeros on both sides would be perfect. */
  readonly domain: nn.Linear | null;
  /** Layer of the teacher for each of the student's. */
  private readonly layers: readonly number[];

  constructor(
    student: BertConfig,
    teacher: BertConfig,
    domains: number,
    readonly parts: ReadonlySet<DistillPart>,
  ) {
    super();
    const projection = (part: DistillPart) =>
      parts.has(part) ? new Linear(student.hidden_size, teacher.hidden_size) : null;
    this.embedding = projection('embedding');
    this.hidden = projection('hidden');
    this.domain = projection('domain');
    this.branch = parts.has('domain')
      ? new DomainBranch({
          hiddenSize: student.hidden_size,
          domains,
          dropout: student.hidden_dropout_prob,
          initializerRange: student.initializer_range,
        })
      : null;
    // The student imitates h_d; nobody asks it which domain a text is from.
    this.branch?.classifier.requiresGrad_(false);
    this.layers = layerMap(undefined, student.num_hidden_layers, teacher.num_hidden_layers).map(
      (pair) => pair.teacher,
    );
  }

  /** The losses of the intermediate layers, each [B]. */
  losses(
    student: ClassifierOutput,
    teacher: ClassifierOutput,
    attentionMask: Tensor | null | undefined,
    domains: { readonly ids: Tensor; readonly teacher: MetaTeacher },
  ): Partial<Record<DistillPart, Tensor>> {
    const [s, t] = [student.hiddenStates!, teacher.hiddenStates!];
    const mask = tokenMask(attentionMask, s[0]!.detach());
    const sum = (parts: readonly Tensor[]) => parts.reduce((total, part) => total.add(part));
    const losses: Partial<Record<DistillPart, Tensor>> = {};
    if (this.parts.has('attention')) {
      losses.attention = sum(
        this.layers.map((layer, i) =>
          attentionMse(student.attentions![i]!, teacher.attentions![layer - 1]!, mask),
        ),
      );
    }
    if (this.hidden) {
      const { hidden } = this;
      losses.hidden = sum(
        this.layers.map((layer, i) => hiddenMse(hidden.forward(s[i + 1]!), t[layer]!, mask)),
      );
    }
    if (this.embedding) losses.embedding = hiddenMse(this.embedding.forward(s[0]!), t[0]!, mask);
    if (this.branch) {
      const own = this.branch.representation(s.at(-1)!, attentionMask, domains.ids);
      const wanted = domains.teacher.domain.representation(t.at(-1)!, attentionMask, domains.ids).detach();
      losses.domain = vectorMse(this.domain!.forward(own), wanted);
    }
    return losses;
  }
}
