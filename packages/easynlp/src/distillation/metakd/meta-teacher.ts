import { nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import type { AppModel, ModelInputs } from '../../appzoo/app.js';
import { EasyNlpError } from '../../errors/index.js';
import {
  type BertConfig,
  BertForSequenceClassification,
  type BertModel,
  type ClassifierLogits,
  type ClassifierOutput,
} from '../../modelzoo/index.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import { DomainBranch } from './domain-branch.js';

/** BERT with two heads on it: the task's classifier, and the domain branch. */
export class MetaTeacher extends nn.Module implements AppModel {
  readonly config: BertConfig;
  readonly bert: BertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;
  readonly domain: DomainBranch;

  /** Takes over a classifier's modules, so that its weights keep their names and any reader finds them. */
  constructor(plain: BertForSequenceClassification, domains: number) {
    super();
    this.config = plain.config;
    this.bert = plain.bert;
    this.dropout = plain.dropout;
    this.classifier = plain.classifier;
    this.domain = new DomainBranch({
      hiddenSize: plain.config.hidden_size,
      domains,
      dropout: plain.config.hidden_dropout_prob,
      initializerRange: plain.config.initializer_range,
    });
  }

  /** A text's class needs no domain. */
  forward(inputs: ModelInputs): ClassifierLogits {
    return tidy(() => ({
      logits: this.classifier.forward(this.dropout.forward(this.bert.forward(inputs).poolerOutput!)),
    }));
  }

  /** The same with everything that a student can imitate. */
  traces(inputs: ModelInputs): ClassifierOutput {
    return tidy(() => {
      const options = { outputHiddenStates: true, outputAttentions: true };
      const { poolerOutput, hiddenStates, attentions } = this.bert.forward(inputs, options);
      const logits = this.classifier.forward(this.dropout.forward(poolerOutput!));
      return { logits, hiddenStates: hiddenStates!, attentions: attentions! };
    });
  }

  /** Both heads' logits: classes [B, C] and domains [B, K]. */
  heads(inputs: ModelInputs): { logits: Tensor; domainLogits: Tensor } {
    return tidy(() => {
      const { poolerOutput, lastHiddenState } = this.bert.forward(inputs);
      const representation = this.domain.representation(
        lastHiddenState,
        inputs.attentionMask,
        inputs.domains!,
      );
      return {
        logits: this.classifier.forward(this.dropout.forward(poolerOutput!)),
        domainLogits: this.domain.forward(representation),
      };
    });
  }
}

/** Weights of the domain branch, where a folder of a trained meta-teacher has them. */
export function loadDomainBranch(branch: DomainBranch, folder: string): void {
  noGrad(() =>
    tidy(() => {
      const stored = readWeightFiles(folder);
      const own = [...branch.namedParameters('domain')];
      const found = own.filter(([name]) => stored.has(name));
      // A pretrained model has none of them; half of them is a damaged teacher.
      if (found.length === 0) return;
      const missing = own.filter(([name]) => !stored.has(name)).map(([name]) => name);
      if (missing.length > 0) {
        throw new EasyNlpError('MODEL_WEIGHTS_MISSING', {
          folder,
          names: missing,
          model: 'MetaTeacher',
          examples: [...stored.keys()],
        });
      }
      const wrong = found
        .filter(([name, parameter]) => stored.get(name)!.shape.join() !== parameter.shape.join())
        .map(
          ([name, parameter]) =>
            `${name} is [${stored.get(name)!.shape.join(', ')}], expected [${parameter.shape.join(', ')}]`,
        );
      if (wrong.length > 0) {
        throw new EasyNlpError('MODEL_WEIGHTS_SHAPE', {
          folder,
          wrong,
          hint: 'This teacher was trained on another number of domains.',
        });
      }
      for (const [name, parameter] of found)
        parameter.copy_(stored.get(name)!.to({ dtype: parameter.dtype }));
    }),
  );
}

/** The meta-teacher around a classifier. @throws EasyNlpError MODEL_TASK_UNSUPPORTED where it is no BERT */
export function metaTeacher(plain: AppModel, domains: number): MetaTeacher {
  if (plain instanceof BertForSequenceClassification) return new MetaTeacher(plain, domains);
  const { model_type } = (plain as { config?: { model_type?: string } }).config ?? {};
  throw new EasyNlpError('MODEL_TASK_UNSUPPORTED', {
    modelType: model_type ?? plain.constructor.name,
    task: 'MetaKD, which compares hidden states and attention',
    known: ['bert'],
  });
}
