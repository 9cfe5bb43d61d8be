import { nn, type Tensor } from '@easynlp/torch';
import type { AppModel, ModelInputs } from '../../appzoo/app.js';
import type { TrainConfig } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { MethodContext } from '../../trainer/method.js';
import type { Objective, ObjectiveLoss, StepPosition } from '../../trainer/objective.js';
import { KdLoss } from '../shared/kd-loss.js';
import { SameTeacher } from '../shared/same-teacher.js';
import { ScheduledScalar } from '../shared/schedule.js';
import { encoderFacts, FrozenTeacher, forwardTraced } from './frozen-teacher.js';
import { type LayerPair, layerMap } from './layer-map.js';
import { attentionLoss, hiddenLoss } from './losses.js';
import type { IntermediateConfig } from './options.js';

/**
 * L = w·(λ_e·MSE(E_S·W_e, E_T) + Σ_m λ_h·MSE(H_S^m·W_h, H_T^g(m)) + λ_a·MSE(A_S^m, A_T^g(m))) + λ_l·L_kd
 *
 * TinyBERT, Jiao et al. 2020 (arXiv 1909.10351), eq. 5 to 11; L_kd is the loss of method `kd`. W_e and W_h exist where
 * the widths differ: they are trained with the student, kept in checkpoints, and gone afterwards.
 */
class IntermediateObjective implements Objective {
  readonly name = 'kd_intermediate';
  readonly capturable = true;
  private readonly kd: KdLoss;
  private readonly decay: ScheduledScalar;
  private readonly same: SameTeacher;
  /** By role; a state's names are `hidden.weight`, … */
  private readonly projections = new Map<'embedding' | 'hidden', nn.Linear>();

  constructor(
    private readonly config: IntermediateConfig,
    private readonly teacher: FrozenTeacher,
    private readonly pairs: readonly LayerPair[],
    widths: { student: number; teacher: number },
    device: string,
  ) {
    const { temperature, temperatureEnd, alpha, alphaEnd, embeddingWeight, hiddenWeight } = config;
    this.kd = new KdLoss({
      temperature: { start: temperature, end: temperatureEnd },
      alpha: { start: alpha, end: alphaEnd },
      device,
    });
    this.decay = new ScheduledScalar({ start: 1, end: config.intermediateWeightEnd }, device);
    this.same = new SameTeacher(teacher.sample(), 'teacher', config.allowChanged);
    if (widths.student === widths.teacher) return;
    for (const [role, weight] of [
      ['embedding', embeddingWeight],
      ['hidden', hiddenWeight],
    ] as const) {
      if (weight === 0) continue;
      const linear = new nn.Linear(widths.student, widths.teacher);
      linear.to({ device });
      this.projections.set(role, linear);
    }
  }

  loss(model: AppModel, inputs: ModelInputs): ObjectiveLoss {
    const { hiddenWeight, attentionWeight, embeddingWeight, logitsWeight } = this.config;
    const traces = {
      outputHiddenStates: hiddenWeight > 0 || embeddingWeight > 0,
      outputAttentions: attentionWeight > 0,
    };
    const other = this.teacher.forward(inputs, traces);
    const own = forwardTraced(model, inputs, traces);
    const mask = inputs.attentionMask;
    const tokens = mask ? mask.to({ dtype: 'float32' }) : null;
    const layers: Record<string, Tensor> = {};
    if (attentionWeight > 0) {
      layers.attention = this.sum(({ student, teacher }) =>
        attentionLoss(own.attentions![student - 1]!, other.attentions![teacher - 1]!, tokens),
      ).mul(attentionWeight);
    }
    if (embeddingWeight > 0) {
      const embedded = this.project('embedding', own.hiddenStates![0]!);
      layers.embedding = hiddenLoss(embedded, other.hiddenStates![0]!, tokens).mul(embeddingWeight);
    }
    if (hiddenWeight > 0) {
      layers.hidden = this.sum(({ student, teacher }) =>
        hiddenLoss(
          this.project('hidden', own.hiddenStates![student]!),
          other.hiddenStates![teacher]!,
          tokens,
        ),
      ).mul(hiddenWeight);
    }
    const parts = Object.values(layers);
    const inside = parts.length === 0 ? null : parts.reduce((a, b) => a.add(b)).mul(this.decay.tensor);
    const kd = this.kd.forward(own.logits, other.logits, inputs.labels!, inputs.labelled!);
    const outside = logitsWeight > 0 ? kd.loss.mul(logitsWeight) : null;
    const loss = inside && outside ? inside.add(outside) : (inside ?? outside)!;
    const logs = Object.entries({ ...layers, hard: kd.hard, soft: kd.soft });
    // By name, as a checkpoint keeps their sums.
    return { loss, logs: Object.fromEntries(logs.sort(([a], [b]) => (a < b ? -1 : 1))) };
  }

  private sum(of: (pair: LayerPair) => Tensor): Tensor {
    return this.pairs.map(of).reduce((a, b) => a.add(b));
  }

  private project(role: 'embedding' | 'hidden', x: Tensor): Tensor {
    return this.projections.get(role)?.forward(x) ?? x;
  }

  groups(model: AppModel) {
    const projections = [...this.projections.values()].flatMap((linear) => linear.parameters());
    return [{ params: [...model.parameters().filter((p) => p.requiresGrad), ...projections] }];
  }

  beforeStep(position: StepPosition): void {
    this.kd.beforeStep(position);
    this.decay.beforeStep(position);
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    const projections = [...this.projections].flatMap(([role, linear]) => [...linear.stateDict(role)]);
    return new Map([...projections, ...this.same.stateDict()]);
  }

  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    this.same.loadStateDict(state);
    for (const [role, linear] of this.projections) {
      const own = [...state].filter(([name]) => name.startsWith(`${role}.`));
      linear.loadStateDict(new Map(own.map(([name, tensor]) => [name.slice(role.length + 1), tensor])));
    }
  }

  dispose(): void {
    for (const linear of this.projections.values()) linear.dispose();
    this.kd.dispose();
    this.decay.dispose();
    this.same.dispose();
    this.teacher.dispose();
  }
}

/** Opens the teacher beside the student. @throws EasyNlpError DISTILL_TEACHER, CONFIG_INVALID_VALUE, CONFIG_CONFLICT */
export async function intermediateObjective(context: MethodContext): Promise<Objective> {
  const config = context.config as TrainConfig as IntermediateConfig;
  const { model, runtime } = context;
  const facts = encoderFacts(model);
  if (facts === null) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'kd_intermediate needs a student with layers, such as BERT',
      hint: 'Use method kd, which learns from logits only.',
    });
  }
  const teacher = await FrozenTeacher.open(config.teacher[0]!, context);
  try {
    const pairs = layerMap(config.layerMap, facts.num_hidden_layers, teacher.facts.num_hidden_layers);
    const widths = { student: facts.hidden_size, teacher: teacher.facts.hidden_size };
    return new IntermediateObjective(config, teacher, pairs, widths, runtime.device);
  } catch (error) {
    teacher.dispose();
    throw error;
  }
}
