/** How much a second, smoothed over some five seconds, so that batches don't make it jump; at first the plain mean. */
export function createSpeedometer(start: number): (total: number, now: number) => number {
  let lastTotal = 0;
  let lastAt = start;
  let speed = 0;
  return (total, now) => {
    const elapsedMs = now - lastAt;
    if (elapsedMs <= 0) return speed;
    const current = ((total - lastTotal) * 1000) / elapsedMs;
    const weight = Math.max(1 - Math.exp(-elapsedMs / 5000), elapsedMs / (now - start));
    speed += weight * (current - speed);
    lastTotal = total;
    lastAt = now;
    return speed;
  };
}
