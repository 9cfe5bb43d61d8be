import type { DataSource, Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { domainOf } from './variant.js';

/** The rows of one domain of a table; they are the table's own objects, so that what is known of them stays known. */
class DomainTable implements DataSource {
  readonly name: string;
  private size: Promise<number> | undefined;

  constructor(
    private readonly source: DataSource,
    private readonly column: string,
    private readonly domain: string,
  ) {
    this.name = `${source.name} (${domain})`;
  }

  get columns(): DataSource['columns'] {
    return this.source.columns;
  }

  async *rows({ start = 0, signal }: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row> {
    let skipped = 0;
    for await (const row of this.source.rows(signal ? { signal } : {})) {
      if (domainOf(row, this.column) !== this.domain) continue;
      if (skipped++ >= start) yield row;
    }
  }

  count(): Promise<number> {
    this.size ??= (async () => {
      let count = 0;
      for await (const _ of this.rows()) count++;
      return count;
    })();
    return this.size;
  }
}

/** @throws EasyNlpError DATA_EMPTY where the table has no row of the domain */
export async function rowsOfDomain(source: DataSource, column: string, domain: string): Promise<DataSource> {
  const table = new DomainTable(source, column, domain);
  if ((await table.count()) > 0) return table;
  throw new EasyNlpError('DATA_EMPTY', { file: source.name, reason: `of the domain ${domain}` });
}
