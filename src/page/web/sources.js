// Where frames come from: the built-in clip, the camera, a file. A source draws its centre square
// into a canvas and says whether there was a new frame.

const CLIP_SIDE = 256;

function centreSquare(context, image, width, height) {
  const side = Math.min(width, height);
  const target = context.canvas.width;
  context.drawImage(image, (width - side) / 2, (height - side) / 2, side, side, 0, 0, target, target);
}

/** A flower that drifts, turns and breathes before leaves out of focus; the same for everyone. */
class Clip {
  constructor() {
    this.name = 'built-in clip';
  }

  draw(context, seconds) {
    const scale = context.canvas.width / CLIP_SIDE;
    context.save();
    context.scale(scale, scale);
    const ground = context.createLinearGradient(0, 0, CLIP_SIDE, CLIP_SIDE);
    ground.addColorStop(0, '#1d3b1e');
    ground.addColorStop(1, '#0b1a10');
    context.fillStyle = ground;
    context.fillRect(0, 0, CLIP_SIDE, CLIP_SIDE);
    for (let leaf = 0; leaf < 9; leaf++) this.leaf(context, leaf, seconds);
    this.flower(context, seconds);
    context.restore();
    return true;
  }

  leaf(context, leaf, seconds) {
    const x = 30 + 26 * leaf + 10 * Math.sin(0.4 * seconds + leaf);
    const y = 128 + 100 * Math.sin(2.1 * leaf) + 8 * Math.cos(0.3 * seconds + 2 * leaf);
    const glow = context.createRadialGradient(x, y, 4, x, y, 46);
    glow.addColorStop(0, `hsla(${95 + 8 * (leaf % 4)}, 45%, ${26 + 3 * (leaf % 3)}%, .8)`);
    glow.addColorStop(1, 'hsla(110, 40%, 15%, 0)');
    context.fillStyle = glow;
    context.fillRect(0, 0, CLIP_SIDE, CLIP_SIDE);
  }

  flower(context, seconds) {
    context.translate(128 + 34 * Math.sin(0.7 * seconds), 128 + 22 * Math.sin(1.1 * seconds));
    context.rotate(0.35 * seconds);
    const size = 1 + 0.12 * Math.sin(0.9 * seconds);
    context.scale(size, size);
    for (let petal = 0; petal < 7; petal++) {
      context.save();
      context.rotate((2 * Math.PI * petal) / 7);
      const colour = context.createLinearGradient(0, 10, 0, 78);
      colour.addColorStop(0, '#8f1d52');
      colour.addColorStop(0.55, '#e0559a');
      colour.addColorStop(1, '#f7b6d3');
      context.fillStyle = colour;
      context.beginPath();
      context.ellipse(0, 46, 23, 36, 0, 0, 2 * Math.PI);
      context.fill();
      context.restore();
    }
    const heart = context.createRadialGradient(-4, -4, 2, 0, 0, 19);
    heart.addColorStop(0, '#ffe98a');
    heart.addColorStop(1, '#b9770e');
    context.fillStyle = heart;
    context.beginPath();
    context.arc(0, 0, 18, 0, 2 * Math.PI);
    context.fill();
  }

  close() {}
}

class Video {
  constructor(name, element, release) {
    this.name = name;
    this.element = element;
    this.release = release;
    this.shown = -1;
  }

  draw(context) {
    const { element } = this;
    if (element.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || element.currentTime === this.shown) return false;
    this.shown = element.currentTime;
    centreSquare(context, element, element.videoWidth, element.videoHeight);
    return true;
  }

  close() {
    this.element.pause();
    this.element.srcObject = null;
    this.element.removeAttribute('src');
    this.release();
  }
}

class Still {
  constructor(name, bitmap) {
    this.name = name;
    this.bitmap = bitmap;
  }

  draw(context) {
    centreSquare(context, this.bitmap, this.bitmap.width, this.bitmap.height);
    return true;
  }

  close() {
    this.bitmap.close();
  }
}

function playing(configure) {
  const element = document.createElement('video');
  element.muted = true;
  element.loop = true;
  element.playsInline = true;
  configure(element);
  return element.play().then(() => element);
}

async function openCamera() {
  if (!navigator.mediaDevices) {
    throw new Error('no camera: browsers give it to https and to this machine alone (README, "In a browser")');
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
  } catch (failure) {
    throw new Error(`no camera: ${failure.message || failure.name}`);
  }
  const element = await playing((video) => { video.srcObject = stream; });
  return new Video('camera', element, () => stream.getTracks().forEach((track) => track.stop()));
}

async function openFile(file) {
  if (!file) throw new Error('choose a picture or a video first');
  if (file.type.startsWith('video/')) {
    const address = URL.createObjectURL(file);
    try {
      const element = await playing((video) => { video.src = address; });
      return new Video(file.name, element, () => URL.revokeObjectURL(address));
    } catch (failure) {
      URL.revokeObjectURL(address);
      throw new Error(`${file.name}: the browser cannot play it`);
    }
  }
  try {
    return new Still(file.name, await createImageBitmap(file));
  } catch (failure) {
    throw new Error(`${file.name}: expected a picture or a video`);
  }
}

/** kind: 'clip', 'camera' or 'file'. Rejects with an error for people. */
export async function openSource(kind, file) {
  if (kind === 'camera') return openCamera();
  if (kind === 'file') return openFile(file);
  return new Clip();
}
