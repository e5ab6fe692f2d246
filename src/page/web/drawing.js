// Canvases with captions, and what is drawn into them.

/** `names` gives a figure each in `stage`; returns their canvases. */
export function layOut(stage, names) {
  stage.style.setProperty('--panels', names.length);
  const canvases = names.map((name) => {
    const figure = document.createElement('figure');
    const canvas = document.createElement('canvas');
    const caption = document.createElement('figcaption');
    canvas.width = canvas.height = 256;
    caption.textContent = name;
    caption.hidden = !name;
    figure.append(canvas, caption);
    return { figure, canvas };
  });
  stage.replaceChildren(...canvases.map(({ figure }) => figure));
  return canvases.map(({ canvas }) => canvas);
}

/** One picture of panels side by side, `gap` pixels between them, each into its canvas. */
export function drawPanels(canvases, bitmap, gap) {
  const width = (bitmap.width - gap * (canvases.length - 1)) / canvases.length;
  canvases.forEach((canvas, place) => {
    fit(canvas, width, bitmap.height);
    canvas.getContext('2d').drawImage(bitmap, place * (width + gap), 0, width, bitmap.height, 0, 0, width, bitmap.height);
  });
}

export function drawWhole(canvas, bitmap) {
  fit(canvas, bitmap.width, bitmap.height);
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
}

function fit(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}

const COLOURS = ['#ffd91a', '#5aa9ff', '#7be08a', '#ff8fb3'];

/** Waveforms, a row of numbers for each electrode, in a square of small plots of one scale. */
export function drawWaveforms(canvas, rows) {
  const side = 512;
  canvas.classList.add('plot');
  fit(canvas, side, side);
  const context = canvas.getContext('2d');
  const across = Math.ceil(Math.sqrt(rows.length));
  const down = Math.ceil(rows.length / across);
  const width = side / across;
  const height = side / down;
  const most = Math.max(1e-6, ...rows.map((row) => Math.max(...row.map(Math.abs))));
  context.fillStyle = '#0a0e13';
  context.fillRect(0, 0, side, side);
  rows.forEach((row, electrode) => {
    const left = (electrode % across) * width;
    const middle = (Math.floor(electrode / across) + 0.5) * height;
    context.strokeStyle = '#232c38';
    context.lineWidth = 1;
    context.strokeRect(left + 2, middle - height / 2 + 2, width - 4, height - 4);
    context.beginPath();
    context.strokeStyle = COLOURS[electrode % COLOURS.length];
    context.lineWidth = 2;
    row.forEach((value, sample) => {
      const x = left + 6 + ((width - 12) * sample) / Math.max(1, row.length - 1);
      const y = middle - (0.45 * height * value) / most;
      if (sample === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.stroke();
    context.fillStyle = '#9aa7b8';
    context.font = '13px system-ui, sans-serif';
    context.fillText(String(electrode + 1), left + 7, middle - height / 2 + 18);
  });
}

/** The canvases side by side as one PNG, which the browser saves as `name`. */
export async function saveSnapshot(canvases, name) {
  const height = Math.max(...canvases.map((canvas) => canvas.height));
  const widths = canvases.map((canvas) => Math.round((canvas.width * height) / canvas.height));
  const sheet = document.createElement('canvas');
  sheet.width = widths.reduce((sum, width) => sum + width + 4, -4);
  sheet.height = height;
  const context = sheet.getContext('2d');
  context.imageSmoothingEnabled = false;
  let left = 0;
  canvases.forEach((canvas, place) => {
    context.drawImage(canvas, left, 0, widths[place], height);
    left += widths[place] + 4;
  });
  const blob = await new Promise((done) => sheet.toBlob(done, 'image/png'));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
