const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `formatBytes(1536)` is `'1.5 KiB'`; negative sizes keep their sign, other than finite numbers are `'?'`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '?';
  let value = Math.abs(bytes);
  let unit = 0;
  // 1023.95 would be printed as 1024.0, so it already belongs to the next unit.
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const sign = bytes < 0 ? '-' : '';
  return `${sign}${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Seconds as a clock shows them: `'0:07'`, `'1:23'`, `'1:02:03'`, `'2d 1:02:03'`; `'?'` when not finite. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const total = Math.round(Math.abs(seconds));
  const days = Math.floor(total / 86_400);
  const hours = Math.floor(total / 3600) % 24;
  const minutes = Math.floor(total / 60) % 60;
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${minutes}:${two(total % 60)}`;
  const sign = seconds < 0 && total > 0 ? '-' : '';
  if (days > 0) return `${sign}${days}d ${hours}:${two(minutes)}:${two(total % 60)}`;
  return hours > 0 ? `${sign}${hours}:${two(minutes)}:${two(total % 60)}` : sign + clock;
}

/** A rate or count in at most three digits and a letter: `812`, `21.3k`, `4.56M`; `'?'` when not finite. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return '?';
  let value = Math.abs(count);
  const letters = ['', 'k', 'M', 'G', 'T'];
  let unit = 0;
  while (value >= 999.5 && unit < letters.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits =
    unit === 0 && (Number.isInteger(value) || value >= 99.95)
      ? 0
      : value >= 99.95
        ? 0
        : value >= 9.995
          ? 1
          : 2;
  return `${count < 0 ? '-' : ''}${value.toFixed(digits)}${letters[unit]}`;
}
