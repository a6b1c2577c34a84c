/** How many columns a call's tiles take. */

const TILE_RATIO = 4 / 3;

/**
 * Choose the number of columns that makes the tiles largest.
 *
 * @param count Tiles to be shown.
 * @param width Width of the stage in CSS pixels.
 * @param height Height of the stage in CSS pixels.
 */
export function columns(count: number, width: number, height: number): number {
  let best = 1;
  let bestArea = 0;
  for (let n = 1; n <= count; n++) {
    const area = tileArea(n, count, width, height);
    if (area > bestArea) {
      best = n;
      bestArea = area;
    }
  }
  return best;
}

function tileArea(n: number, count: number, width: number, height: number): number {
  const cellWidth = width / n;
  const cellHeight = height / Math.ceil(count / n);
  const usedWidth = Math.min(cellWidth, cellHeight * TILE_RATIO);
  return usedWidth * (usedWidth / TILE_RATIO);
}
