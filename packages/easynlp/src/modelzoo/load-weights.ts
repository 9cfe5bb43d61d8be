import { type Device, type DType, empty, isFloating, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../errors/index.js';
import { readWeightFiles } from './weight-files.js';

/** How one architecture's weights are named and begun. */
export interface WeightRules {
  /** The model's own name for a stored one: null when it carries no information, undefined when unknown here. */
  readonly nameOf: (stored: string, own: ReadonlySet<string>) => string | null | undefined;
  /** Whether the weight may be absent from the file; it is begun anew then. */
  readonly isHead: (name: string) => boolean;
  /** Fills those parameters that `only` accepts with their starting values. */
  readonly init: (root: nn.Module, only: (parameter: nn.Parameter) => boolean) => void;
}

export interface LoadWeightsOptions {
  readonly device?: Device;
  readonly dtype?: DType;
  /** Do not read the classifier: it is begun anew, for other labels than those it was trained on. */
  readonly newHead?: boolean;
  /** Remarks for people: which weights were begun anew, which were not used. */
  readonly onInfo?: (line: string) => void;
}

export interface LoadedWeights {
  /** Parameters that the file lacks. */
  readonly initialised: readonly string[];
  /** Stored names that the model has no place for. */
  readonly unused: readonly string[];
}

/**
 * Fills a model that was built on device `meta` with the weights of a folder. Nothing of the model is changed when
 * anything is wrong with them.
 *
 * @throws EasyNlpError MODEL_WEIGHTS_* naming the weights that are missing or of another shape
 */
export function loadWeights(
  model: nn.Module,
  folder: string,
  rules: WeightRules,
  options: LoadWeightsOptions = {},
): LoadedWeights {
  const { device = 'cpu', dtype = 'float32', onInfo } = options;
  const report = noGrad(() =>
    tidy(() => {
      const stored = readWeightFiles(folder);
      const { matched, initialised, unused } = match(model, stored, folder, rules, options.newHead ?? false);
      for (const [parameter, tensor] of matched) {
        tidy(() => parameter.setData(tensor.to({ device, dtype, copy: true })));
      }
      const begun = new Set(initialised.map(([, parameter]) => parameter));
      for (const parameter of begun) tidy(() => parameter.setData(empty(parameter.shape)));
      // On the CPU, whatever the device: the same seed gives the same start everywhere.
      rules.init(model, (parameter) => begun.has(parameter));
      for (const parameter of begun) tidy(() => parameter.setData(parameter.to({ device, dtype })));
      return { initialised: initialised.map(([name]) => name), unused };
    }),
  );
  if (report.initialised.length > 0)
    onInfo?.(`Begun anew, not in ${folder}: ${shortList(report.initialised)}`);
  if (report.unused.length > 0) onInfo?.(`Not used of ${folder}: ${shortList(report.unused)}`);
  return report;
}

interface Match {
  readonly matched: Map<nn.Parameter, Tensor>;
  readonly initialised: [string, nn.Parameter][];
  readonly unused: string[];
}

function match(
  model: nn.Module,
  stored: ReadonlyMap<string, Tensor>,
  folder: string,
  rules: WeightRules,
  newHead: boolean,
): Match {
  const own = new Map(
    [...model.stateDict()].filter(
      (entry): entry is [string, nn.Parameter] => entry[1] instanceof nn.Parameter,
    ),
  );
  const names = new Set(own.keys());
  const matched = new Map<nn.Parameter, Tensor>();
  const unused: string[] = [];
  const wrong: string[] = [];
  let headOnly = true;
  for (const [storedName, tensor] of stored) {
    const name = rules.nameOf(storedName, names);
    if (name === null) continue;
    const parameter = name === undefined ? undefined : own.get(name)!;
    if (!parameter || matched.has(parameter) || (newHead && name!.startsWith('classifier.'))) {
      // Tied weights are stored under each of their names by some writers: the first one counts.
      if (!parameter || !matched.has(parameter)) unused.push(storedName);
      continue;
    }
    if (tensor.shape.join() !== parameter.shape.join()) {
      wrong.push(`${storedName} is [${tensor.shape.join(', ')}], expected [${parameter.shape.join(', ')}]`);
      headOnly &&= name!.startsWith('classifier.');
    } else if (!isFloating(tensor.dtype)) {
      wrong.push(`${storedName} has dtype ${tensor.dtype}, expected a floating-point one`);
      headOnly = false;
    }
    matched.set(parameter, tensor);
  }
  if (wrong.length > 0) {
    throw new EasyNlpError('MODEL_WEIGHTS_SHAPE', {
      folder,
      wrong,
      ...(headOnly
        ? {
            hint: 'These weights were trained with another number of labels: use the same labels, or ask for a new classifier (newHead: true).',
          }
        : {}),
    });
  }
  const initialised = [...model.namedParameters()].filter(([, parameter]) => !matched.has(parameter));
  const missing = initialised.map(([name]) => name).filter((name) => !rules.isHead(name));
  if (missing.length > 0) {
    throw new EasyNlpError('MODEL_WEIGHTS_MISSING', {
      folder,
      names: missing,
      model: model.constructor.name,
      examples: [...stored.keys()],
    });
  }
  return { matched, initialised, unused };
}

function shortList(names: readonly string[]): string {
  const head = names.slice(0, 4).join(', ');
  return names.length > 4 ? `${head} … (${names.length} weights)` : head;
}
