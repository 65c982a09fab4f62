/** `812 bytes`, `4.2 MB`, `1.3 GB`: powers of ten, as disks are sold and `ls --si` shows. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} bytes`;
  const power = Math.min(UNITS.length, Math.floor(Math.log10(bytes) / 3));
  const amount = bytes / 1000 ** power;
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[power - 1]}`;
}

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];
