import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { arange, cat, noGrad, type Tensor, tensor, tidy } from '@easynlp/torch';
import type { ModelInputs, ModelOutputs, ModelSource } from '../../appzoo/app.js';
import { MANIFEST, type Manifest } from '../../appzoo/artefact.js';
import type { MaskedLanguageModel } from '../../modelzoo/index.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import { insertPrompts } from '../cp-tuning/insert-prompts.js';
import { PromptVectors, wordEmbeddings } from '../p-tuning/index.js';
import { languageModel } from '../pet/index.js';
import { labelScores, PromptModel } from '../prompt/index.js';
import { type TransPromptSpec, tasksOf } from './spec.js';

/** Score of the labels of other tasks than the row's own. */
const CLOSED = -1e4;

/**
 * TransPrompt, Wang et al. 2021 (EMNLP): a masked language model whose trainable tokens have vectors from two prompt
 * encoders, one of the task and one that all tasks share, mixed as `universalShare` says.
 */
export class TransPromptModel extends PromptModel {
  readonly universal: PromptVectors;
  /** In the order of the spec's `encoders`. */
  readonly own: PromptVectors[];
  private readonly spec: TransPromptSpec;
  #stale = true;

  constructor(backbone: MaskedLanguageModel, spec: TransPromptSpec) {
    super(backbone);
    this.spec = spec;
    const width = wordEmbeddings(backbone).weight.size(1);
    const { initializer_range: range } = backbone.config;
    const make = () =>
      new PromptVectors(
        spec.pseudoTokens,
        width,
        spec.promptEncoder,
        typeof range === 'number' ? range : 0.02,
      );
    this.universal = make();
    this.own = spec.encoders.map(make);
  }

  get encoders(): readonly PromptVectors[] {
    return [this.universal, ...this.own];
  }

  /** Brings the vectors that evaluation reads up to date. */
  refresh(): void {
    if (this.#stale) for (const encoder of this.encoders) encoder.refresh();
    this.#stale = false;
  }

  override train(mode = true): this {
    if (mode) this.#stale = true;
    else this.refresh();
    return super.train(mode);
  }

  /** Says that the stored vectors are those of the stored encoders. */
  loaded(): void {
    this.#stale = false;
  }

  /** Vectors of each task's trainable tokens, task after task, [K·P, H]. */
  vectors(): Tensor {
    return tidy(() => {
      const of = (encoder: PromptVectors) => (this.training ? encoder.forward() : encoder.stored);
      const { encoders, universalShare } = this.spec;
      const universal = of(this.universal);
      const tasks = tasksOf(this.spec).map(({ name }) => {
        const own = this.own[encoders.indexOf(name)];
        return own ? universal.mul(universalShare).add(of(own).mul(1 - universalShare)) : universal;
      });
      return cat(tasks);
    });
  }

  protected override backboneInputs(inputs: ModelInputs): ModelInputs {
    const { inputIds, ...rest } = super.backboneInputs(inputs);
    const words = wordEmbeddings(this.backbone).forward(inputIds!);
    return { ...rest, inputsEmbeds: insertPrompts(words, inputs.pseudoIds!, this.vectors()) };
  }

  forward(inputs: ModelInputs): ModelOutputs {
    return tidy(() => {
      const scores = labelScores(this.maskLogits(inputs), inputs); // [B, C], C labels of all tasks
      const tasks = tasksOf(this.spec);
      if (tasks.length === 1) return { logits: scores };
      const { device } = scores;
      const owners = tensor(
        tasks.flatMap(({ spec }, task) => spec.labels.map(() => task)),
        { dtype: 'int64', device },
      );
      const open = inputs.taskIds!.unsqueeze(1).eq(owners);
      return { logits: scores.maskedFill(open.logicalNot(), CLOSED) };
    });
  }

  /** What rows are compared by: [CLS] after the last layer but one, [B, H]. */
  represent(inputs: ModelInputs): Tensor {
    return tidy(() => {
      // One position, so that the vocabulary is hardly decoded.
      const positions = arange(1, { device: inputs.inputIds!.device });
      const { hiddenStates } = this.backbone.forward(this.backboneInputs(inputs), {
        outputHiddenStates: true,
        positions,
      });
      return hiddenStates!.at(-2)!.select(1, 0).to({ dtype: 'float32' });
    });
  }
}

/**
 * The model of a spec. From the folder of a meta-learner (or of an earlier training) it takes the universal encoder and
 * that of each task by name; a task that has none there begins with the universal one.
 */
export async function transPromptModel(
  spec: TransPromptSpec,
  source: ModelSource,
  options: { onInfo?: (line: string) => void } = {},
): Promise<TransPromptModel> {
  const model = new TransPromptModel(await languageModel(source, options), spec);
  if (source.kind === 'pretrained') await takeOver(model, spec, source.folder);
  return model;
}

async function takeOver(model: TransPromptModel, spec: TransPromptSpec, folder: string): Promise<void> {
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) return;
  const { task } = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  const { encoders } = task as Partial<TransPromptSpec>;
  if (encoders === undefined) return;
  noGrad(() =>
    tidy(() => {
      const stored = readWeightFiles(folder);
      const copy = (to: PromptVectors, name: string) => {
        for (const [field, target] of to.stateDict()) {
          const from = stored.get(`${name}.${field}`);
          if (from?.shape.join() === target.shape.join()) target.copy_(from);
        }
      };
      copy(model.universal, 'universal');
      for (const [i, name] of spec.encoders.entries()) {
        const at = encoders.indexOf(name);
        copy(model.own[i]!, at < 0 ? 'universal' : `own.${at}`);
      }
    }),
  );
  model.loaded();
}
