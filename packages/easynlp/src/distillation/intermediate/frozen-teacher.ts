import { cat, noGrad, type Tensor, tidy } from '@easynlp/torch';
import type { AppModel, ModelInputs, TaskSpec } from '../../appzoo/app.js';
import { openArtefact } from '../../appzoo/artefact.js';
import { EasyNlpError } from '../../errors/index.js';
import type { EncoderOptions, EncoderTraces } from '../../modelzoo/index.js';
import { trainedModelFolder } from '../../predictor/open-model.js';
import type { Tokenizer } from '../../text/index.js';
import type { MethodContext } from '../../trainer/method.js';
import { labelOrder } from '../shared/teacher.js';

/** What a model shows of its inside. */
export interface Traced extends EncoderTraces {
  /** [B, C] */
  readonly logits: Tensor;
}

interface EncoderFacts {
  readonly num_hidden_layers: number;
  readonly hidden_size: number;
  readonly max_position_embeddings?: number;
}

/** Sizes of a model that shows its layers; null for other architectures, such as TextCNN. */
export function encoderFacts(model: AppModel): EncoderFacts | null {
  const { config } = model as { config?: Partial<EncoderFacts> };
  const { num_hidden_layers: layers, hidden_size: width } = config ?? {};
  return typeof layers === 'number' && typeof width === 'number' ? (config as EncoderFacts) : null;
}

/** A forward pass with what the options ask for; for models that `encoderFacts` knows. */
export function forwardTraced(model: AppModel, inputs: ModelInputs, options: EncoderOptions): Traced {
  const { forward } = model as unknown as { forward(i: ModelInputs, o: EncoderOptions): Traced };
  return forward.call(model, inputs, options);
}

/** The first token whose id differs, or null: layers can only be compared where tokens are the same. */
export function vocabularyDifference(one: Tokenizer, other: Tokenizer): string | null {
  const [a, b] = [one.vocabulary, other.vocabulary];
  if (a.length !== b.length) return `${a.length} and ${b.length} tokens`;
  const at = a.findIndex((token, id) => token !== b[id]);
  return at < 0 ? null : `token ${at} is "${a[at]}" and "${b[at]}"`;
}

/** A trained classifier on the student's device that reads the student's own batches and never changes. */
export class FrozenTeacher {
  private constructor(
    private readonly model: AppModel,
    readonly facts: EncoderFacts,
    private readonly order: readonly number[] | null,
  ) {}

  /** @throws EasyNlpError DISTILL_TEACHER, ARTEFACT_INVALID */
  static async open(
    folder: string,
    { app, context, runtime, config }: MethodContext,
  ): Promise<FrozenTeacher> {
    const opened = await openArtefact(await trainedModelFolder(folder));
    const { model, spec, tokenizer } = opened;
    const cannot = (reason: string, hint?: string) =>
      new EasyNlpError('DISTILL_TEACHER', { folder, reason, hint });
    try {
      if (spec.app !== app.name || spec.method !== undefined) {
        const what = spec.method === undefined ? spec.app : `${spec.app} by ${spec.method}`;
        throw cannot(
          `it was trained for ${what}; its layers see other inputs than those of a student of ${app.name}`,
          'Method kd learns from the logits of any teacher.',
        );
      }
      const facts = encoderFacts(model);
      if (facts === null) throw cannot('its architecture has no layers to learn from', 'Use method kd.');
      const difference = vocabularyDifference(tokenizer, context.tokenizer);
      if (difference !== null) {
        throw cannot(
          `its tokenizer is another one (${difference})`,
          'Layers can be compared only where both models read the same tokens. Method kd has no need of that.',
        );
      }
      const positions = facts.max_position_embeddings ?? Number.POSITIVE_INFINITY;
      if (config.sequenceLength > positions) {
        throw cannot(`it has ${positions} positions, sequenceLength is ${config.sequenceLength}`);
      }
      const labels = (s: TaskSpec) => (s as { labels?: readonly string[] }).labels;
      const order = labelOrder(folder, labels(spec), labels(context.spec));
      model.to({ device: runtime.device });
      model.eval();
      for (const parameter of model.parameters()) parameter.requiresGrad = false;
      return new FrozenTeacher(model, facts, order?.every((at, i) => at === i) ? null : order);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** One pass over a batch, without gradients; logits in the order of the student's labels. */
  forward(inputs: ModelInputs, options: EncoderOptions): Traced {
    return noGrad(() => {
      const traced = forwardTraced(this.model, inputs, options);
      if (this.order === null) return traced;
      const columns = this.order.map((at) => traced.logits.narrow(1, at, 1));
      return { ...traced, logits: cat(columns, { dim: 1 }) };
    });
  }

  /** Sum of every parameter: what tells this teacher from one that was trained again. */
  sample(): Float32Array {
    return noGrad(() =>
      tidy(() => Float32Array.from(this.model.parameters(), (p) => p.to({ dtype: 'float64' }).sum().item())),
    );
  }

  dispose(): void {
    this.model.dispose();
  }
}
