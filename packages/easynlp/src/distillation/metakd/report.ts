import { table } from '../../util/index.js';

/** What a student is compared with. */
export type Baseline = 'kd' | 'kd-single' | 'finetune';

/** Accuracies of one domain's test rows. */
export interface DomainReport {
  readonly domain: string;
  readonly rows: {
    readonly train: number;
    readonly dev: number;
    readonly test: number;
    /** Rows that the teacher labels for every distilled student. */
    readonly unlabelled: number;
  };
  readonly teacher: number;
  readonly student: number;
  /** The student's size, distilled from the same teacher by its outputs alone. */
  readonly kd?: number;
  /** The same from a teacher of this domain alone. */
  readonly 'kd-single'?: number;
  /** The student's size, fine-tuned on the domain. */
  readonly finetune?: number;
}

export interface MetakdReport {
  readonly evaluatedOn: 'test' | 'dev';
  readonly models: { readonly teacher: string; readonly student: string };
  readonly domains: readonly DomainReport[];
  /** Means over the domains. */
  readonly average: Omit<DomainReport, 'domain' | 'rows'>;
}

const FIGURES = ['teacher', 'student', 'kd', 'kd-single', 'finetune'] as const;
const HEADINGS = {
  teacher: 'teacher',
  student: 'MetaKD',
  kd: 'vanilla KD',
  'kd-single': 'KD, own teacher',
  finetune: 'fine-tuned',
};

/** Mean over the domains, each counting alike. */
export function averageOf(domains: readonly DomainReport[]): MetakdReport['average'] {
  const mean = (figure: (typeof FIGURES)[number]) =>
    domains.reduce((sum, domain) => sum + domain[figure]!, 0) / domains.length;
  return Object.fromEntries(
    FIGURES.filter((figure) => domains[0]![figure] !== undefined).map((figure) => [figure, mean(figure)]),
  ) as unknown as MetakdReport['average'];
}

/** The report as a table for people. */
export function renderReport(report: MetakdReport): string {
  const figures = FIGURES.filter((name) => report.average[name] !== undefined);
  const unlabelled = report.domains.some(({ rows }) => rows.unlabelled > 0);
  const percent = (value: number | undefined) => (value === undefined ? '' : (100 * value).toFixed(2));
  return table(
    [
      [
        'domain',
        'train',
        ...(unlabelled ? ['unlabelled'] : []),
        report.evaluatedOn,
        ...figures.map((name) => HEADINGS[name]),
      ],
      ...report.domains.map((domain) => [
        domain.domain,
        domain.rows.train,
        ...(unlabelled ? [domain.rows.unlabelled] : []),
        domain.rows[report.evaluatedOn],
        ...figures.map((name) => percent(domain[name])),
      ]),
      [
        'average',
        '',
        '',
        ...(unlabelled ? [''] : []),
        ...figures.map((name) => percent(report.average[name])),
      ],
    ],
    { header: true },
  );
}
